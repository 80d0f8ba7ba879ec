"""What a stream says about itself: who sends it, its rate, and the description of its channels."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from core.electrodes import is_site
from core.errors import InputError
from core.numbered_channels import groups_apart, groups_words
from core.sites import eog_name
from core.units import volts_per

if TYPE_CHECKING:
    from pylsl import StreamInfo
    from pylsl.info import XMLElement

FORMATS = ("undefined", "float32", "double64", "string", "int32", "int16", "int8", "int64")
"""Names of LSL's channel formats; the position of a name is its number in liblsl."""

DECISIONS, PROBABILITIES, MARKERS = "EEGPT-Decisions", "EEGPT-Probabilities", "EEGPT-Markers"
SIMILARITIES, SCALE = "EEGPT-Similarities", "EEGPT-Scale"
"""Names of the streams that the programs send themselves."""

_TEXT = 128  # characters kept of a name, label or unit
_UNPRINTABLE = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # Unicode: controls, surrogates, separators
_CHANNELS = 4096  # more than any amplifier has: the number comes from the network
_RATES = (1.0, 100_000.0)  # Hz, likewise
_VALUES = 5_000_000.0  # a second: 280 channels at 16 384 Hz, the most that is sold


def plain_text(text: str, length: int = _TEXT) -> str:
    """Return text from the network without control characters, cut to a sane length."""
    text = text[: 8 * length]
    kept = "".join(c for c in text if unicodedata.category(c) not in _UNPRINTABLE).strip()
    return kept if len(kept) <= length else kept[: length - 1] + "…"


@dataclass(frozen=True)
class StreamIdentity:
    """What tells one stream from another."""

    name: str
    type: str
    source_id: str  # empty where the sender gives none
    host: str
    uid: str  # new at every start of the sender

    @property
    def flags(self) -> tuple[str, ...]:
        """Of the command lines, that find it again, whatever characters its name begins with."""
        known = {
            "stream": self.name or self.type,
            "type": self.type if self.name else "",
            "source-id": self.source_id,
            "host": self.host,
        }
        return tuple(f"--{flag}={text}" for flag, text in known.items() if text)

    def __str__(self) -> str:
        """Return all five on one line."""
        return ", ".join(f'{f.name} "{getattr(self, f.name)}"' for f in fields(self))


@dataclass(frozen=True)
class FoundStream:
    """A stream that is on the network now, without its full description."""

    identity: StreamIdentity
    rate: float  # Hz, nominal; 0 for irregular streams
    channel_count: int
    format: str  # one of FORMATS
    created_at: float  # s, LSL clock of the sender
    info: StreamInfo = field(repr=False, compare=False)

    @property
    def is_signal(self) -> bool:
        """Whether it has numbers at a regular rate, as EEG does, and no more than can be."""
        return not self.problem

    @property
    def is_markers(self) -> bool:
        """Whether it has strings at no regular rate, as markers do."""
        return self.rate == 0 and self.format == "string"

    @property
    def is_own(self) -> bool:
        """Whether the programs send it themselves: decisions, probabilities or cues, but no EEG."""
        name = self.identity.name
        of_tasks = tuple(f"{kind}-" for kind in (PROBABILITIES, SIMILARITIES, SCALE))
        return name in (DECISIONS, PROBABILITIES, MARKERS) or name.startswith(of_tasks)

    @property
    def problem(self) -> str:
        """Why it cannot be opened as a signal, in a sentence; empty if it can."""
        stream = f'Stream "{self.identity.name}"'
        if self.format == "string":
            return f"{stream} has text in it, as markers have; a signal has numbers."
        if self.format == "undefined":
            return f"{stream} does not say what its values are; a signal has numbers."
        if self.rate == 0:
            return (
                f"{stream} has no regular rate: it carries events or values now and then, and a "
                "signal is sampled regularly. Have its program announce the sampling rate."
            )
        low, high = _RATES
        if not low <= self.rate <= high:  # NaN too
            return (
                f"{stream} announces {self.rate:g} Hz; between {low:g} and {high:g} Hz were "
                "expected. Have its program say the right rate."
            )
        if not 1 <= self.channel_count <= _CHANNELS:
            return (
                f"{stream} announces {self.channel_count} channels; between 1 and {_CHANNELS} "
                "were expected."
            )
        if self.rate * self.channel_count > _VALUES:
            return (
                f"{stream} announces {self.channel_count} channels at {self.rate:g} Hz, "
                f"{self.rate * self.channel_count:.3g} values a second; at most {_VALUES:.0e} can "
                "be received. Have its program send fewer channels or a lower rate."
            )
        return ""

    def __str__(self) -> str:
        """Return what a person needs to choose among several, on one line."""
        pace = f"{self.rate:g} Hz" if self.rate else "irregular"
        count = f"{self.channel_count} channel{'s' * (self.channel_count != 1)}"
        text = f"{self.identity}, {count}, {pace}, {self.format}"
        return f"{text} (cannot be used: {self.problem})" if self._impossible else text

    @property
    def _impossible(self) -> bool:
        """Whether it is meant as a signal and cannot be one."""
        return self.format not in ("string", "undefined") and self.rate != 0 and bool(self.problem)


