import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from calibration.fit_settings import FitSettings
from calibration.fitting import fit_decoder
from calibration.report import analyse, as_html, as_json, as_text, write_report
from calibration.report.pictures import pictures
from core.errors import InputError

pytestmark = pytest.mark.slow

EVENTS = {"left_hand": "left_hand", "right_hand": "right_hand"}


class Page(HTMLParser):
    """What a page holds."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, name):
        return [attributes for tag, attributes in self.tags if tag == name]


@pytest.fixture(scope="module")
def page(findings):
    return as_html(findings)


def test_the_page_holds_everything_it_shows(page):
    found = Page(page)
    assert len(found.all("img")) == 11
    for image in found.all("img"):
        assert image["src"].startswith("data:image/svg+xml;base64,")
        assert image["alt"].endswith(".")
    assert not found.all("link")
    assert not found.all("iframe")
    assert not re.search(r"https?://", re.sub(r"base64,[\w+/=]+", "", page))
    (script,) = found.all("script")
    assert script["type"] == "application/json"


def test_the_page_says_what_a_clinician_asks(page, findings):
    text = " ".join(Page(page).text.split())
    assert "Calibration of subject 01" in text
    assert findings.recommendation.go
    assert findings.recommendation.reasons[0] in text
    assert re.search(r"95 % interval \d+ % to \d+ %", text)
    assert re.search(r"\d+ µV peak to peak at CP3 \(8-30 Hz\)", text)
    assert "1 left out" in text
    assert "imagery" in text


@pytest.fixture(scope="module")
def flattered(fit):
    """A fit whose head looks good on the trials that chose it, and is at chance otherwise."""
    good, truth = fit.selection.scores["riemann"], fit.epochs.labels
    half = np.where(np.arange(len(truth)) % 4 < 2, truth, 1 - truth)
    nested = replace(good, balanced_accuracy=0.542, decided=half[None])
    scores = {"riemann": replace(good, balanced_accuracy=0.712), "auto": nested}
    told = {name: score.balanced_accuracy for name, score in scores.items()}
    facts = replace(fit.decoder.facts, scores=told, chance=0.633)
    return replace(
        fit,
        selection=replace(fit.selection, scores=scores, chance=0.633),
        decoder=replace(fit.decoder, facts=facts),
    )


def test_no_score_that_chose_the_head_makes_a_go(flattered, recording):
    findings = analyse(flattered, [recording])
    assert findings.recommendation.word == "Redo"
    assert "54 % of the left-out trials" in findings.recommendation.reasons[0]
    assert findings.estimate.score == flattered.decoder.facts.score == 0.542
    assert findings.confusion.diagonal().mean() == pytest.approx(0.5, abs=0.1)
    text = " ".join(Page(as_html(findings)).text.split())
    assert "54 %balanced accuracy on left-out trials, the head chosen again inside" in text
    assert (
        "Its score of 0.542, the head chosen again inside every fold, is within what guessing "
        "reaches, 0.633: do not rely on it."
    ) in as_text(flattered)


def test_a_report_says_which_cues_were_merged_and_which_trials_overlap(imagery_recording):
    recording = imagery_recording(trials=8)
    again = [replace(event, onset=event.onset + 0.05) for event in recording.events]
    late = [replace(event, onset=event.onset + 0.5) for event in recording.events[:3]]
    events = tuple(sorted((*recording.events, *again, *late), key=lambda event: event.onset))
    recording = replace(recording, events=events)
    fit = fit_decoder([recording], EVENTS, "01", FitSettings(head="riemann", repeats=1))
    assert len(fit.epochs) == 19
    merged, overlap, electrodes, unit = json.loads(as_json(fit))["notes"]
    assert merged.startswith("16 of the 35 cues of")
    assert "counts 16 of the 19 trials." in overlap
    text = " ".join(Page(as_html(analyse(fit, [recording]))).text.split())
    assert merged in text
    assert overlap in as_text(fit)
    for doubt in (electrodes, unit):  # what nobody can know is said everywhere
        assert doubt in as_text(fit)
        assert doubt in text


def test_names_from_files_are_text_and_not_markup(page):
    assert "<b>one" not in page.split("<script")[0]
    assert "&lt;b&gt;one&amp;two.edf" in page


def test_the_numbers_are_in_the_page(page, findings):
    inside = re.search(r'<script type="application/json" id="numbers">(.*?)</script>', page, re.S)
    found = json.loads(inside.group(1))
    assert found["recommendation"]["go"] is True
    assert found["scores"]["riemann"]["score"] == findings.estimate.score
    assert found["rejected"][0]["trial"] == 5
    assert found["rejected"][0]["recording"] == "<b>one&two.edf"
    assert found["rhythms"]["change_percent"]["mu"]["left_hand"]["C4"] < -50
    assert set(found["quality"]["C3"]) == {"good", "flat", "railed", "noisy", "line"}
    assert np.isclose(sum(found["quality"]["C3"].values()), 1.0)


def test_a_report_is_written_once(findings, tmp_path):
    path = tmp_path / "new" / "report.html"
    assert write_report(findings, path) == path
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
    numbers = tmp_path / "new" / "report.numbers.json"
    assert (
        json.loads(numbers.read_text(encoding="utf-8"))["chance"] == findings.fit.selection.chance
    )
    with pytest.raises(InputError, match="exists already"):
        write_report(findings, path)
    path.unlink()
    with pytest.raises(InputError, match=r"numbers\.json exists already"):
        write_report(findings, path)
    with pytest.raises(InputError, match="ends in"):
        write_report(findings, tmp_path / "report.pdf")


def test_few_electrodes_have_no_maps(imagery_recording):
    recording = imagery_recording(labels=("C3", "CZ", "C4"))
    events = {name: name for name in ("left_hand", "right_hand")}
    fit = fit_decoder([recording], events, "01", FitSettings(head="riemann", repeats=1))
    findings = analyse(fit, [recording])
    known = {"candidates", "confusion", "reliability", "origin", "courses"}
    known |= {"time_frequency", "spectra"}
    assert set(pictures(findings)) == known
    text = " ".join(Page(as_html(findings)).text.split())
    assert "Maps need at least 8 electrodes." in text
    assert "too few trials for a learning curve" in text


def test_three_classes_and_a_bad_electrode_are_drawn():
    from simulation.synthetic import session

    classes = ("left_hand", "right_hand", "feet")
    recording = session(6, classes, seed=2)
    samples = recording.samples_uv.copy()
    samples[:, recording.labels.index("F3")] = 4.0
    recording = replace(recording, samples_uv=samples)
    fit = fit_decoder(
        [recording], {name: name for name in classes}, "01", FitSettings(head="hybrid", repeats=1)
    )
    findings = analyse(fit, [recording])
    assert findings.curve_head == "riemann"  # the hybrid head would have to encode all over again
    assert findings.confusion.shape == (3, 3)
    assert [p.label for p in findings.patterns] == [name for name in classes for _ in range(2)]
    assert "F3 flat" in Page(as_html(findings)).text
    assert any("F3 (flat)" in line for line in findings.recommendation.advice)


def test_recordings_of_one_name_in_two_folders_are_told_apart(recording, imagery_recording):
    other = imagery_recording(seed=1, trials=6, path="elsewhere/<b>one&two.edf")
    events = {name: name for name in ("left_hand", "right_hand")}
    settings = FitSettings(head="riemann", repeats=1)
    fit = fit_decoder([other, recording], events, "01", settings)
    findings = analyse(fit, [other, recording])
    assert findings.files == ("<b>one&two.edf",) * 2
    (rejected,) = fit.rejected
    assert (rejected.trial.number, rejected.trial.recording) == (17, 1)
    assert "at CP3" in Page(as_html(findings)).text


def test_no_window_library_keeps_a_figure(findings):
    from matplotlib import pyplot

    pictures(findings)
    assert pyplot.get_fignums() == []


def test_text_and_json_name_rejected_trials(fit):
    assert re.search(r"Trials left out:\n  trial 5: \d+ µV peak to peak at CP3", as_text(fit))
    assert list(json.loads(as_json(fit))["rejected"]) == ["5"]
