import pytest
from PySide6.QtCore import Qt

from calibration.paradigm.sequencer import PlannedTrial, TrialPhase
from calibration.screens.operator import window as operator
from calibration.screens.operator.overview import clock, headline, remark, status_cells
from calibration.screens.operator.window import OperatorWindow
from calibration.screens.person.cue import Scene
from calibration.session.progress import Accuracy, Alarm
from ui.class_style import class_looks


@pytest.fixture
def show(qtbot):
    """Return a function that opens the operator's window."""
    opened = []

    def show(session, scene=Scene):
        window = OperatorWindow(session, scene)
        qtbot.addWidget(window, before_close_func=lambda w: session.phase("done") or w.look())
        window.show()
        opened.append(window)
        return window

    return show


# -- words


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00"), (0.2, "0:01"), (59.0, "0:59"), (247.0, "4:07"), (-3.0, "0:00")],
)
def test_time_is_minutes_and_seconds(seconds, text):
    assert clock(seconds) == text
    assert clock(float("inf")) == "0:00"


@pytest.mark.parametrize(
    ("phase", "done", "text"),
    [
        ("instructions", 0, "Before the first trial"),
        ("cross", 13, "Trial 14 of 40"),
        ("imagery", 39, "Trial 40 of 40"),
        ("break", 14, "Trial 14 of 40"),
        ("done", 40, "Done: 40 of 40 trials"),
    ],
)
def test_the_headline_says_where_the_session_is(make_session, phase, done, text):
    session = make_session()
    session.phase(phase, done=done)
    assert headline(session.state) == text


def test_practice_is_called_practice(make_session):
    session = make_session()
    session.change(step=TrialPhase("cue", 1.0, PlannedTrial(1, "feet", 0, 2.0)), rejected=0)
    assert headline(session.state) == "Practice"
    assert remark(session.state) == ""
    session.change(step=None)
    assert headline(session.state) == "About to begin"


def test_what_waits_for_the_trials_end_is_said(make_session):
    session = make_session()
    assert remark(session.state) == "block 1 of 2 · 1 trial left out for artifacts"
    session.change(pausing=True)
    assert remark(session.state) == "Pauses after this trial"
    session.change(stopping=True)
    assert remark(session.state) == "Ends after this trial"


def test_facts_that_worry_are_marked(make_session):
    session = make_session()
    assert not any(cell.warn for cell in status_cells(session.state))
    session.change(lost_samples=3, measured_rate=480.0, free_bytes=10**6, sound=False)
    cells = {cell.caption: cell for cell in status_cells(session.state)}
    assert {name for name, cell in cells.items() if cell.warn} == {"Rate", "Lost", "Disk"}
    assert cells["Tone"].value == "no sound"


# -- the window


@pytest.mark.slow
def test_what_the_person_sees_is_shown(show, make_session, qtbot, picture):
    session = make_session()
    scenes = [Scene("cross")]
    window = show(session, lambda: scenes[0])
    before = picture(window.preview)
    scenes[0] = Scene("cue", look=class_looks(["left_hand"])[0])
    qtbot.waitUntil(lambda: (picture(window.preview) != before).any())
    assert window.preview.accessibleDescription() == "The person imagines: right hand"


def test_alarms_stand_over_everything_and_go(show, make_session, picture):
    session = make_session()
    window = show(session)
    assert not window.alarm.isVisible()
    disk = Alarm("Disk full", "<b>Make room</b> and go on with resume.", fatal=True)
    session.change(alarms=(disk, Alarm("Rate", "It differs.")))
    window.look()
    assert window.alarm.isVisible()
    assert window.alarm.alarm is disk
    assert "Disk full" in window.alarm.accessibleDescription()
    assert picture(window.alarm).any()
    session.change(alarms=())
    window.look()
    assert not window.alarm.isVisible()


def test_accuracy_is_shown_beside_what_guessing_reaches(show, make_session, picture):
    session = make_session()
    session.change(accuracy=None)
    window = show(session)
    nothing = picture(window.accuracy)
    session.change(accuracy=Accuracy(0.6, 0.69, 12))
    window.look()
    assert window.accuracy.words() == "Not yet beyond what guessing reaches."
    below = picture(window.accuracy)
    session.change(accuracy=Accuracy(0.9, 0.65, 20))
    window.look()
    assert window.accuracy.words() == "Beyond what guessing reaches."
    above = picture(window.accuracy)
    assert (nothing != below).any()
    assert (below != above).any()


def test_space_and_the_button_pause_and_go_on(show, make_session, qtbot):
    session = make_session()
    window = show(session)
    qtbot.keyClick(window, Qt.Key.Key_Space)
    assert session.asked == ["pause"]
    assert window.pause.text() == "Go on"
    window.pause.click()
    assert session.asked == ["pause", "pause"]
    assert window.pause.text() == "Pause"


def test_the_end_must_be_asked_for_twice(show, make_session, qtbot):
    session = make_session()
    window = show(session)
    window.end.click()
    assert session.asked == []
    assert window.end.text() == "Press again to end"
    qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert session.asked == ["stop"]
    assert not window.end.isEnabled()


def test_asking_once_is_forgotten(show, make_session, qtbot, monkeypatch):
    monkeypatch.setattr(operator, "_ARMED", 0.05)
    session = make_session()
    window = show(session)
    window.end.click()
    qtbot.waitUntil(lambda: window.end.text() == "End session")
    window.end.click()
    assert session.asked == []


def test_closing_asks_for_the_end_until_the_run_is_over(show, make_session, qtbot):
    session = make_session()
    window = show(session)
    window.close()
    assert window.isVisible()
    assert window.end.text() == "Press again to end"
    session.phase("done")
    window.look()
    with qtbot.waitSignal(window.closed):
        window.close()
    assert not window.isVisible()


@pytest.mark.slow
def test_traces_move_with_the_signal(show, make_session, qtbot):
    session = make_session()
    window = show(session)
    qtbot.waitUntil(lambda: window.traces.frames_drawn > 0)
    for _ in range(3):
        frames = window.traces.frames_drawn
        session.later(0.2)
        qtbot.waitUntil(lambda frames=frames: window.traces.frames_drawn > frames)
    window.hide()
    asked = session.traces_asked
    session.later(0.2)
    window.follow()
    assert session.traces_asked == asked


@pytest.mark.parametrize("labels", [(), ("C3",), tuple("FC3 FC4 C3 CZ C4".split())])
def test_any_number_of_channels_is_painted(show, make_session, picture, labels):
    session = make_session(labels or ("C3",))
    if not labels:
        session.channels = ()
    assert picture(show(session)).any()


def test_the_whole_window_is_painted_in_every_phase(show, make_session, picture):
    session = make_session()
    window = show(session)
    for phase in ("instructions", "baseline", "ready", "imagery", "break", "block_pause", "paused"):
        session.phase(phase)
        window.look()
        assert picture(window.preview).any()
        assert picture(window.header).any()
