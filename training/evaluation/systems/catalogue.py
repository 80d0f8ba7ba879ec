"""Every system by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from core.encoders import Encoder
from core.encoders.braindecode.library import braindecode_class
from core.errors import InputError
from core.fitting.baselines import csp_lda, tangent_space_lr
from core.fitting.graph import check_electrode_tokens
from core.fitting.views import GRAPH, HEADS
from core.suggestions import did_you_mean
from training.evaluation.systems.base import System
from training.evaluation.systems.heads import HeadSystem
from training.evaluation.systems.networks import NetworkSystem
from training.evaluation.systems.pipelines import (
    AugmentedCovariance,
    PipelineSystem,
    filter_bank,
    filter_bank_csp,
    minimum_distance,
)
from training.evaluation.systems.probe import ProbeSystem
from training.evaluation.systems.transfer import Others

OURS = (*HEADS, "auto")

PROBE = "linear probe"
"""Trained through the frozen encoder, which takes minutes where the others take seconds."""

PUBLISHED_PROBE = "published probe"
"""A job with trials of its own (`training.evaluation.labram_job`), no system of a protocol."""

_FIELD: dict[str, Callable[[], System]] = {
    "CSP+LDA": lambda: PipelineSystem("CSP+LDA", csp_lda),
    "FBCSP": lambda: PipelineSystem("FBCSP", filter_bank_csp, filter_bank),
    "MDM": lambda: PipelineSystem("MDM", minimum_distance),
    "TS+LR": lambda: PipelineSystem("TS+LR", tangent_space_lr),
    "ACM+TS+LR": AugmentedCovariance,
    "EEGNet": lambda: NetworkSystem("EEGNet", step=2),
    "ShallowFBCSPNet": lambda: NetworkSystem("ShallowFBCSPNet"),
}

NETWORKS = ("EEGNet", "ShallowFBCSPNet")
"""Those that need braindecode."""

NAMES = (*OURS, GRAPH, PROBE, *_FIELD, PUBLISHED_PROBE)
"""All that can be asked for."""

USUAL = tuple(name for name in (*OURS, *_FIELD) if name not in NETWORKS)
"""What is evaluated if nothing is asked for."""


def make_systems(
    names: Sequence[str],
    encoder: Encoder,
    source: str,
    others: Others | None = None,
    recentre: float | Literal["fit"] | None = None,
    adapt: tuple[str, ...] = (),
) -> tuple[System, ...]:
    """Return systems by name.

    Parameters
    ----------
    names : sequence of str
        Some of `NAMES`; `PUBLISHED_PROBE` is passed over.
    encoder : Encoder
        For the heads that look at tokens.
    source : str
        What the encoder was loaded from.
    others : Others, optional
        With them each of our heads is there twice: from own trials alone, and starting from theirs.
    recentre : float or "fit", optional
    adapt : tuple of str
        As `HeadSystem` has them, for each of our heads.

    Raises
    ------
    InputError
        If a name is unknown or given twice, a network's library is not there, or the encoder has
        no tokens for the graph.
    """
    for name in names:
        if name not in NAMES:
            raise InputError(
                f'There is no system "{name}"; choose among {", ".join(NAMES)}.'
                + did_you_mean(name, NAMES)
            )
        if list(names).count(name) > 1:
            raise InputError(f"The system {name} is named more than once.")
        if name in NETWORKS:
            braindecode_class(name)
        if name == GRAPH:
            check_electrode_tokens(encoder.spec, ())
    systems: list[System] = []
    for name in names:
        if name == PUBLISHED_PROBE:
            continue
        if name in (*OURS, GRAPH):
            systems.append(HeadSystem(name, encoder, source, None, recentre, adapt))
            if others is not None:
                systems.append(HeadSystem(name, encoder, source, others, recentre, adapt))
        elif name == PROBE:
            systems.append(ProbeSystem(encoder))
        else:
            systems.append(_FIELD[name]())
    return tuple(systems)
