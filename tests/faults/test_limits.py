"""Where noticing ends, as docs/faults.md says: just inside the limit it works."""

import pytest

from simulation.faults.spec import parse_all

CHUNK = 32


@pytest.fixture
def decoded(fitted, imagery_recording, decode_faulty):
    """Decode a recording of 18 s with faults."""

    def run(*specs):
        recording = imagery_recording(seed=11, trials=1)
        return decode_faulty(fitted["riemann"], recording, parse_all(specs), CHUNK)

    return run


def statuses(decoded):
    return {decision.status for decision in decoded.decisions}


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    ["stall:at=6,for=2", "burst:samples=9,jitter=0.003", "drift:ppm=200", "rate:percent=-1"],
)
def test_what_touches_no_window_refuses_none(decoded, spec):
    assert statuses(decoded(spec)) == {"warming", "ok"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec", ["flat:channel=C3,at=6.25,for=0.2", "noisy:channel=C3,at=6.25,for=0.25"]
)
def test_a_fault_in_the_values_shows_as_soon_as_enough_of_it_has_come(decoded, spec):
    found = decoded(spec)
    assert "artifact" in statuses(found)
    assert found.wrong() == []
    overlap = [last - 6.25 * 250 for first, last in found.published() if last > 6.25 * 250 > first]
    assert all(samples < 0.25 * 250 for samples in overlap)


@pytest.mark.slow
@pytest.mark.parametrize(("lost", "within"), [(1, 1.5), (4, 1.5), (50, 0.01)])
def test_a_loss_in_a_stream_stamped_on_arrival_is_seen_later_the_smaller_it_is(
    decoded, lost, within
):
    found = decoded("burst:samples=1,jitter=0.0003", f"lose:samples={lost},at=9")
    edge = 9 * 250
    over = [last - edge for first, last in found.published() if first < edge <= last]
    assert all(samples / 250 < within + 0.25 for samples in over)
    assert "gap" in statuses(found)


@pytest.mark.slow
def test_the_first_burst_of_an_exact_stream_is_taken_for_a_loss(decoded):
    found = decoded("burst:samples=9,at=6")
    assert "gap" in statuses(found)
    assert found.decisions[-1].status == "ok"
