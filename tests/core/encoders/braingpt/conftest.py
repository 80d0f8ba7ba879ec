"""A second electrode temporal encoder, written as loops in float64 without any cache."""

import math

import numpy as np
import pytest
import torch

from core.encoders import load_encoder
from core.encoders.braingpt.electrodes import ELECTRODES

SIZES = {"base": 4, "large": 8}  # heads


class Reference:
    """One electrode at a time, one token at a time, all of the past anew."""

    def __init__(self, encoder):
        self.tensors = {k: v.double().numpy() for k, v in encoder.state_dict().items()}
        self.depth = len({name.split(".")[1] for name in self.tensors if name[:7] == "layers."})
        self.heads = SIZES[encoder.spec.size]
        self.band = 25

    def norm(self, x, name):
        centred = x - x.mean()
        return centred / math.sqrt((centred**2).mean() + 1e-6) * self.tensors[f"{name}.weight"]

    def rotate(self, vector, time):
        rotated = np.array(vector)
        for i in range(len(vector) // 2):
            angle = time * 100.0 ** (-2 * i / len(vector))
            a, b = vector[2 * i], vector[2 * i + 1]
            rotated[2 * i] = a * math.cos(angle) - b * math.sin(angle)
            rotated[2 * i + 1] = b * math.cos(angle) + a * math.sin(angle)
        return rotated

    def feed_forward(self, x, layer):
        gate_up = self.tensors[f"{layer}.gate_up.weight"] @ self.norm(x, f"{layer}.norm2")
        gate, up = np.split(gate_up, 2)
        return self.tensors[f"{layer}.down.weight"] @ (gate / (1 + np.exp(-gate)) * up)

    def qkv(self, x, layer):
        return np.split(self.tensors[f"{layer}.qkv.weight"] @ self.norm(x, f"{layer}.norm1"), 3)

    def attend(self, x, query, others, layer):
        """`others`: for the electrode's token a distance of None, else how long ago, k and v."""
        size, mixed = len(query) // self.heads, []
        for here in (slice(h * size, (h + 1) * size) for h in range(self.heads)):
            scores = []
            for behind, key, _ in others:
                q = query[here] if behind is None else self.rotate(query[here], behind)
                scores.append(q @ key[here] / math.sqrt(size))
            weights = np.exp(scores) / np.exp(scores).sum()
            mixed.append(sum(w * v[here] for w, (_, _, v) in zip(weights, others, strict=True)))
        x = x + self.tensors[f"{layer}.out.weight"] @ np.concatenate(mixed)
        return x + self.feed_forward(x, layer)

    def encode(self, signal, electrode):
        """(samples,), a name -> states (1 + tokens, width), special token's state (width,)."""
        row = ELECTRODES.index(electrode)
        first = self.tensors["electrode_tokens.weight"][row]
        kernel, bias = self.tensors["embed.weight"], self.tensors["embed.bias"]
        xs = [
            kernel @ (signal[start : start + 256] / 20.0) + bias
            for start in range(0, len(signal) - 255, 32)
        ]
        special = self.tensors["special_token"]
        for layer in (f"layers.{index}" for index in range(self.depth)):
            _, key, value = self.qkv(first, layer)
            own = (None, key, value)
            parts = [self.qkv(x, layer) for x in xs]
            seen = [
                [own, *((t - s, *parts[s][1:]) for s in range(max(0, t - self.band + 1), t + 1))]
                for t in range(len(xs))
            ]
            query = self.qkv(special, layer)[0]
            special = self.attend(special, query, seen[-1], layer)
            xs = [self.attend(x, parts[t][0], seen[t], layer) for t, x in enumerate(xs)]
            first = first + self.tensors[f"{layer}.out.weight"] @ value
            first = first + self.feed_forward(first, layer)
        return np.array([self.norm(x, "norm") for x in (first, *xs)]), self.norm(special, "norm")


def drawn(size):
    """An encoder whose every weight shows: norms are not 1, biases not 0."""
    encoder = load_encoder(f"untrained-braingpt-{size}-4")
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "norm" in name or "bias" in name:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return encoder


@pytest.fixture(scope="session")
def base():
    return drawn("base")


@pytest.fixture
def rng():
    return np.random.default_rng(11)
