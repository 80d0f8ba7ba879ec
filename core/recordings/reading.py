"""Reading recordings of any kind into one common form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from core.electrodes import electrode, is_site
from core.errors import InputError
from core.machine.files import as_path
from core.montage import named
from core.numbered_channels import groups_words
from core.progress import progress
from core.recordings.amplitude import implausible_amplitude
from core.recordings.bids import with_tables
from core.recordings.isolated import shared
from core.recordings.mne_files import read_mne
from core.recordings.mne_readers import check_name, head_of
from core.recordings.recording import Recording
from core.recordings.text import read_text
from core.recordings.text_table import is_text
from core.recordings.xdf import read_xdf
from core.recordings.xdf_file import is_xdf
from core.units import UNIT, factor

_SAME_RATE = 0.01  # share by which rates of recordings that belong together may differ
_TEXT = ("", ".txt", ".csv", ".tsv", ".easy", ".log")  # no format of EEG that MNE reads
_FASTEST = 1e6  # Hz
_FOLDERS = (".mff", ".mefd", ".ds")  # formats that are folders


def read_recording(
    path: Path | str,
    unit: str | None = None,
    stream: str | None = None,
    *,
    isolated: bool = True,
    eog: bool = False,
) -> Recording:
    """Read a recording of any format that is known.

    Parameters
    ----------
    path : path
        EDF, BDF, BrainVision, EEGLAB, FIF, GDF ..., XDF, or the text of a recorder. The tables
        that BIDS puts beside it, ``_events.tsv`` and ``_channels.tsv``, are read too.
    unit : str, optional
        Of channels whose unit the file does not say. Ignored where it says one.
    stream : str, optional
        Name of the EEG stream of an XDF file that has several.
    isolated : bool
        Read in a process of its own, which may crash and has limits of time and memory.
    eog : bool
        Keep channels whose type is EOG, under names that say so; else they are left out, and only
        what is called so among the EEG stays.

    Returns
    -------
    Recording

    Raises
    ------
    InputError
        If the file is missing, damaged, of an unknown kind or has no EEG in it, or the unit is no
        voltage; or if reading it crashed, or took too much time or memory.
    """
    path = as_path(path)
    if unit is not None:
        factor(unit, UNIT)
    if path.is_dir() and path.suffix.lower() not in _FOLDERS:
        raise InputError(f"{path} is a folder and no recording; name the files in it.")
    if not (path.is_file() or path.is_dir()):
        raise InputError(f"There is no recording at {path}.")
    return shared.read(path, unit, stream, eog) if isolated else read_here(path, unit, stream, eog)


def read_here(path: Path, unit: str | None, stream: str | None, eog: bool = False) -> Recording:
    """Read a recording in this process, as `read_recording` does in another one."""
    recording = with_tables(_read(path, unit, stream, eog))
    count, channels = recording.samples_uv.shape
    if not count or channels != len(recording.labels):
        raise InputError(
            f"{path} has {count} samples of {channels} channels and {len(recording.labels)} "
            "labels; it is damaged."
        )
    if not 0 < recording.rate <= _FASTEST:
        raise InputError(
            f"{path} has a sampling rate of {recording.rate:g} Hz, which is that of no amplifier; "
            "its header is damaged."
        )
    doubts = (groups_words(recording.labels, path.name), implausible_amplitude(recording))
    return replace(recording, notes=(*recording.notes, *filter(None, doubts)))


def prepare(path: Path) -> None:
    """Load what a file's reader needs, which is no part of the time and memory of the file."""
    if is_xdf(path):
        import pyxdf  # noqa: F401
    elif path.suffix.lower() not in _TEXT:
        import mne

        mne.io.read_raw  # noqa: B018 - loaded when it is asked for
        if path.suffix.lower() == ".set":
            import scipy.io  # noqa: F401


def named_apart(files: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return names -> SHA-256, a name that is there already with a number behind it.

    Letters of a file's name that are no UTF-8 become question marks.

    Parameters
    ----------
    files : iterable of (name, SHA-256)
    """
    named: dict[str, str] = {}
    for given, sha256 in files:
        name = given.encode(errors="replace").decode()
        free, count = name, 2
        while free in named:
            free, count = f"{name} ({count})", count + 1
        named[free] = sha256
    return named


def read_recordings(
    paths: Sequence[Path | str],
    unit: str | None = None,
    stream: str | None = None,
    names: Sequence[str] | None = None,
    eog: bool = False,
) -> list[Recording]:
    """Read several recordings that belong together.

    Parameters
    ----------
    paths : sequence of path
    unit, stream : str, optional
        As in `read_recording`, for all of them.
    names : sequence of str, optional
        Names for the channels of each, instead of its own: `core.montage.named`.
    eog : bool
        As in `read_recording`.

    Raises
    ------
    InputError
        As `read_recording` and `named`, or if rate or channel labels differ between them.
    """
    if not paths:
        raise InputError("No recording was named.")
    recordings = [
        renamed(read_recording(path, unit, stream, eog=eog), names)
        for path in progress(paths, "Reading recordings")
    ]
    first = recordings[0]
    for other in recordings[1:]:
        # A rate that was measured from stamps differs a little from recording to recording.
        if abs(other.rate / first.rate - 1.0) > _SAME_RATE:
            raise InputError(
                f"{other.path.name} has {other.rate:g} Hz and {first.path.name} {first.rate:g} Hz; "
                "recordings of one calibration must have one rate."
            )
        if _electrodes(other) != _electrodes(first):
            raise InputError(
                f"{other.path.name} and {first.path.name} do not have the same channels."
            )
    return recordings


def renamed(recording: Recording, names: Sequence[str] | None) -> Recording:
    """Return a recording with the names that a person gave to its channels, if any were given.

    Raises
    ------
    InputError
        If there are not as many names as channels.
    """
    if names is None:
        return recording
    labels = named(recording.labels, names, recording.path.name)
    new = dict(zip(recording.labels, labels, strict=True))
    bad = tuple(new.get(label, label) for label in recording.bad_channels)
    before, now = (groups_words(some, recording.path.name) for some in (recording.labels, labels))
    notes = [now if note == before else note for note in recording.notes]
    return replace(recording, labels=labels, bad_channels=bad, notes=tuple(filter(None, notes)))


def _read(path: Path, unit: str | None, stream: str | None, eog: bool) -> Recording:
    head = head_of(path)
    if path.is_file() and not head:
        raise InputError(f"{path} cannot be read: it is empty.")
    if is_xdf(path) or head.startswith(b"XDF:"):
        return read_xdf(path, unit, stream, eog)
    if stream is not None:
        raise InputError(f"--stream chooses a stream of an XDF file; {path} is not an XDF file.")
    if path.suffix.lower() in _TEXT and is_text(head):
        check_name(path, head)
        return read_text(path, unit)
    if path.suffix.lower() in _TEXT[1:]:
        raise InputError(f"{path} cannot be read: by its name it is text, but its content is not.")
    return read_mne(path, unit, eog)


def _electrodes(recording: Recording) -> frozenset[str]:
    """Return the electrodes of a recording by their modern names; all labels if none is one."""
    sites = frozenset(map(electrode, recording.labels))
    return frozenset(site for site in sites if is_site(site)) or sites
