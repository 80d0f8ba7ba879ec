"""Models with braindecode's constructors, calls and shapes of output, and hardly any weights."""

import torch
from torch import nn


def _put(module, name, tensor, seeded=True):
    """Give a module a parameter by a name with dots."""
    *path, last = name.split(".")
    for part in path:
        if part not in module._modules:
            module.add_module(part, nn.Module())
        module = module._modules[part]
    module.register_parameter(last, nn.Parameter(tensor))


class _Model(nn.Module):
    width, patch, key = 8, None, None

    def __init__(
        self, n_outputs=None, n_chans=None, chs_info=None, n_times=None, sfreq=None, **settings
    ):
        super().__init__()
        assert (n_chans is None) != (chs_info is None)
        self.count = n_chans or len(chs_info)
        self.chs_info, self.n_times, self.sfreq, self.settings = chs_info, n_times, sfreq, settings
        self.patch = self.patch or n_times
        self.map = nn.Linear(self.patch, self.width)
        name, shape = self.key
        _put(self, name, 0.1 * torch.randn(shape))
        self.final_layer = nn.Linear(n_times * self.count, n_outputs)

    def forward(self, x, return_features=False):
        assert return_features
        assert x.shape[1:] == (self.count, self.n_times)
        return {"features": self.features(self.map(x.unfold(-1, self.patch, self.patch)))}

    def features(self, tokens):
        """(batch, channels, columns, width), as of most."""
        return tokens


class CBraMod(_Model):
    width, patch = 200, 200
    key = ("encoder.layers.0.self_attn_s.in_proj_weight", (300, 100))

    def features(self, tokens):
        return tokens + tokens.roll(1, dims=1)  # sees neighbours in the order of channels


class Labram(_Model):
    width, patch = 200, 200
    key = ("position_embedding", (1, 129, 200))
    ORDER = ("FP1", "C3", "CZ", "C4", "O2")

    def __init__(self, **settings):
        super().__init__(**settings)
        self.temporal_embedding = nn.Parameter(torch.randn(1, self.n_times // 200 + 1, 200))

    def forward(self, x, return_features=False, *, ch_names=None):
        self.rows = [self.ORDER.index(name) for name in ch_names]
        return super().forward(x, return_features)

    def features(self, tokens):
        places = self.position_embedding[0, self.rows][:, None]
        return (tokens + places + self.temporal_embedding[0, :-1]).flatten(1, 2)


class BIOT(_Model):
    width, key = 256, ("encoder.channel_tokens.weight", (16, 256))

    def features(self, tokens):
        return (tokens[:, :, 0] + self.encoder.channel_tokens.weight).mean(1)


class BENDR(_Model):
    width, key = 512, ("encoder.encoder.Encoder_0.0.weight", (512, 20, 3))

    def features(self, tokens):
        return tokens[:, :, 0].mean(1)


class EEGPT(_Model):
    width, patch, key = 512, 64, ("target_encoder.summary_token", (1, 4, 512))

    def __init__(self, **settings):
        super().__init__(**settings)
        assert self.settings == {"chan_proj_type": "none", "patch_stride": 64}
        self.register_buffer("chans_id", torch.arange(self.count)[None])

    def features(self, tokens):
        summaries = tokens.mean(1)[:, :, None] + self.target_encoder.summary_token
        return summaries.flatten(2)


class RevePositionBank(nn.Module):
    def __init__(self):
        raise AssertionError("downloads a table of positions")


class REVE(_Model):
    width, patch, key = 512, 200, ("to_patch_embedding.0.weight", (512, 200))

    def __init__(self, **settings):
        super().__init__(**settings)
        self.bank = RevePositionBank()

    def forward(self, x, pos=None, return_features=False):
        tokens = self.map(x.unfold(-1, 200, 180))
        return {"features": tokens + pos.sum(-1)[:, :, None, None]}


class LUNA(_Model):
    width, patch, key = 256, 40, ("mask_token", (1, 1, 64))

    def forward(self, X):  # noqa: N803
        places = torch.as_tensor([channel["loc"][:3].sum() for channel in self.chs_info]).float()
        tokens = self.map(X.unfold(-1, 40, 40)) * (1.0 + places[:, None, None])
        return self.final_layer(tokens.mean(1))


class STEEGFormer(_Model):
    width, patch, key = 512, 16, ("cls_token", (1, 1, 512))

    def __init__(self, chan_pos_idx, **settings):
        super().__init__(**settings)
        self.rows = chan_pos_idx
        _put(self, "channel_pos.embedding.weight", torch.randn(145, 512))

    def features(self, tokens):
        placed = tokens + self.channel_pos.embedding.weight[self.rows][:, None]
        return placed.transpose(1, 2).flatten(1, 2)  # column by column
