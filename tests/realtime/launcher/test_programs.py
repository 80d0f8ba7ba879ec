from pathlib import Path

import pytest

from calibration.commands import RunCommand
from core.command_line import parse, parse_command
from core.stream.description import StreamIdentity
from realtime.launcher.programs import Programs
from realtime.options import Options

AMP = StreamIdentity("amp", "EEG", "serial-1", "lab", "uid")
ODD = StreamIdentity("--help", "-x", "", "lab", "uid")


@pytest.fixture
def programs(tmp_path):
    return Programs(home=tmp_path, local=True)


def session(program):
    return parse_command({"run": RunCommand}, "eegpt-calibrate", program.arguments, "")


def test_a_session_gets_the_stream_the_person_and_the_folder(programs, tmp_path):
    command = session(programs.calibrate(AMP, "01"))
    assert (command.stream.stream, command.stream.source_id) == ("amp", "serial-1")
    assert (command.stream.type, command.stream.host, command.stream.local) == ("EEG", "lab", True)
    assert (command.person.subject, command.person.home) == ("01", tmp_path)


@pytest.mark.parametrize("stream", [AMP, ODD])
def test_a_stream_is_found_again_whatever_it_is_called(programs, stream):
    options = parse(
        Options, "eegpt-realtime", programs.decode(stream, ("--uncalibrated",)).arguments
    )
    assert (options.stream, options.type) == (stream.name, stream.type)
    assert options.uncalibrated
    assert session(programs.calibrate(stream)).stream.stream == stream.name


def test_a_stream_without_a_name_is_found_by_its_type(programs):
    nameless = StreamIdentity("", "EEG", "", "", "uid")
    assert nameless.flags == ("--stream=EEG",)


def test_a_replay_has_a_name_that_every_program_takes(programs):
    program = programs.replay(Path("/data/S001 R12 (été).edf"))
    assert "Replay-S001-R12-t" in program.arguments


@pytest.mark.parametrize(
    ("given", "nothing"),
    [
        ((), True),
        (("--local", "--verbose"), True),
        (("--home", "here"), True),
        (("--demo",), False),
        (("--subject", "01"), False),
        (("--timeout", "60"), False),
    ],
)
def test_only_without_a_wish_the_launcher_opens(given, nothing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse(Options, "eegpt-realtime", given).names_nothing is nothing
