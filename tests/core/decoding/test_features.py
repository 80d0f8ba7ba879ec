import numpy as np
import pytest

from core.decoding.features import (
    TangentFeatures,
    TokenFeatures,
    band_sections,
    shrunk_covariances,
)
from core.encoders import load_encoder
from core.signal.filtering import CausalFilter

NAMES = ("FC3", "C3", "CZ", "C4", "FC4")


def signal(n=1600):
    return np.random.default_rng(0).normal(0.0, 0.02, (n, len(NAMES)))


def tangent():
    return TangentFeatures((8.0, 30.0), 256.0, 1024, np.array([1, 2, 3]), 50.0 * np.eye(3))


def test_shrinkage_is_that_of_equation_23():
    """Of Chen and others; scikit-learn leaves 2/p out of both sides."""
    noise = signal().T[:, :40]
    mixed = np.random.default_rng(1).normal(size=(5, 5)) @ noise
    windows, shares = np.stack([mixed, 3.0 * mixed, noise]), []
    for window, found in zip(windows, shrunk_covariances(windows), strict=True):
        sample, p, n = np.cov(window, bias=True), *window.shape
        square, trace = np.trace(sample @ sample), np.trace(sample)
        above = (1 - 2 / p) * square + trace**2
        shares.append(min(above / ((n + 1 - 2 / p) * (square - trace**2 / p)), 1.0))
        expected = (1 - shares[-1]) * sample + shares[-1] * trace / p * np.eye(p)
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert shares == [pytest.approx(shares[0]), pytest.approx(shares[0]), 1.0]
    assert 0.05 < shares[0] < 0.5


def test_tangent_vectors_agree_with_pyriemann():
    from pyriemann.geometry.tangentspace import tangent_space

    covariances = shrunk_covariances(signal().T.reshape(5, 4, 400).transpose(1, 0, 2))
    reference = covariances.mean(axis=0)
    values, vectors = np.linalg.eigh(reference)
    features = TangentFeatures(
        (8.0, 30.0), 256.0, 400, np.arange(5), (vectors / np.sqrt(values)) @ vectors.T
    )
    found = features.of_covariances(covariances)
    np.testing.assert_allclose(found, tangent_space(covariances, reference), rtol=1e-7, atol=1e-9)
    assert found.shape == (4, features.size)


def test_tangent_stream_equals_the_window_cut_from_the_recording():
    samples = signal()
    stream = tangent().stream()
    banded = CausalFilter(band_sections((8.0, 30.0), 256.0)).push(samples)
    made = 0
    for stop in range(64, 1601, 64):
        found = stream.push(samples[stop - 64 : stop])
        if stop < 1024:
            assert found is None
            continue
        made += 1
        window = banded[stop - 1024 : stop].T[None]
        np.testing.assert_allclose(found, tangent().of_windows(window)[0], rtol=1e-9, atol=1e-12)
    assert made == 10
    stream.reset()
    assert stream.push(samples[:1000]) is None
    again = stream.push(samples[1000:1024])
    window = banded[:1024].T[None]
    np.testing.assert_allclose(again, tangent().of_windows(window)[0], rtol=1e-9, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("hop", [64, 32, 16])
def test_token_stream_equals_the_window_in_one_piece(hop):
    encoder = load_encoder("untrained-tiny1")
    spatial = np.eye(5) + 0.1
    features = TokenFeatures(encoder, tuple(NAMES), spatial)
    stream = features.stream(hop)
    samples = signal(1280)
    for stop in range(hop, 1281, hop):
        found = stream.push(samples[stop - hop : stop])
        if stop < 1024:
            assert found is None
        else:
            whole = features.of_run(samples, [stop - 1024])[0]
            np.testing.assert_allclose(found, whole, atol=1e-5)
    assert found.shape == (features.size,)


def test_a_spatial_filter_before_a_tangent_stream_is_that_of_the_windows():
    spatial = np.random.default_rng(1).normal(size=(3, len(NAMES)))
    features = TangentFeatures(
        (8.0, 30.0), 256.0, 768, np.array([1, 2, 3]), 50.0 * np.eye(3), spatial
    )
    samples = signal()
    banded = CausalFilter(band_sections((8.0, 30.0), 256.0)).push(samples)
    stream = features.stream()
    for stop in range(64, 1601, 64):
        found = stream.push(samples[stop - 64 : stop])
    # Of a longer window the last samples count.
    window = banded[1600 - 1024 : 1600].T[None]
    np.testing.assert_allclose(found, features.of_windows(window)[0], rtol=1e-9, atol=1e-12)


def test_tokens_of_the_first_second_are_passed_over():
    encoder = load_encoder("untrained-tiny1")
    spatial = np.eye(len(NAMES))
    features = TokenFeatures(encoder, tuple(NAMES), spatial, skip=256)
    changed, samples = signal(1024), signal(1024)
    changed[:256] += 1.0
    whole = TokenFeatures(encoder, tuple(NAMES), spatial)
    assert np.abs(whole.of_run(samples, [0]) - whole.of_run(changed, [0])).max() > 1e-6
    np.testing.assert_array_equal(features.of_run(samples, [0]), features.of_run(changed, [0]))
    assert features.size == whole.size
    stream = features.stream(64)
    for stop in range(64, 1025, 64):
        found = stream.push(samples[stop - 64 : stop])
    np.testing.assert_allclose(found, features.of_run(samples, [0])[0], rtol=1e-4, atol=1e-5)
