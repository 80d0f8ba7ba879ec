"""Finding a lost stream again: the same sender by itself, another one only when allowed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from core.errors import InputError
from core.stream.description import FoundStream, StreamFacts, StreamIdentity, described
from core.stream.discovery import FORGET
from core.stream.inlet import Inlet

_LOOK = 0.05  # s between two looks at what has answered
_SETTLE = 0.5  # s in which a second stream of the kind may show up
_TWIN = 0.5  # s before another's last sample that a sender was created, if it ran beside it
_OPEN = 2.0  # s that a sender has to open its stream
_PROBE, _LONGEST = 3.0, 60.0  # s before another connection to a silent sender; at most, later
_SENDS = 2.0  # s in which something has to come on it


class Reconnector:
    """Looks for a stream that was lost, in a thread of its own, until it is closed.

    A stream with the same name, type, source_id and host is the lost one, started again: it is
    opened at once. One that differs in source_id or host only is offered, and opened when
    somebody says so. liblsl's own recovery is not used: it never finds a sender whose source_id
    is empty or has changed, and takes one whose rate has changed without a word.

    Parameters
    ----------
    lost : StreamIdentity
    check : callable
        Raises `InputError` if a stream cannot take the place of the lost one.
    accept_any : bool
        Take a stream that differs in source_id or host too, if it is the only one.
    gone : bool
        Whether the old sender is known to be gone. If not, its stream may still go on, and
        another one is only taken once the old one answers no more. Where it answers, its connection
        may have broken without a word, as by a network that was down: now and then another one is
        opened, and taken if something comes on it.

    Attributes
    ----------
    offers : tuple of FoundStream
        Streams of that name and type, none of them surely the lost one.
    problem : str
        Why a stream that was found is not taken, in words; else empty.
    taken : FoundStream or None
        The stream that `take` gives.
    """

    def __init__(
        self,
        lost: StreamIdentity,
        check: Callable[[StreamFacts], object],
        accept_any: bool = False,
        gone: bool = True,
    ) -> None:
        self.offers: tuple[FoundStream, ...] = ()
        self.problem = ""
        self.taken: FoundStream | None = None
        self.gone = gone
        self._lost = lost
        self._check = check
        self._accept_any = accept_any
        self._accepted: str | None = None  # uid
        self._refused: dict[str, str] = {}  # uid -> why
        self._known: dict[str, float] = {}  # uid -> when it was first seen, in s
        self._probed: float | None = None  # s, when another connection was tried last
        self._pause = _PROBE  # s until the next
        self._reconnected: Inlet | None = None
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconnect", daemon=True)
        self._thread.start()

    def take(self) -> Inlet | None:
        """Return the stream that was found, open, once; it is the caller's from then on."""
        with self._lock:
            inlet, self._reconnected = self._reconnected, None
            return inlet

    def accept(self, uid: str) -> None:
        """Open a stream that was offered."""
        self._accepted = uid

    def close(self, wait: bool = False) -> None:
        """End the search, and close what was found and not taken. May be called again."""
        self._stop.set()
        if wait:
            self._thread.join()
        if (inlet := self.take()) is not None:
            inlet.close()

    def _run(self) -> None:
        import pylsl

        # New, so that the dead sender is not in it; it asks again and again, which matters on a
        # busy machine, where a single question is lost.
        resolver = pylsl.ContinuousResolver(forget_after=FORGET)
        while not self._stop.wait(_LOOK):
            try:
                visible = described(resolver.results())
            except Exception as error:  # from the network comes anything; the search goes on
                self.problem = f"What was found could not be read: {error}."
                continue
            chosen = self._choose(visible, pylsl.local_clock())
            if chosen is not None and self._try(chosen):
                return

    def _choose(self, visible: Sequence[FoundStream], now: float) -> FoundStream | None:
        """Return the stream to open now, if there is one, and say what there is otherwise."""
        unfit = next((s.problem for s in relatives(visible, self._lost)[0] if s.problem), "")
        same, others = relatives([s for s in visible if s.is_signal], self._lost)
        uids = {stream.identity.uid for stream in (*same, *others)}
        self._refused = {uid: why for uid, why in self._refused.items() if uid in uids}
        self.problem = next(iter(self._refused.values()), unfit)
        if not self.gone and self._lost.uid in uids:
            self.offers = ()  # it is there, and may go on
            silent = next(s for s in (*same, *others) if s.identity.uid == self._lost.uid)
            return silent if self._due(now) else None
        self._probed, self._pause = None, _PROBE
        self.offers = (
            ()
            if same
            else tuple(stream for stream in others if stream.identity.uid not in self._refused)
        )
        if self._accepted in uids:
            return next(s for s in (*same, *others) if s.identity.uid == self._accepted)
        if len(same) > 1:
            self.problem = (
                f"{len(same)} streams answer to this name, source_id and host; stop all but one."
            )
            return None
        chosen = same or (others if self._accept_any and len(others) == 1 else [])
        if not chosen or chosen[0].identity.uid in self._refused:
            return None
        since = self._known.setdefault(chosen[0].identity.uid, now)
        # Without a source_id only time shows whether there is another such stream.
        sure = self.gone and bool(same and self._lost.source_id)
        return chosen[0] if sure or now - since >= _SETTLE else None

    def _due(self, now: float) -> bool:
        """Whether it is time for another connection to a silent sender that answers."""
        if self._probed is None:  # it answers from now on
            self._probed = now
        if now - self._probed < self._pause:
            return False
        self._probed, self._pause = now, min(2.0 * self._pause, _LONGEST)
        return True

    def _sends(self, inlet: Inlet) -> bool:
        """Wait for something that comes; return whether anything has."""
        for _ in range(round(_SENDS / _LOOK)):
            if inlet.newest_arrival is not None or self._stop.wait(_LOOK):
                break
        return inlet.newest_arrival is not None

    def _try(self, chosen: FoundStream) -> bool:
        try:
            inlet = Inlet(chosen, timeout=_OPEN)
        except InputError:
            return False  # announced, and gone again or not yet ready: look once more
        except Exception as error:  # whatever else a sender can bring about
            self._refused[chosen.identity.uid] = self.problem = f"It could not be opened: {error}."
            return False
        try:
            self._check(inlet.facts)
        except Exception as error:
            inlet.close()
            self._refused[chosen.identity.uid] = self.problem = str(error)
            self._accepted = None
            return False
        if chosen.identity.uid == self._lost.uid and not (self.gone or self._sends(inlet)):
            inlet.close()
            return False
        with self._lock:
            self._reconnected, self.taken = inlet, chosen
        if self._stop.is_set():
            self.close()
        return True


