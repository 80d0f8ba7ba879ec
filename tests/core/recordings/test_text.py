"""Recordings that programs of amplifiers and headsets write as text."""

from datetime import datetime, timedelta

import numpy as np
import pytest

from core.errors import InputError
from core.recordings import Event, read_recording

EPOCH = 1_700_000_000.0  # s


@pytest.fixture
def write(tmp_path):
    """Write lines into a file and read them as a recording, in this process."""

    def write(lines, name="a.csv", unit=None, encoding="utf-8", end="\n", last="\n"):
        text = end.join(lines) + last
        (tmp_path / name).write_bytes(text.encode(encoding))
        return read_recording(tmp_path / name, unit, isolated=False)

    return write


def drawn(count, channels):
    """Return samples with two decimals, so that text holds them exactly."""
    return np.round(np.random.default_rng(0).normal(0.0, 20.0, (count, channels)), 2)


def named(samples, stamps, names="Time,C3 (uV),C4 (uV)", separator=",", more=()):
    """Return the lines of a table with named columns."""
    rows = [[f"{stamp:.6f}", *map(str, row)] for stamp, row in zip(stamps, samples, strict=True)]
    for cells in more:
        rows = [[*row, str(cell)] for row, cell in zip(rows, cells, strict=True)]
    return [names.replace(",", separator), *(separator.join(row) for row in rows)]


def openbci(count=1000, channels=8, rate=250.0, version=6, keep=None, index=None, marker=None):
    """Return what the OpenBCI GUI writes, with only some of the samples."""
    samples = drawn(count, channels)
    kind = "EXG" if version > 5 else "EEG"
    lines = [f"%OpenBCI Raw {kind} Data", f"%Number of channels = {channels}"]
    lines += [f"%Sample Rate = {rate:g} Hz", "%Board = OpenBCI_GUI$BoardCytonSerial"]
    names = ["Sample Index", *(f"EXG Channel {i}" for i in range(channels)), "Accel Channel 0"]
    names += ["Digital Channel 0 (D11)", "Timestamp"] + ["Marker Channel"] * (version > 5)
    lines.append(", ".join([*names, "Timestamp (Formatted)"]))
    index = np.arange(count) % 256 if index is None else index
    marker = np.zeros(count) if marker is None else marker
    for i in range(count) if keep is None else keep:
        cells = [str(index[i]), *(f"{value:.2f}" for value in samples[i]), "0.040", "0"]
        # Arrival in pairs, as a serial port gives them.
        cells += [f"{EPOCH + (i // 2) * 2 / rate:.6f}"] + [f"{marker[i]}"] * (version > 5)
        lines.append(", ".join([*cells, "12:00:53.329"]))
    return lines, samples


def test_openbci_text_is_read_with_its_rate_and_unnamed_channels(write):
    lines, samples = openbci()
    found = write(lines, "OpenBCI-RAW.txt")
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))
    assert (found.rate, found.breaks, found.events) == (250.0, (), ())
    assert found.labels == tuple(f"Ch{i}" for i in range(1, 9))
    assert any("--channels" in note for note in found.notes)


def test_markers_of_openbci_are_events_where_they_change(write):
    marker = np.zeros(1000)
    marker[100], marker[200:210] = 2.0, 1.0
    found = write(openbci(marker=marker)[0])
    assert found.events == (Event(0.4, 0.004, "2"), Event(0.8, 0.04, "1"))


def test_a_digital_input_of_openbci_that_is_wired_to_something_tells_events(write):
    lines, _ = openbci()
    pressed = range(5 + 250, 5 + 300)
    lines = [
        line.replace(", 0.040, 0, ", ", 0.040, 1, ") if number in pressed else line
        for number, line in enumerate(lines)
    ]
    assert [(e.onset, e.duration) for e in write(lines).events] == [(1.0, 0.2)]


def test_samples_that_the_counter_leaves_out_are_breaks(write):
    keep = [i for i in range(1000) if i not in (300, 511, 512, *range(700, 956))]
    found = write(openbci(keep=keep)[0])
    # The last loss is as long as the counter: the time stamps tell it.
    assert found.breaks == (300, 510, 697)


@pytest.mark.parametrize(
    ("channels", "rate", "index"),
    [
        (16, 125.0, (2 * np.arange(1000)) % 256),  # Cyton with Daisy: two packets a sample
        (4, 200.0, 101 + (np.arange(1000) // 2) % 100),  # Ganglion: two samples a packet
        (8, 250.0, np.arange(1000) % 256),
    ],
)
def test_counters_of_all_boards_are_understood(write, channels, rate, index):
    found = write(openbci(1000, channels, rate, 5, index=index)[0])
    assert (found.rate, len(found.labels), found.breaks) == (rate, channels, ())
    keep = [i for i in range(1000) if i not in (500, 501)]
    assert write(openbci(1000, channels, rate, 5, keep, index)[0]).breaks == (500,)


def test_old_openbci_text_has_no_names_and_the_time_of_the_day(write):
    samples = drawn(1000, 8)
    lines = ["%OpenBCI Raw EEG Data", "%", "%Sample Rate = 250.0 Hz", "%First Column = SampleIndex"]
    for i, row in enumerate(samples):
        at = (86399.0 + i / 250) % 86400  # over midnight
        clock = f"{int(at // 3600):02d}:{int(at // 60) % 60:02d}:{at % 60:06.3f}"
        cells = [str(i % 256), *(f"{value:.2f}" for value in row), "0.0", "0.1", "0.2", clock]
        lines.append(", ".join(cells))
    found = write(lines, "a.txt")
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))
    assert (found.rate, found.breaks) == (250.0, ())


