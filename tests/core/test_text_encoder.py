"""Encoders of texts: only from files that are here, and a sentence where there is none."""

import sys

import numpy as np
import pytest

from core.errors import InputError
from core.text_encoder import check_texts, load_text_encoder


def test_the_package_embeds_texts_without_a_network():
    pytest.importorskip("wordllama")
    encoder = load_text_encoder("wordllama")
    assert encoder.label.startswith("wordllama 0.")
    vectors = encoder(["left hand", "right hand", "both feet"])
    assert (vectors.shape, vectors.dtype) == ((3, 256), np.float64)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    alike = unit @ unit.T
    assert alike[0, 1] > 0.6 > 0.4 > alike[0, 2]  # opposites look alike to static vectors
    np.testing.assert_allclose(encoder(["both feet"])[0], vectors[2], rtol=1e-6)


def test_without_the_package_a_sentence_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "wordllama", None)
    with pytest.raises(InputError, match=r"pip install 'eegpt-realtime\[text\]'"):
        load_text_encoder("wordllama")


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no text encoder .* modules\.json"):
        load_text_encoder(str(tmp_path))


def test_weights_that_may_be_pickles_are_not_loaded(tmp_path):
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(InputError, match="no weights in safetensors"):
        load_text_encoder(str(tmp_path))


def test_a_model_needs_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match="pip install sentence-transformers"):
        load_text_encoder(str(tmp_path))


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "at least one"),
        (["a", " a "], "twice"),
        ([""], "no text of 1 to 500"),
        (["a\nb"], "no text of 1 to 500"),
        (["x" * 501], "no text of 1 to 500"),
    ],
)
def test_texts_that_cannot_be_shown_are_refused(texts, words):
    with pytest.raises(InputError, match=words):
        check_texts(texts, "--prompts")


def test_texts_lose_the_space_around_them():
    assert check_texts([" a fist ", "feet"], "--prompts") == ("a fist", "feet")
