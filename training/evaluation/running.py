"""Going through protocols, seeds and systems, one row after another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Literal

from core.encoders import Encoder
from core.reliability import reliability
from training.evaluation.online import FoldResult, calibrate_then_run, pseudo_online
from training.evaluation.people import Signal, Subject
from training.evaluation.pretraining_overlap import seen_of
from training.evaluation.protocols import offline
from training.evaluation.report.scoring import ScoreRow, score
from training.evaluation.systems.base import System
from training.evaluation.systems.catalogue import make_systems
from training.evaluation.systems.transfer import Others, PopulationSystem, others_of

_Online = Callable[[Sequence[Signal], Sequence[System], int], Iterator[tuple[Signal, FoldResult]]]
ONLINE: dict[str, _Online] = {
    "calibrate-then-run": calibrate_then_run,
    "calibrate-then-run-each": partial(calibrate_then_run, all_parts=True),
    "pseudo-online": pseudo_online,
}
"""Protocols that go through recordings as a live program does."""

LAST = ("calibrate-then-run", "pseudo-online")
"""Those that test the last session or run alone."""

WITHOUT_EYES = ", eyes taken out"
"""Behind a protocol's name where frontal and temporal electrodes are regressed out."""


@dataclass(frozen=True)
class Bench:
    """Who is tested, through which encoder, and with what.

    Attributes
    ----------
    signals : sequence of Signal
        One for each person.
    names : sequence of str
        Of systems, as `make_systems` takes them.
    encoders : sequence of (str, Encoder)
        What each was loaded from, and it.
    looks : mapping
        Name of a person -> which of the encoders; the first for who is not named.
    others : bool
        Whether there are rows that start from everybody else's trials.
    groups : int
        Into how many groups people are parted, of which each starts from all the others; 0 for
        everybody in a group of their own.
    jobs : int
        People who are tested at once, each in a process of their own; `loso` goes through them
        one by one.
    recentre : float or "fit", optional
    adapt : tuple of str
        As `make_systems` takes them.
    tested : sequence of str
        Names of the people who are tested, in this order; by default all. The others are learned
        from.
    """

    signals: Sequence[Signal]
    names: Sequence[str]
    encoders: Sequence[tuple[str, Encoder]]
    looks: Mapping[str, int]
    others: bool = False
    groups: int = 0
    jobs: int = 1
    recentre: float | Literal["fit"] | None = None
    adapt: tuple[str, ...] = ()
    tested: Sequence[str] = ()

    def rows(self, protocol: str, seed: int, shots: Sequence[int]) -> Iterator[ScoreRow]:
        """Test every system under one protocol with one seed."""
        systems = self._systems(protocol)
        if self.jobs == 1 or protocol == "loso":
            yield from self._rows(protocol, seed, shots, systems)
            return
        # Each process gets one person's signal at a time, and gives rows back.
        with ProcessPoolExecutor(self.jobs, get_context("spawn")) as pool:
            alone = [replace(self, signals=[signal], tested=()) for signal in self._tested()]
            work = partial(_rows_of, protocol=protocol, seed=seed, shots=shots, systems=systems)
            for rows in pool.map(work, alone):
                yield from rows

    def without_eyes(self) -> Bench:
        """Return the same bench with the eyes regressed out of every signal."""
        return replace(self, signals=[signal.without_eyes() for signal in self.signals])

    def _rows(
        self,
        protocol: str,
        seed: int,
        shots: Sequence[int],
        systems: Sequence[tuple[System, ...]],
    ) -> Iterator[ScoreRow]:
        if protocol in ONLINE:
            for signal in self._tested():
                parts = signal.person.parts
                tested = parts[-1] if protocol in LAST else [i for part in parts for i in part]
                of_person = systems[self._look(signal.person)]
                for _, result in ONLINE[protocol]([signal], of_person, seed):
                    system = next(s for s in of_person if s.name == result.system)
                    yield self._row(protocol, system, signal, tested, seed, result)
            return
        for fold in offline(protocol, shots)(self.signals, seed):
            if self.tested and fold.signal.person.name not in self.tested:
                continue
            for system in systems[self._look(fold.signal.person)]:
                model = system.fit(fold.train, seed)
                truth, probabilities = fold.test.labels, model.probabilities(fold.test)
                result = FoldResult(
                    fold.name,
                    system.name,
                    len(fold.train),
                    len(fold.test),
                    score(truth, probabilities),
                    reliability(truth, probabilities),
                )
                yield self._row(fold.protocol, system, fold.signal, fold.recordings, seed, result)

    def _tested(self) -> Sequence[Signal]:
        named = {signal.person.name: signal for signal in self.signals}
        return [named[name] for name in self.tested] if self.tested else self.signals

    def _systems(self, protocol: str) -> list[tuple[System, ...]]:
        """Return the systems of a protocol, for each encoder."""
        others: Others | None = None
        if self.others:
            others = others_of(self.signals, last=protocol not in LAST, groups=self.groups)
        # Where everybody else is what is learned from anyway, what is left is to learn no more.
        mixed = protocol == "loso"
        at_once = mixed or protocol in (*ONLINE.keys() - {"pseudo-online"},)
        return [
            (
                *make_systems(
                    self.names,
                    encoder,
                    source,
                    None if mixed else others,
                    self.recentre,
                    self.adapt,
                ),
                *(
                    (PopulationSystem(others, encoder, source, mixed),)
                    if at_once and others is not None
                    else ()
                ),
            )
            for source, encoder in self.encoders
        ]

    def _look(self, person: Subject) -> int:
        return self.looks.get(person.name, 0)

    def _row(
        self,
        protocol: str,
        system: System,
        signal: Signal,
        recordings: Sequence[int],
        seed: int,
        result: FoldResult,
    ) -> ScoreRow:
        person, saw = signal.person, ""
        if system.encoder:
            _, encoder = self.encoders[self._look(person)]
            saw = seen_of(encoder.spec, person, recordings)
        return ScoreRow(
            protocol + (WITHOUT_EYES if signal.regress_eyes else ""),
            result.system,
            system.encoder or "",
            saw,
            person.name,
            seed,
            result.fold,
            result.learned,
            result.tested,
            signal.pace,
            result.scores,
            result.curve,
        )


def _rows_of(
    bench: Bench,
    protocol: str,
    seed: int,
    shots: Sequence[int],
    systems: Sequence[tuple[System, ...]],
) -> list[ScoreRow]:
    """Return what a bench of one person gives, in a process of its own."""
    from core.machine.threads import one_torch_thread

    one_torch_thread()
    return list(bench._rows(protocol, seed, shots, systems))
