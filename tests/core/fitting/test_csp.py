import numpy as np
import pytest

from core.fitting.csp import CommonSpatialPatterns


@pytest.mark.parametrize("classes", [2, 4])
def test_common_spatial_patterns_agree_with_pyriemann(classes):
    from pyriemann.spatialfilters import CSP

    random = np.random.default_rng(classes)
    labels = random.permutation(np.repeat(np.arange(classes), 12))[:-3]  # not as many of each
    gains = random.uniform(0.5, 2.0, size=(classes, 9))
    signals = random.normal(size=(9, 9)) @ (gains[labels][..., None] * random.normal(size=(9, 60)))
    signals += 0.3 * random.normal(size=signals.shape)
    covariances = signals @ signals.transpose(0, 2, 1) / 60
    found = CommonSpatialPatterns().fit(covariances, labels).transform(covariances)
    expected = CSP(nfilter=6).fit(covariances, labels).transform(covariances)
    assert found.shape == (len(labels), 6)
    np.testing.assert_allclose(found, expected, atol=1e-8)
