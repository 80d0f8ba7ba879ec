"""From trained heads to the file that decoders are made of, with scores of people left out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from core.decoding.card import EncoderPin
from core.decoding.embedding_heads import ScaleHead
from core.decoding.heads import LinearHead, with_temperature
from core.decoding.readouts import Readout, ReadoutCard
from core.encoders.spec import DIGITS, LABELLED
from core.fitting.joint_heads import JointHead, with_margin
from core.fitting.transfer.shared_heads import SharedHeads, tangent_view
from core.provenance import provenance
from core.recordings import named_apart

if TYPE_CHECKING:
    from core.encoders import Encoder
    from training.joint.tasks import LeftOutScore, SharedTask
    from training.joint.trials import StoredTrials
    from training.store import Store


def assembled(
    tasks: Sequence[SharedTask],
    heads: Mapping[str, JointHead],
    reads: str,
    trials: StoredTrials,
    test: StoredTrials,
    encoder: tuple[str, Encoder],
    store: Store,
) -> tuple[SharedHeads, dict[str, LeftOutScore | None]]:
    """Return heads that can be kept, and how well each does on people left out.

    Temperatures of probabilities and intervals of scales are those of the people left out.

    Parameters
    ----------
    tasks : sequence of SharedTask
    heads : dict of str to JointHead
        By task.
    reads : str
        "riemann", "encoder" or "hybrid".
    trials, test : StoredTrials
        Of the people learned from, and of those left out.
    encoder : tuple of (str, Encoder)
        What it is loaded from, and it.
    store : Store
    """
    source, loaded = encoder
    spec, tokens = loaded.spec, reads != "riemann"
    features, labels = np.concatenate(test.blocks, axis=1), test.labels
    views = () if reads == "encoder" else (tangent_view(trials.channels, spec.rate, spec.window),)
    readouts, scores = [], dict[str, "LeftOutScore | None"]()
    for task in tasks:
        head = heads[task.name]
        score = task.score(head, features, labels)
        readouts.append(
            Readout(
                task.name,
                task.classes if isinstance(head, LinearHead) else (),
                _calibrated(task, head, features, labels),
                views,
                tokens,
                ReadoutCard(
                    reads,
                    sum(label in task.meanings for label in trials.labels),
                    0.0 if score is None else score.value,
                    0.0 if score is None else score.chance,
                    "untested" if score is None else score.measure,
                    {"events": {label: list(texts) for label, texts in task.meanings.items()}},
                ),
            )
        )
        scores[task.name] = score
    shared = SharedHeads(
        channels=trials.channels,
        band=store.form.band,
        rate=spec.rate,
        unit=spec.unit,
        window=spec.window,
        hop=spec.default_hop,
        encoder=EncoderPin.of(loaded, source) if tokens else None,
        readouts=tuple(readouts),
        # Stretches of a recording share its file, and files of two sessions may share a name.
        recordings=named_apart(
            dict.fromkeys((f"{r.person}/{r.origin}", r.sha256) for r in trials.recordings)
        ),
        people=len(trials.people),
        **provenance(),
    )
    return shared, scores


def _calibrated(
    task: SharedTask, head: JointHead, features: np.ndarray, labels: Sequence[str]
) -> JointHead:
    """Return a head whose probabilities and intervals hold for people who were left out."""
    own = [place for place, label in enumerate(labels) if label in task.meanings]
    if not own:
        return head
    meant = [task.meanings[labels[place]][0] for place in own]
    if isinstance(head, ScaleHead):
        return with_margin(head, head.values(features[own]), np.array(meant, dtype=np.float64))
    if isinstance(head, LinearHead):
        truth = np.array([task.classes.index(name) for name in meant])
        return with_temperature(head, head.logits(features[own]), truth)
    return head


def trained_spec(encoder: Encoder, name: str, trials: StoredTrials, store: Store) -> None:
    """Let an encoder that was trained through say so.

    Its readout of classes is no longer one, and what it has seen and read labels of is more.
    """
    before = encoder.spec.provenance
    seen = json.loads(before.get("recordings", "[]")) if encoder.spec.trained else []
    rows = {tuple(row): list(row) for row in seen}
    for recording in trials.recordings:
        who = recording.identity
        row = (who.source, who.subject, who.session, who.run)
        rows[row] = list(row)
    digests = {recording.sha256[:DIGITS] for recording in trials.recordings}
    known = not encoder.spec.trained or "recordings" in before
    more: dict[str, Any] = {
        "source": "training.heads",
        "begun_with": f"{encoder.spec.label} {before.get('source', '')}".strip(),
        "store_manifest_sha256": store.manifest_sha256,
        LABELLED: " ".join(sorted(digests | set(before.get(LABELLED, "").split()))),
    }
    if known:
        more["recordings"] = json.dumps(sorted(rows.values()))
    encoder.spec = replace(
        encoder.spec,
        name=name,
        trained=True,
        readout=None,
        provenance={**before, **more},
        band=store.form.band,
    )


def report(
    trials: StoredTrials, test: StoredTrials, scores: Mapping[str, LeftOutScore | None]
) -> str:
    """Return what a person reads of the heads."""
    lines = [
        f"{len(trials.labels)} trials of {len(trials.people)} people, {len(trials.channels)} "
        f"electrodes; tested on {len(test.people)} others ({', '.join(test.people)}), each "
        "recording aligned by its first minute without labels:"
    ]
    for name, score in scores.items():
        if score is None:
            lines.append(f"  {name}: the people left out have no trials of two of its classes")
            continue
        lines.append(
            f"  {name}: {score.measure} {score.value:.3f} on {score.trials} trials, guessing "
            f"stays below {score.chance:.3f}"
        )
    return "\n".join(lines)