def relatives(
    visible: Sequence[FoundStream], lost: StreamIdentity
) -> tuple[list[FoundStream], list[FoundStream]]:
    """Return the streams that are a lost one started again, and those of its name and type only."""
    alike = [
        stream
        for stream in visible
        if (stream.identity.name, stream.identity.type) == (lost.name, lost.type)
    ]
    same = [
        stream
        for stream in alike
        if (stream.identity.source_id, stream.identity.host) == (lost.source_id, lost.host)
    ]
    return same, [stream for stream in alike if stream not in same]


def difference(stream: StreamIdentity, lost: StreamIdentity) -> str:
    """Say in words in what a stream's identity differs from a lost one's."""
    parts = [
        f'{label} "{new}" instead of "{old}"'
        for label, new, old in (
            ("source_id", stream.source_id, lost.source_id),
            ("host", stream.host, lost.host),
        )
        if new != old
    ]
    return " and ".join(parts)


def takeover_words(taken: FoundStream, lost: StreamIdentity, last_heard: float) -> str:
    """Say that a stream which takes a lost one's place is not the same sender started again.

    Parameters
    ----------
    taken : FoundStream
    lost : StreamIdentity
    last_heard : float
        When the lost one's last sample came, in seconds of its sender's LSL clock.

    Returns
    -------
    str
        A sentence; empty for the same sender, or for one that was started after the loss.
    """
    if taken.identity.uid == lost.uid:
        return ""
    if differs := difference(taken.identity, lost):
        return f"The stream comes from another sender now, with {differs}."
    if taken.created_at < last_heard - _TWIN:
        return (
            f'A second sender of the same name and source_id on "{lost.host}", which ran beside '
            "the lost one, has taken its place; stop it if it is not the amplifier's."
        )
    return ""
