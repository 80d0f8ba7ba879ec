"""Heads of several tasks trained together on features of a frozen encoder.

One loss is minimised, a weighted sum: cross-entropy for classes, a symmetric contrastive loss for
retrieval, a Huber loss for scales. The weights are given and stay: weights that learn, as a softmax
over the losses, put everything on the task that is easiest (`docs/readouts.md`). As the encoder is
frozen and every task has a head of its own, no task takes anything from another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from core.decoding.embedding_heads import WIDTH, Gallery, Projection, RetrievalHead, ScaleHead
from core.decoding.heads import LinearHead
from core.errors import InputError

COVERED = 0.9
"""Share of left-out trials that a scale's interval holds."""


@dataclass(frozen=True)
class HeadSettings:
    """How heads are trained.

    Attributes
    ----------
    loss : {"clip", "siglip"}
        Of retrieval: softmax over all pairs of a step, or a sigmoid for each pair.
    hidden : int
        Width of the hidden layer of the projections.
    steps : int
        Of AdamW, each over all trials.
    learning_rate, weight_decay : float
    dropout : float
        Of the hidden layer.
    weights : dict of str to float
        Of each task's loss; 1 where nothing is said.
    seed : int
    """

    loss: Literal["clip", "siglip"] = "clip"
    hidden: int = 64
    steps: int = 200
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    dropout: float = 0.3
    weights: Mapping[str, float] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True, eq=False)
class ClassTarget:
    """Classes of trials.

    Attributes
    ----------
    labels : ndarray of int, shape (trials,)
        -1 for a trial that the task does not have.
    classes : int
    """

    labels: np.ndarray
    classes: int


@dataclass(frozen=True, eq=False)
class RetrievalTarget:
    """What was shown or said in trials.

    Attributes
    ----------
    labels : ndarray of int, shape (trials,)
        Entry of the gallery; -1 for a trial that the task does not have.
    gallery : Gallery
    """

    labels: np.ndarray
    gallery: Gallery


@dataclass(frozen=True, eq=False)
class ScaleTarget:
    """Numbers of trials.

    Attributes
    ----------
    values : ndarray, shape (trials,)
        NaN for a trial that the task does not have.
    """

    values: np.ndarray


Target = ClassTarget | RetrievalTarget | ScaleTarget
JointHead = LinearHead | RetrievalHead | ScaleHead


def train_heads(
    blocks: Sequence[np.ndarray],
    targets: Mapping[str, Target],
    settings: HeadSettings | None = None,
) -> dict[str, JointHead]:
    """Train the heads of tasks on the same features.

    Parameters
    ----------
    blocks : sequence of ndarray, each (trials, features of the block)
        One for each view of the window.
    targets : dict of str to Target
        By task.
    settings : HeadSettings, optional

    Returns
    -------
    dict of str to JointHead
        A scale has an interval of no width: `with_margin` gives it one.

    Raises
    ------
    InputError
        If a weight is given for a task that is not there.
    """
    return learned_heads(blocks, targets, settings).heads()


def learned_heads(
    blocks: Sequence[np.ndarray],
    targets: Mapping[str, Target],
    settings: HeadSettings | None = None,
) -> JointHeads:
    """Train as `train_heads`; return the heads in the form in which they can learn more."""
    settings = settings or HeadSettings()
    features = np.concatenate(blocks, axis=1)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        joint = JointHeads(targets, blocks, settings)
        inputs = joint.standardised(torch.from_numpy(features))
        optimiser = torch.optim.AdamW(
            joint.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
        )
        for _ in range(settings.steps):
            optimiser.zero_grad()
            joint.loss(inputs).backward()
            optimiser.step()
    return joint


