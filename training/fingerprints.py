"""The command ``python -m training.fingerprints``: what the program's own files learned from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from core.command_line import ProgramOptions, parse
from core.errors import InputError
from core.program import run_command_line, write_line

PROGRAM = "training.fingerprints"


@dataclass(frozen=True)
class FingerprintOptions(ProgramOptions):
    """Write down what tells the recordings that the program's population and encoders learned from.

    With it they are known in whatever format they are fitted on (`core.recordings.known_files`).

    Example: python -m training.fingerprints physionet/S*/*.edf
    --out core/recordings/known_files.safetensors --overwrite
    """

    files: tyro.conf.Positional[tuple[Path, ...]]
    """All of these recordings; others are passed over."""
    out: Path
    """Where to write the list."""
    overwrite: bool = False
    """Replace the list that is there."""

    def execute(self) -> int:
        """Find the recordings, and write the list."""
        from core.encoders.spec import DIGITS
        from core.machine.files import sha256_of
        from core.recordings import read_recording
        from core.recordings.known_files import save_known_files

        wanted = learned_from()
        files = sorted((sha256_of(path), path) for path in self.files)
        fingerprints = {
            sha256: read_recording(path).fingerprint
            for sha256, path in files
            if sha256[:DIGITS] in wanted
        }
        if missing := len(wanted) - len(fingerprints):
            raise InputError(f"{missing} of the {len(wanted)} recordings are not among the files.")
        path = save_known_files(fingerprints, self.out, self.overwrite)
        write_line(f"{len(fingerprints)} recordings: {path}")
        return 0


def learned_from() -> set[str]:
    """Return beginnings of the SHA-256 of files whose trials or labels the program brings."""
    from core.encoders import load_spec
    from core.encoders.defaults import BUNDLED
    from core.encoders.spec import DIGITS, LABELLED
    from core.fitting.transfer.prior_file import population

    files = {sha256[:DIGITS] for sha256 in population().recordings.values()}
    learned = (load_spec(name).provenance.get(LABELLED, "") for name in BUNDLED)
    return files.union(*(labelled.split() for labelled in learned))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(
        PROGRAM,
        argv,
        lambda given: parse(FingerprintOptions, f"python -m {PROGRAM}", given).execute(),
    )


if __name__ == "__main__":
    sys.exit(main())
