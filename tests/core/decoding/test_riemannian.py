import numpy as np
import pytest

from core.decoding.riemannian import exponential, logarithm, riemannian_mean


def covariances(trials: int = 12, channels: int = 5) -> np.ndarray:
    signals = np.random.default_rng(3).normal(size=(trials, channels, 40))
    signals *= np.geomspace(0.1, 10.0, channels)[:, None]
    return signals @ signals.transpose(0, 2, 1) / 40


def test_logarithm_and_exponential_undo_each_other():
    given = covariances()
    np.testing.assert_allclose(exponential(logarithm(given)), given, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("near", [False, True])
def test_mean_agrees_with_pyriemann(near):
    from pyriemann.geometry.mean import mean_riemann

    given = covariances()
    begin = given[:4].mean(axis=0) if near else None
    for tolerance in (1e-8, 1e-3):
        expected = mean_riemann(given, init=begin, tol=tolerance)
        found = riemannian_mean(given, begin, tolerance)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_mean_of_inverses_is_the_inverse_of_the_mean():
    given = covariances()
    inverse = riemannian_mean(np.linalg.inv(given))
    np.testing.assert_allclose(inverse @ riemannian_mean(given), np.eye(5), atol=1e-6)
