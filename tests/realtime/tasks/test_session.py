"""A task in the subject's window: drawn, begun, paused, ended, and survived."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt

import realtime.tasks
from realtime.tasks import session as sessions
from realtime.tasks.cursor import CursorTask
from realtime.tasks.registry import load_task
from realtime.tasks.session import TaskSession
from realtime.tasks.task import FeedbackTask, TaskMoment, TrialState
from realtime.tasks.view import TaskView

MOMENT = TaskMoment("trial", "left_hand", TrialState(), 0.2, "", 3, 20, 1, 1)


class Outlet:
    def __init__(self):
        self.sent, self.closed = [], False

    def push(self, text, time):
        self.sent.append((text, time))

    def close(self):
        self.closed = True


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def start(qtbot, make_view, qapp):
    """Return a function that shows a task on a view of the engine."""

    def begin(task, name="cursor", view=None):
        view = view or make_view()
        session = TaskSession(name, task, view, 2, qapp, Outlet(), Clock())
        session._timer.stop()  # the test ticks
        qtbot.addWidget(session.view)
        session.view.resize(640, 360)
        session.view.show()
        session.test_view, session.outlet = view, session._markers
        return session

    return begin


@pytest.mark.parametrize("name", ["graz-bar", "cursor", "game"])
@pytest.mark.parametrize(
    "classes",
    [
        ("left_hand", "right_hand"),
        ("left_hand", "right_hand", "feet", "tongue"),
        ("left_hand", "right_hand", "rest"),
        ("arithmetic", "song"),
    ],
)
def test_every_target_place_and_outcome_is_another_picture(name, classes, qtbot, picture):
    view = TaskView(load_task(name, classes))
    qtbot.addWidget(view)
    view.resize(640, 360)
    moments = [replace(MOMENT, target=target) for target in classes]
    moments += [replace(MOMENT, target=classes[0], state=TrialState(x=x)) for x in (-0.7, 0.7)]
    moments += [
        replace(MOMENT, phase="result", target=classes[0], outcome=outcome)
        for outcome in ("hit", "miss", "none")
    ]
    moments += [
        replace(MOMENT, phase=phase, target="")
        for phase in ("instructions", "ready", "break", "paused", "done")
    ]
    images = set()
    for moment in moments:
        view.show_moment(moment)
        images.add(picture(view).tobytes())
    assert len(images) == len(moments)


def test_space_begins_and_pauses_and_escape_ends(start, qtbot):
    session = start(CursorTask(("left_hand", "right_hand")))
    assert "Move the disc" in session.view.accessibleDescription()
    qtbot.keyClick(session.view, Qt.Key.Key_Space)
    assert session.run.phase == "ready"
    qtbot.keyClick(session.view, Qt.Key.Key_Return)
    assert session.run.phase == "paused"
    qtbot.mouseClick(session.view, Qt.MouseButton.LeftButton)
    assert session.run.phase == "ready"
    qtbot.mouseClick(session.view, Qt.MouseButton.RightButton)
    assert session.outlet.closed
    assert [text for text, _ in session.outlet.sent] == [
        "task/start",
        "task/pause",
        "task/resume",
        "task/stop",
    ]


def test_a_cue_is_stamped_when_it_is_on_the_screen(start, monkeypatch):
    session = start(CursorTask(("left_hand", "right_hand")))
    session.run.press(100.0)
    session._clock.now = 103.0
    painted = session.view.repaint

    def slow():
        painted()
        session._clock.now = 103.25

    monkeypatch.setattr(session.view, "repaint", slow)
    session.tick()
    target, time = session.outlet.sent[-1]
    assert (target, time) == (session.run.target, 103.25)
    assert session.test_view.marked[-1] == (target, 103.25, "cursor")
    assert target.replace("_", " ") in session.view.accessibleDescription()


def test_no_cue_comes_while_the_signal_is_refused_and_the_subject_reads_why(start, picture):
    session = start(CursorTask(("left_hand", "right_hand")))
    session.test_view.change(status="lost", message="nothing comes")
    session.run.press(100.0)
    session._clock.now = 110.0
    session.tick()
    assert session.run.phase == "ready"
    before = picture(session.view)
    session.view.show_snapshot(session.test_view.state)
    assert not np.array_equal(before, picture(session.view))
    session.test_view.change(status="ok", message="")
    session._clock.now = 110.25
    session.tick()
    assert session.run.phase == "trial"


def test_snapshots_are_taken_for_a_due_cue_alone_and_four_a_second(start, monkeypatch):
    session = start(CursorTask(("left_hand", "right_hand")))
    session.test_view.change(status="lost", message="nothing comes")
    taken, snapshot = [], session.test_view.snapshot

    def count():
        taken.append(session._clock.now)
        return snapshot()

    monkeypatch.setattr(session.test_view, "snapshot", count)
    session.run.press(100.0)
    for tick in range(1, 256):  # of 1/64 s; the cue is due after two seconds
        session._clock.now = 100.0 + tick / 64
        session.tick()
    assert taken == [102.0 + quarter / 4 for quarter in range(8)]


def test_decisions_are_taken_once_each(start):
    session = start(CursorTask(("left_hand", "right_hand")))
    taken = []
    session.run.decide = taken.extend
    session.tick()
    assert taken == []  # those of before
    latest = session.test_view.state.latest
    newer = replace(latest, index=latest.index + 1)
    session.test_view.change(recent=(*session.test_view.state.recent, newer))
    session.tick()
    session.tick()
    assert taken == [newer]


class BreaksMoving(CursorTask):
    def move(self, state, decision, seconds):
        raise ZeroDivisionError("float <b>division</b>")


class BreaksDrawing(CursorTask):
    def draw(self, stage, moment):
        raise KeyError("C3")


@pytest.mark.parametrize("kind", [BreaksMoving, BreaksDrawing])
def test_a_task_that_fails_says_so_and_takes_its_cue_back(kind, start, qtbot):
    session = start(kind(("left_hand", "right_hand")))
    session.run.press(100.0)
    session._clock.now = 103.0
    session._timer.start()
    session.tick()
    latest = session.test_view.state.latest
    newer = replace(latest, index=latest.index + 1, time=104.0)
    session.test_view.change(recent=(*session.test_view.state.recent, newer))
    session.tick()
    qtbot.waitUntil(lambda: session.outlet.closed)
    assert "Error" in session.view.accessibleDescription()
    assert [text for text, _ in session.outlet.sent][-2:] == ["task/cancel", "task/stop"]
    qtbot.keyClick(session.view, Qt.Key.Key_Space)
    assert not session.view.isVisible()


def test_a_task_of_another_package_draws_with_shapes_alone(qtbot, picture):
    class Shapes(FeedbackTask):
        title = "Shapes"

        def draw(self, stage, moment):
            stage.box(0.0, 0.0, 1.0, 1.0, moment.target)
            stage.disc(0.0, 0.5, 0.2, "unknown ink", filled=False)
            stage.words("a line that is far too long for this view " * 4, 0.0, 0.8, 0.1)

    view = TaskView(Shapes(("left_hand", "right_hand")))
    qtbot.addWidget(view)
    blank = picture(view)
    view.show_moment(MOMENT)
    assert not np.array_equal(blank, picture(view))


@pytest.mark.slow
def test_markers_of_a_task_are_a_stream_of_their_own(make_view, qtbot, qapp, until):
    from core.stream.discovery import StreamQuery, find_stream
    from core.stream.inlet import MarkerInlet

    session = TaskSession("game", load_task("game", ("a", "b")), make_view(), 1, qapp)
    qtbot.addWidget(session.view)
    source = session._markers.source_id
    found = find_stream(StreamQuery(source_id=source), 10.0, markers=True)
    with MarkerInlet(found) as inlet:
        until(session._markers.has_consumers)
        session._press()
        assert inlet.read(5.0)[0].text == "task/start"
    session.end()
    assert sessions.MARKERS == "EEGPT-Markers"


def test_the_task_that_the_documentation_shows_can_be_played(qtbot, picture):
    page = Path(realtime.tasks.__file__).parents[2] / "docs" / "tasks.md"
    code = page.read_text("utf-8").split("```python\n")[1].split("```")[0]
    names = {}
    exec(code, names)
    view = TaskView(names["Words"](("left_hand", "right_hand")))
    qtbot.addWidget(view)
    blank = picture(view)
    view.show_moment(MOMENT)
    assert not np.array_equal(blank, picture(view))
