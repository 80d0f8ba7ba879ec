"""The names of a BIDS data set: labels, run numbers and the files of a run.

All after BIDS 1.10, "Filesystem structure" and "Electroencephalography".
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.bids_labels import bids_label
from core.errors import InputError
from core.machine.files import linked, there_already

TASK = "imagery"

_RUN = re.compile(
    r"sub-(?P<subject>[A-Za-z0-9]+)(?:_ses-(?P<session>[A-Za-z0-9]+))?"
    r"_task-(?P<task>[A-Za-z0-9]+)_run-(?P<number>[0-9]{1,9})_"
)


@dataclass(frozen=True)
class BidsRun:
    """Where the files of one run are.

    Attributes
    ----------
    root : Path
        Folder of the data set.
    subject, session : str
        Labels without their prefix; the session is empty where the person has only one.
    number : int
        From 1 on.
    task : str
        What the person did.
    """

    root: Path
    subject: str
    session: str
    number: int
    task: str = TASK

    @property
    def owner(self) -> str:
        """What the names of all files of the session begin with."""
        return f"sub-{self.subject}" + (f"_ses-{self.session}" if self.session else "")

    @property
    def name(self) -> str:
        """What the names of all files of the run begin with."""
        return f"{self.owner}_task-{self.task}_run-{self.number:02d}"

    @property
    def session_folder(self) -> Path:
        """Folder of the session, relative to the data set."""
        return Path(f"sub-{self.subject}", f"ses-{self.session}" if self.session else "")

    @property
    def folder(self) -> Path:
        """Folder of the recording."""
        return self.root / self.session_folder / "eeg"

    @property
    def source_folder(self) -> Path:
        """Folder of what BIDS has no place for, such as raw stamps; validators pass it over."""
        return self.root / "sourcedata" / self.session_folder / "eeg"

    @property
    def scans(self) -> Path:
        """The session's list of recordings."""
        return self.root / self.session_folder / f"{self.owner}_scans.tsv"

    def file(self, ending: str) -> Path:
        """Return the path of a file of the run, such as ``eeg.vhdr`` or ``events.tsv``."""
        return self.folder / f"{self.name}_{ending}"

    def source(self, ending: str) -> Path:
        """Return the path of a file beside the run, such as ``stamps.f64`` or ``plan.json``."""
        return self.source_folder / f"{self.name}_{ending}"

    def exists(self) -> bool:
        """Whether any file of the run is there already."""
        return any(run.number == self.number for run in _runs_of(self))


def next_run(
    root: Path, subject: str, session: str = "", number: int | None = None, task: str = TASK
) -> BidsRun:
    """Return a run of which no file is there yet.

    Parameters
    ----------
    root : Path
        Folder of the data set, which need not exist yet.
    subject, session : str
        Labels; the session may be empty.
    number : int, optional
        The number wanted; by default one more than the highest of the session.
    task : str
        What the person does.

    Raises
    ------
    InputError
        If a label is none, the number is taken, or the folder is no folder or takes no files.
    """
    run = BidsRun(
        root=Path(root),
        subject=bids_label(subject, "Subject"),
        session=bids_label(session, "Session") if session else "",
        number=1 if number is None else number,
        task=bids_label(task, "Task"),
    )
    check_inside(run)
    _check_writable(run)
    _check_case(run)
    taken = {other.number for other in _runs_of(run)}
    if number is None:
        number = max(taken, default=0) + 1
    elif number < 1:
        raise InputError(f"Run {number} was asked for; runs are counted from 1.")
    elif number in taken:
        raise InputError(
            f"Run {number} of {run.owner} exists already in {run.root}; leave the number out to "
            f"get the next one, {max(taken) + 1}."
        )
    return BidsRun(run.root, run.subject, run.session, number, run.task)


def check_inside(run: BidsRun) -> None:
    """Refuse a run whose files would lie outside of the data set.

    Raises
    ------
    InputError
        If one of its folders is a link.
    """
    for folder in (run.folder, run.source_folder):
        if why := linked(run.root, folder):
            raise InputError(
                f"{folder} {why}, and may lead out of the data set; nothing is recorded through "
                "links. Choose another subject or session, or another folder."
            )


def recorded_runs(root: Path) -> list[BidsRun]:
    """Return the runs of a data set that this program recorded, by name.

    They are told by their raw stamps. What other programs recorded is theirs, and what lies behind
    a link to a folder is another data set's.
    """
    folders = (root / "sourcedata").glob("sub-*/**/eeg")
    runs = [
        BidsRun(root, match["subject"], match["session"] or "", int(match["number"]), match["task"])
        for folder in folders
        if linked(root, folder) is None
        for path in folder.glob("*_stamps.f64")
        if (match := _RUN.match(path.name))
    ]
    # A file whose name does not agree with its folder is nobody's.
    fitting = [run for run in runs if os.path.lexists(run.source("stamps.f64"))]
    return sorted(set(fitting), key=lambda run: run.name)


def _runs_of(run: BidsRun) -> Iterator[BidsRun]:
    """Yield a run for every file of the same session, whatever its task."""
    for folder in (run.folder, run.source_folder):
        for path in folder.glob(f"{run.owner}_task-*"):
            if match := _RUN.match(path.name):
                yield BidsRun(
                    run.root, run.subject, run.session, int(match["number"]), match["task"]
                )


def _check_writable(run: BidsRun) -> None:
    for folder in (run.root, run.folder, run.source_folder):
        there = there_already(folder)
        if not there.is_dir():
            raise InputError(f"{there} is a file; a data set needs a folder.")
        if not os.access(there, os.W_OK | os.X_OK):
            raise InputError(f"{there} cannot be written; choose another folder.")


def _check_case(run: BidsRun) -> None:
    """Refuse a label that differs from one that is there only by capitals.

    On macOS and Windows both would share one folder.
    """
    for base in (run.root, run.root / "sourcedata"):
        parent = base
        for part in run.session_folder.parts:
            for path in parent.glob("s*"):
                if path.name != part and path.name.lower() == part.lower():
                    raise InputError(
                        f'"{part}" and "{path.name}", which is there already, differ only by '
                        "capitals, and some systems take them for one; choose another label."
                    )
            parent = parent / part
