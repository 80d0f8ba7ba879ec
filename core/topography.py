"""Maps on a head: where electrodes lie seen from above, and what lies between them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.electrodes import direction

_EDGE = np.deg2rad(72.0)  # from the top to FPZ, OZ, T7 and T8, which lie on the head's outline
_FILLED = 1.06  # radii that a map is filled to: a drawing clips it at its edge
_RING = 1.1  # head radii of the ring of points around the electrodes, and a spacing more


NOSE = np.array([[-0.2, 0.98], [0.0, 1.15], [0.2, 0.98]])
"""Corners of the nose, in head radii."""

EAR = np.array(
    [
        [0.99, 0.12],
        [1.05, 0.16],
        [1.09, 0.1],
        [1.08, -0.04],
        [1.09, -0.2],
        [1.04, -0.27],
        [0.97, -0.22],
    ]
)
"""Corners of the right ear; the left one is its mirror."""


def head_place(label: str) -> np.ndarray | None:
    """Return where an electrode lies, seen from above, in head radii; the nose is up.

    Angles from the top become distances from the middle (azimuthal equidistant projection).

    Returns
    -------
    ndarray, shape (2,), or None
        To the right and to the front; None for a label that names no electrode.
    """
    position = direction(label)
    if position is None:
        return None
    right, front, up = position
    flat = np.hypot(right, front)
    distance = np.arctan2(flat, up) / _EDGE
    return np.array([right, front]) * float(distance / max(flat, 1e-12))


class Topography:
    """A head seen from above, and the map of values between its electrodes.

    Parameters
    ----------
    labels : sequence of str
        Of the channels; those that name no electrode are left out.

    Attributes
    ----------
    picks : list of int
        Positions, among the labels, of those that have a place.
    places : ndarray, shape (picks, 2)
        From `head_place`.
    radius : float
        Of the map, in head radii: 1, or more where electrodes lie outside.
    """

    def __init__(self, labels: Sequence[str]) -> None:
        places = {
            i: place for i, name in enumerate(labels) if (place := head_place(name)) is not None
        }
        self.picks = list(places)
        self.places = np.array(list(places.values())).reshape(-1, 2)
        furthest = np.linalg.norm(self.places, axis=1).max(initial=0.0)
        self.radius = max(1.0, 1.01 * float(furthest))
        self._weights: dict[int, np.ndarray] = {}  # resolution -> (resolution², picks)

    @property
    def drawable(self) -> bool:
        """Whether the electrodes span a plane, so that something lies between them."""
        if len(self.picks) < 4:
            return False
        spread = np.linalg.svd(self.places - self.places.mean(axis=0), compute_uv=False)
        return bool(spread[-1] > 0.1)

    def interpolate(self, values: np.ndarray, resolution: int = 64) -> np.ndarray:
        """Return a map of values.

        Parameters
        ----------
        values : ndarray, shape (labels,)
        resolution : int
            Points along an edge.

        Returns
        -------
        ndarray, shape (resolution, resolution)
            From -radius to radius, the back of the head and the left first; NaN well outside.

        Notes
        -----
        Piecewise cubic (Clough and Tocher) over a Delaunay triangulation of the electrodes and of
        a ring around them, whose values are means of their neighbours': what MNE's
        ``plot_topomap`` draws. It is linear in the values, so that a map is one product.
        """
        weights = self._weights.get(resolution)
        if weights is None:
            weights = self._weights[resolution] = self._interpolation(resolution)
        flat = weights @ np.asarray(values, dtype=np.float64)[self.picks]
        return np.asarray(flat.reshape(resolution, resolution))

    def _interpolation(self, resolution: int) -> np.ndarray:
        from scipy.interpolate import CloughTocher2DInterpolator
        from scipy.spatial import Delaunay

        count = len(self.places)
        triangles = Delaunay(self.places, incremental=True)
        first, second, third = (self.places[corner] for corner in triangles.simplices.T)
        sides = np.concatenate([first - second, second - third])
        spacing = float(np.median(np.linalg.norm(sides, axis=1)))
        points = max(12, round(2 * np.pi / np.arcsin(min(spacing / self.radius, 1.0))))
        angles = 2 * np.pi * np.arange(points) / points
        ring = (_RING * self.radius + spacing) * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        triangles.add_points(ring)
        shares = np.zeros((count + points, count))
        shares[:count] = np.eye(count)
        starts, neighbours = triangles.vertex_neighbor_vertices
        for point in range(count, count + points):
            near = neighbours[starts[point] : starts[point + 1]]
            near = near[near < count]
            shares[point, near] = 1.0 / max(1, len(near))
        lonely = shares.sum(axis=1) == 0.0
        if lonely.any():
            shares[lonely] = shares[count:][~lonely[count:]].mean(axis=0)
        axis = np.linspace(-self.radius, self.radius, resolution)
        x, y = np.meshgrid(axis, axis)
        inside = np.hypot(x, y) <= _FILLED * self.radius
        weights = np.full((resolution, resolution, count), np.nan)
        weights[inside] = CloughTocher2DInterpolator(triangles, shares)(x[inside], y[inside])
        return weights.reshape(-1, count)
