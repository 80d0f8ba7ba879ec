from dataclasses import replace

import numpy as np
import pytest
import torch

from core.encoders.bandpower.mirroring import with_mirror_image
from core.encoders.bandpower.model import BandPower, bandpower_spec
from core.encoders.spec import ClassReadout
from core.errors import InputError
from core.fitting.transfer.hemisphere_flip import counterpart

NAMES = ("C3", "C4", "CZ", "F7", "F8", "FC1", "FC2")


def encoder_of(classes, front=False):
    spec = bandpower_spec("tiny", name="tiny", trained=False, provenance={}, front=front)
    encoder = BandPower(spec, 3).eval()
    drawn = np.random.default_rng(0).normal(size=(5, len(classes))).tolist()
    readout = ClassReadout(classes, tuple(map(tuple, drawn[:4])), tuple(drawn[4]))
    encoder.spec = replace(encoder.spec, readout=readout)
    return encoder


def logits(encoder, window, names):
    with torch.inference_mode():
        features = encoder.pool(encoder.tokens(window, names).double().numpy())
    readout = encoder.spec.readout
    return features @ np.array(readout.weights) + np.array(readout.bias)


@pytest.mark.parametrize(
    ("classes", "order"),
    [(("left_hand", "right_hand"), [1, 0]), (("left_hand", "feet", "right_hand"), [2, 1, 0])],
)
@pytest.mark.parametrize("front", [False, True])
def test_a_mirrored_trial_is_said_to_be_of_the_other_hand(classes, order, front):
    encoder = encoder_of(classes, front)
    whole = with_mirror_image(encoder)
    window = 0.01 * torch.from_numpy(np.random.default_rng(1).normal(size=(3, 7, 1024))).float()
    found = logits(whole, window, NAMES)
    image = logits(whole, window, [counterpart(name) for name in NAMES])
    np.testing.assert_allclose(image, found[:, order], atol=1e-5)
    sides = [logits(encoder, window, NAMES)]
    sides.append(logits(encoder, window, [counterpart(name) for name in NAMES])[:, order])
    np.testing.assert_allclose(found, np.mean(sides, axis=0), atol=1e-5)


def test_without_both_hands_there_is_no_image():
    with pytest.raises(InputError, match="has no mirror image"):
        with_mirror_image(encoder_of(("feet", "rest")))
