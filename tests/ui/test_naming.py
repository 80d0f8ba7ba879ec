"""The table of names and units, with a mouse and a clipboard."""

from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication

from core.stream.description import StreamFacts, StreamIdentity
from core.stream.kept_names import KeptNames, kept_names
from core.stream.outlets import SignalOutlet
from ui import naming
from ui.naming import NamesDialog, name_channels
from ui.picker import StreamPicker

AMP = StreamIdentity("amp", "EEG", "serial", "lab", "uid")


def facts(count=8, units=("",)):
    return StreamFacts(
        AMP, 250.0, tuple(f"Ch{i + 1}" for i in range(count)), units * count, ("",) * count, count,
        "float32", (),
    )  # fmt: skip


@pytest.fixture
def ask(qtbot):
    def show(given=None, names=None):
        dialog = NamesDialog(given or facts(), names)
        qtbot.addWidget(dialog)
        dialog.show()
        return dialog

    return show


def choose(dialog, name):
    index = next(
        i for i in range(dialog.board.count()) if dialog.board.itemText(i).startswith(name)
    )
    dialog.board.setCurrentIndex(index)
    dialog.board.activated.emit(index)


def write(dialog, row, column, text):
    dialog.table.item(row, column).setText(text)


def test_a_board_names_its_channels_and_their_unit(ask):
    dialog = ask(facts(9))
    choose(dialog, "OpenBCI Cyton (")
    assert dialog.names.labels == (*"Fp1 Fp2 C3 C4 P7 P8 O1 O2".split(), "-")
    assert dialog.names.units == ("uV",) * 8 + ("",)
    assert "8 of 9 channels are electrodes" in dialog.state.text()


def test_a_board_of_more_channels_than_the_stream_has_is_another_one(ask):
    dialog = ask(facts(4))
    choose(dialog, "OpenBCI Cyton (")
    assert dialog.names is None
    assert "OpenBCI Cyton has 8 channels, and this stream 4" in dialog.state.text()


@pytest.mark.parametrize("board", ["Muse", "Emotiv"])
def test_a_board_without_motor_electrodes_is_told_so(ask, board):
    dialog = ask(facts(14))
    choose(dialog, board)
    assert "over the motor cortex" in dialog.state.text()
    assert dialog.accept_button.isEnabled()


@pytest.mark.parametrize("text", ["C3\nCz\nC4\n", "C3\r\nCz\r\nC4", "C3\tCz\tC4", "C3, Cz, C4"])
def test_a_column_is_pasted_from_the_selected_cell_on(ask, text):
    dialog = ask(facts(4))
    QGuiApplication.clipboard().setText(text)
    dialog.table.setCurrentCell(1, 1)
    dialog.paste_button.click()
    assert dialog.names.labels == ("Ch1", "C3", "Cz", "C4")


def test_more_words_than_channels_are_said(ask):
    dialog = ask(facts(2))
    QGuiApplication.clipboard().setText("C3\nCz\nC4")
    dialog.paste()
    assert dialog.names.labels == ("C3", "Cz")
    assert "3 words" in dialog.state.text()


def test_a_unit_for_all_spares_what_is_no_electrode(ask):
    dialog = ask(facts(3, ("V",)))
    for row, name in enumerate(("C3", "Cz", "Temp")):
        write(dialog, row, 1, name)
    dialog.unit.setCurrentIndex(1)
    dialog.unit.activated.emit(1)
    assert dialog.names.units == ("uV", "uV", "V")


@pytest.mark.parametrize(
    ("row", "column", "text", "words"),
    [(1, 2, "degC", 'unit "degC"'), (1, 1, "c3", "both mean the electrode")],
)
def test_what_the_programs_would_refuse_cannot_be_kept(ask, row, column, text, words):
    dialog = ask(facts(3))
    write(dialog, 0, 1, "C3")
    write(dialog, 1, 1, "Cz")
    write(dialog, row, column, text)
    assert words in dialog.state.text()
    assert not dialog.accept_button.isEnabled()
    write(dialog, row, column, "" if column == 2 else "C4")
    assert dialog.accept_button.isEnabled()


def test_as_sent_forgets_other_names(ask):
    dialog = ask(facts(2), KeptNames(("C3", "C4"), ("uV", "uV")))
    assert dialog.names == KeptNames(("C3", "C4"), ("uV", "uV"))
    dialog.reset.click()
    assert dialog.names is None


@pytest.fixture
def amplifier(name):
    """A real stream whose channels have no names."""
    outlet = SignalOutlet(name, "EEG", ("", "", "", ""), "", 250.0, name)
    yield name
    outlet.close()


def answer(act, qapp):
    """Do something in the dialog once it is there."""

    def look():
        found = [w for w in QApplication.topLevelWidgets() if isinstance(w, NamesDialog)]
        if found and found[0].isVisible():
            timer.stop()
            act(found[0])

    timer = QTimer(qapp, interval=20)
    timer.timeout.connect(look)
    timer.start()


@pytest.mark.slow
def test_names_given_in_the_picker_are_kept_for_the_stream(amplifier, qapp, qtbot, home):
    from core.stream.discovery import StreamQuery, find_stream, list_streams

    found = find_stream(StreamQuery(name=amplifier), 20.0)
    picker = StreamPicker(lambda: StreamQuery(name=amplifier).among(list_streams()), home=home)
    qtbot.addWidget(picker)
    picker.show()
    qtbot.waitUntil(lambda: picker.names.isEnabled(), timeout=30_000)

    def act(dialog):
        choose(dialog, "Muse")
        qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)

    answer(act, qapp)
    qtbot.mouseClick(picker.names, Qt.MouseButton.LeftButton)
    assert kept_names(home, found.identity, 4).labels == ("TP9", "AF7", "AF8", "TP10")
    picker.close()


def test_a_sender_that_does_not_answer_is_explained(qapp, monkeypatch, home):
    def fail(found):
        raise naming.InputError('Stream "amp" does not answer.')

    monkeypatch.setattr(naming, "read_facts", fail)
    assert name_channels(SimpleNamespace(), home, None) == 'Stream "amp" does not answer.'
