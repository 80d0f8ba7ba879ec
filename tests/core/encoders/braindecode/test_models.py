from pathlib import Path

import pytest

from core.electrodes import electrode
from core.encoders.braindecode.encoder import places_in_metres, spec_of
from core.encoders.braindecode.models import MODELS

PAGE = Path(__file__).resolve().parents[4] / "docs" / "foundation.md"


def row(model):
    """A model's row of the table in the documentation."""
    count, width = model.tokens
    cells = (
        f"`{model.name}`",
        f"{model.rate:g}",
        f"{model.window / model.rate:.2f}",
        model.scaling,
        model.montage,
        f"{model.columns} x {count or 'electrodes'} x {width}",
        pooling(model),
        model.licence,
    )
    return f"| {' | '.join(cells)} |"


def pooling(model):
    """How tokens become features, in the table's words."""
    if model.columns == 1:
        return "as they are" if model.tokens[0] else "as they are, electrode by electrode"
    if model.spread:
        return "mean and standard deviation over time"
    return "mean over time, electrode by electrode"


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_the_page_shows_the_table(model):
    page = PAGE.read_text(encoding="utf-8")
    assert row(model) in page
    if model.restriction:
        assert f"`{model.name}`: {model.licence}; {model.restriction}." in page


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_facts_fit_together(model):
    spec = spec_of(model, trained=False, name=model.name, provenance={})
    assert (model.window - model.patch) % model.stride == 0
    assert 2.0 < model.window / model.rate <= 4.0
    assert model.window % spec.default_hop == 0
    assert 0.15 < spec.default_hop / model.rate < 0.3
    assert len(set(model.ch_names)) == len(model.ch_names)
    assert all(electrode(name) == name for name in model.ch_names)
    assert set(spec.required) == (set(model.ch_names) if model.needs_all else set())
    if model.told in ("chs_info", "positions"):
        assert places_in_metres(model.ch_names).shape == (len(model.ch_names), 3)
