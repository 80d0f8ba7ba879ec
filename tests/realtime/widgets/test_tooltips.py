"""Every control of the live windows, and every fact of the status line, explains itself."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from tooltips import without_tips

from core.stream.description import StreamFacts, StreamIdentity
from core.stream.discovery import StreamQuery
from realtime.launcher.programs import Programs
from realtime.launcher.window import LauncherWindow
from realtime.widgets.panels import status_cells
from ui.naming import NamesDialog
from ui.picker import StreamPicker

AMP = StreamIdentity("amp", "EEG", "serial", "lab", "uid")
FACTS = StreamFacts(AMP, 250.0, ("Ch1", "Ch2"), ("", ""), ("", ""), 2, "float32", ())


@pytest.mark.slow
@pytest.mark.parametrize("classes", [("left_hand", "right_hand"), None])
def test_every_control_of_the_window_and_of_its_panels_says_what_it_does(show, make_view, classes):
    window = show(make_view(64, classes), on_calibrate=lambda: None, on_imagine=lambda name: None)
    for title in ("Score", "Spectrum and bands", "Scalp"):
        window.panels.toggle(title)
    assert without_tips(window) == []
    for menu in (window.panels.menu, window.subject.menu):
        assert menu.toolTipsVisible()
        assert all(action.toolTip() for action in menu.actions())


def test_every_fact_of_the_status_line_says_what_it_means(make_view):
    view = make_view()
    uncalibrated = replace(view.state.decoder, trials=0)
    for decoder in (view.state.decoder, uncalibrated, None):
        view.change(decoder=decoder)
        assert all(cell.tip for cell in status_cells(view.state))


def test_every_control_of_the_launcher_and_of_the_dialogs_says_what_it_does(qtbot, tmp_path):
    windows = [
        LauncherWindow(tmp_path, Programs(tmp_path), list),
        StreamPicker(list, home=tmp_path),
        NamesDialog(FACTS),
    ]
    for window in windows:
        qtbot.addWidget(window)
    assert [without_tips(window) for window in windows] == [[]] * len(windows)
    for window in windows[:2]:
        window.close()


def test_a_decoder_of_other_people_has_no_trials_and_no_bound_to_tell(make_view):
    view = make_view()
    view.change(decoder=replace(view.state.decoder, trials=0))
    details = [cell.detail for cell in status_cells(view.state)]
    assert "mean of people it had not seen" in details
    assert not any("trials" in detail or "guessing" in detail for detail in details)


@pytest.mark.parametrize(
    ("drift", "words"),
    [(-0.04, "clocks in step"), (0.0, "clocks in step"), (1.84, "gains 1.8 s/h"),
     (-0.31, "loses 0.3 s/h")],
)  # fmt: skip
def test_a_drift_is_said_as_a_person_would(make_view, drift, words):
    view = make_view()
    view.change(stream=replace(view.state.stream, drift_s_per_hour=drift))
    rate = next(cell for cell in status_cells(view.state) if cell.caption == "Rate")
    assert rate.detail == f"nominal 160 Hz, {words}"


@pytest.mark.slow
def test_the_picker_of_markers_says_what_is_to_be_chosen_and_the_engine_hears_of_it(
    show, make_view, qtbot, monkeypatch
):
    import realtime.window

    cues = StreamIdentity("Cues", "Markers", "psychopy-1", "lab", "uid")
    stream = SimpleNamespace(identity=cues, rate=0.0, channel_count=1, format="string")
    monkeypatch.setattr(realtime.window, "_marker_streams", lambda: [stream])
    view = make_view()
    window = show(view)
    qtbot.keyClicks(window.traces, "m")
    picker = window._picker
    assert picker.windowTitle() == "Choose the markers"
    qtbot.waitUntil(lambda: picker.table.rowCount() == 1)
    picker.pick.click()
    (query,) = view.marker_queries
    assert query == StreamQuery.of(cues)
    assert window._picker is None
