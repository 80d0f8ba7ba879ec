import numpy as np
import pytest

from core.decoding.features import band_sections, shrunk_covariances
from core.encoders import load_encoder
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.feature_input import FeatureInput, regression_of, without_eyes
from core.fitting.trials.cutting import cut_epochs
from core.fitting.views import FeatureViews
from core.signal.pipeline import SignalSettings

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.fixture(scope="module")
def epochs(imagery_recording):
    recording = imagery_recording(trials=6)
    settings = SignalSettings(recording.labels, "average", 256.0)
    return cut_epochs([recording], EVENTS, settings, "mV", 1024)


@pytest.fixture(scope="module")
def banded(epochs):
    return epochs.filtered(band_sections(BAND, 256.0))


@pytest.mark.slow
def test_covariances_are_of_what_follows_the_time_after_the_cue(epochs, banded, imagery_recording):
    views = FeatureViews(
        epochs, imagery_recording().labels, 256.0, None, taken=FeatureInput(skip=128)
    )
    wanted = shrunk_covariances(banded.windows()[..., 128:])
    np.testing.assert_array_equal(views.covariances, wanted)
    features, vectors = views.scalp(np.arange(len(epochs)))
    assert features.length == 1024 - 128
    np.testing.assert_allclose(features.of_windows(banded.windows()), vectors, atol=1e-9)


def test_regressed_views_know_nothing_of_the_frontal_electrode(epochs, banded, imagery_recording):
    labels = imagery_recording().labels
    regression = regression_of(labels, epochs.segments, banded.segments)
    assert [labels[index] for index in regression.kept] == [n for n in labels if n != "FZ"]
    views = FeatureViews(epochs, labels, 256.0, None, taken=FeatureInput(0, regression))
    features, vectors = views.scalp(np.arange(len(epochs)))
    np.testing.assert_allclose(features.of_windows(banded.windows()), vectors, atol=1e-9)
    # What is left has no part that goes with the frontal channel, over all of the signal.
    whole = np.concatenate(banded.segments)
    left, eye = whole @ features.spatial.T, whole[:, labels.index("FZ")]
    together = (left * eye[:, None]).mean(axis=0) / (left.std(axis=0) * eye.std())
    assert np.abs(together).max() < 0.05


def test_tokens_get_the_electrodes_that_stay(epochs, banded, imagery_recording):
    labels, encoder = imagery_recording().labels, load_encoder("untrained-tiny1")
    regression = regression_of(labels, epochs.segments, banded.segments)
    taken = FeatureInput(256, regression)
    features, _ = FeatureViews(epochs, labels, 256.0, encoder, taken=taken).tokens(np.arange(2))
    assert features.ch_names == tuple(name for name in labels if name != "FZ")
    assert features.spatial.shape == (len(labels) - 1, len(labels))
    assert features.skip == 256


def test_a_montage_without_frontal_electrodes_has_nothing_to_regress_out():
    signal = np.random.default_rng(0).normal(size=(100, 2))
    with pytest.raises(InputError, match="no frontal or temporal electrode"):
        regression_of(("C3", "C4"), [signal], [signal])
    with pytest.raises(InputError, match=r"Of 2 electrodes 1 stay .* Leave out --regress-eyes"):
        regression_of(("FZ", "C4"), [signal], [signal])


def test_electrodes_before_the_motor_cortex_neither_stay_nor_explain():
    channels = ("FP1", "F3", "C3", "CZ", "O1")
    mixed = np.random.default_rng(0).normal(size=(5, 40))
    covariance = np.cov(mixed + mixed[:1])
    spatial = without_eyes(channels, covariance)
    assert spatial.shape == (3, 5)
    np.testing.assert_array_equal(spatial[:, 1], 0.0)
    assert np.abs(spatial[:, 0]).min() > 0


def test_eog_explains_in_place_of_frontal_electrodes():
    """What comes from the eyes is gone, what the frontal electrodes have of the brain is not."""
    random = np.random.default_rng(0)
    names = ("FP1", "C3", "CZ", "C4", "HEOG", "VEOG")
    eyes, brain = random.normal(0.0, 20.0, (5000, 2)), random.normal(0.0, 5.0, (5000, 4))
    brain[:, 0] += brain[:, 1]  # FP1 sees C3
    scalp = brain + eyes @ random.uniform(0.1, 0.5, (2, 4))
    signal = np.hstack([scalp, eyes])
    covariance = signal.T @ signal / len(signal)
    spatial = without_eyes(names, covariance)
    assert spatial.shape == (3, 6)
    assert not spatial[:, 0].any()
    left = signal @ spatial.T
    np.testing.assert_allclose(left, brain[:, 1:], atol=1.5)
    together = np.corrcoef(np.hstack([left, eyes]).T)[:3, 3:]
    assert np.abs(together).max() < 1e-3
    with pytest.raises(InputError, match="at least 2 are needed"):
        without_eyes(("HEOG", "C3", "FP1"), np.eye(3))
