"""The file of heads that were trained on many people: tensors and one JSON header."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from core.decoding.card import EncoderPin
from core.decoding.outputs import CLASSES
from core.decoding.storage.readout_parts import build_readout, readout_table, readout_tensors
from core.errors import InputError
from core.fitting.transfer.shared_heads import SharedHeads
from core.machine.files import as_path
from core.signal.filtering import band_of_table
from core.signal.pipeline import SignalSettings, default_reference
from core.tensor_file import TensorFormat, number, text, texts, whole

_FILE = TensorFormat(
    name="eegpt-heads",
    version=1,
    noun="file of heads",
    largest=256 * 2**20,
    again="Train them again",
)


def save_heads(heads: SharedHeads, path: Path | str) -> Path:
    """Write heads, whole or not at all.

    Raises
    ------
    InputError
        If the file exists, cannot be written, or could not be read again.
    """
    table = {
        "channels": heads.channels,
        "band": asdict(heads.band),
        "rate": heads.rate,
        "unit": heads.unit,
        "window": heads.window,
        "hop": heads.hop,
        "encoder": None if heads.encoder is None else asdict(heads.encoder),
        "readouts": [readout_table(readout) for readout in heads.readouts],
        "recordings": heads.recordings,
        "people": heads.people,
        "created": heads.created,
        "software": heads.software,
    }
    return _FILE.save(as_path(path), table, readout_tensors(heads.readouts), check=_build)


def load_heads(path: Path | str) -> SharedHeads:
    """Read a file of heads. Nothing in it is ever executed.

    Raises
    ------
    InputError
        If the file is missing, damaged, of another kind or version, or contradicts itself.
    """
    return _FILE.load(path, _build, "heads")


def _build(table: dict[str, Any], tensors: dict[str, np.ndarray]) -> SharedHeads:
    channels, band = texts(table["channels"], 2), band_of_table(table["band"])
    rate = number(table["rate"], 1.0, 1e6)
    window = whole(table["window"], 1, 2**20)
    hop = whole(table["hop"], 1, window)
    if window % hop:
        raise InputError(f"its window of {window} samples is no multiple of its hop of {hop}.")
    pin = table["encoder"]
    encoder = (
        None
        if pin is None
        else EncoderPin(text(pin["source"]), text(pin["label"]), text(pin["sha256"]))
    )
    settings = SignalSettings(channels, default_reference(len(channels)), rate, band)
    readouts = tuple(
        build_readout(row, tensors, f"readouts.{index}", settings, window, encoder is not None)
        for index, row in enumerate(table["readouts"])
    )
    if len({readout.task for readout in readouts}) != len(readouts):
        raise InputError("two of its tasks have the same name.")
    if not any(readout.kind == CLASSES for readout in readouts):
        raise InputError("none of its tasks has classes.")
    recordings = {str(name): str(digest) for name, digest in table["recordings"].items()}
    return SharedHeads(
        channels,
        band,
        rate,
        text(table["unit"]),
        window,
        hop,
        encoder,
        readouts,
        recordings,
        whole(table["people"], 1, 10**6),
        text(table["created"]),
        text(table["software"]),
    )
