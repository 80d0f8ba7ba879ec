"""How old decisions are when they are published, live over LSL, with the window open.

    python benchmarks/speed/live_age.py                       large encoder, 16 then 32 a second
    python benchmarks/speed/live_age.py --hops 16 --minutes 1 --headless
    python benchmarks/speed/live_age.py --encoder starter --load 2
    python benchmarks/speed/live_age.py --encoder starter --panels
    python benchmarks/speed/live_age.py --encoder starter --hops 64 --task cursor
    python benchmarks/speed/live_age.py --encoder untrained-braingpt-base --hops 32 --channels 58

A simulated recording is replayed by a process of its own; the real program decodes it and draws
64 channels. The age of a decision is the time from its newest sample's stamp to its publication.
Beside it stand what the encoder takes alone on a quiet core, measured before in this run, what the
program's own event loop waited for (a timer of 5 ms), and how late the computer itself wakes a
process that only sleeps: what that one loses, nobody here can win. The memory of the program and
of its encoder's process is the median of the first and of the last sixth of its run.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import suppress
from pathlib import Path

from core.machine.threads import one_torch_thread, share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
import psutil  # noqa: E402

sys.path.append(str(Path(__file__).parents[1] / "faults"))
from fault_matrix import keep_apart, start  # noqa: E402 - of the other room

from core.decoding.window_decoder import WindowDecoder  # noqa: E402
from core.encoders import load_encoder  # noqa: E402
from core.encoders.eegpt.electrodes import CODEX  # noqa: E402
from core.machine.home import home_folder  # noqa: E402
from realtime.panels.arrangement import ARRANGEMENT, Arrangement, save_arrangement  # noqa: E402
from realtime.panels.registry import available_panels  # noqa: E402

MORE = ("AF1", "AF2")  # drawn beside the decoder's electrodes
BEAT = 5  # ms of the timer in the program's event loop
WARM = 10.0  # s of decisions that are not counted
TASK_BEGINS = 15_000  # ms after the window is there
WATCH = 1.0  # s between two looks at the memory and the load
LONGER = 80.0  # s of recording, so that it does not end before the program does


def main() -> int:
    options = _options()
    if options.be_program:
        return _program(options.be_program, options.arguments)
    if options.be_sleeper:
        return _sleep(options.be_sleeper)
    folder = Path(tempfile.mkdtemp(prefix="eegpt-age-"))
    keep_apart(folder)
    os.environ["EEGPT_HOME"] = str(folder / "home")  # no panels of this user's
    known = load_encoder(options.encoder).spec.ch_names
    labels = (*sorted(CODEX, key=lambda name: name not in known), *MORE)[: options.channels]
    if options.panels:
        save_arrangement(home_folder(None) / ARRANGEMENT, Arrangement(tuple(available_panels())))
    prepare(folder, labels, options.encoder, options.rate, 60 * options.minutes + LONGER)
    results = [measure(folder, hop, options) for hop in options.hops]
    for result in results:
        print(json.dumps(result, indent=1), flush=True)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def measure(folder: Path, hop: int, options: argparse.Namespace) -> dict:
    """Run the program at one hop, in samples of the model, and return what was seen."""
    alone = encoder_alone(folder, hop)
    name = f"Age-{uuid.uuid4().hex[:8]}"
    log, beats, sleeps = (folder / f"{name}.{end}" for end in ("jsonl", "beats", "sleeps"))
    sender = start(
        "simulation.cli",
        *("replay", folder / "subject_raw.fif", "--name", name, "--loop"),
        *("--chunk", options.chunk),
    )
    arguments = ["--stream", name, "--decoder", folder / "decoder.safetensors", "--log", log]
    arguments += ["--hop", hop / 256.0, "--timeout", 60, "--duration", 60 * options.minutes + 20]
    arguments += ["--headless"] if options.headless else []
    arguments += ["--task", options.task, "--trials", 200] if options.task else []
    own = [sys.executable, __file__]
    load = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.load)
    ]
    sleeper = subprocess.Popen([*own, "--be-sleeper", sleeps])
    try:
        program = subprocess.Popen([*own, "--be-program", beats, "--", *map(str, arguments)])
        watched = watch(program)
        if program.returncode:
            raise subprocess.CalledProcessError(program.returncode, program.args)
    finally:
        for process in (sender, sleeper, *load):
            process.kill()
            process.communicate()
    return judged(log, beats, sleeps, alone) | {
        "hop_s": hop / 256.0,
        "load": options.load,
        "task": options.task,
        **watched,
    }


def watch(program: subprocess.Popen) -> dict:
    """Wait for a program; return its memory, and the load of the computer, while it ran."""
    memory, loads = [], []
    process = psutil.Process(program.pid)
    while program.poll() is None:
        with suppress(psutil.Error):  # it, or its child, has just ended
            both = (process, *process.children(recursive=True))
            memory.append(sum(member.memory_info().rss for member in both) / 1e6)
            loads.append(os.getloadavg()[0])
        time.sleep(WATCH)
    rest = memory[round(2 * WARM / WATCH) :] or memory  # without what is loaded at the start
    sixth = max(1, len(rest) // 6)
    return {
        "memory_mb": {
            "begin": round(float(np.median(rest[:sixth])), 1),
            "end": round(float(np.median(rest[-sixth:])), 1),
            "most": round(max(rest), 1),
        },
        "load_of_a_minute": spread(np.array(loads)),
    }


def judged(log: Path, beats: Path, sleeps: Path, alone: float) -> dict:
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    notes = log.with_suffix(".stream.jsonl").read_text("utf-8").splitlines()
    ok = [line for line in lines if line["status"] == "ok"]
    counted = [line for line in ok if line["time"] >= ok[0]["time"] + WARM]
    ages = np.array([line["age_ms"] for line in counted])
    # A number that is missing was dropped; so would a sample that never came be.
    missing = int((np.diff([line["index"] for line in counted]) - 1).sum())
    result = {
        "decisions": len(counted),
        "seconds": round(counted[-1]["time"] - counted[0]["time"], 1),
        "missing": missing,
        "refused": sum(line["status"] not in ("ok", "warming") for line in lines),
        "dropped": json.loads(notes[-1])["dropped_decisions"],
        "encoder_alone_ms": round(alone, 2),
        "age_ms": spread(ages),
        "p99_over_encoder_ms": round(float(np.percentile(ages, 99)) - alone, 2),
        "compute_ms": spread(np.array([line["compute_ms"] for line in counted])),
        "computer_late_ms": spread(np.fromfile(sleeps, "<f4")),
    }
    if beats.exists():
        result["event_loop_late_ms"] = spread(np.fromfile(beats, "<f4"))
    return result


def spread(values: np.ndarray) -> dict[str, float]:
    """Return percentiles in words."""
    names = {"p50": 50, "p90": 90, "p99": 99, "p99.9": 99.9, "most": 100}
    return {name: round(float(np.percentile(values, q)), 2) for name, q in names.items()}


def encoder_alone(folder: Path, hop: int) -> float:
    """Return the milliseconds, by the clock, that the decoder's encoder takes for a hop: median."""
    import torch

    from core.decoding.storage.decoder_file import load_decoder

    one_torch_thread()
    decoder = load_decoder(folder / "decoder.safetensors")
    windows = WindowDecoder(decoder, decoder.load_encoder(None, home_folder(None)), hop)
    piece = np.random.default_rng(0).normal(0, 20, (hop, len(decoder.settings.channels)))
    took = []
    silent = (max(decoder.window, decoder.warmup) + 256) // hop  # hops until all of it is at work
    with torch.inference_mode():
        for number in range(silent + 150):
            begun = time.perf_counter()
            windows.push(piece)
            if number >= silent:
                took.append(time.perf_counter() - begun)
    return 1e3 * float(np.median(took))


