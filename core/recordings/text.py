"""Recordings written as text: which program wrote one is told by its content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.recordings import text_boards, text_named
from core.recordings.recording import Recording
from core.recordings.text_table import Text, read_lines
from core.recordings.text_timing import Columns, recording_of_columns


@dataclass(frozen=True)
class Format:
    """What a program writes, how it is recognised and how it is read."""

    name: str
    recognise: Callable[[Text], bool]
    read: Callable[[Text, str | None], Columns]


FORMATS = (
    Format("OpenBCI GUI text", text_boards.is_openbci, text_boards.read_openbci),
    Format("Mind Monitor csv", text_named.is_mind_monitor, text_named.read_mind_monitor),
    Format("Enobio .easy", text_boards.is_enobio, text_boards.read_enobio),
    Format("BrainFlow csv", text_boards.is_brainflow, text_boards.read_brainflow),
    Format("muse-lsl or openbci csv", text_named.is_named, text_named.read_named),
)
"""In the order in which they are tried."""


def read_text(path: Path, unit: str | None) -> Recording:
    """Read a recording that a program wrote as text.

    Raises
    ------
    InputError
        If no format is recognised, or its reader refuses it.
    """
    text = read_lines(path)
    for kind in FORMATS:
        if kind.recognise(text):
            columns = kind.read(text, unit)
            if unit is not None and kind.read is not text_named.read_named:
                columns.notes.append(
                    f"The unit of {kind.name} is known: --unit {unit} is not used."
                )
            return recording_of_columns(columns)
    names = ", ".join(kind.name for kind in FORMATS)
    raise InputError(
        f'{path} cannot be read as a recording: it begins with "{text.shown}". Text is read as '
        f"{names}, and any table whose first line names a column Time and electrodes, such as "
        "Time, C3 (uV), C4 (uV), Marker."
    )
