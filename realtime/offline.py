"""Decoding a recording in one pass, exactly as if it had been streamed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from core.decoding.adaptation import Adaptation
from core.decoding.decoder import Decoder
from core.decoding.window_decoder import WindowDecoder
from core.feed.recording_feed import RecordingFeed
from core.recordings import Recording
from realtime.engine.cued_trials import Cue, class_of, known_events
from realtime.engine.decisions import DecisionMaker
from realtime.engine.evidence import EvidenceSettings
from realtime.engine.snapshot import Decision
from simulation.player import BREAK


def decode_recording(
    recording: Recording,
    decoder: Decoder,
    windows: WindowDecoder,
    evidence: EvidenceSettings,
    labels: Sequence[str] | None = None,
    confirm: bool = False,
    aside: Sequence[str] = (),
    adaptation: Adaptation | None = None,
) -> Iterator[Decision]:
    """Give the decisions that a live stream of this recording would have given.

    Times count from the first sample.

    Parameters
    ----------
    recording : Recording
    decoder : Decoder
    windows : WindowDecoder
        Of this decoder.
    evidence : EvidenceSettings
    labels : sequence of str, optional
        Names for the channels, instead of the recording's own.
    confirm : bool
        As `DecisionMaker` does; the last decisions then have nothing that confirms them.
    aside : sequence of str
        Electrodes to set aside from the beginning.
    adaptation : Adaptation, optional
        Of these windows; it knows the cues.

    Raises
    ------
    InputError
        If the recording does not fit the decoder.
    """
    feed = RecordingFeed(recording, labels, away=BREAK)  # as long as in a replay
    path = decoder.attach(feed.labels, feed.units, feed.rate)
    maker = DecisionMaker(decoder, path, windows, evidence, confirm=confirm, adaptation=adaptation)
    yield from maker.set_aside(aside)
    yield from maker.push(feed.segments())


def recorded_cues(
    recording: Recording, decoder: Decoder, events: Mapping[str, str] | None = None
) -> list[Cue]:
    """Return the events of a recording as the markers of its replay, timed as the decisions are.

    Parameters
    ----------
    recording : Recording
    decoder : Decoder
    events : mapping, optional
        Label -> class, beside those that the decoder was fitted with.
    """
    known = {**known_events(decoder), **(events or {})}
    breaks = np.array(recording.breaks)
    cues = []
    for event in sorted(recording.events, key=lambda event: event.onset):
        away = BREAK * int(np.sum(breaks <= round(event.onset * recording.rate)))
        time = event.onset + away
        name = class_of(event.label, decoder.classes, known)
        cues.append(Cue(time, round(time * decoder.settings.rate), event.label, name))
    return cues
