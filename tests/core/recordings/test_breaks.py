"""Pauses of every format that MNE reads are breaks, and events lie at their samples."""

import mne
import numpy as np
import pytest
from recording_files import noise, write_brainvision, write_edf, write_eeglab, write_gdf

from core.recordings import read_recording
from core.recordings.breaks import at_lowest, breaks_of
from core.recordings.headers import Channel

RATE = 250


def onsets(recording, *labels):
    return [round(e.onset * recording.rate) for e in recording.events if e.label in labels]


PAUSED = [second if second < 8 else second + 20 for second in range(20)]  # 20 s after 8 s


@pytest.mark.parametrize("family", ["EDF", "BDF"])
@pytest.mark.parametrize("continuity", ["C", "D"])
def test_a_pause_of_edf_plus_is_a_break_and_events_lie_at_their_samples(
    tmp_path, family, continuity
):
    samples = noise(20 * RATE)
    marks = [(2, None, "T1"), (7.5, 3, "T1"), (28, None, "T2"), (39.5, None, "T2")]
    path = tmp_path / f"a.{family.lower()}"
    write_edf(path, samples, annotations=marks, starts=PAUSED, reserved=f"{family}+{continuity}")
    recording = read_recording(path)
    assert recording.breaks == (8 * RATE,)
    assert onsets(recording, "T1", "T2") == [500, 1875, 2000, 4875]
    assert {event.label for event in recording.events} == {"T1", "T2"}
    np.testing.assert_allclose(recording.samples_uv, samples, atol=0.2)


def test_an_event_in_a_pause_belongs_to_the_last_sample_before_it(tmp_path):
    marks = [(8, None, "at its begin"), (20, None, "within"), (27.999, None, "at its end")]
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=marks, starts=PAUSED)
    recording = read_recording(path)
    assert [round(event.onset * RATE) for event in recording.events] == [1999, 1999, 1999]


@pytest.mark.parametrize("record", [0, 3, 12])
def test_a_record_without_a_time_follows_on_the_one_before(tmp_path, record):
    marks = [(7.5, None, "T1"), (39.5, None, "T2")]
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=marks, starts=PAUSED)
    time = f"+{PAUSED[record]}\x14\x14".encode()
    path.write_bytes(path.read_bytes().replace(time, b"\0" * len(time)))
    recording = read_recording(path)
    assert recording.breaks == (8 * RATE,)
    assert onsets(recording, "T1", "T2") == [1875, 4875]


@pytest.mark.parametrize("late", [0.008, 0.1, 3600.0])
def test_a_loss_of_two_samples_is_found_as_one_of_an_hour_is(tmp_path, late):
    starts = [second if second < 8 else second + late for second in range(20)]
    marks = [(10 + late, None, "T1")]
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=marks, starts=starts)
    recording = read_recording(path)
    assert recording.breaks == (2000,)
    assert onsets(recording, "T1") == [2500]


def test_several_pauses_add_up(tmp_path):
    starts = [2.5 * second for second in range(20)]
    marks = [(2.5 * second + 0.5, None, "T1") for second in range(20)]
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=marks, starts=starts)
    recording = read_recording(path)
    assert recording.breaks == tuple(range(250, 5000, 250))
    assert onsets(recording, "T1") == list(range(125, 5000, 250))


def test_records_of_two_seconds_are_placed_as_those_of_one_are(tmp_path):
    starts = [2 * record if record < 8 else 2 * record + 20 for record in range(20)]
    marks, fields = [(15.2, None, "T1"), (37.6, None, "T2")], {"record length": 2}
    path = tmp_path / "a.edf"
    write_edf(path, noise(5000), annotations=marks, starts=starts, fields=fields)
    recording = read_recording(path)
    assert recording.rate == RATE / 2
    assert recording.breaks == (8 * RATE,)
    assert onsets(recording, "T1", "T2") == [1900, 2200]


def test_a_recording_that_begins_within_a_second_is_counted_from_its_first_sample(tmp_path):
    for starts in ([second + 0.4 for second in range(20)], [second + 0.4 for second in PAUSED]):
        marks = [(0.2, None, "early"), (2.4, None, "T1")]
        path = write_edf(tmp_path / "a.edf", noise(5000), annotations=marks, starts=starts)
        assert onsets(read_recording(path), "early", "T1") == [-50, 500]


def test_slow_clocks_break_nothing_and_keep_events_at_their_samples(tmp_path):
    starts = [1.002 * second for second in range(60)]  # 30 samples in a minute
    marks = [(1.002 * 50 + 0.5, None, "T1")]
    path = write_edf(tmp_path / "a.edf", noise(60 * RATE), annotations=marks, starts=starts)
    recording = read_recording(path)
    assert recording.breaks == ()
    assert onsets(recording, "T1") == [50 * RATE + 125]


def test_records_whose_times_were_not_kept_follow_on_each_other(tmp_path):
    marks = [(12, None, "T1")]
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=marks, starts=[0] * 20)
    recording = read_recording(path)
    assert recording.breaks == ()
    assert onsets(recording, "T1") == [3000]


