"""A tiny family with the context "causal": a leaky sum over all of the run so far."""

import numpy as np
import torch

from core.encoders.base import Encoder, rows_of
from core.encoders.registry import Family
from tests.core.encoders.families.parts import ELECTRODES, check_size, seeded, spec


class Leaky(Encoder):
    """One token of eight features every 10 samples, with what came before fading."""

    def __init__(self, spec, seed):
        super().__init__()
        self.spec = spec
        self.weight = seeded(seed, len(ELECTRODES), spec.patch, 8)

    def columns(self, run, ch_names, state=None):
        """All tokens of a run, shape (columns, 1, 8), one after the other."""
        rows = rows_of(ch_names, ELECTRODES, "The tiny causal family")
        stride, patch = self.spec.stride, self.spec.patch
        state = torch.zeros(8) if state is None else state
        for end in range(patch, run.shape[-1] + 1, stride):
            new = torch.einsum("cs,csf->f", 1e5 * run[:, end - patch : end], self.weight[rows])
            state = 0.9 * state + new.tanh()
            yield end, state[None]

    def tokens(self, window, ch_names):
        return torch.stack(
            [torch.stack([token for _, token in self.columns(run, ch_names)]) for run in window]
        )

    def tokens_at(self, run, ends, ch_names):
        columns = list(self.columns(torch.from_numpy(run).float(), ch_names))
        for end in ends:
            yield torch.stack([token for at, token in columns if at <= end][-self.spec.patches :])

    def stream(self, ch_names, hop=None, in_subprocess=False):
        return LeakyStream(self, ch_names, hop)


class LeakyStream:
    """Keeps the samples of the newest token, the sum, and the tokens of the window."""

    def __init__(self, encoder, ch_names, hop):
        self.hop = hop or encoder.spec.default_hop
        encoder.spec.check_hop(self.hop)
        self.encoder, self.ch_names = encoder, ch_names
        self.reset()

    def prepare(self):
        pass

    def reset(self):
        self.state = {"signal": torch.zeros(len(self.ch_names), 0), "samples": 0, "tokens": []}

    @property
    def state(self):
        return {**self._state, "tokens": list(self._state["tokens"])}

    @state.setter
    def state(self, state):
        self._state = {**state, "tokens": list(state["tokens"])}

    def push(self, samples):
        spec, kept = self.encoder.spec, self._state
        samples = torch.from_numpy(np.array(samples)).float()
        with torch.inference_mode():
            signal = torch.cat([kept["signal"], samples], dim=1)
            last = kept["tokens"][-1][0] if kept["tokens"] else None
            new = [token for _, token in self.encoder.columns(signal, self.ch_names, last)]
        used = len(new) * spec.stride
        kept["signal"] = signal[:, used:]
        kept["samples"] += samples.shape[1]
        kept["tokens"] = [*kept["tokens"], *new][-spec.patches :]
        if kept["samples"] < max(spec.window, spec.warmup):
            return None
        return torch.stack(kept["tokens"])


def untrained_spec(size, seed):
    check_size(size)
    facts = {"patch": 20, "stride": 10, "tokens": (1, 8), "context": "causal", "warmup": 240}
    return spec("tinycausal", seed, **facts)


FAMILY = Family("tinycausal", ("tiny",), "tiny", untrained_spec, Leaky)
