"""Recordings are read in another process: what it sends back, and what it survives."""

import os
import signal
import struct
import subprocess
import sys
import threading
from dataclasses import fields

import mne
import numpy as np
import pytest
import scipy.io
from recording_files import noise, write_edf

from core.errors import InputError
from core.recordings import read_recording
from core.recordings.isolated import Worker

pytestmark = pytest.mark.slow

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and pipes with a name")


@pytest.fixture(scope="module")
def worker():
    """Start a process that is not the one of the program."""
    worker = Worker()
    yield worker
    worker.close()


@pytest.fixture
def fif(tmp_path):
    """Write a recording with events, one label of which cannot be written as it is."""
    samples = np.random.default_rng(0).normal(0.0, 20e-6, (2, 1000))
    samples[0, 17] = np.nan
    raw = mne.io.RawArray(samples, mne.create_info(["C3", "C4"], 250.0, "eeg"), verbose="ERROR")
    raw.set_annotations(mne.Annotations([0.1, 1.0], [0.3, 0.0], ["liñks", "boundary"]))
    raw.save(tmp_path / "a_raw.fif", verbose="ERROR")
    return tmp_path / "a_raw.fif"


@pytest.fixture
def pipe(tmp_path):
    """Make a file that is never read to its end."""
    os.mkfifo(tmp_path / "a.xdf")
    return tmp_path / "a.xdf"


def test_what_comes_back_is_equal_to_the_last_bit(worker, fif):
    here, there = read_recording(fif, isolated=False), worker.read(fif)
    assert here.samples_uv.tobytes() == there.samples_uv.tobytes()
    assert there.samples_uv.flags.writeable
    for field in fields(here):
        if field.name != "samples_uv":
            assert getattr(here, field.name) == getattr(there, field.name), field.name


def test_one_process_reads_all_files(worker, fif):
    worker.read(fif)
    first = worker._process.pid
    (fif.parent / "a.edf").write_bytes(b"0" * 300)
    with pytest.raises(InputError, match="cannot be read as a recording"):
        worker.read(fif.parent / "a.edf")
    worker.read(fif)
    assert worker._process.pid == first


def test_what_an_edf_does_not_need_is_not_loaded(tmp_path):
    # It takes longer to load than the file to read.
    file = write_edf(tmp_path / "a.edf", noise(2500), annotations=[(1.0, 0.5, "T1")])
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "import core.recordings.worker\n"
        "from core.recordings.reading import prepare, read_here\n"
        "prepare(Path(sys.argv[1]))\n"
        "assert read_here(Path(sys.argv[1]), None, None).events\n"
        "libraries = 'torch sklearn matplotlib pyxdf scipy.io scipy.signal scipy.stats'.split()\n"
        "assert not set(libraries) & set(sys.modules), set(libraries) & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)


def test_a_path_is_relative_to_the_folder_of_now(worker, fif, monkeypatch):
    for folder in (fif.parent, fif.parent.parent):
        monkeypatch.chdir(folder)
        path = fif.relative_to(folder)
        assert worker.read(path).path == path


