"""calibration.session.setup: what is asked of a live stream and a label before a session."""

import threading

import numpy as np
import pylsl
import pytest

from calibration.cli import main
from calibration.recording.bids import next_run
from calibration.session import app
from calibration.session.setup import Person, Setup
from calibration.session.setup_state import obstacles
from core.encoders.eegpt.electrodes import CODEX
from core.stream.discovery import StreamQuery, find_stream
from core.stream.outlets import SignalOutlet
from core.stream.stream_feed import Overrides

RATE = 250.0


@pytest.fixture
def noise(name):
    """Start a stream of noise of some size in its unit; it ends with the test."""
    stop, threads = threading.Event(), []

    def start(deviation, unit="microvolts"):
        outlet = SignalOutlet(name, "EEG", ("C3", "CZ", "C4"), unit, RATE, name)
        random = np.random.default_rng(0)

        def run():
            sent, begun = 0, pylsl.local_clock()
            while not stop.wait(0.02):
                due = int((pylsl.local_clock() - begun) * RATE)
                samples = random.normal(0.0, deviation, (due - sent, 3)).astype(np.float32)
                if due > sent:
                    outlet.push(samples, begun + np.arange(sent, due) / RATE)
                sent = due
            outlet.close()

        threads.append(threading.Thread(target=run))
        threads[-1].start()
        return name

    yield start
    stop.set()
    for thread in threads:
        thread.join()


@pytest.fixture
def setup(tmp_path):
    made = []

    def make(name, subject="01", alone="", **better):
        given = Person(subject), Overrides(**better), CODEX
        made.append(Setup(tmp_path / "data", 60.0, *given, alone=alone))
        made[-1].open(find_stream(StreamQuery(stream=name), 20))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.mark.slow
def test_a_stream_in_the_wrong_unit_begins_no_session(noise, setup):
    ready = setup(noise(20.0), unit="mV")
    assert ready.acquisition.wait_for_signal(1.5, 20.0)
    (reason,) = obstacles(ready.state())
    assert "where EEG has about 12 µV" in reason
    assert "wrong by a factor of 1000; give the right one with --unit" in reason
    assert ready.state().doubts[1].startswith("A wrong unit (mV, as --unit says)")


@pytest.mark.slow
def test_an_eegs_amplitude_is_no_obstacle_and_what_is_unknown_is_said(noise, setup):
    ready = setup(noise(0.02, "millivolts"), channels=("C3", "FZ", "C4"))
    assert ready.acquisition.wait_for_signal(1.5, 20.0)
    assert obstacles(ready.state()) == ()
    where, unit = ready.state().doubts
    assert "where --channels names them" in where
    assert unit.startswith("A wrong unit (millivolts, as the stream says)")


def test_somebody_who_is_nearly_known_is_asked_about(noise, setup, tmp_path):
    stamps = next_run(tmp_path / "data", "01", "").source("stamps.f64")
    stamps.parent.mkdir(parents=True)
    stamps.touch()
    ready = setup(noise(20.0), subject="1")
    assert ready.state().remarks[0] == 'Subject 1 has no run here yet. Did you mean "01"?'
    for label in ("01", "sub-01", "anna"):
        ready.name_person(label, "", "")
        assert not any("Did you mean" in remark for remark in ready.state().remarks)


def test_too_few_trials_are_said_where_no_earlier_run_can_count(noise, setup, tmp_path):
    ready = setup(noise(20.0), alone="Too few.")
    assert "Too few." in ready.state().remarks
    ready.name_person("01", "", "2")
    assert "Too few." not in ready.state().remarks


@pytest.mark.slow
def test_no_session_begins_with_a_stream_that_is_let_go_for_another(
    noise, setup, name, until, monkeypatch
):
    ready, go_on = setup(noise(20.0)), threading.Event()
    first = ready.acquisition
    assert first.wait_for_signal(1.5, 20.0)
    assert obstacles(ready.state()) == ()
    close = first.close
    monkeypatch.setattr(first, "close", lambda: (go_on.wait(20.0), close()))
    ready.choose_stream(find_stream(StreamQuery(stream=name), 20))
    assert obstacles(ready.state()) == ("Choose the stream of the amplifier.",)
    go_on.set()
    until(lambda: obstacles(ready.state()) == ())
    assert ready.acquisition is not first


@pytest.mark.slow
def test_a_session_without_a_first_screen_looks_at_the_amplitude_too(noise, tmp_path, capsys):
    given = ["--stream", noise(20.0), "--unit", "mV", "--subject", "01", "--no-setup"]
    assert main([*given, "--data", str(tmp_path / "x"), "--timeout", "20"]) == 2
    assert "its unit looks wrong by a factor of 1000" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


@pytest.mark.slow
def test_a_session_without_a_first_screen_says_what_the_stream_does_not(
    noise, tmp_path, capsys, monkeypatch
):
    """Warnings went to the first screen alone: a unit was taken as µV without a word."""
    monkeypatch.setattr(app, "obstacles", lambda _: ("as far as this",))
    given = ["--stream", noise(20.0, ""), "--subject", "01", "--no-setup", "--timeout", "20"]
    assert main([*given, "--data", str(tmp_path / "x"), "--trials-per-class", "4"]) == 2
    said = capsys.readouterr().err
    assert "gives no unit for any of its 3 channels; their values are taken as µV" in said
    assert said.rstrip().endswith("as far as this")
