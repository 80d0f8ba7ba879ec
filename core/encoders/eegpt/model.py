"""EEGPT's encoder: every patch of all channels becomes a few summary tokens, by itself."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.base import Encoder
from core.encoders.eegpt.electrodes import CODEX, ChannelIds, as_ids, channel_ids
from core.encoders.eegpt.layers import NORM_EPS, blocks, initialise
from core.encoders.eegpt.packed import PackedEncoder
from core.encoders.eegpt.sizes import size_named
from core.encoders.patch_stream import PatchStream
from core.encoders.spec import EncoderSpec
from core.encoders.subprocess_encoder import EncoderStep, SubprocessStep

NEVER_TRAINED = ("AF7", "AF8", "PO5", "PO6")
"""Electrodes of the codex that no pretraining recording of EEGPT had: their embedding is noise."""


def eegpt_spec(size: str, *, name: str, trained: bool, provenance: dict[str, str]) -> EncoderSpec:
    """Return the spec of an EEGPT encoder, as pretrained by its authors.

    250 ms patches of 4 s windows at 256 Hz, in millivolts, of 58 electrodes (Wang et al. 2024,
    EEGPT, NeurIPS, section 3.1, and the published code).

    Raises
    ------
    InputError
        If there is no such size.
    """
    sizes = size_named(size)
    return EncoderSpec(
        family="eegpt",
        size=size,
        name=name,
        rate=256.0,
        unit="mV",
        patch=64,
        stride=64,
        window=1024,
        ch_names=tuple(site for site in CODEX if site not in NEVER_TRAINED),
        tokens=(sizes.summary_tokens, sizes.width),
        trained=trained,
        provenance=dict(provenance),
    )


def summary_shape(spec: EncoderSpec) -> tuple[int, int]:
    """Return how many summary tokens a patch has, and their width."""
    tokens, width = spec.tokens
    assert tokens is not None
    return tokens, width


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


class EEGPT(Encoder):
    """EEGPT's encoder.

    Parameters
    ----------
    spec : EncoderSpec
        What to build. Its `size` fixes depth and heads.
    seed : int or tuple of int
        Of the random weights it starts with.

    Attributes
    ----------
    summary_only : bool
        Whether the last block makes summary tokens only, the others being read by nobody: the same
        but for rounding. Saves 4 % of a pretraining step of the large model, 10 % of tiny2's.

    Notes
    -----
    Wang et al. (2024), EEGPT, NeurIPS, equations 1-4. A patch's channels and its summary tokens
    attend to each other; nothing passes between patches, and nothing tells one time from another.
    That is what makes streaming exact. Names and shapes of the tensors are the published ones.
    """

    def __init__(self, spec: EncoderSpec, *, seed: int | tuple[int, ...] = 0) -> None:
        super().__init__()
        size = size_named(spec.size)
        tokens, width = summary_shape(spec)
        self.spec = spec
        self.summary_token = nn.Parameter(torch.empty(1, tokens, width))
        self.patch_embed = PatchEmbed(spec.patch, width)
        self.chan_embed = nn.Embedding(len(CODEX), width)
        self.blocks = blocks(width, size.heads, size.encoder_depth)
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.summary_only = False
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
            Codex position of each channel (`channel_ids`).
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

    def tokens(self, window: Tensor, ch_names: Sequence[str]) -> Tensor:
        """Encode windows, as `Encoder.tokens`: (batch, patches, summary tokens, width)."""
        tokens: Tensor = self(window, channel_ids(ch_names))
        return tokens

    def stream(
        self, ch_names: Sequence[str], hop: int | None = None, in_subprocess: bool = False
    ) -> PatchStream:
        """Return the same tokens for a stream: a hop costs one patch.

        The weights are packed here, once; later changes of them are not seen.
        """
        if self.training:
            raise ValueError("The encoder is in training mode; call its eval() first.")
        ids, weight = as_ids(channel_ids(ch_names)), self.summary_token
        step: EncoderStep
        if weight.device.type != "cpu" or weight.dtype != torch.float32:
            step = _UnpackedStep(self, ids)  # nothing is packed for these
        elif in_subprocess:
            piece = (len(ids), self.spec.patch)
            step = SubprocessStep(PackedEncoder, (self, ids), piece, tuple(weight.shape[1:]))
        else:
            step = PackedEncoder(self, ids)
        return PatchStream(self.spec, len(ids), step, hop, weight.dtype, weight.device)

    def _summarise(self, channel_tokens: Tensor) -> Tensor:
        """Turn (..., channels, width) into (..., summary tokens, width)."""
        outer = channel_tokens.shape[:-2]  # may hold no patch at all
        x = channel_tokens.flatten(0, -3)  # (patches of all windows, channels, width)
        x = torch.cat((x, self.summary_token.to(x.dtype).expand(len(x), -1, -1)), dim=1)
        count = self.summary_token.shape[1]
        for block in self.blocks[:-1]:
            x = block(x)
        x = self.blocks[-1](x, last=count if self.summary_only else None)
        tokens = self.norm(x[:, -count:])
        summaries: Tensor = tokens.reshape(*outer, *self.summary_token.shape[1:])
        return summaries

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


class _UnpackedStep:
    """A patch through the encoder itself, where its weights cannot be packed."""

    def __init__(self, encoder: EEGPT, ids: Tensor) -> None:
        self._encoder, self._ids = encoder, ids

    def prepare(self) -> None:
        """Nothing to wait for."""

    def encode(self, piece: Tensor, out: Tensor) -> None:
        """Encode a patch, shape (channels, samples)."""
        out.copy_(self._encoder.encode_patches(piece[None], self._ids)[0])
