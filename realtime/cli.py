"""The command ``eegpt-realtime``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import InputError
from core.program import print_version, run_command_line, write_line

if TYPE_CHECKING:
    from realtime.options import Options

PROGRAM = "eegpt-realtime"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(PROGRAM, argv, _run)


def _run(given: list[str]) -> int:
    if given[:1] == ["doctor"]:
        from realtime.doctor import main as doctor

        return doctor(given[1:])
    if given[:1] == ["score"]:
        from realtime.scoring import main as score

        return score(given[1:])
    from core.command_line import parse
    from realtime.options import Options

    return _main(parse(Options, PROGRAM, given))


def _main(options: Options) -> int:
    if options.version:
        print_version(PROGRAM)
        return 0
    if options.local:
        from core.stream.local import keep_local

        keep_local()
    if options.list and options.file is None:
        return _list_streams()
    _check_values(options)
    _check_recentring(options)
    _check_decoder(options)
    _check_places(options)
    _check_task(options)
    if options.file is not None:
        if given := options.of_streams:
            raise InputError(f"--file decodes all of a recording; leave out {', '.join(given)}.")
        from realtime.decode_file import decode_file

        return decode_file(options)
    from ui.display import dress

    dress(options.theme, options.scale)
    if options.names_nothing:
        return _launch(options)
    if options.demo:
        from realtime.demo import run_demo

        return run_demo(options)
    from realtime.app import run_live

    return run_live(options)


def _check_values(options: Options) -> None:
    """Refuse numbers, cues and texts that make no sense before anything is opened."""
    options.evidence()
    options.cue_events  # noqa: B018 - refuses what names no class
    if options.duration is not None and not options.duration > 0:
        raise InputError(f"--duration is {options.duration:g} s; it must be more than 0.")
    if options.unit is not None:
        from core.units import factor

        factor(options.unit, "uV")  # refuses what is no voltage
    if options.text_encoder is not None and not options.prompts and options.without_window:
        raise InputError(
            "--text-encoder is for texts of --prompts, or typed in the window; name some with "
            "--prompts."
        )


def _check_decoder(options: Options) -> None:
    """Refuse flags that name more than one decoder, or are of another kind of decoder."""
    chosen_by = None if options.record is not None else options.subject
    if options.decoder is not None and chosen_by is not None:
        raise InputError("Both --subject and --decoder were given; choose one.")
    if options.uncalibrated and (options.decoder or chosen_by or options.file):
        raise InputError("--uncalibrated takes no --decoder, --subject or --file; choose one.")
    if not options.uncalibrated and (options.sites != "all" or options.regress_eyes):
        raise InputError(
            "--sites and --regress-eyes go with --uncalibrated; a decoder's own are in its file, "
            "chosen by eegpt-calibrate."
        )


def _check_task(options: Options) -> None:
    """Refuse a feedback task that there is not, or that has no window or no trials."""
    if options.task is not None:
        from realtime.tasks.registry import check_task

        check_task(options.task)
        if options.headless or options.file is not None:
            raise InputError("--task is shown in the window; leave out --headless and --file.")
    if options.headless and "--trials" in options.of_streams:
        raise InputError("--trials is for a --task, which the window shows; leave out --headless.")
    if not 1 <= options.trials <= 200:
        raise InputError(f"--trials is {options.trials}; it must lie between 1 and 200.")


def _check_recentring(options: Options) -> None:
    """Refuse a recentring or an adaptation that cannot be."""
    from core.decoding.recentring import check_flags

    check_flags(options.recentre, options.recentre_seconds, options.adapt)
    asked = options.recentre == "start" or options.recentre_seconds is not None
    if options.uncalibrated and asked:
        raise InputError(
            "--uncalibrated takes its reference from the first minute anyway; leave out --recentre."
        )
    if options.adapt_from is not None and (options.file is None or options.adapt):
        raise InputError(
            "--adapt-from repeats the adaptation of a run on its recording: give it with --file, "
            "and leave out --adapt."
        )
    if options.demo and options.adapt:
        raise InputError("--demo has no cues and calibrates anew; leave out --adapt.")


def _launch(options: Options) -> int:
    """Show the launcher, which starts the programs."""
    from core.machine.home import home_folder
    from ui.display import check_display

    check_display()
    from realtime.launcher.programs import Programs
    from realtime.launcher.window import run_launcher

    return run_launcher(home_folder(options.home), Programs(options.home, options.local))


def _check_places(options: Options) -> None:
    """Refuse places that cannot be written to before anything is opened or waited for."""
    from core.machine.files import check_folder, check_new_file

    if options.home is not None and (options.demo or options.home.exists()):
        check_folder(options.home, "--home")
    if options.record is not None:
        if options.demo or options.file is not None:
            raise InputError("--record is for the live stream of a person; leave it out here.")
        if options.uncalibrated and options.subject is None:
            raise InputError("--record has to know whom it records: name them with --subject.")
        check_folder(options.record, "--record")
    if options.screenshot is not None:
        if options.headless or options.file is not None:
            raise InputError("--screenshot is of the window; leave out --headless and --file.")
        check_new_file(options.screenshot, "--screenshot")
        if not options.screenshot.parent.is_dir():
            raise InputError(f"--screenshot: there is no folder {options.screenshot.parent}.")
    if options.pictures is not None:
        if options.headless or options.file is not None or options.demo:
            raise InputError(
                "--pictures are shown in the window of a decoder; leave out --headless, --file and "
                "--demo."
            )
        if not options.pictures.is_dir():
            raise InputError(f"--pictures: there is no folder {options.pictures}.")
    if options.log is not None:
        from realtime.engine.adaptation_log import adaptation_log
        from realtime.engine.sinks import cue_log, decoder_file, reference_file, stream_log

        beside = [reference_file, cue_log, adaptation_log]
        beside += [stream_log] * (options.file is None) + [decoder_file] * options.uncalibrated
        for file in (options.log, *(place(options.log) for place in beside)):
            check_new_file(file, "--log")


def _list_streams() -> int:
    from core.stream.discovery import heard_streams

    stream = None
    for stream in heard_streams():
        write_line(stream)
    if stream is None:
        print("No LSL stream can be seen. Is the sender running, and on this network?")
    return 0


if __name__ == "__main__":
    sys.exit(main())
