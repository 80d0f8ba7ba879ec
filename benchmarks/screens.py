"""Pictures of every screen, panel and task, as somebody with such a screen would see them.

    python benchmarks/screens.py pictures
    python benchmarks/screens.py pictures --sizes 1366x768 --themes light --screens 1 --only live

The real programs run, on Qt's offscreen platform with screens of each size, on a stream of a
simulated subject; a timer in them opens one thing after the other and takes a picture of all
screens. With two screens both stand side by side in it. The pictures are for somebody to look at:
nothing here judges them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

from PySide6.QtCore import QObject, QPoint, QTimer  # noqa: E402 - after the threads are set
from PySide6.QtGui import QGuiApplication, QPainter, QPixmap, QRasterWindow  # noqa: E402
from PySide6.QtWidgets import QApplication, QDialog, QWidget  # noqa: E402

sys.path.append(str(Path(__file__).parent / "faults"))
from fault_matrix import keep_apart, start  # noqa: E402 - of the other room

from ui.display import dress  # noqa: E402

SIZES = ("1280x720", "1366x768", "1920x1080")
CLASSES = ("left_hand", "right_hand")
TRIALS = 8  # of each class in a session
LOOK = 50  # ms between two looks at whether a step is over
PATIENCE = 600.0  # s that what a step waits for may take

Steps = Iterator[float | Callable[[], object]]
"""What a program is taken through: seconds to wait, or what has to be true before it goes on."""


def main() -> int:
    options = _options()
    if options.be:
        return _program(options)
    folder = Path(tempfile.mkdtemp(prefix="eegpt-screens-"))
    keep_apart(folder)
    folder = options.prepared or folder
    if options.prepared is None:
        prepare(folder)
        print(f"With --prepared {folder} the next pictures need no fit.", flush=True)
    failed = 0
    for screens in options.screens:
        for size in options.sizes:
            for theme in options.themes:
                for program in options.only:
                    failed += show(folder, program, size, theme, screens, options.folder)
    return int(failed > 0)


def show(folder: Path, program: str, size: str, theme: str, screens: int, out: Path) -> bool:
    """Have pictures taken of a program; return whether that failed."""
    width, height = map(int, size.split("x"))
    file = folder / f"{size}-{screens}.json"
    known = {"y": 0, "width": width, "height": height, "dpr": 1}
    known |= {"logicalDpi": 96, "logicalBaseDpi": 96}
    sides = [{"name": f"screen {n + 1}", "x": n * width, **known} for n in range(screens)]
    file.write_text(json.dumps({"screens": sides}))
    name = f"Screens-{program}"
    sent = {"live": ("replay", folder / "subject_raw.fif", "--loop")}.get(
        program, ("simulate", "--markers", "EEGPT-Markers")
    )
    sender = start("simulation.cli", *sent, "--name", name)
    environment = os.environ | {
        "QT_QPA_PLATFORM": f"offscreen:configfile={file}",
        "EEGPT_HOME": str(folder / "home" / f"{program}-{size}-{theme}-{screens}"),
    }
    prefix = f"{program}-{size}-{theme}-{screens}"
    command = [sys.executable, __file__, str(out), "--be", program, "--themes", theme]
    command += ["--prefix", prefix, "--decoder", str(folder / "decoder.safetensors")]
    try:
        ended = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True)
    finally:
        sender.kill()
        sender.communicate()
    print(f"{prefix}: {'failed' if ended.returncode else 'done'}", flush=True)
    if ended.returncode:
        print(ended.stderr[-2000:], file=sys.stderr, flush=True)
    return ended.returncode != 0


def prepare(folder: Path) -> None:
    """Write a recording of a simulated subject, with its cues, and a decoder."""
    import mne

    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder
    from core.decoding.storage.decoder_file import save_decoder
    from core.encoders.eegpt.electrodes import CODEX
    from core.machine.threads import one_torch_thread
    from simulation.synthetic import session

    one_torch_thread()
    labels = CODEX[:48]
    events = {name: name for name in CLASSES}
    fit = fit_decoder(
        [session(15, CLASSES, labels=labels)], events, "01", FitSettings(head="riemann", repeats=1)
    )
    save_decoder(fit.decoder, folder / "decoder.safetensors")
    told = session(20, CLASSES, labels=labels, run=2)
    info = mne.create_info(list(labels), told.rate, "eeg", verbose="ERROR")
    raw = mne.io.RawArray(told.samples_uv.T * 1e-6, info, verbose="ERROR")
    onsets = [event.onset for event in told.events]
    raw.set_annotations(mne.Annotations(onsets, 0.0, [event.label for event in told.events]))
    raw.save(folder / "subject_raw.fif", verbose="ERROR")


# -- in the program ------------------------------------------------------------------------------


class Photographer(QObject):
    """Takes a program through steps while its event loop runs.

    Parameters
    ----------
    folder : Path
    prefix : str
        Of the names of the pictures.
    """

    def __init__(self, folder: Path, prefix: str) -> None:
        super().__init__()
        self.error: Exception | None = None
        self._folder, self._prefix, self._taken = folder, prefix, 0
        self._steps: Steps = iter(())
        self._ready: Callable[[], object] = lambda: True
        self._until = 0.0
        self._timer = QTimer(self, interval=LOOK)
        self._timer.timeout.connect(self._go_on)

    def follow(self, steps: Steps) -> None:
        """Begin to go through steps."""
        self._steps = steps
        self._until = time.monotonic() + PATIENCE
        self._timer.start()

    def shoot(self, name: str) -> None:
        """Write what all screens show to a file."""
        whole = QGuiApplication.primaryScreen().virtualGeometry()
        picture = QPixmap(whole.size())
        picture.fill("#808080")
        painter = QPainter(picture)
        active = QApplication.activeWindow()
        for widget in sorted(windows(), key=lambda w: (isinstance(w, QDialog), w is active)):
            corner = widget.mapToGlobal(QPoint(0, 0)) - whole.topLeft()
            painter.drawPixmap(corner, widget.grab())
        for window in QGuiApplication.topLevelWindows():  # such as the cues', which is no widget
            if window.isVisible() and isinstance(window, QRasterWindow):
                corner = window.position() - whole.topLeft()
                painter.drawPixmap(corner, window.screen().grabWindow(window.winId()))
        painter.end()
        self._taken += 1
        picture.save(str(self._folder / f"{self._prefix}-{self._taken:02d}-{name}.png"))

    def _go_on(self) -> None:
        late = time.monotonic() > self._until
        try:
            if not self._ready():
                if late:
                    raise TimeoutError(f"waited for in vain after picture {self._taken}")
                return
            step = next(self._steps)
        except StopIteration:
            self._timer.stop()
            close_all()
            return
        except Exception as error:  # the program ends, and then it is raised
            self.error = error
            self._timer.stop()
            close_all()
            return
        if callable(step):
            self._ready, self._until = step, time.monotonic() + PATIENCE
        else:
            end = time.monotonic() + step
            self._ready, self._until = lambda: time.monotonic() >= end, end + PATIENCE


def windows(kind: type = QWidget) -> list[QWidget]:
    """Return the windows of a kind that can be seen."""
    return [w for w in QApplication.topLevelWidgets() if w.isVisible() and isinstance(w, kind)]


def close_all() -> None:
    """Close every window, those in front first."""
    for widget in sorted(windows(), key=lambda window: not isinstance(window, QDialog)):
        widget.close()


def press_later(press: Callable[[], object]) -> None:
    """Press a button whose dialog does not return before it is closed."""
    QTimer.singleShot(0, press)


def live(camera: Photographer) -> Steps:
    """Go through the live window, its panels, the subject's view and the tasks."""
    from realtime.panels.registry import available_panels
    from realtime.tasks.registry import available_tasks
    from realtime.window import MainWindow

    yield lambda: windows(MainWindow)
    (window,) = windows(MainWindow)
    yield lambda: window.snapshot.latest is not None and window.snapshot.latest.probabilities
    yield 8.0
    camera.shoot("live")
    for title in available_panels():
        window.panels.toggle(title)
        yield 2.0
        camera.shoot(f"panel-{title.lower().replace(' ', '-')}")
        window.panels.toggle(title)
    for title in ("Score", "Spectrum and bands", "Scalp"):
        window.panels.toggle(title)
    yield 3.0
    camera.shoot("panels")
    for title in window.panels.shown:
        window.panels.toggle(title)
    window.help.open()
    yield 0.3
    camera.shoot("help")
    window.help.close()
    for name, menu in (("panels", window.panels.menu), ("tasks", window.subject.menu)):
        menu.popup(window.mapToGlobal(QPoint(300, 60)))
        yield 0.3
        camera.shoot(f"list-of-{name}")
        menu.close()
    window.choose_markers()
    yield 4.0
    camera.shoot("markers")
    window._picker.reject()
    label = next(channel.label for channel in window.snapshot.channels if channel.electrode == "C3")
    window._view.toggle_channel(label)
    yield 2.0
    camera.shoot("set-aside")
    window._view.toggle_channel(label)
    window.controls.toggle_pause()
    yield 1.0
    camera.shoot("paused")
    window.controls.toggle_pause()
    yield 1.0
    window.subject.toggle_feedback()
    yield 1.0
    camera.shoot("subject")
    window.subject.close()
    for name in available_tasks():
        yield from _task(camera, window, name)
    window.close()


