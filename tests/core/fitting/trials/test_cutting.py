from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.fitting.trials.cutting import cut_epochs
from core.recordings import Event, Span
from core.signal.pipeline import SignalPath, SignalSettings

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


def settings(recording):
    return SignalSettings(recording.labels, "average", 256.0)


@pytest.mark.slow
def test_windows_lie_after_their_cues(imagery_recording):
    recording = imagery_recording()
    epochs = cut_epochs([recording], EVENTS, settings(recording), "mV", 1024)
    assert len(epochs) == 16
    assert epochs.windows().shape == (16, 17, 1024)
    assert [epochs.classes[label] for label in epochs.labels] == [e.label for e in recording.events]
    path = SignalPath(settings(recording), 250.0, range(17), [1e-3] * 17)
    whole = path.push(recording.samples_uv)
    at = round(recording.events[3].onset * 256)
    np.testing.assert_array_equal(epochs.windows()[3], whole[at : at + 1024].T)


def test_windows_over_a_break_or_the_end_are_left_out(imagery_recording):
    recording = imagery_recording()
    inside = round((recording.events[4].onset + 1.0) * 250)
    broken = replace(recording, breaks=(inside,), samples_uv=recording.samples_uv[: -7 * 250])
    epochs = cut_epochs([broken], EVENTS, settings(recording), "mV", 1024)
    assert len(epochs) == 14
    assert len(epochs.segments) == 2


def test_trials_that_touch_what_is_marked_as_bad_are_left_out(imagery_recording):
    recording = imagery_recording()
    second, third = recording.events[1:3]
    spans = (Span(second.onset + 3.9, 0.5, "BAD_blink"), Span(third.onset - 0.4, 0.3, "BAD_move"))
    marked = replace(recording, bad_spans=spans)
    epochs = cut_epochs([marked], EVENTS, settings(recording), "mV", 1024)
    (rejected,) = epochs.rejected
    assert rejected.trial.number == 2
    assert rejected.reason == "marked as bad in the recording: BAD_blink"
    assert len(epochs) == len(recording.events) - 1


@pytest.mark.slow
def test_rest_has_nothing_that_is_marked_as_bad(imagery_recording):
    recording = imagery_recording()
    samples = recording.samples_uv.copy()
    samples[250:750] = 1e5 * np.sin(np.arange(500))[:, None] * np.arange(17)
    spoilt = replace(recording, samples_uv=samples)
    marked = replace(spoilt, bad_spans=(Span(0.9, 4.0, "BAD_start"),))  # with what a filter adds
    amplitudes = [
        np.abs(cut_epochs([one], EVENTS, settings(recording), "mV", 1024).rest).max()
        for one in (spoilt, marked, recording)
    ]
    assert amplitudes[0] > 100 * amplitudes[1]


def test_one_trial_that_was_left_out_is_one(imagery_recording):
    recording = imagery_recording(trials=5)
    early = replace(recording, events=(Event(-1.0, 4.0, "left_hand"), *recording.events[1:]))
    with pytest.raises(InputError, match=r"Too few complete trials .* 1 was left out \(trial 1: "):
        cut_epochs([early], EVENTS, settings(recording), "mV", 1024)


def test_a_cue_before_the_first_sample_is_outside(imagery_recording):
    recording = imagery_recording()
    early = replace(recording, events=(Event(-1.0, 4.0, "left_hand"), *recording.events))
    epochs = cut_epochs([early], EVENTS, settings(recording), "mV", 1024)
    assert [r.reason for r in epochs.rejected] == ["the cue lies outside the recording"]
    assert len(epochs) == len(recording.events)


@pytest.mark.parametrize(
    ("rate", "lost"),
    [
        (250.0, "the cue lies among lost samples"),
        (512.0, "samples are missing 0.0 s after the cue"),  # one at 256 Hz is there
        (1000.0, "the cue lies among lost samples"),
    ],
)
def test_a_cue_whose_samples_were_lost_is_not_outside(imagery_recording, rate, lost):
    recording = imagery_recording(rate=rate)
    last = Event((len(recording.samples_uv) - 1) / recording.rate, 4.0, "left_hand")
    third = recording.events[2].onset
    at = round(third * recording.rate) + 1
    pause = replace(recording, breaks=(at,), events=(*recording.events, last))
    reasons = [
        r.reason for r in cut_epochs([pause], EVENTS, settings(recording), "mV", 1024).rejected
    ]
    assert reasons == [lost, "the recording ends 0.0 s after the cue"]


def test_what_cannot_be_cut_is_said(imagery_recording):
    recording = imagery_recording()
    with pytest.raises(InputError, match="No event T1"):
        cut_epochs([recording], {"T1": "a", "left_hand": "b"}, settings(recording), "mV", 1024)
    with pytest.raises(InputError, match="Only one class"):
        cut_epochs([recording], {"left_hand": "left_hand"}, settings(recording), "mV", 1024)
    with pytest.raises(InputError, match="3 of left_hand"):
        cut_epochs([imagery_recording(trials=3)], EVENTS, settings(recording), "mV", 1024)
    missing = SignalSettings(("C3", "OZ"), "recorded", 256.0)
    with pytest.raises(InputError, match="lacks the channels OZ"):
        cut_epochs([recording], EVENTS, missing, "mV", 1024)


@pytest.mark.slow
def test_who_sent_no_numbers_is_named(imagery_recording):
    recording = imagery_recording()
    samples = recording.samples_uv.copy()
    at = [round(event.onset * recording.rate) for event in recording.events]
    samples[at[2] + 100, recording.labels.index("C3")] = np.nan
    samples[at[5] - 50 : at[5] + 50, recording.labels.index("C4")] = np.inf  # over the cue
    spoilt = replace(recording, samples_uv=samples)
    epochs = cut_epochs([spoilt], EVENTS, settings(recording), "mV", 1024)
    assert [(one.trial.number, one.reason) for one in epochs.rejected] == [
        (3, "C3 sent NaN or inf"),
        (6, "C4 sent NaN or inf"),
    ]
    samples[:, recording.labels.index("CZ")] = np.nan
    with pytest.raises(InputError, match="on all of its electrodes; CZ sent none"):
        cut_epochs([spoilt], EVENTS, settings(recording), "mV", 1024)
