from dataclasses import replace

import numpy as np
import pytest

from core.errors import InputError
from core.fitting.trials.cutting import cut_epochs
from core.fitting.trials.rejection import without_artifacts
from core.recordings import read_recordings
from core.signal.pipeline import SignalSettings
from simulation.faults.fault import Source
from simulation.faults.schedule import Schedule
from simulation.faults.spec import parse_all

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}
RATE = 250


def settings(recording):
    return SignalSettings(recording.labels, "average", 256.0)


def cleaned(recording):
    epochs = cut_epochs([recording], EVENTS, settings(recording), "mV", 1024)
    return without_artifacts(epochs, [recording], settings(recording), "mV")


def spoilt(recording, trial, channel, change, seconds=4.0):
    """The recording with one channel changed from half a second after a cue on (from 1)."""
    start = round((recording.events[trial - 1].onset + 0.5) * RATE)
    samples = recording.samples_uv.copy()
    here = np.s_[start : start + round(seconds * RATE), recording.labels.index(channel)]
    samples[here] = change(samples[here])
    return replace(recording, samples_uv=samples)


def found(epochs):
    return [(one.trial.number, one.reason) for one in epochs.rejected]


def burst(uv):
    """A change that adds muscle-like noise."""
    return lambda signal: signal + np.random.default_rng(1).normal(0.0, uv, len(signal))


@pytest.mark.slow
def test_a_clean_recording_loses_nothing(imagery_recording):
    recording = imagery_recording()
    epochs = cleaned(recording)
    assert len(epochs) == 16
    assert epochs.rejected == ()
    assert [trial.number for trial in epochs.trials] == list(range(1, 17))


@pytest.mark.slow
def test_a_burst_of_muscle_is_left_out_and_named(imagery_recording):
    epochs = cleaned(spoilt(imagery_recording(), 5, "FC3", burst(300.0), 2.0))
    ((number, reason),) = found(epochs)
    assert number == 5
    assert reason.endswith("µV peak to peak at FC3 (8-30 Hz)")
    assert len(epochs) == 15
    assert 5 not in [trial.number for trial in epochs.trials]
    assert epochs.windows().shape == (15, 17, 1024)
    assert np.abs(epochs.windows()).max() < 0.2  # mV: the burst is in none of them


@pytest.mark.slow
def test_a_flat_channel_costs_the_trials_in_which_it_is_flat(imagery_recording):
    recording = spoilt(imagery_recording(), 3, "C3", lambda signal: 0 * signal + 2.0, 2.6)
    assert found(cleaned(recording)) == [(3, "C3 flat for 2.5 s")]


@pytest.mark.slow
def test_a_railed_channel_is_called_so(imagery_recording):
    recording = spoilt(imagery_recording(), 3, "C3", lambda signal: 0 * signal + 3000.0, 1.0)
    ((number, reason),) = found(cleaned(recording))
    assert number == 3
    assert reason.startswith("C3 railed for 1.0 s, ")  # and the step itself is an outlier


@pytest.mark.slow
def test_a_channel_that_is_dead_throughout_costs_no_trial(imagery_recording):
    recording = imagery_recording()
    samples = recording.samples_uv.copy()
    samples[:, 3] = 7.0
    assert len(cleaned(replace(recording, samples_uv=samples))) == 16


