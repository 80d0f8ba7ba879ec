"""The command ``python -m training.prepare``: from recordings to a window store."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from core.command_line import ProgramOptions, parse
from core.errors import InputError
from core.machine.files import bytes_free, check_folder
from core.machine.threads import share_cores
from core.program import run_command_line, write_line

if TYPE_CHECKING:
    from training.manifest import Form, LeftOut, Shard
    from training.shards import StoreWriter
    from training.sources.catalogue import Reads
    from training.sources.layouts import SourceItem
    from training.store import Store

PROGRAM = "training.prepare"


@dataclass(frozen=True)
class PrepareOptions(ProgramOptions):
    """Bring recordings to one common form and keep them in a store for training.

    A source is a path, or NAME:PATH, or moabb:DATASET; --list explains the names. A command that
    was stopped goes on where it was when it is given again.
    """

    sources: tyro.conf.Positional[tuple[str, ...]]
    """Where recordings come from."""
    store: Path | None = None
    """Folder of the store, which is made."""
    subjects: tuple[str, ...] = ()
    """Only these people."""
    runs: tuple[str, ...] = ()
    """Only these runs."""
    dry_run: bool = False
    """Say what would be done and how much it needs, and do nothing."""
    family: str = "eegpt"
    """Family of encoders whose electrodes, rate and unit the store gets."""
    low: float = 0.5
    """Lower edge of the pass band in Hz."""
    high: float = 38.0
    """Upper edge of the pass band in Hz."""
    notch: float | None = None
    """Mains frequency to filter out, in Hz (50 or 60)."""
    unit: str | None = None
    """Unit of the values, such as uV: of recordings that do not say it."""
    stream: str | None = None
    """Name of the stream, else its type: of XDF files that have several."""
    jobs: int | None = None
    """Processes at work; by default one a core."""
    keep_going: bool = False
    """Leave out recordings that cannot be used, instead of stopping at the first."""
    verify: bool = False
    """Compare every shard of a finished store with its SHA-256."""
    list: bool = False
    """Say what each source expects and where to get it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return run_command_line(
        PROGRAM, argv, lambda given: _main(parse(PrepareOptions, f"python -m {PROGRAM}", given))
    )


def _main(options: PrepareOptions) -> None:
    if options.list:
        from training.sources.catalogue import SOURCES

        for name, source in SOURCES.items():
            write_line(f"{name}\n    expects {source.expects}\n    from {source.where}")
        return
    if options.store is None:
        raise InputError("Name the store's folder with --store.")
    if options.jobs is not None and options.jobs < 1:
        raise InputError(f"--jobs is {options.jobs}; it must be 1 or more.")
    if options.verify:
        _verify(options.store)
        return
    if not options.sources:
        raise InputError("Name at least one source; --list explains them.")

    from core.recordings import is_xdf
    from training.shards import StoreWriter
    from training.sources.catalogue import find_parts

    parts = [
        replace(part, stream=options.stream) if any(map(is_xdf, part.files)) else part
        for part in find_parts(options.sources, options.subjects, options.runs)
    ]
    writer = StoreWriter(options.store, _form(options))
    writer.check()
    if writer.finished:
        _compare(options.store, parts, options.keep_going)
        return
    missing = [part for part in parts if writer.written(part.key) is None]
    needed = _announce(parts, missing, writer, options.keep_going)
    if options.dry_run:
        return
    _check_space(options.store, needed)
    writer.begin()
    left_out = _write(missing, writer, options)
    once, copies = _without_copies(parts, writer, options.keep_going)
    print(_summary(writer.finish(once, (*left_out, *copies))))


def _form(options: PrepareOptions) -> Form:
    """Return the form in which the encoder wants signal."""
    from core.encoders.registry import family_named
    from core.signal.filtering import Band, mains
    from training.manifest import Form

    family = family_named(options.family)
    spec = family.untrained_spec(family.default_size, 0)
    band = Band(options.low, options.high, notch=mains(options.notch))
    return Form(spec.ch_names, spec.rate, spec.unit, band)


def _announce(
    parts: Sequence[SourceItem],
    missing: Sequence[SourceItem],
    writer: StoreWriter,
    keep_going: bool,
) -> int:
    """Print what will be done, and return the bytes it is known to need."""
    from training.manifest import SAMPLE

    form = writer.form
    for source in sorted({part.identity.source for part in parts}):
        here = [part for part in parts if part.identity.source == source]
        people = len({part.identity.subject for part in here})
        write_line(f"{source}: {len(here)} shards of {people} people")
    sizes = [_size(part, form, keep_going) for part in missing]
    known = [size for size in sizes if size is not None]
    hours = sum(seconds for seconds, _ in known) / 3600
    needed = sum(round(s * form.rate) * n * SAMPLE.itemsize for s, n in known)
    write_line(
        f"{len(parts) - len(missing)} are written, {len(missing)} are to be: {hours:.2f} h, "
        f"{needed / 1e9:.3f} GB in {writer.folder}"
        + (f", and {len(sizes) - len(known)} whose size is not known" if None in sizes else "")
    )
    band = form.band
    write_line(
        f"up to {len(form.channels)} electrodes, {form.rate:g} Hz, {form.unit}, "
        f"{band.low:g}-{band.high:g} Hz" + (f", {band.notch:g} Hz out" if band.notch else "")
    )
    return needed


def _size(part: SourceItem, form: Form, keep_going: bool) -> tuple[float, int] | None:
    """Return seconds and channels of a part, None if they are not known before it is read."""
    from training.sources.catalogue import measure

    try:
        return measure(part, form.channels)
    except InputError:
        if not keep_going:
            raise
        return None


