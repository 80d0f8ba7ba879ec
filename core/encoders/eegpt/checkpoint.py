"""EEGPT's published checkpoints, and encoders of random weights.

The published weights were trained on patches that follow on each other, 64 samples apart. Some
programs built on them encode patches 32 apart by default; the weights are the same. An `EEGPT`
always takes patches one after the other, and overlap is a matter of the hop of a `PatchStream`.
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from core.encoders.eegpt.electrodes import CODEX
from core.encoders.eegpt.model import EEGPT, eegpt_spec
from core.encoders.eegpt.pretraining import Pretraining
from core.encoders.eegpt.sizes import SIZES, size_named, size_of
from core.encoders.files import fill, meta_init, read_weights
from core.encoders.spec import EncoderSpec
from core.errors import InputError, one_line
from core.machine.files import sha256_of

_PARTS = ("encoder", "target_encoder", "predictor", "reconstructor")


def new_pretraining(size: str = "tiny3", seed: int = 0) -> Pretraining:
    """Return the four parts with seeded random weights, both encoders alike.

    Raises
    ------
    InputError
        If there is no such size.
    """
    return Pretraining(untrained_spec(size, seed), seed=seed)


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
    tensors, _ = read_weights(path)
    if lacking := [p for p in _PARTS if not any(k.startswith(f"{p}.") for k in tensors)]:
        raise InputError(f"{path} is no pretraining checkpoint: it holds no {', '.join(lacking)}.")
    encoder, extra = _part(tensors, "target_encoder", path)
    spec = _foreign_spec(encoder, path, {})
    with meta_init():
        parts = Pretraining(spec)
    fill(parts, {k: v for k, v in tensors.items() if k not in extra}, path, extra)
    return parts


def untrained_spec(size: str, seed: int) -> EncoderSpec:
    """Return the spec of an encoder with seeded random weights.

    Raises
    ------
    InputError
        If there is no such size.
    """
    return eegpt_spec(
        size,
        name=f"untrained-{size}-{seed}",
        trained=False,
        provenance={"source": "random weights", "seed": str(seed)},
    )


def build(spec: EncoderSpec, seed: int = 0) -> EEGPT:
    """Return an encoder with seeded random weights.

    Raises
    ------
    InputError
        If the spec is not one of EEGPT.
    """
    size = size_named(spec.size)
    if (
        spec.context != "patch"
        or spec.stride != spec.patch
        or spec.tokens != (size.summary_tokens, size.width)
        or not set(spec.ch_names) <= set(CODEX)
    ):
        raise InputError(f"The facts of an EEGPT {spec.size} do not fit together.")
    return EEGPT(spec, seed=seed)


def recognise(
    tensors: dict[str, Tensor], path: Path, weights: str | None, provenance: dict[str, str]
) -> tuple[EncoderSpec, dict[str, Tensor], list[str]] | None:
    """Tell whether tensors are an EEGPT in the published layout, and which.

    Parameters
    ----------
    tensors : dict of str to Tensor
    path : Path
        Where they come from.
    weights : {"target_encoder", "encoder"}, optional
        Which of a pretraining checkpoint's two encoders is wanted; the published results use the
        former.
    provenance : dict of str to str
        What is known of the file already.

    Returns
    -------
    spec : EncoderSpec
    tensors : dict of str to Tensor
        The encoder's, by its own names.
    extra : list of str
        Names that belong to nothing.
    None
        If they are not EEGPT's.

    Raises
    ------
    InputError
        If they are, and do not hold the wanted encoder or are of no known size.
    """
    if not any(re.search(r"(^|\.)summary_token$", name) for name in tensors):
        return None
    weights = weights or "target_encoder"
    if weights not in ("target_encoder", "encoder"):
        raise InputError(
            f'A checkpoint has no weights "{weights}"; choose target_encoder or encoder.'
        )
    named = any(name.startswith(f"{weights}.") for name in tensors)
    part, extra = _part(tensors, weights, path)
    known = ({"weights": weights} if named else {}) | provenance
    return _foreign_spec(part, path, known), part, extra


def _part(
    tensors: dict[str, Tensor], wanted: str, path: Path
) -> tuple[dict[str, Tensor], list[str]]:
    """Return one encoder's tensors by their own names, and the names that belong to nothing."""
    tensors = {name: tensor for name, tensor in tensors.items() if name != "chans_id"}
    if not any(name.startswith(("encoder.", "target_encoder.")) for name in tensors):
        return tensors, []
    part = {
        name.removeprefix(f"{wanted}."): tensor
        for name, tensor in tensors.items()
        if name.startswith(f"{wanted}.")
    }
    if not part:
        other = "encoder" if wanted == "target_encoder" else "target_encoder"
        raise InputError(f"{path} holds no {wanted}, only {other}; ask for the weights {other}.")
    return part, [name for name in tensors if name.split(".")[0] not in _PARTS]


def _foreign_spec(tensors: dict[str, Tensor], path: Path, known: dict[str, str]) -> EncoderSpec:
    """Tell an encoder's size from its tensors."""
    token = tensors.get("summary_token")
    blocks = {int(f[1]) for name in tensors if (f := re.match(r"blocks\.(\d{1,4})\.", name))}
    if token is None or token.ndim != 3 or not blocks:
        some = one_line(", ".join(sorted(tensors)[:3]) or "nothing", 100)
        raise InputError(
            f"{path} is no EEGPT encoder: summary_token or blocks are missing (found {some} ...)."
        )
    _, tokens, width = token.shape
    depth = max(blocks) + 1
    size = size_of(width, tokens, depth)
    if size is None:
        raise InputError(
            f"{path} has width {width}, {tokens} summary tokens and {depth} blocks, which is not "
            f"one of EEGPT's sizes ({', '.join(SIZES)})."
        )
    provenance = {"source": path.name, "file_sha256": sha256_of(path)} | known
    name = f"eegpt-{size.name}"
    return eegpt_spec(size.name, name=name, trained=True, provenance=provenance)
