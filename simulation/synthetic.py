"""A simulated subject: EEG that changes when it imagines moving a hand, the feet or the tongue."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.electrodes import direction
from core.errors import InputError
from core.recordings import Event, Recording

LABELS = tuple(
    """
    FP1 FP2 F7 F3 FZ F4 F8 FC5 FC1 FC2 FC6 T7 C5 C3 C1 CZ
    C2 C4 C6 T8 CP5 CP1 CP2 CP6 P7 P3 PZ P4 P8 O1 OZ O2
    """.split()
)
"""The simulated cap: 32 electrodes of the 10-10 system."""

IMAGERY = ("left_hand", "right_hand", "feet", "tongue")
"""What the subject can imagine; anything else is rest."""

_BLOCK = 64  # samples made at once, so that rounding does not depend on how many are asked for
_BACKGROUND_UV = 9.0  # standard deviation of the 1/f background
_SENSOR_UV = 0.7  # of each channel's own noise
_LINE = 50.0  # Hz of the mains
_LINE_UV = 1.5  # amplitude of the mains hum at a typical electrode
_BLINK_UV = 120.0  # peak of a typical blink at the forehead
_BLINK_PAUSE = 4.0  # s between blinks, on average, beyond half a second


class SimulatedSubject:
    """Makes the EEG of one subject, sample after sample.

    Parameters
    ----------
    seed : int
        The subject: one seed has one head and its own rhythms.
    rate : float
        Sampling rate in Hz.
    labels : sequence of str
        Electrodes of the 10-05 system.
    run : int
        Which recording of that subject; runs differ by chance alone.

    Attributes
    ----------
    imagined : str or None
        What the subject is imagining.

    Raises
    ------
    InputError
        If a label is no electrode of the 10-05 system, or the rate is under 100 Hz.

    Notes
    -----
    Amplitudes are those of scalp EEG: a 1/f background of 9 µV that neighbours share, an
    occipital alpha rhythm, blinks of 120 µV at the forehead, and mains hum. Over the hand areas
    (C3, C4), the foot area (CZ) and the face areas (C5, C6) there are a mu rhythm near 11 Hz and
    a beta rhythm near twice that. Imagery lowers those of the area concerned, for a hand on the
    opposite side and a little on its own, half of it within 0.4 s, and by another amount each
    time (event-related desynchronisation: Pfurtscheller and Lopes da Silva, 1999).
    """

    def __init__(
        self,
        seed: int = 0,
        rate: float = 250.0,
        labels: Sequence[str] = LABELS,
        run: int = 0,
    ) -> None:
        if rate < 100:
            raise InputError(f"A simulated subject needs at least 100 Hz, not {rate:g} Hz.")
        self.seed, self.rate, self.labels = seed, float(rate), tuple(labels)
        self.imagined: str | None = None
        places = np.array([_place(label) for label in labels])  # (channels, xyz)
        subject = np.random.default_rng([seed, 0])
        noise, blinks, self._chance = (np.random.default_rng([seed, 1, run, i]) for i in range(3))

        sources = _sources(subject)
        self._effects = [source.lowered for source in sources]
        self._patterns = np.array(
            [source.size_uv * _seen(places, source.site, 0.45) for source in sources]
        )  # (sources, channels), µV
        # Two equal delays in a row: a slow start, half the way after 0.34 s, most after 0.8 s.
        lag = np.exp(-1.0 / (0.2 * rate))
        self._follow = _Filter(
            np.array([(1 - lag) ** 2]), np.array([1.0, -2 * lag, lag**2]), len(sources)
        )
        self._goal = np.ones(len(sources))  # amplitude of every source, relative to rest
        self._follow.settle(self._goal)
        self._blocks = _blocks(sources, places, self.rate, subject, noise, blinks)
        self._background = np.empty((0, len(places)))  # µV, made and not yet given
        self._waves = np.empty((0, len(sources)))

    def imagine(self, kind: str | None) -> None:
        """Start to imagine something at the next sample; None, or "rest", ends it.

        Raises
        ------
        InputError
            If the subject cannot imagine that.
        """
        kind = None if kind == "rest" else kind
        if kind not in (None, *IMAGERY):
            raise InputError(
                f'The simulated subject cannot imagine "{kind}"; it knows {", ".join(IMAGERY)} '
                "and rest."
            )
        if kind == self.imagined:
            return
        self.imagined = kind
        effort = self._chance.uniform(0.6, 1.1) if kind else 0.0
        self._goal = np.array(
            [1.0 - effort * effect.get(kind, 0.0) if kind else 1.0 for effect in self._effects]
        )

    def generate(self, n: int) -> np.ndarray:
        """Return the next samples.

        How many are asked for at a time changes nothing, as long as `imagine` is called at the
        same samples.

        Returns
        -------
        ndarray of float32, shape (n, channels)
            In µV, against a common reference.
        """
        background, waves = [self._background], [self._waves]
        made = len(self._background)
        while made < n:
            more = next(self._blocks)
            background.append(more[0])
            waves.append(more[1])
            made += _BLOCK
        all_background, all_waves = np.concatenate(background), np.concatenate(waves)
        self._background, self._waves = all_background[n:], all_waves[n:]

        signal = all_background[:n].copy()
        amplitudes = self._follow(np.broadcast_to(self._goal, (n, len(self._goal))))
        rhythms = amplitudes * all_waves[:n]  # (n, sources)
        # One after another: how a matrix product rounds depends on the number of samples.
        for rhythm, pattern in zip(rhythms.T, self._patterns, strict=True):
            signal += rhythm[:, None] * pattern
        return signal.astype(np.float32)


def session(
    trials_per_class: int = 20,
    classes: Sequence[str] = ("left_hand", "right_hand"),
    seed: int = 0,
    rate: float = 250.0,
    labels: Sequence[str] = LABELS,
    run: int = 1,
) -> Recording:
    """Record a cued session of a simulated subject at once.

    A cue comes every 8 s on average, in balanced random order, and is followed by 4 s of imagery.

    Parameters
    ----------
    trials_per_class : int
        Cues of each class.
    classes : sequence of str
        Some of `IMAGERY`, or "rest".
    seed, rate, labels, run
        As in `SimulatedSubject`; a live one of the same seed is the same subject.

    Returns
    -------
    Recording
        Its events are the cues, labelled by class, each lasting 4 s.
    """
    subject = SimulatedSubject(seed, rate, labels, run)
    chance = np.random.default_rng([seed, 2, run])
    order = chance.permutation(np.repeat(np.array(classes), trials_per_class))
    pieces, events, position = [], [], 0

    def record(seconds: float) -> None:
        nonlocal position
        pieces.append(subject.generate(round(seconds * rate)))
        position += len(pieces[-1])

    for kind in order.tolist():
        record(chance.uniform(3.0, 5.0))
        events.append(Event(position / rate, 4.0, kind))
        subject.imagine(kind)
        record(4.0)
        subject.imagine(None)
    record(4.0)
    samples = np.concatenate(pieces)
    return Recording(
        samples_uv=samples,
        rate=float(rate),
        labels=tuple(labels),
        events=tuple(events),
        breaks=(),
        path=Path(f"simulated-subject-{seed}-run-{run}"),
        sha256=hashlib.sha256(samples.tobytes()).hexdigest(),
    )


@dataclass(frozen=True)
class _Source:
    """A patch of cortex with a rhythm of its own."""

    site: np.ndarray  # direction of the electrode above it
    hertz: float
    width: float  # Hz, of its spectral peak
    size_uv: float  # standard deviation at that electrode
    lowered: dict[str, float]  # imagery -> share of its amplitude that full effort takes away


def _sources(subject: np.random.Generator) -> list[_Source]:
    mu = subject.uniform(10.3, 12.0)  # Hz
    beta = 2 * mu - 1.5
    sources = []
    for kind, label in (("left_hand", "C4"), ("right_hand", "C3"), ("feet", "CZ")):
        lowered = {"left_hand": 0.12, "right_hand": 0.12} if kind != "feet" else {}
        lowered |= {kind: 0.7}
        size = subject.uniform(0.9, 1.2)
        sources.append(_Source(_place(label), mu, 2.2, 6.0 * size, lowered))
        sources.append(_Source(_place(label), beta, 4.0, 3.0 * size, lowered))
    for label in ("C5", "C6"):
        sources.append(_Source(_place(label), mu + 0.6, 2.0, 3.5, {"tongue": 0.7}))
    alpha = mu - subject.uniform(0.6, 1.4)
    for label in ("O1", "O2", "POZ"):
        sources.append(_Source(_place(label), alpha, 1.2, subject.uniform(5.0, 8.0), {}))
    return sources


def _blocks(
    sources: Sequence[_Source],
    places: np.ndarray,
    rate: float,
    subject: np.random.Generator,
    noise: np.random.Generator,
    blinks: np.random.Generator,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Make, block after block, what imagery leaves alone and the waves that it acts on.

    Yields
    ------
    background : ndarray, shape (block, channels)
        In µV.
    waves : ndarray, shape (block, sources)
        Of unit variance.
    """
    channels = len(places)
    mixing = _BACKGROUND_UV * _shared(places)  # (channels, channels)
    colour = _Filter(*_pink(rate), channels)
    resonators = [_Filter(*_resonator(s.hertz, s.width, rate), 1) for s in sources]
    hum = _LINE_UV * subject.lognormal(0.0, 0.5, channels)  # µV
    lag = subject.uniform(-0.5, 0.5, channels)  # rad
    forehead = _seen(places, _place("FPZ"), 0.55)  # (channels,)
    lid = np.hanning(round(0.3 * rate))  # of one blink
    blink = np.zeros(0)  # µV, of blinks that have begun
    next_blink = blinks.exponential(_BLINK_PAUSE)  # s
    made = 0
    while True:
        time = (made + np.arange(_BLOCK)) / rate
        blink = np.concatenate([blink, np.zeros(_BLOCK + len(lid) - len(blink))])
        while next_blink <= time[-1]:
            onset = max(int(next_blink * rate) - made, 0)
            blink[onset : onset + len(lid)] += _BLINK_UV * blinks.uniform(0.7, 1.3) * lid
            next_blink += 0.5 + blinks.exponential(_BLINK_PAUSE)
        background = colour(noise.standard_normal((_BLOCK, channels))) @ mixing
        background += _SENSOR_UV * noise.standard_normal((_BLOCK, channels))
        background += blink[:_BLOCK, None] * forehead
        background += hum * np.sin(2 * np.pi * _LINE * time[:, None] + lag)
        waves = [resonator(noise.standard_normal((_BLOCK, 1))) for resonator in resonators]
        yield background, np.concatenate(waves, axis=1)
        blink = blink[_BLOCK:]
        made += _BLOCK


