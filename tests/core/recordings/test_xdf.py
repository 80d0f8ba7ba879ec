"""EEG, events, units, rates and damage of XDF files."""

from collections import Counter

import numpy as np
import pytest

from core.errors import InputError
from core.feed.segments import Segmenter
from core.recordings import read_recording, read_recordings

EXACT = 100.0 + np.arange(7500) / 250.0


def labelled(recording):
    """Return sample and label of each event."""
    return [(round(e.onset * recording.rate), e.label) for e in recording.events]


def test_samples_labels_and_rate_come_back(write_xdf, eeg):
    stream = eeg()
    found = read_recording(write_xdf(stream))
    np.testing.assert_array_equal(found.samples_uv, stream.rows.astype("f4"))
    assert (found.labels, found.rate, found.breaks, found.notes) == (("C3", "C4"), 250.0, (), ())


def test_doubles_in_volts_become_what_a_live_stream_makes_of_them(write_xdf, eeg):
    stream = eeg(units="V", format="double64")
    stream.rows = stream.rows * 1e-6
    live = Segmenter(("C3", "C4"), ("V", "V"), 250.0)  # gets what `Inlet` reads
    segment = live.push(stream.rows.astype(np.float32), np.array(stream.stamps))[0]
    found = read_recording(write_xdf(stream))
    np.testing.assert_array_equal(found.samples_uv, segment.samples_uv)


# Rate and breaks


def test_a_loss_of_ten_samples_is_a_break_and_a_large_loss_is_said(write_xdf, eeg):
    found = read_recording(write_xdf(eeg(stamps=EXACT[np.r_[0:2500, 2510:7500]])))
    assert (found.breaks, found.notes) == ((2500,), ())
    found = read_recording(write_xdf(eeg(stamps=EXACT[np.r_[0:2500, 3500:7500]])))
    assert found.breaks == (2500,)
    assert "13 % of the samples" in found.notes[0]


def test_stamps_that_are_left_to_the_reader_follow_the_nominal_rate(write_xdf, eeg):
    stamps = [stamp if n % 50 == 0 else None for n, stamp in enumerate(EXACT[:2500])]
    assert read_recording(write_xdf(eeg(stamps=stamps))).breaks == ()


