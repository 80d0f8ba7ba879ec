"""Pretrained encoders: families of them, loading, saving and streaming.

The names below are imported when they are first used, so that a command line may ask for the
names of sizes without waiting for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.encoders.defaults import DEFAULT, STARTER

if TYPE_CHECKING:
    from core.encoders.base import Encoder, EncoderSpec, TokenStream
    from core.encoders.files import save_encoder
    from core.encoders.registry import load_encoder

__all__ = [
    "DEFAULT",
    "STARTER",
    "Encoder",
    "EncoderSpec",
    "TokenStream",
    "load_encoder",
    "save_encoder",
]

_FILES = {"load_encoder": "registry", "save_encoder": "files"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES.get(name, 'base')}"), name)
