from dataclasses import replace

import numpy as np

from core.decoding.spatial import (
    channel_covariance,
    euclidean_alignment,
    power,
    spatial_filter,
    transport_map,
)
from core.encoders import load_encoder


def covariances():
    random = np.random.default_rng(0)
    mixed = random.normal(size=(5, 5)) @ random.normal(size=(5, 4000))
    return mixed, np.cov(mixed, bias=True)


def test_covariance_is_the_plain_one_but_for_its_floor():
    mixed, plain = covariances()
    found = channel_covariance(mixed, shrinkage=0.0)
    np.testing.assert_allclose(found, plain, rtol=1e-9, atol=1e-9 * np.abs(plain).max())
    assert np.isclose(np.trace(channel_covariance(mixed, shrinkage=0.2)), np.trace(plain))


def test_covariance_does_not_depend_on_how_the_signal_lies_in_memory():
    signal = np.random.default_rng(0).normal(size=(15360, 17))
    other = np.ascontiguousarray(signal.T)
    np.testing.assert_array_equal(channel_covariance(signal.T), channel_covariance(other))


def test_covariance_has_an_inverse_after_an_average_reference():
    mixed, _ = covariances()
    referenced = mixed - mixed.mean(axis=0)
    values = np.linalg.eigvalsh(channel_covariance(referenced))
    assert values[0] > 1e-4 * values[-1]


def test_euclidean_alignment_whitens_and_keeps_the_scale():
    mixed, plain = covariances()
    aligned = np.cov(euclidean_alignment(plain) @ mixed, bias=True)
    scale = np.trace(plain) / 5
    np.testing.assert_allclose(aligned, scale * np.eye(5), atol=1e-8 * scale)


def test_transport_arrives_at_the_target_by_a_symmetric_map():
    mixed, plain = covariances()
    target = np.diag([3.0, 1.0, 0.5, 2.0, 1.0]) + 0.2
    moved = transport_map(plain, target)
    np.testing.assert_allclose(np.cov(moved @ mixed, bias=True), target, atol=1e-8)
    np.testing.assert_allclose(moved, moved.T, atol=1e-10)
    np.testing.assert_allclose(transport_map(target, target), np.eye(5), atol=1e-10)


def test_powers_of_a_matrix():
    _, plain = covariances()
    np.testing.assert_allclose(power(plain, 0.5) @ power(plain, 0.5), plain, rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(power(plain, -1.0) @ plain, np.eye(5), atol=1e-7)


def test_an_encoder_that_states_a_covariance_gets_the_transport_to_it():
    mixed, plain = covariances()
    spec = load_encoder("untrained-tiny1").spec
    names = ("C4", "CZ", "C3", "FZ", "PZ")
    np.testing.assert_array_equal(spatial_filter(plain, names, spec), euclidean_alignment(plain))
    weights = np.linspace(1.0, 4.0, len(spec.ch_names))
    known = np.diag(weights) + 0.1
    spec = replace(spec, covariance=tuple(map(tuple, known.tolist())))
    rows = [spec.ch_names.index(name) for name in names]
    moved = np.cov(spatial_filter(plain, names, spec) @ mixed, bias=True)
    np.testing.assert_allclose(moved, known[np.ix_(rows, rows)], atol=1e-8)


def test_regression_takes_out_what_least_squares_explains():
    from sklearn.linear_model import LinearRegression

    from core.decoding.spatial import regression_filter

    rng = np.random.default_rng(0)
    samples = rng.normal(size=(5, 5)) @ rng.normal(size=(5, 400))
    samples -= samples.mean(axis=1, keepdims=True)
    eyes = np.array([True, False, False, True, False])
    filtered = (
        regression_filter(samples @ samples.T / 400, np.flatnonzero(eyes), np.flatnonzero(~eyes))
        @ samples
    )
    model = LinearRegression(fit_intercept=False).fit(samples[eyes].T, samples[~eyes].T)
    wanted = samples[~eyes] - model.predict(samples[eyes].T).T
    np.testing.assert_allclose(filtered, wanted, atol=1e-10)
    np.testing.assert_allclose(filtered @ samples[eyes].T, 0.0, atol=1e-8)


def test_regressors_are_regressed_out_of_the_others_and_come_out_as_zeros():
    mixed, plain = covariances()
    names = ("C4", "FP1", "C3", "T8", "PZ")
    spec = load_encoder("untrained-bandpower-tiny").spec
    filtered = spatial_filter(plain, names, spec) @ mixed
    assert not filtered[[1, 3]].any()
    among = np.cov(filtered[[0, 2, 4]], bias=True)
    np.testing.assert_allclose(among, 1e-4 * np.eye(3), atol=1e-10)
    across = np.corrcoef(np.vstack([filtered[[0, 2, 4]], mixed[[1, 3]]]))[:3, 3:]
    np.testing.assert_allclose(across, 0.0, atol=1e-6)
