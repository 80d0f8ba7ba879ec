"""Cues in trigger channels become events, in every kind of file."""

import mne
import numpy as np
import pytest
from recording_files import noise, write_edf

from core.recordings import Event, read_recording
from core.recordings.triggers import is_trigger_name, pulses_of

RATE = 250


def pulses(codes, samples=5000, length=20):
    """A trigger channel with a code from each of these samples on."""
    values = np.zeros(samples)
    for at, code in codes:
        values[at : at + length] = code
    return values


def write_fif(path, channels, annotations=None):
    """Write FIF with two electrodes and these trigger channels."""
    values = np.vstack([1e-6 * noise(5000).T, *channels.values()])
    kinds = ["eeg", "eeg", *["stim"] * len(channels)]
    info = mne.create_info(["C3", "C4", *channels], RATE, kinds, verbose="ERROR")
    raw = mne.io.RawArray(values, info, verbose="ERROR")
    if annotations is not None:
        raw.set_annotations(mne.Annotations(*annotations))
    raw.save(path, verbose="ERROR")
    return path


def found(path):
    return [(event.label, round(event.onset * RATE)) for event in read_recording(path).events]


def write_status(path, status):
    """Write a BDF or EDF file with a channel of triggers, in whole numbers."""
    samples = np.c_[noise(len(status)), status]
    return write_edf(
        path,
        samples,
        ("C3", "C4", "Status"),
        RATE,
        None,
        units=["uV", "uV", "Boolean"],
        resolution=[0.1, 0.1, 1],
    )


def test_the_status_of_a_bdf_is_masked_to_its_trigger_port(tmp_path):
    status = pulses([(500, 1), (2000, 255), (3000, 40000)]) + 0x100000  # CMS in range
    status[0] += 0x10000  # a new epoch begins
    recording = read_recording(write_status(tmp_path / "a.bdf", status))
    assert recording.labels == ("C3", "C4")
    assert recording.events == (
        Event(2.0, 0.08, "1"),
        Event(8.0, 0.08, "255"),
        Event(12.0, 0.08, "40000"),
    )
    assert recording.looked_in == ("the annotations", "the channel Status")


def test_the_status_of_an_edf_may_use_its_sixteenth_bit(tmp_path):
    path = write_status(tmp_path / "a.edf", pulses([(500, 1), (2000, 0x8001 - 0x10000)]))
    assert found(path) == [("1", 500), ("32769", 2000)]


def test_a_code_may_follow_another_and_what_is_there_from_the_start_is_no_event(tmp_path):
    values = np.repeat([7, 0, 1, 2, 1, 0, 3], [100, 900, 500, 500, 500, 2000, 500])
    path = write_fif(tmp_path / "a_raw.fif", {"STI 014": values})
    assert found(path) == [("1", 1000), ("2", 1500), ("1", 2000), ("3", 4500)]


def test_lines_that_switch_one_after_the_other_make_no_code_of_their_own(tmp_path):
    values = pulses([(1000, 3), (2000, 3)])
    values[[1000, 2020]] = 1  # the second line comes a sample late, and leaves a sample early
    values[3000:3001] = 4  # a pulse of one sample is a code
    path = write_fif(tmp_path / "a_raw.fif", {"Trigger": values})
    assert found(path) == [("3", 1001), ("3", 2000), ("4", 3000)]


def test_short_pulses_below_a_resting_level_are_codes(tmp_path):
    values = np.full(5000, 255.0)
    values[[1000, 2000]] = 254
    path = write_fif(tmp_path / "a_raw.fif", {"Trigger": values})
    assert [label for label, _ in found(path)] == ["254", "255", "254", "255"]


@pytest.mark.parametrize("names", [("STI 001", "STI 014", "STI 002"), ("a", "both", "b")])
def test_of_several_channels_the_composite_is_read(tmp_path, names):
    one, two = pulses([(1000, 1), (3000, 1)]), pulses([(2000, 2)])
    channels = dict(zip(names, (one, one + two, two), strict=True))
    path = write_fif(tmp_path / "a_raw.fif", channels)
    assert found(path) == [("1", 1000), ("2", 2000), ("1", 3000)]
    words = f"read from the channel {names[1]}, which adds up {names[0]}, {names[2]}."
    assert words in " ".join(read_recording(path).notes)


def test_an_empty_composite_is_passed_over(tmp_path):
    channels = {"STI 014": np.zeros(5000), "STI101": pulses([(1000, 5)])}
    path = write_fif(tmp_path / "a_raw.fif", channels)
    assert found(path) == [("5", 1000)]
    assert "adds up" not in " ".join(read_recording(path).notes)


def test_without_a_composite_events_are_named_by_their_channels(tmp_path):
    channels = {"DIN1": pulses([(1000, 1)]), "DIN2": pulses([(2000, 1), (2500, 2)])}
    path = write_fif(tmp_path / "a_raw.fif", channels)
    assert found(path) == [("DIN1", 1000), ("DIN2/1", 2000), ("DIN2/2", 2500)]


