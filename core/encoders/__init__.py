"""Pretrained encoders: families of them, loading, saving and streaming.

What needs torch or numpy is imported when it is first used, so that a command line may ask for the
names of sizes without waiting for them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from core.encoders.defaults import DEFAULT, STARTER
from core.encoders.spec import EncoderSpec

if TYPE_CHECKING:
    from core.encoders.base import Encoder, TokenStream
    from core.encoders.files import save_encoder
    from core.encoders.header import load_spec
    from core.encoders.registry import load_encoder

__all__ = [
    "DEFAULT",
    "STARTER",
    "Encoder",
    "EncoderSpec",
    "TokenStream",
    "load_encoder",
    "load_spec",
    "save_encoder",
]

_FILES = {"load_encoder": "registry", "load_spec": "header", "save_encoder": "files"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_FILES.get(name, 'base')}"), name)
