"""What an encoder is to the rest of the program: tokens of windows, and a token stream."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core.electrodes import electrode
from core.encoders.spec import EncoderSpec
from core.errors import InputError


class TokenStream(Protocol):
    """Tokens of the newest window of an unbroken run of signal, hop by hop."""

    def prepare(self) -> None:
        """Wait until the first samples can be taken without delay."""

    def push(self, samples: Tensor | np.ndarray) -> Tensor | None:
        """Take samples, shape (channels, n), n a multiple of the hop, in the encoder's unit.

        Returns
        -------
        Tensor, shape (columns, tokens, width), or None
            A copy, oldest column first; None until a window has come and the encoder is warm.
        """

    def reset(self) -> None:
        """Forget the signal, as after a gap."""

    @property
    def state(self) -> dict[str, Any]:
        """A copy of everything that later tokens depend on; can be assigned to go on from it."""

    @state.setter
    def state(self, state: dict[str, Any]) -> None: ...


class Encoder(nn.Module, ABC):
    """A frozen encoder of one family.

    Attributes
    ----------
    spec : EncoderSpec
    """

    spec: EncoderSpec

    @abstractmethod
    def tokens(self, window: Tensor, ch_names: Sequence[str]) -> Tensor:
        """Encode windows, each by itself.

        Parameters
        ----------
        window : Tensor, shape (batch, channels, samples)
            In ``spec.unit`` and at ``spec.rate``. With the context "causal", a run's beginning.
        ch_names : sequence of str
            The electrode of each channel, in any order.

        Returns
        -------
        Tensor, shape (batch, columns, tokens of a column, width)

        Raises
        ------
        InputError
            If the encoder does not know an electrode, or one is named twice.
        """

    @abstractmethod
    def stream(
        self, ch_names: Sequence[str], hop: int | None = None, in_subprocess: bool = False
    ) -> TokenStream:
        """Return the same tokens for a stream.

        Parameters
        ----------
        ch_names : sequence of str
            The electrode of each channel.
        hop : int, optional
            Samples from one window to the next; by default ``spec.default_hop``.
        in_subprocess : bool
            Compute in a process of its own, so that this one's threads cannot hold it up. Changes
            no digit.

        Raises
        ------
        InputError
            As `tokens` and `EncoderSpec.check_hop`.
        """

    def tokens_at(
        self, run: np.ndarray, ends: Sequence[int], ch_names: Sequence[str]
    ) -> Iterator[Tensor]:
        """Encode the windows of a run that end before the samples `ends`.

        What a stream gives that has seen the run up to there. Only asked of the context "causal",
        whose tokens depend on the run before a window; others encode each window by itself.

        Parameters
        ----------
        run : ndarray, shape (channels, samples)
            Contiguous, from where a stream would have begun, in ``spec.unit``.
        ends : sequence of int
        ch_names : sequence of str

        Yields
        ------
        Tensor, shape (columns, tokens, width)
        """
        raise NotImplementedError(f"The family {self.spec.family} has no causal context.")

    def pool(self, tokens: np.ndarray) -> np.ndarray:
        """Return the features of windows: mean and standard deviation over their columns.

        Parameters
        ----------
        tokens : ndarray, shape (windows, columns, tokens, width)

        Returns
        -------
        ndarray, shape (windows, 2 x tokens x width)
        """
        moments = [tokens.mean(axis=1), tokens.std(axis=1)]
        return np.concatenate([moment.reshape(len(tokens), -1) for moment in moments], axis=1)

    def pooled(self, tokens: Tensor) -> Tensor:
        """Return the features of `pool` as a tensor, through which weights can be trained.

        Parameters
        ----------
        tokens : Tensor, shape (windows, columns, tokens, width)

        Raises
        ------
        InputError
            If the encoder pools in a way of its own that has no such form.
        """
        if type(self).pool is not Encoder.pool:
            raise InputError(
                f"The encoder {self.spec.label} pools its tokens in a way that cannot be trained "
                "through; take another encoder, or leave it frozen."
            )
        # The root has no slope at zero; no token is as steady as this.
        spread = (tokens.var(dim=1, correction=0) + 1e-12).sqrt()
        return torch.cat([tokens.mean(dim=1).flatten(1), spread.flatten(1)], dim=1)

    def weights_sha256(self) -> str:
        """Return a hash of the weights that no file format or file name changes."""
        digest = hashlib.sha256()
        for name, tensor in sorted(self.state_dict().items()):
            kind = str(tensor.dtype).removeprefix("torch.")
            digest.update(f"{name} {kind} {tuple(tensor.shape)}\n".encode())
            flat = (
                tensor.detach().cpu().reshape(-1).contiguous()
            )  # a single number has no bytes to view
            digest.update(flat.view(torch.uint8).numpy().data)
        return digest.hexdigest()


def check_window(window: Tensor, channels: int) -> None:
    """Raise `ValueError` unless windows have the shape (batch, channels, samples)."""
    if window.ndim != 3 or window.shape[1] != channels:
        raise ValueError(f"{tuple(window.shape)} is not (batch, {channels} channels, samples).")


def rows_of(ch_names: Sequence[str], vocabulary: Sequence[str], whose: str) -> list[int]:
    """Return where electrodes stand in a family's vocabulary, in the order given.

    Parameters
    ----------
    ch_names : sequence of str
        Case, trailing dots and older names (``T3`` for ``T7``) do not matter.
    vocabulary : sequence of str
        Modern names in upper case.
    whose : str
        The family, for messages.

    Raises
    ------
    InputError
        If a name is unknown, or two names mean the same electrode.
    """
    rows = {name: row for row, name in enumerate(vocabulary)}
    sites = [electrode(name) for name in ch_names]
    unknown = [name for name, site in zip(ch_names, sites, strict=True) if site not in rows]
    if unknown:
        raise InputError(
            f"{whose} knows no electrode called {', '.join(unknown)}; "
            f"its {len(vocabulary)} electrodes are {' '.join(vocabulary)}."
        )
    twice = sorted({site for site in sites if sites.count(site) > 1})
    if twice:
        raise InputError(f"The electrode {', '.join(twice)} is named more than once.")
    return [rows[site] for site in sites]
