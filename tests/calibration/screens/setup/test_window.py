from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import Qt

from calibration.doubts import doubts
from calibration.screens.setup import check
from calibration.screens.setup import window as setup_window
from calibration.screens.setup.check import CheckPanel
from calibration.screens.setup.window import SetupWindow
from calibration.session.setup_state import SetupState, channel_rows
from core.encoders.eegpt.electrodes import CODEX
from core.signal.monitor import Monitor
from core.stream.boards import motor_words
from simulation.synthetic import LABELS, SimulatedSubject

RATE = 250.0
NAMES = (*LABELS[:11], "T3", *LABELS[12:], "AUX1")
TEMPORAL = ("T7", "T8", "F7", "F8", "C5", "C6")


class ScriptedPreparation:
    """Holds what it shows; a test changes it, and reads what was asked for."""

    def __init__(self):
        rows, missing = channel_rows(NAMES, ["µV"] * 32 + [""], CODEX)
        self.monitor = Monitor(NAMES, [row.electrode for row in rows], [1.0] * 33, RATE)
        self._subject = SimulatedSubject(3, RATE)
        self._noise = np.random.default_rng(0)
        self.time = 100.0
        self.asked = []
        self.streams = []
        self.sent = self.home = None
        self.ready = SetupState(
            stream="actiCHamp-0123",
            host="lab-recorder-2",
            rate=RATE,
            live=True,
            rows=rows,
            missing=missing,
            channels=self.monitor.channels,
            subject="S001",
            session="02",
            run="03",
            folder="/data/eegpt",
            free_bytes=182 * 10**9,
            needed_bytes=46 * 10**6,
            minutes=6.0,
        )
        self.shown = self.ready
        self.later(12.0)

    def later(self, seconds, clench=False, reverse=False):
        """Let time pass: the signal moves on."""
        samples = self._subject.generate(round(seconds * RATE))
        if clench:
            sides = np.array([label in TEMPORAL for label in LABELS])
            samples = samples + 30.0 * sides * self._noise.standard_normal(samples.shape)
        if reverse:
            samples = samples[:, ::-1]
        aux = self._noise.standard_normal((len(samples), 1))
        self.time += seconds
        self.monitor.push(np.hstack([samples, aux]).astype(np.float32), self.time)

    def state(self):
        return self.shown

    def change(self, **fields):
        self.shown = replace(self.shown, **fields)

    def list_streams(self):
        return list(self.streams)

    def choose_stream(self, stream):
        self.asked.append(stream)

    def new_subject(self):
        return "02"

    def choose_again(self):
        self.asked.append("again")

    def name_person(self, subject, session, run):
        self.asked.append((subject, session, run))

    def traces(self, seconds):
        return self.monitor.traces(seconds)

    def raw(self):
        return self.monitor.raw()


@pytest.fixture
def preparation():
    return ScriptedPreparation()


@pytest.fixture
def window(qtbot, preparation):
    window = SetupWindow(preparation)
    qtbot.addWidget(window)
    window.show()
    return window


def cells(window):
    table = window.table.table
    return [
        tuple(table.item(row, column).text() for column in range(4))
        for row in range(table.rowCount())
    ]


def run_check(panel, preparation, **signal):
    """Go through the whole check in no time."""
    panel.toggle()
    panel._timer.stop()
    prompts = []
    while panel.running:
        phase = check.PHASES[panel._phase]
        prompts.append(phase.prompt)
        clench = phase.gesture is not None and phase.gesture.where == "sides"
        preparation.later(0.25, clench=clench, **signal)
        panel.look()
    return list(dict.fromkeys(prompts))


# -- what is shown


def test_every_channel_is_shown_with_what_it_becomes(window):
    shown = cells(window)
    assert len(shown) == 33
    assert shown[0] == ("Fp1", "Fp1", "matched", "µV")
    assert shown[11] == ("T3", "T7", "aliased", "µV")
    assert shown[32] == ("AUX1", "–", "ignored", "µV")
    assert "32 of the 62 electrodes" in window.table.missing.text()


@pytest.mark.slow
def test_another_stream_replaces_the_table(window, preparation):
    rows, missing = channel_rows(("C3", "C4"), ("mV", "V"), CODEX)
    preparation.change(rows=rows, missing=missing)
    window.look()
    assert [row[3] for row in cells(window)] == ["mV × 1000", "V × 1e+06"]
    preparation.change(rows=(), missing=())
    window.look()
    assert cells(window) == []
    assert window.table.missing.text() == ""


