from dataclasses import replace

import numpy as np
import pytest

from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.mark.slow
def test_a_fit_leaves_rejected_trials_out_and_names_them(imagery_recording):
    recording = imagery_recording()
    samples = recording.samples_uv.copy()
    start = round((recording.events[6].onset + 1.0) * 250)
    noise = np.random.default_rng(0).normal(0.0, 300.0, 500)  # µV
    samples[start : start + 500, recording.labels.index("C4")] += noise
    end = round((recording.events[15].onset + 2.0) * 250)
    recording = replace(recording, samples_uv=samples[:end])

    fit = fit_decoder([recording], EVENTS, "01", FitSettings(head="riemann", repeats=1))
    muscle, cut = fit.rejected
    assert muscle.trial.number == 7
    assert muscle.trial.onset == recording.events[6].onset
    assert muscle.trial.label == recording.events[6].label
    assert "C4" in muscle.reason
    assert (cut.trial.number, cut.reason) == (16, "the recording ends 2.0 s after the cue")
    assert fit.decoder.facts.trials == len(fit.epochs) == 14
    assert fit.selection.scores["riemann"].decided.shape == (1, 14)
