"""From what is named on a command line, or comes with the program, to the head to start from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from calibration.fit_settings import FitSettings, path_for
from core.decoding.decoder import Decoder
from core.decoding.storage.decoder_file import SUFFIX, load_decoder
from core.electrodes import is_site
from core.encoders import EncoderSpec, load_spec
from core.errors import InputError
from core.fitting.feature_input import CovarianceSettings
from core.fitting.transfer.population import Prior, make_prior
from core.fitting.transfer.prior_file import POPULATION, is_prior, load_prior, population
from core.fitting.transfer.prior_head import PriorHead, average_heads, with_readout
from core.fitting.transfer.prior_sources import head_of_decoder, head_of_prior
from core.fitting.trials.pauses import REST
from core.hemispheres import HANDS
from core.program import say
from core.recordings import Recording, is_xdf, read_recording, renamed, without_bad_channels
from core.recordings.copies import Fingerprint, same_samples
from core.recordings.known_files import files_of, same_files

RECORDINGS = (".edf", ".bdf", ".gdf", ".vhdr", ".set", ".fif", ".cnt")
"""Endings of recordings in a folder, beside those of XDF files."""

NOTHING = "none"
"""In place of a prior: own trials alone."""

_SIDE = re.compile(r"(?:imagined?)?[^a-z]*(?P<side>left|right)[^a-z]*(?:hand|fist)?[^a-z]*")
_SUBJECT = re.compile(r"(?:^|_)sub-(?P<label>[A-Za-z0-9]+)(?:[_.]|$)")


def starting_head(
    asked: Sequence[Path],
    labels: Sequence[str],
    events: Mapping[str, str],
    settings: FitSettings,
    own: Iterable[Recording] = (),
    read: Callable[[Path], Recording] = read_recording,
) -> PriorHead | None:
    """Return the head that a fit starts from, or None for own trials alone.

    Where nothing is asked for, that is the population that comes with the program, in the case
    that it was made for: `auto` tells left from right hand, and the population has at least half
    of the electrodes and windows like the encoder's. Where only that is missing, a note says so.

    Parameters
    ----------
    asked : sequence of Path
        What `read_priors` takes; or "none" alone; or nothing.
    labels : sequence of str
        Of the person's channels.
    events : mapping
        Label in the person's recordings -> class name.
    settings : FitSettings
    own : iterable of Recording
        Those of the fit.
    read : callable
        Reads a recording of others: `read_alike`, where flags say how.

    Raises
    ------
    InputError
        As `read_priors` and `prior_head`, of what was asked for.
    """
    if asked:
        if [str(path) for path in asked] == [NOTHING]:
            return None
        priors = read_priors(asked, events, settings, own, read)
        return prior_head(priors, labels, events, settings)
    if settings.head != "auto" or settings.idle_class:
        return None
    if (given := set(events.values())) != set(HANDS):
        if sorted(map(_side, given)) == ["left", "right"]:
            say(
                f"Note: the fit starts from own trials alone. Other people's tell left_hand from "
                f"right_hand, and the classes here are {' and '.join(sorted(given))}; name them "
                "so (--event LABEL=left_hand) if hands were imagined."
            )
        return None
    try:
        _wanted(labels, events, settings)
    except InputError:
        return None  # the fit says so itself
    others = population().without_people_of(_files_of_all(own))
    try:
        return prior_head([others], labels, events, settings)
    except InputError as error:  # another montage or encoder than it was made for
        say(f"Note: the fit starts from own trials alone, not from other people. {error}")
        return None


def read_priors(
    paths: Sequence[Path],
    events: Mapping[str, str],
    settings: FitSettings | None = None,
    own: Iterable[Recording] = (),
    read: Callable[[Path], Recording] = read_recording,
) -> list[Prior | Decoder]:
    """Read what a decoder may start from.

    Parameters
    ----------
    paths : sequence of Path
        Prior files, decoder files, recordings, folders of recordings with all that is in them, and
        the word "population" for the prior that comes with the program. In a folder, recordings
        without the events, `own` ones and what is there already, in whatever format, are passed
        over; in the population, everybody who made one of `own` or is in another prior.
    events : mapping
        Label in the recordings -> class name.
    settings : FitSettings, optional
    own : iterable of Recording
        Those of the fit.
    read : callable
        Reads a recording.

    Raises
    ------
    InputError
        If there is nothing, something cannot be read, or a recording or prior that is named is an
        `own` one or there twice.
    """
    settings, own = settings or FitSettings(), list(own)
    wanted = [str(path) for path in paths].count(POPULATION)
    if wanted > 1:
        raise InputError("--prior names population more than once; name it once.")
    files = [path for path in paths if str(path) != POPULATION]
    made = [path for path in files if path.suffix == SUFFIX and not path.is_dir()]
    priors: list[Prior | Decoder] = [
        load_prior(path) if is_prior(path) else load_decoder(path) for path in made
    ]
    people = _people_of([path for path in files if path not in made], events, own, read)
    if people:
        priors.append(_prior_of(people, events, settings))
    for number, prior in enumerate(priors):
        if any(_share(prior, other) for other in priors[:number]):
            raise InputError(
                "Two of the files that --prior names hold the same recording, so that its person "
                "would count twice; leave one of them out."
            )
    if wanted:
        known = {sha256 for prior in priors for sha256 in same_files(_files(prior))}
        priors.append(population().without_people_of(_files_of_all(own) | known))
    if not priors:
        listed = ", ".join(map(str, paths))
        raise InputError(f"There is no recording with the events {', '.join(events)} in {listed}.")
    return priors


def _people_of(
    paths: Iterable[Path],
    events: Mapping[str, str],
    own: Iterable[Recording],
    read: Callable[[Path], Recording],
) -> dict[str, list[Recording]]:
    """Return recordings by person: those named, and those in folders that have the events."""
    taken = {str(recording.path): recording.fingerprint for recording in own}
    people: dict[str, list[Recording]] = {}

    def take(file: Path, recording: Recording, named: bool) -> None:
        marks = recording.fingerprint
        same = [other for other, fingerprint in taken.items() if same_samples(marks, fingerprint)]
        if not same:
            taken[str(file)] = marks
            people.setdefault(person_of(file), []).append(recording)
        elif named:
            raise InputError(
                f"{file} has samples in common with {same[0]}, which is taken already; leave it "
                "out of --prior."
            )

    for path in paths:
        if not path.is_dir():
            take(path, read(path), named=True)
            continue
        for file in sorted(path.rglob("*")):
            if (file.suffix.lower() in RECORDINGS or is_xdf(file)) and file.is_file():
                recording = read(file)
                if set(events) <= {event.label for event in recording.events}:
                    take(file, recording, named=False)
    return people


def _prior_of(
    people: Mapping[str, list[Recording]], events: Mapping[str, str], settings: FitSettings
) -> Prior:
    recordings = [recording for theirs in people.values() for recording in theirs]
    marks = {recording.sha256: recording.fingerprint for recording in recordings}
    people = {person: without_bad_channels(theirs) for person, theirs in people.items()}
    spec = load_spec(settings.encoder, settings.home)
    first = next(iter(people.values()))[0]
    path, _ = path_for(first.labels, spec, settings, first.path.name)
    prior = make_prior(people, events, spec.ch_names, path, spec.window, skip=settings.skip(spec))
    return replace(prior, marks=marks)


def read_alike(
    file: Path, unit: str | None, stream: str | None, names: Sequence[str] | None
) -> Recording:
    """Read a recording of others by the flags that a person's own recordings need.

    Parameters
    ----------
    file : Path
    unit : str or None
        Of channels whose unit the file does not say.
    stream : str or None
        Name of the EEG stream of an XDF file.
    names : sequence of str or None
        Of the channels, if the file names no electrode.

    Raises
    ------
    InputError
        As `core.recordings.read_recording` and `renamed`.
    """
    recording = read_recording(file, unit, stream if is_xdf(file) else None)
    known = any(is_site(label) for label in recording.labels)
    return recording if known else renamed(recording, names)


def _side(name: str) -> str:
    """Return the side that a class is called after, as one of the hands may be; else nothing."""
    match = _SIDE.fullmatch(name.lower())
    return match["side"] if match else ""


def _files_of_all(recordings: Iterable[Recording]) -> set[str]:
    return {sha256 for recording in recordings for sha256 in files_of(recording)}


def _files(prior: Prior | Decoder) -> dict[str, Fingerprint]:
    """Return the SHA-256 of what a prior was learned from -> fingerprint, empty if unknown."""
    if isinstance(prior, Prior):
        return {sha256: prior.marks.get(sha256, ()) for sha256 in prior.recordings.values()}
    return dict.fromkeys(prior.facts.recordings.values(), ())


def _share(prior: Prior | Decoder, other: Prior | Decoder) -> bool:
    theirs = _files(other)
    return bool(same_files(_files(prior), theirs) & theirs.keys())


def prior_head(
    priors: Sequence[Prior | Decoder],
    labels: Sequence[str],
    events: Mapping[str, str],
    settings: FitSettings | None = None,
) -> PriorHead:
    """Return the head that a fit starts from, for a person with these channels.

    It takes a few seconds, and no trial of the person: a session can have it beforehand.

    Parameters
    ----------
    priors : sequence of Prior or Decoder
    labels : sequence of str
        Of the person's channels.
    events : mapping
        Label in the person's recordings -> class name.
    settings : FitSettings, optional
        Of the fit.

    Raises
    ------
    InputError
        As `core.fitting.transfer.prior_sources.head_of_prior` and `head_of_decoder`.
    """
    settings = settings or FitSettings()
    spec, windows, classes = _wanted(labels, events, settings)
    head = average_heads(
        [
            head_of_prior(prior, windows, classes)
            if isinstance(prior, Prior)
            else head_of_decoder(prior, windows, classes)
            for prior in priors
        ]
    )
    return with_readout(head, spec, classes) if settings.tokens_needed else head


def _wanted(
    labels: Sequence[str], events: Mapping[str, str], settings: FitSettings
) -> tuple[EncoderSpec, CovarianceSettings, tuple[str, ...]]:
    """Return a fit's encoder, windows and classes."""
    spec = load_spec(settings.encoder, settings.home)
    path, _ = path_for(labels, spec, settings, "The recording")
    rest = (REST,) if settings.idle_class else ()
    classes = tuple(dict.fromkeys((*events.values(), *rest)))
    windows = CovarianceSettings(path, spec.window, settings.skip(spec), settings.regress_eyes)
    return spec, windows, classes


def person_of(path: Path) -> str:
    """Return whose a recording is: the subject in a BIDS name, else the folder's name."""
    match = _SUBJECT.search(path.name)
    return match["label"] if match else path.resolve().parent.name
