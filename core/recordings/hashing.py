"""What a recording is recognised by, whatever it is called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path


def sha256_of(*paths: Path) -> str:
    """Return the SHA-256 of files, one after the other; of all in a folder, by their names."""
    digest = hashlib.sha256()
    for path in _files(paths):
        with path.open("rb") as file:
            hashlib.file_digest(file, lambda: digest)
    return digest.hexdigest()


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        yield from sorted(filter(Path.is_file, path.rglob("*"))) if path.is_dir() else (path,)
