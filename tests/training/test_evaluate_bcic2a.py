"""The preset bcic-2a on a data set in MOABB's form, which MOABB itself goes through."""

import json

import numpy as np
import pytest

from training.evaluate import main
from training.evaluation.labram_job import probes, running
from training.sources.catalogue import find_parts, read_part

MONTAGE = tuple(
    "Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz".split()
)
CODES = {"left_hand": 1, "right_hand": 2, "feet": 3, "tongue": 4}
RATE, FIRST, EVERY, CUE = 250.0, 1.0, 7.0, 2.0
"""Rate in Hz; seconds to the first trial, from trial to trial, and from a trial to its cue."""


@pytest.fixture
def bcic_2a(monkeypatch):
    """BCIC-2A's form in MOABB: codes where a trial begins, its cue two seconds later."""
    mne = pytest.importorskip("mne")
    datasets = pytest.importorskip("moabb.datasets", reason="needs the extra data")
    from moabb.datasets.base import BaseDataset

    class BNCI2014_001(BaseDataset):  # noqa: N801
        def __init__(self):
            super().__init__(
                subjects=[1, 2, 3],
                sessions_per_subject=2,
                events=CODES,
                code="BNCI2014-001",
                interval=[CUE, CUE + 4.0],
                paradigm="imagery",
            )

        def _get_single_subject_data(self, subject):
            return {
                session: {str(run): raw(mne, 100 * subject + 10 * index + run) for run in (0, 1)}
                for index, session in enumerate(("0train", "1test"))
            }

        def data_path(self, subject, *args, **kwargs):
            raise AssertionError("nothing is downloaded")

    monkeypatch.setattr(datasets, "BNCI2014_001", BNCI2014_001)


def raw(mne, seed):
    """A run of twelve trials, three of each class."""
    random = np.random.default_rng(seed)
    codes = random.permutation(np.repeat([1, 2, 3, 4], 3))
    count = round((FIRST + EVERY * len(codes)) * RATE)
    samples = 5e-6 * random.standard_normal((26, count))
    samples[25] = 0.0
    for index, code in enumerate(codes):
        start = round((FIRST + EVERY * index) * RATE)
        samples[25, start] = code
        cue = start + round(CUE * RATE)
        wave = np.sin(2 * np.pi * 11 * np.arange(round(4 * RATE)) / RATE)
        samples[5 * (code - 1), cue : cue + len(wave)] += 20e-6 * wave
    names = [*MONTAGE, "EOG1", "EOG2", "EOG3", "stim"]
    info = mne.create_info(names, RATE, 22 * ["eeg"] + 3 * ["eog"] + ["stim"])
    return mne.io.RawArray(samples, info, verbose="ERROR")


@pytest.mark.filterwarnings("ignore")  # of MOABB's own
def test_events_are_cues_and_not_beginnings_of_trials(bcic_2a):
    (part,) = find_parts(["moabb:BNCI2014_001"], subjects=["2"])
    runs = list(read_part(part))
    assert [(one.session, one.run) for one, _ in runs] == [
        *(("0train", "0"), ("0train", "1"), ("1test", "0"), ("1test", "1"))
    ]
    for _, recording in runs:
        assert recording.labels == MONTAGE
        # Codes of the channel, which mark beginnings of trials, are there as numbers.
        cues = [event for event in recording.events if event.label in CODES]
        assert [cue.onset for cue in cues] == [FIRST + CUE + EVERY * index for index in range(12)]
        assert {cue.label for cue in cues} == set(CODES)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.filterwarnings("ignore")  # of MOABB's own
def test_labram_on_bcic_2a_as_published_and_as_it_should_be(bcic_2a, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(probes, "EPOCHS", 6)
    monkeypatch.setattr(probes, "PEAK", 5e-3)  # six epochs of few trials have to do
    out = tmp_path / "out"
    words = ["--preset", "bcic-2a", "--encoder", "untrained-labram-tiny", "--out", str(out)]
    assert main([*words, "--systems", "published probe", "riemann"]) == 0
    found = json.loads((out / "results.json").read_text())
    systems = [running.BEST_EPOCH, running.LAST_EPOCH, running.FROZEN]
    assert {(one["protocol"], one["system"]) for one in found["summaries"]} == {
        *((running.PROTOCOL, system) for system in systems),
        ("loso", "riemann"),
    }
    rows = [row for row in found["rows"] if row["protocol"] == running.PROTOCOL]
    assert {row["person"] for row in rows} == {f"moabb-BNCI2014_001 {who}" for who in (1, 2, 3)}
    assert {row["tested"] for row in rows} == {48}  # all windows are whole
    means = {one["system"]: one["means"]["balanced_accuracy"] for one in found["summaries"]}
    assert means[running.FROZEN] > 0.8
    assert means[running.BEST_EPOCH] >= means[running.LAST_EPOCH]
    assert len(found["facts"]["channels"]) == 22
    shown = capsys.readouterr().out
    assert "The epoch is\n  chosen by the labels that are tested" in shown
    assert "| LaBraM | 0.561 | 0.415 | 0.552 |" in shown
