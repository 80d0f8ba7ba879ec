"""The electrode graph's recipe: several tasks of many people, read from a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders import Encoder, load_encoder
from core.encoders.braingpt.electrodes import electrode_rows
from core.encoders.braingpt.graph import ElectrodeGraph
from core.encoders.braingpt.model import BrainGPT, braingpt_spec
from core.errors import InputError
from training.pretraining.windows import Group, Windows, WindowStore
from training.recipes.base import Drawn, ModelOutputs, Recipe
from training.recipes.braingpt_settings import GraphSettings


class GraphRecipe(Recipe):
    """Learn all tasks at once from the frozen states of the electrodes."""

    losses = ("cross_entropy", "wrong", "guessing")
    chooses = "cross_entropy"
    reads_labels = True

    settings: GraphSettings
    parts: BrainGPT

    def __init__(self, settings: GraphSettings) -> None:
        super().__init__(settings)
        self.parts = _with_graph(settings)
        self.spec = self.parts.spec
        assert self.parts.graph is not None
        self.model = GraphObjective(self.parts.graph, settings.names)

    def windows(self, store: WindowStore, seed: int | None = None) -> Windows:
        """Return batches of trials instead of windows from anywhere."""
        return TrialWindows(store, self.settings, self.parts, seed)

    def draw(self, ch_names: Sequence[str], random: np.random.Generator) -> Drawn:
        """Return nothing: what accompanies trials is not drawn."""
        return ()

    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the mean cross-entropy over the trials of all tasks."""
        return losses["cross_entropy"]

    def encoder(self) -> Encoder:
        """Return the encoder, frozen as it was given, with the graph that learned."""
        return self.parts


def _with_graph(settings: GraphSettings) -> BrainGPT:
    """Return the encoder that the settings name, frozen, with a new graph that is not.

    Raises
    ------
    InputError
        If it is of another family or size.
    """
    if settings.weights is None:
        spec = braingpt_spec(settings.size, name=settings.size, trained=False, provenance={})
        given = BrainGPT(spec, seed=settings.seed)
    else:
        loaded = load_encoder(settings.weights)
        if not isinstance(loaded, BrainGPT) or loaded.spec.size != settings.size:
            raise InputError(
                f"{settings.weights} is an encoder {loaded.spec.family} {loaded.spec.size}; one of "
                f"braingpt {settings.size} was expected."
            )
        given = loaded
    encoder = BrainGPT(replace(given.spec, graph_tasks=settings.names), seed=settings.seed)
    frozen = {name: w for name, w in given.state_dict().items() if not name.startswith("graph.")}
    encoder.load_state_dict(encoder.state_dict() | frozen)
    encoder.eval().requires_grad_(False)
    assert encoder.graph is not None
    encoder.graph.requires_grad_(True)
    return encoder


class GraphObjective(nn.Module):
    """Cross-entropy over trials of several tasks and montages together.

    Parameters
    ----------
    graph : ElectrodeGraph
    tasks : mapping of str to tuple of str
        Classes of every task.
    """

    def __init__(self, graph: ElectrodeGraph, tasks: dict[str, tuple[str, ...]]) -> None:
        super().__init__()
        self.graph, self.tasks = graph, tasks

    def forward(
        self, states: Tensor, rows: Tensor, present: Tensor, task: Tensor, label: Tensor
    ) -> ModelOutputs:
        """Compute the losses.

        Parameters
        ----------
        states : Tensor, shape (batch, electrodes, features)
        rows : Tensor of int, shape (electrodes,)
        present : Tensor of bool, shape (batch, electrodes)
        task, label : Tensor of int, shape (batch,)
            Which task a trial is of, and its class there.

        Returns
        -------
        ModelOutputs
            `wrong` is the share of trials that are told wrongly, `guessing` the cross-entropy of
            equal probabilities.
        """
        pooled = self.graph(states, rows, present)
        entropy = pooled.new_zeros((), dtype=torch.float32)
        wrong, guessing = torch.zeros_like(entropy), torch.zeros_like(entropy)
        for number, (name, classes) in enumerate(self.tasks.items()):
            chosen = task == number
            logits = self.graph.logits(pooled, name).float()[chosen]
            # A sum over none is zero: every head then has a gradient in every process.
            entropy = entropy + F.cross_entropy(logits, label[chosen], reduction="sum")
            wrong = wrong + (logits.argmax(dim=1) != label[chosen]).sum()
            guessing = guessing + float(np.log(len(classes))) * chosen.sum()
        losses = {"cross_entropy": entropy, "wrong": wrong, "guessing": guessing}
        tokens = F.layer_norm(pooled.detach().float(), pooled.shape[-1:])[:, None, None]
        return ModelOutputs({name: loss / len(task) for name, loss in losses.items()}, tokens)


@dataclass(frozen=True)
class TaskTrial:
    """A window in which somebody did something.

    Attributes
    ----------
    recording : int
        Of the store.
    start : int
        Its first sample.
    task, label : int
    """

    recording: int
    start: int
    task: int
    label: int


