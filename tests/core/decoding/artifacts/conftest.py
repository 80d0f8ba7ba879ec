"""Simulated subjects, each with a decoder that has learned limits of artifacts."""

from dataclasses import replace

import pytest

from core.decoding.artifacts import learn_limits
from simulation.synthetic import session

FEW = ("FC1", "FC2", "C3", "CZ", "C4", "CP1", "CP2", "PZ")
CUES = {"left_hand": "left_hand", "right_hand": "right_hand"}


def learned(**montage):
    """A decoder with limits of its own, and another run of the same person."""
    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder

    first, second = (session(6, seed=3, run=run, **montage) for run in (1, 2))
    fit = fit_decoder([first], CUES, "sim", FitSettings(head="riemann", repeats=1))
    decoder = fit.decoder
    limits = learn_limits([first], decoder.settings, decoder.unit, fit.epochs.segments)
    facts = replace(decoder.facts, artifacts=limits.as_facts())
    return replace(decoder, facts=facts), second


@pytest.fixture(scope="session")
def subject():
    """A decoder of 32 channels, and another run of the same person."""
    return learned()


@pytest.fixture(scope="session")
def subject_of_few():
    """A decoder of eight channels, and another run of the same person."""
    return learned(labels=FEW)
