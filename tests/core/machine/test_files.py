import os
import shutil

import pytest

from core.errors import InputError, one_line
from core.machine.files import (
    bytes_free,
    check_new_file,
    linked,
    new_file,
    new_text_file,
    open_regular,
    read_regular,
    sha256_of,
    there_already,
    write_whole,
)

POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions and links")


def test_what_is_there_of_a_path_is_told_even_where_it_may_not_be_looked_at(tmp_path):
    assert there_already(tmp_path) == tmp_path
    assert there_already(tmp_path / "new" / "folder") == tmp_path
    assert there_already(tmp_path / ("a" * 300) / "b") == tmp_path  # where Path.exists raises


def test_a_new_file_has_the_ending_that_says_what_it_is(tmp_path):
    path = check_new_file(tmp_path / "new" / "a.safetensors", "--out", ".safetensors")
    assert not path.parent.exists()
    with pytest.raises(InputError, match=r'^--out .*a\.pt must have .* ends in "\.safetensors"\.$'):
        check_new_file(tmp_path / "a.pt", "--out", ".safetensors")


def test_free_space_is_that_of_the_folder_to_be(tmp_path):
    assert 0 < bytes_free(tmp_path / "not" / "yet") <= shutil.disk_usage(tmp_path).total


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
    assert one_line(said) == line


def mode(path):
    return path.stat().st_mode & 0o777


@POSIX
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o277])
def test_files_and_folders_are_for_their_owner_alone(tmp_path, umask):
    before = os.umask(umask)
    try:
        path = write_whole(tmp_path / "one.bin", b"")
        text = tmp_path / "two.log"
        with new_text_file(text) as file:
            file.write("m\udcff\n")
    finally:
        os.umask(before)
    assert mode(path) == mode(text) == 0o600 & ~umask
    assert text.read_bytes() == b"m\\udcff\n"


@POSIX
def test_new_folders_are_for_their_owner_alone_and_old_ones_stay(tmp_path):
    old = tmp_path / "old"
    old.mkdir(0o755)
    write_whole(old / "new" / "newer" / "one.bin", b"")
    assert [mode(old), mode(old / "new"), mode(old / "new" / "newer")] == [0o755, 0o700, 0o700]
    write_whole(old / "ours" / "one.bin", b"", shared=True)
    assert mode(old / "ours" / "one.bin") & 0o044 == 0o044
    assert mode(old / "ours") & 0o055 == 0o055


@POSIX
def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    path = write_whole(tmp_path / "one.bin", b"first")
    path.chmod(0o640)
    write_whole(path, b"second", overwrite=True)
    assert mode(path) == 0o640


@POSIX
def test_no_link_is_followed(tmp_path):
    victim, link = tmp_path / "victim", tmp_path / "link"
    link.symlink_to(victim)
    with pytest.raises(InputError, match="exists already"):
        write_whole(link, b"mine")
    for begin in (new_file, new_text_file):
        with pytest.raises(FileExistsError):
            begin(link)
    assert not victim.exists()
    victim.write_bytes(b"theirs")
    with pytest.raises(OSError, match="symbolic links"):
        open_regular(link, write=True, follow=False)
    write_whole(link, b"mine", overwrite=True)
    assert (victim.read_bytes(), link.read_bytes()) == (b"theirs", b"mine")
    assert not link.is_symlink()


@POSIX
def test_a_file_system_without_links_overwrites_nothing_either(tmp_path, monkeypatch):
    path = tmp_path / "one.bin"

    def meanwhile(source, target):
        path.write_bytes(b"the other's")
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", meanwhile)
    with pytest.raises(InputError, match="File exists"):
        write_whole(path, b"mine")
    assert path.read_bytes() == b"the other's"


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "a\nb"], ids=["255", "bytes", "line"])
@POSIX
def test_any_name_that_the_system_takes_will_do(tmp_path, name):
    path = write_whole(tmp_path / name, b"first")
    assert write_whole(path, b"second", overwrite=True).read_bytes() == b"second"
    assert [file.name for file in tmp_path.iterdir()] == [name]


@POSIX
def test_nothing_but_regular_files_is_opened_and_nobody_waits(tmp_path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (fifo, tmp_path, "/dev/zero"):
        with pytest.raises(OSError, match=r"no regular file|directory"):
            open_regular(path)
    with pytest.raises(OSError, match=r"no regular file"):
        open_regular(fifo, write=True)


def test_no_more_is_read_than_was_agreed(tmp_path):
    path = write_whole(tmp_path / "one.bin", bytes(10))
    assert read_regular(path, 10) == bytes(10)
    with pytest.raises(OSError, match="larger than 9 bytes"):
        read_regular(path, 9)


@POSIX
def test_what_may_be_elsewhere_is_known(tmp_path):
    root = tmp_path / "root"
    inner = root / "folder"
    inner.mkdir(parents=True)
    (tmp_path / "root-link").symlink_to(root)
    (inner / "plain").write_text("")
    (inner / "link").symlink_to(inner / "plain")
    (inner / "twice").write_text("")
    os.link(inner / "twice", tmp_path / "once-more")
    (root / "behind").symlink_to(inner)
    for name in ("folder/plain", "folder/absent", "absent/absent", "folder"):
        assert linked(root, root / name) is None
        assert linked(tmp_path / "root-link", tmp_path / "root-link" / name) is None
    assert linked(root, inner / "link") == "is a link"
    assert "hard link" in linked(root, inner / "twice")
    assert linked(root, root / "behind" / "plain") == "lies behind the link behind"


def test_the_hash_of_a_folder_is_that_of_all_its_files(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).write_text(name)
    assert sha256_of(tmp_path) == sha256_of(tmp_path / "a", tmp_path / "b")
