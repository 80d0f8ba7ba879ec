"""One stream over all its interruptions: it falls silent, is lost, and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable

from core.feed.pace import Pace
from core.stream.discovery import FoundStream, StreamFacts, StreamIdentity
from core.stream.inlet import Block, Inlet
from core.stream.reconnecting import Search, difference
from realtime.engine.snapshot import Offer

_PATIENCE = 2.0  # s for which samples wait for a machine that is too slow, then are dropped
_READ = 0.05  # s that reading waits: how often silence is looked for
_SILENT_AFTER = 0.4  # s without a sample; seen and said within half a second
_CHUNKS = 1.5  # times as long as the longest of its newest chunks a sender may take for the next
_LONGEST_CHUNK = 1.0  # s; what comes at once and is longer is no chunk but has been held up
_SEARCH_AFTER = 2.0  # s of silence after which the sender may have been started anew
_SKEWED = 60.0  # s by which stamps are off if they say nothing about the age of a sample
_OPEN = 2.0  # s that a sender has to open its stream
_LATE = 1.0  # s after which a decision is too late if a newer one can be made
_REAL_TIME = 36.0  # s an hour: with more drift, stamps are not those of real time


class Link:
    """Reads a stream, watches over it, and finds it again when it is lost.

    Parameters
    ----------
    inlet : Inlet
        Open. The link closes it.
    check : callable
        Raises `InputError` if a stream cannot take the place of the lost one.
    clock : callable
        The LSL clock of this machine, in seconds.
    note : callable
        Told what happens: a kind ("silent", "lost", "back", "offer" or "refused") and a sentence.
    accept_any : bool
        Take a stream of the same name and type in place of the lost one without being asked.

    Attributes
    ----------
    facts : StreamFacts
        Of the stream that is read now.
    pace : Pace
        Of its sender's clock.
    """

    def __init__(
        self,
        inlet: Inlet,
        check: Callable[[StreamFacts], object],
        clock: Callable[[], float],
        note: Callable[[str, str], None],
        accept_any: bool = False,
    ) -> None:
        self.pace = Pace()
        self._inlet = inlet
        self._check = check
        self._clock = clock
        self._note = note
        self._accept_any = accept_any
        self._search: Search | None = None
        self._opened = clock()  # s, since when samples are awaited
        self._arrival: float | None = None  # s, of the newest sample that was read
        self._block: tuple[float, float, float] | None = None  # of the newest one, as `late` needs
        self._away: float | None = None  # s without samples, until somebody asks
        self._anew = False  # whether another inlet was opened since the newest sample
        self._said = "ok"  # condition that was last noted
        self._noted: set[str] = set()  # offers and problems said since the stream was lost
        self._dropped = 0  # samples, by earlier inlets
        self._chunks: tuple[float, ...] = ()  # s of signal that came at once, the newest ten
        self._stop = threading.Event()

    @property
    def facts(self) -> StreamFacts:
        """Of the stream that is read now."""
        return self._inlet.facts

    @property
    def correction(self) -> float:
        """What must be added to stamps to have them on this machine's clock, in seconds."""
        return self._inlet.correction

    @property
    def dropped_samples(self) -> int:
        """Samples that were dropped because nobody read them in time."""
        return self._dropped + self._inlet.dropped_samples

    @property
    def quiet(self) -> float:
        """Seconds since the newest sample came."""
        newest = self._inlet.newest_arrival or self._arrival or self._opened
        return max(0.0, self._clock() - newest)

    @property
    def condition(self) -> str:
        """Whether samples come: "ok", "silent", or "lost" if the sender is gone."""
        if self._inlet.lost:
            return "lost"
        usual = _CHUNKS * max(self._chunks, default=0.0)
        return "silent" if self.quiet >= max(_SILENT_AFTER, usual) else "ok"

    @property
    def words(self) -> str:
        """What the condition means and what is done about it; empty while it is "ok"."""
        condition, search = self.condition, self._search
        if condition == "ok":
            return ""
        if condition == "lost":
            said = f"The stream ended or was lost {self.quiet:.0f} s ago; looking for it."
        elif self._anew:
            said = f"The stream is there again, but has sent nothing for {self.quiet:.1f} s."
        else:
            said = f"The stream is there but has sent nothing for {self.quiet:.1f} s."
        if search is not None and search.problem:
            said += f" What was found cannot take its place: {search.problem}"
        return said

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Streams that may be the lost one, for a person to say."""
        search, lost = self._search, self._inlet.facts.identity
        if search is None or self.condition == "ok":
            return ()
        return tuple(_offer(found, lost) for found in search.offers)

    def accept(self, uid: str) -> None:
        """Take an offered stream in place of the lost one."""
        if (search := self._search) is not None:
            search.accept(uid)

    def read(self) -> Block | None:
        """Return what has come, waiting a little; None if nothing has."""
        block = self._inlet.read(timeout=_READ)
        if block is not None and len(block.stamps):
            self._arrived(block)
            return block
        self._look()
        if self._inlet.lost:  # reading returns at once from now on
            self._stop.wait(_READ)
        return None

    def away(self) -> float | None:
        """Return, once, for how long the stream that was just read anew had been away."""
        away, self._away = self._away, None
        return away

    def stream_now(self) -> float:
        """Return the sender's clock now, in seconds.

        Stamps that are off by a minute or more are set against the time of their arrival.
        """
        usual = self.pace.usual
        offset = self._inlet.correction
        if usual is not None and abs(usual - offset) > _SKEWED:
            offset = usual
        return self._clock() - offset

    def late(self, stamp: float) -> bool:
        """Return whether a sample of the newest block has waited too long by now.

        Parameters
        ----------
        stamp : float
            Of the sample. Samples that came before the first was read are never late.

        Notes
        -----
        A sample waits for this machine to read it, or came in a burst after its sender had
        stalled. The samples of a block are taken to have come evenly since the one before.
        """
        if self._block is None:
            return False
        begun, span, newest = self._block
        assert self._arrival is not None
        share = min(max((newest - stamp) / span, 0.0), 1.0) if span > 0 else 0.0
        came = self._arrival - share * (self._arrival - begun)
        usual, drift = self.pace.usual, self.pace.drift
        if usual is not None and drift is not None and abs(drift) < _REAL_TIME:
            came = min(came, stamp + usual)
        return self._clock() - came > _LATE

    def close(self) -> None:
        """End the search, and close the stream."""
        self._stop.set()
        if self._search is not None:
            self._search.close(wait=True)
        self._inlet.close()

    def _arrived(self, block: Block) -> None:
        if self._search is not None:  # it came back by itself
            self._search.close()
            self._search = None
        before = self._arrival if self._arrival is not None else self._opened
        gone = block.arrival - before
        if self._anew:
            self._anew, self._away = False, gone
        if self._said != "ok":
            self._say("ok", "back", f"The stream is back after {gone:.1f} s.")
            self._noted.clear()
        if self._arrival is not None:
            first, newest = float(block.stamps[0]), float(block.stamps[-1])
            self._block = (self._arrival, newest - first, newest)
        self._inlet.patience = _PATIENCE
        chunk = len(block.stamps) / self.facts.rate
        # A new tuple, as other threads look at it.
        self._chunks = (*self._chunks[-9:], chunk if chunk <= _LONGEST_CHUNK else 0.0)
        self._arrival = block.arrival
        self.pace.take(float(block.stamps[-1]), block.arrival)

    def _look(self) -> None:
        condition = self.condition
        if condition != "ok" and condition != self._said:
            self._say(condition, condition, self.words)
        if condition == "ok":
            return
        if self._search is None:
            if condition == "lost" or self.quiet >= _SEARCH_AFTER:
                self._search = Search(
                    self.facts.identity,
                    self._check,
                    self._open,
                    self._accept_any,
                    gone=condition == "lost",
                )
            return
        self._search.gone = condition == "lost"
        if (inlet := self._search.take()) is not None:
            self._replace(inlet)
            return
        for kind, words in (
            ("refused", self._search.problem),
            *(("offer", offer.words) for offer in self.offers),
        ):
            if words and words not in self._noted:
                self._noted.add(words)
                self._note(kind, words)

    def _open(self, found: FoundStream) -> Inlet:
        return Inlet(found, timeout=_OPEN)

    def _replace(self, inlet: Inlet) -> None:
        """Go on with a stream that was found."""
        self._search = None  # it has ended
        self._dropped += self._inlet.dropped_samples
        self._inlet.close()
        if self._arrival is None:
            self._arrival = self._opened
        self._inlet, self._anew = inlet, True
        self.pace.restart()

    def _say(self, condition: str, kind: str, words: str) -> None:
        self._said = condition
        self._note(kind, words)


def _offer(found: FoundStream, lost: StreamIdentity) -> Offer:
    return Offer(
        found.identity.uid,
        f'Another sender offers a stream "{lost.name}" with {difference(found.identity, lost)} '
        f"({found.channel_count} channels, {found.rate:g} Hz).",
    )
