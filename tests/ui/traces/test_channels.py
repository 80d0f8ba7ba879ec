import pytest
from PySide6.QtCore import QPointF, QSize, Qt
from PySide6.QtGui import QPainter, QPixmap

from core.signal.monitor import ChannelStatus
from core.signal.quality import QUALITIES
from ui import theme
from ui.traces.channels import draw_quality, facts, lay_out, name


def channels(count):
    return tuple(ChannelStatus(f"Ch{i + 1}", "C3", "good") for i in range(count))


@pytest.mark.parametrize("count", [1, 8, 20, 64, 128, 256])
@pytest.mark.parametrize("size", [QSize(420, 220), QSize(870, 520), QSize(2500, 1400)])
def test_rows_fill_the_plot_and_stay_in_the_widget(qapp, count, size):
    layout = lay_out(size, channels(count))
    shown = layout.page.stop - layout.page.start
    assert 1 <= shown <= count
    assert layout.row * shown == pytest.approx(layout.plot.height())
    assert layout.plot.right() <= size.width()
    assert layout.plot.bottom() <= size.height()


def test_sixty_four_channels_fit_on_one_page(qapp):
    assert lay_out(QSize(870, 520), channels(64)).page == slice(0, 64)


def test_labels_are_staggered_so_that_none_covers_its_neighbour(qapp):
    layout = lay_out(QSize(870, 520), channels(64))
    assert layout.row * layout.columns >= 11  # px: the height of a label


def test_a_label_is_shown_with_its_electrode_where_they_differ():
    assert name(ChannelStatus("EEG Fc5.", "FC5", "good")) == "FC5"
    assert name(ChannelStatus("T3", "T7", "good")) == "T3 → T7"
    assert name(ChannelStatus("Aux 1", None, "good")) == "Aux 1"
    assert (
        facts(ChannelStatus("Aux 1", None, "line")) == "Aux 1, ignored by the decoder, line noise"
    )


def test_every_quality_has_a_symbol_and_a_colour_of_its_own(qapp, picture):
    shapes, colours = set(), set()
    for quality in QUALITIES:
        pixmap = QPixmap(16, 16)
        pixmap.fill(Qt.GlobalColor.black)
        painter = QPainter(pixmap)
        draw_quality(painter, quality, QPointF(8, 8), Qt.GlobalColor.white)
        painter.end()
        image = pixmap.toImage()
        shapes.add(bytes(image.constBits()))
        colours.add(theme.QUALITY[quality].name())
    assert len(shapes) == len(colours) == len(QUALITIES)
