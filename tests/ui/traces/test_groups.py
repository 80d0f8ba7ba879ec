"""Many channels by region, and the words of the filter."""

import pytest
from PySide6.QtCore import Qt

from core.encoders.eegpt.electrodes import CODEX
from core.signal.monitor import ChannelStatus
from ui.traces import TraceView
from ui.traces.channels import heading
from ui.traces.groups import FEW, asked_for, in_order, region


def channels(labels, **qualities):
    return tuple(ChannelStatus(name, name, qualities.get(name, "good")) for name in labels)


MANY = channels((*CODEX, "EOG", "Trigger"), C3="flat", O1="noisy")


def labels(order, of=MANY):
    return [of[at].label for at in order]


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("Fc5.", "Central"),
        ("EEG C3-REF", "Central"),
        ("CPZ", "Central"),
        ("Fp1", "Frontal"),
        ("AFz", "Frontal"),
        ("T3", "Temporal"),
        ("TP10", "Temporal"),
        ("P8", "Parietal"),
        ("Iz", "Occipital"),
        ("PO7", "Occipital"),
        ("FCC5h", "Central"),
        ("TPP9h", "Temporal"),
        ("EOG", "Other"),
        ("Ch12", "Other"),
    ],
)
def test_every_electrode_has_a_region(label, name):
    assert region(label) == name


def test_many_channels_come_by_region_row_and_side():
    order = labels(in_order(MANY))
    assert sorted(order) == sorted(c.label for c in MANY)
    assert order[:3] == ["FC5", "FC3", "FC1"]
    assert order[-2:] == ["EOG", "Trigger"]
    names = [region(label) for label in order]
    assert names == sorted(names, key=list(dict.fromkeys(names)).index)


def test_few_channels_and_those_without_sites_stay_as_they_are():
    assert in_order(MANY[:FEW]) == list(range(FEW))
    numbered = channels(f"Ch{k}" for k in range(70))
    assert in_order(numbered) == list(range(70))


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("c3", ["C3"]),
        ("C3, Cz C4", ["C3", "CZ", "C4"]),
        ("t3", ["T7"]),
        ("po", ["PO7", "PO5", "PO3", "POZ", "PO4", "PO6", "PO8"]),
        ("bad", ["C3", "O1"]),
        ("flat", ["C3"]),
        ("eog", ["EOG"]),
        ("trig", ["Trigger"]),
        ("occip", None),
        ("nothing", []),
    ],
)
def test_a_filter_asks_for_electrodes_rows_regions_and_qualities(words, shown):
    order = in_order(MANY)
    found = labels(asked_for(MANY, order, words))
    if shown is None:
        assert set(map(region, found)) == {"Occipital"}
    else:
        assert found == [label for label in labels(order) if label in shown]
        assert set(found) <= set(shown)
    assert asked_for(MANY, order, " , ") == order


@pytest.fixture
def view(qtbot):
    widget = TraceView()
    qtbot.addWidget(widget)
    widget.resize(900, 500)
    widget.show()
    return widget


def test_the_filter_box_is_there_for_many_channels_and_esc_clears_it(view, qtbot):
    view.set_channels(MANY[:8], True)
    assert not view.filter.isVisible()
    view.set_channels(MANY, True)
    assert view.filter.isVisible()
    assert view.page == slice(0, 32)
    qtbot.keyClicks(view.filter, "FC, C")
    assert [c.label for c in view._channels] == labels(asked_for(MANY, in_order(MANY), "FC, C"))
    assert heading(view._layout, len(view._channels), len(MANY)) == f"14 of {len(MANY)} channels"
    qtbot.keyClick(view.filter, Qt.Key.Key_Escape)
    assert view.filter.text() == ""
    assert len(view._channels) == len(MANY)


def test_the_traces_drawn_are_those_of_the_names_beside_them(view, qtbot, monkeypatch):
    import numpy as np

    from core.signal.monitor import Traces
    from ui.traces import view as module

    drawn = []
    real = module.envelope

    def spy(traces, page, *rest):
        drawn.append(list(page))
        return real(traces, page, *rest)

    monkeypatch.setattr(module, "envelope", spy)
    times = np.arange(2560) / 256.0
    traces = Traces(times, np.zeros((2560, len(MANY)), dtype=np.float32))
    view.set_channels(MANY, True)
    view.filter.setText("C3 O1")
    view.follow(lambda seconds: traces)
    view.grab()
    assert drawn[-1] == [at for at in in_order(MANY) if MANY[at].label in ("C3", "O1")]
    # A stream with fewer channels takes its place for a moment.
    fewer = Traces(times + 1.0, np.zeros((2560, 3), dtype=np.float32))
    view.set_span(5.0)
    view.follow(lambda seconds: fewer)
    view.grab()
    assert all(at < 3 for at in drawn[-1])


def test_a_click_on_a_name_means_the_channel_that_is_written_there(view, qtbot):
    view.set_channels(MANY, True)
    view.filter.setText("O1")
    clicked = []
    view.channel_clicked.connect(clicked.append)
    layout = view._layout
    place = layout.plot.topLeft().toPoint()
    place.setX(round(layout.left) + 30)
    place.setY(round(layout.plot.top() + layout.row / 2))
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=place)
    assert clicked == ["O1"]
