"""Rest between trials, and signals that are known already."""

from dataclasses import replace

import numpy as np
import pytest

from core.fitting.trials.cutting import cut_epochs
from core.fitting.trials.signals import (
    REST_SECONDS,
    cued_places,
    rest_outside,
    segments_of,
    signals_of,
)
from core.recordings import UNIT, Event
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


def test_a_cue_belongs_to_a_segment_from_half_a_sample_before_it(imagery_recording):
    recording = imagery_recording()
    events = tuple(Event(onset, 0.0, "cue") for onset in (-1.0, -0.001, 3.997, 3.9985, 5.0))
    broken = replace(recording, breaks=(1000,), events=events)
    settings = SignalSettings(recording.labels, "average", 256.0)
    first, second = segments_of([recording, broken], settings)
    assert (first.first, first.bounds) == (0, ((0, len(recording.samples_uv)),))
    assert (second.first, second.bounds[0], len(second.bounds)) == (1, (0, 1000), 2)
    assert second.place(-1.0) is None
    assert second.cued_places(["cue"]) == [(1, 0), (1, 1023), (2, 0), (2, 256)]
    assert cued_places([recording, broken], ["cue"], settings, 1024)[-1] == (2, 256)


def test_a_cue_between_two_samples_has_one_place_however_its_onset_is_rounded(make_recording):
    """At 512 Hz every second cue lies in the middle between samples at 256 Hz."""
    settings = SignalSettings(("C3", "CZ", "C4"), "recorded", 256.0)
    [segments] = segments_of([make_recording(samples=512, rate=512.0)], settings)
    onsets = np.arange(512) / 512.0
    exact = [segments.place(onset) for onset in onsets]
    assert [segments.place(round(onset, 6)) for onset in onsets] == exact
    assert exact == [(0, (sample + 1) // 2) for sample in range(512)]
