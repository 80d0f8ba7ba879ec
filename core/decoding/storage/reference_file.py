"""The file of a run's reference: beside a log, so that every decision can be computed again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from core.decoding.recentring import RunReference
from core.errors import InputError
from core.tensor_file import TensorFormat, number, whole

SUFFIX = ".safetensors"
_FILE = TensorFormat(
    name="eegpt-reference",
    version=1,
    noun="reference of a run",
    largest=64 * 2**20,
    again="Decode the recording again",
)
_LARGEST = 1e12  # as in a decoder file


def save_reference(reference: RunReference, path: Path, sample: int) -> Path:
    """Write a run's reference, whole or not at all, in float64.

    Parameters
    ----------
    reference : RunReference
    path : Path
        Of a new file.
    sample : int
        Of the first decision that was made with it, as in the log.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """
    table = {
        "sample": sample,
        "seconds": reference.seconds,
        "windows": reference.windows,
        "sha256": reference.digest,
        "views": len(reference.whiteners),
    }
    tensors = {f"whiteners.{i}": values for i, values in enumerate(reference.whiteners)}
    return _FILE.save(path, table, tensors, check=_build)


def load_reference(path: Path | str) -> RunReference:
    """Read the file of a run's reference.

    Raises
    ------
    InputError
        If it is missing, damaged, or of another kind or version.
    """
    return _FILE.load(path, _build, "a reference")


def _build(table: dict[str, Any], tensors: dict[str, np.ndarray]) -> RunReference:
    whole(table["sample"], -1, 2**53)
    reference = RunReference(
        tuple(_finite(tensors[f"whiteners.{i}"]) for i in range(whole(table["views"], 1, 64))),
        number(table["seconds"], 0.0, 1e6),
        whole(table["windows"], 1, 10**9),
    )
    if reference.digest != table["sha256"]:
        raise InputError("its values are not those that its SHA-256 is of.")
    return reference


def _finite(values: np.ndarray) -> np.ndarray:
    square = values.ndim == 2 and len(set(values.shape)) == 1
    if not square or values.dtype != np.float64 or not (np.abs(values) < _LARGEST).all():
        raise InputError("its whiteners are not square matrices of finite numbers in float64.")
    return values
