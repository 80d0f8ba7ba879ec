"""A second EEGPT, written as loops over numbers in float64, to compare the first one with."""

import math

import numpy as np
import pytest
import torch

from core.encoders.eegpt.checkpoint import new_pretraining
from core.encoders.eegpt.electrodes import channel_ids


class Reference:
    """The three parts, one sequence at a time, from the tensors of a `Pretraining`."""

    def __init__(self, pretraining):
        self.tensors = {
            name: tensor.double().numpy() for name, tensor in pretraining.state_dict().items()
        }
        self.spec = pretraining.encoder.spec
        self.heads = 4

    def linear(self, x, name):
        return x @ self.tensors[f"{name}.weight"].T + self.tensors[f"{name}.bias"]

    def norm(self, x, name):
        rows = []
        for row in x:
            centred = row - row.mean()
            rows.append(centred / math.sqrt((centred**2).mean() + 1e-6))
        return np.array(rows) * self.tensors[f"{name}.weight"] + self.tensors[f"{name}.bias"]

    def rotate(self, vector, time):
        """Turn the first half of one head's vector, in neighbouring pairs."""
        turned = np.array(vector)
        for i in range(len(vector) // 4):
            angle = (time / 2) * 10000.0 ** (-2 * i / (len(vector) // 2))
            a, b = vector[2 * i], vector[2 * i + 1]
            turned[2 * i] = a * math.cos(angle) - b * math.sin(angle)
            turned[2 * i + 1] = b * math.cos(angle) + a * math.sin(angle)
        return turned

    def attention(self, x, name, times):
        tokens, width = x.shape
        size = width // self.heads
        qkv = self.linear(x, f"{name}.qkv")
        out = np.zeros((tokens, width))
        for head in range(self.heads):
            here = slice(head * size, (head + 1) * size)
            q, k, v = (qkv[:, part * width : (part + 1) * width][:, here] for part in range(3))
            if times is not None:
                q = [self.rotate(row, time) for row, time in zip(q, times, strict=True)]
                k = [self.rotate(row, time) for row, time in zip(k, times, strict=True)]
            for i in range(tokens):
                weights = np.exp([np.dot(q[i], k[j]) / math.sqrt(size) for j in range(tokens)])
                out[i, here] = weights @ v / weights.sum()
        return self.linear(out, f"{name}.proj")

    def blocks(self, x, name, times=None):
        gelu = np.vectorize(lambda u: 0.5 * u * (1 + math.erf(u / math.sqrt(2))))
        depth = len({key.split(".")[2] for key in self.tensors if key.startswith(f"{name}.")})
        for block in (f"{name}.{i}" for i in range(depth)):
            x = x + self.attention(self.norm(x, f"{block}.norm1"), f"{block}.attn", times)
            hidden = gelu(self.linear(self.norm(x, f"{block}.norm2"), f"{block}.mlp.fc1"))
            x = x + self.linear(hidden, f"{block}.mlp.fc2")
        return x

    def encode(self, signal, ids, part="encoder"):
        """Encode one patch: (channels, samples) -> (summary tokens, width)."""
        kernel = self.tensors[f"{part}.patch_embed.proj.weight"][:, 0, 0, :]
        rows = [
            kernel @ signal[c]
            + self.tensors[f"{part}.patch_embed.proj.bias"]
            + self.tensors[f"{part}.chan_embed.weight"][ids[c]]
            for c in range(len(ids))
        ]
        x = np.concatenate([rows, self.tensors[f"{part}.summary_token"][0]])
        return self.norm(self.blocks(x, f"{part}.blocks")[len(ids) :], f"{part}.norm")

    def predict(self, tokens, times, patches):
        """Tokens of the visible times -> tokens of all times, (patches, summary tokens, width)."""
        summary_tokens = tokens.shape[1]
        rows, order = [], []
        for time in range(patches):
            for slot in range(summary_tokens):
                order.append(time)
                if time in times:
                    seen = tokens[list(times).index(time), slot]
                    rows.append(self.linear(seen, "predictor.predictor_embed"))
                else:
                    rows.append(self.tensors["predictor.mask_token"][0, 0, slot])
        x = self.blocks(np.array(rows), "predictor.predictor_blocks", order)
        x = self.linear(self.norm(x, "predictor.predictor_norm"), "predictor.predictor_proj")
        return x.reshape(patches, summary_tokens, -1)

    def reconstruct(self, combined, targets, ids):
        """Tokens of all times -> the asked patches, (targets, samples)."""
        rows, order = [], []
        for time, tokens in enumerate(combined):
            for token in tokens:
                rows.append(self.linear(token, "reconstructor.reconstructor_embed"))
                order.append(time)
        for target in targets:
            time, channel = divmod(target, len(ids))
            embedding = self.tensors["reconstructor.chan_embed.weight"][ids[channel]]
            rows.append(self.tensors["reconstructor.mask_token"][0, 0] + embedding)
            order.append(time)
        x = self.blocks(np.array(rows), "reconstructor.reconstructor_blocks", order)
        x = self.norm(x[-len(targets) :], "reconstructor.reconstructor_norm")
        return self.linear(x, "reconstructor.reconstructor_proj")


@pytest.fixture(scope="session")
def pretraining():
    """The four parts of tiny2 in float64, with weights large enough that every term shows."""
    parts = new_pretraining("tiny2").double().eval()
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in parts.parameters():
            if parameter.shape != (4,):  # the frequencies are a constant
                noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.copy_(0.2 * noise)
    return parts


@pytest.fixture(scope="session")
def reference(pretraining):
    return Reference(pretraining)


@pytest.fixture(scope="session")
def ids():
    """Codex positions of a few electrodes, not in codex order."""
    return channel_ids(["C4", "FZ", "C3", "OZ", "FP1"])


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture(scope="session")
def parts():
    """A pretraining whose two encoders differ."""
    parts = new_pretraining("tiny2", seed=3)
    with torch.no_grad():
        for weight in parts.target_encoder.parameters():
            weight += 0.01
    return parts


@pytest.fixture
def lightning(parts, tmp_path):
    """The official layout, with the other things that such a file holds."""
    content = {
        "epoch": 199,
        "global_step": 12345,
        "pytorch-lightning_version": "2.1.0",
        "state_dict": parts.state_dict(),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"current": {"ready": 200}}}},
        "optimizer_states": [{"state": {0: {"step": torch.tensor(3.0)}}, "param_groups": []}],
        "lr_schedulers": [],
    }
    path = tmp_path / "official.ckpt"
    torch.save(content, path)
    return path
