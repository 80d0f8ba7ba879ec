"""Not one probability comes from a window that touches a fault, over hundreds of schedules."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import HypothesisProvider

from simulation.faults.repeats import Hold, Repeat
from simulation.faults.sender import Restart
from simulation.faults.signal import (
    Copy,
    Flat,
    Hum,
    Infinite,
    Noisy,
    NotANumber,
    Off,
    OwnSignal,
    Railed,
    Scaled,
)
from simulation.faults.timing import Drift, Drop, Jump, Lose, Rate, Silent, Stall

pytestmark = pytest.mark.slow

SECONDS = 11.0  # of signal, the first four of which fill a window


def seconds(low, high):
    return st.floats(low, high).map(lambda value: round(value, 3))


at, lasting, seed = seconds(2.0, SECONDS), seconds(0.3, 2.0), st.integers(0, 2**16)
channel = st.sampled_from(("C3", "C4", "CZ", "C3+CPZ", "all"))
hours = st.sampled_from((-36_000.0, -7200.5, -3600.002, 3601.0, 7200.5, 200_000.0))

TIMING = st.one_of(
    st.builds(Lose, st.integers(1, 700), at=at),
    st.builds(Drop, st.floats(0.001, 0.05), seed, at=at, for_=lasting),
    st.builds(Silent, at=at, for_=lasting),
    st.builds(Stall, at=at, for_=lasting, speed=st.sampled_from((1.5, 4.0, np.inf))),
    st.builds(Jump, hours, at=at, for_=lasting),
    st.builds(Drift, st.floats(-200, 200), at=at),
    st.builds(Rate, st.sampled_from((-1.0, 1.0))),
)
SENDER = st.builds(
    Restart,
    st.floats(0.1, 2.0),
    st.sampled_from(("same", "other", "none")),
    st.sampled_from(("same", "same", "reordered", "more", "missing", "renamed")),
    st.sampled_from(("same", "same", "mV", "V", "none", "misspelt")),
    at=at,
)
SIGNAL = st.one_of(
    st.builds(Flat, channel, at=at, for_=lasting),
    st.builds(Railed, channel, at=at, for_=lasting),
    st.builds(Noisy, channel, st.floats(150, 1000), seed, at=at, for_=lasting),
    st.builds(
        Hum, channel, st.sampled_from((50.0, 60.0)), st.floats(150, 1000), at=at, for_=lasting
    ),
    st.builds(
        OwnSignal,
        shape=st.sampled_from(("square", "sine", "ramp")),
        noise=st.sampled_from((0.0, 0.5)),
        at=at,
        for_=seconds(0.5, 2.0),  # what differs between channels is measured over a quarter second
    ),
    st.builds(Copy, st.sampled_from(("C4", "all")), at=at, for_=lasting),
    st.builds(Hold, st.integers(2, 40), at=at),
    st.builds(Repeat, st.floats(0.1, 1.5), at=at, for_=lasting),
    st.builds(NotANumber, channel, at=at, for_=lasting),
    st.builds(Infinite, channel, at=at, for_=lasting),
    # Levels are measured over half a second, four times a second: a shorter one may pass.
    st.builds(Off, channel, st.floats(0.1, 1.0), seed, at=at, for_=seconds(0.75, 2.0)),
)
GAIN = st.builds(Scaled, by=st.sampled_from((1e-6, 1e-3, 1e3, 1e6)), at=at, for_=lasting)


@pytest.fixture(scope="module")
def recording(imagery_recording):
    whole = imagery_recording(seed=11, trials=1)
    return whole


@pytest.fixture
def same_schedules(monkeypatch):
    """Have Hypothesis draw no constants of whatever modules another test has imported."""
    monkeypatch.setattr(HypothesisProvider, "_maybe_draw_constant", lambda *_, **__: None)


@pytest.mark.usefixtures("same_schedules")
@pytest.mark.parametrize(
    ("schedules", "count"),
    [
        (st.lists(TIMING, min_size=1, max_size=4), 70),
        (st.lists(SENDER, min_size=1, max_size=2), 30),
        (st.lists(SIGNAL, min_size=1, max_size=3), 90),
        (st.lists(GAIN, min_size=1, max_size=1), 10),
        (st.lists(TIMING | SENDER | SIGNAL, min_size=2, max_size=5), 60),
    ],
    ids=["timing", "sender", "signal", "gain", "all"],
)
def test_no_probability_comes_from_a_window_that_touches_a_fault(
    fitted, recording, decode_faulty, schedules, count
):
    published = []

    # The same schedules every time; one that fails is written as a test below.
    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),  # to shrink one that fails takes minutes
    )
    @given(faults=schedules, chunk=st.integers(8, 200), confirm=st.booleans())
    def check(faults, chunk, confirm):
        decoded = decode_faulty(fitted["riemann"], recording, faults, chunk, confirm)
        assert decoded.wrong() == []
        published.append(len(decoded.published()))

    check()
    # It is no art to refuse everything: 12 s make 33 windows without faults.
    assert np.mean(published) > 5


def test_a_short_copy_after_a_lost_sample_is_refused(fitted, recording, decode_faulty):
    faults = [Lose(1, at=2.0), Copy("C4", at=2.875, for_=0.375)]
    assert decode_faulty(fitted["riemann"], recording, faults, 8, True).wrong() == []


@pytest.mark.parametrize("lost", [True, False])
def test_what_was_lost_before_it_is_sent_again_is_new(fitted, recording, decode_faulty, lost):
    faults = [Repeat(0.448, at=5.126, for_=0.754)]
    if lost:
        faults.append(Silent(at=4.099, for_=1.566))
    decoded = decode_faulty(fitted["riemann"], recording, faults, 160, False)
    assert decoded.wrong() == []
    begin, end = 5.126 * recording.rate, 5.88 * recording.rate
    touching = [window for window in decoded.published() if window[0] < end and window[1] > begin]
    assert bool(touching) is lost


def test_an_electrode_that_has_just_come_off_is_refused(fitted, recording, decode_faulty):
    faults = [Off("C3+CPZ", 0.29605376282991747, 212, at=9.666, for_=1.403)]
    assert decode_faulty(fitted["riemann"], recording, faults, 8, True).wrong() == []


def test_what_a_test_signal_hides_need_not_show_before_it(fitted, recording, decode_faulty):
    faults = [Hold(9, at=8.341), OwnSignal(shape="ramp", noise=0.5, at=8.341, for_=0.77)]
    decoded = decode_faulty(fitted["riemann"], recording, faults, 42, False)
    assert decoded.wrong() == []
    assert decode_faulty(fitted["riemann"], recording, faults, 42, True).wrong() == []


def test_a_block_sent_between_losses_and_again_after_them_is_refused(
    fitted, recording, decode_faulty
):
    faults = [Drop(0.03, 11465, at=6.173, for_=1.084), Repeat(1.366, at=7.916, for_=0.665)]
    assert decode_faulty(fitted["riemann"], recording, faults, 92, True).wrong() == []
