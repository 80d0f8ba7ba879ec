"""The families of encoders, and loading one by its name or from a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from torch import Tensor

from core.encoders.base import Encoder
from core.encoders.defaults import STARTER
from core.encoders.files import fill, meta_init, read_weights
from core.encoders.header import spec_of_header
from core.encoders.hub import HubFile, cached, fetch
from core.encoders.spec import EncoderSpec
from core.errors import InputError, one_line
from core.machine.files import as_path
from core.suggestions import did_you_mean

FAMILIES = {
    "eegpt": "core.encoders.eegpt.family",
    "labram": "core.encoders.labram.family",
    "braindecode": "core.encoders.braindecode.family",
    "braingpt": "core.encoders.braingpt.family",
    "bandpower": "core.encoders.bandpower.family",
}
"""Name of a family -> module with its `FAMILY`. A new family is a package and a line here; the
first is the one that names without a family mean."""

Recognised = tuple[EncoderSpec, dict[str, Tensor], list[str]]

_UNTRAINED = re.compile(r"untrained(?:-(?P<what>[a-z][\w:-]*?))?(?:-(?P<seed>\d{1,9}))?")


def untrained(family: str, spec: Callable[..., EncoderSpec]) -> Callable[[str, int], EncoderSpec]:
    """Return a family's `untrained_spec`: what describes seeded random weights of a size.

    Parameters
    ----------
    family : str
    spec : callable (size, *, name, trained, provenance) -> EncoderSpec
        Raises `InputError` if there is no such size.
    """

    def untrained_spec(size: str, seed: int) -> EncoderSpec:
        return spec(
            size,
            name=f"untrained-{family}-{size}-{seed}",
            trained=False,
            provenance={"source": "random weights", "seed": str(seed)},
        )

    return untrained_spec


@dataclass(frozen=True)
class Family:
    """A family of encoders.

    Attributes
    ----------
    name : str
    sizes : tuple of str
    default_size : str
        The one that "untrained-FAMILY" means.
    untrained_spec : callable (size, seed) -> EncoderSpec
        Raises `InputError` for a size that is none.
    build : callable (spec, seed) -> Encoder
        With seeded random weights. Raises `InputError` for a spec that is none of the family's.
    recognise : callable (tensors, path, weights, provenance) -> tuple or None, optional
        Recognises foreign checkpoints: spec, the encoder's tensors by its own names, and names
        that belong to nothing; None for those of another family.
    named : mapping of str to Path or HubFile
        Encoders that are known by name.
    package : str
        One that it needs and the program does not bring; "" for none.
    """

    name: str
    sizes: tuple[str, ...]
    default_size: str
    untrained_spec: Callable[[str, int], EncoderSpec]
    build: Callable[[EncoderSpec, int], Encoder]
    recognise: (
        Callable[[dict[str, Tensor], Path, str | None, dict[str, str]], Recognised | None] | None
    ) = None
    named: Mapping[str, Path | HubFile] = field(default_factory=dict)
    package: str = ""


def family_named(name: str) -> Family:
    """Return a family.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in FAMILIES:
        raise InputError(
            f'There is no family of encoders called "{name}"; there are {", ".join(FAMILIES)}.'
            + did_you_mean(name, FAMILIES)
        )
    family: Family = import_module(FAMILIES[name]).FAMILY
    return family


