"""How decisions of two trees are compared."""

import pytest

from benchmarks.compare_release import differences_of


def line(index, left=0.6, status="ok"):
    given = None if status != "ok" else {"left": left, "right": 1.0 - left}
    decision = None if given is None else max(given, key=given.get)
    return {
        "index": index,
        "time": 0.25 * index,
        "sample": 64 * index,
        "compute_ms": index,
        "status": status,
        "probabilities": given,
        "decision": decision,
    }


def test_rounding_is_no_difference_and_neither_is_the_time_it_took():
    earlier, now = [line(0), line(1, 0.7)], [line(0, 0.6 + 1e-12), line(1, 0.7) | {"compute_ms": 9}]
    differing, refused, _, largest = differences_of(earlier, now)
    assert (differing, refused) == ([], [])
    assert largest == pytest.approx(1e-12, rel=0.01)


@pytest.mark.parametrize(
    "now",
    [line(0, 0.6 + 1e-8), line(0, 0.4), line(0) | {"sample": 1}, line(0) | {"decision": None}],
)
def test_a_difference_is_listed(now):
    differing, refused, *_ = differences_of([line(0)], [now])
    assert (differing, refused) == ([(line(0), now)], [])


def test_what_is_refused_only_now_is_listed_apart_and_the_reverse_is_a_difference():
    decided, refusal = line(0), line(0, status="artifact")
    assert differences_of([decided], [refusal]) == ([], [(decided, refusal)], [], 0.0)
    assert differences_of([refusal], [decided])[0] == [(refusal, decided)]


def test_behind_a_refusal_probabilities_may_differ_for_two_seconds_and_decisions_may_not():
    earlier = [line(index) for index in range(12)]
    now = [line(0, status="artifact"), *(line(index, 0.61) for index in range(1, 12))]
    differing, _, settling, _ = differences_of(earlier, now)
    assert [found["index"] for _, found in settling] == list(range(1, 9))
    assert [found["index"] for _, found in differing] == [9, 10, 11]
    other = [now[0], line(1, 0.4)]
    assert differences_of(earlier[:2], other)[0] == [(earlier[1], other[1])]
