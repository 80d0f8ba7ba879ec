"""Spherical splines, beside MNE's on the same places."""

import numpy as np
import pytest
from mne.channels.interpolation import _make_interpolation_matrix

from core.electrodes import direction
from core.encoders.eegpt.electrodes import CODEX
from core.errors import InputError
from core.signal.interpolation import interpolation_weights, most_aside, positions_aside
from core.signal.pipeline import SignalPath, SignalSettings

NAMES = tuple(CODEX[:32])


@pytest.mark.parametrize("aside", [[0], [5, 17, 30], list(range(0, 32, 5))])
def test_the_weights_are_those_of_mne(aside):
    places = np.array([direction(name) for name in NAMES])
    good = [index for index in range(32) if index not in aside]
    expected = _make_interpolation_matrix(places[good], places[aside])
    weights = interpolation_weights(NAMES, aside)
    np.testing.assert_allclose(weights[:, good], expected, atol=1e-9)
    assert not weights[:, aside].any()


def test_a_potential_that_is_the_same_everywhere_stays_it():
    np.testing.assert_allclose(interpolation_weights(NAMES, [3, 9]).sum(axis=1), 1.0, atol=1e-9)


def test_what_has_no_place_is_neither_interpolated_nor_used():
    names = (*NAMES, "A1")
    assert not interpolation_weights(names, [0])[:, -1].any()
    with pytest.raises(InputError, match="A1 is no electrode"):
        interpolation_weights(names, [32])
    with pytest.raises(InputError, match="at least 4"):
        interpolation_weights(("C3", "CZ", "C4"), [0])


@pytest.mark.parametrize(("electrodes", "most"), [(3, 1), (8, 1), (19, 1), (20, 2), (64, 6)])
def test_at_most_a_tenth_may_be_set_aside_and_one_always(electrodes, most):
    assert most_aside(electrodes) == most


def test_too_many_and_unknown_electrodes_are_refused():
    assert positions_aside(NAMES, [NAMES[4], NAMES[2], NAMES[4]]) == [2, 4]
    with pytest.raises(InputError, match="4 of the decoder's 32 electrodes cannot be set aside"):
        positions_aside(NAMES, NAMES[:4])
    with pytest.raises(InputError, match="no electrode X9"):
        positions_aside(NAMES, ["X9"])


@pytest.fixture
def signal():
    return np.random.default_rng(0).normal(0.0, 20.0, (500, 33))


def path(aside=(), reference="average"):
    made = SignalPath(SignalSettings(NAMES, reference, 256.0), 250.0, range(1, 33), [1.0] * 32)
    made.set_aside(aside)
    return made


@pytest.mark.parametrize("reference", ["average", "recorded"])
def test_how_the_samples_are_cut_changes_no_digit(signal, reference):
    whole = path([4, 20], reference).push(signal)
    cut = path([4, 20], reference)
    parts = [cut.push(part) for part in np.split(signal, [1, 2, 17, 300])]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf, 1e9])
def test_what_a_channel_sends_that_is_set_aside_changes_nothing(signal, value):
    expected = path([4]).push(signal)
    signal[:, 5] = value
    np.testing.assert_array_equal(path([4]).push(signal), expected)


def test_the_columns_of_the_others_are_known(signal):
    made = path([4, 20])
    assert made.good_columns == tuple(c for c in range(1, 33) if c not in (5, 21))
    made.set_aside([])
    assert made.good_columns == made.columns
    np.testing.assert_array_equal(made.push(signal), path().push(signal))
