import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.encoders import load_encoder, save_encoder
from core.encoders.braingpt.model import BrainGPT, braingpt_spec
from core.encoders.eegpt.checkpoint import load_pretraining
from core.encoders.eegpt.electrodes import channel_ids
from core.signal.filtering import Band
from simulation.synthetic import session
from training.export import main
from training.manifest import Form
from training.prepare import main as prepare
from training.pretrain import main as pretrain
from training.pretraining.output.folder import RunFolder
from training.shards import RecordingIdentity


@pytest.fixture
def run(store, tmp_path):
    """Return a function that makes a short run."""

    def make(*flags, store=store):
        path = tmp_path / "first"
        fast = "tiny --window 256 --steps 4 --batch 4 --validate-every 2".split()
        assert pretrain([*fast, *flags, "--store", str(store.folder), "--folder", str(path)]) == 0
        return RunFolder(path)

    return make


@pytest.mark.slow
def test_an_exported_encoder_is_loaded_by_path(run, store, tmp_path, capsys):
    folder = run("--validation-subjects", "3", "--gain", "30")
    out = tmp_path / "out" / "mine.safetensors"
    notes = tmp_path / "notes.md"
    notes.write_text("## Scores\n\nNone yet.\n")
    assert main([str(folder.path), "--out", str(out), "--notes", str(notes)]) == 0
    encoder = load_encoder(out)
    spec = encoder.spec
    assert (spec.name, spec.size, spec.window, spec.unit) == ("first-tiny1", "tiny1", 256, "mV")
    assert spec.trained
    assert spec.label == "first-tiny1"
    assert spec.ch_names == store.channels
    assert np.array(spec.covariance).shape == (58, 58)
    assert spec.provenance["store_manifest_sha256"] == store.manifest_sha256
    assert spec.provenance["checkpoint"] == "best"
    seen = {tuple(row) for row in json.loads(spec.provenance["recordings"])}
    assert seen == {(r.source, r.subject, r.session, r.run) for r in store.recordings}

    # The factor on the samples is in the first layer: the encoder takes the store's unit.
    within = load_pretraining(folder.best).target_encoder
    window = torch.from_numpy(store.crop(0, 0, 256))[None]
    ids = channel_ids(store.channels)
    with torch.no_grad():
        torch.testing.assert_close(encoder(window, ids), within(30.0 * window, ids))

    card = out.with_suffix(".md").read_text(encoding="utf-8")
    assert encoder.weights_sha256() in card
    assert "hours of 2 people (simulated/1, simulated/2)" in card
    assert "Checkpoint chosen on" in card
    assert "causally filtered to 0.5-38 Hz" in card
    assert "simulated: not one of our sources" in card
    assert "gain: 30.0" in card
    assert str(tmp_path) not in card
    assert card.endswith("None yet.\n")
    assert sum(line.startswith("| ") for line in card.splitlines()) >= 4


@pytest.mark.slow
def test_the_band_of_the_store_is_that_of_the_encoder(write, people, form, run, tmp_path):
    band = Band(8.0, 30.0, notch=60.0)
    narrow = write(people, tmp_path / "narrow", replace(form, band=band))
    out = tmp_path / "narrow.safetensors"
    assert main([str(run(store=narrow).path), "--out", str(out)]) == 0
    assert load_encoder(out).spec.band == band
    assert "filtered to 8-30 Hz, notch at 60 Hz" in out.with_suffix(".md").read_text("utf-8")


@pytest.mark.slow
def test_from_recordings_to_an_encoder_by_the_three_commands(
    people, brainvision, tmp_path, monkeypatch
):
    for who, recording in people.items():
        brainvision(tmp_path / "lab" / who.subject / f"{who.run}.vhdr", recording)
    monkeypatch.chdir(tmp_path)
    assert prepare("files:lab --store store --jobs 1".split()) == 0
    fast = "tiny --window 256 --steps 2 --batch 4 --validation-subjects 3".split()
    assert pretrain([*fast, "--folder", "run", "--store", "store"]) == 0
    assert main("run --out encoder.safetensors".split()) == 0
    spec = load_encoder("encoder.safetensors").spec
    assert (spec.size, spec.provenance["checkpoint"]) == ("tiny1", "best")
    assert "C3" in spec.ch_names


@pytest.mark.slow
def test_a_card_says_that_labels_were_learned_and_what_is_regressed_out(store, tmp_path):
    command = "classification --size tiny --steps 2 --batch 4 --subsets 0 --device cpu".split()
    path, out = tmp_path / "labelled", tmp_path / "labelled.safetensors"
    assert pretrain([*command, "--store", str(store.folder), "--folder", str(path)]) == 0
    assert main([str(path), "--out", str(out), "--name", "hands"]) == 0
    encoder = load_encoder(out)
    assert encoder.spec.label == "hands"
    assert np.allclose(encoder.spec.covariance, 1e-4 * np.eye(58))
    assert "FP1" in encoder.spec.regressors
    files = [recording.origin_sha256 for recording in store.recordings]
    assert all(encoder.spec.labels_seen(files))
    assert not any(encoder.spec.labels_seen(["f" * 64]))
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "pretrained with labels" in card
    assert "The data's labels were what was learned." in card
    assert "regressed out of the others before: FP1" in card


@pytest.mark.slow
def test_without_a_best_the_last_is_taken(run, tmp_path):
    folder = run()
    out = tmp_path / "last.safetensors"
    assert main([str(folder.path), "--out", str(out), "--name", "mine"]) == 0
    spec = load_encoder(out).spec
    assert (spec.name, spec.provenance["checkpoint"], spec.provenance["step"]) == (
        "mine",
        "last",
        "4",
    )
    target = load_pretraining_of(folder)
    assert load_encoder(out).weights_sha256() == target.weights_sha256()


