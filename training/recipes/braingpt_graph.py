"""The electrode graph's recipe: several tasks of many people, read from a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders import Encoder, load_encoder
from core.encoders.braingpt.electrodes import electrode_rows
from core.encoders.braingpt.graph import ElectrodeGraph, electrode_states
from core.encoders.braingpt.model import BrainGPT, braingpt_spec
from core.encoders.braingpt.sizes import size_named
from core.errors import InputError
from training.pretraining.windows import Group, Windows, WindowStore
from training.recipes.base import Drawn, ModelOutputs, Recipe
from training.recipes.braingpt_settings import GraphSettings


class GraphRecipe(Recipe):
    """Learn all tasks at once from the frozen states of the electrodes."""

    losses = ("cross_entropy", "wrong", "guessing")
    chooses = "cross_entropy"

    settings: GraphSettings
    parts: Reader

    def __init__(self, settings: GraphSettings) -> None:
        super().__init__(settings)
        self.parts = Reader(settings)
        self.spec = self.parts.encoder.spec
        self.model = GraphObjective(self.parts.graph, settings.names)

    def windows(self, store: WindowStore, seed: int | None = None) -> Windows:
        """Return batches of trials instead of windows from anywhere."""
        return TrialWindows(store, self.settings, self.parts.encoder, seed)

    def draw(self, ch_names: Sequence[str], random: np.random.Generator) -> Drawn:
        """Return nothing: what accompanies trials is not drawn."""
        return ()

    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the mean cross-entropy over the trials of all tasks."""
        return losses["cross_entropy"]

    def encoder(self) -> Encoder:
        """Return the frozen encoder, as it was given."""
        return self.parts.encoder


class Reader(nn.Module):
    """The frozen encoder, and the graph that learns.

    Parameters
    ----------
    settings : GraphSettings

    Raises
    ------
    InputError
        If the settings name an encoder of another family or size.
    """

    def __init__(self, settings: GraphSettings) -> None:
        super().__init__()
        self.encoder = _first_stage(settings).eval().requires_grad_(False)
        size, width = size_named(settings.size), self.encoder.spec.tokens[1]
        self.graph = ElectrodeGraph(
            2 * width,
            size.width,
            size.graph_layers,
            {name: len(classes) for name, classes in settings.names.items()},
            settings.seed,
        )


def _first_stage(settings: GraphSettings) -> BrainGPT:
    if settings.weights is None:
        spec = braingpt_spec(settings.size, name=settings.size, trained=False, provenance={})
        return BrainGPT(spec, seed=settings.seed)
    encoder = load_encoder(settings.weights)
    if not isinstance(encoder, BrainGPT) or encoder.spec.size != settings.size:
        raise InputError(
            f"{settings.weights} is an encoder {encoder.spec.family} {encoder.spec.size}; one of "
            f"braingpt {settings.size} was expected."
        )
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

    Every trial is encoded once and kept, by itself: the encoder begins where the trial does.

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
        self.trials = find_trials(store, settings)
        if not self.trials:
            tasks = "; ".join(" or ".join(classes) for classes in settings.tasks)
            raise InputError(f"No recording of the store has an event of a task ({tasks}).")
        unknown = sorted(set(settings.channels) - set(self.channels()))
        if unknown:
            raise InputError(
                f"No trial has the electrode {', '.join(unknown)}; there are "
                f"{' '.join(self.channels())}."
            )
        self._slots = np.arange(len(self.trials))
        wanted = settings.channels or store.channels
        self._taken = np.isin(store.channels, wanted)
        self._columns = np.array([row for row in self._ever() if self._taken[row]])
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
        device = self._encoder.embed.weight.device
        encoded = []
        for start in starts:
            window = torch.from_numpy(self._read(recording, start, montage)[picks]).to(device)
            with torch.no_grad():
                columns = self._encoder.tokens(window[None], names)[0]
                encoded.append(electrode_states(columns).cpu().numpy())
        seen = np.stack(encoded)
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
        return np.unique(np.concatenate([self._rows[montage] for montage in used]))


def find_trials(store: WindowStore, settings: GraphSettings) -> list[TaskTrial]:
    """Return the trials of the tasks: from each event, windows until the next one.

    A cue of 4 s has one; a label for a whole recording has as many as fit side by side.
    """
    trials = []
    for index, recording in enumerate(store.recordings):
        for at, event in recording.events:
            for task, classes in enumerate(settings.tasks):
                if event not in classes:
                    continue
                later = [other for other, _ in recording.events if other > at]
                end = min(later, default=recording.length)
                last = min(max(end, at + settings.window), recording.length) - settings.window
                trials += [
                    TaskTrial(index, start, task, classes.index(event))
                    for start in range(at, last + 1, settings.window)
                ]
    return trials


RECIPE = GraphRecipe
