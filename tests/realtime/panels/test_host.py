"""Panels are shown, hidden, kept, fed while they are seen, and replaced by their errors."""

import json
import sys
from importlib.metadata import EntryPoint
from time import monotonic

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QTabBar

from realtime.panels import host, registry
from realtime.panels.panel import Panel
from realtime.window import MainWindow


class Counting(Panel):
    every = 0.0

    def __init__(self):
        super().__init__()
        self.looked = self.drawn = self.pressed = 0
        self.given = None

    def look(self, snapshot, signal):
        self.given = snapshot, signal.filtered(1.0), signal.raw(1.0)
        self.looked += 1
        self.update()

    def draw(self, painter):
        self.drawn += 1

    def press(self, text):
        self.pressed += text == "z"
        return text == "z"


class Other(Counting):
    pass


class BreaksAtOnce(Panel):
    def __init__(self):
        super().__init__()
        raise OSError("no such <b>disk</b>")


class BreaksLooking(Panel):
    def look(self, snapshot, signal):
        raise ZeroDivisionError("float division by zero")


class BreaksDrawing(Panel):
    every = 0.0

    def look(self, snapshot, signal):
        self.update()

    def draw(self, painter):
        raise KeyError("C3")


class BreaksPressed(Panel):
    def look(self, snapshot, signal):
        pass

    def press(self, text):
        raise ValueError("what is " + text)


class NoPanel:
    pass


CLASSES = (Counting, Other, BreaksAtOnce, BreaksLooking, BreaksDrawing, BreaksPressed, NoPanel)
BROKEN = [kind.__name__ for kind in CLASSES[2:]]


@pytest.fixture(autouse=True)
def panels(monkeypatch):
    """These panels instead of the program's own."""
    sys.modules["panels_of_a_test"] = sys.modules[__name__]
    entries = {
        kind.__name__: EntryPoint(kind.__name__, f"panels_of_a_test:{kind.__name__}", "g")
        for kind in CLASSES
    }
    entries["Absent"] = EntryPoint("Absent", "no_such_package.panel:Panel", "g")
    monkeypatch.setattr(host, "available_panels", lambda: entries)
    yield
    del sys.modules["panels_of_a_test"]


def words(window, title):
    widget = window.panels.panel(title)
    assert isinstance(widget, QLabel)
    assert widget.textFormat() == Qt.TextFormat.PlainText
    return widget.text()


def test_a_panel_is_drawn_when_it_changes_and_not_when_a_part_of_it_is_asked_for(qtbot):
    panel = Counting()
    qtbot.addWidget(panel)
    panel.resize(300, 200)
    panel.grab()
    panel.grab()
    assert panel.drawn == 1
    panel.update()
    panel.grab()
    assert panel.drawn == 2
    panel.resize(300, 220)
    panel.grab()
    assert panel.drawn == 3


@pytest.mark.slow
def test_no_panel_is_looked_after_just_before_a_decision(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    window.panels.toggle("Counting")
    panel = window.panels.panel("Counting")
    qtbot.waitUntil(lambda: panel.looked > 0)
    window.panels._timer.stop()
    (dock,) = window.panels._docks.values()

    def looks(next_in, waited):
        view.change(next_in=next_in)
        dock.due, before = monotonic() - waited, panel.looked
        window.panels.look()
        return panel.looked - before

    assert looks(None, 0.0) == looks(0.1, 0.0) == looks(-0.1, 0.0) == 1
    assert looks(0.02, 0.0) == 0
    assert looks(0.02, 1.0) == 1


@pytest.mark.slow
def test_a_panel_gets_the_snapshot_and_the_newest_signal(show, make_view, qtbot):
    view = make_view()
    window = show(view)
    window.panels.toggle("Counting")
    panel = window.panels.panel("Counting")
    qtbot.waitUntil(lambda: panel.looked > 1 and panel.drawn > 0)
    snapshot, filtered, raw = panel.given
    assert snapshot is view.state
    assert filtered.samples_uv.shape[1] == raw.samples_uv.shape[1] == len(snapshot.channels)


@pytest.mark.slow
def test_a_panel_that_was_never_shown_is_not_imported(show, make_view):
    window = show(make_view())
    assert window.panels.shown == ()
    assert window.findChildren(Panel) == []


@pytest.mark.slow
def test_a_hidden_panel_is_asked_nothing(show, make_view, qtbot):
    window = show(make_view())
    window.panels.toggle("Counting")
    panel = window.panels.panel("Counting")
    qtbot.waitUntil(lambda: panel.looked > 0)
    window.panels.toggle("Counting")
    looked, drawn = panel.looked, panel.drawn
    window.panels.toggle("Other")
    other = window.panels.panel("Other")
    qtbot.waitUntil(lambda: other.looked > 5)
    assert (panel.looked, panel.drawn) == (looked, drawn)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "floats"), [(900, True), (1280, False)])
