"""Annotations become events at their samples, and marks of bad signal become bad spans."""

from datetime import UTC, datetime

import mne
import numpy as np
import pytest
from recording_files import noise, write_brainvision, write_edf, write_eeglab, write_gdf

from core.recordings import Event, Span, read_recording

DATES = [datetime(2020, 1, 1, tzinfo=UTC), None]


def raw_of(samples, annotations, date=None, names=("C3", "C4")):
    raw = mne.io.RawArray(
        1e-6 * samples.T, mne.create_info(list(names), 250.0, "eeg"), verbose="ERROR"
    )
    raw.set_meas_date(date)
    return raw.set_annotations(mne.Annotations(*annotations))


def saved(raw, path):
    raw.save(path, verbose="ERROR")
    return read_recording(path)


@pytest.mark.parametrize("date", DATES)
def test_cues_of_a_cropped_recording_stay_at_their_samples(tmp_path, date):
    samples = noise(15000)
    samples[[5000, 10000]] = 900
    raw = raw_of(samples, ([20, 40], 4.0, ["T1", "T2"]), date).crop(10.0)
    recording = saved(raw, tmp_path / "a_raw.fif")
    places = [round(event.onset * 250) for event in recording.events]
    assert places == np.flatnonzero(recording.samples_uv[:, 0] > 800).tolist() == [2500, 7500]


def test_cues_of_an_anonymised_recording_stay_at_their_samples(tmp_path):
    raw = raw_of(noise(15000), ([20, 40], 4.0, ["T1", "T2"]), DATES[0]).crop(10.0)
    moved = saved(raw.copy().anonymize(daysback=99, verbose="ERROR"), tmp_path / "a_raw.fif")
    assert [event.onset for event in moved.events] == [10.0, 30.0]
    without = saved(raw.set_meas_date(None), tmp_path / "b_raw.fif")
    assert [event.onset for event in without.events] == [10.0, 30.0]


@pytest.mark.parametrize("date", DATES)
def test_a_cue_that_a_crop_went_through_lies_before_the_first_sample(tmp_path, date):
    raw = raw_of(noise(15000), ([9, 20, 40], 4.0, ["T1", "T1", "T2"]), date).crop(10.0)
    first, *rest = saved(raw, tmp_path / "a_raw.fif").events
    assert first == Event(-1.0, 4.0, "T1")
    assert [event.onset for event in rest] == [10.0, 30.0]


def test_a_cue_at_the_first_sample_that_is_no_shorter_than_others_stays_there(tmp_path):
    raw = raw_of(noise(15000), ([10, 20], 4.0, ["T1", "T1"])).crop(10.0)
    assert [event.onset for event in saved(raw, tmp_path / "a_raw.fif").events] == [0.0, 10.0]


@pytest.mark.parametrize("kind", [".edf", ".bdf"])
def test_cues_before_the_first_sample_are_never_moved_to_it(tmp_path, kind):
    annotations = [(-2, 4, "T1"), (-9, 4, "T2"), (0, 4, "T1"), (5, 4, "T2")]
    path = write_edf(tmp_path / f"a{kind}", noise(5000), annotations=annotations)
    events = [(event.onset, event.duration, event.label) for event in read_recording(path).events]
    assert events == [(-9, 4, "T2"), (-2, 4, "T1"), (0, 4, "T1"), (5, 4, "T2")]


@pytest.mark.parametrize("label", ["BAD_muscle", "bad", "Bad by hand", "BAD"])
def test_annotations_of_bad_signal_become_bad_spans(tmp_path, label):
    raw = raw_of(noise(5000), ([2, 5, 9], [0, 3, 0], ["T1", label, "T2"]))
    recording = saved(raw, tmp_path / "a_raw.fif")
    assert [event.label for event in recording.events] == ["T1", "T2"]
    assert recording.bad_spans == (Span(5.0, 3.0, label),)
    assert recording.notes == (
        f"Parts are marked as bad: {label} (1). Trials in them are left out.",
    )


