"""One feed: what a stream brings, cut where it stops following on itself."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.feed.segments import FiniteSegments, Segmenter, joined, segment_bounds

RATE = 250.0
LABELS = ("C3", "C4", "TRG")


def stream(samples=1000, seed=0):
    """Samples in volts beside a trigger, and exact stamps."""
    values = np.random.default_rng(seed).normal(0.0, 20e-6, (samples, 3)).astype(np.float32)
    return values, 100.0 + np.arange(samples) / RATE


def feed():
    return Segmenter(LABELS, ("V", "volts", "number"), RATE)


def cut(samples, stamps, cuts=(), columns=None):
    """All segments of a stream that comes in some chunks."""
    segmenter, finite = feed(), None if columns is None else FiniteSegments(columns)
    edges = [0, *sorted(cuts), len(stamps)]
    segments = []
    for start, stop in itertools.pairwise(edges):
        for segment in segmenter.push(samples[start:stop], stamps[start:stop]):
            segments += [segment] if finite is None else finite.cut(segment)
    return segments


def begun(segments):
    """Where runs begin, and what could not be used."""
    return [(s.first, s.begins, s.lost, s.nan) for s in segments if s.begins or s.nan]


def test_voltages_are_in_microvolts_as_a_recording_keeps_them_and_others_as_they_came():
    samples, stamps = stream(10)
    (segment,) = feed().push(samples, stamps)
    assert feed().units == ("microvolts", "microvolts", "number")
    kept = (samples * np.array([1e6, 1e6, 1.0])).astype(np.float32)
    assert segment.samples_uv.dtype == np.float64
    np.testing.assert_array_equal(segment.samples_uv, kept.astype(np.float64))
    np.testing.assert_array_equal(segment.raw, samples)
    assert (segment.begins, segment.words, segment.first) == (True, "", 0)
    assert segment.time == 100.0


@pytest.mark.parametrize(
    ("labels", "units", "rate", "like"),
    [
        (LABELS, ("volts", "V", "g"), RATE, True),  # written in another way
        (("C3", "C4", "AUX"), ("V", "V", "number"), RATE, False),
        (LABELS, ("V", "uV", "number"), RATE, False),
        (LABELS, ("V", "V", "number"), 500.0, False),
    ],
)
def test_a_stream_is_like_another_of_the_same_channels_units_and_rate(labels, units, rate, like):
    assert feed().like(Segmenter(labels, units, rate)) == like


def test_a_gap_begins_a_run_whose_samples_are_counted_with_the_lost_ones():
    samples, stamps = stream()
    kept = np.r_[0:400, 417:1000]
    first, second = cut(samples[kept], stamps[kept])
    assert (second.first, second.lost) == (417, 17)
    assert second.words == "17 samples were lost"
    assert len(first) == 400


def test_a_clock_that_was_set_begins_a_run_of_unknown_distance():
    samples, stamps = stream()
    stamps[600:] += 7200.0
    _, second = cut(samples, stamps)
    assert (second.first, second.lost) == (600, 0)
    assert second.words == "The sender's clock jumped by +7200 s"


def test_a_nan_ends_a_run_only_for_those_who_use_its_channel():
    samples, stamps = stream(300)
    samples[100:110, 1] = np.nan
    samples[105, 0] = np.inf
    assert begun(cut(samples, stamps, columns=[2])) == [(0, True, 0, ())]
    assert begun(cut(samples, stamps, columns=[0])) == [
        (0, True, 0, ()),
        (105, False, 0, (0,)),
        (106, True, 0, ()),
    ]
    assert begun(cut(samples, stamps, columns=[1, 0])) == [
        (0, True, 0, ()),
        (100, False, 0, (0, 1)),
        (110, True, 0, ()),
    ]


@pytest.mark.slow
@given(cuts=st.lists(st.integers(0, 983), max_size=8))
@settings(deadline=None, max_examples=40)
def test_chunks_change_neither_runs_nor_samples(cuts):
    samples, stamps = stream()
    samples[200:230, 0] = np.nan
    samples[380:390, 1] = np.nan  # up to the gap
    kept = np.r_[0:390, 407:1000]
    whole = cut(samples[kept], stamps[kept], (), [0, 1])
    split = cut(samples[kept], stamps[kept], cuts, [0, 1])
    assert [s[:3] for s in begun(whole) if not s[3]] == [s[:3] for s in begun(split) if not s[3]]
    for name in ("samples_uv", "raw", "times"):
        one, other = (np.concatenate([getattr(s, name) for s in all_]) for all_ in (whole, split))
        np.testing.assert_array_equal(one, other)


def test_segments_are_joined_to_the_runs_that_they_were_cut_from():
    samples, stamps = stream()
    kept = np.r_[0:390, 407:1000]
    whole = cut(samples[kept], stamps[kept])
    pieces = joined(cut(samples[kept], stamps[kept], (7, 100, 389, 391, 600)))
    assert [(s.first, s.begins, s.lost, s.words, len(s)) for s in pieces] == [
        (s.first, s.begins, s.lost, s.words, len(s)) for s in whole
    ]
    for one, other in zip(whole, pieces, strict=True):
        np.testing.assert_array_equal(one.samples_uv, other.samples_uv)


@pytest.mark.parametrize("start", [0, 3])
def test_only_the_first_part_of_a_segment_begins_its_run(start):
    (segment,) = feed().push(*stream(10))
    part = segment.part(start, 7)
    assert (part.begins, part.first, len(part)) == (start == 0, start, 7 - start)
    assert part.time == segment.times[start]


def test_a_value_that_float32_cannot_hold_is_no_voltage_and_no_warning():
    samples, stamps = stream(10)
    samples[4, 0] = 1e38  # V
    assert begun(cut(samples, stamps, columns=[0]))[1:] == [(4, False, 0, (0,)), (5, True, 0, ())]


def test_runs_of_a_recorded_stream_are_those_of_the_live_one():
    _, stamps = stream()
    kept = np.r_[0:400, 417:1000]
    runs, lost = segment_bounds(stamps[kept], RATE)
    assert [run.start for run in runs] == [0, 400]
    assert lost == 17
