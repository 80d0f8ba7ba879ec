import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fif_files import write_fif
from xdf_files import eeg_stream, write_xdf

from calibration.classes import cue_events
from calibration.fit_settings import FitSettings
from calibration.fitted_on import labels_seen
from calibration.fitting import fit_decoder
from calibration.priors import (
    person_of,
    prior_head,
    read_alike,
    read_priors,
    starting_head,
)
from calibration.report import as_json, as_text
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.encoders import load_encoder
from core.encoders.eegpt.electrodes import CODEX
from core.errors import InputError
from core.fitting.transfer.population import make_prior
from core.fitting.transfer.prior_file import population, save_prior
from core.fitting.views import PRIOR
from core.recordings import read_recording
from core.signal.filtering import CausalFilter
from core.signal.pipeline import SignalSettings

pytestmark = pytest.mark.slow

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}
SETTINGS = FitSettings(head="riemann", repeats=1)


@pytest.fixture(scope="module")
def prior(imagery_recording):
    people = {f"P{seed}": [imagery_recording(seed)] for seed in (11, 12, 13)}
    settings = SignalSettings(imagery_recording().labels, "average", 256.0)
    return make_prior(people, EVENTS, CODEX, settings, 1024)


@pytest.fixture(scope="module")
def fit(prior, imagery_recording):
    own = imagery_recording(5, trials=5)
    head = prior_head([prior], own.labels, EVENTS, SETTINGS)
    return fit_decoder([own], EVENTS, "01", SETTINGS, prior=head)


def test_a_fit_from_a_prior_is_scored_beside_one_without(fit, prior):
    assert list(fit.selection.scores)[:3] == [PRIOR, "riemann", "auto"]
    assert fit.selection.chosen == PRIOR
    assert fit.selection.weight in (300.0, 30.0, float("inf"))
    told = fit.decoder.facts.fit["prior"]
    assert told["recordings"] == prior.recordings
    assert told["trials"] == 48
    assert "the decoder starts from it with weight" in as_text(fit)
    assert json.loads(as_json(fit))["facts"]["fit"]["prior"] == told


def test_a_decoder_that_started_from_a_prior_decodes_a_stream(fit, imagery_recording, tmp_path):
    decoder = load_decoder(save_decoder(fit.decoder, tmp_path / "one.safetensors"))
    assert decoder.facts == fit.decoder.facts
    new = imagery_recording(5, trials=5)
    path = decoder.attach(new.labels, [""] * len(new.labels), new.rate)
    signal = path.push(new.samples_uv)
    windows = WindowDecoder(decoder, None)
    hop = decoder.hop
    live = [windows.push(signal[at : at + hop]) for at in range(0, len(signal) - hop, hop)]
    (view,) = decoder.tangents
    from core.decoding.features import band_sections

    banded = CausalFilter(band_sections(view.band, view.rate)).push(signal)
    right = []
    for event in new.events:
        end = round((event.onset + 4.0) * 256.0) // hop  # hops
        window = banded[end * hop - decoder.window : end * hop].T[None]
        whole = decoder.head.probabilities(view.of_windows(window))[0]
        np.testing.assert_allclose(live[end - 1], whole, atol=1e-9)
        right.append(decoder.classes[whole.argmax()] == event.label)
    assert np.mean(right) > 0.8


def test_a_prior_that_lies_is_left_out(prior, imagery_recording):
    from dataclasses import replace

    own = imagery_recording(5, trials=10)
    wrong = replace(prior, labels=1 - prior.labels)
    head = prior_head([wrong], own.labels, EVENTS, SETTINGS)
    found = fit_decoder([own], EVENTS, "01", SETTINGS, prior=head)
    assert found.selection.weight == 0.0
    assert found.selection.chosen == "riemann"
    assert "it is not used" in as_text(found)
    plain = fit_decoder([own], EVENTS, "01", SETTINGS)
    np.testing.assert_array_equal(found.decoder.head.weights, plain.decoder.head.weights)
    assert plain.selection.weight is None
    assert "prior" not in plain.decoder.facts.fit


def test_a_recording_is_never_on_both_sides(prior, imagery_recording):
    own = imagery_recording(11)
    head = prior_head([prior], own.labels, EVENTS, SETTINGS)
    with pytest.raises(InputError, match=r"to fit and in the prior \(P11/imagery\.edf\)"):
        fit_decoder([own], EVENTS, "01", SETTINGS, prior=head)


def test_files_of_every_kind_are_read(prior, fitted, tmp_path):
    paths = [
        save_prior(prior, tmp_path / "prior.safetensors"),
        save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors"),
    ]
    found = read_priors(paths, EVENTS, SETTINGS)
    head = prior_head(found, fitted["riemann"].settings.channels, EVENTS, SETTINGS)
    assert head.trials == 48 + 16
    with pytest.raises(InputError, match="no recording with the events left_hand, right_hand"):
        read_priors([tmp_path], EVENTS, SETTINGS)


