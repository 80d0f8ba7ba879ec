"""Encoders of pictures: what turns one into a vector, from weights that are here already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.errors import InputError, one_line
from core.machine.files import sha256_of
from core.tensor_file import DamagedError, read_tensors

UNTRAINED = "untrained"
TIMM, TORCHVISION = "timm", "torchvision"
KNOWN = f"{TIMM}:NAME:FILE.safetensors, {TORCHVISION}:NAME:FILE.safetensors or {UNTRAINED}:SEED"
"""What can be named, in words."""

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and standard deviation
_CROPPED = 0.875  # of the shorter side, as torchvision's weights were tested


@dataclass(frozen=True)
class ImageEncoder:
    """An encoder of pictures.

    Attributes
    ----------
    label : str
        Its name and what tells its weights from others, for screens and files.
    embed : callable
        Takes a picture, uint8 of shape (height, width, 3), and returns an array of one dimension.
    """

    label: str
    embed: Callable[[np.ndarray], np.ndarray]

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Return the embedding of a picture, float64 of shape (dimensions,).

        Raises
        ------
        InputError
            If it is not finite.
        """
        vector = np.asarray(self.embed(pixels), dtype=np.float64)
        if vector.ndim != 1 or not np.isfinite(vector).all():
            raise InputError(
                f"The image encoder {self.label} gives an array of shape {vector.shape}, or values "
                "that are not finite, where one vector for a picture was expected."
            )
        return vector


@dataclass(frozen=True)
class ImageInput:
    """What is done to a picture before a network sees it.

    Attributes
    ----------
    size : int
        Pixels of its sides.
    cropped : float
        Share of the shorter side that is kept, in the middle.
    mean, std : tuple of float
        Of each colour, in values from 0 to 1.
    """

    size: int = 224
    cropped: float = _CROPPED
    mean: tuple[float, float, float] = _IMAGENET[0]
    std: tuple[float, float, float] = _IMAGENET[1]

    def __call__(self, pixels: np.ndarray) -> Tensor:
        """Return the input of a network, float32 of shape (1, 3, size, size)."""
        from PIL import Image

        height, width = pixels.shape[:2]
        side = max(1, round(min(height, width) * self.cropped))
        top, left = (height - side) // 2, (width - side) // 2
        square = Image.fromarray(pixels[top : top + side, left : left + side])
        small = square.resize((self.size, self.size), Image.Resampling.BICUBIC)
        values = torch.from_numpy(np.array(small)).permute(2, 0, 1).float() / 255.0
        mean, std = (torch.tensor(v).view(3, 1, 1) for v in (self.mean, self.std))
        return ((values - mean) / std)[None]


