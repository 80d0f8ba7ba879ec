"""Small good recordings of every format, how they are spoiled, and how they are read."""

from __future__ import annotations

import contextlib
import random
import re
import struct
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fuzzing.kinds import Kind

LARGEST_REAL = 4 * 2**20  # bytes of a real recording
RATE, SECONDS = 100, 4
_MARKERS = b"\nMARKERS\n"  # between the header and the markers of BrainVision
_ODD_INTEGERS = (0, 1, 2, 3, 255, 256, 0x7FFF, 0xFFFF, 2**24, 2**30, 2**31 - 1, 2**31, 2**32 - 1)
_ODD_TEXTS = (
    *("", "0", "-1", "1", "nan", "inf", "1e308", "99999999", "1e-300", "abc", "9" * 400, "0x10"),
    *("\x1b[31mred", "µV", "C3", "<b>", "../../etc/passwd", "12:61:99", "3,5", "\x00", "\ud7ff"),
)


def recording_kinds(folder: Path, real: Path | None = None) -> dict[str, Kind]:
    """Make recordings of every format.

    Parameters
    ----------
    folder : Path
    real : Path, optional
        Of recordings that are spoiled, too.
    """
    endings: dict[str, tuple[str, Callable[[bytes, random.Random], bytes], list[bytes]]] = {
        "edf": (".edf", spoil_fields, [edf()]),
        "bdf": (".bdf", spoil_fields, [edf(bdf=True)]),
        "gdf": (".gdf", spoil_words, [gdf()]),
        "brainvision": (".vhdr", spoil_text, [brainvision(folder)]),
        "eeglab": (".set", spoil_words, eeglab(folder)),
        "fif": (".fif", spoil_words, [fif(folder)]),
        "xdf": (".xdf", spoil_xdf, [xdf()]),
        "cnt": (".cnt", spoil_words, [neuroscan()]),
        "text": (".txt", spoil_text, texts()),
    }
    for path in sorted(real.rglob("*")) if real else ():
        for ending, _, good in endings.values():
            suffixes = (".txt", ".csv", ".easy") if ending == ".txt" else (ending,)
            fits = path.suffix.lower() in suffixes and ending != ".vhdr" and path.is_file()
            if fits and path.stat().st_size < LARGEST_REAL:
                good.append(path.read_bytes())
    return {
        name: Kind(tuple(good), spoil, use_recording, ending)
        for name, (ending, spoil, good) in endings.items()
    }


def use_recording(path: Path) -> None:
    """Read a recording as programs do, and look at what came back."""
    from core.errors import InputError
    from core.recordings import read_recording

    content = path.read_bytes()
    if path.suffix == ".vhdr":
        header, _, markers = content.partition(_MARKERS)
        path.write_bytes(header)
        path.with_name("case.vmrk").write_bytes(markers)
    recording = read_recording(path)
    count, channels = recording.samples_uv.shape
    if not (count and channels == len(recording.labels) and 0 < recording.rate < 1e7):
        raise ArithmeticError(f"{count} samples, {channels} channels, {recording.rate} Hz")
    if not all(0 < position < count for position in recording.breaks):
        raise ArithmeticError(f"breaks {recording.breaks[:5]} of {count} samples")
    with contextlib.suppress(InputError):  # two labels of the same electrode
        recording.stretches(recording.labels)


