"""The picture of what a decoder does at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calibration.fitting import Fit
from calibration.report.style import ACCENT, MUTED, new_figure, percent_ticks
from calibration.report.topomap import INK
from core.decoding.rest import THRESHOLD, in_percent, threshold_at_rest

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def rest_picture(fit: Fit) -> Figure:
    """Draw the trials decided as asked over the false alarms a minute, threshold by threshold."""
    assert fit.rest is not None
    rest = fit.rest
    chosen = threshold_at_rest(fit.decoder)
    threshold = THRESHOLD if chosen is None else chosen
    figure = new_figure(8.4, 2.9)
    axes = figure.subplots()
    axes.plot(rest.alarms, rest.hits, color=ACCENT, lw=2)
    axes.axvspan(0, rest.least, color="#F1F4F6", lw=0, zorder=0)
    marked = sorted({0.7, 0.8, 0.9, 0.95, threshold})
    for level in marked:
        alarms, hits = rest.at(level)
        taken = level == threshold
        axes.plot(alarms, hits, "o", ms=8 if taken else 5, color=INK if taken else ACCENT)
        axes.annotate(
            in_percent(level),
            (alarms, hits),
            xytext=(6, -11),
            textcoords="offset points",
            fontsize=8.5,
            fontweight="bold" if taken else "normal",
            color=INK if taken else MUTED,
        )
    axes.set(
        xlim=(0.0, 1.08 * max(rest.alarms[0], 1.0)),
        ylim=(0.0, 1.0),
        xlabel="false alarms a minute at rest",
        ylabel="trials decided as asked",
    )
    axes.yaxis.set_major_formatter(percent_ticks())
    return figure
