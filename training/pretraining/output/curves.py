"""The curves of a run: a CSV, and TensorBoard if asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from training.pretraining.output.folder import RunFolder


class Curves:
    """Writes rows as they come.

    Parameters
    ----------
    folder : RunFolder
    tensorboard : bool
        Write for TensorBoard, too.

    Raises
    ------
    InputError
        If TensorBoard is asked for and not installed.
    """

    def __init__(self, folder: RunFolder, tensorboard: bool) -> None:
        self._folder = folder
        self._board: Any = None
        if tensorboard:
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError as error:
                raise InputError(
                    "TensorBoard is not installed; pip install tensorboard, or leave it out."
                ) from error
            self._board = SummaryWriter(str(folder.path / "tensorboard"))

    def add(self, row: Mapping[str, Any]) -> None:
        """Write one line of the curves."""
        self._folder.add(row)
        if self._board is not None:
            for name, value in row.items():
                self._board.add_scalar(name, value, row["step"])
            self._board.flush()