def test_clock_offsets_place_events_and_make_no_breaks(write_xdf, eeg, markers):
    # The sender's clock is 7 s behind, and the file's offsets say so; its raw stamps are exact.
    stream = eeg(stamps=EXACT - 7.0, offsets=[(5.0 * k, 7.0 + 0.003 * (k % 3)) for k in range(9)])
    found = read_recording(write_xdf(stream, markers((12.0, "cue"))))
    assert found.breaks == ()
    assert found.events[0].onset == pytest.approx(12.0, abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("jump", [-3600.0, -2.0, 2.0, 40.0])
def test_a_sender_whose_clock_is_set_anew_keeps_its_events_and_is_said(
    write_xdf, eeg, markers, jump
):
    times = np.arange(30000) / 250.0
    raw = 500.0 + times + jump * (times > 60)
    told = np.arange(0.0, 120.0, 5.0)
    offsets = [(500.0 + t + jump * (t > 60), -400.0 - jump * (t > 60)) for t in told]
    cues = markers((30.0, "before"), (100.0, "after"))
    found = read_recording(write_xdf(eeg(stamps=raw, offsets=offsets), cues))
    assert found.breaks == (15001,)
    assert [event.onset for event in found.events] == pytest.approx([30.0, 100.0], abs=0.01)
    assert 'The clock of "EEG" was set anew 1 times' in found.notes[0]


@pytest.mark.parametrize("nominal", [500.0, 256.0, 200.0])
def test_a_wrong_nominal_rate_is_said_and_the_true_one_used(write_xdf, eeg, markers, nominal):
    found = read_recording(write_xdf(eeg(stamps=EXACT, rate=nominal), markers((20.0, "T1"))))
    assert (found.rate, found.breaks, found.events[0].onset) == (250.0, (), 20.0)
    assert f"says {nominal:g} Hz, but its stamps say 250 Hz; it is read at 250 Hz" in found.notes[0]


@pytest.mark.slow
def test_recordings_whose_measured_rates_differ_a_little_belong_together(write_xdf, eeg):
    paths = [
        write_xdf(eeg(stamps=100.0 + np.arange(7500) / rate), name=f"{rate}.xdf")
        for rate in (196.6, 197.6, 205.0)
    ]
    assert [found.rate for found in read_recordings(paths[:2])] == [197.0, 198.0]
    with pytest.raises(InputError, match=r"205 Hz and 196\.6\.xdf 197 Hz"):
        read_recordings(paths)


def test_a_clock_that_is_a_little_fast_is_nothing_to_say(write_xdf, eeg):
    found = read_recording(write_xdf(eeg(stamps=100.0 + np.arange(7500) / 250.5)))
    assert (found.rate, found.notes) == (250.0, ())


@pytest.mark.parametrize("stamps", [np.arange(2500.0), 4.0 * np.arange(2500), np.full(2500, 9.0)])
def test_stamps_that_are_no_seconds_are_refused(write_xdf, eeg, stamps):
    with pytest.raises(InputError, match=r'"EEG" says 250 Hz, but its stamps (say|do not advance)'):
        read_recording(write_xdf(eeg(stamps=stamps, offsets=[])))


# Events


@pytest.mark.slow
def test_markers_of_every_kind_of_stream_are_read(write_xdf, eeg, markers):
    events = [(2.0, "T1"), (4.0, "T2")]
    for stream in (
        markers(*events),
        markers(*events, rate=250.0),
        markers(*events, type="LSL_Marker_Strings"),
        markers((2.0, ("", "T1")), (4.0, (" ", "T2"))),
    ):
        assert labelled(read_recording(write_xdf(eeg(), stream))) == [(500, "T1"), (1000, "T2")]


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["float32", "double64", "int16", "int64"])
def test_numbers_are_events_without_a_fraction(write_xdf, eeg, markers, format_):
    for stream in (
        markers((2.0, 1), (4.0, 2), format=format_),
        markers((2.0, 1), (4.0, 2), format=format_, type="", name="Unity"),
    ):
        assert labelled(read_recording(write_xdf(eeg(), stream))) == [(500, "1"), (1000, "2")]
    found = read_recording(write_xdf(eeg(), markers((2.0, "1.000000000"), (4.0, "1.50"))))
    assert [event.label for event in found.events] == ["1", "1.50"]


def test_a_continuous_stream_of_numbers_tells_events_where_it_changes(write_xdf, eeg, markers):
    values = np.zeros(2500, int)
    values[500:520], values[1000:1020], values[1020:1040] = 7, 8, 9
    stream = markers(*[(n / 250.0, int(v)) for n, v in enumerate(values)], rate=250, format="int16")
    found = read_recording(write_xdf(eeg(), stream))
    assert labelled(found) == [(500, "7"), (1000, "8"), (1020, "9")]


def test_numbers_at_no_regular_rate_that_are_no_events_are_left_out(write_xdf, eeg, markers):
    gaze = markers(*[(0.01 * n, (n, n, n)) for n in range(900)], format="float32", type="Gaze")
    assert read_recording(write_xdf(eeg(), gaze)).events == ()


def test_columns_that_share_labels_are_told_apart(write_xdf, eeg, markers):
    found = read_recording(write_xdf(eeg(), markers((2.0, ("cue", "T1")), (4.0, ("cue", "T2")))))
    assert labelled(found) == [(500, "T1"), (500, "cue"), (1000, "T2"), (1000, "cue")]
    rows = markers((2.0, ("1", "2")), (4.0, ("2", "1")))
    rows.channels = [{"label": "trial"}, {"label": "class"}]
    found = read_recording(write_xdf(eeg(), rows))
    assert [event.label for event in found.events] == ["class:2", "trial:1", "class:1", "trial:2"]
    assert "distinguished by their column, such as trial:1" in found.notes[0]


def test_a_second_stream_with_the_same_markers_is_merged_with_a_word(write_xdf, eeg, markers):
    first = markers((2.0, "T1"), (4.0, "T2"), (6.0, "T1"))
    second = markers((2.001, "T1"), (4.0, "T1"), (6.1, "T1"), name="Copy")
    found = read_recording(write_xdf(eeg(), first, second))
    assert labelled(found) == [(500, "T1"), (1000, "T1"), (1000, "T2"), (1500, "T1"), (1525, "T1")]
    assert "1 events were there twice" in found.notes[0]


