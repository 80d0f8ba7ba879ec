import os
import subprocess
import sys
import textwrap

import pytest
from PySide6.QtGui import QColor, QFontMetricsF

from core.errors import InputError
from core.signal.quality import QUALITIES
from realtime.engine.snapshot import STATUSES
from ui import theme
from ui.display import dress
from ui.palettes import PALETTES


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


def test_both_themes_have_the_same_colours():
    assert PALETTES["dark"].keys() == PALETTES["light"].keys()


@pytest.mark.parametrize("ground", ["background", "panel"])
@pytest.mark.parametrize(
    "ink", ["text", "muted", "dim", "warning", "trace", "flat", "railed", "noisy", "line"]
)
def test_text_of_the_light_theme_is_legible(ground, ink):
    palette = PALETTES["light"]
    low, high = (luminance(QColor(palette[name])) for name in (ink, ground))
    assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "seen"),
    [("", "#0E1216 1.0"), ('"light", 1.5', "#EEF1F4 1.5"), ('"dark", 2', "#0E1216 2.0")],
)
def test_theme_and_size_are_chosen_before_the_first_window(given, seen):
    code = f"""
        from ui.display import dress
        dress({given or '"dark", 1.0'})
        from ui import theme
        app = theme.application()
        print(theme.BACKGROUND.name().upper(), app.devicePixelRatio())
    """
    environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == seen


@pytest.mark.parametrize("scale", [0.1, 40.0, float("nan")])
def test_a_size_that_fits_no_screen_is_refused(scale):
    with pytest.raises(InputError, match="--scale"):
        dress("dark", scale)
