"""Reading a data set with mne-bids, in a process of its own: a damaged file may end it.

python -m calibration.bids_reading FOLDER     prints a JSON list of sentences
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

from core.errors import one_line
from core.machine.files import linked


def complaints(folder: Path, suffixes: tuple[str, ...]) -> list[str]:
    """Read every run with its sidecars, and return a sentence for each that cannot be read.

    Parameters
    ----------
    folder : Path
        Of the data set.
    suffixes : tuple of str
        Of the recordings to read.
    """
    import mne_bids

    problems = []
    with warnings.catch_warnings():
        # It warns of everything that is optional.
        warnings.simplefilter("ignore")
        for path in mne_bids.find_matching_paths(folder, datatypes="eeg", suffixes="eeg"):
            file = Path(path.fpath)
            if path.extension not in suffixes or not file.is_file():
                continue
            if linked(folder, file.parent) is not None:
                continue
            try:
                mne_bids.read_raw_bids(path, verbose="ERROR")
            except Exception as error:  # a damaged sidecar can raise anything in a reader
                problems.append(f"mne-bids cannot read {path.basename}: {one_line(error)}")
    return problems


if __name__ == "__main__":
    from calibration.checking import READABLE

    print("\n" + json.dumps(complaints(Path(sys.argv[1]), READABLE)))
