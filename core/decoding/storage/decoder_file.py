"""The decoder file: tensors and one JSON header in a safetensors file."""

from __future__ import annotations

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.decoding.decoder import Decoder, DecoderCard, EncoderPin
from core.decoding.features import TangentFeatures
from core.decoding.heads import LinearHead
from core.decoding.recentring import check_seconds
from core.errors import InputError, printable
from core.machine.home import subject_label
from core.signal.filtering import Band
from core.signal.pipeline import SignalSettings
from core.tensor_file import TensorFormat, number, text, texts, whole
from core.units import volts_per

FORMAT = "eegpt-decoder"
SUFFIX = ".safetensors"
_LOG = logging.getLogger("eegpt.decoder")
_FILE = TensorFormat(
    name=FORMAT,
    version=1,
    noun="decoder",
    largest=256 * 2**20,  # one of 62 channels has well under one megabyte
    again="Fit it again",
)
_WIDEST = 1024  # channels; no cap has as many
_LONGEST = 2**20  # samples of a window: more than an hour at the model's rate
_RATES = (1.0, 1e6)  # Hz
_LARGEST = 1e12  # of any value, in any unit; beyond it, products of finite values are not finite
_STEEPEST = 16  # order of a filter, beyond which its sections are noise


def save_decoder(decoder: Decoder, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write a decoder, whole or not at all.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, cannot be written, or could not be read
        again.
    """
    settings = decoder.settings
    table: dict[str, Any] = {
        "classes": decoder.classes,
        "channels": settings.channels,
        "reference": settings.reference,
        "band": asdict(settings.band),
        "rate": settings.rate,
        "unit": decoder.unit,
        "window": decoder.window,
        "hop": decoder.hop,
        "patch": decoder.patch,
        "warmup": decoder.warmup,
        "skip": decoder.skip,
        "token_channels": decoder.token_channels,
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
        if tangent.spatial is not None:
            tensors[f"tangents.{index}.spatial"] = tangent.spatial
    if decoder.spatial is not None:
        tensors["spatial"] = decoder.spatial
    written = _FILE.save(Path(path), table, tensors, overwrite, check=_build)
    _LOG.info("written: %s", printable(written))
    return written


def load_decoder(path: Path | str) -> Decoder:
    """Read a decoder file. Nothing in it is ever executed.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind or version, or contradicts itself.
    """
    decoder = _FILE.load(path, _build, "a decoder")
    _LOG.info("read: %s", printable(path))
    return decoder


def read_header(path: Path) -> dict[str, Any]:
    """Return a decoder file's header without its tensors.

    Raises
    ------
    InputError
        As `load_decoder`.
    """
    return _FILE.read(path, tensors=False)[0]


def _build(table: dict[str, Any], tensors: dict[str, np.ndarray]) -> Decoder:
    settings = SignalSettings(
        channels=texts(table["channels"]),
        reference=text(table["reference"]),
        rate=number(table["rate"], *_RATES),
        band=_band(table["band"]),
    )
    facts = _facts(table["facts"])
    n, classes = len(settings.channels), texts(table["classes"])
    if n > _WIDEST:
        raise InputError(f"it wants {n} channels.")
    window = whole(table["window"], 1, _LONGEST)
    patch = whole(table["patch"], 1, window)
    hop = whole(table["hop"], 1, patch)
    if window % patch or patch % hop:
        raise InputError(f"its window, patch and hop ({window}, {patch}, {hop}) do not fit.")
    skip = whole(table.get("skip", 0), 0, window - 1)
    views = table["tangents"]
    tangents = tuple(
        _tangent(tensors, index, view, settings, window - skip) for index, view in enumerate(views)
    )
    token_channels = texts(table.get("token_channels", table["channels"]))
    if not set(token_channels) <= set(settings.channels):
        raise InputError("its encoder gets channels that it does not have.")
    spatial, encoder = None, None
    if table["encoder"] is not None:
        pin = table["encoder"]
        encoder = EncoderPin(text(pin["source"]), text(pin["label"]), text(pin["sha256"]))
        spatial = _shaped(tensors, "spatial", (len(token_channels), n))
    size = sum(tangent.size for tangent in tangents)
    features = len(tensors["head.centre"])
    if features < size or (encoder is None and features != size) or not features:
        raise InputError("its head does not fit its features.")
    sections = settings.band.sections(facts.recorded_rate)
    saved = _shaped(tensors, "filter", sections.shape)
    if not np.allclose(saved, sections, rtol=1e-9, atol=1e-12):
        raise InputError("its filter coefficients are not those of its band.")
    return Decoder(
        classes=classes,
        settings=settings,
        unit=_unit(text(table["unit"])),
        window=window,
        hop=hop,
        patch=patch,
        head=_head(table, tensors, features, len(classes)),
        tangents=tangents,
        spatial=spatial,
        encoder=encoder,
        facts=facts,
        warmup=whole(table.get("warmup", 0), 0, _LONGEST),
        skip=skip,
        token_channels=token_channels,
    )


def _unit(unit: str) -> str:
    if volts_per(unit) is None:
        raise InputError(f'The decoder was made for the unit "{unit}", which is not a voltage.')
    return unit


def _facts(found: dict[str, Any]) -> DecoderCard:
    facts = DecoderCard(**found)
    for words in (facts.created, facts.software, facts.head, *facts.scores):
        text(words)
    for label in (facts.subject, *([facts.session] if facts.session else [])):
        subject_label(text(label))
    for name, digest in facts.recordings.items():
        if not isinstance(name, str) or not isinstance(digest, str):
            raise ValueError("its recordings have no names")
    for share in (facts.chance, *facts.scores.values()):
        number(share, 0.0, 1.0)
    number(facts.recorded_rate, *_RATES)
    whole(facts.trials, 0, 10**9)
    if facts.head not in facts.scores or not isinstance(facts.fit, dict):
        raise ValueError("its head has no score")
    if (seconds := facts.fit.get("recentre")) is not None:
        check_seconds(number(seconds, 0.0, 1e9))
    return facts


def _band(found: dict[str, Any]) -> Band:
    band = Band(**found)
    for edge in (band.low, band.high, *([] if band.notch is None else [band.notch])):
        number(edge, 0.0, _RATES[1])
    for order in (band.low_order, band.high_order):
        whole(order, 1, _STEEPEST)
    return band


def _head(
    table: dict[str, Any], tensors: dict[str, np.ndarray], features: int, classes: int
) -> LinearHead:
    head = LinearHead(
        centre=_shaped(tensors, "head.centre", (features,)),
        scale=_shaped(tensors, "head.scale", (features,)),
        weights=_shaped(tensors, "head.weights", (features, classes)),
        bias=_shaped(tensors, "head.bias", (classes,)),
        temperature=number(table["temperature"], 1e-6, 1e6),
    )
    if not (head.scale > 1 / _LARGEST).all():
        raise InputError("its head divides by a scale that is not above zero.")
    return head


def _tangent(
    tensors: dict[str, np.ndarray],
    index: int,
    view: dict[str, Any],
    settings: SignalSettings,
    length: int,
) -> TangentFeatures:
    picks = tensors[f"tangents.{index}.picks"]
    if (
        picks.ndim != 1
        or not np.issubdtype(picks.dtype, np.integer)
        or not len(picks)
        or not 0 <= picks.min() <= picks.max() < len(settings.channels)
    ):
        raise InputError("its covariance features name channels that it does not have.")
    low, high = view["band"]
    if not number(low, 0.0, 1e6) < number(high, 0.0, 0.499 * settings.rate) or low <= 0:
        raise InputError("its covariance features have a band that its rate cannot carry.")
    return TangentFeatures(
        band=(float(low), float(high)),
        rate=settings.rate,
        length=length,
        picks=picks,
        whitener=_shaped(tensors, f"tangents.{index}.whitener", (len(picks), len(picks))),
        spatial=_shaped(tensors, spatial, (len(picks), len(settings.channels)))
        if (spatial := f"tangents.{index}.spatial") in tensors
        else None,
    )


def _shaped(tensors: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray:
    found = tensors[name]
    if (
        found.shape != shape
        or not np.issubdtype(found.dtype, np.floating)
        or not (np.abs(found) < _LARGEST).all()  # nor NaN
    ):
        raise InputError(f"its tensor {name} has not the {shape} finite values it should have.")
    return found
