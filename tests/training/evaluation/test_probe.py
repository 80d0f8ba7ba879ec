import numpy as np
import pytest

from training.evaluation.protocols import within
from training.evaluation.systems import probe
from training.evaluation.systems.catalogue import PROBE, make_systems

pytestmark = pytest.mark.slow


def test_the_probe_learns_through_an_encoder_that_stays(signals, encoder, monkeypatch):
    monkeypatch.setattr(probe, "EPOCHS", 3)
    before = encoder.weights_sha256()
    (system,) = make_systems([PROBE], encoder, "")
    fold = next(within(signals[:1], 0))
    first, again, other = (system.fit(fold.train, seed) for seed in (0, 0, 1))
    found = [model.probabilities(fold.test) for model in (first, again, other)]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert np.allclose(found[0].sum(axis=1), 1.0)
    assert encoder.weights_sha256() == before
    assert system.encoder == encoder.spec.label


@pytest.mark.parametrize(("layer", "longest"), [("spatial", 1.0), ("patch", 1.0), ("window", 0.25)])
def test_weights_of_an_output_are_never_longer_than_allowed(
    layer, longest, signals, encoder, monkeypatch
):
    monkeypatch.setattr(probe, "EPOCHS", 1)
    (system,) = make_systems([PROBE], encoder, "")
    fold = next(within(signals[:1], 0))
    model = system.fit(fold.train, 0)
    model.probe[layer].weight.data *= 100.0
    model.probabilities(fold.test)
    lengths = model.probe[layer].weight.flatten(1).norm(dim=1)
    assert lengths.max() <= longest + 1e-5


def test_the_published_sizes(encoder):
    # 22 channels to 19, 4 tokens of 512, 16 patches, 4 classes: 34,249 numbers in the paper's code.
    class Large:
        class spec:  # noqa: N801
            token_shape = staticmethod(lambda electrodes: (16, 4, 512))

    layers = probe._make(Large, (22, 1024), probe.SITES, 4)
    assert sum(parameter.numel() for parameter in layers.parameters()) == 34_249
