import copy

import numpy as np
import pytest
import torch

from core.encoders.eegpt.checkpoint import new_pretraining
from training.pretraining.masking import draw_masks
from training.pretraining.objectives.eegpt import Objective
from training.pretraining.objectives.lean import leave_out_unread
from training.pretraining.settings import MaskSettings

IDS = torch.tensor([27, 29, 31, 47, 11])


@pytest.fixture
def parts():
    parts = new_pretraining("tiny2", seed=1).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in parts.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(0.1 * noise)
    return parts


def test_losses_and_gradients_stay_and_less_is_computed(parts):
    lean = copy.deepcopy(parts)
    leave_out_unread(lean)
    assert [n for n, _ in lean.named_parameters()] == [n for n, _ in parts.named_parameters()]
    generator = torch.Generator().manual_seed(1)
    window = torch.randn(3, len(IDS), 384, generator=generator, dtype=torch.float64)
    masks = draw_masks(6, len(IDS), MaskSettings(), np.random.default_rng(2))
    given = window, IDS, torch.from_numpy(masks.visible), torch.from_numpy(masks.targets)
    hidden = {}
    for name, some in (("whole", parts), ("lean", lean)):
        widths = hidden.setdefault(name, [])
        for encoder in (some.encoder, some.target_encoder):
            encoder.blocks[-1].mlp.register_forward_hook(
                lambda part, given, made, widths=widths: widths.append(made.shape[1])
            )
        objective = Objective(some)
        objective.weighed(objective(*given), 1.0).backward()
    assert hidden == {"whole": [9, 1 + 4], "lean": [4, 4]}
    for one, other in zip(parts.parameters(), lean.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, rtol=1e-9, atol=1e-12)
    with torch.no_grad():
        for one, other in zip(Objective(parts)(*given), Objective(lean)(*given), strict=True):
            torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-12)