class JointHeads(nn.Module):
    """Heads of tasks on the same features, while they learn.

    Parameters
    ----------
    targets : dict of str to Target
        By task.
    blocks : sequence of ndarray, each (trials, features of the block)
        Whose mean and spread the features are standardised by, from now on.
    settings : HeadSettings

    Raises
    ------
    InputError
        If a weight is given for a task that is not there.
    """

    def __init__(
        self,
        targets: Mapping[str, Target],
        blocks: Sequence[np.ndarray],
        settings: HeadSettings,
    ) -> None:
        super().__init__()
        if unknown := set(settings.weights) - set(targets):
            raise InputError(f"There is no task {', '.join(sorted(unknown))} to weigh a loss of.")
        self._weights = {name: settings.weights.get(name, 1.0) for name in targets}
        self._centre = np.concatenate([block.mean(axis=0) for block in blocks])
        self._scale = np.concatenate([np.full(block.shape[1], _typical(block)) for block in blocks])
        self._parts = {
            name: _part(target, len(self._centre), settings) for name, target in targets.items()
        }
        self.parts = nn.ModuleList(self._parts.values())  # in which torch finds their weights

    def standardised(self, features: Tensor) -> Tensor:
        """Return features, shape (trials, features), as the heads take them."""
        centre = torch.from_numpy(self._centre).to(features)
        return ((features - centre) / torch.from_numpy(self._scale).to(features)).float()

    def loss(
        self, inputs: Tensor, trials: Tensor | None = None, tasks: Sequence[str] | None = None
    ) -> Tensor:
        """Return the weighted sum of the tasks' losses.

        Parameters
        ----------
        inputs : Tensor, shape (trials, features)
            Standardised.
        trials : Tensor of int, shape (trials,), optional
            Which of the targets' trials these are; by default all, in order.
        tasks : sequence of str, optional
            Whose losses; by default those of all.
        """
        total = inputs.new_zeros(())
        for name, part in self._parts.items():
            if tasks is None or name in tasks:
                total = total + self._weights[name] * part(inputs, trials)
        return total

    def heads(self) -> dict[str, JointHead]:
        """Return what the heads have become."""
        return {name: part.head(self._centre, self._scale) for name, part in self._parts.items()}


def with_margin(head: ScaleHead, left_out: np.ndarray, values: np.ndarray) -> ScaleHead:
    """Return a scale's head with the interval that holds nine in ten left-out trials.

    Parameters
    ----------
    head : ScaleHead
    left_out : ndarray, shape (trials,)
        What heads that had not seen a trial said of it.
    values : ndarray, shape (trials,)
        What would have been right.
    """
    errors = np.sort(np.abs(left_out - values))
    rank = min(len(errors) - 1, int(np.ceil(COVERED * (len(errors) + 1))) - 1)
    return replace(head, margin=float(errors[rank]))


def _typical(block: np.ndarray) -> float:
    """Return the root of a block's mean variance over trials."""
    mean = float(block.var(axis=0).mean())
    return float(np.sqrt(mean)) if mean > 0 else 1.0


def _part(target: Target, inputs: int, settings: HeadSettings) -> _Classes | _Retrieval | _Scale:
    if isinstance(target, ClassTarget):
        return _Classes(target, inputs)
    if isinstance(target, RetrievalTarget):
        return _Retrieval(target, inputs, settings)
    return _Scale(target, inputs)


class _Classes(nn.Module):
    """A linear head, and the cross-entropy of its trials with all classes weighing the same."""

    labels: Tensor
    share: Tensor

    def __init__(self, target: ClassTarget, inputs: int) -> None:
        super().__init__()
        labels = target.labels[target.labels >= 0]
        counts = np.bincount(labels, minlength=target.classes)
        share = len(labels) / (target.classes * np.maximum(counts, 1))
        self.register_buffer("labels", torch.from_numpy(target.labels))
        self.register_buffer("share", torch.from_numpy(share).float())
        self.linear = nn.Linear(inputs, target.classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, inputs: Tensor, trials: Tensor | None) -> Tensor:
        labels = self.labels if trials is None else self.labels[trials]
        rows = torch.nonzero(labels >= 0)[:, 0]
        if not len(rows):
            return inputs.new_zeros(())
        return F.cross_entropy(self.linear(inputs[rows]), labels[rows], self.share)

    def head(self, centre: np.ndarray, scale: np.ndarray) -> LinearHead:
        return LinearHead(centre, scale, _array(self.linear.weight).T, _array(self.linear.bias))


