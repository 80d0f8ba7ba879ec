"""A decoder of heads that were trained on other people, for a person without a calibration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from core.decoding.decoder import Decoder
from core.encoders import load_encoder
from core.encoders.known import place_of, remember
from core.encoders.registry import is_name
from core.errors import InputError
from core.fitting.transfer.shared_heads_file import load_heads
from core.recordings import Recording
from core.recordings.known_files import files_of


def decoder_of_heads(
    path: Path,
    recordings: Sequence[Recording],
    subject: str,
    encoder: str | None = None,
    home: Path | None = None,
) -> tuple[Decoder, str]:
    """Return a decoder whose tasks are those of a file of heads, and what to say of it.

    Parameters
    ----------
    path : Path
        Of `python -m training.heads`.
    recordings : sequence of Recording
        One, of a minute or more; its events are not looked at.
    subject : str
        BIDS label.
    encoder : str, optional
        The encoder that the heads were trained on, where it is a file.
    home : Path, optional
        The programs' folder.

    Raises
    ------
    InputError
        If there is more than one recording, the heads learned from it, the encoder is not to be
        had, or as `SharedHeads.decoder`.
    """
    heads = load_heads(path)
    if len(recordings) != 1:
        raise InputError(
            f"--heads is aligned by one recording, and {len(recordings)} were given; name one with "
            "a minute of signal."
        )
    (recording,) = recordings
    learned = {digest: name for name, digest in heads.recordings.items()}
    # The score of people left out says nothing of this person.
    if same := files_of(recording) & learned.keys():
        raise InputError(
            f"The heads learned from {recording.path.name} ({learned[min(same)]}); name "
            "heads that were trained without this person, or fit a decoder without --heads."
        )
    loaded_encoder = None
    if heads.encoder is not None:
        pin = heads.encoder
        source = encoder or place_of(pin.source, pin.sha256, home)
        if source is None:
            where = "by its name" if is_name(pin.source) else f'as a file, "{pin.source}"'
            raise InputError(
                f"The heads were trained on the encoder {pin.label}; name it {where}, with "
                "--encoder."
            )
        loaded_encoder = source, load_encoder(source, home=home)
    decoder = heads.decoder(recording, subject, loaded_encoder)
    if loaded_encoder is not None:
        remember(loaded_encoder[0], loaded_encoder[1].weights_sha256(), home)
    lines = [
        f"Decoder of subject {subject} from the heads of {heads.people} other people, aligned by "
        f"{recording.path.name} without its events. On people left out they reached:"
    ]
    for readout in decoder.readouts:
        card = next(head.card for head in heads.readouts if head.task == readout.task)
        lines.append(
            f"  {readout.task}: {card.measure} {card.score:.2f}, guessing stays below "
            f"{card.chance:.2f}"
        )
    return decoder, "\n".join(lines)
