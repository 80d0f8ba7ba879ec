"""What is said of a stream's units: none, some that are no voltage, one that is odd."""

import pytest

from core.stream.discovery import StreamIdentity, _warnings

IDENTITY = StreamIdentity("EEG", "EEG", "id", "host", "uid")


@pytest.mark.parametrize(
    ("units", "words"),
    [
        (("", "", ""), "no unit for any of its 3 channels; their values are taken as µV"),
        (("uV", "uV", "g"), "channels that carry no voltage: TRIG (g)"),
        (("uV", "uV", "none"), "channels that carry no voltage: TRIG (none)"),
        (("mV", "uV", "uV"), "another unit for C3 (mV) than for the rest; all are converted"),
    ],
)
def test_units_are_said(units, words):
    (said,) = _warnings(IDENTITY, ("C3", "C4", "TRIG"), units)
    assert words in said


def test_one_unit_for_all_needs_no_word():
    assert _warnings(IDENTITY, ("C3", "C4"), ("µV", "microvolts")) == ()
