"""The one signal path: what every program does to samples before anything looks at them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from core.errors import InputError
from core.signal.filtering import Band, CausalFilter
from core.signal.interpolation import interpolation_weights
from core.signal.resampling import Resampler
from core.sites import is_eog

REFERENCES = ("average", "recorded")
AVERAGE_FROM = 16
"""Fewer electrodes do not approximate a reference that is equal for all of them."""


@dataclass(frozen=True)
class SignalSettings:
    """What the signal path does, whatever stream it is fed from; pinned in a decoder.

    Attributes
    ----------
    channels : tuple of str
        Electrodes, and perhaps EOG, in the order in which they leave the path.
    reference : str
        "average" over the electrodes, for them alone, or "recorded": left as it came.
    band : Band
        Pass band.
    rate : float
        Rate in Hz of what leaves the path.
    """

    channels: tuple[str, ...]
    reference: str
    rate: float
    band: Band = field(default_factory=Band)

    def __post_init__(self) -> None:
        """Refuse what no path can do."""
        if self.reference not in REFERENCES:
            raise InputError(
                f'There is no reference "{self.reference}"; it is one of {", ".join(REFERENCES)}.'
            )
        if not self.channels:
            raise InputError("A signal path needs at least one channel.")


def default_reference(channels: int) -> str:
    """Return "average" for enough electrodes, else "recorded"."""
    return "average" if channels >= AVERAGE_FROM else "recorded"


class SignalPath:
    """Samples of a stream in, filtered samples at the model's rate out.

    Units, order of channels, interpolation of those that are set aside, reference, causal filter,
    resampling. Any split of the same samples gives the same output, to the last bit.

    Parameters
    ----------
    settings : SignalSettings
        What to do.
    rate : float
        The stream's sampling rate in Hz.
    indices : sequence of int
        For each channel of the settings, the column of the stream that carries it.
    factors : sequence of float
        For each channel, what its values are multiplied with to be in the wanted unit.
    """

    def __init__(
        self,
        settings: SignalSettings,
        rate: float,
        indices: Sequence[int],
        factors: Sequence[float],
    ) -> None:
        self.settings = settings
        self.rate_in = rate
        self._indices = np.asarray(indices, dtype=np.intp)
        self._factors = np.asarray(factors, dtype=np.float64)
        self._aside: list[int] = []  # channels that are interpolated
        self._weights = np.empty((0, len(self._indices)))  # for each of them, of all channels
        eog = [is_eog(name) for name in settings.channels]
        self._electrodes = np.flatnonzero(~np.array(eog)) if any(eog) else None  # None: all are
        self._filter = CausalFilter(settings.band.sections(rate))
        # A fifth above the edge, so that the filter's skirt is carried well too.
        edge = min(1.2 * settings.band.high, 0.44 * rate)
        self._resampler = Resampler(rate, settings.rate, len(settings.channels), edge)

    @property
    def columns(self) -> tuple[int, ...]:
        """Of the stream, that carry the settings' channels."""
        return tuple(self._indices.tolist())

    @property
    def good_columns(self) -> tuple[int, ...]:
        """Of the stream, that carry channels which are not set aside."""
        aside = set(self._aside)
        return tuple(c for index, c in enumerate(self._indices.tolist()) if index not in aside)

    def set_aside(self, channels: Sequence[int]) -> None:
        """Interpolate some channels from the others; begins a new run, as `restart` does.

        Parameters
        ----------
        channels : sequence of int
            Positions among the settings' channels; all others are taken as they come.

        Raises
        ------
        InputError
            As `core.signal.interpolation.interpolation_weights`.
        """
        self._aside = list(channels)
        if channels:
            self._weights = interpolation_weights(self.settings.channels, channels)
        self.restart()

    def restart(self) -> None:
        """Begin a new run of contiguous samples: all states start again."""
        self._filter.reset()
        self._resampler.reset()

    def pick(self, samples: np.ndarray) -> np.ndarray:
        """Return the settings' channels of some samples as they came, in the wanted unit.

        Returns
        -------
        ndarray of float64, shape (n, channels)
            Before reference and filter; a copy. Channels that are set aside are interpolated.
        """
        return self.interpolated(np.take(samples, self._indices, axis=1) * self._factors)

    def interpolated(self, picked: np.ndarray) -> np.ndarray:
        """Return samples as `pick` gives them, with the channels that are set aside made anew."""
        if not self._aside:
            return picked
        picked = picked.copy()
        picked[:, self._aside] = 0.0  # it may be NaN, which no weight takes away
        # A row at a time, or the last digit would depend on how many there are.
        picked[:, self._aside] = np.stack(
            [(picked * weights).sum(axis=1) for weights in self._weights], axis=1
        )
        return picked

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Take the next contiguous samples of the stream.

        Parameters
        ----------
        samples : ndarray, shape (n, stream channels)
            In the stream's unit.

        Returns
        -------
        ndarray of float64, shape (m, channels)
            At the settings' rate; sample k of a run belongs to the time k / rate after the
            run's first input sample.
        """
        return self.push_picked(self.pick(samples))

    def push_picked(self, picked: np.ndarray) -> np.ndarray:
        """Take the next contiguous samples as `pick` returns them; as `push` else."""
        if self.settings.reference == "average":
            picked = self._referenced(picked)
        return self._resampler.push(self._filter.push(picked))

    def _referenced(self, picked: np.ndarray) -> np.ndarray:
        """Return samples with the electrodes' average taken off them; EOG stays as it is."""
        if self._electrodes is None:
            centred: np.ndarray = picked - picked.mean(axis=1, keepdims=True)
            return centred
        # In rows that lie one after the other: else sums depend on how many there are.
        electrodes = np.take(picked, self._electrodes, axis=1)
        referenced = picked.copy()
        referenced[:, self._electrodes] = electrodes - electrodes.mean(axis=1, keepdims=True)
        return referenced
