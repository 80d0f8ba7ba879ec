"""What is pretrained together, of which only an encoder is kept."""

from __future__ import annotations

from torch import nn

from core.encoders.eegpt.model import EEGPT
from core.encoders.eegpt.predictor import Predictor
from core.encoders.eegpt.reconstructor import Reconstructor
from core.encoders.spec import EncoderSpec


class Pretraining(nn.Module):
    """The four parts of EEGPT's pretraining, with the published names of their tensors.

    Attributes
    ----------
    encoder : EEGPT
        The one that learns.
    target_encoder : EEGPT
        Its running average; no gradient reaches it.
    predictor : Predictor
    reconstructor : Reconstructor
    """

    def __init__(self, spec: EncoderSpec, *, seed: int = 0) -> None:
        super().__init__()
        self.encoder = EEGPT(spec, seed=seed)
        self.target_encoder = EEGPT(spec, seed=seed)
        self.target_encoder.requires_grad_(False)
        self.predictor = Predictor(spec, seed=(seed, 1))
        self.reconstructor = Reconstructor(spec, seed=(seed, 2))
