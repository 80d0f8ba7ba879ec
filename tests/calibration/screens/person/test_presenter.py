import itertools
from time import perf_counter

import numpy as np
import pytest
from PySide6.QtCore import QSizeF, Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtTest import QTest

from calibration.paradigm.model import Paradigm
from calibration.paradigm.sequencer import TrialSequencer, plan_trials
from calibration.screens.person import cue
from calibration.screens.person.cue import Scene
from calibration.screens.person.presenter import Presenter
from ui.class_style import class_looks

SHORT = {
    "trials_per_class": 2,
    "instructions": 0.2,
    "cross": 0.2,
    "beep_lead": 0.1,
    "cue": 0.2,
    "imagery": 0.5,
    "break_shortest": 0.1,
    "break_longest": 0.2,
}


class CountingBeeper:
    audible = True

    def __init__(self):
        self.beeps = 0
        self.closed = False

    def beep(self):
        self.beeps += 1

    def close(self):
        self.closed = True


@pytest.fixture
def present(qtbot):
    """Return a function that opens a presenter and returns it with what it told."""
    opened = []

    def show(speed=5.0, beeper=None, feedback=None, clock=perf_counter, **changes):
        paradigm = Paradigm(**(SHORT | {"feedback": feedback is not None} | changes))
        sequencer = TrialSequencer(paradigm, plan_trials(paradigm, 0))
        onsets = []
        presenter = Presenter(paradigm, sequencer, onsets.append, clock, speed, beeper, feedback)
        presenter.window.resize(640, 360)
        presenter.open(full_screen=False)
        opened.append(presenter)
        qtbot.waitUntil(presenter.window.isExposed)
        return presenter, onsets

    yield show
    for presenter in opened:
        presenter.close()


def until(qtbot, presenter, phase):
    qtbot.waitUntil(
        lambda: (step := presenter.sequencer.current) is not None and step.phase == phase,
        timeout=20_000,
    )


def press(presenter, key):
    QTest.keyClick(presenter.window, key)


def paint(scene, width=640, height=360):
    image = QImage(width, height, QImage.Format.Format_RGBA8888)
    painter = QPainter(image)
    cue.draw(painter, QSizeF(width, height), scene)
    painter.end()
    flat = np.frombuffer(image.constBits(), dtype=np.uint8)
    return flat.reshape(height, width, 4)[..., :3].astype(int)


# -- the run


def test_nothing_begins_before_there_is_a_screen_whoever_asks_for_the_time(qtbot):
    paradigm = Paradigm(**SHORT)
    sequencer = TrialSequencer(paradigm, plan_trials(paradigm, 0))
    presenter = Presenter(paradigm, sequencer, lambda onset: None, itertools.count().__next__)
    assert (presenter.now, presenter.now) == (0.0, 0.0)  # as the operator's window does
    presenter.tick()
    assert sequencer.current is None


def test_a_run_tells_every_event_once_after_its_frame(qtbot, present):
    beeper, looks = CountingBeeper(), itertools.count()

    def clock():  # goes on by being looked at: a busy machine skips nothing
        return 0.01 * next(looks)

    presenter, onsets = present(beeper=beeper, clock=clock, speed=1.0)
    with qtbot.waitSignal(presenter.finished, timeout=60_000):
        pass
    trials = presenter.sequencer.completed
    assert len(trials) == 4
    names = [onset.name for onset in onsets]
    assert names.count("cross") == names.count("beep") == names.count("trial_end") == 4
    assert [n for n in names if n in ("left_hand", "right_hand")] == [t.label for t in trials]
    assert (names[0], names[-1]) == ("experiment_start", "experiment_stop")
    assert beeper.beeps == 4
    assert all(before <= after for before, after in itertools.pairwise(o.time for o in onsets))
    stamps = {onset.time for onset in onsets}
    assert len(stamps) <= presenter.window.frames
    assert len(stamps) > 4 * 4  # start, then cross, tone, cue and end of each trial
    assert onsets[-1].time <= clock()


@pytest.mark.slow
def test_stamps_keep_the_paradigms_time(qtbot, present):
    presenter, onsets = present(speed=1.0, trials_per_class=1)
    with qtbot.waitSignal(presenter.finished, timeout=60_000):
        pass
    time = {(onset.name, onset.trial): onset.time for onset in onsets}
    for trial in presenter.sequencer.completed:
        imagery = time["trial_end", trial.number] - time[trial.label, trial.number]
        assert imagery >= 0.5 - 0.02  # never shorter than asked for; a busy machine may be late


