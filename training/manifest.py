"""What a window store says of itself: its form, its shards, and whose recordings are in them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np

from core.errors import InputError
from core.signal.filtering import Band
from core.strict_json import load_json

FORMAT = "eegpt-realtime window store"
VERSION = 1
MANIFEST = "manifest.json"
FORM = "form.json"
SHARDS = "shards"
SAMPLE = np.dtype("<f4")
"""How one value lies in a shard."""

AGAIN = "prepare the store again in a new folder."
"""What to do about a damaged store."""

T = TypeVar("T")


@dataclass(frozen=True)
class Form:
    """What all recordings of a store were brought to.

    Attributes
    ----------
    channels : tuple of str
        Electrodes, in the order of the rows of a window.
    rate : float
        In Hz.
    unit : str
        Of the samples.
    band : Band
        Pass band of the signal path.
    """

    channels: tuple[str, ...]
    rate: float
    unit: str
    band: Band = field(default_factory=Band)

    def __post_init__(self) -> None:
        """Refuse what cannot be stored."""
        if self.band.high >= 0.45 * self.rate:
            raise InputError(
                f"A band up to {self.band.high:g} Hz does not fit into {self.rate:g} Hz; "
                f"--high must be below {0.45 * self.rate:g} Hz."
            )


@dataclass(frozen=True)
class StoredRecording:
    """One contiguous stretch of a recording: a crop may start at any of its samples.

    Attributes
    ----------
    source : str
        Data set it came from.
    subject, session, run : str
        Labels within the source; session and run may be empty.
    rate : float
        Of the samples as stored, in Hz.
    recorded_rate : float
        Of the recording, in Hz.
    reference : str
        "average" over `channels`, or "recorded" where they are too few for it.
    channels : tuple of str
        Electrodes that the recording has, in the store's order.
    length : int
        Samples.
    events : tuple of (int, str)
        Sample at which something began, and what.
    origin, origin_sha256 : str
        Name and SHA-256 of the file, or the SHA-256 of the samples where there is no single file.
    shard : str
        File in the store that holds the samples, as (samples, channels).
    offset : int
        Where they begin in it, in bytes.
    marks : str
        What its recording is known again by, whatever its file: `core.recordings.copies`. Empty
        behind a recording's first stretch, and in stores of earlier versions.
    """

    source: str
    subject: str
    session: str
    run: str
    rate: float
    recorded_rate: float
    reference: str
    channels: tuple[str, ...]
    length: int
    events: tuple[tuple[int, str], ...]
    origin: str
    origin_sha256: str
    shard: str
    offset: int
    marks: str = ""

    @property
    def person(self) -> str:
        """Whose it is, such as ``physionet-mi/S001``: no two sources share a person."""
        return f"{self.source}/{self.subject}"


@dataclass(frozen=True)
class Shard:
    """A file of samples, and the recordings in it."""

    file: str
    bytes: int
    sha256: str
    recordings: tuple[StoredRecording, ...]


@dataclass(frozen=True)
class LeftOut:
    """A recording that was asked for and is not in the store, and why."""

    origin: str
    reason: str


@dataclass(frozen=True)
class Manifest:
    """What a finished store says of itself; the same recordings give the same manifest."""

    form: Form
    shards: tuple[Shard, ...]
    left_out: tuple[LeftOut, ...] = ()
    format: str = FORMAT
    version: int = VERSION

    def to_json(self) -> bytes:
        """Return the text of the manifest's file."""
        return (json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n").encode()


def read_manifest(folder: Path) -> tuple[Manifest, str]:
    """Return a store's manifest and its SHA-256.

    Raises
    ------
    InputError
        If it is not there, not whole, or of another version.
    """
    file = folder / MANIFEST
    if not file.is_file():
        raise InputError(
            f"The store {folder} is not finished; run the same training.prepare again to go on."
            if (folder / FORM).is_file()
            else f"There is no window store at {folder}; python -m training.prepare makes one."
        )
    content = file.read_bytes()
    return decode(file, content, Manifest), hashlib.sha256(content).hexdigest()


def decode(file: Path, content: bytes, kind: type[T]) -> T:
    """Return what one of the store's JSON files says.

    Raises
    ------
    InputError
        If it is damaged, or was written by another version.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        loaded = load_json(content)
    except ValueError as error:
        raise InputError(f"{file} is damaged: it is not JSON; {AGAIN}") from error
    if isinstance(loaded, dict) and loaded.get("version", VERSION) != VERSION:
        raise InputError(
            f"{file} has version {loaded['version']} of the store's format and this program reads "
            f"version {VERSION}; {AGAIN}"
        )
    try:
        return TypeAdapter(kind).validate_python(loaded)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{file} is damaged ({place}: {first['msg']}); {AGAIN}") from error
