"""Work is counted here: rows, multiply-adds, and tensors that are not written into old ones."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from core.encoders import load_encoder
from core.encoders.eegpt import packed
from core.encoders.eegpt.packed import PackedEncoder

IDS = torch.tensor([27, 29, 31, 11, 60])


class Work(TorchDispatchMode):
    """Counts what operators do while it is entered."""

    def __init__(self):
        super().__init__()
        self.multiply_adds = 0
        self.rows = []  # of every product with weights
        self.allocating = []  # names of operators whose answer has memory of its own

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        given = {t.untyped_storage().data_ptr() for t in (*args, *kwargs.values()) if _dense(t)}
        answer = func(*args, **kwargs)
        answers = answer if isinstance(answer, tuple | list) else [answer]
        new = [t for t in answers if _dense(t) and t.untyped_storage().data_ptr() not in given]
        if new:
            self.allocating.append(name)
        if name in ("_linear_pointwise", "addmm"):
            x = args[0] if name == "_linear_pointwise" else args[1]
            self.rows.append(len(x))
            self.multiply_adds += x.numel() * answers[0].shape[1]
        return answer


def _dense(value):
    return isinstance(value, torch.Tensor) and value.layout == torch.strided and value.numel() > 1


def patch_of(rng, channels=5):
    return torch.from_numpy(rng.normal(0, 0.03, (channels, 64)).astype(np.float32))


def count(step, patch, encoder):
    out = torch.empty(encoder.spec.tokens)
    with torch.inference_mode(), Work() as work:
        step.encode(patch, out)
    return work, out


@pytest.fixture(params=["packed", "plain"])
def layers(request, monkeypatch):
    """Both kinds of float32 layer, whatever this computer would take."""
    if request.param == "plain":
        monkeypatch.setattr(packed, "_packs", lambda: False)
    elif not packed._packs():
        pytest.skip("this build of torch has no oneDNN")
    return request.param


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["tiny1", "tiny2", "tiny3", "little"])
def test_it_is_the_encoder(variant, layers, rng):
    encoder = load_encoder(f"untrained-{variant}")
    step = PackedEncoder(encoder, IDS)
    for _ in range(3):
        patch = patch_of(rng)
        _, tokens = count(step, patch, encoder)
        with torch.inference_mode():
            whole = encoder.encode_patches(patch[None], IDS)[0]
        torch.testing.assert_close(tokens, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 19, 58])
def test_any_number_of_channels(channels, rng):
    encoder = load_encoder("untrained-tiny2")
    ids = torch.arange(channels)
    patch = patch_of(rng, channels)
    _, tokens = count(PackedEncoder(encoder, ids), patch, encoder)
    with torch.inference_mode():
        whole = encoder.encode_patches(patch[None], ids)[0]
    torch.testing.assert_close(tokens, whole, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_no_row_is_computed_that_nobody_reads(layers, rng):
    encoder = load_encoder("untrained")
    work, _ = count(PackedEncoder(encoder, IDS), patch_of(rng), encoder)
    rows, summary, width = len(IDS) + 4, 4, 64
    full = [rows] * 4  # qkv, proj, fc1, fc2
    last = [rows, summary, summary, summary, summary]  # kv, q, proj, fc1, fc2
    assert work.rows[:1] == [len(IDS)]
    assert sorted(work.rows[1:]) == sorted(full * 7 + last)
    unread = (rows - summary) * (1 + 1 + 4 + 4) * width**2  # queries, proj and mlp of the channels
    everything = len(IDS) * 64 * width + 8 * rows * 12 * width**2
    assert work.multiply_adds == everything - unread


def test_only_products_and_attention_have_new_memory(layers, rng):
    encoder = load_encoder("untrained")
    work, _ = count(PackedEncoder(encoder, IDS), patch_of(rng), encoder)
    products = {"packed": 1 + 7 * 4 + 5, "plain": 0}[layers]  # oneDNN's has no place for its answer
    names = [name for name in work.allocating if name != "_linear_pointwise"]
    assert len(work.allocating) - len(names) == products
    assert len(names) == 8
    assert all("attention" in name for name in names)


def test_a_step_changes_neither_the_patch_nor_the_next_step(rng):
    encoder = load_encoder("untrained")
    step = PackedEncoder(encoder, IDS)
    patch = patch_of(rng)
    kept = patch.clone()
    _, first = count(step, patch, encoder)
    count(step, patch_of(rng), encoder)
    _, again = count(step, patch, encoder)
    assert torch.equal(patch, kept)
    assert torch.equal(first, again)