def prepare(
    folder: Path, labels: tuple[str, ...], encoder: str, rate: float, seconds: float
) -> None:
    """Write a recording of a simulated subject, so long, and a decoder with the encoder."""
    import mne

    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder
    from core.decoding.storage.decoder_file import save_decoder
    from simulation.synthetic import session

    one_torch_thread()
    classes = ("left_hand", "right_hand")
    # The first trials may be over before an encoder that looks at the run is warm.
    trained = session(10, classes, labels=labels, rate=rate)
    settings = FitSettings(head="encoder", encoder=encoder, repeats=1)
    fit = fit_decoder([trained], {name: name for name in classes}, "01", settings)
    save_decoder(fit.decoder, folder / "decoder.safetensors")
    told = session(1 + round(seconds / 16), classes, labels=labels, rate=rate, run=2)
    info = mne.create_info(list(labels), rate, "eeg", verbose="ERROR")
    raw = mne.io.RawArray(told.samples_uv.T * 1e-6, info, verbose="ERROR")
    raw.save(folder / "subject_raw.fif", verbose="ERROR")


def _program(beats: Path, arguments: list[str]) -> int:
    """Be ``eegpt-realtime``, and write down how late a timer in its event loop is."""
    from realtime import cli, window

    if "--headless" not in arguments:
        from PySide6.QtCore import QEventLoop, Qt, QTimer

        file = beats.open("wb")
        before = [0.0]

        def beat() -> None:
            now = time.perf_counter()
            if before[0]:
                np.float32(1e3 * (now - before[0]) - BEAT).tofile(file)
            before[0] = now

        class Loop(QEventLoop):
            def exec(self, *given: object) -> int:
                timer = QTimer(interval=BEAT, timerType=Qt.TimerType.PreciseTimer)
                timer.timeout.connect(beat)
                timer.start()
                QTimer.singleShot(TASK_BEGINS, _begin_task)
                try:
                    return super().exec(*given)
                finally:
                    timer.stop()
                    file.close()

        window.QEventLoop = Loop  # type: ignore[misc]
    return cli.main(arguments)


def _begin_task() -> None:
    """Press Space in the view of a feedback task, if there is one."""
    from PySide6.QtWidgets import QApplication

    from realtime.tasks.view import TaskView

    for widget in QApplication.topLevelWidgets():
        if isinstance(widget, TaskView):
            widget.pressed.emit()


def _sleep(to: Path) -> int:
    """Ask again and again for 2 ms of sleep, and write down how much longer it was."""
    with to.open("wb", buffering=0) as file:
        while True:
            begun = time.perf_counter()
            time.sleep(0.002)
            np.float32(1e3 * (time.perf_counter() - begun) - 2.0).tofile(file)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="untrained-large")
    parser.add_argument("--hops", type=int, nargs="+", default=[16, 8], help="samples at 256 Hz")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each hop")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--rate", type=float, default=256.0)
    parser.add_argument("--chunk", type=int, default=1, help="samples that are sent at once")
    parser.add_argument("--headless", action="store_true", help="no window")
    parser.add_argument("--panels", action="store_true", help="all of them open")
    parser.add_argument("--task", help="a feedback task that is played meanwhile")
    parser.add_argument("--load", type=int, default=0, help="processes that do other work")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--be-program", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--be-sleeper", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("arguments", nargs="*", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb" if os.environ.get("DISPLAY") else "offscreen")
    sys.exit(main())