def test_decimal_commas_of_openbci_are_understood(write):
    lines, samples = openbci()
    found = write([*lines[:5], *(line.replace(".", ",") for line in lines[5:])], "a.txt")
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))


def test_a_rate_that_stamps_contradict_is_corrected_with_a_word(write):
    lines, _ = openbci(rate=125.0)
    lines[2] = "%Sample Rate = 250 Hz"
    found = write(lines)
    assert found.rate == 125.0
    assert any("125 samples a second, where 250 were expected" in note for note in found.notes)


def brainflow(columns, eeg, stamp, rate, count=1000):
    """Return lines as BrainFlow writes them: columns of a board, without names."""
    table = np.zeros((count, columns))
    table[:, list(eeg)] = drawn(count, len(eeg))
    table[:, stamp], table[500, columns - 1] = EPOCH + np.arange(count) / rate, 7
    table[:, 0] = np.arange(count) % 256 if 0 not in eeg else table[:, 0]
    return ["\t".join(f"{value:.6f}" for value in row) for row in table], table[:, list(eeg)]


@pytest.mark.parametrize(
    ("columns", "eeg", "stamp", "rate", "labels"),
    [
        (24, range(1, 9), 22, 250.0, "Ch1 Ch2 Ch3 Ch4 Ch5 Ch6 Ch7 Ch8"),
        (32, range(1, 17), 30, 125.0, " ".join(f"Ch{i}" for i in range(1, 17))),
        (32, range(1, 17), 30, 250.0, " ".join(f"Ch{i}" for i in range(1, 17))),
        (15, range(1, 5), 13, 200.0, "Ch1 Ch2 Ch3 Ch4"),
        (8, range(1, 5), 6, 256.0, "TP9 AF7 AF8 TP10"),
        (8, range(1, 5), 6, 250.0, "T3 T4 O1 O2"),
        (19, range(8), 17, 250.0, "Fz C3 Cz C4 Pz PO7 Oz PO8"),
    ],
)
def test_boards_of_brainflow_are_told_by_their_columns(write, columns, eeg, stamp, rate, labels):
    lines, samples = brainflow(columns, eeg, stamp, rate)
    found = write(lines, "BrainFlow-RAW.csv")
    np.testing.assert_array_equal(found.samples_uv, samples.astype(np.float32))
    assert (found.rate, found.labels, found.breaks) == (rate, tuple(labels.split()), ())
    assert found.events == (Event(500 / rate, 1 / rate, "7"),)


def test_a_board_that_is_not_known_is_refused_with_what_to_do(write):
    with pytest.raises(InputError, match=r"27 columns without names.*Cyton 24.*Write a first line"):
        write(brainflow(27, range(1, 9), 25, 250.0)[0])


def test_named_electrodes_are_read_and_words_are_events(write):
    samples, stamps = drawn(1000, 2), EPOCH + np.arange(1000) / 256
    cue = ["rest"] * 100 + ["left hand"] * 400 + [""] * 500
    names = "Time,C3 (uV),C4 [mV],Accel X,Cue"
    found = write(named(samples, stamps, names, more=(samples[:, 0], cue)))
    np.testing.assert_allclose(found.samples_uv, samples * (1.0, 1e3), rtol=1e-6)
    assert (found.rate, found.labels, found.breaks) == (256.0, ("C3", "C4"), ())
    assert found.events == (Event(0.0, 100 / 256, "rest"), Event(100 / 256, 400 / 256, "left hand"))
    assert any("left out: Accel X" in note for note in found.notes)


def test_a_unit_that_is_not_said_is_asked_for(write):
    lines = named(drawn(1000, 2), EPOCH + np.arange(1000) / 250, "Time,C3,C4")
    with pytest.raises(InputError, match=r"does not say the unit of C3, C4\. Say what it is with"):
        write(lines)
    np.testing.assert_allclose(write(lines, unit="mV").samples_uv, 1e3 * drawn(1000, 2), rtol=1e-6)


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


@pytest.mark.parametrize("accelerations", [0, 3])
def test_enobio_is_in_nanovolts_and_named_by_the_file_beside_it(write, tmp_path, accelerations):
    nanovolts = np.random.default_rng(0).integers(-(10**8), 10**8, (1000, 8))
    lines = []
    for i, row in enumerate(nanovolts):
        cells = [*row, *[5] * accelerations, 4 if i == 250 else 0, 1_522_879_933_509 + 2 * i]
        lines.append("\t".join(map(str, cells)))
    found = write(lines, "a.easy")
    np.testing.assert_allclose(found.samples_uv, nanovolts * 1e-3, rtol=1e-6)
    assert (found.rate, found.breaks, found.labels[0]) == (500.0, (), "Ch1")
    assert found.events == (Event(0.5, 0.002, "4"),)
    assert any("a.info" in note for note in found.notes)
    places = "".join(
        f"Channel {i + 1}: {n}\n" for i, n in enumerate("P7 P4 Cz Pz P3 P8 O1 O2".split())
    )
    (tmp_path / "a.info").write_text(f"EEG sampling rate: 500 Samples/second\n{places}")
    assert write(lines, "a.easy").labels == tuple("P7 P4 Cz Pz P3 P8 O1 O2".split())
    assert write(lines, "a.easy").sha256 != found.sha256


def test_an_easy_file_of_another_width_is_refused(write):
    lines = ["\t".join(map(str, [*range(12), 0, 1_522_879_933_509 + 2 * i])) for i in range(1000)]
    with pytest.raises(InputError, match=r"has 14 columns; a \.easy file has 8, 20, 32 or 64"):
        write(lines, "a.easy")


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
