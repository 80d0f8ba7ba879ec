import numpy as np
import pytest

from core.decoding.heads import fit_head
from core.fitting.transfer.mirror_images import fit_with_images
from core.hemispheres import mirror_of

NAMES = ("C3", "C4", "CZ", "P3", "P4")


@pytest.mark.parametrize(("classes", "swapped"), [(2, (1, 0)), (3, (1, 0, 2))])
def test_images_are_fitted_as_if_they_were_trials_too(classes, swapped):
    random, mirror = np.random.default_rng(0), mirror_of((NAMES,))
    labels = np.arange(30) % classes
    vectors = random.normal(0.3, 1.0, (30, 15))
    vectors[:, 0] += labels
    both = np.concatenate([vectors, vectors[:, mirror]])
    twice = np.concatenate([labels, np.array(swapped)[labels]])
    plain = fit_head([both], twice, classes, 0.3)
    found = fit_with_images(vectors, labels, mirror, swapped, 0.3)
    np.testing.assert_allclose(found.logits(both), plain.logits(both), atol=1e-5)
