"""The two probes of the job: one that trains through the encoder, and one on a frozen encoder."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from core.encoders.labram.electrodes import electrode_rows
from core.encoders.labram.layers import NORM_EPS, ScaledBlock
from core.encoders.labram.model import PATCH, SCALE, LaBraM

EPOCHS = 100
BATCH = 64
PEAK = 4e-4  # learning rate of the one cycle
WEIGHT_DECAY = 0.01
LONGEST = 1.0  # norm of the weights of a class
DROPPED = 0.1  # share of trials that skip a branch of the last block; none of the first


class PublishedProbe(nn.Module):
    """LaBraM and a linear head as the published job trains them.

    Only the blocks are frozen: convolutions, class token, tables of positions and times, and the
    last norm train with the head. That norm begins fresh, since the published checkpoint's
    (``student.norm``) is left out there. Electrodes get rows 1, 2, 3 ... of the table of positions
    whatever they are, and samples are not divided by 100 µV.

    Parameters
    ----------
    encoder : LaBraM
        Copied.
    channels, classes : int
    """

    def __init__(self, encoder: LaBraM, channels: int, classes: int) -> None:
        super().__init__()
        self.encoder = deepcopy(encoder).requires_grad_(True)
        self.encoder.blocks.requires_grad_(False)
        width = encoder.cls_token.shape[-1]
        self.encoder.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.seconds = encoder.spec.window // PATCH
        self.head = nn.Linear((1 + channels * self.seconds) * width, classes)
        depth = len(encoder.blocks)
        self.drops = [DROPPED * index / max(1, depth - 1) for index in range(depth)]

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logits of windows, shape (trials, classes)."""
        encoder = self.encoder
        patches = windows.unflatten(-1, (self.seconds, PATCH))
        x = encoder.temporal_conv(patches.flatten(1, 2)).unflatten(1, (-1, self.seconds))
        rows = 1 + torch.arange(x.shape[1], device=x.device)
        x = x + encoder.pos_embed[0, rows, None] + encoder.time_embed[0, : self.seconds]
        first = (encoder.cls_token + encoder.pos_embed[:, :1]).expand(len(x), -1, -1)
        tokens = torch.cat((first, x.flatten(1, 2)), dim=1)
        for block, share in zip(encoder.blocks, self.drops, strict=True):
            assert isinstance(block, ScaledBlock)
            attended = block.gamma_1 * block.attn(block.norm1(tokens))
            tokens = tokens + self._thinned(attended, share)
            changed = block.gamma_2 * block.mlp(block.norm2(tokens))
            tokens = tokens + self._thinned(changed, share)
        limit_norms(self.head)
        logits: Tensor = self.head(encoder.norm(tokens).flatten(1))
        return logits

    def _thinned(self, branch: Tensor, share: float) -> Tensor:
        """Leave a branch out of a random share of the trials, while training."""
        if not self.training or share == 0.0:
            return branch
        kept = torch.rand(len(branch), 1, 1, device=branch.device) >= share
        return branch * kept / (1.0 - share)


def train_as_published(
    encoder: LaBraM,
    learned: tuple[np.ndarray, np.ndarray],
    tested: np.ndarray,
    classes: int,
    seed: int,
    device: str = "cpu",
) -> np.ndarray:
    """Train as published, and return what every epoch says of the tested windows.

    Parameters
    ----------
    encoder : LaBraM
        Left as it is.
    learned : tuple of ndarray
        Windows, shape (trials, channels, samples), from `as_published`, and labels.
    tested : ndarray, shape (trials, channels, samples)
    classes, seed : int
    device : str

    Returns
    -------
    ndarray, shape (epochs, trials, classes)
        Logits.
    """
    windows, labels = (torch.from_numpy(part).to(device) for part in learned)
    shown = torch.from_numpy(tested).to(device)
    outputs = []
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        probe = PublishedProbe(encoder, windows.shape[1], classes).to(device)
        trained = [parameter for parameter in probe.parameters() if parameter.requires_grad]
        cycle = _Cycle(trained, len(labels))
        for _ in tqdm(range(EPOCHS), unit="epoch", leave=False, disable=None):
            probe.train()
            for batch in torch.randperm(len(labels)).to(device).split(BATCH):
                cycle.step(nn.functional.cross_entropy(probe(windows[batch]), labels[batch]))
            probe.eval()
            with torch.inference_mode():
                outputs.append(torch.cat([probe(part) for part in shown.split(BATCH)]).cpu())
    logits: np.ndarray = torch.stack(outputs).double().numpy()
    return logits


def frozen_tokens(
    encoder: LaBraM, windows: np.ndarray, ch_names: Sequence[str], device: str = "cpu"
) -> np.ndarray:
    """Return all tokens of windows through a frozen encoder, in a row for each window.

    Parameters
    ----------
    encoder : LaBraM
    windows : ndarray, shape (trials, channels, samples)
        In µV, from `as_it_should_be`; the encoder divides by 100 µV.
    ch_names : sequence of str
        Electrodes of the channels, each with its own row of the table of positions.
    device : str

    Returns
    -------
    ndarray of float32, shape (trials, electrodes x seconds x width)
    """
    encoder = deepcopy(encoder).to(device)
    assert SCALE == 0.01
    rows = electrode_rows(ch_names).to(device)
    with torch.inference_mode():
        parts = torch.from_numpy(windows).split(BATCH)
        tokens = [encoder(part.to(device), rows).flatten(1).cpu() for part in parts]
    features: np.ndarray = torch.cat(tokens).numpy()
    return features


def train_on_frozen(
    learned: tuple[np.ndarray, np.ndarray],
    tested: np.ndarray,
    classes: int,
    seed: int,
    device: str = "cpu",
) -> np.ndarray:
    """Train a linear head for as many epochs as published, and keep its last weights.

    Parameters
    ----------
    learned : tuple of ndarray
        Tokens, shape (trials, features), from `frozen_tokens`, and labels.
    tested : ndarray, shape (trials, features)
    classes, seed : int
    device : str

    Returns
    -------
    ndarray, shape (trials, classes)
        Logits.
    """
    tokens, labels = (torch.from_numpy(part).to(device) for part in learned)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = nn.Linear(tokens.shape[1], classes).to(device)
        cycle = _Cycle(list(head.parameters()), len(labels))
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(labels)).to(device).split(BATCH):
                limit_norms(head)
                cycle.step(nn.functional.cross_entropy(head(tokens[batch]), labels[batch]))
    limit_norms(head)
    with torch.inference_mode():
        logits: np.ndarray = head(torch.from_numpy(tested).to(device)).cpu().double().numpy()
    return logits


class _Cycle:
    """AdamW under one cycle of learning rates over all epochs."""

    def __init__(self, parameters: list[nn.Parameter], trials: int) -> None:
        self._optimiser = torch.optim.AdamW(parameters, lr=PEAK, weight_decay=WEIGHT_DECAY)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimiser, PEAK, total_steps=EPOCHS * -(-trials // BATCH), pct_start=0.2
        )

    def step(self, loss: Tensor) -> None:
        self._optimiser.zero_grad()
        loss.backward()
        self._optimiser.step()
        self._schedule.step()


@torch.no_grad()
def limit_norms(head: nn.Linear) -> None:
    """Scale down the weights of classes that are longer than `LONGEST`."""
    head.weight.copy_(torch.renorm(head.weight, p=2, dim=0, maxnorm=LONGEST))
