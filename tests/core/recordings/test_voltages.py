"""Units of every format that MNE reads, by one table."""

import re
from pathlib import Path

import mne
import numpy as np
import pytest
from recording_files import noise, write_brainvision, write_edf, write_eeglab, write_gdf

from core.errors import InputError
from core.recordings import read_recording
from core.recordings.voltages import no_voltage, voltages

UV = 20.0  # µV that every file here holds


def amplitudes(recording):
    return recording.samples_uv.std(axis=0)


def write(path, units, scale=1.0, labels=("C3", "C4"), samples=None):
    """Write 20 µV into a file of the kind that `path` says, in units of 1 / `scale` µV."""
    values = noise(5000, len(labels)) if samples is None else samples
    values = values * np.asarray(scale)
    step = 0.01 * np.broadcast_to(scale, len(labels))
    suffix = path.suffix
    if suffix in (".edf", ".bdf"):
        return write_edf(path, values, labels, units=units, resolution=step)
    if suffix == ".gdf":
        old = isinstance(units, str) or isinstance(units[0], str)
        version = "1.25" if old else "2.20"
        return write_gdf(path, values, labels, units=units, resolution=step, version=version)
    if suffix == ".vhdr":
        return write_brainvision(path, values, labels, units=units)
    return write_eeglab(path, values, labels, units=units)


SCALES = [("V", 1e-6), ("mV", 1e-3), ("uV", 1.0), ("UV", 1.0), ("uVolts", 1.0), ("nV", 1e3)]
SCALES += [("\u00b5V", 1.0), ("\u00c2\u00b5V", 1.0), ("?V", 1.0)]


@pytest.mark.parametrize(("unit", "scale"), SCALES)
@pytest.mark.parametrize("suffix", [".edf", ".bdf", ".gdf", ".vhdr", ".set"])
def test_every_spelling_of_a_unit_gives_microvolts(tmp_path, suffix, unit, scale):
    recording = read_recording(write(tmp_path / f"a{suffix}", unit, scale))
    assert amplitudes(recording) == pytest.approx(UV, rel=0.05)
    assert recording.notes == ()


def test_a_unit_with_a_line_end_is_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match="it must be a voltage") as refused:
        read_recording(write(tmp_path / "a.gdf", "x\ny"))
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(("code", "scale"), [(4256, 1e-6), (4274, 1e-3), (4275, 1.0), (4276, 1e3)])
def test_codes_of_gdf_2_give_microvolts(tmp_path, code, scale):
    recording = read_recording(write(tmp_path / "a.gdf", [code, code], scale))
    assert amplitudes(recording) == pytest.approx(UV, rel=0.05)


@pytest.mark.parametrize("power", [0, -3, -6])
def test_multipliers_of_fif_are_looked_at(tmp_path, power):
    info = mne.create_info(["C3", "C4"], 250.0, "eeg")
    for channel in info["chs"]:
        channel["unit_mul"] = power
    raw = mne.io.RawArray(noise(5000).T * 1e-6 / 10.0**power, info, verbose="ERROR")
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    recording = read_recording(tmp_path / "a_raw.fif")
    assert amplitudes(recording) == pytest.approx(UV, rel=0.05)


@pytest.mark.parametrize(
    ("suffix", "unit"), [(".edf", ""), (".bdf", ""), (".gdf", ""), (".edf", "parsec")]
)
def test_a_unit_that_is_not_said_is_asked_for(tmp_path, suffix, unit):
    path = write(tmp_path / f"a{suffix}", unit, 1e-3)
    said = f'in "{unit}"' if unit else "without a unit"
    with pytest.raises(InputError, match=re.escape(f"{path} has C3, C4 {said}; it must be")) as e:
        read_recording(path)
    assert "--unit" in str(e.value)
    recording = read_recording(path, "mV")
    assert amplitudes(recording) == pytest.approx(UV, rel=0.05)
    assert recording.notes == (
        f"a{suffix} does not say the unit of C3, C4: taken to be mV, as --unit says.",
    )


@pytest.mark.parametrize("codes", [(0, 0), (512, 512), (544, 544)])
def test_codes_of_gdf_2_that_are_no_voltage_are_asked_for(tmp_path, codes):
    path = write(tmp_path / "a.gdf", codes)
    with pytest.raises(InputError, match="--unit"):
        read_recording(path)
    assert amplitudes(read_recording(path, "uV")) == pytest.approx(UV, rel=0.05)


