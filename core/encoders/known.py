"""Encoders that are on this machine, so that no decoder file has to say where.

A decoder names its encoder by the SHA-256 of the weights. Where the file with these weights is,
the programs' own folder says: it is noted there when a person names it with ``--encoder``.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from core.encoders.registry import is_name, is_name_here
from core.errors import InputError
from core.machine.files import read_regular, write_whole
from core.machine.home import home_folder
from core.strict_json import load_object

_FILE = "encoder-files.json"
_LARGEST = 2**20  # bytes


def remember(source: Path | str, sha256: str, home: Path | None = None) -> None:
    """Note where a file with these weights is, if it is a file and the disk takes it.

    Parameters
    ----------
    source : path or str
        As a person gave it.
    sha256 : str
        Of its weights.
    home : Path, optional
        From `core.machine.home.home_folder`.
    """
    if is_name(str(source)):
        return
    places = _places(home)
    place = str(Path(source).absolute())
    if places.get(sha256) != place:
        content = json.dumps(places | {sha256: place}, indent=1).encode()
        with suppress(InputError):
            write_whole(home_folder(home) / _FILE, content, overwrite=True)


def place_of(name: str, sha256: str, home: Path | None = None) -> str | None:
    """Return what `load_encoder` takes for an encoder that is here, None if it has to be named.

    Nothing is downloaded for it, and no path is opened but one that `remember` has noted.

    Parameters
    ----------
    name : str
        What a decoder calls it; of no use if it is a path.
    sha256 : str
        Of its weights.
    home : Path, optional
    """
    noted = _places(home).get(sha256)
    if noted is not None and Path(noted).is_file():
        return noted
    return name if is_name_here(name, home) else None


def _places(home: Path | None) -> dict[str, str]:
    try:
        places = load_object(read_regular(home_folder(home) / _FILE, _LARGEST))
    except (OSError, ValueError):
        return {}
    return {name: place for name, place in places.items() if isinstance(place, str)}
