"""EEGPT's encoder: every patch of all channels becomes a few summary tokens, by itself."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.model.layers import NORM_EPS, blocks, initialise
from core.model.variants import variant_named
from core.montage import CODEX

ChannelIds = Sequence[int] | np.ndarray | Tensor

NEVER_TRAINED = ("AF7", "AF8", "PO5", "PO6")
"""Electrodes of the codex that no pretraining recording of EEGPT had: their embedding is noise."""


@dataclass(frozen=True)
class EncoderSpec:
    """What an encoder is and what it needs; the rest of the code asks here.

    Attributes
    ----------
    name : str
        What it is called, as given to `load_encoder` or told by its file.
    variant : str
        Its size, one of `core.model.variants.VARIANTS`.
    rate : float
        Sampling rate in Hz.
    unit : str
        Unit of the samples.
    patch, window : int
        Length of a patch, and of the window it was trained on, in samples.
    channels : tuple of str
        Electrodes it was trained on, by codex name.
    summary : tuple of int
        Summary tokens of a patch, and their width.
    trained : bool
        False for random weights, which every screen and report must say.
    context : {"patch", "causal", "window"}
        What the tokens of a patch depend on: that patch alone, it and those before, or all.
    provenance : dict of str to str
        Where the weights come from: source, file hash, seed.
    covariance : tuple of tuple of float, or None
        Covariance of `channels` in what it was trained on, in squared units; None if unknown.
    """

    name: str
    variant: str
    rate: float
    unit: str
    patch: int
    window: int
    channels: tuple[str, ...]
    summary: tuple[int, int]
    trained: bool
    context: Literal["patch", "causal", "window"] = "patch"
    provenance: dict[str, str] = field(default_factory=dict)
    covariance: tuple[tuple[float, ...], ...] | None = None

    @property
    def patches(self) -> int:
        """Patches in a window."""
        return self.window // self.patch

    @property
    def label(self) -> str:
        """The name for screens and reports, such as ``tiny3 (untrained)``."""
        return self.name if self.trained else f"{self.variant} (untrained)"


def eegpt_spec(
    variant: str, *, name: str, trained: bool, provenance: dict[str, str]
) -> EncoderSpec:
    """Return the spec of an EEGPT encoder, as pretrained by its authors.

    250 ms patches of 4 s windows at 256 Hz, in millivolts, of 58 electrodes (Wang et al. 2024,
    EEGPT, NeurIPS, section 3.1, and the published code).

    Raises
    ------
    InputError
        If there is no such variant.
    """
    size = variant_named(variant)
    return EncoderSpec(
        name=name,
        variant=variant,
        rate=256.0,
        unit="mV",
        patch=64,
        window=1024,
        channels=tuple(site for site in CODEX if site not in NEVER_TRAINED),
        summary=(size.summary_tokens, size.width),
        trained=trained,
        provenance=dict(provenance),
    )


def as_ids(channel_ids: ChannelIds) -> Tensor:
    """Return channel ids as a tensor of int64, on the device they are on."""
    if isinstance(channel_ids, Tensor):
        return channel_ids.long()
    return torch.from_numpy(np.array(channel_ids, dtype=np.int64))  # a copy: may be read-only


class PatchEmbed(nn.Module):
    """One linear map from the samples of a channel's patch to a token.

    Its weights have the shape of the convolution that the published code calls it.
    """

    def __init__(self, patch: int, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, kernel_size=(1, patch), stride=(1, patch))

    def forward(self, patches: Tensor) -> Tensor:
        """Map `patches`, shape (..., patch), to tokens, shape (..., width)."""
        return F.linear(patches, self.proj.weight.flatten(1), self.proj.bias)


class Encoder(nn.Module):
    """EEGPT's encoder.

    Parameters
    ----------
    spec : EncoderSpec
        What to build. Its `variant` fixes depth and heads.
    seed : int or tuple of int
        Of the random weights it starts with.
    drop_path : float
        Stochastic depth of the last block, for pretraining; 0 in every published configuration.

    Notes
    -----
    Wang et al. (2024), EEGPT, NeurIPS, equations 1-4. A patch's channels and its summary tokens
    attend to each other; nothing passes between patches, and nothing tells one time from another.
    That is what makes streaming exact. Names and shapes of the tensors are the published ones.
    """

    def __init__(
        self, spec: EncoderSpec, *, seed: int | tuple[int, ...] = 0, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        size = variant_named(spec.variant)
        tokens, width = spec.summary
        self.spec = spec
        self.summary_token = nn.Parameter(torch.empty(1, tokens, width))
        self.patch_embed = PatchEmbed(spec.patch, width)
        self.chan_embed = nn.Embedding(len(CODEX), width)
        self.blocks = blocks(width, size.heads, size.encoder_depth, drop_path)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        initialise(self, seed)

    def forward(
        self, window: Tensor, channel_ids: ChannelIds, mask: Tensor | None = None
    ) -> Tensor:
        """Encode a window, or what a mask leaves of it.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
            In the encoder's unit and at its rate. Samples after the last whole patch are dropped.
        channel_ids : sequence of int, shape (channels,)
            Codex position of each channel (`core.montage.channel_ids`).
        mask : Tensor of int, shape (visible patches, visible channels), optional
            What to look at, for pretraining: position ``time * channels + channel`` in the grid of
            patches. A row holds channels of one time.

        Returns
        -------
        Tensor, shape (batch, patches, summary tokens, width)
            With a mask, one entry a row of it.

        Raises
        ------
        ValueError
            If shapes and ids do not fit together.
        """
        ids = self._rows(channel_ids, window)
        _, channels, samples = window.shape
        length = self.spec.patch
        n = samples // length  # patches
        if n == 0:
            raise ValueError(f"The window has {samples} samples; one patch needs {length}.")
        # A view where the window is contiguous: (batch, patches, channels, samples of a patch).
        grid = window[..., : n * length].unflatten(-1, (n, length)).transpose(1, 2)
        if mask is None:
            return self._summarise(self.patch_embed(grid) + self.chan_embed(ids))
        visible = grid.flatten(1, 2)[:, mask]  # (batch, visible patches, visible channels, patch)
        return self._summarise(self.patch_embed(visible) + self.chan_embed(ids[mask % channels]))

    def encode_patches(self, patches: Tensor, channel_ids: ChannelIds) -> Tensor:
        """Encode patches one by one, whatever times they come from.

        Parameters
        ----------
        patches : Tensor, shape (batch, channels, samples of a patch)
            In the encoder's unit and at its rate.
        channel_ids : sequence of int, shape (channels,)
            Codex position of each channel.

        Returns
        -------
        Tensor, shape (batch, summary tokens, width)

        Raises
        ------
        ValueError
            If shapes and ids do not fit together.
        """
        ids = self._rows(channel_ids, patches)
        if patches.shape[-1] != self.spec.patch:
            raise ValueError(
                f"A patch has {self.spec.patch} samples; these have {patches.shape[-1]}."
            )
        return self._summarise(self.patch_embed(patches) + self.chan_embed(ids))

    def weights_sha256(self) -> str:
        """Return a hash of the weights that no file format or file name changes."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            kind = str(tensor.dtype).removeprefix("torch.")
            digest.update(f"{name} {kind} {tuple(tensor.shape)}\n".encode())
            digest.update(tensor.detach().cpu().contiguous().view(torch.uint8).numpy().data)
        return digest.hexdigest()

    def _summarise(self, channel_tokens: Tensor) -> Tensor:
        """Turn (..., channels, width) into (..., summary tokens, width)."""
        outer = channel_tokens.shape[:-2]  # may hold no patch at all
        x = channel_tokens.flatten(0, -3)  # (patches of all windows, channels, width)
        x = torch.cat((x, self.summary_token.to(x.dtype).expand(len(x), -1, -1)), dim=1)
        for block in self.blocks:
            x = block(x)
        tokens = self.norm(x[:, -self.summary_token.shape[1] :])
        return tokens.reshape(*outer, *self.summary_token.shape[1:])

    def _rows(self, channel_ids: ChannelIds, signal: Tensor) -> Tensor:
        """Return the ids as a tensor beside the weights, if they fit (batch, channels, samples)."""
        ids = as_ids(channel_ids)
        if signal.ndim != 3 or ids.shape != signal.shape[1:2]:
            raise ValueError(
                f"{tuple(signal.shape)} is not (batch, {ids.numel()} channels, samples)."
            )
        # On an accelerator the comparison would make every step wait.
        if ids.device.type == "cpu" and ids.numel():
            low, high = ids.aminmax()
            if low < 0 or high >= len(CODEX):
                raise ValueError(f"Channel ids must lie between 0 and {len(CODEX) - 1}.")
        return ids.to(self.summary_token.device)
