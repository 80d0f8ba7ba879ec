"""The command ``eegpt-calibrate``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from calibration.commands import COMMANDS
from calibration.options import FitFlags
from core.command_line import ProgramOptions, parse_command
from core.errors import InputError
from core.program import print_version, run_command_line, write_line

if TYPE_CHECKING:
    from calibration.fit_settings import FitSettings
    from calibration.fitting import Fit
    from calibration.task_heads import GalleryMaker
    from core.decoding.decoder import Decoder
    from core.fitting.trials.task import Task
    from core.recordings import Recording

PROGRAM = "eegpt-calibrate"


@dataclass(frozen=True)
class FitCommand(ProgramOptions):
    """Fit a decoder on recordings of one person.

    Example: eegpt-calibrate fit R04.edf R08.edf --subject 01 --event T1=left_hand
    --event T2=right_hand
    """

    files: tyro.conf.Positional[tuple[Path, ...]]
    """Recordings: EDF, BDF, GDF, BrainVision, EEGLAB, FIF, XDF, text of a recorder, and others;
    docs/formats.md lists them all."""
    subject: str
    """Label of the person, letters and digits."""
    event: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """LABEL=CLASS: which event of the recordings is the cue of which class; once for each label.
    Without it, events named left_hand, right_hand, feet, tongue or rest are taken."""
    task: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=SOURCE:CLASS,SOURCE:CLASS: a task beside that of --event, or the first one without it,
    such as eyes=R01.edf:open,R02.edf:closed. A source is the label of an event or the name of a
    recording; with numbers in place of classes it is a scale. May be given several times."""
    state: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=SOURCE:CLASS,SOURCE:CLASS: as --task, of something that lasts for minutes: its readout
    keeps the last two. May be given several times."""
    gate: bool = False
    """A task more, of the first one's classes: a gate weighs covariances and tokens for each
    window."""
    task_gate: bool = False
    """A task more, called which-task: which task's trials a window is like."""
    caption: str | None = None
    """A table of what trials are known by (label of an event, stim_file, or recording) and their
    captions, or events, for the column "text" of BIDS events: a task of finding the text. With
    --image-encoder the captions are files of pictures, for events in the column "stim_file"."""
    heads: Path | None = None
    """Heads that were trained on other people (python -m training.heads), in place of a fit: one
    recording aligns them, and its events are not looked at."""
    text_encoder: str = "wordllama"
    """What makes vectors of captions: wordllama, a folder with a model of sentence-transformers,
    or a safetensors file with a vector for each caption."""
    image_encoder: str | None = None
    """What makes vectors of pictures: timm:NAME:FILE or torchvision:NAME:FILE, a network and its
    weights in safetensors, or untrained:SEED."""
    pictures: Path | None = None
    """Folder of the pictures; by default that of the table, or stimuli in the BIDS data set."""
    session: str = ""
    """Label of the session, if the person has several."""
    fit: tyro.conf.OmitArgPrefixes[FitFlags] = field(default_factory=FitFlags)
    reference: str | None = None
    """average or recorded; by default average from 16 electrodes on."""
    unit: str | None = None
    """Unit of the values, such as uV: of recordings that do not say it."""
    stream: str | None = None
    """Name of the stream, else its type: of XDF files that have several."""
    channels: str | None = None
    """Names of the channels, in order, separated by commas: of the recordings; - for one that is
    not used."""
    seed: int = 0
    """Seed of what is random: the folds of the cross-validation."""
    out: Path | None = None
    """Where to write the decoder; by default into the programs' folder."""
    report: Path | None = None
    """FILE.html: write a report to look at, and its numbers as FILE.numbers.json."""
    home: Path | None = None
    """The programs' folder, instead of EEGPT_HOME or the platform's data folder."""

    def execute(self) -> int:
        """Fit, save and report."""
        return _fit(self)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(PROGRAM, argv, _run)


def _run(given: list[str]) -> int:
    if given[:1] == ["--version"]:
        print_version(PROGRAM)
        return 0
    if not given or (given[0].startswith("-") and given[0] not in ("-h", "--help")):
        given = ["run", *given]
    command = parse_command(
        {**COMMANDS, "fit": FitCommand},
        PROGRAM,
        given,
        "Make a decoder for one person. Without a subcommand: run.",
    )
    code: int = command.execute()
    return code