@dataclass(frozen=True)
class StreamFacts:
    """A stream's full description, with stand-ins for what it does not say.

    Attributes
    ----------
    identity : StreamIdentity
        Who sends it.
    rate : float
        Nominal rate in Hz.
    labels : tuple of str
        Of each channel; ``Ch1``, ``Ch2`` ... where it gives none. Those of type EOG say so.
    units : tuple of str
        Of each channel, as written; empty where it gives none.
    types : tuple of str
        Of each channel (``EEG``, ``EOG`` ...); empty where it gives none.
    channel_count : int
        Number of channels.
    format : str
        One of `FORMATS`.
    warnings : tuple of str
        One plain sentence for everything that is missing, and what that costs.
    speed : float
        How many seconds of the stream pass in one of real time: 1 but for replays that say so.
    unnamed : int
        Channels that it gives no label.
    """

    identity: StreamIdentity
    rate: float
    labels: tuple[str, ...]
    units: tuple[str, ...]
    types: tuple[str, ...]
    channel_count: int
    format: str
    warnings: tuple[str, ...]
    speed: float = 1.0
    unnamed: int = 0


def read_facts(stream: FoundStream, timeout: float = 5.0) -> StreamFacts:
    """Read a stream's full description from its sender.

    Raises
    ------
    InputError
        If the sender does not give it within `timeout` seconds.
    """
    import pylsl

    # Without recovery, which would ask a sender that is gone for good.
    inlet = pylsl.StreamInlet(stream.info, max_buflen=1, recover=False)
    return facts_from(stream, lambda: inlet.info(timeout))


def facts_from(stream: FoundStream, ask: Callable[[], StreamInfo]) -> StreamFacts:
    """Turn what `ask` returns into facts.

    Raises
    ------
    InputError
        If it cannot be had, or announces an impossible number of channels.
    """
    name = stream.identity.name
    if not 1 <= stream.channel_count <= _CHANNELS:
        raise InputError(
            f'Stream "{name}" announces {stream.channel_count} channels; '
            f"between 1 and {_CHANNELS} were expected."
        )
    try:
        info = ask()
        channels, speed = _channels(info.desc(), stream.channel_count), _speed(info.desc())
    except UnicodeDecodeError as error:
        raise InputError(
            f'The description of stream "{name}" on {stream.identity.host} is no UTF-8 text; have '
            "its program write it in UTF-8."
        ) from error
    except Exception as error:  # pylsl's own TimeoutError and LostError, or whatever else
        raise InputError(
            f'Stream "{name}" on {stream.identity.host} is announced but does not answer; '
            "check that its sender is still running, and start it again."
        ) from error
    labels = [_first(channel, "label", "name") for channel in channels]
    types = [_first(channel, "type") for channel in channels]
    labels = [label and eog_name(label, type_) for label, type_ in zip(labels, types, strict=True)]
    units = [_first(channel, "unit", "units") for channel in channels]
    unnamed = labels.count("")
    labels = list(groups_apart([label or f"Ch{i + 1}" for i, label in enumerate(labels)]))
    return StreamFacts(
        identity=stream.identity,
        rate=stream.rate,
        labels=tuple(labels),
        units=tuple(units),
        types=tuple(types),
        channel_count=stream.channel_count,
        format=stream.format,
        warnings=warnings_of(stream.identity, labels, units, unnamed),
        speed=speed,
        unnamed=unnamed,
    )


