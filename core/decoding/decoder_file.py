"""The decoder file: tensors and one JSON header in a safetensors file."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.decoding.decoder import Decoder, EncoderPin, Facts, check_unit
from core.decoding.features import TangentFeatures
from core.decoding.heads import LinearHead
from core.errors import InputError
from core.files import write_whole
from core.signal.filtering import Band
from core.signal.pipeline import SignalSettings

FORMAT = "eegpt-decoder"
VERSION = 1
SUFFIX = ".safetensors"
_LARGEST = 256 * 2**20  # bytes; a decoder of 62 channels has well under one megabyte


def save_decoder(decoder: Decoder, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write a decoder, whole or not at all.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, or cannot be written.
    """
    from safetensors.numpy import save

    settings = decoder.settings
    header: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "classes": decoder.classes,
        "channels": settings.channels,
        "reference": settings.reference,
        "band": asdict(settings.band),
        "rate": settings.rate,
        "unit": decoder.unit,
        "window": decoder.window,
        "hop": decoder.hop,
        "patch": decoder.patch,
        "temperature": decoder.head.temperature,
        "tangents": [{"band": tangent.band} for tangent in decoder.tangents],
        "encoder": None if decoder.encoder is None else asdict(decoder.encoder),
        "facts": asdict(decoder.facts),
    }
    tensors = {
        "filter": settings.band.sections(decoder.facts.recorded_rate),
        "head.centre": decoder.head.centre,
        "head.scale": decoder.head.scale,
        "head.weights": decoder.head.weights,
        "head.bias": decoder.head.bias,
    }
    for index, tangent in enumerate(decoder.tangents):
        tensors[f"tangents.{index}.picks"] = tangent.picks
        tensors[f"tangents.{index}.whitener"] = tangent.whitener
    if decoder.spatial is not None:
        tensors["spatial"] = decoder.spatial
    content = save(
        {name: np.ascontiguousarray(value) for name, value in tensors.items()},
        metadata={FORMAT: json.dumps(header, ensure_ascii=False)},
    )
    return write_whole(Path(path), content, overwrite=overwrite)


def load_decoder(path: Path | str) -> Decoder:
    """Read a decoder file. Nothing in it is ever executed.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind or version, or contradicts itself.
    """
    path = Path(path)
    header, tensors = _read(path)
    if header.get("version") != VERSION:
        raise InputError(
            f"{path} is a decoder of format version {header.get('version')}; this program reads "
            f"version {VERSION}. Fit it again, or use the program that made it."
        )
    try:
        return _build(header, tensors)
    except InputError as error:
        raise InputError(f"{path} cannot be used: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{path} is damaged: its header does not describe a decoder ({error})."
        ) from error


def read_header(path: Path) -> dict[str, Any]:
    """Return a decoder file's header without its tensors.

    Raises
    ------
    InputError
        As `load_decoder`.
    """
    return _read(path, tensors=False)[0]


def _read(path: Path, tensors: bool = True) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise InputError(f"There is no decoder at {path}.")
    if path.stat().st_size > _LARGEST:
        raise InputError(f"{path} is too large to be a decoder.")
    try:
        with safe_open(path, framework="np") as file:
            text = (file.metadata() or {}).get(FORMAT)
            names = file.keys() if tensors else ()
            found = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a decoder, or is damaged ({error}).") from error
    if text is None:
        raise InputError(f"{path} is a safetensors file, but not a decoder.")
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is damaged: its header is not JSON ({error}).") from error
    if not isinstance(header, dict) or header.get("format") != FORMAT:
        raise InputError(f"{path} is damaged: its header does not describe a decoder.")
    return header, found


def _build(header: dict[str, Any], tensors: dict[str, np.ndarray]) -> Decoder:
    settings = SignalSettings(
        channels=tuple(header["channels"]),
        reference=header["reference"],
        rate=float(header["rate"]),
        band=Band(**header["band"]),
    )
    facts = Facts(**header["facts"])
    n, k = len(settings.channels), len(header["classes"])
    tangents = tuple(
        _tangent(tensors, index, view, settings, int(header["window"]))
        for index, view in enumerate(header["tangents"])
    )
    size = sum(tangent.size for tangent in tangents)
    spatial, encoder = None, None
    if header["encoder"] is not None:
        encoder = EncoderPin(**header["encoder"])
        spatial = _shaped(tensors, "spatial", (n, n))
    features = len(tensors["head.centre"])
    if features < size or (encoder is None and features != size) or not features:
        raise InputError("its head does not fit its features.")
    if not np.allclose(
        tensors["filter"], settings.band.sections(facts.recorded_rate), rtol=1e-9, atol=1e-12
    ):
        raise InputError("its filter coefficients are not those of its band.")
    return Decoder(
        classes=tuple(header["classes"]),
        settings=settings,
        unit=check_unit(header["unit"]),
        window=int(header["window"]),
        hop=int(header["hop"]),
        patch=int(header["patch"]),
        head=LinearHead(
            centre=_shaped(tensors, "head.centre", (features,)),
            scale=_shaped(tensors, "head.scale", (features,)),
            weights=_shaped(tensors, "head.weights", (features, k)),
            bias=_shaped(tensors, "head.bias", (k,)),
            temperature=float(header["temperature"]),
        ),
        tangents=tangents,
        spatial=spatial,
        encoder=encoder,
        facts=facts,
    )


def _tangent(
    tensors: dict[str, np.ndarray],
    index: int,
    view: dict[str, Any],
    settings: SignalSettings,
    window: int,
) -> TangentFeatures:
    picks = tensors[f"tangents.{index}.picks"]
    if (
        picks.ndim != 1
        or not len(picks)
        or not 0 <= picks.min() <= picks.max() < len(settings.channels)
    ):
        raise InputError("its covariance features name channels that it does not have.")
    low, high = view["band"]
    return TangentFeatures(
        band=(float(low), float(high)),
        rate=settings.rate,
        length=window,
        picks=picks,
        whitener=_shaped(tensors, f"tangents.{index}.whitener", (len(picks), len(picks))),
    )


def _shaped(tensors: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    found = tensors[name]
    if found.shape != shape or not np.isfinite(found).all():
        raise InputError(f"its tensor {name} has not the {shape} finite values it should have.")
    return found