def _fit(command: FitCommand) -> int:
    from core.bids_labels import bids_label
    from core.machine.home import home_folder

    subject = bids_label(command.subject)
    session = bids_label(command.session, "Session") if command.session else ""

    from calibration.fitting import fit_decoder
    from calibration.priors import read_alike, starting_head
    from calibration.report import as_json, as_text, check_report_path
    from calibration.report.page import NUMBERS
    from core.machine.files import check_folder, check_new_file
    from core.montage import names_in
    from core.recordings import (
        implausible_amplitude,
        print_notes,
        read_recordings,
        without_bad_channels,
    )

    asked = command.fit
    several = (
        bool(command.task or command.state)
        or command.gate
        or command.task_gate
        or command.caption is not None
    )
    if several and (asked.refine or asked.prior):
        raise InputError(
            "--refine and --prior are for one task; leave them out, or leave out --task, "
            "--state, --gate, --task-gate and --caption."
        )
    _check_pictures(command)
    if command.heads is not None:
        _check_heads(command)
    out = None if command.out is None else _free(command.out)
    if out is None or command.home is not None:
        check_folder(home_folder(command.home), "--home")
    if command.report is not None:
        check_new_file(check_report_path(command.report), "--report")
        if out is not None and command.report.with_suffix(NUMBERS) == out.with_suffix(".json"):
            raise InputError(
                f"--out and --report would both write {out.with_suffix('.json')}; give one of them "
                "another name."
            )
    names = names_in(command.channels)
    recordings = read_recordings(command.files, command.unit, command.stream, names, eog=True)
    if not any(map(implausible_amplitude, recordings)):  # else the fit refuses, with that sentence
        print_notes(recordings)
    if command.heads is not None:
        from calibration.heads_of_others import decoder_of_heads

        source, place = asked.encoder, home_folder(command.home)
        decoder, text = decoder_of_heads(command.heads, recordings, subject, source, place)
        _write(command, decoder, recordings, text, None, out)
        return 0
    settings = asked.settings(home_folder(command.home), command.reference, command.seed)
    if several:
        return _fit_tasks(command, recordings, settings, subject, session, out)
    events = _events(command.event, recordings)
    prior = starting_head(
        asked.prior,
        without_bad_channels(recordings)[0].labels,
        events,
        settings,
        recordings,
        partial(read_alike, unit=command.unit, stream=command.stream, names=names),
    )
    fit = fit_decoder(recordings, events, subject, settings, session, prior=prior)
    if fit.unkept:
        raise InputError(fit.unkept)
    if asked.refine:
        from calibration.finetuning import RefineSettings, refine

        # With the seed of the fit, so that both are compared on the same folds.
        tuned = RefineSettings(seed=settings.seed)
        fit = refine(fit, settings.encoder, tuned, home=settings.home)
    _save(command, fit, recordings, as_text(fit), as_json(fit), out)
    return 0


def _check_heads(command: FitCommand) -> None:
    """Refuse what a file of heads does not leave open."""
    alone = replace(FitFlags(), encoder=command.fit.encoder)
    kept = ("files", "subject", "heads", "unit", "stream", "channels", "out", "home", "verbose")
    given = [
        option.name
        for owner, usual in ((command, FitCommand), (command.fit, alone))
        for option in fields(owner)
        if option.name not in (*kept, "fit")
        and getattr(owner, option.name) != getattr(usual, option.name)
    ]
    if given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise InputError(
            f"--heads takes tasks and signal path of its file and fits nothing; leave out {flags}."
        )


def _fit_tasks(
    command: FitCommand,
    recordings: Sequence[Recording],
    settings: FitSettings,
    subject: str,
    session: str,
    out: Path | None,
) -> int:
    """Fit a decoder of several tasks."""
    from calibration.report.tasks import tasks_as_json, tasks_as_text
    from calibration.tasks import fit_tasks
    from core.decoding.outputs import CLASSES
    from core.decoding.readouts import FIRST
    from core.fitting.trials.task import Task, parse_task

    tasks = [parse_task(given) for given in command.task]
    states = [parse_task(given) for given in command.state]
    if numbers := [task.name for task in states if task.kind != CLASSES]:
        raise InputError(
            f"--state {numbers[0]} has numbers; a state has classes. For a number of each window "
            "take --task."
        )
    if events := _events(command.event, [] if tasks else recordings):
        tasks.insert(0, Task(FIRST, events))
    tasks += [replace(task, state=True) for task in states]
    galleries = None
    if command.caption is not None:
        from calibration.captions import caption_task

        pictures = command.image_encoder is not None
        captions, recordings = caption_task(command.caption, recordings, pictures)
        galleries = _galleries(command, captions, recordings)
        tasks.append(captions)
    gates = command.gate, command.task_gate
    fits = fit_tasks(recordings, tasks, subject, settings, session, galleries, *gates)
    if fits.first.unkept:
        raise InputError(fits.first.unkept)
    _save(command, fits.first, recordings, tasks_as_text(fits), tasks_as_json(fits), out)
    return 0


