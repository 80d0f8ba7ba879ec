"""Readouts beside a decoder's first one, as its file holds them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from core.decoding.embedding_heads import Gallery, Projection, RetrievalHead, ScaleHead
from core.decoding.features import TangentFeatures
from core.decoding.gate import MixtureHead
from core.decoding.graph_head import GraphHead
from core.decoding.heads import LinearHead
from core.decoding.outputs import CLASSES, RETRIEVAL, SCALE
from core.decoding.readouts import ClassHead, Readout, ReadoutCard, task_name
from core.decoding.state_head import StateHead
from core.decoding.storage.graph_parts import head_table, head_tensors, read_head
from core.decoding.storage.parts import (
    LARGEST,
    divisor,
    linear_head,
    linear_tensors,
    shaped,
    tangent_table,
    tangent_tensors,
    tangents,
)
from core.decoding.storage.state_parts import read_state, state_table, state_tensors
from core.errors import InputError, one_line
from core.signal.pipeline import SignalSettings
from core.tensor_file import number, text, texts, whole

_ENTRY = 500  # characters of a gallery's entry
_SHA256 = re.compile(r"[0-9a-f]{64}")


def readout_table(readout: Readout) -> dict[str, Any]:
    """Return what a header says of a readout."""
    head = readout.head
    table: dict[str, Any] = {
        "task": readout.task,
        "kind": readout.kind,
        "tangents": tangent_table(readout.tangents),
        "tokens": readout.tokens,
        "card": asdict(readout.card),
    }
    if isinstance(head, RetrievalHead):
        gallery = head.gallery
        pictures = {"pictures": gallery.pictures} if gallery.pictures else {}
        return table | {
            "entries": gallery.entries,
            "encoder": gallery.encoder,
            "temperature": head.temperature,
            **pictures,
        }
    if isinstance(head, ScaleHead):
        return table | {"bias": head.bias, "margin": head.margin, "ends": head.ends}
    if isinstance(head, MixtureHead):
        temperatures = [expert.temperature for expert in head.experts]
        experts = zip(head.names, head.spans, temperatures, strict=True)
        return table | {
            "classes": readout.classes,
            "experts": [
                {"name": name, "columns": columns, "temperature": temperature}
                for name, columns, temperature in experts
            ],
        }
    if isinstance(head, StateHead):
        return table | {"classes": readout.classes, **state_table(head)}
    if not isinstance(head, LinearHead | GraphHead):
        raise InputError(f"a head of the kind {type(head).__name__} has no place in the file.")
    return table | {"classes": readout.classes, **head_table(head)}


def readout_tensors(readouts: Sequence[Readout]) -> dict[str, np.ndarray]:
    """Return the tensors of readouts by name."""
    tensors: dict[str, np.ndarray] = {}
    for index, readout in enumerate(readouts):
        prefix, head = f"readouts.{index}", readout.head
        tensors |= tangent_tensors(readout.tangents, f"{prefix}.tangents")
        if isinstance(head, RetrievalHead):
            for name, projection in (("window", head.window), ("entry", head.entry)):
                tensors |= {
                    f"{prefix}.{name}.{field.name}": getattr(projection, field.name)
                    for field in fields(Projection)
                }
            tensors[f"{prefix}.gallery"] = head.gallery.embeddings
        elif isinstance(head, ScaleHead):
            for name in ("centre", "scale", "weights"):
                tensors[f"{prefix}.head.{name}"] = getattr(head, name)
        elif isinstance(head, MixtureHead):
            tensors |= linear_tensors(head.gate, f"{prefix}.head")
            for place, expert in enumerate(head.experts):
                tensors |= linear_tensors(expert, f"{prefix}.experts.{place}")
        elif isinstance(head, StateHead):
            tensors |= state_tensors(head, f"{prefix}.head")
        elif isinstance(head, LinearHead | GraphHead):
            tensors |= head_tensors(head, f"{prefix}.head")
    return tensors


def build_readout(
    table: dict[str, Any],
    tensors: dict[str, np.ndarray],
    prefix: str,
    settings: SignalSettings,
    length: int,
    encoder: bool,
) -> Readout:
    """Return a readout from what a file says of it.

    Parameters
    ----------
    table : dict
        From `readout_table`.
    tensors : dict of str to ndarray
    prefix : str
        Of the tensors' names.
    settings : SignalSettings
    length : int
        Samples of a window that features are computed of.
    encoder : bool
        Whether the decoder has one.

    Raises
    ------
    InputError
        If table and tensors contradict each other.
    """
    kind, tokens = table["kind"], table["tokens"] is True
    if tokens and not encoder:
        raise InputError("a task reads tokens, and there is no encoder.")
    views = tangents(tensors, f"{prefix}.tangents", table["tangents"], settings, length)
    classes: tuple[str, ...] = ()
    head: ClassHead | RetrievalHead | ScaleHead
    if kind == CLASSES and "state" in table:
        classes = texts(table["classes"], 2)
        of_signal = settings.rate, len(settings.channels), length
        head = read_state(table, tensors, f"{prefix}.head", *of_signal, len(classes))
    elif kind == CLASSES:
        classes = texts(table["classes"], 2)
        features = features_of(tensors, f"{prefix}.head.centre", views, tokens)
        if "experts" in table:
            head = _mixture(table["experts"], tensors, prefix, features, len(classes))
        else:
            head = read_head(table, tensors, f"{prefix}.head", features, len(classes))
    elif kind == RETRIEVAL:
        features = features_of(tensors, f"{prefix}.window.centre", views, tokens)
        head = _retrieval(table, tensors, prefix, features)
    elif kind == SCALE:
        features = features_of(tensors, f"{prefix}.head.centre", views, tokens)
        head = _scale(table, tensors, f"{prefix}.head", features)
    else:
        raise InputError(f'it has a task of the kind "{one_line(kind, 40)}".')
    return Readout(task_name(table["task"]), classes, head, views, tokens, _card(table["card"]))


def features_of(
    tensors: dict[str, np.ndarray], name: str, views: Sequence[TangentFeatures], tokens: bool
) -> int:
    """Return how many features a head takes, if its views can give so many.

    Raises
    ------
    InputError
        If they cannot.
    """
    features, size = len(tensors[name]), sum(view.size for view in views)
    if features < size or (not tokens and features != size) or not features:
        raise InputError("its head does not fit its features.")
    return features


def _mixture(
    experts: list[dict[str, Any]],
    tensors: dict[str, np.ndarray],
    prefix: str,
    features: int,
    classes: int,
) -> MixtureHead:
    names = texts([expert["name"] for expert in experts], 2)
    spans, heads = [], []
    for place, expert in enumerate(experts):
        low, high = expert["columns"]
        first = whole(low, 0, features - 1)
        last = whole(high, first + 1, features)
        spans.append((first, last))
        name = f"{prefix}.experts.{place}"
        heads.append(linear_head(expert, tensors, name, last - first, classes))
    gate = linear_head({"temperature": 1.0}, tensors, f"{prefix}.head", features, len(experts))
    return MixtureHead(names, tuple(heads), tuple(spans), gate)


def _retrieval(
    table: dict[str, Any], tensors: dict[str, np.ndarray], prefix: str, features: int
) -> RetrievalHead:
    entries = table["entries"]
    if (
        not isinstance(entries, list)
        or not entries
        or len(set(entries)) != len(entries)
        or not all(isinstance(e, str) and e.isprintable() and len(e) <= _ENTRY for e in entries)
    ):
        raise InputError("its gallery is no list of different texts.")
    pictures = texts(table["pictures"], len(entries)) if "pictures" in table else ()
    if len(pictures) not in (0, len(entries)) or not all(map(_SHA256.fullmatch, pictures)):
        raise InputError("its gallery has no SHA-256 for each picture.")
    width = len(tensors[f"{prefix}.entry.second_bias"])
    dimensions = len(tensors[f"{prefix}.entry.centre"])
    return RetrievalHead(
        window=_projection(tensors, f"{prefix}.window", features, width),
        entry=_projection(tensors, f"{prefix}.entry", dimensions, width),
        gallery=Gallery(
            tuple(entries),
            shaped(tensors, f"{prefix}.gallery", (len(entries), dimensions)),
            text(table["encoder"]),
            pictures,
        ),
        temperature=number(table["temperature"], 1e-6, 1e6),
    )


def _projection(tensors: dict[str, np.ndarray], name: str, inputs: int, width: int) -> Projection:
    hidden = len(tensors[f"{name}.first_bias"])
    return Projection(
        centre=shaped(tensors, f"{name}.centre", (inputs,)),
        scale=divisor(tensors, f"{name}.scale", inputs),
        first=shaped(tensors, f"{name}.first", (inputs, hidden)),
        first_bias=shaped(tensors, f"{name}.first_bias", (hidden,)),
        second=shaped(tensors, f"{name}.second", (hidden, width)),
        second_bias=shaped(tensors, f"{name}.second_bias", (width,)),
    )


def _scale(
    table: dict[str, Any], tensors: dict[str, np.ndarray], name: str, features: int
) -> ScaleHead:
    low, high = (number(end, -LARGEST, LARGEST) for end in table["ends"])
    if not low < high:
        raise InputError("its scale ends where it begins.")
    return ScaleHead(
        centre=shaped(tensors, f"{name}.centre", (features,)),
        scale=divisor(tensors, f"{name}.scale", features),
        weights=shaped(tensors, f"{name}.weights", (features,)),
        bias=number(table["bias"], -LARGEST, LARGEST),
        margin=number(table["margin"], 0.0, LARGEST),
        ends=(low, high),
    )


def _card(table: dict[str, Any]) -> ReadoutCard:
    card = ReadoutCard(**table)
    for words in (card.head, card.measure):
        text(words)
    for score in (card.score, card.chance):
        number(score, -1.0, 1.0)
    whole(card.trials, 0, 10**9)
    if not isinstance(card.fit, dict):
        raise ValueError("a task does not say how it was fitted")
    return card