def test_codes_that_became_volts_are_codes_again(tmp_path):
    path = write_fif(tmp_path / "a_raw.fif", {"Stim Markers": 1e-6 * pulses([(500, 1), (900, 2)])})
    assert found(path) == [("1", 500), ("2", 900)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "said"),
    [
        (np.arange(5000.0), "changes 4999 times in 5000 samples, which no trigger does"),
        (0.3 + 0.1 * np.sin(np.arange(5000)), "holds no whole numbers"),
        (np.full(5000, np.nan), None),
    ],
)
def test_what_counts_or_wavers_is_no_trigger_and_that_is_said(tmp_path, values, said):
    recording = read_recording(write_fif(tmp_path / "a_raw.fif", {"Marker": values}))
    assert recording.events == ()
    assert said is None or said in " ".join(recording.notes)


def test_a_channel_named_as_a_trigger_is_no_eeg(tmp_path):
    samples = np.c_[noise(5000), pulses([(500, 3)])]
    path = write_edf(tmp_path / "a.edf", samples, ("C3", "C4", "TRIG"), RATE)
    assert read_recording(path).labels == ("C3", "C4")
    assert found(path) == [("3", 500)]
    names = ["Status", "STI 014", "Trigger", "TRIG1", "Stim Markers", "MARKER", "DIN 2", "events"]
    assert all(map(is_trigger_name, names))
    assert not any(map(is_trigger_name, ["C3", "T7", "STIP", "Cz", "E1", "S1", "TP9"]))


def test_annotations_of_another_name_stay_beside_triggers_and_doubles_count_once(tmp_path):
    annotations = ([4.0, 8.001, 12.0], 1.0, ["left", "2", "1"])
    channels = {"STI 014": pulses([(1000, 1), (2000, 2), (3000, 1)])}
    recording = read_recording(write_fif(tmp_path / "a_raw.fif", channels, annotations))
    events = [(e.label, round(e.onset * RATE), e.duration) for e in recording.events]
    assert events == [("left", 1000, 1.0), ("1", 1000, 0.08), ("2", 2000, 0.08), ("1", 3000, 1.0)]
    said = "2 events are there twice, with the same name at the same sample (1 (1), 2 (1))"
    assert said in " ".join(recording.notes)


def test_triggers_of_a_cropped_recording_stay_at_their_samples(tmp_path):
    write_fif(tmp_path / "a_raw.fif", {"STI 014": pulses([(1000, 1), (3000, 2)])})
    raw = mne.io.read_raw(tmp_path / "a_raw.fif", verbose="ERROR").crop(8.0)
    raw.save(tmp_path / "b_raw.fif", verbose="ERROR")
    assert found(tmp_path / "b_raw.fif") == [("2", 1000)]


@pytest.mark.data
def test_triggers_of_real_recordings_are_those_that_mne_finds(recordings_folder):
    from collections import Counter

    path = recordings_folder / "field/fif_openbci/pH_20220105_raw.fif"
    counts = Counter(event.label for event in read_recording(path).events)
    assert counts == {"1": 20, "2": 20, "3": 20}
    path = recordings_folder / "formats/test.bdf"
    raw = mne.io.read_raw(path, verbose="ERROR")
    options = {"consecutive": True, "shortest_event": 1, "mask": 0xFFFF, "mask_type": "and"}
    expected = mne.find_events(raw, **options, verbose="ERROR")
    events = [(round(e.onset * 256), int(e.label)) for e in read_recording(path).events]
    assert events == [(at, code) for at, _, code in expected]


def test_bits_that_a_port_always_sets_and_the_level_of_rest_are_no_cues(tmp_path):
    codes = pulses([(500, 3), (2000, 5)])
    assert found(write_status(tmp_path / "a.bdf", codes + 0xFF00)) == [("3", 500), ("5", 2000)]
    assert found(write_status(tmp_path / "b.bdf", codes + 128)) == [("131", 500), ("133", 2000)]


@pytest.mark.parametrize("codes", [(0, 1, 2, 1, 2), (5, 1, 2, 3, 5)])
def test_numbers_that_are_held_until_the_next_are_all_cues(codes):
    cues = [(1000 * place, 1000, code) for place, code in enumerate(codes)]
    assert pulses_of(np.repeat(codes, 1000)) == cues[1:]


@pytest.mark.parametrize("codes", [(1, 3), (3, 1)])
def test_pulses_of_one_sample_each_are_no_change_of_lines(codes):
    cues = [(place, 1, code) for place, code in enumerate(codes, 2)]
    assert pulses_of(np.array([0, 0, *codes, 0, 0])) == cues
    assert pulses_of(np.empty(0, dtype=np.int64)) == []


def test_bits_above_the_port_are_cues_where_no_amplifier_keeps_its_state_there(tmp_path):
    path = write_fif(tmp_path / "a_raw.fif", {"Marker": pulses([(500, 70000)])})
    assert found(path) == [("70000", 500)]


def test_fractions_in_a_trigger_channel_are_no_numbers(tmp_path):
    path = write_fif(tmp_path / "a_raw.fif", {"STI 014": 1.5 * pulses([(500, 3)])})
    assert found(path) == []
    assert "no whole numbers" in " ".join(read_recording(path).notes)
