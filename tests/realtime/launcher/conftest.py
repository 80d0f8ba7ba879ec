from dataclasses import replace

import pytest

from core.decoding.storage.decoder_file import save_decoder
from core.decoding.storage.library import new_decoder_path


@pytest.fixture
def kept_decoder(fitted, tmp_path):
    """Keep a decoder of a person in the programs' folder, and return its path."""

    def keep(subject):
        decoder = fitted["riemann"]
        known = {"scores": {"riemann": 0.75}, "chance": 0.62, "trials": 40}
        card = replace(decoder.facts, subject=subject, **known)
        path = new_decoder_path(tmp_path, subject, card.created)
        return save_decoder(replace(decoder, facts=card), path)

    return keep
