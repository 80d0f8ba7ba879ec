"""Whether two recordings are of the same samples, whatever their files are called or made like.

A hash of a file changes with its format, and a hash of samples with how they were rounded. What
stays is where a channel jumps most: the gaps between its largest steps tell a stretch of signal
from all others, at any scale and offset, in any order of channels, and in a part of it too. The
same idea finds music and films again (Wang 2003, An industrial-strength audio search algorithm,
ISMIR).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from core.electrodes import is_site
from core.errors import InputError
from core.recordings.recording import Recording

_NEAR = 0.5  # s on either side in which no other step is as large
_GAPS = 5  # between steps that follow each other: one mark
_MOST = 2048  # marks of a recording that are compared, those of the least hash
_KEPT = 128  # marks that are written down
_EVEN = 0.15  # of the shortest gap: as far from a multiple of it as gaps of a regular rhythm are
_SAME = 6  # marks in common: what two recordings never have by chance
_BYTES = 6  # of a mark

Fingerprint = tuple[int, ...]
"""Marks of a recording, in rising order; of one of too few marks, a hash of its samples alone."""


def fingerprint(recording: Recording) -> Fingerprint:
    """Return what tells the samples of a recording from all others.

    Returns
    -------
    tuple of int
        Up to 2048 numbers of 48 bits, in rising order; the same share of them comes back in a part
        of the recording.
    """
    sites = [i for i, label in enumerate(recording.labels) if is_site(label)]
    samples = recording.samples_uv[:, sites] if sites else recording.samples_uv
    near = max(1, round(_NEAR * recording.rate))
    marks = {
        mark
        for start, stop in pairwise((0, *recording.breaks, len(samples)))
        for positions in _largest_steps(samples[start:stop], near)
        for mark in _marks(positions, recording.rate, near)
    }
    if len(marks) < _SAME:
        return (_hash(recording.samples_sha256.encode()),)
    return tuple(sorted(marks)[:_MOST])


def same_samples(first: Fingerprint, second: Fingerprint) -> bool:
    """Return whether two recordings have a stretch of samples in common."""
    common = len(set(first) & set(second))
    return common >= min(_SAME, len(first), len(second)) > 0


def find_copy(fingerprints: Sequence[Fingerprint]) -> tuple[int, int] | None:
    """Return the first two of many recordings that have samples in common; None if no two do."""
    holders: dict[int, list[int]] = {}
    for index, marks in enumerate(fingerprints):
        others: set[int] = set()  # with a mark in common
        for mark in marks:
            others.update(holders.setdefault(mark, []))
            holders[mark].append(index)
        for other in sorted(others):
            if same_samples(fingerprints[other], marks):
                return other, index
    return None


def refuse_copies(recordings: Sequence[Recording]) -> None:
    """Refuse to take a recording twice: its trials would be learned from and tested on.

    Raises
    ------
    InputError
        If two of them have samples in common.
    """
    if len(recordings) < 2:
        return
    copy = find_copy([recording.fingerprint for recording in recordings])
    if copy is not None:
        first, second = (recordings[index] for index in copy)
        if first.path == second.path and first.sha256 == second.sha256:
            raise InputError(f"{first.path} is named twice; name every recording once.")
        names = f"{first.path} and {second.path}"
        if first.path == second.path:  # as all recordings that come from memory
            names = f"Recordings {copy[0] + 1} and {copy[1] + 1}"
        raise InputError(
            f"{names} are the same recording, or parts of one: they have samples in common. Name "
            "only one of them."
        )


def as_text(marks: Fingerprint) -> str:
    """Return a fingerprint, its first 128 marks, as one word of hexadecimal digits, for JSON."""
    return b"".join(mark.to_bytes(_BYTES) for mark in marks[:_KEPT]).hex()


def from_text(text: str) -> Fingerprint:
    """Return the fingerprint that `as_text` wrote; of what it did not write, none."""
    try:
        content = bytes.fromhex(text)
    except ValueError:
        return ()
    return tuple(int.from_bytes(content[i : i + _BYTES]) for i in range(0, len(content), _BYTES))


def as_array(fingerprints: Sequence[Fingerprint], most: int = _KEPT) -> np.ndarray:
    """Return the first marks of fingerprints as an int64 array, (fingerprints, marks), for a file.

    Shorter ones end in -1.
    """
    array = np.full((len(fingerprints), most), -1, dtype=np.int64)
    for row, marks in zip(array, fingerprints, strict=True):
        row[: len(marks)] = marks[:most]
    return array


def from_array(array: np.ndarray) -> list[Fingerprint]:
    """Return the fingerprints that `as_array` was given.

    Raises
    ------
    ValueError
        If the array is none of them.
    """
    if array.ndim != 2 or array.dtype != np.int64:
        raise ValueError("fingerprints have one row each, of whole numbers")
    return [tuple(mark for mark in row if mark >= 0) for row in array.tolist()]


def _largest_steps(samples: np.ndarray, near: int) -> Iterator[np.ndarray]:
    """Yield where each channel steps by more than anywhere near; steps as large as it count too."""
    from scipy.ndimage import maximum_filter1d

    with np.errstate(invalid="ignore"):  # between infinities
        steps = np.abs(np.diff(samples, axis=0, prepend=samples[:1]))
    steps[~np.isfinite(steps)] = 0.0
    largest = (steps > 0.0) & (steps == maximum_filter1d(steps, 2 * near + 1, axis=0))
    largest[:near] = largest[max(near, len(steps) - near) :] = False  # what is near is not known
    for channel in largest.T:
        yield np.flatnonzero(channel)


def _marks(positions: np.ndarray, rate: float, near: int) -> Iterator[int]:
    gaps = np.diff(positions)
    if len(gaps) < _GAPS:
        return
    some = sliding_window_view(gaps, _GAPS)  # (marks, gaps)
    for mark in some[~_even(some, some >= near)].tolist():
        yield _hash(f"{rate:.0f} {mark}".encode())


def _even(gaps: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Return whether gaps are those of a regular rhythm: a heart or a pulse is in any recording.

    Both have the shape (marks, gaps); gaps that are not counted say nothing, and of too few
    nothing is said.
    """
    times = gaps / np.where(counted, gaps, np.inf).min(axis=1, keepdims=True)
    uneven = np.where(counted, np.abs(times - np.round(times)), 0.0).max(axis=1)
    even: np.ndarray = (counted.sum(axis=1) >= _GAPS - 1) & (uneven < _EVEN)
    return even


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.sha256(content).digest()[:_BYTES])
