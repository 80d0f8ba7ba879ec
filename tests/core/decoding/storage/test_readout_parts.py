"""Decoder files with several tasks: read again as they were, and refused where they lie."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from calibration.tasks import joined, readout_of
from core.decoding.embedding_heads import Gallery, Projection, RetrievalHead, ScaleHead
from core.decoding.gate import MixtureHead
from core.decoding.heads import LinearHead
from core.decoding.readouts import Readout, ReadoutCard
from core.decoding.storage.decoder_file import FORMAT, load_decoder, read_header, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError

pytestmark = pytest.mark.slow

HOP = 64
LAST = 11 * 12 // 2  # features


def expert(name, first, last, temperature=1.0):
    return {"name": name, "columns": [first, last], "temperature": temperature}


def projection(random, inputs):
    shapes = {"first": (inputs, 3), "first_bias": 3, "second": (3, 4), "second_bias": 4}
    parts = {name: random.normal(size=shape) for name, shape in shapes.items()}
    return Projection(np.zeros(inputs), np.ones(inputs), **parts)


def linear(random, inputs):
    weights = random.normal(size=(inputs, 2))
    return LinearHead(np.zeros(inputs), np.ones(inputs), weights, random.normal(size=2))


@pytest.fixture(scope="module")
def several(fitted):
    """A decoder with a task of every kind."""
    random = np.random.default_rng(0)
    first, second = fitted["riemann"], fitted["encoder"]
    size = sum(view.size for view in first.tangents)
    gallery = Gallery(("a closed fist", "two feet"), random.normal(size=(2, 6)), "made up 1")
    text = RetrievalHead(projection(random, size), projection(random, 6), gallery, 0.2)
    scale = ScaleHead(np.zeros(size), np.ones(size), random.normal(size=size), 1.0, 0.5, (0.0, 1.0))
    card = ReadoutCard("riemann", 16, 0.7, 0.6, "top-1 accuracy", {"events": {"T1": "a"}})
    mixed = MixtureHead(
        ("few", "others"),
        (linear(random, 10), linear(random, size - 10)),
        ((0, 10), (10, size)),
        linear(random, size),
    )
    others = [
        readout_of("eyes", second),
        Readout("text", (), text, first.tangents, False, card),
        Readout("load", (), scale, first.tangents, False, card),
        Readout("mixed", ("no", "yes"), mixed, first.tangents, False, card),
    ]
    return joined([first, second], "hand", others)


@pytest.fixture
def file(several, tmp_path):
    return save_decoder(several, tmp_path / "several.safetensors")


def test_tasks_of_every_kind_come_back_as_they_were(several, file):
    found = load_decoder(file)
    assert [(r.task, r.kind, r.classes) for r in found.readouts] == [
        ("hand", "classes", several.classes),
        ("eyes", "classes", several.classes),
        ("text", "retrieval", ()),
        ("load", "scale", ()),
        ("mixed", "classes", ("no", "yes")),
    ]
    assert [r.card for r in found.others] == [r.card for r in several.others]
    encoder = several.load_encoder()
    samples = np.random.default_rng(1).normal(0.0, 0.02, (1280, len(several.settings.channels)))
    one, two = WindowDecoder(several, encoder, HOP), WindowDecoder(found, found.load_encoder(), HOP)
    for start in range(0, len(samples), HOP):
        one.push(samples[start : start + HOP])
        two.push(samples[start : start + HOP])
    assert one.outputs == two.outputs
    assert set(one.outputs) == {"hand", "eyes", "text", "load", "mixed"}


def test_a_gallery_of_pictures_comes_back_with_their_digests(several, tmp_path):
    eyes, text, *others = several.others
    gallery = replace(text.head.gallery, pictures=(64 * "a", 64 * "b"))
    text = replace(text, head=replace(text.head, gallery=gallery))
    made = replace(several, others=(eyes, text, *others))
    found = load_decoder(save_decoder(made, tmp_path / "pictures.safetensors"))
    assert found.others[1].head.gallery.pictures == gallery.pictures


def test_covariances_of_every_task_are_of_what_is_left_of_a_window(several, tmp_path):
    found = load_decoder(save_decoder(replace(several, skip=256), tmp_path / "later.safetensors"))
    views = [view for readout in found.readouts for view in readout.tangents]
    assert [view.length for view in views] == [found.window - 256] * 8


def test_a_file_with_one_task_is_of_the_version_that_older_programs_read(fitted, file, tmp_path):
    single = save_decoder(fitted["riemann"], tmp_path / "single.safetensors")
    assert read_header(single)["version"] == 1
    assert "readouts" not in read_header(single)
    assert read_header(file)["version"] == 2
    assert [readout.task for readout in load_decoder(single).readouts] == ["classes"]


def changed(path, index, **entries):
    """Write the file again with a changed readout."""
    with safe_open(path, framework="np") as opened:
        header = json.loads(opened.metadata()[FORMAT])
    header["readouts"][index] |= entries
    other = path.with_name("changed.safetensors")
    save_file(load_file(path), other, metadata={FORMAT: json.dumps(header)})
    return other


@pytest.mark.parametrize(
    ("index", "entries", "words"),
    [
        (0, {"kind": "emotion"}, 'task of the kind "emotion"'),
        (0, {"classes": ["open"]}, "no list of different names"),
        (0, {"classes": ["a", "b", "c"]}, r"readouts\.0\.head\.weights"),
        (0, {"tokens": False}, "head does not fit"),
        (0, {"task": "hand"}, "the same name"),
        (0, {"task": "../eyes"}, "cannot be called"),
        (0, {"card": None}, "does not describe a decoder"),
        (0, {"temperature": 0}, "number from"),
        (1, {"entries": ["a", "a"]}, "different texts"),
        (1, {"entries": ["a"]}, "gallery"),
        (1, {"entries": ["a", "b\nc"]}, "different texts"),
        (1, {"encoder": 3}, "plain text"),
        (1, {"pictures": [64 * "a", "b"]}, "no SHA-256 for each picture"),
        (1, {"pictures": [64 * "a"]}, "no list of different names"),
        (1, {"pictures": [64 * "a", 64 * "b", 64 * "c"]}, "no SHA-256 for each picture"),
        (2, {"ends": [1.0, 1.0]}, "ends where it begins"),
        (2, {"margin": -1}, "number from"),
        (2, {"bias": "nan"}, "number from"),
        (2, {"kind": "retrieval"}, "damaged"),
        (3, {"experts": [expert("few", 0, 10)]}, "no list of different names"),
        (3, {"experts": [expert("few", 0, 10), expert("few", 10, LAST)]}, "no list of different"),
        (3, {"experts": [expert("a", -1, 9), expert("b", 10, LAST)]}, "-1 where a number from 0"),
        (3, {"experts": [expert("a", 10, 0), expert("b", 10, LAST)]}, "0 where a number from 11"),
        (3, {"experts": [expert("a", 0, 10), expert("b", 10, 10**6)]}, "1000000 where a number"),
        (3, {"experts": [expert("a", 0, 9), expert("b", 10, LAST)]}, r"experts\.0"),
        (3, {"experts": [expert("a", 0, 10, 0.0), expert("b", 10, LAST)]}, "0.0 where a number"),
    ],
)
def test_a_readout_that_lies_is_refused_in_a_sentence(file, index, entries, words):
    with pytest.raises(InputError, match=words):
        load_decoder(changed(file, index, **entries))


def test_a_task_that_reads_tokens_needs_an_encoder(file, fitted, tmp_path):
    with safe_open(file, framework="np") as opened:
        header = json.loads(opened.metadata()[FORMAT])
    header["encoder"] = None
    other = tmp_path / "without.safetensors"
    save_file(load_file(file), other, metadata={FORMAT: json.dumps(header)})
    with pytest.raises(InputError, match="reads tokens, and there is no encoder"):
        load_decoder(other)


def test_values_that_are_none_are_refused(file):
    tensors = load_file(file)
    tensors["readouts.1.gallery"][0, 0] = np.nan
    with safe_open(file, framework="np") as opened:
        metadata = opened.metadata()
    save_file(tensors, file, metadata=metadata)
    with pytest.raises(InputError, match=r"readouts\.1\.gallery"):
        load_decoder(file)
