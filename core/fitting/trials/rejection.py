"""Trials that are no use for a fit: what the live program refuses, and outliers in amplitude.

Only clear cases go. Amplitude is judged in the band that the covariances take, where a blink
weighs little, and against what the same channel does in the person's other trials, so that a
noisy electrode or a restless person does not lose every trial.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.decoding.artifacts.learning import PIECE, Refusals, measure_runs
from core.decoding.features import band_sections
from core.fitting.baselines import BAND
from core.fitting.trials.epochs import Epochs, Rejected, check_counts
from core.montage import match
from core.recordings import UNIT, Recording
from core.signal.finite import finite_mask
from core.signal.pipeline import SignalSettings
from core.sites import is_eog
from core.units import factor

_FLOOR_UV = 100.0  # peak to peak; no outlier is smaller
_DEVIATIONS = 8.0  # robust, above the channel's median, of the amplitude's logarithm: an outlier
_FLAT_UV, _FLAT_SECONDS = 0.5, 0.5  # a channel that moves less for so long is dead, or saturated


def without_artifacts(
    epochs: Epochs,
    recordings: Sequence[Recording],
    settings: SignalSettings,
    unit: str,
    banded: Sequence[np.ndarray] | None = None,
    refused: Refusals | None = None,
) -> Epochs:
    """Leave out trials with a dead channel, an outlying amplitude or a window refused live.

    A channel that is dead in at least half of the trials, or noisy throughout, is a bad channel:
    it costs no trial, and the channel quality in the report names it.

    Parameters
    ----------
    epochs : Epochs
        Cut from these recordings, with these settings, in this unit.
    recordings : sequence of Recording
    settings : SignalSettings
    unit : str
    banded : sequence of ndarray, optional
        The epochs' segments in the band of the covariances, if they are known already.
    refused : optional
        `Measured.refused` of them, likewise.

    Returns
    -------
    Epochs
        The trials that stay; `rejected` names the others with their reasons too.

    Raises
    ------
    InputError
        If fewer than five trials of a class stay.

    Notes
    -----
    Outliers by median and MAD: Leys et al. (2013), J. Exp. Soc. Psychol. 49(4). The spread is
    that of the median channel, so that one very steady channel does not reject ordinary trials.
    """
    still, railed = _still_seconds(epochs, recordings, settings)
    loud = _outlying_uv(epochs, settings, unit, banded)
    if refused is None:
        refused = measure_runs(recordings, settings, unit, epochs.segments).refused
    live = _refused_live(epochs, settings, refused)
    rejected = []
    for index, trial in enumerate(epochs.trials):
        reasons = []
        if still[index].any():
            worst = int(still[index].argmax())
            how = "railed" if railed[index, worst] else "flat"
            reasons.append(f"{settings.channels[worst]} {how} for {still[index, worst]:.1f} s")
        if loud[index].any():
            worst = int(loud[index].argmax())
            reasons.append(
                f"{loud[index, worst]:.0f} µV peak to peak at {settings.channels[worst]} "
                f"({BAND[0]:g}-{BAND[1]:g} Hz)"
            )
        if not reasons and live[index]:
            reasons.append(live[index])
        if reasons:
            rejected.append(Rejected(trial, ", ".join(reasons)))
    gone = {entry.trial.number for entry in rejected}
    kept = [index for index, trial in enumerate(epochs.trials) if trial.number not in gone]
    everything = sorted((*epochs.rejected, *rejected), key=lambda entry: entry.trial.number)
    clean = replace(epochs.only(np.array(kept, dtype=np.intp)), rejected=tuple(everything))
    check_counts(clean)
    return clean


def _refused_live(epochs: Epochs, settings: SignalSettings, refused: Refusals) -> list[str]:
    """Return why the live program would refuse each trial's window; empty where it would not.

    After an artifact an encoder has to warm up, as at the beginning of a segment.
    """
    piece = PIECE * settings.rate  # samples
    reasons = []
    for segment, start in epochs.places:
        stop = start + epochs.length
        first, last = int(start / piece), int((stop - 1) / piece)
        reason = next(filter(None, refused[segment][first : last + 1]), "")
        begin = int(max(0, stop - epochs.warmup) / piece)
        if not reason and (before := list(filter(None, refused[segment][begin:first]))):
            needed = epochs.warmup / settings.rate
            reason = (
                f"{before[-1]} before it, and the encoder needs {needed:.1f} s without artifacts"
            )
        reasons.append(reason)
    return reasons


def _still_seconds(
    epochs: Epochs, recordings: Sequence[Recording], settings: SignalSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Return for how many seconds each channel stood still, and whether it did so at its rail.

    Both have the shape (trials, channels).
    """
    picks = [list(match(r.labels, settings.channels).indices) for r in recordings]
    rails = [_rails(r.samples_uv[:, picked]) for r, picked in zip(recordings, picks, strict=True)]
    still = np.zeros((len(epochs), len(settings.channels)))
    railed = np.zeros(still.shape, dtype=bool)
    for index, trial in enumerate(epochs.trials):
        recording = recordings[trial.recording]
        start = round(trial.onset * recording.rate)
        stop = start + round(epochs.length / settings.rate * recording.rate)
        # As recorded: an average reference would move a dead channel.
        samples = recording.samples_uv[start:stop, picks[trial.recording]]
        piece = max(round(_FLAT_SECONDS * recording.rate), 1)
        pieces = len(samples) // piece
        cut = samples[: pieces * piece].reshape(pieces, piece, -1)
        low, high = cut.min(axis=1), cut.max(axis=1)  # (pieces, channels)
        stopped = high - low < _FLAT_UV
        least, most = rails[trial.recording]
        still[index] = stopped.sum(axis=0) * _FLAT_SECONDS
        railed[index] = (stopped & ((low == least) | (high == most))).any(axis=0)
    usual = (still > 0).mean(axis=0) >= 0.5
    return np.where(usual, 0.0, still), railed


def _rails(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest number of each channel."""
    low, high = samples.min(axis=0), samples.max(axis=0)
    if finite_mask(low).all() and finite_mask(high).all():
        return low, high
    known = np.where(finite_mask(samples), samples, np.nan)
    return np.nanmin(known, axis=0), np.nanmax(known, axis=0)


def _outlying_uv(
    epochs: Epochs, settings: SignalSettings, unit: str, signals: Sequence[np.ndarray] | None
) -> np.ndarray:
    """Return the amplitudes that are outliers, shape (trials, channels), and 0 elsewhere."""
    banded = epochs.filtered(band_sections(BAND, settings.rate), signals).windows()
    spans = np.ptp(banded, axis=-1) * factor(unit, UNIT)  # (trials, channels), µV
    logs = np.log(np.maximum(spans, 1e-9))
    median = np.median(logs, axis=0)
    spread = 1.4826 * np.median(np.median(np.abs(logs - median), axis=0))  # of a normal's MAD
    outlying = (logs > median + _DEVIATIONS * spread) & (spans > _FLOOR_UV)
    outlying &= ~np.array([is_eog(name) for name in settings.channels])  # a blink is its signal
    return np.where(outlying, spans, 0.0)
