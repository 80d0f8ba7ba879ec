"""Where Qt can open no window there is a sentence; Qt itself would abort the program."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import InputError
from ui import display
from ui.display import check_display

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = (
    ("realtime.cli", "--stream", "nobody", "--timeout", "1"),
    ("realtime.cli",),
    ("realtime.cli", "--demo"),
    ("calibration.cli",),
    ("calibration.cli", "run", "--stream", "nobody", "--subject", "01", "--no-setup"),
    ("calibration.cli", "timing"),
)
pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="screens are there")


@pytest.fixture
def screen(monkeypatch):
    """Return a function that sets the variables which name a screen, and takes away the others."""

    def name(**given):
        for variable in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in given.items():
            monkeypatch.setenv(variable, value)
        check_display.cache_clear()

    yield name
    check_display.cache_clear()


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_screen_out_of_reach_ends_every_program_in_a_sentence(program, screen, tmp_path):
    screen(DISPLAY=":4242")
    done = subprocess.run(
        [sys.executable, "-m", *program, "--home", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "decodes without one with --headless, and eegpt-calibrate fit" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", [{"DISPLAY": ":4242"}, {"WAYLAND_DISPLAY": "nowhere"}, {"QT_QPA_PLATFORM": "xcb"}]
)
def test_a_screen_out_of_reach_is_named_or_the_library_that_is_missing(given, screen):
    screen(**given)
    with pytest.raises(InputError, match=r"is out of reach|the system library .* is missing"):
        check_display()


def test_a_screen_out_of_reach_is_told_in_qts_words(screen, monkeypatch):
    screen(DISPLAY=":4242")
    monkeypatch.setattr(display, "_missing_library", lambda asked: "")
    said = "qt.qpa.xcb: could not connect to display :4242\nqt.qpa.plugin: more\n"
    assert display._why("", said).startswith(
        "The display :4242 is out of reach (qt.qpa.xcb: could not connect to display :4242): check"
    )


@pytest.mark.slow
def test_a_platform_that_qt_does_not_know_is_named(screen):
    screen(QT_QPA_PLATFORM="nonsense")
    with pytest.raises(InputError, match='QT_QPA_PLATFORM is "nonsense", which Qt does not know'):
        check_display()


def test_no_screen_at_all_is_said(screen):
    screen()
    with pytest.raises(InputError, match="There is no display"):
        check_display()


def test_a_screen_that_never_answers_is_given_up(screen, monkeypatch):
    screen(DISPLAY=":4242")
    monkeypatch.setattr(display, "_PATIENCE", 0.2)
    monkeypatch.setattr(display, "_PROBE", "import time; time.sleep(60)")
    with pytest.raises(InputError, match="The display :4242 does not answer"):
        check_display()


@pytest.mark.parametrize("platform", ["offscreen", "offscreen:enable_fonts", "minimal"])
def test_a_platform_without_a_screen_is_not_asked(platform, screen, monkeypatch):
    screen(QT_QPA_PLATFORM=platform)
    monkeypatch.setattr(display, "_PROBE", "raise SystemExit(1)")
    check_display()


def test_the_answer_is_asked_for_once(screen, monkeypatch):
    screen(DISPLAY=":4242")
    monkeypatch.setattr(display, "_PROBE", "")
    check_display()
    monkeypatch.setattr(display, "_PROBE", "raise SystemExit(1)")
    check_display()
    assert os.environ["DISPLAY"] == ":4242"
