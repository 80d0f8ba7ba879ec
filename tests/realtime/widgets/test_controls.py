from itertools import pairwise

import pytest
from PySide6.QtCore import Qt

from realtime.engine.evidence import EvidenceSettings
from realtime.widgets import controls
from realtime.widgets.controls import ControlBar, StepBox


@pytest.fixture
def bar(qtbot):
    widget = ControlBar()
    qtbot.addWidget(widget)
    widget.show()
    return widget


@pytest.mark.parametrize(("value", "up", "down"), [(60, 65, 55), (62, 65, 60), (98, 100, 95)])
def test_steps_lead_to_round_values(qtbot, value, up, down):
    box = StepBox("%", 100.0, step=5.0)
    qtbot.addWidget(box)
    for steps, expected in ((1, up), (-1, down)):
        box.setValue(value)
        box.stepBy(steps)
        assert box.value() == expected


@pytest.mark.parametrize(
    ("value", "up", "down"), [(10, 20, 5), (7, 10, 5), (50, 50, 20), (5, 10, 5)]
)
def test_ladders_are_climbed_rung_by_rung(qtbot, value, up, down):
    box = StepBox("µV", 50.0, ladder=(5.0, 10.0, 20.0, 50.0))
    qtbot.addWidget(box)
    for steps, expected in ((1, up), (-1, down)):
        box.setValue(value)
        box.stepBy(steps)
        assert box.value() == expected


def test_numbers_carry_units_and_a_point_whatever_the_locale(bar):
    bar.show_state(EvidenceSettings(0.65, 0.5, 1.25), paused=False, decoding=True)
    assert [box.text() for box in bar.boxes][:3] == ["65 %", "0.50 s", "1.25 s"]


def test_the_default_settings_are_shown_too(bar):
    bar.show_state(EvidenceSettings(), paused=False, decoding=True)
    assert bar.threshold.box.value() == 50.0


def test_the_engines_settings_are_shown_without_being_asked_back(bar, qtbot):
    with qtbot.assertNotEmitted(bar.evidence_asked):
        bar.show_state(EvidenceSettings(0.8, 2.0, 3.0), paused=False, decoding=True)
    assert bar.threshold.box.value() == 80.0


def test_an_older_answer_does_not_undo_what_was_just_asked(bar, qtbot, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(controls, "monotonic", lambda: clock[0])
    old = EvidenceSettings(0.6, 0.0, 0.0)
    bar.show_state(old, paused=False, decoding=True)
    with qtbot.waitSignal(bar.evidence_asked) as asked:
        bar.threshold.step(1)
    assert asked.args == [EvidenceSettings(0.65, 0.0, 0.0)]
    bar.show_state(old, paused=False, decoding=True)  # a snapshot taken a moment earlier
    assert bar.threshold.box.value() == 65.0
    clock[0] += 5.0
    bar.show_state(old, paused=False, decoding=True)  # the engine really has the old ones
    assert bar.threshold.box.value() == 60.0


def test_a_number_being_typed_is_left_alone(bar, qtbot):
    bar.show_state(EvidenceSettings(0.6), paused=False, decoding=True)
    box = bar.threshold.box
    bar.activateWindow()
    box.setFocus()
    qtbot.waitUntil(box.hasFocus)
    box.selectAll()
    qtbot.keyClicks(box, "7")
    bar.show_state(EvidenceSettings(0.9), paused=False, decoding=True)
    assert box.text().startswith("7")


def test_every_value_on_offer_is_a_valid_setting(bar, qtbot):
    for name in ("threshold", "dwell", "smoothing"):
        box = getattr(bar, name).box
        for value in (box.minimum(), box.maximum()):
            box.setValue(value)  # an InputError in the slot would fail the test


def test_pause_says_what_it_will_do_next(bar, qtbot):
    bar.show_state(EvidenceSettings(), paused=False, decoding=True)
    assert bar.pause.text() == "Pause"
    with qtbot.waitSignal(bar.pause_asked) as asked:
        qtbot.mouseClick(bar.pause, Qt.MouseButton.LeftButton)
    assert asked.args == [True]
    bar.show_state(EvidenceSettings(), paused=True, decoding=True)
    assert bar.pause.text() == "Resume"


def test_without_decoding_there_is_nothing_to_pause_or_to_tune(bar, qtbot):
    bar.show_state(EvidenceSettings(), paused=False, decoding=False)
    with qtbot.assertNotEmitted(bar.pause_asked), qtbot.assertNotEmitted(bar.evidence_asked):
        bar.toggle_pause()
        bar.threshold.step(1)
    assert bar.span.isEnabled()


@pytest.mark.parametrize("width", [560, 620, 700, 800, 940, 1100, 1250, 1900])
def test_controls_never_lie_on_each_other_and_all_stay_within_reach(bar, qtbot, width):
    bar.resize(width, bar.sizeHint().height())
    shown = [child for child in bar.children() if getattr(child, "isVisible", bool)()]
    for child in shown:
        assert child.width() >= min(child.sizeHint().width(), child.maximumWidth()), child
        assert bar.rect().contains(child.geometry()), child
    edges = sorted((child.geometry().left(), child.geometry().right()) for child in shown)
    assert all(before[1] < after[0] for before, after in pairwise(edges))
    assert bar.more.isVisible() != bar.panels.isVisible()
    bar.more.menu().aboutToShow.emit()
    entries = {action.text(): action for action in bar.more.menu().actions()}
    assert list(entries) == ["Panels", "Markers", "Tasks", "Subject view"]
    with qtbot.waitSignal(bar.subject_asked):
        entries["Subject view"].trigger()


@pytest.mark.slow
def test_the_list_of_panels_opens_by_its_key_where_its_button_has_no_room(show, make_view, qtbot):
    window = show(make_view())
    window.resize(1100, 640)
    window.panels.toggle("Score")
    qtbot.waitUntil(lambda: not window.controls.panels.isVisible())
    qtbot.keyClicks(window.traces, "p")
    assert window.panels.menu.isVisible()
    window.panels.menu.close()


def test_a_threshold_that_is_shown_rounded_stays_what_it_is_when_something_else_is_moved(bar):
    asked = []
    bar.evidence_asked.connect(asked.append)
    bar.show_state(EvidenceSettings(0.98713, idle=True), paused=False, decoding=True)
    bar.dwell.box.setValue(0.5)
    assert asked == [EvidenceSettings(0.98713, dwell=0.5, idle=True)]
    bar.threshold.box.setValue(90.0)
    assert asked[-1] == EvidenceSettings(0.9, dwell=0.5, idle=True)
