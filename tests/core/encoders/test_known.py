"""A decoder names its encoder by its weights; where they are, only this machine says."""

import json
import os
from dataclasses import replace

import pytest

from core.decoding.card import EncoderPin
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.encoders import load_encoder, registry, save_encoder
from core.encoders.known import place_of, remember
from core.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture
def file(tmp_path):
    """An encoder in a file, as somebody trained it."""
    return save_encoder(load_encoder("untrained-tiny1-3"), tmp_path / "mine.safetensors")


@pytest.fixture
def decoder(fitted, file):
    """A decoder that was made with that file, elsewhere."""
    encoder = load_encoder(file)
    return replace(fitted["hybrid"], encoder=EncoderPin.of(encoder, file))


def test_a_pin_holds_no_path(decoder, file):
    assert decoder.encoder.source == file.name
    assert EncoderPin.of(load_encoder("untrained"), "untrained").source == "untrained"


@pytest.mark.parametrize("named", ["absolute", "relative", "name"])
def test_a_path_in_a_decoder_file_is_never_opened(decoder, file, tmp_path, monkeypatch, named):
    monkeypatch.chdir(tmp_path)
    source = {"absolute": str(file), "relative": f"./{file.name}", "name": file.name}[named]
    pinned = replace(decoder, encoder=replace(decoder.encoder, source=source))
    kept = load_decoder(save_decoder(pinned, tmp_path / "decoder.safetensors"))
    opened = []
    monkeypatch.setattr(registry, "read_weights", opened.append)
    with pytest.raises(InputError, match="is not on this machine; name its file with --encoder"):
        kept.load_encoder()
    assert opened == []


def test_an_encoder_that_a_person_named_is_found_again(decoder, file, home):
    assert decoder.load_encoder(str(file)).weights_sha256() == decoder.encoder.sha256
    assert decoder.load_encoder().weights_sha256() == decoder.encoder.sha256
    file.unlink()
    with pytest.raises(InputError, match="is not on this machine"):
        decoder.load_encoder()
    assert (home / "encoder-files.json").stat().st_mode & 0o077 == 0


def test_a_file_that_has_changed_since_is_refused(decoder, file):
    decoder.load_encoder(str(file))
    save_encoder(load_encoder("untrained-tiny1-4"), file, overwrite=True)
    with pytest.raises(InputError, match="has other weights than"):
        decoder.load_encoder()


def test_nothing_is_downloaded_because_a_decoder_says_so(decoder, monkeypatch):
    asked = []

    def fetch(file, home):
        asked.append(file.name)
        raise InputError("This test is offline.")

    monkeypatch.setattr(registry, "fetch", fetch)
    pinned = replace(decoder, encoder=replace(decoder.encoder, source="eegpt"))
    with pytest.raises(InputError, match="download it once with --encoder eegpt"):
        pinned.load_encoder()
    assert asked == []
    with pytest.raises(InputError, match="offline"):
        pinned.load_encoder("eegpt")
    assert asked == ["eegpt"]


@pytest.mark.parametrize("content", ["[]", "{", '{"a": 1}', '{"a": "b", "a": "c"}', "\x00"])
def test_a_damaged_list_is_as_good_as_none(file, home, content):
    home.mkdir(exist_ok=True)
    (home / "encoder-files.json").write_text(content)
    assert place_of("other", "a") is None
    remember(file, "a")
    assert place_of("other", "a") == str(file)
    assert json.loads((home / "encoder-files.json").read_text()) == {"a": str(file)}


def test_a_home_that_takes_no_files_is_no_reason_to_stop(file, home):
    home.write_text("no folder")
    remember(file, "a")
    assert place_of("other", "a") is None


@pytest.mark.skipif(os.name == "nt", reason="names are Unicode there")
def test_names_that_are_no_unicode_are_remembered(tmp_path):
    path = save_encoder(load_encoder("untrained-tiny1"), tmp_path / "m\udcffine.safetensors")
    remember(path, "a")
    assert place_of("other", "a") == str(path)
    assert EncoderPin.of(load_encoder(path), path).source == "m?ine.safetensors"


def test_an_encoder_with_a_name_that_could_not_be_read_again_is_not_written(tmp_path):
    encoder = load_encoder("untrained-tiny1")
    for name in ("x" * 129, "a\nb"):
        encoder.spec = replace(encoder.spec, name=name)
        with pytest.raises(InputError, match="can be read again"):
            save_encoder(encoder, tmp_path / "one.safetensors")
    assert list(tmp_path.glob("*.safetensors")) == []