class TrialWindows(Windows):
    """Batches of trials of all tasks and montages, as the encoder's states.

    A recording is encoded once, as a stream of it would be, and what `Encoder.pool` makes of its
    trials is kept: what `core.fitting.graph` begins with and a decoder reads. Trials that end
    before the encoder is warm are left out.

    Parameters
    ----------
    store : WindowStore
        Whose recordings have events.
    settings : GraphSettings
    encoder : BrainGPT
    seed : int, optional
        Instead of the settings' own.

    Raises
    ------
    InputError
        If the store has no trial of any task.
    """

    def __init__(
        self,
        store: WindowStore,
        settings: GraphSettings,
        encoder: BrainGPT,
        seed: int | None = None,
    ) -> None:
        super().__init__(store, settings, lambda names, random: (), seed)
        self._encoder = encoder
        self._centred = settings.centred
        self._taken = np.isin(store.channels, settings.channels or store.channels)
        trials = find_trials(store, settings)
        warm = encoder.spec.warmup
        self.trials = [trial for trial in trials if trial.start + settings.window >= warm]
        if not self.trials:
            tasks = "; ".join(" or ".join(classes) for classes in settings.tasks)
            raise InputError(
                f"No recording of the store has an event of a task ({tasks})."
                if not trials
                else "No trial ends late enough: the encoder is warm "
                f"{warm / store.rate:g} s after a recording began."
            )
        self._columns = self._ever()
        if unknown := sorted(set(settings.channels) - set(self.channels())):
            there = [name for rows in self._names for name in rows]
            raise InputError(
                f"No trial has the electrode {', '.join(unknown)}; there are "
                f"{' '.join(dict.fromkeys(there))}."
            )
        self._slots = np.arange(len(self.trials))
        self._known: dict[int, dict[int, np.ndarray]] = {}  # recording -> start -> states

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> list[Group]:
        """Return one process's share of a batch, all in one group."""
        size = self._settings.batch
        share = size // processes
        numbers = range(step * size + rank * share, step * size + (rank + 1) * share)
        return [self.group([self.trials[self._slot(number)[0]] for number in numbers])]

    def group(self, trials: Sequence[TaskTrial]) -> Group:
        """Return some trials as the model takes them."""
        rows = electrode_rows([self.store.channels[row] for row in self._columns]).numpy()
        present = np.stack([self.store.present(t.recording)[self._columns] for t in trials])
        tasks = np.array([trial.task for trial in trials])
        labels = np.array([trial.label for trial in trials])
        return Group(
            np.stack([self.states(trial) for trial in trials]),
            (rows, present, tasks, labels),
            tuple(trial.recording for trial in trials),
        )

    def states(self, trial: TaskTrial) -> np.ndarray:
        """Return a trial's electrode states, shape (electrodes, features), zero where absent."""
        if trial.recording not in self._known:
            self._known[trial.recording] = self._encode(trial.recording)
        return self._known[trial.recording][trial.start]

    def _encode(self, recording: int) -> dict[int, np.ndarray]:
        montage = int(self._montage[recording])
        rows = self._rows[montage]
        picks = np.flatnonzero(self._taken[rows])
        names = [self._names[montage][pick] for pick in picks]
        starts = [trial.start for trial in self.trials if trial.recording == recording]
        run = self._read(recording, 0, montage, self.store.recordings[recording].length)[picks]
        ends = [start + self._settings.window for start in starts]
        with torch.no_grad():
            tokens = torch.stack(list(self._encoder.tokens_at(run, ends, names)))
        seen = self._encoder.pool(tokens.cpu().numpy()).reshape(len(ends), len(picks), -1)
        if self._centred:
            seen = seen - seen.mean(axis=0)
        states = np.zeros((len(starts), len(self._columns), seen.shape[-1]), dtype=np.float32)
        states[:, np.searchsorted(self._columns, rows[picks])] = seen
        return dict(zip(starts, states, strict=True))

    def _window(self, number: int) -> tuple[int, int]:
        trial = self.trials[self._slot(number)[0]]
        return trial.recording, trial.start

    def _ever(self) -> np.ndarray:
        used = np.unique([self._montage[trial.recording] for trial in self.trials])
        rows = np.unique(np.concatenate([self._rows[montage] for montage in used]))
        taken: np.ndarray = rows[self._taken[rows]]
        return taken


def find_trials(store: WindowStore, settings: GraphSettings) -> list[TaskTrial]:
    """Return the trials of the tasks: from each event, windows until the next one.

    A cue of 4 s has one; a label for a whole recording has as many as fit side by side.
    """
    trials = []
    for index, recording in enumerate(store.recordings):
        for onset, event in recording.events:
            for task, classes in enumerate(settings.tasks):
                if event not in classes:
                    continue
                later = [other for other, _ in recording.events if other > onset]
                end = min(later, default=recording.length)
                last = min(max(end, onset + settings.window), recording.length) - settings.window
                trials += [
                    TaskTrial(index, start, task, classes.index(event))
                    for start in range(onset, last + 1, settings.window)
                ]
    return trials


RECIPE = GraphRecipe
