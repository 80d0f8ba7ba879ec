"""An output that fails is let go and named; the others, and decoding, go on."""

import json
import os
import stat
from dataclasses import replace

import pytest

from core.errors import InputError
from core.stream.description import DECISIONS, PROBABILITIES
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet, MarkerInlet
from realtime.app import build_engine
from realtime.engine.line_file import LineFile
from realtime.engine.outputs import Outputs
from realtime.engine.sinks import Log, Outlets
from realtime.engine.snapshot import Decision, StreamEvent
from realtime.options import Options
from simulation.player import replay

DECISION = Decision(0, 1.0, 100, "ok", {"left_hand": 1.0}, "left_hand", 0.0, 0.0)


class Kept:
    """A sink and journal that keeps everything."""

    def __init__(self):
        self.decisions, self.notes, self.closed = [], [], 0

    def publish(self, decision):
        self.decisions.append(decision)

    def note(self, note, snapshot):
        self.notes.append(note)

    def close(self):
        self.closed += 1


class Full(Kept):
    """Works three times, as a disk that fills; closing it does not work either."""

    def publish(self, decision):
        super().publish(decision)
        if len(self.decisions) > 3:
            raise OSError(28, "No space left on device")

    def note(self, note, snapshot):
        self.publish(None)

    def close(self):
        super().close()
        raise OSError(28, "No space left on device")


def test_the_others_get_every_decision():
    before, full, after = Kept(), Full(), Kept()
    outputs = Outputs([before, full, after], [])
    said = [outputs.publish(DECISION) for _ in range(6)]
    assert [len(problems) for problems in said] == [0, 0, 0, 1, 0, 0]
    assert "No space left on device" in said[3]["output Full"]
    assert "decoding goes on" in said[3]["output Full"]
    assert outputs.problems == said[3]
    outputs.close()
    assert [len(sink.decisions) for sink in (before, full, after)] == [6, 4, 6]
    assert [sink.closed for sink in (before, full, after)] == [1, 1, 1]


def test_the_other_journals_get_every_note():
    full, after = Full(), Kept()
    outputs = Outputs([], [full, after])
    said = [outputs.note(StreamEvent(0.0, "stream", ""), None) for _ in range(5)]
    assert [len(problems) for problems in said] == [0, 0, 0, 1, 0]
    outputs.close()
    assert len(after.notes) == 5
    assert (full.closed, after.closed) == (1, 1)


@pytest.mark.slow
def test_an_engine_names_the_output_that_failed_and_goes_on(
    fitted, imagery_recording, background, until, name, tmp_path
):
    background(replay, [imagery_recording(seed=9)], name, speed=4.0)
    inlet = Inlet(find_stream(StreamQuery(name=name), 20.0), seconds=60.0)
    log = tmp_path / "log.jsonl"
    engine = build_engine(Options(stream=name, log=log), inlet, fitted["riemann"])
    full, kept = Full(), Kept()
    engine._outputs._sinks[:0] = [full]
    engine._outputs._sinks.append(kept)
    engine.start()
    try:
        until(lambda: full.closed, 40)
        count = len(kept.decisions)
        until(lambda: len(kept.decisions) > count + 8, 40)
        seen = engine.snapshot()
    finally:
        engine.stop()
    assert engine.error is None
    assert seen.status != "lost"
    assert "Full: No space left on device. It has stopped; decoding goes on." in " ".join(
        seen.warnings
    )
    notes = [json.loads(line) for line in (tmp_path / "log.stream.jsonl").read_text().splitlines()]
    assert sum(note["kind"] == "output Full" for note in notes) == 1
    assert len(log.read_text().splitlines()) == len(kept.decisions)


@pytest.mark.slow
def test_decisions_are_sent_with_the_time_of_this_machines_clock(fitted, until):
    outlets = Outlets(fitted["riemann"].readouts, 4.0, lambda: 300.0)  # s behind
    with (
        MarkerInlet(find_stream(StreamQuery(name=DECISIONS), 20.0, markers=True)) as texts,
        Inlet(find_stream(StreamQuery(name=PROBABILITIES), 20.0)) as values,
    ):
        outlets.publish(DECISION)
        (text,) = until(lambda: texts.read(0.1))
        block = until(lambda: values.read(0.1))
    outlets.close()
    assert (text.time, block.stamps.tolist()) == (301.0, [301.0])
    assert json.loads(text.text)["time"] == 1.0


def test_a_log_that_was_deleted_begins_anew_at_its_place(tmp_path, capsys):
    path = tmp_path / "folder" / "log.jsonl"
    log = Log(path)
    log.publish(DECISION)
    path.unlink()
    path.parent.rmdir()
    log.publish(replace(DECISION, index=1))
    log.publish(replace(DECISION, index=2))
    log.close()
    assert [json.loads(line)["index"] for line in path.read_text().splitlines()] == [1, 2]
    assert capsys.readouterr().err == (
        f"The log {path} was deleted or moved; it begins anew at its place.\n"
    )


def test_a_log_that_was_moved_keeps_what_it_has(tmp_path):
    path, moved = tmp_path / "log", tmp_path / "log.1"
    file = LineFile(path)
    file.write("one")
    path.rename(moved)
    file.write("two")
    file.close()
    assert (moved.read_text(), path.read_text()) == ("one\n", "two\n")


def test_a_file_of_others_in_the_place_of_a_log_is_not_touched(tmp_path):
    path = tmp_path / "log"
    file = LineFile(path)
    path.unlink()
    path.write_text("of others")
    with pytest.raises(InputError, match="exists already"):
        file.write("two")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="exists already"):
        file.write("three")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
def test_a_log_and_a_folder_made_for_it_are_its_owners_alone(tmp_path):
    tmp_path.chmod(0o755)
    log = tmp_path / "new" / "log"
    LineFile(log).close()
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path, log.parent, log)]
    assert modes == [0o755, 0o700, 0o600]