def _task(camera: Photographer, window: QWidget, name: str) -> Steps:
    """Go through the phases of a task."""
    window.subject.start(name)
    yield 0.5
    camera.shoot(f"task-{name}-instructions")
    session = window.subject.session
    session.view.pressed.emit()
    yield lambda: session.run.phase == "trial"
    yield 1.5
    camera.shoot(f"task-{name}-trial")
    yield lambda: session.run.phase == "result"
    yield 0.2
    camera.shoot(f"task-{name}-result")
    yield lambda: session.run.phase in ("break", "ready")
    session.view.pressed.emit()
    yield 0.3
    camera.shoot(f"task-{name}-paused")
    window.subject.close()


def signals(camera: Photographer) -> Steps:
    """Look at a stream that no decoder fits."""
    from realtime.window import MainWindow

    yield lambda: windows(MainWindow)
    yield 4.0
    camera.shoot("no-decoder")
    close_all()


def aligning(camera: Photographer) -> Steps:
    """Look at the minute in which other people's decoder is aligned."""
    from realtime.window import MainWindow

    yield lambda: windows(MainWindow)
    yield 6.0
    camera.shoot("aligning")
    close_all()


def launcher(camera: Photographer) -> Steps:
    """Look at the launcher, and at the names of a stream's channels."""
    from realtime.launcher.window import LauncherWindow

    yield lambda: windows(LauncherWindow)
    (window,) = windows(LauncherWindow)
    camera.shoot("nothing-yet")
    yield lambda: window.names.isEnabled()
    yield 1.0
    camera.shoot("launcher")
    press_later(window.names.click)
    yield lambda: windows(QDialog)
    yield 1.0
    camera.shoot("names")
    close_all()


