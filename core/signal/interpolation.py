"""What a bad electrode would have recorded, from its neighbours: spherical splines."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.polynomial import legendre

from core.electrodes import direction
from core.errors import InputError

LARGEST_SHARE = 0.1
"""Of a decoder's electrodes that may be set aside; one always may."""

_TERMS, _STIFFNESS, _SMOOTHING = 50, 4, 1e-5


def most_aside(electrodes: int) -> int:
    """Return how many of so many electrodes may be set aside."""
    return max(1, int(LARGEST_SHARE * electrodes))


def positions_aside(channels: Sequence[str], names: Sequence[str]) -> list[int]:
    """Return which channels electrodes are that shall be set aside, in their order.

    Raises
    ------
    InputError
        If there is no such electrode, they are too many, or cannot be interpolated.
    """
    known = list(channels)
    for name in names:
        if name not in known:
            raise InputError(
                f"The decoder has no electrode {name}, so it cannot be set aside; its electrodes "
                f"are {' '.join(known)}."
            )
    aside = sorted({known.index(name) for name in names})
    most = most_aside(len(known))
    if len(aside) > most:
        raise InputError(
            f"{len(aside)} of the decoder's {len(known)} electrodes cannot be set aside: only "
            f"{most} may be interpolated, or too little of the head would be left."
        )
    if aside:
        interpolation_weights(known, aside)
    return aside


def interpolation_weights(channels: Sequence[str], aside: Sequence[int]) -> np.ndarray:
    """Return the weights that make bad channels of good ones.

    Parameters
    ----------
    channels : sequence of str
        Electrodes.
    aside : sequence of int
        Which of them are bad.

    Returns
    -------
    ndarray, shape (bad, channels)
        Zero at the bad channels.

    Raises
    ------
    InputError
        If a bad channel is no electrode of the 10-05 system, or fewer than four good ones are.

    Notes
    -----
    Perrin, Pernier, Bertrand and Echallier (1989), Spherical splines for scalp potential and
    current density mapping, Electroencephalography and clinical Neurophysiology 72(2), equations
    1 to 3; with the terms and the smoothing of MNE's `interpolate_bads`, which the tests compare
    it with, and on the places of `core.electrodes.direction`. MNE itself takes seconds to import,
    for which a live stream would not be decoded.
    """
    places = [direction(name) for name in channels]
    lost = [channels[index] for index in aside if places[index] is None]
    if lost:
        raise InputError(
            f"{lost[0]} is no electrode of the 10-05 system, so nothing can be interpolated there."
        )
    good = [index for index, place in enumerate(places) if place is not None and index not in aside]
    if len(good) < 4:
        raise InputError(
            f"{len(good)} good electrodes are left; at least 4 are needed to interpolate others."
        )
    known = np.array([places[index] for index in good])  # (good, 3)
    wanted = np.array([places[index] for index in aside])  # (bad, 3)
    system = np.ones((len(good) + 1, len(good) + 1))
    system[:-1, :-1] = _spline(known @ known.T) + _SMOOTHING * np.eye(len(good))
    system[-1, -1] = 0.0
    right = np.hstack([_spline(wanted @ known.T), np.ones((len(aside), 1))])  # (bad, good + 1)
    weights = np.zeros((len(aside), len(channels)))
    weights[:, good] = (right @ np.linalg.pinv(system))[:, :-1]
    return weights


def _spline(cosines: np.ndarray) -> np.ndarray:
    """Return g of equation 3, for cosines of the angles between places."""
    n = np.arange(1, _TERMS + 1)
    terms = (2 * n + 1) / (n * (n + 1.0)) ** _STIFFNESS / (4 * np.pi)
    values: np.ndarray = legendre.legval(cosines, np.concatenate([[0.0], terms]))
    return values
