"""Every test keeps LSL on this machine, in a session of its own, and Qt off the screen."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from threadpoolctl import threadpool_limits

from core.machine.threads import share_cores

_SETTINGS = """
[ports]
IPv6 = disable
MulticastPort = {port}
BasePort = {next_port}
PortRange = 98
[multicast]
ResolveScope = machine
ListenAddress = 127.0.0.1
[lab]
SessionID = {session}
[log]
level = -2
"""


def pytest_configure(config):
    # Before any test module imports an LSL library or Qt: both read the environment once.
    folder = Path(config.rootpath, ".pytest_cache", "lsl")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{os.getpid()}.cfg"
    # Ports of its own too: with a session id alone, other programs on this machine that listen on
    # LSL's ports take some of the questions, and a stream is not found (liblsl issue 92).
    port = 18_000 + 100 * (os.getpid() % 128)
    session = f"eegpt-test-{uuid.uuid4().hex}"
    file.write_text(_SETTINGS.format(session=session, port=port, next_port=port + 1))
    config.add_cleanup(lambda: file.unlink(missing_ok=True))
    os.environ["LSLAPICFG"] = str(file)
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # As in every program, for sums over several threads differ in their last digits; a plugin has
    # loaded NumPy already, which takes no notice of the environment any more.
    share_cores()
    threadpool_limits(1)
    settings.register_profile("untimed", deadline=None)  # a busy machine is no failure
    settings.load_profile("untimed")
    # A shell without job control starts what runs in its background deaf to Ctrl+C, and nohup what
    # it runs deaf to SIGHUP; so would be every program that the tests start.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


def close_windows():
    """Close what is open on the screen, and return its titles."""
    gui = sys.modules.get("PySide6.QtGui")
    if gui is None or gui.QGuiApplication.instance() is None:
        return []
    windows = [window for window in gui.QGuiApplication.topLevelWindows() if window.isVisible()]
    titles = [window.title() or type(window).__name__ for window in windows]
    for window in windows:
        window.hide()
    return titles


@pytest.fixture(autouse=True)
def windows_die_between_tests(request):
    """Fail a test that leaves a window open: a modal one would take the keys of all later tests.

    Collect what a test with windows leaves at its end, and nothing before. Python would else
    destroy windows that refer to each other whenever it comes to it, in any thread, or in the
    middle of the making of another one, which Qt does not survive.
    """
    if with_windows := "qapp" in request.fixturenames:
        gc.freeze()  # what is older than this test need not be looked through again
        gc.disable()
    yield
    titles = close_windows()
    if with_windows:
        gc.collect()
        gc.enable()
        gc.unfreeze()
    assert not titles, f"the test leaves windows open: {titles}"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A data folder of this test's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("EEGPT_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def recordings_folder():
    """Folder of the real recordings, outside the project."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("EEGPT_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        absent = f"no recordings at {folder}; name their folder in EEGPT_DATA"
        pytest.fail(absent) if os.environ.get("CI") else pytest.skip(absent)
    return folder


LABELS = tuple("FZ FC3 FC1 FCZ FC2 FC4 C5 C3 C1 CZ C2 C4 C6 CP3 CPZ CP4 PZ".split())


def imagery(seed=0, trials=8, rate=250.0, labels=LABELS, path="imagery.edf", every=6.0):
    """A recording in which imagining one hand weakens the rhythm over the other side."""
    from core.recordings import Event, Recording

    random = np.random.default_rng(seed)
    seconds = 2 * trials * every + 6
    n = int(seconds * rate)
    times = np.arange(n) / rate
    samples = np.cumsum(random.normal(0.0, 1.0, (n, len(labels))), axis=0)
    samples -= samples.mean(axis=0)
    samples = 4.0 * samples / samples.std() + random.normal(0.0, 4.0, samples.shape)
    classes = random.permutation(["left_hand", "right_hand"] * trials)
    events = []
    left, right = np.full(n, 8.0), np.full(n, 8.0)  # µV, over C3 and C4
    for index, name in enumerate(classes):
        onset = 2.0 + every * index
        imagined = (times >= onset) & (times < onset + 4.0)
        (right if name == "left_hand" else left)[imagined] *= 0.35
        events.append(Event(onset, 4.0, str(name)))
    for amplitude, sites in ((left, ("C5", "C3", "C1")), (right, ("C2", "C4", "C6"))):
        wave = amplitude * np.sin(2 * np.pi * 11.0 * times + random.uniform(0, 6.28))
        for site, share in zip(sites, (0.5, 1.0, 0.5), strict=True):
            if site in labels:
                samples[:, labels.index(site)] += share * wave
    return Recording(
        samples_uv=samples.astype(np.float32),
        rate=rate,
        labels=tuple(labels),
        events=tuple(events),
        breaks=(),
        path=Path(path),
        sha256=f"{seed:064x}",
    )


@pytest.fixture(scope="session")
def imagery_recording():
    """The maker of such recordings."""
    return imagery


@pytest.fixture(scope="session")
def fitted():
    """Decoders by head, each fitted on one such recording when it is first asked for."""
    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder

    events = {"left_hand": "left_hand", "right_hand": "right_hand"}

    class Fitted(dict):
        def __missing__(self, head):
            self[head] = fit_decoder([imagery()], events, "01", FitSettings(head=head)).decoder
            return self[head]

    return Fitted()


@pytest.fixture
def picture():
    """Return a function that paints a widget and gives its pixels, (height, width, 4) bytes."""
    from PySide6.QtGui import QImage

    def paint(widget):
        image = widget.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
        flat = np.frombuffer(image.constBits(), dtype=np.uint8)
        return flat.reshape(image.height(), image.width(), 4).copy()

    return paint


@pytest.fixture
def name():
    """A stream name that no other test uses."""
    return f"test-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def until():
    """Wait for a condition; fail if it does not come."""

    def wait(condition, seconds=30.0):
        deadline = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < deadline, "what was awaited did not happen"
            time.sleep(0.005)
        return result

    return wait


@pytest.fixture
def background():
    """Run functions in threads that are stopped and joined at the end of the test."""
    started = []

    def start(function, *arguments, **settings):
        stop = threading.Event()
        thread = threading.Thread(target=function, args=arguments, kwargs=settings | {"stop": stop})
        started.append((thread, stop))
        thread.start()
        return thread

    yield start
    for _, stop in started:
        stop.set()
    for thread, _ in started:
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture
def program():
    """Start ``eegpt-stream`` in a process of its own, ended with the test."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-m", "simulation.cli", *map(str, arguments)],
            cwd=Path(__file__).parents[1],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def make_recording():
    """Make a short recording whose every sample can be told from every other."""

    def make(samples=100, rate=250.0, labels=("C3", "CZ", "C4"), events=(), breaks=(), seed=0):
        values = np.random.default_rng(seed).normal(0, 20, (samples, len(labels)))
        from core.recordings import Event, Recording

        return Recording(
            samples_uv=values.astype(np.float32),
            rate=rate,
            labels=tuple(labels),
            events=tuple(Event(onset, 0.0, label) for onset, label in events),
            breaks=tuple(breaks),
            path=Path(f"recording-{seed}.edf"),
            sha256=f"{seed:064x}",
        )

    return make
