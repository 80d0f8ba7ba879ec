"""What the operator sees of a session beside the signals: how far it is, and how good."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, QSize, QSizeF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from calibration.screens.person import cue
from calibration.screens.person.cue import Scene
from calibration.session.progress import Accuracy, Alarm, Progress, size
from ui import theme
from ui.painting import RIGHT, grid_line, write_line
from ui.status_line import Cell

_GOOD = theme.STATUS_COLOURS["ok"]
_WRAPPED = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop | Qt.TextFlag.TextWordWrap
_LITTLE_DISK = 2 * 1024**3  # bytes free from which on the operator is warned

PHASES = {
    "instructions": "reads what is going to happen",
    "baseline": "rests with open eyes",
    "cross": "waits for the cue",
    "ready": "waits for the cue",
    "cue": "imagines",
    "imagery": "imagines",
    "break": "may blink and move",
    "block_pause": "has a rest between blocks",
    "paused": "has a pause",
    "done": "is done",
}
"""What the person does in each phase."""


def clock(seconds: float) -> str:
    """Return minutes and seconds, 4:07."""
    whole = max(0, math.ceil(seconds - 1e-6)) if math.isfinite(seconds) else 0
    return f"{whole // 60}:{whole % 60:02d}"


def headline(progress: Progress) -> str:
    """Return where the session is, in a few words."""
    step = progress.step
    if step is None:
        return "About to begin"
    if step.phase == "done":
        return f"Done: {progress.done} of {progress.total} trials"
    if step.phase in ("instructions", "baseline"):
        return "Before the first trial"
    if step.trial is not None and step.trial.practice:
        return "Practice"
    return f"Trial {min(progress.done + _in_trial(progress), progress.total)} of {progress.total}"


def _in_trial(progress: Progress) -> bool:
    return progress.step is not None and progress.step.phase in ("cross", "ready", "cue", "imagery")


def remark(progress: Progress) -> str:
    """Return what else is worth a line under the headline."""
    if progress.stopping:
        return "Ends after this trial"
    if progress.pausing:
        return "Pauses after this trial"
    parts = []
    step = progress.step
    if step is not None and step.trial is not None and not step.trial.practice:
        parts.append(f"block {step.trial.block} of {progress.blocks}")
    if progress.rejected:
        parts.append(
            f"{progress.rejected} trial{'s' * (progress.rejected != 1)} left out for artifacts"
        )
    return " · ".join(parts)


def status_cells(progress: Progress) -> tuple[Cell, ...]:
    """Return the facts of the bottom line."""
    measured, nominal, lost = progress.measured_rate, progress.rate, progress.lost_samples
    off = measured is not None and nominal > 0 and abs(measured / nominal - 1.0) > 0.01
    session = f"session {theme.plain(progress.session)}, " if progress.session else ""
    return (
        Cell(
            "Person",
            theme.plain(progress.subject),
            f"{session}run {theme.plain(progress.run)}",
        ),
        Cell("Stream", theme.plain(progress.stream), f"nominal {nominal:g} Hz", 1.6),
        Cell(
            "Rate",
            "measuring …" if measured is None else f"{measured:.2f} Hz",
            "differs from nominal" if off else "as announced" if measured else "",
            1.1,
            off,
        ),
        Cell("Lost", f"{lost:,}".replace(",", " "), "sample" + "s" * (lost != 1), 0.8, lost > 0),
        Cell("Recorded", clock(progress.recorded), theme.plain(progress.file), 2.4),
        Cell(
            "Disk",
            size(progress.free_bytes),
            "nearly full" if progress.free_bytes < _LITTLE_DISK else "free",
            0.9,
            progress.free_bytes < _LITTLE_DISK,
        ),
        Cell("Tone", "on" if progress.sound else "no sound", "", 0.7),
    )


class OverviewHeader(QWidget):
    """Where the session is: a headline, the time left, and a bar of trials."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: tuple[str, str, str, int, int] = ("", "", "", 0, 1)
        self.setFixedHeight(92)
        self.setAccessibleName("Progress")
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def show_progress(self, progress: Progress) -> None:
        """Draw another moment, if it differs."""
        shown = (
            headline(progress),
            remark(progress),
            clock(progress.time_left),
            progress.done,
            max(1, progress.total),
        )
        if shown != self._shown:
            self._shown = shown
            theme.describe(self, f"{shown[0]}; {shown[1]}; {shown[2]} left")
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        head, more, left, done, total = self._shown
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.PANEL)
        box = QRectF(self.rect()).adjusted(20, 0, -20, 0)
        wide = write_line(painter, box, 16, head, 26, theme.TEXT, bold=True)
        write_line(painter, box.adjusted(wide + 20, 0, -180, 0), 21, more, 15, theme.MUTED)
        write_line(painter, box, 21, "left", 15, theme.MUTED, align=RIGHT)
        before = box.adjusted(0, 0, -38, 0)
        write_line(painter, before, 16, left, 26, theme.TEXT, bold=True, align=RIGHT)
        gap = 2.0 if total <= 200 else 0.0
        step = (box.width() + gap) / total
        for index in range(total):
            ink = _GOOD if index < done else theme.RAISED
            painter.fillRect(QRectF(box.left() + index * step, 64, step - gap, 10), ink)
        painter.end()


