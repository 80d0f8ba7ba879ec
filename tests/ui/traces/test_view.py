from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QWheelEvent
from PySide6.QtWidgets import QApplication

from core.signal.monitor import ChannelStatus, Traces
from core.signal.quality import QUALITIES
from ui import theme
from ui.traces import TraceView
from ui.traces.channels import facts, name, word

RATE = 128.0


@pytest.fixture
def view(qtbot):
    widget = TraceView()
    qtbot.addWidget(widget)
    widget.resize(800, 500)
    widget.show()
    widget.set_span(4.0)
    widget.set_scale(100.0)
    return widget


def channel(label="C3", electrode="C3", quality="good"):
    return ChannelStatus(label, electrode, quality)


def constant(*values_uv, seconds=4.0):
    count = int(seconds * RATE)
    times = 50.0 + np.arange(count) / RATE
    return Traces(times, np.tile(np.array(values_uv, dtype=float), (count, 1)))


def always(traces):
    """Return a source that has these traces only."""
    return lambda seconds: Traces(
        traces.times[-round(seconds * RATE) :], traces.samples_uv[-round(seconds * RATE) :]
    )


def rows_of(image, colour, column=400):
    """Return the pixel rows in which a column has a colour, thinned by smoothing or not."""
    ground = np.array(theme.PANEL.getRgb()[:3], dtype=float)
    towards = np.array(colour.getRgb()[:3]) - ground
    found = image[:, column, :3] - ground
    share = found @ towards / (towards @ towards)  # of the colour over the ground
    off = np.abs(found - share[:, None] * towards).max(axis=1)
    return np.flatnonzero((share > 0.4) & (off < 12))


def test_up_is_positive_and_a_row_is_the_scale(view, picture):
    view.set_channels((channel(),), decoding=True)
    heights = []
    for value in (0.0, 20.0, -20.0):
        view.follow(always(constant(value)))
        view.set_scale(100.0)  # drawn anew, though time stands still
        heights.append(rows_of(picture(view), theme.TRACE).mean())
    middle, up, down = heights
    row = view._layout.row
    assert middle - up == pytest.approx(0.2 * row, abs=1.5)
    assert down - middle == pytest.approx(0.2 * row, abs=1.5)


@pytest.mark.parametrize("quality", QUALITIES)
def test_a_trace_has_the_colour_of_its_quality(view, picture, quality):
    view.set_channels((channel(quality=quality),), decoding=True)
    view.follow(always(constant(0.0)))
    middle = view._layout.plot.center().y()
    assert np.abs(rows_of(picture(view), theme.QUALITY[quality]) - middle).min() < 2


def test_ignored_channels_are_dimmed_only_beside_a_decoder(view, picture):
    view.follow(always(constant(0.0)))
    ignored = (channel("Aux", None),)
    view.set_channels(ignored, decoding=False)
    assert len(rows_of(picture(view), theme.TRACE))
    view.set_channels(ignored, decoding=True)
    assert not len(rows_of(picture(view), theme.TRACE))


def test_a_dead_signal_is_greyed(view, picture):
    view.follow(always(constant(0.0)))
    view.set_channels((channel(),), decoding=True, live=False)
    assert not len(rows_of(picture(view), theme.TRACE))


def test_a_trace_leaves_its_row_only_so_far(view, picture):
    others = tuple(channel(f"C{i}") for i in range(19))
    view.set_channels((channel("PZ", "PZ", "noisy"), *others), decoding=True)
    values = np.zeros(20)
    values[0] = -1e6
    view.follow(always(constant(*values)))
    row, top = view._layout.row, view._layout.plot.top()
    expected = top + 3.0 * row  # middle of its own row, and two and a half more
    assert np.abs(rows_of(picture(view), theme.QUALITY["noisy"]) - expected).min() < 2


def test_a_line_is_one_pixel_of_the_screen_however_fine_that_is(view):
    # Two pixels wide, 64 channels took 370 ms a frame on a screen scaled by two.
    view.set_channels((channel(),), decoding=True)
    view.follow(always(constant(0.0)))
    image = QImage(1600, 1000, QImage.Format.Format_RGBA8888)
    image.setDevicePixelRatio(2.0)
    view.render(image)
    pixels = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(1000, 1600, 4)
    middle = round(2 * view._layout.plot.center().y())
    near = pixels[middle - 20 : middle + 20, 800, :3] - np.array(theme.PANEL.getRgb()[:3], float)
    whole = np.array(theme.TRACE.getRgb()[:3]) - np.array(theme.PANEL.getRgb()[:3])
    assert 0.7 < (near @ whole / (whole @ whole)).sum() < 1.3