def test_a_panel_is_a_window_of_its_own_where_there_is_no_room(show, make_view, width, floats):
    window = show(make_view())
    window.resize(width, 700)
    window.panels.toggle("Counting")
    assert window.panels.panel("Counting").parent().isFloating() == floats


@pytest.mark.slow
def test_a_panel_behind_a_tab_is_asked_nothing(show, make_view, qtbot):
    window = show(make_view())
    window.resize(1280, 700)  # too low for two, one below the other
    window.panels.toggle("Counting")
    panel = window.panels.panel("Counting")
    qtbot.waitUntil(lambda: panel.looked > 0)
    window.panels.toggle("Other")
    other = window.panels.panel("Other")
    qtbot.waitUntil(lambda: other.looked > 0)
    looked, seen = panel.looked, other.looked
    qtbot.waitUntil(lambda: other.looked > seen + 5)
    assert panel.looked == looked


@pytest.mark.slow
def test_panels_that_were_alone_once_share_a_low_window_by_tabs(show, make_view, qtbot):
    window = show(make_view())
    window.resize(1280, 700)
    for title in ("Counting", "Other"):
        window.panels.toggle(title)
        window.panels.toggle(title)
    for title in ("Counting", "Other"):
        window.panels.toggle(title)
    first, second = (window.panels.panel(title).parent() for title in ("Counting", "Other"))
    assert window.tabifiedDockWidgets(first) == [second]
    # The style sheet reaches a bar when it is shown.
    whole = {Qt.TextElideMode.ElideNone}
    qtbot.waitUntil(lambda: {bar.elideMode() for bar in window.findChildren(QTabBar)} == whole)


@pytest.mark.slow
def test_without_panels_the_host_has_no_timer_running(show, make_view, qtbot):
    window = show(make_view())
    timer = window.panels._timer
    assert not timer.isActive()
    window.panels.toggle("Counting")
    assert timer.isActive()
    window.panels.toggle("Counting")
    assert not timer.isActive()


@pytest.mark.slow
@pytest.mark.parametrize("title", [*BROKEN, "Absent"])
def test_a_panel_that_fails_is_replaced_by_its_error_and_the_rest_goes_on(
    show, make_view, qtbot, title
):
    view = make_view()
    window = show(view)
    window.panels.toggle("Counting")
    window.panels.toggle(title)
    if title == "BreaksPressed":
        qtbot.keyClicks(window.traces, "z")
    qtbot.waitUntil(lambda: isinstance(window.panels.panel(title), QLabel))
    text = words(window, title)
    assert f"The panel {title} stopped" in text
    assert "Error" in text
    good = window.panels.panel("Counting")
    looked = good.looked
    window.panels.toggle(title)
    window.panels.toggle("Counting")
    window.panels.toggle("Counting")
    qtbot.waitUntil(lambda: good.looked > looked)
    frames = window.traces.frames_drawn
    view.later(0.1)
    qtbot.waitUntil(lambda: window.traces.frames_drawn > frames)


@pytest.mark.slow
def test_the_error_says_where_it_was(show, make_view, qtbot):
    window = show(make_view())
    window.panels.toggle("BreaksLooking")
    qtbot.waitUntil(lambda: isinstance(window.panels.panel("BreaksLooking"), QLabel))
    assert "ZeroDivisionError: float division by zero (test_host.py, line" in words(
        window, "BreaksLooking"
    )


@pytest.mark.slow
def test_a_failed_panel_is_made_anew_when_it_is_shown_again(show, make_view, qtbot, monkeypatch):
    window = show(make_view())
    window.panels.toggle("BreaksAtOnce")
    assert "no such <b>disk</b>" in words(window, "BreaksAtOnce")
    window.panels.toggle("BreaksAtOnce")
    monkeypatch.setattr(sys.modules[__name__], "BreaksAtOnce", Counting)
    window.panels.toggle("BreaksAtOnce")
    assert isinstance(window.panels.panel("BreaksAtOnce"), Counting)


