"""Whether the simulated subject looks, and can be decoded, like one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.encoders.eegpt.electrodes import channel_ids
from core.errors import InputError
from simulation.synthetic import LABELS, SimulatedSubject, session

SCHEDULE = {0: None, 137: "left_hand", 500: "right_hand", 640: "rest", 900: "feet", 1100: None}


def scripted(subject, sizes, total=1300):
    """Generate samples in pieces of these sizes, with imagery at fixed samples."""
    pieces, at, turn = [], 0, 0
    edges = [*sorted(SCHEDULE), total]
    while at < total:
        if at in SCHEDULE:
            subject.imagine(SCHEDULE[at])
        size = min(sizes[turn % len(sizes)], min(e for e in edges if e > at) - at)
        pieces.append(subject.generate(size))
        at, turn = at + size, turn + 1
    return np.concatenate(pieces)


WHOLE = scripted(SimulatedSubject(seed=5), [2000])


@pytest.mark.slow
@given(st.lists(st.integers(1, 300), min_size=1, max_size=6))
@settings(max_examples=25, deadline=None)
def test_cutting_into_chunks_changes_nothing(sizes):
    np.testing.assert_array_equal(scripted(SimulatedSubject(seed=5), sizes), WHOLE)


def test_seed_makes_the_subject_and_run_makes_the_chance():
    np.testing.assert_array_equal(
        SimulatedSubject(seed=1).generate(500), SimulatedSubject(seed=1).generate(500)
    )
    for other in (SimulatedSubject(seed=2), SimulatedSubject(seed=1, run=1)):
        assert not np.allclose(other.generate(500), SimulatedSubject(seed=1).generate(500), atol=5)


@pytest.mark.slow
def test_amplitudes_are_those_of_an_eeg():
    signal = SimulatedSubject().generate(250 * 60)
    assert (signal.dtype, signal.shape) == (np.float32, (15000, 32))
    local = signal - signal.mean(axis=1, keepdims=True)
    assert np.all((local.std(axis=0) > 3) & (local.std(axis=0) < 30))
    blinks = signal[:, LABELS.index("FP1")].max()
    assert 60 < blinks < 300
    assert np.abs(signal[:, LABELS.index("OZ")]).max() < 60


@pytest.mark.slow
def test_spectrum_falls_and_shows_alpha_and_mains():
    power, frequency = spectrum(SimulatedSubject().generate(250 * 120), 250)
    oz = power[:, LABELS.index("OZ")]
    assert band(oz, frequency, 2, 4) > 3 * band(oz, frequency, 25, 40)
    assert band(oz, frequency, 9, 12) > 2 * band(oz, frequency, 5, 7)
    assert band(oz, frequency, 49.5, 50.5) > 2 * band(oz, frequency, 46, 48)
    front = power[:, LABELS.index("FZ")]
    assert band(oz, frequency, 9, 12) > 3 * band(front, frequency, 9, 12)


@pytest.mark.slow
def test_neighbours_share_their_background():
    signal = SimulatedSubject().generate(250 * 60)
    correlation = np.corrcoef(signal.T)
    near = correlation[LABELS.index("C3"), LABELS.index("C1")]
    far = correlation[LABELS.index("C3"), LABELS.index("P8")]
    assert near > far + 0.3


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "lowered", "kept"),
    [
        ("left_hand", "C4", "C3"),
        ("right_hand", "C3", "C4"),
        ("feet", "CZ", "C4"),
        ("tongue", "C5", "CZ"),
    ],
)
def test_imagery_lowers_the_rhythms_of_its_area(kind, lowered, kept):
    subject = SimulatedSubject(seed=2)
    rest = mu_power(subject.generate(250 * 120))
    subject.imagine(kind)
    subject.generate(250 * 2)
    imagery = mu_power(subject.generate(250 * 120))
    assert imagery[LABELS.index(lowered)] < 0.8 * rest[LABELS.index(lowered)]
    assert imagery[LABELS.index(kept)] > 0.7 * rest[LABELS.index(kept)]
    assert rest[LABELS.index("OZ")] == pytest.approx(imagery[LABELS.index("OZ")], rel=0.25)


@pytest.mark.slow
def test_imagery_sets_in_within_a_second_and_ends_again():
    subject, label = SimulatedSubject(seed=2), LABELS.index("C3")
    trials = []
    for _ in range(80):
        before = subject.generate(250)
        subject.imagine("right_hand")
        during = subject.generate(500)
        subject.imagine(None)
        after = subject.generate(500)
        trials.append(np.concatenate([before, during, after]))
    power = mu_envelope(np.array(trials))[:, :, label].mean(axis=0)
    rest = power[:200].mean()
    assert power[250:275].mean() > 0.8 * rest  # the cue itself changes nothing yet
    assert power[250 + 250 : 250 + 450].mean() < 0.6 * rest
    assert power[750 + 300 : 750 + 450].mean() > 0.8 * rest


@pytest.mark.slow
def test_session_is_balanced_and_its_events_fit():
    recording = session(6, ("left_hand", "feet"), seed=3)
    kinds = [event.label for event in recording.events]
    assert sorted(set(kinds)) == ["feet", "left_hand"]
    assert kinds.count("feet") == 6
    onsets = np.array([event.onset for event in recording.events])
    assert np.all((np.diff(onsets) >= 6.9) & (np.diff(onsets) <= 9.1))
    assert recording.events[-1].onset + 4.0 < recording.duration
    assert recording.samples_uv.dtype == np.float32
    assert recording.labels == LABELS
    assert len(recording.sha256) == 64
    assert session(6, ("left_hand", "feet"), seed=3).sha256 == recording.sha256
    assert session(6, ("left_hand", "feet"), seed=3, run=2).sha256 != recording.sha256


@pytest.mark.slow
def test_session_can_be_decoded_and_not_by_one_electrode_alone():
    from pyriemann.estimation import Covariances
    from pyriemann.spatialfilters import CSP
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    scores, single = [], []
    for seed in range(3):
        recording = session(20, seed=seed)
        filtered = mu_beta(recording.samples_uv)
        onsets = [round(event.onset * 250) for event in recording.events]
        epochs = np.array([filtered[at + 125 : at + 1000].T for at in onsets])
        kinds = np.array([event.label for event in recording.events])
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        csp = make_pipeline(Covariances("oas"), CSP(6), LinearDiscriminantAnalysis())
        scores.append(cross_val_score(csp, epochs, kinds, cv=folds).mean())
        power = np.log(epochs[:, [LABELS.index("CP1")]].var(axis=2))
        single.append(cross_val_score(LinearDiscriminantAnalysis(), power, kinds, cv=folds).mean())
        left = np.log(epochs[kinds == "left_hand"].var(axis=2)).mean(axis=0)
        right = np.log(epochs[kinds == "right_hand"].var(axis=2)).mean(axis=0)
        assert left[LABELS.index("C4")] < right[LABELS.index("C4")]
        assert left[LABELS.index("C3")] > right[LABELS.index("C3")]
    assert np.mean(scores) > 0.9
    assert np.mean(single) < 0.9


def test_simulated_cap_is_known_to_the_codex():
    assert len(set(channel_ids(LABELS))) == 32


@pytest.mark.slow
@pytest.mark.parametrize("rate", [128.0, 256.0, 512.0, 1000.0])
def test_rhythms_do_not_depend_on_the_rate(rate):
    power, frequency = spectrum(SimulatedSubject(rate=rate).generate(round(rate * 60)), rate)
    oz = power[:, LABELS.index("OZ")]
    assert band(oz, frequency, 9, 12) > 2 * band(oz, frequency, 5, 7)


def test_what_the_subject_cannot_do_is_refused():
    with pytest.raises(InputError, match="cannot imagine"):
        SimulatedSubject().imagine("juggling")
    with pytest.raises(InputError, match="10-05"):
        SimulatedSubject(labels=("C3", "Ch2"))
    with pytest.raises(InputError, match="at least 100 Hz"):
        SimulatedSubject(rate=64.0)


def spectrum(signal, rate):
    from scipy.signal import welch

    frequency, power = welch(signal, rate, nperseg=round(2 * rate), axis=0)
    return power, frequency


def band(power, frequency, low, high):
    return power[(frequency >= low) & (frequency <= high)].mean()


def mu_power(signal):
    local = signal - signal.mean(axis=1, keepdims=True)
    power, frequency = spectrum(local, 250)
    return power[(frequency >= 9.5) & (frequency <= 13)].sum(axis=0)


def mu_envelope(trials):
    from scipy.signal import butter, hilbert, sosfiltfilt

    local = trials - trials.mean(axis=2, keepdims=True)
    narrow = sosfiltfilt(butter(2, (9, 14), "bandpass", fs=250, output="sos"), local, axis=1)
    return np.abs(hilbert(narrow, axis=1)) ** 2


def mu_beta(samples):
    from scipy.signal import butter, sosfilt

    local = samples - samples.mean(axis=1, keepdims=True)
    return sosfilt(butter(4, (8, 30), "bandpass", fs=250, output="sos"), local, axis=0)