def test_threads_take_turns(worker, fif):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(len(worker.read(fif).samples_uv)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [1000] * 4


def test_a_file_beside_that_is_called_like_a_library_is_never_run(fif, monkeypatch):
    for name in ("mne", "numpy", "json", "core"):
        (fif.parent / f"{name}.py").write_text(f"open({str(fif.parent / 'run')!r}, 'w')")
    monkeypatch.chdir(fif.parent)
    worker = Worker()
    worker.read(fif)
    worker.close()
    assert not (fif.parent / "run").exists()


@posix
def test_a_file_that_takes_too_long_is_refused_and_the_next_one_read(pipe, fif):
    worker = Worker(seconds=0.6)
    with pytest.raises(InputError, match=r"a\.xdf cannot be read: it took longer than 1 s"):
        worker.read(pipe)
    assert len(worker.read(fif).samples_uv) == 1000
    worker.close()


def test_a_byte_of_eeglab_that_crashes_scipy_is_a_refusal(worker, tmp_path):
    path = tmp_path / "a.set"
    scipy.io.savemat(path, {"EEG": {"setname": "a", "nbchan": 1.0}}, appendmat=False)
    one = struct.pack("<IId", 9, 8, 1.0)  # type double, eight bytes, 1.0
    content = path.read_bytes()
    assert one in content
    path.write_bytes(content.replace(one, b"\xed" + one[1:]))
    with pytest.raises(InputError, match=r"a\.set cannot be read"):  # or this program would end
        worker.read(path)


def test_a_fif_tag_that_points_to_itself_is_not_read_for_ever(fif):
    content = bytearray(fif.read_bytes())
    second = 16 + int.from_bytes(content[8:12], "big")  # kind, type, size and next of the first
    content[second + 12 : second + 16] = second.to_bytes(4, "big")
    (fif.parent / "loop_raw.fif").write_bytes(content)
    worker = Worker(seconds=1.0)
    with pytest.raises(InputError, match=r"it took longer than 1 s|needs more than .* of memory"):
        worker.read(fif.parent / "loop_raw.fif")
    worker.close()


@posix
@pytest.mark.parametrize(
    ("number", "cause"),
    [(signal.SIGSEGV, "segmentation fault"), (signal.SIGABRT, "aborted"), (9, "killed")],
)
def test_a_reader_that_crashes_is_said_and_the_next_file_read(worker, pipe, fif, number, cause):
    worker.read(fif)
    process = worker._process

    def crash():
        with pipe.open("wb"):  # returns when the reader has opened it, too
            os.kill(process.pid, number)
            process.wait()

    thread = threading.Thread(target=crash)
    thread.start()
    with pytest.raises(InputError, match=rf"a\.xdf cannot be read: the reader crashed \({cause}"):
        worker.read(pipe)
    thread.join()
    assert len(worker.read(fif).samples_uv) == 1000


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux keeps the limit")
def test_a_file_that_takes_too_much_memory_is_refused(tmp_path):
    text = "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nDataFile=a.eeg\n"
    text += "DataFormat=BINARY\nDataOrientation=MULTIPLEXED\nNumberOfChannels=1\n"
    text += "SamplingInterval=4000\n[Binary Infos]\nBinaryFormat=INT_16\n"
    text += "[Channel Infos]\nCh1=C3,,1,\u00b5V\n"
    (tmp_path / "a.vhdr").write_text(text, encoding="utf-8")
    with (tmp_path / "a.eeg").open("wb") as file:
        file.truncate(2**21)  # without taking space on the disk
    worker = Worker(memory=-31 * 2**21)
    with pytest.raises(InputError, match=r"a\.vhdr cannot be read: it needs more than 2 MB of mem"):
        worker.read(tmp_path / "a.vhdr")
    worker.close()
    worker = Worker()
    assert len(worker.read(tmp_path / "a.vhdr").samples_uv) == 2**20
    worker.close()


def test_a_process_that_ended_meanwhile_is_replaced(worker, fif):
    worker.read(fif)
    worker._process.kill()
    worker._process.wait()
    assert len(worker.read(fif).samples_uv) == 1000


def test_the_process_ends_with_its_parent(fif):
    worker = Worker()
    worker.read(fif)
    process = worker._process
    process.stdin.close()  # as if the parent had been killed
    assert process.wait(timeout=30) == 0
    worker.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_reads_with_a_process_of_its_own(fif):
    read_recording(fif)  # so that there is one to be inherited
    pid = os.fork()
    if not pid:
        try:
            os._exit(0 if len(read_recording(fif).samples_uv) == 1000 else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    assert len(read_recording(fif).samples_uv) == 1000


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_program_that_is_ended_while_it_reads_leaves_no_process(pipe, number, code, until):
    program = (
        "import sys\nfrom pathlib import Path\nfrom core.program import run_program as run\n"
        "from core.recordings.isolated import shared\n"
        "shared._running()\nprint(shared.pid, flush=True)\n"
        "sys.exit(run('reads', lambda: shared.read(Path(sys.argv[1]))))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, pipe], stdout=subprocess.PIPE, start_new_session=True
    )
    reader = int(process.stdout.readline())
    with pipe.open("wb"):  # returns when the reader has opened it, too
        os.killpg(process.pid, number) if number == signal.SIGINT else process.kill()
        assert process.wait(timeout=60) == code
        process.stdout.close()
        until(lambda: not _runs(reader), 60)


def _runs(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
