"""The cues of a snapshot as marks on the screen."""

from __future__ import annotations

from realtime.engine.snapshot import Snapshot
from ui import theme
from ui.class_style import class_looks
from ui.traces.cue_marks import CueMark


def cue_marks(snapshot: Snapshot) -> tuple[CueMark, ...]:
    """Return the marks of a snapshot's cues, oldest first."""
    classes = () if snapshot.decoder is None else snapshot.decoder.classes
    looks = {look.name: look for look in class_looks(classes)}
    marks = []
    for cue in snapshot.cues or ():
        look = looks.get(cue.name)
        words = theme.plain(cue.label, 40) if look is None else look.words
        marks.append(CueMark(cue.time, words, None if look is None else look.colour))
    return tuple(sorted(marks, key=lambda mark: mark.time))