def test_nobody_counts_twice(prior, tmp_path):
    paths = [save_prior(prior, tmp_path / f"{name}.safetensors") for name in "ab"]
    with pytest.raises(InputError, match="hold the same recording"):
        read_priors(paths, EVENTS, SETTINGS)
    with pytest.raises(InputError, match="population more than once"):
        read_priors([Path("population")] * 2, EVENTS, SETTINGS)
    everybody = population()
    gone = list(everybody.recordings.values())[:3]
    theirs = replace(prior, recordings=dict(zip(prior.recordings, gone, strict=True)))
    known = save_prior(theirs, tmp_path / "c.safetensors")
    (_, others) = read_priors([Path("population"), known], EVENTS, SETTINGS)
    assert not set(gone) & set(others.recordings.values())
    assert 0 < len(everybody) - len(others) <= 60


def test_hands_start_from_the_population_and_nothing_else_does(imagery_recording, capsys):
    own = imagery_recording(5, trials=5)
    settings = FitSettings(repeats=1)
    found = starting_head((), own.labels, EVENTS, settings)
    assert found.trials == len(population())
    assert found.accuracy > 0.6
    feet = {"left_hand": "left_hand", "right_hand": "feet"}
    assert starting_head((), own.labels, feet, settings) is None
    assert starting_head((), own.labels, {**EVENTS, "feet": "feet"}, settings) is None
    assert starting_head((), own.labels, EVENTS, SETTINGS) is None  # one head was asked for
    assert starting_head((Path("none"),), own.labels, EVENTS, settings) is None
    assert not capsys.readouterr().err
    assert starting_head((), own.labels, {"T1": "left", "T2": "right"}, settings) is None
    assert "the classes here are left and right; name them so" in capsys.readouterr().err
    feet = {"T1": "left_foot", "T2": "right_foot"}
    assert starting_head((), own.labels, feet, settings) is None
    assert not capsys.readouterr().err
    # Who has one known electrode is told so by the fit itself.
    few = ("C3", "AF7", "AF8", "PO5")
    assert starting_head((), few, EVENTS, settings) is None
    assert not capsys.readouterr().err
    labram = replace(settings, encoder="untrained-labram")
    assert starting_head((), own.labels, EVENTS, labram) is None
    said = capsys.readouterr().err
    assert "own trials alone, not from other people" in said
    assert "200 Hz" in said
    with pytest.raises(InputError, match="at least 2 are needed"):
        starting_head((Path("population"),), few, EVENTS, settings)


@pytest.mark.data
def test_nobody_starts_from_themselves(recordings_folder):
    own = read_recording(recordings_folder / "eegmmidb" / "S003" / "S003R04.edf")
    events = {"T1": "left_hand", "T2": "right_hand"}
    (left,) = read_priors([Path("population")], events, own=[own])
    assert not any("S003" in name for name in left.recordings)
    everybody = population()
    theirs = [
        n for n, _ in enumerate(everybody.recordings) if "S003" in list(everybody.recordings)[n]
    ]
    assert len(left) == len(everybody) - np.isin(everybody.recording, theirs).sum()
    assert own.sha256 in everybody.recordings.values()
    np.testing.assert_array_equal(np.unique(left.recording), np.arange(len(left.recordings)))
    others = len(np.unique(everybody.person)) - 1
    np.testing.assert_array_equal(np.unique(left.person), np.arange(others))


@pytest.mark.data
def test_nobody_starts_from_themselves_in_another_format(recordings_folder, tmp_path):
    """A re-saved recording kept its person's trials in the population, and its labels unseen."""
    own = read_recording(recordings_folder / "eegmmidb" / "S001" / "S001R04.edf")
    copy = read_recording(write_fif(own, tmp_path / "copy_raw.fif"))
    assert copy.sha256 != own.sha256
    events = {"T1": "left_hand", "T2": "right_hand"}
    (left,) = read_priors([Path("population")], events, own=[copy])
    assert not any("S001" in name for name in left.recordings)
    settings = FitSettings(repeats=1)
    found = starting_head((), copy.labels, events, settings, own=[copy])
    assert found.trials == len(left) < len(population())
    assert labels_seen([copy], load_encoder("imagery-2")) == ["copy_raw.fif"]
    everybody = prior_head([population()], copy.labels, events, settings)
    with pytest.raises(InputError, match=r"in the prior \(physionet-mi/S001/S001R04\.edf\)"):
        fit_decoder([copy], events, "01", settings, prior=everybody)


