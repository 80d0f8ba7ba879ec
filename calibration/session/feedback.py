"""What the decoder so far makes of the signal, for a person who wants to see it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from core.decoding.decoder import Decoder
from core.decoding.hops import Hops
from core.feed.segments import Segmenter
from core.stream.discovery import StreamFacts


class Feedback:
    """Decodes a stream as it comes, and keeps the newest probabilities.

    Parameters
    ----------
    decoder : Decoder
        Of an earlier run.
    facts : StreamFacts
        Of the stream.
    home : Path
        The programs' folder, for the decoder's encoder.

    Raises
    ------
    InputError
        If the decoder does not fit the stream, or its encoder is not to be had.
    """

    def __init__(self, decoder: Decoder, facts: StreamFacts, home: Path) -> None:
        self._classes = decoder.classes
        self._feed = Segmenter(facts.labels, facts.units, facts.rate)
        path = decoder.attach(self._feed.labels, self._feed.units, facts.rate)
        self._hops = Hops(decoder, path, decoder.windows(decoder.load_encoder(home=home)))
        self._newest: dict[str, float] | None = None

    def __call__(self) -> Mapping[str, float] | None:
        """Return the newest probability of each class; None while there is none."""
        return self._newest

    def write(self, samples: np.ndarray, stamps: np.ndarray) -> None:
        """Take the next samples, in the stream's unit."""
        for hop in self._hops.push(self._feed.push(samples, stamps)):
            found = hop.probabilities
            self._newest = (
                None if found is None else dict(zip(self._classes, found.tolist(), strict=True))
            )