def load_image_encoder(source: str) -> ImageEncoder:
    """Load an encoder of pictures. Nothing is downloaded.

    Parameters
    ----------
    source : str
        "timm:NAME:FILE" or "torchvision:NAME:FILE", a network of that package and its weights in
        safetensors, or "untrained:SEED", a small network of seeded random weights.

    Raises
    ------
    InputError
        If it is none of these, its package is not installed, or the file does not hold its
        weights.
    """
    kind, _, rest = source.partition(":")
    if kind == UNTRAINED and rest.isdecimal() and len(rest) < 10:
        return _untrained(int(rest))
    name, colon, file = rest.partition(":")
    if kind not in (TIMM, TORCHVISION) or not (name and colon and file):
        raise InputError(f'There is no image encoder "{one_line(source, 80)}"; name {KNOWN}.')
    path = Path(file).expanduser()
    if not path.is_file():
        raise InputError(f"There is no file of weights at {path}.")
    if path.suffix != ".safetensors":
        raise InputError(
            f"{path} is no safetensors file; other weights, such as .pt and .pth, may be pickles, "
            "which could run code, and are not loaded. Save them with safetensors first."
        )
    try:
        tensors = read_tensors(path, "pt")[1]
    except DamagedError as error:
        raise InputError(f"{path} is no safetensors file, or is damaged ({error}).") from error
    try:
        network, prepare = (_timm if kind == TIMM else _torchvision)(name, tensors, path)
    except ImportError as error:
        raise InputError(
            f"The image encoder {kind}:{name} needs the package {kind}, which is not installed; "
            "install it with: pip install 'eegpt-realtime[pictures]'."
        ) from error
    except RuntimeError as error:  # a torchvision that was built for another torch
        raise InputError(
            f"The image encoder {kind}:{name} cannot be made: {one_line(error)}. If torchvision "
            "is of another build than torch, such as one for CUDA beside one for the CPU, install "
            "both from the same index."
        ) from error
    network.eval()

    def embed(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            vector: np.ndarray = network(prepare(pixels))[0].numpy()
        return vector

    return ImageEncoder(f"{kind} {name} {sha256_of(path)[:12]}", embed)


def _timm(name: str, tensors: dict[str, Tensor], path: Path) -> tuple[nn.Module, ImageInput]:
    import timm

    if not timm.is_model(name):
        raise InputError(f'timm knows no network "{one_line(name, 60)}".')
    known = timm.get_pretrained_cfg(name)
    classifier = known.classifier if known else None
    last = classifier[0] if isinstance(classifier, tuple | list) else classifier
    classes = len(tensors[f"{last}.weight"]) if f"{last}.weight" in tensors else 0
    network = timm.create_model(name, pretrained=False, num_classes=classes)
    _fill(network, tensors, name, path)
    network.reset_classifier(0)
    facts = timm.data.resolve_model_data_config(network)
    size, cropped = facts["input_size"][-1], min(1.0, facts["crop_pct"])
    return network, ImageInput(size, cropped, tuple(facts["mean"]), tuple(facts["std"]))


def _torchvision(name: str, tensors: dict[str, Tensor], path: Path) -> tuple[nn.Module, ImageInput]:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise InputError(f'torchvision knows no network of classes "{one_line(name, 60)}".')
    network = models.get_model(name, weights=None)
    linear = [part for part, module in network.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise InputError(
            f"The network {name} has no linear layer of classes, before which its vector would be "
            "taken; choose another one."
        )
    last = linear[-1]
    weight = tensors.get(f"{last}.weight")
    if weight is not None and weight.ndim == 2:
        network = models.get_model(name, weights=None, num_classes=len(weight))
    _fill(network, tensors, name, path)
    network.set_submodule(last, nn.Identity())
    return network, ImageInput()


def _fill(network: nn.Module, tensors: dict[str, Tensor], name: str, path: Path) -> None:
    """Give a network its weights, if the file has exactly those."""
    expected: dict[str, Any] = network.state_dict()
    amiss = [
        tensor
        for tensor in sorted({*expected, *tensors})
        if tensor not in expected
        or tensor not in tensors
        or expected[tensor].shape != tensors[tensor].shape
        or not tensors[tensor].isfinite().all()
    ]
    if amiss:
        raise InputError(
            f"{path} does not hold the weights of {name}: {len(amiss)} tensors are missing, not "
            f"expected, of another shape or not finite, such as {one_line(amiss[0], 60)}."
        )
    network.load_state_dict(tensors)


def _untrained(seed: int) -> ImageEncoder:
    """Return two convolutions of random weights, and mean and deviation of what they give."""
    random = torch.Generator().manual_seed(seed)
    first = torch.randn(16, 3, 5, 5, generator=random) / 75**0.5
    second = torch.randn(32, 16, 5, 5, generator=random) / 400**0.5
    prepare = ImageInput(size=64, cropped=1.0)

    def embed(pixels: np.ndarray) -> np.ndarray:
        hidden = F.relu(F.conv2d(prepare(pixels), first, stride=2))
        given = F.relu(F.conv2d(hidden, second, stride=2))[0].flatten(1)
        return torch.cat([given.mean(dim=1), given.std(dim=1)]).numpy()

    return ImageEncoder(f"{UNTRAINED} {seed}", embed)
