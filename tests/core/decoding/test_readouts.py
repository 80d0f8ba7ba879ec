"""Several tasks of one decoder: one pass through the encoder, and each as if it were alone."""

from dataclasses import replace

import numpy as np
import pytest

from calibration.tasks import joined, readout_of
from core.decoding.embedding_heads import Gallery, Projection, RetrievalHead, ScaleHead
from core.decoding.outputs import ClassesOutput, RetrievalOutput, ScaleOutput
from core.decoding.readouts import Readout, ReadoutCard
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError

pytestmark = pytest.mark.slow

HOP = 64
HEADS = ("riemann", "encoder", "hybrid")


@pytest.fixture(scope="module")
def several(fitted):
    """One decoder of three tasks: as many heads, fitted on the same trials."""
    decoders = [fitted[head] for head in HEADS]
    others = [readout_of(head, fitted[head]) for head in HEADS[1:]]
    return joined(decoders, HEADS[0], others)


def signal(decoder, samples=2048, seed=0):
    return np.random.default_rng(seed).normal(0.0, 0.02, (samples, len(decoder.settings.channels)))


def decoded(windows, samples):
    """What each hop gives: all tasks' outputs."""
    given = []
    for start in range(0, len(samples), HOP):
        if windows.push(samples[start : start + HOP]) is not None:
            given.append(windows.outputs)
    return given


@pytest.mark.parametrize("recentre", [None, 30.0])
def test_each_task_says_what_its_own_decoder_says(several, recentre):
    samples = signal(several, 2048 if recentre is None else 34 * 256)
    encoder = several.load_encoder()
    joint = decoded(WindowDecoder(several, encoder, HOP, recentre=recentre), samples)
    for task in HEADS:
        alone = several.only(task)
        windows = WindowDecoder(
            alone, None if alone.encoder is None else encoder, HOP, recentre=recentre
        )
        if recentre is not None and not alone.tangents:
            continue
        own = decoded(windows, samples)
        assert len(own) == len(joint) > 0
        for one, all_tasks in zip(own, joint, strict=True):
            assert list(one) == [task]
            np.testing.assert_allclose(
                all_tasks[task].probabilities, one[task].probabilities, rtol=0, atol=1e-9
            )


def test_from_a_reference_of_the_run_on_other_tasks_refer_to_it_too(several):
    others = [
        replace(other, tangents=tuple(view.at(2.0 * view.whitener) for view in other.tangents))
        for other in several.others
    ]
    moved, encoder = replace(several, others=tuple(others)), several.load_encoder()
    samples = signal(several, 13 * 256)
    outputs, moved_outputs = (
        decoded(WindowDecoder(decoder, encoder, HOP, recentre=30.0), samples)
        for decoder in (several, moved)
    )
    alike = [
        one["hybrid"] == other["hybrid"] for one, other in zip(outputs, moved_outputs, strict=True)
    ]
    assert alike == [False] * 17 + [True] * (len(alike) - 17)  # from 8 s on


def test_a_task_alone_is_the_decoder_that_was_fitted_for_it(several, fitted):
    for task in HEADS:
        alone, own = several.only(task), fitted[task]
        assert (alone.classes, alone.warmup, alone.encoder) == (
            own.classes,
            own.warmup,
            own.encoder,
        )
        np.testing.assert_array_equal(alone.head.weights, own.head.weights)
        assert alone.facts.score == own.facts.score


def test_one_pass_through_the_encoder_serves_all(several, monkeypatch):
    encoder = several.load_encoder()
    streams = []
    stream = type(encoder).stream

    def counted(self, *given, **named):
        streams.append(stream(self, *given, **named))
        return streams[-1]

    monkeypatch.setattr(type(encoder), "stream", counted)
    windows = WindowDecoder(several, encoder, HOP)
    (only,) = streams
    pushed = []
    push = only.push
    only.push = lambda samples: pushed.append(1) or push(samples)
    outputs = decoded(windows, signal(several))
    assert len(pushed) == 2048 // HOP
    assert set(outputs[-1]) == set(HEADS)


def test_a_covariance_that_is_there_is_not_taken_again(several):
    windows = WindowDecoder(several, several.load_encoder(), HOP)
    assert len(several.tangents) == 2
    assert windows._others.own == []


def test_a_run_that_begins_anew_has_no_outputs(several):
    windows = WindowDecoder(several, several.load_encoder(), HOP)
    assert decoded(windows, signal(several))
    windows.reset()
    assert windows.outputs == {}
    assert windows.push(signal(several, HOP)) is None


