from PySide6.QtCore import QSize
from PySide6.QtGui import QFontMetricsF

from ui import theme
from ui.status_line import Cell, CellLine, _broken


def test_a_remark_is_broken_between_words_where_its_line_is_full(qapp):
    metrics = QFontMetricsF(theme.font(11))
    remark = "95 % within 231 ms"
    wide = metrics.horizontalAdvance(remark) + 1.0
    half = metrics.horizontalAdvance("95 % within") + 1.0
    assert _broken(remark, 2, wide) == [remark]
    assert _broken(remark, 2, half) == ["95 % within", "231 ms"]
    assert _broken(remark, 1, half) == [remark]
    assert _broken("supercalifragilistic", 2, 20.0) == ["supercalifragilistic"]


def test_a_narrow_line_has_room_for_a_second_line_of_remarks(qapp):
    line = CellLine()
    line.show_cells((Cell("Lost", "0", "samples, 0 decisions"),))
    line.show()
    heights = []
    for width in (1800, 600):
        line.resize(QSize(width, line.height()))
        qapp.processEvents()
        heights.append(line.height())
    assert heights == [70, 84]
