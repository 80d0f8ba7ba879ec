import copy

import numpy as np
import pytest
import torch

from core.encoders.eegpt.checkpoint import new_pretraining
from core.encoders.eegpt.model import eegpt_spec
from core.encoders.eegpt.pretraining import Pretraining
from core.encoders.eegpt.sizes import SIZES
from training.recipes.base import collapse, parameter_groups, update_ema
from training.recipes.eegpt import EEGPTRecipe, Objective
from training.recipes.masking import draw_masks
from training.recipes.settings import EEGPTSettings, MaskSettings

IDS = torch.tensor([27, 29, 31, 47, 11])
TIMES, PATCH = 6, 64


@pytest.fixture
def parts():
    """The four parts in float64, with encoders that differ and weights that matter."""
    parts = new_pretraining("tiny2", seed=1).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in parts.parameters():
            if parameter.ndim > 1:
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_(0.1 * noise)
    return parts


@pytest.fixture
def given():
    """A batch and its masks: what the objective takes."""
    generator = torch.Generator().manual_seed(1)
    window = torch.randn(3, len(IDS), TIMES * PATCH, generator=generator, dtype=torch.float64)
    masks = draw_masks(TIMES, len(IDS), MaskSettings(), np.random.default_rng(2))
    return window, IDS, torch.from_numpy(masks.visible), torch.from_numpy(masks.targets)


def minimised(losses, ablation="D"):
    recipe = EEGPTRecipe(EEGPTSettings(size="tiny1", ablation=ablation))
    return recipe.minimised(losses, 0)


def standardised(x):
    centred = x - x.mean(-1, keepdim=True)
    return centred / ((centred**2).mean(-1, keepdim=True) + 1e-5).sqrt()


