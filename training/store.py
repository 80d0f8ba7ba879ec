"""The window store: recordings in one common form, read by memory map, split by person."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from core.errors import InputError
from core.machine.files import sha256_of
from training.manifest import AGAIN, SAMPLE, SHARDS, Form, Shard, StoredRecording, read_manifest


@dataclass(frozen=True)
class Store:
    """Recordings of many people in one common form.

    Nothing is held in memory but this list: every crop maps its own piece of a shard and lets go
    of it, so that a store may be larger than memory, be sent to other processes, and have more
    shards than a program may open files.

    Attributes
    ----------
    folder : Path
        Where it is.
    form : Form
        What its recordings were brought to.
    shards : tuple of Shard
        Its files.
    recordings : tuple of StoredRecording
        Contiguous stretches; those of a part of it after `split`.
    manifest_sha256 : str
        Of the manifest, and so of everything in the store; a part of it has the same.
    """

    folder: Path
    form: Form
    shards: tuple[Shard, ...] = field(repr=False)
    recordings: tuple[StoredRecording, ...] = field(repr=False)
    manifest_sha256: str

    @classmethod
    def open(cls, path: Path | str) -> Store:
        """Open a finished store.

        Raises
        ------
        InputError
            If there is none, it is not finished, it was written by another version, or a file is
            missing or not as long as it should be.
        """
        folder = Path(path)
        manifest, sha256 = read_manifest(folder)
        for shard in manifest.shards:
            file = folder / SHARDS / shard.file
            size = file.stat().st_size if file.is_file() else None
            if size is None:
                raise InputError(f"The store lacks its shard {file}; {AGAIN}")
            if size != shard.bytes:
                raise InputError(
                    f"The shard {file} is damaged: it has {size} bytes instead of {shard.bytes}; "
                    f"{AGAIN}"
                )
        recordings = tuple(r for shard in manifest.shards for r in shard.recordings)
        return cls(folder, manifest.form, manifest.shards, recordings, sha256)

    @property
    def channels(self) -> tuple[str, ...]:
        """Electrodes, one a row of a crop."""
        return self.form.channels

    @property
    def rate(self) -> float:
        """Sampling rate in Hz."""
        return self.form.rate

    @property
    def unit(self) -> str:
        """Unit of the samples."""
        return self.form.unit

    @property
    def subjects(self) -> tuple[str, ...]:
        """The people in it, such as ``physionet-mi/S001``, sorted."""
        return tuple(sorted({recording.person for recording in self.recordings}))

    @property
    def hours(self) -> float:
        """Length of all recordings together."""
        return sum(recording.length for recording in self.recordings) / self.rate / 3600

    def present(self, recording_index: int) -> np.ndarray:
        """Return which channels a recording has, bool of shape (channels,)."""
        mask = np.zeros(len(self.channels), dtype=bool)
        mask[self._rows[recording_index]] = True
        return mask

    def crop(self, recording_index: int, start: int, length: int) -> np.ndarray:
        """Read a window of a recording.

        Parameters
        ----------
        recording_index : int
            Position in `recordings`.
        start, length : int
            First sample and number of samples.

        Returns
        -------
        ndarray of float32, shape (channels, length)
            In the store's unit; channels that the recording lacks are zero.

        Raises
        ------
        ValueError
            If the window is not inside the recording.
        InputError
            If the shard can no longer be read.
        """
        recording = self.recordings[recording_index]
        if not (start >= 0 and 0 < length <= recording.length - start):
            raise ValueError(
                f"Samples {start} to {start + length} are not in a recording of {recording.length}."
            )
        rows = self._rows[recording_index]
        file = self.folder / SHARDS / recording.shard
        offset = recording.offset + start * len(rows) * SAMPLE.itemsize
        # One contiguous piece, since a shard holds sample after sample.
        block = _mapped(file, offset, length * len(rows)).reshape(length, len(rows))
        if len(rows) == len(self.channels):
            return np.ascontiguousarray(block.T, dtype=np.float32)
        window = np.zeros((len(self.channels), length), dtype=np.float32)
        window[rows] = block.T
        return window

    def split(self, people: Collection[str]) -> tuple[Store, Store]:
        """Split by person: everything else, and all recordings of these.

        Parameters
        ----------
        people : collection of str
            Some of `subjects`.

        Returns
        -------
        training, apart : Store
            No person is in both.

        Raises
        ------
        InputError
            If one side is empty.
        ValueError
            If the store has no such person.
        """
        if unknown := set(people) - {*self.subjects}:
            raise ValueError(f"The store has no {', '.join(sorted(unknown))}.")
        sides = [
            tuple(r for r in self.recordings if (r.person in people) == apart)
            for apart in (False, True)
        ]
        if not all(sides):
            raise InputError(
                f"{len(people)} of {len(self.subjects)} people were to be held out or left out; at "
                "least one person must be on either side."
            )
        return replace(self, recordings=sides[0]), replace(self, recordings=sides[1])

    def verify(self, tell: Callable[[int], object] = lambda done: None) -> None:
        """Read every shard and compare its SHA-256 with the manifest.

        Parameters
        ----------
        tell : callable, optional
            Called with the bytes of each shard that is as it should be.

        Raises
        ------
        InputError
            If a shard is damaged; the sentence names it.
        """
        for shard in self.shards:
            file = self.folder / SHARDS / shard.file
            try:
                digest = sha256_of(file)
            except OSError as error:
                raise InputError(f"The shard {file} cannot be read: {error.strerror}.") from error
            if digest != shard.sha256:
                raise InputError(
                    f"The shard {file} is damaged: its SHA-256 is {digest[:12]}... instead of "
                    f"{shard.sha256[:12]}...; {AGAIN}"
                )
            tell(shard.bytes)

    @cached_property
    def _rows(self) -> tuple[np.ndarray, ...]:
        """For every recording, the rows of a window that it fills."""
        row = {name: index for index, name in enumerate(self.channels)}
        known = {
            channels: np.array([row[name] for name in channels], dtype=np.intp)
            for channels in {recording.channels for recording in self.recordings}
        }
        return tuple(known[recording.channels] for recording in self.recordings)


def _mapped(file: Path, offset: int, values: int) -> np.ndarray:
    """Map so many values of a shard, from a byte on."""
    page = offset - offset % mmap.ALLOCATIONGRANULARITY
    size = offset - page + values * SAMPLE.itemsize
    try:
        with file.open("rb") as opened:
            piece = mmap.mmap(opened.fileno(), size, access=mmap.ACCESS_READ, offset=page)
    except (OSError, ValueError) as error:
        raise InputError(f"The shard {file} cannot be read: {error}.") from error
    if hasattr(piece, "madvise"):
        # All of this at once and nothing after it: guesses of what comes next, which suit a file
        # that is read on, made the disk read three times as much and halved the rate.
        piece.madvise(mmap.MADV_WILLNEED)
    return np.frombuffer(piece, SAMPLE, values, offset - page)
