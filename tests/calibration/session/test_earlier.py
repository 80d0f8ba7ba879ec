"""Which of a session's runs a new one is fitted together with."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.paradigm.model import Paradigm
from calibration.paradigm.plan import new_plan
from calibration.recording.bids import next_run
from calibration.recording.recorder import Recorder
from calibration.session.app import earlier_runs, too_few
from core.encoders.eegpt.electrodes import CODEX
from core.stream.description import StreamFacts, StreamIdentity

FACTS = StreamFacts(
    identity=StreamIdentity("Amp", "EEG", "amp", "lab", "uid"),
    rate=250.0,
    labels=("C3", "CZ", "C4", "AUX"),
    units=("uV", "uV", "uV", ""),
    types=("EEG", "EEG", "EEG", "TRIG"),
    channel_count=4,
    format="float32",
    warnings=(),
)


@pytest.fixture
def record(tmp_path, give):
    """Record a run from a stream of these facts."""

    def run(facts, silent=()):
        recorder = Recorder(next_run(tmp_path, "01"), facts)
        samples = np.random.default_rng(0).normal(0, 10, (500, facts.channel_count))
        samples[:, silent] = np.nan
        give(recorder, samples.astype(np.float32), np.arange(500) / facts.rate)
        recorder.attach("plan.json", "{}")
        recorder.close()

    return run


@pytest.mark.parametrize(
    ("label", "unit", "kind"),
    [("TRG", "", "TRIG"), ("ACCX", "g", "MISC"), ("HEOGL", "uV", "EOG"), ("ECG", "uV", "ECG")],
)
def test_channels_beside_the_electrodes_cost_no_run(record, tmp_path, capsys, label, unit, kind):
    facts = replace(
        FACTS,
        labels=(*FACTS.labels[:3], label),
        units=("uV", "uV", "uV", unit),
        types=("EEG", "EEG", "EEG", kind),
    )
    record(facts)
    (found,) = earlier_runs(next_run(tmp_path, "01"), facts, CODEX)
    assert found.labels[:3] == ("C3", "CZ", "C4")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "other", [{"rate": 500.0}, {"labels": ("C3", "CZ", "C2", "AUX")}, {"labels": ("C3", *"abc")}]
)
def test_another_stream_s_run_is_left_out_in_words(record, tmp_path, capsys, other):
    record(replace(FACTS, **other))
    record(FACTS)
    (found,) = earlier_runs(next_run(tmp_path, "01"), FACTS, CODEX)
    assert "run-02" in found.path.name
    said = capsys.readouterr().out
    assert "run-01_eeg.vhdr is left out" in said
    assert "run-02" not in said


def test_a_run_with_a_dead_electrode_costs_no_decoder(record, tmp_path, capsys):
    record(FACTS, silent=(1,))
    assert earlier_runs(next_run(tmp_path, "01"), FACTS, CODEX) == ()
    assert "run-01_eeg.vhdr is left out: an electrode sent NaN or inf" in capsys.readouterr().out


def test_trials_that_can_give_no_decoder_are_said_before_they_are_done(make_recording):
    """It was said after the last trial; practice does not count, and earlier runs do."""
    said = too_few(new_plan(Paradigm(trials_per_class=4, practice_per_class=3)))
    assert said.startswith("Too few trials for a decoder: 4 of left_hand, 4 of right_hand, and")
    earlier = make_recording(events=[(0.1, "left_hand"), (0.2, "practice_right_hand")])
    said = too_few(new_plan(Paradigm(trials_per_class=4)), [earlier])
    assert "5 of left_hand, 4 of right_hand" in said
    other = make_recording(events=[(0.1, "right_hand")])
    assert not too_few(new_plan(Paradigm(trials_per_class=4)), [earlier, other])
    assert not too_few(new_plan(Paradigm(trials_per_class=5)))
