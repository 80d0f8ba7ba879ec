import sys
from types import SimpleNamespace

import numpy as np
import pytest

from calibration.screens.person.beeper import Silence, SoundCard, SystemBell, open_beeper, tone


class Card:
    """What `sounddevice` offers, without a card: a test plays the buffers itself."""

    def __init__(self, works=True):
        self.works = works
        self.closed = False

    def query_devices(self, kind):
        if not self.works:
            raise ValueError("no default output device")
        return {"default_samplerate": 48_000.0}

    def OutputStream(self, callback, **settings):
        self.callback = callback
        return SimpleNamespace(start=lambda: None, close=self.close)

    def close(self):
        self.closed = True

    def play(self, frames):
        out = np.full((frames, 1), np.nan, dtype=np.float32)
        self.callback(out, frames, None, None)
        return out[:, 0]


def test_a_tone_is_a_short_sine_without_clicks():
    samples = tone(48_000.0)
    assert len(samples) == 4800
    assert abs(samples[0]) == abs(samples[-1]) == 0.0
    assert np.abs(np.fft.rfft(samples)).argmax() == 100  # 1000 Hz in 0.1 s
    assert 0.2 < np.abs(samples).max() < 0.4


def test_a_tone_is_played_once_in_any_buffers():
    card = Card()
    beeper = SoundCard(card)
    assert not card.play(512).any()
    beeper.beep()
    played = np.concatenate([card.play(frames) for frames in (512, 1, 4000, 512, 512)])
    assert (played[:4800] == tone(48_000.0)).all()
    assert not played[4800:].any()
    beeper.beep()
    assert card.play(512).any()
    beeper.close()
    assert card.closed


def test_the_sound_card_is_taken_where_it_plays(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", Card())
    assert isinstance(open_beeper(), SoundCard)
    assert isinstance(open_beeper(wanted=False), Silence)


def test_a_machine_without_a_card_is_silent(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", Card(works=False))
    assert not open_beeper().audible


@pytest.mark.parametrize(
    ("platform", "audible"), [("win32", True), ("darwin", True), ("linux", False)]
)
def test_without_the_package_the_system_bell_serves(monkeypatch, qapp, platform, audible):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    monkeypatch.setattr(sys, "platform", platform)
    beeper = open_beeper()
    assert beeper.audible is audible
    assert isinstance(beeper, SystemBell) is audible
    beeper.beep()
    beeper.close()
