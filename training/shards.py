"""Writing a window store: each shard whole or not at all, so that it can be gone on with."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO

import numpy as np

from core.errors import InputError
from core.machine.files import sha256_of, write_whole
from core.montage import match
from core.recordings import UNIT, Recording, implausible_amplitude
from core.recordings.copies import as_text, find_copy, fingerprint, from_text
from core.signal.finite import contiguous, finite_mask
from core.signal.pipeline import SignalPath, SignalSettings, default_reference
from core.units import factor
from training.manifest import (
    FORM,
    MANIFEST,
    SAMPLE,
    SHARDS,
    VERSION,
    Form,
    LeftOut,
    Manifest,
    Shard,
    StoredRecording,
    decode,
)
from training.store import Store

_AT_ONCE = 60  # s of signal on its way through the path
_STILL = 0.1  # s without any change: no amplifier is so quiet
_SHORTEST = 1.0  # s of signal that are worth a stretch


@dataclass(frozen=True)
class RecordingIdentity:
    """Whose recording it is, and which.

    Attributes
    ----------
    source : str
        Data set.
    subject, session, run : str
        Labels within it; session and run may be empty.
    """

    source: str
    subject: str
    session: str = ""
    run: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in asdict(self).values() if part)


class StoreWriter:
    """Fills a store, from any number of processes at once.

    A shard is written beside its place, moved there when it is whole, and only then described in
    a small file of its own. The manifest is written last. So what is there when a process dies
    is good, and what is missing is written by the next one.

    Parameters
    ----------
    folder : Path
        Where the store is, or will be.
    form : Form
        What recordings are brought to.

    Raises
    ------
    InputError
        If something else is in the folder, or a store of another form.
    """

    def __init__(self, folder: Path, form: Form) -> None:
        self.folder, self.form = folder, form

    def begin(self) -> None:
        """Make the folder, or check that what is there can be gone on with."""
        file = self.folder / FORM
        if file.is_file():
            self.check()
        elif self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
            raise InputError(f"{self.folder} exists and is no window store; name a new folder.")
        else:
            text = json.dumps({"version": VERSION, **asdict(self.form)}, indent=1) + "\n"
            write_whole(file, text.encode())
        (self.folder / SHARDS).mkdir(exist_ok=True)  # also after a crash between the two

    def check(self) -> None:
        """Refuse a folder whose shards have another form.

        Raises
        ------
        InputError
            If it was begun with other settings, or by another version.
        """
        file = self.folder / FORM
        if not file.is_file():
            return
        begun = decode(file, file.read_bytes(), Form)
        if begun != self.form:
            changed = [
                f"{name} {asdict(begun)[name]} instead of {value}"
                for name, value in asdict(self.form).items()
                if asdict(begun)[name] != value
            ]
            raise InputError(
                f"The store {self.folder} was begun with {'; '.join(changed)}. Use the same "
                "settings, or another folder."
            )

    @property
    def finished(self) -> bool:
        """Whether it has a manifest, and so is never written to again."""
        return (self.folder / MANIFEST).is_file()

    def written(self, key: str) -> Shard | None:
        """Return what is known of a shard that is whole, or None."""
        file = self._described(key)
        return decode(file, file.read_bytes(), Shard) if file.is_file() else None

    def write(self, key: str, recordings: Iterable[tuple[RecordingIdentity, Recording]]) -> Shard:
        """Bring recordings to the store's form and write them as one shard.

        Parameters
        ----------
        key : str
            Name of the shard, from `shard_key`.
        recordings : iterable of (Identity, Recording)
            Taken one after another.

        Raises
        ------
        InputError
            If a recording cannot be used, or the disk is full; nothing is left of the shard.
        """
        file = self.folder / SHARDS / f"{key}.f32"
        unfinished = file.with_name(f".{file.name}.{os.getpid()}.part")
        entries: list[StoredRecording] = []
        try:
            with unfinished.open("wb") as opened:
                for identity, recording in recordings:
                    entries += self._append(opened, file.name, identity, recording)
                size = opened.tell()
                opened.flush()
                os.fsync(opened.fileno())
            sha256 = sha256_of(unfinished)
            os.replace(unfinished, file)
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"The shard {file} cannot be written: {reason}.") from error
        finally:
            unfinished.unlink(missing_ok=True)
        shard = Shard(file.name, size, sha256, tuple(entries))
        text = json.dumps(asdict(shard), ensure_ascii=False)
        write_whole(self._described(key), text.encode(), overwrite=True)
        return shard

    def find_copy(self, keys: Sequence[str]) -> tuple[StoredRecording, StoredRecording] | None:
        """Return two recordings of these shards that have samples in common; None if no two do."""
        shards = [shard for key in keys if (shard := self.written(key)) is not None]
        marked = [r for shard in shards for r in shard.recordings if r.marks]
        copy = find_copy([from_text(recording.marks) for recording in marked])
        return None if copy is None else (marked[copy[0]], marked[copy[1]])

    def finish(self, keys: Sequence[str], left_out: Sequence[LeftOut] = ()) -> Store:
        """Write the manifest of these shards, in this order, and open the store.

        Raises
        ------
        InputError
            If there is a manifest already, or no shard.
        """
        shards = tuple(shard for key in keys if (shard := self.written(key)) is not None)
        if not any(shard.recordings for shard in shards):
            raise InputError(f"No recording was left for the store {self.folder}.")
        manifest = Manifest(self.form, shards, tuple(left_out))
        write_whole(self.folder / MANIFEST, manifest.to_json())
        for leftover in (self.folder / SHARDS).glob(".*.part"):  # of processes that were killed
            leftover.unlink(missing_ok=True)
        return Store.open(self.folder)

    def _described(self, key: str) -> Path:
        return self.folder / SHARDS / f"{key}.json"

    def _append(
        self, file: BinaryIO, shard: str, identity: RecordingIdentity, recording: Recording
    ) -> Iterator[StoredRecording]:
        """Write every contiguous stretch of a recording, and describe it."""
        name = recording.path.name
        if (implausible := implausible_amplitude(recording)) is not None:
            raise InputError(implausible)
        settings, indices = _path_settings(recording, self.form)
        scale = factor(UNIT, self.form.unit)
        try:
            path = SignalPath(settings, recording.rate, indices, [scale] * len(indices))
        except InputError as error:
            raise InputError(f"{recording.path}: {error}") from error
        total = 0
        marks = as_text(fingerprint(recording))
        for start, stop in _stretches(recording, indices):
            path.restart()
            offset, length = file.tell(), 0
            step = round(_AT_ONCE * recording.rate)
            for begin in range(start, stop, step):
                made = path.push(recording.samples_uv[begin : min(begin + step, stop)])
                file.write(np.ascontiguousarray(made, dtype=SAMPLE).data)
                length += len(made)
            total += length
            places = (
                (round((event.onset - start / recording.rate) * self.form.rate), event.label)
                for event in recording.events
            )
            yield StoredRecording(
                **asdict(identity),
                rate=self.form.rate,
                recorded_rate=recording.rate,
                reference=settings.reference,
                channels=settings.channels,
                length=length,
                events=tuple((sample, label) for sample, label in places if 0 <= sample < length),
                origin=name,
                origin_sha256=recording.sha256,
                shard=shard,
                offset=offset,
                marks=marks,
            )
            marks = ""
        if not total:
            raise InputError(f"{recording.path} has no signal that lasts {_SHORTEST:g} s.")


def _path_settings(recording: Recording, form: Form) -> tuple[SignalSettings, tuple[int, ...]]:
    """Return the signal path for a recording, and the columns that it takes."""
    # A channel that never moves is a socket without an electrode: it would become the negative
    # of the average.
    alive = [
        label if np.nanmax(column, initial=-np.inf) > np.nanmin(column, initial=np.inf) else ""
        for label, column in zip(recording.labels, recording.samples_uv.T, strict=True)
    ]
    try:
        matches = match(alive, form.channels)
    except InputError as error:
        raise InputError(f"{recording.path}: {error}") from error
    if not matches.channels:
        raise InputError(
            f"{recording.path} has no electrode that the encoder knows and that has signal; its "
            f"channels are {', '.join(recording.labels[:8])}"
            f"{' ...' if len(recording.labels) > 8 else ''}."
        )
    reference = default_reference(len(matches.channels))
    return SignalSettings(matches.channels, reference, form.rate, form.band), matches.indices


def _stretches(recording: Recording, indices: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield where contiguous signal begins and ends.

    Where samples are NaN, inf or no possible voltage, or no channel moves for a while, there was
    no signal: recorders and converters fill up so, at the end of a file or between trials that
    were glued together. What is marked as bad is left out too.
    """
    samples = recording.samples_uv[:, list(indices)]
    n = len(samples)
    dead = np.logical_or.reduce(~finite_mask(samples), axis=1)
    still = np.logical_and.reduce(np.diff(samples, axis=0) == 0, axis=1)
    for first, last in contiguous(still):
        if still[first] and last - first >= _STILL * recording.rate:
            dead[first : last + 1] = True
    for span in recording.bad_spans:
        ends = np.array([span.onset, span.onset + span.duration]) * recording.rate
        first, last = np.clip(ends, 0, n)
        dead[int(np.floor(first)) : int(np.ceil(last))] = True
    edges = [0, *recording.breaks, n]
    for start, stop in pairwise(edges):
        for first, last in contiguous(dead[start:stop]):
            if not dead[start + first] and last - first >= _SHORTEST * recording.rate:
                yield start + first, start + last


def shard_key(identity: RecordingIdentity, origin: str) -> str:
    """Return a name for a shard that people can read and no other recording has.

    Parameters
    ----------
    identity : RecordingIdentity
        Of its recording, or of what its recordings share.
    origin : str
        What tells it from others of the same identity.
    """
    readable = re.sub(r"[^A-Za-z0-9]+", "-", str(identity)).strip("-")[:60]
    digest = hashlib.sha256("\0".join([*asdict(identity).values(), origin]).encode())
    return f"{readable}-{digest.hexdigest()[:8]}"
