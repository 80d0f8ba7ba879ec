"""A file gives the segments that a stream of it gives."""

from pathlib import Path

import numpy as np
import pytest

from core.feed.recording_feed import RecordingFeed
from core.feed.segments import FiniteSegments, Segmenter
from core.recordings import Recording

RATE = 250.0


def recording(breaks=(300, 700), samples=1000):
    values = np.random.default_rng(0).normal(0.0, 20.0, (samples, 2)).astype(np.float32)
    return Recording(values, RATE, ("C3", "C4"), (), breaks, Path("one.edf"), "")


def joined(segments):
    """The samples of every run, each with where it begins."""
    runs = []
    for segment in segments:
        if segment.begins:
            runs.append((segment.first, segment.lost, []))
        runs[-1][2].append(segment.samples_uv)
    return [(first, lost, np.concatenate(pieces)) for first, lost, pieces in runs]


def test_a_stream_of_the_recording_has_the_same_segments():
    one = recording()
    stamps = np.arange(1000) / RATE
    for place in one.breaks:
        stamps[place:] += 1.0
    live = joined(Segmenter(one.labels, ["uV"] * 2, RATE).push(one.samples_uv, stamps))
    from_file = joined(RecordingFeed(one, away=1.0).segments())
    assert len(live) == len(from_file) == 3
    for (first, lost, samples), (first_, lost_, samples_) in zip(live, from_file, strict=True):
        assert (first, lost) == (first_, lost_)
        np.testing.assert_array_equal(samples, samples_)


def test_its_good_segments_are_the_stretches_of_the_recording():
    one = recording()
    one.samples_uv[295:310, 1] = np.nan  # over a break
    one.samples_uv[600, 1] = np.inf
    one.samples_uv[-5:, 0] = np.nan
    finite, stretches, at = FiniteSegments([1]), [], 0
    for segment in RecordingFeed(one, length=0.1).segments():
        for part in finite.cut(segment):
            if part.begins and not part.nan:
                stretches.append([at, at])
            at += len(part)
            if not part.nan:
                stretches[-1][1] = at
    assert [tuple(stretch) for stretch in stretches] == one.stretches(["C4"])


@pytest.mark.parametrize("away", [0.0, 1.0])
def test_a_break_is_said_and_lasts_as_long_as_it_is_taken_to(away):
    segments = list(RecordingFeed(recording(), away=away).segments())
    begins = [segment for segment in segments if segment.begins]
    words = "The recording has a break here"
    assert [segment.words for segment in begins] == ["", words, words]
    assert [segment.time for segment in begins] == [0.0, 1.2 + away, 2.8 + 2 * away]
    assert [segment.first for segment in begins] == [0, 300 + 250 * away, 700 + 500 * away]


def test_a_segment_is_as_long_as_was_asked_for_at_most():
    lengths = [len(segment) for segment in RecordingFeed(recording(), length=0.5).segments()]
    assert lengths == [125, 125, 50, 125, 125, 125, 25, 125, 125, 50]


def test_names_are_those_that_are_given():
    feed = RecordingFeed(recording(), ("FC3", "FC4"))
    assert (feed.labels, feed.units) == (("FC3", "FC4"), ("microvolts",) * 2)
