"""calibration.paradigm.plan: whose run is gone on with."""

import pytest

from calibration.paradigm.plan import unfinished
from calibration.recording.bids import next_run
from core.errors import InputError


def test_somebody_without_a_run_is_answered_with_who_has_one(tmp_path):
    for _ in range(2):
        stamps = next_run(tmp_path, "01", "").source("stamps.f64")
        stamps.parent.mkdir(parents=True, exist_ok=True)
        stamps.touch()
    with pytest.raises(InputError) as caught:
        unfinished(next_run(tmp_path, "1", ""))
    assert 'Did you mean "01"? It has runs of 01 (2).' in str(caught.value)
    with pytest.raises(InputError, match="no run of subject 01 to resume in"):
        unfinished(next_run(tmp_path / "other", "01", ""))
