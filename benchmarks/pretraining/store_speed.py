"""How fast windows come out of a store: random crops, beside what a training step takes.

    python benchmarks/pretraining/store_speed.py STORE     a store that training.prepare wrote
    python benchmarks/pretraining/store_speed.py --made 8  8 GB of noise in a folder of its own

Every crop is of a random recording and a random start, as in pretraining. The store may be larger
than memory: what is read from the disk anew and what memory grows by is said beside the rate.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set

from core.recordings import Recording  # noqa: E402
from core.signal.filtering import Band  # noqa: E402
from training.manifest import Form  # noqa: E402
from training.shards import RecordingIdentity, StoreWriter, shard_key  # noqa: E402
from training.store import Store  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", nargs="?", type=Path)
    parser.add_argument("--made", type=float, help="GB of noise, instead of a store")
    parser.add_argument("--folder", type=Path, help="where it is made")
    parser.add_argument("--length", type=int, default=1024, help="samples of a window")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--forget", action="store_true", help="drop the store from the cache first")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if (given.store is None) == (given.made is None):
        parser.error("name a store, or --made GB")
    made = None if given.store else Path(tempfile.mkdtemp(dir=given.folder))
    try:
        store = Store.open(given.store) if given.store else make(made, given.made)
        results = measure(store, given.length, given.seconds, given.forget)
    finally:
        if made is not None:
            shutil.rmtree(made)
    for name, value in results.items():
        print(f"{name:28} {value:,.1f}")
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def make(folder: Path, gigabytes: float) -> Store:
    """Write a store of noise, ten minutes a shard."""
    from core.encoders.eegpt.model import eegpt_spec

    spec = eegpt_spec("tiny1", name="", trained=False, provenance={})
    writer = StoreWriter(folder / "store", Form(spec.ch_names, spec.rate, spec.unit, Band()))
    writer.begin()
    random = np.random.default_rng(0)
    minutes = 10
    samples = random.normal(0, 20, (round(60 * minutes * spec.rate), len(spec.ch_names)))
    noise = Recording(
        samples.astype(np.float32), spec.rate, spec.ch_names, (), (), Path("noise"), "0" * 64
    )
    keys = []
    while sum(f.stat().st_size for f in writer.folder.glob("shards/*.f32")) < gigabytes * 1e9:
        who = RecordingIdentity("noise", str(len(keys)))
        keys.append(shard_key(who, "noise"))
        writer.write(keys[-1], [(who, noise)])
    return writer.finish(keys)


def measure(store: Store, length: int, seconds: float, forget: bool) -> dict[str, float]:
    """Take random crops for so long."""
    if forget:
        drop(store)
    random = np.random.default_rng(1)
    usable = [i for i, r in enumerate(store.recordings) if r.length >= length]
    read, memory = disk_bytes(), own_memory()
    taken = 0
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        for index in random.choice(usable, 64).tolist():
            start = int(random.integers(store.recordings[index].length - length + 1))
            store.crop(index, start, length)
        taken += 64
    took = time.perf_counter() - begun
    return {
        "store, GB": sum(shard.bytes for shard in store.shards) / 1e9,
        "windows a second": taken / took,
        "µs a window": 1e6 * took / taken,
        "read from disk, MB a second": (disk_bytes() - read) / 1e6 / took,
        "memory grown by, MB": (own_memory() - memory) / 1e6,
    }


def drop(store: Store) -> None:
    """Ask the system to forget what it holds of the shards, where it can be asked."""
    if not hasattr(os, "posix_fadvise"):
        return
    for shard in store.shards:
        with (store.folder / "shards" / shard.file).open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def disk_bytes() -> int:
    """Return the bytes that this process had read from a disk; 0 where Linux does not tell."""
    counts = Path("/proc/self/io")
    if not counts.is_file():
        return 0
    return int(counts.read_text(encoding="ascii").split("read_bytes: ")[1].split()[0])


def own_memory() -> int:
    """Return the resident bytes of this process, maps of files too; 0 where Linux does not tell."""
    counts = Path("/proc/self/statm")
    if not counts.is_file():
        return 0
    return int(counts.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
