"""Pictures of a gallery live: where they are looked for, and what is said of those not there."""

from types import SimpleNamespace

import numpy as np
import pytest
from pictures import COLOURS, draw

from core.decoding.embedding_heads import Gallery, Projection, RetrievalHead
from core.decoding.readouts import Readout, ReadoutCard
from core.decoding.storage.library import FOLDER
from core.errors import InputError
from core.pictures.encoders import load_image_encoder
from core.pictures.gallery import PictureSet
from core.text_encoder import load_text_encoder
from realtime import prompts
from realtime.cli import main
from realtime.options import Options
from realtime.pictures import pictures_for
from realtime.prompts import encoder_of, with_prompts

NAMES = tuple(COLOURS)


def decoder_of(gallery):
    """What is asked of a decoder here: its readouts."""
    eye, zeros = np.eye(gallery.embeddings.shape[1], 4), np.zeros(4)
    entry = Projection(np.zeros(len(eye)), np.ones(len(eye)), eye, zeros, np.eye(4), zeros)
    card = ReadoutCard("riemann", 16, 0.7, 0.6, "top-1 accuracy")
    readout = Readout("picture", (), RetrievalHead(entry, entry, gallery, 0.1), (), False, card)
    return SimpleNamespace(others=(readout,))


@pytest.fixture
def decoder(tmp_path):
    for name, colour in COLOURS.items():
        draw(tmp_path / name, colour)
    pictures = PictureSet(NAMES, tmp_path, load_image_encoder("untrained:0"))
    return decoder_of(pictures.gallery(NAMES))


def test_pictures_are_looked_for_in_the_named_folder_else_beside_the_decoder(decoder, tmp_path):
    path = tmp_path / "decoder.safetensors"
    assert pictures_for(Options(decoder=path), decoder).folder == tmp_path
    named = Options(decoder=path, pictures=tmp_path / "other")
    assert pictures_for(named, decoder).folder == tmp_path / "other"
    assert pictures_for(Options(home=tmp_path), None).folder == tmp_path / FOLDER


def test_pictures_that_are_not_there_are_said_once(decoder, tmp_path, capsys):
    options = Options(decoder=tmp_path / "decoder.safetensors")
    pictures_for(options, decoder)
    assert capsys.readouterr().err == ""
    (tmp_path / "green.png").unlink()
    pictures_for(options, decoder)
    said = capsys.readouterr().err
    assert "1 of the 3 pictures of the gallery are not in" in said
    assert "green.png; their names are shown" in said


def test_pictures_of_a_decoder_without_any_are_refused(tmp_path):
    texts = Gallery(("a fist", "feet"), np.eye(2), "letters 1")
    with pytest.raises(InputError, match="no gallery of pictures, which --pictures is for"):
        pictures_for(Options(pictures=tmp_path), decoder_of(texts))


def test_prompts_are_not_compared_with_pictures(decoder):
    with pytest.raises(InputError, match="no task of retrieval of texts"):
        with_prompts(decoder, ("a face", "a house"))


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--pictures", "nowhere"), "--pictures: there is no folder nowhere"),
        (("--pictures", ".", "--headless"), "shown in the window of a decoder"),
    ],
)
def test_pictures_that_cannot_be_shown_are_refused(capsys, more, words):
    assert main(["--stream", "EEG", *more]) == 2
    assert words in capsys.readouterr().err


def test_the_encoder_of_texts_is_loaded_once(tmp_path, monkeypatch):
    from safetensors.numpy import save_file

    path = tmp_path / "vectors.safetensors"
    save_file({"face": np.array([1.0, 0.0]), "house": np.array([0.0, 1.0])}, path)
    gallery = Gallery(("face", "house"), np.eye(2), "embeddings vectors.safetensors")
    loaded = []

    def load(source):
        loaded.append(source)
        return load_text_encoder(source)

    monkeypatch.setattr(prompts, "load_text_encoder", load)
    for _ in range(3):
        np.testing.assert_array_equal(encoder_of(gallery, str(path))(["house"]), [[0.0, 1.0]])
    assert loaded == [str(path)]
