"""Every program's help: what a person reads, and flags that mean the same everywhere."""

import re
import subprocess
import sys
from collections import defaultdict
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (
    ("realtime.cli",),
    ("realtime.cli", "doctor"),
    ("calibration.cli",),
    *(("calibration.cli", name) for name in ("run", "resume", "check", "timing", "fit")),
    ("simulation.cli",),
    *(("simulation.cli", name) for name in ("replay", "simulate")),
    *((f"training.{name}",) for name in ("prepare", "pretrain", "export", "evaluate", "prior")),
    ("training.fingerprints",),
    ("training.heads",),
)
ALIKE = {
    *("--home", "--local", "--unit", "--channels", "--seed", "--subject", "--session", "--notch"),
    *("--stream", "--type", "--source-id", "--host", "--timeout", "--data", "--duration"),
    "--verbose",
}
"""Flags that begin with the same words wherever they are."""
OTHERWISE = {
    "--caption",  # of BIDS events, too, where a recording has them; of a store: a table
    "--head",  # auto is for one person's trials; training.heads says which three there are
    "--encoder",  # an evaluation takes several
    "--run",  # of a subject: any label; of a simulated one: a number
    "--store",  # a setting of a YAML file
    "--window",  # samples of an encoder's; seconds of a prior's
}
"""Flags that have another type in one program than in another, and why."""


@pytest.fixture
def shown(monkeypatch, capsys):
    """Return a function that gives the help of a command, without the boxes around it."""
    monkeypatch.setenv("COLUMNS", "2000")

    def show(module, *subcommand):
        with pytest.raises(SystemExit) as ended:
            import_module(module).main([*subcommand, "--help"])
        assert ended.value.code == 0
        lines = capsys.readouterr().out.splitlines()
        return "\n".join(line.strip("│|").rstrip() for line in lines)

    return show


def flags(text):
    """Return the type and the help of each flag."""
    found = {}
    name = None
    for line in text.splitlines():
        start = re.match(
            r" {1,2}(?:-h, )?(--[a-z][a-z.\d-]*)"
            r"(?: ((?:\{.*?\}|[A-Z]+)(?: \[.*\])?))?(?: {2,}(.*))?$",
            line,
        )
        if start:
            name = start[1]
            found[name] = [start[2] or "", (start[3] or "").strip()]
        elif name is not None and line.startswith("    "):
            found[name][1] += line.strip()
        else:
            name = None
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_no_python_in_it(shown, command):
    text = shown(*command)
    assert not re.search(r"\b(None|True|False)\b|\(default: ?\)|\(default: ''\)", text)


@pytest.mark.slow
def test_a_flag_has_the_same_type_and_words_in_every_program(shown):
    kinds, words = defaultdict(dict), defaultdict(dict)
    for command in COMMANDS:
        for name, (kind, text) in flags(shown(*command)).items():
            assert text
            kinds[name].setdefault(kind, command)
            words[name].setdefault(re.split(r"[.:] |\.$", text)[0], command)
    assert {"--help", *ALIKE, *OTHERWISE} <= kinds.keys()
    several = {name for name, found in kinds.items() if len(found) > 1}
    assert several == OTHERWISE
    assert {name: words[name] for name in ALIKE if len(words[name]) > 1} == {}


@pytest.mark.slow
def test_help_answers_without_what_it_describes():
    heavy = {"torch", "mne", "scipy", "sklearn", "PySide6", "pylsl"}
    code = "import sys\nfrom contextlib import suppress\nfrom importlib import import_module\n"
    code += f"for module, *rest in {COMMANDS!r}:\n    with suppress(SystemExit):\n"
    code += "        import_module(module).main([*rest, '--help'])\n"
    code += f"assert not {heavy!r} & sys.modules.keys(), {heavy!r} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
