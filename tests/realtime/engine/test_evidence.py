import numpy as np
import pytest

from core.errors import InputError
from realtime.engine.evidence import Evidence, EvidenceSettings

LEFT, RIGHT = np.array([0.8, 0.2]), np.array([0.2, 0.8])


def decide(settings, rows, step=0.25):
    evidence = Evidence(settings)
    return [evidence.update(row, index * step) for index, row in enumerate(rows)]


def test_by_default_the_likelier_class_is_decided_at_once():
    assert decide(EvidenceSettings(), [LEFT, RIGHT, LEFT]) == [0, 1, 0]


def test_no_decision_below_the_threshold():
    assert decide(EvidenceSettings(threshold=0.9), [LEFT, RIGHT]) == [None, None]


def test_dwell_waits_for_the_same_class_to_hold():
    rows = [LEFT, LEFT, RIGHT, LEFT, LEFT, LEFT]
    assert decide(EvidenceSettings(dwell=0.5), rows) == [None, None, None, None, None, 0]


def test_smoothing_outlasts_one_odd_window():
    rows = [LEFT] * 8 + [RIGHT] + [LEFT]
    assert decide(EvidenceSettings(smoothing=1.0), rows) == [0] * 10
    assert decide(EvidenceSettings(), rows)[8] == 1


def test_smoothing_is_the_exponential_average():
    evidence = Evidence(EvidenceSettings(smoothing=0.5, threshold=0.6))
    assert evidence.update(LEFT, 0.0) == 0
    share = np.exp(-0.25 / 0.5)  # of the first window
    expected = share * 0.8 + (1 - share) * 0.2
    assert evidence.update(RIGHT, 0.25) == (0 if expected >= 0.6 else None)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
@pytest.mark.parametrize("tie", [[0.5, 0.5], [0.4, 0.2, 0.4], [0.5, 0.5 - 1e-12]])
def test_a_tie_is_never_a_decision(tie, smoothing):
    evidence = Evidence(EvidenceSettings(smoothing=smoothing, threshold=0.0))
    assert evidence.update(np.array(tie), 0.0) is None
    assert evidence.update(np.array(tie), 0.25) is None
    ahead = np.array(tie) + np.array([0.05, *[0.0] * (len(tie) - 1)])
    assert evidence.update(ahead, 0.5) == 0


def test_a_tie_ends_the_dwell():
    evidence = Evidence(EvidenceSettings(dwell=0.25))
    evidence.update(LEFT, 0.0)
    assert evidence.update(np.array([0.5, 0.5]), 0.25) is None
    assert evidence.update(LEFT, 0.5) is None
    assert evidence.update(LEFT, 0.75) == 0


def test_reset_forgets():
    evidence = Evidence(EvidenceSettings(dwell=0.25))
    evidence.update(LEFT, 0.0)
    evidence.reset()
    assert evidence.update(LEFT, 0.25) is None


@pytest.mark.parametrize(
    "wrong", [{"threshold": 1.2}, {"threshold": -0.1}, {"dwell": -1.0}, {"smoothing": float("nan")}]
)
def test_numbers_without_meaning_are_refused(wrong):
    with pytest.raises(InputError, match="must lie between"):
        EvidenceSettings(**wrong)