def load_pretraining_of(folder):
    from core.encoders.eegpt.checkpoint import new_pretraining
    from training.pretraining.output.checkpoints import load_checkpoint

    parts = new_pretraining("tiny1")
    load_checkpoint(folder.last, parts, "eegpt tiny1")
    return parts.target_encoder


@pytest.mark.slow
def test_what_cannot_be_exported_is_refused(run, tmp_path, capsys):
    def refused(*given):
        assert main([str(text) for text in given]) == 2
        return capsys.readouterr().err

    folder = run()
    assert "is no folder of a run" in refused(tmp_path, "--out", tmp_path / "a.safetensors")
    assert "--out names a folder" in refused(folder.path, "--out", ".")
    assert 'ends in ".safetensors"' in refused(folder.path, "--out", tmp_path / "a.pt")
    assert "no checkpoint" in refused(
        folder.path, "--out", tmp_path / "a.safetensors", "--checkpoint", "best"
    )
    (tmp_path / "b.md").write_text("mine")
    assert "b.md exists already" in refused(folder.path, "--out", tmp_path / "b.safetensors")
    assert not (tmp_path / "b.safetensors").exists()


@pytest.mark.slow
def test_an_encoder_goes_with_the_graph_that_learned_from_it(write, tmp_path):
    names = ("FC3", "C3", "CZ", "C4", "CP4")
    people = {
        RecordingIdentity("simulated", str(who), "", "1"): session(
            trials_per_class=4, seed=who, run=1, rate=256.0, labels=names
        )
        for who in (1, 2)
    }
    store = write(people, form=Form(names, 256.0, "uV"))
    first = tmp_path / "first" / "encoder.safetensors"
    first.parent.mkdir()
    spec = braingpt_spec(
        "base", name="first", trained=True, provenance={"recordings": '[["else", "9", "", "1"]]'}
    )
    save_encoder(BrainGPT(spec, seed=4), first)
    given = ["braingpt-graph", "--folder", str(tmp_path / "graph"), "--weights", str(first)]
    given += ["--store", str(store.folder), "--validation-subjects", "simulated/2"]
    given += "--steps 2 --batch 4 --channels C3 C4".split()
    assert pretrain(given) == 0
    out = tmp_path / "graph.safetensors"
    assert main([str(tmp_path / "graph"), "--out", str(out)]) == 0
    encoder = load_encoder(out)
    assert encoder.spec.graph_tasks["left_hand_or_right_hand"] == ("left_hand", "right_hand")
    assert encoder.spec.ch_names == ("C3", "C4")
    assert np.array(encoder.spec.covariance).shape == (2, 2)
    assert torch.equal(encoder.embed.weight, load_encoder(first).embed.weight)
    assert ["else", "9", "", "1"] in json.loads(encoder.spec.provenance["recordings"])
    files = [recording.origin_sha256 for recording in store.recordings]
    assert encoder.spec.labels_seen(files) == [True, True]
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    assert "an electrode graph that learned left_hand or right_hand" in card
    assert "The data's labels were what was learned" in card


@pytest.mark.slow
def test_whoever_taught_the_first_weights_was_seen_too(run, store, tmp_path):
    first = run("--validation-subjects", "3")
    facts = first.facts()
    facts["training"]["recordings"] = [["elsewhere", "9", "", "1"]]
    first.facts_file.write_text(json.dumps(facts))

    def seen(weights, name):
        path, out = tmp_path / name, tmp_path / f"{name}.safetensors"
        given = "tiny --window 256 --steps 2 --batch 4 --validation-subjects 3".split()
        given += ["--folder", str(path)]
        assert pretrain([*given, "--store", str(store.folder), "--weights", str(weights)]) == 0
        assert main([str(path), "--out", str(out)]) == 0
        return load_encoder(out).spec.provenance.get("recordings")

    again = json.loads(seen(first.best, "second"))
    assert ["elsewhere", "9", "", "1"] in again
    assert len(again) == 1 + len(
        {(r.source, r.subject, r.session, r.run) for r in store.recordings}
    )
    assert json.loads(seen(tmp_path / "second" / "best.safetensors", "third")) == again
    alone = tmp_path / "alone" / "first.safetensors"
    alone.parent.mkdir()
    alone.write_bytes(first.best.read_bytes())
    assert seen(alone, "fourth") is None  # nobody knows


@pytest.mark.slow
def test_encoders_of_two_runs_are_exported_as_one(store, tmp_path, capsys):
    given = f"classification --store {store.folder} --steps 2 --batch 8 --threads 1".split()
    for size in ("small", "course"):
        assert pretrain([*given, "--size", size, "--folder", str(tmp_path / size)]) == 0
    out = tmp_path / "both.safetensors"
    wanted = [str(tmp_path / "small"), "--beside", str(tmp_path / "course"), "--out", str(out)]
    assert main([*wanted, "--name", "both"]) == 0
    spec = load_encoder(out).spec
    assert (spec.name, spec.size) == ("both", "mirrored-wide-course")
    assert spec.provenance["step"] == "2"
    assert spec.readout.classes == ("left_hand", "right_hand")
    card = out.with_suffix(".md").read_text(encoding="utf-8")
    assert card.count("## Recipe") == card.count("## Losses") == 2
    assert "size: small" in card
    assert "size: course" in card
    less = [*given, "--test-subjects", "simulated/1", "--folder", str(tmp_path / "less")]
    assert pretrain(less) == 0
    capsys.readouterr()
    others = [str(tmp_path / "small"), "--beside", str(tmp_path / "less")]
    assert main([*others, "--out", str(tmp_path / "no.safetensors")]) == 2
    assert "left out the same people" in capsys.readouterr().err
