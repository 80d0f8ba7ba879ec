"""Decoders kept in the programs' folder: naming them and finding them again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core.bids_labels import bids_label
from core.decoding.card import DecoderCard
from core.decoding.storage.decoder_file import SUFFIX, read_header
from core.errors import InputError
from core.suggestions import counted, did_you_mean

FOLDER = "decoders"


def new_decoder_path(home: Path, subject: str, created: str) -> Path:
    """Return a free name for a decoder made at `created` (ISO 8601, UTC)."""
    stamp = created[:19].replace("-", "").replace(":", "")
    stem = f"sub-{subject}_{stamp}_decoder"
    folder = home / FOLDER
    path, count = folder / f"{stem}{SUFFIX}", 2
    while path.exists():
        path, count = folder / f"{stem}-{count}{SUFFIX}", count + 1
    return path


@dataclass(frozen=True)
class KeptDecoder:
    """A kept decoder, as a list shows it.

    Attributes
    ----------
    path : Path
    classes : tuple of str
    card : DecoderCard
    """

    path: Path
    classes: tuple[str, ...]
    card: DecoderCard

    @property
    def report(self) -> Path | None:
        """The page that a session wrote beside it, if it is there."""
        page = self.path.with_suffix(".html")
        return page if page.is_file() else None


def decoder_cards(home: Path) -> list[KeptDecoder]:
    """Return what the kept decoders say of themselves, newest first.

    Only headers are read; those that say nothing sensible are left out.
    """
    cards = []
    for path in kept_decoders(home):
        try:
            header = read_header(path)
            card = DecoderCard(**header["facts"])
            classes = tuple(map(str, header["classes"]))
            float(card.score), float(card.chance), int(card.trials)
        except (InputError, KeyError, TypeError, ValueError):
            continue
        cards.append(KeptDecoder(path, classes, card))
    return cards


def kept_decoders(home: Path, subject: str | None = None) -> Iterator[Path]:
    """Give the kept decoders, newest first, those that cannot be read left out.

    Parameters
    ----------
    home : Path
        From `core.machine.home.home_folder`.
    subject : str, optional
        Only this person's.
    """
    decoders = []
    for path in (home / FOLDER).glob(f"*{SUFFIX}"):
        try:
            facts = read_header(path)["facts"]
            created, owner = str(facts["created"]), str(facts["subject"])
        except (InputError, KeyError, TypeError):
            continue
        if subject is None or owner == subject:
            decoders.append((created, _number(path), path.name, path))
    yield from (path for *_, path in sorted(decoders, reverse=True))


def _number(path: Path) -> int:
    """Return which of the decoders of one second a file is, by its name."""
    match = re.search(r"-(\d+)$", path.stem)
    return int(match[1]) if match else 1


def newest_decoder(home: Path, subject: str) -> Path:
    """Return a person's newest decoder.

    Raises
    ------
    InputError
        If there is none.
    """
    label = bids_label(subject, most=None)  # files are kept whose labels are longer than today's
    for path in kept_decoders(home, label):
        return path
    owners = [str(read_header(path)["facts"]["subject"]) for path in kept_decoders(home)]
    kept = f"Kept are decoders of {counted(owners)}. " if owners else ""
    raise InputError(
        f"There is no decoder of subject {label} in {home / FOLDER}."
        f"{did_you_mean(label, owners)} {kept}"
        f"Make one with: eegpt-calibrate fit FILE... --subject {label}"
    )