def test_long_texts_and_letters_of_any_kind_stay(write_xdf, eeg, markers):
    text = '{"cue": "gauche é", "trial": 1}' + " long" * 200
    assert read_recording(write_xdf(eeg(), markers((2.0, text)))).events[0].label == text


def test_markers_in_latin_1_keep_their_letters(write_xdf, eeg, markers):
    events = markers((2.0, ("é", "x")), (4.0, ("è", "x")), encoding="latin-1")
    others = markers((6.0, "ü"), name="Others")
    found = read_recording(write_xdf(eeg(), others, events))
    assert [event.label for event in found.events] == ["x", "é", "x", "è", "ü"]


def test_markers_outside_of_the_eeg_are_said(write_xdf, eeg, markers):
    found = read_recording(write_xdf(eeg(), markers((2000.0, "T1"), (2004.0, "T2"))))
    assert labelled(found) == [(2500, "T1"), (2500, "T2")]
    assert 'All 2 markers of "Cues" lie outside of the EEG' in found.notes[0]


@pytest.mark.parametrize("resting", [0, 65280])
def test_a_trigger_channel_of_the_eeg_tells_events(write_xdf, eeg, resting):
    stream = eeg(("C3", "C4", "TRIGGER"), ["uV", "uV", "none"])
    stream.rows[:, 2] = resting
    stream.rows[500:510, 2], stream.rows[1000:1010, 2] = resting + 1, resting + 2
    found = read_recording(write_xdf(stream))
    assert (found.labels, labelled(found)) == (("C3", "C4"), [(500, "1"), (1000, "2")])
    assert "2 events are from the trigger channel TRIGGER" in found.notes[1]


# Channels and units


@pytest.mark.parametrize("unit", ["none", "g", "", "integer"])
@pytest.mark.parametrize("label", ["TRIGGER", "AccX", "battery", "Sum"])
@pytest.mark.parametrize("given", [None, "uV"])
def test_a_channel_without_a_voltage_is_left_out_with_a_word(write_xdf, eeg, unit, label, given):
    found = read_recording(write_xdf(eeg(("C3", "C4", label), ["mV", "mV", unit])), given)
    assert found.labels == ("C3", "C4")
    assert f"Left out, for they are no EEG: {label}" in found.notes[0]
    assert 10 < np.std(found.samples_uv) / 1000 < 30


def test_channels_of_another_type_are_left_out(write_xdf, eeg):
    stream = eeg(("C3", "C4", "X", "Y"))
    for channel, kind in zip(stream.channels, ("EEG", "EEG", "EOG", "Accelerometer"), strict=True):
        channel["type"] = kind
    found = read_recording(write_xdf(stream))
    assert found.labels == ("C3", "C4")
    assert 'X (type "EOG", unit "uV"), Y (type "Accelerometer", unit "uV")' in found.notes[0]
    with_eog = read_recording(write_xdf(stream), eog=True)
    assert with_eog.labels == ("C3", "C4", "EOG X")


def test_an_electrode_without_a_unit_beside_others_is_read_in_the_one_given(write_xdf, eeg):
    path = write_xdf(eeg(("C3", "C4", "Cz"), ["uV", "uV", ""]))
    assert read_recording(path).labels == ("C3", "C4")
    found = read_recording(path, "mV")
    assert found.labels == ("C3", "C4", "Cz")
    assert np.std(found.samples_uv[:, 2]) > 500 * np.std(found.samples_uv[:, 0])


def test_an_electrode_in_another_unit_than_the_rest_is_converted_and_said(write_xdf, eeg):
    found = read_recording(write_xdf(eeg(("C3", "C4", "Cz"), ["uV", "mV", "microvolts"])))
    assert np.std(found.samples_uv[:, 1]) > 500 * np.std(found.samples_uv[:, 0])
    assert 'and converted: C4 ("mV").' in found.notes[0]


