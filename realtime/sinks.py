"""Where decisions go: a log file, and two LSL outlets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from core.errors import InputError
from core.stream.outlets import DecisionOutlet, ProbabilityOutlet
from realtime.snapshot import Decision


class Log:
    """One JSON line a decision; every line is on its way to the disk when it is written.

    Raises
    ------
    InputError
        If the file exists or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("x", encoding="utf-8", buffering=1)
        except FileExistsError:
            raise InputError(f"The log {path} exists already; choose another name.") from None
        except OSError as error:
            raise InputError(f"The log {path} cannot be written: {error.strerror}.") from error

    def publish(self, decision: Decision) -> None:
        """Write one decision."""
        self._file.write(decision.to_json() + "\n")

    def close(self) -> None:
        """Finish the file."""
        self._file.close()

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Outlets:
    """The streams ``EEGPT-Decisions`` and ``EEGPT-Probabilities``.

    Parameters
    ----------
    classes : tuple of str
    rate : float
        Decisions a second.
    correction : callable
        What to add to a decision's time to have it on this machine's LSL clock.
    """

    def __init__(
        self, classes: tuple[str, ...], rate: float, correction: Callable[[], float]
    ) -> None:
        self._decisions = DecisionOutlet()
        self._probabilities = ProbabilityOutlet(classes, rate)
        self._correction = correction

    def publish(self, decision: Decision) -> None:
        """Send one decision and its probabilities; a refused window has none, not old ones."""
        time = decision.time + self._correction()
        found = decision.probabilities
        self._decisions.push(decision.to_json(), time)
        self._probabilities.push(None if found is None else list(found.values()), time)

    def close(self) -> None:
        """Take the streams off the network: liblsl does so when nobody holds them."""
        del self._decisions, self._probabilities
