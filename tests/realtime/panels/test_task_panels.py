"""Panels of tasks beside the first: what they say and draw of what was decoded."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest
import shiboken6
from pictures import COLOURS, draw

from core.decoding.embedding_heads import Gallery, Projection, RetrievalHead, ScaleHead
from core.decoding.outputs import ClassesOutput, ScaleOutput
from core.decoding.readouts import Readout, ReadoutCard
from core.pictures.gallery import PictureFolder
from realtime.panels import retrieval
from realtime.panels.other_classes import OtherClassesPanel
from realtime.panels.panel import NewestSignal, Supplies
from realtime.panels.retrieval import RetrievalPanel
from realtime.panels.scale import ScalePanel

WIDTH = 4
TEXTS = ("a closed left fist", "both feet", "the tongue", "sitting still")


def identity(inputs):
    """A projection that leaves small vectors as they are, but for their length."""
    eye = np.eye(inputs, WIDTH)
    zeros = np.zeros(WIDTH)
    return Projection(np.zeros(inputs), np.full(inputs, 100.0), eye, zeros, np.eye(WIDTH), zeros)


@pytest.fixture(scope="module")
def readouts():
    card = ReadoutCard("encoder", 60, 0.82, 0.61, "balanced accuracy")
    gallery = Gallery(TEXTS, np.eye(WIDTH), "letters 1")
    head = RetrievalHead(identity(WIDTH), identity(WIDTH), gallery, 0.1)
    scale = ScaleHead(np.zeros(1), np.ones(1), np.ones(1), 0.0, 0.2, (0.0, 1.0))
    first = Readout("hand", ("left_hand", "right_hand"), None, (), False, card)
    weak = replace(card, score=0.2, measure="top-1 accuracy", chance=0.4)
    return (
        first,
        Readout("eyes", ("open", "closed"), None, (), True, card),
        Readout("text", (), head, (), True, weak),
        Readout("load", (), scale, (), True, replace(card, measure="correlation")),
    )


@pytest.fixture
def view(make_view, readouts):
    """A minute of decisions in which the outputs of all tasks are known."""
    view = make_view()
    head = readouts[2].head
    recent = []
    for index, decision in enumerate(view.state.recent):
        share = 0.5 + 0.45 * np.sin(index / 20)
        outputs = {
            "eyes": ClassesOutput(("open", "closed"), (1 - share, share)),
            "text": head.output(np.array([0.2, 1.0, 0.1, -0.4])),
            "load": ScaleOutput(share, share - 0.2, share + 0.2, (0.0, 1.0)),
        }
        known = decision.probabilities is not None
        recent.append(replace(decision, outputs=outputs if known else {}))
    decoder = replace(view.state.decoder, readouts=readouts)
    view.change(decoder=decoder, recent=tuple(recent), latest=recent[-1])
    return view


@pytest.fixture
def make_panel(qtbot):
    made = []

    def make(kind):
        panel = kind()
        qtbot.addWidget(panel)
        panel.resize(400, 420)
        panel.show()
        failures = []
        panel.failed.connect(failures.append)
        made.append(failures)
        return panel

    yield make
    assert made
    assert all(failures == [] for failures in made)


def look(panel, view):
    panel.look(view.state, NewestSignal(view.traces, view.raw_traces))


PANELS = (OtherClassesPanel, RetrievalPanel, ScalePanel)


@pytest.mark.parametrize("kind", PANELS)
def test_a_decoder_without_such_a_task_says_how_to_get_one(kind, make_panel, make_view, picture):
    panel = make_panel(kind)
    look(panel, make_view())
    assert "eegpt-calibrate fit" in panel.accessibleDescription()
    assert picture(panel).std() > 0


@pytest.mark.parametrize("kind", PANELS)
def test_what_is_not_decoded_is_not_shown(kind, make_panel, view, picture):
    panel = make_panel(kind)
    look(panel, view)
    decoded = picture(panel)
    view.refuse("gap", "160 samples were lost.")
    look(panel, view)
    assert "160 samples were lost" in panel.accessibleDescription()
    assert not np.array_equal(decoded, picture(panel))


def test_classes_of_other_tasks_have_their_probabilities(make_panel, view):
    panel = make_panel(OtherClassesPanel)
    look(panel, view)
    assert [readout.task for readout in panel.readouts] == ["eyes"]
    share = view.state.latest.outputs["eyes"].probabilities[1]
    assert f"closed {100 * share:.0f} %" in panel.accessibleDescription()


def test_the_nearest_text_comes_first(make_panel, view):
    panel = make_panel(RetrievalPanel)
    look(panel, view)
    ranking = panel.ranking(panel.readouts[0])
    assert [entry.text for entry in ranking] == [TEXTS[1], TEXTS[0], TEXTS[2], TEXTS[3]]
    assert "both feet" in panel.accessibleDescription().partition(",")[0]


def test_a_scale_says_its_number_and_interval(make_panel, view):
    panel = make_panel(ScalePanel)
    look(panel, view)
    output = view.state.latest.outputs["load"]
    assert f"load: {output.value:.2f}" in panel.accessibleDescription()


def test_a_text_that_is_typed_is_compared_too(make_panel, view, qtbot, monkeypatch, picture):
    asked = []

    def encoder_of(gallery, source):
        asked.append(source)
        return lambda texts: np.eye(WIDTH)[[1]]

    monkeypatch.setattr(retrieval, "encoder_of", encoder_of)
    panel = make_panel(RetrievalPanel)
    panel.supplies = Supplies(text_encoder="letters")
    look(panel, view)
    before = picture(panel)
    qtbot.keyClicks(panel.field, "two feet")
    with qtbot.waitSignal(panel.embedded):
        panel.field.returnPressed.emit()
    ranking = panel.ranking(panel.readouts[0])
    assert len(ranking) == len(TEXTS) + 1
    assert {entry.text for entry in ranking[:2]} == {"two feet", "both feet"}
    assert [entry.text for entry in ranking if entry.typed] == ["two feet"]
    assert panel.field.text() == ""
    assert asked == ["letters"]
    assert not np.array_equal(before, picture(panel))


def test_an_answer_to_a_closed_window_is_dropped(qtbot, readouts):
    panel = RetrievalPanel()
    tell = panel.embedded.emit
    shiboken6.delete(panel)
    with pytest.raises(RuntimeError):
        tell("feet", None)
    retrieval._embed(readouts[2].head, None, "feet", tell)


@pytest.fixture
def pictures(view, tmp_path):
    """The same minute, in which the texts are pictures, the second of them missing."""
    for name, colour in COLOURS.items():
        draw(tmp_path / name, colour)
    names = (*COLOURS, "missing.png")
    digests = [hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in COLOURS]
    hand, eyes, text, load = view.state.decoder.readouts
    gallery = Gallery(names, np.eye(WIDTH), "untrained 0", (*digests, 64 * "0"))
    head = replace(text.head, gallery=gallery)
    recent = [
        replace(d, outputs=d.outputs and {"text": head.output(np.array([0.2, 1.0, 0.1, 0.4]))})
        for d in view.state.recent
    ]
    decoder = replace(view.state.decoder, readouts=(hand, eyes, replace(text, head=head), load))
    view.change(decoder=decoder, recent=tuple(recent), latest=recent[-1])
    return PictureFolder(tmp_path)


def test_the_nearest_picture_is_shown_and_the_next_ones_below_it(
    make_panel, view, pictures, picture
):
    panel = make_panel(RetrievalPanel)
    panel.supplies = Supplies(pictures=pictures)
    look(panel, view)
    assert "green.png" in panel.accessibleDescription().partition(",")[0]
    assert panel.field.isHidden()
    shown = picture(panel)

    def rows(colour):
        return np.flatnonzero((shown[..., :3] == colour).all(axis=-1).any(axis=1))

    green, red, blue = (rows(COLOURS[name]) for name in ("green.png", "red.png", "blue.png"))
    assert len(green) > 1.5 * len(red) > 0
    assert green.max() < red.min()
    assert red.min() == blue.min()
    panel.supplies = Supplies()
    panel.update()
    names = picture(panel)
    assert not np.array_equal(shown, names)
    assert not (names[..., :3] == COLOURS["green.png"]).all(axis=-1).any()


def test_a_low_panel_shows_the_nearest_picture_alone(make_panel, view, pictures, picture):
    panel = make_panel(RetrievalPanel)
    panel.supplies = Supplies(pictures=pictures)
    panel.resize(400, 240)
    look(panel, view)
    shown = picture(panel)[..., :3]
    assert (shown == COLOURS["green.png"]).all(axis=-1).any()
    assert not (shown == COLOURS["red.png"]).all(axis=-1).any()


def test_a_text_without_an_encoder_of_texts_is_refused_in_a_sentence(make_panel, view, qtbot):
    panel = make_panel(RetrievalPanel)
    look(panel, view)
    panel.field.setText("two feet")
    with qtbot.waitSignal(panel.embedded):
        panel.field.returnPressed.emit()
    assert "letters 1; name its folder with --text-encoder" in panel.note.text()
    assert panel.field.text() == "two feet"
    assert len(panel.ranking(panel.readouts[0])) == len(TEXTS)


def test_no_text_is_asked_for_in_vain(make_panel, view):
    panel = make_panel(RetrievalPanel)
    look(panel, view)
    panel.field.setText("  ")
    panel.field.returnPressed.emit()
    assert "no text of 1 to 500 characters" in panel.note.text()