def test_a_stream_without_any_unit_is_taken_as_microvolts_and_that_is_said(write_xdf, eeg):
    stream = eeg(units="")
    found = read_recording(write_xdf(stream))
    np.testing.assert_array_equal(found.samples_uv, stream.rows.astype("f4"))
    assert "their values are taken as microvolts" in found.notes[0]
    assert "--unit" in found.notes[0]
    found = read_recording(write_xdf(stream), "mV")
    np.testing.assert_allclose(found.samples_uv, 1000 * stream.rows, rtol=1e-5)
    assert ["its unit looks wrong" in note for note in found.notes] == [True]


def test_units_that_are_nonsense_are_refused_until_one_is_given(write_xdf, eeg):
    path = write_xdf(eeg(("C3", "C4", "AccX", "Q"), ["counts", "counts", "g", "m/s"]))
    with pytest.raises(InputError, match=r'The unit "counts" of channel C3 is not a voltage'):
        read_recording(path)
    found = read_recording(path, "nV")
    assert found.labels == ("C3", "C4")
    assert np.std(found.samples_uv) < 0.1


# Which stream


def test_one_of_several_eeg_streams_is_chosen_by_its_name(write_xdf, eeg):
    path = write_xdf(eeg(name="Left"), eeg(("O1", "O2", "Oz"), name="Right", source_id="r7"))
    with pytest.raises(InputError, match="2 streams that can be meant; choose one") as refused:
        read_recording(path)
    assert '"Right" (type "EEG", source_id "r7", 3 channels, 250 Hz, 2500 samples)' in str(
        refused.value
    )
    assert "\n" not in str(refused.value)
    assert read_recording(path, stream="Left").labels == ("C3", "C4")
    assert read_recording(path, stream="r7").labels == ("O1", "O2", "Oz")
    with pytest.raises(InputError, match=r'no stream "right" with samples\. Did you mean "Right"'):
        read_recording(path, stream="right")


def test_streams_that_are_no_eeg_and_empty_ones_are_passed_over(write_xdf, eeg):
    empty = eeg(name="Empty", stamps=[])
    motion = eeg(("X", "Y", "Z"), "g", name="Motion", type="Accelerometer")
    assert read_recording(write_xdf(empty, motion, eeg())).labels == ("C3", "C4")
    with pytest.raises(InputError, match="no EEG stream with samples"):
        read_recording(write_xdf(empty))
    with pytest.raises(InputError, match=r"The unit \"g\"|no EEG channel"):
        read_recording(write_xdf(motion))


def test_eeg_at_no_regular_rate_is_refused_in_words(write_xdf, eeg):
    with pytest.raises(InputError, match="has no regular rate, and EEG is decoded at a regular"):
        read_recording(write_xdf(eeg(rate=0.0)))


def test_a_stream_is_chosen_in_xdf_files_alone(tmp_path):
    (tmp_path / "a.edf").write_bytes(b"0")
    with pytest.raises(InputError, match="--stream chooses a stream of an XDF file"):
        read_recording(tmp_path / "a.edf", stream="EEG")


# Damage


