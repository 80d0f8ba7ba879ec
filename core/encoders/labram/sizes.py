"""The three sizes in which LaBraM was published, and a small one of ours."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import InputError


@dataclass(frozen=True)
class LaBraMSize:
    """One size of the encoder.

    Attributes
    ----------
    name : str
    width, depth, heads : int
        Of the transformer.
    channels : int
        Of the temporal convolutions; 25 steps of them are a token.
    layer_scale : float
        What each branch is multiplied by at first.
    """

    name: str
    width: int
    depth: int
    heads: int
    channels: int
    layer_scale: float


LABRAM_SIZES = {
    size.name: size
    for size in (
        LaBraMSize("tiny", width=100, depth=4, heads=5, channels=4, layer_scale=0.1),
        LaBraMSize("base", width=200, depth=12, heads=10, channels=8, layer_scale=0.1),
        LaBraMSize("large", width=400, depth=24, heads=16, channels=16, layer_scale=1e-5),
        LaBraMSize("huge", width=800, depth=48, heads=16, channels=32, layer_scale=1e-5),
    )
}
"""Weights were published of base only; tiny is ours, for pretraining on a processor."""


def size_named(name: str) -> LaBraMSize:
    """Return the size called `name`.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in LABRAM_SIZES:
        raise InputError(f'LaBraM has no size "{name}"; it has {", ".join(LABRAM_SIZES)}.')
    return LABRAM_SIZES[name]
