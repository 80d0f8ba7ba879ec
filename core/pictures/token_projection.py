"""What turns tokens into the sequence that a generator's cross-attention looks at."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from core.errors import InputError, one_line
from core.tensor_file import DamagedError, read_tensors

PROJECTION = "token_projection.safetensors"
"""File of the projection, beside the folders unet, vae and scheduler of diffusers."""


class TokenProjection(nn.Module):
    """Tokens as a sequence that cross-attention looks at.

    Parameters
    ----------
    tokens, width : int
        Of a window.
    length, dimensions : int
        Of the sequence.
    """

    def __init__(self, tokens: int, width: int, length: int, dimensions: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Linear(tokens, length)
        self.linear = nn.Linear(width, dimensions)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (batch, length, dimensions) of (batch, tokens, width)."""
        mixed: Tensor = self.mix(self.norm(tokens).transpose(1, 2)).transpose(1, 2)
        sequence: Tensor = self.linear(mixed)
        return sequence


def read_projection(path: Path) -> TokenProjection:
    """Return a projection from a file of its weights.

    Raises
    ------
    InputError
        If it holds none.
    """
    try:
        tensors = read_tensors(path, "pt")[1]
        length, tokens = tensors["mix.weight"].shape
        dimensions, width = tensors["linear.weight"].shape
        projection = TokenProjection(tokens, width, length, dimensions)
        projection.load_state_dict(tensors)
    except (DamagedError, LookupError, ValueError, RuntimeError) as error:
        raise InputError(f"{path} holds no projection of tokens: {one_line(error)}.") from error
    return projection
