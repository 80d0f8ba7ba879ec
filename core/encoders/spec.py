"""What an encoder is and what it needs, without its weights and without torch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from core.errors import InputError

if TYPE_CHECKING:
    from core.signal.filtering import Band

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
    mirror : tuple of int, or None
        Where each feature goes when left and right electrodes are exchanged; None if the encoder
        does not encode its mirror image too.
    """

    classes: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]
    bias: tuple[float, ...]
    mirror: tuple[int, ...] | None = None


def _default_band() -> Band:
    from core.signal.filtering import Band  # imports scipy, which takes a second

    return Band()


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
    graph_tasks : dict of str to tuple of str
        Classes of each task that an electrode graph learned from its tokens; empty without one.
    band : Band
        Pass band, and notch, of the signal path that it was trained behind; the program's own
        where nobody said.
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
    graph_tasks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    band: Band = field(default_factory=_default_band)

    def band_with(self, notch: float | None) -> Band:
        """Return the band, with the notch that somebody asked for in place of its own."""
        return self.band if notch is None else replace(self.band, notch=notch)

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
                "name the channels (--channels)."
            )
        if set(ch_names) <= set(self.regressors):
            raise InputError(
                f"{source} has no electrode that the encoder {self.label} encodes: "
                f"{', '.join(ch_names)} are only regressed out of the others; take another "
                "encoder, or name the channels (--channels)."
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
