"""The frozen encoder beside a standard pipeline in a MOABB evaluation.

pip install "eegpt-realtime[data]"
python examples/moabb_pipeline.py                 a small artificial data set
python examples/moabb_pipeline.py BNCI2014_001    a published one, which is downloaded
"""

import argparse

from pyriemann.estimation import Covariances
from pyriemann.tangentspace import TangentSpace
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import eegpt_realtime as er

try:
    from moabb import datasets
    from moabb.evaluations import WithinSessionEvaluation
    from moabb.paradigms import LeftRightImagery
except ModuleNotFoundError as error:
    raise SystemExit(
        f'This example needs {error.name}: pip install "eegpt-realtime[data]" brings it.'
    ) from None


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", nargs="?")
    parser.add_argument("--subjects", type=int, nargs="+")
    given = parser.parse_args(argv)

    if given.dataset:
        dataset = getattr(datasets, given.dataset)()
    else:
        dataset = datasets.FakeDataset(
            ["left_hand", "right_hand"],
            paradigm="imagery",
            channels=("C3", "CZ", "C4"),
            n_subjects=1,
        )
    if given.subjects:
        dataset.subject_list = given.subjects
    paradigm = LeftRightImagery(fmin=0.5, fmax=38.0, resample=256.0)
    epochs, _, _ = paradigm.get_data(dataset, dataset.subject_list[:1], return_epochs=True)
    pipelines = {
        "starter": make_pipeline(
            # MOABB hands epochs over in µV.
            er.EncoderFeatures("starter", epochs.ch_names, 256.0, unit="uV"),
            StandardScaler(),
            LogisticRegression(C=0.01, max_iter=2000),
        ),
        "tangent space": make_pipeline(
            Covariances("oas"), TangentSpace(), LogisticRegression(max_iter=2000)
        ),
    }
    evaluation = WithinSessionEvaluation(paradigm, [dataset], overwrite=True)
    results = evaluation.process(pipelines)
    print(results.groupby("pipeline")["score"].mean())


if __name__ == "__main__":
    main()
