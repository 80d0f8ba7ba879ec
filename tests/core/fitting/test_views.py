"""What the features of heads are fitted on."""

from dataclasses import replace

import numpy as np
import pytest

from core.decoding.features import band_sections
from core.decoding.riemannian import riemannian_mean
from core.decoding.spatial import channel_covariance, power
from core.encoders import load_encoder
from core.fitting.baselines import BAND
from core.fitting.feature_input import FeatureInput, regression_of
from core.fitting.transfer.prior_head import PriorHead
from core.fitting.transfer.recentring import reference_whitener
from core.fitting.trials.epochs import Epochs, FeatureCache, Trial
from core.fitting.views import HEADS, PRIOR, FeatureViews, heads_of, need_tokens

CHANNELS = tuple("FP1 FC3 FC4 FC1 C3 CZ C4 CP3 CP4 O1".split())
RATE, WINDOW, TRIALS = 256.0, 1024, 8
SOME = np.arange(TRIALS - 3)


@pytest.fixture(scope="module")
def epochs():
    """Noise, in two recordings, with trials that overlap none."""
    random = np.random.default_rng(0)
    mixing = np.eye(len(CHANNELS)) + 0.3 * random.normal(size=(len(CHANNELS),) * 2)
    segments = tuple(random.normal(size=(4 * WINDOW + 200, len(CHANNELS))) @ mixing for _ in "ab")
    runs = np.arange(TRIALS) // 4
    places = np.stack([runs, 100 + 50 * runs + WINDOW * (np.arange(TRIALS) % 4)], axis=1)
    labels = np.arange(TRIALS) % 2
    return Epochs(
        segments=segments,
        places=places,
        labels=labels,
        classes=("left_hand", "right_hand"),
        length=WINDOW,
        trials=tuple(
            Trial(number, number // 4, 4.0 * number, str(label))
            for number, label in enumerate(labels)
        ),
        rejected=(),
        rest=segments[0][:100],
    )


def test_all_heads_are_candidates_unless_one_is_named():
    assert heads_of("auto") == tuple(HEADS)
    assert heads_of("graph") == ("graph",)
    assert not need_tokens(["riemann"])
    assert need_tokens(["riemann", "graph"])


def test_references_are_of_the_trials_that_features_are_fitted_on(epochs):
    views = FeatureViews(epochs, CHANNELS, RATE, None)
    names = np.array(CHANNELS)
    assert views.of("riemann") == ("motor", "scalp")
    for view, kept in (("motor", names[1:9]), ("scalp", names)):
        picks = np.flatnonzero(np.isin(names, kept))
        features, vectors = getattr(views, view)(SOME)
        assert names[features.picks].tolist() == kept.tolist()
        covariances = views.covariances[SOME][:, picks][:, :, picks]
        np.testing.assert_allclose(
            features.whitener, power(riemannian_mean(covariances), -0.5), rtol=0.02, atol=0.02
        )
        assert vectors.shape == (TRIALS, len(picks) * (len(picks) + 1) // 2)
        assert np.abs(vectors[SOME].mean(axis=0)).max() < 0.02
        assert np.abs(vectors[len(SOME) :].mean(axis=0)).max() > 0.1


@pytest.mark.parametrize(("left_out", "views"), [("O1", ("motor", "scalp")), ("CZ", ("scalp",))])
def test_fewer_than_eight_motor_electrodes_are_no_view_of_their_own(epochs, left_out, views):
    place = CHANNELS.index(left_out)
    segments = tuple(np.delete(segment, place, axis=1) for segment in epochs.segments)
    names = tuple(name for name in CHANNELS if name != left_out)
    fewer = Epochs(**{**vars(epochs), "segments": segments})
    assert FeatureViews(fewer, names, RATE, None).of("riemann") == views


def test_references_of_another_task_are_taken_where_all_trials_are_fitted_on(epochs):
    first = FeatureViews(epochs, CHANNELS, RATE, None)
    known = [first.motor(SOME)[0], first.scalp(SOME)[0]]
    views = FeatureViews(epochs, CHANNELS, RATE, None, references=known)
    everything = np.arange(TRIALS)
    features, vectors = views.scalp(everything)
    assert features is known[1]
    np.testing.assert_array_equal(vectors, first.scalp(SOME)[1])
    assert views.motor(everything)[0] is known[0]
    assert views.scalp(SOME)[0] is not known[1]


def test_tokens_that_are_known_are_not_computed_again(epochs):
    encoder = load_encoder("untrained-tiny1")
    _, computed = FeatureViews(epochs, CHANNELS, RATE, encoder).tokens(SOME)
    cache = FeatureCache(tokens={(1, 150): np.full(computed.shape[1], 7.0)})
    _, vectors = FeatureViews(epochs, CHANNELS, RATE, encoder, cache).tokens(SOME)
    np.testing.assert_array_equal(vectors[4], 7.0)
    others = np.arange(TRIALS) != 4
    np.testing.assert_array_equal(vectors[others], computed[others])


@pytest.mark.parametrize("regressed", [False, True])
def test_a_prior_by_beginnings_sees_each_recording_from_its_own(epochs, regressed):
    view = ("C4", "C3", "CZ")
    prior = PriorHead(
        (view,),
        np.zeros((6, 2)),
        np.zeros(2),
        None,
        (1, 0),
        np.empty((0, 6)),
        {},
        TRIALS,
        by_beginning=True,
    )
    banded = epochs.filtered(band_sections(BAND, RATE))
    regression = regression_of(CHANNELS, epochs.segments, banded.segments) if regressed else None
    spatial, names = np.eye(len(CHANNELS)), CHANNELS
    if regression is not None:
        spatial, names = regression.banded, CHANNELS[1:]
    rows = spatial[[names.index(name) for name in view]]
    beginnings = {run: channel_covariance(banded.segments[run][:600].T) for run in (0, 1)}
    taken = FeatureInput(128, regression)
    views = FeatureViews(
        epochs, CHANNELS, RATE, None, prior=prior, taken=taken, beginnings=beginnings
    )
    (name,) = views.of(PRIOR)
    features, vectors = views.fit([name], SOME)[name]
    assert features.length == WINDOW - 128
    for run, covariance in beginnings.items():
        own = replace(features, whitener=reference_whitener(rows @ covariance @ rows.T))
        trials = epochs.places[:, 0] == run
        expected = own.of_windows(banded.windows()[trials])
        np.testing.assert_allclose(vectors[trials], expected, atol=1e-9)
    mean = rows @ (beginnings[0] + beginnings[1]) @ rows.T / 2
    np.testing.assert_allclose(features.whitener, reference_whitener(mean))
