"""What changes from step to step, as functions of the step: so a resumed run goes on exactly."""

from __future__ import annotations

import math

from training.pretraining.settings import AlignmentSettings, AverageSettings, RateSettings


def one_cycle(step: int, steps: int, settings: RateSettings) -> tuple[float, float]:
    """Return learning rate and first momentum of AdamW at a step, counted from 0.

    Half a cosine up to the highest rate over `rising` of all steps, and half a cosine down; the
    momentum goes the other way.

    Notes
    -----
    Smith and Topin (2019), Super-convergence; the same numbers as torch's ``OneCycleLR``.
    """
    first = settings.peak / settings.start_divisor
    last = first / settings.end_divisor
    top = max(0.0, settings.rising * steps - 1)  # the step of the highest rate
    if step < top:
        return (
            _half_cosine(first, settings.peak, step / top),
            _half_cosine(settings.beta1_high, settings.beta1_low, step / top),
        )
    way = (step - top) / (steps - 1 - top) if steps - 1 > top else 0.0
    return (
        _half_cosine(settings.peak, last, way),
        _half_cosine(settings.beta1_low, settings.beta1_high, way),
    )


def kept_of_average(step: int, steps: int, settings: AverageSettings) -> float:
    """Return how much of the momentum encoder stays when it is averaged after a step from 0."""
    return settings.start + (settings.end - settings.start) * step / steps


def alignment_weight(step: int, settings: AlignmentSettings) -> float:
    """Return the weight of the alignment loss at a step, counted from 0."""
    since = step - settings.after
    if since < 0:
        return 0.0
    return settings.weight * min(1.0, (since + 1) / max(1, settings.rising))


def _half_cosine(start: float, end: float, way: float) -> float:
    """Return what lies `way` (0 to 1) from start to end on half a cosine."""
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * way))