def test_stream_folder_and_disk_are_said(window):
    assert window.stream.text() == "actiCHamp-0123"
    assert "33 channels at 250 Hz" in window.origin.text()
    assert window.where.text().startswith("Run 03 in /data/eegpt\n182.0 GB free")


@pytest.mark.slow
def test_what_cannot_be_known_is_said(window, preparation):
    assert not window.doubts.isVisible()
    preparation.change(doubts=doubts(channels_named=True, unit="µV", unit_given=False))
    window.look()
    assert window.doubts.isVisible()
    assert window.doubts.text() == (
        "Nothing in the signal proves that electrodes are where --channels names them. A wrong "
        "unit (µV, as the stream says) is noticed from about a hundredfold on."
    )


@pytest.mark.slow
def test_traces_move(window, preparation, qtbot):
    qtbot.waitUntil(lambda: window.traces.frames_drawn > 0)
    frames = window.traces.frames_drawn
    preparation.later(0.5)
    qtbot.waitUntil(lambda: window.traces.frames_drawn > frames)


def test_text_from_the_network_is_plain(window, preparation):
    preparation.change(stream="<b>x</b>\u202e\ny", host="<i>h</i>")
    window.look()
    assert window.stream.text() == "<b>x</b> y"
    assert window.stream.textFormat() == Qt.TextFormat.PlainText


# -- start


def test_a_session_begins_once_all_is_well(window, qtbot):
    assert window.start.isEnabled()
    assert window.reason.text() == "Ready. The session takes about 6 minutes."
    with qtbot.waitSignal(window.begun):
        window.start.click()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"live": False}, "start the amplifier"),
        ({"stream": "", "rows": ()}, "Choose the stream"),
        ({"person_problem": 'Subject "../x" is no BIDS label: use letters'}, "no BIDS label"),
        ({"free_bytes": 10**6}, "make room"),
    ],
)
def test_until_then_the_reason_stands_beside_the_button(window, preparation, qtbot, change, words):
    preparation.change(**change)
    begun = []
    window.begun.connect(lambda: begun.append(1))
    qtbot.keyClick(window, Qt.Key.Key_Return)
    assert not window.start.isEnabled()
    assert words in window.reason.text()
    assert begun == []
    preparation.shown = preparation.ready
    qtbot.waitUntil(window.start.isEnabled)
    qtbot.keyClick(window, Qt.Key.Key_Return)
    assert begun == [1]


def test_a_session_begins_only_once(window, qtbot):
    begun = []
    window.begun.connect(lambda: begun.append(1))
    window.begin()
    window.begin()
    assert begun == [1]


def test_leaving_cancels(window, qtbot):
    with qtbot.waitSignal(window.cancelled):
        qtbot.keyClick(window, Qt.Key.Key_Escape)
    assert not window.isVisible()


def test_beginning_does_not_cancel(window, qtbot):
    cancelled = []
    window.cancelled.connect(lambda: cancelled.append(1))
    window.begin()
    window.close()
    assert cancelled == []


# -- person and stream


def test_labels_are_taken_as_they_are_typed(window, preparation, qtbot):
    assert (window.subject.text(), window.session.text(), window.run.text()) == ("S001", "02", "")
    window.subject.clear()
    qtbot.keyClicks(window.subject, "7 ")
    qtbot.keyClicks(window.run, "12")
    assert preparation.asked[-1] == ("7", "02", "12")


def test_letters_typed_into_a_field_are_no_shortcuts(window, preparation, qtbot):
    qtbot.keyClicks(window.subject, "bs")
    assert not window.check.running
    assert window._picker is None


@pytest.mark.slow
def test_a_stream_is_chosen_from_the_list(window, preparation, qtbot):
    identity = SimpleNamespace(name="amp", type="EEG", source_id="1", host="lab", uid="u")
    found = SimpleNamespace(identity=identity, rate=250.0, channel_count=8, format="float32")
    preparation.streams = [found]
    window.choose.click()
    picker = window._picker
    qtbot.waitUntil(lambda: picker.table.rowCount() == 1)
    picker.pick.click()
    assert preparation.asked == [found]
    assert window._picker is None


@pytest.mark.slow
def test_a_list_that_is_closed_chooses_nothing(window, preparation, qtbot):
    qtbot.keyClick(window, Qt.Key.Key_S)
    window._picker.reject()
    assert preparation.asked == []
    assert window._picker is None


