"""Which texts or pictures of a gallery are nearest to the newest window, and typed texts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QLabel, QLineEdit, QVBoxLayout

from core.decoding.embedding_heads import RetrievalHead
from core.decoding.outputs import RETRIEVAL, RetrievalOutput
from core.decoding.readouts import Readout
from core.errors import InputError
from core.text_encoder import check_texts
from realtime.engine.snapshot import Snapshot
from realtime.panels.panel import NewestSignal
from realtime.panels.picture_view import draw_pictures
from realtime.panels.task_panel import TaskPanel
from realtime.prompts import encoder_of
from ui import theme
from ui.class_style import PALETTE
from ui.painting import LEFT, RIGHT, draw_text

_ROW = 34.0  # px an entry, at most
_LEAST = 24.0  # px an entry; others are not drawn
_SECOND = 1.0  # s of decisions that similarities are averaged over
_FIELD = f"""
QLineEdit {{
    color: {theme.TEXT.name()}; background: {theme.BACKGROUND.name()};
    placeholder-text-color: {theme.MUTED.name()};
    border: 1px solid {theme.RULE.name()}; border-radius: 5px; padding: 5px 10px;
}}
QLineEdit:focus {{ border-color: {theme.ACCENT.name()}; }}
"""
_PROMPTS = 8  # that are typed, at most; the oldest makes room


@dataclass(frozen=True)
class Ranked:
    """An entry of the gallery, or a text that was typed, and how near it is."""

    text: str
    similarity: float
    typed: bool


class RetrievalPanel(TaskPanel):
    """The nearest entries with their similarity, and a field for texts to compare with.

    Attributes
    ----------
    field : QLineEdit
        A text that is typed here is compared too, if the encoder of texts is installed.
    note : QLabel
        What is wrong with it, in a sentence.
    """

    kind = RETRIEVAL
    missing = (
        "The decoder has no gallery of texts or pictures. eegpt-calibrate fit --caption TABLE "
        "gives it one."
    )
    embedded = Signal(str, object)  # a typed text, and its embedding or what is wrong with it

    def __init__(self) -> None:
        super().__init__()
        self._typed: dict[str, np.ndarray] = {}  # text -> embedding by the text encoder
        self.field = QLineEdit()
        self.field.setPlaceholderText("Type a text to compare with, and press Enter")
        self.field.setAccessibleName("Text to compare with")
        self.field.setMaxLength(200)
        self.field.setFont(theme.font(13))
        self.field.setStyleSheet(_FIELD)
        self.field.returnPressed.connect(self._ask)
        self.note = QLabel("")
        self.note.setTextFormat(Qt.TextFormat.PlainText)
        self.note.setWordWrap(True)
        self.note.setFont(theme.font(11))
        self.note.setProperty("role", "caption")
        self.note.hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 10, 16, 8)
        column.addWidget(self.field)
        column.addWidget(self.note)
        column.addStretch(1)
        self.embedded.connect(self._take)

    def ranking(self, readout: Readout) -> list[Ranked]:
        """Return the entries and the typed texts, the nearest of the last second first."""
        assert isinstance(readout.head, RetrievalHead)
        lately = [
            output
            for before, output in self.history(readout)
            if isinstance(output, RetrievalOutput) and before > -_SECOND
        ]
        if not lately or self.latest(readout) is None:
            return []
        means = np.mean([output.similarities for output in lately], axis=0)
        ranked = [
            Ranked(entry, value, False)
            for entry, value in zip(lately[-1].entries, means.tolist(), strict=True)
        ]
        if self._typed and not readout.head.gallery.pictures:
            window = np.mean([output.embedding for output in lately], axis=0)
            entries = readout.head.entry(np.stack(list(self._typed.values())))
            ranked += [
                Ranked(text, value, True)
                for text, value in zip(self._typed, (entries @ window).tolist(), strict=True)
            ]
        return sorted(ranked, key=lambda entry: -entry.similarity)

    def task_in_words(self, readout: Readout) -> str:
        """Say the nearest three."""
        nearest = ", ".join(f"{r.text} {r.similarity:.2f}" for r in self.ranking(readout)[:3])
        return f"{readout.task}: {nearest or 'nothing decoded'}"

    def look(self, snapshot: Snapshot, signal: NewestSignal) -> None:
        """Take what the tasks said; texts are compared only with galleries of texts."""
        super().look(snapshot, signal)
        self.field.setVisible(not self.readouts or bool(self._texts))

    @property
    def _texts(self) -> list[RetrievalHead]:
        """Heads whose galleries are texts."""
        heads = [readout.head for readout in self.readouts]
        return [h for h in heads if isinstance(h, RetrievalHead) and not h.gallery.pictures]

    @property
    def area(self) -> QRectF:
        """Below the field."""
        if self.field.isHidden():
            return super().area
        lowest = self.note if self.note.isVisible() else self.field
        return super().area.adjusted(0, lowest.geometry().bottom() + 4, 0, 0)

    def draw_task(self, painter: QPainter, area: QRectF, readout: Readout) -> None:
        """Draw a row for each text, or the nearest pictures, as many as have room."""
        ranked = self.ranking(readout)
        if not ranked:
            return
        caption = QRectF(area.left(), area.top(), area.width(), 18)
        painter.setFont(theme.font(11))
        painter.setPen(theme.MUTED)
        chance = f"{100 / len(ranked):.0f} %"
        painter.drawText(caption, LEFT, f"cosine, mean of 1 s; first by guessing: {chance}")
        rows = area.adjusted(0, 22, 0, 0)
        assert isinstance(readout.head, RetrievalHead)
        if readout.head.gallery.pictures:
            nearest = [(entry.text, entry.similarity) for entry in ranked]
            draw_pictures(painter, rows, nearest, readout.head.gallery, self.supplies.pictures)
            return
        count = max(1, min(len(ranked), int(rows.height() / _LEAST)))
        tall = min(_ROW, rows.height() / count)
        for index, entry in enumerate(ranked[:count]):
            box = QRectF(rows.left(), rows.top() + index * tall, rows.width(), tall)
            _draw_entry(painter, box, index + 1, entry)

    # -- texts that are typed -------------------------------------------------------------------

    def _ask(self) -> None:
        if not self._texts:
            return
        text = self.field.text()
        try:
            (text,) = check_texts([text], "The text")
        except InputError as error:
            self._say(str(error))
            return
        self._say("Loading the encoder of texts ...")
        asked = (self._texts[0], self.supplies.text_encoder, text, self.embedded.emit)
        Thread(target=_embed, args=asked, name="text", daemon=True).start()

    def _take(self, text: str, embedding: object) -> None:
        """Compare with a text from now on, or say what is wrong."""
        if not isinstance(embedding, np.ndarray):
            self._say(str(embedding))
            return
        self._say("")
        self.field.clear()
        self._typed[text] = embedding
        while len(self._typed) > _PROMPTS:
            del self._typed[next(iter(self._typed))]
        self.update()

    def _say(self, words: str) -> None:
        self.note.setText(words)
        self.note.setVisible(bool(words))
        self.update()


def _embed(
    head: RetrievalHead, source: str | None, text: str, tell: Callable[[str, object], None]
) -> None:
    result: object
    try:
        result = encoder_of(head.gallery, source)([text])[0]
    except Exception as error:  # a package of others: anything
        result = error
    with suppress(RuntimeError):  # the window was closed meanwhile
        tell(text, result)


def _draw_entry(painter: QPainter, box: QRectF, rank: int, entry: Ranked) -> None:
    """Draw rank, text, similarity, and a bar from the middle, which is a cosine of 0."""
    first = rank == 1
    line = QRectF(box.left(), box.top(), box.width(), box.height() - 8)
    painter.setFont(theme.font(13, bold=first))
    ink = theme.TEXT if first else theme.MUTED
    painter.setPen(ink)
    painter.drawText(line, LEFT, f"{rank}")
    painter.drawText(line, RIGHT, f"{entry.similarity:+.2f}")
    text = theme.plain(entry.text, 200) + (" (typed)" if entry.typed else "")
    draw_text(painter, line.adjusted(26, 0, -60, 0), text, 13, ink, bold=first)
    track = QRectF(box.left() + 26, box.bottom() - 7, box.width() - 26, 4)
    painter.fillRect(track, theme.RAISED)
    middle = track.center().x()
    reach = middle + entry.similarity * track.width() / 2
    colour = PALETTE[1] if entry.typed else PALETTE[0]
    filled = QRectF(min(middle, reach), track.top(), abs(reach - middle), track.height())
    painter.fillRect(filled, colour if first else theme.faded(colour, 0.6))
    painter.setPen(QPen(theme.MUTED, 1))
    painter.drawLine(QPointF(middle, track.top() - 1), QPointF(middle, track.bottom() + 1))
