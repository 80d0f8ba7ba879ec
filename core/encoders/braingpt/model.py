"""BrainGPT's electrode temporal encoder: each electrode's tokens see the electrode's past."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from core.encoders.base import Encoder, check_window
from core.encoders.braingpt.electrodes import ELECTRODES, electrode_rows
from core.encoders.braingpt.graph import ElectrodeGraph
from core.encoders.braingpt.layers import NORM_EPS, KeysValues, Layer, angles, initialise
from core.encoders.braingpt.sizes import size_named
from core.encoders.braingpt.stream import ColumnStream
from core.encoders.spec import EncoderSpec

SCALE = 0.05
"""Every sample is multiplied by it: 20 µV are 1. It never depends on the signal."""

_CHUNK = 64  # columns of a run that are encoded at once


def braingpt_spec(
    size: str,
    *,
    name: str,
    trained: bool,
    provenance: dict[str, str],
) -> EncoderSpec:
    """Return the spec of a BrainGPT encoder.

    Tokens of 1 s every 0.125 s at 256 Hz; 25 of them, 4 s, are a window (Yue et al. 2024,
    appendix B). The unit is ours: the paper states none.

    Raises
    ------
    InputError
        If there is no such size.
    """
    sizes = size_named(size)
    patch, stride, window = 256, 32, 1024
    band = (window - patch) // stride + 1
    return EncoderSpec(
        family="braingpt",
        size=size,
        name=name,
        rate=256.0,
        unit="uV",
        patch=patch,
        stride=stride,
        window=window,
        ch_names=ELECTRODES,
        tokens=(None, sizes.width),
        trained=trained,
        context="causal",
        warmup=warmup(sizes.layers, window, stride, band),
        provenance=dict(provenance),
    )


def warmup(layers: int, window: int, stride: int, band: int) -> int:
    """Return the samples of a run after which a window no longer depends on where the run began.

    Each layer lets a token see ``band - 1`` tokens further back, so a window's first token depends
    on ``layers * (band - 1)`` tokens before it.
    """
    return window + layers * (band - 1) * stride


class BrainGPT(Encoder):
    """The electrode temporal encoder (ETE).

    Parameters
    ----------
    spec : EncoderSpec
        What to build. Its `size` fixes layers, width and heads; its window the band, which is as
        many tokens as a window has.
    seed : int
        Of the random weights it starts with.

    Attributes
    ----------
    band : int
        Tokens that a token sees: itself and the ones before it.
    head : int
        Width of an attention head.
    scale : float
        Every sample is multiplied by it.
    graph : ElectrodeGraph or None
        What reads the electrodes' states, if tasks were learned from them: those of the spec.

    Notes
    -----
    Yue et al. (2024), arXiv 2410.19779, section 3. Where the paper does not say: layer
    norms come before each branch (torch has one operator for them, and several for an RMS norm),
    positions are rotary, and nothing but the first linear map has a bias.

    Tokens are those of the run since it began: what an electrode's token depends on is that
    electrode's signal, ``layers * (band - 1)`` tokens back. Nothing passes between electrodes, and
    their order does not matter.
    """

    def __init__(self, spec: EncoderSpec, *, seed: int = 0) -> None:
        super().__init__()
        size = size_named(spec.size)
        self.spec = spec
        self.band = spec.patches
        self.head = size.width // size.heads
        self.scale = SCALE
        self.embed = nn.Linear(spec.patch, size.width)
        self.electrode_tokens = nn.Embedding(len(ELECTRODES), size.width)
        self.special_token = nn.Parameter(torch.empty(size.width))
        self.layers = nn.ModuleList(
            Layer(size.width, size.heads, size.hidden) for _ in range(size.layers)
        )
        self.norm = nn.LayerNorm(size.width, eps=NORM_EPS, bias=False)
        initialise(self, seed)
        tasks = {name: len(classes) for name, classes in spec.graph_tasks.items()}
        self.graph = None
        if tasks:
            self.graph = ElectrodeGraph(size.width, size.width, size.graph_layers, tasks, seed)

    def patches(self, signal: Tensor) -> Tensor:
        """Cut signal, shape (..., samples), into overlapping patches, (..., tokens, patch)."""
        return signal.unfold(-1, self.spec.patch, self.spec.stride)

    def forward(self, patches: Tensor, rows: Tensor) -> Tensor:
        """Encode sequences from their beginning.

        Parameters
        ----------
        patches : Tensor, shape (sequences, tokens, samples of a patch)
            From `patches`, in the encoder's unit and at its rate.
        rows : Tensor of int, shape (sequences,)
            Electrode of each sequence, from `electrode_rows`.

        Returns
        -------
        Tensor, shape (sequences, 1 + tokens, width)
            State of the electrode token, then of every token: what the next is predicted from.
        """
        states, _ = self.encode(patches, rows)
        return states

    def encode(
        self, patches: Tensor, rows: Tensor, summaries: int = 0
    ) -> tuple[Tensor, Tensor | None]:
        """Encode sequences as `forward`, and ask the special token.

        Parameters
        ----------
        patches, rows : Tensor
        summaries : int
            For how many of the last tokens the special token is asked.

        Returns
        -------
        states : Tensor, shape (sequences, 1 + tokens, width)
        summaries : Tensor, shape (sequences, summaries, width), or None
            The special token's state behind each of them. It has queries only, so no other state
            depends on it, and it sees what the token before it sees.
        """
        known, inverse = rows.unique(return_inverse=True)
        first, constants = self.constants(known)
        constants = [(key[inverse], value[inverse]) for key, value in constants]
        asking = None
        if summaries:
            asking = self.special_token.expand(len(rows), summaries, -1)
        states, _, asking = self._columns(patches, constants, 0, None, asking)
        return torch.cat((first[inverse, None], states), dim=1), asking

    def constants(self, rows: Tensor) -> tuple[Tensor, list[KeysValues]]:
        """Return what electrode tokens come to, which see nothing but themselves.

        Returns
        -------
        states : Tensor, shape (electrodes, width)
        keys_values : list of tuple of Tensor, each (electrodes, heads, 1, head width)
            For every layer.
        """
        x, constants = self.electrode_tokens(rows), []
        for layer in self.layers:
            x, keys_values = layer.electrode(x)  # type: ignore[operator]
            constants.append(keys_values)
        return self.norm(x), constants

    def tokens(self, window: Tensor, ch_names: Sequence[str]) -> Tensor:
        """Encode the beginnings of runs, as `Encoder.tokens`: (batch, columns, channels, width)."""
        rows = electrode_rows(ch_names).to(window.device)
        check_window(window, len(rows))
        states: Tensor = self(self.patches(window).flatten(0, 1), rows.repeat(len(window)))[:, 1:]
        columns: Tensor = states.unflatten(0, window.shape[:2]).transpose(1, 2)
        return columns

    def tokens_at(
        self, run: np.ndarray, ends: Sequence[int], ch_names: Sequence[str]
    ) -> Iterator[Tensor]:
        """Encode the windows of a run that end before `ends`, as `Encoder.tokens_at`."""
        if not len(ends):
            return
        _, constants = self.constants(electrode_rows(ch_names).to(self.embed.weight.device))
        patch, stride, columns = self.spec.patch, self.spec.stride, self.spec.patches
        # Of each end, one behind the last column that is complete by then.
        stops = [(end - patch) // stride + 1 for end in ends]
        # The first token that the first window depends on.
        first = max(0, min(stops) - columns - len(self.layers) * (self.band - 1))
        signal = torch.from_numpy(run[:, : max(ends)]).to(self.embed.weight)
        patches = self.patches(signal)  # (channels, columns of the run, patch), a view
        past, made = None, []
        for start in range(first, patches.shape[1], _CHUNK):
            piece = patches[:, start : start + _CHUNK]
            states, past, _ = self._columns(piece, constants, start, past)
            made.append(states.transpose(0, 1))
        tokens = torch.cat(made)  # (columns from the first on, channels, width)
        for stop in stops:
            yield tokens[stop - columns - first : stop - first]

    def stream(
        self, ch_names: Sequence[str], hop: int | None = None, in_subprocess: bool = False
    ) -> ColumnStream:
        """Return the same tokens for a stream: a hop costs the columns that it completes.

        The weights may not change while it is in use.
        """
        if self.training:
            raise ValueError("The encoder is in training mode; call its eval() first.")
        return ColumnStream(self, electrode_rows(ch_names), hop, in_subprocess)

    def pool(self, tokens: np.ndarray) -> np.ndarray:
        """Return each electrode's mean over the window's columns, (windows, channels x width)."""
        means: np.ndarray = tokens.mean(axis=1)
        return means.reshape(len(tokens), -1)

    def _columns(
        self,
        patches: Tensor,
        constants: Sequence[KeysValues],
        position: int,
        past: Sequence[KeysValues] | None,
        asking: Tensor | None = None,
    ) -> tuple[Tensor, list[KeysValues], Tensor | None]:
        """Encode the next tokens of sequences, the first of which is at `position`."""
        positions = torch.arange(position, position + patches.shape[1], device=patches.device)
        turn = angles(positions, self.head)
        turn = torch.stack((turn.cos(), turn.sin()))
        x, kept = self.embed(patches * self.scale), []
        for index, layer in enumerate(self.layers):
            before = None if past is None else past[index]
            x, keys_values, asking = layer(x, constants[index], turn, self.band, before, asking)
            kept.append(keys_values)
        return self.norm(x), kept, None if asking is None else self.norm(asking)
