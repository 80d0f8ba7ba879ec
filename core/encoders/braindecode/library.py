"""braindecode itself, which is an optional extra."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

from core.errors import InputError, one_line

_TORCHAUDIO = (
    "pip install --force-reinstall --no-deps torchaudio "
    "--index-url https://download.pytorch.org/whl/cpu"
)


def braindecode_class(name: str) -> Any:
    """Return a class of braindecode.

    Raises
    ------
    InputError
        If braindecode is not there, cannot be imported, or has no such class.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it still asks MNE for montages by their old names
            models = import_module("braindecode.models")
    except ModuleNotFoundError as error:
        raise InputError(
            f"{name} needs braindecode, and there is no {error.name} here; run pip install "
            '"eegpt-realtime[foundation]".'
        ) from error
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        # PyPI's torchaudio wants CUDA, which torch for the processor does not have.
        raise InputError(
            f"{name} needs braindecode, which cannot be imported ({one_line(error)}); if that is "
            f"of torchaudio, run {_TORCHAUDIO}."
        ) from error
    if not hasattr(models, name):
        raise InputError(f"The braindecode that is installed has no {name}; version 1.8.1 has it.")
    return getattr(models, name)