@pytest.mark.slow
def test_a_number_toggles_a_panel_and_a_letter_goes_to_those_that_are_shown(show, make_view, qtbot):
    window = show(make_view())
    qtbot.keyClicks(window.traces, "1")
    assert window.panels.shown == ("Counting",)
    qtbot.keyClicks(window.traces, "z")
    assert window.panels.panel("Counting").pressed == 1
    qtbot.keyClicks(window.traces, "1")
    assert window.panels.shown == ()
    qtbot.keyClicks(window.traces, "z")
    assert window.panels.panel("Counting").pressed == 1


@pytest.mark.slow
def test_numbers_typed_into_a_control_stay_there(show, make_view, qtbot):
    window = show(make_view())
    box = window.controls.threshold.box
    box.setFocus()
    box.selectAll()
    qtbot.keyClicks(box, "12")
    assert window.panels.shown == ()


@pytest.mark.slow
def test_closing_a_dock_takes_its_tick_away(show, make_view):
    window = show(make_view())
    window.panels.toggle("Counting")
    window.panels.panel("Counting").parent().close()
    assert window.panels.shown == ()


@pytest.mark.slow
def test_a_panel_can_be_torn_off_and_closes_with_the_window(show, make_view, qtbot):
    window = show(make_view())
    window.panels.toggle("Counting")
    panel = window.panels.panel("Counting")
    panel.parent().setFloating(True)
    looked = panel.looked
    qtbot.waitUntil(lambda: panel.looked > looked)
    assert panel.window() is not window
    window.close()
    assert not panel.isVisible()


@pytest.mark.slow
def test_the_arrangement_is_kept_for_the_next_time(qtbot, make_view, tmp_path):
    file = tmp_path / "home" / "window.json"
    first = MainWindow(make_view(), arrangement=file)
    qtbot.addWidget(first)
    first.show()
    first.panels.toggle("Counting")
    first.panels.toggle("Other")
    first.panels.panel("Other").parent().setFloating(True)
    first.close()
    second = MainWindow(make_view(), arrangement=file)
    qtbot.addWidget(second)
    second.show()
    assert second.panels.shown == ("Counting", "Other")
    assert second.panels.panel("Other").parent().isFloating()
    assert not second.panels.panel("Counting").parent().isFloating()
    second.close()


def test_nothing_is_written_where_no_panel_was_ever_open(qtbot, make_view, tmp_path):
    window = MainWindow(make_view(), arrangement=tmp_path / "window.json")
    qtbot.addWidget(window)
    window.show()
    window.close()
    assert list(tmp_path.glob("*.json")) == []


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"shown": 3}', '{"shown": ["Counting"], "docks": "?", "geometry": ""}',
     '{"shown": ["Gone"], "docks": "", "geometry": ""}'],
)  # fmt: skip
def test_an_arrangement_that_is_broken_opens_no_panel(qtbot, make_view, tmp_path, content):
    file = tmp_path / "window.json"
    file.write_text(content)
    window = MainWindow(make_view(), arrangement=file)
    qtbot.addWidget(window)
    assert window.panels.shown == ()
    window.close()


def test_an_arrangement_of_nonsense_still_opens_the_panels(qtbot, make_view, tmp_path):
    file = tmp_path / "window.json"
    file.write_text(json.dumps({"shown": ["Counting"], "docks": "AAAA", "geometry": "AAAA"}))
    window = MainWindow(make_view(), arrangement=file)
    qtbot.addWidget(window)
    assert window.panels.shown == ("Counting",)
    window.close()


def test_a_package_offers_a_panel_by_entry_point(monkeypatch):
    first = EntryPoint("Mine", "mine.panel:Mine", registry.GROUP)
    asked = []

    def entry_points(group):
        asked.append(group)
        return [first, first]

    monkeypatch.setattr(registry, "entry_points", entry_points)
    panels = registry.available_panels()
    assert asked == ["eegpt_realtime.panels"]
    assert panels["Mine"] is first
    assert "Mine (mine.panel)" in panels  # another one of that name stays in the list
