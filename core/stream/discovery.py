"""Finding one stream among those on the network."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

from core.errors import InputError, check_number
from core.stream.description import FoundStream, StreamIdentity, described
from core.suggestions import did_you_mean

_LOG = logging.getLogger("eegpt.stream")
_POLL = 0.05  # s between two looks at what has been found
_SETTLE = 0.5  # s after the first match in which another one may show up
FORGET = 2.0  # s after which a stream that stopped answering is no longer listed
_FLAGS = {"name": "--stream", "type": "--type", "source_id": "--source-id", "host": "--host"}


@dataclass(frozen=True)
class StreamQuery:
    """What is known of the stream that is wanted; None where anything will do.

    Attributes
    ----------
    stream : str, optional
        Its name, else its type: a stream of that name hides those of that type.
    name, type, source_id, host, uid : str, optional
        Exactly as the stream gives them.
    """

    stream: str | None = None
    name: str | None = None
    type: str | None = None
    source_id: str | None = None
    host: str | None = None
    uid: str | None = None

    @classmethod
    def of(cls, known: StreamIdentity) -> StreamQuery:
        """Return a query for a stream that was seen, whenever it was started.

        What it left empty is matched too: a stream of its name that has a source_id where it has
        none is another one.
        """
        return cls(name=known.name, type=known.type, source_id=known.source_id, host=known.host)

    def among(self, streams: Sequence[FoundStream]) -> list[FoundStream]:
        """Return those that match."""
        wanted = {
            f.name: value
            for f in fields(StreamIdentity)
            if (value := getattr(self, f.name)) is not None
        }
        fitting = [
            s for s in streams if all(getattr(s.identity, key) == wanted[key] for key in wanted)
        ]
        if self.stream is None:
            return fitting
        named = [s for s in fitting if s.identity.name == self.stream]
        return named or [s for s in fitting if s.identity.type == self.stream]

    def __str__(self) -> str:
        """Return the query in words."""
        parts = [f'"{self.stream}"'] if self.stream is not None else []
        known = [(f.name, getattr(self, f.name)) for f in fields(StreamIdentity)]
        parts += [
            f'with {key} "{value}"' if value else f"without {key}"
            for key, value in known
            if value is not None
        ]
        return " ".join(parts) or "of any name"


def list_streams(wait: float = 1.0) -> list[FoundStream]:
    """Return every stream of others that answers within `wait` seconds, by name."""
    import pylsl

    return [s for s in described(pylsl.resolve_streams(wait_time=wait)) if not s.is_own]


def heard_streams(wait: float = 1.0) -> Iterator[FoundStream]:
    """Give every stream of others as soon as it answers, for `wait` seconds."""
    import pylsl

    resolver = pylsl.ContinuousResolver(forget_after=FORGET)
    end = pylsl.local_clock() + wait
    known: set[StreamIdentity] = set()
    while True:
        for stream in described(resolver.results()):
            if stream.identity not in known and not stream.is_own:
                known.add(stream.identity)
                yield stream
        if pylsl.local_clock() >= end:
            return
        time.sleep(_POLL)


def find_stream(
    query: StreamQuery,
    timeout: float = 5.0,
    cancel: threading.Event | None = None,
    markers: bool = False,
) -> FoundStream:
    """Wait for the one stream that matches a query.

    Returns as soon as exactly one match is known and half a second has shown no other.

    Parameters
    ----------
    query : StreamQuery
        What is known of it.
    timeout : float
        Seconds to wait for a first match.
    cancel : Event, optional
        Ends the wait from another thread.
    markers : bool
        Whether a stream of markers (strings, irregular) is wanted rather than a signal
        (numbers, regular). Streams of the other kind do not count; of signals, neither do those
        that the programs send themselves, unless `query` has that `name`.

    Returns
    -------
    FoundStream

    Raises
    ------
    InputError
        If no stream matches in time, several do, or the wait was cancelled.
    """
    import pylsl

    check_number("The time to look for a stream", timeout, 0.0, 86_400.0, " s")
    cancel = cancel or threading.Event()
    resolver = pylsl.ContinuousResolver(forget_after=FORGET)
    deadline = pylsl.local_clock() + timeout
    settled = math.inf  # LSL clock at which the first match has been known long enough
    while True:
        visible = described(resolver.results())
        matches = query.among([s for s in visible if _is_wanted(s, query, markers)])
        now = pylsl.local_clock()
        if not matches:
            settled = math.inf
            if now >= deadline:
                raise InputError(_absent(query, timeout, visible, markers))
        else:
            settled = min(settled, now + _SETTLE)
            if now >= settled:
                break
        if cancel.wait(_POLL):
            raise InputError(f"The search for a stream {query} was cancelled.")
    if len(matches) > 1:
        raise InputError(_ambiguous(query, matches))
    _LOG.info("found: %s", matches[0])
    return matches[0]


def _is_wanted(stream: FoundStream, query: StreamQuery, markers: bool) -> bool:
    if markers:
        return stream.is_markers
    return stream.is_signal and not (stream.is_own and query.name is None)


def _absent(
    query: StreamQuery, timeout: float, visible: Sequence[FoundStream], markers: bool
) -> str:
    kind = "marker stream" if markers else "stream with a regular rate"
    if (matching := query.among(visible)) and not markers:
        problems = " ".join(map(_unfit, matching))
        return f"No {kind} {query} was found within {timeout:g} s. {problems}"
    others = [stream for stream in visible if not stream.is_own]
    seen = "".join(f"\n  {stream}" for stream in others)
    names = [stream.identity.name for stream in others]
    meant = "" if query.stream is None else did_you_mean(query.stream, names)
    return (
        f"No {kind} {query} was found within {timeout:g} s.{meant} "
        + (f"Visible are:{seen}\n" if seen else "No stream at all is visible. ")
        + "Check that the sender is running, on this network, and not blocked by a firewall."
    )


def _unfit(stream: FoundStream) -> str:
    """Say what a stream is that cannot be decoded."""
    if stream.is_own:
        name = stream.identity.name
        return f'Stream "{name}" is sent by eegpt-realtime or eegpt-calibrate itself and is no EEG.'
    return stream.problem


def _ambiguous(query: StreamQuery, matches: Sequence[FoundStream]) -> str:
    listed = "".join(f"\n  {stream}" for stream in matches)
    telling = [
        flag
        for part, flag in _FLAGS.items()
        if len({getattr(stream.identity, part) for stream in matches}) > 1
    ]
    advice = (
        f"Say which one is meant: {', '.join(telling)} can tell them apart."
        if telling
        else "Only the uid of this start differs between them; stop all but one of them."
    )
    return f"{len(matches)} streams match {query}:{listed}\n{advice}"
