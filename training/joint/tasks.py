"""What heads of many people are to tell: tasks by the labels of events, and texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from core.decoding.embedding_heads import Gallery, RetrievalHead, ScaleHead
from core.decoding.outputs import CLASSES, RETRIEVAL, SCALE
from core.errors import InputError, one_line
from core.fitting.joint_heads import (
    ClassTarget,
    JointHead,
    RetrievalTarget,
    ScaleTarget,
    Target,
)
from core.fitting.trials.task import Task
from core.metrics import balanced_accuracy, chance_bound, correlation, guessed_correlation
from core.recordings.bids import read_table
from core.text_encoder import TextEncoder, check_texts

TEXT = "text"
"""Name of the task of finding the text."""


@dataclass(frozen=True, eq=False)
class SharedTask:
    """A task, and what it makes of the label of an event.

    Attributes
    ----------
    name, kind : str
    meanings : dict of str to tuple of str
        Label of an event -> its class, its number, or its texts.
    gallery : Gallery or None
        Of a retrieval: all texts.
    """

    name: str
    kind: str
    meanings: dict[str, tuple[str, ...]]
    gallery: Gallery | None = None

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Of a task of classes, as they are first named."""
        return tuple(dict.fromkeys(meaning for (meaning,) in self.meanings.values()))

    def target(self, labels: Sequence[str], random: np.random.Generator) -> Target:
        """Return what heads are trained to say of trials with these labels.

        A trial goes with one of its label's texts, at random.
        """
        if self.kind == SCALE:
            numbers = {label: float(meaning) for label, (meaning,) in self.meanings.items()}
            return ScaleTarget(np.array([numbers.get(label, np.nan) for label in labels]))
        if self.gallery is None:
            places = {name: place for place, name in enumerate(self.classes)}
            indices = [places[self.meanings[x][0]] if x in self.meanings else -1 for x in labels]
            return ClassTarget(np.array(indices, dtype=np.int64), len(self.classes))
        drawn = [
            self.gallery.entries.index(str(random.choice(self.meanings[x])))
            if x in self.meanings
            else -1
            for x in labels
        ]
        return RetrievalTarget(np.array(drawn, dtype=np.int64), self.gallery)

    def score(
        self, head: JointHead, features: np.ndarray, labels: Sequence[str]
    ) -> LeftOutScore | None:
        """Return how well a head does on trials that it has not seen; None if it has none."""
        own = [place for place, label in enumerate(labels) if label in self.meanings]
        if len({self.meanings[labels[place]] for place in own}) < 2:
            return None
        features, labels = features[own], [labels[place] for place in own]
        if isinstance(head, ScaleHead):
            values = np.array([float(self.meanings[label][0]) for label in labels])
            predicted = head.values(features)
            bound = guessed_correlation(predicted, values)
            return LeftOutScore(correlation(predicted, values), bound, "correlation", len(own))
        groups = tuple(dict.fromkeys(self.meanings.values()))
        truth = np.array([groups.index(self.meanings[label]) for label in labels])
        if isinstance(head, RetrievalHead):
            group_of = {text: place for place, texts in enumerate(groups) for text in texts}
            entries = [group_of.get(text, -1) for text in head.gallery.entries]
            decided = np.array(entries)[head.similarities(features).argmax(axis=1)]
            measure = "top-1 accuracy"
        else:
            places = [groups.index((name,)) if (name,) in groups else -1 for name in self.classes]
            decided = np.array(places)[head.logits(features).argmax(axis=1)]
            measure = "balanced accuracy"
        bound = chance_bound(len(own), len(groups))
        return LeftOutScore(balanced_accuracy(truth, decided), bound, measure, len(own))


@dataclass(frozen=True)
class LeftOutScore:
    """How well a head does on people who were left out.

    Attributes
    ----------
    value, chance : float
        What it reaches, and 95 % bound of guessing.
    measure : str
        "balanced accuracy", "top-1 accuracy" (the mean over texts of the share of their trials
        that find one of theirs first) or "correlation".
    trials : int
    """

    value: float
    chance: float
    measure: str
    trials: int


def shared_tasks(
    tasks: Sequence[Task], captions: Path | None, text_encoder: TextEncoder | None
) -> list[SharedTask]:
    """Return the tasks that heads are trained for, that of texts last.

    Parameters
    ----------
    tasks : sequence of Task
    captions : Path, optional
        A table of two columns separated by a tab: label of an event, and "caption"; a label may
        have several, in as many lines.
    text_encoder : TextEncoder, optional
        For captions.

    Raises
    ------
    InputError
        If no task has classes, two have the same name, or the table cannot be used.
    """
    shared = [
        SharedTask(task.name, task.kind, {label: (text,) for label, text in task.meanings.items()})
        for task in tasks
    ]
    if not any(task.kind == CLASSES for task in shared):
        raise InputError(
            "No task has classes, which decisions are made of; name one with --task, such as "
            "hands=left_hand:left_hand,right_hand:right_hand."
        )
    if captions is not None:
        assert text_encoder is not None
        meanings = read_phrasings(captions)
        texts = tuple(dict.fromkeys(text for phrasings in meanings.values() for text in phrasings))
        gallery = Gallery(texts, text_encoder(texts), text_encoder.label)
        shared.append(SharedTask(TEXT, RETRIEVAL, meanings, gallery))
    names = [task.name for task in shared]
    if len(set(names)) < len(names):
        raise InputError(f"Two tasks have the same name; they are {', '.join(names)}.")
    return shared


def read_phrasings(path: Path) -> dict[str, tuple[str, ...]]:
    """Return label -> its texts, from a table.

    Raises
    ------
    InputError
        If it is missing or no such table, has one label only, or gives two labels the same text.
    """
    table = read_table(path)
    if table is None:
        raise InputError(f"There is no table of captions at {path}, or it is empty.")
    if len(table.columns) != 2 or table.columns[1] != "caption":
        raise InputError(
            f"{path} has the columns {one_line(', '.join(table.columns), 80)}; a table of captions "
            'has two, separated by a tab: the label of an event, and "caption".'
        )
    phrasings: dict[str, list[str]] = {}
    for line, row in enumerate(table.rows, start=2):
        label, text = (row.get(column, "").strip() for column in table.columns)
        if not label or not text:
            raise InputError(f"{path} lacks a label or a caption in line {line}.")
        others = [other for other, texts in phrasings.items() if text in texts and other != label]
        if others:
            raise InputError(f'{path} gives {others[0]} and {label} the same caption, "{text}".')
        phrasings.setdefault(label, []).append(text)
    if len(phrasings) < 2:
        raise InputError(f"{path} has captions of one label only; at least two are needed.")
    check_texts([text for texts in phrasings.values() for text in texts], "The caption")
    return {label: tuple(dict.fromkeys(texts)) for label, texts in phrasings.items()}
