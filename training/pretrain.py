"""Pretrain an encoder: ``python -m training.pretrain tiny --folder runs/first --store STORE``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import tyro
from pydantic import ValidationError

from core.command_line import ProgramOptions, parse
from core.errors import InputError
from core.program import run_command_line
from core.settings import in_a_sentence
from training.pretraining.output.folder import RunFolder, check_same, check_same_store
from training.pretraining.settings import PretrainSettings
from training.recipes import RECIPES, settings_from, settings_of

if TYPE_CHECKING:
    from training.pretraining.trainer import Trainer
    from training.store import Store

PROGRAM = "training.pretrain"
CONFIGS = Path(__file__).parent / "configs"


S = TypeVar("S", bound=PretrainSettings)


@dataclass(frozen=True)
class PretrainCommand(ProgramOptions, Generic[S]):
    """Pretrain an encoder on a window store.

    Usage: python -m training.pretrain [CONFIG] --folder DIR --store DIR [--SETTING VALUE ...]
    or, to go on, python -m training.pretrain --resume DIR. CONFIG is a YAML file, the name of
    one in training/configs, or a recipe. Start it with torchrun for several processes or
    machines.
    """

    settings: Annotated[S, tyro.conf.arg(name="")]
    folder: Path | None = None  # not "run": torchrun would take it for its own --run-path
    """Folder to make, for settings, curves and checkpoints."""
    resume: Path | None = None
    """Folder of a run to go on with, from its last checkpoint if it has one."""


PretrainCommand.__doc__ = (PretrainCommand.__doc__ or "").replace(
    "or a recipe.", f"or a recipe ({', '.join(RECIPES)}), whose settings its own --help lists."
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(PROGRAM, argv, _main)


def _main(given: list[str]) -> int:
    config = given.pop(0) if given and not given[0].startswith("-") else None
    default = PretrainCommand(_from_file(config, given))
    kind = type(default.settings)
    try:
        command = parse(PretrainCommand[kind], f"python -m {PROGRAM}", given, default)  # type: ignore[valid-type]
    except ValidationError as error:
        raise InputError(in_a_sentence(kind, error)) from error
    lengths = {"--epochs", "--steps"} & {word.partition("=")[0] for word in given}
    if len(lengths) == 2:
        raise InputError("--epochs and --steps both say how long to train; leave one of them out.")
    if "--epochs" in lengths:  # instead of steps that a file or a recipe presets
        settings = command.settings.model_copy(update={"steps": None})
        command = replace(command, settings=settings)
    if (command.folder is None) == (command.resume is None):
        raise InputError(
            "Say where the run's folder is: --folder DIR makes it, --resume DIR goes on."
        )
    if command.resume is not None and config is not None:
        raise InputError(f"A run that goes on has its settings already; leave {config} out.")
    return _pretrain(command)


def _from_file(config: str | None, given: list[str]) -> PretrainSettings:
    """Return the settings that flags change: of a file, or of the run that goes on."""
    if config is not None:
        if config in RECIPES and not (CONFIGS / f"{config}.yaml").is_file():
            return settings_of(config)()
        return settings_from(config_file(config))
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--resume", type=Path)
    resume = parser.parse_known_args(given)[0].resume
    if resume is not None:
        return RunFolder(resume).settings()
    return settings_of(next(iter(RECIPES)))()


def config_file(config: str) -> Path:
    """Return the file that a name or path means.

    Raises
    ------
    InputError
        If there is none.
    """
    for path in (Path(config), CONFIGS / f"{config}.yaml"):
        if path.is_file():
            return path
    names = ", ".join(sorted(path.stem for path in CONFIGS.glob("*.yaml")))
    raise InputError(
        f'There is no settings file "{config}"; files of ours are {names}, and recipes '
        f"{', '.join(RECIPES)}."
    )


def _pretrain(command: PretrainCommand[Any]) -> int:
    settings, folder = command.settings, RunFolder(command.folder or command.resume or Path())
    if not settings.store:
        raise InputError("Say which window store to train on: --store DIR.")
    settings = settings.model_copy(update={"store": str(Path(settings.store).resolve())})

    import torch

    from training.pretraining.allocator import keep_memory_steady
    from training.pretraining.distributed import Interruption, processes
    from training.pretraining.people import with_people
    from training.pretraining.trainer import Trainer
    from training.store import Store

    keep_memory_steady()
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    store = Store.open(settings.store)
    if command.resume is not None:
        check_same_store(
            folder.path, str(folder.facts().get("manifest_sha256")), store.manifest_sha256
        )
    settings = with_people(settings, store.subjects)
    if command.resume is not None:
        check_same(with_people(folder.settings(), store.subjects), settings, folder.path)
    training, held_out, test = store, None, None
    if settings.test_subjects:
        training, test = training.split(settings.test_subjects)
    if settings.validation_subjects:
        training, held_out = training.split(settings.validation_subjects)
    with processes(settings.device) as world, Interruption() as interruption:
        tell = print_line if world.first else _silent
        trainer = Trainer(settings, training, held_out, world, tell)
        if command.resume is not None and folder.last.is_file():
            trainer.load(folder)
        elif command.resume is not None:
            tell(f"{folder.path} ended before its first checkpoint; it begins again.")
        if world.first and command.resume is not None:
            folder.go_on(trainer.step)
        elif world.first:
            facts = _facts(trainer, training, held_out)
            facts |= {"test": None if test is None else _people(test)}
            facts |= {"weights": _weights(settings.weights)}
            folder.begin(settings, facts, trainer.columns)
        world.wait()  # the folder is there
        tell(
            f"{settings.recipe}, {trainer.recipe.spec.size}, {trainer.steps} steps of "
            f"{settings.batch} windows, "
            f"{trainer.windows.per_epoch} windows an epoch, on {world.count} x {world.device}"
        )
        code = trainer.run(folder, interruption)
        tell(f"Last checkpoint: {folder.last}")
    return code


def _facts(trainer: Trainer, training: Store, held_out: Store | None) -> dict[str, Any]:
    """Say what a run is made from, for its folder and the model card."""
    covariance = trainer.windows.covariance()
    return {
        "manifest_sha256": training.manifest_sha256,
        "band": asdict(training.form.band),
        "processes": trainer.world.count,
        "steps": trainer.steps,
        "windows_per_epoch": trainer.windows.per_epoch,
        "training": _people(training),
        "validation": None if held_out is None else _people(held_out),
        "channels": trainer.windows.channels(),
        "covariance": None if covariance is None else covariance.tolist(),
    }


def _weights(path: str | None) -> dict[str, Any] | None:
    """Say what the first weights were trained on, as the folder of their run or their file does."""
    from core.encoders import load_spec
    from training.evaluation.pretraining_overlap import recordings_seen

    if path is None:
        return None
    seen: Sequence[Sequence[str]] | None = None
    try:
        seen = RunFolder(Path(path).parent).seen()
    except InputError:  # no folder of a run
        with suppress(InputError):  # nor an encoder: who knows
            told = recordings_seen(load_spec(path))
            seen = None if told is None else [astuple(identity) for identity in told]
    return {} if seen is None else {"recordings": seen}


def _people(store: Store) -> dict[str, Any]:
    return {
        "subjects": list(store.subjects),
        "hours": round(store.hours, 3),
        "sources": sorted({recording.source for recording in store.recordings}),
        "recordings": sorted({(r.source, r.subject, r.session, r.run) for r in store.recordings}),
        "files": sorted({recording.origin_sha256 for recording in store.recordings}),
    }


def print_line(line: str) -> None:
    """Print a line at once, also into a pipe."""
    print(line, flush=True)


def _silent(line: str) -> None:
    """Say nothing: the first process speaks for all."""


if __name__ == "__main__":
    sys.exit(main())
