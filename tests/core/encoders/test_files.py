import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from core.encoders import load_encoder, save_encoder
from core.encoders.eegpt.checkpoint import load_pretraining, new_pretraining
from core.encoders.eegpt.pretraining import Pretraining
from core.encoders.header import read_safetensors, spec_of_header
from core.encoders.registry import family_named
from core.errors import InputError
from core.signal.filtering import Band

HEADER = "eegpt_realtime.encoder"


def equal(one, other):
    return one.weights_sha256() == other.weights_sha256()


def contiguous(state):
    return {name: tensor.clone() for name, tensor in state.items()}


# Untrained


def test_random_weights_are_small_seeded_and_say_so():
    encoder = load_encoder("untrained")
    assert encoder.spec.label == "tiny3 (untrained)"
    assert encoder.spec.name == "untrained-tiny3-0"
    assert encoder.spec.provenance == {"source": "random weights", "seed": "0"}
    assert not encoder.spec.trained
    assert not encoder.training
    assert not any(weight.requires_grad for weight in encoder.parameters())


@pytest.mark.parametrize(
    ("name", "sha256"),
    [
        ("untrained", "085e753663ffb5bd144f024f6ae081d27302a4d8514c0745c78f99a9c6852a62"),
        ("starter", "01a44e407513712ebfd231e3931406ee9056ce1c27772cdfa9dd0f1a64f0f975"),
        ("imagery", "485f3ecfe4e63e98ca16f26f9722b1ce13616602ecd5b7439401d159e50b9c89"),
        ("imagery-2", "dab2fb9a5eaad378abd61110c4cc9f2cfd6dd47b636b1a8bbf5c11e064c79a9a"),
        (
            "imagery-2-with-eyes",
            "27c5e4167bfd3264dec2bd907ce522abbe99333f224a816a629814e9a0a426c3",
        ),
    ],
)
def test_what_comes_with_the_program_never_changes(name, sha256):
    # Decoders pin this hash: other weights under the same name would make every one useless.
    assert load_encoder(name).weights_sha256() == sha256


def test_the_default_is_trained_and_says_on_what():
    encoder = load_encoder()
    assert encoder.spec.label == "starter"
    assert encoder.spec.trained
    seen = json.loads(encoder.spec.provenance["recordings"])
    assert ["physionet-mi", "S001", "", "4"] in seen
    # README's figures are measured on these.
    kept = ("S001", "S002", "S006", "S011", "S014")
    assert not any(subject in kept and run == "12" for _, subject, _, run in seen)


def test_what_was_trained_with_labels_says_on_whom():
    seen = json.loads(load_encoder("imagery").spec.provenance["recordings"])
    assert len({subject for _, subject, _, _ in seen}) == 61
    assert ["physionet-mi", "S002", "", "8"] in seen
    assert ["physionet-mi", "S002", "", "12"] not in seen  # as the starter


@pytest.mark.parametrize("name", ["untrained", "untrained-tiny3", "untrained-tiny3-0"])
def test_names_of_random_weights(name):
    assert equal(load_encoder(name), load_encoder("untrained"))


@pytest.mark.slow
def test_seeds_are_reproducible_and_differ():
    first = load_encoder("untrained-little-7")
    assert first.spec.size == "little"
    assert equal(load_encoder(first.spec.name), first)
    assert not equal(load_encoder("untrained-little-8"), first)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("untrained-huge", 'no size "huge"; it has tiny1'),
        ("startre", 'Did you mean "starter"?'),
        ("labrum", 'no file labrum, and no encoder of that name; names are "starter"'),
    ],
)
def test_unknown_names_are_refused(name, message):
    with pytest.raises(InputError, match=message):
        load_encoder(name)


def test_a_family_that_is_not_there_is_answered_with_the_one_that_was_meant():
    with pytest.raises(InputError, match=r'"egpt"; there are eegpt, .*Did you mean "eegpt"\?'):
        family_named("egpt")


# Our own files


