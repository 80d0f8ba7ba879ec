import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signal.ring import Ring


@pytest.mark.slow
@given(sizes=st.lists(st.integers(0, 23), max_size=20), asked=st.integers(1, 10))
@settings(deadline=None)
def test_the_newest_samples_come_back_in_order(sizes, asked):
    ring = Ring(10, 1)
    everything = np.arange(sum(sizes), dtype=float)[:, None]
    at = 0
    for size in sizes:
        ring.write(everything[at : at + size])
        at += size
        if min(at, 10) >= asked:
            np.testing.assert_array_equal(ring.latest(asked), everything[at - asked : at])
        copied, clock = ring.copy(asked)
        assert clock == at
        np.testing.assert_array_equal(copied, everything[max(at - asked, 0) : at])


def test_a_copy_stays_while_the_ring_goes_on():
    ring = Ring(4, 2)
    ring.write(np.ones((4, 2)))
    copied, _ = ring.copy(4)
    ring.write(np.zeros((4, 2)))
    assert copied.all()


def test_more_than_there_is_cannot_be_seen():
    ring = Ring(4, 1)
    ring.write(np.zeros((3, 1)))
    with pytest.raises(ValueError, match="4 samples asked for, 3 held"):
        ring.latest(4)
    ring.reset()
    assert ring.written == 0
    with pytest.raises(ValueError, match="0 held"):
        ring.latest(1)
