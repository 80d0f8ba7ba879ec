import pytest

from calibration.fit_settings import FitSettings, path_for
from core.encoders import load_encoder, load_spec
from core.errors import InputError


def test_electrodes_elsewhere_are_among_the_channels_that_are_not_used():
    labels = ("Fp1", "C3", "Cz", "C4", "HEOG", "O1")
    _, unused = path_for(labels, load_spec("starter"), FitSettings(sites="motor"), "it")
    assert unused == ("Fp1", "HEOG", "O1")


def test_a_headband_is_told_what_imagined_movements_need():
    spec = load_encoder("untrained-bandpower-tiny").spec
    with pytest.raises(InputError, match=r"TP10\)\. Imagined movements need .* C3, Cz and C4\.$"):
        path_for(("TP9", "AF7", "AF8", "TP10"), spec, FitSettings(), "The stream")


def test_an_unknown_head_is_refused():
    with pytest.raises(InputError, match='no head "svm"'):
        FitSettings(head="svm")
