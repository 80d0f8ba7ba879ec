"""What is known before a session, and whether it may begin. No Qt, so both sides lean on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from calibration.session.progress import size
from core import units
from core.electrodes import is_site
from core.errors import InputError
from core.montage import match
from core.recordings import Recording
from core.recordings.amplitude import TYPICAL_UV, amplitude_uv
from core.signal.monitor import ChannelStatus, Traces
from core.signal.quality import suspected_factor
from core.stream.description import StreamFacts

FEWEST_ELECTRODES = 2
"""Without two electrodes there is nothing to compare."""


@dataclass(frozen=True)
class ChannelRow:
    """One channel of the stream as the model will see it.

    Attributes
    ----------
    label : str
        As the stream calls it.
    electrode : str or None
        As the model calls it; None where it does not know it.
    how : str
        "matched", "aliased" or "ignored".
    unit : str
        As the stream gives it.
    factor : float or None
        From that unit to µV; None where the unit is unknown.
    """

    label: str
    electrode: str | None
    how: str
    unit: str
    factor: float | None


def channel_rows(
    labels: Sequence[str], given_units: Sequence[str], known: Sequence[str]
) -> tuple[tuple[ChannelRow, ...], tuple[str, ...]]:
    """Return how a stream's channels meet the electrodes that a model knows.

    Returns
    -------
    rows : tuple of ChannelRow
        One for every channel, in the stream's order.
    missing : tuple of str
        Electrodes that the model knows and the stream does not have.

    Raises
    ------
    InputError
        If two labels mean the same electrode.
    """
    matches = match(labels, known)
    carried = dict(zip(matches.indices, matches.channels, strict=True))
    rows = []
    for index, (label, unit) in enumerate(zip(labels, given_units, strict=True)):
        site = carried.get(index)
        how = "ignored" if site is None else "aliased" if label in matches.aliased else "matched"
        try:
            factor = units.factor(unit or "uV", "uV")  # said by `StreamFacts.warnings`
        except InputError:
            factor = None
        rows.append(ChannelRow(label, site, how, unit, factor))
    return tuple(rows), matches.missing


@dataclass(frozen=True)
class SetupState:
    """Everything that the first screen shows.

    Attributes
    ----------
    stream, host : str
        Name of the stream and where it comes from; empty while none is chosen.
    rate : float
        Its nominal rate in Hz.
    live : bool
        Whether samples are arriving.
    rows : tuple of ChannelRow
    missing : tuple of str
        From `channel_rows`.
    channels : tuple of ChannelStatus
        All channels, and how they look.
    subject, session, run : str
        As they will be used; empty where unknown.
    folder : str
        Of the data set.
    free_bytes, needed_bytes : int
        On its disk, and what a session takes.
    minutes : float
        How long the session will take.
    stream_problem, person_problem : str
        Why the stream, or the labels of the person, cannot be used: the words of an
        `InputError`; empty where all is well.
    remarks : tuple of str
        Worth knowing, such as the stream's own warnings.
    doubts : tuple of str
        What cannot be known of the stream.
    motor : str
        That it has no electrode over the motor cortex; empty where it has.
    """

    stream: str = ""
    host: str = ""
    rate: float = 0.0
    live: bool = False
    rows: tuple[ChannelRow, ...] = ()
    missing: tuple[str, ...] = ()
    channels: tuple[ChannelStatus, ...] = ()
    subject: str = ""
    session: str = ""
    run: str = ""
    folder: str = ""
    free_bytes: int = 0
    needed_bytes: int = 0
    minutes: float = 0.0
    stream_problem: str = ""
    person_problem: str = ""
    remarks: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    motor: str = ""


def implausible_stream(raw_uv: np.ndarray, rate: float, rows: Sequence[ChannelRow]) -> str:
    """Return in a sentence that a stream's amplitude cannot be that of EEG; empty if it may be.

    Parameters
    ----------
    raw_uv : ndarray, shape (samples, channels)
        The newest signal, in µV.
    rate : float
        In Hz.
    rows : sequence of ChannelRow
        One for every channel.
    """
    used = [i for i, row in enumerate(rows) if row.electrode is not None and row.factor is not None]
    if not used or len(raw_uv) < rate:
        return ""
    labels = tuple(rows[index].label for index in used)
    signal = Recording(raw_uv[:, used], rate, labels, (), (), Path("stream"), "")
    deviation = amplitude_uv(signal)
    wrong_by = None if deviation is None else suspected_factor(deviation, TYPICAL_UV)
    if deviation is None or wrong_by is None:
        return ""
    shown = f"{deviation:.0f}" if deviation >= 10.0 else f"{deviation:.2g}"
    return (
        f"The stream has an amplitude of {shown} µV, where EEG has about {TYPICAL_UV:g} µV "
        f"(standard deviation above 1 Hz, median over channels): its unit looks wrong by a factor "
        f"of {wrong_by:g}; give the right one with --unit, or check that the electrodes are "
        "connected."
    )


def obstacles(state: SetupState) -> tuple[str, ...]:
    """Return why the session cannot begin yet, in plain words; empty when it can."""
    reasons = []
    if state.stream_problem:
        reasons.append(state.stream_problem)
    elif not state.stream:
        reasons.append("Choose the stream of the amplifier.")
    else:
        reasons += _stream_obstacles(state)
    if state.person_problem:
        reasons.append(state.person_problem)
    elif not state.subject:
        reasons.append("Say whose session this is.")
    if state.free_bytes < state.needed_bytes:
        reasons.append(
            f"The disk has {size(state.free_bytes)} left, and a session takes "
            f"{size(state.needed_bytes)}; make room, or choose another folder."
        )
    return tuple(reasons)


def _stream_obstacles(state: SetupState) -> list[str]:
    used = [row for row in state.rows if row.electrode is not None]
    if len(used) < FEWEST_ELECTRODES:
        first = ", ".join(row.label for row in state.rows[:4]) + " ..." * (len(state.rows) > 4)
        sites = sum(is_site(row.label) for row in state.rows)
        hint = " Name its channels after electrodes of the 10-05 system (--channels)."
        return [
            f"The encoder knows {len(used)} of the stream's channels ({first}); at least "
            f"{FEWEST_ELECTRODES} are needed." + hint * (sites < FEWEST_ELECTRODES)
        ]
    unknown = [row for row in used if row.factor is None]
    if unknown:
        return [
            f'The unit "{unknown[0].unit}" of {unknown[0].label}'
            + (f" and of {len(unknown) - 1} more" if len(unknown) > 1 else "")
            + " is not a voltage this program knows (such as V, mV or uV); say it with --unit."
        ]
    return [] if state.live else ["The stream sends nothing; start the amplifier."]


class Preparation(Protocol):
    """What is prepared before a session, as the first screen sees it; every call is cheap."""

    def state(self) -> SetupState:
        """Return what is known right now."""
        ...

    def list_streams(self) -> Sequence[Any]:
        """Return the streams on the network; called from another thread, and may take long."""
        ...

    def choose_stream(self, stream: Any) -> None:
        """Take one of them; connecting goes on in the background."""
        ...

    def choose_again(self) -> None:
        """Open the chosen stream anew, with the names that were kept for it meanwhile."""
        ...

    @property
    def sent(self) -> StreamFacts | None:
        """What the chosen stream says of itself."""
        ...

    @property
    def home(self) -> Path | None:
        """The programs' folder, where names are kept."""
        ...

    def new_subject(self) -> str:
        """Return a label that is nobody's yet."""
        ...

    def name_person(self, subject: str, session: str, run: str) -> None:
        """Take labels as they were typed; an empty run is the next free one."""
        ...

    def traces(self, seconds: float) -> Traces:
        """Return a copy of the newest filtered signal of all channels, oldest first."""
        ...

    def raw(self) -> np.ndarray:
        """Return the newest two seconds as received, shape (samples, channels), in µV."""
        ...
