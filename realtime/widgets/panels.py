"""The quiet panels: the facts of the status line, the offer to calibrate, the hint, the keys."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from realtime.engine.snapshot import DecoderStatus, Snapshot, StreamStatus
from ui import theme
from ui.class_style import ClassLook, class_looks, draw_symbol
from ui.painting import write_line
from ui.status_line import Cell

_MIDDLE = Qt.AlignmentFlag.AlignVCenter
_DRIFT = 1.0  # s an hour between two clocks that deserve a look; quartzes drift by 0.2


_TIPS = {
    "stream": "The LSL stream that is decoded: its type, the machine that sends it, its source_id",
    "rate": "Samples a second as they arrive, what the stream announces, and how many seconds an "
    "hour its clock gains or loses beside this machine's",
    "lost": "Samples that never arrived, and decisions that were dropped because newer signal "
    "was there already",
    "age": "How old the newest sample of a window is when its decision is made: the median of the "
    "last minute",
    "decoder": "Whose decoder it is, what it decides by, and the encoder whose tokens it uses",
    "score": "Balanced accuracy on trials that the decoder was not fitted on, and what guessing "
    "reaches on so many trials with 95 % certainty",
}


def status_cells(snapshot: Snapshot) -> tuple[Cell, ...]:
    """Return the facts of a snapshot that belong on every screen."""
    stream, decoder = _stream_cells(snapshot.stream), snapshot.decoder
    if decoder is None:
        tip = "No decoder fits this stream: the signals are shown, and nothing is decided"
        return (*stream, Cell("Decoder", "none", "signals only", 3.4, tip=tip))
    return (*stream, *_decoder_cells(decoder, snapshot.adaptation or snapshot.recentring))


def _stream_cells(stream: StreamStatus) -> tuple[Cell, ...]:
    """Return what the stream is called, how fast it comes, what is lost, and how late it is."""
    kind, source, host = (theme.plain(t) for t in (stream.type, stream.source_id, stream.host))
    where = " · ".join(
        [kind or "no type", host or "no host", f"source {source}" if source else "no source id"]
    )
    measured, nominal, drift = stream.measured_rate, stream.nominal_rate, stream.drift_s_per_hour
    off = measured is not None and nominal > 0 and abs(measured / nominal - 1.0) > 0.005
    p50, p95 = stream.age_p50_ms, stream.age_p95_ms
    lost, late = stream.lost_samples, stream.dropped_decisions
    return (
        Cell("Stream", theme.plain(stream.name) or "(no name)", where, 2.3, tip=_TIPS["stream"]),
        Cell(
            "Rate",
            "measuring …" if measured is None else f"{measured:.2f} Hz",
            (f"nominal {nominal:g} Hz" if nominal > 0 else "irregular")
            + ("" if drift is None else f", {_drift(drift)}"),
            1.6,
            off or (drift is not None and abs(drift) > _DRIFT),
            _TIPS["rate"],
        ),
        Cell(
            "Lost",
            f"{lost:,}".replace(",", " "),
            f"sample{'s' * (lost != 1)}, {late} decision{'s' * (late != 1)}",
            1.3,
            lost > 0 or late > 0,
            _TIPS["lost"],
        ),
        Cell(
            "Age of a decision",
            "–" if p50 is None else f"{p50:.0f} ms",
            "" if p95 is None else f"95 % within {p95:.0f} ms",
            1.3,
            tip=_TIPS["age"],
        ),
    )


def _decoder_cells(decoder: DecoderStatus, of_the_run: str) -> tuple[Cell, ...]:
    """Return whose decoder it is, what of it is this run's own, and how well it does."""
    untrained = "untrained" in decoder.encoder.lower()
    return (
        Cell(
            "Decoder",
            theme.plain(decoder.head)
            if not decoder.trials
            else f"{theme.plain(decoder.subject)} · {theme.plain(decoder.head)}",
            " · ".join(filter(None, [theme.plain(decoder.encoder), of_the_run])),
            2.0,
            untrained and decoder.head != "riemann",
            _TIPS["decoder"],
        ),
        Cell(
            "Cross-validated" if decoder.trials else "On other people",
            f"{100 * decoder.score:.0f} %",
            f"guessing: up to {100 * decoder.chance:.0f} %, {decoder.trials} trials"
            if decoder.trials
            else "mean of people it had not seen",
            1.7,
            decoder.score <= decoder.chance or not decoder.trials,
            _TIPS["score"],
        ),
    )


def _drift(seconds_per_hour: float) -> str:
    """Say how a sender's clock runs beside this machine's."""
    shown = f"{abs(seconds_per_hour):.1f}"
    if float(shown) == 0.0:
        return "clocks in step"
    return f"{'gains' if seconds_per_hour > 0 else 'loses'} {shown} s/h"


