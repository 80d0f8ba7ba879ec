import pytest
from PySide6.QtGui import QFontMetricsF

from core.errors import InputError
from core.signal.quality import QUALITIES
from realtime.engine.snapshot import STATUSES
from ui import theme


def luminance(colour):
    parts = []
    for value in (colour.redF(), colour.greenF(), colour.blueF()):
        parts.append(value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4)
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


@pytest.mark.parametrize("ground", [theme.BACKGROUND, theme.PANEL])
@pytest.mark.parametrize(
    "ink", [theme.TEXT, theme.MUTED, theme.DIM, theme.WARNING, *theme.QUALITY.values()]
)
def test_text_is_legible(ground, ink):
    # WCAG 2.2, success criterion 1.4.3: 4.5 to 1.
    high, low = sorted((luminance(ink), luminance(ground)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_every_status_and_quality_has_a_word_and_a_colour():
    assert set(theme.STATUS_WORDS) == set(theme.STATUS_COLOURS) == set(STATUSES)
    assert set(theme.QUALITY) == set(QUALITIES)


def test_text_from_outside_becomes_one_harmless_line():
    assert theme.plain("a\nb\tc\u202ed\x00e\u2028f") == "a b c d e f"
    assert theme.plain("µV Ω Ж") == "µV Ω Ж"
    assert len(theme.plain("x" * 10_000)) == 200


def test_digits_have_one_width(qapp):
    metrics = QFontMetricsF(theme.font(20))
    assert len({metrics.horizontalAdvance(digit) for digit in "0123456789"}) == 1


def test_no_display_is_said_in_words(monkeypatch):
    monkeypatch.setattr(theme.QApplication, "instance", lambda: None)
    monkeypatch.setattr(theme.sys, "platform", "linux")
    theme.check_display.cache_clear()  # it looks once a process, and another test has asked it
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match="--headless"):
        theme.application()
