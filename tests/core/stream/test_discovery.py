"""Finding streams over loopback."""

import threading
from dataclasses import replace

import pytest

from core.errors import InputError
from core.stream.discovery import StreamQuery, find_stream, heard_streams, list_streams


@pytest.fixture
def visible(until):
    """Wait until so many streams of a name answer; a busy machine's answers come late."""
    return lambda name, count: until(
        lambda: sum(stream.identity.name == name for stream in list_streams()) >= count
    )


def test_stream_is_found_by_its_name(send, name):
    send(name, source_id="amplifier 7")
    found = find_stream(StreamQuery(stream=name))
    assert found.identity.name == name
    assert found.identity.type == "EEG"
    assert found.identity.source_id == "amplifier 7"
    assert found.identity.host
    assert found.identity.uid
    assert (found.rate, found.channel_count, found.format) == (250.0, 2, "float32")
    assert found.is_signal
    assert not found.is_markers


@pytest.mark.slow
def test_stream_is_found_by_its_type_unless_one_has_that_name(send, name):
    send(f"{name}-other", type=name)
    assert find_stream(StreamQuery(stream=name)).identity.name == f"{name}-other"
    send(name, type="EEG")
    assert find_stream(StreamQuery(stream=name)).identity.name == name


@pytest.mark.slow
def test_a_misspelt_stream_is_answered_with_the_one_there_is(send, name, visible):
    send(name.capitalize())
    visible(name.capitalize(), 1)
    with pytest.raises(InputError, match=f'Did you mean "{name.capitalize()}"'):
        find_stream(StreamQuery(stream=name), timeout=0.5)


@pytest.mark.slow
def test_stream_that_starts_later_is_waited_for(send, name):
    starting = threading.Timer(0.5, send, (name,))
    starting.start()
    assert find_stream(StreamQuery(stream=name), timeout=20).identity.name == name
    starting.join()


def test_streams_are_given_as_they_are_heard(send, name):
    send(name)
    heard = heard_streams(wait=600.0)  # nobody waits for the end
    assert any(stream.identity.name == name for stream in heard)
    send(f"{name}-late")
    assert any(stream.identity.name == f"{name}-late" for stream in heard)


@pytest.mark.slow
def test_each_stream_is_given_once(send, name, visible):
    send(name)
    visible(name, 1)
    heard = [stream.identity.name for stream in heard_streams(wait=1.0)]
    assert heard.count(name) == 1


@pytest.mark.slow
@pytest.mark.parametrize("part", ["source_id", "type"])
def test_ambiguous_request_is_refused_with_all_candidates(send, name, part, visible):
    for value in ("left", "right"):
        send(name, **{part: value})
    visible(name, 2)
    with pytest.raises(InputError) as refused:
        find_stream(StreamQuery(stream=name))
    message = str(refused.value)
    found = [stream for stream in list_streams() if stream.identity.name == name]
    assert len(found) == 2
    for stream in found:
        for text in (stream.identity.source_id, stream.identity.type, stream.identity.host):
            assert f'"{text}"' in message
        assert stream.identity.uid in message
    assert f"--{part.replace('_', '-')} can tell them apart" in message
    query = StreamQuery(stream=name, **{part: "right"})
    assert getattr(find_stream(query).identity, part) == "right"


@pytest.mark.slow
def test_a_stream_that_was_seen_without_a_source_id_is_found_beside_one_that_has_one(
    send, name, visible
):
    send(name, source_id="")
    send(name, source_id="right")
    visible(name, 2)
    both = [stream for stream in list_streams() if stream.identity.name == name]
    without = next(stream for stream in both if not stream.identity.source_id)
    for seen in both:
        query = StreamQuery.of(seen.identity)
        assert find_stream(query) == seen
        restarted = replace(seen, identity=replace(seen.identity, uid="another"))
        assert query.among([restarted]) == [restarted]
    assert f'with name "{name}" with type "EEG" without source_id with host' in str(
        StreamQuery.of(without.identity)
    )


@pytest.mark.slow
def test_streams_that_nothing_tells_apart_are_refused(send, name, visible):
    send(name)
    send(name)
    visible(name, 2)
    with pytest.raises(InputError, match="stop all but one"):
        find_stream(StreamQuery(stream=name))
    one = next(stream for stream in list_streams() if stream.identity.name == name)
    assert find_stream(StreamQuery(uid=one.identity.uid)) == one


def test_absent_stream_is_refused_with_what_is_visible(send, name):
    send(f"{name}-there")
    with pytest.raises(InputError) as refused:
        find_stream(StreamQuery(stream=f"{name}-not"), timeout=0.5)
    assert f'"{name}-not"' in str(refused.value)
    assert f'"{name}-there"' in str(refused.value)


@pytest.mark.slow
def test_markers_and_irregular_streams_are_no_signals(send, name):
    send(name, rate=0.0)
    send(name, type="Markers", channels=1, rate=0.0, format="string")
    send(name, type="Log", channels=1, rate=10.0, format="string")
    with pytest.raises(InputError, match="regular rate"):
        find_stream(StreamQuery(stream=name), timeout=0.5)
    found = find_stream(StreamQuery(stream=name), markers=True)
    assert found.identity.type == "Markers"
    assert found.is_markers


def test_search_can_be_cancelled(name):
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(InputError, match="cancelled"):
        find_stream(StreamQuery(stream=name), timeout=3600, cancel=cancel)
