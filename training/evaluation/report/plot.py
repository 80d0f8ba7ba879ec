"""Every person's score under every protocol and system, beside chance."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np

from training.evaluation.report.scoring import WORDS, ScoreRow, Summary


def draw(rows: Sequence[ScoreRow], summaries: Sequence[Summary], metric: str) -> bytes:
    """Return a PNG: a panel a protocol, a line a system, a dot a person, a bar the mean."""
    from matplotlib.figure import Figure

    protocols = list(dict.fromkeys(row.protocol for row in rows))
    systems = list(dict.fromkeys(row.system for row in rows))
    size = (1.5 + 2.6 * len(protocols), 1.4 + 0.3 * len(systems))
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(1, len(protocols), sharex=True, sharey=True, squeeze=False)[0]
    for panel, protocol in zip(panels, protocols, strict=True):
        for height, system in enumerate(systems):
            of_system = [row for row in rows if (row.protocol, row.system) == (protocol, system)]
            people = list(dict.fromkeys(row.person for row in of_system))
            values = [
                np.mean([row.scores[metric] for row in of_system if row.person == who])
                for who in people
            ]
            panel.plot(values, np.full(len(values), height), "o", color="0.6", markersize=3)
        for summary in summaries:
            if summary.protocol == protocol:
                height, mean = systems.index(summary.system), summary.means[metric]
                panel.plot([mean, mean], [height - 0.3, height + 0.3], color="C0", linewidth=2)
        chance = next(summary.chance for summary in summaries if summary.protocol == protocol)
        if metric == "accuracy" and np.isfinite(chance):
            panel.axvline(chance, color="C3", linestyle=":", linewidth=1)
        panel.set_title(protocol, fontsize=9)
        panel.set_xlabel(WORDS[metric], fontsize=8)
        panel.set_yticks(range(len(systems)), systems, fontsize=8)
        panel.tick_params(axis="x", labelsize=7)
    panels[0].invert_yaxis()
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    return content.getvalue()
