"""The launcher with real processes, and people who click."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt

from core.machine import child as processes
from core.stream.description import StreamIdentity
from realtime.launcher import child
from realtime.launcher.programs import Programs
from realtime.launcher.window import LauncherWindow


def stream(name="amp", problem=""):
    identity = StreamIdentity(name, "EEG", f"{name}-1", "lab", name)
    return SimpleNamespace(
        identity=identity, rate=250.0, channel_count=8, format="float32", problem=problem
    )


@pytest.fixture
def launch(qtbot, tmp_path):
    """Return a function that opens a launcher on made-up streams."""
    opened = []

    def show(*streams, **known):
        window = LauncherWindow(tmp_path, Programs(tmp_path), lambda: list(streams), **known)
        qtbot.addWidget(window)
        window.show()
        opened.append(window)
        qtbot.waitUntil(lambda: window.streams.table.rowCount() == len(streams))
        return window

    yield show
    for window in opened:
        if window.child is not None:
            window.child.finish()
        window.close()


@pytest.fixture
def stand_in(monkeypatch):
    """Let Python code run in place of the programs; return what they were started with."""
    started = []

    def use(code):
        def command(module, arguments):
            started.append((module, *arguments))
            return [sys.executable, "-c", code]

        monkeypatch.setattr(child, "command_of", command)
        return started

    return use


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_without_a_stream_nothing_can_be_decoded_and_it_says_what_to_do(launch):
    window = launch()
    assert not window.calibrate.isEnabled()
    assert not window.decode.isEnabled()
    assert window.demo.isEnabled()
    assert "Start the amplifier's program" in window.message.text()


def test_a_stream_that_is_no_signal_says_why(launch):
    window = launch(stream(problem='Stream "amp" has no regular rate.'))
    assert not window.decode.isEnabled()
    assert window.message.text() == 'Stream "amp" has no regular rate.'


def test_people_are_listed_with_their_scores(launch, kept_decoder):
    kept_decoder("01")
    window = launch(stream())
    table = window.decoders
    cells = [table.item(1, column).text() for column in range(table.columnCount())]
    assert cells[0] == "01"
    assert cells[2:] == ["left hand, right hand", "75 %", "up to 62 %", "40"]
    assert table.item(0, 0).text() == "Newest decoder that fits the stream"


def test_a_damaged_decoder_hides_no_other(launch, kept_decoder, tmp_path):
    kept_decoder("01")
    (tmp_path / "decoders" / "bad.safetensors").write_bytes(b"no decoder")
    assert launch(stream()).decoders.rowCount() == 3


@pytest.mark.slow
def test_a_click_decodes_the_selected_stream_with_the_selected_decoder(
    launch, qtbot, stand_in, kept_decoder
):
    path = kept_decoder("01")
    started = stand_in("")
    window = launch(stream("one"), stream("two"))
    window.streams.table.selectRow(1)
    window.decoders.selectRow(1)
    click(qtbot, window.decode)
    qtbot.waitUntil(lambda: window.child is None, timeout=20_000)
    [(module, *arguments)] = started
    assert module == "realtime.cli"
    assert arguments[0] == "--stream=two"
    assert arguments[arguments.index("--decoder") + 1] == str(path)


@pytest.mark.slow
def test_a_session_is_for_the_selected_person_and_leads_back(launch, qtbot, stand_in, kept_decoder):
    kept_decoder("01")
    started = stand_in("import time; time.sleep(0.2)")
    window = launch(stream())
    window.decoders.selectRow(1)
    assert window.calibrate.text() == "Calibrate 01"
    click(qtbot, window.calibrate)
    assert window.running.text() == "Session is running"
    assert window.running.isVisible()
    assert window.waiting.isVisible() or not window.isActiveWindow()
    kept_decoder("02")  # by that session
    qtbot.waitUntil(lambda: window.child is None, timeout=20_000)
    assert window.calibrate.isVisible()
    assert window.waiting.isHidden()
    assert window.decoders.rowCount() == 4
    assert started[0][0] == "calibration.cli"
    assert started[0][-4:-2] == ("--subject", "01")


def test_why_a_program_failed_stands_in_the_window(launch, qtbot, stand_in, capfd):
    words = "eegpt-realtime: The stream lacks 2 channels."
    stand_in(f"import sys; print({words!r}, file=sys.stderr); sys.exit(2)")
    window = launch(stream())
    click(qtbot, window.decode)
    qtbot.waitUntil(lambda: window.child is None, timeout=20_000)
    assert window.message.text() == "The stream lacks 2 channels."
    assert words in capfd.readouterr().err


def test_a_program_that_crashes_is_said_to_have_ended_unexpectedly(launch, qtbot, stand_in, capfd):
    stand_in("raise RuntimeError('broken')")
    window = launch(stream())
    click(qtbot, window.demo)
    qtbot.waitUntil(lambda: window.child is None, timeout=20_000)
    assert window.message.text() == "Demo ended unexpectedly: RuntimeError: broken"


def test_a_program_is_ended_by_a_click_without_complaint(launch, qtbot, stand_in):
    stand_in("import time; time.sleep(600)")
    window = launch(stream())
    click(qtbot, window.demo)
    qtbot.waitUntil(lambda: window.child.running)
    window.close()
    assert window.isVisible()  # a session in front of it ends first
    click(qtbot, window.end)
    qtbot.waitUntil(lambda: window.child is None, timeout=20_000)
    assert "unexpectedly" not in window.message.text()


def test_a_sender_runs_in_the_background_and_ends_with_the_window(launch, qtbot, stand_in):
    started = stand_in("import time; time.sleep(600)")
    window = launch()
    click(qtbot, window.simulate)
    assert window.simulate.text() == "Stop the simulated subject"
    assert window.simulate.isVisible()
    [sender] = window._senders.values()
    qtbot.waitUntil(lambda: sender.running)
    assert started[0][:2] == ("simulation.cli", "simulate")
    window.close()
    assert not sender.running


@pytest.mark.slow
def test_a_file_that_cannot_be_replayed_is_explained(launch, qtbot, tmp_path, capfd):
    (tmp_path / "notes.edf").write_text("no recording")
    window = launch()
    window.send_file(tmp_path / "notes.edf")  # by the real eegpt-stream
    qtbot.waitUntil(lambda: not window._senders, timeout=60_000)
    assert "notes.edf" in window.message.text()
    assert window.replay.text() == "Replay a file …"


def test_the_last_report_is_opened(launch, qtbot, kept_decoder):
    pages = []

    def opener(page):
        pages.append(page)
        return False

    page = kept_decoder("01").with_suffix(".html")
    assert not launch().report.isEnabled()
    page.write_text("<html>")
    window = launch(stream(), open_page=opener)
    click(qtbot, window.report)
    assert pages == [page]
    assert str(page) in window.message.text()


@pytest.mark.slow
def test_programs_are_run_by_this_python():
    command = processes.command_of("realtime.cli", ["--version"])
    assert Path(command[0]).samefile(sys.executable)
    assert processes.run_child("realtime.cli", ["--version"]) == 0
    assert processes.run_child("realtime.cli", ["--threshold", "7"]) == 2
