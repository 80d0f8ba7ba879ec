"""Encoders of texts: what turns a sentence into a vector, from files that are here already.

What somebody has embedded elsewhere, such as pictures by an image encoder, is looked up in a file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from core.decoding.embedding_heads import Gallery
from core.errors import InputError, one_line
from core.tensor_file import DamagedError, read_tensors

WORDLLAMA = "wordllama"
"""Name of the encoder that comes in a package, with its vectors."""

_LONGEST = 500  # characters


@dataclass(frozen=True)
class TextEncoder:
    """An encoder of texts.

    Attributes
    ----------
    label : str
        Its name and version, for screens and files.
    embed : callable
        Takes a list of texts, and returns an array of shape (texts, dimensions).
    """

    label: str
    embed: Callable[[list[str]], np.ndarray]

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Return the embeddings of texts, float64 of shape (texts, dimensions)."""
        return np.asarray(self.embed(list(texts)), dtype=np.float64)

    def gallery(self, entries: Sequence[str]) -> Gallery:
        """Return a gallery of these texts."""
        return Gallery(tuple(entries), self(entries), self.label)


def load_text_encoder(source: str) -> TextEncoder:
    """Load an encoder of texts. Nothing is downloaded.

    Parameters
    ----------
    source : str
        "wordllama", a folder with a model of sentence-transformers in safetensors, or a safetensors
        file of embeddings, one vector a name.

    Raises
    ------
    InputError
        If its package is not installed, the folder holds no such model, or the file no such
        vectors.
    """
    if source == WORDLLAMA:
        return _wordllama()
    folder = Path(source).expanduser()
    if folder.suffix == ".safetensors":
        return _looked_up(folder)
    if not (folder / "modules.json").is_file():
        raise InputError(
            f'There is no text encoder "{one_line(source, 80)}"; name {WORDLLAMA}, a folder with a '
            "model of sentence-transformers (it has a modules.json), or a file of embeddings "
            "(.safetensors)."
        )
    if not list(folder.rglob("*.safetensors")):
        raise InputError(
            f"{folder} has no weights in safetensors; other weights may be pickles, which are not "
            "loaded."
        )
    return _sentence_transformers(folder)


def check_texts(texts: Sequence[str], noun: str) -> tuple[str, ...]:
    """Return texts without the space around them.

    Parameters
    ----------
    texts : sequence of str
    noun : str
        What they are, for the message.

    Raises
    ------
    InputError
        If there is none, or one is empty, there twice, too long, or cannot be shown on one line.
    """
    stripped = tuple(text.strip() for text in texts)
    for text in stripped:
        if not text or not text.isprintable() or len(text) > _LONGEST:
            raise InputError(
                f'{noun} "{one_line(text, 60)}" is no text of 1 to {_LONGEST} characters on one '
                "line."
            )
    if not stripped or len(set(stripped)) < len(stripped):
        twice = next((text for text in stripped if stripped.count(text) > 1), "")
        raise InputError(
            f'{noun} "{twice}" is there twice.' if twice else f"{noun}: at least one is needed."
        )
    return stripped


def _wordllama() -> TextEncoder:
    try:
        import wordllama

        label = f"{WORDLLAMA} {version(WORDLLAMA)}"
    except (ImportError, PackageNotFoundError) as error:
        raise InputError(
            f"The text encoder {WORDLLAMA} is not installed; install it with: pip install "
            "'eegpt-realtime[text]'."
        ) from error
    # As a cache: the package looks for the file of its own tokenizer in another folder (0.4.0).
    files = Path(wordllama.__file__).parent
    model = wordllama.WordLlama.load(cache_dir=files, disable_download=True)
    return TextEncoder(label, model.embed)


def _looked_up(path: Path) -> TextEncoder:
    """Return what looks names up among embeddings that were made elsewhere."""
    if not path.is_file():
        raise InputError(f"There is no file of embeddings at {path}.")
    try:
        vectors = read_tensors(path, "np")[1]
    except DamagedError as error:
        raise InputError(f"{path} is no file of embeddings, or is damaged ({error}).") from error
    shapes = {vector.shape for vector in vectors.values()}
    sound = all(np.isfinite(np.asarray(v, dtype=np.float64)).all() for v in vectors.values())
    if len(shapes) != 1 or len(next(iter(shapes))) != 1 or not sound:
        raise InputError(
            f"{path} holds {len(vectors)} tensors, but a file of embeddings has a vector of finite "
            "values for each name, all of one length."
        )

    def embed(names: list[str]) -> np.ndarray:
        if absent := [name for name in names if name not in vectors]:
            known = ", ".join(sorted(vectors)[:8]) + (" ..." if len(vectors) > 8 else "")
            raise InputError(
                f'{path} has no embedding of "{one_line(absent[0], 60)}" (has: {known}).'
            )
        return np.stack([vectors[name] for name in names])

    return TextEncoder(f"embeddings {one_line(path.name, 80)}", embed)


def _sentence_transformers(folder: Path) -> TextEncoder:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise InputError(
            f"{folder} needs the package sentence-transformers; install it with: pip install "
            "sentence-transformers."
        ) from error
    model = SentenceTransformer(
        str(folder), local_files_only=True, model_kwargs={"use_safetensors": True}
    )
    return TextEncoder(f"sentence-transformers {one_line(folder.name, 60)}", model.encode)
