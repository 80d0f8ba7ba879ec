"""core.recordings.copies: the same samples are known again, and no others are."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.recordings import read_recording
from core.recordings.copies import (
    as_array,
    as_text,
    find_copy,
    fingerprint,
    from_array,
    from_text,
    refuse_copies,
    same_samples,
)

SITES = ("FC3", "FC4", "C3", "CZ", "C4", "PZ")


@pytest.fixture
def recording(make_recording):
    return make_recording(6000, 160.0, SITES)


def changed(recording, change):
    return replace(recording, samples_uv=change(recording.samples_uv).astype(np.float32))


def rounded(step):
    return lambda samples: np.round(samples / step) * step


def test_the_same_samples_are_known_again_in_another_file(recording, tmp_path):
    import mne

    info = mne.create_info(list(SITES), recording.rate, "eeg")
    path = tmp_path / "same_raw.fif"
    raw = mne.io.RawArray(recording.samples_uv.T * 1e-6, info, verbose="ERROR")
    raw.save(path, fmt="double", verbose="ERROR")
    other = read_recording(path)
    assert other.sha256 != recording.sha256
    assert other.samples_sha256 == recording.samples_sha256
    assert same_samples(fingerprint(other), fingerprint(recording))


@pytest.mark.parametrize(
    "change",
    [
        rounded(0.1),  # of a 16-bit file
        rounded(0.5),
        lambda samples: samples * 1e-3,  # a wrong unit
        lambda samples: -samples + 4e4,  # the other polarity, an offset
        lambda samples: np.vstack([samples[:1000] * 0.7, samples[1000:]]),
        lambda samples: samples[1500:],
        lambda samples: samples[2000:4000],
        lambda samples: samples[:3200],
    ],
)
def test_rounding_scale_offset_and_cuts_hide_nothing(recording, change):
    other = fingerprint(changed(recording, change))
    assert same_samples(fingerprint(recording), other)
    assert same_samples(other, fingerprint(recording))


def test_order_names_and_number_of_channels_hide_nothing(recording):
    other = replace(
        recording,
        samples_uv=np.ascontiguousarray(recording.samples_uv[:, ::-1]),
        labels=tuple(f"EEG {label.title()}-REF" for label in SITES[::-1]),
    )
    assert other.samples_sha256 == recording.samples_sha256
    assert same_samples(fingerprint(recording), fingerprint(other))
    fewer = replace(recording, samples_uv=recording.samples_uv[:, :2], labels=SITES[:2])
    assert same_samples(fingerprint(recording), fingerprint(fewer))
    unnamed = replace(fewer, samples_uv=fewer.samples_uv[2000:4000], labels=("Ch1", "Ch2"))
    assert same_samples(fingerprint(recording), fingerprint(unnamed))


@pytest.mark.parametrize(("common", "copy"), [(5, None), (6, (0, 2))])
def test_a_few_marks_in_common_make_no_copy(common, copy):
    marks = [tuple(range(first, first + 100)) for first in (0, 500, 100 - common)]
    assert find_copy(marks) == copy


@pytest.mark.slow
def test_other_recordings_are_others(make_recording, imagery_recording):
    recordings = [
        *(make_recording(6000, 160.0, SITES, seed=seed) for seed in range(6)),
        *(imagery_recording(seed=seed) for seed in range(3)),
    ]
    assert find_copy([fingerprint(recording) for recording in recordings]) is None


def test_what_is_the_same_in_all_recordings_makes_no_copies(make_recording):
    # A mains hum, pulses in step with the cues, and a trigger channel are not the person's.
    times = np.arange(6000) / 160.0
    hum = 300.0 * np.sin(2 * np.pi * 10.0 * times)
    hum[::800] += 5000.0
    trigger = np.zeros(6000)
    trigger[np.cumsum(np.random.default_rng(9).integers(100, 400, 20))] = 1e4
    marks = []
    for seed in range(2):
        noise = make_recording(6000, 160.0, SITES, seed=seed)
        samples = np.column_stack([noise.samples_uv + hum[:, None], trigger]).astype(np.float32)
        marks.append(fingerprint(replace(noise, samples_uv=samples, labels=(*SITES, "Trigger"))))
    assert not same_samples(*marks)


def test_a_recording_too_short_for_marks_is_known_by_its_samples(make_recording):
    short, other = make_recording(200, 160.0, SITES), make_recording(200, 160.0, SITES, seed=1)
    marks = fingerprint(short)
    assert len(marks) == 1
    assert same_samples(marks, fingerprint(replace(short, path=Path("copy.edf"))))
    assert not same_samples(marks, fingerprint(other))


def test_samples_that_are_no_numbers_are_no_marks(recording):
    samples = recording.samples_uv.copy()
    samples[2000:2400], samples[3000] = np.nan, np.inf
    holes = fingerprint(replace(recording, samples_uv=samples))
    assert same_samples(holes, fingerprint(recording))


def test_the_same_recording_twice_is_refused_by_name(recording, make_recording):
    copy = replace(recording, path=Path("copy.edf"))
    other = make_recording(6000, 160.0, SITES, seed=5)
    with pytest.raises(InputError, match=r"recording-0\.edf is named twice"):
        refuse_copies([recording, other, recording])
    with pytest.raises(InputError, match=r"recording-0\.edf and copy\.edf are the same recording"):
        refuse_copies([recording, other, copy])
    refuse_copies([recording, other])


def test_parts_of_one_recording_from_memory_are_refused_by_their_numbers(recording, make_recording):
    samples = recording.samples_uv
    first = replace(recording, samples_uv=samples[:4500], sha256="first")
    last = replace(recording, samples_uv=samples[1500:], sha256="last")
    other = make_recording(6000, 160.0, SITES, seed=5)
    with pytest.raises(InputError, match=r"^Recordings 1 and 3 are .* have samples in common"):
        refuse_copies([first, other, last])


def test_a_fingerprint_is_known_again_after_json(recording):
    marks = fingerprint(recording)
    kept = from_text(as_text(marks))
    assert kept == marks[: len(kept)]
    assert len(kept) == 128
    assert find_copy([marks, kept]) == find_copy([kept, kept]) == (0, 1)
    assert from_text("no digits") == ()


def test_an_array_that_holds_no_fingerprints_is_refused():
    assert from_array(as_array([(1, 2, 3), (4,)])) == [(1, 2, 3), (4,)]
    for array in (np.zeros(3, dtype=np.int64), np.zeros((2, 3))):
        with pytest.raises(ValueError, match="one row each"):
            from_array(array)


def test_the_sha256_of_samples_changes_with_each_of_them(recording):
    samples = recording.samples_uv.copy()
    samples[17, 3] += 0.02
    digests = {
        recording.samples_sha256,
        replace(recording, samples_uv=samples).samples_sha256,
        replace(recording, rate=161.0).samples_sha256,
        replace(recording, labels=("F3", *SITES[1:])).samples_sha256,
    }
    assert len(digests) == 4


@pytest.mark.data
@pytest.mark.slow
def test_real_recordings_are_all_different_and_are_known_in_part(recordings_folder):
    files = sorted((recordings_folder / "eegmmidb" / "S001").glob("*.edf"))
    recordings = [read_recording(path) for path in files]
    marks = [fingerprint(recording) for recording in recordings]
    assert max(len(set(one) & set(other)) for one, other in combinations(marks, 2)) <= 2
    half = changed(recordings[3], lambda samples: rounded(0.37)(samples[4000:6500]))
    assert find_copy([*marks, fingerprint(half)]) == (3, len(marks))


@pytest.mark.parametrize("jitter", [0, 2, 6])
def test_a_rhythm_that_two_recordings_share_makes_no_copy_of_them(make_recording, jitter):
    """A heart that beats evenly is seen in every channel of every recording of a person."""

    def beating(seed):
        random = np.random.default_rng(seed)
        recording = make_recording(20000, 160.0, SITES)
        samples = random.normal(0.0, 10.0, recording.samples_uv.shape)
        beats = np.cumsum(random.integers(140 - jitter, 140 + jitter + 1, 130)) + 37 * seed
        for channel in range(len(SITES)):
            samples[np.minimum(beats + random.integers(-1, 2, 130), 19999), channel] += 200.0
        return replace(recording, samples_uv=samples.astype(np.float32))

    one, other = map(beating, (1, 2))
    refuse_copies([one, other])
    with pytest.raises(InputError, match="named twice"):
        refuse_copies([one, changed(one, lambda samples: samples[4000:] * 1e-3)])
