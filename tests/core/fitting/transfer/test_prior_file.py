import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from core.decoding.storage.decoder_file import save_decoder
from core.encoders.eegpt.electrodes import CODEX
from core.errors import InputError
from core.fitting.transfer.population import make_prior
from core.fitting.transfer.prior_file import FORMAT, is_prior, load_prior, save_prior
from core.signal.pipeline import SignalSettings

pytestmark = pytest.mark.slow

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


@pytest.fixture(scope="module")
def prior(imagery_recording):
    people = {f"P{seed}": [imagery_recording(seed, trials=5)] for seed in (1, 2)}
    settings = SignalSettings(imagery_recording().labels, "average", 256.0)
    return make_prior(people, EVENTS, CODEX, settings, 1024)


def test_a_prior_comes_back_as_it_was(prior, tmp_path):
    found = load_prior(save_prior(prior, tmp_path / "one.safetensors"))
    for name, value in vars(prior).items():
        np.testing.assert_array_equal(getattr(found, name), value, err_msg=name)
    assert found.recordings == prior.recordings


def test_nothing_is_overwritten(prior, tmp_path):
    path = save_prior(prior, tmp_path / "one.safetensors")
    with pytest.raises(InputError, match="exists already"):
        save_prior(prior, path)


def changed(path, header, tensors=None):
    with safe_open(path, framework="np") as file:
        found = json.loads(file.metadata()[FORMAT])
    other = path.with_name("changed.safetensors")
    metadata = {FORMAT: json.dumps(found | header)}
    save_file(load_file(path) | (tensors or {}), other, metadata=metadata)
    return other


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"version": 99}, "version 99"),
        ({"channels": ["C3", "C4"]}, "covariances of 2 channels"),
        ({"channels": "C3"}, "no list of different names"),
        ({"classes": ["feet", "feet"]}, "no list of different names"),
        ({"classes": None}, "does not describe its trials"),
        ({"recordings": {"P1/imagery.edf": ""}}, "recording should lie below 1"),
        ({"format": "eegpt-decoder"}, "does not describe a prior"),
    ],
)
def test_a_header_that_lies_is_refused(prior, header, said, tmp_path):
    path = save_prior(prior, tmp_path / "one.safetensors")
    with pytest.raises(InputError, match=said):
        load_prior(changed(path, header))


def test_tensors_that_cannot_be_are_refused(prior, tmp_path):
    path = save_prior(prior, tmp_path / "one.safetensors")
    halves = load_file(path)["covariances"]
    for tensors, said in (
        ({"covariances": np.full_like(halves, np.nan)}, "covariances of 17"),
        ({"covariances": np.zeros_like(halves)}, "without power"),
        ({"labels": np.full(len(halves), 2)}, "labels should lie below 2"),
        ({"person": np.zeros(3, dtype=np.int64)}, "one whole number a trial"),
    ):
        with pytest.raises(InputError, match=said):
            load_prior(changed(path, {}, tensors))


@pytest.mark.slow
def test_what_is_no_prior_is_refused(prior, fitted, tmp_path):
    path = save_prior(prior, tmp_path / "one.safetensors")
    decoder = save_decoder(fitted["riemann"], tmp_path / "decoder.safetensors")
    pickled = tmp_path / "trap.safetensors"
    pickled.write_bytes(pickle.dumps(print))
    half = tmp_path / "half.safetensors"
    half.write_bytes(path.read_bytes()[:1000])
    assert is_prior(path)
    assert not is_prior(decoder)
    assert not is_prior(pickled)
    with pytest.raises(InputError, match="but not a prior"):
        load_prior(decoder)
    for bad in (pickled, half):
        with pytest.raises(InputError, match="not a prior, or is damaged"):
            load_prior(bad)
    with pytest.raises(InputError, match="There is no prior"):
        load_prior(tmp_path / "absent.safetensors")


def test_matrices_that_are_no_covariances_are_refused(prior, tmp_path):
    wrong = prior.covariances.copy()
    wrong[3, 0, 1] = wrong[3, 1, 0] = 3 * np.sqrt(wrong[3, 0, 0] * wrong[3, 1, 1])
    with pytest.raises(InputError, match="covariance of trial 3 is not positive semidefinite"):
        save_prior(replace(prior, covariances=wrong), tmp_path / "one.safetensors")
    assert list(tmp_path.glob("*.safetensors")) == []
    path = save_prior(prior, tmp_path / "two.safetensors")
    tensors = load_file(path)
    rows, columns = np.triu_indices(len(prior.channels))
    tensors["covariances"] = np.ascontiguousarray(wrong[:, rows, columns])
    with pytest.raises(InputError, match="covariance of trial 3 is not positive semidefinite"):
        load_prior(changed(path, {}, tensors))


def test_an_average_reference_leaves_a_prior_usable(prior, tmp_path):
    centring = np.eye(len(prior.channels)) - 1.0 / len(prior.channels)
    referenced = (centring @ prior.covariances @ centring).astype(np.float32)
    kept = replace(prior, covariances=referenced)
    assert len(load_prior(save_prior(kept, tmp_path / "one.safetensors"))) == len(prior)
