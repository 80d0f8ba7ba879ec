"""The prior file: covariances of trials and one JSON header in a safetensors file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.fitting.transfer.population import Prior
from core.machine.files import as_path
from core.recordings.copies import as_array, from_array
from core.tensor_file import TensorFormat, number, text, texts, whole

FORMAT = "eegpt-prior"

POPULATION = "population"
"""What the prior that comes with the program is called."""

_FILE = TensorFormat(
    name=FORMAT,
    version=1,
    noun="prior",
    largest=2**30,  # a thousand trials of 58 channels have 7 MB
    again="Make it again",
)
_AT_ONCE = 1024  # trials
_ROUNDING = 1e-4  # of the largest eigenvalue: covariances are kept as float32


def save_prior(prior: Prior, path: Path | str) -> Path:
    """Write a prior, whole or not at all. Of each covariance the upper triangle is kept.

    Raises
    ------
    InputError
        If the file exists, cannot be written, or could not be read again.
    """
    table = {
        "classes": prior.classes,
        "channels": prior.channels,
        "rate": prior.rate,
        "length": prior.length,
        "skip": prior.skip,
        "band": prior.band,
        "unit": "uV2",
        "recordings": prior.recordings,
        "created": prior.created,
        "software": prior.software,
    }
    rows, columns = np.triu_indices(len(prior.channels))
    tensors: dict[str, np.ndarray] = {
        "covariances": prior.covariances[:, rows, columns].astype(np.float32),
        "labels": prior.labels.astype(np.int64),
        "recording": prior.recording.astype(np.int64),
        "person": prior.person.astype(np.int64),
    }
    if prior.beginnings is not None:
        tensors["beginnings"] = prior.beginnings[:, rows, columns].astype(np.float32)
    if prior.marks:
        marks = [prior.marks.get(sha256, ()) for sha256 in prior.recordings.values()]
        tensors["marks"] = as_array(marks)
    return _FILE.save(as_path(path), table, tensors, check=_build)


def is_prior(path: Path) -> bool:
    """Whether a safetensors file says that it is a prior."""
    return _FILE.named_by(path)


def load_prior(path: Path | str) -> Prior:
    """Read a prior file. Nothing in it is ever executed.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind or version, or contradicts itself.
    """
    return _FILE.load(path, _build, "its trials")


def _build(table: dict[str, Any], tensors: dict[str, np.ndarray]) -> Prior:
    channels, classes = texts(table["channels"], 2), texts(table["classes"], 2)
    recordings = {str(name): str(digest) for name, digest in table["recordings"].items()}
    covariances = _whole(tensors["covariances"], len(channels))
    trials = len(covariances)
    low, high = (number(edge, 0.0, 1e6) for edge in table["band"])
    length = whole(table["length"], 1, 2**20)
    people = len({name.rpartition("/")[0] for name in recordings})
    return Prior(
        classes=classes,
        channels=channels,
        rate=number(table["rate"], 1.0, 1e6),
        length=length,
        band=(low, high),
        covariances=covariances,
        labels=_positions(tensors, "labels", trials, len(classes)),
        recording=_positions(tensors, "recording", trials, len(recordings)),
        person=_positions(tensors, "person", trials, people),
        recordings=recordings,
        created=text(table["created"]),
        software=text(table["software"]),
        skip=whole(table.get("skip", 0), 0, length - 1),
        beginnings=_beginnings(tensors, len(channels), len(recordings)),
        marks=_marks(tensors, recordings),
    )


def _beginnings(
    tensors: dict[str, np.ndarray], channels: int, recordings: int
) -> np.ndarray | None:
    if "beginnings" not in tensors:
        return None
    beginnings = _whole(tensors["beginnings"], channels)
    if len(beginnings) != recordings:
        raise ValueError("every recording has one beginning")
    return beginnings


def _marks(
    tensors: dict[str, np.ndarray], recordings: dict[str, str]
) -> dict[str, tuple[int, ...]]:
    if "marks" not in tensors:  # as in files of before there were any
        return {}
    pairs = zip(recordings.values(), from_array(tensors["marks"]), strict=True)
    return {sha256: marks for sha256, marks in pairs if marks}


def _whole(halves: np.ndarray, channels: int) -> np.ndarray:
    """Return covariances of their upper triangles, if they are those of any signal."""
    count, half = len(halves), channels * (channels + 1) // 2
    if (
        halves.shape != (count, half)
        or not np.issubdtype(halves.dtype, np.floating)
        or not np.isfinite(halves).all()
    ):
        raise ValueError(f"covariances of {channels} channels are expected")
    rows, columns = np.triu_indices(channels)
    covariances = np.empty((count, channels, channels), dtype=np.float32)
    covariances[:, rows, columns] = covariances[:, columns, rows] = halves
    # Without this, one bad trial would spoil the mean that its recording is aligned by.
    if not (np.diagonal(covariances, axis1=1, axis2=2) > 0).all():
        raise ValueError("a channel without power")
    _check_definite(covariances)
    return covariances


def _check_definite(covariances: np.ndarray) -> None:
    """Refuse matrices that are the covariance of no signal.

    An average reference leaves an eigenvalue of zero, and rounding makes it anything near it.
    """
    for start in range(0, len(covariances), _AT_ONCE):
        values = np.linalg.eigvalsh(covariances[start : start + _AT_ONCE].astype(np.float64))
        wrong = np.flatnonzero(values[:, 0] < -_ROUNDING * values[:, -1])
        if len(wrong):
            trial = start + int(wrong[0])
            raise ValueError(f"the covariance of trial {trial} is not positive semidefinite")


def _positions(tensors: dict[str, np.ndarray], name: str, trials: int, below: int) -> np.ndarray:
    positions = tensors[name]
    if positions.shape != (trials,) or positions.dtype != np.int64 or not trials:
        raise ValueError(f"{name} should have one whole number a trial")
    if not 0 <= positions.min() <= positions.max() < below:
        raise ValueError(f"{name} should lie below {below}")
    return positions


def population() -> Prior:
    """Read the prior that comes with the program: other people's trials of both hands.

    `population.md` beside it says what is in it.
    """
    return load_prior(Path(__file__).with_name("population.safetensors"))
