"""``eegpt-realtime doctor``: whether this installation can do what it is meant to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from core.command_line import ProgramOptions
from core.encoders import DEFAULT
from core.errors import InputError, one_line
from core.program import write_line

State = Literal["ok", "warning", "fails"]

PACKAGE = "eegpt-realtime"
REINSTALL = f"Install again: pip install --upgrade {PACKAGE}."
_SAMPLES, _RATE = 250, 250.0  # of the stream that is sent to this machine itself; number, Hz
_PATIENCE = 10.0  # s for that stream to be found, and for its samples to come
_FREE = (100e6, 2e9)  # bytes: too little, and little (an hour of 64 channels is 1 GB)
_STEPS = 40  # decisions that are timed
_PORTS = "UDP 16571 and TCP and UDP 16572-16604"

_SCREEN = """
import json
from PySide6.QtGui import QGuiApplication
application = QGuiApplication([])
screen = application.primaryScreen()
size = screen.size() if screen else None
print(json.dumps({
    "platform": application.platformName(),
    "rate": screen.refreshRate() if screen else 0.0,
    "size": [size.width(), size.height()] if size else [0, 0],
}))
"""
_SOUND = """
import json, sounddevice
print(json.dumps(sounddevice.query_devices(kind="output")["name"]))
"""


@dataclass(frozen=True)
class Diagnosis:
    """What a check found.

    Attributes
    ----------
    name : str
        What was looked at.
    state : {"ok", "warning", "fails"}
    text : str
        In plain words.
    advice : str
        What to do about it; empty where all is well.
    """

    name: str
    state: State
    text: str
    advice: str = ""

    def __str__(self) -> str:
        """Return it on one line."""
        advice = f" {self.advice}" if self.advice else ""
        return f"{self.state:<8} {self.name}: {self.text}{advice}"


@dataclass(frozen=True)
class DoctorCommand(ProgramOptions):
    """Check the installation: libraries, LSL, screen, sound, disk, model files, and speed.

    Prints one line a check; the exit code is 1 if anything fails. With --encoders, prints instead
    what each encoder needs, and what it costs on this machine.
    """

    encoder: str = DEFAULT
    """Encoder by name or path: imagery-2, imagery, imagery-2-with-eyes, starter, untrained, eegpt,
    labram, untrained-braingpt-base, braindecode:NAME, or a file."""
    encoders: bool = False
    """List all encoders: weights, licence, context, electrodes, time and memory of a decision."""
    stream: str | None = None
    """Name of the stream, else its type: one to compare the electrodes of --encoders with."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""


def main(argv: Sequence[str]) -> int:
    """Run the command line after ``doctor`` and return the exit code."""
    from core.command_line import parse

    command = parse(DoctorCommand, f"{PACKAGE} doctor", argv)
    if command.encoders:
        from realtime.encoder_survey import survey

        return survey(command.stream, command.home)
    if command.stream is not None:
        raise InputError("--stream goes with --encoders, which compares electrodes with a stream.")
    return examine(command)


def examine(command: DoctorCommand) -> int:
    """Run all checks, print each as it is done, and return 1 if one fails, else 0."""
    from core.machine.home import home_folder

    home = home_folder(command.home)
    checks: tuple[Callable[[], Diagnosis], ...] = (
        check_libraries,
        partial(check_disk, home),
        partial(check_encoder, command.encoder, home),
        partial(check_decoders, home),
        partial(check_speed, command.encoder, home),
        check_loopback,
        check_firewall,
        check_screen,
        check_sound,
    )
    states = []
    for check in checks:
        try:
            finding = check()
        except Exception as error:  # a broken installation can raise anything
            name = getattr(check, "func", check).__name__.removeprefix("check_")
            finding = Diagnosis(
                name, "fails", f"{type(error).__name__}: {one_line(error)}.", REINSTALL
            )
        states.append(finding.state)
        write_line(finding)
    return 1 if "fails" in states else 0


def check_libraries() -> Diagnosis:
    """Compare what is installed with what the package asks for."""
    from importlib.metadata import PackageNotFoundError, requires, version

    from packaging.requirements import Requirement

    versions, wrong = [], []
    for text in requires(PACKAGE) or ():
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            have = version(needed.name)
        except PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        versions.append(f"{needed.name} {have}")
        if not needed.specifier.contains(have, prereleases=True):
            wrong.append(f"{needed.name} is {have} where {needed.specifier} is needed")
    own = f"{PACKAGE} {version(PACKAGE)}, Python {sys.version.split()[0]}"
    if wrong:
        return Diagnosis("libraries", "fails", f"{own}; {'; '.join(wrong)}.", REINSTALL)
    return Diagnosis("libraries", "ok", f"{own}; {', '.join(versions)}.")