def test_a_saved_encoder_comes_back_whole(tmp_path, parts):
    spec = dataclasses.replace(
        parts.encoder.spec,
        name="mine",
        trained=True,
        ch_names=("C3", "C4"),
        provenance={"a": "ü"},
        covariance=((2.0, 0.5), (0.5, 1.0)),
        band=Band(8.0, 30.0, notch=60.0),
    )
    encoder = load_encoder("untrained-tiny2-5")
    encoder.spec = spec
    path = save_encoder(encoder, tmp_path / "new" / "mine.safetensors")
    again = load_encoder(path)
    assert equal(again, encoder)
    assert again.spec == spec
    assert again.spec.label == "mine"
    assert not again.training
    assert not any(weight.requires_grad for weight in again.parameters())
    assert [file.name for file in path.parent.iterdir()] == ["mine.safetensors"]
    assert set(load_file(path)) == set(encoder.state_dict())


def test_a_file_that_says_no_band_means_the_default_and_one_that_says_none_is_refused(tmp_path):
    path = save_encoder(load_encoder("untrained-tiny1"), tmp_path / "whole.safetensors")
    _, header = read_safetensors(path, "np")
    old = {key: value for key, value in header.items() if key != "band"}
    assert spec_of_header(old, path).band == Band()
    for band, says in (
        ({"low": 30.0, "high": 8.0}, "The band 30-8 Hz must have"),
        ({"low_order": 10**6}, "where a number from 1 to 16 belongs"),
        ({"width": 2.0}, "unexpected keyword"),
        ([8.0, 30.0], "must be a mapping"),
    ):
        with pytest.raises(InputError, match=f"damaged header: .*{says}"):
            spec_of_header(header | {"band": band}, path)


def test_an_untrained_encoder_stays_untrained_in_its_file(tmp_path):
    path = save_encoder(load_encoder("untrained"), tmp_path / "e.safetensors")
    assert load_encoder(str(path)).spec == load_encoder("untrained").spec


def test_a_loaded_encoder_does_not_depend_on_its_file(tmp_path):
    path = save_encoder(load_encoder("untrained"), tmp_path / "e.safetensors")
    encoder = load_encoder(path)
    path.write_bytes(bytes(path.stat().st_size))
    assert equal(encoder, load_encoder("untrained"))


@pytest.mark.slow
def test_an_existing_file_is_kept_unless_asked(tmp_path):
    path = tmp_path / "e.safetensors"
    path.write_text("precious")
    with pytest.raises(InputError, match="exists already"):
        save_encoder(load_encoder("untrained"), path)
    assert path.read_text() == "precious"
    save_encoder(load_encoder("untrained"), path, overwrite=True)
    assert equal(load_encoder(path), load_encoder("untrained"))


@pytest.mark.parametrize(
    ("overwrite", "message"), [(False, "exists already"), (True, "cannot be written")]
)
def test_a_folder_is_no_place_for_a_file(tmp_path, overwrite, message):
    with pytest.raises(InputError, match=message):
        save_encoder(load_encoder("untrained"), tmp_path, overwrite=overwrite)


def test_where_nothing_can_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_encoder(load_encoder("untrained"), tmp_path / "file" / "e.safetensors")


def full(number):
    raise OSError(28, "No space left on device")


def locked(source, target):
    raise PermissionError(13, "Another program uses it")


@pytest.mark.parametrize(
    ("call", "failing", "message"),
    [("fsync", full, "No space left"), ("replace", locked, "Another program")],
)
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, call, failing, message):
    path = save_encoder(load_encoder("untrained"), tmp_path / "e.safetensors")
    before = path.read_bytes()
    monkeypatch.setattr(os, call, failing)
    with pytest.raises(InputError, match=message):
        save_encoder(load_encoder("untrained-tiny1"), path, overwrite=True)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["e.safetensors"]


def rewritten(path, **changes):
    """Change facts of the header without touching the weights."""
    encoder = load_encoder("untrained-tiny1")
    save_encoder(encoder, path)
    start = path.read_bytes()
    header = json.loads(start[8 : 8 + int.from_bytes(start[:8], "little")])
    facts = json.loads(header["__metadata__"][HEADER]) | changes
    facts = {key: value for key, value in facts.items() if value is not None}
    save_file(contiguous(encoder.state_dict()), path, metadata={HEADER: json.dumps(facts)})
    return path


READOUT = {"classes": ["a", "b"], "weights": [[0.0, 1.0]] * 3, "bias": [0.0, 0.0]}


