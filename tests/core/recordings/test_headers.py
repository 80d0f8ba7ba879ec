"""Headers that say what cannot be are refused in a sentence."""

import re

import numpy as np
import pytest
from recording_files import noise, write_brainvision, write_edf, write_gdf

from core.errors import InputError
from core.recordings import read_recording
from core.recordings.headers import read_header

FIELDS = [
    ("physical minimum", "nan", "the range of its channel C3 is not in numbers"),
    ("physical maximum", "inf", "the range of its channel C3 is not in numbers"),
    ("physical minimum", "", "its header is damaged"),
    ("digital minimum", "32767", "the numbers of its channel C3 range from 32767 to 32767"),
    ("record length", "nan", "a record lasts nan s"),
    ("record length", "0", "a record lasts 0 s"),
    ("record length", "-1", "a record lasts -1 s"),
    ("samples", "0", "a record holds no samples"),
    ("samples", "-9", "a record holds no samples"),
    ("samples", "NaN", "its header is damaged"),
    ("channels", "0", "it has 0 channels"),
    ("channels", "-1", "it has -1 channels"),
    ("channels", "", "its header is damaged"),
    ("version", b"\xffBIOSEMI", "it begins as one of BDF does, and its name ends with .edf"),
]


@pytest.mark.parametrize(("field", "value", "words"), FIELDS)
def test_a_header_of_edf_that_cannot_be_is_refused(tmp_path, field, value, words):
    path = write_edf(tmp_path / "a.edf", noise(500), annotations=None, fields={field: value})
    with pytest.raises(InputError, match="cannot be read as a recording: ") as refusal:
        read_recording(path)
    assert words in str(refusal.value)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("at", "value", "words"),
    [
        (252, np.uint32(0), "it has 0 channels"),
        (252, np.uint32(10**9), "has 1000000000 channels"),
        (244, np.uint32([0, 1]), "a record lasts 0 s"),
        (256 + 2 * 104, np.float64(np.nan), "the range of its channel C3 is not in numbers"),
        (256 + 2 * 220, np.int32(9), "its samples are of type 9"),
        (236, np.int64(3), "its header says 3 records of 1000 bytes, and it holds 2"),
        (236, np.int64(-1), "its header says -1 records"),
        (256 + 2 * 216, np.int32(10**6), "records of 2000500 bytes, and it holds 0"),
        (256 + 2 * 216, np.int32(-250), "a record holds no samples of a channel"),
        (0, np.uint8(90), "it does not begin as one of GDF does"),
    ],
)
def test_a_header_of_gdf_that_cannot_be_is_refused(tmp_path, at, value, words):
    path = write_gdf(tmp_path / "a.gdf", noise(500))
    content = bytearray(path.read_bytes())
    content[at : at + value.nbytes] = value.tobytes()
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be read as a recording: ") as refusal:
        read_recording(path)
    assert words in str(refusal.value)


@pytest.mark.parametrize("length", [0, 100, 255, 300, 700, 1024, 1300])
@pytest.mark.parametrize("suffix", [".edf", ".bdf", ".gdf"])
def test_a_file_that_ends_early_is_refused_or_read_as_far_as_it_goes(tmp_path, suffix, length):
    path = tmp_path / f"a{suffix}"
    write_gdf(path, noise(500)) if suffix == ".gdf" else write_edf(path, noise(500))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=re.escape(str(path))) as refusal:
        read_recording(path)
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("SamplingInterval=4000.0", "SamplingInterval=nan"),
        ("SamplingInterval=4000.0", "SamplingInterval=-4000"),
        ("SamplingInterval=4000.0", "SamplingInterval=0"),
        ("SamplingInterval=4000.0", "SamplingInterval=inf"),
        ("NumberOfChannels=2", "NumberOfChannels=0"),
        ("C3,,1,", "C3,,nan,"),
    ],
)
def test_a_header_of_brainvision_that_cannot_be_is_refused(tmp_path, old, new):
    path = write_brainvision(tmp_path / "a.vhdr", noise(500))
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError, match=r"a\.vhdr") as refusal:
        read_recording(path)
    assert str(refusal.value).isprintable()


def test_a_recording_without_samples_is_refused(tmp_path):
    path = write_brainvision(tmp_path / "a.vhdr", noise(0))
    with pytest.raises(InputError, match=r"a\.vhdr"):
        read_recording(path)


def test_a_file_of_annotations_only_is_refused(tmp_path):
    fields = {"record length": "0"}
    marks = [(0, 30, "Sleep stage W")]
    samples = np.empty((500, 0))
    path = write_edf(tmp_path / "a.edf", samples, (), annotations=marks, fields=fields)
    with pytest.raises(InputError, match=r"a\.edf has no signal: 0 channels"):
        read_recording(path)


def test_units_of_gdf_1_9_are_in_words_where_their_code_is_not_set(tmp_path):
    path = write_gdf(tmp_path / "a.gdf", noise(500), version="2.00", units=[0, 0])
    content = bytearray(path.read_bytes())
    begin = 256 + 2 * 96
    content[begin : begin + 12] = b"uV    mV    "
    path.write_bytes(content)
    header = read_header(path)
    assert [channel.unit for channel in header.channels] == ["uV", "mV"]
    assert [channel.label for channel in header.channels] == ["C3", "C4"]
    assert [channel.step for channel in header.channels] == pytest.approx([0.1, 0.1])
