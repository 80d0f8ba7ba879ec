"""The file of a run's reference: exact, and refused where it lies."""

from dataclasses import replace

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

from core.decoding.recentring import RunReference
from core.decoding.storage.reference_file import load_reference, save_reference
from core.errors import InputError


@pytest.fixture
def reference():
    random = np.random.default_rng(0)
    return RunReference((random.normal(size=(3, 3)), random.normal(size=(5, 5))), 30.25, 106)


def test_a_reference_comes_back_to_the_last_digit(reference, tmp_path):
    kept = load_reference(save_reference(reference, tmp_path / "one.safetensors", -1))
    assert (kept.seconds, kept.windows, kept.name) == (30.25, 106, reference.name)
    for own, other in zip(reference.whiteners, kept.whiteners, strict=True):
        np.testing.assert_array_equal(own, other)


@pytest.mark.parametrize(
    ("changes", "sample", "said"),
    [
        ({}, -2, "-2 where a number from -1"),
        ({"windows": 0}, 0, "0 where a number from 1"),
        ({"seconds": -1.0}, 0, "-1.0 where a number from 0"),
        ({"whiteners": ()}, 0, "0 where a number from 1 to 64"),
        ({"whiteners": (np.ones((2, 3)),)}, 0, "square matrices of finite numbers"),
        ({"whiteners": (np.ones(4),)}, 0, "square matrices of finite numbers"),
        ({"whiteners": (np.eye(2, dtype=np.float32),)}, 0, "in float64"),
        ({"whiteners": (np.full((2, 2), np.nan),)}, 0, "finite numbers"),
        ({"whiteners": (np.full((2, 2), 1e12),)}, 0, "finite numbers"),
    ],
)
def test_a_reference_that_could_not_be_read_again_is_not_kept(
    reference, tmp_path, changes, sample, said
):
    path = tmp_path / "one.safetensors"
    with pytest.raises(InputError, match=said):
        save_reference(replace(reference, **changes), path, sample)
    assert not path.exists()


def test_values_that_are_no_longer_those_of_the_log_are_refused(reference, tmp_path):
    path = save_reference(reference, tmp_path / "one.safetensors", 0)
    with safe_open(path, framework="np") as opened:
        metadata = opened.metadata()
    tensors = load_file(path)
    tensors["whiteners.1"] = np.nextafter(tensors["whiteners.1"], 9.0)
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(InputError, match="its SHA-256 is of"):
        load_reference(path)
