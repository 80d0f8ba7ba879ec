"""What becomes one shard of a store, and how it is found in folders of several layouts."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.recordings import is_xdf
from training.shards import RecordingIdentity, shard_key
from training.sources.reading import moabb_dataset

_BIDS = (".edf", ".bdf", ".vhdr", ".set", ".fif")
HEADED = (*_BIDS, ".gdf", ".cnt", ".nxe")
"""Endings of files whose header MNE reads by itself."""


@dataclass(frozen=True)
class SourceItem:
    """Recordings that become one shard, read only when they are wanted.

    Attributes
    ----------
    kind : str
        Name of the source that found it, in `training.sources.catalogue.SOURCES`.
    identity : RecordingIdentity
        What its recordings share; its run is empty if they are of several runs.
    origin : str
        File, folder or data set, for people to read.
    files : tuple of Path
        What it is read from; empty if it must be fetched.
    runs : tuple of str
        Runs to take from several; empty for all.
    stream : str or None
        Name of the EEG stream of an XDF file that has several.
    """

    kind: str
    identity: RecordingIdentity
    origin: str
    files: tuple[Path, ...]
    runs: tuple[str, ...] = ()
    stream: str | None = None

    @property
    def key(self) -> str:
        """Name of its shard, the same wherever the data lie."""
        names = self.files[:1] or (Path(self.origin),)
        texts = [names[0].name, *self.runs, *([] if self.stream is None else [self.stream])]
        return shard_key(self.identity, "\0".join(texts))


def below(folder: Path) -> list[Path]:
    """Return all files in a folder and in those below it, in order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())


def matching(kind: str, pattern: str, paths: Sequence[Path]) -> list[SourceItem]:
    """Return the files whose paths end as a pattern says, with groups for whose they are."""
    ending = re.compile(f"(?:^|/)(?:{pattern})$")
    return [
        _part(kind, kind, path, **match.groupdict())
        for path in paths
        if (match := ending.search(path.absolute().as_posix()))
    ]


def _part(
    kind: str, source: str, path: Path, subject: str, session: str = "", run: str = ""
) -> SourceItem:
    run = (run.lstrip("0") or "0") if run.isdigit() else run
    return SourceItem(kind, RecordingIdentity(source, subject, session, run), str(path), (path,))


def find_bids(location: str) -> list[SourceItem]:
    """Find the EEG recordings of a BIDS data set by the entities in their names."""
    root = Path(location).absolute()
    raw = "sub-" if root.name.startswith("sub-") else f"{root.name}/sub-"
    parts = []
    for path in below(root):
        if path.parent.name != "eeg" or path.suffix.lower() not in _BIDS:
            continue
        # Not what lies under derivatives or sourcedata: the same trials again, changed.
        if not path.relative_to(root.parent).as_posix().startswith(raw):
            continue
        pairs = [text.partition("-")[::2] for text in path.stem.split("_") if "-" in text]
        entities = dict(pairs)
        if not path.stem.endswith("_eeg") or "sub" not in entities:
            continue
        run = "-".join(entities[key] for key in ("task", "acq", "run") if key in entities)
        source = f"bids-{root.resolve().name}"  # another data set has other people
        parts.append(_part("bids", source, path, entities["sub"], entities.get("ses", ""), run))
    return parts


def find_files(location: str) -> list[SourceItem]:
    """Take a file, or all files of a folder, of which each folder is a person."""
    root = Path(location)
    if root.is_file():
        return [_part("files", "files", root, root.stem)]
    parts = []
    for path in below(root):
        if not (path.suffix.lower() in HEADED or is_xdf(path)):
            continue
        *folders, name = path.relative_to(root).with_suffix("").parts
        subject, run = (folders[0], "-".join([*folders[1:], name])) if folders else (name, "")
        parts.append(_part("files", f"files-{root.resolve().name}", path, subject, run=run))
    return parts


def find_moabb(dataset: str) -> list[SourceItem]:
    """Take all people of a data set of MOABB."""
    return [
        SourceItem(
            "moabb",
            RecordingIdentity(f"moabb-{dataset}", str(subject)),
            f"MOABB {dataset} {subject}",
            (),
        )
        for subject in moabb_dataset(dataset).subject_list
    ]


def find_m3cv(location: str) -> list[SourceItem]:
    """Find the sessions of M3CV, each of them many epochs."""
    people: dict[tuple[str, str], list[Path]] = {}
    for path, row in m3cv_epochs(Path(location)).items():
        people.setdefault((row["subject"], row["session"]), []).append(path)
    return [
        SourceItem(
            "m3cv", RecordingIdentity("m3cv", *who), f"{location} {' '.join(who)}", tuple(paths)
        )
        for who, paths in people.items()
    ]


def m3cv_epochs(folder: Path) -> dict[Path, dict[str, str]]:
    """Return the epochs of known people; those of Testing are of unknown ones."""
    epochs = {}
    for name in ("Enrollment", "Calibration"):
        table = folder / f"{name}_Info.csv"
        if not table.is_file():
            continue
        with table.open(encoding="utf-8-sig", newline="") as file:
            for line in csv.DictReader(file):
                row = {str(key).lower().removesuffix("id"): value for key, value in line.items()}
                condition = row.get("condition") or row.get("task") or ""
                try:
                    path = folder / name / f"{row['epoch']}.mat"
                    facts = {"subject": row["subject"], "session": row.get("session") or ""}
                except KeyError as error:
                    raise InputError(f"{table} has no column {error}.") from error
                epochs[path] = facts | {"condition": condition}
    return epochs
