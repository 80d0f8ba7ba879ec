"""What is said of a reference and an adaptation: each change once, and nothing where none is."""

import pytest

from core.decoding.adaptation import MODES, Adaptation
from core.decoding.window_decoder import WindowDecoder
from core.feed.recording_feed import RecordingFeed
from realtime.engine.changes import Changes
from realtime.engine.decisions import DecisionMaker
from realtime.engine.evidence import EvidenceSettings

pytestmark = pytest.mark.slow


def test_each_change_is_said_once_and_after_an_undo_again(fitted, imagery_recording):
    run, decoder = imagery_recording(seed=5, trials=5), fitted["riemann"]
    windows = WindowDecoder(decoder, None, recentre=30.0)
    adaptation = Adaptation(decoder, windows, MODES, 30.0)
    for event in run.events:
        adaptation.cue(event.onset, event.label)
    path = decoder.attach(run.labels, [""] * len(run.labels), run.rate)
    maker = DecisionMaker(decoder, path, windows, EvidenceSettings(), adaptation=adaptation)
    changes, said = Changes(windows, adaptation), []
    assert (changes.recentring, changes.adaptation) == ("recentring in 30 s", "adapting")
    for decision in maker.push(RecordingFeed(run).segments()):
        said += changes.news(decision)
        if decision.index in (180, 200):
            adaptation.toggle()
    assert changes.recentring == "recentred"
    assert changes.adaptation == adaptation.words
    expected = [
        ("reference", "The reference grows with the first 30 s of signal"),
        ("adaptation", "Adapts while it runs"),
        ("adaptation", "A trial of "),
        (
            "reference",
            f"Recentred on the first 30 s of signal without artifacts; the reference is "
            f"{windows.reference.name}.",
        ),
        ("adaptation", "Recentred on 30 s of signal"),
        ("adaptation", "Adaptation undone"),
        ("adaptation", "Adaptation begins anew"),
        ("adaptation", "A trial of "),
    ]
    for (kind, words), (expected_kind, beginning) in zip(said, expected, strict=True):
        assert (kind, words[: len(beginning)]) == (expected_kind, beginning)


def test_of_what_never_changes_nothing_is_said(fitted, imagery_recording):
    run, decoder = imagery_recording(seed=5), fitted["riemann"]
    windows = WindowDecoder(decoder, None)
    path = decoder.attach(run.labels, [""] * len(run.labels), run.rate)
    maker = DecisionMaker(decoder, path, windows, EvidenceSettings())
    changes = Changes(windows, None)
    assert (changes.recentring, changes.adaptation) == ("", "")
    for decision in maker.push(RecordingFeed(run).segments()):
        assert list(changes.news(decision)) == []
