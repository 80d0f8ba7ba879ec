"""Leaving out what nobody reads: the channel tokens that an encoder's last block would make."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from core.encoders.eegpt.layers import Block
from training.pretraining.objectives.spectrum import Parts


class SummaryBlock(nn.Module):
    """A block that makes only the last tokens of a sequence.

    They look at all the others as before, so they are what the block itself would have made of
    them, but for rounding. Most of the block's work is queries, outputs and hidden layers of other
    tokens, which is saved. Counted in tokens that is 4 % of a step of the large model and 10 % of
    tiny2's: most of a step is the reconstructor's.

    Parameters
    ----------
    block : Block
        Whose parts it has, under the names that they had.
    kept : int
        Tokens to make.
    """

    def __init__(self, block: Block, kept: int) -> None:
        super().__init__()
        self.norm1, self.attn = block.norm1, block.attn
        self.norm2, self.mlp = block.norm2, block.mlp
        self.kept = kept

    def forward(self, x: Tensor, rotation: None = None) -> Tensor:
        """Turn tokens of shape (batch, tokens, width) into (batch, kept, width)."""
        attn, read = self.attn, self.norm1(x)
        width = x.shape[-1]
        weight, bias = attn.qkv.weight, attn.qkv.bias
        q = F.linear(read[:, -self.kept :], weight[:width], bias[:width])
        k, v = F.linear(read, weight[width:], bias[width:]).chunk(2, dim=-1)
        q, k, v = (t.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for t in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        x = x[:, -self.kept :] + attn.proj(mixed)
        return x + self.mlp(self.norm2(x))


def leave_out_unread(parts: Parts) -> None:
    """Let the encoders make summary tokens only, in place; the names of tensors stay."""
    for encoder in (parts.encoder, parts.target_encoder):
        last = encoder.blocks[-1]
        assert isinstance(last, Block)
        encoder.blocks[-1] = SummaryBlock(last, encoder.summary_token.shape[1])
