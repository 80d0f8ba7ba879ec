import pytest

from core.decoding.recentring import REFERENCE_SECONDS
from realtime.widgets.aligning import AligningPanel


def test_the_panel_says_for_how_long_to_sit_still(qtbot):
    panel = AligningPanel()
    qtbot.addWidget(panel)
    panel.show()
    panel.show_left(REFERENCE_SECONDS, "")
    assert panel.waiting.bar.value() == 0
    assert "60 s to go" in panel.waiting.words.text()
    panel.show_left(REFERENCE_SECONDS / 4, "The stream is silent.")
    assert panel.waiting.bar.value() == 0.75 * panel.waiting.bar.maximum()
    assert panel.message.text() == "The stream is silent."
    panel.show_left(0.0, "")
    assert "One moment" in panel.waiting.words.text()


@pytest.mark.slow
def test_the_window_has_it_where_probabilities_will_be(make_view, show):
    view = make_view(classes=())
    view.change(aligning=42.0)
    window = show(view)
    assert window.aligning.isVisible()
    assert "42 s to go" in window.aligning.waiting.words.text()
    assert not window.offer.isVisible()
    view.change(aligning=None)
    window.look()
    assert window.offer.isVisible()
