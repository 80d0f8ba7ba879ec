"""The window over the real engine and a real stream."""

import threading
import time

import pytest

from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine
from realtime.options import Options
from realtime.window import MainWindow
from simulation.player import replay

pytestmark = pytest.mark.slow


@pytest.fixture
def engine(fitted, imagery_recording):
    stop = threading.Event()
    sender = threading.Thread(
        target=replay, args=([imagery_recording(seed=9)], "Windowed"), kwargs={"stop": stop}
    )
    sender.start()
    inlet = Inlet(find_stream(StreamQuery(name="Windowed"), 10.0))
    options = Options(stream="Windowed", threshold=0.7)
    engine = build_engine(options, inlet, fitted["riemann"])
    engine.start()
    yield engine
    engine.stop()
    stop.set()
    sender.join()


def test_the_window_shows_the_stream_and_never_holds_it_up(engine, qtbot):
    window = MainWindow(engine)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: window.snapshot is not None, timeout=10_000)
    assert window.snapshot.stream.name == "Windowed"
    qtbot.waitUntil(lambda: engine.snapshot().status == "ok", timeout=20_000)

    # The GUI's thread hangs; decisions go on at their pace.
    before = engine.snapshot().latest.index
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        time.sleep(0.05)
    decided = engine.snapshot()
    assert decided.latest.index >= before + 4
    assert decided.stream.lost_samples == 0
    qtbot.waitUntil(lambda: window.snapshot.latest.index >= decided.latest.index, timeout=10_000)


def test_what_the_engine_was_started_with_is_what_the_controls_say(engine, qtbot):
    window = MainWindow(engine)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitUntil(lambda: window.snapshot is not None, timeout=10_000)
    assert engine.snapshot().evidence.threshold == 0.7
    assert window.controls.threshold.box.value() == 70.0
