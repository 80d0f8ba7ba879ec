"""Cues that a recording has in its trigger channels: numbers that are held for a while."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.recordings.recording import Event

if TYPE_CHECKING:
    import mne

_NAMES = re.compile(
    r"status|sti ?\d{3}|(sti(m(ulus)?)?|trig(ger)?|trg|event|marker|ttl|din|digi(tal)?|cue)s?"
    r"([ _-]?(markers?|channel|ch|in(put)?|codes?|type))?[ _-]?\d*",
    re.IGNORECASE,
)
"""Names of channels that carry triggers, where the file does not say what a channel is."""

_COMPOSITES = ("STI 014", "STI014", "STI101", "STI 101", "STI201", "STI 201", "STATUS", "TRIGGER")
"""Names of channels that add up the lines of others, in the order in which they are preferred."""

_PORT = 0xFFFF
"""Bits of a trigger port. BioSemi and Neuromag keep the state of the amplifier above them."""

_LOWEST = 0xFF
"""Bits of the smallest port, which may all be cues."""

_MASKED = re.compile(r"status|trigger|sti ?\d{3}", re.IGNORECASE)
"""Names of channels in which bits above the port are no cues."""

_MOST = 0.25
"""Share of samples with a new number, above which a channel counts something and is no trigger."""

_NEAR = 0.1
"""How far a number may be from a whole one: a channel of few bits does not hold it exactly."""


@dataclass(frozen=True)
class Triggers:
    """What the trigger channels of a recording hold.

    Attributes
    ----------
    events : tuple of Event
        By onset; the label is the number as text.
    looked_in : tuple of str
        The channels that were looked at, such as "channel Status".
    notes : tuple of str
        Sentences for a person.
    """

    events: tuple[Event, ...] = ()
    looked_in: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def is_trigger_name(label: str) -> bool:
    """Whether a channel of this name carries triggers, and no EEG."""
    return _NAMES.fullmatch(label.strip()) is not None


def read_triggers(raw: mne.io.BaseRaw, rate: float) -> Triggers:
    """Return the cues in the trigger channels of what MNE read.

    Of several channels the composite one is taken. Without one, each channel's name is the label
    of its events where it holds a single number.

    Parameters
    ----------
    raw : mne.io.BaseRaw
    rate : float
        Sampling rate in Hz.
    """
    kinds = raw.get_channel_types() if raw.ch_names else []
    channels = {
        name: pick
        for pick, (name, kind) in enumerate(zip(raw.ch_names, kinds, strict=True))
        if kind == "stim" or (kind in ("eeg", "misc", "bio") and is_trigger_name(name))
    }
    pulses: dict[str, list[tuple[int, int, int]]] = {}
    notes = []
    for name, pick in channels.items():
        codes = _codes(raw.get_data(picks=[pick])[0], name)
        changes = [] if codes is None else pulses_of(codes)
        if codes is None:
            notes.append(
                f"The channel {name} holds no whole numbers, so no events were read there."
            )
        elif len(changes) > _MOST * len(codes):
            notes.append(
                f"The number in the channel {name} changes {len(changes)} times in {len(codes)} "
                "samples, which no trigger does: no events were read there."
            )
        elif changes:
            pulses[name] = changes
    chosen = _composite(pulses)
    if chosen is not None and len(pulses) > 1:
        others = ", ".join(name for name in pulses if name != chosen)
        notes.append(f"Events were read from the channel {chosen}, which adds up {others}.")
    events = [
        Event(start / rate, length / rate, str(code) if name == chosen else label.format(code))
        for name, changes in pulses.items()
        if chosen in (None, name)
        for label in [name if len({code for _, _, code in changes}) == 1 else name + "/{}"]
        for start, length, code in changes
    ]
    return Triggers(
        tuple(sorted(events, key=lambda event: event.onset)),
        tuple(f"the channel {name}" for name in channels),
        tuple(notes),
    )


def _codes(values: np.ndarray, name: str) -> np.ndarray | None:
    """Return the numbers of a trigger channel, None if they are not whole.

    Files in floating point may hold them as volts of what was a microvolt each.
    """
    values = np.where(np.isfinite(values), values, 0.0)
    steps = np.abs(np.diff(values, prepend=0.0))
    for scale in (1.0, 1e6):
        scaled = values * scale
        codes = np.round(scaled)
        if np.abs(scaled - codes).max(initial=0.0) >= _NEAR or (values.any() and not codes.any()):
            continue
        if scale > 1.0 and steps[steps > 0].min() * scale > _PORT:
            continue  # fractions of whole numbers, which are whole millionths too
        whole = codes.astype(np.int64)
        return whole & _PORT if _MASKED.fullmatch(name.strip()) else whole
    return None


def pulses_of(codes: np.ndarray) -> list[tuple[int, int, int]]:
    """Return first sample, length and number of every time that another number than 0 begins.

    That is the meaning of ``consecutive=True`` in `mne.find_events`; a number that is there from
    the first sample on has no beginning. The lines of a port do not all change in one instant: a
    single sample on the way to a longer number, with some of its lines, is that change. Bits above
    the lowest eight that are always set are the amplifier's state, and a level that lies between
    all of several numbers is that of rest.

    Parameters
    ----------
    codes : ndarray of int64, shape (samples,)
    """
    if not len(codes):
        return []
    if codes.min() > 0:
        codes = codes & ~(int(np.bitwise_and.reduce(codes)) & ~_LOWEST)
    starts = np.flatnonzero(np.diff(codes)) + 1
    lengths = np.diff(starts, append=len(codes))
    values, before = codes[starts], codes[starts - 1]
    after = np.append(values[1:], 0)
    rises = (before & values == before) & (values & after == values) & (after != 0)
    falls = (after & values == after) & (values & before == values) & (before != 0)
    rises &= np.append(lengths[1:], 0) > 1
    falls &= np.diff(starts, prepend=0) > 1
    settling = (lengths == 1) & (values > 0) & (rises | falls)
    starts, lengths, values = starts[~settling], lengths[~settling], values[~settling]
    none = (0, _rest(codes[0], values, float((codes == codes[0]).mean())))
    return [
        (int(start), int(length), int(value))
        for start, length, value in zip(starts, lengths, values, strict=True)
        if value not in none
    ]


def _rest(first: int, values: np.ndarray, share: float) -> int:
    """Return the level at which a port rests: the first one, if it follows on each of several."""
    rests = share > 0.5 and (values[1::2] == first).all() and (values[::2] != first).all()
    return int(first) if rests and len(np.unique(values)) > 2 else 0


def _composite(pulses: dict[str, list[tuple[int, int, int]]]) -> str | None:
    """Return the channel that has the events of all others, None if there is none."""
    named = {name.strip().upper(): name for name in pulses}
    known = next((named[name] for name in _COMPOSITES if name in named), None)
    if known is not None:
        return known
    onsets = {name: {start for start, _, _ in changes} for name, changes in pulses.items()}
    everything = set().union(*onsets.values())
    whole = [name for name, own in onsets.items() if own == everything]
    # Of several that are alike, the one that tells most numbers apart.
    return max(whole, key=lambda name: len({c for _, _, c in pulses[name]}), default=None)
