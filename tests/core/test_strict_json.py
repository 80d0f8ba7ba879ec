import pytest

from core.strict_json import load_json, load_object


def test_json_of_any_encoding_of_unicode_is_read():
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32"):
        assert load_json('{"é": [1, {"a": null}]}'.encode(encoding)) == {"é": [1, {"a": None}]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"a": 1, "a": 1}', 'says "a" more than once'),
        ('[{"b": {"a": 1, "c": 2, "a": 3}}]', 'says "a" more than once'),
        ("[" * 100_000, "nested too deeply"),
        ("9" * 5000, "digits"),
        (b"\xff\xfe\xfd", "decode"),
        ("", "Expecting value"),
    ],
)
def test_what_is_no_plain_json_is_refused(content, said):
    with pytest.raises(ValueError, match=said):
        load_json(content)


@pytest.mark.parametrize("content", ["[]", "1", "null", '"a"'])
def test_only_objects_are_objects(content):
    with pytest.raises(ValueError, match="no table of names"):
        load_object(content)
