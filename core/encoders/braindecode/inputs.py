"""What braindecode's encoders are fed, from windows in µV; each window by itself.

Where the original scales by a whole recording, the window has to do: a live stream has no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

PAIRS = tuple(
    """
    FP1-F7 F7-T7 T7-P7 P7-O1 FP2-F8 F8-T8 T8-P8 P8-O2
    FP1-F3 F3-C3 C3-P3 P3-O1 FP2-F4 F4-C4 C4-P4 P4-O2
    """.split()
)
"""Derivations of BIOT: the double banana of the TUH corpora."""

_LEAST = 1e-8  # keeps a flat channel from dividing by nothing
_FULL_RANGE = 1000.0  # µV, at which BENDR's channel of relative amplitude is 1; ours to choose


def microvolts(window: Tensor, ch_names: Sequence[str]) -> Tensor:
    """Return a window as it is, in µV."""
    return window


def hundredths(window: Tensor, ch_names: Sequence[str]) -> Tensor:
    """Return a window in units of 100 µV."""
    return window / 100.0


def millivolts(window: Tensor, ch_names: Sequence[str]) -> Tensor:
    """Return a window in mV."""
    return window / 1000.0


def derivations(window: Tensor, ch_names: Sequence[str]) -> Tensor:
    """Return the differences `PAIRS`, each divided by the 95th percentile of its size."""
    ends = [pair.split("-") for pair in PAIRS]
    first, second = ([list(ch_names).index(pair[end]) for pair in ends] for end in (0, 1))
    derived = window[:, first] - window[:, second]
    return derived / (derived.abs().quantile(0.95, dim=-1, keepdim=True) + _LEAST)


def relative(window: Tensor, ch_names: Sequence[str]) -> Tensor:
    """Return a window from -1 to 1, and one more channel that says how large it was.

    That is the range of the window against that of the data set, which is not published; a
    constant stands for it.
    """
    import torch

    low, high = window.amin((1, 2), keepdim=True), window.amax((1, 2), keepdim=True)
    span = high - low
    size = (2.0 * (span / _FULL_RANGE - 0.5)).clamp(-1.0, 1.0)
    size = size.expand(-1, 1, window.shape[-1])
    return torch.cat([2.0 * (window - low) / (span + _LEAST) - 1.0, size], dim=1)


def standardised(window: Tensor, ch_names: Sequence[str]) -> Tensor:
    """Return every channel with mean 0 and standard deviation 1, after a clip at 500 µV."""
    return _standardise(window.clamp(-500.0, 500.0), (-1,))


def clipped(window: Tensor, ch_names: Sequence[str]) -> Tensor:
    """Return every channel with mean 0 and standard deviation 1, clipped at 15 of them."""
    return _standardise(window, (-1,)).clamp(-15.0, 15.0)


def tenths(window: Tensor, ch_names: Sequence[str]) -> Tensor:
    """Return a window with mean 0 and standard deviation 0.1 over all channels."""
    return _standardise(window, (1, 2)) / 10.0


def _standardise(window: Tensor, axes: tuple[int, ...]) -> Tensor:
    centred = window - window.mean(axes, keepdim=True)
    return centred / (centred.square().mean(axes, keepdim=True).sqrt() + _LEAST)
