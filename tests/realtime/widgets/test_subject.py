from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt

from realtime.widgets.subject import SubjectView, pause_words


@pytest.fixture
def subject(qtbot):
    widget = SubjectView()
    qtbot.addWidget(widget)
    widget.show()
    return widget


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"paused": True}, "Paused"),
        ({"status": "lost"}, "Signal lost"),
        ({"status": "silent"}, "Signal lost"),
        ({"status": "warming"}, "One moment"),
        ({"status": "gap"}, "One moment"),
        ({"status": "artifact"}, "Relax and hold still"),
        ({"decoder": None}, "Not calibrated yet"),
        ({"latest": None}, "One moment"),
        ({}, ""),
    ],
)
def test_pauses_are_plain_words(make_view, change, words):
    view = make_view()
    view.change(message="12 samples are missing", **change)
    assert pause_words(view.state) == words


def test_refused_feedback_shows_no_probability(subject, make_view, picture):
    view = make_view()
    view.change(status="gap")
    subject.show_snapshot(view.state)
    before = picture(subject)
    swapped = {"left_hand": 0.99, "right_hand": 0.01}
    view.change(latest=replace(view.state.latest, probabilities=swapped))
    subject.show_snapshot(view.state)
    assert np.array_equal(before, picture(subject))
    view.change(status="ok")
    subject.show_snapshot(view.state)
    assert not np.array_equal(before, picture(subject))


@pytest.mark.parametrize(
    "classes",
    [
        ("left_hand", "right_hand"),
        ("left_hand", "right_hand", "feet", "tongue"),
        ("left_hand", "rest", "arithmetic"),
        ("a", "b", "c", "d", "e", "f"),
    ],
)
def test_the_decided_class_is_drawn_and_told_in_words_without_numbers(
    subject, make_view, picture, classes
):
    view = make_view(classes=classes)
    images = set()
    for decided in (*classes, None):
        view.change(latest=replace(view.state.latest, decision=decided))
        subject.show_snapshot(view.state)
        told = subject.accessibleDescription()
        assert told == (decided or "").replace("_", " ")
        images.add(picture(subject).tobytes())
    assert len(images) == len(classes) + 1


def test_keys_it_does_not_know_are_handed_on(subject, qtbot):
    with qtbot.waitSignal(subject.key_pressed) as pressed:
        qtbot.keyClick(subject, Qt.Key.Key_Left)
    assert pressed.args
    with qtbot.waitSignal(subject.closed):
        qtbot.keyClick(subject, Qt.Key.Key_Escape)
    assert not subject.isVisible()
