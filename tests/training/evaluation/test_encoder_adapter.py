import sys
from types import ModuleType

import numpy as np
import pytest

from core.errors import InputError
from training.evaluation.protocols import within
from training.evaluation.systems import encoder_adapter
from training.evaluation.systems.catalogue import make_systems

SCALP = (*encoder_adapter.SITES, "FC3", "FC4")


@pytest.fixture
def seen(monkeypatch):
    """Stand-ins for braindecode's classes, and what each of them was given."""
    import torch

    given = []

    class Model(torch.nn.Module):
        def __init__(self, n_outputs, n_times, sfreq, chs_info=None, n_chans=None, **settings):
            super().__init__()
            self.map = torch.nn.Linear(n_times, 8)
            given.append({"rate": sfreq, "times": n_times, "chans": n_chans or len(chs_info)})

        def forward(self, x, return_features, ch_names=None):
            given.append(x)
            return {"features": self.map(x)}

    models = ModuleType("braindecode.models")
    for name in encoder_adapter.MODELS:
        setattr(models, name, type(name, (Model,), {}))
    monkeypatch.setitem(sys.modules, "braindecode", ModuleType("braindecode"))
    monkeypatch.setitem(sys.modules, "braindecode.models", models)
    encoder_adapter._model.cache_clear()
    yield given
    encoder_adapter._model.cache_clear()


@pytest.fixture
def windows():
    """Two windows of 4 s at 256 Hz, in µV."""
    return np.random.default_rng(0).normal(0.0, 10.0, (2, len(SCALP), 1024))


@pytest.mark.parametrize(
    ("name", "rate", "shape"),
    [
        ("Labram", 200.0, (21, 800)),
        ("BIOT", 200.0, (16, 800)),
        ("BENDR", 256.0, (20, 1024)),
        ("EEGPT", 256.0, (21, 1024)),
    ],
)
def test_each_is_fed_its_rate_and_channels(name, rate, shape, seen, windows):
    found = encoder_adapter.encoded(encoder_adapter.UNTRAINED + name, windows, SCALP, 256.0)
    assert found.shape == (2, 16)
    assert seen[0] == {"rate": rate, "times": shape[1], "chans": shape[0]}
    assert seen[1].shape == (1, *shape)


def test_each_is_fed_its_scale(windows):
    feeds = {name: about.feed(windows, SCALP) for name, about in encoder_adapter.MODELS.items()}
    assert np.allclose(feeds["Labram"], windows / 100)
    assert np.allclose(feeds["EEGPT"], windows / 1000)
    assert np.allclose(np.quantile(np.abs(feeds["BIOT"]), 0.95, axis=-1), 1.0)
    sites, size = feeds["BENDR"][:, :19], feeds["BENDR"][:, 19]
    assert (sites.min(), sites.max(), size.max()) == (-1.0, 1.0, 1.0)
    assert np.ptp(size, axis=-1).max() == 0.0


def test_a_lacking_electrode_is_named(windows):
    with pytest.raises(InputError, match="needs the electrode O2"):
        encoder_adapter.MODELS["BIOT"].feed(windows[:, :18], SCALP[:18])


def test_weights_that_cannot_be_had_are_said(seen, windows, monkeypatch):
    import huggingface_hub

    def unreachable(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", unreachable)
    with pytest.raises(InputError, match=r"weights of EEGPT.*try untrained-EEGPT"):
        encoder_adapter.encoded("EEGPT", windows, SCALP, 256.0)


def test_published_weights_are_taken_whole_or_not_at_all(seen, windows, monkeypatch, tmp_path):
    import huggingface_hub
    import torch
    from safetensors.torch import save_file

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", lambda *_, **__: tmp_path / "model")
    weights = {"map.weight": torch.zeros(8, 1024), "map.bias": torch.arange(8.0)}
    save_file(weights, tmp_path / "model")
    found = encoder_adapter.encoded("EEGPT", windows, SCALP, 256.0)
    assert found[0].tolist() == [*range(8), *[0.0] * 8]
    encoder_adapter._model.cache_clear()
    save_file({"map.bias": torch.arange(8.0)}, tmp_path / "model")
    with pytest.raises(InputError, match=r"1 tensors differ, such as map\.weight"):
        encoder_adapter.encoded("EEGPT", windows, SCALP, 256.0)


def test_a_head_is_learned_on_frozen_features(seen, signals, encoder):
    (system,) = make_systems(["untrained-EEGPT"], encoder, "")
    fold = next(within(signals[:1], 0))
    found = system.fit(fold.train, 0).probabilities(fold.test)
    assert found.shape == (len(fold.test), 2)
    assert np.allclose(found.sum(axis=1), 1.0)
    calls = len(seen)
    system.fit(fold.train, 1)
    assert len(seen) == calls  # what was computed of a person's windows is kept
