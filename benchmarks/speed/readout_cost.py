"""What a second task costs, beside what the encoder costs a decision.

    python benchmarks/speed/readout_cost.py DECODER.safetensors

The decoder has two tasks of classes or more, as eegpt-calibrate fit --task makes it. White noise is
decoded hop by hop: what the encoder takes is timed, and what each task beside the first takes of
the same windows (covariances that the first task has taken already are there). They take turns, and
the process's own time counts, so that what else the computer does falls on all of them alike. No
figure is asserted anywhere.
"""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from core.machine.threads import share_cores

share_cores()

import numpy as np  # noqa: E402 - after the threads are set
import torch  # noqa: E402
from turns import Ways, timed  # noqa: E402

from core.decoding.features import TokenFeatures  # noqa: E402
from core.decoding.readouts import ReadoutStream  # noqa: E402
from core.decoding.storage.decoder_file import load_decoder  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("decoder", type=Path)
    parser.add_argument("--turns", type=int, default=31)
    given = parser.parse_args()
    torch.set_num_threads(1)
    decoder = load_decoder(given.decoder)
    encoder = decoder.load_encoder()
    assert encoder is not None, "the cost is compared with that of an encoder"
    assert decoder.spatial is not None
    channels, hop = len(decoder.settings.channels), decoder.hop
    signal = np.random.default_rng(0).normal(0.0, 0.02, (decoder.window, channels))
    features = TokenFeatures(encoder, decoder.token_channels, decoder.spatial, decoder.skip)
    stream, views = features.stream(hop), [view.stream() for view in decoder.tangents]
    others = [ReadoutStream((readout,), views) for readout in decoder.others]
    for start in range(0, decoder.window, hop):
        piece = signal[start : start + hop]
        tokens = stream.push(piece)
        vectors = [view.push(piece) for view in views]
        for other in others:
            other.push(piece)

    def read(other: ReadoutStream) -> None:
        other.outputs([*vectors, *other.push(piece)], tokens)

    ways: Ways = {"encoder": lambda: stream.push(piece)}
    ways |= {
        readout.task: partial(read, o) for readout, o in zip(decoder.others, others, strict=True)
    }
    took = timed(ways, given.turns, 1)
    alone = np.median(took["encoder"])
    print(f"{encoder.spec.label}, {channels} electrodes, a decision every {hop} samples")
    print(f"{'encoder':24}{1e3 * alone:8.3f} ms")
    for readout in decoder.others:
        share = 100 * np.median(took[readout.task] / took["encoder"])
        print(
            f"{readout.task:24}{1e3 * np.median(took[readout.task]):8.3f} ms, {share:.1f} % of the "
            f"encoder ({readout.kind}, {readout.card.head})"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
