"""Fit a decoder on recordings of one person, and decode another recording of theirs.

python examples/fit_and_decode.py run04.edf run08.edf --test run12.edf \
        --event T1=left_hand --event T2=right_hand
"""

import argparse
from collections import Counter

import eegpt_realtime as er


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--test", required=True)
    parser.add_argument("--event", action="append", default=[], metavar="LABEL=CLASS")
    parser.add_argument("--head", default="auto")
    given = parser.parse_args(argv)

    for text in given.event:
        if "=" not in text:
            parser.error(f"--event {text} is not LABEL=CLASS, such as T1=left_hand.")
    events = dict(text.split("=", 1) for text in given.event) or None
    decoder = er.fit(given.files, events, head=given.head)
    facts = decoder.decoder.facts
    print(f"{facts.score:.2f} by cross-validation; guessing stays below {facts.chance:.2f}")

    recording = er.read_recording(given.test)
    decisions = decoder.decisions(recording)
    print(Counter(decision.decision or f"none ({decision.status})" for decision in decisions))


if __name__ == "__main__":
    try:
        main()
    except er.InputError as error:  # what was found, what was expected and what to do
        raise SystemExit(str(error)) from None
