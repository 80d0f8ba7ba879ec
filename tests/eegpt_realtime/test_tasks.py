"""Several tasks from Python: outputs by task, and each task alone."""

import numpy as np
import pytest

import eegpt_realtime as er
from calibration.tasks import joined, readout_of
from core.errors import InputError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def several(fitted):
    decoder = joined(
        [fitted["riemann"], fitted["encoder"]], "hand", [readout_of("other", fitted["encoder"])]
    )
    return er.FittedDecoder(decoder, decoder.load_encoder())


def test_outputs_are_by_task_and_equal_each_task_alone(several, imagery_recording, tmp_path):
    again = er.load_decoder(several.save(tmp_path / "several.safetensors"))
    assert again.tasks == {"hand": "classes", "other": "classes"}
    recording = imagery_recording(seed=5, trials=5)
    outputs = again.outputs(recording)
    for task in again.tasks:
        own = again.only(task).predict_proba(recording)
        refused = (np.nan, np.nan)
        rows = np.array([said[task].probabilities if said else refused for said in outputs])
        np.testing.assert_allclose(rows, own, rtol=0, atol=1e-9)
    assert again.only("hand").encoder is None
    with pytest.raises(InputError, match="no task"):
        again.only("classes")


def test_epochs_have_outputs_of_all_tasks(several, imagery_recording):
    recording = imagery_recording(seed=5, trials=5)
    rate = recording.rate
    epochs = recording.samples_uv[: int(30 * rate)].T.reshape(len(recording.labels), 5, -1)
    epochs = epochs.transpose(1, 0, 2).astype(float)
    outputs = several.outputs(epochs, recording.labels, rate, "uV")
    assert [set(said) for said in outputs] == [{"hand", "other"}] * 5
    rows = several.predict_proba(epochs, recording.labels, rate, "uV")
    np.testing.assert_array_equal(rows, [said["hand"].probabilities for said in outputs])
