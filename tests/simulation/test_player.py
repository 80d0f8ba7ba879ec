"""Every sample of a replay, bit by bit and stamp by stamp, through LSL."""

import dataclasses
import itertools

import numpy as np
import pytest

from core.errors import InputError
from core.feed.continuity import Continuity
from core.stream.description import read_facts
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet, MarkerInlet
from simulation.player import BREAK, cut, replay, simulate
from simulation.synthetic import SimulatedSubject


def receive(inlet, count, until):
    """Read that many samples, or more; return samples, stamps and blocks."""
    blocks = []

    def enough():
        if block := inlet.read(0.1):
            blocks.append(block)
        return sum(len(block.stamps) for block in blocks) >= count

    until(enough, seconds=60)
    samples = np.concatenate([block.samples for block in blocks])
    return samples, np.concatenate([block.stamps for block in blocks]), blocks


def receive_markers(inlet, last, until):
    """Read markers up to the one with that text; one read may end between two of them."""
    markers = []
    until(lambda: markers.extend(inlet.read(0.1)) or last in [marker.text for marker in markers])
    return markers


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 7, None])
def test_every_sample_arrives_bit_by_bit_with_counted_stamps(
    chunk, name, make_recording, background, until
):
    recording = make_recording(samples=1003, rate=256.0)
    background(replay, [recording], name, chunk=chunk, speed=20)
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        samples, stamps, _ = receive(inlet, 1003, until)
    np.testing.assert_array_equal(samples, recording.samples_uv)
    np.testing.assert_array_equal(stamps, stamps[0] + np.arange(1003) / 256.0)


@pytest.mark.slow
def test_stream_says_what_it_is(name, make_recording, background):
    background(replay, [make_recording()], name)
    found = find_stream(StreamQuery(stream=name))
    facts = read_facts(found)
    assert facts.identity.type == "EEG"
    assert name in facts.identity.source_id
    assert facts.labels == ("C3", "CZ", "C4")
    assert set(facts.units) == {"microvolts"}
    assert (facts.rate, facts.warnings) == (250.0, ())


@pytest.mark.slow
def test_events_are_markers_at_their_exact_stamps(name, make_recording, background, until):
    events = [(0.0, "first"), (0.1, "left_hand"), (0.7011, "between"), (1.5, "after the end")]
    recording = make_recording(samples=250, events=events)
    background(replay, [recording], name, speed=5)
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        found = find_stream(StreamQuery(stream=f"{name}-Markers"), markers=True)
        with MarkerInlet(found) as cues:
            _, stamps, _ = receive(inlet, 250, until)
            markers = receive_markers(cues, "after the end", until)
    received = {marker.text: marker.time - stamps[0] for marker in markers}
    # A receiver that takes half a second to open the markers misses those before the last.
    for onset, text in events:
        if text in received:
            assert received[text] == pytest.approx(onset, abs=1e-9)


@pytest.mark.slow
def test_receiver_of_both_streams_gets_the_first_marker_too(
    name, make_recording, background, until
):
    recording = make_recording(samples=100, events=[(0.0, "first"), (0.2, "second")])
    background(replay, [recording], name)
    cues = find_stream(StreamQuery(stream=f"{name}-Markers"), markers=True)
    signal = find_stream(StreamQuery(stream=name))
    with MarkerInlet(cues) as markers, Inlet(signal) as inlet:
        _, stamps, _ = receive(inlet, 100, until)
        received = receive_markers(markers, "second", until)
    assert [marker.text for marker in received] == ["first", "second"]
    assert received[0].time == stamps[0]
    assert received[1].time == stamps[0] + 50 / 250


@pytest.mark.slow
def test_several_recordings_are_one_stream_with_a_real_break(
    name, make_recording, background, until
):
    first = make_recording(samples=130, breaks=(50,), labels=("C3", "T7", "C4"), seed=1)
    other = make_recording(samples=70, labels=("EEG C4-REF", "C3", "T3"), seed=2)
    background(replay, [first, other], name, speed=10)
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        samples, stamps, _ = receive(inlet, 200, until)
    np.testing.assert_array_equal(samples[:130], first.samples_uv)
    np.testing.assert_array_equal(samples[130:], other.samples_uv[:, [1, 2, 0]])
    runs = Continuity(250).split(stamps)
    assert [(run.start, run.lost) for run in runs] == [(0, 0), (50, 250), (130, 250)]


def test_channels_of_one_electrode_are_told_apart_by_their_labels(make_recording):
    labels = ("C3-A1", "C3-A2", "C4")
    first = make_recording(samples=10, labels=labels, seed=1)
    other = make_recording(samples=10, labels=labels[::-1], seed=2)
    pieces = list(cut([first, other], 10, loop=False))
    np.testing.assert_array_equal(pieces[0].samples, first.samples_uv)
    np.testing.assert_array_equal(pieces[1].samples, other.samples_uv[:, ::-1])


