"""The command ``eegpt-stream`` in a process of its own."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from recording_files import noise, write_edf

from core.recordings import read_recording
from core.stream.description import read_facts
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from core.stream.outlets import MarkerOutlet
from simulation.cli import main
from simulation.faults.truth import Truth


@pytest.fixture(scope="module")
def recording_file(tmp_path_factory):
    """A FIF file of one second with an annotation."""
    import mne

    path = tmp_path_factory.mktemp("recording") / "short_raw.fif"
    info = mne.create_info(["C3", "CZ", "C4"], 250.0, "eeg", verbose="ERROR")
    samples = np.random.default_rng(0).normal(0, 20e-6, (3, 250))
    raw = mne.io.RawArray(samples, info, verbose="ERROR")
    raw.set_annotations(mne.Annotations([0.5], [0.0], ["left_hand"]))
    raw.save(path, verbose="ERROR")
    return path


def received(inlet, until, count):
    blocks = []

    def enough():
        if block := inlet.read(0.1):
            blocks.append(block)
        return sum(len(block.stamps) for block in blocks) >= count

    until(enough)
    return (
        np.concatenate([block.samples for block in blocks]),
        np.concatenate([block.stamps for block in blocks]),
    )


@pytest.mark.slow
def test_replay_sends_a_file_and_ends(recording_file, program, name, until):
    process = program("replay", recording_file, "--name", name)
    with Inlet(find_stream(StreamQuery(stream=name), timeout=60)) as inlet:
        samples, stamps = received(inlet, until, 250)
        until(lambda: inlet.lost)
    np.testing.assert_array_equal(samples, read_recording(recording_file).samples_uv)
    np.testing.assert_array_equal(stamps, stamps[0] + np.arange(250) / 250)
    said, complaints = process.communicate(timeout=30)
    assert process.returncode == 0
    for text in (f'"{name}"', '"EEG"', "source_id", "3 channels at 250 Hz", "microvolts"):
        assert text in said
    assert f'"{name}-Markers"' in said
    assert "Traceback" not in complaints


@pytest.mark.slow
def test_replay_says_what_reading_left_out(program, name, until, tmp_path):
    path = write_edf(tmp_path / "a.edf", noise(500, 3), ("C3", "C4", "Status"))
    process = program("replay", path, "--name", name)
    with Inlet(find_stream(StreamQuery(stream=name), timeout=60)) as inlet:
        received(inlet, until, 500)
    _, complaints = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Note: a.edf: left out Status (stim)" in complaints


@pytest.mark.slow
def test_simulated_subject_follows_cues(program, name, until):
    cues = MarkerOutlet(f"{name}-cues")
    program("simulate", "--name", name, "--markers", f"{name}-cues", "--seed", 4, "--rate", 256)
    assert cues.wait_for_consumer(60)
    found = find_stream(StreamQuery(stream=name), timeout=60)
    facts = read_facts(found)
    assert (facts.rate, facts.channel_count) == (256.0, 32)
    assert set(facts.units) == {"microvolts"}
    with Inlet(found, seconds=60) as inlet:
        cues.push("right_hand", 1.0)
        samples, _ = received(inlet, until, 256 * 5)
        imagining = samples[256:]
        cues.push("800", 2.0)
        samples, _ = received(inlet, until, 256 * 5)
        resting = samples[256:]
    lower = band_power(resting, facts, "C3") / band_power(imagining, facts, "C3")
    assert lower > 1.5


def band_power(samples, facts, label):
    from scipy.signal import welch

    local = samples[:, facts.labels.index(label)] - samples.mean(axis=1)
    frequency, power = welch(local, facts.rate, nperseg=256)
    return power[(frequency >= 9) & (frequency <= 13)].sum()


@pytest.mark.slow
def test_simulation_ends_after_its_duration(program, name):
    process = program("simulate", "--name", name, "--duration", 0.2)
    said, complaints = process.communicate(timeout=60)
    assert (process.returncode, "Traceback" in complaints) == (0, False)
    assert "32 channels at 250 Hz" in said


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl+C is no signal there")
@pytest.mark.parametrize(
    ("command", "number"),
    [("simulate", 2), ("replay", 2), ("simulate", signal.SIGTERM), ("replay", 1)],
)
def test_a_signal_ends_it_without_a_traceback(command, number, program, name, recording_file):
    arguments = [recording_file, "--loop"] if command == "replay" else []
    process = program(command, *arguments, "--name", name)
    find_stream(StreamQuery(stream=name), timeout=60)
    process.send_signal(number)
    _, complaints = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in complaints) == (128 + number, False)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["replay"], "No recording was named"),
        (["replay", "absent.edf"], "There is no recording at absent.edf"),
        (["replay", __file__, "--stream", "EEG"], "--stream chooses a stream of an XDF file"),
        (["replay", __file__], "cannot be read as a recording"),
        (["simulate", "--rate", "50"], "at least 100 Hz"),
        (["simulate", "--rate", "nan"], "--rate"),
        (["simulate", "--rate", "1e9"], "--rate"),
        (["simulate", "--seed", "-1"], "--seed"),
        (["simulate", "--run", "-1"], "--run"),
        (["simulate", "--duration", "-1"], "--duration"),
        (["simulate", "--fault", "lose:sample=3"], '"samples" may be meant'),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(arguments, sentence, capfd):
    assert main(arguments) == 2
    complaints = capfd.readouterr().err
    assert sentence in complaints
    assert "Traceback" not in complaints


@pytest.mark.slow
def test_settings_without_a_meaning_are_refused(recording_file, capfd):
    for setting in ("--speed", "--chunk"):
        assert main(["replay", str(recording_file), setting, "0"]) == 2
        assert setting in capfd.readouterr().err


@pytest.mark.slow
def test_faults_are_done_and_told(program, name, tmp_path):
    truth = tmp_path / "truth.jsonl"
    faults = ("lose:samples=50,at=0.2", "flat:channel=C3,at=0.6,for=0.2")
    process = program(
        *("simulate", "--name", name, "--duration", 1, "--fault", *faults, "--truth", truth)
    )
    _, complaints = process.communicate(timeout=60)
    assert (process.returncode, complaints) == (0, "")
    told = Truth.read(truth)
    assert told.positions.tolist() == [*range(50), *range(100, 250)]
    assert [(h.fault, h.samples) for h in told.happened] == [
        ("lose", (50, 100)),
        ("flat", (150, 200)),
    ]
    assert main(["simulate", "--truth", str(truth)]) == 2  # never overwritten


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["replay", "--help"]])
def test_help_and_version_load_nothing_heavy(arguments):
    code = (
        "import sys\n"
        "from simulation.cli import main\n"
        "try:\n"
        f"    code = main({arguments!r})\n"
        "except SystemExit as end:\n"
        "    code = end.code or 0\n"
        "heavy = {'torch', 'mne', 'scipy', 'numpy', 'pylsl', 'PySide6'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else code)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "eegpt-stream" in done.stdout


@pytest.mark.slow
@pytest.mark.data
def test_replay_of_a_real_recording(recordings_folder, program, name, until):
    path = recordings_folder / "formats" / "test.edf"
    program("replay", path, "--name", name, "--speed", 20)
    recording = read_recording(path)
    with Inlet(find_stream(StreamQuery(stream=name), timeout=60), seconds=600) as inlet:
        samples, stamps = received(inlet, until, len(recording.samples_uv))
        assert inlet.facts.labels == recording.labels
    np.testing.assert_array_equal(samples, recording.samples_uv)
    np.testing.assert_array_equal(stamps, stamps[0] + np.arange(len(stamps)) / recording.rate)
