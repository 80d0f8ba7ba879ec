"""Token streams of encoders that look at the whole window: it is encoded anew at each hop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from core.encoders.base import Encoder
from core.encoders.streaming import pushed
from core.encoders.subprocess_encoder import EncoderStep, SubprocessStep


class WindowStep:
    """Encodes one window at a time.

    Parameters
    ----------
    encoder : Encoder
        In eval mode.
    ch_names : sequence of str
    """

    def __init__(self, encoder: Encoder, ch_names: Sequence[str]) -> None:
        self._encoder, self._ch_names = encoder, tuple(ch_names)

    @torch.inference_mode()
    def prepare(self) -> None:
        """Encode a window of zeros: what is built for these electrodes comes before the signal."""
        window = torch.zeros(1, len(self._ch_names), self._encoder.spec.window)
        self._encoder.tokens(window, self._ch_names)

    def encode(self, piece: Tensor, out: Tensor) -> None:
        """Encode a window, shape (channels, samples)."""
        out.copy_(self._encoder.tokens(piece[None], self._ch_names)[0])


class WindowStream:
    """Tokens of the newest window, each window by itself.

    Parameters
    ----------
    encoder : Encoder
        In eval mode, with the context "window".
    ch_names : sequence of str
    hop : int, optional
        Samples from one window to the next.
    in_subprocess : bool
        Encode in a process of its own. Changes no digit.

    Raises
    ------
    InputError
        As `EncoderSpec.check_hop`.
    """

    def __init__(
        self,
        encoder: Encoder,
        ch_names: Sequence[str],
        hop: int | None = None,
        in_subprocess: bool = False,
    ) -> None:
        spec = encoder.spec
        self.hop = spec.default_hop if hop is None else hop
        spec.check_hop(self.hop)
        self._step: EncoderStep
        shape = spec.token_shape(len(ch_names))
        if in_subprocess:
            piece = (len(ch_names), spec.window)
            arguments = (encoder, tuple(ch_names))
            self._step = SubprocessStep(WindowStep, arguments, piece, shape)
        else:
            self._step = WindowStep(encoder, ch_names)
        self._tokens = torch.empty(*shape)
        self._signal = torch.zeros(len(ch_names), spec.window)
        self.reset()

    def prepare(self) -> None:
        """Wait until the first window can be encoded."""
        self._step.prepare()

    def reset(self) -> None:
        """Forget the signal, as after a gap."""
        self._samples = 0

    @property
    def state(self) -> dict[str, Any]:
        """Signal of the window so far, and how many samples of the run were seen."""
        return {"signal": self._signal.clone(), "samples": self._samples}

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self._signal.copy_(state["signal"])
        self._samples = int(state["samples"])

    @torch.inference_mode()
    def push(self, samples: Tensor | np.ndarray) -> Tensor | None:
        """Take samples, shape (channels, n), n a multiple of the hop, as `TokenStream.push`.

        Raises
        ------
        ValueError
            If the shape is another one.
        """
        new = pushed(samples, self.hop, self._signal)
        window = self._signal.shape[1]
        kept = torch.cat((self._signal, new), dim=1)[:, -window:]
        self._signal.copy_(kept)
        self._samples += new.shape[1]
        if self._samples < window:
            return None
        self._step.encode(self._signal, self._tokens)
        return self._tokens.clone()
