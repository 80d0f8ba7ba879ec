"""What is said when what decides changes: the reference of a run, and its adaptation."""

from __future__ import annotations

from collections.abc import Iterator

from core.decoding.adaptation import Adaptation
from core.decoding.recentring import GROWING
from core.decoding.window_decoder import WindowDecoder
from realtime.engine.snapshot import Decision


class Changes:
    """Knows what was said already.

    Parameters
    ----------
    windows : WindowDecoder
        That makes the decisions.
    adaptation : Adaptation or None
        Of these.
    """

    def __init__(self, windows: WindowDecoder, adaptation: Adaptation | None) -> None:
        self._windows, self._adaptation = windows, adaptation
        self._reference = ""  # of the newest decision, by its name
        self._seen = 0  # steps of adaptation
        self._kinds: set[str] = set()  # of steps that were said since the last undo

    @property
    def recentring(self) -> str:
        """Where the reference is, in a few words; empty where it never changes."""
        if self._windows.reference is not None:
            return "recentred"
        to_go = self._windows.seconds_to_reference
        return "" if to_go is None else f"recentring in {to_go:.0f} s"

    @property
    def adaptation(self) -> str:
        """What adapts, in a few words; empty where nothing does."""
        return "" if self._adaptation is None else self._adaptation.words

    def news(self, decision: Decision) -> Iterator[tuple[str, str]]:
        """Give kind and sentence of what changed before a decision.

        Of adaptation, the first step of each kind and every undo: its log has all of them.
        """
        if decision.reference not in (self._reference, GROWING):
            self._reference = decision.reference
            if words := self._about_reference():
                yield "reference", words
        if self._adaptation is None:
            return
        for step in self._adaptation.steps[self._seen :]:
            self._seen += 1
            if step.kind in ("undo", "resume"):
                self._kinds.clear()
            if step.kind not in self._kinds:
                self._kinds.add(step.kind)
                yield "adaptation", step.text

    def _about_reference(self) -> str:
        """Say what decisions refer to from now on; empty where that never changes."""
        if (reference := self._windows.reference) is not None:
            return (
                f"Recentred on the first {reference.seconds:g} s of signal without artifacts; the "
                f"reference is {reference.name}."
            )
        if (to_go := self._windows.seconds_to_reference) is not None:
            return (
                f"The reference grows with the first {to_go:g} s of signal, and then stays: there "
                "should be trials in them, as a reference from mere rest gains nothing."
            )
        return ""
