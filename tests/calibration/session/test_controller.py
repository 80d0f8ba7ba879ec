"""What a real session says of itself, and why it was stopped."""

import gc
import os
import signal
import threading

import numpy as np
import pylsl
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from calibration.fit_settings import FitSettings
from calibration.paradigm.model import Paradigm
from calibration.paradigm.plan import new_plan
from calibration.paradigm.sequencer import TrialSequencer, plan_trials
from calibration.recommendation import AGAIN
from calibration.recording.bids import next_run
from calibration.recording.recorder import Recorder
from calibration.recording.sidecars import Details
from calibration.screens.operator.end import EndWindow
from calibration.screens.operator.window import OperatorWindow
from calibration.screens.person.presenter import Presenter
from calibration.screens.setup.window import SetupWindow
from calibration.session import app
from calibration.session.acquisition import Acquisition
from calibration.session.controller import Controller, ask_setup
from calibration.session.incremental_fit import IncrementalFit
from calibration.session.session import Session
from calibration.session.setup import Person, Setup
from core.errors import InputError
from core.feed.segments import Segmenter
from core.program import Interrupted
from core.progress import progress
from core.recordings import read_recording
from core.stream.description import MARKERS
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.stream_feed import Overrides
from simulation.player import simulate
from simulation.synthetic import SimulatedSubject


class NoTrials:
    """Learns nothing."""

    rejected = 0
    accuracy = None

    def write(self, segments):
        pass

    def event(self, name, time):
        pass

    def fit(self, recording):
        raise InputError("There are too few trials.")

    def close(self):
        pass


@pytest.fixture
def acquisition():
    stop = threading.Event()
    subject = SimulatedSubject(labels=("C3", "CZ", "C4"))
    sender = threading.Thread(target=simulate, args=(subject, "Conducted"), kwargs={"stop": stop})
    sender.start()
    acquisition = Acquisition(Inlet(find_stream(StreamQuery(name="Conducted"), 20.0)), Overrides())
    yield acquisition
    acquisition.close()
    stop.set()
    sender.join()


@pytest.fixture
def make_session(qtbot, acquisition, tmp_path):
    """Put a session of short instructions together."""

    def make(learner=None, leave=False):
        paradigm = Paradigm(instructions=0.2)
        trials = plan_trials(paradigm, 0)
        sequencer = TrialSequencer(paradigm, trials)
        recorder = Recorder(next_run(tmp_path, "01"), acquisition.facts)
        session = Session(acquisition, recorder, learner or NoTrials(), sequencer, trials)
        presenter = Presenter(paradigm, sequencer, session.event, pylsl.local_clock)
        session.shown_by(presenter)
        controller = Controller(session, sequencer, presenter, (), lambda fit: "", leave)
        return session, recorder, presenter, controller

    return make


def test_rest_of_a_run_keeps_the_numbers_of_its_blocks(acquisition, tmp_path):
    paradigm = Paradigm()
    rest = [trial for trial in plan_trials(paradigm, 0) if trial.block == 2]
    sequencer = TrialSequencer(paradigm, rest)
    recorder = Recorder(next_run(tmp_path, "01"), acquisition.facts)
    session = Session(acquisition, recorder, NoTrials(), sequencer, rest)
    assert session.progress().blocks == 2
    assert session.progress().total == len(rest)
    session.close()
    session.release()


@pytest.mark.parametrize("lost", ["after", "before"])
def test_only_what_ended_the_recording_stays_an_alarm(make_session, acquisition, lost):
    session, *_ = make_session()
    if lost == "before":
        acquisition.failure = "The stream says 250 Hz and sends 71 Hz."
    session.close()
    acquisition.failure = "The stream says 250 Hz and sends 71 Hz."
    session.close()
    titles = [alarm.title for alarm in session.progress().alarms]
    assert titles == (["Stream lost"] if lost == "before" else [])
    session.release()


@pytest.mark.slow
def test_why_the_recording_stopped_stays_on_the_screen(make_session):
    session, recorder, presenter, controller = make_session()
    scenes, other = [], Segmenter(("C3", "C4"), ("uV", "uV"), 250.0)

    def watch():
        if recorder.samples_written and not recorder.failed:
            recorder.write(other.push(np.zeros((5, 2)), np.zeros(5)))  # another number of channels
        if presenter.scene.foot == "Return: close":
            scenes.append(presenter.scene)
            QTest.keyClick(presenter.window, Qt.Key.Key_Return)

    timer = QTimer(interval=20)
    timer.timeout.connect(watch)
    timer.start()
    outcome = controller.run(full_screen=False)
    timer.stop()
    assert scenes[0].title == "Recording stopped"
    assert "the recording ended before it" in scenes[0].text
    assert "eegpt-calibrate resume goes on with the rest" in scenes[0].text
    assert outcome.fit is None
    assert outcome.problem == f"Recording stopped: {scenes[0].text}"
    found = read_recording(session.run.file("eeg.vhdr"))
    assert len(found.samples_uv) == recorder.samples_written > 0


