"""The command, from a store of people to a decoder of somebody who gave a minute and no trial."""

import json
from dataclasses import replace

import numpy as np
import pytest

from calibration.cli import main as calibrate
from calibration.heads_of_others import decoder_of_heads
from core.decoding.storage.decoder_file import load_decoder
from core.decoding.window_decoder import WindowDecoder
from core.encoders import load_encoder, save_encoder
from core.encoders.spec import DIGITS, LABELLED
from core.errors import InputError
from core.fitting.transfer.shared_heads_file import load_heads, save_heads
from core.signal.filtering import Band
from simulation.synthetic import session
from training.heads import main
from training.shards import RecordingIdentity

pytestmark = pytest.mark.slow

HANDS = "hands=left_hand:left,right_hand:right"


def person(seed):
    return session(trials_per_class=8, seed=seed, rate=256.0)


@pytest.fixture(scope="module")
def imagining():
    return {RecordingIdentity("lab", str(seed), "", "1"): person(seed) for seed in range(1, 6)}


@pytest.fixture
def stored(write, imagining):
    return write(imagining)


@pytest.fixture
def vectors(tmp_path):
    """A file of embeddings for four captions, two of each hand."""
    from safetensors.numpy import save_file

    random = np.random.default_rng(0)
    sides = random.standard_normal((2, 8))
    names = ("the left one", "on the left", "the right one", "on the right")
    file = {
        name: (sides[place // 2] + 0.1 * random.standard_normal(8)).astype(np.float32)
        for place, name in enumerate(names)
    }
    save_file(file, tmp_path / "vectors.safetensors")
    table = tmp_path / "captions.tsv"
    rows = [
        f"{side}_hand\t{name}\n" for name in names for side in ("left", "right") if side in name
    ]
    table.write_text("trial\tcaption\n" + "".join(rows))
    return table, tmp_path / "vectors.safetensors"


def trained(stored, tmp_path, *more, out="heads.safetensors"):
    path = tmp_path / out
    code = main(
        [str(stored.folder), "--out", str(path), "--task", HANDS, "--steps", "60", *map(str, more)]
    )
    return code, path


@pytest.mark.slow
def test_heads_of_others_decode_somebody_who_gave_no_trial(
    stored, vectors, tmp_path, brainvision, capsys
):
    table, embedded = vectors
    texts = ("--caption", table, "--text-encoder", embedded)
    effort = ("--task", "effort=left_hand:0,right_hand:1")
    code, path = trained(stored, tmp_path, "--encoder", "untrained-eegpt-tiny1", *effort, *texts)
    said = capsys.readouterr().out
    assert code == 0, said
    assert "tested on 1 others" in said
    heads = load_heads(path)
    assert [readout.task for readout in heads.readouts] == ["hands", "effort", "text"]
    assert heads.people == 4
    assert all(readout.card.score > readout.card.chance for readout in heads.readouts)

    new = brainvision(tmp_path / "new.vhdr", replace(person(9), events=()))
    home, out = ["--home", str(tmp_path / "home")], tmp_path / "decoder.safetensors"
    asked = ["fit", str(new), "--subject", "09", "--heads", str(path), "--out", str(out), *home]
    assert calibrate(asked) == 0
    decoder = load_decoder(out)
    assert decoder.facts.trials == 0
    assert decoder.task == "hands"

    windows = WindowDecoder(decoder, decoder.load_encoder(home=tmp_path / "home"), decoder.hop)
    recording = person(9)
    attached = decoder.attach(recording.labels, ["uV"] * len(recording.labels), recording.rate)
    signal = attached.push(recording.samples_uv)
    sides = {f"{side}_hand": side for side in ("left", "right")}
    trials = [event for event in recording.events if event.label in sides]
    right, found = [], []
    for event in trials:
        at = round(event.onset * decoder.settings.rate)
        windows.reset()
        for start in range(at, at + decoder.window, decoder.hop):
            windows.push(signal[start : start + decoder.hop])
        outputs, side = windows.outputs, sides[event.label]
        hands = outputs["hands"]
        right.append(hands.classes[int(np.argmax(hands.probabilities))] == side)
        found.append(side in outputs["text"].ranking[0][0])
        assert np.isfinite(outputs["effort"].value)
    assert np.mean(right) > 0.75
    assert np.mean(found) > 0.75


def test_a_file_of_heads_says_again_what_it_was_told(stored, tmp_path):
    code, path = trained(stored, tmp_path, "--head", "riemann", "--test-subjects", "S002", "5")
    assert code == 0
    heads = load_heads(path)
    assert heads.encoder is None
    assert heads.people == 3
    assert not any(name.startswith(("lab/2/", "lab/5/")) for name in heads.recordings)
    again = load_heads(save_heads(heads, tmp_path / "again.safetensors"))
    first, second = heads.readouts[0], again.readouts[0]
    np.testing.assert_array_equal(first.head.weights, second.head.weights)
    assert first.card == second.card


def test_heads_refuse_every_recording_that_they_learned_from(write, imagining, tmp_path):
    first, again = (
        imagining[RecordingIdentity("lab", "1", "", "1")],
        RecordingIdentity("lab", "1", "2", "1"),
    )
    later = replace(person(6), path=first.path)  # another session's file, of the same name
    code, path = trained(
        write({**imagining, again: later}),
        tmp_path,
        *("--head", "riemann", "--test-subjects", "5"),
    )
    assert code == 0
    for recording in (first, later):
        with pytest.raises(InputError, match=rf"learned from {first.path.name} \(lab/1/"):
            decoder_of_heads(path, [recording], "01")
    _, said = decoder_of_heads(path, [person(9)], "09")
    assert "the heads of 4 other people" in said


@pytest.mark.slow
def test_through_the_encoder_its_weights_change_and_say_whose_labels_they_know(
    stored, vectors, tmp_path, capsys
):
    table, embedded = vectors
    encoder = tmp_path / "encoder.safetensors"
    code, path = trained(
        stored,
        tmp_path,
        *("--encoder", "untrained-bandpower-tiny", "--head", "encoder", "--unfreeze"),
        *("--encoder-out", encoder, "--epochs", 6, "--encoder-rate", 0.01, "--device", "cpu"),
        *("--caption", table, "--text-encoder", embedded),
    )
    said = capsys.readouterr().out
    assert code == 0, said
    lines = [line for line in said.splitlines() if line.startswith("epoch")]
    assert ["alignment" in line for line in lines] == [True, True, *[False] * 6]
    losses = [float(line.rpartition(" ")[2]) for line in lines]
    assert losses[-1] < losses[2]
    heads, loaded = load_heads(path), load_encoder(encoder)
    assert heads.encoder.sha256 == loaded.weights_sha256()
    assert heads.encoder.sha256 != load_encoder("untrained-bandpower-tiny").weights_sha256()
    digests = list(heads.recordings.values())
    assert loaded.spec.labels_seen([*digests, "0" * 64]) == [*[True] * len(digests), False]
    assert len(json.loads(loaded.spec.provenance["recordings"])) == heads.people
    assert loaded.spec.readout is None


def test_people_whose_labels_the_encoder_knows_are_not_tested_on(stored, tmp_path, capsys):
    encoder = load_encoder("untrained-bandpower-tiny")
    digest = next(r.origin_sha256 for r in stored.recordings if r.person == "lab/1")
    seen = [["lab", "1", "", "1"], ["lab", "S03", "", "2"]]
    known = {LABELLED: digest[:DIGITS], "recordings": json.dumps(seen)}
    encoder.spec = replace(encoder.spec, name="ours", trained=True, provenance=known)
    asked = ("--encoder", save_encoder(encoder, tmp_path / "ours.safetensors"))
    code, path = trained(stored, tmp_path, *asked, "--test-subjects", "1", "2")
    assert code == 2
    assert "ours has learned from labels of lab/1, on whom" in capsys.readouterr().err
    assert not path.exists()
    assert trained(stored, tmp_path, *asked, "--test-subjects", "2", "3")[0] == 0
    assert "pretraining has seen recordings of lab/3, who are tested" in capsys.readouterr().out
    blind = ("--head", "riemann", "--test-subjects", "1")  # reads no tokens
    assert trained(stored, tmp_path, *asked, *blind, out="blind.safetensors")[0] == 0


def test_an_encoder_of_another_band_than_the_store_is_refused(stored, tmp_path, capsys):
    encoder = load_encoder("untrained-bandpower-tiny")
    encoder.spec = replace(encoder.spec, name="narrow", trained=True, band=Band(8.0, 30.0))
    asked = ("--encoder", save_encoder(encoder, tmp_path / "narrow.safetensors"))
    assert trained(stored, tmp_path, *asked)[0] == 2
    said = "The store has 0.5-38 Hz and the encoder narrow was trained on 8-30 Hz;"
    assert said in capsys.readouterr().err
    assert trained(stored, tmp_path, *asked, "--head", "riemann")[0] == 0


def test_bad_input_is_said_in_a_sentence(stored, tmp_path, capsys):
    def refused(*more, said, task=HANDS):
        asked = [str(stored.folder), "--out", str(tmp_path / "bad.safetensors"), "--task", task]
        assert main([*asked, *map(str, more)]) == 2
        assert said in capsys.readouterr().err
        assert not (tmp_path / "bad.safetensors").exists()

    few = ("--head", "riemann")
    refused(*few, "--test-subjects", "9", said="no person with trials called 9; it has lab/1")
    refused(*few, "--test-subjects", *"12345", said="All people with trials are to be tested on")
    refused(*few, "--subjects", "1", said="are of lab/1 alone")
    refused(*few, "--weight", "text=1", said="there is no task text; they are hands")
    refused(*few, "--unfreeze", said="--unfreeze and --encoder-out belong together")
    refused("--epochs", 77, said="--epochs is for --unfreeze; add that, or leave it out")
    refused("--encoder-rate", 0.1, said="--encoder-rate is for --unfreeze")
    refused("--text-encoder", "nofolder", said="--text-encoder is for --caption")
    refused("--loss", "siglip", said="--loss is for --caption")
    refused(*few, task="x=feet:0,tongue:1", said="No task has classes")
    refused(*few, task="x=feet:a,tongue:b", said="The store has no event feet, tongue; it has ")
    foo = f"{HANDS},right_hnd:right"
    refused(*few, task=foo, said="no event right_hnd; it has left_hand, right_hand. Did you mean")
    table = tmp_path / "one.tsv"
    table.write_text("trial\tcaption\nleft_hand\tone\nright_hand\tone\n")
    refused(*few, "--caption", table, said="the same caption")


def test_a_decoder_of_heads_wants_a_minute_and_the_channels(stored, tmp_path, brainvision, capsys):
    code, path = trained(stored, tmp_path, "--head", "riemann")
    assert code == 0
    whole = person(9)
    short = replace(whole, samples_uv=whole.samples_uv[: 20 * 256], events=())
    few = replace(whole, samples_uv=whole.samples_uv[:, :8], labels=whole.labels[:8], events=())
    for name, recording, said in (
        ("short", short, "an alignment needs at least 30 s"),
        ("few", few, "lacks the channels"),
    ):
        file = brainvision(tmp_path / f"{name}.vhdr", recording)
        asked = ["fit", str(file), "--subject", "09", "--heads", str(path)]
        assert calibrate([*asked, "--home", str(tmp_path / "home")]) == 2
        assert said in capsys.readouterr().err
    assert calibrate([*asked, "--event", "left_hand=left_hand"]) == 2
    assert "fits nothing; leave out --" in capsys.readouterr().err
