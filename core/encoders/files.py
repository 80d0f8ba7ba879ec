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

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from core.encoders.base import ClassReadout, Encoder, EncoderSpec
from core.errors import InputError, one_line
from core.machine.files import open_regular, unicode_name, write_whole
from core.strict_json import load_json
from core.tensor_file import DamagedError, holds_what_it_lists, read_tensors
from core.units import volts_per

FORMAT_VERSION = 2

HEADER = "eegpt_realtime.encoder"
"""Key of our JSON among a file's metadata."""

_LONGEST_NAME = 128  # characters
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
    if len(encoder.spec.name) > _LONGEST_NAME or not encoder.spec.name.isprintable():
        raise InputError(
            f"An encoder cannot be called {one_line(encoder.spec.name, 60)}: up to {_LONGEST_NAME} "
            "characters can be read again, none of them a control character."
        )
    content = save(tensors, metadata={HEADER: json.dumps(header)})
    # Weights hold nothing about a person, and are made to be passed on.
    return write_whole(Path(path), content, overwrite=overwrite, shared=True)


def spec_of_header(header: Mapping[str, Any], path: Path) -> EncoderSpec:
    """Read the spec that `save_encoder` wrote."""
    version = header.get("format_version")
    if version == 1:
        header = _header_of_format_1(header)
    elif version != FORMAT_VERSION:
        raise InputError(
            f"{path} is an encoder file of format {one_line(version, 40)} and this program reads "
            f"format {FORMAT_VERSION}; use the version of the program that wrote it."
        )
    try:
        tokens, width = header["tokens"]
        spec = EncoderSpec(
            family=one_line(header["family"], 40),
            size=one_line(header["size"], 40),
            name=str(header["name"]),
            rate=float(header["rate"]),
            unit=str(header["unit"]),
            patch=int(header["patch"]),
            stride=int(header["stride"]),
            window=int(header["window"]),
            ch_names=tuple(map(str, header["ch_names"])),
            tokens=(None if tokens is None else int(tokens), int(width)),
            trained=bool(header["trained"]),
            context=header["context"],
            warmup=int(header["warmup"]),
            provenance={str(k): str(v) for k, v in header["provenance"].items()},
            covariance=_covariance(header.get("covariance"), len(header["ch_names"])),
            required=tuple(map(str, header.get("required", ()))),
            regressors=tuple(map(str, header.get("regressors", ()))),
            readout=_readout(header.get("readout")),
        )
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path} has a damaged header: {one_line(error)}") from error
    valid = (
        spec.context in ("patch", "causal", "window")
        and 0 < spec.rate < 1e6
        and 0 < spec.stride <= spec.patch <= spec.window < 10**6
        and 0 <= spec.warmup < 10**7
        and (spec.window - spec.patch) % spec.stride == 0
        and len(set(spec.ch_names)) == len(spec.ch_names)
        and set(spec.required) <= set(spec.ch_names)
        and len(set(spec.regressors)) == len(spec.regressors)
        and volts_per(spec.unit) is not None
        and spec.name.isprintable()
        and len(spec.name) <= _LONGEST_NAME
    )
    if not valid:
        raise InputError(f"{path} has a damaged header: its facts do not fit together.")
    return spec


def _header_of_format_1(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file of format 1 says, in the words of today: all of them were EEGPT's."""
    new = {"variant": "size", "channels": "ch_names", "summary": "tokens"}
    renamed = {new.get(key, key): value for key, value in header.items()}
    return renamed | {"family": "eegpt", "stride": header.get("patch"), "warmup": 0}


def _readout(values: Mapping[str, Any] | None) -> ClassReadout | None:
    """Check the readout of a header, if it has one."""
    if values is None:
        return None
    classes = tuple(map(str, values["classes"]))
    weights, bias = (np.array(values[name], dtype=np.float64) for name in ("weights", "bias"))
    sizes = weights.ndim == 2 and weights.shape[1] == len(bias) == len(set(classes)) > 1
    if not (sizes and bias.ndim == 1 and np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise ValueError(f"the readout is not that of {len(classes)} classes")
    return ClassReadout(classes, tuple(map(tuple, weights.tolist())), tuple(bias.tolist()))


def _covariance(rows: list[Any] | None, channels: int) -> tuple[tuple[float, ...], ...] | None:
    """Check the covariance of a header, if it has one."""
    if rows is None:
        return None
    found = np.array(rows, dtype=np.float64)
    if found.shape != (channels, channels) or not np.allclose(found, found.T):
        raise ValueError(f"the covariance is not that of {channels} channels")
    if np.linalg.eigvalsh(found)[0] <= 0:
        raise ValueError("the covariance is not positive definite")
    return tuple(map(tuple, found.tolist()))


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
        f"{len(names)} {what} ({one_line(', '.join(names[:3]))}{' ...' if len(names) > 3 else ''})"
        for what, names in (
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
        return _read_safetensors(path)
    return _read_torch(path, start), None


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Mapping[str, Any] | None]:
    try:
        metadata, tensors = read_tensors(path, "pt")
        header = load_json(metadata[HEADER]) if HEADER in metadata else {}
    except (DamagedError, ValueError) as error:
        raise InputError(f"{path} is damaged: {one_line(error)}.") from error
    if not isinstance(header, dict):
        raise InputError(f"{path} has a damaged header: it is no table of facts.")
    return tensors, header if HEADER in metadata else None


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
