"""A second LaBraM, written as loops in float64, to compare the first one with."""

import math

import numpy as np
import pytest
import torch

from core.encoders import load_encoder

FIRST_ROWS = "FP1 FPZ FP2 AF9 AF7 AF5 AF3 AF1 AFZ AF2 AF4 AF6 AF8 AF10 F9 F7 F5 F3 F1 FZ".split()
"""The beginning of the published list, to count rows by."""


class Reference:
    """One token at a time."""

    def __init__(self, encoder, heads):
        self.tensors = {k: v.double().numpy() for k, v in encoder.state_dict().items()}
        self.heads = heads
        self.depth = len({name.split(".")[1] for name in self.tensors if name[:7] == "blocks."})

    def linear(self, x, name):
        y = self.tensors[f"{name}.weight"] @ x
        return y + self.tensors[f"{name}.bias"] if f"{name}.bias" in self.tensors else y

    def norm(self, x, name):
        centred = x - x.mean()
        x = centred / math.sqrt((centred**2).mean() + 1e-6)
        return x * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def convolve(self, rows, number, stride, padding):
        """(patches, channels, samples) -> the same, normed in four groups over all patches."""
        kernel = self.tensors[f"temporal_conv.conv{number}.weight"][:, :, 0]  # (out, in, taps)
        bias = self.tensors[f"temporal_conv.conv{number}.bias"]
        out = []
        for row in rows:
            row = np.pad(row, ((0, 0), (padding, padding)))
            steps = range(0, row.shape[1] - kernel.shape[2] + 1, stride)
            out.append(
                [
                    [(k * row[:, s : s + kernel.shape[2]]).sum() + b for s in steps]
                    for k, b in zip(kernel, bias, strict=True)
                ]
            )
        out = np.array(out)
        each = out.shape[1] // 4
        for group in range(4):
            here = slice(group * each, (group + 1) * each)
            part = out[:, here]
            out[:, here] = (part - part.mean()) / math.sqrt(part.var() + 1e-5)
        weight = self.tensors[f"temporal_conv.norm{number}.weight"]
        shift = self.tensors[f"temporal_conv.norm{number}.bias"]
        return gelu(out * weight[:, None] + shift[:, None])

    def embed(self, patches):
        """(patches, 200) in µV -> (patches, width)."""
        x = self.convolve(patches[:, None] / 100.0, 1, 8, 7)
        x = self.convolve(self.convolve(x, 2, 1, 1), 3, 1, 1)
        return np.array([[row[c, t] for t in range(25) for c in range(len(row))] for row in x])

    def attend(self, xs, block):
        width = len(xs[0])
        size = width // self.heads
        parts = [np.split(self.linear(x, f"{block}.attn.qkv"), 3) for x in xs]
        mixed = np.zeros((len(xs), width))
        for here in (slice(h * size, (h + 1) * size) for h in range(self.heads)):
            queries = [self.norm(q[here], f"{block}.attn.q_norm") for q, _, _ in parts]
            keys = [self.norm(k[here], f"{block}.attn.k_norm") for _, k, _ in parts]
            for i, query in enumerate(queries):
                weights = np.exp([query @ key / math.sqrt(size) for key in keys])
                mixed[i, here] = sum(
                    w * v[here] for w, (_, _, v) in zip(weights, parts, strict=True)
                )
                mixed[i, here] /= weights.sum()
        return [self.linear(x, f"{block}.attn.proj") for x in mixed]

    def encode(self, signal, rows):
        """(electrodes, seconds x 200) in µV, rows of the table -> (seconds, electrodes, width)."""
        seconds = signal.shape[1] // 200
        x = self.embed(signal.reshape(-1, 200))
        tokens = [self.tensors["cls_token"][0, 0] + self.tensors["pos_embed"][0, 0]]
        for electrode, row in enumerate(rows):
            for second in range(seconds):
                token = x[electrode * seconds + second] + self.tensors["pos_embed"][0, row]
                tokens.append(token + self.tensors["time_embed"][0, second])
        for block in (f"blocks.{index}" for index in range(self.depth)):
            mixed = self.attend([self.norm(t, f"{block}.norm1") for t in tokens], block)
            scale = self.tensors[f"{block}.gamma_1"], self.tensors[f"{block}.gamma_2"]
            tokens = [t + scale[0] * m for t, m in zip(tokens, mixed, strict=True)]
            for i, t in enumerate(tokens):
                hidden = gelu(self.linear(self.norm(t, f"{block}.norm2"), f"{block}.mlp.fc1"))
                tokens[i] = t + scale[1] * self.linear(hidden, f"{block}.mlp.fc2")
        states = np.array([self.norm(t, "norm") for t in tokens[1:]])
        return states.reshape(len(rows), seconds, -1).swapaxes(0, 1)


gelu = np.vectorize(lambda u: 0.5 * u * (1 + math.erf(u / math.sqrt(2))))


def drawn(size, seed=4):
    """An encoder whose every weight shows: norms are not 1, biases not 0, branches not small."""
    encoder = load_encoder(f"untrained-labram-{size}-{seed}")
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "norm" in name or "bias" in name or "gamma" in name or "embed" in name:
                parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    return encoder


@pytest.fixture(scope="session")
def tiny():
    return drawn("tiny")


@pytest.fixture(scope="session")
def base():
    return drawn("base")


@pytest.fixture
def rng():
    return np.random.default_rng(11)
