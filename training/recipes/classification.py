"""The recipe that uses labels: tokens from which other people's trials can be classified.

What tells people's intentions apart is small beside what tells people apart, so that no objective
without labels has found it in the recordings at hand. Here tokens are trained through one linear
layer, with the augmentations that left and right hand allow: mirrored heads, shifted windows and
missing electrodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.decoding.spatial import channel_covariance, spatial_filter
from core.encoders.bandpower.mirroring import with_mirror_image
from core.encoders.bandpower.model import (
    SHAPES,
    BandPower,
    bandpower_spec,
    encoded,
)
from core.encoders.base import Encoder
from core.encoders.spec import ClassReadout, EncoderSpec
from core.errors import InputError
from core.hemispheres import counterpart, swap
from core.suggestions import did_you_mean
from training.pretraining.windows import Group, Windows, WindowStore
from training.recipes.base import Drawn, ModelOutputs, Recipe, ema_decay, update_ema
from training.recipes.classification_settings import ClassificationSettings

_TRIALS, _SUBSETS, _PLACES = 2, 3, 4  # streams of random numbers from one seed


class ClassificationRecipe(Recipe):
    """Tokens of a trial give its class by one linear map."""

    losses = ("cross_entropy", "wrong")
    chooses = "cross_entropy"
    reads_labels = True

    settings: ClassificationSettings
    parts: Classified

    def __init__(self, settings: ClassificationSettings) -> None:
        super().__init__(settings)
        self._with_image = settings.mirrored and swap(settings.classes) is not None
        sizes = [size for size, of in SHAPES.items() if not (self._with_image and of.mirrored)]
        if settings.size not in sizes:
            why = " It has no mirror image, as both hands have by default: --no-mirrored."
            raise InputError(
                f'size is "{settings.size}"; one of {", ".join(sizes)} was meant.'
                + (why if settings.size in SHAPES else "")
            )
        self.parts = Classified(settings)
        self.spec = self.parts.encoder.spec
        self.model = ClassificationObjective(self.parts, settings)

    def windows(self, store: WindowStore, seed: int | None = None) -> Windows:
        """Return batches of trials instead of windows from anywhere."""
        return LabelledTrials(store, self.settings, seed)

    def draw(self, ch_names: Sequence[str], random: np.random.Generator) -> Drawn:
        """Return nothing: what accompanies trials is not drawn."""
        return ()

    def minimised(self, losses: dict[str, Tensor], step: int) -> Tensor:
        """Return the cross-entropy."""
        return losses["cross_entropy"]

    def after_step(self, step: int, steps: int) -> dict[str, float]:
        """Let the mean of the weights follow."""
        average = self.settings.average
        decay = ema_decay(step, steps, average.start, average.end)
        update_ema(self.parts.mean_encoder, self.parts.encoder, decay)
        update_ema(self.parts.mean_head, self.parts.head, decay)
        for mean, buffer in zip(
            self.parts.mean_encoder.buffers(), self.parts.encoder.buffers(), strict=True
        ):
            mean.copy_(buffer)
        return {}

    def encoder(self) -> Encoder:
        """Return the encoder of averaged weights, which says what its features mean."""
        encoder, head = self.parts.mean_encoder.eval(), self.parts.mean_head
        weights, bias = head.weight.detach().double().T, head.bias.detach().double()
        readout = ClassReadout(
            self.settings.classes, tuple(map(tuple, weights.tolist())), tuple(bias.tolist())
        )
        encoder.spec = replace(encoder.spec, readout=readout)
        return with_mirror_image(encoder) if self._with_image else encoder


def spec_of(settings: ClassificationSettings) -> EncoderSpec:
    """Return the spec of the encoder that is trained."""
    return bandpower_spec(
        settings.size, name=settings.size, trained=True, provenance={}, front=settings.front
    )


class Classified(nn.Module):
    """The encoder and the layer that reads it, and their running means.

    Parameters
    ----------
    settings : ClassificationSettings
    """

    def __init__(self, settings: ClassificationSettings) -> None:
        super().__init__()
        spec = spec_of(settings)
        classes = len(settings.classes)
        self.encoder = BandPower(spec, settings.seed)
        width = self.encoder.features
        self.head = nn.Linear(width, classes)
        drawn = np.random.default_rng((settings.seed, 1)).standard_normal((classes, width))
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(drawn) / width**0.5)
            self.head.bias.zero_()
        self.mean_encoder = BandPower(spec, settings.seed).requires_grad_(False)
        self.mean_head = nn.Linear(width, classes).requires_grad_(False)
        self.mean_head.load_state_dict(self.head.state_dict())


class ClassificationObjective(nn.Module):
    """Cross-entropy of trials, through the tokens.

    Parameters
    ----------
    parts : Classified
    settings : ClassificationSettings
    """

    def __init__(self, parts: Classified, settings: ClassificationSettings) -> None:
        super().__init__()
        self.parts, self.dropout = parts, settings.dropout

    def forward(self, window: Tensor, rows: Tensor, label: Tensor) -> ModelOutputs:
        """Compute the losses: in training of the weights, else of their mean.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
        rows : Tensor of int, shape (channels,)
            Of the spatial filters.
        label : Tensor of int, shape (batch,)

        Returns
        -------
        ModelOutputs
            `wrong` is the share of trials that are told wrongly.
        """
        learns = torch.is_grad_enabled()
        encoder = self.parts.encoder if learns else self.parts.mean_encoder
        head = self.parts.head if learns else self.parts.mean_head
        tokens = encoder.train(learns).encode(window, rows)
        features = encoder.pooled(tokens)
        logits = head(F.dropout(features, self.dropout, learns)).float()
        losses = {
            "cross_entropy": F.cross_entropy(logits, label),
            "wrong": (logits.argmax(dim=1) != label).float().mean(),
        }
        return ModelOutputs(losses, F.layer_norm(tokens.detach().float(), tokens.shape[-1:]))


@dataclass(frozen=True)
class LabelledTrial:
    """A cue: recording of the store, its sample there, and its class."""

    recording: int
    start: int
    label: int


class LabelledTrials(Windows):
    """Batches of trials behind the filter that a decoder would put before the encoder.

    The filter of a recording is fitted on its first minute. Half of a batch is mirrored where the
    classes allow it: electrodes change sides, and so does the hand. With electrodes left out, the
    filter is that of those that are there.

    Parameters
    ----------
    store : WindowStore
        Whose recordings have events.
    settings : ClassificationSettings
    seed : int, optional
        Instead of the settings' own, as for validation: then trials are taken as they are.

    Raises
    ------
    InputError
        If the store has no trial of some class (for validation, of any).
    """

    def __init__(
        self, store: WindowStore, settings: ClassificationSettings, seed: int | None = None
    ) -> None:
        super().__init__(store, settings, lambda names, random: (), seed)
        self._plain = seed is not None
        self._classes = settings
        self._spec = spec_of(settings)
        self._swap = swap(settings.classes) if settings.mirrored else None
        self.trials = [
            LabelledTrial(index, start, settings.classes.index(event))
            for index, recording in enumerate(store.recordings)
            for start, event in recording.events
            if event in settings.classes and 0 <= start <= recording.length - settings.window
        ]
        there = {trial.label for trial in self.trials}
        absent = [name for k, name in enumerate(settings.classes) if k not in there]
        if absent and not (self._plain and there):  # one class alone is told without a mistake
            events = sorted({event for r in store.recordings for _, event in r.events})
            raise InputError(
                f"No recording of the store has a trial of {' or '.join(absent)}; its events are "
                f"{', '.join(events[:12]) or 'none'}.{did_you_mean(absent[0], events)}"
            )
        self._orders: dict[int, np.ndarray] = {}
        self._covariances: dict[int, np.ndarray] = {}  # by recording
        self._fitted: dict[tuple[int, int], np.ndarray] = {}  # by recording and subset

    @property
    def per_epoch(self) -> int:
        """LabelledTrials."""
        return len(self.trials)

    def batch(self, step: int, rank: int = 0, processes: int = 1) -> list[Group]:
        """Return one process's share of a batch: a group for each montage and side."""
        size = self._settings.batch
        share = size // processes
        members: dict[tuple[bool, int], list[tuple[LabelledTrial, int]]] = {}
        for number in range(step * size + rank * share, step * size + (rank + 1) * share):
            trial = self.trials[self._trial(number)]
            mirrored = bool(number % 2) and self._swap is not None and not self._plain
            key = mirrored, int(self._montage[trial.recording])
            members.setdefault(key, []).append((trial, self._start(trial, number)))
        return [self._trials(step, *key, those) for key, those in members.items()]

    def _trial(self, number: int) -> int:
        epoch, place = divmod(number, len(self.trials))
        if epoch not in self._orders:
            random = np.random.default_rng((self._seed, _TRIALS, epoch))
            self._orders = {k: v for k, v in self._orders.items() if k == epoch - 1}
            self._orders[epoch] = random.permutation(len(self.trials))
        return int(self._orders[epoch][place])

    def _start(self, trial: LabelledTrial, number: int) -> int:
        """Return where a trial's window begins: near its cue, inside its recording."""
        if self._plain:
            return trial.start
        jitter = self._classes.jitter
        drawn = np.random.default_rng((self._seed, _PLACES, number)).integers(-jitter, jitter + 1)
        last = self.store.recordings[trial.recording].length - self._settings.window
        return int(np.clip(trial.start + drawn, 0, last))

    def _trials(
        self, step: int, mirrored: bool, montage: int, members: list[tuple[LabelledTrial, int]]
    ) -> Group:
        subset = 0  # all electrodes
        if not self._plain and self._classes.subsets:
            random = np.random.default_rng((self._seed, _SUBSETS, step, mirrored, montage))
            subset = int(random.integers(0, 2) * random.integers(1, self._classes.subsets + 1))
        picks = self._picks(montage, subset)
        names = [self._names[montage][pick] for pick in picks]
        _, rows = encoded([counterpart(name) if mirrored else name for name in names], self._spec)
        windows = []
        for trial, start in members:
            window = self.store.crop(trial.recording, start, self._settings.window)
            spatial = self._filter(trial.recording, montage, subset)
            windows.append(spatial @ window[self._rows[montage][picks]])
        labels = [trial.label for trial, _ in members]
        if mirrored and self._swap is not None:
            labels = [self._swap[label] for label in labels]
        return Group(
            np.stack(windows),
            (np.array(rows), np.array(labels)),
            tuple(trial.recording for trial, _ in members),
        )

    def _picks(self, montage: int, subset: int) -> np.ndarray:
        """Return the channels of a montage that a subset keeps: half to all of them."""
        count = len(self._names[montage])
        if not subset:
            return np.arange(count)
        random = np.random.default_rng((self._seed, _SUBSETS, montage, subset))
        kept = random.permutation(count)[: random.integers(-(-count // 2), count + 1)]
        return np.sort(kept)

    def _filter(self, recording: int, montage: int, subset: int) -> np.ndarray:
        """Return a recording's filter, (encoded, channels of the subset), from its first minute."""
        key = recording, subset
        if key not in self._fitted:
            if recording not in self._covariances:
                length = round(self._classes.align_seconds * self.store.rate)
                length = min(length, self.store.recordings[recording].length)
                minute = self.store.crop(recording, 0, length)[self._rows[montage]]
                self._covariances[recording] = channel_covariance(minute)
            picks = self._picks(montage, subset)
            covariance = self._covariances[recording][np.ix_(picks, picks)]
            names = [self._names[montage][pick] for pick in picks]
            fitted = spatial_filter(covariance, names, self._spec)
            self._fitted[key] = fitted[encoded(names, self._spec)[0]].astype(np.float32)
        return self._fitted[key]


RECIPE = ClassificationRecipe
