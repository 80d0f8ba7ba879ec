import sys
from types import ModuleType

import numpy as np
import pytest

from core.errors import InputError
from core.metrics import balanced_accuracy
from training.evaluation.protocols import cross_session, leave_one_out, within
from training.evaluation.systems import spatial_first
from training.evaluation.systems.catalogue import NETWORKS, USUAL, make_systems


def system_named(name, encoder):
    return make_systems([name], encoder, "untrained-tiny1")[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", USUAL)
def test_every_system_decodes_plain_imagery_in_another_run(name, signals, encoder):
    system = system_named(name, encoder)
    fold = next(cross_session(signals[:1], seed=0))
    found = system.fit(fold.train, 0).probabilities(fold.test)
    assert found.shape == (12, 2)
    assert np.allclose(found.sum(axis=1), 1.0)
    least = 0.5 if name == "encoder" else 0.8  # its weights are random
    assert balanced_accuracy(fold.test.labels, found.argmax(axis=1)) >= least


@pytest.mark.slow
@pytest.mark.parametrize("name", ["riemann", "TS+LR"])
def test_what_people_share_is_learned_from_others(name, signals, encoder):
    fold = next(leave_one_out(signals, seed=0))
    found = system_named(name, encoder).fit(fold.train, 0).probabilities(fold.test)
    assert balanced_accuracy(fold.test.labels, found.argmax(axis=1)) > 0.7


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hybrid", "FBCSP", "ACM+TS+LR"])
def test_what_is_tested_does_not_change_what_is_learned(
    name, persons, with_noise, make_signals, encoder
):
    system, learned = system_named(name, encoder), []
    for person in (persons[0], with_noise(persons[0], 0)):
        (signal,) = make_signals([person])
        fold = next(cross_session([signal], seed=0))  # run 1, which changed, is tested
        learned.append(system.fit(fold.train, 0).probabilities(fold.train))
    assert np.array_equal(*learned)


def test_a_system_says_which_encoder_it_looks_through(encoder):
    labels = {s.name: s.encoder for s in make_systems(USUAL, encoder, "untrained-tiny1")}
    assert {name for name, label in labels.items() if label} == {"encoder", "hybrid", "auto"}
    assert labels["auto"] == encoder.spec.label


def test_a_system_that_is_not_there_is_said(encoder, monkeypatch):
    with pytest.raises(InputError, match='no system "SVM"; choose among riemann'):
        system_named("SVM", encoder)
    with pytest.raises(InputError, match="MDM is named more than once"):
        make_systems(["MDM", "MDM"], encoder, "")
    monkeypatch.setitem(sys.modules, "braindecode", None)
    monkeypatch.delitem(sys.modules, "braindecode.models", raising=False)
    with pytest.raises(InputError, match=r"EEGNet needs braindecode.*pip install"):
        system_named("EEGNet", encoder)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_learns_the_same_with_the_same_seed(name, signals, encoder, monkeypatch):
    import torch

    class LogPower(torch.nn.Module):
        """Stands for a network of braindecode, with its arguments."""

        def __init__(self, n_chans, n_outputs, n_times):
            super().__init__()
            self.spatial = torch.nn.Conv1d(n_chans, 4, 1, bias=False)
            self.norm = torch.nn.BatchNorm1d(4)
            self.out = torch.nn.Linear(4, n_outputs)
            assert n_times == (512 if name == "EEGNet" else 1024)

        def forward(self, signal):
            return self.out(self.norm(self.spatial(signal).square().mean(dim=-1).log()))

    models = ModuleType("braindecode.models")
    setattr(models, name, LogPower)
    monkeypatch.setitem(sys.modules, "braindecode", ModuleType("braindecode"))
    monkeypatch.setitem(sys.modules, "braindecode.models", models)
    # It has none of EEGNet's layers; what they compute is tested with spatial_first.
    monkeypatch.setattr(spatial_first, "filter_in_space_first", lambda network: None)
    system = system_named(name, encoder)
    fold = next(within(signals[:1], seed=0))
    found = [system.fit(fold.train, seed).probabilities(fold.test) for seed in (0, 0, 1)]
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert np.allclose(found[0].sum(axis=1), 1.0)
