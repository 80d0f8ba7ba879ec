from dataclasses import dataclass
from typing import Literal

import pytest
import tyro

from core.command_line import ProgramOptions, parse


@dataclass(frozen=True, kw_only=True)
class Options(ProgramOptions):
    """A program."""

    files: tyro.conf.Positional[tuple[str, ...]] = ()
    """What is read."""
    adapt: tuple[Literal["recentre", "labels"], ...] = ()
    """What adapts."""
    event: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """What is a cue."""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("EEGPT_HOME", str(tmp_path))


def test_a_flag_that_takes_several_values_takes_one_at_least(capsys):
    assert parse(Options, "program", ["--adapt", "labels", "recentre"]).adapt == (
        "labels",
        "recentre",
    )
    assert parse(Options, "program", ["a", "b", "--event", "x", "--event", "y"]).event == ("x", "y")
    assert parse(Options, "program", []).adapt == ()
    with pytest.raises(SystemExit) as ended:
        parse(Options, "program", ["--adapt"])
    assert ended.value.code == 2
    assert "--adapt: it was given without a value; name at least one" in capsys.readouterr().err