@pytest.mark.parametrize(("suffix", "unit"), [(".vhdr", ""), (".vhdr", None), (".set", None)])
def test_brainvision_and_eeglab_are_in_microvolts_where_they_do_not_say(tmp_path, suffix, unit):
    path = write(tmp_path / f"a{suffix}", unit)
    recording = read_recording(path)
    assert amplitudes(recording) == pytest.approx(UV, rel=0.05)
    assert "taken to be µV, as is usual in files of this kind" in recording.notes[0]
    assert amplitudes(read_recording(path, "mV")) == pytest.approx(1e3 * UV, rel=0.05)


@pytest.mark.parametrize("suffix", [".vhdr", ".set"])
def test_channels_that_are_no_electrodes_are_in_microvolts_too(tmp_path, suffix):
    labels = ("C3", "EOG1", "TP9", "Marker")
    recording = read_recording(write(tmp_path / f"a{suffix}", ["uV", "", "", ""], labels=labels))
    assert recording.labels == ("C3", "EOG1", "TP9")


@pytest.mark.parametrize("suffix", [".edf", ".bdf", ".gdf", ".vhdr", ".set"])
def test_a_unit_that_is_said_is_not_overruled(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", "uV")
    assert amplitudes(read_recording(path, "V")) == pytest.approx(UV, rel=0.05)


@pytest.mark.parametrize("suffix", [".edf", ".bdf", ".gdf", ".vhdr", ".set"])
@pytest.mark.parametrize(
    ("label", "unit"), [("ACC_X", "g"), ("Temp", "°C"), ("Trigger", ""), ("Status", "Boolean")]
)
def test_a_channel_that_is_no_voltage_is_left_out_with_a_word(tmp_path, suffix, label, unit):
    labels = ("C3", label, "C4")
    path = write(tmp_path / f"a{suffix}", ["uV", unit, "uV"], labels=labels)
    for given in (None, "mV"):  # which is of electrodes
        recording = read_recording(path, given)
        assert recording.labels == ("C3", "C4")
        assert amplitudes(recording) == pytest.approx(UV, rel=0.05)
        assert any(f"left out {label} (" in note for note in recording.notes)


@pytest.mark.parametrize("suffix", [".edf", ".bdf", ".gdf"])
def test_an_electrode_without_a_unit_beside_others_is_not_guessed(tmp_path, suffix):
    path = write(tmp_path / f"a{suffix}", ["uV", "", "uV"], labels=("C3", "CZ", "C4"))
    recording = read_recording(path)
    assert recording.labels == ("C3", "C4")
    assert "CZ (no unit)" in recording.notes[0]
    assert "--unit says one" in recording.notes[0]
    assert read_recording(path, "uV").labels == ("C3", "CZ", "C4")


@pytest.mark.parametrize("suffix", [".edf", ".bdf", ".gdf", ".vhdr", ".set"])
def test_one_electrode_in_an_odd_unit_is_converted_and_said(tmp_path, suffix):
    scale = np.array([1.0, 1.0, 1e-3])
    path = write(tmp_path / f"a{suffix}", ["uV", "uV", "mV"], scale, labels=("C3", "CZ", "C4"))
    recording = read_recording(path)
    assert amplitudes(recording) == pytest.approx(UV, rel=0.05)
    assert recording.notes == (
        f'a{suffix} has C4 in "mV", its other electrodes in "uV": each is converted to µV by its '
        "own unit.",
    )


@pytest.mark.parametrize(("unit", "words"), [("V", "20 000 000 µV"), ("nV", "0.02 µV")])
def test_an_amplitude_that_a_unit_makes_implausible_is_said(tmp_path, unit, words):
    recording = read_recording(write(tmp_path / "a.edf", unit))
    assert recording.notes[-1].startswith("a.edf has an amplitude of ")
    assert words in recording.notes[-1]


def test_a_recording_without_electrodes_by_name_takes_the_unit_that_is_given(tmp_path):
    labels = ("Ch1", "Ch2", "Marker", "Temp")
    path = write(tmp_path / "a.edf", ["", "counts", "", "degC"], labels=labels)
    with pytest.raises(InputError, match=r"a\.edf has Ch1, Ch2 in \"\", \"counts\"; it must"):
        read_recording(path)
    assert read_recording(path, "uV").labels == ("Ch1", "Ch2")


@pytest.mark.parametrize("unit", ["uV", ""])
def test_a_unit_that_is_given_is_of_electrodes_alone_where_there_are_some(unit):
    assert voltages(Path("a"), ["C3", "Ch2"], [unit, ""], "mV").picks == (0,)


def test_a_recording_of_other_quantities_has_no_eeg(tmp_path):
    path = write(tmp_path / "a.edf", ["degC", "%"], labels=("Temp", "SpO2"))
    for given in (None, "uV"):
        with pytest.raises(InputError, match=r"in \"degC\", \"%\"; it must be a voltage"):
            read_recording(path, given)


def test_electrodes_without_a_unit_beside_another_voltage_are_asked_for(tmp_path):
    path = write(tmp_path / "a.edf", ["", "", "uV"], labels=("C3", "C4", "ECG"))
    with pytest.raises(InputError, match=r"a\.edf has C3, C4 without a unit"):
        read_recording(path)


def test_channels_of_other_kinds_are_left_out_with_a_word(tmp_path):
    kinds = ["eeg", "stim", "eog", "eeg"]
    info = mne.create_info(["C3", "STI 014", "EOG", "C4"], 250.0, kinds)
    raw = mne.io.RawArray(noise(5000, 4).T * 1e-6, info, verbose="ERROR")
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    recording = read_recording(tmp_path / "a_raw.fif")
    assert recording.labels == ("C3", "C4")
    assert "left out STI 014 (stim), EOG (eog)" in recording.notes[0]


@pytest.mark.slow
def test_channels_that_were_raised_to_the_rate_of_others_are_named(tmp_path):
    path = write_edf(tmp_path / "a.edf", noise(1000, 3), ("C3", "Fast", "more"), annotations=None)
    content, sizes = path.read_bytes(), (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
    begin, header = 256, content[:184] + b"768     " + content[192:252] + b"2   "
    for size in sizes:  # the third column goes, and the second has twice the samples
        header += content[begin : begin + 2 * size]
        begin += 3 * size
    header = header[: 256 + 2 * 216] + b"250     500     " + header[256 + 2 * 224 :]
    path.write_bytes(header + content[begin:])
    recording = read_recording(path)
    assert recording.rate == 500.0
    assert recording.notes == ("a.edf has channels at 250 Hz, which are raised to 500 Hz.",)


@pytest.mark.parametrize(
    "label",
    "Trigger,TRIG1,STI 014,Stim Markers,Status,MARKER,COUNTER,Packet Counter,ACC_X,Accel Channel 0,"
    "GYROX,Event marker,TRIGGER(DC),Timestamp,Battery,TTL,DIN1".split(","),
)
def test_names_of_triggers_counters_and_motion_are_known(label):
    assert no_voltage(label)
    found = voltages(Path("a"), ["C3", label], ["uV", "uV"], None)
    assert found.picks == (0,)
    assert found.notes == (f"a: left out {label} (uV); only EEG in a known voltage is used.",)


@pytest.mark.parametrize(
    "label", ["C3", "T7", "TP9", "EXG Channel 0", "EOG", "ECG", "Ch1", "Cz-A1"]
)
def test_names_of_voltages_are_not_taken_for_triggers(label):
    assert not no_voltage(label)


@pytest.mark.slow
@pytest.mark.data
def test_a_recording_of_microvolts_by_mistake_is_doubted(recordings_folder):
    folder = recordings_folder / "field" / "ssvep_gdf"
    recording = read_recording(folder / "subject01_2012.07.06-19.02.16.gdf")
    assert "its unit looks wrong" in recording.notes[-1]


@pytest.mark.data
def test_channels_without_a_place_on_the_head_are_left_out_of_brainvision(recordings_folder):
    recording = read_recording(recordings_folder / "formats" / "testbva.vhdr")
    assert len(recording.labels) == 29
    assert "left out Eog (misc), Ekg1 (misc), Ekg2 (misc)" in recording.notes[1]


@pytest.mark.data
def test_the_status_channel_of_a_bdf_is_left_out_with_a_word(recordings_folder):
    recording = read_recording(recordings_folder / "formats" / "test.bdf")
    assert recording.notes[0].startswith("test.bdf: left out Status (stim)")
    assert len(recording.labels) == 16


def test_what_emotiv_says_of_contacts_is_no_eeg(tmp_path):
    labels = ["AF3", "F7", "INTERPOLATED", "RAW_CQ", "CQ_AF3"]
    recording = read_recording(write_edf(tmp_path / "a.edf", noise(500, 5), labels))
    assert recording.labels == ("AF3", "F7")


def test_a_unit_that_eight_characters_cut_off_is_understood(tmp_path):
    recording = read_recording(write_edf(tmp_path / "a.edf", noise(500), units="microvol"))
    assert recording.samples_uv.std() == pytest.approx(20.0, rel=0.1)


def test_a_unit_that_is_given_and_not_needed_is_said(tmp_path):
    path = write_edf(tmp_path / "a.edf", noise(500), units="mV", resolution=0.1)
    recording = read_recording(path, "uV")
    assert recording.samples_uv.std() == pytest.approx(20_000.0, rel=0.1)
    assert "a.edf says its units itself: --unit uV is not used." in recording.notes
