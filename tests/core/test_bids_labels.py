"""Labels as BIDS has them."""

import pytest

from core.bids_labels import bids_label
from core.errors import InputError


@pytest.mark.parametrize(
    "text",
    ["", "../x", "a/b", "a\\b", "01_02", "01-02", "0 1", "0\n1", "\x00", "é", "٣", "a" * 41, "."],
)
@pytest.mark.parametrize("of", ["Subject", "Session"])
def test_anything_but_letters_and_digits_is_refused_with_the_rule(text, of):
    with pytest.raises(InputError, match="use letters and digits only") as refusal:
        bids_label(text, of)
    assert str(refusal.value).isprintable()
    assert str(refusal.value).startswith(of)


@pytest.mark.parametrize("text", ["01", "S001", "CON", "nul", "a" * 40])
def test_labels_may_carry_their_prefix(text):
    # Windows' reserved names are none here: every name begins with its entity.
    assert bids_label(text) == bids_label(f"sub-{text}") == text
    assert bids_label(f"ses-{text}", "Session") == text
