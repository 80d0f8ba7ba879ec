"""What files of several kinds are read as."""

import hashlib
from pathlib import Path

import mne
import numpy as np
import pytest

from core.electrodes import is_site
from core.errors import InputError
from core.recordings import Event, named_apart, read_recording, recording_of_raw
from core.recordings.reading import renamed

HEADER = """Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
Codepage=UTF-8
DataFile=a.eeg
MarkerFile=a.vmrk
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels=2
SamplingInterval={interval}
[Binary Infos]
BinaryFormat=IEEE_FLOAT_32
[Channel Infos]
Ch1=C3,,1,µV
Ch2=C4,,1,µV
"""
MARKERS = """Brain Vision Data Exchange Marker File Version 1.0
[Common Infos]
DataFile=a.eeg
[Marker Infos]
Mk1=New Segment,,1,1,0,20261121084019123456
"""


@pytest.fixture
def brainvision(tmp_path):
    """Write a BrainVision recording of 100 samples."""

    def write(markers="", rate=250.0):
        samples = np.random.default_rng(0).normal(0, 20, (100, 2)).astype("<f4")
        (tmp_path / "a.vhdr").write_text(HEADER.format(interval=1e6 / rate), encoding="utf-8")
        (tmp_path / "a.vmrk").write_text(MARKERS + markers, encoding="utf-8")
        (tmp_path / "a.eeg").write_bytes(samples.tobytes())
        return tmp_path / "a.vhdr", samples

    return write


def test_float32_microvolts_of_brainvision_come_back_exactly(brainvision):
    path, samples = brainvision()
    found = read_recording(path)
    np.testing.assert_array_equal(found.samples_uv, samples)
    assert (found.labels, found.breaks, found.events) == (("C3", "C4"), (), ())


def test_recordings_with_the_same_header_are_told_apart_by_their_samples(brainvision):
    path, samples = brainvision()
    first = read_recording(path).sha256
    assert read_recording(path).sha256 == first
    path.with_suffix(".eeg").write_bytes((samples + 1).astype("<f4").tobytes())
    assert read_recording(path).sha256 != first


def test_the_hash_of_a_single_file_is_its_own(tmp_path):
    raw = mne.io.RawArray(np.zeros((1, 50)), mne.create_info(["C3"], 250.0, "eeg"), verbose="ERROR")
    raw.save(tmp_path / "one_raw.fif", verbose="ERROR")
    content = (tmp_path / "one_raw.fif").read_bytes()
    found = read_recording(tmp_path / "one_raw.fif").sha256
    assert found == hashlib.sha256(content).hexdigest()


@pytest.mark.slow
@pytest.mark.parametrize("rate", [30.0, 119.0, 250.0, 244.0, 512.0, 999.75])
def test_rate_of_brainvision_is_exact(brainvision, rate):
    assert read_recording(brainvision(rate=rate)[0]).rate == rate


def test_segments_of_brainvision_are_breaks_and_words_are_labels(brainvision):
    path, _ = brainvision(
        "Mk2=Stimulus,left_hand,11,50,0\n"
        "Mk3=New Segment,,41,1,0\n"
        "Mk4=New Segment,LostSamples: 4,61,1,0\n"
        "Mk5=Stimulus,S  1,71,1,0\n"
        "Mk6=Response,R  1,81,1,0\n"
        ";k7=Stimulus,half a mar"
    )
    found = read_recording(path)
    assert found.breaks == (40, 60)
    assert found.events == (
        Event(0.04, 0.2, "left_hand"),
        Event(0.28, 0.004, "Stimulus/S  1"),
        Event(0.32, 0.004, "Response/R  1"),
    )


def test_recording_of_another_program_keeps_its_labels(recordings_folder):
    found = read_recording(recordings_folder / "formats" / "testbva.vhdr")
    assert found.breaks == ()
    assert {event.label for event in found.events} >= {"Stimulus/S  1", "Stimulus/S  4"}


