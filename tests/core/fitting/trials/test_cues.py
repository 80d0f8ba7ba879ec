"""core.fitting.trials.cues: each cue once."""

from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.fitting.trials.cues import cues_of
from core.recordings import Event, Recording

CLASSES = {"T1": "left_hand", "769": "left_hand", "T2": "right_hand"}


def recording(*cues):
    events = tuple(Event(onset, 0.0, label) for onset, label in cues)
    return Recording(
        np.zeros((1000, 2), np.float32), 100.0, ("C3", "C4"), events, (), Path("run.edf"), ""
    )


def onsets(found):
    return [event.onset for event in found]


@pytest.mark.parametrize("lag", [0.0, 0.0125, 0.08])
@pytest.mark.parametrize("second", ["T1", "769"])
def test_a_second_stream_of_the_same_cues_is_merged_with_a_word(lag, second):
    found, note = cues_of(
        recording((1.0, "T1"), (1.0 + lag, second), (5.0, "T2"), (9.0, "T1"), (9.0 + lag, second)),
        CLASSES,
    )
    assert onsets(found) == [1.0, 5.0, 9.0]
    assert note.startswith("2 of the 5 cues of run.edf repeat another")
    assert f"{second} at {1.0 + lag:.3f} s after T1 at 1.000 s" in note


def test_streams_one_behind_the_other_are_brought_in_order():
    found, _ = cues_of(recording((1.0, "T1"), (5.0, "T1"), (1.02, "T1"), (5.02, "T1")), CLASSES)
    assert onsets(found) == [1.0, 5.0]


def test_cues_that_follow_each_other_stay():
    found, note = cues_of(recording((1.0, "T1"), (1.2, "T1"), (3.0, "T2"), (9.0, "T0")), CLASSES)
    assert onsets(found) == [1.0, 1.2, 3.0]
    assert note == ""


def test_two_classes_at_once_are_refused():
    with pytest.raises(InputError) as caught:
        cues_of(recording((1.0, "T1"), (5.0, "T2"), (5.05, "769")), CLASSES)
    assert (
        "run.edf has cues of two classes at once: T2 (right_hand) at 5.000 s and 769 (left_hand) "
        "at 5.050 s"
    ) in str(caught.value)


def test_a_label_that_is_no_cue_contradicts_nothing():
    found, _ = cues_of(recording((1.0, "T1"), (1.0, "beep")), CLASSES)
    assert onsets(found) == [1.0]
