"""EEGPT as one of the families of encoders: its sizes, files and names."""

from __future__ import annotations

from core.encoders.defaults import BUNDLED, STARTER
from core.encoders.eegpt.checkpoint import build, recognise, untrained_spec
from core.encoders.eegpt.sizes import SIZES
from core.encoders.hub import HubFile
from core.encoders.registry import Family

FAMILY = Family(
    name="eegpt",
    sizes=tuple(SIZES),
    default_size="tiny3",
    untrained_spec=untrained_spec,
    build=build,
    recognise=recognise,
    # What comes with the program, and what is downloaded once.
    named={
        STARTER: BUNDLED[STARTER],
        "eegpt": HubFile(
            name="eegpt",
            repository="braindecode/eegpt-pretrained",
            revision="e41cb3ae2ce4fd9eb736862292c91f8128d15618",
            filename="model.safetensors",
            sha256="fb34c20609983324679b9534f9d17a2289a232d0276dd2b8b7d5b088f876f621",
            size="large",
            licence="BSD-3-Clause (code Apache-2.0)",
        ),
    },
)
