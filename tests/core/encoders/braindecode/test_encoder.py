import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.decoding.features import TokenFeatures
from core.encoders import hub, load_encoder, save_encoder
from core.encoders.braindecode import inputs
from core.encoders.braindecode.models import MODELS
from core.errors import InputError

CH_NAMES = ("C4", "CZ", "C3", "FP1", "O2")


@pytest.fixture
def signal():
    """A few seconds in µV, for any model: (channels, samples)."""
    return np.random.default_rng(0).normal(0.0, 10.0, (19, 1200)).astype(np.float32)


def electrodes(encoder):
    return encoder.spec.required or CH_NAMES


def encoded(encoder, signal, ch_names):
    window = torch.from_numpy(signal[: len(ch_names), : encoder.spec.window])
    with torch.inference_mode():
        return encoder.tokens(window[None], ch_names)[0]


@pytest.mark.parametrize(
    "name", ["Labram", "BIOT", "CBraMod", "EEGPT", "REVE", "LUNA", "STEEGFormer"]
)
def test_tokens_have_the_stated_shape_and_follow_their_electrodes(library, name, signal):
    encoder = load_encoder(f"untrained-braindecode:{name}")
    ch_names = electrodes(encoder)
    tokens = encoded(encoder, signal, ch_names)
    assert tuple(tokens.shape) == encoder.spec.token_shape(len(ch_names))
    assert tokens.isfinite().all()
    order = np.random.default_rng(1).permutation(len(ch_names))
    moved = encoded(encoder, signal[order], [ch_names[place] for place in order])
    back = moved[:, np.argsort(order)] if encoder.spec.tokens[0] is None else moved
    assert torch.equal(back, tokens)


