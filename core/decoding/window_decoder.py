"""A decoder on a stream: the newest window, hop by hop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.decoding.decoder import Decoder
from core.decoding.features import TangentStream, TokenFeatures, TokenFeatureStream
from core.decoding.outputs import ClassesOutput, Output
from core.decoding.readouts import ReadoutStream
from core.decoding.recentring import DECODER, RunReference, RunStart

if TYPE_CHECKING:
    from core.encoders import Encoder


class WindowDecoder:
    """Class probabilities of the newest window of a stream, and what other tasks read of it.

    Parameters
    ----------
    decoder : Decoder
    encoder : Encoder or None
        From `Decoder.load_encoder`.
    hop : int, optional
        Samples between two windows; by default the decoder's.
    in_subprocess : bool
        Whether the encoder gets a process of its own, which changes no digit.
    recentre : float, optional
        Seconds of the stream's first signal that the reference of the covariances is taken anew
        from; by default it stays. A head without covariances has none.

    Attributes
    ----------
    reference : RunReference or None
        What all windows to come are decoded with; None before there is one.
    outputs : dict of str to Output
        What each task says of the newest window that was decoded.
    vectors : list of ndarray
        Features of the newest whole window: of each view, then of its tokens.

    Raises
    ------
    InputError
        If `recentre` is no sensible length, or as `Decoder.check_recentring`.
    """

    def __init__(
        self,
        decoder: Decoder,
        encoder: Encoder | None,
        hop: int | None = None,
        in_subprocess: bool = False,
        recentre: float | None = None,
    ) -> None:
        if recentre is not None:
            decoder.check_recentring()
        self.hop = hop = hop or decoder.hop
        self.reference: RunReference | None = None
        self.outputs: dict[str, Output] = {}
        self._first = decoder.readouts[0]
        self.vectors: list[np.ndarray] = []
        self._window, self._received = decoder.window, 0  # samples
        self._tangents: list[TangentStream] = [view.stream() for view in decoder.tangents]
        self._tokens: TokenFeatureStream | None = None
        if decoder.spatial is not None:
            assert encoder is not None
            features = TokenFeatures(encoder, decoder.token_channels, decoder.spatial, decoder.skip)
            self._tokens = features.stream(hop, in_subprocess)
        self._others = ReadoutStream(decoder.others, self._tangents)
        self._start: RunStart | None = None
        if recentre is not None and self._tangents:
            self._start = RunStart(recentre, decoder.settings.rate, decoder.window, hop)

    @property
    def reference_name(self) -> str:
        """What logs call the reference that the next window is decoded with."""
        if self.reference is not None:
            return self.reference.name
        return DECODER if self._start is None else self._start.name

    @property
    def seconds_to_reference(self) -> float | None:
        """Signal still needed for the stream's own reference; None if none will be taken."""
        return None if self._start is None else self._start.seconds_to_go

    @property
    def views(self) -> tuple[TangentStream, ...]:
        """What the features of the covariances come from."""
        return tuple(self._tangents)

    def prepare(self) -> None:
        """Wait until the first hop can be decoded without delay."""
        if self._tokens is not None:
            self._tokens.prepare()

    def reset(self) -> None:
        """Begin a new run of contiguous samples; a reference stays."""
        self._received, self.outputs = 0, {}
        for stream in self._tangents:
            stream.reset()
        self._others.reset()
        if self._tokens is not None:
            self._tokens.reset()
        if self._start is not None:
            self._start.reset()

    def push(self, samples: np.ndarray) -> np.ndarray | None:
        """Take one hop of signal and decode the window that ends with it.

        Parameters
        ----------
        samples : ndarray, shape (hop, channels)
            From the signal path.

        Returns
        -------
        ndarray of float64, shape (classes,), or None
            Of the first task; `outputs` has those of all. None until a whole window has come.
        """
        vectors = [stream.push(samples) for stream in self._tangents]
        beside = self._others.push(samples)
        tokens = None if self._tokens is None else self._tokens.push(samples)
        if self._first.tokens:
            vectors.append(tokens)
        self._received += len(samples)
        whole = [vector for vector in vectors if vector is not None]
        more = [vector for vector in beside if vector is not None]
        late = len(whole) + len(more) < len(vectors) + len(beside)
        if self._received < self._window or late or (self._tokens is not None and tokens is None):
            return None
        self.vectors = whole
        first = self._first.output(np.concatenate(whole))
        assert isinstance(first, ClassesOutput)
        views = [*whole[: len(self._tangents)], *more]
        self.outputs = {self._first.task: first, **self._others.outputs(views, tokens)}
        probabilities = np.array(first.probabilities)
        if self._start is not None:
            self._recentre(self._start)
        return probabilities

    def _recentre(self, start: RunStart) -> None:
        """Decode the windows that follow with the reference of the run so far."""
        if (reference := start.take([stream.covariance for stream in self._tangents])) is None:
            return
        for stream, whitener in zip(self._tangents, reference.whiteners, strict=True):
            stream.features = stream.features.at(whitener)
        self._others.recentred()
        if start.seconds_to_go == 0:
            self.reference, self._start = reference, None
