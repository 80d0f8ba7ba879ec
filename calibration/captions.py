"""Which text or picture goes with which trial: a table of captions, or a column of BIDS events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.decoding.outputs import RETRIEVAL
from core.errors import InputError, one_line
from core.fitting.trials.task import Task
from core.recordings import Recording
from core.recordings.bids import read_table, stimuli_of_table
from core.text_encoder import check_texts

NAME, PICTURES = "text", "picture"
"""Names of the task, of finding the text or the picture."""

EVENTS = "events"
"""In place of a table: the column "text" of the events of every recording, or "stim_file"."""

_FEWEST = 2  # different captions, of which one is to be found


def caption_task(
    given: str, recordings: Sequence[Recording], pictures: bool = False
) -> tuple[Task, list[Recording]]:
    """Return the task of finding the caption of a trial, and recordings with its events.

    Parameters
    ----------
    given : str
        A table of two columns, separated by tabs: what a trial is known by (the label of an event,
        a file of the column "stim_file", or the name of a recording), and its caption, under the
        heading "caption". Or "events".
    recordings : sequence of Recording
    pictures : bool
        Whether captions are the files of pictures.

    Raises
    ------
    InputError
        If the table cannot be used, or names a trial that no recording has.
    """
    if given == EVENTS:
        column = "stim_file" if pictures else "text"
        changed = [_with_stimuli(recording, column) for recording in recordings]
        texts = [
            e.label
            for new, old in zip(changed, recordings, strict=True)
            for e in new.events
            if e not in old.events
        ]
        captions = {text: text for text in dict.fromkeys(texts)}
        where = f'The events have no column "{column}"'
    else:
        changed = [_with_stimuli(recording, "stim_file") for recording in recordings]
        captions = read_captions(Path(given).expanduser())
        where = f"{given}"
    check_texts(tuple(dict.fromkeys(captions.values())) or ("none",), "The caption")
    if len(set(captions.values())) < _FEWEST:
        raise InputError(
            f"{where}: {len(set(captions.values()))} different captions; at least {_FEWEST} are "
            "needed, or there is nothing to choose among."
        )
    return Task(PICTURES if pictures else NAME, captions, RETRIEVAL), changed


def picture_folder(given: str, recordings: Sequence[Recording]) -> Path:
    """Return where pictures are looked for, where nobody says it.

    Beside a table; for events, where BIDS has them (1.10, "Stimuli"): in the folder "stimuli" of
    the data set, which has a dataset_description.json.
    """
    if given != EVENTS:
        return Path(given).expanduser().absolute().parent
    here = recordings[0].path.absolute().parent
    roots = (folder for folder in (here, *here.parents))
    root = next((f for f in roots if (f / "dataset_description.json").is_file()), here)
    return root / "stimuli"


def read_captions(path: Path) -> dict[str, str]:
    """Return source -> caption of a table.

    Raises
    ------
    InputError
        If it is missing, or is not such a table, or gives a source two captions.
    """
    table = read_table(path)
    if table is None:
        raise InputError(f"There is no table of captions at {path}, or it is empty.")
    if len(table.columns) != 2 or table.columns[1] != "caption":
        columns = ", ".join(table.columns)
        raise InputError(
            f"{path} has the columns {one_line(columns, 80)}; a table of captions has two, "
            'separated by a tab: what a trial is known by, and "caption".'
        )
    captions: dict[str, str] = {}
    for line, row in enumerate(table.rows, start=2):
        source, caption = (row.get(column, "") for column in table.columns)
        if not source or not caption:
            raise InputError(f"{path} lacks a source or a caption in line {line}.")
        if captions.setdefault(source, caption) != caption:
            raise InputError(
                f'{path} gives "{source}" two captions, "{captions[source]}" and "{caption}".'
            )
    return captions


def _with_stimuli(recording: Recording, column: str) -> Recording:
    """Return a recording with the cells of a column of its table as events beside its own."""
    more = [e for e in stimuli_of_table(recording, column) if e not in recording.events]
    events = sorted((*recording.events, *more), key=lambda event: event.onset)
    return replace(recording, events=tuple(events))