def test_rewriting_alone_does_no_harm(tmp_path):
    assert equal(
        load_encoder(rewritten(tmp_path / "e.safetensors")), load_encoder("untrained-tiny1")
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 3}, "of format 3 and this program reads format 2"),
        ({"format_version": None}, "of format None"),
        ({"size": "giant"}, 'no size "giant"'),
        ({"family": "other"}, 'of the family "other", which this program'),
        ({"size": "tiny2"}, "damaged header"),
        ({"rate": "fast"}, "damaged header"),
        ({"rate": float("nan")}, "damaged header"),
        ({"rate": None}, "damaged header"),
        ({"window": 1000}, "damaged header"),
        ({"patch": 0}, "damaged header"),
        (
            {"patch": 32, "stride": 32},
            r"patch_embed.proj.weight \(64, 1, 1, 64\) instead of \(64, 1, 1, 32\)",
        ),
        ({"ch_names": ["C3", "NOSE"]}, "damaged header"),
        ({"context": "everything"}, "damaged header"),
        ({"provenance": "unknown"}, "damaged header"),
        ({"covariance": [[1.0, 0.0], [0.0, 1.0]]}, "not that of 58 channels"),
        ({"covariance": np.zeros((58, 58)).tolist()}, "not positive definite"),
        ({"covariance": "unknown"}, "damaged header"),
        ({"graph_tasks": {"fists": ["left_hand"]}}, "fists is no task of an electrode graph"),
        ({"graph_tasks": {"a.b": ["left_hand", "feet"]}}, "a.b is no task of"),
        ({"graph_tasks": ["fists"]}, "damaged header"),
        ({"readout": READOUT | {"bias": [0.0]}}, "readout is not that of 2 classes"),
        ({"readout": READOUT | {"mirror": [1, 2, 0]}}, "does not exchange its features"),
        ({"readout": READOUT | {"mirror": [1, 0]}}, "does not exchange its features"),
        ({"readout": READOUT | {"mirror": ["a", "b", "c"]}}, "does not exchange its features"),
        ({"weights_sha256": "00"}, "weights are not those it was written with"),
    ],
)
def test_a_header_that_cannot_be_is_refused(tmp_path, changes, message):
    path = rewritten(tmp_path / "e.safetensors", **changes)
    with pytest.raises(InputError, match=message):
        load_encoder(path)


@pytest.mark.parametrize("text", ["{", "[1]", "null", "[" * 100_000])
def test_a_header_that_is_no_table_is_refused(tmp_path, text):
    path = tmp_path / "e.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={HEADER: text})
    with pytest.raises(InputError, match="damaged"):
        load_encoder(path)


def test_a_changed_weight_is_noticed(tmp_path):
    path = save_encoder(load_encoder("untrained"), tmp_path / "e.safetensors")
    with path.open("r+b") as file:
        file.seek(-2, os.SEEK_END)
        file.write(b"\x00\x3f")
    with pytest.raises(InputError, match="weights are not those it was written with"):
        load_encoder(path)


# Published files


@pytest.mark.slow
def test_the_official_checkpoint_gives_the_momentum_encoder(lightning, parts):
    encoder = load_encoder(lightning)
    assert equal(encoder, parts.target_encoder)
    spec = encoder.spec
    assert (spec.name, spec.size, spec.trained) == ("eegpt-tiny2", "tiny2", True)
    assert spec.provenance["source"] == "official.ckpt"
    assert spec.provenance["weights"] == "target_encoder"
    assert len(spec.provenance["file_sha256"]) == 64
    assert equal(load_encoder(lightning, weights="encoder"), parts.encoder)


def test_no_other_weights_can_be_asked_for(lightning):
    with pytest.raises(InputError, match='no weights "predictor"'):
        load_encoder(lightning, weights="predictor")


def test_the_braindecode_file(tmp_path, parts):
    path = tmp_path / "model.safetensors"
    state = {f"target_encoder.{k}": v for k, v in parts.target_encoder.state_dict().items()}
    save_file(contiguous(state) | {"chans_id": torch.arange(62)[None]}, path)
    assert equal(load_encoder(path), parts.target_encoder)
    with pytest.raises(InputError, match="holds no encoder, only target_encoder"):
        load_encoder(path, weights="encoder")


