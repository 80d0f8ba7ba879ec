"""A task over a real engine, a real stream, and a simulated subject who follows its cues."""

import pytest
from PySide6.QtCore import Qt

from core.recordings import read_recording
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine
from realtime.options import Options
from realtime.scoring import read_log
from realtime.tasks.run import TaskTimes
from realtime.window import MainWindow
from simulation.cues import follow_cues
from simulation.player import simulate
from simulation.synthetic import SimulatedSubject, session

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def decoder():
    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder

    classes = ("left_hand", "right_hand")
    recording = session(12, classes, seed=3)
    names = {name: name for name in classes}
    return fit_decoder([recording], names, "01", FitSettings(head="riemann", repeats=1)).decoder


def test_the_subject_who_follows_the_cues_has_the_score_that_the_log_and_the_recording_show(
    decoder, name, background, tmp_path, qtbot
):
    person = SimulatedSubject(seed=3)
    sender = background(simulate, person, name)
    log, folder = tmp_path / "live.jsonl", tmp_path / "bids"
    options = Options(stream=name, log=log, record=folder, hop=0.125)
    with Inlet(find_stream(StreamQuery(name=name), 10.0)) as inlet:
        engine = build_engine(options, inlet, decoder)
        engine.start()
        window = MainWindow(engine, trials=2)
        qtbot.addWidget(window)
        window.show()
        window.subject.start("cursor")
        task = window.subject.session
        task.run._times = TaskTimes(2.0, 0.3, 0.3, 0.3)
        background(follow_cues, person, "EEGPT-Markers")
        # The stream of markers has to be found by the subject before the first cue.
        qtbot.waitUntil(task._markers.has_consumers, timeout=60_000)
        qtbot.waitUntil(lambda: engine.snapshot().status == "ok", timeout=20_000)
        qtbot.keyClick(window.subject.view, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: task.run.phase == "done", timeout=90_000)
        outcomes, points = task.run.outcomes, task.run.points
        qtbot.keyClick(window.subject.view, Qt.Key.Key_Escape)
        cues = engine.snapshot().trials
        window.close()
        engine.stop()
    assert sender.is_alive()
    (score,) = read_log(log).task_scores()
    assert score.outcomes == score.recorded == outcomes
    assert (len(outcomes), score.points) == (4, points)
    assert score.hits >= 3
    assert read_log(log).score().trials[: len(cues)] == cues
    labels = [e.label for e in read_recording(next(folder.rglob("*_eeg.vhdr"))).events]
    assert {"task/start", "task/stop", "left_hand", "right_hand", "task/score/1"} <= set(labels)
