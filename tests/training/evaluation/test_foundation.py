"""Foundation models of others through the code of any encoder."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.fit_settings import FitSettings, path_for
from core.encoders import load_encoder
from core.errors import InputError
from core.signal.filtering import Band
from tests.core.encoders.braindecode.conftest import stand_in  # noqa: F401
from training.evaluation.people import Signal, path_for_all
from training.evaluation.protocols import within
from training.evaluation.systems.catalogue import NAMES, make_systems

pytestmark = pytest.mark.usefixtures("stand_in")


@pytest.mark.slow
def test_a_head_is_learned_on_frozen_features(persons):
    encoder = load_encoder("untrained-braindecode:CBraMod")
    path = path_for_all(persons[:1], [encoder.spec])
    assert path.rate == 200.0
    signal = Signal(persons[0], path, encoder.spec, ("left_hand", "right_hand"))
    (system,) = make_systems(["encoder"], encoder, "untrained-braindecode:CBraMod")
    assert system.encoder == "CBraMod (untrained)"
    fold = next(within([signal], 0))
    found = system.fit(fold.train, 0).probabilities(fold.test)
    assert found.shape == (len(fold.test), 2)
    assert np.allclose(found.sum(axis=1), 1.0)
    assert not any(name.startswith(("Labram", "BIOT", "untrained")) for name in NAMES)


def test_the_band_is_the_one_that_encoders_were_trained_on(persons, encoder):
    narrow = replace(encoder.spec, name="narrow", trained=True, band=Band(8.0, 30.0, notch=60.0))
    assert path_for_all(persons, [encoder.spec]).band == Band()
    assert path_for_all(persons, [encoder.spec, narrow]).band == narrow.band  # random has none
    wide = replace(narrow, name="wide", band=Band())
    with pytest.raises(InputError, match=r"different bands: narrow 8-30 Hz, .*; wide 0\.5-38"):
        path_for_all(persons, [narrow, wide])


@pytest.mark.slow
def test_recordings_that_lack_an_electrode_are_refused_before_anything_is_computed(
    persons, monkeypatch
):
    encoder = load_encoder("untrained-braindecode:BIOT")
    monkeypatch.setattr(type(encoder), "tokens", None)
    labels = persons[0].recordings[0].labels
    with pytest.raises(InputError, match=r"one\.edf has no FP1, .*encoder BIOT \(untrained\)"):
        path_for(labels, encoder.spec, FitSettings(), "one.edf")
    with pytest.raises(InputError, match="What the recordings share has no FP1"):
        path_for_all(persons, [encoder.spec])
