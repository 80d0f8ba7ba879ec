"""The four sizes in which BrainGPT was described."""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import InputError


@dataclass(frozen=True)
class BrainGPTSize:
    """One size of the electrode temporal encoder.

    Attributes
    ----------
    name : str
    layers, width, heads : int
        Of the encoder.
    graph_layers : int
        Of the electrode graph that reads it.
    """

    name: str
    layers: int
    width: int
    heads: int
    graph_layers: int

    @property
    def hidden(self) -> int:
        """Width inside the gated feed-forward: 8/3 of the width, rounded up to a multiple of 32.

        The paper does not state it; this is what SwiGLU takes for the multiply-adds of a
        feed-forward of four widths (Shazeer 2020, GLU variants improve transformer).
        """
        return -(-8 * self.width // (3 * 32)) * 32


PUBLISHED = {
    size.name: size
    for size in (
        BrainGPTSize("base", layers=3, width=128, heads=4, graph_layers=3),
        BrainGPTSize("large", layers=9, width=256, heads=8, graph_layers=3),
        BrainGPTSize("huge", layers=12, width=896, heads=14, graph_layers=4),
        BrainGPTSize("giant", layers=20, width=1792, heads=28, graph_layers=4),
    )
}
"""Of version 2 of the paper; no weights were ever published."""


def size_named(name: str) -> BrainGPTSize:
    """Return the size called `name`.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in PUBLISHED:
        raise InputError(f'BrainGPT has no size "{name}"; it has {", ".join(PUBLISHED)}.')
    return PUBLISHED[name]
