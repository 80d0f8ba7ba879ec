"""Names and units that a person gave to a stream's channels, kept for the next time."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.machine.files import read_regular, write_whole
from core.stream.description import StreamFacts, StreamIdentity
from core.stream.stream_feed import Overrides
from core.strict_json import load_object

_FILE = "streams.json"
_LARGEST = 4 * 2**20  # bytes


@dataclass(frozen=True)
class KeptNames:
    """What the channels of a stream are called, and their units.

    Attributes
    ----------
    labels, units : tuple of str
        Of all channels; a unit may be empty.
    """

    labels: tuple[str, ...]
    units: tuple[str, ...]


def kept_names(home: Path, identity: StreamIdentity, channels: int) -> KeptNames | None:
    """Return what was kept for a stream; None if nothing was, or the file cannot be understood.

    Parameters
    ----------
    home : Path
        The programs' folder.
    identity : StreamIdentity
        Name, type and source_id count: host and uid change from day to day.
    channels : int
    """
    try:
        return _read(home).get(_key(identity, channels))
    except InputError:
        return None


def keep_names(
    home: Path, identity: StreamIdentity, channels: int, names: KeptNames | None
) -> None:
    """Keep names and units of a stream, or forget them where there are none.

    Raises
    ------
    InputError
        If the file cannot be written, or one is there that is not understood.
    """
    known = _read(home)
    key = _key(identity, channels)
    if names is None:
        known.pop(key, None)
    else:
        known[key] = names
    rows = [
        dict(zip(("name", "type", "source_id", "channels"), key, strict=True))
        | {"labels": names.labels, "units": names.units}
        for key, names in known.items()
    ]
    write_whole(home / _FILE, json.dumps({"streams": rows}, indent=1).encode(), overwrite=True)


def with_kept_names(given: Overrides, facts: StreamFacts, home: Path) -> Overrides:
    """Return what is known better than the stream says it: as told now, else as kept.

    Parameters
    ----------
    given : Overrides
        From the command line.
    facts : StreamFacts
        As the stream gives them.
    home : Path
        The programs' folder.
    """
    kept = kept_names(home, facts.identity, facts.channel_count)
    if kept is None:
        return given
    return replace(
        given,
        channels=given.channels or kept.labels,
        units=None if given.unit is not None else kept.units,
    )


def _key(identity: StreamIdentity, channels: int) -> tuple[str, str, str, int]:
    return (identity.name, identity.type, identity.source_id, channels)


def _read(home: Path) -> dict[tuple[str, str, str, int], KeptNames]:
    path = home / _FILE
    if not path.is_file():
        return {}
    try:
        rows: list[dict[str, Any]] = load_object(read_regular(path, _LARGEST))["streams"]
        known = {}
        for row in rows:
            names = KeptNames(tuple(map(str, row["labels"])), tuple(map(str, row["units"])))
            count = int(row["channels"])
            if not len(names.labels) == len(names.units) == count:
                raise ValueError("the number of its names")
            known[str(row["name"]), str(row["type"]), str(row["source_id"]), count] = names
        return known
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise InputError(
            f"{path} does not hold names of channels (any more); move it away, and name them anew."
        ) from error
