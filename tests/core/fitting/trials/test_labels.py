"""Which event is the cue of which class is read once, and what cannot be meant is refused."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import InputError
from core.fitting.trials.labels import check_asked, parse_events

PLACES = ("the annotations", "the channel Status")


def test_labels_are_read_with_their_classes():
    given = ["T1=left_hand", "a=b=right_hand", " S  2 = feet ", "T1=left_hand"]
    expected = {"T1": "left_hand", "a=b": "right_hand", "S  2": "feet"}
    assert parse_events(given) == expected


@pytest.mark.parametrize("text", ["T1", "=feet", "T1=", "", " = "])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match=r'--event ".*" is not LABEL=CLASS'):
        parse_events([text])


def test_a_label_of_two_classes_is_refused():
    with pytest.raises(InputError, match='the label "T1" two classes, left_hand and right_hand'):
        parse_events(["T1=left_hand", "T2=feet", "T1=right_hand"])


def refused(recordings, events):
    with pytest.raises(InputError) as error:
        check_asked(recordings, events)
    return str(error.value)


@pytest.fixture
def cued(make_recording):
    def make(*labels):
        events = [(0.1 * n, label) for n, label in enumerate(labels)]
        return replace(make_recording(events=events), looked_in=PLACES)

    return make


def test_a_failed_look_up_says_where_it_looked_and_what_there_is(cued):
    recordings = [cued("T0", "T1", "T0"), cued("T0", "T2")]
    said = refused(recordings, {"t1": "left_hand", "T2": "right_hand"})
    assert said == (
        'No event t1 in recording-0.edf, recording-0.edf. Did you mean "T1"? '
        "Found in the annotations and the channel Status: T0 (3), T1 (1), T2 (1)."
    )
    check_asked(recordings, {"T1": "left_hand", "T2": "right_hand"})


def test_a_recording_without_events_says_where_it_looked_and_what_was_odd_there(cued):
    odd = replace(cued(), notes=("The channel Status holds no whole numbers.",))
    said = refused([odd], {"1": "left_hand"})
    assert "no events in recording-0.edf; looked in the annotations and the channel Status" in said
    assert "holds no whole numbers" in said
    for name in ("a.xdf", "a.xdfz", "a.xdf.gz"):
        streams = replace(cued(), looked_in=(), path=Path(name))
        assert "looked in the marker streams" in refused([streams], {})
    assert "There are no events in recording-0.edf. Cues must be" in refused(
        [replace(cued(), looked_in=())], {}
    )


@pytest.mark.parametrize("asked", ["1", "S1", "S  1", "s 1"])
def test_a_number_is_understood_without_what_a_recorder_puts_before_it(cued, asked):
    said = refused([cued("Stimulus/S 11", "Stimulus/S  1")], {asked: "feet"})
    assert 'Did you mean "Stimulus/S  1"?' in said


def test_codes_of_gdf_are_explained_where_there_are_any(cued):
    said = refused([cued("768", "769", "772")], {})
    assert "In the General Data Format 769 is left hand, 772 is tongue." in said
    assert "such as --event T1=left_hand" in said
    assert "General Data Format" not in refused([cued("T1")], {})


def test_long_lists_are_cut(cued):
    said = refused([cued(*(f"word{n:03}" for n in range(50)))], {"x": "feet"})
    assert "word019 (1), and 30 more" in said