def by_hand(parts, window, ids, visible, targets, skip=True, normed=True):
    """Both losses, patch by patch."""
    channels = len(ids)
    times = [int(row[0]) // channels for row in visible]
    tokens = torch.stack(
        [parts.target_encoder.encode_patches(p, ids) for p in window.split(PATCH, dim=-1)], dim=1
    )
    seen = []
    for row, time in zip(visible, times, strict=True):
        here = row % channels
        patch = window[:, here, time * PATCH : (time + 1) * PATCH]
        seen.append(parts.encoder.encode_patches(patch, ids[here]))
    predicted, _ = parts.predictor(torch.stack(seen, dim=1), torch.tensor(times), TIMES)
    context = predicted.clone()
    if skip:
        for time, own in zip(times, seen, strict=True):
            context[:, time] = own
    wanted = [
        window[:, t % channels, t // channels * PATCH : (t // channels + 1) * PATCH]
        for t in map(int, targets)
    ]
    aim = torch.stack(wanted, dim=1)
    aim = standardised(aim) if normed else aim
    drawn = parts.reconstructor(context, targets, ids)
    return ((predicted - standardised(tokens)) ** 2).mean(), ((drawn - aim) ** 2).mean()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ablation", "how"),
    [("A", {}), ("B", {"normed": False}), ("C", {"skip": False}), ("D", {})],
)
def test_the_losses_are_those_of_the_definition(parts, given, ablation, how):
    objective = Objective(parts, ablation)
    losses = objective(*given).losses
    alignment, reconstruction = by_hand(parts, *given, **how)
    assert float(losses["alignment"].detach()) == pytest.approx(float(alignment.detach()), rel=1e-9)
    assert float(losses["reconstruction"].detach()) == pytest.approx(
        float(reconstruction.detach()), rel=1e-9
    )
    total = minimised(losses, ablation)
    expected = reconstruction if ablation == "A" else alignment + reconstruction
    assert float(total.detach()) == pytest.approx(float(expected.detach()), rel=1e-9)


@pytest.mark.slow
def test_the_ablations_differ(parts, given):
    found = {name: Objective(parts, name)(*given).losses for name in ("B", "C", "D")}
    reconstructions = [float(losses["reconstruction"].detach()) for losses in found.values()]
    assert len({round(value, 9) for value in reconstructions}) == 3
    assert len({float(losses["alignment"].detach()) for losses in found.values()}) == 1


@pytest.mark.slow
def test_the_momentum_encoder_gets_no_gradient_and_everything_else_does(parts, given):
    minimised(Objective(parts)(*given).losses).backward()
    for name, parameter in parts.named_parameters():
        learns = not name.startswith("target_encoder.") and not name.endswith(".freqs")
        assert (parameter.grad is not None) is learns, name


@pytest.mark.slow
def test_without_alignment_its_gradient_is_zero(parts, given):
    objective = Objective(parts, "A")
    minimised(objective(*given).losses, "A").backward()
    without = [p.grad.clone() for p in parts.parameters() if p.grad is not None]
    parts.zero_grad()
    objective(*given).losses["reconstruction"].backward()
    alone = [p.grad for p in parts.parameters() if p.grad is not None]
    for one, other in zip(without, alone, strict=True):
        torch.testing.assert_close(one, other)


def test_the_average_moves_by_its_share(parts):
    before = {n: p.clone() for n, p in parts.target_encoder.named_parameters()}
    update_ema(parts.target_encoder, parts.encoder, 0.9)
    online = dict(parts.encoder.named_parameters())
    for name, after in parts.target_encoder.named_parameters():
        torch.testing.assert_close(after, 0.9 * before[name] + 0.1 * online[name])
        assert not after.requires_grad


@pytest.mark.slow
def test_the_gain_is_a_factor_on_the_samples(parts, given):
    window, *masks = given
    with torch.no_grad():
        one = Objective(parts, gain=30.0)(window, *masks)
        other = Objective(parts)(window * 30.0, *masks)
    assert one.losses == other.losses


@pytest.mark.slow
def test_the_six_groups_are_the_published_ones():
    with torch.device("meta"):
        parts = Pretraining(eegpt_spec("large", name="", trained=False, provenance={}))
    groups = parameter_groups(parts, 1e-6)
    assert [len(group["params"]) for group in groups] == [35, 67, 35, 69, 36, 69]
    assert [group["weight_decay"] for group in groups] == [1e-6, 0.0] * 3
    decaying = {id(p) for group in groups[::2] for p in group["params"]}
    assert id(parts.encoder.summary_token) in decaying
    assert id(parts.encoder.chan_embed.weight) in decaying
    assert id(parts.predictor.mask_token) in decaying
    assert id(parts.encoder.norm.weight) not in decaying
    assert not any(id(p) in decaying for p in parts.target_encoder.parameters())


@pytest.mark.slow
# The widest two take seconds and no other path.
@pytest.mark.parametrize("size", [name for name, each in SIZES.items() if each.width < 512])
def test_losses_of_every_size_at_the_beginning(size):
    parts = new_pretraining(size)
    window = 0.03 * torch.randn(1, 58, 1024, generator=torch.Generator().manual_seed(0))
    masks = draw_masks(16, 58, MaskSettings(), np.random.default_rng(0))
    with torch.no_grad():
        losses = Objective(parts)(
            window, torch.arange(58), *map(torch.from_numpy, (masks.visible, masks.targets))
        ).losses
    # Predictions near zero of targets of unit variance.
    assert float(losses["alignment"]) == pytest.approx(1.0, abs=0.2)
    assert 0.5 < float(losses["reconstruction"]) < 1.2


def test_tokens_all_alike_have_no_variance_and_no_rank():
    tokens = torch.ones(5, 4, 2, 8) * torch.arange(2)[:, None]  # slots differ, windows do not
    assert collapse(tokens) == (0.0, 0.0)


def test_variance_and_rank_of_tokens():
    generator = torch.Generator().manual_seed(0)
    free = torch.randn(200, 16, 1, 8, generator=generator)
    variance, rank = collapse(free)
    assert variance == pytest.approx(1.0, abs=0.05)
    assert rank == pytest.approx(8.0, abs=0.05)
    line = free[..., :1] * torch.arange(1, 9)
    assert collapse(line)[1] == pytest.approx(1.0, abs=0.01)


@pytest.mark.slow
def test_losses_and_gradients_stay_when_no_token_is_made_that_nobody_reads(parts, given):
    lean = copy.deepcopy(parts)
    hidden = {}
    for name, some in (("whole", parts), ("lean", lean)):
        widths = hidden.setdefault(name, [])
        for encoder in (some.encoder, some.target_encoder):
            encoder.summary_only = name == "lean"
            encoder.blocks[-1].mlp.register_forward_hook(
                lambda part, given, made, widths=widths: widths.append(made.shape[1])
            )
        minimised(Objective(some)(*given).losses).backward()
    assert hidden == {"whole": [9, 1 + 4], "lean": [4, 4]}
    for one, other in zip(parts.parameters(), lean.parameters(), strict=True):
        assert (one.grad is None) == (other.grad is None)
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, rtol=1e-9, atol=1e-12)
    with torch.no_grad():
        whole, less = Objective(parts)(*given), Objective(lean)(*given)
    for name, loss in whole.losses.items():
        torch.testing.assert_close(less.losses[name], loss, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(less.tokens, whole.tokens, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(less.made, whole.made, rtol=1e-10, atol=1e-12)
