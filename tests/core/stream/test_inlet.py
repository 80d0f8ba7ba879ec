"""Receiving over loopback: every sample, none twice, and a clear end."""

import time

import numpy as np
import pylsl
import pytest

from core.errors import InputError
from core.feed.continuity import Continuity
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Block, Inlet, Marker, MarkerInlet
from core.stream.outlets import MarkerOutlet, SignalOutlet

RATE = 250.0


@pytest.fixture
def outlet(name):
    return SignalOutlet(name, "EEG", ("C3", "C4"), "microvolts", RATE, "source")


@pytest.fixture
def inlet(outlet, name):
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        yield inlet


def numbered(start, stop):
    samples = np.arange(start, stop, dtype=np.float32)[:, None] * [1.0, -1.0]
    return samples, 5000.0 + np.arange(start, stop) / RATE


def read_all(inlet, count, until):
    blocks = []

    def enough():
        if block := inlet.read(0.1):
            blocks.append(block)
        return sum(len(block.stamps) for block in blocks) >= count

    until(enough)
    return blocks


def test_every_sample_arrives_as_it_was_sent(outlet, inlet, until):
    sent = [numbered(start, start + size) for start, size in ((0, 1), (1, 7), (8, 500), (508, 3))]
    for samples, stamps in sent:
        outlet.push(samples, stamps)
    blocks = read_all(inlet, 511, until)
    samples = np.concatenate([block.samples for block in blocks])
    stamps = np.concatenate([block.stamps for block in blocks])
    np.testing.assert_array_equal(samples, numbered(0, 511)[0])
    np.testing.assert_array_equal(stamps, numbered(0, 511)[1])
    assert (samples.dtype, stamps.dtype) == (np.float32, np.float64)
    assert inlet.dropped_samples == 0
    assert blocks[-1].arrival == inlet.newest_arrival <= pylsl.local_clock()


def test_samples_that_wait_keep_the_time_at_which_they_came(outlet, inlet, until):
    outlet.push(*numbered(0, 30))
    until(lambda: inlet.newest_arrival is not None)
    first = inlet.newest_arrival
    time.sleep(0.1)
    outlet.push(*numbered(30, 50))
    until(lambda: inlet.newest_arrival > first)
    block = inlet.read()
    assert block.parts[0].arrival < block.arrival - 0.05
    assert block.parts[-1].arrival == block.arrival
    stamps = np.concatenate([part.stamps for part in block.parts])
    np.testing.assert_array_equal(stamps, block.stamps)


@pytest.mark.parametrize(
    ("stamps", "newest"),
    [([1.0, 2.0], 2.0), ([1.0, np.nan, np.inf], 1.0), ([np.nan], None), ([], None)],
)
def test_the_newest_stamp_of_a_block_is_a_number(stamps, newest):
    assert Block(np.zeros((len(stamps), 2)), np.array(stamps), 0.0).newest == newest


def test_facts_come_with_the_inlet(inlet):
    assert inlet.facts.labels == ("C3", "C4")
    assert inlet.facts.units == ("microvolts", "microvolts")
    assert inlet.facts.warnings == ()


def test_reading_nothing_returns_none(inlet):
    assert inlet.read() is None
    assert inlet.read(0.05) is None
    assert inlet.newest_arrival is None


def test_slow_reader_gets_the_newest_and_the_count_of_the_rest(outlet, name, until):
    with Inlet(find_stream(StreamQuery(stream=name)), seconds=0.2) as inlet:
        outlet.push(*numbered(0, 10))
        for start in range(10, 510, 20):
            outlet.push(*numbered(start, start + 20))
        until(lambda: inlet.dropped_samples == 460)
        block = inlet.read(10)
        np.testing.assert_array_equal(block.samples, numbered(460, 510)[0])
        np.testing.assert_array_equal(block.stamps, numbered(460, 510)[1])
        outlet.push(*numbered(510, 515))
        more = np.concatenate([block.samples for block in read_all(inlet, 5, until)])
        np.testing.assert_array_equal(more, numbered(510, 515)[0])
        assert inlet.dropped_samples == 460


def test_what_a_slow_reader_lost_is_lost_to_continuity(outlet, name, until):
    continuity = Continuity(RATE)
    with Inlet(find_stream(StreamQuery(stream=name)), seconds=0.2) as inlet:
        outlet.push(*numbered(0, 40))
        for block in read_all(inlet, 40, until):
            continuity.split(block.stamps)
        for start in range(40, 140, 20):
            outlet.push(*numbered(start, start + 20))
        until(lambda: inlet.dropped_samples == 50)
        (run,) = continuity.split(inlet.read(10).stamps)
    assert (run.lost, run.continues) == (50, False)