def check_disk(home: Path) -> Diagnosis:
    """See whether the programs' folder can be written to, and how much fits."""
    import shutil

    from core.machine.files import write_whole

    test = home / f".doctor-{os.getpid()}"
    try:
        write_whole(test, b"", overwrite=True).unlink()
        free = shutil.disk_usage(home).free
    except (InputError, OSError) as error:
        advice = "Choose another folder with --home or EEGPT_HOME."
        return Diagnosis("disk", "fails", one_line(error), advice)
    text = f"{free / 1e9:.1f} GB free in {home}."
    if free < _FREE[1]:
        state: State = "fails" if free < _FREE[0] else "warning"
        return Diagnosis(
            "disk", state, text, "Free some, or choose another folder with EEGPT_HOME."
        )
    return Diagnosis("disk", "ok", text)


def check_encoder(name: str, home: Path) -> Diagnosis:
    """Load an encoder, which compares its weights with their hash where there is one."""
    try:
        from core.encoders import load_encoder

        encoder = load_encoder(name, home=home)
    except InputError as error:
        return Diagnosis("encoder", "fails", one_line(error, 400))
    text = f"{encoder.spec.label}, SHA-256 of its weights {encoder.weights_sha256()[:12]}...."
    return Diagnosis("encoder", "ok", text)


def check_decoders(home: Path) -> Diagnosis:
    """Read every decoder that is kept."""
    from core.decoding.storage.decoder_file import SUFFIX, load_decoder
    from core.decoding.storage.library import FOLDER

    good, bad = 0, []
    for path in sorted((home / FOLDER).glob(f"*{SUFFIX}")):
        try:
            load_decoder(path)
            good += 1
        except InputError as error:
            bad.append(str(error))
    if bad:
        text = f"{good} can be used and {len(bad)} not: {one_line(bad[0], 400)}"
        return Diagnosis("decoders", "warning", text, "Move what cannot be used to another folder.")
    return Diagnosis("decoders", "ok", f"{good or 'none'} kept in {home / FOLDER}.")


