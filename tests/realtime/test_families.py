"""Encoders of every context through fit, file, live stream and evaluation, unchanged."""

import json
import threading
from dataclasses import replace

import numpy as np
import pytest
from fif_files import write_fif

from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder
from core.decoding.features import TokenFeatures
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.encoders import load_encoder, registry, save_encoder
from core.errors import InputError
from core.fitting import graph
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine
from realtime.offline import decode_recording
from realtime.options import Options
from simulation.player import replay

pytestmark = pytest.mark.slow

CONTEXTS = ("patch", "causal", "window")
EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.fixture(autouse=True)
def families(monkeypatch):
    for context in CONTEXTS:
        module = f"tests.core.encoders.families.{context}"
        monkeypatch.setitem(registry.FAMILIES, f"tiny{context}", module)


BRAINGPT = ["untrained-braingpt-base-3", "untrained-braingpt-base-3 graph"]
NAMES = [f"untrained-tiny{context}-tiny-3" for context in CONTEXTS]


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def decoder(name, imagery_recording, monkeypatch):
    monkeypatch.setattr(graph, "LEAST_OF_CLASS", 5)
    name, _, head = name.partition(" ")
    settings = FitSettings(encoder=name, head=head or "encoder", repeats=1)
    return fit_decoder([imagery_recording()], EVENTS, "01", settings).decoder


def windows_of(decoder):
    return WindowDecoder(decoder, decoder.load_encoder())


@pytest.mark.parametrize("name", [*NAMES, *BRAINGPT], indirect=True)
@pytest.mark.usefixtures("unhurried")
def test_a_fit_decodes_what_a_file_and_a_stream_decode(
    decoder, imagery_recording, tmp_path, until, name
):
    decoder = load_decoder(save_decoder(decoder, tmp_path / "one.safetensors"))
    recording = imagery_recording(seed=9)
    seconds = 50.0 + max(decoder.window, decoder.warmup) / decoder.settings.rate
    recording = replace(recording, samples_uv=recording.samples_uv[: int(seconds * recording.rate)])
    offline = list(decode_recording(recording, decoder, windows_of(decoder), Options().evidence()))
    first = next(d for d in offline if d.probabilities is not None)
    warm = max(decoder.window, decoder.warmup) / decoder.settings.rate
    assert (first.sample + 1) / decoder.settings.rate == warm

    stop, log = threading.Event(), tmp_path / "live.jsonl"
    sender = threading.Thread(
        target=replay, args=([recording], name), kwargs={"speed": 4.0, "stop": stop}
    )
    sender.start()
    try:
        inlet = Inlet(find_stream(StreamQuery(name=name), 10.0), seconds=60.0)
        engine = build_engine(Options(stream=name, log=log), inlet, decoder)
        engine.start()
        until(lambda: log.read_text().count('"ok"') >= 30, 60.0)
        engine.stop()
        assert engine.error is None
    finally:
        stop.set()
        sender.join()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    live = {line["sample"]: line["probabilities"] for line in lines if line["status"] == "ok"}
    expected = {d.sample: d.probabilities for d in offline if d.status == "ok"}
    for sample, probabilities in live.items():
        assert probabilities == pytest.approx(expected[sample], abs=1e-9)
    # What is not decided live is refused: while the rate of a stream is not known, for 3 s and for
    # as long as it took to begin reading, and where this machine was held up.
    refused = {line["sample"]: line["status"] for line in lines if line["probabilities"] is None}
    missing = {sample for sample in expected if sample <= max(live)} - live.keys()
    assert missing <= refused.keys()
    assert {refused[sample] for sample in missing} <= {"warming", "silent", "rate"}


@pytest.mark.parametrize("name", ["untrained-tinycausal-tiny-3"], indirect=True)
def test_after_a_gap_an_encoder_of_the_run_so_far_has_heard_nothing(decoder):
    windows, fresh = windows_of(decoder), windows_of(decoder)
    random, given = np.random.default_rng(0), []
    shape = (windows.hop, len(decoder.settings.channels))
    before, after = random.normal(size=(2, 40, *shape))
    for samples in before:
        windows.push(samples)
    windows.reset()
    for samples in after:
        one, other = windows.push(samples), fresh.push(samples)
        np.testing.assert_array_equal(one, other)
        given.append(one is not None)
    assert any(given)


