"""Channels of EOG by type: left out unless they are asked for, and known by their names then."""

from pathlib import Path

import mne
import numpy as np

from core.recordings import read_recording
from core.recordings.mne_files import recording_of_raw

LABELS = ["C3", "HEOGL", "EXG1", "Fp1", "C4", "EMG"]
TYPES = ["eeg", "eog", "eog", "eog", "eeg", "emg"]


def raw():
    values = np.random.default_rng(0).normal(0.0, 1e-5, (6, 500))
    return mne.io.RawArray(values, mne.create_info(LABELS, 250.0, TYPES), verbose="ERROR")


def test_a_file_keeps_eog_only_when_asked(tmp_path):
    path = tmp_path / "eyes_raw.fif"
    raw().save(path, verbose="ERROR")
    assert read_recording(path).labels == ("C3", "C4")
    with_eog = read_recording(path, eog=True)
    # An electrode that is said to be EOG is neither the one nor the other.
    assert with_eog.labels == ("C3", "HEOGL", "EOG EXG1", "C4")
    assert with_eog.samples_uv.shape == (500, 4)
    np.testing.assert_allclose(with_eog.samples_uv[:, 2], raw().get_data()[2] * 1e6, rtol=1e-6)


def test_a_raw_keeps_eog_only_when_asked():
    assert recording_of_raw(raw(), Path("raw")).labels == ("C3", "C4")
    assert "EOG EXG1" in recording_of_raw(raw(), Path("raw"), eog=True).labels
