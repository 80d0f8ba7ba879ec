"""EEGNet's first layers in another order give what the layers give one after the other."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from training.evaluation.systems.spatial_first import SpatialFirst, window_moments


@pytest.fixture
def layers():
    torch.manual_seed(0)
    temporal = nn.Conv2d(1, 4, (1, 16), padding=(0, 8), bias=False)
    norm = nn.BatchNorm2d(4, momentum=0.01, eps=1e-3)
    nn.init.uniform_(norm.weight, 0.5, 2)
    nn.init.normal_(norm.bias)
    spatial = nn.Conv2d(4, 8, (6, 1), groups=4, bias=False)
    return nn.ModuleList([temporal, norm, spatial]).double()


@pytest.fixture
def signal():
    noise = torch.randn(5, 1, 6, 90, generator=torch.Generator().manual_seed(1))
    return 3 + noise.double().cumsum(-1)  # slow, and far from a mean of nothing


def test_output_gradients_and_kept_statistics_are_those_of_the_layers(layers, signal):
    expected = copy.deepcopy(layers)
    at_once = SpatialFirst(*layers)

    for _ in range(2):
        output, reference = at_once(signal), nn.Sequential(*expected)(signal)
        torch.testing.assert_close(output, reference)
        output.pow(3).sum().backward()
        reference.pow(3).sum().backward()

    for mine, theirs in zip(layers.parameters(), expected.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
    torch.testing.assert_close(layers[1].running_mean, expected[1].running_mean)
    torch.testing.assert_close(layers[1].running_var, expected[1].running_var)
    torch.testing.assert_close(at_once.eval()(signal), nn.Sequential(*expected).eval()(signal))


def test_moments_are_those_of_the_windows(signal):
    rows = signal.flatten(0, 2)
    windows = rows.unfold(-1, 7, 1).reshape(-1, 7)

    first, second, count = window_moments(rows, 7)

    assert count == len(windows)
    torch.testing.assert_close(first, windows.mean(0))
    torch.testing.assert_close(second, windows.T @ windows / len(windows))
