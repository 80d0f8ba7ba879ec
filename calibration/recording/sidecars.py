"""What is written beside the signal: JSON and TSV files that say everything known about it.

The project writes them itself, as plain text: mne-bids writes sidecars only for a finished
recording, which a crash would never leave. It reads and checks them afterwards.
Field names are those of BIDS 1.10, "Electroencephalography"; a field of which nothing is known
is left out where BIDS allows, and is "n/a" where it does not.
"""

from __future__ import annotations

import json
import os
from codecs import BOM_UTF8
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from calibration.recording.bids import BidsRun
from calibration.recording.brainvision import file_unit, write_all
from core.machine.files import linked, new_file, open_regular, read_regular, write_whole
from core.provenance import software
from core.sites import is_eog
from core.stream.description import StreamFacts, plain_text
from core.strict_json import load_object
from core.units import volts_per

BIDS_VERSION = "1.10.0"
NOTHING = "n/a"
LARGEST = 64 * 2**20  # bytes of a sidecar that is read
SCAN_COLUMNS = ("filename", "acq_time")
PARTICIPANT_COLUMNS = ("participant_id", "species", "age", "sex", "handedness")

_TYPES = set(
    "AUDIO EEG EOG ECG EMG EYEGAZE GSR HEOG MISC PHOTO PPG PUPIL REF RESP SYSCLOCK TEMP TRIG "
    "VEOG".split()
)
_COUNTS = {
    "EEG": "EEGChannelCount",
    "ECG": "ECGChannelCount",
    "EMG": "EMGChannelCount",
    "EOG": "EOGChannelCount",
    "MISC": "MISCChannelCount",
    "TRIG": "TriggerChannelCount",
}
_README = """\
EEG of motor imagery, recorded by eegpt-realtime.

Every run is one stream as it came, before any processing, in µV. Where samples were lost, a
"New Segment" marker and a "boundary" row in events.tsv say that the signal does not follow on.
sourcedata/ holds the stamps that the sender gave to every sample, and the plan of each run.

"eegpt-calibrate check" on this folder looks everything over and mends what a crash left.
"""


@dataclass(frozen=True)
class Details:
    """What a stream does not say about a recording; empty where nobody knows.

    Attributes
    ----------
    reference, ground : str
        Where these electrodes were.
    power_line : float, optional
        Mains frequency in Hz.
    placement : str
        Such as "10-20".
    manufacturer, model : str
        Of the amplifier.
    cap_manufacturer, cap_model : str
        Of the cap.
    instructions : str
        What the person was told.
    institution : str
        Where it was recorded.
    description : str
        What the person did.
    """

    reference: str = ""
    ground: str = ""
    power_line: float | None = None
    placement: str = ""
    manufacturer: str = ""
    model: str = ""
    cap_manufacturer: str = ""
    cap_model: str = ""
    instructions: str = ""
    institution: str = ""
    description: str = "Cued imagery of movements, to calibrate a decoder"


def channel_types(facts: StreamFacts) -> tuple[str, ...]:
    """Return the BIDS type of every channel.

    As the stream says, else EOG or EEG, by the name, if it is a voltage.
    """
    types = []
    for label, given, unit in zip(facts.labels, facts.types, facts.units, strict=True):
        usual = "EOG" if is_eog(label) else "EEG"
        stated = given.strip().upper() or ("MISC" if volts_per(unit) is None else usual)
        types.append(stated if stated in _TYPES else "MISC")
    return tuple(types)


def channels_tsv(facts: StreamFacts) -> bytes:
    """Return the content of ``channels.tsv``."""
    rows = [
        (name, kind, file_unit(unit), f"{facts.rate:.12g}")
        for name, kind, unit in zip(facts.labels, channel_types(facts), facts.units, strict=True)
    ]
    return tsv(("name", "type", "units", "sampling_frequency"), rows)


