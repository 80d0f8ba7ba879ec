"""Power over time and frequency after the cue, and by class: where a rhythm changes, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import signal
from scipy.ndimage import uniform_filter1d
from scipy.stats import t as student

from calibration.report.erd import BASELINE, SETTLED, complete_trials
from core.fitting.trials.epochs import Epochs
from core.montage import match, motor_sites
from core.recordings import Recording
from core.signal.pipeline import SignalSettings

FREQUENCIES = np.arange(6.0, 36.0)
"""In Hz."""

PERMUTATIONS = 500
LEVEL = 0.05
"""Of the tests."""

_CYCLES = 0.5  # of a wavelet, for each Hz
_SMOOTHING = 0.4  # s of moving average over power
_STEP = 0.05  # s between two columns of a map
_MARGIN = 0.6  # s at either end of a trial, for the wavelets of 6 Hz and the average
_RATE = 128.0  # Hz that signal is brought down to, and no less
_LEAST_TRIALS = 5  # of a class
_SEGMENT = 1.0  # s of a segment of Welch's method


@dataclass(frozen=True)
class Cluster:
    """Adjoining times and frequencies at which power changed, with what they have in common."""

    channel: str
    label: str
    p: float
    begin: float  # s from the cue
    end: float
    low: float  # Hz
    high: float
    change: float  # per cent, geometric mean over it


@dataclass(frozen=True)
class TimeFrequency:
    """Change of power against the seconds before the cue, by time and frequency.

    Attributes
    ----------
    channels : tuple of str
        Electrodes over the motor cortex.
    classes : tuple of str
    times : ndarray, shape (times,)
        Seconds from the cue.
    change : ndarray, shape (classes, channels, frequencies, times)
        In percent: geometric mean over trials; frequencies are `FREQUENCIES`.
    significant : ndarray of bool, same shape
        Where a cluster is significant.
    clusters : tuple of Cluster
        Those, by p.
    trials : tuple of int
        Of each class.
    """

    channels: tuple[str, ...]
    classes: tuple[str, ...]
    times: np.ndarray
    change: np.ndarray
    significant: np.ndarray
    clusters: tuple[Cluster, ...]
    trials: tuple[int, ...]


@dataclass(frozen=True)
class Spectra:
    """Power spectral density by class, and how much of its variance the class explains.

    Attributes
    ----------
    channels, classes : tuple of str
    frequencies : ndarray, shape (frequencies,)
        In Hz.
    decibels : ndarray, shape (classes, channels, frequencies)
        Mean over trials of 10 log10 of the density in µV²/Hz, from `SETTLED` to the window's end.
    error : ndarray, same shape
        Its standard error.
    r2 : ndarray, shape (channels, frequencies)
        Share of the variance over trials that the class explains.
    bound : float
        That chance exceeds in one of twenty cases at one frequency.
    """

    channels: tuple[str, ...]
    classes: tuple[str, ...]
    frequencies: np.ndarray
    decibels: np.ndarray
    error: np.ndarray
    r2: np.ndarray
    bound: float


def time_frequency(
    epochs: Epochs, recordings: Sequence[Recording], settings: SignalSettings
) -> TimeFrequency | None:
    """Compute maps of event-related (de)synchronisation with their significance.

    Power is that of complex Morlet wavelets of half a cycle a hertz
    (`mne.time_frequency.tfr_array_morlet`), averaged over 0.4 s. Each trial is compared with its
    own baseline, and means are of logarithms, as `calibration.report.erd.rhythms` does.

    Parameters
    ----------
    epochs, recordings, settings
        Of the fit.

    Returns
    -------
    TimeFrequency or None
        None if a class has fewer than five trials with a whole baseline, or there is no signal up
        to 36 Hz.

    Notes
    -----
    Significant are clusters of adjoining times and frequencies whose summed t over trials few of
    `PERMUTATIONS` random signs of the trials reach: one two-sided test of the family of points a
    map, at 5 % (Maris and Oostenveld, 2007, J. Neurosci. Methods 164(1);
    `mne.stats.permutation_cluster_1samp_test`). A cluster's borders are not tested.
    """
    from mne.time_frequency import tfr_array_morlet

    begin, end = BASELINE[0], epochs.length / settings.rate
    picks = motor_sites(settings.channels)
    cut = _trials(epochs, recordings, settings, picks, begin - _MARGIN, end + _MARGIN)
    if cut is None or cut[1] < 2.2 * FREQUENCIES[-1]:
        return None
    trials, rate = cut
    first, count = round(_MARGIN * rate), round((end - begin) * rate)
    every = max(1, round(_STEP * rate))
    times = begin + np.arange(0, count, every) / rate
    before = (times >= BASELINE[0]) & (times <= BASELINE[1])
    shape = (len(trials), len(picks), len(FREQUENCIES), len(times))
    change, significant = np.empty(shape), np.zeros(shape, dtype=bool)
    clusters: list[Cluster] = []
    for label, samples in enumerate(trials):
        power = tfr_array_morlet(
            samples,
            rate,
            FREQUENCIES,
            n_cycles=_CYCLES * FREQUENCIES,
            output="power",
            verbose=False,
        )
        power = uniform_filter1d(power, round(_SMOOTHING * rate), axis=-1)
        logs = np.log(np.maximum(power[..., first : first + count : every], 1e-9))
        logs -= logs[..., before].mean(axis=-1, keepdims=True)
        change[label] = 100.0 * np.expm1(logs.mean(axis=0))
        for index, pick in enumerate(picks):
            where = settings.channels[pick], epochs.classes[label]
            for mask, p in _clusters(logs[:, index]):
                significant[label, index] |= mask
                clusters.append(_cluster(where, p, mask, times, logs[:, index].mean(axis=0)))
    return TimeFrequency(
        tuple(settings.channels[pick] for pick in picks),
        epochs.classes,
        times,
        change,
        significant,
        tuple(sorted(clusters, key=lambda cluster: (cluster.p, cluster.begin))),
        tuple(map(len, trials)),
    )


def spectra(
    epochs: Epochs, recordings: Sequence[Recording], settings: SignalSettings
) -> Spectra | None:
    """Compute the spectrum of every class at the motor electrodes, and its r².

    Returns
    -------
    Spectra or None
        None if a class has fewer than five trials.

    Notes
    -----
    Welch's method with segments of a second under a Hann window, half overlapped
    (`scipy.signal.welch`). r² is the share of the variance of the logarithms over trials that the
    classes' means explain: the squared correlation with the class where there are two, as BCI2000
    shows it (Schalk et al., 2004, IEEE Trans. Biomed. Eng. 51(6)).
    """
    picks = motor_sites(settings.channels)
    cut = _trials(epochs, recordings, settings, picks, SETTLED, epochs.length / settings.rate)
    if cut is None:
        return None
    trials, rate = cut
    logs = []
    for samples in trials:
        frequencies, density = signal.welch(samples, rate, nperseg=round(_SEGMENT * rate), axis=-1)
        logs.append(10.0 * np.log10(np.maximum(density, 1e-9)))  # (trials, channels, frequencies)
    shown = (frequencies >= 3.0) & (frequencies <= 40.0)
    logs = [log[..., shown] for log in logs]
    everything = np.concatenate(logs)
    total = ((everything - everything.mean(axis=0)) ** 2).sum(axis=0)
    between = sum(len(log) * (log.mean(axis=0) - everything.mean(axis=0)) ** 2 for log in logs)
    counts = np.array(list(map(len, logs)))
    return Spectra(
        tuple(settings.channels[pick] for pick in picks),
        epochs.classes,
        frequencies[shown],
        np.stack([log.mean(axis=0) for log in logs]),
        np.stack([log.std(axis=0, ddof=1) / np.sqrt(len(log)) for log in logs]),
        between / np.maximum(total, 1e-12),
        _r2_bound(int(counts.sum()), len(counts)),
    )


def time_frequency_numbers(tfr: TimeFrequency | None) -> dict[str, Any] | None:
    """Return what a program may want to know of the maps."""
    if tfr is None:
        return None
    return {
        "baseline_s": BASELINE,
        "permutations": PERMUTATIONS,
        "trials": dict(zip(tfr.classes, tfr.trials, strict=True)),
        "clusters": [
            {
                "channel": cluster.channel,
                "class": cluster.label,
                "p": round(cluster.p, 4),
                "seconds": (round(cluster.begin, 2), round(cluster.end, 2)),
                "hertz": (cluster.low, cluster.high),
                "change_percent": round(cluster.change, 1),
            }
            for cluster in tfr.clusters
        ],
    }


def _trials(
    epochs: Epochs,
    recordings: Sequence[Recording],
    settings: SignalSettings,
    picks: Sequence[int],
    begin: float,
    end: float,
) -> tuple[list[np.ndarray], float] | None:
    """Return the signal of each class's trials, (trials, picked, samples) in µV, and its rate."""
    rate = recordings[0].rate
    whole = [recording.stretches(settings.channels) for recording in recordings]
    lower = max(1, int(rate // _RATE))
    trials = []
    for name in epochs.classes:
        cut = []
        for index, onset in complete_trials(
            epochs, recordings, whole, np.array([begin, end]), name
        ):
            recording = recordings[index]
            indices = list(match(recording.labels, settings.channels).indices)
            start = round((onset + begin) * rate)
            samples = recording.samples_uv[start : start + round((end - begin) * rate), indices]
            samples = samples.astype(np.float64)
            if settings.reference == "average":
                samples -= samples.mean(axis=1, keepdims=True)
            samples = samples[:, picks].T - samples[:, picks].mean(axis=0)[:, None]
            cut.append(signal.decimate(samples, lower, axis=-1) if lower > 1 else samples)
        if len(cut) < _LEAST_TRIALS:
            return None
        trials.append(np.stack(cut))
    return trials, rate / lower


def _clusters(logs: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Return significant clusters of trials, (trials, frequencies, times), with their p."""
    from mne.stats import permutation_cluster_1samp_test

    threshold = float(student.ppf(1.0 - LEVEL / 2, len(logs) - 1))
    _, masks, ps, _ = permutation_cluster_1samp_test(
        logs,
        threshold=threshold,
        n_permutations=PERMUTATIONS,
        tail=0,
        out_type="mask",
        rng=np.random.default_rng(0),
        verbose=False,
    )
    return [(mask, float(p)) for mask, p in zip(masks, ps, strict=True) if p <= LEVEL]


def _cluster(
    where: tuple[str, str], p: float, mask: np.ndarray, times: np.ndarray, mean: np.ndarray
) -> Cluster:
    rows, columns = np.nonzero(mask.any(axis=1))[0], np.nonzero(mask.any(axis=0))[0]
    return Cluster(
        *where,
        p,
        float(times[columns[0]]),
        float(times[columns[-1]]),
        float(FREQUENCIES[rows[0]]),
        float(FREQUENCIES[rows[-1]]),
        float(100.0 * np.expm1(mean[mask].mean())),
    )


def _r2_bound(trials: int, classes: int) -> float:
    """Return the share of variance that classes without meaning explain in one of twenty cases."""
    from scipy.stats import f

    between, within = classes - 1, trials - classes
    ratio = float(f.ppf(1.0 - LEVEL, between, within))
    return between * ratio / (between * ratio + within)
