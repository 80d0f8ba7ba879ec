r"""What every encoder on this machine is worth, frozen, beside random weights and beside none.

    python benchmarks/accuracy/foundation_table.py DATA --out table.md
    python benchmarks/accuracy/foundation_table.py DATA --out table.md --runs 4 8 12 \
        --encoders labram eegpt labram-base.pth braindecode:CBraMod --subjects S001 S002 S003

Imagined left against right fist (or other --classes) within each person: five folds over whole
trials, the same for all. Each encoder looks at the same windows behind the causal signal path and
the person's spatial filter, through the electrodes of the data that it knows, and is read by

- `linear`: the decoder's own head on its pooled tokens,
- `attention`: four learned queries that pool all tokens, and a linear map. Of a causal encoder
  (its tokens depend on the run before the window) nothing is pooled so.

Each stands beside random weights of the same size, with what its pretraining has seen of the people
(as in docs/evaluation.md), and all beside `riemann` (no encoder),
ACM+TS+LR, and EEGNet where braindecode is. Without --encoders it takes what is here, and random
weights of the published sizes of what is not, marked so; nothing is downloaded. To have published
weights in the table, fetch them once and name them:

    hf auth login                                            # for REVE only
    python benchmarks/accuracy/foundation_table.py DATA --out table.md \
        --encoders eegpt labram braindecode:BIOT braindecode:CBraMod braindecode:REVE

Encoders that learned from the labels of people who are tested are left out, with a sentence. Every
row is written at once to table.jsonl, and a run that was stopped goes on from there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
import torch  # noqa: E402
from resumable_rows import ResumableRows  # noqa: E402
from torch import nn  # noqa: E402

from core.encoders import Encoder, load_encoder  # noqa: E402
from core.errors import InputError  # noqa: E402
from core.fitting.trials.epochs import Trial  # noqa: E402
from core.machine.files import write_whole  # noqa: E402
from core.metrics import chance_bound  # noqa: E402
from realtime.encoder_survey import candidates  # noqa: E402
from training.evaluation.people import Signal, Subject, path_for_all, read_people  # noqa: E402
from training.evaluation.pretraining_overlap import seen_of  # noqa: E402
from training.evaluation.protocols import offline  # noqa: E402
from training.evaluation.report.scoring import score  # noqa: E402
from training.evaluation.report.statistics import paired_p  # noqa: E402
from training.evaluation.systems.catalogue import make_systems  # noqa: E402
from training.evaluation.trials import Share, Trials  # noqa: E402

METRIC = "balanced_accuracy"
COMMON = "starter"  # whose windows say which trials all encoders are tested on
QUERIES, STEPS, RATE, DECAY = 4, 100, 3e-3, 0.1  # of the attention head; set beforehand


@dataclass(frozen=True)
class AttentionSystem:
    """Learned queries that pool the tokens of a window, and a linear map to the classes."""

    eeg_encoder: Encoder
    name: str = "attention"

    def fit(self, trials: Trials, seed: int) -> AttentionModel:
        """Learn with fixed settings; the same seed gives the same weights."""
        tokens = torch.from_numpy(all_tokens(trials, self.eeg_encoder))
        labels = torch.from_numpy(trials.labels)
        mean, deviation = tokens.mean(dim=(0, 1)), tokens.std(dim=(0, 1)) + 1e-6
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            head = AttentionHead(tokens.shape[-1], len(trials.classes))
        optimiser = torch.optim.AdamW(head.parameters(), lr=RATE, weight_decay=DECAY)
        for _ in range(STEPS):
            loss = nn.functional.cross_entropy(head((tokens - mean) / deviation), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        return AttentionModel(self, head.eval(), mean, deviation)


class AttentionHead(nn.Module):
    """From tokens, shape (trials, tokens, width), to logits, shape (trials, classes)."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(QUERIES, width) / width)
        self.classes = nn.Linear(QUERIES * width, classes)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Pool by softmax over the tokens, one query after the other, and map."""
        weights = (tokens @ self.queries.T).softmax(dim=1)  # (trials, tokens, queries)
        logits: torch.Tensor = self.classes((weights.transpose(1, 2) @ tokens).flatten(1))
        return logits


@dataclass(frozen=True)
class AttentionModel:
    """An attention head that was fitted."""

    system: AttentionSystem
    head: AttentionHead
    mean: torch.Tensor
    deviation: torch.Tensor

    def probabilities(self, trials: Trials) -> np.ndarray:
        """Return class probabilities, shape (trials, classes)."""
        tokens = torch.from_numpy(all_tokens(trials, self.system.eeg_encoder))
        with torch.inference_mode():
            logits = self.head((tokens - self.mean) / self.deviation)
        return logits.softmax(dim=1).double().numpy()


def all_tokens(trials: Trials, encoder: Encoder) -> np.ndarray:
    """Return the tokens of windows, shape (trials, columns x tokens of a column, width)."""
    return np.concatenate([_tokens(share, encoder) for share in trials.shares])


def _tokens(share: Share, encoder: Encoder) -> np.ndarray:
    key = ("all tokens", encoder.weights_sha256(), share.fitted)
    if key not in share.known:
        everything = replace(share, index=np.arange(len(share.epochs)))
        windows = torch.from_numpy(everything.filtered(encoder)).float()
        channels = share.signal.settings.channels
        with torch.inference_mode():
            encoded = [encoder.tokens(window[None], channels) for window in windows]
        share.known[key] = torch.cat(encoded).flatten(1, 2).numpy()
        # The same tokens pooled are what the linear head takes: no window is encoded twice.
        pooled = [encoder.pool(tokens.double().numpy()) for tokens in encoded]
        pooled_key = ("tokens", encoder.weights_sha256(), share.fitted)
        share.known.setdefault(pooled_key, np.concatenate(pooled))
    tokens: np.ndarray = share.known[key][share.index]
    return tokens


def systems_of(encoder: Encoder, source: str) -> list:
    """Return what reads an encoder."""
    (linear,) = make_systems(["encoder"], encoder, source)
    return [linear] if encoder.spec.context == "causal" else [AttentionSystem(encoder), linear]


@dataclass(frozen=True)
class Row:
    """A line of the table: scores of people, and those with random weights if they are others."""

    label: str
    context: str
    head: str
    electrodes: int
    saw: str
    scores: np.ndarray
    random: np.ndarray | None = None

    def as_json(self) -> dict:
        """Return the row with lists for arrays."""
        lists = {"scores": self.scores.tolist()}
        return (
            asdict(self)
            | lists
            | {"random": self.random if self.random is None else self.random.tolist()}
        )

    @classmethod
    def of_json(cls, row: dict) -> Row:
        """Return the row that `as_json` gave."""
        known = {name: row[name] for name in cls.__dataclass_fields__}
        scores, random = np.array(row["scores"]), row["random"]
        return cls(
            **known | {"scores": scores, "random": None if random is None else np.array(random)}
        )

    def __str__(self) -> str:
        gain = ""
        if self.random is not None:
            gains = self.scores - self.random
            p = f", {paired_p(gains):.3f}" if len(gains) > 1 else ""
            gain = f"{gains.mean():+.3f}{p}"
        random = "" if self.random is None else _spread(self.random)
        facts = (self.label, self.context, self.head, self.electrodes, self.saw)
        facts += (_spread(self.scores),)
        return "| " + " | ".join(map(str, (*facts, random, gain))) + " |"


def _cue(trial: Trial) -> tuple[int, float]:
    """Return which cue a trial is of."""
    return trial.recording, trial.onset


def _spread(values: np.ndarray) -> str:
    return f"{values.mean():.3f} ({values.std(ddof=1) if len(values) > 1 else 0.0:.3f})"


class Bench:
    """The people, and how systems are scored on them."""

    def __init__(self, people: Sequence[Subject], classes: Sequence[str]) -> None:
        self.people, self.classes = people, classes
        # Those of a window of 4 s: a shorter one fits once more before a recording ends.
        self._asked: dict[str, set[tuple[int, float]]] = {}
        for signal in self._signals(load_encoder(COMMON)):
            self._asked[signal.person.name] = {_cue(trial) for trial in signal.epochs.trials}
        self.trials = {name: len(asked) for name, asked in self._asked.items()}

    def scores(self, encoder: Encoder, systems: Sequence) -> tuple[int, dict[str, np.ndarray]]:
        """Return the number of electrodes, and each system's score of every person."""
        signals = self._signals(encoder)
        folds: dict[str, dict[str, list[float]]] = {system.name: {} for system in systems}
        for fold in offline("within", (5,))(signals, 0):
            who = fold.signal.person.name
            for system in systems:
                probabilities = system.fit(fold.train, 0).probabilities(fold.test)
                value = score(fold.test.labels, probabilities)[METRIC]
                folds[system.name].setdefault(who, []).append(value)
        means = {
            name: np.array([np.mean(values) for values in by_person.values()])
            for name, by_person in folds.items()
        }
        return len(signals[0].settings.channels), means

    def _signals(self, encoder: Encoder) -> list[Signal]:
        """Return everybody's signal for an encoder, with the trials that all are tested on.

        Raises
        ------
        InputError
            If one of them comes too early in its run for the encoder.
        """
        path = path_for_all(self.people, [encoder.spec])
        signals = [Signal(person, path, encoder.spec, self.classes) for person in self.people]
        for signal in signals:
            cues = [_cue(trial) for trial in signal.epochs.trials]
            asked = self._asked.get(signal.person.name, set(cues))
            kept = [index for index, cue in enumerate(cues) if cue in asked]
            if len(kept) < len(asked):
                raise InputError(
                    f"it has windows for {len(kept)} of the {len(asked)} trials of "
                    f"{signal.person.name}: it needs {encoder.spec.warmup / encoder.spec.rate:g} s "
                    "of a run before the first."
                )
            signal.epochs = signal.epochs.only(np.array(kept, dtype=np.intp))
        return signals

    def baseline(self, name: str) -> list[Row]:
        """Return the row of what no encoder is needed for."""
        starter = load_encoder(COMMON)  # of which only rate and window are asked
        electrodes, scores = self.scores(starter, make_systems([name], starter, "starter"))
        return [Row(name, "no encoder", "", electrodes, "", scores[name])]

    def rows(self, source: str, twin: str) -> list[Row]:
        """Return an encoder's rows, beside random weights `twin` if it is trained."""
        encoder = load_encoder(source)
        self._refuse_labels(encoder)
        electrodes, scores = self.scores(encoder, systems_of(encoder, source))
        random: dict[str, np.ndarray] = {}
        if encoder.spec.trained:
            same = load_encoder(twin)
            _, random = self.scores(same, systems_of(same, twin))
        label = source if encoder.spec.trained else f"{source} (random weights)"
        return [
            Row(
                label,
                encoder.spec.context,
                "linear" if name == "encoder" else name,
                electrodes,
                self._seen(encoder),
                values,
                random.get(name),
            )
            for name, values in sorted(scores.items(), reverse=True)  # linear before attention
        ]

    def _refuse_labels(self, encoder: Encoder) -> None:
        """Refuse an encoder that learned from labels which are tested."""
        for person in self.people:
            if any(encoder.spec.labels_seen(recording.sha256 for recording in person.recordings)):
                raise InputError(
                    f"it learned from the labels of {person.name}; name people whose labels it "
                    "has not seen with --subjects, or an encoder trained without them."
                )

    def _seen(self, encoder: Encoder) -> str:
        """Say what pretraining has seen, of whom it has seen most."""
        seen = {
            seen_of(encoder.spec, person, range(len(person.recordings))) for person in self.people
        }
        return next(kind for kind in ("unknown", "run", "person", "nothing") if kind in seen)


