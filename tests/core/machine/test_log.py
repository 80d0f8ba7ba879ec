"""The log: what happened, for its owner alone, and nothing that a program could end for."""

import logging
import os
import re
import stat
from importlib import import_module

import pytest

from core.errors import InputError
from core.machine import log
from core.program import run_program, say

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \d+"
POSIX = pytest.mark.skipif(os.name == "nt", reason="permissions and FIFOs of POSIX")


def run(home, body=lambda: None, **given):
    """Run a program with a log, and return its exit code."""

    def main():
        log.begin_log("python -m some.program", ["--flag", "a b"], home, **given)
        return body()

    return run_program("some.program", main)


def happen(text="found: a stream"):
    logging.getLogger("eegpt.stream").info("%s", text)


def text_of(home):
    return (home / "logs" / "some.program.log").read_text("utf-8")


def test_a_run_leaves_its_command_versions_events_and_end(home):
    def body():
        happen()
        say("Something to know.")
        return 3

    assert run(home, body) == 3
    lines = text_of(home).splitlines()
    assert all(re.match(rf"{STAMP} INFO eegpt(\.\w+)?: ", line) for line in lines)
    words = [line.split(": ", 1)[1] for line in lines]
    assert words[0] == "Begins: python -m some.program --flag 'a b'"
    assert re.match(r"Python 3.* on .*, eegpt-realtime \S+, torch \S+, numpy ", words[1])
    assert words[2:] == ["found: a stream", "Something to know.", "Ends with exit code 3"]
    assert not logging.getLogger("eegpt").handlers


@POSIX
def test_the_log_is_its_owners_alone(home):
    run(home)
    for path in (home, home / "logs", home / "logs" / "some.program.log"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0


def test_a_program_that_is_refused_makes_no_folder(home, tmp_path):
    def refused():
        raise InputError("No.")

    assert run(home, refused) == 2
    assert run(tmp_path / "misspelt", happen, make=False) == 0
    assert list(tmp_path.iterdir()) == []
    home.mkdir()
    run(home, refused, make=False)
    assert "some.program: No." in text_of(home)


def test_what_comes_from_the_network_writes_no_line_of_its_own(home):
    run(home, lambda: happen("found: EEG\n2026-01-01 forged \x1b[2J"))
    begun = [line for line in text_of(home).splitlines() if not line.startswith("    ")]
    assert len(begun) == 4
    assert "\x1b" not in text_of(home)


def test_an_unforeseen_error_is_there_with_its_traceback(home):
    with pytest.raises(ZeroDivisionError):
        run(home, lambda: 1 // 0)
    assert "ERROR eegpt.printed: Ends with an error" in text_of(home)
    assert "    ZeroDivisionError" in text_of(home)


def fifo(path):
    path.mkdir()
    os.mkfifo(path / "some.program.log")


def link(path):
    path.mkdir()
    (path / "some.program.log").symlink_to(path.parent / "elsewhere")


@POSIX
@pytest.mark.parametrize(
    "block", [lambda path: path.write_text("mine"), lambda path: path.mkdir(0o500), fifo, link]
)
def test_a_log_that_cannot_be_written_ends_nothing_and_says_nothing(home, capfd, block):
    home.mkdir()
    block(home / "logs")
    assert run(home, happen) == 0
    assert capfd.readouterr() == ("", "")
    assert not (home / "elsewhere").exists()


def test_a_log_stays_small(home, monkeypatch):
    monkeypatch.setattr(log, "_SIZE", 2000)
    run(home, lambda: [happen("x" * 100) for _ in range(200)] and None)
    files = list((home / "logs").iterdir())
    assert len(files) == 5
    assert max(file.stat().st_size for file in files) <= 2000
    assert "Ends with exit code 0" in text_of(home)


def test_verbose_shows_with_the_time_what_is_not_said_anyway(home, capfd):
    def body():
        happen()
        say("Something to know.")

    run(home, body, verbose=True)
    out, err = capfd.readouterr()
    assert out == ""
    assert re.search(rf"^{STAMP} INFO eegpt.stream: found: a stream$", err, re.MULTILINE)
    assert err.count("Something to know.") == 1
    run(home, body)
    assert capfd.readouterr().err == "Something to know.\n"


@pytest.mark.parametrize(
    ("program", "given", "name"),
    [
        ("realtime.cli", ["--file", "absent.edf", "--decoder", "absent"], "eegpt-realtime"),
        ("calibration.cli", ["check", "absent"], "eegpt-calibrate"),
        ("simulation.cli", ["replay", "absent.edf"], "eegpt-stream"),
        ("training.export", ["absent", "--out", "x.safetensors"], "training.export"),
    ],
)
def test_every_program_has_a_log(home, capsys, program, given, name):
    home.mkdir()
    assert import_module(program).main([*given, "--verbose"]) == 2
    said = capsys.readouterr().err
    noted = (home / "logs" / f"{name}.log").read_text("utf-8")
    assert "absent" in noted.splitlines()[0]
    assert noted.splitlines()[0] in said
    assert noted.splitlines()[-1].endswith("Ends with exit code 2")


def test_a_word_about_itself_leaves_nothing(home, capsys):
    home.mkdir()
    assert import_module("realtime.cli").main(["--version"]) == 0
    assert list(home.iterdir()) == []