class _Filter:
    """A recursive filter over the columns of a signal, with kept state."""

    def __init__(self, numerator: np.ndarray, denominator: np.ndarray, columns: int) -> None:
        from scipy.signal import lfilter

        self._lfilter = lfilter
        self._b, self._a = numerator, denominator
        self._state = np.zeros((max(len(numerator), len(denominator)) - 1, columns))

    def __call__(self, signal: np.ndarray) -> np.ndarray:
        filtered: np.ndarray
        filtered, self._state = self._lfilter(self._b, self._a, signal, axis=0, zi=self._state)
        return filtered

    def settle(self, level: np.ndarray) -> None:
        """Behave as if the signal had always been at `level`, (columns,)."""
        from scipy.signal import lfilter_zi

        self._state = lfilter_zi(self._b, self._a)[:, None] * level


def _pink(rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a filter that turns white noise into 1/f noise of unit variance, from 0.5 Hz up.

    Poles and zeros alternate octave by octave, which makes 3 dB an octave on average.
    """
    from scipy.signal import lfilter

    corners = 0.5 * 2.0 ** np.arange(8)  # Hz, up to 64
    decays = np.exp(-2 * np.pi * corners[corners < rate / 4] / rate)
    denominator, numerator = np.poly(decays[0::2]), np.poly(decays[1::2])
    impulse = np.zeros(round(10 * rate))
    impulse[0] = 1.0
    gain = np.sqrt((lfilter(numerator, denominator, impulse) ** 2).sum())
    return numerator / gain, denominator


def _resonator(hertz: float, width: float, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a filter that turns white noise into a rhythm of unit variance."""
    radius = np.exp(-np.pi * width / rate)
    a1, a2 = -2 * radius * np.cos(2 * np.pi * hertz / rate), radius**2
    # Variance of a second-order autoregressive process (Box and Jenkins, 3.2.4).
    variance = (1 + a2) / ((1 - a2) * ((1 + a2) ** 2 - a1**2))
    return np.array([1.0 / np.sqrt(variance)]), np.array([1.0, a1, a2])


def _place(label: str) -> np.ndarray:
    """Return the direction (right, front, up) of an electrode, on a unit sphere.

    Raises
    ------
    InputError
        If the label is none.
    """
    place = direction(label)
    if place is None:
        raise InputError(
            f'The simulated subject has no electrode "{label}"; use names of the 10-05 system.'
        )
    return np.array(place)


def _seen(places: np.ndarray, site: np.ndarray, reach: float) -> np.ndarray:
    """Return how strongly each place sees a source at a site; `reach` in rad."""
    angle = np.arccos(np.clip(places @ site, -1.0, 1.0))
    weights: np.ndarray = np.exp(-0.5 * (angle / reach) ** 2)
    return weights


def _shared(places: np.ndarray) -> np.ndarray:
    """Return a symmetric mixing that makes neighbours alike and keeps every variance."""
    angle = np.arccos(np.clip(places @ places.T, -1.0, 1.0))
    values, vectors = np.linalg.eigh(np.exp(-0.5 * (angle / 0.5) ** 2))
    root: np.ndarray = (vectors * np.sqrt(np.clip(values, 0.0, None))) @ vectors.T
    return root