def test_annotations_after_a_pause_keep_their_words_and_endless_ones_are_none(tmp_path):
    marks = [(30, None, "Händedruck"), (31, np.inf, "endless")]
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=marks, starts=PAUSED)
    assert onsets(read_recording(path), "Händedruck", "endless") == [10 * RATE]


@pytest.mark.parametrize("version", ["1.25", "2.20"])
def test_runs_within_a_gdf_are_broken_apart(tmp_path, version):
    samples = noise(5000, 3)
    samples[2500:2600] = np.nan
    events = [(0, 32766, 100), (1000, 769, 10), (2500, 32766, 100), (3500, 770, 10)]
    units = "uV" if version == "1.25" else [4275] * 3
    labels = ("C3", "Cz", "C4")
    path = write_gdf(
        tmp_path / "a.gdf", samples, labels, events=events, version=version, units=units
    )
    recording = read_recording(path)
    assert recording.breaks == (2500,)
    assert recording.stretches(["C3", "CZ", "C4"]) == [(0, 2500), (2600, 5000)]
    assert onsets(recording, "769", "770") == [1000, 3500]


@pytest.mark.parametrize("version", ["1.25", "2.20"])
@pytest.mark.parametrize("event_rate", [1000, 125, 0])
def test_events_of_gdf_that_count_at_a_rate_of_their_own_lie_at_their_samples(
    tmp_path, version, event_rate
):
    units = "uV" if version == "1.25" else [4275] * 2
    ratio = (event_rate or RATE) / RATE
    events = [(round(n * ratio), kind, 10) for n, kind in ((0, 768), (1000, 769), (4500, 770))]
    events.append((round(2500 * ratio), 32766, 1))
    kinds = {"version": version, "units": units, "event_rate": event_rate}
    recording = read_recording(write_gdf(tmp_path / "a.gdf", noise(5000), events=events, **kinds))
    assert onsets(recording, "769", "770") == [1000, 4500]
    assert recording.breaks == (2500,)


@pytest.mark.parametrize("dtype", ["<i2", "<u2", "<i4", "<f4", "<f8"])
def test_the_lowest_number_on_all_channels_of_a_gdf_is_no_signal(tmp_path, dtype):
    samples = noise(5000) + 100.0 * (dtype == "<u2")  # which has no negative numbers
    samples[2500:2600] = np.nan
    recording = read_recording(write_gdf(tmp_path / "a.gdf", samples, dtype=dtype))
    assert np.isnan(recording.samples_uv).all(axis=1).nonzero()[0].tolist() == [*range(2500, 2600)]
    assert np.abs(np.nan_to_num(recording.samples_uv)).max() < 250


def test_the_lowest_number_of_the_type_is_no_signal_where_the_header_says_another(tmp_path):
    samples = noise(5000)
    samples[2500:2600] = np.nan
    path = write_gdf(tmp_path / "a.gdf", samples, digital=(-20000, 20000))
    recording = read_recording(path)
    assert np.isnan(recording.samples_uv).all(axis=1).sum() == 100


@pytest.mark.parametrize("suffix", [".edf", ".bdf"])
def test_a_gap_at_the_lowest_number_of_edf_is_no_signal(tmp_path, suffix):
    samples = np.c_[noise(5000), np.zeros(5000)]
    samples[2500:2600, :2] = np.nan
    labels, units = ("C3", "C4", "Trigger"), ["uV", "uV", ""]
    path = write_edf(tmp_path / f"a{suffix}", samples, labels, units=units)
    recording = read_recording(path)
    assert recording.stretches(["C3", "C4"]) == [(0, 2500), (2600, 5000)]


def test_one_step_above_the_lowest_number_is_signal():
    channels = [Channel(label, "uV", RATE, 0.1, (-3276.8,)) for label in ("C3", "C4")]
    samples = np.full((2, 30), -3276.8e-6)
    samples[:, 10:20] += 0.1e-6
    lowest = at_lowest(samples, channels, [1e-6, 1e-6], RATE)
    assert np.flatnonzero(lowest).tolist() == [*range(10), *range(20, 30)]


def test_one_channel_at_its_lowest_number_is_still_signal(tmp_path):
    samples = noise(5000)
    samples[2500:2600, 0] = np.nan
    recording = read_recording(write_edf(tmp_path / "a.edf", samples))
    assert np.isfinite(recording.samples_uv).all()
    # The only channel may touch its rail; it is none while it stands there.
    samples[100:110, 0] = np.nan
    recording = read_recording(write_edf(tmp_path / "b.edf", samples[:, :1], labels=("C3",)))
    assert recording.stretches(["C3"]) == [(0, 2500), (2600, 5000)]


@pytest.mark.parametrize("kind", ["boundary", -99])
@pytest.mark.parametrize(
    ("latency", "first"), [(1000.5, 1000), (1001.5, 1001), (1000.3, 1000), (1000.9, 1000)]
)
def test_a_boundary_of_eeglab_lies_before_the_first_sample_after_it(tmp_path, kind, latency, first):
    cue = 769 if kind == -99 else "769"
    events = [(latency, kind, 0), (1500, cue, 0), (0.5, kind, 0)]
    recording = read_recording(write_eeglab(tmp_path / "a.set", noise(5000), events=events))
    assert recording.breaks == (first,)
    assert onsets(recording, "769") == [1499]


