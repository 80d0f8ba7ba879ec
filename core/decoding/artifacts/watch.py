"""Whether something is wrong with a hop of a stream, and what, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.decoding.artifacts.copies import Copies
from core.decoding.artifacts.levels import Levels
from core.decoding.artifacts.limits import ArtifactLimits
from core.decoding.artifacts.meter import Measures, Meter, median
from core.decoding.artifacts.repeats import again_limit, held_limit
from core.decoding.decoder import Decoder
from core.recordings import UNIT
from core.signal.quality import suspected_factor
from core.sites import is_eog
from core.units import factor

_NAMED = 3  # channels named in a message
_HUMS = 0.5  # share of a channel's standard deviation from which it is called hum, not noise
_HUM = "full of mains hum"
_LARGE = "too large: a movement or a loose electrode"
_GROWN = "much larger than before: another gain, or a movement"
_SHRUNK = "much smaller than before: another gain, or off the head"
_COPIES = "copies of one another: bridged electrodes, or one input on several channels"
_HELD = "The stream repeats its last sample: a driver that fills in what is lost"
_AGAIN = "The stream sends a block of samples again"


class Judge:
    """Judges what was measured of one stream, hop by hop.

    Parameters
    ----------
    limits : ArtifactLimits
    names : sequence of str
        Of the channels.
    hop : float
        Seconds between two measurements.

    Attributes
    ----------
    ringing : bool
        Whether the newest piece is wrong behind the path only: what was recorded is right again,
        and the filters have not got over what was before.
    bad : ndarray of str, shape (channels,)
        What was wrong with the contact of a channel in the newest piece, and was not at
        calibration: "railed", "flat" or "full of mains hum"; empty for nothing.
    aside : ndarray of bool, shape (channels,)
        Channels that are interpolated: nothing is wrong with them.
    """

    def __init__(self, limits: ArtifactLimits, names: Sequence[str], hop: float) -> None:
        self._limits, self._names = limits, np.array(names)
        self._eyes = np.array([is_eog(name) for name in names])  # EOG moves as eyes do
        self._levels = Levels(limits, names, hop)
        self._copies = Copies(limits.apart, names)
        self._held = held_limit(len(names), limits.held)
        self._again = again_limit(len(names))
        self.ringing = False
        self.aside = np.zeros(len(names), dtype=bool)
        self.bad = np.full(len(names), "")

    def judge(self, measures: Measures) -> str | None:
        """Return what is wrong, in words; None if nothing is."""
        self.ringing = False
        self._levels.see(measures)
        self._copies.see(measures.differences)
        self.bad = self._bad(measures)
        wrong = self._wrong(measures)
        if wrong is None:
            self._levels.learn(measures)
        return wrong

    def _bad(self, measures: Measures) -> np.ndarray:
        """Return what is wrong with each channel's contact, as `bad`."""
        still = measures.still & ~self._limits.still
        hums = (measures.mains > self._limits.mains) & (measures.mains > _HUMS * measures.deviation)
        words = np.where(hums, _HUM, "")
        words = np.where(still, np.where(measures.railed, "railed", "flat"), words)
        return np.where(self.aside, "", words)

    def _wrong(self, measures: Measures) -> str | None:
        limits = self._limits
        wrong_by = suspected_factor(float(median(measures.deviation)), limits.typical)
        if wrong_by is not None and not measures.dead:
            return unit_words(wrong_by)
        equal = measures.twin & ~limits.twin
        # Faults of channels by name; before and behind them, what is wrong with the whole.
        for channels, words in (
            (self.bad == "railed", "railed"),
            (self.bad == "flat", "flat"),
            (equal & ~equal.all(), "equal to the last bit"),
            (self.bad == _HUM, _HUM),
            (measures.span > limits.span, _LARGE),
            (
                (measures.muscle > limits.muscle) & ~self._eyes,
                "noisy: muscles or a loose electrode",
            ),
            (measures.mains > limits.mains, _HUM),
        ):
            channels = channels & ~self.aside
            if channels.any():
                self.ringing = words == _LARGE and bool((measures.raw_span < limits.span).all())
                return self._named(channels, words)
        if equal.all():
            return "All channels are equal to the last bit"
        if measures.held >= self._held:
            return _HELD
        if measures.again >= self._again:
            return _AGAIN
        if (doubt := self._levels.doubt(measures)) is not None:
            return doubt
        larger, smaller = self._levels.swings(measures)
        for channels, words in (
            (self._copies.channels, _COPIES),
            (larger & ~self._eyes, _GROWN),
            (smaller & ~self._eyes, _SHRUNK),
        ):
            channels = channels & ~self.aside
            if channels.any():
                return self._named(channels, words)
        return None

    def _named(self, channels: np.ndarray, words: str) -> str:
        names = self._names[channels]
        return f"{listed(names)} {'is' if len(names) == 1 else 'are'} {words}"


class ArtifactWatch:
    """Says of every hop of a stream whether something is wrong with it, and what.

    Parameters
    ----------
    decoder : Decoder
    rate_in : float
        Of the stream, in Hz.
    hop : int
        Samples at the model's rate between two judgements.

    Raises
    ------
    InputError
        As `ArtifactLimits.of`.
    """

    def __init__(self, decoder: Decoder, rate_in: float, hop: int) -> None:
        settings = decoder.settings
        self._judge = Judge(ArtifactLimits.of(decoder), settings.channels, hop / settings.rate)
        self._meter = Meter(
            len(settings.channels),
            rate_in,
            settings.rate,
            factor(decoder.unit, UNIT),
            decoder.patch,
        )

    @property
    def ringing(self) -> bool:
        """As `Judge.ringing`."""
        return self._judge.ringing

    @property
    def bad(self) -> np.ndarray:
        """As `Judge.bad`."""
        return self._judge.bad

    def set_aside(self, channels: Sequence[int]) -> None:
        """Take it that some channels are interpolated: nothing is wrong with them."""
        self._judge.aside = np.isin(np.arange(len(self._judge.bad)), channels)

    def reset(self) -> None:
        """Begin a new run of the same stream: what is usual for it stays known."""
        self._meter.reset()

    def end_run(self) -> None:
        """Take it that no sample of this run is left to judge: `reset` follows."""
        self._meter.end_run()

    def take(self, picked: np.ndarray) -> None:
        """Take samples as recorded, shape (n, channels), in the path's unit."""
        self._meter.take(picked)

    def judge(self, hop: np.ndarray, received: int) -> str | None:
        """Return what is wrong with the newest piece, in words; None if nothing is.

        Parameters
        ----------
        hop, received
            As in `Meter.measure`.
        """
        return self._judge.judge(self._meter.measure(hop, received))


def unit_words(wrong_by: float) -> str:
    """Say that a unit is probably wrong, by a factor that `suspected_factor` found."""
    large = wrong_by > 1
    times = f"{wrong_by if large else 1 / wrong_by:,.0f}".replace(",", " ")
    return (
        f"The signal is about {times} times too {'large' if large else 'small'}, which looks like "
        "a wrong unit: say the right one with --unit"
    )


def listed(names: Sequence[str] | np.ndarray) -> str:
    """Return channel names for a message: a few, and the number of the others."""
    shown = ", ".join(str(name) for name in names[:_NAMED])
    more = len(names) - _NAMED
    return shown if more <= 0 else f"{shown} and {more} more"