@pytest.mark.slow
def test_no_sample_is_sent_before_its_time(name, make_recording, background, until):
    background(replay, [make_recording(samples=200)], name, chunk=25)
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        _, _, blocks = receive(inlet, 200, until)
    assert len(blocks) >= 8
    assert all(block.stamps.max() <= block.arrival for block in blocks)


def test_without_waiting_samples_are_sent_to_nobody(name, make_recording):
    said = []
    assert replay([make_recording(samples=20)], name, wait=False, say=said.append) == 20
    assert name in said[0]
    assert "3 channels at 250 Hz in microvolts" in said[0]


@pytest.mark.slow
def test_waiting_can_be_stopped(name, make_recording, background, until):
    thread = background(replay, [make_recording()], name)
    find_stream(StreamQuery(stream=name))
    assert thread.is_alive()  # and the fixture stops it


@pytest.mark.slow
def test_loop_begins_again(name, make_recording, background, until):
    recording = make_recording(samples=60)
    background(replay, [recording], name, speed=50, loop=True)
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        samples, _, _ = receive(inlet, 151, until)
    np.testing.assert_array_equal(samples[60:120], recording.samples_uv)


def test_pieces_hold_every_sample_and_event_once(make_recording):
    events = [(i * 0.013, str(i)) for i in range(40)]
    recording = make_recording(samples=130, events=events, breaks=(33, 99))
    pieces = list(cut([recording], chunk=8))
    np.testing.assert_array_equal(
        np.concatenate([piece.samples for piece in pieces]), recording.samples_uv
    )
    texts = [text for piece in pieces for _, text in piece.markers]
    assert texts == [str(i) for i in range(40)]
    positions = np.concatenate([piece.positions for piece in pieces])
    assert np.flatnonzero(np.diff(positions) != 1).tolist() == [32, 98]
    # An event lies between the same two samples on the stream as in the file.
    for piece in pieces[:-1]:
        assert all(at < piece.positions[-1] + 1 for at, _ in piece.markers)
    for (onset, _), (at, _) in zip(
        events, itertools.chain(*(piece.markers for piece in pieces)), strict=True
    ):
        whole = int(onset * 250)
        assert at - positions[whole] == pytest.approx(onset * 250 - whole)


def test_an_event_at_the_first_sample_behind_a_break_stays_behind_it(make_recording):
    """FIF rounds onsets to microseconds, and each file that MNE joins may begin with a cue."""
    onset = 17.459999
    events = [(onset, "left_hand"), (onset, "BAD boundary"), (onset, "EDGE boundary")]
    recording = make_recording(samples=2000, rate=100.0, events=events, breaks=(1746,))
    markers = [marker for piece in cut([recording], chunk=8) for marker in piece.markers]
    assert [text for _, text in markers] == [text for _, text in events]
    assert [at for at, _ in markers] == pytest.approx([100.0 * (onset + BREAK)] * 3)


def test_recordings_that_do_not_fit_one_stream_are_refused(make_recording, name):
    recording = make_recording()
    for other in (make_recording(rate=500.0), make_recording(labels=("C3", "CZ", "PZ"))):
        with pytest.raises(InputError, match="cannot be sent as one stream"):
            replay([recording, other], name)
    empty = dataclasses.replace(recording, samples_uv=recording.samples_uv[:0])
    for nothing in ([], [empty]):
        with pytest.raises(InputError, match="no recording with samples"):
            replay(nothing, name)


@pytest.mark.parametrize(
    ("settings", "word"), [({"chunk": 0}, "--chunk"), ({"speed": 0.0}, "--speed")]
)
def test_settings_without_a_meaning_are_refused(make_recording, name, settings, word):
    with pytest.raises(InputError, match=word):
        replay([make_recording()], name, **settings)


@pytest.mark.slow
def test_simulated_subject_is_sent_as_it_is_made(name, background, until):
    subject = SimulatedSubject(seed=3, rate=250.0, labels=("C3", "CZ", "C4"))
    background(simulate, subject, name)
    found = find_stream(StreamQuery(stream=name))
    assert read_facts(found).labels == ("C3", "CZ", "C4")
    with Inlet(found) as inlet:
        samples, stamps, blocks = receive(inlet, 301, until)
    expected = SimulatedSubject(seed=3, rate=250.0, labels=("C3", "CZ", "C4")).generate(5000)
    begin = int(np.flatnonzero((expected == samples[0]).all(axis=1))[0])
    np.testing.assert_array_equal(samples, expected[begin : begin + len(samples)])
    assert len(Continuity(250).split(stamps)) == 1
    assert all(block.stamps.max() <= block.arrival for block in blocks)


def test_simulation_ends_after_its_duration(name):
    assert simulate(SimulatedSubject(), name, duration=0.1) == 25
    with pytest.raises(InputError, match="--duration"):
        simulate(SimulatedSubject(), name, duration=0.0)
