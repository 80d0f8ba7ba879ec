"""A simulated subject that does what a marker stream says."""

import pytest

from core.stream.outlets import MarkerOutlet
from simulation.cues import follow_cues, imagery_after
from simulation.synthetic import SimulatedSubject


@pytest.mark.parametrize(
    ("text", "before", "after"),
    [
        ("left_hand", None, "left_hand"),
        (" right_hand ", "left_hand", "right_hand"),
        ("769", None, "left_hand"),
        ("770", None, "right_hand"),
        ("771", None, "feet"),
        ("772", None, "tongue"),
        ("800", "feet", None),
        ("rest", "feet", None),
        ("768", "feet", None),
        ("anything", "left_hand", None),
        ("781", "left_hand", "left_hand"),
        ("785", "left_hand", "left_hand"),
    ],
)
def test_markers_start_and_end_imagery(text, before, after):
    assert imagery_after(text, before) == after


@pytest.mark.slow
def test_subject_follows_a_marker_stream_that_comes_goes_and_comes_back(name, background, until):
    subject = SimulatedSubject()
    background(follow_cues, subject, name)
    for code, kind in (("769", "left_hand"), ("feet", "feet")):
        outlet = MarkerOutlet(name)
        assert outlet.wait_for_consumer(20)
        outlet.push(code, 1.0)
        until(lambda kind=kind: subject.imagined == kind)
        outlet.close()
        until(lambda: subject.imagined is None)
