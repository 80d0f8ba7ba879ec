"""Which view the subject has, and on which screen."""

from dataclasses import dataclass

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QApplication

from realtime.tasks import session as sessions
from realtime.tasks.view import TaskView
from realtime.widgets.subject import SubjectView
from realtime.widgets.subject_window import corner_lines, subject_screen


@dataclass
class Screen:
    rect: QRect

    def geometry(self):
        return self.rect


LEFT, RIGHT = Screen(QRect(0, 0, 1920, 1080)), Screen(QRect(1920, 0, 1280, 720))
MIRRORED = Screen(QRect(0, 0, 1920, 1080))


@pytest.mark.parametrize(
    ("own", "screens", "chosen"),
    [
        (LEFT, [LEFT, RIGHT], RIGHT),
        (RIGHT, [LEFT, RIGHT], LEFT),
        (LEFT, [LEFT], LEFT),
        (None, [LEFT, RIGHT], RIGHT),
        (LEFT, [LEFT, MIRRORED], MIRRORED),
    ],
)
def test_the_subject_sees_the_screen_that_is_not_the_operators(own, screens, chosen):
    assert subject_screen(own, screens) is chosen


@pytest.fixture
def silent(monkeypatch):
    """Keep markers off the network."""

    class Outlet:
        def push(self, text, time):
            pass

        def close(self):
            pass

    monkeypatch.setattr(sessions, "_outlet", Outlet)


@pytest.mark.slow
def test_a_task_is_begun_from_the_list_and_there_is_one_view(show, make_view, qtbot, silent):
    window = show(make_view())
    window.subject.toggle_feedback()
    assert isinstance(window.subject.view, SubjectView)
    titles = [action.text() for action in window.subject.menu.actions()]
    assert titles[:3] == ["Graz bar", "Cursor to a target", "Game: catch the fruit"]
    window.subject.menu.actions()[1].trigger()
    view = window.subject.view
    assert isinstance(view, TaskView)
    assert view.isFullScreen()
    shown = [w for w in QApplication.topLevelWidgets() if isinstance(w, SubjectView)]
    assert not any(widget.isVisible() for widget in shown)
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert window.subject.view is window.subject.session is None


@pytest.mark.slow
def test_a_task_keeps_its_keys_and_hands_the_rest_to_the_operator(show, make_view, qtbot, silent):
    view = make_view()
    window = show(view)
    window.subject.start("game")
    qtbot.keyClick(window.subject.view, Qt.Key.Key_Space)
    assert (window.subject.session.run.phase, view.asked_pause) == ("ready", [])
    threshold = view.state.evidence.threshold
    qtbot.keyClicks(window.subject.view, "]")
    assert view.state.evidence.threshold == pytest.approx(threshold + 0.05)


def test_without_a_decoder_there_is_no_task_and_a_sentence_says_so(show, make_view, silent):
    view = make_view(classes=None)
    window = show(view)
    assert not window.controls.tasks.isEnabled()
    window.subject.start("game")
    assert window.subject.view is None
    assert "needs a decoder" in window.notices.words.text()
    window.notices.show_once("")
    assert not window.notices.isVisible()


@pytest.mark.slow
def test_a_task_waits_for_other_peoples_decoder_to_be_aligned(show, make_view, silent):
    view = make_view()
    decoder = view.state.decoder
    view.change(decoder=None, aligning=12.0)
    window = show(view)
    window.subject.start("game")
    assert window.subject.view is None
    assert "begins when" in window.notices.words.text()
    view.change(decoder=decoder, aligning=None)
    window.look()
    assert isinstance(window.subject.view, TaskView)


@pytest.mark.slow
def test_a_task_that_does_not_exist_is_a_sentence(show, make_view, silent):
    window = show(make_view())
    window.subject.start("pong")
    assert "there are: graz-bar" in window.notices.words.text()


@pytest.mark.slow
def test_the_window_takes_the_subjects_view_with_it(show, make_view, silent):
    window = show(make_view())
    window.subject.start("cursor")
    session = window.subject.session
    window.close()
    assert session.run.phase == "instructions"
    assert window.subject.view is None


@pytest.mark.slow
def test_the_operators_corner_shows_by_a_key_what_goes_on(show, make_view, qtbot, picture):
    view = make_view()
    window = show(view)
    window.subject.toggle_feedback()
    subject = window.subject.view
    assert not subject.corner.isVisible()
    qtbot.keyClick(subject, Qt.Key.Key_O)
    assert subject.corner.isVisible()
    words = dict(corner_lines(view.state))
    assert words["Status"] == "Decoding"
    assert "%" in words["Classes"]
    view.refuse("gap", "samples are missing")
    view.judge(CZ="flat")
    window.look()
    words = dict(corner_lines(view.state))
    assert words["Status"] == "Gap in the signal. samples are missing"
    assert (words["Classes"], words["Decision"]) == ("–", "none")
    assert "look at Cz" in words["Signal"]
    assert "samples are missing" in subject.corner.accessibleDescription()
    qtbot.keyClick(subject, Qt.Key.Key_O)
    assert not subject.corner.isVisible()