@pytest.mark.parametrize("name", ["BIOT", "CBraMod"])
def test_a_stream_gives_the_tokens_of_whole_windows(library, name, signal):
    encoder = load_encoder(f"untrained-braindecode:{name}-3")
    ch_names, spec = electrodes(encoder), encoder.spec
    features = TokenFeatures(encoder, ch_names, np.eye(len(ch_names)))
    run = signal[: len(ch_names)].T
    stream, hop = features.stream(100), 100
    streamed = {}
    for end in range(hop, len(run) + 1, hop):
        vector = stream.push(run[end - hop : end])
        if vector is not None:
            streamed[end] = vector
    whole = features.of_run(run, [end - spec.window for end in streamed])
    assert len(whole) == 5
    assert whole.shape[1] == features.size
    np.testing.assert_allclose(whole, list(streamed.values()), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_another_process_changes_no_digit(library, signal):
    encoder = load_encoder("untrained-braindecode:CBraMod")
    window = signal[:5, :800]
    stream = encoder.stream(CH_NAMES, 800, in_subprocess=True)
    stream.prepare()
    there = stream.push(window)
    here = encoder.stream(CH_NAMES, 800).push(window)
    torch.testing.assert_close(there, here, rtol=0, atol=1e-5)


def test_seeds_make_the_weights_and_electrodes_do_not(library, signal):
    first, again, other = (
        load_encoder(f"untrained-braindecode-CBraMod-{seed}") for seed in (1, 1, 2)
    )
    assert first.weights_sha256() == again.weights_sha256() != other.weights_sha256()
    encoded(first, signal, CH_NAMES)
    assert first.weights_sha256() == again.weights_sha256()
    assert first.spec.label == "CBraMod (untrained)"


@pytest.mark.parametrize("name", ["CBraMod", "Labram", "BIOT", "EEGPT"])
def test_what_is_saved_is_loaded_again(library, name, signal, tmp_path):
    encoder = load_encoder(f"untrained-braindecode:{name}")
    loaded = load_encoder(save_encoder(encoder, tmp_path / "one.safetensors"))
    assert loaded.spec == encoder.spec
    ch_names = electrodes(encoder)
    assert torch.equal(encoded(loaded, signal, ch_names), encoded(encoder, signal, ch_names))


@pytest.mark.parametrize("name", ["CBraMod", "BIOT"])
def test_a_file_with_the_published_names_is_recognised(library, name, signal, tmp_path):
    encoder = load_encoder(f"untrained-braindecode:{name}-5")
    published = dict(encoder.model.state_dict()) | {"final_layer.1.weight": torch.zeros(2, 8)}
    save_file({key: value.contiguous() for key, value in published.items()}, tmp_path / "w")
    loaded = load_encoder((tmp_path / "w").rename(tmp_path / "w.safetensors"))
    assert (loaded.spec.name, loaded.spec.trained) == (f"braindecode:{name}", True)
    assert len(loaded.spec.provenance["file_sha256"]) == 64
    ch_names = electrodes(encoder)
    assert torch.equal(encoded(loaded, signal, ch_names), encoded(encoder, signal, ch_names))


def test_a_file_that_lacks_a_tensor_or_has_another_is_refused(library, tmp_path):
    encoder = load_encoder("untrained-braindecode:CBraMod")
    published = {key: value.contiguous() for key, value in encoder.model.state_dict().items()}
    some = next(key for key in published if key != MODELS["CBraMod"].key[0])
    path = tmp_path / "w.safetensors"
    save_file({key: value for key, value in published.items() if key != some}, path)
    with pytest.raises(InputError, match=rf"1 missing \(model.{some}\)"):
        load_encoder(path)
    save_file(published | {"surprise": torch.zeros(3)}, path)
    with pytest.raises(InputError, match=r"1 unexpected \(model.surprise\)"):
        load_encoder(path)


def test_what_a_stream_lacks_is_named(stand_in, signal):
    encoder = load_encoder("untrained-braindecode:BIOT")
    ch_names = [name for name in encoder.spec.required if name not in ("O2", "P3")]
    with pytest.raises(InputError, match=r"has no P3, O2, and the encoder BIOT.* its 16"):
        encoded(encoder, signal, ch_names)
    with pytest.raises(InputError, match="has no P3, O2"):
        encoder.stream(ch_names)
    with pytest.raises(InputError, match="braindecode's BIOT knows no electrode called CPZ"):
        encoded(encoder, signal, [*encoder.spec.required, "CPZ"])


def test_each_is_fed_its_own_scale():
    rng = np.random.default_rng(0)
    window = torch.from_numpy(rng.normal(0.0, 10.0, (2, 19, 1024))).float()
    fed = {
        n: m.scale(window[:, : len(m.ch_names)], m.ch_names)
        for n, m in MODELS.items()
        if len(m.ch_names) <= 19
    }
    assert torch.allclose(MODELS["Labram"].scale(window, ()), window / 100)
    assert torch.allclose(MODELS["EEGPT"].scale(window, ()), window / 1000)
    assert fed["BIOT"].shape[1] == len(inputs.PAIRS) == 16
    assert torch.allclose(fed["BIOT"].abs().quantile(0.95, dim=-1), torch.tensor(1.0))
    sites, size = fed["BENDR"][:, :19], fed["BENDR"][:, 19]
    assert (sites.min(), sites.max()) == pytest.approx((-1.0, 1.0), abs=1e-5)
    assert np.ptp(size.numpy(), axis=-1).max() == 0.0
    assert torch.allclose(size[:, 0], 2 * ((window.amax((1, 2)) - window.amin((1, 2))) / 1e3 - 0.5))
    for name in ("REVE", "LUNA", "STEEGFormer"):
        scaled = MODELS[name].scale(window, ())
        assert torch.allclose(scaled.mean(-1), torch.tensor(0.0), atol=1e-5)
        assert torch.allclose(scaled.std(-1, correction=0), torch.tensor(1.0), atol=1e-4)


def test_a_window_is_scaled_by_itself_alone():
    """So that a live stream and a file give the same."""
    window = torch.from_numpy(np.random.default_rng(0).normal(0.0, 10.0, (2, 19, 1024))).float()
    for model in MODELS.values():
        ch_names = model.ch_names[:19]
        both = model.scale(window[:, : len(ch_names)], ch_names)
        alone = model.scale(window[:1, : len(ch_names)], ch_names)
        assert torch.equal(both[:1], alone), model.name


def test_without_braindecode_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "braindecode", None)
    monkeypatch.delitem(sys.modules, "braindecode.models", raising=False)
    with pytest.raises(
        InputError, match=r"CBraMod needs braindecode.*eegpt-realtime\[foundation\]"
    ):
        load_encoder("untrained-braindecode:CBraMod")


def test_a_library_for_another_torch_is_said_with_the_command(stand_in, monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "braindecode.models")

    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "braindecode.models":
                raise OSError("libc10_cuda.so: cannot open shared object file")

    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    with pytest.raises(InputError, match=r"libc10_cuda.so.*pip install .*torchaudio --index-url"):
        load_encoder("untrained-braindecode:CBraMod")


def test_a_name_that_is_none_is_refused(stand_in):
    with pytest.raises(InputError, match=r'no braindecode model "CBramod".*Did you mean "CBraMod"'):
        load_encoder("untrained-braindecode:CBramod")
    with pytest.raises(
        InputError, match=r'no encoder of that name.*Did you mean "braindecode:BIOT"'
    ):
        load_encoder("braindecode:BIOTT")


@pytest.fixture
def downloads(monkeypatch, stand_in, tmp_path):
    """What the hub would give, by repository and name of file; and a folder for what was."""
    files = {}

    def download(repository, filename, *, revision, local_dir, token):
        if (repository, filename) not in files:
            raise OSError("no network")
        (local_dir / filename).write_bytes(files[repository, filename])

    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda *_, **__: None)
    monkeypatch.setenv("EEGPT_HOME", str(tmp_path / "home"))
    return files


