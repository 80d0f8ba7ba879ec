"""A game in another process: a ball that the probabilities of eegpt-realtime push to a side.

eegpt-realtime --stream "EEG"          in one terminal
python examples/game.py                in another
"""

import argparse
import math
import time

import pylsl


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stream", default="EEGPT-Probabilities")
    parser.add_argument("--seconds", type=float, default=60.0)
    given = parser.parse_args(argv)

    streams = pylsl.resolve_byprop("name", given.stream, timeout=10.0)
    if not streams:
        raise SystemExit(f'There is no stream "{given.stream}"; start eegpt-realtime first.')
    inlet = pylsl.StreamInlet(streams[0])
    channel = inlet.info().desc().child("channels").child("channel")
    classes = []
    while not channel.empty():
        classes.append(channel.child_value("label"))
        channel = channel.next_sibling()

    place, end = 0.0, time.monotonic() + given.seconds  # of the ball, from -1 to 1
    while time.monotonic() < end and abs(place) < 1.0:
        probabilities, stamp = inlet.pull_sample(timeout=0.5)
        if stamp is None or math.isnan(probabilities[0]):
            continue  # nothing came, or the window was refused: a gap, an artifact
        left, right = probabilities[:2]
        place = max(-1.0, min(1.0, place + 0.2 * (right - left)))
        ball = round(20 * (place + 1))
        print(
            f"\r{classes[0]:>12} |{' ' * ball}o{' ' * (40 - ball)}| {classes[1]}",
            end="",
            flush=True,
        )
    print()
    if abs(place) >= 1.0:
        print(f"{classes[int(place > 0)]} wins")


if __name__ == "__main__":
    main()