def test_blocks_are_the_readers_own(outlet, inlet, until):
    outlet.push(*numbered(0, 50))
    for block in read_all(inlet, 50, until):
        block.samples[:] = 0
    outlet.push(*numbered(50, 60))
    more = np.concatenate([block.samples for block in read_all(inlet, 10, until)])
    np.testing.assert_array_equal(more, numbered(50, 60)[0])


@pytest.mark.slow
@pytest.mark.parametrize("format", ["double64", "int16", "int32", "int64", "int8"])
def test_numbers_of_every_format_become_float32(name, format, until):
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "EEG", 2, RATE, format, "source"))
    with Inlet(find_stream(StreamQuery(stream=name))) as inlet:
        outlet.push_chunk([[1, -2], [3, -100]], [7.0, 7.004])
        samples = np.concatenate([block.samples for block in read_all(inlet, 2, until)])
        assert samples.dtype == np.float32
        np.testing.assert_array_equal(samples, [[1, -2], [3, -100]])


def test_clock_offset_is_measured_meanwhile(inlet, until):
    until(lambda: inlet.correction != 0.0)
    assert abs(inlet.correction) < 1.0  # both are this machine


def test_sender_that_goes_is_lost(outlet, inlet, until):
    outlet.push(*numbered(0, 5))
    read_all(inlet, 5, until)
    assert not inlet.lost
    outlet.close()
    until(lambda: inlet.lost)
    assert inlet.read(3600) is None


@pytest.mark.slow
def test_sender_that_is_killed_is_lost(program, name, until):
    sender = program("simulate", "--name", name)
    with Inlet(find_stream(StreamQuery(stream=name), timeout=60)) as inlet:
        read_all(inlet, 50, until)
        assert not inlet.lost
        sender.kill()
        until(lambda: inlet.lost)


@pytest.mark.slow
def test_stream_that_is_gone_cannot_be_opened(program, name):
    sender = program("simulate", "--name", name)
    found = find_stream(StreamQuery(stream=name), timeout=60)
    sender.kill()
    sender.wait()
    with pytest.raises(InputError, match="does not answer"):
        Inlet(found, timeout=2.0)


def test_closing_ends_the_threads_and_may_be_repeated(outlet, name, until):
    inlet = Inlet(find_stream(StreamQuery(stream=name)))
    outlet.push(*numbered(0, 5))
    until(lambda: inlet.newest_arrival is not None)
    inlet.close()
    inlet.close()
    assert not any(thread.is_alive() for thread in inlet._threads)
    until(lambda: not outlet.has_consumers())
    assert len(inlet.read(3600).stamps) == 5  # what came before is still there
    assert inlet.read(3600) is None


@pytest.mark.slow
def test_markers_are_no_signal_and_a_signal_no_markers(outlet, name):
    markers = MarkerOutlet(f"{name}-markers")
    assert markers.source_id
    signal = find_stream(StreamQuery(stream=name))
    with pytest.raises(InputError, match="markers are strings"):
        MarkerInlet(signal)
    with pytest.raises(InputError, match="has text in it"):
        Inlet(find_stream(StreamQuery(stream=f"{name}-markers"), markers=True))


def test_markers_arrive_with_stamp_and_text(name, until):
    outlet = MarkerOutlet(name)
    with MarkerInlet(find_stream(StreamQuery(stream=name), markers=True)) as inlet:
        assert inlet.read() == []
        outlet.push("left_hand", 1234.5)
        outlet.push('{"µ": "ü"}', 1235.25)
        found = []
        until(lambda: found.extend(inlet.read(0.1)) or len(found) == 2)
    assert found == [Marker(1234.5, "left_hand"), Marker(1235.25, '{"µ": "ü"}')]


def test_markers_that_are_no_text_do_no_harm(name, until):
    outlet = pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0, "string", "source"))
    with MarkerInlet(find_stream(StreamQuery(stream=name), markers=True)) as inlet:
        outlet.push_sample([b"\xff\xfe\x00left\n"], 1.0)
        outlet.push_sample(["x" * 100_000], 2.0)
        found = []
        until(lambda: found.extend(inlet.read(0.1)) or len(found) == 2)
    assert found[0].text == "\ufffd\ufffdleft"
    assert len(found[1].text) <= 4096


def test_unread_markers_are_dropped_from_the_oldest(name, until):
    outlet = MarkerOutlet(name)
    with MarkerInlet(find_stream(StreamQuery(stream=name), markers=True), capacity=3) as inlet:
        for i in range(5):
            outlet.push(str(i), 1.0 + i)
        until(lambda: inlet.dropped_markers == 2)
        assert [marker.text for marker in inlet.read()] == ["2", "3", "4"]