def test_features_of_a_run_are_those_of_a_stream(name):
    rng = np.random.default_rng(0)
    encoder = load_encoder(name)
    spec = encoder.spec
    ch_names = ("CZ", "C3", "FC4", "C4")
    features = TokenFeatures(encoder, ch_names, rng.normal(size=(4, 4)))
    run = 2e-5 * rng.normal(size=(900, 4))
    stream, hop = features.stream(spec.default_hop), spec.default_hop
    streamed = {}
    for end in range(hop, len(run) + 1, hop):
        vector = stream.push(run[end - hop : end])
        if vector is not None:
            streamed[end] = vector
    assert min(streamed) >= max(spec.window, spec.warmup)
    starts = [end - spec.window for end in streamed]
    whole = features.of_run(run, starts)
    assert whole.shape == (len(starts), features.size)
    np.testing.assert_allclose(whole, list(streamed.values()), rtol=1e-5, atol=1e-5)


def test_a_state_that_was_kept_goes_on_where_it_was(name):
    encoder = load_encoder(name)
    run = 2e-5 * np.random.default_rng(1).normal(size=(3, 600)).astype(np.float32)
    hop = encoder.spec.default_hop
    stream, other = (encoder.stream(("C3", "CZ", "C4"), hop) for _ in range(2))
    middle, end = 15 * hop, 20 * hop
    for start in range(0, middle, hop):
        stream.push(run[:, start : start + hop])
    other.state = stream.state
    for start in range(middle, end, hop):
        kept, restored = (s.push(run[:, start : start + hop]) for s in (stream, other))
        np.testing.assert_array_equal(kept, restored)
    stream.reset()
    assert stream.push(run[:, :hop]) is None


def test_a_file_of_its_own_brings_an_encoder_back(name, tmp_path):
    encoder = load_encoder(name)
    path = save_encoder(encoder, tmp_path / "tiny.safetensors")
    again = load_encoder(path)
    assert again.spec == encoder.spec
    assert again.weights_sha256() == encoder.weights_sha256()
    assert "untrained" in again.spec.label


def test_electrodes_it_does_not_know_are_named(name):
    encoder = load_encoder(name)
    with pytest.raises(InputError, match="knows no electrode called NOSE"):
        encoder.tokens(np.zeros((1, 2, 200)), ["C3", "NOSE"])


@pytest.mark.parametrize(("context", "hop"), [("patch", 10), ("causal", 15), ("window", 0)])
def test_a_hop_it_cannot_have_is_refused(context, hop):
    with pytest.raises(InputError, match="hop"):
        load_encoder(f"untrained-tiny{context}").stream(["C3"], hop)


def test_cues_before_an_encoder_is_warm_are_left_out(imagery_recording):
    recording = imagery_recording()
    early = replace(recording.events[0], onset=0.1)
    recording = replace(recording, events=(early, *recording.events[1:]))
    settings = FitSettings(encoder="untrained-tinycausal", head="encoder", repeats=1)
    fit = fit_decoder([recording], EVENTS, "01", settings)
    assert [r.reason for r in fit.rejected] == ["the encoder needs 2.4 s of signal, not 2.1"]


def test_an_evaluation_takes_it(name, imagery_recording, tmp_path):
    from training.evaluate import main

    for number in (1, 2):
        recording = imagery_recording(seed=number, trials=6)
        write_fif(recording, tmp_path / "P1" / f"run{number}_raw.fif")
    out = tmp_path / "out"
    words = f"files:{tmp_path} --out {out} --protocols within calibrate-then-run --systems encoder"
    assert main([*words.split(), "--encoder", name]) == 0
    results = json.loads((out / "results.json").read_text())
    assert {row["protocol"] for row in results["rows"]} == {"within", "calibrate-then-run"}
