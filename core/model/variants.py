"""The eight sizes in which EEGPT was described."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import InputError


@dataclass(frozen=True)
class Variant:
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


VARIANTS = {
    variant.name: variant
    for variant in (
        Variant("tiny1", 64, 1, 2, 2, 4, heads=4),
        Variant("tiny2", 64, 4, 2, 2, 4, heads=4),
        Variant("tiny3", 64, 4, 8, 8, 8, heads=4),
        Variant("little", 128, 4, 8, 8, 8, heads=4),
        Variant("base1", 256, 1, 6, 6, 6, heads=4),
        Variant("base2", 256, 4, 8, 8, 8, heads=4),
        Variant("base3", 512, 1, 6, 6, 6, heads=8),
        Variant("large", 512, 4, 8, 8, 8, heads=8),
    )
}
"""Table 6 of Wang et al. (2024), EEGPT, NeurIPS; only ``large`` was ever published."""


def variant_named(name: str) -> Variant:
    """Return the variant called `name`.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in VARIANTS:
        raise InputError(f'EEGPT has no variant "{name}"; it has {", ".join(VARIANTS)}.')
    return VARIANTS[name]


def variant_sized(width: int, summary_tokens: int, depth: int) -> Variant | None:
    """Return the variant whose encoder has these sizes, or None.

    The number of heads leaves no trace in the shapes of the tensors, so a variant can be told from
    a file only because no two of them share width, summary tokens and depth.
    """
    for variant in VARIANTS.values():
        if (variant.width, variant.summary_tokens, variant.encoder_depth) == (
            width,
            summary_tokens,
            depth,
        ):
            return variant
    return None
