"""``eegpt-realtime doctor --encoders``: what each encoder needs, and what it costs here."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import InputError, one_line
from core.program import write_line

if TYPE_CHECKING:
    from core.encoders.spec import EncoderSpec

_DECISIONS = 10  # that are timed
_PATIENCE = 240.0  # s for one encoder: torch and braindecode are loaded anew for each
_COLUMNS = ("encoder", "weights", "licence", "context", "Hz", "s", "electrodes", "ms", "MB")

_MEASURE = """
import json, sys
from realtime.encoder_survey import cost
print(json.dumps(cost(*json.loads(sys.argv[1]))))
"""


@dataclass(frozen=True)
class Candidate:
    """An encoder that the program knows by name.

    Attributes
    ----------
    name : str
        As `load_encoder` takes it.
    weights : str
        Whether they are on this machine, in a word or two.
    licence : str
        Of the weights; "" if there are none or it is not known.
    measured : str
        What is timed: itself, or random weights of its size, which take the same time; "" where
        a package is missing.
    spec : EncoderSpec
    """

    name: str
    weights: str
    licence: str
    measured: str
    spec: EncoderSpec


def candidates(home: Path | None = None) -> Iterator[Candidate]:
    """Give every encoder with weights of its own, and one of each family that has none."""
    from core.encoders.hub import HubFile, cached
    from core.encoders.registry import FAMILIES, family_named

    for name in FAMILIES:
        family = family_named(name)
        default = f"untrained-{name}-{family.default_size}"
        installed = not family.package or find_spec(family.package) is not None
        places: Mapping[str, Path | HubFile | None] = family.named or {default: None}
        for known, place in places.items():
            size, licence, measured = family.default_size, "", known
            if isinstance(place, HubFile):
                size, licence = place.size or size, place.licence
                weights = "here" if cached(place, home).is_file() else "to download"
                measured = known if weights == "here" else f"untrained-{name}-{size}"
            elif place is not None:  # it comes with the program, under its licence
                weights, licence = "here", "BSD-3-Clause"
            else:
                weights = "random only"
            if not installed:
                weights, measured = f"no {family.package}", ""
            yield Candidate(known, weights, licence, measured, family.untrained_spec(size, 0))


def cost(name: str, home: str | None, ch_names: Sequence[str]) -> dict[str, float]:
    """Return what an encoder costs, by trying it in this process.

    Parameters
    ----------
    name : str
        As `load_encoder` takes it.
    home : str, optional
        The programs' folder.
    ch_names : sequence of str
        Electrodes of the signal.

    Returns
    -------
    dict of str to float
        ``ms``: median time of a decision's tokens and features; ``hop_ms``: time from one decision
        to the next; ``mb``: memory that came with the encoder, at most; nan where that cannot be
        told.

    Raises
    ------
    InputError
        If it cannot be loaded, or not be used with these electrodes.
    """
    import numpy as np

    from core.decoding.features import TokenFeatures
    from core.encoders import load_encoder
    from core.machine.threads import one_torch_thread

    one_torch_thread()
    before = _peak_mb()
    encoder = load_encoder(name, home=None if home is None else Path(home))
    spec = encoder.spec
    spec.check_electrodes(ch_names, "The signal")
    hop = spec.default_hop
    stream = TokenFeatures(encoder, tuple(ch_names), np.eye(len(ch_names))).stream(hop)
    # As EEG is in each encoder's unit: some see nothing in a signal of zeros.
    samples = np.random.default_rng(0).normal(0.0, 20e-6 / _volts(spec), (hop, len(ch_names)))
    taken: list[float] = []
    while len(taken) < _DECISIONS + 1:
        began = time.perf_counter()
        if stream.push(samples) is not None:
            taken.append(1000.0 * (time.perf_counter() - began))
    return {
        "ms": statistics.median(taken[1:]),  # the first one builds what later ones find
        "hop_ms": 1000.0 * hop / spec.rate,
        "mb": _peak_mb() - before,
    }


def survey(stream: str | None = None, home: Path | None = None) -> int:
    """Print a line for each encoder, and return the exit code.

    Parameters
    ----------
    stream : str, optional
        Name or type of a running stream whose electrodes are compared with the encoders'.
    home : Path, optional
        The programs' folder, instead of the usual one.

    Raises
    ------
    InputError
        If the stream is not there.
    """
    labels = None if stream is None else _labels(stream)
    if labels is not None:
        write_line(f"{len(labels)} channels of {stream}: {one_line(' '.join(labels), 400)}\n")
    write_line(_row(_COLUMNS))
    notes: list[str] = []
    for candidate in candidates(home):
        spec = candidate.spec
        electrodes, ch_names = _electrodes(spec, labels)
        ms, mb = "-", "-"
        if ch_names and candidate.measured:
            try:
                costs = _cost_elsewhere(candidate.measured, home, ch_names)
                ms, mb = f"{costs['ms']:.0f} of {costs['hop_ms']:.0f}", f"{costs['mb']:.0f}"
            except InputError as error:
                notes.append(f"{candidate.name}: {error}")
        facts = (candidate.name, candidate.weights, candidate.licence or "-", spec.context)
        write_line(
            _row((*facts, f"{spec.rate:g}", f"{spec.window / spec.rate:.3g}", electrodes, ms, mb))
        )
    write_line(
        "\nms: for a decision on one core, of the time from one to the next. MB: memory that comes "
        "with the encoder, beside torch. Encoders to download were timed with random weights; "
        "without braindecode (pip install eegpt-realtime[foundation]) its models cannot be."
    )
    for note in dict.fromkeys(notes):
        write_line(note)
    return 0


def _labels(stream: str) -> tuple[str, ...]:
    from core.stream.description import read_facts
    from core.stream.discovery import StreamQuery, find_stream

    return read_facts(find_stream(StreamQuery(stream=stream))).labels


def _electrodes(spec: EncoderSpec, labels: Sequence[str] | None) -> tuple[str, tuple[str, ...]]:
    """Say which electrodes an encoder has of a stream; return those to time it with, if it can."""
    from core.montage import match

    if labels is None:
        return f"{len(spec.ch_names)}{', all needed' if spec.required else ''}", spec.ch_names
    here = match(labels, spec.ch_names)
    has = f"has {len(here.channels)}"
    if lacking := [name for name in spec.required if name in here.missing]:
        return f"{has}, lacks {' '.join(lacking)}", ()
    if not here.channels:
        return f"{has} of {len(spec.ch_names)}", ()
    # Those that an encoder could take, but needs not, are many: their number says enough.
    unused = f", not {' '.join(here.ignored)}" if here.ignored else ""
    return f"{has} of {len(spec.ch_names)}{one_line(unused, 40)}", here.channels


def _cost_elsewhere(name: str, home: Path | None, ch_names: Sequence[str]) -> dict[str, float]:
    """Return `cost` from a process of its own, whose memory is its own, too."""
    given = json.dumps([name, None if home is None else str(home), list(ch_names)])
    try:
        done = subprocess.run(
            [sys.executable, "-c", _MEASURE, given],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"it took more than {_PATIENCE:.0f} s.") from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()] or ["it ended."]
        raise InputError(one_line(lines[-1].partition("InputError: ")[2] or lines[-1], 300))
    costs: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return costs


def _volts(spec: EncoderSpec) -> float:
    from core.units import factor

    return factor(spec.unit, "V")


def _peak_mb() -> float:
    """Return the most memory that this process had so far, in MB; nan where nobody counts it."""
    # First what Linux says of the program alone: a process begins with the peak of its parent.
    with suppress(OSError):
        if line := re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text()):
            return int(line[1]) / 2**10
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _row(cells: Sequence[str]) -> str:
    widths = (29, 14, 30, 7, 4, 6, 40, 11, 5)
    return " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