class Preview(QWidget):
    """The person's screen, small, and what they do."""

    def __init__(self, scene: Callable[[], Scene]) -> None:
        super().__init__()
        self._scene = scene
        self._shown: tuple[Scene, str] = (Scene(), "")
        self.setFixedHeight(268)
        self.setAccessibleName("The person's screen")

    def show_progress(self, progress: Progress) -> None:
        """Draw another moment, if it differs."""
        step = progress.step
        words = "is about to begin"
        if step is not None:
            words = PHASES.get(step.phase, step.phase)
            if words == "imagines" and step.trial is not None:
                words = f"imagines: {step.trial.label.replace('_', ' ')}"
        shown = (self._scene(), f"The person {words}")
        if shown != self._shown:
            self._shown = shown
            theme.describe(self, shown[1])
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as the side panel."""
        return QSize(360, 240)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        scene, words = self._shown
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.PANEL)
        box = QRectF(self.rect()).adjusted(18, 0, -18, 0)
        write_line(painter, box, 14, words, 15, theme.TEXT, bold=True)
        room = box.adjusted(0, 46, 0, -16)
        wide = min(room.width(), room.height() * 16 / 9)
        frame = QRectF(room.left(), room.top(), wide, wide * 9 / 16)
        painter.setClipRect(frame)
        painter.translate(frame.topLeft())
        # Drawn at full size and scaled, so that it is what they see in every proportion.
        painter.scale(wide / 1920.0, wide / 1920.0)
        cue.draw(painter, QSizeF(1920.0, 1080.0), scene)
        painter.resetTransform()
        painter.setClipping(False)
        painter.setPen(QPen(theme.RULE, 1))
        painter.drawRect(frame)
        painter.end()


class AccuracyPanel(QWidget):
    """How well the trials so far are classified, beside what guessing reaches."""

    def __init__(self) -> None:
        super().__init__()
        self._accuracy: Accuracy | None = None
        self._history: list[Accuracy] = []  # as they came, one for each number of trials
        self.setMinimumHeight(150)
        self.setAccessibleName("Accuracy so far")

    def show_progress(self, progress: Progress) -> None:
        """Draw another moment, if it differs."""
        if progress.accuracy != self._accuracy:
            self._accuracy = progress.accuracy
            if progress.accuracy is not None:
                now = progress.accuracy
                self._history = [a for a in self._history if a.trials < now.trials] + [now]
            theme.describe(self, self.words())
            self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as the side panel."""
        return QSize(360, 160)

    def words(self) -> str:
        """Return what it means, in a sentence."""
        accuracy = self._accuracy
        if accuracy is None:
            return "Shown once there are enough trials."
        if accuracy.score <= accuracy.chance:
            return "Not yet beyond what guessing reaches."
        return "Beyond what guessing reaches."

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), theme.PANEL)
        box = QRectF(self.rect()).adjusted(18, 0, -18, 0)
        write_line(painter, box, 14, "Accuracy so far", 15, theme.TEXT, bold=True)
        accuracy = self._accuracy
        if accuracy is None:
            write_line(painter, box, 46, "–", 34, theme.MUTED, bold=True)
            write_line(painter, box, 92, self.words(), 13, theme.MUTED)
            painter.end()
            return
        above = accuracy.score > accuracy.chance
        ink = _GOOD if above else theme.MUTED
        wide = write_line(painter, box, 46, f"{100 * accuracy.score:.0f} %", 34, ink, bold=True)
        beside = box.adjusted(wide + 16, 0, 0, 0)
        write_line(painter, beside, 47, f"on {accuracy.trials} trials", 13, theme.MUTED)
        write_line(painter, beside, 65, theme.plain(accuracy.head), 13, theme.MUTED)
        bar = QRectF(box.left(), 100, box.width(), 10)
        self._draw_bar(painter, bar, bar.width() * min(1.0, accuracy.score), ink)
        x = round(bar.left() + bar.width() * accuracy.chance) + 0.5
        painter.setPen(QPen(theme.TEXT, 2))
        painter.drawLine(QPointF(x, bar.top() - 5), QPointF(x, bar.bottom() + 5))
        text = f"guessing stays below {100 * accuracy.chance:.0f} %"
        write_line(painter, box, 118, text, 13, theme.MUTED)
        chart = box.adjusted(0, 152, 0, -34)
        if chart.height() > 40 and len(self._history) > 1:
            self._draw_history(painter, chart)
        painter.end()

    def _draw_bar(self, painter: QPainter, bar: QRectF, filled: float, ink: QColor) -> None:
        for width, colour in ((bar.width(), theme.RAISED), (filled, ink)):
            path = QPainterPath()
            path.addRoundedRect(QRectF(bar.left(), bar.top(), width, bar.height()), 3, 3)
            painter.fillPath(path, colour)

    def _draw_history(self, painter: QPainter, box: QRectF) -> None:
        """Draw the accuracy over the number of trials, with the bound of guessing below it."""
        first, last = self._history[0].trials, self._history[-1].trials
        across = box.width() / max(1, last - first)

        def line(values: list[float]) -> QPolygonF:
            return QPolygonF(
                [
                    QPointF(
                        box.left() + (known.trials - first) * across,
                        box.bottom() - box.height() * min(1.0, value),
                    )
                    for known, value in zip(self._history, values, strict=True)
                ]
            )

        for share in (0.0, 0.5, 1.0):
            grid_line(painter, box, box.bottom() - share * box.height())
        painter.setPen(QPen(theme.MUTED, 1, Qt.PenStyle.DashLine))
        painter.drawPolyline(line([known.chance for known in self._history]))
        painter.setPen(QPen(_GOOD, 2))
        painter.drawPolyline(line([known.score for known in self._history]))
        below = QRectF(box.left(), box.bottom(), box.width(), 30)
        write_line(painter, below, 5, f"{first} trials", 11, theme.MUTED)
        write_line(painter, below, 5, f"{last} trials", 11, theme.MUTED, align=RIGHT)


