import pytest
from PySide6.QtCore import Qt

from calibration.recommendation import AGAIN, CLOSE, DECODE, Recommendation
from calibration.screens.operator.end import EndWindow

REDO = Recommendation(False, ("Left hand was hardly ever found.",), ("Check C3 (flat).",))


@pytest.fixture
def make_end(qtbot):
    """Return a function that shows the end of a session."""

    def make(decoder=True, **known):
        window = EndWindow("Done", "83 % of new trials.", decoder, **known)
        qtbot.addWidget(window)
        window.show()
        return window

    return make


@pytest.mark.parametrize(
    ("name", "choice"), [("decode", DECODE), ("again", AGAIN), ("leave", CLOSE)]
)
def test_a_click_says_what_comes_next(make_end, qtbot, name, choice):
    window = make_end()
    qtbot.mouseClick(getattr(window, name), Qt.MouseButton.LeftButton)
    assert window.choice == choice
    assert not window.isVisible()


@pytest.mark.parametrize("key", [Qt.Key.Key_Return, Qt.Key.Key_Escape])
def test_return_and_escape_close(make_end, qtbot, key):
    window = make_end()
    qtbot.keyClick(window, key)
    assert window.choice == CLOSE
    assert not window.isVisible()


def test_go_or_redo_shows_with_its_reasons_once_the_report_is_there(make_end, qtbot, tmp_path):
    opened = []
    window = make_end(opener=lambda page: opened.append(page) or True)
    assert not window.report.isEnabled()
    assert "being written" in window.waiting.words.text()
    assert window.waiting.isVisible()
    window.show_report(tmp_path / "a.html", REDO)
    assert window.verdict.text() == "Redo"
    assert window.reasons.text() == "Left hand was hardly ever found.\nCheck C3 (flat)."
    qtbot.mouseClick(window.report, Qt.MouseButton.LeftButton)
    assert opened == [tmp_path / "a.html"]


def test_a_page_that_nothing_opens_is_named(make_end, qtbot, tmp_path):
    window = make_end(opener=lambda page: False)
    window.show_report(tmp_path / "a.html", REDO)
    qtbot.mouseClick(window.report, Qt.MouseButton.LeftButton)
    assert str(tmp_path / "a.html") in window.reasons.text()


def test_without_a_decoder_there_is_nothing_to_decode_or_to_open(make_end):
    window = make_end(decoder=False)
    assert not window.decode.isVisible()
    assert not window.report.isVisible()
    assert window.again.isVisible()
