"""Pretraining recipes: what a run learns, by which losses, and the encoder that comes of it."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError
from core.settings import load_settings, load_yaml

if TYPE_CHECKING:
    from training.pretraining.settings import PretrainSettings
    from training.recipes.base import Recipe

RECIPES = {
    "eegpt": ("training.recipes.eegpt", "training.recipes.settings.EEGPTSettings"),
    "spectrum": ("training.recipes.spectrum", "training.recipes.settings.SpectrumSettings"),
    "braingpt": (
        "training.recipes.braingpt",
        "training.recipes.braingpt_settings.BrainGPTSettings",
    ),
    "braingpt-graph": (
        "training.recipes.braingpt_graph",
        "training.recipes.braingpt_settings.GraphSettings",
    ),
    "labram-tokenizer": (
        "training.recipes.labram_tokenizer",
        "training.recipes.labram_settings.LaBraMTokenizerSettings",
    ),
    "labram": ("training.recipes.labram", "training.recipes.labram_settings.LaBraMSettings"),
    "classification": (
        "training.recipes.classification",
        "training.recipes.classification_settings.ClassificationSettings",
    ),
}
"""Name of a recipe -> module with its `RECIPE`, and its settings. A new recipe is a file and a line
here; the first is that of settings which name none."""


def settings_of(name: str) -> type[PretrainSettings]:
    """Return the class of a recipe's settings.

    Raises
    ------
    InputError
        If there is no recipe of that name.
    """
    module, _, name = _entry(name)[1].rpartition(".")
    settings: type[PretrainSettings] = getattr(import_module(module), name)
    return settings


def settings_from(path: Path) -> PretrainSettings:
    """Read the settings of a run from a YAML file, of the recipe that it names.

    Raises
    ------
    InputError
        If it cannot be read, or there is no such recipe.
    """
    table = load_yaml(path)
    name = table.get("recipe", next(iter(RECIPES)))
    return load_settings(settings_of(str(name)), path)


def recipe_of(settings: PretrainSettings) -> Recipe:
    """Return the recipe that settings ask for, with the weights it begins with.

    Raises
    ------
    InputError
        If there is no such recipe, or it cannot begin with these settings.
    """
    recipe: type[Recipe] = import_module(_entry(settings.recipe)[0]).RECIPE
    return recipe(settings)


def _entry(name: str) -> tuple[str, str]:
    if name not in RECIPES:
        raise InputError(f'There is no recipe "{name}"; there are {", ".join(RECIPES)}.')
    return RECIPES[name]