@pytest.mark.slow
def test_a_fit_that_fails_for_whatever_reason_ends_the_session(make_session):
    learner = NoTrials()
    learner.fit = lambda recording: np.linalg.cholesky(-np.eye(2))
    _, _, presenter, controller = make_session(learner, leave=True)
    QTimer.singleShot(1500, lambda: presenter.fail("Session ended", "by the test"))
    outcome = controller.run(full_screen=False)
    assert outcome.fit is None
    assert "LinAlgError" in outcome.problem
    assert "the recording is kept" in outcome.problem
    assert len(outcome.recordings) == 1


@pytest.mark.slow
@pytest.mark.parametrize("alone", [True, False])
def test_on_the_only_screen_the_person_sees_how_far_the_decoder_is(make_session, alone):
    seen = threading.Event()

    def fit(recording):
        for done in progress(range(4), "Cross-validation"):
            assert done != 2 or seen.wait(60.0)
        raise InputError("There are too few trials.")

    learner = NoTrials()
    learner.fit = fit
    _, _, presenter, controller = make_session(learner, leave=True)
    QTimer.singleShot(1500, lambda: presenter.fail("Session ended", "by the test"))
    feet = set()

    def look():
        feet.add(presenter.scene.foot)
        if "50 % done" in feet if alone else controller.operator.waiting.bar.value() == 2:
            seen.set()

    timer = QTimer(interval=20)
    timer.timeout.connect(look)
    timer.start()
    controller.run(full_screen=alone)
    timer.stop()
    assert seen.is_set()
    assert any("% done" in foot for foot in feet) == alone
    assert not alone or presenter.scene.title == "Thank you"


@pytest.mark.slow
def test_the_last_screen_asks_what_comes_next(make_session):
    learner = NoTrials()
    _, _, presenter, controller = make_session(learner)
    QTimer.singleShot(1500, lambda: presenter.fail("Session ended", "by the test"))

    def click():
        if controller.end is not None:
            timer.stop()
            assert controller.end.text.text() == "There are too few trials."
            QTest.mouseClick(controller.end.again, Qt.MouseButton.LeftButton)

    timer = QTimer(interval=20)
    timer.timeout.connect(click)
    timer.start()
    controller.run(full_screen=False)
    assert controller.choice == AGAIN
    assert not controller.reported
    with pytest.raises(InputError):  # two of them would be one too many for a receiver
        find_stream(StreamQuery(name=MARKERS), 1.0, markers=True)


@pytest.mark.slow
def test_another_run_begins_without_the_signal_of_the_one_before(qtbot, acquisition, tmp_path):
    options = app.SessionOptions(
        query=StreamQuery(name="Conducted"),
        person=Person("01"),
        root=tmp_path / "recordings",
        home=tmp_path,
        overrides=Overrides(),
        details=Details(),
        fit=FitSettings(head="riemann"),
        timeout=20.0,
        ask=False,
        windowed=True,
    )
    left = []

    def go_on():
        for window in QApplication.topLevelWidgets():
            if not window.isVisible():
                continue
            if isinstance(window, OperatorWindow) and not window.over:
                window.ask_end()  # twice
            elif isinstance(window, EndWindow):
                QTest.mouseClick(window.again, Qt.MouseButton.LeftButton)
            elif isinstance(window, SetupWindow):
                left.append([each for each in gc.get_objects() if type(each) is IncrementalFit])
                window.close()

    timer = QTimer(interval=100)
    timer.timeout.connect(go_on)
    timer.start()
    assert app.run_session(options, new_plan(Paradigm(instructions=0.2))) == 0
    timer.stop()
    assert left == [[]]


SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.slow
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_session_in_order_and_closes_its_windows(make_session, number):
    session, recorder, presenter, controller = make_session()

    def ask():
        if recorder.samples_written:
            timer.stop()
            os.kill(os.getpid(), number)

    timer = QTimer(interval=20)
    timer.timeout.connect(ask)
    timer.start()
    outcome = controller.run(full_screen=False)  # nobody presses Return
    assert controller.signal == number
    assert outcome.problem == "There are too few trials."
    recording = read_recording(session.run.file("eeg.vhdr"))
    assert len(recording.samples_uv) == recorder.samples_written > 0
    assert not presenter.window.isVisible()
    assert not controller.operator.isVisible()


def test_the_first_screen_says_why_the_stream_that_was_asked_for_is_not_there(qtbot, tmp_path):
    setup = Setup(tmp_path, 60.0, Person("01"), Overrides(), ("C3", "C4"))
    options = app.SessionOptions(
        query=StreamQuery(stream="nosuch"),
        person=setup.person,
        root=tmp_path,
        home=tmp_path,
        overrides=Overrides(),
        details=Details(),
        fit=FitSettings(),
        timeout=0.2,
    )
    seen = []

    def look():
        (window,) = (w for w in QApplication.topLevelWidgets() if isinstance(w, SetupWindow))
        seen.append((window.origin.text(), window.where.text()))
        window.close()

    assert not app._open_stream(setup, options, lambda: QTimer.singleShot(300, look))
    ((origin, where),) = seen
    assert '"nosuch" was found' in origin
    assert where.endswith(" free")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_the_first_screen(qtbot, tmp_path, number):
    setup = Setup(tmp_path, 60.0, Person("01"), Overrides(), ("C3", "C4"))
    QTimer.singleShot(100, lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted) as raised:
        ask_setup(setup)
    assert raised.value.exit_code == 128 + number
    setup.close()
