import json
import os
import struct

import numpy as np
import pytest
from safetensors.numpy import save

from core.errors import InputError
from core.tensor_file import DamagedError, TensorFormat, number, read_tensors, text, texts, whole

KIND = TensorFormat("a-kind", 3, "thing", largest=10_000, again="Make it again")
TENSORS = {"a": np.arange(6.0).reshape(2, 3), "b": np.array([1], dtype=np.int64)}


def test_what_is_saved_is_read_again(tmp_path):
    path = KIND.save(tmp_path / "one", {"words": "µ", "list": [1, 2.5]}, TENSORS)
    table, tensors = KIND.read(path)
    assert table == {"format": "a-kind", "version": 3, "words": "µ", "list": [1, 2.5]}
    assert tensors.keys() == TENSORS.keys()
    for name, value in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], value)
    assert KIND.read(path, tensors=False) == (table, {})
    assert KIND.named_by(path)


def written(path, text, tensors=TENSORS):
    path.write_bytes(save(tensors, metadata={"a-kind": text}))
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"format": "a-kind", "version": 4}', "is a thing of format version 4; this program"),
        ('{"format": "a-kind"}', "version None; this program reads version 3. Make it again, or"),
        ('{"format": "a-kind", "version": "\\u001b[31m"}', r"version \[31m; this"),
        ('{"format": "other", "version": 3}', "does not describe a thing"),
        ("[]", "does not describe a thing"),
        ("{", "is not JSON"),
        ("[" * 1500, "is not JSON"),
        ('{"version": ' + "9" * 5000 + "}", "is not JSON"),
    ],
)
def test_tables_that_are_none_are_refused_by_name(tmp_path, content, said):
    with pytest.raises(InputError, match=said) as refused:
        KIND.read(written(tmp_path / "one", content))
    assert str(refused.value).isprintable()


def test_other_files_are_refused(tmp_path):
    one = tmp_path / "one"
    with pytest.raises(InputError, match="There is no thing at"):
        KIND.read(one)
    with pytest.raises(InputError, match="There is no thing at"):
        KIND.read(tmp_path / ("x" * 300))
    one.write_bytes(bytes(10_001))
    with pytest.raises(InputError, match="too large to be a thing"):
        KIND.read(one)
    one.write_bytes(save(TENSORS))
    with pytest.raises(InputError, match="is a safetensors file, but not a thing"):
        KIND.read(one)
    assert not KIND.named_by(one)
    assert not KIND.named_by(tmp_path)


def framed(header, body=b"", announced=None):
    """A safetensors file by hand."""
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head) if announced is None else announced) + head + body


@pytest.mark.parametrize(
    "content",
    [
        framed({}, announced=2**32),
        framed({}, announced=2**63),
        framed({"a": {"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}}, bytes(4)),
        framed({"a": {"dtype": "F32", "shape": [2**62, 4], "data_offsets": [0, 4]}}, bytes(4)),
        framed({"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}, bytes(4)),
        framed({"a": {"dtype": "F32", "shape": [1], "data_offsets": [2**60, 2**60 + 4]}}, bytes(4)),
        framed({"a": {"dtype": "O", "shape": [1], "data_offsets": [0, 8]}}, bytes(8)),
        framed({"a": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}, bytes(2)),
        b"",
        b"\x80\x04]\x94.",
    ],
    ids="4GB 2^63 terabyte overflow negative beyond objects bf16 empty pickle".split(),
)
def test_files_that_claim_what_they_do_not_hold_are_refused(tmp_path, content):
    path = tmp_path / "one"
    path.write_bytes(content)
    with pytest.raises(DamagedError) as refused:
        read_tensors(path, "np")
    assert str(refused.value).isprintable()


def test_a_header_of_4_gb_is_not_even_read(tmp_path):
    path = tmp_path / "one"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 2**32))
        os.truncate(file.fileno(), 2**32 + 8)  # with a hole: it takes no room
    with pytest.raises(DamagedError, match=f"announces a header of {2**32} bytes"):
        read_tensors(path, "np")


@pytest.mark.parametrize("found", ["C3", [], ["C3", "C3"], [1], ["a\nb"], ["x" * 129], None, {}])
def test_lists_of_names(found):
    assert texts(["C3", "C4"]) == ("C3", "C4")
    with pytest.raises(ValueError, match=r"different names|plain text"):
        texts(found)


def test_texts_and_numbers():
    assert text("µ <b>") == "µ <b>"
    assert number(3, 0.0, 5.0) == 3.0
    assert whole(4.0, 1, 4) == 4
    for bad in ("\x1b[31m", "\u202e", None, 3):
        with pytest.raises(ValueError, match="no plain text"):
            text(bad)
    for bad in (float("nan"), float("inf"), -1, 10**400, True, "3", None, [3]):
        with pytest.raises(ValueError, match="belongs"):
            number(bad, 0.0, 5.0)
    for bad in (2.5, float("nan"), 10**30, "2"):
        with pytest.raises(ValueError, match="belongs"):
            whole(bad, 1, 4)
