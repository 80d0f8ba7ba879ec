import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
from recording_files import noise, write_edf

from core.decoding.storage.decoder_file import save_decoder
from core.decoding.storage.library import kept_decoders
from core.stream.outlets import SignalOutlet
from realtime.cli import main


def refused(arguments, capsys):
    code = main([*map(str, arguments)])
    captured = capsys.readouterr()
    assert code == 2, captured
    assert "\neegpt-realtime: " in f"\n{captured.err}"
    assert "Traceback" not in captured.err
    return captured.err


@pytest.fixture
def decoder_file(fitted, tmp_path):
    return save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors")


@pytest.fixture
def outlet():
    made = []

    def make(name, labels, unit="microvolts", rate=250.0, source_id=None):
        made.append(SignalOutlet(name, "EEG", labels, unit, rate, source_id or f"{name}-id"))

    yield make
    made.clear()


@pytest.mark.slow
def test_streams_that_do_not_fit_end_in_a_sentence(decoder_file, outlet, fitted, capsys):
    headless = ["--headless", "--decoder", decoder_file, "--duration", 5, "--timeout", 20]
    labels = fitted["riemann"].settings.channels
    outlet("Nameless", [f"Ch{i}" for i in range(8)])
    outlet("Ohms", labels, unit="kOhm")
    outlet("Slow", labels, rate=64.0)
    outlet("Twin", labels, source_id="one")
    outlet("Twin", labels, source_id="two")
    said = refused(["--stream", "Nameless", *headless], capsys)
    assert "lacks 17 of the decoder's 17 channels" in said
    assert "--channels" in said
    assert "kOhm" in refused(["--stream", "Ohms", *headless], capsys)
    assert "64 Hz" in refused(["--stream", "Slow", *headless], capsys)
    said = refused(["--stream", "Twin", *headless], capsys)
    assert "one" in said
    assert "two" in said
    said = refused(["--stream", "Absent", *headless, "--timeout", 4], capsys)
    assert '"Absent"' in said
    assert "Nameless" in said
    assert "--stream" in refused(headless, capsys)
    names = ["--channels", "C3,C4"]
    assert "names 2 channels" in refused(["--stream", "Nameless", *names, *headless], capsys)


@pytest.mark.slow
def test_decoders_that_do_not_fit_end_in_a_sentence(fitted, tmp_path, capsys):
    other_unit = replace(fitted["encoder"], unit="uV")
    other_reference = tmp_path / "reference.safetensors"
    whole = save_decoder(fitted["riemann"], tmp_path / "whole.safetensors").read_bytes()
    text = b'\\"reference\\": \\"average\\"'
    assert text in whole
    other_reference.write_bytes(whole.replace(text, b'\\"reference\\": \\"mastoid\\"'))
    half = tmp_path / "half.safetensors"
    half.write_bytes(whole[:1000])
    trap = tmp_path / "trap.safetensors"
    trap.write_bytes(pickle.dumps(print))
    recording = _recording_file(fitted, tmp_path)
    unit = save_decoder(other_unit, tmp_path / "unit.safetensors")
    file = ["--file", recording]
    assert "unit uV instead of mV" in refused([*file, "--decoder", unit], capsys)
    assert '"mastoid"' in refused([*file, "--decoder", other_reference], capsys)
    assert "damaged" in refused([*file, "--decoder", half], capsys)
    assert "damaged" in refused([*file, "--decoder", trap], capsys)
    assert "no decoder at" in refused([*file, "--decoder", tmp_path / "none"], capsys)
    assert "is a folder and no decoder" in refused([*file, "--decoder", tmp_path], capsys)
    assert "no decoder of subject 09" in refused([*file, "--subject", "09"], capsys)
    assert "needs a decoder" in refused(file, capsys)


def _recording_file(fitted, folder, eog=()):
    import mne
    import numpy as np

    labels = [*fitted["riemann"].settings.channels, *eog]
    noise = np.random.default_rng(0).normal(0.0, 1e-5, (len(labels), 1500))
    path = folder / "noise_raw.fif"
    types = ["eog" if label in eog else "eeg" for label in labels]
    raw = mne.io.RawArray(noise, mne.create_info(labels, 250.0, types), verbose="ERROR")
    raw.save(path, verbose="ERROR")
    return path


@pytest.mark.slow
def test_channels_are_counted_as_a_fit_counts_them(decoder_file, fitted, tmp_path, capsys):
    recording = _recording_file(fitted, tmp_path, eog=("HEOG",))
    names = ",".join((*fitted["riemann"].settings.channels, "HEOG"))
    given = ["--file", recording, "--decoder", decoder_file, "--channels"]
    assert main([*map(str, given), names]) == 0
    assert "names 17 channels" in refused([*given, names.removesuffix(",HEOG")], capsys)


