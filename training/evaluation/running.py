"""Going through protocols, seeds and systems, one row after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from core.encoders import Encoder
from training.evaluation.online import calibrate_then_run, pseudo_online
from training.evaluation.people import Signal, Subject
from training.evaluation.pretraining_overlap import recordings_seen, seen_of
from training.evaluation.protocols import offline
from training.evaluation.report.scoring import ScoreRow, score
from training.evaluation.systems.base import System
from training.evaluation.systems.catalogue import make_systems
from training.evaluation.systems.transfer import Others, PopulationSystem, others_of

ONLINE = {"calibrate-then-run": calibrate_then_run, "pseudo-online": pseudo_online}
"""Protocols that test the last session or run alone."""


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
    recentre : float, optional
        As `make_systems` takes it.
    """

    signals: Sequence[Signal]
    names: Sequence[str]
    encoders: Sequence[tuple[str, Encoder]]
    looks: Mapping[str, int]
    others: bool = False
    recentre: float | None = None

    def rows(self, protocol: str, seed: int, shots: Sequence[int]) -> Iterator[ScoreRow]:
        """Test every system under one protocol with one seed."""
        systems = self._systems(protocol)
        if protocol in ONLINE:
            for signal in self.signals:
                tested = signal.person.parts[-1]
                its = systems[self._look(signal.person)]
                for _, (part, name, learned, count, scores) in ONLINE[protocol](
                    [signal], its, seed
                ):
                    system = next(one for one in its if one.name == name)
                    counts = learned, count
                    yield self._row(protocol, system, signal, tested, seed, part, counts, scores)
            return
        for fold in offline(protocol, shots)(self.signals, seed):
            for system in systems[self._look(fold.signal.person)]:
                model = system.fit(fold.train, seed)
                yield self._row(
                    fold.protocol,
                    system,
                    fold.signal,
                    fold.recordings,
                    seed,
                    fold.name,
                    (len(fold.train), len(fold.test)),
                    score(fold.test.labels, model.probabilities(fold.test)),
                )

    def _systems(self, protocol: str) -> list[tuple[System, ...]]:
        """Return the systems of a protocol, for each encoder."""
        others: Others | None = None
        if self.others:
            others = others_of(self.signals, last=protocol not in ONLINE)
        # Where everybody else is what is learned from anyway, what is left is to learn no more.
        mixed = protocol == "loso"
        alone = (PopulationSystem(others),) if mixed and others is not None else ()
        return [
            (
                *make_systems(
                    self.names, encoder, source, None if mixed else others, self.recentre
                ),
                *alone,
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
        fold: str,
        counts: tuple[int, int],
        scores: dict[str, float],
    ) -> ScoreRow:
        person, saw = signal.person, ""
        if system.encoder:
            _, encoder = self.encoders[self._look(person)]
            saw = seen_of(person, recordings, recordings_seen(encoder.spec))
        label, pace = system.encoder or "", signal.pace
        return ScoreRow(
            protocol, system.name, label, saw, person.name, seed, fold, *counts, pace, scores
        )
