"""What the decoder so far makes of the signal, for a person who wants to see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from core.decoding.decoder import Decoder
from core.decoding.online import OnlineDecoder
from core.decoding.window_decoder import WindowDecoder
from core.feed.segments import Segment, Segmenter


class Feedback:
    """Decodes a stream as it comes, and keeps the newest probabilities.

    Parameters
    ----------
    decoder : Decoder
        Of an earlier run.
    feed : Segmenter
        Of the stream.
    home : Path
        The programs' folder, for the decoder's encoder.

    Raises
    ------
    InputError
        If the decoder does not fit the stream, or its encoder is not to be had.
    """

    def __init__(self, decoder: Decoder, feed: Segmenter, home: Path) -> None:
        self._classes = decoder.classes
        path = decoder.attach(feed.labels, feed.units, feed.rate)
        self._online = OnlineDecoder(
            decoder, path, WindowDecoder(decoder, decoder.load_encoder(home=home))
        )
        self._newest: dict[str, float] | None = None

    def __call__(self) -> Mapping[str, float] | None:
        """Return the newest probability of each class; None while there is none."""
        return self._newest

    def write(self, segments: Iterable[Segment]) -> None:
        """Take the next segments."""
        for result in self._online.push(segments):
            probabilities = result.probabilities
            self._newest = (
                None
                if probabilities is None
                else dict(zip(self._classes, probabilities.tolist(), strict=True))
            )
