from dataclasses import replace

import numpy as np
import pytest
import torch

from core.encoders.bandpower.mirroring import with_mirror_image
from core.encoders.bandpower.model import BandPower, bandpower_spec
from core.encoders.spec import ClassReadout
from core.errors import InputError
from core.hemispheres import counterpart

NAMES = ("C3", "C4", "CZ", "F7", "F8", "FC1", "FC2")


def encoder_of(classes, front=False, size="tiny"):
    spec = bandpower_spec(size, name="tiny", trained=False, provenance={}, front=front)
    encoder = BandPower(spec, 3).eval()
    random = np.random.default_rng(0)
    weights = random.normal(size=(encoder.features, len(classes)))
    readout = ClassReadout(
        classes, tuple(map(tuple, weights.tolist())), tuple(random.normal(size=len(classes)))
    )
    encoder.spec = replace(encoder.spec, readout=readout)
    return encoder


def features(encoder, window, names):
    with torch.inference_mode():
        return encoder.pool(encoder.tokens(window, names).double().numpy())


def logits(encoder, window, names):
    readout = encoder.spec.readout
    found = features(encoder, window, names)
    return found @ np.array(readout.weights) + np.array(readout.bias)


@pytest.mark.parametrize(
    ("classes", "order"),
    [(("left_hand", "right_hand"), [1, 0]), (("left_hand", "feet", "right_hand"), [2, 1, 0])],
)
@pytest.mark.parametrize("front", [False, True])
@pytest.mark.parametrize("size", ["tiny", "course-tiny"])
def test_a_mirrored_trial_is_said_to_be_of_the_other_hand(classes, order, front, size):
    encoder = encoder_of(classes, front, size)
    whole = with_mirror_image(encoder)
    window = 0.01 * torch.from_numpy(np.random.default_rng(1).normal(size=(3, 7, 1024))).float()
    found = logits(whole, window, NAMES)
    mirrored = [counterpart(name) for name in NAMES]
    image = logits(whole, window, mirrored)
    np.testing.assert_allclose(image, found[:, order], atol=1e-5)
    sides = [logits(encoder, window, NAMES)]
    sides.append(logits(encoder, window, mirrored)[:, order])
    np.testing.assert_allclose(found, np.mean(sides, axis=0), atol=1e-5)
    exchanged = features(whole, window, NAMES)[:, list(whole.spec.readout.mirror)]
    np.testing.assert_allclose(features(whole, window, mirrored), exchanged, atol=1e-5)


def test_without_both_hands_there_is_no_image():
    with pytest.raises(InputError, match="has no mirror image"):
        with_mirror_image(encoder_of(("feet", "rest")))


def test_an_image_has_no_image():
    whole = with_mirror_image(encoder_of(("left_hand", "right_hand")))
    with pytest.raises(InputError, match="does not have its image yet"):
        with_mirror_image(whole)