def load_encoder(
    source: Path | str = STARTER,
    weights: str | None = None,
    *,
    home: Path | None = None,
) -> Encoder:
    """Load an encoder for use: in eval mode, without gradients.

    Parameters
    ----------
    source : str or path
        ``starter``: the small one that comes with the program. ``eegpt`` and other names of
        `FAMILIES`: published weights, downloaded once. ``untrained``, ``untrained-SIZE``,
        ``untrained-FAMILY``, ``untrained-FAMILY-SIZE``, each with ``-SEED`` behind it or not:
        seeded random weights. ``braindecode:NAME``: a foundation model of others. Otherwise a
        file: one written by `save_encoder`, or a checkpoint in a published layout that one of the
        families recognises.
    weights : str, optional
        Which of a pretraining checkpoint's encoders, by the family's name for it; by default the
        one that its published results use.
    home : Path, optional
        Folder that keeps downloads, instead of `core.machine.home.home_folder`.

    Returns
    -------
    Encoder

    Raises
    ------
    InputError
        If the name is unknown or cannot be downloaded, or if the file is missing, damaged, holds
        more than tensors, or is not exactly an encoder.
    """
    text = str(source)
    if untrained := _UNTRAINED.fullmatch(text):
        encoder = _untrained(untrained["what"] or "", int(untrained["seed"] or 0))
    elif (named := _named(text)) is not None:
        family, place = named
        if isinstance(place, HubFile):
            weights = place.name.partition(":")[2] or weights  # which of a family's, if it says
            encoder = _from_file(fetch(place, home), weights, place.provenance, (family,))
        else:
            encoder = _from_file(place, weights, {})
    elif not as_path(source).exists():
        known = [name for family in FAMILIES for name in family_named(family).named]
        names = [f'"{name}"' for name in known]
        raise InputError(
            f"There is no file {source}, and no encoder of that name; names are "
            f'{", ".join(names)}, "untrained" and "untrained-FAMILY-SIZE" (families: '
            f"{', '.join(FAMILIES)})." + did_you_mean(text, [*known, "untrained"])
        )
    else:
        encoder = _from_file(Path(source), weights, {})
    return encoder.eval().requires_grad_(False)


def is_name(source: str) -> bool:
    """Whether `load_encoder` takes a text for a name, and not for a path."""
    return _UNTRAINED.fullmatch(source) is not None or _named(source) is not None


def is_name_here(source: str, home: Path | None = None) -> bool:
    """Whether a text is the name of an encoder that is there without a download."""
    named = _named(source)
    if named is not None and isinstance(named[1], HubFile):
        return cached(named[1], home).is_file()
    return is_name(source)


def _untrained(name: str, seed: int) -> Encoder:
    """Return random weights of SIZE, FAMILY or FAMILY-SIZE."""
    first, _, rest = name.replace(":", "-", 1).partition("-")
    family = family_named(first if first in FAMILIES else next(iter(FAMILIES)))
    size = (rest if first in FAMILIES else name) or family.default_size
    return family.build(family.untrained_spec(size, seed), seed)


def _named(name: str) -> tuple[str, Path | HubFile] | None:
    """Return the family of a known encoder, and where it is."""
    for family in FAMILIES:
        if name in (named := family_named(family).named):
            return family, named[name]
    return None


def _from_file(
    path: Path,
    weights: str | None,
    provenance: dict[str, str],
    families: Sequence[str] | None = None,
) -> Encoder:
    tensors, header = read_weights(path)
    extra: list[str] = []
    if header is not None:
        spec = spec_of_header(header, path)
        if spec.family not in FAMILIES:
            raise InputError(
                f'{path} is an encoder of the family "{spec.family}", which this program does not '
                f"have; it has {', '.join(FAMILIES)}."
            )
        family = family_named(spec.family)
    else:
        asked = families or tuple(FAMILIES)
        family, (spec, tensors, extra) = _recognise(tensors, path, weights, provenance, asked)
    try:
        with meta_init():
            encoder = family.build(spec, 0)
    except InputError as error:
        raise InputError(f"{path} has a damaged header: {error}") from error
    fill(encoder, tensors, path, extra)
    if header is not None and header.get("weights_sha256") != encoder.weights_sha256():
        raise InputError(f"{path} is damaged: its weights are not those it was written with.")
    return encoder


def _recognise(
    tensors: dict[str, Tensor],
    path: Path,
    weights: str | None,
    provenance: dict[str, str],
    families: Sequence[str],
) -> tuple[Family, Recognised]:
    for name in families:
        family = family_named(name)
        if family.recognise is not None:
            recognised = family.recognise(tensors, path, weights, provenance)
            if recognised is not None:
                return family, recognised
    some = one_line(", ".join(sorted(tensors)[:3]) or "nothing", 100)
    raise InputError(
        f"{path} is no encoder that this program knows (families: {', '.join(FAMILIES)}); it holds "
        f"{some} ..."
    )
