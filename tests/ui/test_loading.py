"""What a person sees while a program loads."""

import sys

import pytest
from PySide6.QtWidgets import QApplication

from core.errors import InputError
from ui.display import loading
from ui.loading import LoadingWindow

STEPS = ("Loading the decoder", "Loading the encoder")


def shown():
    """The ones on screen; those of earlier tests are hidden, and deleted by an event loop."""
    every = [w for w in QApplication.topLevelWidgets() if isinstance(w, LoadingWindow)]
    return [window for window in every if window.isVisible()]


def load(seen):
    """Go through the steps and fail; `seen` gets the window."""
    with loading("A program", STEPS) as begin:
        begin(STEPS[0])
        (window,) = shown()
        seen.append(window)
        assert (window.waiting.bar.value(), window.waiting.bar.maximum()) == (0, 2)
        begin(STEPS[1])
        assert window.waiting.bar.value() == 1
        assert STEPS[1] in window.waiting.words.text()
        begin("")  # another window is to be seen
        assert not window.isVisible()
        begin(STEPS[1])
        assert window.isVisible()
        raise InputError("no such encoder")


def test_the_step_that_begins_is_drawn_at_once_and_the_window_goes_with_an_error():
    seen = []
    with pytest.raises(InputError, match="no such encoder"):
        load(seen)
    assert not seen[0].isVisible()


def test_nothing_of_it_is_shown_without_windows(monkeypatch):
    monkeypatch.setitem(sys.modules, "ui.loading", None)  # importing it would raise
    before = len(shown())
    with loading("A program", STEPS, shown=False) as begin:
        begin(STEPS[0])
        assert len(shown()) == before
