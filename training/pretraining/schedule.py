"""What changes from step to step, as functions of the step: so a resumed run goes on exactly."""

from __future__ import annotations

import math

from training.pretraining.settings import RateSettings


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


def _half_cosine(start: float, end: float, way: float) -> float:
    """Return what lies `way` (0 to 1) from start to end on half a cosine."""
    return end + (start - end) / 2.0 * (1.0 + math.cos(math.pi * way))
