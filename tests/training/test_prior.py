"""The command, from a store of simulated people to a prior that a decoder starts from."""

import numpy as np
import pytest

from core.encoders.eegpt.electrodes import CODEX
from core.errors import InputError
from core.fitting.transfer.population import make_prior
from core.fitting.transfer.prior_file import load_prior
from core.signal.pipeline import SignalSettings
from simulation.synthetic import session
from training.prior import main, stored_people
from training.shards import RecordingIdentity

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.fixture(scope="module")
def imagining():
    return {
        RecordingIdentity("lab", str(seed), "", "1"): session(
            trials_per_class=6, seed=seed, rate=256.0
        )
        for seed in (1, 2, 3)
    }


@pytest.fixture
def stored(write, imagining):
    return write(imagining)


@pytest.mark.slow
def test_a_store_gives_the_prior_that_its_recordings_give(stored, imagining, tmp_path, capsys):
    out = tmp_path / "others.safetensors"
    assert main([str(stored.folder), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "36 trials (18 of left_hand, 18 of right_hand) of 3 people in 3 recordings" in said
    found = load_prior(out)
    people = {who.subject: [recording] for who, recording in imagining.items()}
    # A store of so many electrodes holds them with their average as reference.
    settings = SignalSettings(found.channels, "average", 256.0)
    direct = make_prior(people, EVENTS, CODEX, settings, 1024)
    assert list(found.recordings.values()) == list(direct.recordings.values())
    assert found.marks == {one.sha256: one.fingerprint[:128] for one in imagining.values()}
    np.testing.assert_array_equal(found.labels, direct.labels)
    picks = [direct.channels.index(name) for name in found.channels]
    centring = np.eye(len(picks)) - 1.0 / len(picks)
    again = centring @ direct.covariances[:, picks][:, :, picks].astype(float) @ centring
    np.testing.assert_allclose(found.covariances, again, atol=1e-3 * np.abs(again).max())


@pytest.mark.slow
def test_who_has_too_few_trials_is_not_counted(write, imagining, tmp_path, capsys):
    few = session(trials_per_class=2, seed=4, rate=256.0)
    stored = write({**imagining, RecordingIdentity("lab", "4", "", "1"): few})
    assert main([str(stored.folder), "--out", str(tmp_path / "others.safetensors")]) == 0
    said = capsys.readouterr().out
    assert "is no prior: Too few complete trials" in said
    assert "of 3 people in 3 recordings" in said


@pytest.mark.slow
def test_events_that_are_named_take_the_place_of_the_hands(stored, tmp_path, capsys):
    out = tmp_path / "others.safetensors"
    asked = ["--event", "left_hand=fist", "--event", "right_hand=rest"]
    assert main([str(stored.folder), "--out", str(out), *asked]) == 0
    assert "36 trials (18 of fist, 18 of rest) of 3 people" in capsys.readouterr().out
    assert load_prior(out).classes == ("fist", "rest")
    alone = ["--event", "left_hand=fist", "--event", "right_hand=fist"]
    assert main([str(stored.folder), "--out", str(tmp_path / "x.safetensors"), *alone]) == 2
    assert "--event names the class fist alone" in capsys.readouterr().err


@pytest.mark.slow
def test_what_is_left_out_is_not_in_it(stored, imagining):
    names = [recording.path.name for recording in imagining.values()]
    people = stored_people(stored, EVENTS, (), ())
    assert set(people) == {"lab/1", "lab/2", "lab/3"}
    assert set(stored_people(stored, EVENTS, ("2",), ())) == {"lab/2"}
    for again in ("lab/2", "S002", "02", "lab/S2"):
        assert set(stored_people(stored, EVENTS, (again,), ())) == {"lab/2"}
    with pytest.raises(InputError, match="no recording with events for all of"):
        stored_people(stored, EVENTS, (), names)
    with pytest.raises(InputError, match=r"no subject 9; it has lab/1"):
        stored_people(stored, EVENTS, ("9",), ())
    with pytest.raises(InputError, match="no recording with events for all of left_hand, feet"):
        stored_people(stored, {"left_hand": "left_hand", "both_feet": "feet"}, (), ())


@pytest.mark.slow
def test_a_gap_in_a_recording_stays_one(write, imagining):
    from dataclasses import replace

    (who, recording), *_ = imagining.items()
    broken = replace(recording, breaks=(round(30.0 * recording.rate),))
    store = write({who: broken})
    assert len(store.recordings) == 2
    (found,) = stored_people(store, EVENTS, (), ())["lab/1"]
    assert found.breaks == (store.recordings[0].length,)
    asked = [event.onset for event in recording.events if event.label in EVENTS]
    np.testing.assert_allclose([event.onset for event in found.events], asked, atol=0.01)


@pytest.mark.slow
def test_bad_input_is_said_in_a_sentence(stored, tmp_path, capsys):
    out = tmp_path / "others.safetensors"
    assert main([str(stored.folder), "--out", str(out), "--event", "left_hand"]) == 2
    assert '--event "left_hand" is not LABEL=CLASS' in capsys.readouterr().err
    twice = ["--event", "a=left_hand", "--event", "a=right_hand"]
    assert main([str(stored.folder), "--out", str(out), *twice]) == 2
    assert 'gives the label "a" two classes' in capsys.readouterr().err
    absent = ["--event", "T1=left_hand", "--event", "right_hand=right_hand"]
    assert main([str(stored.folder), "--out", str(out), *absent]) == 2
    assert "no event T1; it has" in capsys.readouterr().err
    assert main([str(tmp_path), "--out", str(out)]) == 2
    assert "There is no window store" in capsys.readouterr().err
    given = [str(stored.folder), "--out", str(out)]
    assert main([*given, "--leave-out", "nope.edf"]) == 2
    assert "no recording called nope.edf" in capsys.readouterr().err
    assert main([*given, "--subjects", stored.subjects[0], "nobody"]) == 2
    assert "no subject nobody" in capsys.readouterr().err
    assert main([*given, "--window", "0"]) == 2
    assert "--window" in capsys.readouterr().err
    assert main([str(stored.folder), "--out", str(tmp_path / "others.bin")]) == 2
    assert 'ends in ".safetensors"' in capsys.readouterr().err
    assert not out.exists()
    out.write_bytes(b"")
    assert main([str(stored.folder), "--out", str(out)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert out.read_bytes() == b""
