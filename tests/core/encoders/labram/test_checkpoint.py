"""Files of others: the three layouts, and what is refused in which words."""

import argparse
import dataclasses
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.encoders import hub, load_encoder, save_encoder
from core.errors import InputError


def named(encoder):
    """An encoder's tensors by the authors' names."""
    state = encoder.state_dict().items()
    return {name.replace("temporal_conv.", "patch_embed."): tensor for name, tensor in state}


def published(encoder):
    """The 228 tensors of the authors' file around an encoder's, in their order and shapes."""
    state = {f"student.{name}": tensor for name, tensor in named(encoder).items()}
    width = encoder.spec.tokens[1]
    generator = torch.Generator().manual_seed(5)
    heads = {
        "student.mask_token": (1, 1, width),
        "student.lm_head.weight": (8192, width),
        "student.lm_head.bias": (8192,),
        "lm_head.weight": (8192, width),
        "lm_head.bias": (8192,),
        "projection_head.0.weight": (width, width),
        "projection_head.0.bias": (width,),
    }
    return state | {name: torch.randn(s, generator=generator) for name, s in heads.items()}


def braindecodes(encoder):
    """The same by braindecode's names, with its head."""
    renamed = {"pos_embed": "position_embedding", "time_embed": "temporal_embedding"}
    state = {"final_layer.weight": torch.zeros(2, 200), "final_layer.bias": torch.zeros(2)}
    for name, tensor in named(encoder).items():
        name = renamed.get(name, name).replace("patch_embed.", "patch_embed.temporal_conv.")
        name = name.replace("mlp.fc1", "mlp.0").replace("mlp.fc2", "mlp.2")
        state[name] = tensor.contiguous()
    return state


def whole_checkpoint(state, **more):
    """What the authors' script saves."""
    return {
        "model": state,
        "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": [{"lr": 5e-4}]},
        "epoch": 49,
        "scaler": {"scale": 65536.0},
        "args": argparse.Namespace(model="labram_base_patch200_1600_8k_vocab", opt_betas=[0.9]),
    } | more


@pytest.fixture
def pth(base, tmp_path):
    path = tmp_path / "labram-base.pth"
    torch.save(whole_checkpoint(published(base)), path)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_the_authors_file_is_loaded_with_every_tensor_accounted_for(
    base, tmp_path, wrapped, zipped
):
    state = published(base)
    assert (len(state), sum(t.numel() for t in state.values())) == (228, 9_153_520)
    path = tmp_path / "labram-base.pth"
    content = whole_checkpoint(state) if wrapped else state
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    encoder = load_encoder(path)
    assert encoder.weights_sha256() == base.weights_sha256()
    assert (encoder.spec.size, encoder.spec.name, encoder.spec.trained) == (
        "base",
        "labram-base",
        True,
    )
    left_out = encoder.spec.provenance["left_out"].split()
    assert len(left_out) + len(encoder.state_dict()) == 228
    assert set(left_out) | {f"student.{name}" for name in named(encoder)} == set(state)
    # The pretraining's last norm is the last here.
    assert torch.equal(encoder.norm.weight, state["student.norm.weight"])


@pytest.mark.slow
def test_braindecodes_file_is_the_same_encoder(base, tmp_path):
    path = tmp_path / "model.safetensors"
    save_file(braindecodes(base), path)
    encoder = load_encoder(path)
    assert encoder.weights_sha256() == base.weights_sha256()
    assert encoder.spec.family == "labram"
    assert encoder.spec.provenance["left_out"] == "final_layer.bias final_layer.weight"


@pytest.mark.slow
def test_our_own_file_comes_back_whole(base, pth, tmp_path):
    encoder = load_encoder(pth)
    again = load_encoder(save_encoder(encoder, tmp_path / "own.safetensors"))
    assert again.weights_sha256() == base.weights_sha256()
    assert again.spec == encoder.spec


@pytest.mark.slow
def test_the_bare_encoder_is_loaded_too(base, tmp_path):
    torch.save(named(base), tmp_path / "encoder.pth")
    assert load_encoder(tmp_path / "encoder.pth").weights_sha256() == base.weights_sha256()


