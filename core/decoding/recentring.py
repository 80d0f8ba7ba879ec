"""Recentring: the reference of the covariances taken anew from a run's first signal.

From one run to the next all windows of a person move together, which moves the threshold between
the classes more than it hides them. No label is needed to follow that. The reference is taken once
and then stays: one that followed the signal would learn from the cues that went before what comes
next, where they are not at random.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from core.decoding.spatial import power
from core.errors import InputError

REFERENCE_SECONDS = 60.0
"""Seconds of first signal, labels unseen, that a reference is taken from: of a run, and in training
and evaluation of a recording or a person."""

LEAST_SECONDS = 30.0
"""With less, it matters too much what was imagined meanwhile."""

DECODER = "decoder"
"""What logs call the reference that a decoder brings."""

FIRST_SECONDS = 8.0
"""Of signal from which on the reference of the run so far is used."""

GROWING = "start"
"""What logs call the reference of a run's windows so far, while it is still taken."""

_LONGEST = 3600.0  # s


def check_seconds(seconds: float) -> float:
    """Return the seconds of signal that a reference is taken from, if they make sense.

    Raises
    ------
    InputError
        If they do not.
    """
    if not LEAST_SECONDS <= seconds <= _LONGEST:
        raise InputError(
            f"A reference from {seconds:g} s of signal was asked for; choose {LEAST_SECONDS:g} to "
            f"{_LONGEST:g} s."
        )
    return seconds


def check_flags(recentre: str | None, seconds: float | None, adapt: Sequence[str]) -> None:
    """Refuse ``--recentre``, ``--recentre-seconds`` and ``--adapt`` that contradict each other.

    Raises
    ------
    InputError
        If they do, or the seconds make no sense.
    """
    if seconds is not None:
        if recentre == "off":
            raise InputError("--recentre off takes no --recentre-seconds; leave one of them out.")
        check_seconds(seconds)
    if len(set(adapt)) < len(adapt):
        raise InputError(f"--adapt {' '.join(adapt)} names one of them twice.")
    if "recentre" in adapt and recentre == "off":
        raise InputError("--adapt recentre goes on with what --recentre off forbids; choose one.")


@dataclass(frozen=True)
class RunReference:
    """References of the covariances that a run's own signal gave.

    Attributes
    ----------
    whiteners : tuple of ndarray, each (picked, picked)
        Inverse square root of the mean covariance, for each of a decoder's views.
    seconds : float
        Of signal that it was taken from.
    windows : int
        That it is the mean of.
    """

    whiteners: tuple[np.ndarray, ...]
    seconds: float
    windows: int

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its values."""
        content = hashlib.sha256()
        for values in self.whiteners:
            content.update(np.ascontiguousarray(values, dtype="<f8").tobytes())
        return content.hexdigest()

    @property
    def name(self) -> str:
        """What logs call it: the beginning of its digest."""
        return self.digest[:16]


class ReferenceMean:
    """Mean covariance of windows, and how much signal they cover.

    Parameters
    ----------
    rate : float
        Of the signal in Hz.
    window, hop : int
        Samples of a window, and from one to the next.

    Notes
    -----
    Zanini, Congedo, Jutten, Said and Berthoumieu (2018), Transfer learning: a Riemannian geometry
    framework with applications to brain-computer interfaces, IEEE Trans. Biomed. Eng. 65(5); with
    the arithmetic mean, as He and Wu (2020) take it, which is a sum and costs a decision nothing.
    """

    def __init__(self, rate: float, window: int, hop: int) -> None:
        self._rate, self._window, self._hop = rate, window, hop
        self._sums: list[np.ndarray] = []
        self._windows = 0
        self._covered = 0  # samples
        self._unbroken = False

    @property
    def seconds(self) -> float:
        """Of signal that the windows cover."""
        return self._covered / self._rate

    def reset(self) -> None:
        """Take it that the next window shares no sample with those before."""
        self._unbroken = False

    def take(self, covariances: Sequence[np.ndarray]) -> None:
        """Take the next window's covariances, each (picked, picked), one for each view."""
        self._covered += self._hop if self._unbroken else self._window
        self._unbroken = True
        self._windows += 1
        if not self._sums:
            self._sums = [np.zeros_like(covariance) for covariance in covariances]
        for sums, covariance in zip(self._sums, covariances, strict=True):
            sums += covariance

    def reference(self) -> RunReference:
        """Return the reference that the windows so far give; there must be one at least."""
        return RunReference(
            tuple(power(sums / self._windows, -0.5) for sums in self._sums),
            self.seconds,
            self._windows,
        )


class RunStart:
    """Takes the reference of a run's first signal, which grows until there is enough of it.

    What counts is signal that whole windows cover, none of them with an artifact in it or over a
    break.

    Parameters
    ----------
    seconds : float
        Of signal to take it from.
    rate, window, hop
        As for `ReferenceMean`.

    Raises
    ------
    InputError
        If the seconds make no sense.
    """

    def __init__(self, seconds: float, rate: float, window: int, hop: int) -> None:
        self._needed = math.ceil(check_seconds(seconds) * rate) / rate  # s
        self._mean = ReferenceMean(rate, window, hop)

    @property
    def seconds_to_go(self) -> float:
        """Signal still needed, in seconds."""
        return max(0.0, self._needed - self._mean.seconds)

    @property
    def name(self) -> str:
        """What logs call the reference that there is so far."""
        return GROWING if self._mean.seconds >= FIRST_SECONDS else DECODER

    def reset(self) -> None:
        """Take it that the next window shares no sample with those before."""
        self._mean.reset()

    def take(self, covariances: Sequence[np.ndarray]) -> RunReference | None:
        """Take the next window, as `ReferenceMean`; return the reference of the windows so far.

        None before `FIRST_SECONDS`: a window would be compared with nearly itself.
        """
        self._mean.take(covariances)
        return self._mean.reference() if self._mean.seconds >= FIRST_SECONDS else None
