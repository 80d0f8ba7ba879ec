"""What a schedule makes of samples, without a stream."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.faults.fault import Sent, Source
from simulation.faults.schedule import Schedule
from simulation.faults.spec import parse_all

RATE, LABELS = 250.0, ("C3", "CZ", "C4")
N = 2000
MANY = (
    "drop:share=0.05,at=1,for=2",
    "noisy:channel=C3,at=0.5",
    "burst:samples=9,jitter=0.01,at=3",
    "stall:at=4,for=0.5,speed=3",
    "jump:by=-7200,at=5,for=1",
    "rate:percent=1",
    "drift:ppm=80",
    "hold:samples=3,at=5.3",
    "repeat:every=0.3,at=6.5,for=1",
    "off:channel=CZ,at=1,for=0.5",
    "test:shape=ramp,noise=1,at=1.6,for=0.3",
    "copy:channel=C4,of=C3,noise=1,at=0.2,for=3",
    "restart:at=6,down=0.4",
)


def schedule(*specs):
    return Schedule(parse_all(specs), Source(RATE, LABELS))


def signal():
    return np.random.default_rng(0).normal(0, 20, (N, 3)).astype(np.float32), np.arange(N)


def test_without_faults_everything_is_sent_as_it_is_at_its_time():
    samples, at = signal()
    parcel = schedule().apply(samples, at)
    np.testing.assert_array_equal(parcel.samples, samples)
    np.testing.assert_array_equal(parcel.positions, at)
    np.testing.assert_array_equal(parcel.stamps, at / RATE)
    np.testing.assert_array_equal(parcel.due, at / RATE)


@pytest.mark.slow
@given(cuts=st.lists(st.integers(0, N), max_size=8))
@settings(deadline=None, max_examples=20)
def test_chunking_never_matters(cuts):
    samples, at = signal()
    spoilt = schedule(*MANY)
    whole = spoilt.apply(samples, at)
    parts = [
        spoilt.apply(*part)
        for part in zip(np.split(samples, sorted(cuts)), np.split(at, sorted(cuts)), strict=True)
    ]
    for name in ("samples", "positions", "stamps", "due"):
        joined = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(joined, getattr(whole, name))


def test_a_schedule_does_the_same_again_and_another_seed_something_else():
    samples, at = signal()
    lost = [
        schedule(spec).apply(samples, at).positions
        for spec in ("drop:share=0.05", "drop:share=0.05", "drop:share=0.05,seed=1")
    ]
    assert lost[0].tolist() == lost[1].tolist() != lost[2].tolist()
    assert 60 < N - len(lost[0]) < 140


def test_the_samples_given_are_left_alone():
    samples, at = signal()
    before = samples.copy()
    schedule("nan:at=1").apply(samples, at)
    np.testing.assert_array_equal(samples, before)


@pytest.mark.parametrize(
    ("spec", "lost"),
    [
        ("lose:samples=50,at=2", (500, 550)),
        ("silent:at=2,for=1", (500, 750)),
        ("silent:at=2", (500, N)),
        ("restart:at=2,down=3", (500, 1250)),
    ],
)
def test_lost_samples_are_lost_and_the_others_keep_their_stamps(spec, lost):
    parcel = schedule(spec).apply(*signal())
    assert np.setdiff1d(np.arange(N), parcel.positions).tolist() == list(range(*lost))
    np.testing.assert_array_equal(parcel.stamps, parcel.positions / RATE)


@pytest.mark.parametrize(
    ("spec", "check"),
    [
        ("flat:channel=C4,uv=3,at=1,for=2", lambda old, new: (new == 3).all()),
        ("railed:channel=C4,at=1,for=2", lambda old, new: (np.abs(new) == 400).mean() > 0.9),
        ("noisy:channel=C4,at=1,for=2", lambda old, new: 250 < (new - old).std() < 350),
        ("hum:channel=C4,hertz=60,at=1,for=2", lambda old, new: 99 < (new - old).max() <= 100.1),
        ("scale:channel=C4,by=1000,at=1,for=2", lambda old, new: np.allclose(new, 1000 * old)),
        ("off:channel=C4,uv=2,at=1,for=2", lambda old, new: 1.8 < new.std() < 2.2),
        ("test:channel=C4,at=1,for=2", lambda old, new: set(new) == {-100, 100}),
        ("test:channel=C4,shape=sine,uv=9,at=1,for=2", lambda old, new: 8.9 < new.max() <= 9),
        ("test:channel=C4,shape=ramp,uv=9,at=1,for=2", lambda old, new: abs(new.mean()) < 0.2),
        ("nan:channel=C4,at=1,for=2", lambda old, new: np.isnan(new).all()),
        ("inf:channel=C4,at=1,for=2", lambda old, new: np.isinf(new).all()),
    ],
)
def test_one_channel_is_spoilt_while_the_fault_lasts_and_no_other(spec, check):
    samples, at = signal()
    spoilt = schedule(spec).apply(samples, at).samples
    inside = (at >= 250) & (at < 750)
    assert check(samples[inside, 2], spoilt[inside, 2])
    np.testing.assert_array_equal(spoilt[~inside], samples[~inside])
    np.testing.assert_array_equal(spoilt[:, :2], samples[:, :2])


def test_a_copy_is_equal_to_the_last_bit():
    samples, at = signal()
    spoilt = schedule("copy:channel=all,of=CZ,at=1,for=2").apply(samples, at).samples
    inside = (at >= 250) & (at < 750)
    np.testing.assert_array_equal(spoilt[inside], samples[inside][:, [1, 1, 1]])
    np.testing.assert_array_equal(spoilt[~inside], samples[~inside])


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 7, 64, N])
def test_what_was_sent_comes_again(chunk):
    samples, at = signal()
    again = "repeat:every=0.1,at=2,for=1"
    driver = schedule("hold:samples=3,at=1", again, again)  # two faults, though equal
    parts = [driver.apply(samples[i : i + chunk], at[i : i + chunk]) for i in range(0, N, chunk)]
    sent = np.concatenate([part.samples for part in parts])
    expected = samples.copy()
    expected[250:253] = samples[249]
    expected[500:750] = np.tile(samples[475:500], (10, 1))
    np.testing.assert_array_equal(sent, expected)
    np.testing.assert_array_equal(np.concatenate([p.stamps for p in parts]), at / RATE)


def test_a_stall_sends_everything_late_with_true_stamps():
    for speed, late in (("", 0.0), (",speed=5", 0.1)):
        parcel = schedule(f"stall:at=2,for=1{speed}").apply(*signal())
        np.testing.assert_array_equal(parcel.stamps, np.arange(N) / RATE)
        assert parcel.due[499] == 499 / RATE
        assert parcel.due[500] == 3.0
        assert parcel.due[625] == pytest.approx(3.0 + late)
        assert (np.diff(parcel.due) >= 0).all()
        assert parcel.due[-1] == (N - 1) / RATE


def test_a_burst_is_stamped_when_it_comes():
    parcel = schedule("burst:samples=10,at=2,for=2").apply(*signal())
    steps = np.diff(parcel.stamps[500:1000])
    assert (steps[9::10] > 0.039).all()
    np.testing.assert_allclose(np.delete(steps, np.s_[9::10]), 1e-6, atol=1e-9)
    assert (parcel.stamps >= np.arange(N) / RATE - 1e-9).all()  # never before it was taken
    np.testing.assert_array_equal(parcel.due, parcel.stamps)
    jittered = schedule("burst:samples=10,jitter=0.01").apply(*signal())
    assert 0.005 < np.diff(jittered.stamps)[9::10].std() < 0.02


def test_stamps_jump_there_and_back():
    parcel = schedule("jump:by=-7200,at=2,for=1").apply(*signal())
    away = parcel.stamps - np.arange(N) / RATE
    assert set(away[500:750]) == {-7200.0}
    assert set(away[:500]) == set(away[750:]) == {0.0}
    np.testing.assert_array_equal(parcel.due, np.arange(N) / RATE)


def test_drift_is_in_the_stamps_and_another_rate_in_the_pace_too():
    drift = schedule("drift:ppm=1000,at=4").apply(*signal())
    assert drift.stamps[1000] == 4.0
    assert drift.stamps[1500] == pytest.approx(6.0 + 0.002)
    assert drift.due[1500] == 6.0
    rate = schedule("rate:percent=1").apply(*signal())
    np.testing.assert_allclose(rate.stamps, np.arange(N) / (1.01 * RATE))
    np.testing.assert_array_equal(rate.due, rate.stamps)


FIRST = Sent(0, "amplifier", LABELS, (0, 1, 2), "microvolts")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("", {}),
        (",source_id=other", {"source_id": "amplifier+"}),
        (",source_id=none", {"source_id": ""}),
        (",channels=reordered", {"labels": ("C4", "CZ", "C3"), "columns": (2, 1, 0)}),
        (",channels=renamed", {"labels": ("X1", "X2", "X3")}),
        (",channels=missing", {"labels": ("C3", "C4"), "columns": (0, 2)}),
        (",channels=more", {"labels": (*LABELS, "EXTRA"), "columns": (0, 1, 2, 0)}),
        (",unit=V", {"unit": "V", "factor": pytest.approx(1e-6)}),
        (",unit=none", {"unit": ""}),
        (",unit=misspelt", {"unit": "microvlots"}),
    ],
)
def test_a_restart_closes_the_outlet_and_opens_another(spec, expected):
    spoilt = schedule(f"restart:at=2,down=1{spec}")
    assert spoilt.outlets(FIRST, 499) == [FIRST]
    assert spoilt.outlets(FIRST, 500) == spoilt.outlets(FIRST, 749) == []
    (again,) = spoilt.outlets(FIRST, 750)
    assert again.start == 1
    for key, value in ({"source_id": "amplifier", "labels": LABELS} | expected).items():
        assert getattr(again, key) == value
    assert spoilt.edges == [500, 750]


def test_a_second_stream_comes_and_goes():
    spoilt = schedule("second:at=2,for=1,source_id=same")
    assert [len(spoilt.outlets(FIRST, at)) for at in (499, 500, 749, 750)] == [1, 2, 2, 1]
    one, two = spoilt.outlets(FIRST, 600)
    assert one == FIRST
    assert (two.source_id, two.labels) == (one.source_id, one.labels)


def test_a_schedule_is_cut_where_something_begins_or_ends():
    spoilt = schedule("lose:samples=4,at=0.02", "silent:at=0.04")
    parts = [(part.start, part.stop) for part in spoilt.cut(np.arange(3, 15))]
    assert parts == [(0, 2), (2, 6), (6, 7), (7, 12)]
    assert list(schedule().cut(np.arange(5))) == [slice(0, 5)]
