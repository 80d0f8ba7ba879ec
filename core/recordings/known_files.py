"""Which files a recording is the same as, or a part of, in whatever format it lies.

Files that decoders and encoders learned from are named by their SHA-256, which another format
changes. Of the files that the program's own population and encoders learned from, fingerprints
(`core.recordings.copies`) are kept beside this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from core.recordings.copies import Fingerprint, as_array, from_array, same_samples
from core.recordings.recording import Recording
from core.tensor_file import TensorFormat, texts

KEPT = 512
"""Marks of each file: two of sixty-four channels have some sixteen of them."""

_FILE = TensorFormat(
    name="eegpt-known-files",
    version=1,
    noun="list of known files",
    largest=2**24,
    again="Make it again",
)


def files_of(recording: Recording, more: Mapping[str, Fingerprint] | None = None) -> set[str]:
    """Return the SHA-256 of a recording's file, and of known files that it has samples of.

    Parameters
    ----------
    recording : Recording
    more : mapping, optional
        Further files: SHA-256 -> fingerprint.

    Returns
    -------
    set of str
        Empty for a recording that is being made and has no file.
    """
    if not recording.sha256:
        return set()
    known = {*known_files(), *(more or {})}
    marks = () if recording.sha256 in known else recording.fingerprint
    return same_files({recording.sha256: marks}, more)


def same_files(
    files: Mapping[str, Fingerprint], more: Mapping[str, Fingerprint] | None = None
) -> set[str]:
    """Return the SHA-256 of files, and of known ones that have samples in common with them.

    Parameters
    ----------
    files : mapping
        SHA-256 -> fingerprint, which is not looked at where the file is a known one.
    more : mapping, optional
        Further files: SHA-256 -> fingerprint.
    """
    digests = set(files)
    for sha256, marks in files.items():
        own = known_files().get(sha256, (more or {}).get(sha256, marks))
        candidates = {other for mark in own for other in _holders().get(mark, ())}
        theirs = {**(more or {}), **{other: known_files()[other] for other in candidates}}
        digests |= {other for other, marks in theirs.items() if same_samples(own, marks)}
    return digests


@cache
def _holders() -> Mapping[int, Sequence[str]]:
    """Return which of the known files have a mark."""
    holders: dict[int, list[str]] = {}
    for sha256, marks in known_files().items():
        for mark in marks:
            holders.setdefault(mark, []).append(sha256)
    return holders


@cache
def known_files() -> Mapping[str, Fingerprint]:
    """Return the files that this program's population and encoders learned from.

    Returns
    -------
    mapping
        SHA-256 -> fingerprint, of up to 512 marks.
    """
    return _FILE.load(Path(__file__).with_suffix(".safetensors"), _build, "its files")


def save_known_files(
    files: Mapping[str, Iterable[int]], path: Path, overwrite: bool = False
) -> Path:
    """Write such a list: SHA-256 -> fingerprint.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, or cannot be written.
    """
    marks = as_array([tuple(fingerprint) for fingerprint in files.values()], KEPT)
    return _FILE.save(path, {"files": list(files)}, {"marks": marks}, overwrite, _build)


def _build(table: dict[str, Any], tensors: dict[str, np.ndarray]) -> dict[str, Fingerprint]:
    return dict(zip(texts(table["files"]), from_array(tensors["marks"]), strict=True))
