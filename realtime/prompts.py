"""Texts that somebody asks for live, in place of the gallery that a decoder brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from core.decoding.decoder import Decoder
from core.decoding.embedding_heads import Gallery, RetrievalHead
from core.errors import InputError
from core.text_encoder import WORDLLAMA, TextEncoder, check_texts, load_text_encoder

_ALIKE = 1e-3  # relative difference of embeddings by the same encoder, in another precision
_COMPARED = 3  # entries of the gallery that are embedded again


def with_prompts(decoder: Decoder, prompts: Sequence[str], source: str | None = None) -> Decoder:
    """Return a decoder whose tasks of retrieval choose among these texts.

    Parameters
    ----------
    decoder : Decoder
    prompts : sequence of str
        Two at least.
    source : str, optional
        The encoder of texts, as `core.text_encoder.load_text_encoder` takes it.

    Raises
    ------
    InputError
        If the decoder has no such task, the texts cannot be used, or the encoder is another one
        than that which the task was fitted with.
    """
    heads = [r.head for r in decoder.others if isinstance(r.head, RetrievalHead)]
    heads = [head for head in heads if not head.gallery.pictures]
    if not heads:
        raise InputError(
            "The decoder has no task of retrieval of texts, which --prompts are for; "
            "eegpt-calibrate fit --caption TABLE gives it one."
        )
    texts = check_texts(prompts, "--prompts")
    if len(texts) < 2:
        raise InputError("--prompts has one text; with one there is nothing to choose among.")
    embeddings = encoder_of(heads[0].gallery, source)(texts)
    others = tuple(
        replace(readout, head=readout.head.compared_with(texts, embeddings))
        if readout.head in heads
        else readout
        for readout in decoder.others
    )
    return replace(decoder, others=others)


@lru_cache(maxsize=1)
def _loaded(source: str) -> TextEncoder:
    """Load an encoder of texts once, however many texts somebody types."""
    return load_text_encoder(source)


def encoder_of(gallery: Gallery, source: str | None = None) -> TextEncoder:
    """Return the encoder of texts that made a gallery.

    Parameters
    ----------
    gallery : Gallery
    source : str, optional
        Where it is; needed for one of sentence-transformers.

    Raises
    ------
    InputError
        If it is not to be had, or embeds the gallery's texts otherwise.
    """
    name = gallery.encoder.split(" ")[0]
    if source is None and name != WORDLLAMA:
        raise InputError(
            f"The gallery was embedded by {gallery.encoder}; name its folder with --text-encoder."
        )
    encoder = _loaded(source or name)
    known = gallery.embeddings[:_COMPARED]
    again = encoder(gallery.entries[:_COMPARED])
    far = _ALIKE * float(np.abs(known).max())
    if again.shape != known.shape or np.abs(again - known).max() > far:
        raise InputError(
            f"The text encoder {encoder.label} is not the one that the gallery was embedded with, "
            f"{gallery.encoder}; name that one with --text-encoder."
        )
    return encoder
