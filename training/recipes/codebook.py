"""A codebook that follows what it quantises by moving averages, instead of by gradients."""

from __future__ import annotations

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

_KEPT = 2**14  # vectors of a step that dead codes may be made of


class Codebook(nn.Module):
    """Codes of unit length, each the average direction of the vectors nearest to it.

    Parameters
    ----------
    codes, width : int
    decay : float
        How much of a code stays at a step that has vectors for it.
    seed : int
        Of the random codes it begins with.

    Attributes
    ----------
    vectors : Tensor, shape (codes, width)
    members : Tensor, shape (codes,)
        Moving average of how many vectors a step has for each code.

    Notes
    -----
    van den Oord, Vinyals and Kavukcuoglu (2017), Neural discrete representation learning, appendix
    A.1, on the unit sphere as Peng et al. (2022), BEiT v2, section 3.1, have it.
    """

    vectors: Tensor
    members: Tensor

    def __init__(self, codes: int, width: int, decay: float, seed: int) -> None:
        super().__init__()
        self.decay = decay
        drawn = np.random.default_rng((seed, codes)).standard_normal((codes, width))
        self.register_buffer("vectors", F.normalize(torch.from_numpy(drawn).float(), dim=-1))
        self.register_buffer("members", torch.zeros(codes))
        # Of the step so far, in this process. No buffers: DDP would make them those of the first.
        self._counts: Tensor | None = None
        self._sums: Tensor | None = None
        self._seen: list[Tensor] = []

    def nearest(self, vectors: Tensor) -> Tensor:
        """Return the code of each vector, int of shape (...), from shape (..., width)."""
        return (vectors @ self.vectors.T).argmax(dim=-1)

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Quantise vectors, and remember them for `follow` where gradients are wanted.

        Parameters
        ----------
        vectors : Tensor, shape (..., width)
            Of any length.

        Returns
        -------
        quantised : Tensor, shape (..., width)
            Codes; their gradient goes to the vectors.
        indices : Tensor of int, shape (...)
        distance : Tensor, shape ()
            Mean squared difference between unit vectors and their codes.
        """
        unit = F.normalize(vectors, dim=-1)
        indices = self.nearest(unit.detach())
        codes = self.vectors[indices]
        if torch.is_grad_enabled():
            self._remember(unit.detach().flatten(0, -2), indices.flatten())
        return unit + (codes - unit).detach(), indices, F.mse_loss(unit, codes)

    def _remember(self, unit: Tensor, indices: Tensor) -> None:
        if self._counts is None or self._sums is None:
            self._counts = torch.zeros_like(self.members)
            self._sums = torch.zeros_like(self.vectors)
        self._counts.index_add_(0, indices, torch.ones_like(unit[:, 0]))
        self._sums.index_add_(0, indices, unit)
        if sum(map(len, self._seen)) < _KEPT:
            self._seen.append(unit)

    @torch.no_grad()
    def start(self, vectors: Tensor, rounds: int, random: np.random.Generator) -> None:
        """Begin with spherical k-means (Dhillon and Modha, 2001).

        Parameters
        ----------
        vectors : Tensor, shape (vectors, width)
        rounds : int
        random : numpy.random.Generator
        """
        unit = F.normalize(vectors, dim=-1)
        count = len(self.vectors)
        order = random.permutation(len(unit))
        # More codes than vectors: some begin at one place, and part when vectors come.
        picks = np.resize(order, count) if len(unit) < count else order[:count]
        self.vectors.copy_(unit[torch.from_numpy(picks)])
        for _ in range(rounds):
            indices = self.nearest(unit)
            sums = torch.zeros_like(self.vectors).index_add_(0, indices, unit)
            met = indices.bincount(minlength=count) > 0
            self.vectors[met] = F.normalize(sums[met], dim=-1)
        self.members.copy_(self.nearest(unit).bincount(minlength=count))

    @torch.no_grad()
    def follow(self, revive: float, random: np.random.Generator) -> dict[str, float]:
        """Move the codes towards the vectors of the step, and forget these.

        Parameters
        ----------
        revive : float
            Codes with fewer members become vectors of the step, drawn by chance; 0 for never.
        random : numpy.random.Generator
            Of this step.

        Returns
        -------
        dict of str to float
            ``codes_used`` and ``perplexity`` of the step's vectors over all processes, and how many
            codes were ``revived``.
        """
        assert self._counts is not None
        assert self._sums is not None
        counts, sums, seen = self._counts, self._sums, torch.cat(self._seen)
        self._counts, self._sums, self._seen = None, None, []
        if dist.is_initialized():
            dist.all_reduce(counts)
            dist.all_reduce(sums)
        met = counts > 0
        self.members.mul_(self.decay).add_(counts, alpha=1.0 - self.decay)
        towards = torch.where(met[:, None], F.normalize(sums, dim=-1), self.vectors)
        self.vectors.copy_(F.normalize(torch.lerp(towards, self.vectors, self.decay), dim=-1))
        dead = (self.members < revive).nonzero()[:, 0]
        if len(dead):
            picks = torch.from_numpy(random.integers(len(seen), size=len(dead)))
            self.vectors[dead] = seen[picks.to(seen.device)]
            self.members[dead] = 2.0 * revive  # time to find members
        if dist.is_initialized():
            dist.broadcast(self.vectors, 0)  # of the first process's vectors
        shares = counts / counts.sum()
        return {
            "codes_used": float(met.sum()),
            "perplexity": float(torch.exp(torch.special.entr(shares).sum())),
            "revived": float(len(dead)),
        }
