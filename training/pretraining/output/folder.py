"""The folder of a run: its settings, what it was made from, its curves, its checkpoints."""

from __future__ import annotations

import csv
import io
import json
import platform
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from core.errors import InputError
from core.machine.files import write_whole
from core.settings import as_yaml
from core.strict_json import load_object
from training.pretraining.settings import FREE, PretrainSettings
from training.recipes import settings_from


@dataclass(frozen=True)
class RunFolder:
    """Where a run keeps what it makes."""

    path: Path

    @property
    def settings_file(self) -> Path:
        """All settings, as YAML that starts the same run again."""
        return self.path / "settings.yaml"

    @property
    def facts_file(self) -> Path:
        """What the run was made from, as JSON."""
        return self.path / "run.json"

    @property
    def curves_file(self) -> Path:
        """Losses, rates and indicators over the steps."""
        return self.path / "losses.csv"

    @property
    def last(self) -> Path:
        """The newest checkpoint, with all that a run needs to go on."""
        return self.path / "last.safetensors"

    @property
    def best(self) -> Path:
        """The four parts at the lowest validation loss."""
        return self.path / "best.safetensors"

    @property
    def pictures(self) -> Path:
        """Folder of reconstructions, a picture a validation."""
        return self.path / "pictures"

    def settings(self) -> PretrainSettings:
        """Return the settings it was started with.

        Raises
        ------
        InputError
            If this is no folder of a run.
        """
        if not self.settings_file.is_file():
            raise InputError(f"{self.path} is no folder of a run: it has no settings.yaml.")
        return settings_from(self.settings_file)

    def facts(self) -> dict[str, Any]:
        """Return what `begin` wrote.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        try:
            return load_object(self.facts_file.read_bytes())
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{self.facts_file} cannot be read ({error}).") from error

    def seen(self) -> list[list[str]] | None:
        """Return which recordings this run's encoder has learned from, or was chosen by.

        Those that its first weights came from are among them. Each is source, subject, session
        and run. None if that is not known.

        Raises
        ------
        InputError
            If the folder cannot be read.
        """
        facts = self.facts()
        parts = [facts.get("training") or {}, facts.get("validation") or {"recordings": []}]
        if self.settings().weights is not None:
            parts.append(facts.get("weights") or {})
        if not all("recordings" in part for part in parts):
            return None
        return sorted({tuple(row): row for part in parts for row in part["recordings"]}.values())

    def begin(
        self, settings: PretrainSettings, facts: Mapping[str, Any], columns: Sequence[str]
    ) -> None:
        """Make the folder and write down what the run is, and the columns of its curves.

        Raises
        ------
        InputError
            If there is something already, or it cannot be written.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            go_on = f", or go on with --resume {self.path}" if self.settings_file.is_file() else ""
            raise InputError(
                f"{self.path} exists already; choose another one with --folder{go_on}."
            )
        # The settings last: a folder that has them is complete.
        self._write_facts(dict(facts) | {"started": _origin(), "resumed": []})
        write_whole(self.curves_file, _csv_line(columns))
        write_whole(self.settings_file, as_yaml(settings).encode())

    def go_on(self, step: int) -> None:
        """Note that the run goes on, and forget the lines after its checkpoint."""
        facts = self.facts()
        facts["resumed"].append(_origin() | {"step": step})
        self._write_facts(facts)
        rows = [row for row in self.curves() if int(row["step"]) <= step]
        columns = self.columns()
        lines = [columns, *([row[name] for name in columns] for row in rows)]
        write_whole(self.curves_file, b"".join(map(_csv_line, lines)), overwrite=True)

    def columns(self) -> list[str]:
        """Return the names of the curves."""
        with self.curves_file.open(newline="", encoding="utf-8") as file:
            return next(csv.reader(file))

    def curves(self) -> list[dict[str, str]]:
        """Return the lines of the curves; a line that a crash left unfinished is no line."""
        with self.curves_file.open(newline="", encoding="utf-8") as file:
            return [
                row
                for row in csv.DictReader(file)
                if None not in row.values() and row["step"].isdigit()
            ]

    def add(self, row: Mapping[str, float | int | None]) -> None:
        """Add a line to the curves; what is not known stays empty.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        values = ["" if row.get(name) is None else row[name] for name in self.columns()]
        try:
            # Opened each time: what is written is there whenever the process dies.
            with self.curves_file.open("ab") as file:
                file.write(_csv_line(values))
        except OSError as error:
            raise InputError(
                f"{self.curves_file} cannot be written: {error.strerror}. When it can be again, go "
                f"on with --resume {self.path}."
            ) from error

    def _write_facts(self, facts: Mapping[str, Any]) -> None:
        write_whole(self.facts_file, (json.dumps(facts, indent=1) + "\n").encode(), overwrite=True)


def check_same(saved: PretrainSettings, given: PretrainSettings, path: Path) -> None:
    """Refuse to go on with settings that would change the losses."""
    before, now = saved.model_dump(), given.model_dump()
    for name, value in before.items():
        if name not in FREE and value != now[name]:
            raise InputError(
                f"The run {path} has {name} {value!r}, so it cannot go on with {now[name]!r}; "
                "start a new run for that."
            )


def check_same_store(path: Path, trained_on: str, given: str) -> None:
    """Refuse to go on with a store of another manifest than a run, or its checkpoint, has."""
    if given != trained_on:
        raise InputError(
            f"{path} was trained on another store (manifest {trained_on[:12]}..., this one's is "
            f"{given[:12]}...); give the one it was trained on with --store."
        )


def _csv_line(values: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerow(values)
    return text.getvalue().encode()


def _origin() -> dict[str, str | None]:
    """Say when, with which code and on which libraries."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "git_commit": _git_commit(),
        "version": version("eegpt-realtime"),
        "torch": version("torch"),
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def _git_commit() -> str | None:
    """Return the commit of this code, marked if files were changed; None outside a repository."""
    git = shutil.which("git")
    if git is None:
        return None
    here = Path(__file__).parent

    def ask(*words: str) -> str | None:
        done = subprocess.run(
            [git, *words], cwd=here, capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    changed = ask("status", "--porcelain", "--untracked-files=no")
    return f"{commit}, changed" if commit and changed else commit