def session(camera: Photographer) -> Steps:
    """Go through a session, from its first screen to its last."""
    from calibration.screens.operator.end import EndWindow
    from calibration.screens.operator.window import OperatorWindow
    from calibration.screens.setup.window import SetupWindow

    yield lambda: windows(SetupWindow)
    (setup,) = windows(SetupWindow)
    yield 5.0
    camera.shoot("setup")
    setup.choose_stream()
    yield 3.0
    camera.shoot("choose-stream")
    setup._picker.reject()
    yield lambda: setup.start.isEnabled()
    setup.begin()
    yield lambda: windows(OperatorWindow)
    (operator,) = windows(OperatorWindow)
    seen: set[str] = set()
    looked = [0.0]

    def scenes() -> bool:
        """Take a picture of every kind of scene; return whether the session is over."""
        scene = operator.preview._scene()
        kind = "-".join(filter(None, (scene.kind, scene.title.lower().replace(" ", "-"))))
        if kind not in seen:
            if not looked[0]:
                looked[0] = time.monotonic() + 0.3
            elif time.monotonic() > looked[0]:
                seen.add(kind)
                looked[0] = 0.0
                camera.shoot(kind)
        return bool(windows(EndWindow))

    yield scenes
    camera.shoot("end")
    (end,) = windows(EndWindow)
    yield lambda: end.report.isEnabled()
    yield 0.3  # until the reasons have their room
    camera.shoot("report")
    end.leave.click()


SCENES = {
    "launcher": launcher,
    "live": live,
    "signals": signals,
    "aligning": aligning,
    "session": session,
}


def _program(options: argparse.Namespace) -> int:
    """Be a program, and take pictures of it."""
    dress(options.themes[0], 1.0)
    from ui.theme import application

    application()
    options.folder.mkdir(parents=True, exist_ok=True)
    camera = Photographer(options.folder, options.prefix)
    camera.follow(SCENES[options.be](camera))
    stream = ["--stream", f"Screens-{options.be}", "--timeout", "60"]
    theme = ["--theme", options.themes[0]]
    if options.be == "session":
        from calibration.cli import main as calibrate

        given = [*stream, "--subject", "01", *theme, "--trials-per-class", str(TRIALS)]
        code = calibrate(["run", *given])
    else:
        from realtime.cli import main as realtime

        more = {
            "launcher": [],
            "live": [*stream, "--decoder", str(options.decoder)],
            "signals": stream,
            "aligning": [*stream, "--uncalibrated"],
        }[options.be]
        code = realtime([*more, *theme])
    if camera.error is not None:
        raise camera.error
    return code


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--sizes", nargs="+", default=SIZES)
    parser.add_argument("--themes", nargs="+", default=("dark", "light"))
    parser.add_argument("--screens", nargs="+", type=int, default=(1, 2))
    parser.add_argument("--only", nargs="+", choices=tuple(SCENES), default=tuple(SCENES))
    parser.add_argument("--prepared", type=Path, help="what an earlier run has prepared")
    parser.add_argument("--be", choices=tuple(SCENES), help=argparse.SUPPRESS)
    parser.add_argument("--prefix", default="", help=argparse.SUPPRESS)
    parser.add_argument("--decoder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
