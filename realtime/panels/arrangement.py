"""Which panels a person had open, and where: a file in the programs' folder."""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.machine.files import read_regular, write_whole
from core.program import say
from core.strict_json import load_object

ARRANGEMENT = "window.json"
"""Name of the file."""

_LOG = logging.getLogger("eegpt.panels")
_LARGEST = 100_000  # bytes; usual are a few hundred


@dataclass(frozen=True)
class Arrangement:
    """How a window was left.

    Attributes
    ----------
    shown : tuple of str
        Titles of the open panels.
    docks : bytes
        From `QMainWindow.saveState`.
    geometry : bytes
        From `QMainWindow.saveGeometry`.
    """

    shown: tuple[str, ...] = ()
    docks: bytes = b""
    geometry: bytes = b""


def load_arrangement(file: Path) -> Arrangement:
    """Return the arrangement of a file; an empty one if there is none that can be read."""
    try:
        kept = load_object(read_regular(file, _LARGEST))
        shown, docks, geometry = (kept[name] for name in ("shown", "docks", "geometry"))
        return Arrangement(
            tuple(map(str, shown)),
            base64.b64decode(docks, validate=True),
            base64.b64decode(geometry, validate=True),
        )
    except FileNotFoundError:
        return Arrangement()
    except (OSError, ValueError, KeyError, TypeError) as error:
        _LOG.warning("the arrangement of panels in %s cannot be read: %s", file, error)
        return Arrangement()


def save_arrangement(file: Path, arrangement: Arrangement) -> None:
    """Write an arrangement; a disk that takes it not is said, and nothing else."""
    import json

    kept = {
        "shown": arrangement.shown,
        "docks": base64.b64encode(arrangement.docks).decode("ascii"),
        "geometry": base64.b64encode(arrangement.geometry).decode("ascii"),
    }
    try:
        write_whole(file, json.dumps(kept, indent=1).encode(), overwrite=True)
    except InputError as error:
        say(f"The arrangement of panels is not kept: {error}")
