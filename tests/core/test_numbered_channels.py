from core.electrodes import is_site
from core.numbered_channels import groups_apart, groups_words


def test_channels_of_a_numbered_group_are_no_electrodes():
    labels = [f"{group}{number}" for group in "ABCD" for number in range(1, 33)]
    apart = groups_apart(labels)
    assert apart[:3] == ("A-1", "A-2", "A3")  # no ears
    assert apart[64:72] == ("C-1", "C-2", "C-3", "C-4", "C-5", "C-6", "C7", "C8")
    assert not any(map(is_site, apart))
    partly_named = ("C3", *apart[65:])  # by a person, for whom C3 is one
    assert groups_apart(apart) == apart
    assert groups_apart(partly_named) == partly_named
    words = groups_words(apart, "The file")
    assert "A1, A2, C1, C2, C3, C4 ... name no electrodes: they are called A-1 and so on" in words
    assert "--channels" in words
    cap = ["C3", "C4", "T3", "F11", "F12", "CP3", "EEG 013", "E13"]
    assert groups_apart(cap) == tuple(cap)
    assert not groups_words(cap, "The file")
