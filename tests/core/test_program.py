"""Every end of a program: its exit code, and what is said of it."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.errors import InputError
from core.program import Interrupted, run_program

ROOT = Path(__file__).resolve().parents[2]
_BEGIN = "import os, signal, sys, time\nfrom core.errors import InputError\n"
_BEGIN += "from core.program import run_program, say\n"


@pytest.fixture(params=["", "1"], ids=["buffered", "unbuffered"])
def buffering(request, monkeypatch):
    """Have Python write lines at once, as containers do, or when there are enough of them."""
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


def run(body, redirect=""):
    """Run a function called ``main`` as a program, from a shell that redirects its streams."""
    code = f"{_BEGIN}{body}\nsys.exit(run_program('tool', main))"
    return subprocess.run(
        ["bash", "-c", f'"$0" -c "$1" {redirect}', sys.executable, code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_the_body_gives_the_exit_code(returned, code):
    assert run_program("tool", lambda: returned) == code


def test_an_input_error_is_a_sentence(capsys):
    def main():
        raise InputError("No such stream.")

    assert run_program("tool", main) == 2
    assert capsys.readouterr().err == "tool: No such stream.\n"


def test_an_error_of_a_file_names_it(capsys, tmp_path):
    assert run_program("tool", lambda: (tmp_path / "none").read_text()) == 2
    assert capsys.readouterr().err == f"tool: {tmp_path / 'none'}: No such file or directory.\n"


def test_a_missing_system_library_is_a_sentence(capsys):
    def main():
        raise ImportError("libEGL.so.1: cannot open shared object file: No such file or directory")

    assert run_program("tool", main) == 2
    assert "The system library libEGL.so.1 is missing" in capsys.readouterr().err


def test_an_error_of_the_program_itself_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run_program("tool", lambda: 1 // 0)
    with pytest.raises(ImportError, match="nowhere"):
        run_program("tool", lambda: __import__("nowhere"))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_ends_in_order_with_its_exit_code(name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    ended = []

    def main():
        try:
            signal.raise_signal(number)
        finally:
            ended.append(True)

    assert run_program("tool", main) == 128 + number
    assert ended == [True]
    assert signal.getsignal(number) is before


def test_a_terminal_that_closes_sends_more_than_one_signal():
    ended = []

    def main():
        try:
            signal.raise_signal(signal.SIGHUP)
        finally:
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGTERM)
            ended.append(True)

    assert run_program("tool", main) == 129
    assert ended == [True]


def test_a_second_ctrl_c_does_not_wait_for_the_end():
    def main():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            pytest.fail("the end was waited for")

    assert run_program("tool", main) == 130


def test_a_signal_that_leaves_an_import_as_another_error_is_a_signal_still():
    def main():
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt as error:
            raise ImportError("numpy failed to import") from error

    assert run_program("tool", main) == 143


def test_what_a_parent_ignores_stays_ignored():
    body = "def main():\n    os.kill(os.getpid(), signal.SIGHUP)\n    print('went on')"
    done = subprocess.run(
        ["nohup", sys.executable, "-c", f"{_BEGIN}{body}\nsys.exit(run_program('tool', main))"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (0, "went on\n")


def test_interrupted_is_what_ctrl_c_raises():
    assert issubclass(Interrupted, KeyboardInterrupt)
    assert str(Interrupted(signal.SIGTERM)) == "ended by SIGTERM"


@pytest.mark.slow
@pytest.mark.usefixtures("buffering")
def test_output_that_nobody_reads_ends_quietly():
    body = "def main():\n    for n in range(100000):\n        print('line', n)"
    done = run(body, "| head -1; exit ${PIPESTATUS[0]}")
    assert done.stdout == "line 0\n"
    assert done.stderr == ""
    assert done.returncode == 141


@pytest.mark.slow
@pytest.mark.usefixtures("buffering")
def test_output_that_was_never_read_ends_quietly():
    done = run("def main():\n    print('short')", "| true; exit ${PIPESTATUS[0]}")
    assert (done.stdout, done.stderr) == ("", "")
    assert done.returncode in (0, 141)  # the other end may close a moment too late


@pytest.mark.slow
@pytest.mark.usefixtures("buffering")
def test_output_to_a_full_disk_is_said():
    done = run("def main():\n    print('line')", ">/dev/full")
    assert done.returncode == 2
    assert done.stderr.startswith("tool: ")
    assert done.stderr.endswith("No space left on device.\n")


@pytest.mark.slow
@pytest.mark.parametrize("redirect", ["2>/dev/full", "2>&-", "2> >(true)", "0<&- 1>&- 2>&-"])
def test_stderr_that_takes_nothing_changes_no_exit_code(redirect):
    body = "def main():\n    for n in range(20000):\n        say('a word')\n    return 3"
    assert run(body, redirect).returncode == 3
    body = "def main():\n    say('a word')\n    raise InputError('No.')"
    assert run(body, redirect).returncode == 2


@pytest.mark.slow
def test_a_closed_stderr_does_not_lend_its_number_to_a_file(tmp_path):
    file = tmp_path / "log"
    body = f"def main():\n    with open({str(file)!r}, 'w') as log:\n        say('word')\n"
    body += "        os.write(2, b'of a library')\n        log.write('mine')"
    done = run(body, "2>&-")
    assert done.returncode == 0
    assert (file.read_text(), done.stdout) == ("mine", "")


def test_names_that_are_no_text_can_be_printed():
    done = run("def main(): print('H\\udce4nde.edf')")
    assert (done.returncode, done.stdout) == (0, "H\\udce4nde.edf\n")
