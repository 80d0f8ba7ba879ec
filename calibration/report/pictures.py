"""The report's pictures, as data that a page holds inline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from calibration.recommendation import percent, words
from calibration.report.erd import BASELINE, Rhythms
from calibration.report.findings import BAD, Findings, worst
from calibration.report.rest_picture import rest_picture
from calibration.report.spectral_pictures import spectra_picture, time_frequency_picture
from calibration.report.style import (
    ACCENT,
    MUTED,
    RULE,
    STYLE,
    WARNING,
    colours,
    data_uri,
    new_figure,
    percent_ticks,
)
from calibration.report.topomap import INK, Head
from core.fitting.origin import EYES, Origin
from core.fitting.trust import Trust
from core.montage import motor_sites
from core.reliability import BINS
from core.signal.spectrum import BANDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAPS_FROM = 8
"""Electrodes: with fewer, a map between them says nothing."""

_OTHERS = "#9AA7B2"  # of scores that do not stand out
_BAND_NAMES = {name: f"{name} {low:g}–{high:g} Hz" for name, (low, high) in BANDS.items()}


def pictures(findings: Findings) -> dict[str, str]:
    """Return the pictures that these findings allow: name -> data URI of an SVG."""
    import matplotlib

    drawn: dict[str, Figure] = {}
    with matplotlib.rc_context(STYLE):
        drawn["candidates"] = _candidates(findings)
        drawn["confusion"] = _confusion(findings)
        if findings.fit.trust is not None:
            drawn["reliability"] = _reliability(findings.fit.trust)
        if findings.fit.origin is not None:
            drawn["origin"] = _origin(findings.fit.origin, len(findings.fit.decoder.classes))
        if findings.curve:
            drawn["curve"] = _curve(findings)
        if findings.rhythms is not None:
            drawn["courses"] = _courses(findings.rhythms)
        if findings.time_frequency is not None:
            drawn["time_frequency"] = time_frequency_picture(findings.time_frequency)
        if findings.spectra is not None:
            drawn["spectra"] = spectra_picture(findings.spectra)
        sites = Head(findings.fit.decoder.settings.channels)
        if len(sites.picks) >= MAPS_FROM:
            if findings.rhythms is not None:
                drawn["maps"] = _maps(findings.rhythms, sites)
            drawn["patterns"] = _patterns(findings, sites)
            drawn["quality"] = _quality(findings, sites)
        if findings.fit.rest is not None:
            drawn["rest"] = rest_picture(findings.fit)
        return {name: data_uri(figure) for name, figure in drawn.items()}


class _Row(NamedTuple):
    """A score of a dot chart, with a line from one share to another."""

    name: str
    line: tuple[float, float]
    score: float
    colour: str
    words: str
    bold: bool


def _dot_chart(rows: Sequence[_Row], width: float, guess: float, chance: float) -> Figure:
    """Draw scores, the first at the top, over what guessing reaches.

    Parameters
    ----------
    rows : sequence of _Row
    width : float
        In inches.
    guess, chance : float
        Share that guessing reaches on average, and its bound.
    """
    rows = rows[::-1]  # the lowest first, as matplotlib counts
    figure = new_figure(width, 0.9 + 0.34 * len(rows))
    axes = figure.subplots()
    axes.axvspan(0, chance, color="#F1F4F6", zorder=0)
    axes.axvline(guess, color=MUTED, lw=0.8, ls=(0, (2, 2)), zorder=1)
    for y, row in enumerate(rows):
        axes.plot(row.line, [y, y], color=row.colour, lw=2.2, solid_capstyle="round")
        axes.plot(row.score, y, "o", color=row.colour, ms=7)
        axes.text(
            1.02,
            y,
            row.words,
            va="center",
            transform=axes.get_yaxis_transform(),
            fontweight="bold" if row.bold else "normal",
        )
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    for tick, row in zip(axes.get_yticklabels(), rows, strict=True):
        tick.set_fontweight("bold" if row.bold else "normal")
    lowest = min(min(row.line) for row in rows)
    axes.set(xlim=(min(guess - 0.1, lowest - 0.02), 1.0), ylim=(-0.6, len(rows) - 0.4))
    axes.xaxis.set_major_formatter(percent_ticks())
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0)
    return figure


def _candidates(findings: Findings) -> Figure:
    chosen, guess = findings.fit.selection.chosen, 1.0 / len(findings.fit.decoder.classes)
    rows = [
        _Row(
            name,
            (accuracy.low, accuracy.high),
            accuracy.score,
            ACCENT if name == chosen else _OTHERS,
            percent(accuracy.score),
            name == chosen,
        )
        for name, accuracy in findings.estimates.items()
    ]
    return _dot_chart(rows, 5.4, guess, findings.fit.selection.chance)


def _confusion(findings: Findings) -> Figure:
    classes = [words(name) for name in findings.fit.decoder.classes]
    side = 1.7 + 0.62 * len(classes)
    figure = new_figure(side + 0.6, side)
    axes = figure.subplots()
    axes.imshow(findings.confusion, cmap="Blues", vmin=0, vmax=1.15)
    for (row, column), share in np.ndenumerate(findings.confusion):
        axes.text(
            column,
            row,
            percent(share),
            ha="center",
            va="center",
            fontsize=11,
            color="white" if share > 0.6 else INK,
        )
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(
        range(len(classes)), classes, rotation=90 if len(classes) < 3 else 0, va="center"
    )
    axes.set(xlabel="decided", ylabel="asked for")
    axes.xaxis.set_tick_params(labelcolor=INK)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xticks(np.arange(len(classes) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(classes) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", lw=3)
    axes.tick_params(which="minor", length=0)
    return figure


def _reliability(trust: Trust) -> Figure:
    curve = trust.curve
    known = curve.counts > 0
    figure = new_figure(3.9, 3.6)
    upper, lower = figure.subplots(2, sharex=True, height_ratios=(4, 1))
    upper.plot([0, 1], [0, 1], color=MUTED, lw=0.8, ls=(0, (2, 2)))
    upper.plot(curve.confidence[known], curve.accuracy[known], color=ACCENT, lw=1.5, alpha=0.4)
    sizes = 15.0 + 130.0 * curve.counts[known] / curve.counts.max()  # few decisions say little
    upper.scatter(curve.confidence[known], curve.accuracy[known], sizes, color=ACCENT, zorder=3)
    upper.set(ylabel="right", ylim=(-0.04, 1.06))
    upper.yaxis.set_major_formatter(percent_ticks())
    edges = np.arange(BINS) / BINS
    lower.bar(edges, curve.counts, width=1 / BINS, align="edge", color=ACCENT, alpha=0.5)
    least = np.flatnonzero(known)[0] / BINS
    lower.set(xlabel="probability of the class decided", ylabel="decisions", xlim=(least, 1))
    lower.xaxis.set_major_formatter(percent_ticks())
    lower.set_yticks([0, int(curve.counts.max())])
    return figure


def _origin(origin: Origin, classes: int) -> Figure:
    guess = 1.0 / classes
    inks = {origin.checks[0].name: ACCENT, origin.left.name: ACCENT, EYES: WARNING}
    rows = [
        _Row(
            check.name,
            (guess, check.score),
            check.score,
            inks.get(check.name, _OTHERS),
            f"{percent(check.score)}   p {check.p:.3f}   {check.electrodes} electrodes",
            check is origin.left,
        )
        for check in origin.checks
    ]
    return _dot_chart(rows, 8.4, guess, origin.chance)


def _curve(findings: Findings) -> Figure:
    figure = new_figure(8.4, 2.9)
    axes = figure.subplots()
    trials = [point.trials for point in findings.curve]
    estimates = [point.estimate for point in findings.curve]
    chance, guess = findings.fit.selection.chance, 1 / len(findings.fit.decoder.classes)
    axes.axhspan(0, chance, color="#F1F4F6", zorder=0)
    axes.fill_between(
        trials,
        [e.low for e in estimates],
        [e.high for e in estimates],
        color=ACCENT,
        alpha=0.14,
        lw=0,
    )
    axes.plot(trials, [e.score for e in estimates], "o-", color=ACCENT, lw=2, ms=6)
    axes.axhline(guess, color=MUTED, lw=0.8, ls=(0, (2, 2)))
    axes.text(
        0.99,
        0.03,
        "what guessing reaches",
        ha="right",
        fontsize=8,
        color=MUTED,
        transform=axes.transAxes,
    )
    axes.set(
        ylim=(max(0.0, guess - 0.2), 1.0),
        xlabel="trials learned from",
        xticks=trials,
    )
    axes.yaxis.set_major_formatter(percent_ticks())
    return figure


def _courses(erd: Rhythms) -> Figure:
    picks = motor_sites(erd.channels)
    figure = new_figure(9.4, 4.4)
    grid = figure.subplots(len(BANDS), len(picks), sharex=True, sharey="row", squeeze=False)
    for band, name in enumerate(BANDS):
        for column, pick in enumerate(picks):
            axes: Axes = grid[band, column]
            axes.axvspan(*BASELINE, color="#F1F4F6", lw=0)
            axes.axhline(0, color=RULE, lw=0.8)
            axes.axvline(0, color=INK, lw=0.9)
            for label, colour in enumerate(colours(erd.classes)):
                low, high = (bound[band, label, :, pick] for bound in (erd.low, erd.high))
                axes.fill_between(erd.times, low, high, color=colour, alpha=0.16, lw=0)
                mean, word = erd.change[band, label, :, pick], words(erd.classes[label])
                axes.plot(erd.times, mean, color=colour, lw=1.8, label=word)
            if band == 0:
                axes.set_title(erd.channels[pick], fontweight="bold")
            if column == 0:
                axes.set_ylabel(f"{_BAND_NAMES[name]}\nchange of power, %")
            if band == len(BANDS) - 1:
                axes.set_xlabel("seconds after the cue")
            axes.margins(x=0)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper right", ncols=len(labels))
    return figure


def _maps(erd: Rhythms, sites: Head) -> Figure:
    rows = [(f"{words(name)}", erd.maps[:, label]) for label, name in enumerate(erd.classes)]
    if len(erd.classes) == 2:
        first, second = (words(name) for name in erd.classes)
        rows.append((f"{first}\nminus {second}", erd.maps[:, 0] - erd.maps[:, 1]))
    figure = new_figure(1.0 + 2.35 * len(rows), 4.7)
    grid = figure.subplots(len(BANDS), len(rows), squeeze=False)
    for band, name in enumerate(BANDS):
        limit = _limit(np.stack([values[band] for _, values in rows]))
        for column, (title, values) in enumerate(rows):
            image = sites.draw(grid[band, column], values[band], limit)
            if band == 0:
                grid[band, column].set_title(title)
        grid[band, 0].text(
            -0.12,
            0.5,
            _BAND_NAMES[name],
            rotation=90,
            va="center",
            ha="right",
            transform=grid[band, 0].transAxes,
            color=MUTED,
        )
        bar = figure.colorbar(image, ax=grid[band], shrink=0.72, aspect=16, pad=0.02)
        bar.set_label("change of power, %")
        bar.outline.set_visible(False)
    return figure


def _patterns(findings: Findings, sites: Head) -> Figure:
    columns = min(len(findings.patterns), 4)
    rows = -(-len(findings.patterns) // columns)
    figure = new_figure(2.35 * columns, 2.8 * rows)
    figure.set_layout_engine("constrained", hspace=0.06)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(findings.patterns) :]:
        axes.set_visible(False)
    for axes, pattern in zip(grid, findings.patterns, strict=False):
        sites.draw(axes, pattern.topography, 1.0, "PuOr_r")
        power = "more" if pattern.more else "less"
        axes.set_title(f"{power} power speaks\nfor {words(pattern.label)}", fontsize=9.5)
        axes.set_xlabel(f"strength {pattern.strength:.2f}", fontsize=8.5)
    return figure


def _quality(findings: Findings, sites: Head) -> Figure:
    channels = findings.fit.decoder.settings.channels
    states = [worst(findings.quality[name]) for name in channels]
    good = np.array([findings.quality[name]["good"] for name in channels])
    figure = new_figure(3.4, 3.2)
    axes = figure.subplots()
    sites.outline(axes)
    for pick, (x, y) in zip(sites.picks, sites.places, strict=True):
        bad = states[pick] in BAD
        axes.plot(
            x,
            y,
            "o",
            ms=9,
            mec=WARNING if bad else "white",
            mew=1,
            color=WARNING if bad else ACCENT,
            alpha=1.0 if bad else 0.25 + 0.6 * good[pick],
        )
        if bad:
            axes.annotate(
                f"{channels[pick]} {states[pick]}",
                (x, y),
                xytext=(0, 8),
                fontsize=8,
                textcoords="offset points",
                ha="center",
                color=WARNING,
            )
    return figure


def _limit(values: np.ndarray) -> float:
    """Return a symmetric limit that one odd electrode does not set."""
    return max(float(np.percentile(np.abs(values), 98)), 1e-9)
