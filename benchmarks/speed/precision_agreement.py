"""How often decisions in bf16 and int8 agree with those in float32, on recordings.

    python benchmarks/speed/precision_agreement.py  people 1 to 4, the starter
    python benchmarks/speed/precision_agreement.py --encoder untrained-large --subjects 1

For each person a decoder that looks at tokens alone is fitted, in float32, on run 4, and decides on
every window of run 8 (imagined fists; run 12 is never read). Said are the windows, the share with
the same class, the largest difference of a probability, and how far the tokens are off, as the root
mean square of the differences over that of the tokens. Where classes differ, float32's own margin
is said, too: how far the two probabilities of the classes were apart.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are settled
import torch  # noqa: E402

from calibration.fitting import FitSettings, fit_decoder  # noqa: E402
from core.decoding.decoder import Decoder  # noqa: E402
from core.decoding.features import pool  # noqa: E402
from core.machine.threads import one_torch_thread  # noqa: E402
from core.model import Encoder, StreamingEncoder  # noqa: E402
from core.model.inference.linear import PRECISIONS, unsupported  # noqa: E402
from core.montage import channel_ids  # noqa: E402
from core.recordings import Recording, read_recordings  # noqa: E402

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
EVENTS = {"T1": "left_hand", "T2": "right_hand"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--encoder", default="starter")
    parser.add_argument("--subjects", type=int, nargs="+", default=[1, 2, 3, 4])
    parser.add_argument("--hop", type=int, default=32, help="samples")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    one_torch_thread()
    folder = Path(os.environ.get("EEGPT_DATA", DATA)) / "eegmmidb"
    rows = []
    print(
        "person precision  windows  same class  probability off  tokens off  margins of the others"
    )
    for subject in given.subjects:
        name = f"S{subject:03d}"
        fit_on, test = read_recordings([folder / name / f"{name}R{run:02d}.edf" for run in (4, 8)])
        settings = FitSettings(head="encoder", encoder=given.encoder)
        decoder = fit_decoder([fit_on], EVENTS, name, settings).decoder
        for row in agreement(decoder, test, given.hop):
            rows.append({"person": name, "encoder": given.encoder, **row})
            print(
                f"{name:6} {row['precision']:10}{row['windows']:8}{row['same']:12.3%}"
                f"{row['probability_off']:17.4f}{row['tokens_off']:12.4f}"
                f"  {', '.join(f'{margin:.4f}' for margin in row['margins'])}",
                flush=True,
            )
    for precision in PRECISIONS[1:]:
        mine = [row for row in rows if row["precision"] == precision]
        if mine:
            same = sum(row["same"] * row["windows"] for row in mine)
            print(f"{precision}: same class in {same / sum(row['windows'] for row in mine):.3%}")
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0


def agreement(decoder: Decoder, test: Recording, hop: int) -> list[dict]:
    """Compare each precision with float32 on every window of a recording."""
    encoder = decoder.load_encoder()
    assert encoder is not None
    path = decoder.attach(test.labels, ["uV"] * len(test.labels), test.rate)
    signal = path.push(test.samples_uv)
    right = every_window(decoder, encoder, signal, hop, "float32")
    sure = decoder.head.probabilities(pool(right))
    found = []
    for precision in PRECISIONS[1:]:
        if unsupported(precision):
            continue
        tokens = every_window(decoder, encoder, signal, hop, precision)
        got = decoder.head.probabilities(pool(tokens))
        other = got.argmax(axis=1) != sure.argmax(axis=1)
        ordered = np.sort(sure[other], axis=1)
        found.append(
            {
                "precision": precision,
                "windows": len(got),
                "same": float(1 - other.mean()),
                "probability_off": float(np.abs(got - sure).max()),
                "tokens_off": float(np.linalg.norm(tokens - right) / np.linalg.norm(right)),
                "margins": (ordered[:, -1] - ordered[:, -2]).tolist(),
            }
        )
    return found


def every_window(
    decoder: Decoder, encoder: Encoder, signal: np.ndarray, hop: int, precision: str
) -> np.ndarray:
    """Return the tokens of every window, shape (windows, patches, tokens, width), of float64."""
    assert decoder.spatial is not None
    stream = StreamingEncoder(encoder, channel_ids(decoder.settings.channels), hop, precision)
    if stream.precision != precision:
        raise SystemExit(stream.note)
    filtered = (decoder.spatial @ signal.T).astype(np.float32)  # (channels, samples)
    pushed = [stream.push(filtered[:, i : i + hop]) for i in range(0, len(signal) - hop, hop)]
    return torch.stack([tokens for tokens in pushed if tokens is not None]).double().numpy()


if __name__ == "__main__":
    sys.exit(main())
