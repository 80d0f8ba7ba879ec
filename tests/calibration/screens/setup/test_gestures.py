import numpy as np
import pytest

from calibration.screens.setup.gestures import BLINK, CLENCH, GestureCheck, strength
from simulation.synthetic import LABELS, SimulatedSubject

RATE = 250.0
TEMPORAL = ("T7", "T8", "F7", "F8", "C5", "C6")


def eeg(seconds=12.0, labels=LABELS, seed=1):
    """EEG of a simulated subject, who blinks now and then, (samples, channels)."""
    return SimulatedSubject(seed, RATE, labels).generate(round(seconds * RATE)).astype(float)


def clenching(samples, labels=LABELS, uv=30.0):
    """The same with muscles at the sides of the head."""
    reach = [1.0 if label in TEMPORAL else 0.1 for label in labels]
    noise = np.random.default_rng(0).normal(0.0, uv, samples.shape)
    return samples + noise * np.array(reach)


def judge(gesture, samples, labels=LABELS):
    check = GestureCheck(gesture, labels, RATE)
    second = round(RATE)
    for start in range(0, len(samples) - second + 1, second // 4):
        check.feed(samples[start : start + second])
    return check.verdict()


def lit(verdict, labels=LABELS):
    return {label for label, flag in zip(labels, verdict.lit, strict=True) if flag}


def test_blinks_light_the_front():
    verdict = judge(BLINK, eeg())
    assert verdict.right is True
    assert {"FP1", "FP2"} <= lit(verdict)
    assert not {"O1", "OZ", "O2", "P7", "P8"} & lit(verdict)
    assert verdict.words.startswith("Blinks are strongest at FP")


def test_clenching_lights_the_sides():
    verdict = judge(CLENCH, clenching(eeg()))
    assert verdict.right is True
    assert set(TEMPORAL) <= lit(verdict)
    assert "CZ" not in lit(verdict)


@pytest.mark.slow
def test_channels_in_reverse_are_found_by_either_gesture():
    samples = clenching(eeg())[:, ::-1]
    blink, clench = judge(BLINK, samples), judge(CLENCH, samples[:, ::-1], LABELS)
    assert blink.right is False
    assert "should be at the front" in blink.words
    assert "order and the names" in blink.words
    assert clench.right is True
    shuffled = list(LABELS[8:]) + list(LABELS[:8])
    assert judge(CLENCH, clenching(eeg()), shuffled).right is False


@pytest.mark.parametrize("gesture", [BLINK, CLENCH])
def test_stillness_is_not_a_gesture(gesture):
    still = np.random.default_rng(0).normal(0.0, 2.0, (1000, len(LABELS)))
    verdict = judge(gesture, still)
    assert verdict.right is None
    assert "not seen" in verdict.words
    assert not any(verdict.lit)


def test_a_unit_that_is_wrong_by_a_thousand_is_not_seen():
    assert "check the unit" in judge(BLINK, eeg() / 1000).words


def test_mains_hum_is_no_muscle():
    time = np.arange(3000) / RATE
    hum = 80.0 * np.sin(2 * np.pi * 50.0 * time)[:, None]
    noise = np.random.default_rng(0).normal(0.0, 1.0, (3000, len(LABELS)))
    assert not any(judge(CLENCH, noise + hum * (np.arange(len(LABELS)) % 3)).lit)


def test_a_motor_cap_is_judged_by_its_foremost_electrodes():
    labels = tuple("FC3 FC1 FCZ FC2 FC4 C3 C1 CZ C2 C4 CP3 CP1 CPZ CP2 CP4".split())
    noise = np.random.default_rng(0).normal(0.0, 2.0, (2000, len(labels)))
    wave = 90.0 * np.maximum(0.0, np.sin(2 * np.pi * 2.0 * np.arange(2000) / RATE))[:, None] ** 4
    front = np.array([1.0 if name.startswith("FC") else 0.1 for name in labels])
    assert judge(BLINK, noise + wave * front, labels).right is True
    assert judge(BLINK, noise + wave * front[::-1], labels).right is False


@pytest.mark.parametrize("labels", [(), ("Ch1", "Ch2", "Ch3"), ("C3",), ("C3", "CZ", "C4")])
def test_without_electrodes_at_the_front_blinks_cannot_be_judged(labels):
    samples = 100.0 * np.random.default_rng(0).normal(0.0, 1.0, (500, len(labels)))
    verdict = judge(BLINK, samples, labels)
    assert verdict.right is None
    assert "cannot be judged" in verdict.words
    assert len(verdict.lit) == len(labels)


@pytest.mark.parametrize("rate", [100.0, 250.0, 2048.0])
def test_any_rate_and_bad_samples_give_numbers(rate):
    samples = np.random.default_rng(0).normal(0.0, 10.0, (round(rate), 4))
    for gesture in (BLINK, CLENCH):
        assert np.isfinite(strength(samples, rate, gesture)).all()
    check = GestureCheck(BLINK, ("FP1", "FP2", "O1", "O2"), rate)
    samples[3, 0] = np.nan
    check.feed(samples)
    check.feed(samples[:2])
    assert np.isfinite(check.strongest).all()
