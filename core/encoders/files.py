"""Weights in files: our own format, and tensors of others, read without trust.

Nothing but tensors is ever read from a file: a pickle that holds more is refused.
"""

from __future__ import annotations

import json
import warnings
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from core.encoders.base import Encoder
from core.encoders.header import FORMAT_VERSION, HEADER, LONGEST_NAME, read_safetensors
from core.errors import InputError, one_line
from core.machine.files import as_path, open_regular, unicode_name, write_whole
from core.tensor_file import holds_what_it_lists

_WRAPPERS = ("state_dict", "model")  # where Lightning, and scripts after BEiT's, keep the tensors
_HARMLESS: list[Any] = [
    Namespace
]  # the options of such a script's run; a bag of values without code
_NUMBERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def save_encoder(encoder: Encoder, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write an encoder as safetensors with a JSON header; whole, or not at all.

    Raises
    ------
    InputError
        If the file exists and `overwrite` is False, or it cannot be written.
    """
    from safetensors.torch import save

    header = asdict(encoder.spec) | {
        "format_version": FORMAT_VERSION,
        "weights_sha256": encoder.weights_sha256(),
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in encoder.state_dict().items()}
    if len(encoder.spec.name) > LONGEST_NAME or not encoder.spec.name.isprintable():
        raise InputError(
            f"An encoder cannot be called {one_line(encoder.spec.name, 60)}: up to {LONGEST_NAME} "
            "characters can be read again, none of them a control character."
        )
    content = save(tensors, metadata={HEADER: json.dumps(header)})
    # Weights hold nothing about a person, and are made to be passed on.
    return write_whole(as_path(path), content, overwrite=overwrite, shared=True)


def fill(module: nn.Module, tensors: dict[str, Tensor], path: Path, extra: list[str]) -> None:
    """Give a module on the meta device its weights, if they are exactly the ones it has."""
    expected = module.state_dict()
    missing = [name for name in expected if name not in tensors]
    unexpected = [name for name in tensors if name not in expected] + extra
    common = [name for name in expected if name in tensors]
    misshapen = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in common
        if tensors[name].shape != expected[name].shape
    ]
    unusable = [
        name
        for name in common
        # The shape first: a tensor of a few bytes can claim to be a thousand gigabytes large.
        if tensors[name].shape == expected[name].shape
        and (tensors[name].dtype not in _NUMBERS or not tensors[name].isfinite().all())
    ]
    complaints = [
        f"{len(names)} {kind} ({one_line(', '.join(names[:3]))}{' ...' if len(names) > 3 else ''})"
        for kind, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", misshapen),
            ("not finite real numbers", unusable),
        )
        if names
    ]
    if complaints:
        raise InputError(f"{path} does not hold the expected tensors: {'; '.join(complaints)}.")
    # Copies, so that no weight stays tied to the file.
    weights = {name: tensors[name].to(torch.float32, copy=True) for name in expected}
    module.load_state_dict(weights, assign=True)


@contextmanager
def meta_init() -> Iterator[None]:
    """Build modules on the meta device: names and shapes, no memory, nothing drawn."""
    with torch.device("meta"), no_init():
        yield


@contextmanager
def no_init() -> Iterator[None]:
    """Build modules without drawing weights, which come from elsewhere."""
    with _NoInit():
        yield


class _NoInit(TorchFunctionMode):
    """Leaves weights as they are: on the meta device, drawing them imports torch's compiler."""

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Call anything but what sets weights."""
        if getattr(function, "__module__", None) == "torch.nn.init":
            return args[0] if args else kwargs["tensor"]
        return function(*args, **(kwargs or {}))


def read_weights(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any] | None]:
    """Return a file's tensors by name, and our own header if it has one."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; an encoder is one file.")
    if not path.is_file():
        raise InputError(f"There is no file {path}.")
    try:
        with open_regular(path) as file:
            start = file.read(9)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}.") from error
    # The kind is told by the content, not by the name: length of a header, then the header.
    if start[8:] == b"{" or path.suffix == ".safetensors":
        return read_safetensors(path, "pt")
    return _read_torch(path, start), None


def _read_torch(path: Path, start: bytes) -> dict[str, Tensor]:
    zipped = start.startswith(b"PK")  # what torch goes by, too
    if zipped and not holds_what_it_lists(path):
        raise InputError(f"{path} cannot be read: it is damaged, or compressed.")
    try:
        # Mapped, so that no tensor can reach beyond the file; torch would read what lies there.
        with (
            unicode_name(path) as name,
            torch.serialization.safe_globals(_HARMLESS),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")  # of other kinds of pickle, which are refused anyway
            content = torch.load(name, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{path} cannot be read: {_why_refused(path)}.") from error
    for wrapper in _WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path} holds no tensors by name, so it is no checkpoint of an encoder.")
    odd = [name for name, value in content.items() if not _is_weight(name, value)]
    if odd:
        named = one_line(repr(odd[0]), 60)
        raise InputError(f"{path} is no checkpoint of an encoder: {named} is no plain tensor.")
    return content


def _why_refused(path: Path) -> str:
    """Say whether a file is no checkpoint, or one that is not loaded on purpose."""
    try:  # lists names without running anything
        with torch.serialization.safe_globals(_HARMLESS):
            objects = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:
        return "it is damaged, or a pickle of Python objects, which could run code"
    if not objects:
        return "it is damaged"
    names = one_line(", ".join(objects[:3]))
    return (
        f"it holds Python objects beside its tensors ({names}), and those "
        "could run code; take a file of tensors only, such as .safetensors"
    )


def _is_weight(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, Tensor) or value.is_quantized:
        return False
    return value.layout == torch.strided and value.device.type == "cpu"
