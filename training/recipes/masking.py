"""What the encoder is shown of a window, and what the reconstructor is asked for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.recipes.settings import MaskSettings


@dataclass(frozen=True)
class Masks:
    """Positions in the grid of patches, as ``time * channels + channel``.

    Attributes
    ----------
    visible : ndarray of int64, shape (visible times, visible channels)
        What the encoder sees; a row is one time.
    targets : ndarray of int64, shape (targets,)
        What is reconstructed: the hidden times first. Nothing visible is among them.
    """

    visible: np.ndarray
    targets: np.ndarray


def visible_channels(channels: int, settings: MaskSettings) -> int:
    """Return how many of a window's channels are shown at a visible time: 12 of 58."""
    return min(channels - 1, max(1, round(channels * (1.0 - settings.hidden_channels))))


def draw_masks(
    times: int, channels: int, settings: MaskSettings, random: np.random.Generator
) -> Masks:
    """Draw the masks of windows with these many patches and channels.

    Parameters
    ----------
    times : int
        Patches of the window.
    channels : int
        Channels that these windows have, at least two; absent ones are neither shown nor asked.
    settings : MaskSettings
    random : numpy.random.Generator

    Returns
    -------
    Masks

    Notes
    -----
    As the code that made EEGPT's published weights: each time is hidden by the flip of a coin, a
    visible one shows 12 of 58 channels, and of the 46 others only a fifth is reconstructed. Drawn
    again where nothing would be visible, or nothing of a visible time be reconstructed.
    """
    shown = visible_channels(channels, settings)
    first = np.arange(times)[:, None] * channels  # of each time in the grid
    while True:
        if settings.times == "exact":
            seen = np.ones(times, dtype=bool)
            hidden = min(times - 1, round(times * settings.hidden_times))
            seen[random.permutation(times)[:hidden]] = False
        else:
            seen = random.random(times) >= settings.hidden_times
        order = random.permuted(np.tile(np.arange(channels), (times, 1)), axis=1)
        grid = first + order  # (times, channels), each row shuffled
        beside = grid[seen, shown:].ravel()  # hidden channels of visible times
        kept = beside[random.random(len(beside)) < settings.kept_targets]
        if len(kept):
            return Masks(grid[seen, :shown], np.concatenate((grid[~seen].ravel(), kept)))
