"""The eight sizes in which EEGPT was described."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import InputError


@dataclass(frozen=True)
class Size:
    """One size of EEGPT.

    Attributes
    ----------
    name : str
        As in the published configuration.
    width : int
        Features of a token.
    summary_tokens : int
        Tokens that stand for one patch of all channels.
    encoder_depth, predictor_depth, reconstructor_depth : int
        Transformer blocks of each part.
    heads : int
        Attention heads of every block.
    """

    name: str
    width: int
    summary_tokens: int
    encoder_depth: int
    predictor_depth: int
    reconstructor_depth: int
    heads: int


SIZES = {
    size.name: size
    for size in (
        Size("tiny1", 64, 1, 2, 2, 4, heads=4),
        Size("tiny2", 64, 4, 2, 2, 4, heads=4),
        Size("tiny3", 64, 4, 8, 8, 8, heads=4),
        Size("little", 128, 4, 8, 8, 8, heads=4),
        Size("base1", 256, 1, 6, 6, 6, heads=4),
        Size("base2", 256, 4, 8, 8, 8, heads=4),
        Size("base3", 512, 1, 6, 6, 6, heads=8),
        Size("large", 512, 4, 8, 8, 8, heads=8),
    )
}
"""Table 6 of Wang et al. (2024), EEGPT, NeurIPS; only ``large`` was ever published."""


def size_named(name: str) -> Size:
    """Return the size called `name`.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in SIZES:
        raise InputError(f'EEGPT has no size "{name}"; it has {", ".join(SIZES)}.')
    return SIZES[name]


def size_of(width: int, summary_tokens: int, depth: int) -> Size | None:
    """Return the size whose encoder has these sizes, or None.

    The number of heads leaves no trace in the shapes of the tensors, so a size can be told from
    a file only because no two of them share width, summary tokens and depth.
    """
    for size in SIZES.values():
        if (size.width, size.summary_tokens, size.encoder_depth) == (
            width,
            summary_tokens,
            depth,
        ):
            return size
    return None
