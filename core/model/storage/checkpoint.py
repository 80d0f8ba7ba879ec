"""Loading and saving weights: our own files, the published ones, and none at all.

Nothing but tensors is ever read from a file: a pickle that holds more is refused.

The published weights were trained on patches that follow on each other, 64 samples apart. Some
programs built on them encode patches 32 apart by default; the weights are the same. An `Encoder`
always takes patches one after the other, and overlap is a matter of the hop of a
`StreamingEncoder`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import InputError, reason
from core.machine.files import write_whole
from core.model.encoder import Encoder, EncoderSpec, eegpt_spec
from core.model.pretraining import Pretraining
from core.model.storage.blank import without_weights
from core.model.storage.hub import EEGPT, STARTER, fetch
from core.model.variants import VARIANTS, variant_named, variant_sized
from core.montage import CODEX
from core.suggestions import did_you_mean
from core.tensor_file import DamagedError, holds_what_it_lists, read_tensors

FORMAT_VERSION = 1

_HEADER = "eegpt_realtime.encoder"  # key of our JSON among a file's metadata
_STARTER_FILE = Path(__file__).parents[1] / "weights" / "starter.safetensors"
_LONGEST_NAME = 128  # characters
_NUMBERS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_PARTS = ("encoder", "target_encoder", "predictor", "reconstructor")
_UNTRAINED = re.compile(r"untrained(?:-(?P<variant>[a-z]+\d*))?(?:-(?P<seed>\d{1,9}))?")


def new_pretraining(variant: str = "tiny3", seed: int = 0) -> Pretraining:
    """Return the four parts with seeded random weights, both encoders alike.

    Raises
    ------
    InputError
        If there is no such variant.
    """
    return Pretraining(_untrained_spec(variant, seed), seed=seed)


def load_pretraining(source: Path | str) -> Pretraining:
    """Load all four parts from a checkpoint in the published layout.

    Parameters
    ----------
    source : path
        The official ``.ckpt``, or the same tensors in another file.

    Returns
    -------
    Pretraining

    Raises
    ------
    InputError
        If the file is missing, damaged, holds more than tensors, or is not complete.
    """
    path = Path(source)
    tensors, _ = _read(path)
    if lacking := [p for p in _PARTS if not any(k.startswith(f"{p}.") for k in tensors)]:
        raise InputError(f"{path} is no pretraining checkpoint: it holds no {', '.join(lacking)}.")
    encoder, extra = _part(tensors, "target_encoder", path)
    spec = _foreign_spec(encoder, path, {})
    with without_weights():
        parts = Pretraining(spec)
    _fill(parts, {k: v for k, v in tensors.items() if k not in extra}, path, extra)
    return parts


def load_encoder(
    source: Path | str = STARTER,
    weights: str = "target_encoder",
    *,
    home: Path | None = None,
) -> Encoder:
    """Load an encoder for use: in eval mode, without gradients.

    Parameters
    ----------
    source : str or path
        ``starter``: the small one that comes with the program; `core/model/weights/starter.md` is
        its card. ``untrained`` or ``untrained-VARIANT`` or ``untrained-VARIANT-SEED``: seeded
        random weights, by default of tiny3 and seed 0. ``eegpt``: the published large encoder,
        downloaded once.
        Otherwise a file: the official ``.ckpt``, a dictionary of an encoder's tensors, the
        braindecode file, or one written by `save_encoder`.
    weights : {"target_encoder", "encoder"}
        Which of a pretraining checkpoint's two encoders; the published results use the former.
    home : Path, optional
        Folder that keeps downloads, instead of `core.machine.home.home_folder`.

    Returns
    -------
    Encoder

    Raises
    ------
    InputError
        If the name is unknown or cannot be downloaded, or if the file is missing, damaged, holds
        more than tensors, or is not exactly an encoder.
    """
    if weights not in ("target_encoder", "encoder"):
        raise InputError(
            f'A checkpoint has no weights "{weights}"; choose target_encoder or encoder.'
        )
    if found := _UNTRAINED.fullmatch(str(source)):
        seed = int(found["seed"] or 0)
        encoder = Encoder(_untrained_spec(found["variant"] or "tiny3", seed), seed=seed)
    elif str(source) == STARTER:
        encoder = _from_file(_STARTER_FILE, weights, {})
    elif str(source) == EEGPT.name:
        encoder = _from_file(fetch(EEGPT, home), weights, EEGPT.provenance)
    else:
        encoder = _from_file(Path(source), weights, {})
    return encoder.eval().requires_grad_(False)


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
    # Through bytes: safetensors' own writer leaves a file that only its owner can read.
    content = save(tensors, metadata={_HEADER: json.dumps(header)})
    return write_whole(Path(path), content, overwrite=overwrite)


def _untrained_spec(variant: str, seed: int) -> EncoderSpec:
    return eegpt_spec(
        variant,
        name=f"untrained-{variant}-{seed}",
        trained=False,
        provenance={"source": "random weights", "seed": str(seed)},
    )


def _from_file(path: Path, weights: str, provenance: dict[str, str]) -> Encoder:
    tensors, header = _read(path)
    extra: list[str] = []
    if header is not None:
        spec = _own_spec(header, path)
    else:
        named = any(name.startswith(f"{weights}.") for name in tensors)
        tensors, extra = _part(tensors, weights, path)
        spec = _foreign_spec(tensors, path, ({"weights": weights} if named else {}) | provenance)
    with without_weights():
        encoder = Encoder(spec)
    _fill(encoder, tensors, path, extra)
    if header is not None and header.get("weights_sha256") != encoder.weights_sha256():
        raise InputError(f"{path} is damaged: its weights are not those it was written with.")
    return encoder


def _part(
    tensors: dict[str, Tensor], wanted: str, path: Path
) -> tuple[dict[str, Tensor], list[str]]:
    """Return one encoder's tensors by their own names, and the names that belong to nothing."""
    tensors = {name: tensor for name, tensor in tensors.items() if name != "chans_id"}
    if not any(name.startswith(("encoder.", "target_encoder.")) for name in tensors):
        return tensors, []
    found = {
        name.removeprefix(f"{wanted}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{wanted}.")
    }
    if not found:
        other = "encoder" if wanted == "target_encoder" else "target_encoder"
        raise InputError(f"{path} holds no {wanted}, only {other}; ask for the weights {other}.")
    return found, [name for name in tensors if name.split(".")[0] not in _PARTS]