def published(name, tmp_path, seed=7):
    encoder = load_encoder(f"untrained-braindecode:{name}-{seed}")
    tensors = {key: value.contiguous() for key, value in encoder.model.state_dict().items()}
    save_file(tensors, tmp_path / "published")
    return (tmp_path / "published").read_bytes()


def test_weights_by_name_come_once_and_stay_the_same(downloads, tmp_path):
    key = ("braindecode/cbramod-pretrained", "model.safetensors")
    downloads[key] = published("CBraMod", tmp_path)
    home = tmp_path / "home"
    encoder = load_encoder("braindecode:CBraMod", home=home)
    assert encoder.spec.trained
    assert encoder.spec.provenance["source"].endswith("/".join(key))
    downloads.clear()  # the network has gone
    again = load_encoder("braindecode:CBraMod", home=home)
    assert again.weights_sha256() == encoder.weights_sha256()
    place = hub.cached(MODELS["CBraMod"].hub_file, home)
    place.write_bytes(published("CBraMod", tmp_path, seed=8))
    with pytest.raises(InputError, match=r"is not the encoder .*SHA-256.*Delete it"):
        load_encoder("braindecode:CBraMod", home=home)


def test_weights_that_cannot_be_had_are_said(downloads, tmp_path):
    with pytest.raises(InputError, match=r'"braindecode:EEGPT" could not be downloaded.*put its'):
        load_encoder("braindecode:EEGPT", home=tmp_path / "home")
    with pytest.raises(InputError, match=r"Accept the terms at huggingface.co/brain-bzh/reve-base"):
        load_encoder("braindecode:REVE", home=tmp_path / "home")


@pytest.mark.parametrize("name", [model.name for model in MODELS.values() if model.restriction])
def test_a_licence_that_forbids_something_is_said_before_the_download(
    downloads, tmp_path, caplog, name
):
    with pytest.raises(InputError, match="could not be downloaded"):
        load_encoder(f"braindecode:{name}", home=tmp_path / "home")
    assert MODELS[name].restriction in caplog.text
    caplog.clear()
    with pytest.raises(InputError):
        load_encoder("braindecode:CBraMod", home=tmp_path / "home")
    assert caplog.text == ""


def test_a_licence_is_said_of_a_local_file_too(stand_in, tmp_path, caplog):
    (tmp_path / "w.safetensors").write_bytes(published("BENDR", tmp_path))
    load_encoder(tmp_path / "w.safetensors")
    assert "braindecode:BENDR are under no licence" in caplog.text


@pytest.mark.slow
def test_published_tables_give_the_electrodes(downloads, tmp_path, monkeypatch, signal):
    home = tmp_path / "home"
    import core.encoders.braindecode.family as family

    monkeypatch.setattr(family, "fetch", lambda file: hub.fetch(file, home))
    downloads["braindecode/STEEGFormer-small", "model.safetensors"] = published(
        "STEEGFormer", tmp_path
    )
    channels = ("braindecode/STEEGFormer-small", "steegformer_channels.json")
    downloads[channels] = b'["Fp1", "O2", "C3", "Cz", "C4"]'
    encoder = load_encoder("braindecode:STEEGFormer", home=home)
    assert encoder.spec.ch_names == ("FP1", "O2", "C3", "CZ", "C4")
    plain = load_encoder("untrained-braindecode:STEEGFormer-7")
    table = encoder.model.channel_pos.embedding.weight
    rows = [plain.spec.ch_names.index(name) for name in CH_NAMES]
    slots = [encoder.spec.ch_names.index(name) for name in CH_NAMES]
    moved = encoded(encoder, signal, CH_NAMES) - encoded(plain, signal, CH_NAMES)
    torch.testing.assert_close(moved[0], table[slots] - table[rows], rtol=1e-4, atol=1e-4)

    downloads["brain-bzh/reve-base", "model.safetensors"] = published("REVE", tmp_path)
    downloads["brain-bzh/reve-positions", "positions.json"] = (
        b'{"C3": [-1, 0, 0], "C4": [1, 0, 0], "elsewhere": [0, 0, 0]}'
    )
    encoder = load_encoder("braindecode:REVE", home=home)
    assert encoder.spec.ch_names == ("C3", "C4")
    left, right = encoded(encoder, np.stack([signal[0]] * 2), ("C3", "C4")).unbind(1)
    torch.testing.assert_close(right - left, torch.full_like(left, 2.0), rtol=1e-4, atol=1e-4)


def test_a_table_of_electrodes_that_is_none_is_refused(downloads, tmp_path, monkeypatch):
    home = tmp_path / "home"
    import core.encoders.braindecode.family as family

    monkeypatch.setattr(family, "fetch", lambda file: hub.fetch(file, home))
    downloads["brain-bzh/reve-base", "model.safetensors"] = published("REVE", tmp_path)
    downloads["brain-bzh/reve-positions", "positions.json"] = b'{"C3": [1, 2]}'
    with pytest.raises(InputError, match="gives braindecode:REVE its electrodes, cannot be used"):
        load_encoder("braindecode:REVE", home=home)
