"""Which reader a file gets, and what is said when it cannot have it."""

import mne
import numpy as np
import pytest
from recording_files import noise, write_eeglab
from scipy.io import savemat

from core.errors import InputError
from core.recordings import read_recording

NEUROSCAN = b"Version 3.0\0"


def refused(path, match):
    with pytest.raises(InputError, match=match):
        read_recording(path, isolated=False)


@pytest.mark.parametrize(
    ("name", "content", "package"),
    [
        ("a.cnt", b"RIFF\0\0\0\0CNT ", "antio"),
        ("a.cnt", b"RF64\0\0\0\0\0\0\0\0CNT ", "antio"),
        ("a.cdt", b"\0\0", "curryreader"),
        ("a.cdt.dpa", b"text", "curryreader"),
        ("a.dap", b"text", "curryreader"),
        ("a.nedf", b"<x/>", "defusedxml"),
        ("a.mff/info.xml", b"<x/>", "mffpy"),
        ("a.mefd/a.tmet", b"\0", "pymef"),
    ],
)
def test_a_missing_package_is_named_with_its_installation(
    tmp_path, monkeypatch, name, content, package
):
    monkeypatch.setattr("core.recordings.mne_readers.find_spec", lambda name: None)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    refused(path if path.parent == tmp_path else path.parent, rf"pip install {package}$")


def test_samples_of_curry_7_are_known_by_the_header_beside_them(tmp_path, monkeypatch):
    monkeypatch.setattr("core.recordings.mne_readers.find_spec", lambda name: None)
    (tmp_path / "a.dat").write_bytes(b"\0\0")
    (tmp_path / "a.dap").write_text("DATA")
    refused(tmp_path / "a.dat", "pip install curryreader$")


def test_a_neuroscan_file_is_never_given_to_the_reader_of_ant(tmp_path):
    header = bytearray(1050)
    header[:12] = NEUROSCAN
    header[370], header[376], header[864] = 2, 100, 7
    (tmp_path / "a.cnt").write_bytes(header)
    refused(tmp_path / "a.cnt", r"a\.cnt cannot be read(: the size of this Neuro| as a recording)")


@pytest.mark.data
def test_a_cut_neuroscan_file_is_refused_with_what_to_do(recordings_folder):
    path = recordings_folder / "field/formats/CNT/test_CNT_events_mne_JWoess_clipped.cnt"
    refused(path, "does not tell whether its samples have 16 or 32 bits, as it was cut")


@pytest.mark.data
def test_egi_raw_is_read(recordings_folder):
    found = read_recording(recordings_folder / "field/formats/test_egi.raw")
    assert (found.rate, found.samples_uv.shape) == (250.0, (77, 256))


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "package", "rate", "labels", "events"),
    [
        ("test_CA_208.cnt", "antio", 1000.0, ("Fp1", "Fpz"), 0),
        ("curry/test_bdf_stim_channel Curry 8.cdt", "curryreader", 500.0, ("C3", "C4"), 18),
        ("NihonKohden/MB0400FU.EEG", "mne", 200.0, ("Fp2", "Fp1"), 2),
    ],
)
def test_ant_curry_and_nihon_kohden_are_read_in_microvolts(
    recordings_folder, name, package, rate, labels, events
):
    pytest.importorskip(package)
    found = read_recording(recordings_folder / "field/formats" / name)
    assert (found.rate, found.labels[:2], len(found.events)) == (rate, labels, events)
    assert 10.0 < np.median(np.std(found.samples_uv, axis=0)) < 200.0


@pytest.mark.data
def test_mff_is_read_in_microvolts_with_its_triggers(recordings_folder):
    pytest.importorskip("mffpy")
    path = recordings_folder / "field/formats/EGI/test_egi_evoked.mff"
    found = read_recording(path)
    assert (found.rate, found.samples_uv.shape) == (250.0, (6, 257))
    assert [event.label for event in found.events] == ["cat1", "1"]
    in_volts = mne.io.read_raw(path, preload=True, verbose="ERROR").get_data("eeg").T
    np.testing.assert_allclose(found.samples_uv, in_volts * 1e6, rtol=1e-6)


def test_epoched_files_of_eeglab_are_refused(tmp_path):
    path = write_eeglab(tmp_path / "a.set", noise(250), trials=4)
    refused(path, "number of trials is 4")


def test_a_recording_without_eeg_is_refused_with_what_it_has(tmp_path):
    info = mne.create_info(["MEG 0113"], 250.0, "grad")
    raw = mne.io.RawArray(np.zeros((1, 1000)), info, verbose="ERROR")
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    refused(tmp_path / "a_raw.fif", "has no channel of EEG, but MEG 0113; if some are EEG")


@pytest.mark.parametrize(("part", "header"), [("a.eeg", "a.vhdr"), ("a.fdt", "a.set")])
def test_a_part_of_a_recording_leads_to_its_header(tmp_path, part, header):
    (tmp_path / header).write_text("x")
    (tmp_path / part).write_bytes(np.zeros(8, dtype="<f4").tobytes())
    refused(tmp_path / part, rf"{part} cannot be read alone.* name its header, {header}\.")


def test_a_folder_and_an_unknown_ending_are_named_as_what_they_are(tmp_path):
    refused(tmp_path, "is a folder and no recording; name the files in it")
    (tmp_path / "a.docx").write_bytes(b"PK\x03\x04")
    refused(tmp_path / "a.docx", r'"\.docx" is the ending of none.*EDF, BDF, GDF')
    (tmp_path / "a.set").write_bytes(b"")
    refused(tmp_path / "a.set", "is empty")


@pytest.mark.parametrize("name", ["a.edf", "a.bdf", "a.gdf", "a.xdf", "a.set", "a.csv", "a"])
def test_an_empty_file_is_named_as_what_it_is(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    refused(tmp_path / name, r"cannot be read: it is empty\.$")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.edf", "it does not begin as one of EDF does"),
        ("a.bdf", "it does not begin as one of BDF does"),
        ("a.easy", "by its name it is text, but its content is not"),
        ("a", "it has no ending. What can be read"),
        ("a.cnt", 'of no known kind that ends with ".cnt". What can be read'),
    ],
)
def test_bytes_that_are_no_recording_are_refused_in_words(tmp_path, name, words):
    (tmp_path / name).write_bytes(bytes(range(256)) * 20)
    refused(tmp_path / name, words)


def test_advice_for_programmers_is_left_out(tmp_path):
    header = "Brain Vision Data Exchange Header File Version 1.0\n[Other]\n"
    (tmp_path / "a.vhdr").write_text(header, encoding="utf-8")
    with pytest.raises(InputError) as refusal:
        read_recording(tmp_path / "a.vhdr", isolated=False)
    assert "overrides" not in str(refusal.value)


def test_what_holds_no_continuous_signal_is_named_as_what_it_is(tmp_path):
    savemat(tmp_path / "a.mat", {"x": np.zeros(3)})
    refused(tmp_path / "a.mat", "a .mat file can hold anything")
    savemat(tmp_path / "a.set", {"x": np.zeros(3)}, appendmat=False)
    refused(tmp_path / "a.set", "without a whole EEG structure of EEGLAB")
    info = mne.create_info(["C3", "C4"], 250.0, "eeg")
    epochs = mne.EpochsArray(np.zeros((2, 2, 100)), info, verbose="ERROR")
    epochs.save(tmp_path / "a-epo.fif", verbose="ERROR")
    refused(tmp_path / "a-epo.fif", "it holds epochs or averages, and no continuous signal")
