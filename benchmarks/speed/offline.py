"""How much faster than real time recordings are decoded, and how long a fit takes.

    python benchmarks/speed/offline.py RECORDING... --to RECORDING
    python benchmarks/speed/offline.py            S003 of ../shared/data: runs 4 and 8, then 12

Every head is fitted on the first recordings and decodes the last in one pass, as ``--file`` does,
with one thread; times are the process's own.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from core.machine.threads import one_torch_thread, share_cores

share_cores()

from calibration.fit_settings import FitSettings  # noqa: E402 - after the threads
from calibration.fitting import fit_decoder  # noqa: E402 - after the threads
from core.decoding.window_decoder import WindowDecoder  # noqa: E402
from core.fitting.trials.labels import parse_events  # noqa: E402
from core.recordings import read_recording  # noqa: E402
from realtime.offline import decode_recording  # noqa: E402
from realtime.options import Options  # noqa: E402

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def main() -> int:
    person = Path(os.environ.get("EEGPT_DATA", DATA)) / "eegmmidb" / "S003"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "recordings", type=Path, nargs="*", default=[person / f"S003R{n:02}.edf" for n in (4, 8)]
    )
    parser.add_argument("--to", type=Path, default=person / "S003R12.edf")
    parser.add_argument("--events", nargs="+", default=["T1=left_hand", "T2=right_hand"])
    parser.add_argument("--encoder", default="starter")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    one_torch_thread()
    events = parse_events(given.events)
    learned, told = [read_recording(path) for path in given.recordings], read_recording(given.to)
    print(f"{len(told.labels)} channels, {told.rate:g} Hz, {told.duration:g} s, {given.encoder}")
    rows = []
    for head in ("riemann", "encoder", "hybrid", "auto"):
        begun = time.process_time()
        fit = fit_decoder(learned, events, "01", FitSettings(head=head, encoder=given.encoder))
        fitted = time.process_time() - begun
        windows = WindowDecoder(fit.decoder, fit.decoder.load_encoder())
        begun = time.process_time()
        count = len(list(decode_recording(told, fit.decoder, windows, Options().evidence())))
        took = time.process_time() - begun
        rows.append({"head": head, "fit_s": fitted, "decode_s": took, "decisions": count})
        print(
            f"{head:8} fit {fitted:6.2f} s, {count} decisions in {took:5.2f} s: "
            f"{told.duration / took:.0f} times real time",
            flush=True,
        )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
