"""The curves of a run and its pictures: a CSV and PNG files, and TensorBoard if asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.errors import InputError
from training.pretraining.output.folder import RunFolder
from training.pretraining.output.pictures import save_picture
from training.pretraining.settings import PretrainSettings
from training.recipes.base import Reconstruction


class Curves:
    """Writes rows as they come.

    Parameters
    ----------
    folder : RunFolder
    settings : PretrainSettings
        Whether to draw, and to write for TensorBoard.

    Raises
    ------
    InputError
        If TensorBoard is asked for and not installed.
    """

    def __init__(self, folder: RunFolder, settings: PretrainSettings) -> None:
        self._folder = folder
        self._pictures = settings.pictures
        self._board: Any = None
        if settings.tensorboard:
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

    def draw(self, step: int, reconstruction: Reconstruction) -> None:
        """Draw a reconstruction, if pictures are wanted."""
        if not self._pictures:
            return
        picture = save_picture(self._folder, step, reconstruction)
        if self._board is not None:
            self._board.add_image("reconstruction", picture[..., :3], step, dataformats="HWC")
