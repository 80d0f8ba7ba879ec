"""Several tasks of one decoder: what they are called, which events they have, and their fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from calibration.fit_settings import FitSettings, path_for
from calibration.fitting import Fit, fit_decoder, reading
from calibration.state_tasks import fit_state_task
from calibration.task_heads import GalleryMaker, TaskSetting, fit_gated, fit_head
from calibration.usable_trials import SharedParts, check_recordings
from core.decoding.artifacts.learning import measure_runs
from core.decoding.decoder import Decoder
from core.decoding.features import band_sections
from core.decoding.outputs import CLASSES
from core.decoding.readouts import Readout, task_name
from core.encoders import Encoder, load_encoder
from core.errors import InputError
from core.fitting.baselines import BAND
from core.fitting.trials.epochs import FeatureCache
from core.fitting.trials.signals import cued_places, rest_outside, signals_of
from core.fitting.trials.task import Task
from core.fitting.views import GRAPH
from core.recordings import Event, Recording, without_bad_channels
from core.signal.filtering import CausalFilter
from core.signal.pipeline import SignalSettings

GATED = "hybrid"
"""Head whose views a gate weighs."""

ENCODER = "encoder"
"""Head that the gate over tasks has."""

WHICH = "which-task"
"""Name of the task of telling whose trial a window is like."""


def with_events(
    recordings: Sequence[Recording], task: Task, window: float
) -> tuple[list[Recording], bool]:
    """Return recordings whose events are the trials of a task, and whether some lie in blocks.

    A recording that is named is a block, and so is an event that lasts for two windows or more: a
    block has a trial every window.

    Parameters
    ----------
    recordings : sequence of Recording
    task : Task
    window : float
        Seconds of a window.

    Raises
    ------
    InputError
        If a source is neither the label of an event nor the name of a recording.
    """
    labels = {event.label for recording in recordings for event in recording.events}
    files = {name for recording in recordings for name in _names(recording)}
    unknown = [source for source in task.meanings if source not in labels | files]
    if unknown:
        known = ", ".join(sorted(labels)[:12]) or "none"
        names = ", ".join(recording.path.name for recording in recordings)
        raise InputError(
            f'The task {task.name} names "{unknown[0]}", which is neither an event nor a '
            f"recording. Events: {known}. Recordings: {names}."
        )
    in_blocks = False
    changed = []
    for recording in recordings:
        events = []
        named = [source for source in task.meanings if source in _names(recording)]
        blocks = [Event(0.0, recording.duration, source) for source in named]
        for event in (*recording.events, *blocks):
            wanted = event.label in task.meanings
            count = int(event.duration / window + 1e-9) if wanted else 0
            if count < 2:
                events.append(event)
                continue
            in_blocks = True
            onsets = [event.onset + index * window for index in range(count)]
            events += [Event(onset, window, event.label) for onset in onsets]
        changed.append(replace(recording, events=tuple(sorted(events, key=lambda e: e.onset))))
    return changed, in_blocks


def _names(recording: Recording) -> set[str]:
    return {recording.path.name, recording.path.stem}


def which_task(tasks: Sequence[Task]) -> Task:
    """Return the task of telling which task a trial is of: a gate over tasks.

    It learns from features and whose trial each is, never from how well a task does on it: weights
    that follow losses go to the easiest task.

    Parameters
    ----------
    tasks : sequence of Task

    Raises
    ------
    InputError
        If fewer than two tasks have trials that no other one has.
    """
    owners: dict[str, set[str]] = {}
    for task in tasks:
        for source in task.meanings:
            owners.setdefault(source, set()).add(task.name)
    meanings = {source: next(iter(names)) for source, names in owners.items() if len(names) == 1}
    if len(set(meanings.values())) < 2:
        sharing = set().union(*(names for names in owners.values() if len(names) > 1))
        names = ", ".join(task.name for task in tasks if task.name in sharing)
        raise InputError(
            "A gate over tasks needs two tasks with trials of their own, and "
            f"{f'{names} share theirs' if sharing else 'there is one only'}; leave out --task-gate."
        )
    return Task(WHICH, meanings)


@dataclass(frozen=True)
class TaskFit:
    """A task beside the first, as it was fitted.

    Attributes
    ----------
    task : Task
    readout : Readout
    fit : Fit or None
        Of a task of classes.
    in_blocks : bool
        Whether its trials lie in blocks.
    """

    task: Task
    readout: Readout
    fit: Fit | None
    in_blocks: bool


@dataclass(frozen=True)
class TasksFit:
    """A decoder of several tasks.

    Attributes
    ----------
    first : Fit
        Of the first task; its decoder is that of all tasks.
    others : tuple of TaskFit
    """

    first: Fit
    others: tuple[TaskFit, ...]


def fit_tasks(
    recordings: Sequence[Recording],
    tasks: Sequence[Task],
    subject: str,
    settings: FitSettings | None = None,
    session: str = "",
    galleries: GalleryMaker | None = None,
    gate: bool = False,
    task_gate: bool = False,
) -> TasksFit:
    """Fit a decoder of several tasks that share signal path, filter and encoder.

    Parameters
    ----------
    recordings : sequence of Recording
        With the same channels and rate.
    tasks : sequence of Task
        The first one of classes is what decisions are made of.
    subject, session : str
        BIDS labels.
    settings : FitSettings, optional
        The head is chosen for each task of classes; other tasks read what the first one reads.
    galleries : GalleryMaker, optional
        For tasks of retrieval: an encoder of texts, or a set of pictures.
    gate : bool
        Whether to fit a task of the first one's classes in which a gate weighs covariances and
        tokens.
    task_gate : bool
        Whether to fit a task, called `WHICH`, of which task a window speaks to, by its tokens.

    Raises
    ------
    InputError
        If no task has classes, two have the same name, or as `fit_decoder`.
    """
    settings = settings or FitSettings()
    if settings.head == GRAPH:
        raise InputError("The head graph is for one task; choose another with several.")
    tasks = sorted(tasks, key=lambda task: task.kind != CLASSES or task.state)
    first = tasks[0]
    if first.kind != CLASSES or first.state:
        raise InputError(
            f"None of the tasks {', '.join(task.name for task in tasks)} has classes, which "
            "decisions are made of. Name the events of classes with --event, or with a --task."
        )
    if task_gate:
        tasks.append(which_task(tasks))
    gated = task_name(f"{first.name}-gated") if gate else None
    names = [*(task.name for task in tasks), *([gated] if gated else [])]
    if len(set(names)) < len(names):
        raise InputError(f"Two tasks have the same name; they are {', '.join(names)}.")
    check_recordings(recordings)
    encoder = load_encoder(settings.encoder, home=settings.home)
    window = encoder.spec.window / encoder.spec.rate
    recordings = without_bad_channels(recordings)
    of_tasks = [with_events(recordings, task, window) for task in tasks]
    path, cache, shared = _common(recordings, tasks, of_tasks, encoder, settings)

    decoders: list[Decoder] = []
    fits: list[TaskFit] = []
    for task, (changed, in_blocks) in zip(tasks, of_tasks, strict=True):
        own = replace(settings, in_time=in_blocks or task.state or settings.in_time)
        if task is not first:
            own = replace(own, origin=False, rest=False, false_alarms=None, idle_class=False)
        if task.name == WHICH and task_gate:
            own = replace(own, head=ENCODER)  # of tokens alone, which are those of every task
        fit = None
        if task.state:
            setting = TaskSetting(path, encoder, "riemann", own, cache, shared)
            readout = fit_state_task(task.name, task.meanings, changed, setting)
        elif task.kind == CLASSES:
            fit = fit_decoder(
                changed, task.meanings, subject, own, session, cache, shared=shared, checked=True
            )
            decoders.append(fit.decoder)
            shared = replace(shared, references=shared.references or fit.decoder.tangents)
            readout = readout_of(task.name, fit.decoder)
        else:
            head = decoders[0].facts.head
            setting = TaskSetting(path, encoder, head, replace(own, head=head), cache, shared)
            readout = fit_head(task.name, task.meanings, task.kind, changed, setting, galleries)
        fits.append(TaskFit(task, readout, fit, in_blocks))
    tokens = None
    if gated:
        changed, in_blocks = of_tasks[0]
        own = replace(settings, head=GATED, in_time=in_blocks or settings.in_time)
        setting = TaskSetting(path, encoder, GATED, own, cache, shared)
        readout, tokens = fit_gated(gated, first.meanings, changed, setting)
        fits.append(TaskFit(replace(first, name=gated), readout, None, in_blocks))
    of_first, *others = fits
    assert of_first.fit is not None
    decoder = joined(decoders, first.name, [fit.readout for fit in others])
    if steady := [fit.task.name for fit in fits if fit.in_blocks]:
        # A run's own reference would take away what stays the same for a run.
        kept = {key: fact for key, fact in decoder.facts.fit.items() if key != "recentre"}
        facts = replace(decoder.facts, fit={**kept, "in_blocks": steady})
        decoder = replace(decoder, facts=facts)
    if decoder.spatial is None:  # only the gate reads tokens, if any task does
        decoder = replace(decoder, **reading(tokens, settings))
    return TasksFit(replace(of_first.fit, decoder=decoder), tuple(others))


def _common(
    recordings: Sequence[Recording],
    tasks: Sequence[Task],
    of_tasks: Sequence[tuple[Sequence[Recording], bool]],
    encoder: Encoder,
    settings: FitSettings,
) -> tuple[SignalSettings, FeatureCache, SharedParts]:
    """Return the signal path of all tasks, what it makes of the recordings, and what they share.

    There is one filter before the encoder, so that its tokens serve all tasks.
    """
    spec = encoder.spec
    path, _ = path_for(recordings[0].labels, spec, settings, recordings[0].path.name)
    signals = tuple(signals_of(recordings, path, spec.unit))
    sections = band_sections(BAND, spec.rate)
    banded = tuple(CausalFilter(sections).push(run) for run in signals)
    rest = None
    if spec.readout is None:  # else it is that of the first minutes, for every task
        places = [
            place
            for task, (changed, _) in zip(tasks, of_tasks, strict=True)
            for place in cued_places(changed, task.meanings, path, spec.window)
        ]
        rest = rest_outside(signals, places, spec.window, spec.rate)
    shared = SharedParts(rest, measured=measure_runs(recordings, path, spec.unit, signals))
    return path, FeatureCache(signals, banded), shared


def readout_of(task: str, decoder: Decoder) -> Readout:
    """Return the readout of a decoder that was fitted for a task of classes alone."""
    first = decoder.readouts[0]
    kept = ("events", "labels_seen", "eyes_learned")
    of_task = {key: fact for key, fact in first.card.fit.items() if key in kept}
    return replace(first, task=task, card=replace(first.card, fit=of_task))


def joined(decoders: Sequence[Decoder], task: str, others: Sequence[Readout]) -> Decoder:
    """Return the first of several decoders with the readouts of others beside its own.

    Parameters
    ----------
    decoders : sequence of Decoder
        With the same signal path, and the same filter before the encoder where they have one.
    task : str
        Name of the first one's task.
    others : sequence of Readout
    """
    first = decoders[0]
    tokens = next((decoder for decoder in decoders if decoder.spatial is not None), first)
    return replace(
        first,
        task=task,
        uses_tokens=first.spatial is not None,
        spatial=tokens.spatial,
        encoder=tokens.encoder,
        token_channels=tokens.token_channels,
        warmup=max(decoder.warmup for decoder in decoders),
        others=tuple(others),
    )
