"""A program that the launcher has started: its last words, and its end."""

from __future__ import annotations

import re

from PySide6.QtCore import QObject, QProcess, Signal

from core.machine.child import command_of
from core.program import say
from realtime.launcher.programs import Program

_KEPT = 40  # lines of stderr
_PATIENCE = 10_000  # ms that a program has to end in order
_ASKED = (130, 141, 143)  # exit codes of a program that was asked to end


class Child(QObject):
    """Runs a program in a process of its own.

    Parameters
    ----------
    program : Program

    Attributes
    ----------
    asked : bool
        Whether it was asked to end.
    """

    ended = Signal()

    def __init__(self, program: Program, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.program = program
        self.asked = False
        self._lines: list[str] = []
        self._process = QProcess(self)
        # What it prints goes where this program's output goes; what it says is read as well.
        self._process.setProcessChannelMode(QProcess.ProcessChannelMode.ForwardedOutputChannel)
        self._process.setReadChannel(QProcess.ProcessChannel.StandardError)
        self._process.readyReadStandardError.connect(lambda: self._read())
        self._process.finished.connect(lambda *_: self.ended.emit())
        self._process.errorOccurred.connect(self._fail)

    def start(self) -> None:
        """Start it."""
        executable, *arguments = command_of(self.program.module, self.program.arguments)
        self._process.start(executable, arguments)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.state() != QProcess.ProcessState.NotRunning

    def end(self) -> None:
        """Ask it to end."""
        self.asked = True
        self._process.terminate()

    def finish(self) -> None:
        """End it, and return when it has."""
        if self.running:
            self.end()
            if not self._process.waitForFinished(_PATIENCE):
                self._process.kill()
                self._process.waitForFinished(_PATIENCE)

    @property
    def complaint(self) -> str:
        """Why it ended otherwise than asked for, in its own words; empty if all went well."""
        self._read(to_the_end=True)
        code = self._process.exitCode()
        if self.running or self.asked:
            return ""
        if self._process.exitStatus() == QProcess.ExitStatus.NormalExit and code in (0, *_ASKED):
            return ""
        told = [match[1] for line in self._lines if (match := re.match(r"eegpt-\w+: (.+)", line))]
        if told:
            return told[-1]
        last = self._lines[-1] if self._lines else "it says nothing"
        return f"{self.program.name} ended unexpectedly: {last}"

    def _read(self, to_the_end: bool = False) -> None:
        """Take whole lines of stderr; what is left of one, too, once nothing more comes."""
        while self._process.canReadLine() or (to_the_end and self._process.bytesAvailable()):
            line = bytes(self._process.readLine().data()).decode(errors="replace").strip()
            if line:
                self._lines = [*self._lines, line][-_KEPT:]
                say(line)

    def _fail(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._lines.append(self._process.errorString())
            self.ended.emit()
