"""What is known early changes no digit of a fit."""

import numpy as np
import pytest

from core.fitting.trials.epochs import REST_SECONDS, cut_epochs, rest_outside, signals_of
from core.recordings import UNIT
from core.signal.pipeline import SignalSettings

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


def test_rest_is_the_first_signal_outside_windows():
    run = np.arange(1000.0)[:, None]
    rest = rest_outside([run, run + 1000], [(0, 100), (0, 150), (1, 990)], 100, 20.0)
    expected = [*range(100), *range(250, 1000), *range(1000, 1990)]
    assert rest[:, 0].tolist() == expected[: round(REST_SECONDS * 20)]
    more = rest_outside([run, run + 1000], [(0, 100), (0, 150), (1, 990)], 100, 20.0, 60.0)
    assert more[:, 0].tolist() == expected[:1200]


def test_with_too_little_rest_everything_counts():
    run = np.arange(1000.0)[:, None]
    rest = rest_outside([run], [(0, at) for at in range(0, 1000, 100)], 100, 20.0)
    assert rest[:, 0].tolist() == list(range(600))


def test_the_rest_of_a_recording_lies_between_its_trials(imagery_recording):
    recording = imagery_recording()
    settings = SignalSettings(recording.labels, "average", 256.0)
    epochs = cut_epochs([recording], EVENTS, settings, UNIT, 1024)
    assert len(epochs.rest) == REST_SECONDS * 256
    # The first cue comes after two seconds; until then all signal is rest.
    np.testing.assert_array_equal(epochs.rest[:512], epochs.segments[0][:512])
    np.testing.assert_array_equal(epochs.rest[512:1024], epochs.segments[0][1536:2048])


@pytest.mark.slow
def test_known_signals_are_taken_as_they_are(imagery_recording):
    recording = imagery_recording()
    settings = SignalSettings(recording.labels, "average", 256.0)
    (signal,) = signals_of([recording], settings, UNIT)
    epochs = cut_epochs([recording], EVENTS, settings, UNIT, 1024, [signal])
    assert epochs.segments[0] is signal
    assert epochs.filtered(np.empty((0, 6)), [2 * signal]).windows() == pytest.approx(
        2 * epochs.windows()
    )
