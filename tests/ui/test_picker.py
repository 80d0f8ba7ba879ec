import threading
from types import SimpleNamespace

import pytest
from PySide6.QtCore import Qt, QTimer

from core.errors import InputError
from ui import streams
from ui.picker import StreamPicker


def stream(name, source="amp-1", uid=None, rate=250.0):
    identity = SimpleNamespace(
        name=name, type="EEG", source_id=source, host="lab", uid=uid or name + source
    )
    return SimpleNamespace(identity=identity, rate=rate, channel_count=8, format="float32")


@pytest.fixture
def ask(qtbot, monkeypatch):
    """Return a function that opens a picker."""
    monkeypatch.setattr(streams, "_PAUSE", 0.02)
    opened = []

    def show(list_streams, message=""):
        dialog = StreamPicker(list_streams, message)
        qtbot.addWidget(dialog)
        dialog.show()
        opened.append(dialog)
        return dialog

    yield show
    for dialog in opened:
        dialog.close()


def cells(dialog):
    table = dialog.table
    return [
        [table.item(row, column).text() for column in range(table.columnCount())]
        for row in range(table.rowCount())
    ]


def test_every_fact_that_tells_streams_apart_is_shown(ask, qtbot):
    dialog = ask(lambda: [stream("amp"), stream("", source="", uid="u", rate=0.0)])
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 2)
    assert cells(dialog) == [
        ["amp", "EEG", "amp-1", "lab", "8", "250 Hz", "float32"],
        ["(no name)", "EEG", "(none)", "lab", "8", "irregular", "float32"],
    ]


def test_enter_picks_the_selected_stream(ask, qtbot):
    streams = [stream("one"), stream("two")]
    dialog = ask(lambda: list(streams))
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 2)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Down)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    assert dialog.chosen is streams[1]
    assert not dialog.isVisible()


def test_choose_returns_what_was_picked(ask, qtbot):
    only = stream("one")
    dialog = ask(lambda: [only])
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
    threading_safe = QTimer(dialog, singleShot=True, interval=10)
    threading_safe.timeout.connect(dialog.pick.click)
    threading_safe.start()
    assert dialog.choose() is only


def test_escape_cancels(ask, qtbot):
    dialog = ask(lambda: [stream("one")])
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Escape)
    assert dialog.chosen is None
    assert not dialog.isVisible()


def test_enter_without_a_stream_picks_nothing(ask, qtbot):
    dialog = ask(list)
    qtbot.waitUntil(lambda: "No stream found yet" in dialog.state.text())
    qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    assert dialog.isVisible()
    assert dialog.chosen is None


def test_a_search_that_hangs_does_not_hold_the_window(ask, qtbot):
    released = threading.Event()
    searching = threading.Event()

    def hang():
        searching.set()
        assert released.wait(60)
        return []

    dialog = ask(hang)
    try:
        qtbot.waitUntil(searching.is_set)
        qtbot.keyClick(dialog.table, Qt.Key.Key_Escape)  # the search still hangs
        assert not dialog.isVisible()
    finally:
        released.set()


def test_the_selection_stays_on_its_stream_while_others_come_and_go(ask, qtbot):
    found = [stream("one"), stream("two")]
    dialog = ask(lambda: list(found))
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 2)
    dialog.table.selectRow(1)
    found.insert(0, stream("zero"))
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 3)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    assert dialog.chosen.identity.name == "two"


def test_a_stream_that_restarted_is_picked_as_it_is_now(ask, qtbot):
    found = [stream("amp", uid="before")]
    dialog = ask(lambda: list(found))
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
    found[:] = [stream("amp", uid="after")]
    qtbot.waitUntil(lambda: dialog.streams._streams == found)
    qtbot.keyClick(dialog.table, Qt.Key.Key_Return)
    assert dialog.chosen.identity.uid == "after"


def test_what_goes_wrong_is_said_and_searching_goes_on(ask, qtbot):
    answers = iter([InputError("No network."), OSError("odd")])

    def search():
        for error in answers:
            raise error
        return [stream("late")]

    dialog = ask(search)
    seen = set()
    qtbot.waitUntil(lambda: seen.add(dialog.state.text()) or dialog.table.rowCount() == 1)
    assert "No network." in seen


def test_names_from_the_network_are_plain_text(ask, qtbot):
    dialog = ask(lambda: [stream("<b>x</b>\u202e\ny")], message="<i>2</i> streams match")
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
    assert cells(dialog)[0][0] == "<b>x</b> y"
    assert dialog.message.textFormat() == Qt.TextFormat.PlainText
    assert dialog.message.text() == "<i>2</i> streams match"


def test_the_search_ends_with_the_dialog(ask, qtbot):
    dialog = ask(lambda: [stream("one")])
    search = next(t for t in threading.enumerate() if t.name == "stream search")
    qtbot.waitUntil(lambda: dialog.table.rowCount() == 1)
    dialog.reject()
    search.join(10)
    assert not search.is_alive()
