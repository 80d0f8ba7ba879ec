import os
from typing import Annotated

import pytest
from pydantic import Field

from core.errors import InputError
from core.settings import Settings, as_yaml, load_settings


class Inner(Settings):
    height: Annotated[float, Field(ge=0.0, le=2.0)] = 1.0


class Outer(Settings):
    count: Annotated[int, Field(ge=1, le=9)] = 3
    many: Annotated[int, Field(ge=1, le=2**20)] = 3
    loud: bool = True
    name: str = "one"
    inner: Inner = Inner()


@pytest.fixture
def write(tmp_path):
    def put(text, mode="w"):
        path = tmp_path / "settings.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return put


def refusal(*given, **changes):
    with pytest.raises(InputError) as caught:
        load_settings(Outer, *given, changes)
    return str(caught.value)


def test_defaults_then_file_then_changes(write):
    path = write("count: 4\nname: two\ninner:\n  height: 2\n")
    assert load_settings(Outer) == Outer()
    loaded = load_settings(Outer, path, {"name": "three", "loud": None})
    assert loaded == Outer(count=4, name="three", inner=Inner(height=2.0))


def test_what_is_written_is_read_again(write):
    settings = Outer(count=9, loud=False, name="µ: # yes", inner=Inner(height=0.1))
    assert load_settings(Outer, write(as_yaml(settings))) == settings


def test_empty_file_changes_nothing(write):
    assert load_settings(Outer, write("# only a remark\n")) == Outer()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cuont": 4}, '"cuont" is no setting; did you mean "count"?'),
        ({"qqq": 4}, '"qqq" is no setting; known are count, many, loud, name, inner.'),
        ({"inner": {"heigth": 1.0}}, '"inner.heigth" is no setting; did you mean "height"?'),
        ({"count": 12}, "count is 12; a whole number from 1 to 9 was expected."),
        ({"many": -3}, "many is -3; a whole number from 1 to 1048576 was expected."),
        ({"count": "4"}, 'count is "4"; a whole number from 1 to 9 was expected.'),
        ({"count": True}, "count is True; a whole number from 1 to 9 was expected."),
        ({"inner": {"height": 3}}, "inner.height is 3; a number from 0 to 2 was expected."),
        ({"inner": {"height": float("nan")}}, "inner.height is nan; a number from 0 to 2"),
        ({"inner": 4}, "inner is 4;"),
        ({"loud": "yes"}, 'loud is "yes"; true or false was expected.'),
        ({"name": "x" * 200, "count": 0}, "count is 0;"),
    ],
)
def test_each_mistake_is_one_sentence(changes, words):
    assert refusal(None, **changes).startswith(words)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("count: &a 4\nname: *a\n", "line 1: an anchor is not allowed"),
        ("name: !!python/object:os.system x\n", "line 1: a tag is not allowed"),
        ("count: 4\nname: a\ncount: 5\n", 'says "count" more than once'),
        ("- 1\n- 2\n", "holds no settings"),
        ("just words\n", "holds no settings"),
        ("count: [4\n", "line 2: this is not YAML"),
        ("[" * 20_000, "line 1: nesting this deep is not allowed"),
        (
            'count: 4\nname: "\\ud800"\n',
            "line 2: a lone surrogate (invalid Unicode) is not",
        ),
        (b"\xff\xfe\x00", "is not text in UTF-8"),
        (b"name: \x00\n", "is not YAML"),
        ("? [1, 2]\n: 3\n", "is not YAML"),
        ("#" * 70_000, "larger than 64 KiB"),
        ("name: 2024-99-99\n", "is not YAML"),
        (f"name: [{'1, ' * 9000}1]\n", "holds thousands of values"),
        (f"name: 0x{'f' * 20_000}\n", "name is a value too large to be written; "),
        (f"count: 0x{'f' * 20_000}\n", "count is a value too large to be written; "),
        ('"\\e[31m": 4\n', '"[31m" is no setting'),
        (f"{'n' * 900}: 4\n", "is no setting"),
        (f"{'n' * 30_000}: 4\n", "this is not YAML"),
    ],
)
def test_files_that_are_no_settings_are_refused(write, text, words):
    path = write(text)
    said = refusal(path)
    assert said.startswith(str(path))
    assert words in said
    assert said.isprintable()
    assert len(said) < 400 + len(str(path))


def test_a_mistake_in_a_file_names_the_file(write):
    path = write("cuont: 4\n")
    assert refusal(path) == f'{path}: "cuont" is no setting; did you mean "count"?'


def test_missing_file_is_said(tmp_path):
    assert "No such file" in refusal(tmp_path / "none.yaml")


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValueError, match="frozen"):
        Outer().count = 4


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs FIFOs")
def test_a_fifo_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    assert "no regular file" in refusal(tmp_path / "fifo")
    assert "cannot be read" in refusal(tmp_path)
