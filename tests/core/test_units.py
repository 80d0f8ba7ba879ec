import pytest

from core.errors import InputError
from core.units import factor, volts_per


@pytest.mark.parametrize(
    ("unit", "volts"),
    [
        ("V", 1.0),
        ("volts", 1.0),
        ("mV", 1e-3),
        ("millivolt", 1e-3),
        ("uV", 1e-6),
        ("UV", 1e-6),
        ("\u00b5V", 1e-6),
        ("\u03bcV", 1e-6),
        ("microvolts", 1e-6),
        ("microVolt", 1e-6),
        ("micro V", 1e-6),
        (" uV ", 1e-6),
        ("nV", 1e-9),
        ("-6", 1e-6),
        ("1e-6", 1e-6),
        ("10^-6", 1e-6),
        ("0", 1.0),
    ],
)
def test_every_spelling_is_understood(unit, volts):
    assert volts_per(unit) == pytest.approx(volts, rel=1e-12)


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis", "gb2312", "big5", "iso8859-7", "cp437"])
def test_a_micro_sign_in_another_encoding_is_understood(encoding):
    for sign in "\u00b5\u03bc":
        spoiled = f"{sign}V".encode(encoding, "replace").decode("latin-1")
        assert volts_per(spoiled) == pytest.approx(1e-6, rel=1e-12)
    assert volts_per("\ufffdV") == pytest.approx(1e-6, rel=1e-12)


@pytest.mark.parametrize(
    "unit", ["", "?", "\u00c2\u00b0C", "uA", "kOhm", "microvoltz", "-7", "lux", "v v", "%"]
)
def test_what_is_no_voltage_is_not_guessed(unit):
    assert volts_per(unit) is None
    with pytest.raises(InputError, match="--unit"):
        factor(unit, "mV")


def test_factor_goes_from_one_unit_to_the_other():
    assert factor("uV", "mV") == pytest.approx(1e-3)
    assert factor("V", "uV") == pytest.approx(1e6)
