"""Faults as text: read, written again, and refused in words."""

import math
from dataclasses import MISSING, fields

import pytest

from core.errors import InputError
from simulation.faults.fault import Source
from simulation.faults.sender import Restart
from simulation.faults.signal import Flat
from simulation.faults.spec import kinds, parse, text
from simulation.faults.timing import Lose, Stall

NEEDED = {"samples": 50, "by": 3600.0, "channel": "C3", "share": 0.01, "ppm": 50.0, "percent": 1.0}


def test_a_spec_is_read():
    assert parse("lose:samples=50,at=12") == Lose(50, at=12.0)
    assert parse("stall: at=20, for=1.5") == Stall(at=20.0, for_=1.5, speed=math.inf)
    assert parse("flat:channel=C3+C4,at=5,for=4") == Flat("C3+C4", at=5.0, for_=4.0)
    changed = parse("restart:source_id=other,at=20,down=2,channels=missing,unit=mV")
    assert changed == Restart(2.0, "other", "missing", "mV", at=20.0)


@pytest.mark.parametrize("kind", kinds().values(), ids=lambda kind: kind.word)
def test_every_kind_is_written_as_it_is_read(kind):
    needed = {f.name: NEEDED[f.name] for f in fields(kind) if f.default is MISSING}
    if kind is Stall:
        needed["for_"] = 2.0
    fault = kind(**needed, at=0.125)
    assert parse(text(fault)) == fault
    assert kind.__doc__


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("losse:samples=3", 'begins with "losse"; "lose" may be meant'),
        ("lose:sample=3", '"samples" may be meant'),
        ("lose:samples", 'says "samples"'),
        ("lose:samples=3,samples=4", "twice"),
        ("lose:at=1", "must say samples="),
        ("lose:samples=x", "a whole number was expected"),
        ("lose:samples=0", "at least 1"),
        ("drop:share=2", "between 0 and 1"),
        ("jump:by=nan", "a number was expected"),
        ("stall:at=3", "for=T"),
        ("stall:for=3,speed=1", "more than 1"),
        ("flat:channel=C3,at=-1", "no second of the signal"),
        ("flat:channel=C3,for=0", "more than 0"),
        ("restart:source_id=othr", '"other" may be meant'),
        ("restart:unit=kg", "is no voltage"),
        ("restart:down=0", "down=T"),
        ("scale:by=0", "is no factor"),
        ("rate:percent=-90", "between -50 and 100"),
        ("burst:samples=0", "at least 1"),
        ("hold:samples=0", "at least 1"),
        ("repeat:every=0", "more than 0"),
        ("test:shape=sqare", '"square" may be meant'),
    ],
)
def test_a_misspelt_spec_is_refused_in_words(spec, words):
    with pytest.raises(InputError) as error:
        parse(spec)
    assert words in str(error.value)


def test_a_channel_that_the_stream_lacks_is_named():
    source = Source(250.0, ("C3", "C4"))
    with pytest.raises(InputError, match='"CZ"; the stream has C3, C4'):
        parse("noisy:channel=Cz").check(source)
    parse("noisy:channel=c3+C4").check(source)
    with pytest.raises(InputError, match="only channel"):
        parse("restart:channels=missing").check(Source(250.0, ("C3",)))
