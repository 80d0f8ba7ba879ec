"""What an encoder is to the rest of the program: a spec, tokens of windows, and a token stream."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import InputError
from core.montage import electrode

Context = Literal["patch", "causal", "window"]

LABELLED = "labelled_files"
"""Entry of an encoder's provenance: beginnings of the SHA-256 of the recordings' files whose labels
its weights, or their choice, depend on; separated by spaces."""

DIGITS = 16
"""Hexadecimal digits of each."""


@dataclass(frozen=True)
class ClassReadout:
    """The linear layer that an encoder was trained through: its features as logits of classes.

    Attributes
    ----------
    classes : tuple of str
    weights : tuple of tuple of float, (features, classes)
        On features as `Encoder.pool` gives them.
    bias : tuple of float
    """

    classes: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]


@dataclass(frozen=True)
class EncoderSpec:
    """What an encoder is and what it needs; the rest of the code asks here.

    Attributes
    ----------
    family, size : str
        Which family of `core.encoders.registry` it is of, and how large.
    name : str
        What it is called, as given to `load_encoder` or told by its file.
    rate : float
        Sampling rate in Hz.
    unit : str
        Unit of the samples.
    patch, stride, window : int
        Samples that one column of tokens is computed of (or ends with), from one column to the
        next, and of the window that is decoded.
    ch_names : tuple of str
        Electrodes it was trained on.
    tokens : tuple of (int or None, int)
        Tokens of a column, None where each electrode has one, and their width.
    trained : bool
        False for random weights, which every screen and report must say.
    context : {"patch", "causal", "window"}
        What a column of tokens depends on: its own patch, the run so far, or all of the window.
    warmup : int
        Samples of a run before the first window that may be decoded; the window's at least.
    provenance : dict of str to str
        Where the weights come from: source, file hash, seed.
    covariance : tuple of tuple of float, or None
        Covariance of `ch_names` in what it was trained on, in squared units; None if unknown.
    required : tuple of str
        Electrodes without which it cannot compute anything.
    regressors : tuple of str
        Electrodes of `ch_names` that are regressed out of the others before it, as far as they are
        there, and are not encoded: those near the eyes and the jaw.
    readout : ClassReadout or None
        What its features say of the classes that it was trained to tell apart; None if it was
        trained without labels.
    """

    family: str
    size: str
    name: str
    rate: float
    unit: str
    patch: int
    stride: int
    window: int
    ch_names: tuple[str, ...]
    tokens: tuple[int | None, int]
    trained: bool
    context: Context = "patch"
    warmup: int = 0
    provenance: dict[str, str] = field(default_factory=dict)
    covariance: tuple[tuple[float, ...], ...] | None = None
    required: tuple[str, ...] = ()
    regressors: tuple[str, ...] = ()
    readout: ClassReadout | None = None

    def labels_seen(self, digests: Iterable[str]) -> list[bool]:
        """Return of which recordings, by the SHA-256 of their files, labels were learned from.

        Scores of these with its tokens are too good, whatever is left out of a fit.
        """
        files = set(self.provenance.get(LABELLED, "").split())
        return [digest[:DIGITS] in files for digest in digests]

    @property
    def patches(self) -> int:
        """Columns of tokens that lie in a window."""
        return (self.window - self.patch) // self.stride + 1

    @property
    def label(self) -> str:
        """The name for screens and reports, such as ``tiny3 (untrained)``."""
        return self.name if self.trained else f"{self.size} (untrained)"

    @property
    def default_hop(self) -> int:
        """Samples between two decisions where nobody asks for others: about a quarter second."""
        if self.context == "patch":
            return self.stride
        quarter = round(self.rate / 4)
        if self.context == "window":  # whole hops fill a window
            divisors = (hop for hop in range(1, self.window + 1) if self.window % hop == 0)
            return min(divisors, key=lambda hop: abs(hop - quarter))
        return max(1, quarter // self.stride) * self.stride

    def token_shape(self, channels: int) -> tuple[int, int, int]:
        """Return the shape of a window's tokens: columns, tokens of a column, width."""
        tokens, width = self.tokens
        return self.patches, channels if tokens is None else tokens, width

    def check_electrodes(self, ch_names: Sequence[str], source: str) -> None:
        """Refuse signal that the encoder can compute nothing of.

        Parameters
        ----------
        ch_names : sequence of str
            Electrodes that are there, by the encoder's names for them.
        source : str
            What has them, for the message.

        Raises
        ------
        InputError
            If a required one is missing, or there is none but regressors.
        """
        if missing := [name for name in self.required if name not in ch_names]:
            raise InputError(
                f"{source} has no {', '.join(missing)}, and the encoder {self.label} computes "
                f"nothing without its {len(self.required)} electrodes; take another encoder, or "
                "name the channels with --channels."
            )
        if set(ch_names) <= set(self.regressors):
            raise InputError(
                f"{source} has no electrode that the encoder {self.label} encodes: "
                f"{', '.join(ch_names)} are only regressed out of the others; take another "
                "encoder, or name the channels with --channels."
            )

    def check_hop(self, hop: int) -> None:
        """Refuse a number of samples between two windows that no stream can have.

        Raises
        ------
        InputError
            With the context "patch", if it does not divide a patch and the stride; with "causal",
            if it is no multiple of the stride.
        """
        if self.context == "patch" and (hop < 1 or self.patch % hop or self.stride % hop):
            stride = "" if self.stride == self.patch else f" and its stride of {self.stride}"
            raise InputError(
                f"A hop of {hop} samples does not divide the encoder's patch of {self.patch}"
                f"{stride}; choose a hop such as {self.stride} or {self.stride // 2}."
            )
        if self.context == "causal" and (hop < 1 or hop % self.stride):
            raise InputError(
                f"A hop of {hop} samples is not a multiple of the {self.stride} samples from one "
                f"token of the encoder {self.label} to the next; choose {self.default_hop}."
            )
        if hop < 1:
            raise InputError(f"A hop has at least one sample; it is {hop}.")


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
