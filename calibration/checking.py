"""Checking a data set and mending what a crash left in it.

The BIDS validator is asked where it is installed (``pip install bids-validator-deno``; it needs no
network), mne-bids where it is not. Neither notices a recording that cannot be read, so every run
is read too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from calibration.recording.bids import BidsRun, recorded_runs
from calibration.recording.lock import is_held
from calibration.recording.mending import faults, said_length
from core.errors import InputError
from core.recordings import read_recording

_READABLE = (".vhdr", ".edf", ".bdf", ".set")  # kinds of EEG that BIDS knows
_PATIENCE = 300  # s that the validator may take


@dataclass(frozen=True)
class Finding:
    """What is to be known about a data set.

    Attributes
    ----------
    kind : str
        "broken": a crash left it, and `repair` mends it. "error": the data set is not as BIDS
        wants it, or cannot be read. "warning": it could say more. "note": how it was checked.
    text : str
        One sentence.
    """

    kind: str
    text: str


def check(folder: Path) -> list[Finding]:
    """Look a data set over, changing nothing.

    Returns
    -------
    list of Finding
        The gravest first.

    Raises
    ------
    InputError
        If there is no data set.
    """
    _check_dataset(folder)
    findings: list[Finding] = []
    for run in recorded_runs(folder):
        if is_held(run.source("stamps.f64")):
            findings.append(Finding("note", f"{run.name} is being recorded now; left alone."))
            continue
        try:
            found = [f"{_name(f.path, folder)} {f.text}." for f in faults(run)]
            findings += [Finding("broken", text) for text in found]
            findings += _short(run)
        except (OSError, ValueError, KeyError) as error:
            findings.append(Finding("error", _unmendable(run, error)))
    findings += _unreadable(folder)
    if _recordings(folder):
        findings += _validated(folder)
    else:
        findings.append(Finding("note", "There is no recording in it yet."))
    grave = ("error", "broken", "warning", "note")
    # Two runs may lack one row of the same table.
    return sorted(dict.fromkeys(findings), key=lambda finding: grave.index(finding.kind))


def repair(folder: Path) -> list[str]:
    """Mend what crashes left in a data set. Nothing that is whole changes.

    Returns
    -------
    list of str
        One sentence for everything that was done; empty if nothing was broken.

    Raises
    ------
    InputError
        If there is no data set, or it cannot be written.
    """
    _check_dataset(folder)
    done = []
    for run in recorded_runs(folder):
        if is_held(run.source("stamps.f64")):
            continue
        try:
            for fault in faults(run):
                fault.mend()
                done.append(f"{_name(fault.path, folder)}: {fault.mended}.")
        except (FileNotFoundError, ValueError, KeyError):
            continue  # not what a crash leaves; `check` says it
        except OSError as error:
            raise InputError(
                f"{run.name} cannot be repaired: {error.strerror or error}."
            ) from error
    return done


def _check_dataset(folder: Path) -> None:
    if not (folder / "dataset_description.json").is_file():
        raise InputError(
            f"There is no BIDS data set at {folder}: it has no dataset_description.json."
        )


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _unmendable(run: BidsRun, error: Exception) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        reason = f"{Path(error.filename).name} is missing"
    else:
        reason = f"its sidecars are damaged ({error})"
    return f"{run.name} cannot be repaired: {reason}."


def _short(run: BidsRun) -> Iterator[Finding]:
    """Find a closed recording whose samples are not as many as it says."""
    length = said_length(run)
    if length is not None:
        stream = json.loads(run.source("stamps.json").read_bytes())["Stream"]
        said = round(length * stream["NominalRate"])
        found = run.file("eeg.eeg").stat().st_size / (4 * len(stream["ChannelLabels"]))
        if found != said:
            yield Finding(
                "error", f"{run.name} says that it has {said} samples, and has {found:g}."
            )


def _unreadable(folder: Path) -> Iterator[Finding]:
    """Read every recording of the data set, whoever made it."""
    for path in _recordings(folder):
        try:
            read_recording(path)
        except InputError as error:
            yield Finding("error", str(error))


def _recordings(folder: Path) -> list[Path]:
    return sorted(path for suffix in _READABLE for path in folder.glob(f"sub-*/**/*_eeg{suffix}"))


def _validated(folder: Path) -> Iterator[Finding]:
    if find_spec("bids_validator_deno") is not None:
        yield from _by_validator(folder)
    elif find_spec("mne_bids") is not None:
        yield from _by_mne_bids(folder)
    else:
        yield Finding(
            "note",
            "Neither the BIDS validator nor mne-bids is installed; only that every run can be "
            "read was checked.",
        )


def _by_validator(folder: Path) -> Iterator[Finding]:
    """Run the validator and give one finding for each kind of issue."""
    call = "from bids_validator_deno import cli; cli()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", call, str(folder.resolve()), "--format", "json"],
            capture_output=True,
            timeout=_PATIENCE,
        )
        said = json.loads(done.stdout)["issues"]
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        yield Finding("note", "The BIDS validator is installed but does not run here.")
        yield from _by_mne_bids(folder)
        return
    issues = defaultdict(list)
    for issue in said["issues"]:
        issues[issue["severity"] == "error", issue["code"]].append(issue)
    for (grave, code), found in issues.items():
        what = " ".join(said["codeMessages"].get(code, "").split()).split(". ")[0].rstrip(".")
        about = ", ".join(dict.fromkeys(i["subCode"] for i in found if "subCode" in i))
        places = list(dict.fromkeys(issue["location"].lstrip("/") for issue in found))
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        text = f"{code}: {what}{': ' if about else ''}{about} ({places[0]}{more})."
        yield Finding("error" if grave else "warning", text)
    yield Finding("note", "Checked by the BIDS validator, and every run was read.")


def _by_mne_bids(folder: Path) -> Iterator[Finding]:
    """Let mne-bids read every run with its sidecars."""
    import mne_bids

    with warnings.catch_warnings():
        # It warns of everything that is optional.
        warnings.simplefilter("ignore")
        for path in mne_bids.find_matching_paths(folder, datatypes="eeg", suffixes="eeg"):
            if path.extension not in _READABLE:
                continue
            try:
                mne_bids.read_raw_bids(path, verbose="ERROR")
            except Exception as error:  # a damaged sidecar can raise anything in a reader
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
                yield Finding("error", f"mne-bids cannot read {path.basename}: {reason}")
    yield Finding("note", "Checked by mne-bids, and every run was read.")
