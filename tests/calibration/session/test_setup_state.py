from dataclasses import replace

import numpy as np
import pytest

from calibration.session.setup_state import SetupState, channel_rows, implausible_stream, obstacles
from core.encoders.eegpt.electrodes import CODEX
from core.errors import InputError

ROWS, MISSING = channel_rows(("C3", "C4", "AUX"), ("µV", "uV", ""), CODEX)
READY = SetupState(
    stream="amp",
    host="lab",
    rate=250.0,
    live=True,
    rows=ROWS,
    missing=MISSING,
    subject="01",
    run="01",
    free_bytes=10**9,
    needed_bytes=10**8,
)


def test_the_table_says_what_each_channel_becomes():
    rows, missing = channel_rows(("Fc5.", "T3", "M1", "C4"), ("uV", "mV", "uV", "furlong"), CODEX)
    assert [(r.label, r.electrode, r.how) for r in rows] == [
        ("Fc5.", "FC5", "matched"),
        ("T3", "T7", "aliased"),
        ("M1", None, "ignored"),
        ("C4", "C4", "matched"),
    ]
    assert [row.factor for row in rows[:3]] == pytest.approx([1.0, 1000.0, 1.0])
    assert rows[3].factor is None
    assert set(missing) == set(CODEX) - {"FC5", "T7", "C4"}


def test_two_names_of_one_electrode_are_refused():
    with pytest.raises(InputError, match="both mean the electrode T7"):
        channel_rows(("T3", "T7"), ("uV", "uV"), CODEX)


def test_a_session_that_may_begin_has_no_obstacles():
    assert obstacles(READY) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"stream": ""}, "Choose the stream"),
        ({"stream_problem": "2 streams match."}, "2 streams match."),
        ({"live": False}, "sends nothing"),
        ({"rows": ROWS[2:]}, "of the stream's channels (AUX); at least 2 are needed. Name its"),
        (
            {"rows": tuple(replace(row, unit="furlong", factor=None) for row in ROWS)},
            'The unit "furlong" of C3 and of 1 more is not a voltage',
        ),
        ({"subject": ""}, "whose session"),
        ({"person_problem": 'Subject "../x" is no BIDS label.'}, "no BIDS label"),
        ({"free_bytes": 10**7}, "has 10 MB left, and a session takes 100 MB"),
    ],
)
def test_each_obstacle_is_said_in_plain_words(change, words):
    (reason,) = obstacles(replace(READY, **change))
    assert words in reason


def test_a_headband_is_not_told_to_name_what_is_named():
    rows, _ = channel_rows(("TP9", "AF9", "AF10", "TP10"), ("",) * 4, CODEX)
    (reason,) = obstacles(replace(READY, rows=rows))
    assert reason.endswith("(TP9, AF9, AF10, TP10); at least 2 are needed.")


def test_all_obstacles_are_said_together():
    assert len(obstacles(SetupState(needed_bytes=1))) == 3


def test_an_ignored_channel_needs_no_unit():
    rows = (*ROWS[:2], replace(ROWS[2], unit="g", factor=None))
    assert obstacles(replace(READY, rows=rows)) == ()


def test_electrodes_without_a_unit_are_in_microvolts():
    rows, _ = channel_rows(("C3", "C4"), ("", ""), CODEX)
    assert [row.factor for row in rows] == [1.0, 1.0]
    assert obstacles(replace(READY, rows=rows)) == ()


@pytest.mark.parametrize(("scale", "factor"), [(1e3, "1000"), (1e-3, "0.001"), (1e6, "1e+06")])
def test_an_amplitude_that_is_no_eegs_is_said_with_its_factor(scale, factor):
    eeg = np.random.default_rng(0).normal(0.0, 12.0, (500, 3))
    assert implausible_stream(eeg + 4e4, 250.0, ROWS) == ""  # an offset is none of its amplitude
    said = implausible_stream(scale * eeg, 250.0, ROWS)
    assert f"its unit looks wrong by a factor of {factor}; give the right one with --unit" in said


def test_only_electrodes_with_a_unit_and_a_second_of_signal_are_judged():
    loud = np.random.default_rng(0).normal(0.0, 1e5, (500, 3))
    loud[:, :2] *= 1e-4
    assert implausible_stream(loud, 250.0, ROWS) == ""  # the third is no electrode
    assert implausible_stream(1e5 * loud[:200], 250.0, ROWS) == ""
    unknown = tuple(replace(row, factor=None) for row in ROWS)
    assert implausible_stream(1e5 * loud, 250.0, unknown) == ""
