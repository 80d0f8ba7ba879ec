"""Recordings that programs of boards write as text: OpenBCI, BrainFlow and Enobio."""

import numpy as np
import pytest
from recording_files import EPOCH, drawn

from core.errors import InputError
from core.recordings import Event


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


@pytest.mark.slow
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
