"""Where a quarter of a second of each channel stops being usable."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from core.decoding.artifacts.copies import UNKNOWN, pairs
from core.decoding.decoder import Decoder
from core.errors import InputError

_WIDE = {"span": 5000.0, "muscle": 1000.0, "mains": 1000.0}  # µV, where nothing was learned
_OFF = {"span": 1e5, "muscle": 2e4, "mains": 2e4, "held": 1e3, "grown": 3.0, "shrunk": 3.0}
"""Limits of the median channel from which a check is switched off."""
_LEAST_REST = 1e-3  # µV, likewise
_REST = 0.25  # of the typical deviation: what differs between channels, where it was not learned


@dataclass(frozen=True)
class ArtifactLimits:
    """Where a quarter of a second of each channel stops being usable; arrays of (channels,).

    Attributes
    ----------
    span : ndarray
        Peak to peak after the signal path, in µV.
    muscle : ndarray
        Root mean square from 28 to 44 Hz after the signal path, in µV.
    mains : ndarray
        Root mean square at 50 or 60 Hz, whichever is larger, as recorded, in µV.
    still : ndarray of bool
        Channels that stood still at calibration already, and are not judged for it.
    twin : ndarray of bool
        Channels that were equal to another one at calibration already, likewise.
    level : ndarray
        Standard deviation that is usual for a channel as recorded, in µV.
    grown, shrunk : ndarray
        How much larger and smaller than before a channel became at calibration already:
        `Levels.changes`.
    apart : ndarray, shape (pairs,)
        The least difference between two channels that is usual: `copies.differences`.
    typical : float
        Standard deviation of a usual channel as recorded, in µV.
    rest : float
        What usually differs between channels (`Measures.rest`), in µV.
    shared : float
        The least correlation of the median channel with another that is usual; 0 if unknown.
    held : int
        Samples in a row that usually are equal to the one before on all channels.
    """

    span: np.ndarray
    muscle: np.ndarray
    mains: np.ndarray
    still: np.ndarray
    twin: np.ndarray
    level: np.ndarray
    grown: np.ndarray
    shrunk: np.ndarray
    apart: np.ndarray
    typical: float
    rest: float
    shared: float
    held: int

    @classmethod
    def default(cls, channels: int) -> ArtifactLimits:
        """Return wide limits, for a person of whom nothing was learned."""
        wide = {name: [limit] * channels for name, limit in _WIDE.items()}
        return cls._from({**wide, "still": [False] * channels, "typical": 12.0}, channels)

    @classmethod
    def of(cls, decoder: Decoder) -> ArtifactLimits:
        """Return a decoder's limits, or the default where its file has none.

        Raises
        ------
        InputError
            If they are not one number above 0 for each channel.
        """
        known, channels = decoder.facts.artifacts, len(decoder.settings.channels)
        if not known:
            return cls.default(channels)
        try:
            limits = cls._from(known, channels)
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"The decoder's limits of artifacts are damaged ({error}).") from error
        if not limits._sound(channels):
            raise InputError(
                f"The decoder's limits of artifacts are damaged: {channels} channels need a "
                "positive number each."
            )
        return limits

    @classmethod
    def _from(cls, known: dict[str, Any], channels: int) -> ArtifactLimits:
        """Read what a header keeps; older decoders lack what was added later."""
        typical = float(known["typical"])
        count = len(pairs(channels)[0])
        return cls(
            **{name: np.asarray(known[name], dtype=float) for name in _WIDE},
            still=np.asarray(known["still"]),
            twin=np.asarray(known.get("twin", [False] * channels)),
            level=np.asarray(known.get("level", [typical] * channels), dtype=float),
            grown=np.asarray(known.get("grown", [0.0] * channels), dtype=float),
            shrunk=np.asarray(known.get("shrunk", [0.0] * channels), dtype=float),
            apart=np.asarray(known.get("apart", [UNKNOWN] * count), dtype=float),
            typical=typical,
            rest=float(known.get("rest", _REST * typical)),
            shared=float(known.get("shared", 0.0)),
            held=int(known.get("held", 0)),
        )

    def _sound(self, channels: int) -> bool:
        return (
            all(
                value.shape == (channels,) and np.isfinite(value).all() and (value > 0).all()
                for value in (self.span, self.muscle, self.mains, self.level)
            )
            and all(
                value.shape == (channels,) and np.isfinite(value).all()
                for value in (self.grown, self.shrunk)
            )
            and self.apart.shape == pairs(channels)[0].shape
            and bool(np.isfinite(self.apart).all())
            and all(
                value.shape == (channels,) and value.dtype == bool
                for value in (self.still, self.twin)
            )
            and all(0 < value < math.inf for value in (self.typical, self.rest))
            and 0 <= self.shared <= 1
            and self.held >= 0
        )

    @property
    def doubt(self) -> str:
        """A sentence about limits so wide that they refuse nothing; empty if there are none."""
        off = [name for name, limit in _OFF.items() if np.median(getattr(self, name)) > limit]
        off += [name for name in ("still", "twin") if getattr(self, name).all()]
        off += ["rest"] if self.rest < _LEAST_REST else []
        if not off:
            return ""
        return (
            f"The decoder's limits of artifacts ({', '.join(off)}) are so wide that they refuse "
            "nothing: faults of that kind are decoded. Calibrate again."
        )

    def as_facts(self) -> dict[str, Any]:
        """Return them as a decoder's header keeps them."""
        return {
            f.name: value.tolist() if isinstance(value, np.ndarray) else value
            for f in fields(self)
            for value in [getattr(self, f.name)]
        }
