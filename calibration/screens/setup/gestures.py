"""Blinks and clenched teeth: two signals whose place on the head is known beforehand.

Where they show up tells whether channels carry the names of the electrodes that they come from.
A mix-up of left and right cannot be seen this way, for both are symmetric.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.topography import head_place

_MAINS = (50.0, 60.0)  # Hz, left out of the muscle band


@dataclass(frozen=True)
class Gesture:
    """Something that the person is asked to do.

    Attributes
    ----------
    name : str
        "Blinks" or "Clenched teeth".
    prompt : str
        What the person is asked for.
    where : str
        Where it shows up, in words.
    low, high : float
        Band in Hz.
    least_uv : float
        Peak to peak below which a channel shows nothing of it.
    """

    name: str
    prompt: str
    where: str
    low: float
    high: float
    least_uv: float


BLINK = Gesture("Blinks", "Blink slowly, a few times", "front", 1.0, 8.0, 50.0)
CLENCH = Gesture("Clenched teeth", "Clench your teeth", "sides", 30.0, 95.0, 20.0)


@dataclass(frozen=True)
class Verdict:
    """Whether a gesture showed up where it should.

    Attributes
    ----------
    lit : tuple of bool
        Channels that it showed up in.
    right : bool or None
        Whether they are where they should be; None where that cannot be judged.
    words : str
        The same in a sentence, with what to do.
    """

    lit: tuple[bool, ...]
    right: bool | None
    words: str


def strength(samples_uv: np.ndarray, rate: float, gesture: Gesture) -> np.ndarray:
    """Return how far each channel swings in the band of a gesture.

    Parameters
    ----------
    samples_uv : ndarray, shape (samples, channels)
        About a second of raw signal, in µV.
    rate : float
        In Hz.
    gesture : Gesture
        What to look for.

    Returns
    -------
    ndarray, shape (channels,)
        From the 2nd to the 98th percentile, in µV.
    """
    samples = np.asarray(samples_uv, dtype=np.float64)
    if len(samples) < 8:
        return np.zeros(samples.shape[1])
    if samples.shape[1] >= 8:  # what all share comes through the reference
        samples = samples - np.median(samples, axis=1, keepdims=True)
    time = np.linspace(-1.0, 1.0, len(samples))[:, None]
    samples = samples - samples.mean(axis=0)
    samples = samples - time * (time * samples).sum(axis=0) / (time**2).sum()
    frequency = np.fft.rfftfreq(len(samples), 1.0 / rate)
    kept = (frequency >= gesture.low) & (frequency <= gesture.high)
    if gesture.high > 40.0:
        for mains in _MAINS:
            kept &= np.abs(frequency - mains) > 2.0
    inside = np.fft.irfft(np.fft.rfft(samples, axis=0) * kept[:, None], len(samples), axis=0)
    low, high = np.percentile(inside, (2, 98), axis=0)
    return np.asarray(high - low)


class GestureCheck:
    """Gathers what a gesture does to each channel.

    Parameters
    ----------
    gesture : Gesture
        What the person is asked to do.
    labels : sequence of str
        Of the channels.
    rate : float
        In Hz.

    Attributes
    ----------
    strongest : ndarray, shape (channels,)
        Largest `strength` so far, in µV.
    """

    def __init__(self, gesture: Gesture, labels: Sequence[str], rate: float) -> None:
        self.gesture = gesture
        self.strongest = np.zeros(len(labels))
        self._labels = tuple(labels)
        self._rate = rate
        self._places = [head_place(label) for label in labels]

    def feed(self, samples_uv: np.ndarray) -> None:
        """Take a stretch of signal during the gesture, shape (samples, channels), in µV."""
        seen = strength(samples_uv, self._rate, self.gesture)
        self.strongest = np.fmax(self.strongest, np.where(np.isfinite(seen), seen, 0.0))

    def verdict(self) -> Verdict:
        """Judge what was gathered."""
        known = [i for i, place in enumerate(self._places) if place is not None]
        quiet = float(np.percentile(self.strongest, 25)) if len(self.strongest) else 0.0
        lit = self.strongest > max(self.gesture.least_uv, 2.0 * quiet)
        shown = tuple(bool(flag) for flag in lit)
        name, where = self.gesture.name, self.gesture.where
        reach = np.array([self._reach(i) for i in known])
        if len(known) < 2 or np.ptp(reach) < 0.25:
            return Verdict(
                shown, None, f"{name} cannot be judged: no electrodes known at the {where}."
            )
        if not any(shown[i] for i in known):
            return Verdict(
                shown,
                None,
                f"{name} were not seen. Try again; if they stay unseen, check the unit and the "
                "contact of the electrodes.",
            )
        most = sorted(known, key=lambda i: -self.strongest[i])
        top = most[0]
        names = " and ".join(self._labels[i] for i in most[:2] if shown[i])
        # With few electrodes, those that reach furthest stand for the place.
        if self._reach(top) >= min(0.44, float(reach.max()) - 0.125):
            return Verdict(
                shown, True, f"{name} are strongest at {names}: at the {where}, as they should be."
            )
        expected = sorted(known, key=lambda i: -self._reach(i))[:2]
        instead = " and ".join(self._labels[i] for i in expected)
        return Verdict(
            shown,
            False,
            f"{name} are strongest at {names}, but should be at the {where}, as at {instead}. "
            "Check the order and the names of the channels.",
        )

    def _reach(self, index: int) -> float:
        """Return how far to the front, or to a side, an electrode lies, in head radii."""
        place = self._places[index]
        assert place is not None
        return float(place[1] if self.gesture.where == "front" else abs(place[0]))