def _foreign_spec(tensors: dict[str, Tensor], path: Path, known: dict[str, str]) -> EncoderSpec:
    """Tell an encoder's variant from its tensors."""
    token = tensors.get("summary_token")
    blocks = {int(f[1]) for name in tensors if (f := re.match(r"blocks\.(\d{1,4})\.", name))}
    if token is None or token.ndim != 3 or not blocks:
        some = reason(", ".join(sorted(tensors)[:3]) or "nothing", 100)
        raise InputError(
            f"{path} is no EEGPT encoder: summary_token or blocks are missing (found {some} ...)."
        )
    _, tokens, width = token.shape
    depth = max(blocks) + 1
    variant = variant_sized(width, tokens, depth)
    if variant is None:
        raise InputError(
            f"{path} has width {width}, {tokens} summary tokens and {depth} blocks, which is none "
            f"of EEGPT's variants ({', '.join(VARIANTS)})."
        )
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    provenance = {"source": path.name, "file_sha256": sha256} | known
    name = f"eegpt-{variant.name}"
    return eegpt_spec(variant.name, name=name, trained=True, provenance=provenance)


def _own_spec(header: Mapping, path: Path) -> EncoderSpec:
    """Read the spec that `save_encoder` wrote."""
    version = header.get("format_version")
    if version != FORMAT_VERSION:
        raise InputError(
            f"{path} is an encoder file of format {reason(version, 40)} and this program reads "
            f"format {FORMAT_VERSION}; use the version of the program that wrote it."
        )
    try:
        spec = EncoderSpec(
            name=str(header["name"]),
            variant=reason(header["variant"], 40),
            rate=float(header["rate"]),
            unit=str(header["unit"]),
            patch=int(header["patch"]),
            window=int(header["window"]),
            channels=tuple(map(str, header["channels"])),
            summary=(int(header["summary"][0]), int(header["summary"][1])),
            trained=bool(header["trained"]),
            context=header["context"],
            provenance={str(k): str(v) for k, v in header["provenance"].items()},
            covariance=_covariance(header.get("covariance"), len(header["channels"])),
        )
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise InputError(f"{path} has a damaged header: {reason(error)}") from error
    size = variant_named(spec.variant)
    sound = (
        spec.context == "patch"
        and spec.summary == (size.summary_tokens, size.width)
        and 0 < spec.rate < 1e6
        and 0 < spec.patch <= spec.window < 10**6
        and spec.window % spec.patch == 0
        and set(spec.channels) <= set(CODEX)
        and len(set(spec.channels)) == len(spec.channels)
        and spec.name.isprintable()
        and len(spec.name) <= _LONGEST_NAME
    )
    if not sound:
        raise InputError(f"{path} has a damaged header: its facts do not fit together.")
    return spec


