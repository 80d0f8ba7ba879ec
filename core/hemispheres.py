"""Exchanging left and right: electrodes with their counterparts, and one hand with the other."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

HANDS = ("left_hand", "right_hand")


def counterpart(electrode: str) -> str:
    """Return the electrode at the same place of the other hemisphere (C3 -> C4, CZ -> CZ)."""
    site = re.fullmatch(r"(\D+)(\d+)(H?)", electrode)
    if site is None:
        return electrode
    row, number, half = site[1], int(site[2]), site[3]
    return f"{row}{number + 1 if number % 2 else number - 1}{half}"


def swap(classes: Sequence[str]) -> tuple[int, ...] | None:
    """Return the class that each becomes in a mirror; None if one hand lacks the other."""
    if not set(HANDS) <= set(classes):
        return None
    other = dict(zip(HANDS, reversed(HANDS), strict=True))
    return tuple(list(classes).index(other.get(name, name)) for name in classes)


def mirror_of(views: Sequence[Sequence[str]]) -> np.ndarray | None:
    """Return where tangent features go when left and right electrodes are exchanged.

    The mean covariance is mirrored with its trials, so mirroring before and after the alignment
    is the same.

    Returns
    -------
    ndarray of int, shape (features,), or None
        None if an electrode's counterpart is missing.
    """
    orders, start = [], 0
    for view in views:
        partners = [counterpart(name) for name in view]
        if not set(partners) <= set(view):
            return None
        place = np.array([list(view).index(name) for name in partners])
        rows, columns = np.triu_indices(len(view))
        position = np.zeros((len(view), len(view)), dtype=np.intp)
        position[rows, columns] = position[columns, rows] = np.arange(len(rows))
        orders.append(start + position[place[rows], place[columns]])
        start += len(rows)
    return np.concatenate(orders)