def _sources(named: Sequence[str]) -> list[tuple[str, str]]:
    """Return which encoders to load, and the random weights to compare each with."""
    if named:
        specs = [load_encoder(source).spec for source in named]
        return [
            (source, f"untrained-{spec.family}-{spec.size}")
            for source, spec in zip(named, specs, strict=True)
        ]
    return [
        (candidate.measured, f"untrained-{candidate.spec.family}-{candidate.spec.size}")
        for candidate in candidates()
        if candidate.measured
    ]


def main() -> None:
    options = _options()
    people = read_people(options.data, options.classes, options.subjects, options.runs, None)
    people = _drawn(people, options.draw, options.seed)
    bench = Bench(people, options.classes)
    kept = ResumableRows(options.out.with_suffix(".jsonl"))
    of = {
        "people": [person.name for person in people],
        "classes": list(options.classes),
        "trials": bench.trials,
    }
    if any({name: row[name] for name in of} != of for row in kept.read()):
        raise InputError(
            f"{options.out.with_suffix('.jsonl')} has rows of other people, classes or trials; "
            "name another file with --out, or take that one away."
        )
    known = {source for (source,) in kept.known("source")}
    baselines = ["riemann", "ACM+TS+LR", *(["EEGNet"] if find_spec("braindecode") else [])]
    work = [(name, partial(bench.baseline, name)) for name in baselines]
    for source, twin in _sources(options.encoders):
        work.append((source, partial(bench.rows, source, twin)))
    for source, rows_of in work:
        if source in known:
            continue
        print(f"{source} ...", flush=True)
        try:
            for row in rows_of():
                kept.add(row.as_json() | of | {"source": source})
        except InputError as error:  # such as electrodes that the data lack
            print(f"{source} is left out: {error}", flush=True)
    text = _table(kept.read(), [source for source, _ in work], options.classes)
    write_whole(options.out, text.encode(), overwrite=True)
    print(text)