def eeg_json(run: BidsRun, facts: StreamFacts, details: Details) -> bytes:
    """Return the content of ``eeg.json`` at the start, when no duration is known."""
    counts = Counter(channel_types(facts))
    counts["EOG"] += counts["HEOG"] + counts["VEOG"]
    optional = {
        "InstitutionName": details.institution,
        "Manufacturer": details.manufacturer,
        "ManufacturersModelName": details.model,
        "CapManufacturer": details.cap_manufacturer,
        "CapManufacturersModelName": details.cap_model,
        "Instructions": details.instructions,
    }
    return as_json(
        {
            "TaskName": run.task,
            "TaskDescription": details.description,
            **{key: value for key, value in optional.items() if value},
            "EEGReference": details.reference or NOTHING,
            "EEGGround": details.ground or NOTHING,
            "EEGPlacementScheme": details.placement or NOTHING,
            "SamplingFrequency": facts.rate,
            "PowerLineFrequency": details.power_line or NOTHING,
            "SoftwareFilters": NOTHING,
            "HardwareFilters": NOTHING,
            "SoftwareVersions": software(),
            "RecordingType": "continuous",
            **{field: counts[kind] for kind, field in _COUNTS.items()},
        }
    )


def with_duration(content: bytes, seconds: float) -> bytes:
    """Return the content of ``eeg.json`` with the recording's length in it.

    Raises
    ------
    ValueError
        If it is none.
    """
    return as_json({**load_object(content), "RecordingDuration": round(seconds, 6)})


def stamps_json(facts: StreamFacts, started: str) -> bytes:
    """Return what is said beside the raw stamps."""
    who = facts.identity
    return as_json(
        {
            "Description": "Stamp of every sample as the sender gave it: LSL clock of the sender, "
            "before any correction or smoothing",
            "Format": "float64, little-endian, one number a sample, no header",
            "Units": "s",
            "FirstSampleArrived": started,
            "Stream": {
                "Name": who.name,
                "Type": who.type,
                "SourceID": who.source_id,
                "Host": who.host,
                "UID": who.uid,
                "NominalRate": facts.rate,
                "Format": facts.format,
                "ChannelLabels": facts.labels,
                "ChannelUnits": facts.units,
                "ChannelTypes": facts.types,
            },
            "SoftwareVersions": software(),
        }
    )


def begin_dataset(root: Path) -> None:
    """Write the files that a data set must have, where they are missing.

    Raises
    ------
    InputError
        If one of them cannot be written.
    """
    description = {
        "Name": "Motor imagery calibration",
        "BIDSVersion": BIDS_VERSION,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "eegpt-realtime", "Version": version("eegpt-realtime")}],
    }
    participants = {
        "participant_id": {"Description": "Label of the person"},
        "species": {"Description": "Binomial species name"},
        "age": {"Description": "Age at the first recording", "Units": "year"},
        "sex": {"Description": "Sex of the person", "Levels": {"F": "female", "M": "male"}},
        "handedness": {
            "Description": "Preferred hand",
            "Levels": {"R": "right", "L": "left", "A": "both"},
        },
    }
    for name, content in (
        ("dataset_description.json", as_json(description)),
        ("README", _README.encode()),
        ("participants.json", as_json(participants)),
    ):
        # Any README will do, such as the README.md of whoever keeps the data set, or a link.
        if not any(file.startswith(name) for file in os.listdir(root)):
            write_whole(root / name, content)


