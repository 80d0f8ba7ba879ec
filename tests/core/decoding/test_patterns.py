import numpy as np

from core.decoding.patterns import haufe_pattern


def test_the_pattern_is_the_source_and_not_the_weights_that_cancel_noise():
    random = np.random.default_rng(0)
    source, noise = random.normal(size=(2, 20_000))
    # Two sensors: one has source and noise, the other the noise alone (Haufe et al., figure 1).
    features = np.stack([source + noise, noise], axis=1)
    weights = np.array([1.0, -1.0])
    pattern = haufe_pattern(features, features @ weights)
    np.testing.assert_allclose(pattern, [1.0, 0.0], atol=0.03)


def test_what_never_moves_has_no_pattern():
    assert haufe_pattern(np.ones((50, 3)), np.arange(50.0)).tolist() == [0, 0, 0]
    assert haufe_pattern(np.empty((0, 2)), np.empty(0)).tolist() == [0, 0]