def _check_pictures(command: FitCommand) -> None:
    """Refuse options of pictures that nothing would be done with."""
    if command.image_encoder is None:
        if command.pictures is not None:
            raise InputError("--pictures is for a gallery of pictures; add --image-encoder.")
        if command.caption is None and command.text_encoder != FitCommand.text_encoder:
            raise InputError("--text-encoder is for texts of --caption; add --caption TABLE.")
        return
    if command.caption is None:
        raise InputError(
            "--image-encoder is for pictures that --caption names; add --caption TABLE."
        )
    if command.text_encoder != FitCommand.text_encoder:
        raise InputError(
            "Both --text-encoder and --image-encoder were given, and --caption has one gallery; "
            "choose one."
        )
    if command.pictures is not None and not command.pictures.is_dir():
        raise InputError(f"--pictures: there is no folder {command.pictures}.")


def _galleries(
    command: FitCommand, captions: Task, recordings: Sequence[Recording]
) -> GalleryMaker:
    """Return what embeds the texts or pictures of a task."""
    if command.image_encoder is None:
        from core.text_encoder import load_text_encoder

        return load_text_encoder(command.text_encoder)
    from calibration.captions import picture_folder
    from core.pictures.encoders import load_image_encoder
    from core.pictures.gallery import PictureSet

    assert command.caption is not None
    folder = command.pictures or picture_folder(command.caption, recordings)
    names = tuple(dict.fromkeys(captions.meanings.values()))
    return PictureSet(names, folder, load_image_encoder(command.image_encoder))


def _save(
    command: FitCommand,
    fit: Fit,
    recordings: Sequence[Recording],
    text: str,
    numbers: str,
    out: Path | None,
) -> None:
    """Write a decoder and its reports."""
    from calibration.report import analyse, write_report

    _write(command, fit.decoder, recordings, text, numbers, out)
    if command.report is not None:
        write_line(f"Page:    {write_report(analyse(fit, recordings), command.report)}")


def _write(
    command: FitCommand,
    decoder: Decoder,
    recordings: Sequence[Recording],
    text: str,
    numbers: str | None,
    out: Path | None,
) -> None:
    """Write a decoder, and beside it what is said and counted of it."""
    from core.decoding.storage.decoder_file import save_decoder
    from core.decoding.storage.library import new_decoder_path
    from core.machine.files import write_whole
    from core.machine.home import home_folder
    from core.recordings import notes_of

    facts = decoder.facts
    text = "\n".join((text, *_noted(notes_of(recordings))))
    path = out or new_decoder_path(home_folder(command.home), facts.subject, facts.created)
    save_decoder(decoder, path)
    beside = {".txt": text} if numbers is None else {".txt": text, ".json": numbers}
    for suffix, content in beside.items():
        write_whole(path.with_suffix(suffix), f"{content}\n".encode(errors="replace"))
    more = "" if numbers is None else " and .json"
    write_line(f"{text}\n\nDecoder: {path}\nReport:  {path.with_suffix('.txt')}{more}")


def _noted(notes: Sequence[str]) -> list[str]:
    """Return the lines of a report that say what reading the recordings left out or assumed."""
    return ["", "Recordings:", *(f"- {note}" for note in notes)] if notes else []


def _free(out: Path) -> Path:
    """Return where the decoder goes, if nothing is there yet, nor where its reports go."""
    from core.decoding.storage.decoder_file import SUFFIX
    from core.machine.files import check_new_file

    if out.is_dir():
        raise InputError(f"--out names a folder, {out}; name a new file in it.")
    path = out if out.suffix == SUFFIX else out.with_name(out.name + SUFFIX)
    for place in (path, path.with_suffix(".txt"), path.with_suffix(".json")):
        check_new_file(place, "--out")
    return path


def _events(given: Sequence[str], recordings: Sequence[Recording]) -> dict[str, str]:
    """Return label -> class, from ``LABEL=CLASS`` texts or from labels that are class names."""
    from calibration.classes import check_events, cue_events
    from core.fitting.trials.labels import parse_events

    return check_events(parse_events(given)) if given else cue_events(recordings)


if __name__ == "__main__":
    sys.exit(main())
