"""Maps on a head in the report: the drawing of `core.topography` with matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.topography import EAR, NOSE, Topography

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

INK = "#1F2A33"
_RESOLUTION = 96


class Head(Topography):
    """A head seen from above, on the axes of a figure."""

    def draw(
        self, axes: Axes, values: np.ndarray, limit: float, colours: str = "RdBu_r"
    ) -> AxesImage:
        """Draw a map of values, shape (channels,), from -limit (blue) to limit (red)."""
        from matplotlib.patches import Circle

        edge = self.radius
        image = axes.imshow(
            self.interpolate(values, _RESOLUTION),
            extent=(-edge, edge, -edge, edge),
            origin="lower",
            cmap=colours,
            vmin=-limit,
            vmax=limit,
            interpolation="bilinear",
        )
        image.set_clip_path(Circle((0, 0), edge, transform=axes.transData))
        self.outline(axes)
        axes.plot(*self.places.T, ".", color=INK, markersize=1.5)
        return image

    def outline(self, axes: Axes) -> None:
        """Draw an empty head."""
        angles = np.linspace(0, 2 * np.pi, 181)
        circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        for line in (circle, NOSE, EAR, EAR * [-1, 1]):
            axes.plot(*line.T, color=INK, lw=1.2, clip_on=False)
        edge = max(1.17, self.radius)
        axes.set(xlim=(-edge, edge), ylim=(-edge, edge), xticks=[], yticks=[], aspect="equal")
        axes.set_frame_on(False)
