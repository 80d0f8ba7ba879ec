import io
import sys

import pytest

from core.errors import InputError, printable
from core.program import run_program, write_line

TRICKS = [
    "\x1b[31m",
    "\x1b]0;title\x07",
    "\r",
    "\b",
    "\x9b2J",
    "\u202e",
    "\u2066",
    "\u200b",
    "\x00",
]


@pytest.mark.parametrize("trick", TRICKS)
def test_no_text_moves_the_cursor_or_turns_the_line(trick):
    text = printable(f"sub{trick}01\nµV é 脑")
    assert text.isprintable()
    assert text.startswith("sub")
    assert text.endswith("01 µV é 脑")


def test_what_is_no_unicode_becomes_a_question_mark():
    assert printable("a\udcffb") == "a?b"


def test_a_message_cannot_look_like_two(capsys):
    def refuse():
        raise InputError("There is no file a\n\x1b[2Kprogram: all is well\udcff.")

    assert run_program("program", refuse) == 2
    said = capsys.readouterr().err
    assert said == "program: There is no file a\n   [2Kprogram: all is well?.\n"


def test_lines_are_shown_on_a_terminal_of_any_encoding(monkeypatch):
    for encoding in ("ascii", "cp1252", "utf-8"):
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding, newline="\n"))
        write_line("5 µV\n\x1b[31mC3 脑\udcff")
        lines = written.getvalue().decode(encoding).split("\n")
        assert len(lines) == 3
        assert lines[1].startswith(" [31mC3 ")
        assert "\x1b" not in "".join(lines)