def _covariance(rows: list | None, channels: int) -> tuple[tuple[float, ...], ...] | None:
    """Check the covariance of a header, if it has one."""
    if rows is None:
        return None
    found = np.array(rows, dtype=np.float64)
    if found.shape != (channels, channels) or not np.allclose(found, found.T):
        raise ValueError(f"the covariance is not that of {channels} channels")
    if np.linalg.eigvalsh(found)[0] <= 0:
        raise ValueError("the covariance is not positive definite")
    return tuple(map(tuple, found.tolist()))


def _fill(module: nn.Module, tensors: dict[str, Tensor], path: Path, extra: list[str]) -> None:
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
        f"{len(names)} {what} ({reason(', '.join(names[:3]))}{' ...' if len(names) > 3 else ''})"
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


def _read(path: Path) -> tuple[dict[str, Tensor], Mapping | None]:
    """Return a file's tensors by name, and our own header if it has one."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; an encoder is one file.")
    if not path.is_file():
        raise InputError(
            f'There is no file {path}, and no encoder of that name; names are "{STARTER}", '
            f'"{EEGPT.name}", "untrained" and "untrained-VARIANT".'
            + did_you_mean(str(path), (STARTER, EEGPT.name, "untrained"))
        )
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}.") from error
    # The kind is told by the content, not by the name: length of a header, then the header.
    if start[8:] == b"{" or path.suffix == ".safetensors":
        return _read_safetensors(path)
    return _read_torch(path, start), None


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], Mapping | None]:
    try:
        metadata, tensors = read_tensors(path, "pt")
        header = json.loads(metadata[_HEADER]) if _HEADER in metadata else {}
    except (DamagedError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: {reason(error)}.") from error
    if not isinstance(header, dict):
        raise InputError(f"{path} has a damaged header: it is no table of facts.")
    return tensors, header if _HEADER in metadata else None


def _read_torch(path: Path, start: bytes) -> dict[str, Tensor]:
    zipped = start.startswith(b"PK")  # what torch goes by, too
    if zipped and not holds_what_it_lists(path):
        raise InputError(f"{path} cannot be read: it is damaged, or compressed.")
    try:
        # Mapped, so that no tensor can reach beyond the file; torch would read what lies there.
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipped)
    except Exception as error:  # a damaged file can raise anything
        raise InputError(f"{path} cannot be read: {_why_refused(path)}.") from error
    if isinstance(content, dict) and isinstance(content.get("state_dict"), dict):
        content = content["state_dict"]
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path} holds no tensors by name, so it is no checkpoint of an encoder.")
    odd = [name for name, value in content.items() if not _is_weight(name, value)]
    if odd:
        named = reason(repr(odd[0]), 60)
        raise InputError(f"{path} is no checkpoint of an encoder: {named} is no plain tensor.")
    return content


def _why_refused(path: Path) -> str:
    """Say whether a file is no checkpoint, or one that is not loaded on purpose."""
    try:  # lists names without running anything
        objects = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:
        return "it is damaged, or a pickle of Python objects, which could run code"
    if not objects:
        return "it is damaged"
    return (
        f"it holds Python objects beside its tensors ({reason(', '.join(objects[:3]))}), and those "
        "could run code; take a file of tensors only, such as .safetensors"
    )


def _is_weight(name: object, value: object) -> bool:
    if not isinstance(name, str) or not isinstance(value, Tensor) or value.is_quantized:
        return False
    return value.layout == torch.strided and value.device.type == "cpu"
