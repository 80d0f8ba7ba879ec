import sys

import pytest
from pylsl import StreamInfo, StreamOutlet

from core.encoders import hub, registry
from core.encoders.registry import family_named
from core.errors import InputError
from realtime import encoder_survey
from realtime.cli import main
from realtime.encoder_survey import candidates, cost

NINETEEN = "Fp1 Fp2 F7 F3 Fz F4 F8 T3 C3 Cz C4 T4 T5 P3 Pz P4 T6 O1 O2".split()


@pytest.fixture
def few(monkeypatch):
    """Two families, so that not all encoders are tried, and no process for each."""
    kept = {name: registry.FAMILIES[name] for name in ("labram", "braindecode", "braingpt")}
    monkeypatch.setattr(registry, "FAMILIES", kept)
    tried = []

    def here(name, home, ch_names):
        tried.append((name, tuple(ch_names)))
        return {"ms": 12.4, "hop_ms": 250.0, "mb": 33.0}

    monkeypatch.setattr(encoder_survey, "_cost_elsewhere", here)
    return tried


@pytest.fixture
def outlet():
    info = StreamInfo("Survey19", "EEG", len(NINETEEN) + 1, 250.0, "float32", "survey19")
    channels = info.desc().append_child("channels")
    for label in [*NINETEEN, "EOG"]:
        channels.append_child("channel").append_child_value("label", label)
    return StreamOutlet(info)


def lines_of(capsys):
    lines = capsys.readouterr().out.splitlines()
    return {line.split()[0]: line for line in lines if line.strip()}


def test_every_encoder_with_a_name_is_listed_and_those_without_weights_are_not_forgotten(home):
    listed = {candidate.name: candidate for candidate in candidates(home)}
    for name in registry.FAMILIES:
        assert set(family_named(name).named) <= set(listed)
    assert listed["starter"].weights == "here"
    assert listed["untrained-braingpt-base"].weights == "random only"
    assert (listed["labram"].licence, listed["labram"].measured) == (
        "MIT",
        "untrained-labram-base",
    )
    assert listed["eegpt"].spec.size == "large"


def test_what_was_downloaded_is_here(home):
    place = hub.cached(family_named("labram").named["labram"], home)
    place.parent.mkdir(parents=True)
    place.write_bytes(b"")
    (labram,) = (c for c in candidates(home) if c.name == "labram")
    assert (labram.weights, labram.measured) == ("here", "labram")


def test_a_package_that_is_missing_is_named_and_its_encoders_are_not_tried(
    home, few, capsys, monkeypatch
):
    monkeypatch.setattr(encoder_survey, "find_spec", lambda name: None)
    assert main(["doctor", "--encoders", "--home", str(home)]) == 0
    lines = lines_of(capsys)
    assert "no braindecode" in lines["braindecode:BIOT"]
    assert "16, all needed" in lines["braindecode:BIOT"]
    assert {name for name, _ in few} == {"untrained-labram-base", "untrained-braingpt-base"}
    assert "window  200  4" in lines["labram"]
    assert "12 of 250   33" in lines["labram"]


def test_a_streams_electrodes_are_compared_with_each_encoders(
    home, few, capsys, monkeypatch, outlet
):
    monkeypatch.setattr(encoder_survey, "find_spec", lambda name: object())
    assert outlet is not None
    assert main(["doctor", "--encoders", "--stream", "Survey19", "--home", str(home)]) == 0
    lines = lines_of(capsys)
    assert "has 19 of 110, not EOG" in lines["labram"]
    assert "has 16 of 16" in lines["braindecode:BIOT"]
    tried = dict(few)
    assert set(tried["untrained-labram-base"]) >= {"C3", "T7", "P8"}  # by their newer names
    assert "has 19 of 19" in lines["braindecode:BENDR"]


def test_what_an_encoder_cannot_do_without_is_named_and_it_is_not_tried(
    home, few, capsys, monkeypatch
):
    monkeypatch.setattr(encoder_survey, "find_spec", lambda name: object())
    monkeypatch.setattr(encoder_survey, "_labels", lambda stream: ("C3", "Cz", "C4", "O1", "O2"))
    assert main(["doctor", "--encoders", "--stream", "five", "--home", str(home)]) == 0
    lines = lines_of(capsys)
    assert "has 4, lacks FP1 FP2 F7" in lines["braindecode:BIOT"]
    assert "untrained-braindecode-BIOT" not in dict(few)
    assert dict(few)["untrained-labram-base"] == ("C3", "CZ", "C4", "O1", "O2")


def test_what_could_not_be_tried_is_said_below(home, few, capsys, monkeypatch):
    def fails(name, home, ch_names):
        raise InputError("it took more than 240 s.")

    monkeypatch.setattr(encoder_survey, "_cost_elsewhere", fails)
    monkeypatch.setattr(encoder_survey, "find_spec", lambda name: None)
    assert main(["doctor", "--encoders", "--home", str(home)]) == 0
    assert "labram: it took more than 240 s." in capsys.readouterr().out


def test_a_stream_without_encoders_to_compare_is_refused(home, capsys):
    assert main(["doctor", "--stream", "x", "--home", str(home)]) == 2
    assert "--stream goes with --encoders" in capsys.readouterr().err


def test_the_cost_is_of_decisions_and_of_what_the_encoder_brings(home):
    found = cost("untrained-labram-tiny", str(home), ["C3", "C4"])
    assert found["hop_ms"] == 250.0
    assert found["ms"] > 0
    with pytest.raises(InputError, match="LaBraM knows no electrode called NOSE"):
        cost("untrained-labram-tiny", str(home), ["C3", "NOSE"])


@pytest.mark.slow
def test_a_process_of_its_own_finds_the_same(home):
    found = encoder_survey._cost_elsewhere("untrained-labram-tiny", home, ["C3", "C4"])
    assert set(found) == {"ms", "hop_ms", "mb"}
    if sys.platform != "win32":  # where nobody counts it
        assert found["mb"] > 0
    with pytest.raises(InputError, match="LaBraM knows no electrode called NOSE"):
        encoder_survey._cost_elsewhere("untrained-labram-tiny", home, ["C3", "NOSE"])
