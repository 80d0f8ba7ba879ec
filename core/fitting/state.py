"""Fitting the head of a state that lasts, on what a memory held at the end of each trial."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.decoding.segment_powers import SegmentPowers
from core.decoding.state_head import StateHead

SECONDS, MINUTES = 2.0, 2.0
"""Of a segment, and of the memory."""

_STEPS, _RATE, _DECAY, _DROPOUT = 120, 3e-3, 0.05, 0.3  # of AdamW, all trials at once


def segment_powers(rate: float) -> SegmentPowers:
    """Return what a state's head remembers, at a rate in Hz."""
    return SegmentPowers(rate, round(SECONDS * rate), round(60.0 * MINUTES / SECONDS))


def memories(
    powers: SegmentPowers,
    segments: Sequence[np.ndarray],
    places: np.ndarray,
    window: int,
    side: np.ndarray | None = None,
) -> np.ndarray:
    """Return what the memory holds at the end of each trial.

    Parameters
    ----------
    powers : SegmentPowers
    segments : sequence of ndarray, each (segments, channels, bands)
        Of every run, from its first sample on.
    places : ndarray of int, shape (trials, 2)
        Run and first sample of each trial's window.
    window : int
        Samples of a window.
    side : ndarray of bool, shape (trials,), optional
        Which trials are left out of a fit. A memory then begins behind the last trial of the other
        side, so that no trial is told by segments that trials of the other side were told by.

    Returns
    -------
    ndarray, shape (trials, count, channels, bands)
        A trial that has no whole segment gets the run's next one.
    """
    contents = []
    for trial, (run, start) in enumerate(places.tolist()):
        last = max(1, (start + window) // powers.length)
        first = 0
        if side is not None:
            others = places[(places[:, 0] == run) & (side != side[trial]) & (places[:, 1] < start)]
            ends = int(others[:, 1].max()) + window if len(others) else 0
            first = min(-(-ends // powers.length), last - 1)
        contents.append(powers.memory(segments[run][first:last]))
    return np.stack(contents)


def fit_state(
    powers: SegmentPowers, held: np.ndarray, labels: np.ndarray, classes: int, seed: int = 0
) -> StateHead:
    """Fit a state's head.

    Parameters
    ----------
    powers : SegmentPowers
    held : ndarray, shape (trials, count, channels, bands)
        From `memories`.
    labels : ndarray of int, shape (trials,)
    classes : int
    seed : int

    Returns
    -------
    StateHead
        With temperature 1.

    Notes
    -----
    Cross-entropy with balanced classes. In every step each trial remembers a random part of what
    it could, so that the head is of use before the memory is full, and soon after a change.
    """
    import torch
    import torch.nn.functional as F

    from core.decoding.state_network import StateNetwork

    _, count, electrodes, bands = held.shape
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = StateNetwork(electrodes, bands, count, classes, _DROPOUT)
    network.centre.copy_(torch.from_numpy(np.nanmean(held, axis=(0, 1))))
    spread = np.nanstd(held, axis=(0, 1))
    network.scale.copy_(torch.from_numpy(np.where(spread > 0, spread, 1.0)))
    truth = torch.from_numpy(labels).long()
    # Trials remember the same segments, each of which is encoded once a step.
    there = np.isfinite(held).all(axis=(2, 3))  # (trials, count)
    once, which = np.unique(held[there], axis=0, return_inverse=True)
    places = np.zeros(there.shape, dtype=np.int64)
    places[there] = which.reshape(-1)
    given, where = torch.from_numpy(once).float(), torch.from_numpy(places)
    known = torch.from_numpy(there)
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    balance = torch.from_numpy(len(labels) / (classes * counts)).float()
    drawn = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=_DECAY)
    age = torch.arange(count - 1, -1, -1)  # segments ago
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for _ in range(_STEPS):
            longest = (count ** torch.rand(len(truth), generator=drawn)).long()  # 1 to count
            shown = known & (age[None] < longest[:, None])
            logits = network.attend(network.graph(given)[where], shown)
            loss = F.cross_entropy(logits, truth, balance)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    weights = {name: tensor.double().numpy() for name, tensor in network.state_dict().items()}
    return StateHead(powers, weights)
