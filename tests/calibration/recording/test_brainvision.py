"""Markers are whole or not there, whenever the process dies."""

import io

import mne
import pytest

import calibration.recording.brainvision as brainvision
from calibration.recording.brainvision import (
    SEGMENT,
    STIMULUS,
    BrainVisionMarker,
    MarkerFile,
    first_segment,
    markers_file,
    plain_name,
    read_markers,
    write_all,
)

STARTED = "2026-11-21T08:40:19.123456Z"
MARKERS = [
    first_segment(STARTED),
    BrainVisionMarker(STIMULUS, "left_hand", 99, 1000),
    BrainVisionMarker(SEGMENT, "", 500),
    BrainVisionMarker(STIMULUS, "rest", 123456789),
]


def test_markers_come_back_as_they_were(tmp_path):
    file = MarkerFile(tmp_path / "a.vmrk", "a")
    for marker in MARKERS:
        file.add(marker)
    file.file.close()
    content = (tmp_path / "a.vmrk").read_bytes()
    assert content == markers_file("a", MARKERS)
    assert read_markers(content) == MARKERS
    assert read_markers(content.replace(b"\n", b"\r\n")) == MARKERS
    assert MARKERS[0].date == "20261121084019123456"


def test_no_death_leaves_a_file_that_mne_refuses(tmp_path, monkeypatch):
    path = tmp_path / "a.vmrk"
    states = []

    def write_byte_by_byte(file, content):
        # Each byte is a moment at which the process may die.
        for byte in bytes(content):
            write_all(file, bytes([byte]))
            states.append(path.read_bytes())

    file = MarkerFile(path, "a")
    monkeypatch.setattr(brainvision, "write_all", write_byte_by_byte)
    for marker in MARKERS:
        file.add(marker)
    file.file.close()
    assert len(states) > 100
    counts = []
    for state in states:
        path.write_bytes(state)
        found = mne.read_annotations(path, sfreq=250.0)
        assert read_markers(state) == MARKERS[: len(read_markers(state))]
        # MNE takes the first segment for the start and shows the others.
        assert len(found) == max(len(read_markers(state)) - 1, 0)
        counts.append(len(found))
    assert counts == sorted(counts)
    assert counts[-1] == len(MARKERS) - 1


def test_file_that_is_there_is_not_touched(tmp_path):
    (tmp_path / "a.vmrk").write_text("mine")
    with pytest.raises(FileExistsError):
        MarkerFile(tmp_path / "a.vmrk", "a")
    assert (tmp_path / "a.vmrk").read_text() == "mine"


def test_everything_is_written_when_the_system_takes_a_part_at_a_time():
    class Slow(io.BytesIO):
        def write(self, content):
            return super().write(bytes(content[:3]))

    slow = Slow()
    write_all(slow, b"more than three bytes")
    assert slow.getvalue() == b"more than three bytes"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("left_hand", "left_hand"),
        ("a,b\tc\nd", "a_b_c_d"),
        ("naïve", "na_ve"),
        (" ", "_"),
        ("", "_"),
    ],
)
def test_names_of_events_hold_nothing_that_breaks_a_line(given, kept):
    assert plain_name(given) == kept