def test_the_square_is_white_while_the_cue_is_shown(qtbot, present):
    presenter, _ = present(speed=1.0, photodiode="top_right", photodiode_size=40)
    until(qtbot, presenter, "cross")
    assert not presenter.scene.lit
    until(qtbot, presenter, "cue")
    assert presenter.scene.lit
    assert (presenter.scene.corner, presenter.scene.side) == ("top_right", 40)
    until(qtbot, presenter, "imagery")
    qtbot.waitUntil(lambda: not presenter.scene.lit)


@pytest.mark.slow
def test_nothing_is_drawn_while_nothing_changes(qtbot, present):
    presenter, _ = present(speed=1.0, break_shortest=20.0, break_longest=20.0)
    until(qtbot, presenter, "break")
    qtbot.waitUntil(lambda: presenter.scene.kind == "blank")
    qtbot.wait(50)
    frames, ticks = presenter.window.frames, []
    presenter._timer.timeout.connect(lambda: ticks.append(1))
    qtbot.waitUntil(lambda: len(ticks) > 20)
    assert presenter.window.frames == frames


def test_a_run_waits_for_something_to_be_seen_on(qtbot):
    paradigm = Paradigm(**SHORT)
    sequencer = TrialSequencer(paradigm, plan_trials(paradigm, 0))
    presenter = Presenter(paradigm, sequencer, [].append, perf_counter)
    presenter.tick()
    assert sequencer.current is None


@pytest.mark.slow
def test_a_clock_that_runs_fast_leaves_a_frame_its_time(qtbot, present):
    # A stamped frame takes some milliseconds, which are seconds of this clock.
    presenter, _ = present(clock=lambda: 1000 * perf_counter(), speed=0.001, instructions=1.0)
    hidden = []
    presenter.window.flushed.connect(lambda _: hidden.append(presenter.hidden))
    qtbot.waitUntil(lambda: presenter.sequencer.finished, timeout=30_000)
    assert not any(hidden)
    assert not presenter.sequencer.paused


@pytest.mark.slow
def test_a_hidden_window_pauses_the_run(qtbot, present):
    presenter, onsets = present(speed=2.0)
    until(qtbot, presenter, "cue")
    presenter.window.hide()
    qtbot.waitUntil(lambda: presenter.sequencer.paused and presenter.hidden, timeout=20_000)
    # What was begun is told all the same.
    qtbot.waitUntil(lambda: onsets[-1].name == "trial_end")
    presenter.window.show()
    press(presenter, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: not presenter.hidden)
    with qtbot.waitSignal(presenter.finished, timeout=60_000):
        pass


# -- keys


def test_space_pauses_between_trials_and_goes_on(qtbot, present):
    presenter, onsets = present()
    until(qtbot, presenter, "cue")
    press(presenter, Qt.Key.Key_Space)
    assert presenter.sequencer.pausing
    qtbot.waitUntil(lambda: presenter.scene.title == "Pause", timeout=20_000)
    assert len(presenter.sequencer.completed) == 1
    qtbot.waitUntil(lambda: onsets[-1].name == "trial_end")
    press(presenter, Qt.Key.Key_Space)
    with qtbot.waitSignal(presenter.finished, timeout=60_000):
        pass
    assert len(presenter.sequencer.completed) == 4


def test_escape_asks_after_the_trial_and_return_ends(qtbot, present):
    presenter, onsets = present()
    until(qtbot, presenter, "cue")
    press(presenter, Qt.Key.Key_Escape)
    assert not presenter.sequencer.paused
    qtbot.waitUntil(lambda: presenter.scene.title == "End the session?", timeout=20_000)
    with qtbot.waitSignal(presenter.finished, timeout=20_000):
        press(presenter, Qt.Key.Key_Return)
    assert [onset.name for onset in onsets[-2:]] == ["trial_end", "experiment_stop"]
    assert len(presenter.sequencer.completed) == 1


@pytest.mark.slow
@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Escape])
def test_escape_can_be_taken_back(qtbot, present, key):
    presenter, _ = present()
    until(qtbot, presenter, "break")
    press(presenter, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: presenter.scene.title == "End the session?", timeout=20_000)
    press(presenter, key)
    assert not presenter.sequencer.paused
    with qtbot.waitSignal(presenter.finished, timeout=60_000):
        pass
    assert len(presenter.sequencer.completed) == 4


def test_return_alone_ends_nothing(qtbot, present):
    presenter, _ = present()
    until(qtbot, presenter, "cross")
    press(presenter, Qt.Key.Key_Return)
    assert not presenter.sequencer.stopping


