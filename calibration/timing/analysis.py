"""The flicker test: how late light follows a stamp, and how evenly frames come."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from core.errors import InputError
from core.settings import Settings

_EARLIEST, _LATEST = -0.05, 0.25  # s around a stamp in which its edge is looked for
_NEIGHBOURS = 14  # frames before and after that make a frame's rhythm
_QUANTILES = {"least": 0.0, "p5": 0.05, "median": 0.5, "p95": 0.95, "most": 1.0}

_UNLIT = (
    "The photodiode's channel does not change between dark and bright; check that the diode "
    "covers the square, and that the right channel was named."
)

Milliseconds = Annotated[float, Field(ge=0.0, le=1000.0)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class TimingLimits(Settings):
    """What a machine must keep to pass. Times in ms.

    The defaults pass a common 60 Hz screen: light within two frames of the stamp, and steady to
    a frame. Decoding needs no better, since its windows are four seconds long; whoever averages
    evoked potentials sets stricter ones.
    """

    latency: Milliseconds = 35.0  # median, stamp to light
    spread: Milliseconds = 17.0  # of the latency, from its 5th to its 95th percentile
    missed: Share = 0.02  # stamps without light
    frame_spread: Milliseconds = 8.0  # of stamps around an even rhythm of frames
    dropped: Share = 0.02  # frames that took more than one and a half periods


@dataclass(frozen=True)
class Check:
    """One number against its limit."""

    name: str
    value: float
    limit: float
    unit: str  # "ms" or "%"

    @property
    def passed(self) -> bool:
        """Whether it is within the limit."""
        return self.value <= self.limit


@dataclass(frozen=True)
class TimingReport:
    """What a flicker test found.

    Attributes
    ----------
    against : str
        "photodiode" or "frames": what the stamps were compared with.
    count : int
        Stamps compared.
    distribution : dict of str to float
        Quantiles in ms: of the latency, or of the distance from an even rhythm.
    checks : tuple of Check
        Against the limits.
    values_ms : tuple of float
        Every latency, or distance.
    facts : dict
        What else was measured.
    """

    against: str
    count: int
    distribution: dict[str, float]
    checks: tuple[Check, ...]
    values_ms: tuple[float, ...]
    facts: dict[str, float]

    @property
    def passed(self) -> bool:
        """Whether every number is within its limit."""
        return all(check.passed for check in self.checks)

    def to_json(self) -> str:
        """Return everything as JSON."""
        checks = [asdict(check) | {"passed": check.passed} for check in self.checks]
        whole: dict[str, Any] = asdict(self) | {"passed": self.passed, "checks": checks}
        return json.dumps(whole, indent=2, allow_nan=False) + "\n"

    def as_text(self) -> str:
        """Return the report as a table."""
        of = {
            "photodiode": "from the stamp to the light",
            "frames": "of the stamps around an even rhythm of frames",
        }[self.against]
        shown = "   ".join(f"{name} {value:.2f}" for name, value in self.distribution.items())
        lines = [f"{self.count} stamps, {of}, in ms:", f"  {shown}", ""]
        for check in self.checks:
            verdict = "pass" if check.passed else "FAIL"
            value, limit = (
                (100 * check.value, 100 * check.limit)
                if check.unit == "%"
                else (check.value, check.limit)
            )
            lines.append(
                f"  {verdict}  {check.name:<34} {value:7.2f} {check.unit:<2} "
                f"(limit {limit:g} {check.unit})"
            )
        facts = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in self.facts.items()]
        lines += ["", "  " + ", ".join(facts)]
        if self.against == "frames":
            lines += ["", "Without a photodiode, what the compositor and the screen add is unseen."]
        return "\n".join(lines)


def light_edges(
    samples: np.ndarray, times: np.ndarray, rising: bool = True
) -> tuple[np.ndarray, float]:
    """Return when a photodiode saw light come, or go.

    An edge is where the signal crosses the middle between dark and bright; it counts once the
    signal has gone well to the other side, so that a backlight's ripple makes no edges.

    Parameters
    ----------
    samples : ndarray, shape (n,)
        In any unit.
    times : ndarray, shape (n,)
        Of each sample, in seconds.
    rising : bool
        Whether the signal grows with the edges looked for.

    Returns
    -------
    edges : ndarray, shape (edges,)
        In seconds, between two samples where need be.
    contrast : float
        Brightness of the step in units of the noise.

    Raises
    ------
    InputError
        If the signal does not change between two levels.
    """
    signal = np.asarray(samples, dtype=np.float64) * (1.0 if rising else -1.0)
    times = np.asarray(times, dtype=np.float64)
    known = np.isfinite(signal)
    signal, times = signal[known], times[known]
    if len(signal) < 10:
        raise InputError("The photodiode's channel holds too few samples.")
    middle = _threshold(signal)
    if not ((signal > middle).any() and (signal <= middle).any()):
        raise InputError(_UNLIT)
    dark, bright = np.median(signal[signal <= middle]), np.median(signal[signal > middle])
    step = bright - dark
    noise = np.median(np.abs(np.where(signal > middle, signal - bright, signal - dark)))
    contrast = float(step / (1.4826 * noise)) if noise > 0 else float("1e9")
    if step <= 0 or contrast < 4.0:
        raise InputError(_UNLIT)
    above, below = signal > middle + 0.2 * step, signal < middle - 0.2 * step
    edges, state = [], bool(above[0])
    crossed = 0  # the last sample on the dark side of the middle
    for index in np.flatnonzero(above | below | (signal <= middle)).tolist():
        if below[index]:
            state = False
        if above[index] and not state:
            state = True
            low, high = signal[crossed], signal[crossed + 1]
            share = (middle - low) / (high - low) if high > low else 0.0
            edges.append(times[crossed] + share * (times[crossed + 1] - times[crossed]))
        if signal[index] <= middle:
            crossed = index
    return np.array(edges), contrast


def _threshold(signal: np.ndarray) -> float:
    """Return the level that parts two kinds of samples best (Otsu, 1979), robust to outliers."""
    low, high = np.percentile(signal, (0.5, 99.5))
    counts, borders = np.histogram(signal, 128, (low, high) if high > low else None)
    centres = (borders[:-1] + borders[1:]) / 2
    weight = np.cumsum(counts)[:-1]
    total, mass = counts.sum(), np.cumsum(counts * centres)
    other = total - weight
    with np.errstate(divide="ignore", invalid="ignore"):
        between = weight * other * (mass[:-1] / weight - (mass[-1] - mass[:-1]) / other) ** 2
    between = np.nan_to_num(between)
    best = np.flatnonzero(between >= between.max() * (1 - 1e-9))
    return float(borders[1:-1][best].mean())  # the middle of the empty stretch


def against_photodiode(
    stamps: Sequence[float] | np.ndarray,
    samples: np.ndarray,
    times: np.ndarray,
    limits: TimingLimits | None = None,
) -> TimingReport:
    """Compare the stamps of frames that turned the square white with the light seen.

    Parameters
    ----------
    stamps : sequence of float
        In seconds of this machine's LSL clock.
    samples : ndarray, shape (n,)
        Of the photodiode, in any unit; whether light makes it grow or fall is found out.
    times : ndarray, shape (n,)
        Of each sample, on the same clock.
    limits : TimingLimits, optional
        What must be kept.

    Raises
    ------
    InputError
        If there are too few stamps, or no light follows them.
    """
    limits, stamps = limits or TimingLimits(), _in_order(stamps)
    tries = []
    for rising in (True, False):
        edges, contrast = light_edges(samples, times, rising)
        tries.append((_matched(stamps, edges), edges, contrast))
    # Where a white square lasts as long as a black one, either sign fits: take the earlier.
    delays, edges, contrast = min(
        tries, key=lambda t: (-len(t[0]), abs(float(np.median(t[0]))) if len(t[0]) else np.inf)
    )
    if len(delays) < 0.5 * len(stamps):
        raise InputError(
            f"Light followed {len(delays)} of {len(stamps)} stamps only; check that the diode "
            "covers the square, and that its channel is recorded with the same clock."
        )
    latency = 1000.0 * delays
    missed = 1.0 - len(delays) / len(stamps)
    spread = float(np.quantile(latency, 0.95) - np.quantile(latency, 0.05))
    checks = (
        Check("median latency", float(np.median(latency)), limits.latency, "ms"),
        Check("spread of the latency (5 to 95 %)", spread, limits.spread, "ms"),
        Check("stamps without light", missed, limits.missed, "%"),
    )
    facts = {
        "flashes_seen": float(len(edges)),
        "contrast_to_noise": min(contrast, 1e9),
        "sampling_interval_ms": 1000.0 * float(np.median(np.diff(times))),
    }
    return _report("photodiode", latency, checks, facts)


def against_frames(
    stamps: Sequence[float] | np.ndarray,
    frames: Sequence[float] | np.ndarray,
    limits: TimingLimits | None = None,
) -> TimingReport:
    """Compare stamps with the even rhythm that the frames around them keep.

    Parameters
    ----------
    stamps : sequence of float
        Of the frames that turned the square white.
    frames : sequence of float
        Of every frame, on the same clock; drawn one after another without a pause.
    limits : TimingLimits, optional
        What must be kept.

    Raises
    ------
    InputError
        If there are too few of either.
    """
    limits, stamps, frames = limits or TimingLimits(), _in_order(stamps), _in_order(frames)
    if len(frames) < 30:
        raise InputError(f"Only {len(frames)} frames were drawn; at least 30 are needed.")
    steps = np.diff(frames)
    period = float(np.median(steps))
    number = _count(frames, period)
    nearest = np.abs(frames[None, :] - stamps[:, None]).argmin(axis=1)
    off = np.array([_off_rhythm(frames, number, index) for index in nearest.tolist()])
    distance = 1000.0 * (off + stamps - frames[nearest])
    spread = float(np.quantile(distance, 0.95) - np.quantile(distance, 0.05))
    dropped = float((steps > 1.5 * period).mean())
    checks = (
        Check("spread around the frames' rhythm", spread, limits.frame_spread, "ms"),
        Check("frames that came late", dropped, limits.dropped, "%"),
    )
    facts = {"frames": float(len(frames)), "frames_a_second": 1.0 / period}
    return _report("frames", distance, checks, facts)


def _count(frames: np.ndarray, period: float) -> np.ndarray:
    """Return the number of each frame, with those counted that were never drawn."""
    number, expected = [0], float(frames[0])
    for frame in frames[1:].tolist():
        gone = max(1, round((frame - expected) / period))
        number.append(number[-1] + gone)
        expected += gone * period
        expected += 0.1 * (frame - expected)  # follows the rhythm, not the lateness of one frame
    return np.array(number, dtype=np.float64)


def _off_rhythm(frames: np.ndarray, number: np.ndarray, index: int) -> float:
    """Return how late a frame is for the even rhythm of those around it, in seconds."""
    first = min(max(0, index - _NEIGHBOURS), len(frames) - 2 * _NEIGHBOURS - 1)
    around = slice(first, first + 2 * _NEIGHBOURS + 1)
    times, numbers = frames[around] - frames[index], number[around] - number[index]
    # By medians, so that a frame that came late moves only itself.
    pace = float(np.median(np.diff(times) / np.diff(numbers)))
    return -float(np.median(times - pace * numbers))


def _in_order(stamps: Sequence[float] | np.ndarray) -> np.ndarray:
    stamps = np.sort(np.asarray(stamps, dtype=np.float64))
    if len(stamps) < 5 or not np.isfinite(stamps).all():
        raise InputError(f"{len(stamps)} stamps are too few to judge the timing by; 5 are needed.")
    return stamps


def _matched(stamps: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return by how much the first edge after each stamp, if there is one, follows it."""
    delays = []
    indices = np.searchsorted(edges, stamps + _EARLIEST)
    for stamp, index in zip(stamps, indices, strict=True):
        if index < len(edges) and edges[index] - stamp <= _LATEST:
            delays.append(edges[index] - stamp)
    return np.array(delays)


def _report(
    against: str, values: np.ndarray, checks: tuple[Check, ...], facts: dict[str, float]
) -> TimingReport:
    shown = {name: float(np.quantile(values, q)) for name, q in _QUANTILES.items()}
    shown["sd"] = float(values.std())
    every = tuple(round(float(value), 4) for value in values)
    return TimingReport(against, len(values), shown, checks, every, facts)
