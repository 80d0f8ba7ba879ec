"""Sending: signals, markers, decisions and what tasks say of windows, as LSL streams."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from core.errors import InputError
from core.stream.description import DECISIONS, PROBABILITIES, SCALE, SIMILARITIES

if TYPE_CHECKING:
    from pylsl import StreamInfo

SOFTWARE = "eegpt-realtime"
_LOG = logging.getLogger("eegpt.stream")


def local_source_id(name: str) -> str:
    """Return a source_id that stays the same from start to start on this machine."""
    return f"{SOFTWARE}/{socket.gethostname()}/{name}"


def own_source_id(name: str) -> str:
    """Return a source_id that no other outlet has, also of this name and on this machine.

    Two programs that run at once would otherwise be one sender to a receiver, which may go on
    with the other's decisions when one of them ends.
    """
    return f"{local_source_id(name)}/{uuid4().hex}"


class _Outlet:
    """What every stream that is sent has in common."""

    def __init__(self, info: StreamInfo) -> None:
        import pylsl

        self.name, self.type, self.source_id = info.name(), info.type(), info.source_id()
        self._outlet: Any = pylsl.StreamOutlet(info)

    def has_consumers(self) -> bool:
        """Return whether anyone is receiving."""
        heard: bool = self._outlet.have_consumers()
        return heard

    def wait_for_consumer(self, timeout: float) -> bool:
        """Wait until someone is receiving; return whether someone is."""
        heard: bool = self._outlet.wait_for_consumers(timeout)
        return heard

    def close(self) -> None:
        """End the stream. What receivers have not read by now is lost to them."""
        self._outlet = None


class SignalOutlet(_Outlet):
    """A regular stream of float32 channels with its full description.

    Parameters
    ----------
    name, type : str
        What the stream is called, and what it carries (``EEG``).
    labels : sequence of str
        Of each channel.
    unit : str
        Of every channel, such as ``microvolts``; empty where the values have none.
    rate : float
        Nominal rate in Hz.
    source_id : str
        The same from start to start, so that a receiver knows the sender again.
    speed : float
        How many seconds of the stream pass in one of real time: 1 but for replays.
    """

    def __init__(
        self,
        name: str,
        type: str,
        labels: Sequence[str],
        unit: str,
        rate: float,
        source_id: str,
        speed: float = 1.0,
    ) -> None:
        import pylsl

        if not name.strip() or not labels:
            raise InputError("A stream needs a name and at least one channel.")
        info = pylsl.StreamInfo(name, type, len(labels), rate, "float32", source_id)
        info.desc().append_child_value("manufacturer", SOFTWARE)
        if speed != 1.0:
            info.desc().append_child_value("speed", repr(float(speed)))
        channels = info.desc().append_child("channels")
        for label in labels:
            channel = channels.append_child("channel")
            channel.append_child_value("label", label)
            if unit:
                channel.append_child_value("unit", unit)
            channel.append_child_value("type", type)
        self.labels, self.unit, self.rate = tuple(labels), unit, rate
        super().__init__(info)
        _LOG.info('sending: "%s", %d channels at %g Hz', name, len(labels), rate)

    def push(self, samples: np.ndarray, stamps: np.ndarray) -> None:
        """Send samples with the stamp of each.

        Parameters
        ----------
        samples : ndarray, shape (n, channels)
            In the outlet's unit.
        stamps : ndarray, shape (n,)
            In seconds of the LSL clock.
        """
        # Stamp by stamp: liblsl would otherwise work them out from the last one.
        self._outlet.push_chunk(samples.astype(np.float32, copy=False), stamps.tolist())


class MarkerOutlet(_Outlet):
    """A stream of markers: one string channel, type ``Markers``, no regular rate.

    Parameters
    ----------
    name : str
        What the stream is called.
    source_id : str, optional
        By default one that is new at every start: `own_source_id`.
    """

    def __init__(self, name: str, source_id: str | None = None) -> None:
        import pylsl

        source_id = source_id or own_source_id(name)
        info = pylsl.StreamInfo(name, "Markers", 1, pylsl.IRREGULAR_RATE, "string", source_id)
        info.desc().append_child_value("manufacturer", SOFTWARE)
        super().__init__(info)

    def push(self, text: str, time: float) -> None:
        """Send a marker for a moment of the LSL clock, in seconds."""
        self._outlet.push_sample([text], time)


class DecisionOutlet(MarkerOutlet):
    """The stream ``EEGPT-Decisions``: one JSON string a decision."""

    def __init__(self) -> None:
        super().__init__(DECISIONS)


class ValueOutlet:
    """A stream of what is said of each window: one float32 channel a value, one sample a decision.

    Its rate is the nominal decision rate, so that receivers that only know regular streams can
    use it; where a window was refused the sample is there but holds NaN, so that the
    grid has no holes that a receiver which smooths stamps would close.

    Parameters
    ----------
    name, type : str
        What the stream is called, and what it carries.
    labels : sequence of str
        Of the channels.
    rate : float
        Decisions a second.
    """

    def __init__(self, name: str, type: str, labels: Sequence[str], rate: float) -> None:
        self._outlet = SignalOutlet(name, type, labels, "", rate, own_source_id(name))
        self.name, self.source_id = name, self._outlet.source_id
        self._refused = np.full(len(labels), np.nan, dtype=np.float32)

    def push(self, values: Sequence[float] | np.ndarray | None, time: float) -> None:
        """Send the values of one window, or None for a refused one.

        Parameters
        ----------
        values : sequence of float, shape (channels,), or None
            In the order of the channels.
        time : float
            LSL clock of the window's last sample, in seconds.
        """
        row = self._refused if values is None else np.asarray(values)
        self._outlet.push(row[None, :], np.array([time]))


class ProbabilityOutlet(ValueOutlet):
    """Probabilities of a task's classes: ``EEGPT-Probabilities``, of other tasks with their name.

    Parameters
    ----------
    classes : sequence of str
        They label the channels.
    rate : float
        Decisions a second.
    task : str
        Name of a task beside the first; empty for the first.
    """

    def __init__(self, classes: Sequence[str], rate: float, task: str = "") -> None:
        name = f"{PROBABILITIES}-{task}" if task else PROBABILITIES
        super().__init__(name, "Probabilities", classes, rate)


class SimilarityOutlet(ValueOutlet):
    """Similarities of a gallery's entries, which label the channels: ``EEGPT-Similarities-TASK``.

    Parameters
    ----------
    entries : sequence of str
    rate : float
        Decisions a second.
    task : str
    """

    def __init__(self, entries: Sequence[str], rate: float, task: str) -> None:
        super().__init__(f"{SIMILARITIES}-{task}", "Similarities", entries, rate)


class ScaleOutlet(ValueOutlet):
    """A number and the ends of its interval: ``EEGPT-Scale-TASK``.

    Parameters
    ----------
    rate : float
        Decisions a second.
    task : str
    """

    def __init__(self, rate: float, task: str) -> None:
        super().__init__(f"{SCALE}-{task}", "Scale", ("value", "low", "high"), rate)
