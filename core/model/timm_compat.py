"""The one door through which timm is used.

timm needs torchvision, and the torchvision that package indexes offer beside a CPU build of torch
cannot be imported as it is. Both are slow to import, too, so nothing that a live decoder needs
comes through here: an encoder is built from torch alone, unless stochastic depth is asked for.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType


def timm_module(name: str) -> ModuleType:
    """Import a part of timm, such as ``"layers"``.

    Parameters
    ----------
    name : str
        Path of the module inside timm.
    """
    _import_torchvision()
    return import_module(f"timm.{name}")


def _import_torchvision() -> None:
    try:
        import_module("torchvision")
    except RuntimeError as error:
        # A CUDA build of torchvision beside a CPU build of torch cannot load its operators, and
        # then trips over their absence. Anything else is not ours to repair.
        if "torchvision::" not in str(error):
            raise
    else:
        return
    import torch

    for half_imported in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[half_imported]
    # Declaring the two operators that its import looks up is enough; nothing here calls them.
    declared = torch.library.Library("torchvision", "DEF")
    for operator in ("nms", "qnms"):
        declared.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    # The declarations last as long as the object, and they are torchvision's.
    import_module("torchvision").__dict__["_declared_operators"] = declared
