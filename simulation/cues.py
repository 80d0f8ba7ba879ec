"""Following the cues of a marker stream, as a subject would."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from core.errors import InputError
from core.program import say
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import MarkerInlet
from simulation.synthetic import IMAGERY, SimulatedSubject

GDF = {"769": "left_hand", "770": "right_hand", "771": "feet", "772": "tongue"}
"""Codes of the cues in the General Data Format (Schlögl, 2006, event table)."""

_DURING = {
    "781",
    "785",
    "33282",
    "feedback",
    "beep",
}  # feedback and beeps, which come between a cue and its end


def imagery_after(text: str, imagined: str | None) -> str | None:
    """Return what a subject imagines after a marker.

    Parameters
    ----------
    text : str
        The name of a class (``left_hand``) or its GDF code (``769``) starts imagery. Feedback
        and beeps (781, 785, 33282, or in words) change nothing; every other marker ends it.
    imagined : str or None
        What it imagined before.
    """
    text = text.strip()
    if text in _DURING:
        return imagined
    kind = GDF.get(text, text)
    return kind if kind in IMAGERY else None


def follow_cues(
    subject: SimulatedSubject,
    stream: str,
    stop: threading.Event,
    note: Callable[[dict[str, Any]], None] = lambda fact: None,
) -> None:
    """Make a subject do what the markers of a stream say, until stopped.

    The stream may start later, end, and start again.

    Parameters
    ----------
    subject : SimulatedSubject
    stream : str
        Name of the stream of markers, else its type.
    stop : Event
        Ends it from another thread.
    note : callable, optional
        Gets every marker with its time, in seconds of the sender's LSL clock.
    """
    message = ""
    while not stop.is_set():
        try:
            marker_stream = find_stream(StreamQuery(stream=stream), 1.0, stop, markers=True)
            with MarkerInlet(marker_stream) as inlet:
                while not (stop.is_set() or inlet.lost):
                    for marker in inlet.read(0.2):
                        note({"marker": marker.text, "time": marker.time})
                        subject.imagine(imagery_after(marker.text, subject.imagined))
        except InputError as error:  # not there yet, or several of them: look again
            if str(error) != message:
                message = str(error)
                say(f"Waiting for markers. {message}")
        subject.imagine(None)
