"""Where recordings for a store come from: what each source expects, and where to get it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from core.errors import InputError
from core.montage import match
from core.recordings import Recording, read_recording, without_bad_channels
from core.suggestions import did_you_mean
from training.shards import RecordingIdentity
from training.sources.layouts import (
    HEADED,
    SourceItem,
    below,
    find_bids,
    find_files,
    find_m3cv,
    find_moabb,
    m3cv_epochs,
    matching,
)
from training.sources.reading import (
    labelled,
    read_bids,
    read_header,
    read_kaggle_ern,
    read_m3cv,
    read_moabb,
    read_seed,
    read_sleep,
    read_tuab,
    read_tuev,
    renamed,
)

Reads = Iterator[tuple[RecordingIdentity, Recording]]


@dataclass(frozen=True)
class DataSource:
    """A kind of data set.

    Attributes
    ----------
    expects : str
        What must be at the path.
    where : str
        Where to get it, and under which licence.
    read : callable
        From a part, and the unit of files that do not say it, to recordings.
    pattern : str
        Regular expression for the end of a file's path, with groups for subject, session and run;
        empty where files are found in another way.
    find : callable, optional
        From what follows the name on the command line to parts, where there is no pattern.
    """

    expects: str
    where: str
    read: Callable[[SourceItem, str | None], Reads]
    pattern: str = ""
    find: Callable[[str], list[SourceItem]] | None = None


def find_parts(
    texts: Sequence[str], subjects: Sequence[str] = (), runs: Sequence[str] = ()
) -> list[SourceItem]:
    """Return what the sources named on a command line hold, in a fixed order.

    Parameters
    ----------
    texts : sequence of str
        ``NAME:PATH`` with a name of `SOURCES`, ``moabb:DATASET``, or a path alone.
    subjects, runs : sequence of str
        Only these, if any are given; ``S001``, ``001`` and ``1`` mean the same.

    Raises
    ------
    InputError
        If a source, a subject or a run is not there, or something is named twice.
    """
    parts = [part for text in texts for part in _find(text)]
    _refuse_unknown("subject", subjects, {part.identity.subject for part in parts})
    if subjects:
        parts = [p for p in parts if any(same(p.identity.subject, s) for s in subjects)]
    if runs:
        if all(part.identity.run for part in parts):
            _refuse_unknown("run", runs, {part.identity.run for part in parts})
        # Parts of several runs are told which to keep, and look when they are read.
        parts = [
            part if part.identity.run else replace(part, runs=tuple(sorted(runs)))
            for part in parts
            if not part.identity.run or any(same(part.identity.run, run) for run in runs)
        ]
    places: dict[str, SourceItem] = {}
    for part in parts:
        if part.key in places:
            raise InputError(
                f"{places[part.key].origin} and {part.origin} are both {part.identity}; "
                "name only one of them."
            )
        places[part.key] = part
    return sorted(places.values(), key=_place)


def _place(part: SourceItem) -> list[list[str | int]]:
    """Return what sorts parts as people count: run 4 before run 12, and the last run last."""
    identity = part.identity
    texts = (identity.source, identity.subject, identity.session, identity.run, part.key)
    return [_counted(text) for text in texts]


def _counted(text: str) -> list[str | int]:
    # Words and numbers alternate, so that like is compared with like.
    return [int(piece) if piece.isdecimal() else piece for piece in re.split(r"(\d+)", text)]


def read_part(part: SourceItem, unit: str | None = None) -> Reads:
    """Read the recordings of a part one after another.

    Parameters
    ----------
    part : SourceItem
    unit : str, optional
        Unit of files that do not say it.

    Raises
    ------
    InputError
        If one cannot be read.
    """
    for identity, recording in SOURCES[part.kind].read(part, unit):
        if not part.runs or any(same(identity.run, run) for run in part.runs):
            yield identity, without_bad_channels([recording])[0]


def measure(part: SourceItem, channels: Sequence[str]) -> tuple[float, int] | None:
    """Return how long a part is in seconds, and how many of these channels it has.

    Only the header is read; None where that does not say it.
    """
    if len(part.files) != 1 or part.files[0].suffix.lower() not in HEADED:
        return None
    seconds, labels = read_header(part.files[0])
    return seconds, len(match(labels, channels).channels)


def same(label: str, other: str) -> bool:
    """Return whether two labels mean the same subject or run, however they are padded."""
    return _bare(label) == _bare(other)


def _bare(label: str) -> str:
    return re.sub(r"^(sub-?|ses-?|run-?|s|r)?0*(?=\d)", "", label.lower())


def _refuse_unknown(kind: str, asked: Sequence[str], known: set[str]) -> None:
    if absent := [text for text in asked if not any(same(text, label) for label in known)]:
        raise InputError(
            f"The sources have no {kind} {', '.join(absent)}; "
            f"they have {', '.join(sorted(known, key=lambda k: (len(k), k))) or 'none'}."
            + did_you_mean(absent[0], known)
        )


def _find(text: str) -> list[SourceItem]:
    name, colon, location = text.partition(":")
    if colon and name in SOURCES:
        return _named(name, location)
    path = Path(text)
    if path.is_file():
        known = [part for parts in _recognised([path]).values() for part in parts]
        return known if len(known) == 1 else find_files(text)
    if not path.is_dir():
        raise InputError(
            f"There is no file or folder {text}; a source is a path, or one of "
            f"{', '.join(f'{name}:...' for name in SOURCES)} (--list explains them)."
        )
    if (path / "dataset_description.json").is_file():
        return _named("bids", text)
    fitting = _recognised(below(path))
    if len(fitting) != 1:
        kinds = " or ".join(fitting) or "none of the data sets that are known"
        raise InputError(
            f"The folder {text} looks like {kinds}; say what it is, such as files:{text} for a "
            "folder of any recordings (--list explains all)."
        )
    return next(iter(fitting.values()))


def _named(kind: str, location: str) -> list[SourceItem]:
    source = SOURCES[kind]
    if source.find is not None:
        parts = source.find(location)
    else:
        path = Path(location)
        parts = matching(kind, source.pattern, [path] if path.is_file() else below(path))
    if not parts:
        raise InputError(f"{location} has no recording for {kind}, which expects {source.expects}.")
    return parts


def _recognised(paths: Sequence[Path]) -> dict[str, list[SourceItem]]:
    """Return what files are by their names, for each kind of data set that has any of them."""
    return {
        kind: parts
        for kind, source in SOURCES.items()
        if source.pattern and (parts := matching(kind, source.pattern, paths))
    }


def _of_one_file(read: Callable[[Path], Recording]) -> Callable[[SourceItem, str | None], Reads]:
    """Return how a part of one file is read, by how the file is read."""

    def reads(part: SourceItem, unit: str | None) -> Reads:
        yield part.identity, read(part.files[0])

    return reads


def _read_any(part: SourceItem, unit: str | None) -> Reads:
    yield part.identity, read_recording(part.files[0], unit, part.stream)


def _read_bids(part: SourceItem, unit: str | None) -> Reads:
    yield part.identity, read_bids(part.files[0], unit)


def _read_physionet_mi(part: SourceItem, unit: str | None) -> Reads:
    recording, run = read_recording(part.files[0]), int(part.identity.run)
    if run <= 2:
        yield part.identity, labelled(recording, ("eyes_open", "eyes_closed")[run - 1])
        return
    first, second = ("left_hand", "right_hand") if run % 4 in (3, 0) else ("hands", "feet")
    if run % 2:  # carried out, where even runs were imagined
        first, second = f"{first}_movement", f"{second}_movement"
    yield part.identity, renamed(recording, {"T0": "rest", "T1": first, "T2": second})


def _read_seed(part: SourceItem, unit: str | None) -> Reads:
    for film, recording in read_seed(part.files[0]):
        yield replace(part.identity, run=film), recording


def _read_m3cv(part: SourceItem, unit: str | None) -> Reads:
    epochs = m3cv_epochs(part.files[0].parents[1])
    for path in part.files:
        recording = labelled(read_m3cv(path), epochs[path]["condition"])
        yield replace(part.identity, run=path.stem), recording


def _read_moabb(part: SourceItem, unit: str | None) -> Reads:
    name = part.identity.source.removeprefix("moabb-")
    for session, run, recording in read_moabb(name, part.identity.subject):
        yield replace(part.identity, session=session, run=run), recording


_TUH = "Temple University Hospital, isip.piconepress.com/projects/nedc: free, with their agreement"

SOURCES = {
    "physionet-mi": DataSource(
        expects="the folder of EDF files S001R01.edf to S109R14.edf, in folders or not",
        where="physionet.org/content/eegmmidb/1.0.0, Open Data Commons Attribution 1.0",
        pattern=r"(?P<subject>S\d{3})R(?P<run>\d{2})\.edf",
        read=_read_physionet_mi,
    ),
    "physionet-p300": DataSource(
        expects="the folder with s01/rc01.edf and so on",
        where="physionet.org/content/erpbci/1.0.0, Open Data Commons Attribution 1.0",
        pattern=r"(?P<subject>s\d{2})/rc(?P<run>\d{2})\.edf",
        read=_read_any,
    ),
    "sleep-edfx": DataSource(
        expects="the folder of SC4001E0-PSG.edf and so on, each with its -Hypnogram.edf",
        where="physionet.org/content/sleep-edfx/1.0.0, Open Data Commons Attribution 1.0",
        pattern=r"(?P<subject>(?:SC4|ST7)\d{2})(?P<session>\d)[A-Z]\d-PSG\.edf",
        read=_of_one_file(read_sleep),
    ),
    "moabb": DataSource(
        expects="the name of a MOABB data set: Schirrmeister2017 (High-Gamma), BNCI2014_001 (2a), "
        "BNCI2014_004 (2b), Wang2016 (Tsinghua SSVEP) ...; MOABB downloads it",
        where="moabb.neurotechx.com/docs/dataset_summary.html says each one's licence",
        find=find_moabb,
        read=_read_moabb,
    ),
    "bids": DataSource(
        expects="the root of a BIDS data set with sub-*/**/eeg/*_eeg.*",
        where="openneuro.org, or a calibration of this program",
        find=find_bids,
        read=_read_bids,
    ),
    "seed": DataSource(
        expects="the folder Preprocessed_EEG with 1_20131027.mat and so on (200 Hz)",
        where="bcmi.sjtu.edu.cn/home/seed: on application, for research",
        pattern=r"(?P<subject>\d{1,2})_(?P<session>\d{8})\.mat",
        read=_read_seed,
    ),
    "m3cv": DataSource(
        expects="the folder with Enrollment_Info.csv and Enrollment/epoch000001.mat and so on",
        where="aistudio.baidu.com/datasetdetail/151025 or Kaggle's M3CV, by their terms",
        find=find_m3cv,
        read=_read_m3cv,
    ),
    "kaggle-ern": DataSource(
        expects="the folder of Data_S02_Sess01.csv and so on",
        where="kaggle.com/c/inria-bci-challenge, by the competition's terms",
        pattern=r"Data_(?P<subject>S\d{2})_Sess(?P<session>\d{2})\.csv",
        read=_of_one_file(read_kaggle_ern),
    ),
    "tuab": DataSource(
        expects="the corpus with edf/train/normal/01_tcp_ar/*.edf and so on",
        where=_TUH,
        pattern=r"(?:normal|abnormal)/(?:[^/]+/)?"
        r"(?P<subject>[a-z]{8})_(?P<session>s\d{3})_(?P<run>t\d{3})\.edf",
        read=_of_one_file(read_tuab),
    ),
    "tuev": DataSource(
        expects="the corpus with edf/train/aaaaaaar/*.edf and *.rec, and edf/eval/000/*",
        where=_TUH,
        pattern=r"edf/(?:train|eval)/(?P<subject>[^/]+)/(?P<run>[^/]+)\.edf",
        read=_of_one_file(read_tuev),
    ),
    "files": DataSource(
        expects="a recording of any format of docs/formats.md; or a folder of EDF, BDF, GDF, "
        "BrainVision, EEGLAB, FIF, CNT and XDF files, with a folder a person",
        where="your own",
        find=find_files,
        read=_read_any,
    ),
}
"""Every kind of data set by its name on the command line."""
