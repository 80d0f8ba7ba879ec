"""Encoders of pictures: from weights that are here, and a sentence where they are not."""

import sys

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from core.errors import InputError
from core.machine.files import sha256_of
from core.pictures.encoders import ImageInput, load_image_encoder

RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 256, (50, 70, 3), dtype=np.uint8)


def test_an_untrained_encoder_is_called_so_and_comes_again_from_its_seed():
    first, again, other = (load_image_encoder(f"untrained:{seed}") for seed in (3, 3, 4))
    assert first.label == "untrained 3"
    vector = first(PICTURE)
    assert (vector.shape, vector.dtype) == ((64,), np.float64)
    np.testing.assert_array_equal(vector, again(PICTURE))
    assert not np.allclose(vector, other(PICTURE))
    assert not np.allclose(vector, first(255 - PICTURE))


def test_the_middle_of_a_picture_is_prepared_for_a_network():
    picture = np.zeros((60, 100, 3), dtype=np.uint8)
    picture[:, 20:80] = (255, 0, 0)
    values = ImageInput(size=8, cropped=1.0, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5))(picture)
    assert values.shape == (1, 3, 8, 8)
    np.testing.assert_allclose(values[0, 0], 1.0)
    np.testing.assert_allclose(values[0, 1:], -1.0)


@pytest.mark.parametrize(
    "source", ["resnet18", "timm:resnet18", "open_clip:a:b.safetensors", "untrained:x", "timm::a"]
)
def test_what_is_no_image_encoder_is_refused(source):
    with pytest.raises(InputError, match=r"no image encoder .* timm:NAME:FILE\.safetensors"):
        load_image_encoder(source)


@pytest.mark.parametrize("name", ["weights.pth", "weights.pt", "weights.bin"])
def test_weights_that_may_be_pickles_are_not_loaded(tmp_path, name):
    torch.save({"a": torch.zeros(1)}, tmp_path / name)
    with pytest.raises(InputError, match="may be pickles, which could run code"):
        load_image_encoder(f"timm:resnet18:{tmp_path / name}")


def test_weights_that_are_missing_or_damaged_are_refused(tmp_path):
    with pytest.raises(InputError, match="no file of weights"):
        load_image_encoder(f"timm:resnet18:{tmp_path / 'none.safetensors'}")
    path = tmp_path / "damaged.safetensors"
    path.write_bytes(b"\x80\x04.")  # a pickle by another name
    with pytest.raises(InputError, match="damaged"):
        load_image_encoder(f"timm:resnet18:{path}")


@pytest.mark.parametrize("package", ["timm", "torchvision"])
def test_without_the_package_a_sentence_says_how_to_get_it(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    save_file({"a": torch.zeros(1)}, tmp_path / "a.safetensors")
    with pytest.raises(InputError, match=r"pip install 'eegpt-realtime\[pictures\]'"):
        load_image_encoder(f"{package}:resnet18:{tmp_path / 'a.safetensors'}")


def network(package, name, classes):
    """A network of random weights, as its package makes it."""
    torch.manual_seed(0)
    if package == "timm":
        timm = pytest.importorskip("timm")
        return timm.create_model(name, pretrained=False, num_classes=classes).eval()
    models = pytest.importorskip("torchvision.models")
    return models.get_model(name, weights=None, num_classes=classes).eval()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "name", "classes", "width"),
    [
        ("timm", "resnet10t", 7, 512),
        ("timm", "test_vit", 0, 64),
        ("torchvision", "squeezenet1_1", 5, None),
        ("torchvision", "resnet18", 5, 512),
    ],
)
def test_a_network_with_its_weights_embeds_pictures(tmp_path, package, name, classes, width):
    made = network(package, name, classes)
    path = tmp_path / "weights.safetensors"
    save_file(made.state_dict(), path)
    if width is None:  # ends in a convolution: there is no layer before the classes to take
        with pytest.raises(InputError, match="no linear layer"):
            load_image_encoder(f"{package}:{name}:{path}")
        return
    encoder = load_image_encoder(f"{package}:{name}:{path}")
    assert encoder.label == f"{package} {name} {sha256_of(path)[:12]}"
    vector = encoder(PICTURE)
    assert vector.shape == (width,)
    np.testing.assert_array_equal(vector, load_image_encoder(f"{package}:{name}:{path}")(PICTURE))
    assert not np.allclose(vector, encoder(255 - PICTURE))
    if classes:  # what the network says of classes follows from that vector
        last = made.get_classifier() if package == "timm" else made.fc
        with torch.inference_mode():
            facts = {"timm": ImageInput(*timm_facts(made)), "torchvision": ImageInput()}
            expected = made(facts[package](PICTURE))[0]
            logits = last(torch.from_numpy(vector).float())
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)


def timm_facts(made):
    if not hasattr(made, "get_classifier"):
        return ()
    facts = pytest.importorskip("timm").data.resolve_model_data_config(made)
    return facts["input_size"][-1], facts["crop_pct"], facts["mean"], facts["std"]


@pytest.mark.slow
@pytest.mark.parametrize("package", ["timm", "torchvision"])
def test_weights_of_another_network_are_refused(tmp_path, package):
    pytest.importorskip(package)
    path = tmp_path / "a.safetensors"
    save_file({"conv1.weight": torch.zeros(3)}, path)
    with pytest.raises(InputError, match="does not hold the weights of resnet18"):
        load_image_encoder(f"{package}:resnet18:{path}")
    with pytest.raises(InputError, match="knows no network"):
        load_image_encoder(f"{package}:no_such_network:{path}")
