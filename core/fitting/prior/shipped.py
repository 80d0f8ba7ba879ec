"""The population prior that comes with the program: other people's trials of both hands."""

from __future__ import annotations

from pathlib import Path

from core.fitting.prior.file import load_prior
from core.fitting.prior.population import Prior

POPULATION = "population"
"""What it is called."""

_FILE = Path(__file__).with_name("population.safetensors")


def population() -> Prior:
    """Read the prior that comes with the program; `population.md` beside it says what is in it."""
    return load_prior(_FILE)
