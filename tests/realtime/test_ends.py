"""Real processes that are asked to end, or whose outputs fail."""

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from core.decoding.storage.decoder_file import save_decoder
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import MarkerInlet
from core.stream.outlets import DECISIONS
from realtime.cli import main
from simulation.player import replay

ROOT = Path(__file__).resolve().parents[2]
SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"]


@pytest.fixture
def stream(imagery_recording, background, name):
    """A real stream that is sent while the test runs; its name."""
    background(replay, [imagery_recording(seed=9)], name, loop=True)
    return name


@pytest.fixture
def decode(fitted, stream, tmp_path):
    """Start ``eegpt-realtime --headless`` on that stream, from a shell that redirects streams."""
    started = []
    decoder = save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors")

    def start(*more, before="", redirect=""):
        words = [
            *(sys.executable, "-m", "realtime.cli", "--headless", "--stream", stream),
            *("--decoder", decoder, "--timeout", "40", *more),
        ]
        process = subprocess.Popen(
            ["bash", "-c", f'{before} exec "$0" "$@" {redirect}', *map(str, words)],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def lines(path):
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.slow
@pytest.mark.parametrize("name_", SIGNALS)
def test_a_signal_ends_decoding_with_a_whole_log(decode, until, tmp_path, name_):
    log = tmp_path / "log.jsonl"
    process = decode("--log", log)
    until(lambda: len(lines(log)) > 2, 60)
    process.send_signal(getattr(signal, name_))
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 128 + getattr(signal, name_), said
    assert "Traceback" not in said
    assert log.read_text().endswith("\n")
    assert [json.loads(line)["index"] for line in lines(log)]


@pytest.mark.slow
def test_a_log_that_finds_no_room_stops_and_decoding_goes_on(decode, until, tmp_path):
    log = tmp_path / "log.jsonl"
    # A limit on the size of files fails as a full disk does; two blocks hold eight decisions.
    process = decode("--log", log, before="ulimit -f 2;")
    said = []
    reader = threading.Thread(target=lambda: said.extend(process.stderr))
    reader.start()
    with MarkerInlet(find_stream(StreamQuery(name=DECISIONS), 60.0, markers=True)) as inlet:
        until(lambda: f"The log {log} cannot be written any more" in "".join(said), 60)
        logged = len(lines(log))
        got = []
        until(lambda: got.extend(inlet.read(0.1)) or len(got) > 3, 30)
        until(lambda: got.extend(inlet.read(0.1)) or json.loads(got[-1].text)["index"] > logged, 30)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143
    reader.join()
    assert "It has stopped; decoding goes on." in "".join(said)
    assert logged > 3


@pytest.mark.slow
@pytest.mark.parametrize("redirect", ["2>&-", "2> >(true)", "2>/dev/full"])
def test_decoding_goes_on_without_a_stderr(decode, until, tmp_path, redirect):
    log = tmp_path / "log.jsonl"
    process = decode("--log", log, redirect=redirect)
    until(lambda: len(lines(log)) > 6, 60)
    assert process.poll() is None
    for line in lines(log)[:-1]:
        json.loads(line)  # and no word of a library in between
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 143


@pytest.mark.slow
def test_a_log_that_is_deleted_is_begun_anew(decode, until, tmp_path):
    log = tmp_path / "log.jsonl"
    process = decode("--log", log)
    until(lambda: len(lines(log)) > 2, 60)
    log.unlink()
    until(lambda: len(lines(log)) > 2, 30)
    assert all(json.loads(line)["index"] > 1 for line in lines(log)[:2])
    process.send_signal(signal.SIGTERM)
    assert f"The log {log} was deleted or moved" in process.communicate(timeout=30)[1]


def ask_to_end(number):
    """Have this process get a signal in a moment, as from outside."""
    timer = threading.Timer(0.3, lambda: os.kill(os.getpid(), number))
    timer.start()
    return timer


@pytest.mark.slow
@pytest.mark.parametrize("name_", SIGNALS)
@pytest.mark.parametrize("more", [("--headless",), ("--headless", "--uncalibrated")])
def test_the_search_for_a_stream_ends_with_a_signal(name_, more, name):
    number = getattr(signal, name_)
    timer = ask_to_end(number)
    assert main(["--stream", name, "--timeout", "60", *more]) == 128 + number
    timer.join()


@pytest.mark.parametrize("name_", SIGNALS)
def test_the_picker_ends_with_a_signal(name_, qapp):
    number = getattr(signal, name_)
    timer = ask_to_end(number)
    assert main([]) == 128 + number
    timer.join()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--log", "{folder}"), "--log names a folder"),
        (("--log", "{file}"), "exists already"),
        (("--log", "{file}/below"), "needs a folder"),
        (("--log", "{folder}/taken.jsonl"), "taken.stream.jsonl exists already"),
        (("--screenshot", "{folder}"), "--screenshot names a folder"),
        (("--screenshot", "{file}"), "exists already"),
        (("--screenshot", "{folder}/no/a.png"), "there is no folder"),
        (("--screenshot", "{folder}/a.png", "--headless"), "leave out --headless"),
        (("--home", "{file}"), "--home needs a folder"),
        (("--demo", "--home", "{file}/below"), "--home needs a folder"),
        (("--unit", "parsec"), '"parsec"'),
    ],
)
def test_places_and_units_are_checked_before_a_stream_is_looked_for(
    given, words, tmp_path, capsys, monkeypatch
):
    file = tmp_path / "file"
    file.write_text("mine")
    (tmp_path / "taken.stream.jsonl").write_text("mine")
    monkeypatch.setattr("core.stream.discovery.find_stream", lambda *_: pytest.fail("looked"))
    stream = [] if "--demo" in given else ["--stream", "EEG"]
    given = [word.format(folder=tmp_path, file=file) for word in given]
    assert main([*stream, *given]) == 2
    assert words in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"file", "taken.stream.jsonl"}


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_that_may_not_be_written_to_is_said_before(tmp_path, capsys):
    tmp_path.chmod(0o500)
    assert main(["--stream", "EEG", "--log", str(tmp_path / "a" / "log")]) == 2
    assert "cannot be written to" in capsys.readouterr().err
