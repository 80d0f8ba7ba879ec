"""The report as one page: pictures inline, nothing loaded from anywhere."""

from __future__ import annotations

import json
from pathlib import Path

from calibration.recommendation import percent, words
from calibration.report.findings import BAD, Findings, numbers, worst
from calibration.report.pictures import MAPS_FROM, pictures
from calibration.report.text import DOUBTS, about, at_rest, notes, worth
from calibration.report.time_frequency import PERMUTATIONS
from core.decoding.card import CHOICE
from core.errors import InputError
from core.machine.files import write_whole

NUMBERS = ".numbers.json"
"""Ending of the file with the report's numbers: ".json" alone is the decoder's."""

_TEMPLATE = Path(__file__).with_name("report.html.j2")


def as_html(findings: Findings) -> str:
    """Return the report as a page that holds everything it shows.

    Parameters
    ----------
    findings : Findings

    Returns
    -------
    str
        HTML; the numbers are in it too, as JSON in the element "numbers".
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"percent": percent, "words": words}
    fit = findings.fit
    bad = {name: worst(shares) for name, shares in findings.quality.items()}
    reasons = findings.recommendation.reasons
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8")).render(
        findings=findings,
        fit=fit,
        facts=fit.decoder.facts,
        settings=fit.decoder.settings,
        recommendation=findings.recommendation,
        pictures=pictures(findings),
        maps_from=MAPS_FROM,
        permutations=PERMUTATIONS,
        bad={name: quality for name, quality in bad.items() if quality in BAD},
        worth=worth(fit),
        rest_lines=at_rest(fit),
        # Reasons against the decoder stand above already.
        remarks=[*(note for note in notes(fit) if note not in reasons), *DOUBTS],
        choice=CHOICE,
        humming=[name for name, quality in bad.items() if quality == "line"],
        files=findings.files,
        facts_table=_facts(findings),
        # A closing tag inside a text must not end the element.
        numbers=json.dumps(numbers(findings), ensure_ascii=False).replace("<", "\\u003c"),
    )


def check_report_path(path: Path) -> Path:
    """Refuse a place where no report can be written.

    Raises
    ------
    InputError
        If the name does not end in ".html", or it or its numbers exist already.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f'The report {path} must have a name that ends in ".html".')
    for place in (path, path.with_suffix(NUMBERS)):
        if place.exists():
            raise InputError(f"{place} exists already; choose another name with --report.")
    return path


def write_report(findings: Findings, path: Path) -> Path:
    """Write the page, and its numbers as JSON beside it.

    Raises
    ------
    InputError
        As `check_report_path`, or if a file cannot be written.
    """
    check_report_path(path)
    page = as_html(findings)
    text = json.dumps(numbers(findings), indent=2, ensure_ascii=False) + "\n"
    write_whole(path.with_suffix(NUMBERS), text.encode(errors="replace"))
    return write_whole(path, page.encode(errors="replace"))


def _facts(findings: Findings) -> list[tuple[str, str]]:
    """Return what the decoder is, as rows of a table."""
    fit, decoder, facts = findings.fit, findings.fit.decoder, findings.fit.decoder.facts
    settings = decoder.settings
    rows = [
        ("Head", f"{facts.head}: {about(facts.head, facts)}"),
        ("Encoder", str(facts.fit.get("encoder", "none"))),
        ("Classes", ", ".join(words(name) for name in decoder.classes)),
        ("Electrodes", f"{len(fit.electrodes)}: {' '.join(fit.electrodes)}"),
        ("Channels not used", " ".join(fit.ignored) or "none"),
        ("Reference", settings.reference),
        ("Filter", f"{settings.band.label}, causal"),
        ("Rate", f"{settings.rate:g} Hz (recorded at {facts.recorded_rate:g} Hz)"),
        (
            "Window",
            f"{decoder.window / settings.rate:g} s, a decision every "
            f"{1000 * decoder.hop / settings.rate:g} ms",
        ),
        ("Uses", decoder.input_words or "all electrodes, from the cue on"),
        ("Temperature", f"{decoder.head.temperature:.2f}"),
        *(
            (
                f"Task {readout.task}",
                f"{readout.kind}: {readout.card.measure} {readout.card.score:.2f}, by guessing up "
                f"to {readout.card.chance:.2f} ({readout.card.trials} trials)",
            )
            for readout in decoder.others
        ),
        ("Made", f"{facts.created} by {facts.software}"),
    ]
    return rows + [(name, f"SHA-256 {digest}") for name, digest in facts.recordings.items()]
