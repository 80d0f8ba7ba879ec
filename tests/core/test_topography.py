"""Maps on a head: places of electrodes, and the same interpolation as MNE's."""

import mne
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from core.encoders.eegpt.electrodes import CODEX
from core.topography import Topography, head_place

TWENTY = "FP1 FP2 F7 F3 FZ F4 F8 T3 C3 CZ C4 T4 T5 P3 PZ P4 T6 O1 O2".split()


@pytest.mark.parametrize(
    ("label", "place"),
    [
        ("CZ", (0, 0)),
        ("FPZ", (0, 1)),
        ("OZ", (0, -1)),
        ("T7", (-1, 0)),
        ("T4", (1, 0)),
        ("Fcz.", (0, 0.25)),
        ("EEG C3-REF", (-0.5, 0)),
    ],
)
def test_electrodes_lie_where_the_ten_ten_system_has_them(label, place):
    np.testing.assert_allclose(head_place(label), place, atol=1e-9)


@pytest.mark.parametrize("label", ["EOG", "Ch1", "A1", "", "C11", "EMG left"])
def test_what_is_no_electrode_has_no_place(label):
    assert head_place(label) is None


def test_columns_beyond_the_circle_lie_outside_the_head():
    for outer, inner in (("TP9", "TP7"), ("T10", "T8"), ("F9", "F7")):
        assert 1.0 < np.linalg.norm(head_place(outer)) < 1.3
        assert np.linalg.norm(head_place(inner)) == pytest.approx(1.0, abs=0.01)


def test_places_are_close_to_those_measured_on_the_template_head_of_mne():
    present = mne.channels.get_builtin_montages()  # MNE 1.13 gave the template another name
    name = next(name for name in ("colin27_1005", "standard_1005") if name in present)
    measured = mne.channels.make_standard_montage(name).get_positions()["ch_pos"]
    angles = []
    for site in ("FZ", "C3", "C4", "PZ", "F3", "F4", "P3", "P4", "FC1", "CP6", "O1", "FP2"):
        name = next(n for n in measured if n.upper() == site)
        mine, theirs = head_place(site), measured[name][:2] - measured["Cz"][:2]
        angles.append(np.arccos(mine @ theirs / np.linalg.norm(mine) / np.linalg.norm(theirs)))
    assert np.rad2deg(max(angles)) < 12


@pytest.mark.parametrize(
    "labels",
    [
        TWENTY,
        CODEX,
        [*TWENTY, "TP9", "TP10", "EOG"],
        ["FC3", "FC4", "C3", "CZ", "C4", "CP3", "CP4"],
    ],
    ids=["10-20", "10-10", "outside", "motor"],
)
def test_a_map_is_that_of_mne_to_a_millionth_of_its_range(labels):
    head = Topography(labels)
    values = np.random.default_rng(0).normal(0, 3, len(labels))
    figure = Figure()
    FigureCanvasAgg(figure)
    image, _ = mne.viz.plot_topomap(
        values[head.picks],
        head.places,
        axes=figure.subplots(),
        show=False,
        res=48,
        sphere=1.0,
        contours=0,
    )
    theirs, mine = np.ma.filled(image.get_array(), np.nan), head.interpolate(values, 48)
    axis = np.linspace(-head.radius, head.radius, 48)
    inside = np.hypot(*np.meshgrid(axis, axis)) <= head.radius
    assert np.isfinite(mine[inside]).all()
    assert np.abs(mine - theirs)[inside].max() < 1e-6 * np.ptp(values)


def test_a_map_has_the_values_of_its_electrodes():
    head = Topography(TWENTY)
    values = np.zeros(len(TWENTY))
    values[TWENTY.index("C3")] = -40.0
    grid = head.interpolate(values, 101)
    axis = np.linspace(-head.radius, head.radius, 101)
    row, column = np.unravel_index(np.nanargmin(grid), grid.shape)
    np.testing.assert_allclose((axis[column], axis[row]), head_place("C3"), atol=0.03)
    assert np.nanmin(grid) == pytest.approx(-40.0, rel=0.02)


def test_few_electrodes_or_some_on_a_line_make_no_map():
    assert not Topography(["C3", "CZ", "C4"]).drawable
    assert not Topography(["FZ", "FCZ", "CZ", "CPZ", "PZ"]).drawable
    assert not Topography(["Ch1", "Ch2"]).drawable
    assert Topography(["Ch1", "F3", "C4", "P3", "EOG", "PZ"]).drawable
    assert Topography(["Ch1", "F3", "C4", "P3", "EOG", "PZ"]).picks == [1, 2, 3, 5]