def test_closing_the_window_asks(qtbot, present):
    presenter, _ = present()
    until(qtbot, presenter, "break")
    presenter.window.close()
    assert presenter.window.isVisible()
    qtbot.waitUntil(lambda: presenter.scene.title == "End the session?", timeout=20_000)


def test_after_the_end_return_asks_to_leave(qtbot, present):
    presenter, _ = present()
    presenter.fail("Disk full", "Everything so far is kept.")
    qtbot.waitUntil(lambda: presenter.sequencer.finished)
    with qtbot.waitSignal(presenter.leave_asked):
        press(presenter, Qt.Key.Key_Return)


def test_a_failure_ends_at_once_and_stays_on_the_screen(qtbot, present):
    presenter, onsets = present()
    until(qtbot, presenter, "imagery")
    with qtbot.waitSignal(presenter.finished, timeout=20_000):
        presenter.fail("Stream lost", "Everything so far is kept.")
    assert onsets[-1].name == "experiment_stop"
    assert presenter.sequencer.completed == ()
    press(presenter, Qt.Key.Key_Space)
    presenter.tick()
    assert presenter.scene.title == "Stream lost"


def test_the_sound_card_is_let_go(present):
    beeper = CountingBeeper()
    presenter, _ = present(beeper=beeper)
    assert presenter.sound
    presenter.close()
    assert beeper.closed
    assert not presenter.window.isVisible()


# -- feedback


def test_feedback_grows_from_chance_to_certainty(qtbot, present):
    probabilities = {"left_hand": 0.5, "right_hand": 0.5}
    presenter, _ = present(speed=1.0, feedback=lambda: probabilities, imagery=60.0)
    until(qtbot, presenter, "imagery")
    label = presenter.sequencer.current.trial.label
    qtbot.waitUntil(lambda: presenter.scene.strength == 0.0)
    probabilities[label] = 0.75
    qtbot.waitUntil(lambda: presenter.scene.strength == pytest.approx(0.5))
    probabilities[label] = 1.0
    qtbot.waitUntil(lambda: presenter.scene.strength == 1.0)
    probabilities[label] = float("nan")
    qtbot.waitUntil(lambda: presenter.scene.strength == 0.0)


def test_without_a_decoder_there_is_no_bar(qtbot, present):
    presenter, _ = present(speed=1.0, feedback=lambda: None, imagery=60.0)
    until(qtbot, presenter, "imagery")
    qtbot.waitUntil(lambda: presenter.scene.kind == "cross")
    assert presenter.scene.strength is None


# -- the picture


def test_every_class_has_an_arrow_of_its_own():
    looks = class_looks(tuple(cue.TASKS))
    pictures = [paint(Scene("cue", look=look)) for look in looks]
    for one, other in itertools.combinations(pictures, 2):
        assert (one != other).any()


def test_arrow_and_cross_are_where_the_eyes_are():
    for scene in (Scene("cross"), Scene("cue", look=class_looks(["left_hand"])[0])):
        ink = (np.abs(paint(scene) - paint(Scene())).sum(axis=2) > 0)[:240]
        rows, columns = np.nonzero(ink)
        assert abs(rows.mean() - 180) < 3
        assert abs(columns.mean() - 320) < 12


@pytest.mark.parametrize(
    ("corner", "where"),
    [
        ("top_left", (0, 0)),
        ("top_right", (0, -1)),
        ("bottom_left", (-1, 0)),
        ("bottom_right", (-1, -1)),
    ],
)
def test_the_square_fills_its_corner_and_flips(corner, where):
    for lit, level in ((True, 255), (False, 0)):
        picture = paint(Scene(corner=corner, side=30, lit=lit))
        assert (picture[where] == level).all()
        assert (np.abs(picture - level).sum(axis=2) == 0).sum() == 30 * 30


def test_no_square_where_none_is_wanted():
    assert (paint(Scene(lit=True)) == paint(Scene())).all()


@pytest.mark.slow
@pytest.mark.parametrize("size", [(320, 240), (1024, 768), (1920, 1080), (2560, 1080), (900, 1600)])
def test_words_stay_on_any_screen(size):
    looks = class_looks(tuple(cue.TASKS))
    scene = cue.instructions(Paradigm(), looks, "Begins in 8 s.  Space: wait")
    ink = np.abs(paint(scene, *size) - paint(Scene(), *size)).sum(axis=2) > 0
    edge = max(2, size[1] // 100)
    assert ink.any()
    assert not ink[:, :edge].any()
    assert not ink[:, -edge:].any()
    assert not ink[-edge:].any()