def spoil_words(data: bytes, draw: random.Random) -> bytes:
    """Put odd integers and floats where there are some, from the front most of the time."""
    array = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 4))):
        near = min(len(array), draw.choice((256, 1024, 4096, len(array))))
        start = draw.randrange(max(near // 4, 1)) * 4
        match draw.randrange(4):
            case 0:
                new = struct.pack(draw.choice("<>") + "I", draw.choice(_ODD_INTEGERS))
            case 1:
                new = struct.pack(draw.choice("<>") + "H", draw.choice(_ODD_INTEGERS) & 0xFFFF)
            case 2:
                new = struct.pack("<d", draw.choice((0.0, -1.0, 1e300, 5e-324, float("nan"))))
            case _:  # what is elsewhere in the file, such as another tag
                place = draw.randrange(max(len(array) // 4, 1)) * 4
                new = bytes(array[place : place + draw.choice((4, 8, 16))])
        array[start : start + len(new)] = new
    return bytes(array)


def spoil_fields(data: bytes, draw: random.Random) -> bytes:
    """Put odd texts into fields of eight characters, as in the header of EDF."""
    array = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4))):
        start = 8 * draw.randrange(draw.choice((32, 128)))
        array[start : start + 8] = draw.choice(_ODD_TEXTS).encode()[:8].ljust(8)
    return spoil_words(bytes(array), draw) if draw.random() < 0.2 else bytes(array)


def spoil_xdf(data: bytes, draw: random.Random) -> bytes:
    """Put odd values between tags, of the same length as before, or odd integers."""
    places = list(re.finditer(rb"(?<=>)[^<>]+(?=</)", data))
    if draw.random() < 0.5 or not places:
        return spoil_words(data, draw)
    place = draw.choice(places)
    size = place.end() - place.start()
    return (
        data[: place.start()]
        + draw.choice(_ODD_TEXTS).encode()[:size].ljust(size)
        + (data[place.end() :])
    )


def spoil_text(data: bytes, draw: random.Random) -> bytes:
    """Put odd texts into cells, take lines out, repeat and cut them."""
    lines = data.decode("latin-1").split("\n")
    for _ in range(draw.choice((1, 1, 2, 8))):
        index = draw.randrange(min(len(lines), draw.choice((6, 30, len(lines)))))
        parts = re.split(r"([,;\t=])", lines[index])
        match draw.randrange(7):
            case 0 | 1 | 2:
                parts[draw.randrange(len(parts))] = draw.choice(_ODD_TEXTS)
                lines[index] = "".join(parts)
            case 3:
                del lines[index : index + draw.choice((1, 1, 20))]
            case 4:
                lines[index:index] = lines[: draw.choice((1, 5))]
            case 5:
                lines[index] = lines[index][: draw.randrange(len(lines[index]) + 1)]
            case 6:  # a column everywhere
                place = draw.randrange(len(parts))
                odd = draw.choice(_ODD_TEXTS)
                split = [re.split(r"([,;\t=])", line) for line in lines]
                lines = ["".join([*p[:place], odd, *p[place + 1 :]]) for p in split]
        if not lines:
            break
    return "\n".join(lines).encode("latin-1", errors="replace")


def _samples(channels: int = 2) -> np.ndarray:
    count = RATE * SECONDS
    return np.random.default_rng(0).normal(0.0, 20.0, (count, channels))


def edf(bdf: bool = False) -> bytes:
    """Write two electrodes and annotations, or a channel of triggers in BDF."""
    size, bits = (3, 24) if bdf else (2, 16)
    last = "Status" if bdf else "EDF Annotations"
    low, high = str(-(2 ** (bits - 1))), str(2 ** (bits - 1) - 1)
    columns = [
        (16, ("C3", "C4", last)),
        (80, ("", "", "")),
        (8, ("uV", "uV", "")),
        (8, ("-1000", "-1000", "-1" if not bdf else low)),
        (8, ("1000", "1000", "1" if not bdf else high)),
        (8, (low,) * 3),
        (8, (high,) * 3),
        (80, ("", "", "")),
        (8, (str(RATE),) * 3),
        (32, ("", "", "")),
    ]
    first = b"\xffBIOSEMI" if bdf else b"0       "
    fields = [(80, "X X X X"), (80, "Startdate 01-JAN-2026 X X X"), (8, "01.01.26")]
    fields += [(8, "10.00.00"), (8, "1024"), (44, "24BIT" if bdf else "EDF+C")]
    fields += [(8, str(SECONDS)), (8, "1"), (4, "3")]
    header = first + b"".join(text.encode().ljust(width) for width, text in fields)
    header += b"".join(t.encode().ljust(width) for width, texts in columns for t in texts)
    scaled = (_samples() / 1000 * 2 ** (bits - 1)).astype("<i4")
    records = []
    for second in range(SECONDS):
        part = scaled[RATE * second : RATE * (second + 1)]
        for channel in part.T:
            records.append(b"".join(int(v).to_bytes(size, "little", signed=True) for v in channel))
        if bdf:
            codes = [1 if 20 <= i < 30 else 0 for i in range(RATE)]
            records.append(b"".join(code.to_bytes(3, "little") for code in codes))
        else:
            text = f"+{second}\x14\x14\x00+{second}.2\x151\x14left\x14\x00".encode()
            records.append(text.ljust(2 * RATE, b"\x00"))
    return header + b"".join(records)


def gdf() -> bytes:
    """Write GDF 1.25 with a table of events."""
    channels = 2
    header = b"GDF 1.25".ljust(168) + b"2026010110000000"
    header += struct.pack("<q", 256 * (channels + 1)) + bytes(44)
    header += struct.pack("<qIII", SECONDS, 1, 1, channels)
    limits = [struct.pack("<d", -1000.0), struct.pack("<d", 1000.0)]
    limits += [struct.pack("<q", -32768), struct.pack("<q", 32767)]
    parts = [b"C3".ljust(16), b"C4".ljust(16), b" " * 160, b"uV".ljust(8) * 2]
    parts += [limit * channels for limit in limits]
    parts += [b" " * 160, struct.pack("<I", RATE) * 2, struct.pack("<I", 3) * 2, bytes(64)]
    scaled = (_samples() / 1000 * 32768).astype("<i2")
    body = b"".join(scaled[RATE * s : RATE * (s + 1)].T.tobytes() for s in range(SECONDS))
    events = struct.pack("<B", 1) + RATE.to_bytes(3, "little") + struct.pack("<I", 2)
    events += struct.pack("<2I", 100, 200) + struct.pack("<2H", 769, 770)
    return header + b"".join(parts) + body + events


def brainvision(folder: Path) -> bytes:
    """Write samples, and return header and markers."""
    (folder / "case.eeg").write_bytes(_samples().astype("<f4").tobytes())
    header = (
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\n"
        "DataFile=case.eeg\nMarkerFile=case.vmrk\nDataFormat=BINARY\n"
        "DataOrientation=MULTIPLEXED\nNumberOfChannels=2\nSamplingInterval=10000\n"
        "[Binary Infos]\nBinaryFormat=IEEE_FLOAT_32\n[Channel Infos]\nCh1=C3,,1,µV\nCh2=C4,,1,µV"
    )
    markers = (
        "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nDataFile=case.eeg\n"
        "[Marker Infos]\nMk1=New Segment,,1,1,0,20260101100000000000\n"
        "Mk2=Stimulus,S  1,100,1,0\nMk3=Stimulus,S  2,200,1,0\n"
    )
    return header.encode() + _MARKERS + markers.encode()


def eeglab(folder: Path) -> list[bytes]:
    """Write EEGLAB's structure, compressed and not."""
    import scipy.io

    places = [
        {"labels": name, "type": "EEG", "X": 0.1, "Y": 0.2, "Z": 0.3} for name in ("C3", "C4")
    ]
    events = [{"type": t, "latency": 100.0 * (i + 1), "duration": 0.0} for i, t in enumerate("ab")]
    content = {
        "setname": "a",
        "nbchan": 2.0,
        "trials": 1.0,
        "pnts": float(RATE * SECONDS),
        "srate": float(RATE),
        "xmin": 0.0,
        "xmax": float(SECONDS),
        "data": _samples().T.astype(np.float32),
        "chanlocs": places,
        "event": events,
        "epoch": [],
        "urevent": [],
        "chaninfo": {"nosedir": "+X"},
        "ref": "common",
        "icawinv": [],
        "icasphere": [],
        "icaweights": [],
        "icaact": [],
    }
    made = []
    for compressed in (False, True):
        path = folder / "good.set"
        scipy.io.savemat(path, {"EEG": content}, appendmat=False, do_compression=compressed)
        made.append(path.read_bytes())
    return made


def fif(folder: Path) -> bytes:
    """Write FIF with MNE, triggers and annotations in it."""
    import mne

    samples = np.r_[_samples().T * 1e-6, np.zeros((1, RATE * SECONDS))]
    samples[2, 100:105], samples[2, 200:205] = 1, 2
    info = mne.create_info(["C3", "C4", "STI 014"], RATE, ["eeg", "eeg", "stim"], verbose="ERROR")
    raw = mne.io.RawArray(samples, info, verbose="ERROR")
    raw.set_annotations(mne.Annotations([1.0, 2.0], 0.5, ["left", "right"]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw.save(folder / "good_raw.fif", overwrite=True, verbose="ERROR")
    return (folder / "good_raw.fif").read_bytes()


def xdf() -> bytes:
    """Write a stream of EEG and one of markers."""

    def chunk(tag: int, content: bytes) -> bytes:
        return b"\x04" + struct.pack("<IH", len(content) + 2, tag) + content

    named = "".join(
        f"<channel><label>{name}</label><unit>microvolts</unit><type>EEG</type></channel>"
        for name in ("C3", "C4")
    )
    info = "<info><name>{}</name><type>{}</type><channel_count>{}</channel_count>"
    info += "<nominal_srate>{}</nominal_srate><channel_format>{}</channel_format>"
    info += "<created_at>50.0</created_at><desc>{}</desc></info>"
    eeg = info.format("Amp", "EEG", 2, RATE, "float32", f"<channels>{named}</channels>")
    cues = info.format("Cues", "Markers", 1, 0, "string", "")
    parts = [b"XDF:", chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>")]
    parts += [chunk(2, struct.pack("<I", 1) + eeg.encode())]
    parts += [chunk(2, struct.pack("<I", 2) + cues.encode())]
    for start in range(0, RATE * SECONDS, 50):
        rows = b"".join(
            b"\x08" + struct.pack("<d2f", 100.0 + (start + i) / RATE, *row)
            for i, row in enumerate(_samples()[start : start + 50])
        )
        parts.append(chunk(3, struct.pack("<I", 1) + b"\x01\x32" + rows))
    for stamp, word in ((101.0, b"left"), (102.0, b"right")):
        value = b"\x01" + bytes([len(word)]) + word
        parts.append(
            chunk(3, struct.pack("<I", 2) + b"\x01\x01\x08" + struct.pack("<d", stamp) + value)
        )
    parts.append(chunk(4, struct.pack("<Idd", 1, 101.0, 0.001)))
    for number, count in ((1, RATE * SECONDS), (2, 2)):
        footer = "<info><first_timestamp>100</first_timestamp>"
        footer += f"<sample_count>{count}</sample_count></info>"
        parts.append(chunk(6, struct.pack("<I", number) + footer.encode()))
    return b"".join(parts)


def neuroscan() -> bytes:
    """Write Neuroscan's continuous format with two events."""
    channels, count = 2, RATE * SECONDS
    header = bytearray(900)
    header[:12] = b"Version 3.0\0"
    header[225:245] = b"01/01/26\x00\x0010:00:00\x00\x00"
    struct.pack_into("<H", header, 370, channels)
    struct.pack_into("<H", header, 376, RATE)
    struct.pack_into("<I", header, 864, count)
    body = (_samples() * 100).astype("<i2").tobytes()
    struct.pack_into("<i", header, 886, 900 + 75 * channels + len(body))
    places = bytearray(75 * channels)
    for i, name in enumerate((b"C3", b"C4")):
        places[75 * i : 75 * i + 2] = name
        struct.pack_into("<f", places, 75 * i + 59, 204.8)
        struct.pack_into("<f", places, 75 * i + 71, 0.01)
    starts = [900 + 75 * channels + 2 * channels * sample for sample in (100, 200)]
    events = b"".join(struct.pack("<HBBi", i + 1, 0, 0, start) for i, start in enumerate(starts))
    return bytes(header + places) + body + struct.pack("<BII", 1, len(events), 0) + events


def texts() -> list[bytes]:
    """Write what the programs of amplifiers and headsets write."""
    rows = np.round(_samples(4), 2)
    stamps = 1_700_000_000.0 + np.arange(len(rows)) / RATE * 0.5  # 200 Hz
    board = ["%OpenBCI Raw EXG Data", "%Number of channels = 4", "%Sample Rate = 200 Hz"]
    board.append("Sample Index, " + ", ".join(f"EXG Channel {i}" for i in range(4)))
    board[-1] += ", Timestamp, Marker Channel, Timestamp (Formatted)"
    plain, named, muse, easy = [], ["Time;C3 (uV);C4 (uV);Cue"], [], []
    muse.append("TimeStamp,RAW_TP9,RAW_AF7,RAW_AF8,RAW_TP10,Elements")
    for i, (stamp, row) in enumerate(zip(stamps, rows, strict=True)):
        cells = ", ".join(map(str, row))
        board.append(f"{i % 256}, {cells}, {stamp:.6f}, {i // 100}, 12:00:{i / 200:06.3f}")
        plain.append("\t".join(f"{x:.6f}" for x in [i % 256, *row, *[0] * 8, stamp, i // 100]))
        named.append(
            f"{stamp:.3f};{row[0]};{row[1]};{'left' if i // 100 % 2 else ''}".replace(".", ",")
        )
        muse.append(f"2026-01-01 10:00:{i / 200:06.3f},{','.join(map(str, row))}")
        easy.append("\t".join(map(str, [*[int(1000 * x) for x in row] * 2, 0, int(1e3 * stamp)])))
    return ["\n".join(lines).encode() + b"\n" for lines in (board, plain, named, muse, easy)]
