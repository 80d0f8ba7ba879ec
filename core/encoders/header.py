"""The header of an encoder's file, and the spec in it, read without weights and without torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from core.encoders.defaults import BUNDLED
from core.encoders.spec import ClassReadout, EncoderSpec
from core.errors import InputError, one_line
from core.signal.filtering import band_of_table
from core.strict_json import load_json
from core.tensor_file import DamagedError, read_tensors
from core.units import volts_per

FORMAT_VERSION = 2

HEADER = "eegpt_realtime.encoder"
"""Key of our JSON among a file's metadata."""

LONGEST_NAME = 128
"""Characters of an encoder's name."""


def load_spec(source: str, home: Path | None = None) -> EncoderSpec:
    """Return the spec of an encoder.

    Of one that comes with the program, the weights are not read, nor is torch imported, which takes
    two seconds.

    Parameters
    ----------
    source, home
        As `core.encoders.load_encoder` takes them.

    Raises
    ------
    InputError
        As `core.encoders.load_encoder`.
    """
    if (path := BUNDLED.get(source)) is not None:
        _, header = read_safetensors(path, "np", tensors=False)
        return spec_of_header(header or {}, path)
    from core.encoders.registry import load_encoder

    return load_encoder(source, home=home).spec


def read_safetensors(
    path: Path, framework: str, tensors: bool = True
) -> tuple[dict[str, Any], Mapping[str, Any] | None]:
    """Return a file's tensors by name, as `core.tensor_file.read_tensors`, and our own header.

    Raises
    ------
    InputError
        If it is damaged.
    """
    try:
        metadata, contents = read_tensors(path, framework, tensors)
        header = load_json(metadata[HEADER]) if HEADER in metadata else {}
    except (DamagedError, ValueError) as error:
        raise InputError(f"{path} is damaged: {one_line(error)}.") from error
    if not isinstance(header, dict):
        raise InputError(f"{path} has a damaged header: it is no table of facts.")
    return contents, header if HEADER in metadata else None


def spec_of_header(header: Mapping[str, Any], path: Path) -> EncoderSpec:
    """Read the spec that `save_encoder` wrote."""
    version = header.get("format_version")
    if version == 1:
        header = _header_of_format_1(header)
    elif version != FORMAT_VERSION:
        raise InputError(
            f"{path} is an encoder file of format {one_line(version, 40)} and this program reads "
            f"format {FORMAT_VERSION}; use the version of the program that wrote it."
        )
    try:
        tokens, width = header["tokens"]
        spec = EncoderSpec(
            family=one_line(header["family"], 40),
            size=one_line(header["size"], 40),
            name=str(header["name"]),
            rate=float(header["rate"]),
            unit=str(header["unit"]),
            patch=int(header["patch"]),
            stride=int(header["stride"]),
            window=int(header["window"]),
            ch_names=tuple(map(str, header["ch_names"])),
            tokens=(None if tokens is None else int(tokens), int(width)),
            trained=bool(header["trained"]),
            context=header["context"],
            warmup=int(header["warmup"]),
            provenance={str(k): str(v) for k, v in header["provenance"].items()},
            covariance=_covariance(header.get("covariance"), len(header["ch_names"])),
            required=tuple(map(str, header.get("required", ()))),
            regressors=tuple(map(str, header.get("regressors", ()))),
            readout=_readout(header.get("readout")),
            graph_tasks=_graph_tasks(header.get("graph_tasks", {})),
            band=band_of_table(header.get("band", {})),  # files did not always say it
        )
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError, InputError) as error:
        raise InputError(f"{path} has a damaged header: {one_line(error)}") from error
    valid = (
        spec.context in ("patch", "causal", "window")
        and 0 < spec.rate < 1e6
        and 0 < spec.stride <= spec.patch <= spec.window < 10**6
        and 0 <= spec.warmup < 10**7
        and (spec.window - spec.patch) % spec.stride == 0
        and len(set(spec.ch_names)) == len(spec.ch_names)
        and set(spec.required) <= set(spec.ch_names)
        and len(set(spec.regressors)) == len(spec.regressors)
        and volts_per(spec.unit) is not None
        and spec.name.isprintable()
        and len(spec.name) <= LONGEST_NAME
    )
    if not valid:
        raise InputError(f"{path} has a damaged header: its facts do not fit together.")
    return spec


def _header_of_format_1(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file of format 1 says, in the words of today: all of them were EEGPT's."""
    new = {"variant": "size", "channels": "ch_names", "summary": "tokens"}
    renamed = {new.get(key, key): value for key, value in header.items()}
    return renamed | {"family": "eegpt", "stride": header.get("patch"), "warmup": 0}


def _readout(values: Mapping[str, Any] | None) -> ClassReadout | None:
    """Check the readout of a header, if it has one."""
    if values is None:
        return None
    classes = tuple(map(str, values["classes"]))
    weights, bias = (np.array(values[name], dtype=np.float64) for name in ("weights", "bias"))
    sizes = weights.ndim == 2 and weights.shape[1] == len(bias) == len(set(classes)) > 1
    if not (sizes and bias.ndim == 1 and np.isfinite(weights).all() and np.isfinite(bias).all()):
        raise ValueError(f"the readout is not that of {len(classes)} classes")
    mirror = values.get("mirror")
    numbers = list(range(len(weights)))
    if mirror is not None and not (
        sorted(mirror) == numbers and [mirror[place] for place in mirror] == numbers
    ):
        raise ValueError("the readout's mirror does not exchange its features")
    return ClassReadout(
        classes,
        tuple(map(tuple, weights.tolist())),
        tuple(bias.tolist()),
        None if mirror is None else tuple(map(int, mirror)),
    )


def _graph_tasks(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Check the tasks of a header's electrode graph."""
    tasks = {str(name): tuple(map(str, classes)) for name, classes in values.items()}
    for name, classes in tasks.items():
        # Names of modules, which torch keeps apart by dots.
        if not name.isidentifier() or not len(set(classes)) == len(classes) > 1:
            raise ValueError(f"{one_line(name, 40)} is no task of an electrode graph")
    return tasks


def _covariance(rows: list[Any] | None, channels: int) -> tuple[tuple[float, ...], ...] | None:
    """Check the covariance of a header, if it has one."""
    if rows is None:
        return None
    covariance = np.array(rows, dtype=np.float64)
    if covariance.shape != (channels, channels) or not np.allclose(covariance, covariance.T):
        raise ValueError(f"the covariance is not that of {channels} channels")
    if np.linalg.eigvalsh(covariance)[0] <= 0:
        raise ValueError("the covariance is not positive definite")
    return tuple(map(tuple, covariance.tolist()))
