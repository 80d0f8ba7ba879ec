from dataclasses import replace

import numpy as np
import pytest

from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder
from core.decoding.rest import curve_of, idle_class_of, threshold_at_rest
from core.decoding.storage.decoder_file import load_decoder, save_decoder
from core.decoding.window_decoder import WindowDecoder
from core.errors import InputError
from realtime.engine.evidence import EvidenceSettings
from realtime.offline import decode_recording

pytestmark = pytest.mark.slow

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}
FIVE = ("C3", "CZ", "C4", "FZ", "PZ")  # electrodes, so that a fit takes half a second
SETTINGS = FitSettings(head="riemann", repeats=1, origin=False)


@pytest.fixture(scope="module")
def paused(imagery_recording):
    """Imagery with four and a half seconds between trials."""
    return imagery_recording(labels=FIVE, every=8.5)


@pytest.fixture(scope="module")
def fit(paused):
    return fit_decoder([paused], EVENTS, "01", replace(SETTINGS, false_alarms=2.0))


def test_a_higher_threshold_has_fewer_false_alarms_and_fewer_hits(fit):
    rest = fit.rest
    assert (np.diff(rest.alarms) <= 0).all()
    assert (np.diff(rest.hits) <= 0).all()
    # Two classes always decide: a decision at least in every window's length.
    assert rest.alarms[0] >= 60.0 / 4.0
    assert rest.hits[0] > 0.7
    assert rest.minutes == pytest.approx(15 * 5.5 / 60.0, rel=0.05)


def test_the_decoder_keeps_the_threshold_that_was_asked_for(fit, tmp_path):
    decoder = load_decoder(save_decoder(fit.decoder, tmp_path / "one.safetensors"))
    threshold = fit.rest.threshold_for(2.0)
    assert 0.5 < threshold < 1.0
    assert decoder.recentre is None  # a minute of rest would move what was counted
    assert threshold_at_rest(decoder) == threshold
    evidence = EvidenceSettings.of(decoder)
    assert evidence.threshold == threshold
    assert evidence.idle
    # What is asked for now counts before what was asked for then.
    assert EvidenceSettings.of(decoder, false_alarms=5.0).threshold < threshold
    assert EvidenceSettings.of(decoder, 0.6) == EvidenceSettings(0.6)


def test_no_decision_is_called_idle_where_the_threshold_is_of_rest(fit, paused):
    def decided(evidence):
        windows = WindowDecoder(fit.decoder, None)
        return list(decode_recording(paused, fit.decoder, windows, evidence))

    calibrated = decided(EvidenceSettings.of(fit.decoder))
    assert {one.idle for one in calibrated if one.probabilities} == {True, False}
    assert all(one.idle == bool(one.probabilities and not one.decision) for one in calibrated)
    plain = decided(EvidenceSettings(0.9))
    assert any(one.probabilities and one.decision is None for one in plain)
    assert not any(one.idle for one in plain)


def test_pauses_that_are_too_short_tell_nothing(imagery_recording):
    short = imagery_recording(labels=FIVE)
    fit = fit_decoder([short], EVENTS, "01", replace(SETTINGS, false_alarms=2.0))
    assert fit.rest is None
    assert "too few pauses" in fit.unkept
    assert curve_of(fit.decoder.facts.fit) is None
    with pytest.raises(InputError, match="are unknown"):
        EvidenceSettings.of(fit.decoder, false_alarms=2.0)
    assert EvidenceSettings.of(fit.decoder) == EvidenceSettings()


def test_rest_can_be_a_class(paused):
    settings = replace(SETTINGS, idle_class=True)
    fit = fit_decoder([paused], EVENTS, "01", settings)
    assert fit.decoder.classes == ("left_hand", "right_hand", "rest")
    assert idle_class_of(fit.decoder) == "rest"
    assert fit.decoder.recentre is None
    assert np.bincount(fit.epochs.labels).tolist() == [8, 8, 15]
    found = [
        one
        for one in decode_recording(
            paused, fit.decoder, WindowDecoder(fit.decoder, None), EvidenceSettings.of(fit.decoder)
        )
        if one.probabilities
    ]
    assert all(one.idle == (one.decision in (None, "rest")) for one in found)
    assert {"left_hand", "right_hand", "rest"} <= {one.decision for one in found}


def test_a_cued_class_of_rest_keeps_the_reference_too(paused):
    """A person who watches for a minute first would otherwise move it to where rest lies."""
    by_class = [[e for e in paused.events if e.label == name] for name in EVENTS]
    rest = [replace(event, label="rest") for events in by_class for event in events[:3]]
    hands = [event for events in by_class for event in events[3:]]
    resting = replace(paused, events=tuple(rest + hands))
    fit = fit_decoder([resting], {**EVENTS, "rest": "rest"}, "01", SETTINGS)
    assert "rest" in fit.decoder.classes
    assert fit.decoder.recentre is None


def test_nothing_is_decided_by_a_head_that_was_fitted_on_it(paused, monkeypatch):
    import core.fitting.rest as rest

    seen = []
    blocks = rest._blocks
    monkeypatch.setattr(
        rest,
        "_blocks",
        lambda views, pauses: (
            seen.extend((views, pauses, part) for part in blocks(views, pauses))
            or iter([part for *_, part in seen])
        ),
    )
    fit_decoder([paused], EVENTS, "01", SETTINGS)
    assert len(seen) == 5
    for views, pauses, (held, train, test) in seen:
        places, length = views.epochs.places, pauses.length
        for _, at in (*pauses.places[held], *places[test]):
            assert (np.abs(places[train, 1] - at) >= length).all()
    assert sorted(np.concatenate([held for *_, (held, _, _) in seen])) == list(range(len(pauses)))
