import json
import pickle
import subprocess
import sys

import mne
import numpy as np
import pytest
from fif_files import write_fif
from recording_files import write_edf

from calibration.cli import main
from core.decoding.storage.decoder_file import load_decoder
from core.recordings import read_recording

EVENTS = ["--event", "T1=left_hand", "--event", "T2=right_hand"]


@pytest.fixture
def recording_file(imagery_recording, tmp_path):
    """A small recording in a file of its own, with PhysioNet's event names."""
    names = {"left_hand": "T1", "right_hand": "T2"}
    return write_fif(imagery_recording(trials=6), tmp_path / "person_raw.fif", names)


@pytest.mark.slow
def test_a_decoder_and_its_report_are_written(recording_file, home, capsys):
    assert main(["fit", str(recording_file), "--subject", "01", "--head", "riemann", *EVENTS]) == 0
    printed = capsys.readouterr().out
    (path,) = (home / "decoders").glob("*.safetensors")
    assert load_decoder(path).facts.subject == "01"
    assert "CSP+LDA" in printed
    assert "chance, 95 % bound" in printed
    assert path.with_suffix(".txt").read_text().strip() in printed
    report = json.loads(path.with_suffix(".json").read_text())
    assert report["chosen"] == "riemann"
    assert report["facts"]["recordings"] == {
        recording_file.name: read_recording(recording_file).sha256
    }


@pytest.mark.slow
def test_a_filter_is_refined_on_the_folds_of_the_fit(recording_file, tmp_path, monkeypatch):
    seeds = []

    def refined(fit, source, settings=None, home=None):
        seeds.append(settings.seed if settings else 0)
        return fit

    monkeypatch.setattr("calibration.finetuning.refine", refined)
    words = ["--subject", "01", "--head", "riemann", *EVENTS, "--prior", "none", "--seed", "5"]
    out = str(tmp_path / "a.safetensors")
    assert main(["fit", str(recording_file), *words, "--refine", "--out", out]) == 0
    assert seeds == [5]


@pytest.mark.slow
def test_what_reading_assumed_or_left_out_is_said_first_and_in_the_report(
    imagery_recording, tmp_path, capsys
):
    recording = imagery_recording(trials=6)
    samples = np.c_[recording.samples_uv, np.zeros(len(recording.samples_uv))]
    labels, units = (*recording.labels, "Temp"), [""] * len(recording.labels) + ["degC"]
    cues = [(event.onset, 4, event.label) for event in recording.events]
    path = write_edf(tmp_path / "a.edf", samples, labels, annotations=cues, units=units)
    given = ["fit", str(path), "--subject", "01", "--head", "riemann"]
    given += ["--out", str(tmp_path / "a.safetensors")]
    assert main(given) == 2
    assert "without a unit" in capsys.readouterr().err
    assert main([*given, "--unit", "uV"]) == 0
    said = capsys.readouterr()
    report = (tmp_path / "a.txt").read_text("utf-8")
    for words in ("taken to be uV, as --unit says.", "a.edf: left out Temp (degC)"):
        assert words in said.err
        assert words in said.out
        assert words in report
    assert said.err.startswith("Note: a.edf ")


@pytest.mark.slow
def test_an_encoder_of_random_weights_is_called_untrained(recording_file, tmp_path, capsys):
    given = ["fit", str(recording_file), "--subject", "01", "--head", "encoder", *EVENTS]
    assert main([*given, "--out", str(tmp_path / "one.safetensors")]) == 0
    assert "tokens of imagery-2 only" in capsys.readouterr().out
    given += ["--encoder", "untrained"]
    assert main([*given, "--out", str(tmp_path / "two.safetensors")]) == 0
    assert "tokens of tiny3 (untrained)" in capsys.readouterr().out


@pytest.mark.slow
def test_channels_of_files_without_names_are_named(recording_file, tmp_path, capsys):
    raw = mne.io.read_raw(recording_file, preload=True, verbose="ERROR")
    own, path = list(raw.ch_names), tmp_path / "unnamed_raw.fif"
    raw.rename_channels({name: f"Ch{number}" for number, name in enumerate(own, 1)})
    raw.save(path, verbose="ERROR")
    given = [path, "--subject", "01", "--head", "riemann", *EVENTS]
    assert "0 electrodes" in refused(given, capsys)
    names = ",".join([*own[:-1], "-"])
    assert f"has {len(own)} (Ch1 Ch2" in refused([*given, "--channels", "C3,C4"], capsys)
    out = tmp_path / "named.safetensors"
    assert main(["fit", *map(str, given), "--channels", names, "--out", str(out)]) == 0
    assert set(load_decoder(out).settings.channels) == set(own[:-1])
    assert f"Unused{len(own)}" in capsys.readouterr().out