def test_boundaries_of_mne_are_breaks_and_stay_events(tmp_path):

    info = mne.create_info(["C3", "C4"], 250.0, "eeg", verbose="ERROR")
    raw = mne.io.RawArray(np.zeros((2, 100)), info, verbose="ERROR")
    raw.set_annotations(mne.Annotations([0.2, 0.3], 0.0, ["boundary", "feet"]))
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    found = read_recording(tmp_path / "a_raw.fif")
    assert found.breaks == (50,)
    assert [event.label for event in found.events] == ["boundary", "feet"]


def test_what_another_library_made_is_read_in_the_same_way():

    info = mne.create_info(["C3", "EOG", "C4"], 250.0, ["eeg", "eog", "eeg"], verbose="ERROR")
    samples = np.arange(300.0).reshape(3, 100) * 1e-6
    raw = mne.io.RawArray(samples, info, verbose="ERROR")
    raw.set_annotations(mne.Annotations([0.2, 0.1], 0.0, ["boundary", "feet"]))
    found = recording_of_raw(raw, Path("made-1"))
    assert (found.labels, found.rate, found.breaks) == (("C3", "C4"), 250.0, (50,))
    assert np.allclose(found.samples_uv, samples[[0, 2]].T * 1e6)
    assert [event.label for event in found.events] == ["feet", "boundary"]
    assert found.sha256 != recording_of_raw(raw.crop(0.1), Path("made-1")).sha256
    with pytest.raises(InputError, match="made-1 has no channel of EEG, but EOG"):
        recording_of_raw(raw.pick(["EOG"]), Path("made-1"))


def test_missing_and_damaged_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="There is no recording at"):
        read_recording(tmp_path / "a.edf")
    (tmp_path / "a.edf").write_bytes(b"0" * 300)
    with pytest.raises(InputError, match="cannot be read as a recording"):
        read_recording(tmp_path / "a.edf")


def test_a_unit_that_is_unknown_is_refused_with_the_file(brainvision, recordings_folder, tmp_path):
    path, _ = brainvision()
    path.write_text(path.read_text("utf-8").replace("µV", "parsec"), encoding="utf-8")
    with pytest.raises(InputError, match=r'a\.vhdr has C3, C4 in "parsec"; it must be a voltage'):
        read_recording(path)
    content = (recordings_folder / "formats" / "switch_example.xdf").read_bytes()
    (tmp_path / "a.xdf").write_bytes(content.replace(b"microvolts", b"microvlots"))
    with pytest.raises(InputError, match=r'a\.xdf cannot be used: The unit "microvlots"'):
        read_recording(tmp_path / "a.xdf")


@pytest.mark.parametrize("interval", [1e-3, 1e-300])
def test_a_rate_that_no_amplifier_has_is_refused(brainvision, interval):
    path, _ = brainvision(rate=1e6 / interval)
    with pytest.raises(InputError, match=r"a\.vhdr (has a sampling rate of|cannot be read)"):
        read_recording(path)


def test_names_of_files_that_are_no_utf_8_can_be_written_down():
    assert named_apart([("H\udce4nde.edf", "1"), ("a.edf", "2")]) == {
        "H?nde.edf": "1",
        "a.edf": "2",
    }


def test_a_cap_that_numbers_its_channels_in_groups_has_no_electrodes_of_those_names(tmp_path):
    """The caps of BioSemi: their C3 lies over the right frontal lobe."""
    labels = [f"{group}{number}" for group in "ABCD" for number in range(1, 33)]
    values = np.random.default_rng(0).normal(0.0, 1e-5, (len(labels), 500))
    path = tmp_path / "cap_raw.fif"
    mne.io.RawArray(values, mne.create_info(labels, 250.0, "eeg"), verbose="ERROR").save(
        path, verbose="ERROR"
    )
    found = read_recording(path)
    assert not any(map(is_site, found.labels))
    assert any("A2, C1, C2" in note and "--channels" in note for note in found.notes)
    named = renamed(found, ["C3", *"-" * (len(labels) - 1)])
    assert named.labels[0] == "C3"
    assert named.notes == found.notes[:-1]
    assert renamed(found, labels).labels == found.labels  # these are no names
    (tmp_path / "cap_channels.tsv").write_text("name\tstatus\nC3\tbad\nC13\tbad\n")
    assert read_recording(path.rename(tmp_path / "cap_eeg.fif")).bad_channels == ("C-3", "C13")
