"""What a decoder is fitted on: what is refused, and what its file says of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.encoders.spec import LABELLED
from core.errors import InputError
from core.fitting.selection import Selection
from core.fitting.transfer.prior_head import PriorHead
from core.recordings import Recording
from core.recordings.known_files import files_of
from core.sites import is_frontal_or_temporal

if TYPE_CHECKING:
    from core.decoding.features import TokenFeatures
    from core.encoders import Encoder


def labels_seen(recordings: Sequence[Recording], encoder: Encoder | None) -> list[str]:
    """Return the names of recordings whose labels the encoder has learned from, if it is used."""
    if encoder is None or LABELLED not in encoder.spec.provenance:
        return []
    return [
        recording.path.name
        for recording in recordings
        if any(encoder.spec.labels_seen(files_of(recording)))
    ]


def eyes_learned(tokens: TokenFeatures | None) -> list[str]:
    """Return the frontal and temporal electrodes that an encoder trained with labels encodes."""
    if tokens is None or tokens.encoder.spec.regressors:
        return []
    if tokens.encoder.spec.readout is None and not tokens.encoder.spec.graph_tasks:
        return []  # trained without labels
    return [name for name in tokens.ch_names if is_frontal_or_temporal(name)]


def check_apart(recordings: Sequence[Recording], prior: PriorHead) -> None:
    """Refuse a prior that was learned from the same recordings: its scores would be too good."""
    theirs = {digest: name for name, digest in prior.recordings.items()}
    for recording in recordings:
        if both := files_of(recording, prior.marks) & theirs.keys():
            raise InputError(
                f"{recording.path.name} is among the recordings to fit and in the prior "
                f"({theirs[min(both)]}); leave it out of one of them."
            )


def about_prior(prior: PriorHead, selection: Selection) -> dict[str, object]:
    """Return what a decoder's file says of the prior that its fit started from."""
    weight = selection.weight
    return {
        # JSON knows no infinity.
        "weight": "infinite" if weight == float("inf") else weight,
        "trials": prior.trials,
        "alone": prior.accuracy,
        "readout": prior.tokens > 0,
        "recordings": prior.recordings,
    }
