import threading

import pytest
from PySide6.QtCore import QTimer

from core.errors import InputError
from realtime.widgets import aligning
from realtime.widgets.aligning import AligningDialog


def gathering(tell):
    """Collect for as long as nobody ends it."""
    while True:
        tell(42.0)


def test_the_minute_can_be_cut_short(qtbot):
    going = threading.Event()

    def collect(tell):
        going.set()
        gathering(tell)

    dialog = AligningDialog(collect, 60.0)
    qtbot.addWidget(dialog)
    threading.Thread(target=lambda: (going.wait(10), dialog.canceled.emit())).start()
    with pytest.raises(InputError, match="cut short"):
        dialog.run()


def test_what_was_made_comes_back(qtbot):
    dialog = AligningDialog(lambda tell: "made", 60.0)
    qtbot.addWidget(dialog)
    assert dialog.run() == "made"


def test_it_stays_closed_though_the_time_left_is_looked_at_once_more(qtbot):
    dialog = AligningDialog(gathering, 60.0)
    qtbot.addWidget(dialog)

    def cancel():
        assert dialog.isVisible()
        dialog.cancel()  # as a signal does
        qtbot.wait(4 * aligning._LOOK)  # as on a busy machine, where Qt's loop ends later

    QTimer.singleShot(4 * aligning._LOOK, cancel)
    with pytest.raises(InputError, match="cut short"):
        dialog.run()
    assert not dialog.isVisible()