def test_the_axis_of_time_is_the_same_however_fine_the_screen_is(view):
    view.set_channels((channel(),), decoding=True)
    view.follow(always(constant(0.0)))

    def columns(ratio):
        """Return where lines of the grid are, in the widget's pixels."""
        image = QImage(800 * ratio, 500 * ratio, QImage.Format.Format_RGBA8888)
        image.setDevicePixelRatio(ratio)
        view.render(image)
        shape = (500 * ratio, 800 * ratio, 4)
        pixels = np.frombuffer(image.constBits(), dtype=np.uint8).reshape(shape)
        row = pixels[(round(view._layout.plot.top()) + 3) * ratio, :, :3].astype(int)
        ruled = np.abs(row - theme.RULE.getRgb()[:3]).max(axis=1) < 8
        return sorted(set((np.flatnonzero(ruled) // ratio).tolist()))

    plain = columns(1)
    assert len(plain) >= 8  # four seconds, a line every half
    columns(2)  # the first picture on a finer screen
    view.set_span(2.0)
    view.set_span(4.0)
    assert columns(2) == pytest.approx(plain, abs=1)


def test_every_channel_that_is_not_good_is_told(view):
    view.set_channels((channel("C3"), channel("T7", "T7", "railed")), decoding=True)
    assert view.accessibleDescription() == "2 channels; T7, as T7, railed"


def test_the_same_signal_again_is_no_new_frame(view, qtbot):
    view.set_channels((channel(),), decoding=True)
    traces = constant(0.0)
    view.follow(always(traces))
    qtbot.waitUntil(lambda: view.frames_drawn > 0)
    frames = view.frames_drawn
    view.follow(always(Traces(traces.times.copy(), traces.samples_uv.copy())))
    QApplication.processEvents()
    assert view.frames_drawn == frames
    view.follow(always(replace(traces, times=traces.times + 0.1)))
    qtbot.waitUntil(lambda: view.frames_drawn == frames + 1)


@pytest.mark.parametrize(
    ("held", "name"),
    [
        (Qt.KeyboardModifier.NoModifier, "scale_stepped"),
        (Qt.KeyboardModifier.ControlModifier, "span_stepped"),
    ],
)
def test_the_wheel_changes_scale_and_span(view, qtbot, held, name):
    event = QWheelEvent(
        QPointF(400, 200),
        view.mapToGlobal(QPointF(400, 200)),
        QPoint(),
        QPoint(0, 120),
        Qt.MouseButton.NoButton,
        held,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    with qtbot.waitSignal(getattr(view, name)) as stepped:
        QApplication.sendEvent(view, event)
    assert stepped.args == [1]


def noise(seconds, channels=8, gap_at=None):
    """Return signal with a second missing at a sample, and an unknown stretch on one channel."""
    rng = np.random.default_rng(1)
    count = int(seconds * RATE)
    times = 50.0 + np.arange(count) / RATE
    if gap_at is not None:
        times[gap_at:] += 1.0
    samples = 30.0 * rng.standard_normal((count, channels))
    samples[count // 2 : count // 2 + 40, 3] = np.nan
    return Traces(times, samples)


@pytest.mark.slow
@pytest.mark.parametrize("span", [2.0, 10.0, 30.0])
@pytest.mark.parametrize(("gap_at", "few"), [(None, 0.001), (4600, 0.02)])
def test_columns_drawn_one_by_one_are_the_picture_drawn_at_once(view, picture, span, gap_at, few):
    # Where something is missing, the stripes may lie elsewhere.
    whole = noise(40.0, gap_at=gap_at)
    asked = []

    def until(count):
        def source(seconds):
            asked.append(seconds)
            first = max(0, count - round(seconds * RATE))
            return Traces(whole.times[first:count], whole.samples_uv[first:count])

        return source

    view.set_channels(tuple(channel(f"C{i}") for i in range(8)), decoding=True)
    view.set_span(span)
    view.follow(until(4000))
    view.repaint()
    asked.clear()
    for count in range(4000, 5000, 7):
        view.follow(until(count))
        view.repaint()
    assert max(asked) < 1.0  # never the history
    stepwise = picture(view).astype(int)
    view.set_span(span + 1.0)
    view.set_span(span)  # all anew
    at_once = picture(view).astype(int)
    assert asked[-1] == span
    different = np.abs(stepwise - at_once).max(axis=2) > 40
    assert different.mean() < few


def test_a_clock_that_jumps_is_drawn_anew(view, qtbot):
    view.set_channels((channel(),), decoding=True)
    asked = []

    def source(shift):
        def traces(seconds):
            asked.append(seconds)
            found = always(constant(0.0))(seconds)
            return replace(found, times=found.times + shift)

        return traces

    for shift in (0.0, 3600.0, 0.0):
        asked.clear()
        view.follow(source(shift))
        view.repaint()
        assert asked[-1] == view.span


@pytest.mark.parametrize("count", [3, 17, 32])
def test_a_click_on_a_name_says_which_channel(view, qtbot, count):
    clicked = []
    view.channel_clicked.connect(clicked.append)
    names = [f"Ch{index}" for index in range(count)]
    view.set_channels(tuple(channel(name) for name in names), True)
    layout = view._layout
    for index in range(count):
        x = 20 + layout.cell * (index % layout.columns)
        y = layout.plot.top() + (index + 0.5) * layout.row
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y)))
    assert clicked == names
    middle = layout.plot.center().toPoint()
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=middle)  # on a trace
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(20, 5))  # above
    assert clicked == names


def test_what_is_set_aside_is_said_beside_its_name():
    aside = replace(channel(quality="flat"), aside=True)
    assert word(aside) == "set aside"
    assert facts(aside) == "C3, as C3, set aside: interpolated from its neighbours"


def test_many_channels_come_32_at_a_time_and_a_click_turns_the_page(view, qtbot):
    view.set_channels(tuple(channel(f"Ch{index}") for index in range(70)), True)
    pages = []
    for _ in range(4):
        pages.append((view.page.start, view.page.stop))
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(40, 15))
    assert pages == [(0, 32), (32, 64), (64, 70), (0, 32)]


def test_names_are_written_as_people_write_them():
    assert name(channel("Fc5.", "FC5")) == "FC5"
    assert name(channel("EEG FCZ-REF", "FCZ")) == "FCz"
    assert name(channel("FP1", "FP1")) == "Fp1"
    assert name(channel("T3", "T7")) == "T3 → T7"
    assert name(channel("AUX1", None)) == "AUX1"
