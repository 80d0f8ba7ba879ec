"""Whether a stream that takes a lost one's place is told from the same sender started again."""

from dataclasses import replace

import pylsl
import pytest

from core.stream.description import described
from core.stream.reconnecting import takeover_words

STREAM = described([pylsl.StreamInfo("EEG", "EEG", 8, 250.0, "float32", "amp")])[0]
LOST = replace(STREAM.identity, host="lab", uid="first")


@pytest.mark.parametrize(
    ("identity", "created_at", "words"),
    [
        ({}, 50.0, ""),
        ({"uid": "second"}, 101.0, ""),  # started after the loss
        ({"uid": "second"}, 50.0, "ran beside the lost one"),
        ({"uid": "second", "host": "elsewhere"}, 101.0, 'host "elsewhere" instead of "lab"'),
        ({"uid": "second", "source_id": "x"}, 101.0, 'source_id "x" instead of "amp"'),
    ],
)
def test_a_twin_is_said(identity, created_at, words):
    taken = replace(STREAM, identity=replace(LOST, **identity), created_at=created_at)
    said = takeover_words(taken, LOST, last_heard=100.0)
    assert words in said
    assert bool(said) == bool(words)
