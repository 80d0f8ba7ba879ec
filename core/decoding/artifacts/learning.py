"""Learning from recordings what is usual for each channel, and judging them by it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np

from core.decoding.artifacts.levels import Levels
from core.decoding.artifacts.limits import ArtifactLimits
from core.decoding.artifacts.meter import Measures, Meter, median
from core.decoding.artifacts.watch import Judge
from core.montage import match
from core.recordings import UNIT, Recording
from core.signal.pipeline import SignalSettings
from core.units import factor

PIECE = 0.25  # s
_USUAL = 99.0  # per cent of the pieces of a calibration that are taken for usual
_MARGINS = {"span": 3.0, "muscle": 6.0, "mains": 6.0}  # times what was usual
_FLOORS = {"span": 500.0, "muscle": 10.0, "mains": 25.0}
"""µV that nobody is refused for. A blink has up to 300 µV at the forehead."""
_RARE, _MARGIN_OF_SWINGS = 98.0, 1.6  # likewise; what a calibration has rarely is a fault in it
_MOST = np.log(2.5), np.log(4.0)  # growth and loss that nobody's calibration excuses
_LEAST_UV = 1e-3


Refusals = list[list[str | None]]
"""Why the live program would refuse each piece, None where it would not, by segment and piece."""


class Measured:
    """Measures of recordings by quarter seconds, and what follows from them, computed once.

    Parameters
    ----------
    recordings : sequence
        By recording, segment and piece.
    channels : sequence of str
        Names.
    """

    def __init__(
        self, recordings: Sequence[Sequence[Sequence[Measures]]], channels: Sequence[str]
    ) -> None:
        self._recordings, self._channels = recordings, channels

    @cached_property
    def limits(self) -> ArtifactLimits:
        """The limits that `learn_limits` learns."""
        return _limits_from(self._recordings)

    @cached_property
    def refused(self) -> Refusals:
        """What the live program would say of each piece with these limits, by segment and piece."""
        refused: Refusals = []
        for recording in self._recordings:
            judge = Judge(self.limits, self._channels, PIECE)
            refused += [[judge.judge(piece) for piece in segment] for segment in recording]
        return refused


def learn_limits(
    recordings: Sequence[Recording],
    settings: SignalSettings,
    unit: str,
    segments: Iterable[np.ndarray],
) -> ArtifactLimits:
    """Learn from a calibration what is usual for each channel.

    Parameters
    ----------
    recordings, settings, unit, segments
        As in `measure_runs`.

    Returns
    -------
    ArtifactLimits
        Some times what 99 % of the quarter seconds stayed below: three for the span, six for
        what is measured in a band, as its share of the signal differs more from run to run.

    Notes
    -----
    The factors come from runs 4 and 8 of eleven people of the PhysioNet imagery set, each judged
    by limits from the other: no window was refused but at zeros that fill up the files.
    """
    return measure_runs(recordings, settings, unit, segments).limits


def measure_runs(
    recordings: Sequence[Recording],
    settings: SignalSettings,
    unit: str,
    segments: Iterable[np.ndarray],
) -> Measured:
    """Measure every quarter second of recordings.

    Parameters
    ----------
    recordings : sequence of Recording
    settings : SignalSettings
    unit : str
        The signal leaves the path in.
    segments : iterable of ndarray, each (samples, channels)
        What the path made of every segment: `Epochs.segments`.

    Returns
    -------
    Measured
    """
    measured: list[list[list[Measures]]] = []
    processed = iter(segments)
    piece = round(PIECE * settings.rate)
    for recording in recordings:
        picks = list(match(recording.labels, settings.channels).indices)
        meter = Meter(len(picks), recording.rate, settings.rate, factor(unit, UNIT), piece)
        measured.append([])
        for (start, stop), segment in zip(
            recording.stretches(settings.channels), processed, strict=False
        ):
            meter.reset()
            picked = recording.samples_uv[start:stop, picks].astype(np.float64)
            meter.take(picked * factor(UNIT, unit))
            measured[-1].append(meter.measure_run(segment))
    return Measured(measured, settings.channels)


def _limits_from(measured: Sequence[Sequence[Sequence[Measures]]]) -> ArtifactLimits:
    pieces = [piece for recording in measured for segment in recording for piece in segment]
    usual = {
        name: np.percentile([getattr(piece, name) for piece in pieces], _USUAL, axis=0)
        for name in _FLOORS
    }
    limits = {name: np.maximum(_FLOORS[name], _MARGINS[name] * usual[name]) for name in _FLOORS}
    twin = np.mean([piece.twin for piece in pieces], axis=0) >= 0.5
    level = np.median([piece.levels[0] for piece in pieces], axis=0)
    shared = [median(piece.shared) for piece in pieces]
    known = ArtifactLimits(
        **limits,
        still=np.mean([piece.still for piece in pieces], axis=0) >= 0.5,
        twin=twin if twin.mean() < 0.5 else np.zeros_like(twin),
        level=np.maximum(level, _LEAST_UV),
        grown=np.zeros(len(level)),
        shrunk=np.zeros(len(level)),
        apart=np.percentile([piece.differences for piece in pieces], 100.0 - _USUAL, axis=0)
        .astype(float)
        .round(2),
        typical=max(float(np.median([piece.deviation for piece in pieces])), _LEAST_UV),
        rest=max(float(np.median([piece.rest for piece in pieces])), _LEAST_UV),
        shared=float(np.percentile(shared, 100.0 - _USUAL)),
        held=int(np.percentile([piece.held for piece in pieces], _USUAL)),
    )
    grown, shrunk = _swings(measured, known)
    return replace(known, grown=grown, shrunk=shrunk)


def _swings(
    measured: Sequence[Sequence[Sequence[Measures]]], limits: ArtifactLimits
) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much each channel grows and shrinks by itself, (channels,) each."""
    swings = []
    for recording in measured:
        levels = Levels(limits, [""] * len(limits.level), PIECE)
        for piece in (piece for segment in recording for piece in segment):
            swings.append(levels.changes(piece))
            levels.learn(piece)
    grown, shrunk = _MARGIN_OF_SWINGS * np.percentile(swings, _RARE, axis=0)
    return np.minimum(grown, _MOST[0]), np.minimum(shrunk, _MOST[1])