@pytest.mark.slow
def test_the_large_braindecode_file_has_the_size_reported_for_the_published_one():
    with torch.device("meta"):
        large = new_pretraining("large").target_encoder
    tensors = {
        f"target_encoder.{name}": torch.zeros(tensor.shape)
        for name, tensor in large.state_dict().items()
    }
    assert len(tensors) == 102
    content = save(tensors | {"chans_id": torch.arange(62)[None]})
    assert len(content) == 101_160_080


@pytest.mark.parametrize("name", ["bare.pt", "bare.ckpt", "bare.pth", "bare", "bare.safetensors"])
def test_a_dictionary_of_an_encoders_tensors(tmp_path, parts, name):
    path = tmp_path / name
    state = contiguous(parts.encoder.state_dict())
    save_file(state, path) if name.endswith("safetensors") else torch.save(state, path)
    encoder = load_encoder(path)
    assert equal(encoder, parts.encoder)
    assert "weights" not in encoder.spec.provenance


@pytest.mark.slow
def test_the_kind_of_a_file_is_told_by_its_content(tmp_path):
    path = save_encoder(load_encoder("untrained"), tmp_path / "e.ckpt")
    assert equal(load_encoder(path), load_encoder("untrained"))


def test_weights_in_half_precision_are_read_as_single(tmp_path, parts):
    state = {name: tensor.half() for name, tensor in parts.encoder.state_dict().items()}
    torch.save(state, tmp_path / "half.pt")
    encoder = load_encoder(tmp_path / "half.pt")
    assert {weight.dtype for weight in encoder.parameters()} == {torch.float32}


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["tiny1", "tiny3", "base1"])
def test_variants_are_told_by_their_tensors(tmp_path, variant):
    encoder = load_encoder(f"untrained-{variant}")
    torch.save(encoder.state_dict(), tmp_path / "e.pt")
    again = load_encoder(tmp_path / "e.pt")
    assert again.spec.size == variant
    window = torch.randn(1, 3, 128)
    assert torch.equal(again(window, [1, 2, 5]), encoder(window, [1, 2, 5]))


# Pretraining


@pytest.mark.slow
def test_a_pretraining_comes_back_whole(lightning, parts):
    again = load_pretraining(lightning)
    assert isinstance(again, Pretraining)
    for name, tensor in parts.state_dict().items():
        assert torch.equal(again.state_dict()[name], tensor), name
    assert again.encoder.spec.trained
    assert again.encoder.spec.provenance["source"] == "official.ckpt"
    frozen = {name for name, weight in again.named_parameters() if not weight.requires_grad}
    assert frozen == {
        name
        for name in again.state_dict()
        if name.startswith("target_encoder.") or name.endswith("freqs")
    }


def test_a_new_pretraining_starts_with_two_equal_encoders():
    parts = new_pretraining("tiny2", seed=9)
    assert equal(parts.encoder, parts.target_encoder)
    assert equal(parts.encoder, load_encoder("untrained-tiny2-9"))
    assert parts.encoder.summary_token is not parts.target_encoder.summary_token
    assert parts.encoder.spec.label == "tiny2 (untrained)"


def test_an_encoder_alone_is_no_pretraining(tmp_path, parts):
    torch.save(parts.encoder.state_dict(), tmp_path / "e.pt")
    with pytest.raises(InputError, match="holds no encoder, target_encoder, predictor, recon"):
        load_pretraining(tmp_path / "e.pt")


def test_a_pretraining_must_be_complete(tmp_path, parts):
    state = parts.state_dict()
    del state["predictor.time_embed.freqs"]
    state["head.weight"] = torch.zeros(1)
    torch.save({"state_dict": state}, tmp_path / "e.ckpt")
    message = r"1 missing \(predictor.time_embed.freqs\); 1 unexpected \(head.weight\)"
    with pytest.raises(InputError, match=message):
        load_pretraining(tmp_path / "e.ckpt")


@pytest.mark.slow
def test_loading_an_encoder_does_not_import_the_compiler():
    # It took a second, in which no window was on the screen.
    code = (
        "import sys; from core.encoders import load_encoder; load_encoder(); "
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
