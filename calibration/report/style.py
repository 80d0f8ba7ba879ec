"""What the report's pictures have in common: colours, figures, and how they get into the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from calibration.report.topomap import INK

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.ticker import Formatter

MUTED, RULE = "#6B7883", "#D5DCE2"
ACCENT, WARNING = "#2C6FAC", "#C8553D"
# Okabe and Ito (2008), darker: lines on white, distinguished with every kind of colour vision.
_CLASSES = {
    "left_hand": "#2C7FB8",
    "right_hand": "#D9822B",
    "feet": "#1B8A6B",
    "tongue": "#A8568E",
    "rest": "#7A8691",
}
_SPARE = ("#2C7FB8", "#D9822B", "#1B8A6B", "#A8568E", "#7A8691", "#8A6D3B")
STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": INK,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "svg.hashsalt": "report",
}
"""Of every picture, for matplotlib."""


def new_figure(width: float, height: float) -> Figure:
    """Return a figure in inches that belongs to no window: pyplot would keep it indefinitely."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def data_uri(figure: Figure) -> str:
    """Return a figure as an SVG that a page holds inline."""
    held = io.BytesIO()
    figure.savefig(held, format="svg", metadata={"Date": None}, transparent=True)
    return "data:image/svg+xml;base64," + base64.b64encode(held.getvalue()).decode("ascii")


def percent_ticks() -> Formatter:
    """Return what writes shares as per cent along an axis."""
    from matplotlib.ticker import PercentFormatter

    return PercentFormatter(1.0, decimals=0, symbol=" %")


def colours(classes: Sequence[str]) -> list[str]:
    """Return a colour for each class, the same for the same name where it is known."""
    known = [_CLASSES.get(name) for name in classes]
    spare = [colour for colour in _SPARE if colour not in known] or list(_SPARE)
    return [colour or spare.pop(0) if spare else MUTED for colour in known]
