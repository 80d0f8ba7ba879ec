"""Pictures of time and frequency: maps of (de)synchronisation, and spectra by class with r²."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from calibration.recommendation import words
from calibration.report.style import MUTED, RULE, colours, new_figure
from calibration.report.time_frequency import FREQUENCIES, Spectra, TimeFrequency
from calibration.report.topomap import INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST = 150.0  # per cent: a map's colours go no further, whatever one point does


def time_frequency_picture(tfr: TimeFrequency) -> Figure:
    """Draw a map for each class and electrode; what is not significant is pale."""
    rows, columns = len(tfr.classes), len(tfr.channels)
    figure = new_figure(9.4, 0.9 + 2.0 * rows)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    limit = min(_MOST, max(20.0, float(np.percentile(np.abs(tfr.change), 99))))
    step = tfr.times[1] - tfr.times[0]
    extent = (tfr.times[0], tfr.times[-1] + step, FREQUENCIES[0] - 0.5, FREQUENCIES[-1] + 0.5)
    for row, name in enumerate(tfr.classes):
        for column, channel in enumerate(tfr.channels):
            axes: Axes = grid[row, column]
            mask = tfr.significant[row, column]
            image = axes.imshow(
                tfr.change[row, column],
                extent=extent,
                origin="lower",
                aspect="auto",
                cmap="RdBu_r",
                vmin=-limit,
                vmax=limit,
                alpha=np.where(mask, 1.0, 0.3),
                interpolation="nearest",
            )
            if mask.any():
                axes.contour(
                    tfr.times + step / 2, FREQUENCIES, mask, [0.5], colors=INK, linewidths=0.8
                )
            axes.axvline(0.0, color=INK, lw=0.9)
            if row == 0:
                axes.set_title(channel, fontweight="bold")
            if column == 0:
                axes.set_ylabel(f"{words(name)}\nHz")
            if row == rows - 1:
                axes.set_xlabel("seconds after the cue")
    bar = figure.colorbar(image, ax=grid, shrink=0.8, aspect=24, pad=0.01)
    bar.set_label("change of power, %")
    bar.outline.set_visible(False)
    return figure


def spectra_picture(spectra: Spectra) -> Figure:
    """Draw each class's spectrum, and below how much of its variance the class explains."""
    columns = len(spectra.channels)
    figure = new_figure(9.4, 4.2)
    grid = figure.subplots(
        2, columns, sharex=True, sharey="row", squeeze=False, height_ratios=(2, 1)
    )
    for column, channel in enumerate(spectra.channels):
        above, below = grid[:, column]
        for label, colour in enumerate(colours(spectra.classes)):
            mean, error = spectra.decibels[label, column], spectra.error[label, column]
            above.fill_between(
                spectra.frequencies, mean - error, mean + error, color=colour, alpha=0.16, lw=0
            )
            above.plot(
                spectra.frequencies, mean, color=colour, lw=1.8, label=words(spectra.classes[label])
            )
        above.set_title(channel, fontweight="bold")
        below.fill_between(spectra.frequencies, spectra.r2[column], color=MUTED, alpha=0.5, lw=0)
        below.plot(spectra.frequencies, spectra.r2[column], color=INK, lw=1.2)
        below.axhline(spectra.bound, color=MUTED, lw=0.8, ls=(0, (2, 2)))
        below.set(xlabel="Hz", ylim=(0.0, max(0.4, 1.1 * float(spectra.r2.max()))))
        for axes in (above, below):
            axes.axvspan(8.0, 13.0, color="#F1F4F6", lw=0, zorder=0)
            axes.margins(x=0)
            axes.grid(axis="x", color=RULE, lw=0.5)
    grid[0, 0].set_ylabel("power, dB of µV²/Hz")
    grid[1, 0].set_ylabel("r²")
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return figure
