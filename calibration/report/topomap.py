"""Maps on a head: template positions of electrodes, and what lies between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage

INK = "#1F2A33"


class Head:
    """A head seen from above.

    Parameters
    ----------
    channels : sequence of str
        Electrodes; those without a place in the 10-05 system are left out.

    Attributes
    ----------
    picks : list of int
        Positions, among the channels, of those that have a place.
    places : ndarray, shape (picks, 2)
        Where they lie, seen from above, in head radii; the nose is up.
    """

    def __init__(self, channels: Sequence[str]) -> None:
        places = _places()
        self.picks = [i for i, name in enumerate(channels) if name.upper() in places]
        self.places = np.array([places[channels[pick].upper()] for pick in self.picks])

    def draw(
        self, axes: Axes, values: np.ndarray, limit: float, colours: str = "RdBu_r"
    ) -> AxesImage:
        """Draw a map of values, shape (channels,), from -limit (blue) to limit (red)."""
        from mne.viz import plot_topomap

        image: AxesImage
        image, _ = plot_topomap(
            values[self.picks],
            self.places,
            axes=axes,
            show=False,
            cmap=colours,
            vlim=(-limit, limit),
            contours=0,
            sensors="k.",
            res=96,
            sphere=1.0,
        )
        for line in axes.lines:
            line.set_color(INK)
            line.set_markersize(1.5)
        return image

    def outline(self, axes: Axes) -> None:
        """Draw an empty head."""
        image = self.draw(axes, np.zeros(max(self.picks) + 1), 1.0)
        image.set_visible(False)
        axes.lines[0].set_visible(False)


def _places() -> dict[str, np.ndarray]:
    """Return the places of the 10-05 electrodes, in upper case, in head radii.

    Fpz, Oz, T7 and T8 lie on the head's outline and Cz near its middle; angles from the top
    become distances from the middle.

    Notes
    -----
    Oostenveld and Praamstra (2001), Clin. Neurophysiol. 112(4), measured on the template head
    that MNE carries.
    """
    import mne

    # MNE 1.13 gave the same template the name of the head.
    present = mne.channels.get_builtin_montages()
    name = next(name for name in ("colin27_1005", "standard_1005") if name in present)
    found = mne.channels.make_standard_montage(name).get_positions()["ch_pos"]

    front, back, left, right = (found[site] for site in ("Fpz", "Oz", "T7", "T8"))
    centre = (front + back + left + right) / 4
    half = np.array([np.linalg.norm(right - left), np.linalg.norm(front - back)]) / 2
    ahead = (front - back) / (2 * half[1])
    across = right - left - ((right - left) @ ahead) * ahead
    across /= np.linalg.norm(across)
    frame = np.stack([across, ahead, np.cross(across, ahead)])  # x, y, z of the head
    height = (found["Cz"] - centre) @ frame[2]
    places = {}
    for site, position in found.items():
        x, y, z = frame @ (position - centre) / [*half, height]
        flat = np.hypot(x, y)
        distance = np.arctan2(flat, z) / (np.pi / 2)
        places[site.upper()] = np.array([x, y]) * distance / max(flat, 1e-9)
    return places