def test_a_boundary_of_eeglab_at_a_sample_begins_there(tmp_path):
    events = [(1, "boundary", 0), (1001, "boundary", 0)]
    recording = read_recording(write_eeglab(tmp_path / "a.set", noise(5000), events=events))
    assert recording.breaks == (1000,)


def test_a_cue_called_99_is_no_break_where_that_means_nothing(tmp_path):
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=[(4, None, "-99")])
    assert read_recording(path).breaks == ()
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=[(4, None, "32766")])
    assert read_recording(path).breaks == ()


def test_what_fif_and_mff_skipped_is_no_signal(tmp_path):
    info = mne.create_info(["C3", "C4"], 250.0, "eeg")
    raw = mne.io.RawArray(noise(5000).T * 1e-6, info, first_samp=500, verbose="ERROR")
    raw.set_meas_date(0)
    skips = mne.Annotations([4.0, 12.0], [2.0, 0.4], ["BAD_ACQ_SKIP"] * 2, orig_time=None)
    raw.set_annotations(skips)
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    recording = read_recording(tmp_path / "a_raw.fif")
    assert recording.stretches(["C3"]) == [(0, 1000), (1500, 3000), (3100, 5000)]
    assert recording.breaks == (1000, 1500, 3000, 3100)
    assert np.isnan(recording.samples_uv[1000:1500]).all()


def test_what_was_skipped_may_begin_between_two_samples(tmp_path):
    info = mne.create_info(["C3", "C4"], 250.0, "eeg")
    raw = mne.io.RawArray(noise(5000).T * 1e-6, info, verbose="ERROR")
    onsets, durations = np.array([1000 - 0.5, 3000 - 0.5]) / 250.0, np.array([500, 100]) / 250.0
    raw.set_annotations(mne.Annotations(onsets, durations, "BAD_ACQ_SKIP"))
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    recording = read_recording(tmp_path / "a_raw.fif")
    assert recording.stretches(["C3"]) == [(0, 1000), (1500, 3000), (3100, 5000)]


@pytest.mark.data
def test_epochs_of_mff_are_broken_apart(recordings_folder):
    pytest.importorskip("mffpy")
    folder = recordings_folder / "field" / "formats" / "EGI" / "test_egi_evoked.mff"
    raw = mne.io.read_raw(folder, preload=True, verbose="ERROR")
    assert breaks_of(raw, ".mff").starts == (5,)


def test_what_mne_skipped_by_itself_is_no_signal(tmp_path):
    info = mne.create_info(["C3", "C4"], 250.0, "eeg")
    data = noise(5000).T * 1e-6
    data[:, 2000:3000] = 0.0  # saved as a skip of whole buffers
    raw = mne.io.RawArray(data, info, verbose="ERROR")
    raw.set_annotations(mne.Annotations([8.0], [4.0], ["BAD_ACQ_SKIP"]))
    with mne.utils.use_log_level("ERROR"):
        raw.save(tmp_path / "a_raw.fif", buffer_size_sec=1.0)
    recording = read_recording(tmp_path / "a_raw.fif")
    assert recording.stretches(["C3"]) == [(0, 2000), (3000, 5000)]


@pytest.mark.parametrize("dated", [True, False])
def test_recordings_joined_by_mne_are_broken_where_they_meet(tmp_path, dated):
    info = mne.create_info(["C3", "C4"], 250.0, "eeg")
    parts = [mne.io.RawArray(noise(1000).T * 1e-6, info, 750, verbose="ERROR") for _ in range(3)]
    for part in parts:
        part.set_meas_date(0 if dated else None)
    mne.concatenate_raws(parts, verbose="ERROR")
    parts[0].save(tmp_path / "a_raw.fif", verbose="ERROR")
    assert read_recording(tmp_path / "a_raw.fif").breaks == (1000, 2000)


@pytest.mark.parametrize("kind", ["Stimulus", "Comment"])
def test_a_boundary_that_another_program_wrote_as_a_marker_is_a_break(tmp_path, kind):
    markers = [("New Segment", "", 1, 1, 0), (kind, "boundary", 1001, 1, 0)]
    path = write_brainvision(tmp_path / "a.vhdr", noise(5000), markers=markers)
    assert read_recording(path).breaks == (1000,)
    # Between two samples, nearer to the first.
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=[(4.001, None, "boundary")])
    assert read_recording(path).breaks == (1000,)


def test_new_segments_of_brainvision_are_breaks(tmp_path):
    markers = [("New Segment", "", position, 1, 0) for position in (1, 1001, 2001)]
    path = write_brainvision(tmp_path / "a.vhdr", noise(5000), markers=markers)
    recording = read_recording(path)
    assert recording.breaks == (1000, 2000)
    assert recording.events == ()
