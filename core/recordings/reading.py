"""Reading recordings of any kind into one common form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from core.errors import InputError
from core.montage import CODEX, electrode
from core.recordings.mne_files import read_mne
from core.recordings.recording import UNIT, Recording
from core.recordings.xdf import read_xdf
from core.units import factor


def read_recording(path: Path | str, unit: str | None = None) -> Recording:
    """Read a file that MNE or pyxdf can read.

    Parameters
    ----------
    path : path
        EDF, BDF, BrainVision, EEGLAB, FIF, GDF ..., or XDF.
    unit : str, optional
        Unit of an XDF stream that does not say it. Ignored where the file says it.

    Returns
    -------
    Recording

    Raises
    ------
    InputError
        If the file is missing, damaged, of an unknown kind or has no EEG in it, or the unit is no
        voltage.
    """
    path = Path(path)
    if unit is not None:
        factor(unit, UNIT)
    if path.is_dir() and path.suffix.lower() not in (".mff", ".ds"):
        raise InputError(f"{path} is a folder and no recording; name the files in it.")
    if not path.is_file():
        raise InputError(f"There is no recording at {path}.")
    return read_xdf(path, unit) if path.suffix.lower() in (".xdf", ".xdfz") else read_mne(path)


def named_apart(found: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return names -> SHA-256, a name that is there already with a number behind it.

    Parameters
    ----------
    found : iterable of (name, SHA-256)
    """
    named: dict[str, str] = {}
    for name, sha256 in found:
        free, count = name, 2
        while free in named:
            free, count = f"{name} ({count})", count + 1
        named[free] = sha256
    return named


def read_recordings(paths: Sequence[Path | str], unit: str | None = None) -> list[Recording]:
    """Read several recordings that belong together.

    Raises
    ------
    InputError
        As `read_recording`, or if rate or channel labels differ between them.
    """
    if not paths:
        raise InputError("No recording was named.")
    recordings = [read_recording(path, unit) for path in paths]
    first = recordings[0]
    for other in recordings[1:]:
        if other.rate != first.rate:
            raise InputError(
                f"{other.path.name} has {other.rate:g} Hz and {first.path.name} {first.rate:g} Hz; "
                "recordings of one calibration must have one rate."
            )
        if _electrodes(other) != _electrodes(first):
            raise InputError(
                f"{other.path.name} and {first.path.name} do not have the same channels."
            )
    return recordings


def _electrodes(recording: Recording) -> frozenset[str]:
    """Return the electrodes of a recording by their modern names; all labels if none is one."""
    sites = frozenset(map(electrode, recording.labels))
    return (sites & frozenset(CODEX)) or sites
