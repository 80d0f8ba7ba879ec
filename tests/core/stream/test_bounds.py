"""Streams that announce what no amplifier has are named, listed, and never opened."""

import math

import pylsl
import pytest

from core.errors import InputError
from core.stream.description import described
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet


def found(rate=250.0, channels=8, format="float32", name="EEG"):
    return described([pylsl.StreamInfo(name, "EEG", channels, rate, format, "id")])[0]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rate": 1e9}, "announces 1e+09 Hz; between 1 and 100000 Hz were expected"),
        ({"rate": 1e-300}, "announces 1e-300 Hz"),
        ({"rate": math.nan}, "announces nan Hz"),
        ({"rate": math.inf}, "announces inf Hz"),
        ({"channels": 1_000_000}, "announces 1000000 channels; between 1 and 4096"),
        ({"rate": 1e5, "channels": 64}, "6.4e+06 values a second"),
        ({"format": "string"}, "has text in it, as markers have"),
        ({"rate": 0.0}, "has no regular rate"),
    ],
)
def test_impossible_streams_are_refused_with_the_reason(given, words):
    stream = found(**given)
    assert words in stream.problem
    assert not stream.is_signal
    assert not stream.is_markers
    with pytest.raises(InputError) as refused:
        Inlet(stream)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "given", [{}, {"rate": 16_384.0, "channels": 280}, {"rate": 100.0, "channels": 1}]
)
def test_amplifiers_that_are_sold_are_signals(given):
    assert found(**given).problem == ""
    assert found(**given).is_signal


def test_a_listed_stream_says_why_it_cannot_be_used():
    assert "cannot be used: " in str(found(rate=1e9))
    assert "cannot be used" not in str(found(format="string", rate=0.0))
    assert str(found(format="string", rate=0.0)).endswith(", 8 channels, irregular, string")


@pytest.mark.slow
def test_looking_for_an_impossible_stream_ends_with_its_reason(name):
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 2, 1e7, "float32", "id"))
    with pytest.raises(InputError, match=r"announces 1e\+07 Hz"):
        find_stream(StreamQuery(name=name), 5.0)
    del outlet
