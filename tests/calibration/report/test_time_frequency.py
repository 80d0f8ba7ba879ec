"""Maps of time and frequency of recordings in which it is known what changes, where and when."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import signal
from scipy.ndimage import uniform_filter

from calibration.report.time_frequency import FREQUENCIES, _clusters, spectra, time_frequency
from core.fitting.trials.cutting import cut_epochs
from core.recordings import Event, Recording
from core.signal.pipeline import SignalSettings

LABELS = ("C3", "CZ", "C4")
SETTINGS = SignalSettings(LABELS, "recorded", 256.0)
RATE, TRIALS, EVERY = 160.0, 12, 7.0


def recording_of(seed=0, depth=0.7, wave=12.0):
    """Noise, and a rhythm of 11 Hz at each hand area that the other hand's imagery takes away."""
    random = np.random.default_rng(seed)
    count = round((2 * TRIALS * EVERY + 8) * RATE)
    times = np.arange(count) / RATE
    samples = random.normal(0.0, 4.0, (count, 3))
    names = random.permutation(["left_hand", "right_hand"] * TRIALS)
    onsets = 4.0 + EVERY * np.arange(2 * TRIALS)
    band = signal.butter(4, (10.0, 12.0), "bandpass", fs=RATE, output="sos")
    for column, hand in ((0, "right_hand"), (2, "left_hand")):
        share = np.ones(count)
        for onset, name in zip(onsets, names, strict=True):
            if name == hand:
                share[(times >= onset + 0.5) & (times < onset + 4.0)] = 1.0 - depth
        rhythm = signal.sosfilt(band, random.normal(0.0, 1.0, count))
        samples[:, column] += wave * share * rhythm / rhythm.std()
    events = tuple(Event(at, 4.0, str(name)) for at, name in zip(onsets, names, strict=True))
    return Recording(
        samples.astype(np.float32), RATE, LABELS, events, (), Path(f"{seed}.edf"), f"{seed:064x}"
    )


def epochs_of(*recordings):
    events = {"left_hand": "left_hand", "right_hand": "right_hand"}
    return cut_epochs(recordings, events, SETTINGS, "uV", 1024)


@pytest.fixture(scope="module")
def found():
    recording = recording_of()
    return time_frequency(epochs_of(recording), [recording], SETTINGS)


@pytest.mark.slow
def test_the_deepest_change_lies_where_and_when_the_rhythm_goes(found):
    assert found.classes == ("left_hand", "right_hand")
    for label, channel in ((0, 2), (1, 0)):
        row, column = np.unravel_index(
            found.change[label, channel].argmin(), found.change[label, channel].shape
        )
        assert 9.0 <= FREQUENCIES[row] <= 13.0
        assert 0.5 <= found.times[column] <= 4.0
        # A tenth of the power is left, but for the noise.
        assert found.change[label, channel].min() < -60.0


@pytest.mark.slow
def test_the_change_is_significant_there_and_nowhere_on_the_other_side(found):
    inside = (found.times > 1.0) & (found.times < 3.5)
    rhythm = FREQUENCIES == 11.0
    for label, channel in ((0, 2), (1, 0)):
        assert found.significant[label, channel][rhythm][:, inside].all()
        assert not found.significant[label, 2 - channel][rhythm][:, inside].any()
    strongest = {(one.label, one.channel) for one in found.clusters if one.change < -50.0}
    assert strongest == {("left_hand", "C4"), ("right_hand", "C3")}


@pytest.mark.slow
def test_noise_is_called_significant_no_more_often_than_said():
    # 40 maps at 5 %: two on average, and seven hardly ever (binomial, p < 0.01).
    random = np.random.default_rng(0)
    maps = uniform_filter(random.normal(0.0, 1.0, (40, 12, 10, 30)), (0, 0, 3, 5))
    assert sum(bool(_clusters(each)) for each in maps) < 7


@pytest.mark.slow
def test_without_a_baseline_there_is_no_map():
    recording = recording_of()
    breaks = tuple(round((event.onset - 1.0) * RATE) for event in recording.events)
    broken = replace(recording, breaks=breaks)
    assert time_frequency(epochs_of(recording), [broken], SETTINGS) is None


@pytest.mark.slow
def test_spectra_are_those_of_welch_and_the_class_explains_the_rhythm():
    recording = recording_of()
    epochs = epochs_of(recording)
    found = spectra(epochs, [recording], SETTINGS)
    lefts = [trial.onset for trial in epochs.trials if trial.label == "left_hand"]
    logs = []
    for onset in lefts:
        start = round((onset + 0.5) * RATE)
        one = recording.samples_uv[start : start + round(3.5 * RATE)].astype(np.float64)
        frequencies, density = signal.welch(one - one.mean(axis=0), RATE, nperseg=160, axis=0)
        logs.append(10.0 * np.log10(density))
    shown = np.isin(frequencies, found.frequencies)
    np.testing.assert_allclose(found.decibels[0], np.mean(logs, axis=0)[shown].T, rtol=1e-9)
    at = {name: found.r2[index] for index, name in enumerate(found.channels)}
    for side in ("C3", "C4"):
        assert 10.0 <= found.frequencies[at[side].argmax()] <= 12.0
        assert at[side].max() > 0.5
    assert at["CZ"].max() < 0.4


@pytest.mark.slow
def test_r2_of_two_classes_is_the_squared_correlation():
    recording = recording_of()
    epochs = epochs_of(recording)
    found = spectra(epochs, [recording], SETTINGS)
    values, classes = [], []
    for trial in epochs.trials:
        start = round((trial.onset + 0.5) * RATE)
        one = recording.samples_uv[start : start + round(3.5 * RATE), 0].astype(np.float64)
        _, density = signal.welch(one, RATE, nperseg=160)
        values.append(np.log(density[11]))
        classes.append(trial.label == "left_hand")
    expected = np.corrcoef(values, classes)[0, 1] ** 2
    assert found.r2[0, found.frequencies == 11.0] == pytest.approx(expected, rel=1e-6)