class AlarmBanner(QWidget):
    """The most urgent alarm, large, over the whole width; gone while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._alarm: Alarm | None = None
        self._more = 0
        self.setFixedHeight(104)
        self.setAccessibleName("Alarm")
        self.setVisible(False)

    @property
    def alarm(self) -> Alarm | None:
        """The alarm shown."""
        return self._alarm

    def show_progress(self, progress: Progress) -> None:
        """Show another alarm, if it differs."""
        first = progress.alarms[0] if progress.alarms else None
        more = max(0, len(progress.alarms) - 1)
        if (first, more) != (self._alarm, self._more):
            self._alarm, self._more = first, more
            theme.describe(self, f"{first.title}: {first.advice}" if first else "")
            self.setVisible(first is not None)
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw."""
        if self._alarm is None:
            return
        painter = QPainter(self)
        ground = theme.WARNING if self._alarm.fatal else theme.STATUS_COLOURS["artifact"]
        painter.fillRect(self.rect(), ground)
        box = QRectF(self.rect()).adjusted(20, 0, -20, 0)
        more = f"  (and {self._more} more)" * (self._more > 0)
        title = theme.plain(self._alarm.title) + more
        write_line(painter, box, 14, title, 28, theme.BACKGROUND, bold=True)
        painter.setFont(theme.font(15))
        painter.setPen(theme.BACKGROUND)
        painter.drawText(
            box.adjusted(0, 54, 0, -6), int(_WRAPPED), theme.plain(self._alarm.advice, 300)
        )
        painter.end()
