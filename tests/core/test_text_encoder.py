"""Encoders of texts: only from files that are here, and a sentence where there is none."""

import sys

import numpy as np
import pytest
from safetensors.numpy import save_file

from core.errors import InputError
from core.text_encoder import check_texts, load_text_encoder


@pytest.mark.slow
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


def embeddings(tmp_path, **vectors):
    path = tmp_path / "pictures.safetensors"
    save_file({name: np.array(vector) for name, vector in vectors.items()}, path)
    return str(path)


def test_embeddings_that_were_made_elsewhere_are_looked_up(tmp_path):
    encoder = load_text_encoder(embeddings(tmp_path, face=[1.0, 0.0], house=[0.0, 2.0]))
    assert encoder.label == "embeddings pictures.safetensors"
    np.testing.assert_array_equal(encoder(["house", "face"]), [[0.0, 2.0], [1.0, 0.0]])
    with pytest.raises(InputError, match=r'no embedding of "tree" \(has: face, house\)'):
        encoder(["tree"])


@pytest.mark.parametrize(
    "vectors",
    [
        {"face": [1.0, 0.0], "house": [1.0]},
        {"face": [[1.0]], "house": [[1.0]]},
        {"face": [np.nan, 0.0], "house": [1.0, 0.0]},
    ],
)
def test_what_are_no_embeddings_is_refused(tmp_path, vectors):
    with pytest.raises(InputError, match="a vector of finite values for each name"):
        load_text_encoder(embeddings(tmp_path, **vectors))


def test_a_file_that_is_missing_or_damaged_is_refused(tmp_path):
    with pytest.raises(InputError, match="no file of embeddings"):
        load_text_encoder(str(tmp_path / "none.safetensors"))
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(b"\x00" * 7)
    with pytest.raises(InputError, match="damaged"):
        load_text_encoder(str(path))


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
