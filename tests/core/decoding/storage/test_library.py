import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from safetensors.numpy import save_file

from core.decoding.storage.decoder_file import FORMAT, save_decoder
from core.decoding.storage.library import (
    decoder_cards,
    kept_decoders,
    new_decoder_path,
    newest_decoder,
)
from core.errors import InputError


def keep(home, decoder, subject, created):
    made = replace(decoder, facts=replace(decoder.facts, subject=subject, created=created))
    return save_decoder(made, new_decoder_path(home, subject, created))


def test_the_newest_of_a_person_is_found(fitted, home):
    decoder = fitted["riemann"]
    keep(home, decoder, "01", "2026-01-01T10:00:00+00:00")
    newest = keep(home, decoder, "01", "2026-03-01T10:00:00+00:00")
    other = keep(home, decoder, "02", "2026-05-01T10:00:00+00:00")
    (home / "decoders" / "junk.safetensors").write_bytes(b"junk")
    assert newest_decoder(home, "sub-01") == newest
    assert list(kept_decoders(home))[:2] == [other, newest]


def test_cards_are_of_those_that_say_something_sensible_newest_first(fitted, home):
    decoder = fitted["riemann"]
    first = keep(home, decoder, "01", "2026-01-01T10:00:00+00:00")
    second = keep(home, decoder, "02", "2026-05-01T10:00:00+00:00")
    second.with_suffix(".html").write_text("page")
    (home / "decoders" / "junk.safetensors").write_bytes(b"junk")
    third = keep(home, decoder, "03", "2026-07-01T10:00:00+00:00")
    for number, facts in enumerate(({"trials": "many"}, {"chance": None}, {"age": 30})):
        table = asdict(decoder.facts) | facts
        header = {"format": FORMAT, "version": 1, "classes": ["a", "b"], "facts": table}
        path = third.with_name(f"lies-{number}.safetensors")
        save_file({"a": np.zeros(1)}, path, metadata={FORMAT: json.dumps(header)})
    cards = decoder_cards(home)
    assert [kept.path for kept in cards] == [third, second, first]
    assert cards[0].classes == decoder.classes
    assert [kept.card.subject for kept in cards] == ["03", "02", "01"]
    assert [kept.report for kept in cards] == [None, second.with_suffix(".html"), None]


def test_names_are_never_taken_twice(fitted, home):
    paths = [keep(home, fitted["riemann"], "01", "2026-01-01T10:00:00") for _ in range(11)]
    assert len(set(paths)) == 11
    assert list(kept_decoders(home)) == paths[::-1]


def test_nobody_and_nonsense_are_refused(home):
    with pytest.raises(InputError, match=r"no decoder of subject 07 in .*decoders\. Make one"):
        newest_decoder(home, "07")
    with pytest.raises(InputError, match="letters and digits"):
        newest_decoder(home, "../07")


def test_a_subject_that_is_not_there_is_answered_with_who_is(fitted, home):
    for month in (1, 2):
        keep(home, fitted["riemann"], "01", f"2026-0{month}-01T10:00:00+00:00")
    keep(home, fitted["riemann"], "anna", "2026-03-01T10:00:00+00:00")
    with pytest.raises(InputError) as caught:
        newest_decoder(home, "1")
    assert 'Did you mean "01"? Kept are decoders of 01 (2), anna (1). Make one' in str(caught.value)
