"""Checking a data set and mending what a crash left in it.

The BIDS validator is asked where it is installed (``pip install bids-validator-deno``; it needs no
network), mne-bids where it is not. Neither notices a recording that cannot be read, so every run
is read too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from calibration.recording.bids import BidsRun, recorded_runs
from calibration.recording.lock import is_held
from calibration.recording.repair import LinkedError, faults, recorded_length, recorded_stream
from calibration.recording.sidecars import participant, scan
from core.errors import InputError, one_line, printable
from core.machine.files import linked
from core.recordings import read_recording

READABLE = (".vhdr", ".edf", ".bdf", ".set")  # kinds of EEG that BIDS knows
_CONTENT = (*READABLE, ".eeg", ".vmrk", ".fdt", ".json", ".tsv", ".f64")
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
        try:
            if is_held(run.source("stamps.f64")):
                findings.append(Finding("note", f"{run.name} is being recorded now; left alone."))
                continue
            texts = [f"{_name(f.path, folder)} {f.text}." for f in faults(run)]
            findings += [Finding("broken", text) for text in texts]
            findings += _short(run)
            findings += _unnamed(run)
        except (OSError, ValueError, InputError) as error:
            findings.append(Finding("error", _unmendable(run, error)))
    findings += _links(folder)
    findings += _unreadable(folder)
    if _recordings(folder):
        findings += _validated(folder)
    else:
        findings.append(Finding("note", "There is no recording in it yet."))
    grave = ("error", "broken", "warning", "note")
    findings = [Finding(finding.kind, printable(finding.text)) for finding in findings]
    # Two runs may lack one row of the same table.
    return sorted(dict.fromkeys(findings), key=lambda finding: grave.index(finding.kind))


def repair(folder: Path) -> list[str]:
    """Mend what crashes left in a data set. Nothing that is whole changes.

    Returns
    -------
    list of str
        One sentence for everything that was done, and for every run that has to be left as it is
        because its files are links or cannot be written; empty if nothing was broken.

    Raises
    ------
    InputError
        If there is no data set.
    """
    _check_dataset(folder)
    done = []
    for run in recorded_runs(folder):
        try:
            if is_held(run.source("stamps.f64")):
                continue
            for fault in faults(run):
                fault.mend()
                done.append(printable(f"{_name(fault.path, folder)}: {fault.mended}."))
        except (FileNotFoundError, ValueError) as error:
            # Other than by a link, not what a crash leaves; `check` says it.
            done += [_unmendable(run, error)] * isinstance(error, LinkedError)
        except (OSError, InputError) as error:
            done.append(_unmendable(run, error))
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
        why = f"{Path(error.filename).name} is missing"
    elif isinstance(error, OSError):
        name = Path(error.filename).name if error.filename else "a file of it"
        why = f"{name}: {error.strerror or error}"
    else:
        why = one_line(error, 400).rstrip(".")
    return printable(f"{run.name} cannot be repaired: {why}.")


def _short(run: BidsRun) -> Iterator[Finding]:
    """Find a closed recording whose samples are not as many as it says."""
    length = recorded_length(run)
    if length is not None:
        stream = recorded_stream(run)
        expected = round(length * stream.rate)
        samples = run.file("eeg.eeg").stat().st_size / stream.frame
        if samples != expected:
            yield Finding(
                "error", f"{run.name} says that it has {expected} samples, and has {samples:g}."
            )


def _unnamed(run: BidsRun) -> Iterator[Finding]:
    """Find tables that a run should be named in, and that are left as they are."""
    for row in (participant(run), scan(run, "")):
        if why := row.obstacle():
            with suppress(OSError, ValueError):
                if not row.missing():
                    continue
            name, cell = _name(row.path, run.root), row.cells[row.columns[0]]
            yield Finding("warning", f"{name} {why}; it is left as it is, and lacks {cell}.")


def _links(folder: Path) -> Iterator[Finding]:
    """Say that a data set has links, and find those that lead nowhere."""
    links = [path for path in _everything(folder) if path.is_symlink()]
    if links:
        some = _name(links[0], folder) + (f" and {len(links) - 1} more" if links[1:] else "")
        yield Finding(
            "note",
            f"It holds links, as DataLad and git-annex data sets do ({some}); nothing is written "
            "through them, and folders behind them are not looked into.",
        )
    for path in links:
        if not path.exists() and path.name.endswith(_CONTENT):
            yield Finding(
                "error",
                f"{_name(path, folder)} is a link to a file that is not here; git-annex fetches it "
                "with: datalad get.",
            )


def _everything(folder: Path) -> Iterator[Path]:
    """Yield what is below a folder but hidden files, links to folders not followed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place, name) for name in sorted([*folders, *files]))


def _unreadable(folder: Path) -> Iterator[Finding]:
    """Read every recording of the data set, whoever made it."""
    for path in _recordings(folder):
        try:
            read_recording(path)
        except InputError as error:
            yield Finding("error", str(error))


def _recordings(folder: Path) -> list[Path]:
    """Return the recordings that are here, but those behind links to folders."""
    return sorted(
        path
        for suffix in READABLE
        for path in folder.glob(f"sub-*/**/*_eeg{suffix}")
        if linked(folder, path.parent) is None and (path.is_file() or not path.is_symlink())
    )


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
    try:
        done = subprocess.run(
            [*_validator(), str(folder.resolve()), "--format", "json"],
            capture_output=True,
            timeout=_PATIENCE,
        )
        report = json.loads(done.stdout)["issues"]
    except (OSError, ValueError, KeyError, subprocess.TimeoutExpired):
        yield Finding("note", "The BIDS validator is installed but does not run here.")
        yield from _by_mne_bids(folder)
        return
    issues = defaultdict(list)
    for issue in report["issues"]:
        issues[issue["severity"] == "error", issue["code"]].append(issue)
    for (grave, code), group in issues.items():
        message = " ".join(report["codeMessages"].get(code, "").split()).split(". ")[0].rstrip(".")
        about = ", ".join(dict.fromkeys(i["subCode"] for i in group if "subCode" in i))
        places = list(dict.fromkeys(issue["location"].lstrip("/") for issue in group))
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        text = f"{code}: {message}{': ' if about else ''}{about} ({places[0]}{more})."
        yield Finding("error" if grave else "warning", text)
    yield Finding("note", "Checked by the BIDS validator, and every run was read.")


def _validator() -> list[str]:
    """Return the command that runs the validator, whatever PATH says.

    Its script lies where its package was installed, which need not be beside this interpreter;
    the package itself looks for Deno only there.
    """
    try:
        files = distribution("bids-validator-deno").files or ()
    except PackageNotFoundError:
        files = ()
    scripts = (Path(str(f.locate())) for f in files if f.stem == "bids-validator-deno")
    if script := next(filter(Path.is_file, scripts), None):
        return [str(script)]
    return [sys.executable, "-c", "from bids_validator_deno import cli; cli()"]


def _by_mne_bids(folder: Path) -> Iterator[Finding]:
    """Let mne-bids read every run with its sidecars."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "calibration.bids_reading", str(folder.resolve())],
            capture_output=True,
            timeout=_PATIENCE,
        )
        texts = json.loads(done.stdout.splitlines()[-1])
    except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
        yield Finding(
            "note", "mne-bids gave no answer; only that every run can be read was checked."
        )
        return
    yield from (Finding("error", text) for text in texts)
    yield Finding("note", "Checked by mne-bids, and every run was read.")