def _drawn(people: Sequence[Subject], count: int | None, seed: int) -> Sequence[Subject]:
    """Return so many of the people, drawn by the seed, in their order."""
    if count is None:
        return people
    if not 0 < count <= len(people):
        raise InputError(f"--draw {count} is not 1 to {len(people)}, the number of people.")
    picks = np.random.default_rng(seed).permutation(len(people))[:count]
    return tuple(people[index] for index in sorted(picks.tolist()))


def _table(kept: Sequence[dict], order: Sequence[str], classes: Sequence[str]) -> str:
    """Return the rows of these encoders as Markdown, with the bound of guessing."""
    rows = [row for source in order for row in kept if row["source"] == source]
    if not rows:
        raise InputError("No encoder could be scored on these recordings.")
    trials = sorted({count for row in rows for count in row["trials"].values()})
    bounds = [f"{chance_bound(count, len(classes)):.2f} ({count})" for count in trials]
    return "\n".join(
        (
            f"Balanced accuracy (sd over {len(rows[0]['people'])} people) within a person, five "
            f"folds: {' or '.join(classes)}. 95 % bound of guessing for one person (trials): "
            f"{', '.join(bounds)}.",
            "",
            "| encoder | context | head | electrodes | saw | score | random weights | gain, p |",
            "|---|---|---|---:|---|---:|---:|---:|",
            *(str(Row.of_json(row)) for row in rows),
            "",
        )
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="+", help="folders of recordings")
    parser.add_argument("--out", type=Path, required=True, help="file of the table, .md")
    parser.add_argument("--encoders", nargs="+", default=[], help="instead of all that are here")
    parser.add_argument("--subjects", nargs="+", default=[])
    parser.add_argument("--runs", nargs="+", default=[])
    parser.add_argument("--draw", type=int, help="so many of the people, by --seed")
    parser.add_argument("--seed", type=int, default=0, help="that draws people")
    parser.add_argument("--classes", nargs="+", default=["left_hand", "right_hand"])
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(str(error))
