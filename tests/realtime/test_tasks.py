"""Several tasks live: decoded at once, logged and sent by task, as they are from the file."""

import json
import threading
from dataclasses import replace

import pytest

from calibration.tasks import joined, readout_of
from core.decoding.outputs import as_json
from core.decoding.storage.decoder_file import save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine
from realtime.cli import main as realtime
from realtime.offline import decode_recording
from realtime.options import Options
from simulation.player import replay

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def several(fitted):
    return joined(
        [fitted["riemann"], fitted["encoder"]], "hand", [readout_of("other", fitted["encoder"])]
    )


@pytest.fixture(scope="module")
def short(imagery_recording):
    recording = imagery_recording(seed=9)
    return replace(recording, samples_uv=recording.samples_uv[: int(20 * recording.rate)])


@pytest.mark.usefixtures("unhurried")
def test_tasks_are_decoded_live_as_from_the_file_and_each_has_an_outlet(
    several, short, name, until, tmp_path
):
    log, stop = tmp_path / "live.jsonl", threading.Event()
    thread = threading.Thread(
        target=replay, args=([short], name), kwargs={"speed": 4.0, "stop": stop}
    )
    thread.start()
    try:
        with Inlet(find_stream(StreamQuery(name=name), 20.0), seconds=60.0) as inlet:
            engine = build_engine(Options(stream=name, log=log), inlet, several)
            query = StreamQuery(name="EEGPT-Probabilities-other")
            with Inlet(find_stream(query, 20.0)) as outlet:
                assert outlet.facts.labels == several.others[0].classes
                engine.start()
                sent = until(lambda: (b := outlet.read(0.5)) is not None and b)
                until(lambda: (d := engine.snapshot().latest) and d.status == "lost", 60.0)
            engine.stop()
            assert engine.error is None
    finally:
        stop.set()
        thread.join()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    decided = [line for line in lines if line["status"] == "ok"]
    asked = Options().recentre_for(several)  # nothing, as live
    windows = WindowDecoder(several, several.load_encoder(), recentre=asked)
    offline = [
        d
        for d in decode_recording(short, several, windows, Options().evidence())
        if d.status == "ok"
    ]
    assert len(decided) == len(offline) > 0
    for line, expected in zip(decided, offline, strict=True):
        for task, output in as_json(expected.outputs).items():
            told = line["outputs"][task]["probabilities"]
            assert told == pytest.approx(output["probabilities"], abs=1e-5)
        assert line["outputs"]["hand"]["probabilities"] == line["probabilities"]
    assert all("outputs" not in line for line in lines if line["status"] != "ok")
    assert sent.samples.shape[1] == 2


def test_prompts_without_a_task_of_retrieval_are_refused(several, tmp_path, capsys):
    path = save_decoder(several, tmp_path / "several.safetensors")
    assert realtime(["--file", "x.edf", "--decoder", str(path), "--prompts", "a fist", "feet"]) == 2
    assert "The decoder has no task of retrieval" in capsys.readouterr().err


def test_prompts_without_a_decoder_are_refused(capsys):
    assert realtime(["--file", "x.edf", "--prompts", "a fist", "feet"]) == 2
    assert "--prompts needs a decoder" in capsys.readouterr().err


def test_a_window_without_probabilities_has_no_outputs(several, short):
    windows = WindowDecoder(several, several.load_encoder())
    for decision in decode_recording(short, several, windows, Options().evidence()):
        assert bool(decision.outputs) == (decision.probabilities is not None)
