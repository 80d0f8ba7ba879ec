"""Make an encoder's file of a run: ``python -m training.export RUN --out FILE.safetensors``."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import tyro

from core.command_line import ProgramOptions, parse
from core.errors import InputError
from core.machine.files import check_new_file, write_whole
from core.program import run_command_line, write_line
from training.pretraining.output.folder import RunFolder
from training.recipes import RECIPES

if TYPE_CHECKING:
    from core.encoders import Encoder, EncoderSpec
    from core.signal.filtering import Band
    from training.pretraining.settings import PretrainSettings

PROGRAM = "training.export"


@dataclass(frozen=True)
class ExportCommand(ProgramOptions):
    """Write the encoder of a pretraining run, and its model card beside it.

    Example: python -m training.export runs/first --out encoder.safetensors
    """

    folder: tyro.conf.Positional[Path]
    """Folder of the run."""
    out: Path
    """File to write, ending in .safetensors; the card gets the same name and .md."""
    beside: tuple[Path, ...] = ()
    """Folders of other runs on the same store, whose encoders become one with this: those of the
    recipe classification, of the sizes small and course."""
    checkpoint: Literal["best", "last"] | None = None
    """Lowest validation loss, or newest; by default the best if there is one."""
    name: str = ""
    """What the encoder is called; by default after the run's folder and the size."""
    notes: Path | None = None
    """Markdown file to put into the card: licence and attribution of the data, scores."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(
        PROGRAM, argv, lambda given: _export(parse(ExportCommand, f"python -m {PROGRAM}", given))
    )


def _export(command: ExportCommand) -> int:
    from core.encoders import save_encoder

    check_new_file(command.out, "--out", ".safetensors")
    card = check_new_file(command.out.with_suffix(".md"), "--out")
    notes = "" if command.notes is None else _text(command.notes)
    runs = [RunFolder(path) for path in (command.folder, *command.beside)]
    encoders = [exported_encoder(run, command.checkpoint, command.name) for run in runs]
    encoder = combined(encoders) if command.beside else encoders[0]
    save_encoder(encoder, command.out)
    exported = list(zip(runs, encoders, strict=True))
    write_whole(card, model_card(encoder, exported, notes).encode(), shared=True)
    write_line(f"Encoder: {command.out}\nCard:    {card}")
    return 0


def exported_encoder(
    folder: RunFolder, checkpoint: Literal["best", "last"] | None = None, name: str = ""
) -> Encoder:
    """Return the encoder of a run, ready to be saved and used on what the store holds.

    Raises
    ------
    InputError
        If the folder is none of a run, or its checkpoint cannot be used.
    """
    from core.signal.filtering import Band
    from training.pretraining.output.checkpoints import load_checkpoint
    from training.recipes import recipe_of

    settings, facts, seen = folder.settings(), folder.facts(), folder.seen()
    chosen = checkpoint or ("best" if folder.best.is_file() else "last")
    path = folder.best if chosen == "best" else folder.last
    recipe = recipe_of(settings.model_copy(update={"weights": None}))
    size = recipe.spec.size
    progress = load_checkpoint(path, recipe.parts, f"{settings.recipe} {size}")
    encoder = recipe.encoder()
    covariance = facts["covariance"]
    encoder.spec = replace(
        encoder.spec,
        name=name or f"{folder.path.resolve().name}-{size}",
        trained=True,
        ch_names=tuple(facts["channels"]),
        covariance=None if covariance is None else tuple(map(tuple, covariance)),
        band=Band(**facts["band"]),
        provenance={
            "source": "training.pretrain",
            "recipe": settings.recipe,
            "checkpoint": chosen,
            "step": str(progress.step),
            "seed": str(settings.seed),
            "whitening": settings.whitening,
            "git_commit": str(facts["started"]["git_commit"]),
            "store_manifest_sha256": str(facts["manifest_sha256"]),
            **({} if seen is None else {"recordings": json.dumps(seen)}),
            **_labelled(settings.recipe, facts),
        },
    )
    return encoder.eval()


def combined(encoders: Sequence[Encoder]) -> Encoder:
    """Return the encoders of several runs as one, with the provenance of all.

    Raises
    ------
    InputError
        If they do not go together, or have learned from other recordings.
    """
    from core.encoders.bandpower.combining import combine
    from core.encoders.bandpower.model import BandPower

    kinds = [encoder for encoder in encoders if isinstance(encoder, BandPower)]
    stores = {encoder.spec.provenance["store_manifest_sha256"] for encoder in encoders}
    seen = {encoder.spec.provenance.get("recordings") for encoder in encoders}
    if len(kinds) < len(encoders) or len(stores) > 1 or len(seen) > 1:
        raise InputError(
            "--beside names runs of the recipe classification on one store that left out the same "
            "people; these are others."
        )
    whole = combine(kinds)
    facts = [encoder.spec.provenance for encoder in encoders]
    together = {key: ", ".join(dict.fromkeys(fact[key] for fact in facts)) for key in facts[0]}
    whole.spec = replace(whole.spec, provenance=together)
    return whole


def _labelled(recipe: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """Return which files a recipe has read labels of, as `EncoderSpec.labels_seen` reads it."""
    if not import_module(RECIPES[recipe][0]).RECIPE.reads_labels:
        return {}
    from core.encoders.spec import DIGITS, LABELLED

    parts = [facts["training"], facts.get("validation") or {}]
    digests = {digest for part in parts for digest in part.get("files", [])}
    return {LABELLED: " ".join(sorted(digest[:DIGITS] for digest in digests))}


def model_card(
    encoder: Encoder, exported: Sequence[tuple[RunFolder, Encoder]], notes: str = ""
) -> str:
    """Return the card of an exported encoder, as Markdown.

    Parameters
    ----------
    encoder : Encoder
    exported : sequence of (RunFolder, Encoder)
        What it was made of: the runs, and the encoder of each.
    notes : str
        Markdown to put at its end.
    """
    folder = exported[0][0]
    settings, facts, spec = folder.settings(), folder.facts(), encoder.spec
    size = sum(parameter.numel() for parameter in encoder.parameters())
    labels = import_module(RECIPES[settings.recipe][0]).RECIPE.reads_labels
    parts = [
        f"# {spec.name}",
        f"An EEG encoder of {size:,} parameters ({spec.family}, {spec.size}), pretrained "
        f"{'with' if labels else 'without'} labels by eegpt-realtime.",
        "## What it takes and gives\n\n"
        f"- {spec.unit} at {spec.rate:g} Hz, patches of {spec.patch} samples, trained on windows "
        f"of {settings.window}\n"
        f"- {_treatment(settings, spec.band)}\n"
        f"- {len(spec.ch_names)} electrodes: {' '.join(spec.ch_names)}\n"
        f"- {_tokens(spec)}\n"
        + "".join(
            f"- an electrode graph that learned {' or '.join(classes)} from them\n"
            for classes in spec.graph_tasks.values()
        )
        + f"- SHA-256 of the weights: `{encoder.weights_sha256()}`",
        "## Data\n\n"
        + _data("Trained on", facts["training"])
        + _data("Checkpoint chosen on", facts["validation"])
        + _data("Left out altogether", facts.get("test"))
        + _sources(facts)
        + f"- store: manifest `{facts['manifest_sha256']}`",
        *(_run(run, origin.spec.provenance, labels) for run, origin in exported),
        "## What it is not\n\n"
        "Not the published EEGPT weights, and no medical device. It was seen to work, if at all, "
        "on the people, electrodes and amplifiers named here only; a decoder on it needs a "
        "calibration of its own, and a comparison with random weights of the same size.",
    ]
    if notes:
        parts.append(notes.strip())
    return "\n\n".join(parts) + "\n"


def _tokens(spec: EncoderSpec) -> str:
    tokens, width = spec.tokens
    left_out = f"; regressed out of the others before: {' '.join(spec.regressors)}"
    if tokens is None:
        return f"a token of {width} features for each electrode, every {spec.stride} samples"
    of = f"{tokens} token{'s' * (tokens > 1)} of {width} features for each patch of all channels"
    return of + left_out * bool(spec.regressors)


def _treatment(settings: PretrainSettings, band: Band) -> str:
    treated = f"causally filtered to {band.label}"
    if settings.whitening != "none":
        beginning = getattr(settings, "align_seconds", None)
        whose = "each session's channels"
        if beginning is not None:
            whose = f"each recording's channels, by its first {beginning:g} s,"
        treated += f", {whose} whitened to equal variance (Euclidean alignment)"
    return treated


def _data(heading: str, people: dict[str, Any] | None) -> str:
    if people is None:
        return ""
    return (
        f"- {heading}: {people['hours']:g} hours of {len(people['subjects'])} people "
        f"({', '.join(people['subjects'])})\n"
    )


def _sources(facts: dict[str, Any]) -> str:
    """Say where the data are from, and under which licence."""
    from training.sources.catalogue import SOURCES

    people = [facts["training"], facts["validation"] or {"sources": []}]
    names = sorted({name for some in people for name in some["sources"]})
    kinds = {name: SOURCES.get(name) or SOURCES.get(name.partition("-")[0]) for name in names}
    return "".join(
        f"- {name}: {kind.where if kind else 'not one of our sources'}\n"
        for name, kind in kinds.items()
    )


def _run(folder: RunFolder, origin: Mapping[str, str], labels: bool) -> str:
    """Return the sections of a run: its recipe, and its losses."""
    settings, facts = folder.settings(), folder.facts()
    return (
        "## Recipe\n\n"
        f"Checkpoint `{origin['checkpoint']}`, step {origin['step']} of {facts['steps']}, seed "
        f"{settings.seed}, on torch {facts['started']['torch']}, code {origin['git_commit']}. "
        f"The data's labels were {'what was learned' if labels else 'never read'}.\n\n"
        f"```yaml\n{_recipe(folder)}```\n\n"
        "## Losses\n\n" + _losses(folder)
    )


def _recipe(folder: RunFolder) -> str:
    """Return the run's settings without the paths of the computer it ran on."""
    from core.settings import as_yaml

    settings = folder.settings()
    shown = {"store": Path(settings.store).name}
    if settings.weights is not None:
        shown["weights"] = Path(settings.weights).name
    return as_yaml(settings.model_copy(update=shown))


def _losses(folder: RunFolder) -> str:
    """Return about ten lines of the curves, as a table."""
    judged = [name for name in folder.columns() if name.startswith("validation_")]
    losses = [name.removeprefix("validation_") for name in judged]
    names = ["step", *losses, *judged, "token_variance", "token_rank"]
    rows = folder.curves()
    held_out = [row for row in rows if row[judged[0]]] or rows
    shown = held_out[:: max(1, len(held_out) // 10)]
    if held_out and shown[-1] is not held_out[-1]:
        shown.append(held_out[-1])
    lines = [[name.replace("_", " ") for name in names], ["---:"] * len(names)]
    lines += [[_short(row[name]) for name in names] for row in shown]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(text: str) -> str:
    return text if text.isdigit() or not text else f"{float(text):.3g}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read as text.") from error


if __name__ == "__main__":
    sys.exit(main())