@dataclass(frozen=True)
class Row:
    """A row that a table of the data set must have.

    Attributes
    ----------
    root : Path
        Folder of the data set.
    path : Path
        The table.
    columns : tuple of str
        Those of a new table; the first one tells rows apart.
    cells : dict of str to str
        Column -> value. Other columns of the table get n/a.
    """

    root: Path
    path: Path
    columns: tuple[str, ...]
    cells: dict[str, str]

    def missing(self) -> bytes:
        """Return what must be appended to the table for the row to be there; empty if it is.

        Raises
        ------
        OSError, ValueError
            If the table cannot be read, or is none of this kind.
        """
        present = self._present() or tsv_line(self.columns)
        names, rows = read_tsv(present)
        if b"\0" in present or self.columns[0] not in names:
            raise ValueError(f"is no table in UTF-8 with the column {self.columns[0]}")
        line = tsv_line([self.cells.get(name, NOTHING) for name in names])
        last = present[present.rfind(b"\n") + 1 :]
        key = self.columns[0]
        if line.startswith(last) and _is_torn(last, line):
            return line[len(last) :]  # a crash stopped this very row half-way
        if any(row.get(key) == self.cells[key] for row in rows):
            return b""
        return b"\n" + line if last else line

    def obstacle(self) -> str | None:
        """Return why the row cannot be added to the table, to be read after the table's name."""
        if why := linked(self.root, self.path):
            return why
        try:
            self.missing()
        except OSError as error:
            return f"cannot be read ({error.strerror or error})"
        except ValueError as error:
            return str(error)
        return None

    def add(self) -> None:
        """Append the row unless it is there, leaving every byte of the table as it is.

        Raises
        ------
        OSError, ValueError
            As `missing`, or if the table is a link or cannot be written.
        """
        if why := linked(self.root, self.path):
            raise OSError(None, f"it {why}", str(self.path))
        if not (line := self.missing()):
            return
        if not self._present():
            line = tsv_line(self.columns) + line
        there = os.path.lexists(self.path)
        opened = open_regular(self.path, write=True, follow=False) if there else new_file(self.path)
        with opened as file:
            file.seek(0, os.SEEK_END)
            write_all(file, line)
            os.fsync(file.fileno())

    def _present(self) -> bytes:
        """Return the table; nothing if it is not there, or has nothing in it."""
        if not self.path.exists():
            return b""
        content = read_regular(self.path, LARGEST)
        return content if content.removeprefix(BOM_UTF8).strip() else b""


def participant(run: BidsRun) -> Row:
    """Return the row of the run's person in ``participants.tsv``."""
    cells = {"participant_id": f"sub-{run.subject}", "species": "homo sapiens"}
    return Row(run.root, run.root / "participants.tsv", PARTICIPANT_COLUMNS, cells)


def scan(run: BidsRun, started: str) -> Row:
    """Return the row of the run in ``scans.tsv``, with the UTC time of its first sample."""
    name = f"eeg/{run.file('eeg.vhdr').name}"
    return Row(run.root, run.scans, SCAN_COLUMNS, {"filename": name, "acq_time": started})


def _is_torn(last: bytes, line: bytes) -> bool:
    """Return whether the start of a line is less than the line, and not another row."""
    cells, wanted = last.split(b"\t"), line.rstrip(b"\n").split(b"\t")
    return bool(last) and cells != wanted and (len(cells) < len(wanted) or cells[0] == wanted[0])


def tsv_line(cells: Sequence[object]) -> bytes:
    """Return a line of a table as BIDS wants it: tabs, UTF-8, no empty cell."""
    # A text in a cell may come from the network or a person: no tab or line break survives.
    texts = [plain_text(str(cell)) or NOTHING for cell in cells]
    return ("\t".join(texts) + "\n").encode()


def tsv(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """Return the content of a table."""
    return b"".join(tsv_line(line) for line in (columns, *rows))


def read_tsv(content: bytes) -> tuple[list[str], list[dict[str, str]]]:
    """Return a table's columns, and those rows that have a cell for each."""
    lines = [line.split("\t") for line in content.decode("utf-8-sig", "replace").splitlines()]
    if not lines:
        return [], []
    columns, *rows = lines
    return columns, [
        dict(zip(columns, row, strict=True)) for row in rows if len(row) == len(columns)
    ]


def as_json(content: Mapping[str, object]) -> bytes:
    """Return a JSON file's content; what is no Unicode, as a flag may hold, becomes "?"."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace")