def test_a_file_that_is_cut_off_is_read_up_to_there(write_xdf, eeg):
    path = write_xdf(eeg(stamps=EXACT))
    content = path.read_bytes()
    for size in (len(content) - 7, len(content) - 1000, len(content) // 2):
        path.write_bytes(content[:size])
        found = read_recording(path)
        assert 0.4 * size < found.samples_uv.nbytes < size
        assert f"of {size}; it was read up to there" in found.notes[0]


def test_damage_in_the_middle_is_left_out_and_is_a_break(write_xdf, eeg):
    path = write_xdf(eeg(stamps=EXACT))
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = b"\xff" * 3000
    path.write_bytes(content)
    found = read_recording(path)
    assert found.breaks
    assert all(3500 < place < 4000 for place in found.breaks)
    assert len(found.samples_uv) > 7000
    assert any("damaged" in note for note in found.notes)


@pytest.mark.parametrize("content", [b"", b"XDF:", b"XDF:\x01", b"nothing at all", b"XDF:\x04" * 9])
def test_what_is_no_xdf_is_refused(tmp_path, content):
    (tmp_path / "a.xdf").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.xdf (is no XDF|cannot be read|has no EEG stream)"):
        read_recording(tmp_path / "a.xdf")


def test_packed_files_are_read(write_xdf, eeg, tmp_path):
    for name in ("b.xdfz", "b.xdf.gz"):
        path = write_xdf(eeg(), name=name)
        assert read_recording(path).samples_uv.shape == (2500, 2)
    (tmp_path / "b.xdfz").write_bytes(path.read_bytes()[:-2000])
    assert "damaged" in read_recording(tmp_path / "b.xdfz").notes[0]


# What people have


@pytest.mark.slow
@pytest.mark.data
def test_recordings_of_openbci_keep_their_rate_and_say_what_they_lost(recordings_folder):
    folder = recordings_folder / "field" / "openbci_xdf"
    for path in sorted(folder.glob("*.xdf")):
        found = read_recording(path)
        assert (found.rate, len(found.labels)) == (125.0, 16)
        counts = Counter(event.label for event in found.events)
        assert [counts[label] for label in ("1", "2", "3")] == [10, 10, 10]
        assert "taken as microvolts" in found.notes[0]
        lossy = path.name == "pT_rec002.xdf"
        assert any("of the samples" in note for note in found.notes) == lossy
        assert bool(found.breaks) or not lossy


@pytest.mark.slow
@pytest.mark.data
def test_recordings_of_other_programs_are_read_or_refused_in_true_words(recordings_folder):
    field, formats = recordings_folder / "field" / "bci_essentials", recordings_folder / "formats"
    found = read_recording(next(field.glob("sub-P001*.xdf")))
    assert (found.rate, len(found.labels), found.breaks) == (256.0, 16, ())
    (note,) = found.notes
    assert note.startswith("1 events are there twice")
    assert "ping (1)" in note
    found = read_recording(field / "ssvep_example.xdf")
    assert (found.rate, found.labels[-1], len(found.events)) == (300.0, "F3", 258)
    assert "TRG" in found.notes[0]
    assert read_recording(formats / "minimal.xdf").samples_uv.shape == (9, 3)
    found = read_recording(formats / "clock_resets.xdf")
    assert 12876 in found.breaks
    assert sum(0 <= event.onset < found.duration for event in found.events) == 175
    assert any("says 100 Hz" in note for note in found.notes)
    with pytest.raises(InputError, match="has no EEG channel in its stream"):
        read_recording(formats / "empty_streams.xdf")


def test_codes_that_a_trigger_channel_holds_until_the_next_are_all_events(write_xdf, eeg):
    stream = eeg(("C3", "C4", "TRG"), ["uV", "uV", ""])
    stream.rows[:, 2] = np.repeat([1, 2, 1, 2, 1], 500)
    events = [(event.label, event.onset) for event in read_recording(write_xdf(stream)).events]
    assert events == [("2", 2.0), ("1", 4.0), ("2", 6.0), ("1", 8.0)]


def test_marks_of_bad_trials_are_bad_spans_and_no_events(write_xdf, eeg, markers):
    marks = markers((1, "768"), (1.5, "769"), (4, "768"), (4, "1023"), (4.5, "770"), (7, "BAD_eye"))
    recording = read_recording(write_xdf(eeg(), marks))
    assert [event.label for event in recording.events] == ["768", "769", "768", "770"]
    assert recording.marked_bad(4.5, 2.0)
    assert recording.marked_bad(6.5, 1.0)
    assert not recording.marked_bad(1.5, 2.0)


@pytest.mark.parametrize("factor", [1e-6, 1e4])
def test_an_amplitude_that_no_eeg_has_is_said(write_xdf, eeg, factor):
    stream = eeg(units="", format="double64")
    stream.rows = stream.rows * factor
    assert "its unit looks wrong" in " ".join(read_recording(write_xdf(stream)).notes)


def test_streams_of_one_name_are_listed_with_their_source(write_xdf, eeg):
    with pytest.raises(InputError, match=r'source_id "a"(?s:.*)source_id "b"'):
        read_recording(write_xdf(eeg(source_id="a"), eeg(source_id="b")))


def test_a_unit_that_is_given_and_not_needed_is_said(write_xdf, eeg):
    notes = read_recording(write_xdf(eeg()), "mV").notes
    assert notes == ('The stream "EEG" says its units: --unit mV is not used.',)
