from dataclasses import replace

import numpy as np
import pytest

from calibration.report.erd import BANDS, rhythms
from core.fitting.trials.cutting import cut_epochs

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.mark.slow
def test_the_imagined_side_falls_where_it_was_made_to(fit, recording):
    found = rhythms(fit.epochs, [recording], fit.decoder.settings)
    assert sum(found.trials) == len(fit.epochs)
    mu = found.maps[list(BANDS).index("mu")]
    left, right = (found.classes.index(name) for name in ("left_hand", "right_hand"))
    c3, c4 = (found.channels.index(name) for name in ("C3", "C4"))
    # Amplitude falls to 0.35, power to an eighth; background stays.
    assert mu[left, c4] < -60
    assert mu[right, c3] < -60
    assert abs(mu[left, c3]) < 25
    assert abs(mu[right, c4]) < 25
    assert (found.low <= found.change).all()
    assert (found.change <= found.high).all()


@pytest.mark.slow
def test_power_before_the_cue_is_the_measure(fit, recording):
    found = rhythms(fit.epochs, [recording], fit.decoder.settings)
    before = (found.times >= -2.0) & (found.times <= -0.5)
    np.testing.assert_allclose(
        np.log1p(found.change[:, :, before] / 100).mean(axis=2), 0, atol=1e-9
    )
    assert found.times[0] == -2.0
    assert found.times[-1] == 4.0


@pytest.mark.slow
def test_trials_without_a_baseline_are_left_out(fit, recording):
    # A break one second before every cue but the last few.
    breaks = tuple(round((e.onset - 1.0) * recording.rate) for e in recording.events[:3])
    broken = replace(recording, breaks=breaks)
    epochs = cut_epochs([broken], EVENTS, fit.decoder.settings, "mV", 1024)
    found = rhythms(epochs, [broken], fit.decoder.settings)
    assert sum(found.trials) == len(epochs) - 3
    everywhere = tuple(round((e.onset - 1.0) * recording.rate) for e in recording.events)
    broken = replace(recording, breaks=everywhere)
    epochs = cut_epochs([broken], EVENTS, fit.decoder.settings, "mV", 1024)
    assert rhythms(epochs, [broken], fit.decoder.settings) is None


@pytest.mark.slow
def test_samples_that_are_no_numbers_cost_only_their_trials(fit, recording):
    samples = recording.samples_uv.copy()
    at = round((recording.events[2].onset + 1.0) * recording.rate)
    samples[at : at + 5, recording.labels.index("C3")] = (np.nan, np.inf, -np.inf, np.nan, 1e30)
    spoilt = replace(recording, samples_uv=samples)
    epochs = cut_epochs([spoilt], EVENTS, fit.decoder.settings, "mV", 1024)
    found = rhythms(epochs, [spoilt], fit.decoder.settings)
    assert sum(found.trials) == len(epochs) == len(recording.events) - 1
    assert np.isfinite(found.change).all()


@pytest.mark.slow
def test_a_dead_channel_stays_a_number(fit, recording):
    samples = recording.samples_uv.copy()
    samples[:, 0] = 3.0
    settings = replace(fit.decoder.settings, reference="recorded")
    found = rhythms(fit.epochs, [replace(recording, samples_uv=samples)], settings)
    assert np.isfinite(found.change).all()
