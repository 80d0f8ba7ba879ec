from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.fitting.trials.cutting import cut_epochs
from core.fitting.trials.pauses import REST, pauses_of, with_rest_cues
from core.recordings import Event, Recording, Span
from core.signal.pipeline import SignalSettings

EVENTS = {"T1": "left_hand", "T2": "right_hand"}
RATE, WINDOW, HOP = 256.0, 512, 64
LABELS = ("C3", "CZ", "C4")


def recording_of(onsets=range(2, 42, 4), seconds=60, more=(), **given):
    """Cues of two classes, by default with two seconds of pause after the two of each trial."""
    events = [Event(float(at), 0.0, f"T{1 + k % 2}") for k, at in enumerate(onsets)]
    events = sorted((*events, *more), key=lambda event: event.onset)
    samples = np.random.default_rng(0).normal(0.0, 10.0, (round(seconds * 250), 3))
    return Recording(
        samples.astype(np.float32), 250.0, LABELS, tuple(events), (), Path("a.edf"), "0", **given
    )


def found(recordings, events=EVENTS, **given):
    settings = SignalSettings(LABELS, "recorded", RATE)
    epochs = cut_epochs(recordings, events, settings, "uV", WINDOW)
    return pauses_of(epochs, recordings, events, settings, HOP, **given)


def test_windows_of_rest_share_at_most_an_eighth_with_trials():
    pauses = found([recording_of()])
    trials = 256 * np.arange(2, 42, 4)
    for _, start in pauses.places:
        shared = np.minimum(start + WINDOW, trials + WINDOW) - np.maximum(start, trials)
        assert shared.max() <= WINDOW / 8
    # One in the middle of each pause, and one a hop to either side.
    assert len(pauses) == 9 * 3
    assert pauses.pause.tolist() == [index for index in range(9) for _ in range(3)]
    assert len(pauses.pairs) == 9 * 2
    assert pauses.samples == 9 * (WINDOW + 2 * HOP)


def test_before_the_first_cue_and_after_the_last_nobody_knows_what_the_person_did():
    starts = found([recording_of()]).places[:, 1] / RATE
    assert starts.min() > 2.0
    assert starts.max() < 38.0


@pytest.mark.parametrize(
    "event",
    [
        Event(4.0, 0.0, "feet"),
        Event(4.0, 0.0, "771"),
        Event(4.0, 0.0, "practice_tongue"),
    ],
)
def test_a_cue_that_is_not_asked_about_is_no_rest_either(event):
    starts = found([recording_of(more=[event])]).places[:, 1] / RATE
    assert starts.min() > 6.0


def test_imagery_that_is_said_to_last_longer_is_no_rest():
    recording = recording_of()
    longer = tuple(replace(event, duration=3.0) for event in recording.events)
    assert len(found([replace(recording, events=longer)])) == 0


def test_what_is_marked_as_bad_or_refused_live_is_left_out():
    everything = found([recording_of()])
    bad = found([recording_of(bad_spans=(Span(4.5, 0.1, "BAD_move"),))])
    assert len(everything) - len(bad) == 3
    pieces = [None] * 240
    pieces[4 * 9] = "C3 was flat"  # from 9 s on
    refused = found([recording_of()], refused=[pieces])
    gone = {tuple(one) for one in everything.places} - {tuple(one) for one in refused.places}
    assert {start // RATE for _, start in gone} == {7.0, 8.0}
    # The windows around a hole are no pair.
    assert len(refused.pairs) == len(everything.pairs) - 2


def test_a_recording_without_cues_is_rest_from_end_to_end():
    pauses = found([recording_of(), recording_of(onsets=(), seconds=10)])
    alone = pauses.places[pauses.places[:, 0] == 1, 1]
    assert alone[0] == 0
    assert set(np.diff(alone)) == {HOP}
    assert alone[-1] + WINDOW > 10 * 256 - 2 * HOP


def test_a_pause_goes_on_after_a_break_as_another_one():
    recording = replace(recording_of(onsets=(2, 6, 20, 24, *range(30, 62, 4)), seconds=70))
    broken = replace(recording, breaks=(14 * 250,))
    pauses = found([broken])
    seconds = pauses.places[:, 1] / RATE + np.where(pauses.places[:, 0] == 1, 14.0, 0.0)
    across = (seconds < 14.0) & (seconds + 2.0 > 14.0)
    assert not across.any()
    assert len(np.unique(pauses.pause)) == len(np.unique(found([recording]).pause)) + 1


def test_pauses_get_cues_of_rest_that_share_nothing_with_trials():
    recordings, events = with_rest_cues([recording_of()], EVENTS, 2.0)
    rests = [event for event in recordings[0].events if event.label == REST]
    assert events == {**EVENTS, REST: REST}
    assert [event.onset for event in rests] == list(range(4, 40, 4))
    assert [event.onset for event in recordings[0].events] == sorted(
        event.onset for event in recordings[0].events
    )


def test_a_long_pause_gets_several_cues_of_rest():
    recordings, _ = with_rest_cues([recording_of(onsets=(2, 13))], EVENTS, 2.0)
    rests = [event.onset for event in recordings[0].events if event.label == REST]
    assert len(rests) == 4
    assert rests[0] >= 4.0
    assert rests[-1] + 2.0 <= 13.0
    assert np.diff(rests).min() >= 2.0


def test_cues_of_rest_that_are_there_are_taken():
    recording = recording_of(more=[Event(50.0, 2.0, REST)])
    recordings, events = with_rest_cues([recording], EVENTS, 2.0)
    assert recordings == [recording]
    assert events[REST] == REST
    named = {**EVENTS, "T0": REST}
    assert with_rest_cues([recording], named, 2.0) == ([recording], named)


def test_without_rest_an_idle_class_is_refused():
    with pytest.raises(InputError, match=r"no pause between the cues lasts 2\.5 s"):
        with_rest_cues([recording_of()], EVENTS, 2.5)