def check_speed(name: str, home: Path) -> Diagnosis:
    """Time what every decision with an encoder takes, on all of its channels."""
    try:
        import numpy as np

        from core.decoding.features import TokenFeatures
        from core.encoders import load_encoder
        from core.machine.threads import one_torch_thread

        encoder = load_encoder(name, home=home)
    except InputError as error:
        return Diagnosis("time to a decision", "fails", one_line(error, 400))
    one_torch_thread()
    spec = encoder.spec
    count, hop = len(spec.ch_names), spec.default_hop
    stream = TokenFeatures(encoder, spec.ch_names, np.eye(count)).stream(hop)
    samples = np.random.default_rng(0).normal(0.0, 0.02, (hop, count))
    taken = []
    for _ in range(max(spec.window, spec.warmup) // hop + _STEPS):
        began = time.perf_counter()
        if stream.push(samples) is not None:
            taken.append(1000 * (time.perf_counter() - began))
    taken.sort()
    median, slow, hop_ms = taken[len(taken) // 2], taken[-1], 1000 * hop / spec.rate
    text = (
        f"{median:.1f} ms ({slow:.1f} ms the slowest of {len(taken)}) with {spec.label} on {count} "
        f"channels, every {hop_ms:g} ms."
    )
    advice = "Close other programs, or take a smaller encoder or a decoder without one."
    if median > hop_ms / 2:
        return Diagnosis(
            "time to a decision", "fails" if median > hop_ms else "warning", text, advice
        )
    return Diagnosis("time to a decision", "ok", text)


def check_loopback() -> Diagnosis:
    """Send a stream to this machine itself and receive it, as any other program would."""
    import numpy as np

    try:
        import pylsl

        from core.stream.discovery import StreamQuery, find_stream
        from core.stream.inlet import Inlet
        from core.stream.outlets import SignalOutlet
    except (ImportError, OSError, RuntimeError) as error:
        return Diagnosis(
            "LSL", "fails", f"its library does not load ({one_line(error)}).", REINSTALL
        )
    name = f"EEGPT-Doctor-{os.getpid()}"
    outlet = SignalOutlet(name, "Test", ["one"], "", _RATE, name)
    sent = np.arange(_SAMPLES, dtype=np.float32)[:, None]
    got: list[np.ndarray] = []
    try:
        with Inlet(find_stream(StreamQuery(name=name), _PATIENCE), timeout=_PATIENCE) as inlet:
            outlet.wait_for_consumer(_PATIENCE)
            began = pylsl.local_clock()
            outlet.push(sent, began + np.arange(_SAMPLES) / _RATE)
            while sum(map(len, got)) < _SAMPLES and pylsl.local_clock() < began + _PATIENCE:
                if (block := inlet.read(0.2)) is not None:
                    got.append(block.samples)
            took = 1000 * (pylsl.local_clock() - began)
    except InputError as error:
        text = f"a stream sent on this machine was not received: {one_line(error, 300)}"
        return Diagnosis(
            "LSL", "fails", text, "Look at the firewall, and at LSLAPICFG if it is set."
        )
    finally:
        outlet.close()
    version = f"liblsl {pylsl.library_version() // 100}.{pylsl.library_version() % 100}"
    if not got or not np.array_equal(np.concatenate(got), sent):
        text = f"{sum(map(len, got))} of {_SAMPLES} samples came over this machine's own network."
        return Diagnosis("LSL", "fails", f"{version}; {text}", "Look at the firewall.")
    return Diagnosis(
        "LSL", "ok", f"{version}; {_SAMPLES} samples sent here came back whole in {took:.0f} ms."
    )


def check_firewall() -> Diagnosis:
    """Say what may keep streams of other machines away; nobody can tell that from here."""
    settings = os.environ.get("LSLAPICFG")
    own = f" LSL's settings are those of {settings}." if settings else ""
    walls = []
    try:
        if "ENABLED=yes" in Path("/etc/ufw/ufw.conf").read_text(encoding="utf-8"):
            walls.append("ufw")
    except OSError:
        pass
    if Path("/run/firewalld").is_dir():
        walls.append("firewalld")
    if sys.platform in ("win32", "darwin"):
        walls.append("the system's own")
    if walls:
        text = f"there is one here ({', '.join(walls)}).{own}"
        advice = (
            f"If streams of other machines are not seen, let {_PORTS} in, or allow this Python "
            "on private networks."
        )
        return Diagnosis("firewall", "warning", text, advice)
    return Diagnosis("firewall", "ok", f"none known here; streams come in by {_PORTS}.{own}")


def check_screen() -> Diagnosis:
    """Open Qt in a process of its own, as it ends the whole process where there is no display."""
    if sys.platform.startswith("linux") and not any(
        os.environ.get(n) for n in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    ):
        text = "this session has no display."
        return Diagnosis("screen", "warning", text, "Windows cannot open; --headless works.")
    told, error = _ask(_SCREEN)
    if told is None:
        advice = (
            "On Debian and Ubuntu: apt install libegl1 libxkbcommon-x11-0 libxcb-cursor0. "
            "Until then --headless works."
        )
        return Diagnosis("screen", "fails", f"Qt cannot open a window ({error}).", advice)
    width, height = told["size"]
    text = f"Qt on {told['platform']}, {width} x {height} at {told['rate']:.0f} Hz."
    if told["platform"] in ("offscreen", "minimal"):
        return Diagnosis("screen", "warning", text, "No window is visible: QT_QPA_PLATFORM.")
    if told["rate"] < 50:
        return Diagnosis("screen", "warning", text, "Cues are late by up to a frame; set 60 Hz.")
    return Diagnosis("screen", "ok", text)


def check_sound() -> Diagnosis:
    """See whether the tone before a cue can be heard."""
    told, error = _ask(_SOUND)
    if told is not None:
        return Diagnosis("sound", "ok", f"{one_line(told, 80)}.")
    if "No module named" in error:
        text, advice = "the package sounddevice is not installed.", "pip install sounddevice."
    else:
        text, advice = f"no sound card can be used ({error}).", "Connect one."
    return Diagnosis("sound", "warning", text, f"Cues come without a tone. {advice}")


def _ask(code: str) -> tuple[dict[str, Any] | None, str]:
    """Run code in a process of its own; return what it prints as JSON, or the end of its woes."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, one_line(error)
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    lines = [line for line in lines if "could not" in line.lower()] or lines
    try:
        return json.loads(done.stdout.strip().splitlines()[-1]), ""
    except (IndexError, ValueError):
        return None, one_line(lines[-1] if lines else f"it ended with {done.returncode}")
