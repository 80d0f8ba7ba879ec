"""When a cue was seen, by the clock of a stream's stamps, over real LSL."""

import threading

import numpy as np
import pylsl
import pytest

from calibration.session.acquisition import Acquisition
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import SignalOutlet
from core.stream.stream_feed import Overrides

RATE = 250.0


@pytest.fixture
def sender():
    """Send 20 ms at a time, stamped by a clock that is off by `offset[0]` seconds."""
    stop, threads = threading.Event(), []

    def start(name, offset, speed=1.0):
        outlet = SignalOutlet(name, "EEG", ("C3", "CZ", "C4"), "microvolts", RATE, name)

        def run():
            sent, begun = 0, pylsl.local_clock()
            while not stop.wait(0.02):
                due = int((pylsl.local_clock() - begun) * speed * RATE)
                stamps = begun * speed + np.arange(sent, due) / RATE + offset[0]
                if due > sent:
                    outlet.push(np.zeros((due - sent, 3), dtype=np.float32), stamps)
                sent = due

        threads.append(threading.Thread(target=run))
        threads[-1].start()

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def acquire():
    made = []

    def start(name, **known):
        found = find_stream(StreamQuery(name=name), 20.0)
        made.append(Acquisition(Inlet(found), Overrides(**known)))
        assert made[-1].wait_for(-1e12, 10.0)
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.slow
def test_stamps_of_the_lsl_clock_are_believed(sender, acquire):
    sender("Right", [-0.3])  # stamped when measured, sent 0.3 s later, as by a radio
    acquisition = acquire("Right")
    assert acquisition.wait_for_signal(1.0, 20.0)
    assert acquisition.to_sender(1000.0) == pytest.approx(1000.0, abs=0.01)
    assert acquisition.doubt == ""


@pytest.mark.slow
def test_a_trigger_channel_is_shown_as_no_electrode(name):
    outlet = SignalOutlet(name, "EEG", ("C3", "T3", "TRG"), "microvolts", RATE, name)
    acquisition = Acquisition(Inlet(find_stream(StreamQuery(name=name), 20.0)), Overrides())
    assert [channel.electrode for channel in acquisition.channels] == ["C3", "T7", None]
    acquisition.close()
    outlet.close()


@pytest.mark.slow
@pytest.mark.parametrize("offset", [1.7e9, -5000.0, 3.0, -20.0])
def test_stamps_of_another_clock_go_by_their_arrival(sender, acquire, until, offset):
    sender(f"Other-{offset}", [offset])
    acquisition = acquire(f"Other-{offset}")
    until(lambda: acquisition.doubt)
    # By the least delay of some arrivals: a busy machine may hold up the first.
    until(lambda: acquisition.to_sender(1000.0) == pytest.approx(1000.0 + offset, abs=0.3))
    assert "off the clock of LSL" in acquisition.doubt


@pytest.mark.slow
@pytest.mark.parametrize("jump", [600.0, -600.0, 20.0, -20.0])
def test_a_clock_that_is_set_meanwhile_is_followed(sender, acquire, until, jump):
    offset = [0.0]
    sender(f"Set-{jump}", offset)
    acquisition = acquire(f"Set-{jump}")
    assert acquisition.wait_for_signal(3.5, 20.0)
    assert acquisition.doubt == ""
    offset[0] = jump
    until(lambda: acquisition.doubt)
    until(lambda: acquisition.to_sender(1000.0) == pytest.approx(1000.0 + jump, abs=0.3))


@pytest.mark.slow
def test_a_rehearsal_at_a_higher_speed_is_no_doubt(sender, acquire):
    sender("Rehearsed", [0.0], speed=5.0)
    acquisition = acquire("Rehearsed", speed=5.0)
    assert acquisition.wait_for_signal(6.0, 20.0)
    assert acquisition.doubt == ""


@pytest.mark.slow
def test_a_stamp_that_is_no_number_is_passed_over(name, until):
    outlet = SignalOutlet(name, "EEG", ("C3", "CZ", "C4"), "microvolts", RATE, name)
    with Inlet(find_stream(StreamQuery(name=name), 20.0)) as inlet:
        acquisition = Acquisition(inlet, Overrides())
        stamps = pylsl.local_clock() + np.arange(500) / RATE
        newest, stamps[-1] = stamps[-2], np.nan
        outlet.push(np.zeros((500, 3), dtype=np.float32), stamps)
        assert acquisition.wait_for_signal(2.0, 10.0)
        assert acquisition.wait_for(newest, 10.0)
        until(lambda: len(acquisition.traces(1.0).times) == 128)
        assert acquisition.traces(1.0).times[-1] == newest
        acquisition.close()
    outlet.close()
