import numpy as np
import pytest

from training.recipes.masking import draw_masks, visible_channels
from training.recipes.settings import MaskSettings

TIMES, CHANNELS = 16, 58


def draws(count, seed=0, **settings):
    random = np.random.default_rng(seed)
    return [draw_masks(TIMES, CHANNELS, MaskSettings(**settings), random) for _ in range(count)]


@pytest.mark.slow
def test_statistics_of_4000_draws_are_the_published_codes():
    masks = draws(4000)
    visible = np.array([len(mask.visible) for mask in masks])
    targets = np.array([len(mask.targets) for mask in masks])
    # Measured on the published code: mean 7.98, sd 2.0, range 1..15, exactly 8 in a fifth; mean of
    # 539 targets. The tolerances are four standard errors of 4000 draws.
    assert visible.mean() == pytest.approx(8.0, abs=0.13)
    assert visible.std() == pytest.approx(2.0, abs=0.1)
    assert visible.min() >= 1
    assert visible.max() <= 16
    assert np.mean(visible == 8) == pytest.approx(0.196, abs=0.025)
    assert targets.mean() == pytest.approx(8 * 58 + 8 * 46 * 0.2, abs=6.5)
    assert {mask.visible.shape[1] for mask in masks} == {12}


def test_what_is_visible_is_never_a_target():
    for mask in draws(50):
        times = mask.visible // CHANNELS
        assert (times == times[:, :1]).all()  # a row is one time
        assert (np.diff(times[:, 0]) > 0).all()
        assert len(np.unique(mask.visible)) == mask.visible.size
        assert len(np.unique(mask.targets)) == mask.targets.size
        assert not np.isin(mask.targets, mask.visible).any()
        assert mask.targets.max() < TIMES * CHANNELS


def test_hidden_times_come_first_and_whole():
    for mask in draws(50):
        hidden = np.setdiff1d(np.arange(TIMES), mask.visible[:, 0] // CHANNELS)
        whole = len(hidden) * CHANNELS
        np.testing.assert_array_equal(
            np.unique(mask.targets[:whole] // CHANNELS, return_counts=True),
            (hidden, np.full(len(hidden), CHANNELS)),
        )
        assert np.isin(mask.targets[whole:] // CHANNELS, mask.visible[:, 0] // CHANNELS).all()


@pytest.mark.slow
def test_every_patch_is_shown_equally_often():
    seen = np.bincount(np.concatenate([mask.visible.ravel() for mask in draws(4000)]))
    share = seen / 4000
    assert len(share) == TIMES * CHANNELS
    assert share.mean() == pytest.approx(0.5 * 12 / 58, rel=0.02)
    assert share.min() > 0.07  # 0.103 within 6 standard errors
    assert share.max() < 0.14


def test_the_papers_masks_hide_exactly_half_and_ask_for_everything_hidden():
    for mask in draws(50, times="exact", kept_targets=1.0):
        assert mask.visible.shape == (8, 12)
        assert len(mask.targets) == 8 * 58 + 8 * 46
        both = np.concatenate((mask.visible.ravel(), mask.targets))
        np.testing.assert_array_equal(np.sort(both), np.arange(TIMES * CHANNELS))


@pytest.mark.parametrize(
    ("channels", "shown"), [(62, 12), (58, 12), (19, 4), (8, 2), (3, 1), (2, 1)]
)
def test_few_channels_show_few(channels, shown):
    assert visible_channels(channels, MaskSettings()) == shown
    mask = draw_masks(TIMES, channels, MaskSettings(), np.random.default_rng(0))
    assert mask.visible.shape[1] == shown
    assert len(mask.targets)


@pytest.mark.slow
def test_something_is_always_visible_and_asked_for():
    random = np.random.default_rng(0)
    settings = MaskSettings(hidden_times=0.9, kept_targets=0.01)
    for _ in range(200):
        mask = draw_masks(2, 3, settings, random)
        beside = np.isin(mask.targets // 3, mask.visible[:, 0] // 3)
        assert len(mask.visible)
        assert beside.any()
