"""An LSL stream over all its interruptions: it falls silent, is lost, and comes back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.errors import InputError
from core.feed.segments import Segmenter
from core.machine.sleep import seconds_asleep
from core.stream.description import FoundStream, StreamFacts, StreamIdentity
from core.stream.inlet import Block, Inlet
from core.stream.reconnecting import Reconnector, difference, takeover_words
from core.stream.stream_feed import Overrides, Received, SignalSource, StreamFeed, segmenter_of

_PATIENCE = 2.0  # s for which samples wait for a machine that is too slow, then are dropped
_READ = 0.05  # s that reading waits: how often silence is looked for
_SILENT_AFTER = 0.4  # s without a sample; seen and said within half a second
_CHUNKS = 1.5  # times as long as the longest of its newest chunks a sender may take for the next
_LONGEST_CHUNK = 1.0  # s; what comes at once and is longer is no chunk but has been held up
_SEARCH_AFTER = 2.0  # s of silence after which the sender may have been started anew
_SKEWED = 60.0  # s by which stamps are off if they say nothing about the age of a sample
_ASLEEP = 1.0  # s of sleep after which what was buffered and measured before is worth nothing
_REAL_TIME = 36.0  # s an hour: with more drift, stamps are not those of real time


@dataclass(frozen=True)
class Offer:
    """A stream that may be the lost one, for a person to say."""

    uid: str
    words: str  # a sentence: in what it differs


class ReconnectingFeed(StreamFeed):
    """Gives the segments of a stream, watches over it, and finds it again when it is lost.

    Parameters
    ----------
    source : SignalSource
        Open; closed with the feed.
    overrides : Overrides
    check : callable
        Raises `InputError` if a stream, as it would be cut, cannot take the place of the lost one.
    note : callable
        Told what happens: a kind ("silent", "lost", "back", "offer" or "refused") and a sentence.
    accept_any : bool
        Take a stream of the same name and type in place of the lost one without being asked.
    asleep : callable
        For how long this computer has slept, in seconds.

    Raises
    ------
    InputError
        If the overrides do not fit the stream.
    """

    def __init__(
        self,
        source: SignalSource,
        overrides: Overrides,
        check: Callable[[Segmenter], object],
        note: Callable[[str, str], None],
        accept_any: bool = False,
        asleep: Callable[[], float] = seconds_asleep,
    ) -> None:
        super().__init__(source, overrides)
        self._asleep, self._slept = asleep, asleep()
        self._said_units = source.facts.units  # by the first sender
        self._check = check
        self._note = note
        self._accept_any = accept_any
        self._search: Reconnector | None = None
        self._looked = self._resumed = self._clock()  # s, of the newest reading, after a pause
        self._opened = self._clock()  # s, since when samples are awaited
        self._arrival: float | None = None  # s, of the newest sample that was read
        self._block: tuple[float, float, float] | None = None  # of the newest one, as `age` needs
        self._usual: float | None = None  # s, offset of stamps that are not those of LSL's clock
        self._anew = False  # whether another inlet was opened since the newest sample
        self._condition = "ok"  # condition that was last noted
        self._noted: set[str] = set()  # offers and problems said since the stream was lost
        self._chunks: tuple[float, ...] = ()  # s of signal that came at once, the newest ten
        self._stop = threading.Event()

    @property
    def quiet(self) -> float:
        """Seconds since the newest sample came."""
        now = self._clock()
        if now - self._looked > _SILENT_AFTER and not self.lost:
            return 0.0  # while nobody looks, silence cannot be known
        newest = self._source.newest_arrival or self._arrival or self._opened
        return max(0.0, now - max(newest, self._resumed))

    @property
    def condition(self) -> str:
        """Whether samples come: "ok", "silent", or "lost" if the sender is gone."""
        if self.lost:
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
            text = f"The stream ended or was lost {self.quiet:.0f} s ago; looking for it."
        elif self._anew:
            text = f"The stream is there again, but has sent nothing for {self.quiet:.1f} s."
        else:
            text = f"The stream is there but has sent nothing for {self.quiet:.1f} s."
        if search is not None and search.problem:
            text += f" What was found cannot take its place: {search.problem}"
        return text

    @property
    def offers(self) -> tuple[Offer, ...]:
        """Streams that may be the lost one, for a person to say."""
        search, lost = self._search, self._source.facts.identity
        if search is None or self.condition == "ok":
            return ()
        return tuple(_offer(stream, lost) for stream in search.offers)

    def accept(self, uid: str) -> None:
        """Take an offered stream in place of the lost one."""
        if (search := self._search) is not None:
            search.accept(uid)

    def begin(self, seconds: float) -> None:
        """Begin the first reading with the newest seconds, if what waits is not whole any more."""
        if self._source.dropped_samples:
            self._source.patience = seconds

    def read(self, timeout: float = _READ) -> Received | None:
        """Return what has come, waiting a little; None if nothing has."""
        self._wake()
        now = self._clock()
        if now - self._looked > _SILENT_AFTER:
            self._resumed = now
        self._looked = now
        received = super().read(timeout)
        if received is not None:
            return replace(received, away=self._arrived(received.block))
        self._look()
        if self.lost:  # reading returns at once from now on
            self._stop.wait(timeout)
        return None

    @property
    def offset(self) -> float:
        """What must be added to stamps to have when samples were taken, by this machine's clock.

        In seconds: as LSL measures it, or by the earliest arrivals where stamps are not those of
        LSL's clock (a minute or more away, or set while it was watched).
        """
        return self._source.correction if self._usual is None else self._usual

    def age(self, stamp: float) -> float:
        """Return how old a sample is now, in seconds, by when it was taken or when it came.

        Parameters
        ----------
        stamp : float
            Of the sample.

        Notes
        -----
        A sample waits for its sender, on its way, or for this machine to read it. Stamps say when
        it was taken, by `offset`; those that do not run with time say nothing: the samples of a
        block are then taken to have come evenly since the one before.
        """
        now, drift = self._clock(), self.pace.drift
        ages = []
        if self._block is not None:
            begun, span, newest = self._block
            assert self._arrival is not None
            share = min(max((newest - stamp) / span, 0.0), 1.0) if span > 0 else 0.0
            ages.append(now - self._arrival + share * (self._arrival - begun))
        real_time = self.facts.speed == 1.0 and (drift is None or abs(drift) < _REAL_TIME)
        if real_time or not ages:
            ages.append(now - stamp - self.offset)
        return max(ages)

    def close(self) -> None:
        """End the search, and close the stream."""
        self._stop.set()
        if self._search is not None:
            self._search.close(wait=True)
        super().close()

    def _arrived(self, block: Block) -> float | None:
        """Take note of samples; return for how long a stream that was opened anew was away."""
        if self._search is not None:  # it came back by itself
            self._search.close()
            self._search = None
        before = self._arrival if self._arrival is not None else self._opened
        gone = block.arrival - before
        away, self._anew = gone if self._anew else None, False
        if self._condition != "ok":
            self._say("ok", "back", f"The stream is back after {gone:.1f} s.")
            self._noted.clear()
        if self._arrival is None:
            self._dropped_before -= self._source.dropped_samples  # from before the beginning
        else:
            first, newest = float(block.stamps[0]), float(block.stamps[-1])
            self._block = (self._arrival, newest - first, newest)
        usual = self.pace.usual
        skewed = usual is not None and abs(usual - self._source.correction) > _SKEWED
        known = self.facts.speed == 1.0 and (self.clock_was_set or skewed)
        self._usual = usual if known else None
        self._source.patience = _PATIENCE
        chunk = len(block.stamps) / self.facts.rate
        # A new tuple, as other threads look at it.
        self._chunks = (*self._chunks[-9:], chunk if chunk <= _LONGEST_CHUNK else 0.0)
        self._arrival = block.arrival
        return away

    def _wake(self) -> None:
        """Let a stream go that was open while this computer slept: it is found again at once.

        What its sender kept is old, and the clocks have moved against each other.
        """
        slept = self._asleep()
        if slept - self._slept > _ASLEEP and not self.lost:
            self._note(
                "asleep",
                f"This computer was asleep for {slept - self._slept:.0f} s: the stream is opened "
                "anew.",
            )
            self._source.close()
            self._source.lost = True
        self._slept = slept

    def _look(self) -> None:
        condition = self.condition
        if condition != "ok" and condition != self._condition:
            self._say(condition, condition, self.words)
        if condition == "ok":
            return
        if self._search is None:
            if condition == "lost" or self.quiet >= _SEARCH_AFTER:
                self._search = Reconnector(
                    self.facts.identity,
                    self._check_facts,
                    accept_any=self._accept_any,
                    gone=condition == "lost",
                )
            return
        self._search.gone = condition == "lost"
        if (inlet := self._search.take()) is not None:
            assert self._search.taken is not None
            heard = (self._source.newest_arrival or self._opened) - self._source.correction
            if words := takeover_words(self._search.taken, self.facts.identity, heard):
                self._note("twin", words)
            self._replace(inlet)
            return
        for kind, words in (
            ("refused", self._search.problem),
            *(("offer", offer.words) for offer in self.offers),
        ):
            if words and words not in self._noted:
                self._noted.add(words)
                self._note(kind, words)

    def _check_facts(self, facts: StreamFacts) -> None:
        if self._overrides.unit is None and all(self._said_units) and not all(facts.units):
            raise InputError(
                f'Stream "{facts.identity.name}" said its unit before ({self._said_units[0]}) and '
                "no longer does for all channels. Say it with --unit, or mend its sender."
            )
        self._check(segmenter_of(self._overrides.on(facts)))

    def _replace(self, inlet: Inlet) -> None:
        """Go on with a stream that was found."""
        self._search = None  # it has ended
        self._lost_before, self._dropped_before = self.lost_samples, self.dropped_samples
        self._source.close()
        if self._arrival is None:
            self._arrival = self._opened
        self._begin(inlet)
        self._anew = True

    def _say(self, condition: str, kind: str, words: str) -> None:
        self._condition = condition
        self._note(kind, words)


def _offer(stream: FoundStream, lost: StreamIdentity) -> Offer:
    return Offer(
        stream.identity.uid,
        f'Another sender offers a stream "{lost.name}" with {difference(stream.identity, lost)} '
        f"({stream.channel_count} channels, {stream.rate:g} Hz).",
    )