class _Retrieval(nn.Module):
    """Two projections into one space, and the contrastive loss of trials and what they go with.

    Trials of the same entry are no strangers to each other: the rows of the loss are trials, its
    columns the gallery's entries, each once.
    """

    columns: Tensor
    entries: Tensor

    def __init__(self, target: RetrievalTarget, inputs: int, settings: HeadSettings) -> None:
        super().__init__()
        known = np.flatnonzero(target.labels >= 0)
        present, inverse = np.unique(target.labels[known], return_inverse=True)
        columns = np.full(len(target.labels), -1)
        columns[known] = inverse
        self.register_buffer("columns", torch.from_numpy(columns))
        self._gallery, self._sigmoid = target.gallery, settings.loss == "siglip"
        embeddings = target.gallery.embeddings[present]
        self._centre = embeddings.mean(axis=0)
        self._spread = np.full(embeddings.shape[1], _typical(embeddings))
        entries = torch.from_numpy((embeddings - self._centre) / self._spread).float()
        self.register_buffer("entries", entries)
        self.window = _network(inputs, settings)
        self.entry = _network(embeddings.shape[1], settings)
        # As CLIP and SigLIP begin: logits of cosines times 10.
        self.log_scale = nn.Parameter(torch.tensor(float(np.log(10.0))))
        self.bias = nn.Parameter(torch.tensor(-float(np.log(max(len(present) - 1, 1)))))

    def forward(self, inputs: Tensor, trials: Tensor | None) -> Tensor:
        columns = self.columns if trials is None else self.columns[trials]
        rows = torch.nonzero(columns >= 0)[:, 0]
        if not len(rows):
            return inputs.new_zeros(())
        pairs = F.one_hot(columns[rows], len(self.entries)).float()  # (trials, entries)
        windows = F.normalize(self.window(inputs[rows]), dim=-1)
        entries = F.normalize(self.entry(self.entries), dim=-1)
        logits = self.log_scale.clamp(max=np.log(100.0)).exp() * windows @ entries.T
        if self._sigmoid:
            loss = F.binary_cross_entropy_with_logits(logits + self.bias, pairs, reduction="sum")
            return loss / len(logits)
        to_entry = F.cross_entropy(logits, pairs)
        there = pairs.sum(dim=0) > 0  # a batch may lack some
        shares = pairs.T[there] / pairs.sum(dim=0)[there, None]  # an entry has several trials
        return (to_entry + F.cross_entropy(logits.T[there], shares)) / 2

    def head(self, centre: np.ndarray, scale: np.ndarray) -> RetrievalHead:
        temperature = float(np.exp(-min(float(self.log_scale.detach()), np.log(100.0))))
        return RetrievalHead(
            _projection(self.window, centre, scale),
            _projection(self.entry, self._centre, self._spread),
            self._gallery,
            temperature,
        )


class _Scale(nn.Module):
    """A linear head, and the Huber loss of its numbers in robust standard deviations."""

    values: Tensor

    def __init__(self, target: ScaleTarget, inputs: int) -> None:
        super().__init__()
        values = target.values[np.isfinite(target.values)]
        # By median and median deviation: outliers would else make all others look alike.
        self._middle = float(np.median(values))
        deviation = 1.4826 * float(np.median(np.abs(values - self._middle)))
        self._spread = deviation or float(values.std()) or 1.0
        self._ends = float(values.min()), float(values.max())
        scaled = torch.from_numpy((target.values - self._middle) / self._spread).float()
        self.register_buffer("values", scaled)
        self.linear = nn.Linear(inputs, 1)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, inputs: Tensor, trials: Tensor | None) -> Tensor:
        values = self.values if trials is None else self.values[trials]
        rows = torch.nonzero(torch.isfinite(values))[:, 0]
        if not len(rows):
            return inputs.new_zeros(())
        return F.huber_loss(self.linear(inputs[rows])[:, 0], values[rows])

    def head(self, centre: np.ndarray, scale: np.ndarray) -> ScaleHead:
        weights = self._spread * _array(self.linear.weight)[0]
        bias = self._spread * float(self.linear.bias.detach()) + self._middle
        return ScaleHead(centre, scale, weights, bias, 0.0, self._ends)


def _network(inputs: int, settings: HeadSettings) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, settings.hidden),
        nn.Tanh(),
        nn.Dropout(settings.dropout),
        nn.Linear(settings.hidden, WIDTH),
    )


def _projection(network: nn.Sequential, centre: np.ndarray, scale: np.ndarray) -> Projection:
    first, second = network[0], network[3]
    assert isinstance(first, nn.Linear)
    assert isinstance(second, nn.Linear)
    return Projection(
        centre,
        scale,
        _array(first.weight).T,
        _array(first.bias),
        _array(second.weight).T,
        _array(second.bias),
    )


def _array(values: Tensor) -> np.ndarray:
    array: np.ndarray = values.detach().cpu().double().numpy()
    return array
