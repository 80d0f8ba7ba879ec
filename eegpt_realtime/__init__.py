"""The front door for people who import: encoders, fits and decoders in a few lines.

>>> import eegpt_realtime as er
>>> decoder = er.fit(["run04.edf", "run08.edf"], {"T1": "left_hand", "T2": "right_hand"})
>>> decoder.predict_proba(raw)                                       # doctest: +SKIP

What is listed here stays; the packages beneath may move. Names are imported when they are first
used, so that importing this package waits for nothing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from core.encoders import Encoder, EncoderSpec, TokenStream, load_encoder, save_encoder
    from core.errors import InputError
    from core.recordings import Recording, read_recording
    from eegpt_realtime.decoding import FittedDecoder, fit, load_decoder
    from eegpt_realtime.features import EncoderFeatures
    from eegpt_realtime.live import decode
    from realtime.engine.snapshot import Decision

__all__ = [
    "Decision",
    "Encoder",
    "EncoderFeatures",
    "EncoderSpec",
    "FittedDecoder",
    "InputError",
    "Recording",
    "TokenStream",
    "decode",
    "fit",
    "load_decoder",
    "load_encoder",
    "read_recording",
    "save_encoder",
]

__version__ = version("eegpt-realtime")

_MODULES = {
    "Decision": "realtime.engine.snapshot",
    "Encoder": "core.encoders",
    "EncoderFeatures": "eegpt_realtime.features",
    "EncoderSpec": "core.encoders",
    "FittedDecoder": "eegpt_realtime.decoding",
    "InputError": "core.errors",
    "Recording": "core.recordings",
    "TokenStream": "core.encoders",
    "decode": "eegpt_realtime.live",
    "fit": "eegpt_realtime.decoding",
    "load_decoder": "eegpt_realtime.decoding",
    "load_encoder": "core.encoders",
    "read_recording": "core.recordings",
    "save_encoder": "core.encoders",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
