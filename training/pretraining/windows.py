"""Which windows make up a batch, in which order, and what is hidden of them.

Everything drawn here is a function of the seed and of a number of the step, so that a run that goes
on needs to remember nothing, and processes agree without talking to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.decoding.spatial import channel_covariance, euclidean_alignment, power
from core.errors import InputError
from core.units import factor
from training.pretraining.settings import PretrainSettings

UNIT_DEVIATION = 10.0
"""Of every channel after `whitening: unit`, in µV, as EEG has."""

_ORDER, _MASKS = 0, 1  # streams of random numbers from one seed
_LOOKS = 64  # windows from which a covariance is estimated
_FLOOR = 0.01  # of the mean variance: the least in any direction


class WindowSource(Protocol):
    """One recording of a window store."""

    @property
    def person(self) -> str:
        """Whose it is."""

    @property
    def session(self) -> str:
        """Label of its session; may be empty."""

    @property
    def length(self) -> int:
        """Samples."""

    @property
    def events(self) -> Sequence[tuple[int, str]]:
        """Sample at which something began, and what; only asked by recipes that need labels."""


class WindowStore(Protocol):
    """What pretraining needs of a window store, such as `training.store.Store`."""

    @property
    def channels(self) -> tuple[str, ...]:
        """Electrodes, one a row of a crop."""

    @property
    def rate(self) -> float:
        """In Hz."""

    @property
    def unit(self) -> str:
        """Of the samples."""

    @property
    def recordings(self) -> Sequence[WindowSource]:
        """Contiguous stretches of signal."""

    @property
    def manifest_sha256(self) -> str:
        """Hash of everything in the store."""

    def present(self, recording_index: int, /) -> np.ndarray:
        """Return which channels a recording has, bool of shape (channels,)."""

    def crop(self, recording_index: int, start: int, length: int, /) -> np.ndarray:
        """Read float32 of shape (channels, length)."""


@dataclass(frozen=True)
class Group:
    """Windows of one montage that share what is drawn: what goes through the model together.

    Attributes
    ----------
    windows : ndarray of float32, shape (windows, channels, samples)
        Only channels that were recorded.
    drawn : tuple of ndarray
        What the recipe drew for them: channel ids, masks.
    recordings : tuple of int
        Where each window is from, for a message.
    """

    windows: np.ndarray
    drawn: tuple[np.ndarray, ...]
    recordings: tuple[int, ...]


class Windows:
    """An endless sequence of batches from a store.

    In an epoch every recording gives as many windows as fit into it side by side, each beginning
    at a random sample, all in random order; a batch may begin in one epoch and end in the next.

    Windows of different montages share a batch by being grouped: each group goes through the model
    by itself, and the batch's loss is the mean over its windows. An absent channel is thus no
    token at all, which costs nothing and is what a decoder does with it; masking it inside the
    attention would cost as much as a present one, and another kernel.

    Parameters
    ----------
    store : WindowStore
    settings : PretrainSettings
    draw : callable
        As `Recipe.draw`: from a group's channels, what accompanies each of its windows.
    seed : int, optional
        Instead of the settings' own, as for validation.

    Raises
    ------
    InputError
        If no recording is long enough, or one has a single channel.
    """

    def __init__(
        self,
        store: WindowStore,
        settings: PretrainSettings,
        draw: Callable[[Sequence[str], np.random.Generator], tuple[np.ndarray, ...]],
        seed: int | None = None,
    ) -> None:
        self.store = store
        self._unit_deviation = UNIT_DEVIATION * factor("uV", store.unit)
        self._draw = draw
        self._settings = settings
        self._seed = settings.seed if seed is None else seed
        length = settings.window
        counts = [recording.length // length for recording in store.recordings]
        self._slots = np.repeat(np.arange(len(counts)), counts)  # recording of each window
        if not len(self._slots):
            raise InputError(
                f"No recording of the store has {length} samples, which is the window; "
                "set a shorter one with --window, or add recordings."
            )
        montages: dict[bytes, int] = {}
        self._rows: list[np.ndarray] = []  # of each montage, its rows of a crop
        self._montage = np.zeros(len(counts), dtype=np.int64)  # of each recording
        for index in range(len(counts)):
            present = np.asarray(store.present(index), dtype=bool)
            known = montages.setdefault(present.tobytes(), len(self._rows))
            if known == len(self._rows):
                self._rows.append(np.flatnonzero(present))
            self._montage[index] = known
            if counts[index] and present.sum() < 2:
                raise InputError(
                    f"Recording {index} of the store, of {store.recordings[index].person}, has "
                    "fewer than two of the model's channels; nothing of it could be both shown "
                    "and hidden. Prepare the store without it."
                )
        self._names = [tuple(store.channels[row] for row in rows) for rows in self._rows]
        self._epochs: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._filters: dict[tuple[str, str, int], np.ndarray] = {}

    @property
    def per_epoch(self) -> int:
        """Windows in an epoch."""
        return len(self._slots)

    def steps(self) -> int:
        """Return how many batches the settings ask for."""
        settings = self._settings
        return settings.steps or -(-settings.epochs * self.per_epoch // settings.batch)

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> list[Group]:
        """Return one process's share of a batch.

        Parameters
        ----------
        step : int
            Which batch, from 0.
        rank, processes : int
            Which share of how many; together they are what one process would have had.
        """
        settings = self._settings
        share = settings.batch // processes
        members: dict[tuple[int, int], list[tuple[int, int]]] = {}
        for place in range(rank * share, (rank + 1) * share):
            recording, start = self._window(step * settings.batch + place)
            part = place * settings.masks_per_batch // settings.batch
            key = (part, int(self._montage[recording]))
            members.setdefault(key, []).append((recording, start))
        return [self._group(step, *key, windows) for key, windows in members.items()]

    def channels(self) -> tuple[str, ...]:
        """Return the electrodes that any recording has, in the store's order."""
        return tuple(self.store.channels[row] for row in self._ever())

    def covariance(self) -> np.ndarray | None:
        """Estimate the covariance of `channels` over the store.

        Returns
        -------
        ndarray, shape (channels, channels), or None
            In squared units, shrunk a little as the decoder's own are. None if two channels were
            never recorded together, or the windows are whitened to no certain scale.
        """
        ever = self._ever()
        if self._settings.whitening == "unit":
            return np.eye(len(ever)) * self._unit_deviation**2
        if self._settings.whitening == "session":
            return None
        total = np.zeros((len(ever), len(ever)))
        together = np.zeros_like(total)
        for recording, start in self._spread(4 * _LOOKS):
            rows = np.intersect1d(self._rows[self._montage[recording]], ever)
            signal = self.store.crop(recording, start, self._settings.window)[rows]
            places = np.searchsorted(ever, rows)
            total[np.ix_(places, places)] += channel_covariance(signal)
            together[np.ix_(places, places)] += 1
        if not together.all():
            return None
        # Entries averaged over different recordings need not be a covariance any more.
        values, vectors = np.linalg.eigh(total / together)
        whitener: np.ndarray = (vectors * np.maximum(values, _FLOOR * values.mean())) @ vectors.T
        return whitener

    def spread(self, count: int) -> Iterator[np.ndarray]:
        """Yield windows from all over the first epoch, as the model gets them.

        Parameters
        ----------
        count : int
            How many, or all if there are fewer.

        Yields
        ------
        ndarray of float32, shape (channels, samples)
        """
        for recording, start in self._spread(count):
            yield self._read(recording, start, int(self._montage[recording]))

    def _spread(self, count: int) -> Iterator[tuple[int, int]]:
        for number in np.linspace(0, self.per_epoch - 1, min(count, self.per_epoch)):
            yield self._window(round(number))

    def _ever(self) -> np.ndarray:
        """Return the rows that any recording long enough has."""
        used = np.unique(self._montage[self._slots])
        return np.unique(np.concatenate([self._rows[montage] for montage in used]))

    def _window(self, number: int) -> tuple[int, int]:
        """Return recording and first sample of a window, by its number since the beginning."""
        recording, way = self._slot(number)
        room = self.store.recordings[recording].length - self._settings.window + 1
        return recording, int(way * room)

    def _slot(self, number: int) -> tuple[int, float]:
        """Return whose turn it is, and a number drawn for it from 0 to 1."""
        epoch, place = divmod(number, self.per_epoch)
        if epoch not in self._epochs:
            random = np.random.default_rng((self._seed, _ORDER, epoch))
            drawn = random.permutation(self._slots), random.random(self.per_epoch)
            # A batch may straddle two epochs.
            self._epochs = {k: v for k, v in self._epochs.items() if k == epoch - 1}
            self._epochs[epoch] = drawn
        order, ways = self._epochs[epoch]
        return int(order[place]), float(ways[place])

    def _group(self, step: int, part: int, montage: int, windows: list[tuple[int, int]]) -> Group:
        crops = [self._read(recording, start, montage) for recording, start in windows]
        random = np.random.default_rng((self._seed, _MASKS, step, part, montage))
        return Group(
            np.stack(crops),
            self._draw(self._names[montage], random),
            tuple(recording for recording, _ in windows),
        )

    def _read(
        self, recording: int, start: int, montage: int, length: int | None = None
    ) -> np.ndarray:
        """Return samples as the model gets them: a window, or as many as are asked for."""
        length = length or self._settings.window
        crop: np.ndarray = self.store.crop(recording, start, length)[self._rows[montage]]
        if self._settings.whitening == "none":
            return crop
        of = self.store.recordings[recording]
        key = (of.person, of.session, montage)
        if key not in self._filters:
            self._filters[key] = self._whitener(key)
        whitened: np.ndarray = self._filters[key] @ crop
        return whitened

    def _whitener(self, key: tuple[str, str, int]) -> np.ndarray:
        """Return the filter of a session, from windows spread over its recordings."""
        person, session, montage = key
        length, rows = self._settings.window, self._rows[montage]
        of_session = [
            (index, recording.length)
            for index, recording in enumerate(self.store.recordings)
            if (recording.person, recording.session) == (person, session)
            and self._montage[index] == montage
            and recording.length >= length
        ]
        count = max(1, _LOOKS // len(of_session))
        looks = [
            self.store.crop(index, round(start), length)[rows]
            for index, samples in of_session
            for start in np.linspace(0, samples - length, count)
        ]
        covariance = channel_covariance(np.stack(looks))
        if self._settings.whitening == "unit":
            return (self._unit_deviation * power(covariance, -0.5)).astype(np.float32)
        return euclidean_alignment(covariance).astype(np.float32)
