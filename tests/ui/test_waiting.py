from PySide6.QtWidgets import QVBoxLayout, QWidget

from ui.waiting import WaitingBar


def test_a_bar_is_there_while_something_is_waited_for(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    bar = WaitingBar()
    QVBoxLayout(window).addWidget(bar)
    window.show()
    assert not bar.isVisible()
    bar.show_progress("Reading")
    assert bar.isVisible()
    assert (bar.bar.minimum(), bar.bar.maximum()) == (0, 0)  # Qt moves it to and fro
    bar.show_progress("Cross-validation", 3, 10)
    assert (bar.bar.value(), bar.bar.maximum()) == (3, 10)
    assert "Cross-validation" in bar.words.text()
    bar.finish()
    assert not bar.isVisible()