@pytest.mark.slow
def test_by_name_it_comes_from_the_cache(base, tmp_path):
    from core.encoders.registry import family_named

    place = hub.cached(family_named("labram").named["labram"], tmp_path)
    place.parent.mkdir(parents=True)
    save_file(braindecodes(base), place)
    encoder = load_encoder("labram", home=tmp_path)
    assert encoder.spec.name == "labram"  # by which a decoder finds it again
    assert encoder.spec.provenance["source"].startswith("huggingface.co/braindecode/")
    save_file(braindecodes(base) | {"norm.bias": torch.ones(200)}, place)
    with pytest.raises(InputError, match='is not the encoder "labram": its SHA-256'):
        load_encoder("labram", home=tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("student.norm.bias"), r"1 missing \(norm.bias\)"),
        (lambda s: s.pop("student.blocks.7.gamma_2"), r"1 missing \(blocks.7.gamma_2\)"),
        (lambda s: s.update(surprise=torch.zeros(1)), r"1 unexpected \(surprise\)"),
        (
            lambda s: s.update({"student.head.weight": torch.zeros(4, 200)}),
            r"1 unexpected \(head.weight\)",
        ),
        (
            lambda s: s.update({"student.pos_embed": torch.zeros(1, 23, 200)}),
            r"pos_embed \(1, 23, 200\) instead of \(1, 129, 200\)",
        ),
        (
            lambda s: s.update({"student.time_embed": torch.zeros(1, 5, 200)}),
            r"time_embed \(1, 5, 200\) instead of \(1, 16, 200\)",
        ),
        (
            lambda s: s["student.norm.bias"].fill_(float("nan")),
            r"1 not finite real numbers \(norm.bias\)",
        ),
        (
            lambda s: [s.pop(name) for name in list(s) if ".blocks.11." in name],
            "width 200 and 11 blocks; LaBraM's sizes have 100 and 4",
        ),
        (lambda s: s.pop("student.patch_embed.conv1.weight"), "no encoder that this program knows"),
    ],
)
def test_tensors_that_are_not_labrams_are_named(base, tmp_path, change, message):
    state = {name: tensor.clone() for name, tensor in published(base).items()}
    change(state)
    torch.save(whole_checkpoint(state), tmp_path / "changed.pth")
    with pytest.raises(InputError, match=message) as raised:
        load_encoder(tmp_path / "changed.pth")
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_other_models_are_refused_by_name(base, tmp_path):
    state = {f"encoder.{name}": tensor for name, tensor in named(base).items()}
    state |= {"quantize.embedding.weight": torch.zeros(8192, 64)}
    torch.save(whole_checkpoint(state), tmp_path / "vqnsp.pth")
    with pytest.raises(InputError, match="is LaBraM's tokenizer, which turns signal into codes"):
        load_encoder(tmp_path / "vqnsp.pth")
    torch.save({"features.0.weight": torch.zeros(8, 1, 3)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="no encoder that this program knows"):
        load_encoder(tmp_path / "other.pth")
    torch.save(named(base), tmp_path / "base.pth")
    with pytest.raises(InputError, match='there are no weights "encoder"'):
        load_encoder(tmp_path / "base.pth", "encoder")


class Armed:
    """Creates a folder when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["args", "scaler", "inside the options"])
def test_nothing_but_the_options_of_a_run_is_let_through(tiny, tmp_path, place):
    marker, path = tmp_path / "marker", tmp_path / "armed.pth"
    armed = Armed(marker)
    more = {place: armed} if " " not in place else {"args": argparse.Namespace(model=armed)}
    torch.save(whole_checkpoint(published(tiny), **more), path)
    with pytest.raises(InputError, match=r"Python objects beside its tensors \(\S*mkdir\)"):
        load_encoder(path)
    assert not marker.exists()
    torch.save(whole_checkpoint(published(tiny), args=Path("a")), path)
    with pytest.raises(InputError, match="pathlib"):
        load_encoder(path)


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"rate": 256.0}, "LaBraM tiny takes samples at 200 Hz, not 256"),
        ({"unit": "mV"}, "LaBraM tiny takes uV, not mV"),
        ({"window": 700, "patch": 100, "stride": 100}, "patches of 200 samples"),
        ({"window": 3400}, "rows of time for 1 to 16 whole seconds, not for 3400 samples"),
        ({"ch_names": ("C3", "NOSE", "T3")}, "has no row for NOSE, T3"),
        ({"tokens": (None, 200)}, "gives one token of 100 an electrode"),
        ({"context": "patch"}, "looks at the whole window"),
        ({"rate": 250.0, "unit": "V"}, "200 Hz, not 250; it takes uV, not V"),
    ],
)
def test_a_file_whose_facts_are_not_labrams_says_in_what(tiny, tmp_path, facts, message):
    encoder = load_encoder("untrained-labram-tiny-4")
    encoder.spec = dataclasses.replace(encoder.spec, **facts)
    path = save_encoder(encoder, tmp_path / "odd.safetensors")
    with pytest.raises(InputError, match=message):
        load_encoder(path)