@pytest.mark.slow
def test_what_reading_a_file_left_out_is_said(decoder_file, fitted, tmp_path, capsys):
    labels = (*fitted["riemann"].settings.channels, "Trigger")
    path = write_edf(tmp_path / "a.edf", noise(2500, len(labels)), labels)
    assert main(["--file", str(path), "--decoder", str(decoder_file)]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("Note: a.edf: left out Trigger (stim)")
    assert "a.edf: 10.0 s" in said.out


@pytest.mark.slow
def test_nothing_is_overwritten(decoder_file, fitted, tmp_path, capsys):
    recording = _recording_file(fitted, tmp_path)
    log = tmp_path / "log.jsonl"
    given = ["--file", recording, "--decoder", decoder_file, "--log", log]
    assert main([*map(str, given)]) == 0
    before = log.read_bytes()
    assert len(before.splitlines()) == 23
    assert "exists already" in refused(given, capsys)
    assert log.read_bytes() == before


@pytest.mark.slow
def test_numbers_without_meaning_end_in_a_sentence(decoder_file, fitted, tmp_path, capsys):
    recording = _recording_file(fitted, tmp_path)
    given = ["--file", recording, "--decoder", decoder_file]
    assert "--threshold" in refused([*given, "--threshold", 2], capsys)
    assert "more than 0" in refused([*given, "--false-alarms", 0], capsys)
    assert "are unknown" in refused([*given, "--false-alarms", 2], capsys)
    both = [*given, "--false-alarms", 2, "--threshold", 0.6]
    assert "choose one" in refused(both, capsys)
    assert "does not divide" in refused([*given, "--hop", 0.3], capsys)
    assert "does not divide" in refused([*given, "--hop", "nan"], capsys)
    assert "--duration" in refused([*given, "--duration", 5], capsys)
    assert "a stream of an XDF file" in refused([*given, "--stream", "EEG"], capsys)
    assert '"parsec"' in refused([*given, "--unit", "parsec"], capsys)
    nobody = ["--stream", "x", "--headless"]
    assert "time to look" in refused([*nobody, "--timeout", "nan"], capsys)
    assert "--duration" in refused([*nobody, "--duration", "nan"], capsys)
    assert "--duration" in refused(["--stream", "x", "--duration", 0], capsys)
    assert "choose one" in refused([*given, "--subject", "01"], capsys)
    for other in (["--stream", "x"], ["--type", "EEG"], ["--uncalibrated"]):
        assert "--demo brings" in refused(["--demo", *other], capsys)
    assert "no recording at" in refused(["--file", tmp_path / "x.edf", *given[2:]], capsys)


@pytest.mark.slow
def test_streams_are_listed(outlet, capsys):
    outlet("Listed", ["C3", "C4"])
    assert main(["--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum("Listed" in line for line in lines) == 1


def test_an_unknown_flag_is_refused():
    with pytest.raises(SystemExit) as ended:
        main(["--strem", "EEG"])
    assert ended.value.code == 2


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version_load_nothing_heavy(flag):
    code = (
        f"import sys; sys.argv = ['eegpt-realtime', {flag!r}]\n"
        "from realtime.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "heavy = {'torch', 'mne', 'numpy', 'scipy', 'sklearn', 'PySide6', 'pylsl'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
def test_streams_are_listed_without_torch_mne_or_qt():
    code = (
        "import sys\n"
        "from realtime.cli import main\n"
        "assert main(['--list']) == 0\n"
        "heavy = {'torch', 'mne', 'scipy', 'sklearn', 'PySide6'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
def test_the_demo_calibrates_and_decodes(home, capsys):
    assert main(["--demo", "--headless", "--duration", "6"]) == 0
    said = capsys.readouterr().err
    assert "Decoder:" in said
    assert "simulated subject" in said
    assert list(home.rglob("sub-demo*.safetensors"))
    assert list(kept_decoders(home)) == []  # it is nobody's


def test_sites_are_chosen_for_an_uncalibrated_decoder_alone(tmp_path, capsys):
    for flags in (["--sites", "motor"], ["--regress-eyes"]):
        given = ["--decoder", tmp_path / "one.safetensors", "--file", tmp_path / "one.edf", *flags]
        assert "go with --uncalibrated; a decoder's own are in its file" in refused(given, capsys)


@pytest.mark.parametrize(
    "flags",
    [
        ["--demo"],
        ["--duration", "5"],
        ["--markers", "X"],
        ["--type", "EEG"],
        ["--source-id", "one"],
        ["--trials", "3"],
        ["--timeout", "1"],
        ["--list"],
    ],
)
def test_a_file_takes_no_flags_of_a_stream(flags, tmp_path, capsys):
    given = ["--decoder", tmp_path / "one.safetensors", "--file", tmp_path / "one.edf", *flags]
    assert f"leave out {flags[0]}." in refused(given, capsys)
