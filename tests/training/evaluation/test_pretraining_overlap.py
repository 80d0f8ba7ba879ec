import json
from dataclasses import replace

import pytest

from core.encoders import load_encoder
from core.encoders.spec import LABELLED
from core.errors import InputError
from training.evaluate import _unseen_encoder
from training.evaluation.pretraining_overlap import KEY, encoder_for, recordings_seen, seen_of
from training.shards import RecordingIdentity


@pytest.fixture
def spec_of(encoder):
    """Return a function that says of an encoder what it was pretrained on."""

    def make(recordings):
        known = {} if recordings is None else {KEY: json.dumps(recordings)}
        return replace(encoder.spec, name="ours", trained=True, provenance=known)

    return make


def test_random_weights_have_seen_nobody(encoder):
    assert recordings_seen(encoder.spec) == ()


def test_people_are_known_however_their_number_is_padded(persons, spec_of):
    spec = spec_of([["made", "S001", "", "2"], ["other", "S2", "", "1"]])
    seen = recordings_seen(spec)
    assert seen == (
        RecordingIdentity("made", "S001", "", "2"),
        RecordingIdentity("other", "S2", "", "1"),
    )
    assert seen_of(spec, persons[0], [0, 2]) == "person"
    assert seen_of(spec, persons[0], [1]) == "run"
    assert seen_of(spec, persons[1], [0, 1, 2]) == "nothing"  # of another source
    assert seen_of(spec_of([["made", "S1", "", ""]]), persons[0], [0]) == "run"  # it may be any
    assert seen_of(spec_of(None), persons[0], [0]) == "unknown"


def test_files_whose_labels_were_read_are_known_whatever_they_are_called(persons, spec_of):
    spec = spec_of([["elsewhere", "S7", "", "1"]])
    first, *others = persons[0].recordings
    listed = spec.provenance | {LABELLED: "0123456789abcdef"}
    spec = replace(spec, provenance=listed)
    assert seen_of(spec, persons[0], [0, 1, 2]) == "nothing"
    copied = replace(first, sha256="0123456789abcdef" + "7" * 48)
    person = replace(persons[0], recordings=(copied, *others))
    assert seen_of(spec, person, [1, 2]) == "person"
    assert seen_of(spec, person, [0, 2]) == "run"
    with pytest.raises(InputError, match="tested recordings of made S1"):
        encoder_for([spec], person, [0], "nothing")
    silent = replace(spec, provenance={LABELLED: listed[LABELLED]})
    assert seen_of(silent, person, [0]) == "run"
    assert seen_of(silent, person, [1]) == "unknown"


@pytest.mark.parametrize(
    ("run", "allowed", "says"),
    [
        ("1", "nothing", "other recordings of made S1.*--allow-seen person"),
        ("3", "nothing", "tested recordings of made S1.*--allow-seen run"),
        ("3", "person", "tested recordings of made S1"),
        ("1", "person", None),
        ("3", "run", None),
    ],
)
def test_an_encoder_is_refused_on_people_it_has_seen(run, allowed, says, persons, spec_of):
    specs = [spec_of([["made", "S1", "", run]])]
    assert encoder_for(specs, persons[1], [2], "nothing") == 0
    if says is None:
        assert encoder_for(specs, persons[0], [2], allowed) == 0
    else:
        with pytest.raises(InputError, match=says):
            encoder_for(specs, persons[0], [2], allowed)


def test_everybody_is_looked_at_through_the_encoder_that_saw_the_least_of_them(persons, spec_of):
    halves = [spec_of([["made", "S1", "", "3"]]), spec_of([["made", "S2", "", "1"]])]
    chosen = [encoder_for(halves, person, [2], "nothing") for person in persons]
    assert chosen == [1, 0, 0]
    both = [halves[0], spec_of([["made", "S1", "", "1"], ["made", "S2", "", "1"]])]
    assert encoder_for(both, persons[0], [2], "person") == 1
    with pytest.raises(InputError, match="other recordings of made S1"):
        encoder_for(both, persons[0], [2], "nothing")
    unsaid = [spec_of(None), halves[0]]
    assert encoder_for(unsaid, persons[0], [2], "run") == 1


def test_an_encoder_that_does_not_say_is_refused(persons, spec_of):
    with pytest.raises(InputError, match="does not say which recordings"):
        encoder_for([spec_of(None)], persons[0], [0], "person")
    assert encoder_for([spec_of(None)], persons[0], [0], "run") == 0
    with pytest.raises(InputError, match="must be a list of source"):
        recordings_seen(spec_of({"S1": 1.0}))


def test_where_no_encoder_is_named_it_is_one_that_has_seen_nobody(persons):
    assert _unseen_encoder(persons) == "imagery-2"
    files = load_encoder("imagery-2").spec.provenance["labelled_files"].split()
    one, *others = persons[0].recordings
    known = replace(one, sha256=files[0].ljust(64, "0"))
    assert _unseen_encoder([replace(persons[0], recordings=(known, *others))]) == "untrained"
