"""Which reader of MNE a file needs, by its content, and what must be installed for it."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from core.errors import InputError

if TYPE_CHECKING:
    import mne

_NEUROSCAN = b"Version 3"
_EXTRAS = {
    ".cdt": ("Curry", "curryreader"),
    ".dap": ("Curry", "curryreader"),
    ".rs3": ("Curry", "curryreader"),
    ".cef": ("Curry", "curryreader"),
    ".dpa": ("Curry", "curryreader"),
    ".mff": ("EGI MFF", "mffpy"),
    ".nedf": ("Neuroelectrics NEDF", "defusedxml"),
    ".mefd": ("MEF3", "pymef"),
}
KNOWN = (
    "EDF, BDF, GDF, BrainVision (.vhdr), EEGLAB (.set), FIF, XDF, Neuroscan and ANT (.cnt), Curry, "
    "EGI (.mff, .raw), Nihon Kohden (.eeg), and text of OpenBCI, BrainFlow, Muse and Enobio"
)
"""For a sentence."""
_NAMES = (
    (b"0       ", (".edf",), "EDF"),
    (b"\xffBIOSEMI", (".bdf",), "BDF"),
    (b"GDF ", (".gdf",), "GDF"),
    (b"Brain", (".vhdr", ".ahdr", ".vmrk", ".amrk"), "BrainVision"),
    (b"MATLAB 5.0", (".set", ".mat"), "EEGLAB"),
    (b"\x00\x00\x00\x64\x00\x00\x00\x1f", (".fif",), "FIF"),
)
"""How files begin whose reader of MNE asks for a suffix."""


def open_raw(path: Path, **options: Any) -> mne.io.BaseRaw:
    """Read a file with that reader of MNE which its content asks for.

    Parameters
    ----------
    path : Path
    **options
        Of `mne.io.read_raw`.

    Raises
    ------
    InputError
        If a package is missing, or the name of the file hides what it is.
    """
    import mne

    suffix, head = path.suffix.lower(), head_of(path)
    check_name(path, head)
    if suffix == ".cnt" and head.startswith(_NEUROSCAN):
        # The reader of the other kind of .cnt crashes on it, and the other way round.
        return _read_neuroscan(path)
    if suffix == ".cnt" and head[:4] in (b"RIFF", b"RF64"):
        _need(path, "ANT Neuro", "antio")
        return mne.io.read_raw_ant(path, preload=True, verbose="ERROR")
    if suffix in _EXTRAS:
        _need(path, *_EXTRAS[suffix])
    if suffix == ".dat" and path.with_suffix(".dap").is_file():
        _need(path, "Curry", "curryreader")
    if suffix == ".mat":
        raise InputError(
            f"{path} cannot be read: a .mat file can hold anything; save the recording from EEGLAB "
            "or FieldTrip in a format of its own, such as EDF or .set."
        )
    if suffix == ".set":
        return _read_eeglab(path, options)
    if suffix == ".raw":
        return mne.io.read_raw_egi(path, preload=True, verbose="ERROR")
    try:
        return mne.io.read_raw(path, preload=True, verbose="ERROR", **options)
    except (ValueError, RuntimeError) as error:
        if "Unsupported file type" in str(error):
            ending = f'"{path.suffix}" is the ending of none' if path.suffix else "it has no ending"
        elif "No raw data" in str(error):
            ending = "it holds epochs or averages, and no continuous signal"
        elif "possible readers" in str(error):
            ending = f'it is of no known kind that ends with "{path.suffix}"'
        else:
            raise
        raise InputError(
            f"{path} cannot be read as a recording: {ending}. What can be read: {KNOWN}."
        ) from error


def head_of(path: Path, size: int = 4096) -> bytes:
    """Return the first bytes of a file; none of a folder.

    Raises
    ------
    InputError
        If it cannot be read.
    """
    if path.is_dir():
        return b""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error


def check_name(path: Path, head: bytes) -> None:
    """Refuse a file whose name hides what it is, as readers go by the name.

    Raises
    ------
    InputError
    """
    name = path.name.lower()
    for mark, suffixes, kind in _NAMES:
        if head.startswith(mark) and not name.endswith((*suffixes, f"{suffixes[0]}.gz")):
            raise InputError(
                f"{path} cannot be read under this name: it is {kind} by its content; give it one "
                f"that ends with {suffixes[0]}."
            )
    for suffix in (".vhdr", ".set"):
        header = path.with_suffix(suffix)
        if path.suffix.lower() in (".eeg", ".vmrk", ".fdt", ".dat") and header.is_file():
            raise InputError(
                f"{path} cannot be read alone: it is a part of a recording; name its header, "
                f"{header.name}."
            )


def _read_eeglab(path: Path, options: dict[str, Any]) -> mne.io.BaseRaw:
    """Read a file of EEGLAB, also one with events before its first sample, which MNE refuses."""
    import mne
    from mne.io.eeglab import eeglab

    with patch.object(eeglab, "_check_latencies", lambda latencies: None):
        try:
            return mne.io.read_raw_eeglab(path, preload=True, verbose="ERROR", **options)
        except AttributeError as error:
            raise InputError(
                f"{path} cannot be read as a recording: it is a file of MATLAB without a whole EEG "
                "structure of EEGLAB in it; save the data set anew from EEGLAB."
            ) from error


def _read_neuroscan(path: Path) -> mne.io.BaseRaw:
    import mne

    try:
        return mne.io.read_raw_cnt(path, preload=True, verbose="ERROR")
    except RuntimeError as error:
        if "data_format" not in str(error):
            raise
        raise InputError(
            f"{path} cannot be read: the size of this Neuroscan recording does not tell whether "
            "its samples have 16 or 32 bits, as it was cut or changed. Export it anew, as EDF if "
            "need be."
        ) from error


def _need(path: Path, kind: str, package: str) -> None:
    """Refuse a file whose reader is not installed.

    Raises
    ------
    InputError
    """
    if find_spec(package) is None:
        raise InputError(
            f"{path} cannot be read yet: for recordings of the kind {kind} MNE needs another "
            f"package: pip install {package}"
        )
