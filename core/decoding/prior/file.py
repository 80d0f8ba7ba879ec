"""The prior file: covariances of trials and one JSON header in a safetensors file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from core.decoding.prior.population import Prior
from core.errors import InputError
from core.files import write_whole

FORMAT = "eegpt-prior"
VERSION = 1
_LARGEST = 2**30  # bytes; a thousand trials of 58 channels have 7 MB


def save_prior(prior: Prior, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write a prior, whole or not at all. Of each covariance the upper triangle is kept.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, or cannot be written.
    """
    from safetensors.numpy import save

    header = {
        "format": FORMAT,
        "version": VERSION,
        "classes": prior.classes,
        "channels": prior.channels,
        "rate": prior.rate,
        "length": prior.length,
        "band": prior.band,
        "unit": "uV2",
        "recordings": prior.recordings,
        "created": prior.created,
        "software": prior.software,
    }
    rows, columns = np.triu_indices(len(prior.channels))
    tensors = {
        "covariances": prior.covariances[:, rows, columns].astype(np.float32),
        "labels": prior.labels.astype(np.int64),
        "recording": prior.recording.astype(np.int64),
        "person": prior.person.astype(np.int64),
    }
    content = save(
        {name: np.ascontiguousarray(value) for name, value in tensors.items()},
        metadata={FORMAT: json.dumps(header, ensure_ascii=False)},
    )
    return write_whole(Path(path), content, overwrite=overwrite)


def is_prior(path: Path) -> bool:
    """Whether a safetensors file says that it is a prior."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return FORMAT in (file.metadata() or {})
    except (SafetensorError, OSError, TypeError, ValueError):
        return False


def load_prior(path: Path | str) -> Prior:
    """Read a prior file. Nothing in it is ever executed.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind or version, or contradicts itself.
    """
    path = Path(path)
    header, tensors = _read(path)
    if header.get("version") != VERSION:
        raise InputError(
            f"{path} is a prior of format version {header.get('version')}; this program reads "
            f"version {VERSION}. Make it again, or use the program that made it."
        )
    try:
        return _build(header, tensors)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged: its header does not describe its trials ({error})."
        ) from error


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"There is no prior at {path}.")
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{path} is too large to be a prior.")
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(FORMAT)
            found = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a prior, or is damaged ({error}).") from error
    if text is None:
        raise InputError(f"{path} is a safetensors file, but not a prior.")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: its header is not JSON ({error}).") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError(f"{path} is damaged: its header does not describe a prior.")
    return header, found


def _build(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> Prior:
    channels, classes = _names(header["channels"]), _names(header["classes"])
    recordings = {str(name): str(found) for name, found in header["recordings"].items()}
    rows, columns = np.triu_indices(len(channels))
    halves = tensors["covariances"]
    trials = len(halves)
    if halves.shape != (trials, len(rows)) or not np.isfinite(halves).all():
        raise ValueError(f"covariances of {len(channels)} channels are expected")
    covariances = np.empty((trials, len(channels), len(channels)), dtype=np.float32)
    covariances[:, rows, columns] = covariances[:, columns, rows] = halves
    # Without this, one bad trial would spoil the mean that its recording is aligned by.
    if not (np.diagonal(covariances, axis1=1, axis2=2) > 0).all():
        raise ValueError("a channel without power")
    low, high = header["band"]
    people = len({name.rpartition("/")[0] for name in recordings})
    return Prior(
        classes=classes,
        channels=channels,
        rate=float(header["rate"]),
        length=int(header["length"]),
        band=(float(low), float(high)),
        covariances=covariances,
        labels=_positions(tensors, "labels", trials, len(classes)),
        recording=_positions(tensors, "recording", trials, len(recordings)),
        person=_positions(tensors, "person", trials, people),
        recordings=recordings,
        created=str(header["created"]),
        software=str(header["software"]),
    )


def _names(found: Any) -> tuple[str, ...]:
    names = tuple(str(name) for name in found)
    if isinstance(found, str) or len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(f"{found} is no list of different names")
    return names


def _positions(tensors: dict[str, np.ndarray], name: str, trials: int, below: int) -> np.ndarray:
    found = tensors[name]
    if found.shape != (trials,) or found.dtype != np.int64 or not trials:
        raise ValueError(f"{name} should have one whole number a trial")
    if not 0 <= found.min() <= found.max() < below:
        raise ValueError(f"{name} should lie below {below}")
    return found