# -- the check


@pytest.mark.slow
def test_blinks_and_jaw_light_up_where_they_should(window, preparation):
    prompts = run_check(window.check, preparation)
    assert prompts == [phase.prompt for phase in check.PHASES]
    assert [verdict.right for verdict in window.check.verdicts] == [True, True]
    assert "Lit: " in window.check.head.accessibleDescription()
    assert "T7" in window.check.head.accessibleDescription()


@pytest.mark.parametrize("size", [140, 260, 900])
def test_the_head_has_the_whole_names_of_electrodes(qtbot, monkeypatch, size):
    head, written = check.HeadMap(), {}
    qtbot.addWidget(head)
    head.resize(size, size)

    def note(painter, room, flags, text):
        written[text] = painter.fontMetrics().horizontalAdvance(text) <= room.width()

    monkeypatch.setattr(check.QPainter, "drawText", note)
    head.show_labels(("TPP10h", "EEG TP10-REF", "Cz", "ECG"))
    head.grab()
    assert written == {"TPP10h": True, "TP10": True, "Cz": True}


@pytest.mark.slow
def test_channels_in_the_wrong_order_are_seen(window, preparation):
    run_check(window.check, preparation, reverse=True)
    assert window.check.verdicts[0].right is False
    assert "order and the names" in window.check.words.accessibleDescription()


@pytest.mark.slow
def test_the_check_runs_by_itself_and_can_be_stopped(window, preparation, qtbot, monkeypatch):
    window.check._timer.setInterval(5)
    qtbot.keyClick(window, Qt.Key.Key_B)
    assert window.check.running
    qtbot.waitUntil(lambda: not window.check.running, timeout=20_000)
    assert len(window.check.verdicts) == 2
    window.check.button.click()
    window.check.button.click()
    assert not window.check.running
    assert window.check.verdicts == ()


@pytest.mark.slow
def test_another_stream_ends_a_check(window, preparation, qtbot):
    window.check.toggle()
    rows, missing = channel_rows(("C3", "C4"), ("uV", "uV"), CODEX)
    preparation.change(rows=rows, missing=missing, live=False)
    window.look()
    assert not window.check.running
    assert not window.check.button.isEnabled()
    qtbot.keyClick(window, Qt.Key.Key_B)
    assert not window.check.running


def test_a_check_without_signal_judges_nothing(qtbot, picture):
    panel = CheckPanel(lambda: np.empty((0, 2)))
    qtbot.addWidget(panel)
    panel.show_stream(("FP1", "O1"), RATE, True)
    panel.toggle()
    panel._timer.stop()
    while panel.running:
        panel.look()
    assert [verdict.right for verdict in panel.verdicts] == [None, None]
    assert picture(panel).any()


@pytest.mark.slow
def test_every_state_is_painted(window, preparation, picture):
    for change in ({}, {"channels": (), "rows": (), "missing": ()}, {"stream": ""}):
        preparation.change(**change)
        window.look()
        assert picture(window).any()


# -- names, units and boards


@pytest.mark.slow
def test_a_board_without_motor_electrodes_is_told_so_above_everything(window, preparation):
    assert not window.motor.isVisible()
    preparation.change(motor=motor_words(["AF7", "AF8", "TP9", "TP10"]))
    window.look()
    assert window.motor.isVisible()
    assert "over the motor cortex" in window.motor.text()
    assert window.motor.y() < window.stream.mapTo(window, window.stream.rect().topLeft()).y()


@pytest.mark.slow
def test_names_are_asked_for_once_there_is_a_stream(window, preparation, qtbot, monkeypatch):
    asked = []
    monkeypatch.setattr(setup_window, "edit_names", lambda *given: asked.append(given) or "")
    window.name_channels()
    assert not window.names.isEnabled()
    preparation.sent, preparation.home = "facts", "home"
    preparation.change(run="04")
    window.look()
    qtbot.mouseClick(window.names, Qt.MouseButton.LeftButton)
    assert asked == [("facts", "home", window)]
    assert preparation.asked[-1] == "again"


def test_a_new_person_needs_no_keyboard(window, preparation, qtbot):
    assert not window.someone_new.isVisible()
    preparation.change(subject="")
    window.look()
    qtbot.mouseClick(window.someone_new, Qt.MouseButton.LeftButton)
    assert window.subject.text() == "02"
    assert preparation.asked[-1][0] == "02"