def test_bad_intervals_of_brainvision_and_bad_events_of_eeglab_become_bad_spans(tmp_path):
    markers = [("New Segment", "", 1, 1, 0), ("Bad Interval", "", 501, 250, 0)]
    path = write_brainvision(tmp_path / "a.vhdr", noise(2000), markers=markers)
    recording = read_recording(path)
    assert (recording.events, recording.bad_spans) == ((), (Span(2.0, 1.0, "Bad Interval"),))
    events = [(1, "square", 0), (501, "bad_epoch", 250)]
    recording = read_recording(write_eeglab(tmp_path / "a.set", noise(2000), events=events))
    assert [event.label for event in recording.events] == ["square"]
    assert recording.bad_spans == (Span(2.0, 1.0, "bad_epoch"),)


def test_where_mne_joined_recordings_is_a_break_and_not_bad(tmp_path):
    raw = mne.concatenate_raws(
        [raw_of(noise(2000), ([1], 1.0, ["T1"])) for _ in range(2)], verbose="ERROR"
    )
    recording = saved(raw, tmp_path / "a_raw.fif")
    assert (recording.breaks, recording.bad_spans) == ((2000,), ())


TRIAL = 1500  # samples
REJECTED = "1023 (rejected trial)"


@pytest.mark.parametrize(
    ("mark", "span"),
    [
        ((1500, 1023, 1500), Span(6.0, 6.0, REJECTED)),  # as in BCI Competition IV 2a
        ((2000, 1023, 1000), Span(8.0, 4.0, REJECTED)),  # with the cue
        ((1500, 1023, 0), Span(6.0, 6.0, REJECTED)),  # without a length: the trial around it
        ((2100, 1023, 0), Span(6.0, 6.0, REJECTED)),  # somewhere in it
    ],
)
def test_a_trial_that_gdf_rejects_is_a_bad_span(tmp_path, mark, span):
    events = [mark]
    for start in (0, TRIAL, 2 * TRIAL):
        events += [(start, 768, TRIAL), (start + 500, 769, 312)]
    path = write_gdf(tmp_path / "a.gdf", noise(3 * TRIAL), events=sorted(events))
    recording = read_recording(path)
    assert recording.bad_spans == (span,)
    assert [e.label for e in recording.events] == ["768", "769"] * 3
    hit = [recording.marked_bad(event.onset, 4.0) for event in recording.events[1::2]]
    assert hit == ["", REJECTED, ""]


def test_a_mark_of_gdf_without_trials_means_the_cue_that_follows(tmp_path):
    events = [(1000, 769, 500), (2000, 1023, 0), (2010, 770, 500), (3500, 769, 500)]
    recording = read_recording(write_gdf(tmp_path / "a.gdf", noise(5000), events=events))
    hit = [bool(recording.marked_bad(event.onset, 2.0)) for event in recording.events]
    assert hit == [False, True, False]


def test_a_part_touches_a_bad_span_by_its_samples(make_recording):
    from dataclasses import replace

    recording = replace(
        make_recording(), bad_spans=(Span(2.0, 1.0, "BAD a"), Span(5.0, 0.0, "BAD b"))
    )
    assert recording.marked_bad(0.0, 2.0) == recording.marked_bad(3.0, 2.0) == ""
    assert recording.marked_bad(2.9, 2.0) == recording.marked_bad(0.0, 2.1) == "BAD a"
    assert recording.marked_bad(2.0, 3.5) == "BAD a, BAD b"


def test_channels_marked_as_bad_are_named(tmp_path):
    raw = raw_of(noise(2000), ([], [], []))
    raw.info["bads"] = ["C4"]
    recording = saved(raw, tmp_path / "a_raw.fif")
    assert recording.bad_channels == ("C4",)
    assert recording.notes == ("Channels marked as bad are not used: C4.",)


def test_annotations_that_are_there_twice_count_once(tmp_path):
    annotations = [(2, 4, "T1"), (2, 4, "T1"), (2.001, 1, "T1"), (2, 4, "T2"), (2.1, 4, "T1")]
    recording = read_recording(write_edf(tmp_path / "a.edf", noise(5000), annotations=annotations))
    assert [(e.onset, e.label) for e in recording.events] == [(2, "T1"), (2, "T2"), (2.1, "T1")]
    assert "2 events are there twice" in recording.notes[0]


