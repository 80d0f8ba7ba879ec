"""The pretrained encoder and its siblings: building, loading, saving and streaming it.

The names below are imported when they are first used, so that a command line may ask for the
names of the variants without waiting for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.model.encoder import Encoder, EncoderSpec
    from core.model.pretraining import Pretraining
    from core.model.storage.checkpoint import (
        load_encoder,
        load_pretraining,
        new_pretraining,
        save_encoder,
    )
    from core.model.streaming import StreamingEncoder

__all__ = [
    "Encoder",
    "EncoderSpec",
    "Pretraining",
    "StreamingEncoder",
    "load_encoder",
    "load_pretraining",
    "new_pretraining",
    "save_encoder",
]

_ROOMS = {
    "Encoder": "encoder",
    "EncoderSpec": "encoder",
    "Pretraining": "pretraining",
    "StreamingEncoder": "streaming",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_ROOMS.get(name, 'storage.checkpoint')}"), name)
