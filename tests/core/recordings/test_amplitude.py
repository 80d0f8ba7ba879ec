"""Whether the amplitude of a recording can be that of EEG at all."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import signal

from core.recordings import implausible_amplitude
from core.recordings.amplitude import _without_trend, amplitude_uv


@pytest.fixture
def recording(make_recording):
    """Twenty seconds of noise of 20 µV on three channels."""
    return make_recording(samples=5000)


def scaled(recording, factor):
    return replace(recording, samples_uv=recording.samples_uv * np.float32(factor))


@pytest.mark.parametrize("factor", [0.05, 0.3, 1.0, 10.0])
def test_amplitudes_of_eeg_are_plausible(recording, factor):
    assert implausible_amplitude(scaled(recording, factor)) is None


@pytest.mark.parametrize(
    ("factor", "words"), [(1e-3, "0.02 µV"), (1e-6, "2e-05 µV"), (1e3, "µV"), (1e6, "µV")]
)
def test_a_mistaken_unit_makes_an_amplitude_implausible(recording, factor, words):
    sentence = implausible_amplitude(scaled(recording, factor))
    assert "its unit looks wrong" in sentence
    assert words in sentence


def test_slow_drift_and_an_offset_are_no_amplitude(recording):
    seconds = np.arange(5000)[:, None] / recording.rate
    drift = 1e5 * np.sin(2 * np.pi * 0.05 * seconds) - 3e5
    drifting = replace(recording, samples_uv=(recording.samples_uv + drift).astype(np.float32))
    assert implausible_amplitude(drifting) is None


def test_a_trend_is_taken_out_as_scipy_does():
    samples = np.cumsum(np.random.default_rng(0).normal(5.0, 20.0, (1001, 3)), axis=0)
    expected = signal.detrend(samples, axis=0)
    np.testing.assert_allclose(_without_trend(samples), expected, rtol=0, atol=1e-8)


def test_steps_at_breaks_are_no_amplitude(recording):
    samples = recording.samples_uv.copy()
    breaks = tuple(range(250, 5000, 500))
    for level, start in enumerate(breaks):
        samples[start:] += 1e4 * (-1) ** level
    assert amplitude_uv(replace(recording, samples_uv=samples, breaks=breaks)) == pytest.approx(
        20.0, rel=0.2
    )


def test_one_wild_channel_and_dead_channels_do_not_count(recording):
    samples = np.concatenate([recording.samples_uv, np.full((5000, 4), 7.5, np.float32)], axis=1)
    samples[:, 0] *= 1e5
    odd = replace(recording, samples_uv=samples, labels=tuple("ABCDEFG"))
    assert implausible_amplitude(odd) is None
    assert 15 < amplitude_uv(scaled(recording, 1.0)) < 25


def test_what_is_no_electrode_does_not_count_where_there_are_some(make_recording):
    labels = ("C3", "C4", "COUNTER", "GYROX", "GYROY", "BATTERY")
    recording = make_recording(samples=5000, labels=labels)
    samples = recording.samples_uv * np.float32([1, 1, 1e4, 1e4, 1e4, 1e4])
    assert implausible_amplitude(replace(recording, samples_uv=samples)) is None
    assert implausible_amplitude(replace(recording, samples_uv=samples, labels=tuple("UVWXYZ")))


def test_a_wild_beginning_does_not_count(recording):
    samples = recording.samples_uv.copy()
    samples[:1000] *= 1e4
    assert amplitude_uv(replace(recording, samples_uv=samples)) == pytest.approx(20.0, rel=0.2)


def test_samples_that_are_no_numbers_are_passed_over(recording):
    samples = recording.samples_uv.copy()
    samples[2000:3000] = np.nan
    assert amplitude_uv(replace(recording, samples_uv=samples)) == pytest.approx(20.0, rel=0.2)


@pytest.mark.parametrize("samples", [0, 1, 100])
def test_what_is_too_short_or_silent_is_not_judged(make_recording, samples):
    assert amplitude_uv(make_recording(samples=samples)) is None
    assert amplitude_uv(scaled(make_recording(samples=5000), 0.0)) is None


def test_a_recording_that_never_moves_is_flat(make_recording):
    still = scaled(make_recording(samples=5000, labels=("C3", "C4", "CZ")), 0.0)
    assert "is flat: none of its 3 electrodes ever moves" in implausible_amplitude(still)
    samples = still.samples_uv.copy()
    samples[:, 1] = np.random.default_rng(0).normal(size=5000) * 20
    assert implausible_amplitude(replace(still, samples_uv=samples)) is None
