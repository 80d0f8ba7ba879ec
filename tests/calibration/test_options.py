"""The command that goes on with a run is the one that began it."""

import shlex
from pathlib import Path

import pytest

from calibration.commands import COMMANDS
from calibration.options import FitFlags, SessionFlags, StreamFlags, resume_command
from core.command_line import parse_command


@pytest.mark.parametrize(
    ("stream", "person"),
    [
        (StreamFlags(), SessionFlags(subject="01")),
        (
            StreamFlags("my amp", channels="C3,C4", unit="uV", timeout=9.0, local=True),
            SessionFlags(
                "S1",
                "2",
                Path("my data"),
                FitFlags(
                    prior=(Path("a b.edf"), Path("c")),
                    false_alarms=2.0,
                    idle_class=True,
                    refine=True,
                    notch=50.0,
                ),
                no_setup=True,
                home=Path("/h"),
            ),
        ),
    ],
)
def test_what_is_told_to_resume_is_understood_as_it_was_given(stream, person):
    program, *words = shlex.split(resume_command(stream, person))
    assert program == "eegpt-calibrate"
    command = parse_command(COMMANDS, program, words, "")
    assert command == COMMANDS["resume"](stream, person)


def test_only_what_differs_from_the_default_is_told():
    told = resume_command(StreamFlags(), SessionFlags(subject="01"))
    assert told == "eegpt-calibrate resume --subject 01"
