"""The linear probe of the paper: spatial convolution, frozen encoder, two max-norm layers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from core.decoding.heads import softmax
from core.encoders import Encoder
from training.evaluation.trials import Trials

if TYPE_CHECKING:
    import torch

SITES = tuple("FP1 FP2 F7 F3 FZ F4 F8 T7 C3 CZ C4 T8 P7 P3 PZ P4 P8 O1 O2".split())
"""Electrodes that the convolution makes of a montage, as for BCIC-2A."""

CENTRAL = tuple("C5 C3 C1 CZ C2 C4 C6".split())
"""The same for a montage of fewer channels than `SITES`, as for BCIC-2B."""

EPOCHS = 100
BATCH = 64
PEAK = 4e-4  # learning rate of the one cycle
HIDDEN = 16  # what the first linear layer makes of a patch


@dataclass(frozen=True)
class ProbeSystem:
    """The linear probe with the settings that the published code has for BCIC-2A.

    All of them are fixed and the last weights are kept, so that nothing is chosen. What the
    published code does to a whole session with its test trials (standardising, Euclidean
    alignment) is here the decoder's spatial filter from signal outside trials.

    Attributes
    ----------
    eeg_encoder : Encoder
        Frozen; gradients go through it to the convolution.

    Notes
    -----
    Wang et al. (2024), EEGPT: pretrained transformer for universal and reliable representation of
    EEG signals, NeurIPS, section 3.3 and appendix; sizes and rates as its code has them.
    """

    eeg_encoder: Encoder
    name: str = "linear probe"

    @property
    def encoder(self) -> str:
        """Label of the encoder."""
        return self.eeg_encoder.spec.label

    def fit(self, trials: Trials, seed: int) -> ProbeModel:
        """Learn; the same seed gives the same weights."""
        import torch

        windows = torch.from_numpy(trials.filtered(self.eeg_encoder)).float()
        labels = torch.from_numpy(trials.labels)
        sites = SITES if windows.shape[1] >= len(SITES) else CENTRAL
        batches = -(-len(labels) // BATCH)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            shape = windows.shape[1], windows.shape[2]
            probe = _make(self.eeg_encoder, shape, sites, len(trials.classes))
            optimiser = torch.optim.AdamW(probe.parameters(), lr=PEAK, weight_decay=0.01)
            schedule = torch.optim.lr_scheduler.OneCycleLR(
                optimiser, PEAK, total_steps=EPOCHS * batches, pct_start=0.2
            )
            for _ in range(EPOCHS):
                for batch in torch.randperm(len(labels)).split(BATCH):
                    logits = _logits(probe, self.eeg_encoder, sites, windows[batch])
                    loss = torch.nn.functional.cross_entropy(logits, labels[batch])
                    optimiser.zero_grad()
                    loss.backward()
                    optimiser.step()
                    schedule.step()
        return ProbeModel(self, probe.eval(), sites)


@dataclass(frozen=True)
class ProbeModel:
    """A probe that was trained."""

    system: ProbeSystem
    probe: Any
    sites: tuple[str, ...]

    def probabilities(self, trials: Trials) -> np.ndarray:
        """Return class probabilities, shape (trials, classes)."""
        import torch

        encoder = self.system.eeg_encoder
        with torch.inference_mode():
            windows = torch.from_numpy(trials.filtered(encoder)).float()
            logits = [_logits(self.probe, encoder, self.sites, w) for w in windows.split(BATCH)]
        return softmax(torch.cat(logits).double().numpy())


def _make(
    encoder: Encoder, shape: tuple[int, int], sites: tuple[str, ...], classes: int
) -> torch.nn.ModuleDict:
    """Return the layers that learn."""
    from torch import nn

    channels, _ = shape
    patches, tokens, width = encoder.spec.token_shape(len(sites))
    return nn.ModuleDict(
        {
            "spatial": nn.Conv1d(channels, len(sites), 1),
            "dropout": nn.Dropout(0.5),
            "patch": nn.Linear(tokens * width, HIDDEN),
            "window": nn.Linear(HIDDEN * patches, classes),
        }
    )


def _logits(
    probe: torch.nn.ModuleDict, encoder: Encoder, sites: tuple[str, ...], windows: torch.Tensor
) -> torch.Tensor:
    """Return the logits of windows, shape (trials, classes)."""
    for layer, longest in (("spatial", 1.0), ("patch", 1.0), ("window", 0.25)):
        _limit(probe[layer], longest)
    tokens = encoder.tokens(probe["spatial"](windows), sites)  # (trials, patches, ...)
    patches = probe["patch"](probe["dropout"](tokens.flatten(2)))
    logits: torch.Tensor = probe["window"](patches.flatten(1))
    return logits


def _limit(layer: Any, longest: float) -> None:
    """Scale down the weights of outputs that are longer than that."""
    import torch

    with torch.no_grad():
        layer.weight.copy_(torch.renorm(layer.weight, p=2, dim=0, maxnorm=longest))