def test_a_prior_knows_its_recordings_in_whatever_format(prior, imagery_recording, tmp_path):
    """A prior kept hashes of files alone: re-saved, a recording lay on both sides."""
    names = {f"P{seed}/imagery.edf": imagery_recording(seed) for seed in (11, 12, 13)}
    marks = {one.sha256: one.fingerprint for one in names.values()}
    file = save_prior(replace(prior, marks=marks), tmp_path / "prior.safetensors")
    own = imagery_recording(11)
    copy = read_recording(write_fif(own, tmp_path / "own" / "copy_raw.fif"))
    head = prior_head(read_priors([file], EVENTS, SETTINGS), copy.labels, EVENTS, SETTINGS)
    with pytest.raises(InputError, match=r"to fit and in the prior \(P11/imagery\.edf\)"):
        fit_decoder([copy], EVENTS, "01", SETTINGS, prior=head)
    with pytest.raises(InputError, match="hold the same recording"):
        read_priors([file, copy.path], EVENTS, SETTINGS)


def test_a_name_says_whose_a_recording_is(tmp_path):
    assert person_of(tmp_path / "x" / "sub-07_ses-2_task-imagery_eeg.vhdr") == "07"
    assert person_of(tmp_path / "x" / "sub-07.xdf.gz") == "07"
    assert person_of(tmp_path / "S003" / "S003R04.edf") == "S003"


@pytest.mark.parametrize("name", ["a.xdf", "a.XDFZ", "a.xdf.gz"])
def test_a_folder_is_searched_for_xdf_files_of_every_name(name, tmp_path):
    (tmp_path / name).touch()
    found = []

    def read(file):
        found.append(file.name)
        raise InputError("Found.")

    with pytest.raises(InputError, match="Found"):
        read_priors([tmp_path], EVENTS, SETTINGS, read=read)
    assert found == [name]


def test_the_stream_is_asked_of_packed_xdf_files_of_others(tmp_path):
    path = write_xdf(tmp_path / "a.xdf.gz", eeg_stream())
    assert read_alike(path, None, "EEG", None).labels == ("C3", "C4")
    with pytest.raises(InputError, match='no stream "Left"'):
        read_alike(path, None, "Left", None)


@pytest.mark.data
def test_other_people_of_a_folder_are_a_prior(recordings_folder, tmp_path, capsys):
    from calibration.cli import main

    folder = recordings_folder / "eegmmidb"
    out = tmp_path / "s004.safetensors"
    given = ["fit", folder / "S004" / "S004R04.edf", "--subject", "S004", "--head", "riemann"]
    given += ["--event", "T1=left_hand", "--event", "T2=right_hand", "--out", out]
    # All of S004's recordings but the one that is fitted, and three of two other people.
    given += ["--prior", folder / "S004" / "S004R08.edf"]
    given += [folder / name / f"{name}R{run:02d}.edf" for name in ("S003", "S013") for run in (4,)]
    assert main([str(word) for word in given]) == 0
    assert "trials of 3 recordings)" in capsys.readouterr().out
    told = load_decoder(out).facts.fit["prior"]
    assert set(told["recordings"]) == {
        "S004/S004R08.edf",
        "S003/S003R04.edf",
        "S013/S013R04.edf",
    }


def test_recordings_of_one_name_are_not_taken_for_one(imagery_recording, tmp_path):
    days = [
        replace(imagery_recording(seed, path="session.edf"), sha256=str(seed) * 64)
        for seed in (1, 2)
    ]
    events = cue_events(days)
    settings = FitSettings(head="riemann", repeats=1)
    before = fit_decoder(days, events, "01", settings).decoder
    assert before.facts.recordings == {"session.edf": "1" * 64, "session.edf (2)": "2" * 64}
    file = save_decoder(before, tmp_path / "before.safetensors")
    prior = starting_head((file,), days[0].labels, events, settings)
    for day in days:
        with pytest.raises(InputError, match="among the recordings to fit and in the prior"):
            fit_decoder([day], events, "01", settings, prior=prior)


def test_own_recordings_are_no_prior_whatever_file_they_lie_in(imagery_recording, tmp_path):
    own = imagery_recording(5, trials=5)
    copy = write_fif(own, tmp_path / "old" / "export_raw.fif")
    other = write_fif(imagery_recording(6, trials=5), tmp_path / "other" / "one_raw.fif")
    write_fif(imagery_recording(6, trials=5), tmp_path / "other" / "two_raw.fif")
    with pytest.raises(InputError, match=r"has samples in common with imagery\.edf"):
        read_priors([copy], EVENTS, SETTINGS, own=[own])
    with pytest.raises(InputError, match="There is no recording with the events"):
        read_priors([copy.parent], EVENTS, SETTINGS, own=[own])
    (found,) = read_priors([other.parent], EVENTS, SETTINGS, own=[own])
    assert len(found) == 10  # of one of the two copies