class OfferPanel(QWidget):
    """Stands where probabilities would be, while there is no decoder for the stream."""

    calibrate_asked = Signal()

    def __init__(self, offered: bool) -> None:
        super().__init__()
        self.setAccessibleName("No decoder for this stream yet")
        self.setAutoFillBackground(True)
        self.setStyleSheet(f"OfferPanel {{ background: {theme.PANEL.name()}; }}")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        column = QVBoxLayout(self)
        column.setContentsMargins(22, 22, 22, 22)
        column.setSpacing(14)
        column.addStretch(2)
        self.message = _label("", 15, theme.TEXT)
        self.message.hide()
        command = _label(
            "eegpt-calibrate run\n    --stream NAME\n    --subject 01",
            12,
            theme.TEXT,
            mono=True,
        )
        command.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        command.setAccessibleName("Command that calibrates")
        command.setWordWrap(False)
        command.setStyleSheet(
            f"color: {theme.TEXT.name()}; background: {theme.BACKGROUND.name()};"
            f" border: 1px solid {theme.RULE.name()}; border-radius: 5px; padding: 12px;"
        )
        for part in (
            _label("No decoder for this stream yet", 26, theme.TEXT, bold=True),
            self.message,
            _label("To decode, take the person through six minutes of cues:", 15, theme.MUTED),
            command,
            _label("eegpt-calibrate fit takes recordings instead.", 15, theme.MUTED),
            _label("Then start again with --subject 01.", 15, theme.MUTED),
            _label("Without calibration, two hands: --uncalibrated.", 15, theme.MUTED),
        ):
            column.addWidget(part)
        if offered:
            button = QPushButton("Calibrate now (C)")
            button.setToolTip("Close this window and begin a session with this stream")
            button.clicked.connect(lambda: self.calibrate_asked.emit())
            column.addWidget(button, alignment=Qt.AlignmentFlag.AlignLeft)
        column.addStretch(3)

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as the panel it stands for."""
        return QSize(380, 520)

    def show_message(self, text: str) -> None:
        """Say what the engine says."""
        if text != self.message.text():
            self.message.setText(text)
            self.message.setVisible(bool(text))


class DemoHint(QWidget):
    """Tells that the arrow keys steer the simulated subject, and what it imagines now."""

    def __init__(self) -> None:
        super().__init__()
        self._look: ClassLook | None = None
        self.setFixedHeight(38)
        self.setAccessibleName("Simulated subject")
        self.show_imagined(None)

    def show_imagined(self, name: str | None) -> None:
        """Say what the subject imagines; None is rest."""
        self._look = class_looks([name])[0] if name else None
        words = self._look.words if self._look else "rest"
        theme.describe(self, f"Hold the left or right arrow key. Imagines now: {words}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.PANEL)
        x = 14.0
        for text, ink, bold in (
            ("Simulated subject", theme.TEXT, True),
            ("Hold  ←  or  →  and it imagines that hand; let go and it rests.", theme.MUTED, False),
        ):
            x += (
                write_line(painter, QRectF(x, 0, self.width() - x, 38), 9, text, 13, ink, bold) + 18
            )
        words = f"imagines now:  {self._look.words if self._look else 'rest'}"
        face = theme.font(14, bold=True)
        wide = QFontMetricsF(face).horizontalAdvance(words)
        box = QRectF(self.width() - wide - 14, 0, wide, 38)
        painter.setFont(face)
        painter.setPen(self._look.colour if self._look else theme.MUTED)
        painter.drawText(box, _MIDDLE, words)
        if self._look:
            mark = QRectF(box.left() - 30, 9, 20, 20)
            draw_symbol(painter, self._look.direction, mark, self._look.colour)
        painter.end()


class HelpOverlay(QWidget):
    """Lists all keys over the window; any key or click closes it."""

    def __init__(self, parent: QWidget, keys: tuple[tuple[str, str], ...]) -> None:
        super().__init__(parent)
        self._keys = keys
        self._window = parent
        self._before: QWidget | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Keys")
        theme.describe(self, theme.sentence(f"{key}: {action}" for key, action in keys))
        self.hide()
        parent.installEventFilter(self)

    def open(self) -> None:
        """Show over the whole window."""
        self._before = self.window().focusWidget()
        self.setGeometry(self._window.rect())
        self.show()
        self.raise_()
        self.setFocus()

    def dismiss(self) -> None:
        """Hide, and give the keys back."""
        self.hide()
        if self._before is not None:
            self._before.setFocus()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """Follow the window's size."""
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(self._window.rect())
        return False

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Close on any key but a modifier."""
        if event.key() not in (Qt.Key.Key_Shift, Qt.Key.Key_Control, Qt.Key.Key_Alt):
            self.dismiss()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Close."""
        self.dismiss()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw a card with two columns: key, and what it does."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.faded(theme.BACKGROUND, 0.8))
        keys_wide = 150.0
        row = min(31.0, (self.height() - 110) / len(self._keys))
        size = 14 if row > 24 else 12
        card = QRectF(0, 0, 620, 104 + row * len(self._keys))
        card.moveCenter(QRectF(self.rect()).center())
        painter.setPen(QPen(theme.RULE, 1))
        painter.setBrush(theme.RAISED)
        painter.drawRoundedRect(card, 10, 10)
        inside = card.adjusted(34, 26, -34, -20)
        write_line(painter, inside, 0, "Keys", 20, theme.TEXT, bold=True)
        y = 44.0
        for key, action in self._keys:
            write_line(painter, inside, y, key, size, theme.TEXT, bold=True)
            rest = inside.adjusted(keys_wide, 0, 0, 0)
            write_line(painter, rest, y, action, size, theme.MUTED)
            y += row
        painter.end()


def _label(text: str, size: int, ink: QColor, bold: bool = False, mono: bool = False) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setFont(theme.font(size, bold=bold, mono=mono))
    label.setStyleSheet(f"color: {ink.name()};")
    return label
