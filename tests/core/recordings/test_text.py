"""Recordings that programs of amplifiers and headsets write as text."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from recording_files import EPOCH, drawn

from core.errors import InputError
from core.recordings import Event, read_recording


def named(samples, stamps, names="Time,C3 (uV),C4 (uV)", separator=",", more=()):
    """Return the lines of a table with named columns."""
    rows = [[f"{stamp:.6f}", *map(str, row)] for stamp, row in zip(stamps, samples, strict=True)]
    for cells in more:
        rows = [[*row, str(cell)] for row, cell in zip(rows, cells, strict=True)]
    return [names.replace(",", separator), *(separator.join(row) for row in rows)]


def test_named_electrodes_are_read_and_words_are_events(write):
    samples, stamps = drawn(1000, 2), EPOCH + np.arange(1000) / 256
    cue = ["rest"] * 100 + ["left hand"] * 400 + [""] * 500
    names = "Time,C3 (uV),C4 [mV],Accel X,Cue"
    found = write(named(samples, stamps, names, more=(samples[:, 0], cue)))
    np.testing.assert_allclose(found.samples_uv, samples * (1.0, 1e3), rtol=1e-6)
    assert (found.rate, found.labels, found.breaks) == (256.0, ("C3", "C4"), ())
    assert found.events == (Event(0.0, 100 / 256, "rest"), Event(100 / 256, 400 / 256, "left hand"))
    assert any("left out: Accel X" in note for note in found.notes)


def test_electrodes_of_the_whole_10_05_system_are_read(write):
    names = "Time,C3 (uV),FCC3h (uV),AFp1 (uV),Iz (uV),Accel X"
    found = write(named(drawn(1000, 5), EPOCH + np.arange(1000) / 250, names))
    assert found.labels == ("C3", "FCC3h", "AFp1", "Iz")


def test_a_unit_that_is_not_said_is_asked_for(write):
    lines = named(drawn(1000, 2), EPOCH + np.arange(1000) / 250, "Time,C3,C4")
    with pytest.raises(InputError, match=r"does not say the unit of C3, C4\. Say what it is with"):
        write(lines)
    np.testing.assert_allclose(write(lines, unit="mV").samples_uv, 1e3 * drawn(1000, 2), rtol=1e-6)


@pytest.mark.slow
def test_muse_lsl_is_in_microvolts_and_rounded_stamps_are_no_losses(write):
    samples, stamps = drawn(2560, 5), np.round(150.0 + np.arange(2560) / 256.04, 3)
    marker = np.zeros(2560, dtype=int)
    marker[[100, 700]] = 1, 2
    names = "timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker0"
    found = write(named(samples, stamps, names, more=(marker,)))
    np.testing.assert_array_equal(found.samples_uv, samples[:, :4].astype(np.float32))
    assert (found.rate, found.labels) == (256.0, ("TP9", "AF7", "AF8", "TP10"))
    assert found.breaks == ()
    assert [(event.onset * 256, event.label) for event in found.events] == [(100, "1"), (700, "2")]
    keep = np.r_[0:1000, 1300:2560]
    lines = named(samples[keep], stamps[keep], names, more=(marker[keep],))
    assert write(lines).breaks == (1000,)


@pytest.mark.slow
def test_bursts_in_milliseconds_have_the_rate_of_the_board(write):
    samples, label = drawn(2500, 8), ["Cue"] * 500 + ["15Hz"] * 2000
    milliseconds = np.floor(1e3 * EPOCH + 40.0 * (np.arange(2500) // 10))
    names = "Time," + ",".join(f"Channel {i}" for i in range(1, 9)) + ",Direction"
    lines = named(samples, milliseconds, names, more=(label,))
    found = write(lines)
    assert (found.rate, found.breaks) == (250.0, ())
    assert found.events == (Event(0.0, 2.0, "Cue"), Event(2.0, 8.0, "15Hz"))
    # Every eighth burst lost, at random: the rate stays that of the board.
    lost = np.random.default_rng(0).random(250) < 0.12
    kept = [line for i, line in enumerate(lines[1:]) if not lost[i // 10]]
    found = write([lines[0], *kept])
    assert found.rate == 250.0
    assert any("are taken to be lost" in note for note in found.notes)


def mind_monitor(rate, count):
    """Return what Mind Monitor writes, with a blink and a marker between the samples."""
    samples = drawn(count, 4) + 800
    names = ["TimeStamp", "Delta_TP9", "RAW_TP9", "RAW_AF7", "RAW_AF8", "RAW_TP10", "AUX_RIGHT"]
    lines = [",".join([*names, "Elements"])]
    for i, row in enumerate(samples):
        stamp = datetime(2026, 11, 21, 12, 33, 5) + timedelta(seconds=i / rate)
        stamp = stamp.isoformat(" ", "milliseconds")
        if i in (100, 200):
            word = "/muse/elements/blink" if i == 100 else "/Marker/1"
            lines.append(",".join([stamp, *[""] * 6, word]))
        lines.append(",".join([stamp, "0.3", *map(str, row), "866.3"]))
    return lines, samples


def test_mind_monitor_is_read_where_every_sample_was_written(write):
    lines, samples = mind_monitor(256.0, 1024)
    found = write(lines)
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))
    assert (found.rate, found.labels) == (256.0, ("TP9", "AF7", "AF8", "TP10"))
    expected = [(100, "/muse/elements/blink"), (200, "/Marker/1")]
    assert [(event.onset * 256, event.label) for event in found.events] == expected
    with pytest.raises(InputError, match=r"1 rows a second; that is no EEG.*Constant"):
        write(mind_monitor(1.0, 30)[0])


@pytest.mark.parametrize(
    "how",
    [
        {"encoding": "utf-8-sig"},
        {"encoding": "utf-16"},
        {"encoding": "latin-1"},
        {"end": "\r\n", "last": "\r\n"},
        {"last": ""},
    ],
    ids=str,
)
def test_encodings_and_line_ends_change_nothing(write, how):
    samples, stamps = drawn(1000, 2), 1.0 + np.arange(1000) / 250
    lines = named(samples, stamps, "Time,C3 (µV),C4 (µV),Größe", more=(np.ones(1000),))
    found = write(lines, **how)
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))
    assert (found.rate, found.labels, found.breaks) == (250.0, ("C3", "C4"), ())


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_and_other_separators_change_nothing(write, separator):
    samples, stamps = drawn(1000, 2), 1.0 + np.arange(1000) / 250
    lines = named(samples, stamps, separator=separator)
    for written in (lines, [lines[0], *(line.replace(".", ",") for line in lines[1:])]):
        np.testing.assert_array_equal(write(written).samples_uv, samples.astype(np.float32))


def test_a_first_row_without_decimals_does_not_hide_decimal_commas(write):
    samples, stamps = drawn(1000, 2), np.arange(1000) / 250
    lines = [line.replace(".", ",") for line in named(samples, stamps, separator=";")]
    found = write([lines[0], "0;0;0", *lines[2:]])
    np.testing.assert_array_equal(found.samples_uv[1:], samples[1:].astype(np.float32))
    assert found.rate == 250.0


@pytest.mark.parametrize("decimal", [".", ","])
def test_quotation_marks_around_cells_change_nothing(write, decimal):
    samples, stamps = drawn(1000, 2), 1.0 + np.arange(1000) / 250
    lines = named(samples, stamps)
    rows = [
        ",".join(f'"{cell.replace(".", decimal)}"' for cell in (*line.split(","), "left, right"))
        for line in lines[1:]
    ]
    found = write([f"{lines[0]},Cue", *rows])
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))
    assert [event.label for event in found.events] == ["left, right"]


def test_separators_at_the_end_of_rows_alone_change_nothing(write):
    samples = drawn(1000, 2)
    lines = named(samples, 1.0 + np.arange(1000) / 250)
    found = write([lines[0], *(f"{line}," for line in lines[1:])])
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))


def test_cells_at_the_end_of_rows_may_be_left_out(write):
    samples = drawn(1000, 3)
    lines = named(samples, 1.0 + np.arange(1000) / 250, "Time,C3 (uV),C4 (uV),Cz (uV),Marker,X")
    found = write([*lines[:101], f"{lines[101]},left,", *lines[102:]])
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))
    assert (found.events, found.breaks) == ((Event(0.4, 0.004, "left"),), ())


def test_columns_of_markers_of_one_name_are_distinguished(write):
    cues = [["left" if i == k else "" for i in range(1000)] for k in (100, 500)]
    names = "Time,C3 (uV),C4 (uV),Marker,Marker"
    found = write(named(drawn(1000, 2), 1.0 + np.arange(1000) / 250, names, more=cues))
    assert [event.label for event in found.events] == ["Marker 4/left", "Marker 5/left"]


def test_columns_without_names_are_refused(write):
    lines = named(drawn(1000, 2), 1.0 + np.arange(1000) / 250, "Time,C3 (uV)")
    with pytest.raises(InputError, match=r"in its first line, and its rows have 3: write one name"):
        write(lines)


def test_even_stamps_tell_another_rate_than_the_usual_board_of_as_many_channels(write):
    names = "Time," + ",".join(f"Ch{i} (uV)" for i in range(1, 9))
    found = write(named(drawn(2560, 8), 1.0 + np.arange(2560) / 256, names))
    assert (found.rate, found.breaks) == (256.0, ())
    assert any("256 Hz is used" in note for note in found.notes)


def test_a_marker_with_an_underscore_is_no_number(write):
    cue = ["1_1"] * 100 + ["0"] * 400 + ["11"] * 500
    names = "Time,C3 (uV),C4 (uV),Cue"
    lines = named(drawn(1000, 2), 1.0 + np.arange(1000) / 250, names, more=(cue,))
    assert [event.label for event in write(lines).events] == ["1_1", "11"]


@pytest.mark.parametrize("cut", [3, 12, 17])
def test_half_a_last_line_is_left_out(write, cut):
    samples = drawn(1000, 2) + 100.0
    lines = named(samples, 1.0 + np.arange(1000) / 250)
    found = write([*lines[:-1], lines[-1][:-cut]], last="")
    assert len(found.samples_uv) == 999
    assert found.breaks == ()


def test_a_header_that_comes_again_and_spoiled_lines_are_breaks(write):
    samples, stamps = drawn(1000, 2), EPOCH + np.arange(1000) / 250
    lines = named(samples, stamps)
    again = [*lines[:401], lines[0], *lines[401:801], lines[801][:7], *lines[802:]]
    found = write(again)
    assert len(found.samples_uv) == 999
    assert found.breaks == (400, 800)
    assert any("1 lines of a.csv are not whole" in note for note in found.notes)


def test_a_cell_that_is_no_number_is_no_sample(write):
    samples, stamps = drawn(1000, 2), EPOCH + np.arange(1000) / 250
    lines = named(samples, stamps)
    lines[101] = lines[101].rsplit(",", 1)[0] + ","
    found = write(lines)
    assert np.isnan(found.samples_uv[100, 1])
    assert [tuple(stretch) for stretch in found.stretches(["C4"])] == [(0, 100), (101, 1000)]


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        (["Dear diary,", "today"], r'as a recording: it begins with "Dear diary,"\. Text'),
        (["a,b,c", "1,2,3"], "Text is read as OpenBCI GUI text, Mind Monitor csv"),
        (["Time,C3 (uV)"], "has no rows of samples"),
        (["Time,C3 (uV)", "soon,1", "later,2"], 'has times such as "soon"'),
        (["Time,C3 (uV)", *(f"{i},1" for i in range(500))], "does not say its sampling rate"),
        (["%OpenBCI Raw EXG Data", "%Number of channels = 8"], "has no rows of samples"),
        (
            ["%OpenBCI Raw EXG Data", "1, 2, 3", "2, 3, 4"],
            "announces 8 channels, but its rows have 3",
        ),
        (["Time,C3 (uV)", *["1,2", "1"] * 50], "but 49 of another width"),
    ],
)
def test_text_that_is_no_recording_is_refused_in_words(write, lines, match):
    with pytest.raises(InputError, match=match):
        write(lines)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"0       X X X X", r"it is EDF by its content.*ends with \.edf"),
        (b"\xffBIOSEMI", r"it is BDF by its content"),
        (b"Brain Vision Data Exchange Header File", r"ends with \.vhdr"),
        (b"", "is empty"),
        (b"\x00\x01\x02", "by its name it is text, but its content is not"),
    ],
)
def test_what_a_name_hides_is_said(tmp_path, content, match):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=match):
        read_recording(tmp_path / "a.csv", isolated=False)


def test_words_of_a_file_have_no_control_characters(write):
    cue = ["\x1b[31mleft\u202e"] * 1000
    names = "Time,C3 (uV),C4\x07 (uV),Cue"
    found = write(named(drawn(1000, 2), EPOCH + np.arange(1000) / 250, names, more=(cue,)))
    assert found.labels == ("C3", "C4")
    assert [event.label for event in found.events] == ["[31mleft"]


def test_a_rate_that_no_amplifier_has_is_refused(write):
    samples = drawn(1000, 2)
    with pytest.raises(InputError, match="rows a second; that is no EEG"):
        write(named(samples, EPOCH + np.arange(1000) * 1e-6, "Time (s),C3 (uV),C4 (uV)"))


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "rate", "labels", "shape", "events"),
    [
        ("formats/OpenBCI_GUI-v6-blinks-jawClench-alpha.txt", 250.0, ("Ch1", "Ch2"), (22490, 8), 0),
        ("formats/enobio_ssvep.easy", 500.0, ("Ch1", "Ch2"), (15648, 8), 0),
        ("muse/n170.csv", 256.0, ("TP9", "AF7"), (30732, 4), 197),
        ("muse/p300.csv", 256.0, ("TP9", "AF7"), (30732, 4), 197),
        ("openbci_csv/ssvep_speller.csv", 250.0, ("Channel 1", "Channel 2"), (12290, 8), 35),
    ],
)
def test_recordings_of_people_are_read(recordings_folder, name, rate, labels, shape, events):
    found = read_recording(recordings_folder / "field" / name)
    assert (found.rate, found.labels[:2], found.samples_uv.shape) == (rate, labels, shape)
    assert len(found.events) == events
    assert 1.0 < np.median(np.std(found.samples_uv, axis=0)) < 5000.0


def test_marks_of_bad_trials_in_a_column_are_bad_spans(write):
    rows = [f"{i / 250},{i % 7},{i % 5},{'BAD_eye' if i == 500 else ''}" for i in range(1000)]
    recording = write(["Time,C3 (uV),C4 (uV),Marker", *rows])
    assert recording.events == ()
    assert recording.looked_in == ("the column Marker",)
    assert [span.reason for span in recording.bad_spans] == ["BAD_eye"]


def test_text_without_a_column_of_markers_says_so(write):
    rows = [f"{i / 250},{i % 7},{i % 5}" for i in range(1000)]
    recording = write(["Time,C3 (uV),C4 (uV)", *rows])
    assert recording.looked_in == ("the columns, of which none carries markers",)


def test_triggers_by_any_name_are_events_and_an_odd_unit_is_said(write):
    rows = [f"{i / 250},{i % 7},{i % 5},{i % 3},{3 * (i == 500)}" for i in range(1000)]
    recording = write(["Time,C3 (uV),C4 (uV),Cz (mV),TRIG", *rows])
    assert recording.events == (Event(2.0, 0.004, "3"),)
    assert "In another unit than the other channels, and converted: Cz." in recording.notes