@pytest.fixture(scope="module")
def beside(fitted):
    """A first task without covariances, and one that has them to itself."""
    other = readout_of("other", fitted["riemann"])
    return joined([fitted["encoder"], fitted["riemann"]], "tokens", [other])


def test_a_first_task_without_tokens_decodes_beside_one_with_them(beside, fitted):
    outputs = decoded(WindowDecoder(beside, beside.load_encoder(), HOP), signal(beside))[-1]
    own = decoded(WindowDecoder(fitted["riemann"], None, HOP), signal(beside))[-1]
    np.testing.assert_array_equal(outputs["other"].probabilities, own["classes"].probabilities)


@pytest.mark.parametrize("tasks", ["several", "beside"])
def test_after_a_gap_every_task_says_what_it_says_of_a_new_stream(tasks, request):
    decoder = request.getfixturevalue(tasks)
    windows, fresh = (WindowDecoder(decoder, decoder.load_encoder(), HOP) for _ in range(2))
    decoded(windows, 50.0 * signal(decoder, seed=1))
    windows.reset()
    outputs, expected = (decoded(each, signal(decoder)) for each in (windows, fresh))
    assert outputs == expected
    assert outputs


def test_a_task_that_is_not_there_is_refused(several):
    with pytest.raises(InputError, match=r'no task "speech".*riemann, encoder, hybrid'):
        several.only("speech")


def test_what_was_found_of_one_task_is_not_said_of_another(several):
    fit = {**several.facts.fit, "false_alarms": 2.0, "origin": {"left": 0.6}, "sites": "all"}
    measured = replace(several, facts=replace(several.facts, fit=fit))
    assert measured.only("riemann").facts.fit == fit
    other = measured.only("hybrid").facts.fit
    assert other["sites"] == "all"
    assert not {"false_alarms", "origin"} & set(other)


def projection(random, inputs, hidden=5, width=4):
    return Projection(
        np.zeros(inputs),
        np.ones(inputs),
        random.normal(size=(inputs, hidden)),
        np.zeros(hidden),
        random.normal(size=(hidden, width)),
        np.zeros(width),
    )


def test_a_retrieval_ranks_the_gallery_by_cosines():
    random = np.random.default_rng(0)
    gallery = Gallery(("left hand", "both feet", "rest"), random.normal(size=(3, 7)), "made up 1")
    head = RetrievalHead(projection(random, 6), projection(random, 7), gallery, 0.1)
    features = random.normal(size=6)
    output = head.output(features)
    assert isinstance(output, RetrievalOutput)
    window = head.window(features[None])[0]
    entries = head.entry(gallery.embeddings)
    np.testing.assert_allclose(np.linalg.norm(window), 1.0)
    np.testing.assert_allclose(output.similarities, entries @ window)
    values = [value for _, value in output.ranking]
    assert values == sorted(values, reverse=True)
    assert output.chance == 1 / 3
    swapped = head.compared_with(("one", "two"), gallery.embeddings[[2, 0]]).output(features)
    np.testing.assert_allclose(swapped.similarities, np.take(output.similarities, [2, 0]))
    assert swapped.entries == ("one", "two")


def test_a_scale_says_a_number_and_its_interval():
    head = ScaleHead(np.ones(2), np.full(2, 2.0), np.array([1.0, -1.0]), 3.0, 0.5, (0.0, 9.0))
    output = head.output(np.array([5.0, 3.0]))
    assert output == ScaleOutput(4.0, 3.5, 4.5, (0.0, 9.0))
    assert output.as_json() == {"kind": "scale", "value": 4.0, "low": 3.5, "high": 4.5}


def test_probabilities_are_logged_by_the_names_of_classes():
    output = ClassesOutput(("open", "closed"), (0.25, 0.75))
    assert output.as_json() == {
        "kind": "classes",
        "probabilities": {"open": 0.25, "closed": 0.75},
    }
    assert output.values == (0.25, 0.75)


def test_kinds_follow_from_heads(several):
    assert {readout.kind for readout in several.readouts} == {"classes"}
    random = np.random.default_rng(0)
    gallery = Gallery(("a", "b"), random.normal(size=(2, 3)), "made up 1")
    head = RetrievalHead(projection(random, 4), projection(random, 3), gallery, 1.0)
    card = ReadoutCard("riemann", 10, 0.5, 0.4, "top-1 accuracy")
    assert Readout("text", (), head, (), False, card).kind == "retrieval"
    scale = ScaleHead(np.zeros(4), np.ones(4), np.zeros(4), 0.0, 1.0, (0.0, 1.0))
    assert replace(Readout("text", (), head, (), False, card), head=scale).kind == "scale"
