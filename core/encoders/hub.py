"""Downloading published weights: once, checked by their SHA-256.

A file with a pinned revision and SHA-256 is that one or refused. Of others, the SHA-256 of the
first download is kept beside it, and what differs from it later is refused.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from core.errors import InputError
from core.machine.files import make_folder, sha256_of, write_whole
from core.machine.home import home_folder

_PATIENCE = 8.0  # s that the hub has to answer at all


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
        Of its content; anything else is refused. "" if it is not pinned.
    notice : str
        What to say before it is downloaded or used, such as what its licence forbids.
    gated : bool
        Whether the hub asks for a login and an agreement.
    size : str
        Of the family's sizes; "" for its default.
    licence : str
        Of the weights, as far as known.
    """

    name: str
    repository: str
    revision: str
    filename: str
    sha256: str = ""
    notice: str = ""
    gated: bool = False
    size: str = ""
    licence: str = ""

    @property
    def provenance(self) -> dict[str, str]:
        """Where it comes from, for the spec of the encoder in it."""
        return {
            "source": f"huggingface.co/{self.repository}/{self.filename}",
            "revision": self.revision,
        }


def cached(file: HubFile, home: Path | None = None) -> Path:
    """Return where the file is once it was downloaded."""
    name = file.name.replace(":", "-").replace(" ", "-")
    folder = home_folder(home) / "encoders" / f"{name}-{file.revision[:12]}"
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
    if file.notice:
        logging.getLogger(__name__).warning(file.notice)
    if not path.is_file():
        from huggingface_hub import hf_hub_download

        try:
            _ask(file)
            make_folder(path.parent)
            # No token for a public file: nobody needs to know who wants it.
            hf_hub_download(
                file.repository,
                file.filename,
                revision=file.revision,
                local_dir=path.parent,
                token=None if file.gated else False,
            )
        except Exception as error:  # the client and its transport raise many kinds
            terms = (
                f"Accept the terms at huggingface.co/{file.repository}, log in with hf auth login "
                "and connect"
                if file.gated
                else "Connect"
            )
            raise InputError(
                f'The encoder "{file.name}" could not be downloaded from {file.repository} '
                f"({type(error).__name__}). {terms} to the network once, or put its "
                f"{file.filename} at {path}."
            ) from error
    sha256 = sha256_of(path)
    expected = file.sha256 or _first_sha256(path, sha256)
    if sha256 != expected:
        raise InputError(
            f'{path} is not the encoder "{file.name}": its SHA-256 is {sha256[:12]}... instead of '
            f"{expected[:12]}.... Delete it, and it will be downloaded again."
        )
    return path


def _ask(file: HubFile) -> None:
    """Ask the hub for the file once, and raise what goes wrong.

    The download itself asks twelve times, for most of a minute, and says so each time. Looking up
    a name knows no limit of time, hence the thread.
    """
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    url = hf_hub_url(file.repository, file.filename, revision=file.revision)
    failed: list[Exception] = []

    def ask() -> None:
        try:
            get_hf_file_metadata(url, token=None if file.gated else False, timeout=_PATIENCE)
        except Exception as error:
            failed.append(error)

    asking = threading.Thread(target=ask, name="hub", daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    if asking.is_alive():
        raise TimeoutError(url)
    if failed:
        raise failed[0]


def _first_sha256(path: Path, sha256: str) -> str:
    """Return the SHA-256 that the file had when it came, and note it then."""
    note = path.with_name(f"{path.name}.sha256")
    if not note.is_file():
        write_whole(note, f"{sha256}  {path.name}\n".encode(), overwrite=True)
    return note.read_text(encoding="ascii", errors="replace").split(maxsplit=1)[0]