@pytest.mark.slow
def test_blinks_cost_no_trial(imagery_recording):
    recording = imagery_recording()
    width = round(0.3 * RATE)
    blink = 250.0 * np.hanning(width)  # µV, as at the forehead
    samples = recording.samples_uv.copy()
    for event in recording.events[::5]:
        start = round((event.onset + 1.5) * RATE)
        samples[start : start + width, recording.labels.index("FZ")] += blink
    assert len(cleaned(replace(recording, samples_uv=samples))) == 16


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("copy:channel=C4,of=C3", "C3, C4 are equal to the last bit"),
        ("repeat:every=0.2", "The stream sends a block of samples again"),
        ("hold:samples=12", "The stream repeats its last sample"),
        ("scale:by=0.1", "The channels carry the same signal, or hardly any"),
        ("scale:channel=C3,by=0.1", "C3 is much smaller than before"),
    ],
)
def test_what_the_live_program_refuses_is_left_out(imagery_recording, fault, words):
    recording = imagery_recording()
    at = recording.events[5].onset + 1.0
    lasting = "" if fault.startswith("hold") else ",for=1"
    schedule = Schedule(
        parse_all([f"{fault},at={at}{lasting}"]), Source(recording.rate, recording.labels)
    )
    samples = schedule.apply(recording.samples_uv, np.arange(len(recording.samples_uv))).samples
    ((number, reason),) = found(cleaned(replace(recording, samples_uv=samples)))
    assert number == 6
    assert words in reason


@pytest.mark.slow
def test_after_an_artifact_an_encoder_warms_up_before_the_next_trial(imagery_recording):
    recording = imagery_recording()
    at = recording.events[5].onset + 1.0
    fault = parse_all([f"scale:by=0.1,at={at},for=1"])
    schedule = Schedule(fault, Source(recording.rate, recording.labels))
    samples = schedule.apply(recording.samples_uv, np.arange(len(recording.samples_uv))).samples
    recording = replace(recording, samples_uv=samples)
    after = recording.events[6].onset + 4.0 - (at + 1.0)  # s from the artifact to the window's end
    for seconds, numbers in ((after - 1.0, [6]), (after + 1.0, [6, 7])):
        warmup = round(seconds * 256)
        epochs = cut_epochs([recording], EVENTS, settings(recording), "mV", 1024, warmup=warmup)
        epochs = without_artifacts(epochs, [recording], settings(recording), "mV")
        rejected = {n: reason for n, reason in found(epochs) if "needs" not in reason or n > 5}
        assert list(rejected) == numbers
    assert rejected[7].endswith(
        f"before it, and the encoder needs {seconds:.1f} s without artifacts"
    )


@pytest.mark.slow
def test_a_gap_and_an_end_are_named_beside_artifacts(imagery_recording):
    recording = spoilt(imagery_recording(), 9, "CZ", burst(300.0))
    inside = round((recording.events[3].onset + 1.5) * RATE)
    end = round((recording.events[15].onset + 3.0) * RATE)
    recording = replace(recording, breaks=(inside,), samples_uv=recording.samples_uv[:end])
    (gap, muscle, cut) = found(cleaned(recording))
    assert gap == (4, "samples are missing 1.5 s after the cue")
    assert muscle[0] == 9
    assert cut == (16, "the recording ends 3.0 s after the cue")


@pytest.mark.slow
def test_too_few_clean_trials_are_refused_with_their_reasons(imagery_recording):
    recording = imagery_recording(trials=5)
    with pytest.raises(InputError, match=r"5 of each class.*trial 1: .* peak to peak at CZ"):
        cleaned(spoilt(recording, 1, "CZ", burst(300.0)))


@pytest.mark.slow
@pytest.mark.data
def test_real_recordings_lose_clear_outliers_alone(recordings_folder):
    lost = cues = 0
    for subject in (1, 3, 4, 8, 9, 12, 13):
        recordings = read_recordings(
            [
                recordings_folder / "eegmmidb" / f"S{subject:03d}" / f"S{subject:03d}R{run:02d}.edf"
                for run in (4, 8)
            ]
        )
        labels = ("T1", "T2")
        path = SignalSettings(recordings[0].labels, "average", 256.0)
        path = replace(path, channels=tuple(label.strip(".").upper() for label in path.channels))
        epochs = cut_epochs(recordings, {label: label for label in labels}, path, "mV", 1024)
        clean = without_artifacts(epochs, recordings, path, "mV")
        lost += len(clean.rejected)
        cues += len(epochs)
    assert cues == 210
    assert lost / cues < 0.03
