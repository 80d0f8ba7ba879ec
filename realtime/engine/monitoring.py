"""The signal for the eye: which channels are drawn, as what, and filtered how."""

from __future__ import annotations

from collections.abc import Sequence

from core.decoding.decoder import Decoder
from core.feed.segments import Segmenter
from core.montage import direction, electrode
from core.signal.monitor import Monitor


def monitor_of(stream: Segmenter, decoder: Decoder | None) -> Monitor:
    """Return the monitor of a stream's channels, with the decoder's band and reference."""
    settings = None if decoder is None else decoder.settings
    return Monitor(
        stream.labels,
        _electrodes(stream.labels, decoder),
        stream.factors,
        stream.rate,
        None if settings is None else settings.band,
        None if settings is None else settings.reference,
    )


def _electrodes(labels: Sequence[str], decoder: Decoder | None) -> list[str | None]:
    """Return, for each label, the decoder's electrode that it serves as."""
    sites = [electrode(label) for label in labels]
    if decoder is None:
        return [site if direction(site) is not None else None for site in sites]
    return [site if site in decoder.settings.channels else None for site in sites]