@pytest.mark.slow
def test_a_stream_is_chosen_in_xdf_files_alone(recording_file, capsys):
    given = [recording_file, "--subject", "01", *EVENTS, "--stream", "EEG"]
    assert "--stream chooses a stream of an XDF file" in refused(given, capsys)


def refused(arguments, capsys):
    code = main(["fit", *map(str, arguments)])
    captured = capsys.readouterr()
    assert code == 2
    assert captured.err.startswith("eegpt-calibrate: ")
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.slow
def test_bad_input_ends_in_a_sentence(recording_file, tmp_path, home, capsys):
    one = [recording_file, "--subject", "01", "--head", "riemann"]
    assert "no recording at" in refused([tmp_path / "no.edf", "--subject", "01"], capsys)
    damaged = tmp_path / "damaged.edf"
    damaged.write_bytes(recording_file.read_bytes()[:500])
    assert "cannot be read" in refused([damaged, "--subject", "01"], capsys)
    assert "No event T7" in refused([*one, "--event", "T7=feet", *EVENTS], capsys)
    assert "The mains have 50 or 60 Hz" in refused([*one, *EVENTS, "--notch", "5"], capsys)
    assert "The seed is -1" in refused([*one, *EVENTS, "--seed", "-1"], capsys)
    assert "--from-cue" in refused([*one, *EVENTS, "--from-cue", "-1"], capsys)
    assert "less than a second" in refused([*one, *EVENTS, "--from-cue", "3.2"], capsys)
    late = [*one, *EVENTS, "--from-cue", "1", "--refine"]
    assert "--refine trains on whole windows" in refused(late, capsys)
    assert '"parsec"' in refused([*one, *EVENTS, "--unit", "parsec"], capsys)
    assert 'Session "a b"' in refused([*one, *EVENTS, "--session", "a b"], capsys)
    assert "Only one class" in refused([*one, "--event", "T1=left_hand"], capsys)
    assert "not LABEL=CLASS" in refused([*one, "--event", "T1"], capsys)
    twice = refused([*one, *EVENTS, "--event", "T1=feet"], capsys)
    assert 'gives the label "T1" two classes, left_hand and feet' in twice
    assert "Found in the annotations: T1 (6), T2 (6)." in refused(one, capsys)
    assert "letters and digits" in refused([recording_file, "--subject", "../x"], capsys)
    assert "at most 40" in refused([recording_file, "--subject", "a" * 41], capsys)
    trap = tmp_path / "trap.ckpt"
    trap.write_bytes(pickle.dumps({"state_dict": print}))
    assert str(trap) in refused([*one[:3], *EVENTS, "--encoder", trap], capsys)
    assert not home.exists()


@pytest.mark.parametrize("words", [("T1=left_hnad", "left_hand"), ("T1=Left-hand", "left_hand")])
def test_a_class_that_looks_misspelt_is_asked_about(recording_file, home, capsys, words):
    given, meant = words
    said = refused([recording_file, "--subject", "01", "--event", given], capsys)
    assert f'no class "{given[3:]}". Did you mean "{meant}"?' in said
    assert "left_hand, right_hand, feet, tongue, rest" in said
    assert "one of your own needs a name less like these" in said
    assert not home.exists()


@pytest.mark.slow
def test_a_class_of_ones_own_is_taken(recording_file, tmp_path):
    own = ["--event", "T1=left", "--event", "T2=counting"]
    out = ["--out", str(tmp_path / "own.safetensors")]
    given = ["fit", str(recording_file), "--subject", "01", "--head", "riemann", *own, *out]
    assert main(given) == 0
    assert load_decoder(tmp_path / "own.safetensors").classes == ("left", "counting")


@pytest.mark.slow
def test_an_event_that_is_not_there_is_answered_with_what_is(recording_file, capsys):
    wrong = ["--event", "t1=left_hand", "--event", "T2=right_hand"]
    said = refused([recording_file, "--subject", "01", *wrong], capsys)
    assert 'Did you mean "T1"? Found in the annotations: T1 (6), T2 (6).' in said


