import pytest
import torch

from training.pretraining.schedule import one_cycle
from training.pretraining.settings import RateSettings
from training.recipes.base import ema_decay
from training.recipes.eegpt import alignment_weight
from training.recipes.settings import AlignmentSettings, AverageSettings


@pytest.mark.slow
@pytest.mark.parametrize("steps", [5, 10, 37, 1000])
def test_rate_and_momentum_are_those_of_torchs_one_cycle(steps):
    parameter = torch.nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.AdamW([parameter])
    # With 5 steps torch divides by zero; a share a little larger gives it one step upwards.
    rising = 0.2 if steps > 5 else 0.4
    theirs = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 5e-4, total_steps=steps, pct_start=rising, div_factor=2, final_div_factor=8
    )
    for step in range(steps):
        rate, beta1 = one_cycle(step, steps, RateSettings(rising=rising))
        assert rate == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        assert beta1 == pytest.approx(optimiser.param_groups[0]["betas"][0], rel=1e-9)
        optimiser.step()
        if step < steps - 1:
            theirs.step()


def test_the_published_trace():
    steps, settings = 1000, RateSettings()
    assert one_cycle(0, steps, settings) == pytest.approx((2.5e-4, 0.95))
    assert one_cycle(199, steps, settings) == pytest.approx((5e-4, 0.85))
    assert one_cycle(999, steps, settings) == pytest.approx((3.125e-5, 0.95))
    rates = [one_cycle(step, steps, settings)[0] for step in range(steps)]
    assert rates[:200] == sorted(rates[:200])
    assert rates[199:] == sorted(rates[199:], reverse=True)


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_have_a_rate(steps):
    for step in range(steps):
        rate, beta1 = one_cycle(step, steps, RateSettings())
        assert 3e-5 < rate <= 5e-4
        assert 0.85 <= beta1 <= 0.95


def test_the_average_keeps_ever_more():
    steps = 200
    kept = [ema_decay(step, steps, 0.996, 1.0) for step in range(steps + 1)]
    assert kept[0] == 0.996
    assert kept[50] == pytest.approx(0.997)
    assert kept[-1] == 1.0  # one value more than there are steps, as in the published code
    papers = AverageSettings(start=0.99, end=0.99)
    assert {ema_decay(step, steps, papers.start, papers.end) for step in range(steps)} == {0.99}


def test_the_alignment_can_wait():
    waiting = AlignmentSettings(weight=2.0, after=3, rising=4)
    weights = [alignment_weight(step, waiting) for step in range(9)]
    assert weights == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.0, 2.0]
    assert alignment_weight(0, AlignmentSettings()) == 1.0