def described(infos: Sequence[StreamInfo]) -> list[FoundStream]:
    """Return what liblsl found in our own terms, by name."""
    streams = [
        FoundStream(
            identity=StreamIdentity(
                *(
                    _told(text)
                    for text in (
                        info.name,
                        info.type,
                        info.source_id,
                        info.hostname,
                        info.uid,
                    )
                )
            ),
            rate=info.nominal_srate(),
            channel_count=info.channel_count(),
            format=dict(enumerate(FORMATS)).get(info.channel_format(), FORMATS[0]),
            created_at=info.created_at(),
            info=info,
        )
        for info in infos
    ]
    return sorted(streams, key=lambda s: (s.identity.name, s.identity.host, s.created_at))


def _told(text: Callable[[], str]) -> str:
    """Return one text of a stream, which need not be UTF-8."""
    try:
        return plain_text(text())
    except UnicodeDecodeError as error:
        return plain_text(bytes(error.object).decode("utf-8", errors="replace"))


def _speed(desc: XMLElement) -> float:
    """Return how fast a replay says it is."""
    try:
        speed = float(desc.child_value("speed"))
    except ValueError:
        return 1.0
    return speed if 0.0 < speed <= 1000.0 else 1.0


def _channels(desc: XMLElement, count: int) -> list[dict[str, str]]:
    """Return what the description says of each channel."""
    # Some senders leave out the element "channels" around them.
    nested = desc.child("channels")
    element = (desc if nested.empty() else nested).child("channel")
    channels: list[dict[str, str]] = []
    while not element.empty() and len(channels) < count:
        channels.append(
            {key: element.child_value(key) for key in ("label", "name", "unit", "units", "type")}
        )
        element = element.next_sibling("channel")
    return channels + [{}] * (count - len(channels))


def _first(channel: dict[str, Any], *keys: str) -> str:
    """Return the first of some entries that has any text in it."""
    return next((text for key in keys if (text := plain_text(channel.get(key, "")))), "")


def warnings_of(
    identity: StreamIdentity, labels: Sequence[str], units: Sequence[str], unnamed: int = 0
) -> tuple[str, ...]:
    """Say what is not known of a stream, as `StreamFacts.warnings`.

    Parameters
    ----------
    identity : StreamIdentity
    labels, units : sequence of str
        Of each channel; a unit that nobody gives is empty.
    unnamed : int
        Channels that nobody gives a name.
    """
    stream, count = f'Stream "{identity.name}"', len(labels)
    warnings = []
    if unnamed:
        warnings.append(
            f"{stream} names {'none' if unnamed == count else count - unnamed} of its {count} "
            "channels; the others are called by their number (Ch1, Ch2 ...), and no electrode is "
            "recognised in them."
        )
    if grouped := groups_words(labels, stream):
        warnings.append(grouped)
    if unknown := units.count(""):
        warnings.append(
            f"{stream} gives no unit for {'any' if unknown == count else unknown} of its {count} "
            "channels; their values are taken as µV. Say it with --unit if they are not."
        )
    warnings += _odd_units(stream, labels, units)
    if not identity.source_id:
        warnings.append(
            f"{stream} has no source_id; after an interruption it is known again by its name, "
            "type and host only."
        )
    return tuple(warnings)


def _odd_units(stream: str, labels: Sequence[str], units: Sequence[str]) -> list[str]:
    """Say which channels carry no voltage, and which have another unit than most."""
    scales = [volts_per(unit) for unit in units]
    others = [f"{labels[i]} ({units[i]})" for i, scale in enumerate(scales) if scale is None]
    others = [text for text in others if not text.endswith("()")]
    sentences = []
    if others and len(others) < len(labels):
        sentences.append(f"{stream} has channels that carry no voltage: {_some(others)}.")
    known = [scale for scale in scales if scale is not None]
    usual = max(set(known), key=known.count) if known else None
    odd = [
        f"{labels[i]} ({units[i]})"
        for i, scale in enumerate(scales)
        if scale is not None and scale != usual and is_site(labels[i])
    ]
    if odd:
        sentences.append(
            f"{stream} gives another unit for {_some(odd)} than for the rest; all are converted."
        )
    return sentences


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
