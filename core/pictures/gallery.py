"""Galleries of pictures: embedded once when a decoder is fitted, and found again to be shown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.decoding.embedding_heads import Gallery
from core.errors import InputError
from core.pictures.reading import read_picture

if TYPE_CHECKING:
    from core.pictures.encoders import ImageEncoder  # imports torch

_SIDE = 320  # px of a picture that is shown
_KEPT = 64  # pictures that are kept in memory


class PictureSet:
    """Pictures and their embeddings, from which galleries are taken.

    Parameters
    ----------
    names : sequence of str
        Files of pictures, relative to the folder.
    folder : Path
    encoder : ImageEncoder

    Raises
    ------
    InputError
        If a picture is missing, cannot be read, or is there twice under two names.
    """

    def __init__(self, names: Sequence[str], folder: Path, encoder: ImageEncoder) -> None:
        embeddings, self._places = [], {}
        seen: dict[str, str] = {}  # SHA-256 -> name
        digests = []
        for place, name in enumerate(names):
            path = folder / name
            if not path.is_file():
                raise InputError(
                    f"The picture {name} of the gallery is not in {folder}; name the folder that "
                    "it is in with --pictures."
                )
            picture = read_picture(path)
            if (before := seen.setdefault(picture.sha256, name)) != name:
                raise InputError(
                    f"{before} and {name} are the same picture; give both trials the same name."
                )
            embeddings.append(encoder(picture.pixels))
            digests.append(picture.sha256)
            self._places[name] = place
        self._embeddings, self._digests = np.stack(embeddings), digests
        self._label = encoder.label

    def gallery(self, entries: Sequence[str]) -> Gallery:
        """Return a gallery of these pictures."""
        places = [self._places[name] for name in entries]
        digests = tuple(self._digests[place] for place in places)
        return Gallery(tuple(entries), self._embeddings[places], self._label, digests)


class PictureFolder:
    """Where the pictures of a gallery lie on this machine.

    A picture is what its SHA-256 says: another one of the same name is not shown.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shown: dict[tuple[str, str], np.ndarray | None] = {}

    def path(self, name: str) -> Path | None:
        """Return the file of a picture by its name in the gallery, None if it is not there."""
        root = self.folder.resolve()
        for place in (root / name, root / Path(name).name):
            target = place.resolve()
            # A name comes from a decoder file: it leads nowhere but into the folder.
            if target.is_relative_to(root) and target.is_file():
                return target
        return None

    def missing(self, gallery: Gallery) -> list[str]:
        """Return the names of a gallery that have no file here."""
        return [name for name in gallery.entries if self.path(name) is None]

    def picture(self, gallery: Gallery, name: str) -> np.ndarray | None:
        """Return a picture of a gallery, made small, None if it is not here.

        Parameters
        ----------
        gallery : Gallery
        name : str
            One of its entries.

        Returns
        -------
        ndarray of uint8, shape (height, width, 3), or None
        """
        digest = gallery.pictures[gallery.entries.index(name)]
        key = name, digest
        if key not in self._shown:
            while len(self._shown) >= _KEPT:
                del self._shown[next(iter(self._shown))]
            self._shown[key] = self._read(name, digest)
        return self._shown[key]

    def _read(self, name: str, digest: str) -> np.ndarray | None:
        path = self.path(name)
        if path is None:
            return None
        try:
            picture = read_picture(path, _SIDE)
        except InputError:
            return None
        return picture.pixels if picture.sha256 == digest else None