@pytest.mark.slow
def test_a_recording_given_twice_is_refused(recording_file, tmp_path, home, capsys):
    raw = mne.io.read_raw_fif(recording_file, preload=True, verbose="ERROR")
    # As another program would export it: fewer channels, rounded, cut, with a name of its own.
    copy = tmp_path / "export_raw.fif"
    samples = np.round(raw.get_data()[::-1] * 1e7) / 1e7
    info = mne.create_info(raw.ch_names[::-1], raw.info["sfreq"], "eeg")
    other = mne.io.RawArray(samples, info, verbose="ERROR")
    other.set_annotations(raw.annotations).crop(tmin=5.0).save(copy, verbose="ERROR")
    one = ["--subject", "01", *EVENTS]
    assert "is named twice" in refused([recording_file, recording_file, *one], capsys)
    said = refused([recording_file, copy, *one], capsys)
    assert f"{recording_file} and {copy} are the same recording, or parts of one" in said
    assert not home.exists()


@pytest.mark.slow
def test_a_recording_in_a_wrong_unit_is_refused(imagery_recording, tmp_path, home, capsys):
    recording = imagery_recording(trials=6)
    info = mne.create_info(list(recording.labels), recording.rate, "eeg")
    raw = mne.io.RawArray(recording.samples_uv.T.astype(float), info, verbose="ERROR")  # as volts
    raw.set_annotations(mne.Annotations([1.0, 5.0], 4.0, ["T1", "T2"]))
    path = tmp_path / "volts_raw.fif"
    raw.save(path, fmt="double", verbose="ERROR")
    said = refused([path, "--subject", "01", *EVENTS], capsys)
    assert "volts_raw.fif has an amplitude of" in said
    assert "--unit" in said
    assert not home.exists()


@pytest.mark.parametrize("suffix", [".safetensors", ".json", ".txt"])
@pytest.mark.parametrize("named", [".safetensors", ""])
def test_nothing_that_exists_is_overwritten(recording_file, tmp_path, capsys, suffix, named):
    there = tmp_path / f"mine{suffix}"
    there.write_bytes(b"precious")
    given = [recording_file, "--subject", "01", "--head", "riemann", *EVENTS]
    said = refused([*given, "--out", tmp_path / f"mine{named}"], capsys)
    assert f"mine{suffix} exists already" in said
    assert [path.name for path in tmp_path.glob("mine*")] == [there.name]
    assert there.read_bytes() == b"precious"


@pytest.mark.slow
def test_a_fit_reads_all_files_in_one_process_and_loads_no_mne_itself(imagery_recording, tmp_path):
    files = []
    for run in (1, 2):
        recording = imagery_recording(seed=run, trials=6)
        cues = [(event.onset, 4, event.label) for event in recording.events]
        path = tmp_path / f"{run}.edf"
        files.append(write_edf(path, recording.samples_uv, recording.labels, annotations=cues))
    code = (
        "import subprocess, sys\n"
        "started, start = [], subprocess.Popen.__init__\n"
        "def counted(self, *given, **more):\n"
        "    started.append(given[0])\n"
        "    start(self, *given, **more)\n"
        "subprocess.Popen.__init__ = counted\n"
        "from calibration.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "readers = [given for given in started if any('worker' in word for word in given)]\n"
        "assert len(readers) == 1, started\n"
        "needless = {'mne', 'PySide6', 'pylsl', 'timm', 'braindecode'} & set(sys.modules)\n"
        "assert not needless, needless\n"
    )
    given = ["fit", *map(str, files), "--subject", "01", "--head", "riemann", "--prior", "none"]
    subprocess.run([sys.executable, "-c", code, *given], check=True)


@pytest.mark.slow
def test_help_and_version_load_nothing_heavy():
    code = (
        "import sys; sys.argv = ['eegpt-calibrate', {flag!r}]\n"
        "from calibration.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {{'torch', 'mne', 'scipy', 'numpy', 'sklearn', 'PySide6', 'pylsl'}}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    for flag in ("--help", "--version"):
        subprocess.run([sys.executable, "-c", code.format(flag=flag)], check=True, timeout=60)


@pytest.mark.slow
@pytest.mark.data
def test_a_real_recording_fits(recordings_folder, tmp_path, capsys):
    files = [recordings_folder / "eegmmidb" / "S003" / f"S003R{run:02d}.edf" for run in (4, 8)]
    out = tmp_path / "s003.safetensors"
    given = ["fit", *map(str, files), "--subject", "S003", "--head", "riemann", *EVENTS]
    assert main([*given, "--out", str(out)]) == 0
    decoder = load_decoder(out)
    assert len(decoder.settings.channels) == 58
    assert decoder.facts.trials == 30
    assert np.isfinite(decoder.head.weights).all()


def test_the_recordings_of_sessions_are_checked_by_default(home, capsys):
    assert main(["check"]) == 2
    assert f"no BIDS data set at {home / 'recordings'}" in capsys.readouterr().err
