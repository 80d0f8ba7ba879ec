"""The decoder file: tensors and one JSON header in a safetensors file."""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.decoding.artifacts.limits import ArtifactLimits
from core.decoding.card import DecoderCard, EncoderPin
from core.decoding.decoder import Decoder
from core.decoding.readouts import FIRST, task_name
from core.decoding.recentring import check_seconds
from core.decoding.rest import check_facts
from core.decoding.storage.graph_parts import check_graphs, head_table, head_tensors, read_head
from core.decoding.storage.parts import shaped, tangent_table, tangent_tensors, tangents
from core.decoding.storage.readout_parts import (
    build_readout,
    features_of,
    readout_table,
    readout_tensors,
)
from core.errors import InputError, printable
from core.machine.files import as_path
from core.signal.filtering import band_of_table
from core.signal.pipeline import SignalSettings
from core.tensor_file import TensorFormat, number, text, texts, whole
from core.units import volts_per

FORMAT = "eegpt-decoder"
SUFFIX = ".safetensors"
_LOG = logging.getLogger("eegpt.decoder")
_SEVERAL = 2  # version of a file with several readouts
_FILE = TensorFormat(
    name=FORMAT,
    version=1,
    later=(_SEVERAL,),
    noun="decoder",
    largest=256 * 2**20,  # one of 62 channels has well under one megabyte
    again="Fit it again",
)
_WIDEST = 1024  # channels; no cap has as many
_LONGEST = 2**20  # samples of a window: more than an hour at the model's rate
_RATES = (1.0, 1e6)  # Hz


def save_decoder(decoder: Decoder, path: Path | str, *, overwrite: bool = False) -> Path:
    """Write a decoder, whole or not at all.

    Raises
    ------
    InputError
        If the file exists and may not be overwritten, cannot be written, or could not be read
        again.
    """
    table, tensors = _content(decoder)
    tensors["filter"] = decoder.settings.band.sections(decoder.facts.recorded_rate)
    # What older programs can read has the version that they know.
    version = _SEVERAL if decoder.others else _FILE.version
    written = _FILE.save(as_path(path), table, tensors, overwrite, check=_build, version=version)
    _LOG.info("written: %s", printable(written))
    return written


def decoder_digest(decoder: Decoder) -> str:
    """Return what logs call a decoder: the beginning of a SHA-256 of what its file holds."""
    table, tensors = _content(decoder)
    content = hashlib.sha256(json.dumps(table, sort_keys=True).encode())
    for name in sorted(tensors):
        content.update(np.ascontiguousarray(tensors[name]).tobytes())
    return content.hexdigest()[:16]


def _content(decoder: Decoder) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return table and tensors of a decoder, without what follows from them: its filter."""
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
        **head_table(decoder.head),
        "tangents": tangent_table(decoder.tangents),
        "encoder": None if decoder.encoder is None else asdict(decoder.encoder),
        "facts": asdict(decoder.facts),
    }
    tensors = {
        **head_tensors(decoder.head, "head"),
        **tangent_tensors(decoder.tangents, "tangents"),
    }
    if decoder.spatial is not None:
        tensors["spatial"] = decoder.spatial
    if decoder.task != FIRST:
        table["task"] = decoder.task
    if decoder.others:
        table |= {
            "uses_tokens": decoder.uses_tokens,
            "readouts": [readout_table(readout) for readout in decoder.others],
        }
        tensors |= readout_tensors(decoder.others)
    return table, tensors


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
        band=band_of_table(table["band"]),
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
    views = tangents(tensors, "tangents", table["tangents"], settings, window - skip)
    token_channels = texts(table.get("token_channels", table["channels"]))
    if not set(token_channels) <= set(settings.channels):
        raise InputError("its encoder gets channels that it does not have.")
    spatial, encoder = None, None
    if table["encoder"] is not None:
        pin = table["encoder"]
        encoder = EncoderPin(text(pin["source"]), text(pin["label"]), text(pin["sha256"]))
        spatial = shaped(tensors, "spatial", (len(token_channels), n))
    uses_tokens = table.get("uses_tokens", True) is True
    features = features_of(tensors, "head.centre", views, encoder is not None and uses_tokens)
    others = table.get("readouts", [])
    task = task_name(table.get("task", FIRST))
    readouts = tuple(
        build_readout(
            readout, tensors, f"readouts.{index}", settings, window - skip, encoder is not None
        )
        for index, readout in enumerate(others)
    )
    if len({task, *(readout.task for readout in readouts)}) != 1 + len(readouts):
        raise InputError("two of its tasks have the same name.")
    sections = settings.band.sections(facts.recorded_rate)
    saved = shaped(tensors, "filter", sections.shape)
    if not np.allclose(saved, sections, rtol=1e-9, atol=1e-12):
        raise InputError("its filter coefficients are not those of its band.")
    head = read_head(table, tensors, "head", features, len(classes))
    heads = (head, *(readout.head for readout in readouts))
    check_graphs(heads, () if encoder is None else token_channels)
    decoder = Decoder(
        classes=classes,
        settings=settings,
        unit=_unit(text(table["unit"])),
        window=window,
        hop=hop,
        patch=patch,
        head=head,
        tangents=views,
        spatial=spatial,
        encoder=encoder,
        facts=facts,
        warmup=whole(table.get("warmup", 0), 0, _LONGEST),
        skip=skip,
        token_channels=token_channels,
        uses_tokens=uses_tokens,
        task=task,
        others=readouts,
    )
    ArtifactLimits.of(decoder)  # raises where they are damaged
    return decoder


def _unit(unit: str) -> str:
    if volts_per(unit) is None:
        raise InputError(f'The decoder was made for the unit "{unit}", which is not a voltage.')
    return unit


def _facts(table: dict[str, Any]) -> DecoderCard:
    facts = DecoderCard(**table)
    for words in (facts.created, facts.software, facts.head, *facts.scores):
        text(words)
    for label in (facts.subject, *([facts.session] if facts.session else [])):
        # Of any length: files are kept whose labels are longer than what is taken today.
        if not (text(label).isascii() and label.isalnum()):
            raise ValueError("its subject or session is no label")
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
    if "in_blocks" in facts.fit:
        texts(facts.fit["in_blocks"])
    check_facts(facts.fit)
    return facts
