from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest

import calibration.paradigm.flags
from calibration.paradigm.flags import ParadigmFlags
from calibration.paradigm.model import EVENTS, Label, Paradigm, event_code, load_paradigm
from core.errors import InputError
from core.settings import as_yaml
from simulation.cues import GDF, imagery_after
from simulation.synthetic import IMAGERY


def test_defaults_are_the_graz_paradigm():
    graz = load_paradigm()
    assert graz.classes == ("left_hand", "right_hand")
    assert (graz.cross, graz.cue, graz.imagery) == (2.0, 1.25, 4.0)
    assert (graz.break_shortest, graz.break_longest) == (1.5, 3.5)
    assert graz.trials == 40


def test_a_file_and_flags_change_every_number(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("classes: [feet, rest, tongue]\ncross: 3\nbaseline: 60\nsound: false\n")
    flags = ParadigmFlags(cross=1.0, classes=None, feedback="on")
    mine = load_paradigm(path, flags.changes)
    assert mine.classes == ("feet", "rest", "tongue")
    assert mine.feedback
    assert (mine.cross, mine.baseline, mine.sound) == (1.0, 60.0, False)


def test_a_paradigm_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "p.yaml"
    paradigm = Paradigm(classes=("feet", "rest"), cross=1.5, photodiode="none")
    path.write_text(as_yaml(paradigm))
    assert load_paradigm(path) == paradigm


def test_every_setting_has_a_flag_that_tells_its_default():
    flags = {field.name for field in fields(ParadigmFlags)}
    assert flags == set(Paradigm.model_fields)
    source = Path(calibration.paradigm.flags.__file__).read_text(encoding="utf-8")
    for name, field in Paradigm.model_fields.items():
        about = source.split(f"    {name}:")[1].split('"""')[1]
        default = field.default
        shown = " ".join(default) if isinstance(default, tuple) else str(default)
        if isinstance(default, bool):
            shown = "on" if default else "off"
        assert f"({shown.removesuffix('.0')})" in " ".join(about.split()), name


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"crosss": 2.0}, '"crosss" is no setting; did you mean "cross"?'),
        ({"cross": 200.0}, "cross is 200.0; a number from 0.2 to 60 was expected."),
        ({"classes": ["left_hand"]}, "classes is ['left_hand']; a list of at least 2"),
        ({"classes": ["left_hand", "left"]}, 'classes.1 is "left"; '),
        ({"classes": ["feet", "feet"]}, "classes names one more than once"),
        ({"cue": 5.0}, "cue is 5 s and imagery 4 s;"),
        ({"beep_lead": 2.5}, "beep_lead is 2.5 s and cross 2 s;"),
        ({"break_shortest": 4.0}, "break_shortest is 4 s, which is longer than"),
        ({"photodiode": "middle"}, 'photodiode is "middle"; '),
    ],
)
def test_each_mistake_is_one_sentence(changes, words):
    with pytest.raises(InputError) as caught:
        load_paradigm(None, changes)
    assert str(caught.value).startswith(words)


def test_codes_are_those_of_the_field():
    values = {name: code.value for name, code in EVENTS.items()}
    assert values["trial_start"] == 768
    assert values["cross"] == 786
    assert values["beep"] == 785
    assert values["feedback"] == 781
    assert values["trial_end"] == 800
    assert {str(values[name]): name for name in GDF.values()} == GDF
    assert len(set(values.values())) == len(values)


def test_practice_is_no_cue_of_any_class():
    code = event_code("practice_left_hand")
    assert code.value not in {c.value for c in EVENTS.values()}
    assert imagery_after(code.name, "feet") is None


@pytest.mark.slow
@pytest.mark.parametrize("by", ["name", "value"])
def test_a_simulated_subject_understands_every_event(by):
    imagined = {
        name: imagery_after(str(getattr(code, by)), "feet") for name, code in EVENTS.items()
    }
    for label in get_args(Label):
        assert imagined[label] == (label if label in IMAGERY else None)
    assert imagined["trial_end"] is None
    assert imagery_after("781", "feet") == "feet"