@pytest.mark.parametrize("kind", [".edf", ".bdf"])
def test_annotations_in_latin_1_are_read_and_that_is_said(tmp_path, kind):
    annotations = [(2, None, "T1"), (9, None, "Augen geöffnet"), (15, None, "T2")]
    path = write_edf(
        tmp_path / f"a{kind}", noise(5000), annotations=annotations, encoding="latin-1"
    )
    recording = read_recording(path)
    assert [event.label for event in recording.events] == ["T1", "Augen geöffnet", "T2"]
    assert recording.notes == (
        f"The annotations of a{kind} are not in UTF-8 and were read as Latin-1.",
    )


def test_of_mixed_annotations_each_is_read_in_its_own_encoding(tmp_path):
    path = write_edf(tmp_path / "a.edf", noise(5000), annotations=[(2, None, "ä"), (9, None, "öö")])
    path.write_bytes(path.read_bytes().replace("ä".encode(), "äx".encode("latin-1")))
    assert [event.label for event in read_recording(path).events] == ["äx", "öö"]


@pytest.mark.parametrize("page", ["", "Codepage=ANSI\n", "Codepage=UTF-8\n"])
def test_markers_in_latin_1_are_read_and_that_is_said(tmp_path, page):
    markers = [("New Segment", "", 1, 1, 0), ("Stimulus", "gähnen", 501, 1, 0)]
    path = write_brainvision(
        tmp_path / "a.vhdr", noise(2000), markers=markers, encoding="latin-1", units="uV"
    )
    table = path.with_suffix(".vmrk")
    table.write_bytes(table.read_bytes().replace(b"DataFile", page.encode() + b"DataFile"))
    recording = read_recording(path)
    assert [event.label for event in recording.events] == ["gähnen"]
    assert recording.notes == ("The markers of a.vhdr are not in UTF-8 and were read as Latin-1.",)


def test_what_mne_marked_as_bad_and_brainvision_calls_a_comment_is_bad(tmp_path):
    marks = [("Comment", "BAD_muscle", 1001, 250, 0), ("Comment", "bad luck", 2001, 1, 0)]
    recording = read_recording(write_brainvision(tmp_path / "a.vhdr", noise(5000), markers=marks))
    assert [span.reason for span in recording.bad_spans] == ["Comment/BAD_muscle"]
    assert [event.label for event in recording.events] == ["Comment/bad luck"]


def test_events_of_eeglab_before_the_first_sample_do_not_refuse_the_file(tmp_path):
    events = [(-499, "T1", 0), (1001, "T2", 0), (0.5, "boundary", 20)]
    recording = read_recording(write_eeglab(tmp_path / "a.set", noise(5000), events=events))
    onsets = {event.label: event.onset for event in recording.events}
    assert onsets["T1"] == -2.0
    assert onsets["T2"] == 4.0


def test_a_skip_that_was_saved_again_is_marked_once(tmp_path):
    raw = raw_of(noise(5000), ([4, 10], [2, 0], ["BAD_ACQ_SKIP", "T1"]))
    recording = saved(raw, tmp_path / "a_raw.fif")
    assert len(recording.bad_spans) == 1


def test_the_only_cue_that_a_crop_went_through_is_told_by_the_length_of_others(tmp_path):
    raw = raw_of(noise(5000), ([4, 10], [4, 4], ["T1", "T2"])).crop(5.0, None)
    events = saved(raw, tmp_path / "a_raw.fif").events
    assert [round(event.onset, 3) for event in events] == [-1.0, 5.0]


def test_markers_of_brainvision_that_are_not_there_are_said(tmp_path):
    path = write_brainvision(tmp_path / "a.vhdr", noise(5000))
    path.with_suffix(".vmrk").unlink()
    assert "a.vhdr names the markers a.vmrk, which is not there." in read_recording(path).notes
