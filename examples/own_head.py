"""A head of your own on the tokens of a frozen encoder, as a scikit-learn pipeline.

python examples/own_head.py run04.edf T1 T2
"""

import argparse

import mne
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import eegpt_realtime as er


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file")
    parser.add_argument("events", nargs=2, help="annotations of the two classes")
    given = parser.parse_args(argv)

    try:
        raw = mne.io.read_raw(given.file, preload=True, verbose="ERROR")
    except (OSError, ValueError) as error:
        parser.error(f"{given.file} cannot be read: {error}")
    events, ids = mne.events_from_annotations(raw, verbose="ERROR")
    if missing := [name for name in given.events if name not in ids]:
        parser.error(f"{given.file} has no {missing[0]}; it has {', '.join(ids) or 'no event'}.")
    wanted = {name: ids[name] for name in given.events}
    # A second before the cue lets the filter forget where the epoch begins.
    epochs = mne.Epochs(
        raw, events, wanted, -1.0, 4.0, baseline=None, preload=True, verbose="ERROR"
    )

    pipeline = make_pipeline(
        er.EncoderFeatures("starter", epochs.ch_names, epochs.info["sfreq"]),
        StandardScaler(),
        LogisticRegression(C=0.01, max_iter=2000),
    )
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_score(
        pipeline, epochs.get_data(), epochs.events[:, 2], cv=folds, scoring="balanced_accuracy"
    )
    print(f"balanced accuracy {np.mean(scores):.2f}")


if __name__ == "__main__":
    main()