def _check_space(folder: Path, needed: int) -> None:
    check_folder(folder, "--store")
    free = bytes_free(folder)
    if needed > free:
        raise InputError(
            f"The store needs {_amount(needed)} and the disk of {folder} has {_amount(free)} left; "
            "make room, or choose a folder on another disk with --store."
        )


def _amount(size: int) -> str:
    """Return a number of bytes in a unit that suits it."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _write(
    missing: Sequence[SourceItem], writer: StoreWriter, options: PrepareOptions
) -> tuple[LeftOut, ...]:
    """Write the shards that are not there yet, with a bar, and return what was left out."""
    from tqdm import tqdm

    from training.manifest import LeftOut

    left_out: dict[str, LeftOut] = {}
    seconds = 0.0
    with tqdm(total=len(missing), unit="shard", disable=None) as bar:
        for part, outcome, notes in _outcomes(missing, writer, options):
            for note in notes:
                bar.write(f"Note: {note}", file=sys.stderr)
            if isinstance(outcome, InputError):
                if not options.keep_going:
                    raise outcome
                left_out[part.key] = LeftOut(part.origin, str(outcome))
                bar.write(f"left out: {outcome}", file=sys.stderr)
            else:
                seconds += sum(r.length for r in outcome.recordings) / writer.form.rate
            bar.update()
            bar.set_postfix_str(f"{seconds / 3600:.1f} h of signal", refresh=False)
    return tuple(left_out[key] for key in sorted(left_out))


def _without_copies(
    parts: Sequence[SourceItem], writer: StoreWriter, keep_going: bool
) -> tuple[list[str], tuple[LeftOut, ...]]:
    """Return the shards of recordings that are there once, and what was left out as a copy."""
    from training.manifest import LeftOut

    keys, left_out = {f"{part.key}.f32": part for part in parts}, []
    while copy := writer.find_copy([part.key for part in keys.values()]):
        first, second = (f"{recording.origin} of {recording.person}" for recording in copy)
        message = f"{first} and {second} are the same recording: they have samples in common."
        if not keep_going:
            raise InputError(
                f"{message} Whoever learns from one must not be tested on the other; take one of "
                "the files away, or leave out all such copies with --keep-going."
            )
        print(f"left out: {message}", file=sys.stderr)
        left_out.append(LeftOut(keys.pop(copy[1].shard).origin, message))
    return [part.key for part in keys.values()], tuple(left_out)


def _outcomes(
    missing: Sequence[SourceItem], writer: StoreWriter, options: PrepareOptions
) -> Iterator[tuple[SourceItem, Shard | InputError, tuple[str, ...]]]:
    """Write shards, several at once in processes of one thread each, as they get ready.

    With each comes what its recordings' reader has to say.
    """
    jobs = min(options.jobs or _cores(), len(missing))
    if not all(part.files for part in missing):
        jobs = 1  # two downloads of one archive would get into each other's way
    if jobs <= 1:
        for part in missing:
            yield part, *_shard(part, writer, options.unit)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    # Fresh processes: a fork would copy the state of threads, and not all systems have it.
    pool = ProcessPoolExecutor(jobs, get_context("spawn"), initializer=_begin_worker)
    try:
        futures = {pool.submit(_shard, part, writer, options.unit): part for part in missing}
        for future in as_completed(futures):
            yield futures[future], *future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "A process was killed, perhaps for want of memory; run the same again to go on, "
            "with --jobs 1 if it happens twice."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _shard(
    part: SourceItem, writer: StoreWriter, unit: str | None
) -> tuple[Shard | InputError, tuple[str, ...]]:
    """Write one shard; what is wrong with its recordings is returned, to cross processes."""
    from training.sources.catalogue import read_part

    notes: dict[str, None] = {}

    def noted() -> Reads:
        for identity, recording in read_part(part, unit):
            notes.update(dict.fromkeys(recording.notes))
            yield identity, recording

    try:
        return writer.write(part.key, noted()), tuple(notes)
    except InputError as error:
        named = part.origin in str(error)
        return (error if named else InputError(f"{part.origin}: {error}")), tuple(notes)


def _begin_worker() -> None:
    """Take one thread, and end when the process that gives the work is no more."""
    import threading
    from multiprocessing import parent_process

    share_cores()
    parent = parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _compare(folder: Path, parts: Sequence[SourceItem], keep_going: bool) -> None:
    """Say that a finished store is what was asked for, or refuse to change it."""
    from training.manifest import read_manifest
    from training.store import Store

    store = Store.open(folder)
    there = {shard.file.rpartition(".")[0] for shard in store.shards}
    passed_over = {left.origin for left in read_manifest(folder)[0].left_out if keep_going}
    more = [part for part in parts if part.key not in there and part.origin not in passed_over]
    if more:
        raise InputError(
            f"The store {folder} is finished and stays as it is; {len(more)} of the "
            f"{len(parts)} shards asked for are not in it, such as {more[0].identity}. Prepare "
            "all sources into a new folder."
        )
    write_line(_summary(store))


def _verify(folder: Path) -> None:
    from tqdm import tqdm

    from training.store import Store

    store = Store.open(folder)
    size = sum(shard.bytes for shard in store.shards)
    with tqdm(total=size, unit="B", unit_scale=True, disable=None) as bar:
        store.verify(bar.update)
    write_line(_summary(store))


def _summary(store: Store) -> str:
    size = sum(shard.bytes for shard in store.shards)
    return (
        f"{store.folder}: {store.hours:.2f} h of {len(store.subjects)} people in "
        f"{len(store.recordings)} stretches, {size / 1e9:.3f} GB, "
        f"manifest {store.manifest_sha256[:12]}"
    )


if __name__ == "__main__":
    sys.exit(main())
