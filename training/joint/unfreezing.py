"""Training heads and the encoder before them together, in batches of trials."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from core.encoders import Encoder
from core.errors import InputError
from core.fitting.joint_heads import HeadSettings, JointHead, Target, learned_heads
from training.joint.trials import StoredTrials, beginnings


@dataclass(frozen=True)
class UnfreezeSettings:
    """How an encoder is trained through.

    Attributes
    ----------
    align_epochs : int
        Times that all trials are seen with the losses of texts alone, where there are texts.
    epochs : int
        Times after that, with the losses of all heads.
    batch : int
        Trials of a step.
    encoder_rate : float
        AdamW's learning rate for the encoder's weights; that of the heads is theirs.
    device : str
        As torch names it.
    seed : int
    """

    align_epochs: int = 2
    epochs: int = 8
    batch: int = 64
    encoder_rate: float = 1e-4
    device: str = "cpu"
    seed: int = 0


def train_through(
    encoder: Encoder,
    trials: StoredTrials,
    targets: Mapping[str, Target],
    aligned: Collection[str],
    heads: HeadSettings,
    settings: UnfreezeSettings,
    tell: Callable[[str], object] = lambda line: None,
) -> dict[str, JointHead]:
    """Train an encoder's weights, in place, and the heads that read it.

    Heads are trained on the frozen encoder first, so that random ones do not spoil it; then heads
    and encoder by the contrastive losses alone (`aligned`), then by all losses. Tokens are centred
    by each recording's first minute, as the encoder of an epoch's beginning gives them. The
    encoder stays in the mode that it is used in: means that it keeps of signal stay as they are.

    Parameters
    ----------
    encoder : Encoder
        On the CPU; it comes back there.
    trials : StoredTrials
        Of this encoder, tokens as the last block.
    targets : dict of str to Target
        By task.
    aligned : collection of str
        Tasks of the stage of alignment; empty for no such stage.
    heads : HeadSettings
    settings : UnfreezeSettings
    tell : callable, optional
        Called with a line an epoch.

    Returns
    -------
    dict of str to JointHead

    Raises
    ------
    InputError
        If tokens depend on more than their window, the encoder cannot be trained through, or a
        loss is not finite.
    """
    spec = encoder.spec
    if spec.context == "causal":
        raise InputError(
            f"The tokens of the encoder {spec.label} depend on the run before a window, which "
            "--unfreeze does not train through; leave it frozen."
        )
    device = torch.device(settings.device)
    windows = _Windows(trials, encoder, device)
    joint = learned_heads(trials.blocks, targets, heads).to(device).train()
    encoder.to(device).requires_grad_(True)
    # Sums, means and attention alike: what pools the tokens is a weight of the encoder, too.
    optimiser = torch.optim.AdamW(
        [
            {"params": list(joint.parameters()), "lr": heads.learning_rate},
            {"params": list(encoder.parameters()), "lr": settings.encoder_rate},
        ],
        weight_decay=heads.weight_decay,
    )
    others = torch.from_numpy(
        np.concatenate([*trials.blocks[:-1], np.empty((windows.count, 0))], 1)
    )
    others = others.float().to(device)
    order = np.random.default_rng(settings.seed)
    align_epochs = settings.align_epochs if aligned else 0
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        for epoch in range(align_epochs + settings.epochs):
            tasks = aligned if epoch < align_epochs else None
            offsets = windows.offsets()
            total = 0.0
            for batch in np.array_split(
                order.permutation(windows.count), -(-windows.count // settings.batch)
            ):
                optimiser.zero_grad()
                rows = torch.from_numpy(batch).to(device)
                tokens = windows.features(batch) - offsets[windows.recording[batch]]
                inputs = joint.standardised(torch.cat([others[rows], tokens], dim=1))
                loss = joint.loss(inputs, rows, None if tasks is None else list(tasks))
                loss.backward()
                optimiser.step()
                total += float(loss.detach()) * len(batch) / windows.count
            if not np.isfinite(total):
                raise InputError(
                    "The loss is not finite, so training stops and nothing is written; try a lower "
                    "--encoder-rate."
                )
            stage = "alignment to texts" if epoch < align_epochs else "all heads"
            tell(f"epoch {epoch + 1} of {align_epochs + settings.epochs}, {stage}: {total:.4f}")
    encoder.to("cpu").eval().requires_grad_(False)
    return joint.cpu().heads()


class _Windows:
    """Windows of trials and of recordings' first minutes, behind their filters."""

    def __init__(self, trials: StoredTrials, encoder: Encoder, device: torch.device) -> None:
        self._trials, self._encoder, self._device = trials.recordings, encoder, device
        counts = [len(recording.starts) for recording in trials.recordings]
        self.recording = np.repeat(np.arange(len(counts)), counts)
        self._starts = np.concatenate([recording.starts for recording in trials.recordings])
        self._channels = trials.channels
        self.count = len(self._starts)

    def _cut(self, recording: int, starts: np.ndarray | list[int]) -> np.ndarray:
        """Return windows of a recording, float32 of shape (windows, channels, samples)."""
        aligned = self._trials[recording]
        assert aligned.alignment.tokens is not None
        spatial, length = aligned.alignment.tokens.spatial, self._encoder.spec.window
        return np.stack(
            [spatial @ aligned.run[start : start + length].T for start in starts]
        ).astype(np.float32)

    def _pooled(self, windows: np.ndarray) -> Tensor:
        given = torch.from_numpy(windows).to(self._device)
        return self._encoder.pooled(self._encoder.tokens(given, self._channels))

    def features(self, batch: np.ndarray) -> Tensor:
        """Return the token features of trials, shape (trials, features)."""
        cut = [self._cut(self.recording[trial], self._starts[trial : trial + 1]) for trial in batch]
        return self._pooled(np.concatenate(cut))

    @torch.no_grad()
    def offsets(self) -> Tensor:
        """Return the mean token features of every recording's first minute."""
        spec = self._encoder.spec
        means = [
            self._pooled(self._cut(index, beginnings(recording, spec))).mean(dim=0)
            for index, recording in enumerate(self._trials)
        ]
        return torch.stack(means)
