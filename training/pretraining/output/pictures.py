"""Pictures of a reconstruction: what there was, what the encoder saw, what was made of it."""

from __future__ import annotations

import gc
import io
from typing import TYPE_CHECKING

import numpy as np

from core.machine.files import write_whole
from training.pretraining.output.folder import RunFolder
from training.recipes.base import Reconstruction

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHOWN = 4  # channels


def save_picture(folder: RunFolder, step: int, reconstruction: Reconstruction) -> np.ndarray:
    """Draw a reconstruction into a run's folder; a run that goes on draws some again.

    Returns
    -------
    ndarray of uint8, shape (height, width, 4)
        The picture, for TensorBoard.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(draw(reconstruction, step))
    file = io.BytesIO()
    canvas.print_png(file)
    write_whole(folder.pictures / f"step-{step:07d}.png", file.getvalue(), overwrite=True)
    picture = np.array(canvas.buffer_rgba())
    # A figure is thousands of objects in circles: a run grew by 5 MB with every picture.
    del canvas
    gc.collect()
    return picture


def draw(reconstruction: Reconstruction, step: int) -> Figure:
    """Return a row for each of a few channels: all of it, what was seen, what was made."""
    from matplotlib.figure import Figure

    window = reconstruction.window
    rows = np.unique(np.linspace(0, len(window) - 1, _SHOWN + 2).round().astype(int)[1:-1])
    columns = {
        "recorded": window,
        "seen": reconstruction.seen(),
        "reconstructed": reconstruction.made(),
    }
    times = np.arange(window.shape[1]) / reconstruction.rate
    figure = Figure(figsize=(12.0, 1.4 * len(rows) + 0.8), layout="constrained")
    axes = figure.subplots(len(rows), 3, sharex=True, sharey="row", squeeze=False)
    figure.suptitle(f"Step {step}: a window of a subject held out")
    for line, row in zip(axes, rows.tolist(), strict=True):
        line[0].set_ylabel(f"{reconstruction.channels[row]}, {reconstruction.unit}")
        for axis, (name, signal) in zip(line, columns.items(), strict=True):
            axis.plot(times, window[row], color="0.8", linewidth=0.8)
            colour = "tab:orange" if name == "reconstructed" else "tab:blue"
            axis.plot(times, signal[row], color=colour, linewidth=0.8)
    for axis, name in zip(axes[0], columns, strict=True):
        axis.set_title(name)
    for axis in axes[-1]:
        axis.set_xlabel("s")
    return figure
