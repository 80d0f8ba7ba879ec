"""Downloading published weights: once, by a pinned revision, checked by their SHA-256."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.machine.files import make_folder
from core.machine.home import home_folder


@dataclass(frozen=True)
class HubFile:
    """One file of a Hugging Face repository, pinned.

    Attributes
    ----------
    name : str
        By which `load_encoder` knows it.
    repository, revision, filename : str
        Where it is.
    sha256 : str
        Of its content; anything else is refused.
    """

    name: str
    repository: str
    revision: str
    filename: str
    sha256: str

    @property
    def provenance(self) -> dict[str, str]:
        """Where it comes from, for the spec of the encoder in it."""
        return {
            "source": f"huggingface.co/{self.repository}/{self.filename}",
            "revision": self.revision,
        }


def cached(file: HubFile, home: Path | None = None) -> Path:
    """Return where the file is once it was downloaded."""
    folder = home_folder(home) / "encoders" / f"{file.name}-{file.revision[:12]}"
    return folder / file.filename


def fetch(file: HubFile, home: Path | None = None) -> Path:
    """Return the file's place in the cache, after downloading it if it is not there yet.

    Parameters
    ----------
    file : HubFile
        Which one.
    home : Path, optional
        The programs' folder, instead of the usual one.

    Raises
    ------
    InputError
        If it cannot be downloaded, or is not the expected file.
    """
    path = cached(file, home)
    if not path.is_file():
        from huggingface_hub import hf_hub_download

        try:
            make_folder(path.parent)
            # No token: the file is public, and nobody needs to know who wants it.
            hf_hub_download(
                file.repository,
                file.filename,
                revision=file.revision,
                local_dir=path.parent,
                token=False,
            )
        except Exception as error:  # the client and its transport raise many kinds
            raise InputError(
                f'The encoder "{file.name}" could not be downloaded from {file.repository} '
                f"({type(error).__name__}). Connect to the network once, or put its "
                f"{file.filename} at {path}."
            ) from error
    with path.open("rb") as content:
        sha256 = hashlib.file_digest(content, "sha256").hexdigest()
    if sha256 != file.sha256:
        raise InputError(
            f'{path} is not the encoder "{file.name}": its SHA-256 is {sha256[:12]}... instead of '
            f"{file.sha256[:12]}.... Delete it, and it will be downloaded again."
        )
    return path
