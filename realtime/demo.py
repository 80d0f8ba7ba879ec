"""The demo: a simulated subject, calibrated in seconds and decoded live."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from core.encoders import DEFAULT
from core.errors import InputError
from core.machine.home import home_folder
from core.program import say
from core.stream.discovery import StreamQuery, find_stream
from core.stream.inlet import Inlet
from realtime.app import build_engine, wait_headless
from realtime.panels.arrangement import ARRANGEMENT
from simulation.synthetic import SimulatedSubject, session
from ui.display import loading

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime.options import Options

CLASSES = ("left_hand", "right_hand", "rest")
SUBJECT = "demo"
_TRIALS = 12  # of each class: enough for a subject that never tires
_SEED = 1
_CALIBRATING, _OPENING = _LOADED = "Calibrating on the simulated subject", "Opening the window"


def run_demo(options: Options) -> int:
    """Calibrate on a simulated subject, send it as a stream, and decode that stream.

    The stream is a real one: any other program sees it too.

    Raises
    ------
    InputError
        If options were given that choose another stream or decoder.
    """
    theirs = (options.stream, options.type, options.source_id, options.host)
    if any(theirs) or options.decoder or options.subject or options.uncalibrated:
        raise InputError("--demo brings its own stream and decoder; leave out the others.")
    with loading("eegpt-realtime", _LOADED, not options.headless) as begin:
        return _run_demo(options, begin)


def _run_demo(options: Options, begin: Callable[[str], object]) -> int:
    """Run the demo, and tell which step of `_LOADED` begins; none where the window opens."""
    begin(_CALIBRATING)
    from calibration.fit_settings import FitSettings
    from calibration.fitting import fit_decoder
    from calibration.report import as_text
    from core.decoding.storage.decoder_file import save_decoder
    from core.decoding.storage.library import new_decoder_path

    person = SimulatedSubject(seed=_SEED)
    say(f"A simulated subject imagined each hand {_TRIALS} times, and rested; calibrating ...")
    fit = fit_decoder(
        [session(_TRIALS, CLASSES, seed=_SEED)],
        {name: name for name in CLASSES},
        SUBJECT,
        FitSettings(options.encoder or DEFAULT, repeats=1, home=home_folder(options.home)),
    )
    say(as_text(fit))
    # In a folder of its own: nobody's stream shall be decoded with it by mistake.
    home = home_folder(options.home) / SUBJECT
    path = new_decoder_path(home, SUBJECT, fit.decoder.facts.created)
    save_decoder(fit.decoder, path)
    say(f"\nDecoder: {path}")

    from simulation.player import simulate

    # The process in the name keeps two demos on one machine apart.
    name = f"EEGPT-Demo-{os.getpid()}"
    stop = threading.Event()
    sender = threading.Thread(
        target=simulate, args=(person, name), kwargs={"stop": stop, "say": say}, daemon=True
    )
    sender.start()
    begin(_OPENING)
    try:
        with Inlet(find_stream(StreamQuery(name=name), timeout=options.timeout)) as inlet:
            engine = build_engine(replace(options, stream=name), inlet, fit.decoder)
            engine.start()
            try:
                if options.headless:
                    return wait_headless(engine, options.duration)
                from realtime.window import run_window

                begin("")
                return run_window(
                    engine,
                    on_imagine=person.imagine,
                    arrangement=home_folder(options.home) / ARRANGEMENT,
                    screenshot=options.screenshot,
                    duration=options.duration,
                    task=options.task,
                    trials=options.trials,
                )
            finally:
                engine.stop()
    finally:
        stop.set()
        sender.join()
