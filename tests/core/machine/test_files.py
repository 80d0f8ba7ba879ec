import os

import pytest

from core.errors import InputError, reason
from core.machine.files import write_whole


def test_a_file_is_written_with_the_folders_it_needs(tmp_path):
    path = tmp_path / "new" / "folder" / "one.bin"
    assert write_whole(path, b"content") == path
    assert path.read_bytes() == b"content"
    assert [file.name for file in path.parent.iterdir()] == ["one.bin"]


def test_nothing_is_overwritten_unless_asked(tmp_path):
    path = write_whole(tmp_path / "one.bin", b"first")
    with pytest.raises(InputError, match="exists already"):
        write_whole(path, b"second")
    assert path.read_bytes() == b"first"
    write_whole(path, b"second", overwrite=True)
    assert path.read_bytes() == b"second"


def test_a_name_that_another_process_takes_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "one.bin"
    real = os.fsync

    def meanwhile(number):
        real(number)
        path.write_bytes(b"the other's")

    monkeypatch.setattr(os, "fsync", meanwhile)
    with pytest.raises(InputError, match="cannot be written: File exists"):
        write_whole(path, b"mine")
    assert path.read_bytes() == b"the other's"
    assert [file.name for file in tmp_path.iterdir()] == ["one.bin"]


def test_a_file_system_without_links_is_good_enough(tmp_path, monkeypatch):
    def refuse(source, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    path = write_whole(tmp_path / "one.bin", b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("name", ["file/one.bin", "x" * 300])
def test_a_place_that_cannot_be_ends_in_a_sentence(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_whole(tmp_path / name, b"")


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError(), "ValueError"),
        ("", ""),
        ("\x1b[31mred\x00", "[31mred"),
        ("x" * 1000, "x" * 199 + "…"),
        ([16**5000], "a value too large to be written"),
    ],
    ids=["lines", "nothing", "empty", "controls", "long", "large"],
)
def test_a_reason_is_one_printable_line(said, line):
    assert reason(said) == line
