from dataclasses import replace

import numpy as np
import pytest
import torch

from core.encoders.bandpower.combining import combine
from core.encoders.bandpower.mirroring import with_mirror_image
from core.encoders.bandpower.model import BandPower, bandpower_spec
from core.encoders.spec import ClassReadout
from core.errors import InputError
from core.hemispheres import counterpart

NAMES = ("C3", "C4", "CZ", "F7", "F8", "FC1", "FC2")
HANDS = ("left_hand", "right_hand")


def encoder_of(size, seed, classes=HANDS, front=False):
    spec = bandpower_spec(size, name=size, trained=False, provenance={}, front=front)
    encoder = BandPower(spec, seed).eval()
    random = np.random.default_rng(seed)
    with torch.no_grad():
        encoder.mean.copy_(torch.from_numpy(random.normal(size=tuple(encoder.mean.shape))))
        if encoder.attention is not None:
            encoder.attention.copy_(torch.from_numpy(random.random((14, 4))))
    weights = random.normal(size=(encoder.features, len(classes)))
    readout = ClassReadout(
        classes, tuple(map(tuple, weights.tolist())), tuple(random.normal(size=len(classes)))
    )
    encoder.spec = replace(spec, readout=readout)
    return encoder


def features(encoder, window, names):
    with torch.inference_mode():
        return encoder.pool(encoder.tokens(window, names).double().numpy())


def logits(encoder, window):
    readout = encoder.spec.readout
    return features(encoder, window, NAMES) @ np.array(readout.weights) + np.array(readout.bias)


@pytest.fixture
def window(rng):
    return 0.01 * torch.from_numpy(rng.normal(size=(3, 7, 1024))).float()


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_readout_says_the_mean_of_what_each_says(mirrored, window):
    encoders = [encoder_of("tiny", 1), encoder_of("course-tiny", 2)]
    if mirrored:
        encoders = [with_mirror_image(each) for each in encoders]
    whole = combine(encoders)
    expected = np.mean([logits(each, window) for each in encoders], axis=0)
    np.testing.assert_allclose(logits(whole, window), expected, atol=1e-4)
    assert whole.features == 14 * 16 * (2 if mirrored else 1)
    if mirrored:
        image = features(whole, window, [counterpart(name) for name in NAMES])
        exchanged = features(whole, window, NAMES)[:, list(whole.spec.readout.mirror)]
        np.testing.assert_allclose(image, exchanged, atol=1e-4)


@pytest.mark.parametrize(
    "others",
    [
        [("course-tiny", 2, ("left_hand", "feet"))],
        [("course-tiny", 2, HANDS, True)],
        [("course", 2)],
    ],
)
def test_what_does_not_go_together_is_refused(others):
    with pytest.raises(InputError, match="make none together"):
        combine([encoder_of("tiny", 1), *(encoder_of(*each) for each in others)])
