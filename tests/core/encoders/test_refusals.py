"""What `load_encoder` and `load_pretraining` refuse, and in which words."""

import os
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save

import core.encoders
from core.encoders import load_encoder, save_encoder
from core.encoders.eegpt.checkpoint import load_pretraining
from core.errors import InputError

# Strictness


def broken(parts, change):
    state = {name: tensor.clone() for name, tensor in parts.encoder.state_dict().items()}
    change(state)
    return state


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("norm.bias"), r"1 missing \(norm.bias\)\."),
        (
            lambda s: [s.pop(name) for name in list(s) if name.startswith("blocks.0")],
            r"12 missing \(blocks.0.norm1.weight, blocks.0.norm1.bias, blocks.0.\S+ \.\.\.\)",
        ),
        (lambda s: s.update(extra=torch.zeros(1)), r"1 unexpected \(extra\)"),
        (
            lambda s: s.update({"chan_embed.weight": torch.zeros(61, 64)}),
            r"chan_embed.weight \(61, 64\) instead of \(62, 64\)",
        ),
        (
            lambda s: s.update({"norm.bias": torch.zeros(64, dtype=torch.int64)}),
            r"1 not finite real numbers \(norm.bias\)",
        ),
        (
            lambda s: s["norm.bias"].fill_(float("nan")),
            r"1 not finite real numbers \(norm.bias\)",
        ),
        (lambda s: s.pop("summary_token"), "no encoder that this program knows"),
        (
            lambda s: s.update(summary_token=torch.zeros(1, 3, 64)),
            "width 64, 3 summary tokens and 2 blocks, which is not one of",
        ),
        (lambda s: s.clear(), "holds no tensors"),
        (lambda s: s.update(note="hello"), "'note' is no plain tensor"),
        (lambda s: s.update({7: torch.zeros(1)}), "7 is no plain tensor"),
    ],
)
def test_tensors_that_are_not_an_encoders_are_named(tmp_path, parts, change, message):
    torch.save(broken(parts, change), tmp_path / "e.pt")
    with pytest.raises(InputError, match=message):
        load_encoder(tmp_path / "e.pt")


def test_tensors_beside_the_four_parts_are_unexpected(tmp_path, parts):
    state = parts.state_dict() | {"linear_probe1.weight": torch.zeros(16, 256)}
    torch.save({"state_dict": state}, tmp_path / "probe.ckpt")
    with pytest.raises(InputError, match=r"1 unexpected \(linear_probe1.weight\)"):
        load_encoder(tmp_path / "probe.ckpt")


# Files that are none


def test_a_folder_is_no_encoder(tmp_path):
    with pytest.raises(InputError, match="is a folder"):
        load_encoder(tmp_path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.ckpt", b""),
        ("empty.safetensors", b""),
        ("text.ckpt", b"hello, this is no checkpoint"),
        ("text.safetensors", b"hello, this is no checkpoint"),
        ("giant.safetensors", struct.pack("<Q", 2**62) + b"{}"),
        ("giant.ckpt", struct.pack("<Q", 2**33) + b"{}"),
        ("spaces.safetensors", struct.pack("<Q", 5 * 2**20) + b"{" + b" " * 6 * 2**20),
        ("json.safetensors", struct.pack("<Q", 8) + b"{abcdefg"),
        ("nested.safetensors", struct.pack("<Q", 200_000) + b'{"a":' * 40_000),
        ("zip.ckpt", b"PK\x03\x04" + b"\x00" * 100),
    ],
)
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged") as raised:
        load_encoder(path)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match="damaged"):
        load_pretraining(path)


def test_a_giant_header_is_not_even_read(tmp_path):
    path = tmp_path / "e.safetensors"
    content = save({"a": torch.zeros(1)})
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length] + b" " * 5 * 2**20  # the format allows this padding
    path.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])
    assert load_file(path)
    with pytest.raises(InputError, match=f"announces a header of {len(header)} bytes"):
        load_encoder(path)


def test_names_of_tensors_are_shown_as_plain_text(tmp_path):
    path = tmp_path / "odd.safetensors"
    path.write_bytes(save({"\0\x1b[31mummary_token": torch.zeros(1)}))
    with pytest.raises(InputError, match="no encoder that this program knows") as raised:
        load_encoder(path)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_a_truncated_file_is_refused(tmp_path, lightning, share):
    own = save_encoder(load_encoder(), tmp_path / "own.safetensors")
    for path in (lightning, own):
        content = path.read_bytes()
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(InputError, match="damaged"):
            load_encoder(path)


class Armed:
    """Creates a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("place", ["state_dict", "callbacks"])
def test_a_pickle_posing_as_a_checkpoint_does_not_run(tmp_path, parts, zipped, place):
    marker, path = tmp_path / "marker", tmp_path / "armed.ckpt"
    content = {"state_dict": parts.state_dict()} | {place: Armed(marker)}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    for load in (load_encoder, load_pretraining):
        with pytest.raises(InputError, match="could run code") as raised:
            load(path)
        assert "\n" not in str(raised.value)
        if zipped:
            assert "mkdir" in str(raised.value)
    assert not marker.exists()


def test_a_plain_pickle_does_not_run(tmp_path):
    marker, path = tmp_path / "marker", tmp_path / "plain.ckpt"
    path.write_bytes(f"cos\nmkdir\n(V{marker}\ntR.".encode())
    with pytest.raises(InputError, match="could run code"):
        load_encoder(path)
    assert not marker.exists()


def test_harmless_objects_are_refused_too(tmp_path, parts):
    path = tmp_path / "callbacks.ckpt"
    state = {"state_dict": parts.state_dict(), "callbacks": {"best": Path("a.ckpt")}}
    torch.save(state, path)
    with pytest.raises(InputError, match=r"Python objects beside its tensors \(.*pathlib"):
        load_encoder(path)


def test_nothing_in_the_model_reads_pickles():
    folder = Path(core.encoders.__file__).parent
    sources = [file.read_text("utf-8") for file in folder.rglob("*.py")]
    assert sum(text.count("torch.load(") for text in sources) == 1
    assert sum(text.count("weights_only=True") for text in sources) == 1
    assert not any("import pickle" in text or "weights_only=False" in text for text in sources)


# Files that claim more than they hold


def unfolding(path, content):
    """Pack a checkpoint again, compressed: what torch never does, and a bomb would."""
    import zipfile

    torch.save(content, path)
    with zipfile.ZipFile(path) as old:
        entries = [(entry.filename, old.read(entry)) for entry in old.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name, data in entries:
            new.writestr(name, data)


def test_a_compressed_checkpoint_is_refused(tmp_path, parts):
    path = tmp_path / "bomb.ckpt"
    unfolding(path, parts.encoder.state_dict() | {"extra": torch.zeros(10**6)})
    with pytest.raises(InputError, match="cannot be read"):
        load_encoder(path)


def test_an_archive_that_announces_more_than_it_holds_is_not_opened(tmp_path, parts):
    path = tmp_path / "e.ckpt"
    torch.save(parts.encoder.state_dict(), path)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")  # of data.pkl, in the list at the end
    content[entry + 20 : entry + 28] = struct.pack("<II", 2**31, 2**31)  # both of its sizes
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged, or compressed"):
        load_encoder(path)


def test_a_tensor_that_claims_a_terabyte_takes_no_memory(tmp_path, parts):
    state = dict(parts.encoder.state_dict())
    state["norm.bias"] = torch.zeros(1).expand(2**38)  # one number, a terabyte long
    torch.save(state, tmp_path / "e.ckpt")
    with pytest.raises(InputError, match=r"norm.bias \(274877906944,\) instead of \(64,\)"):
        load_encoder(tmp_path / "e.ckpt")


def test_a_storage_that_reaches_beyond_its_file_is_refused(tmp_path, parts):
    import zipfile

    path = tmp_path / "e.ckpt"
    torch.save({"a": torch.zeros(1000)}, path)
    with zipfile.ZipFile(path) as old:
        entries = {entry.filename: old.read(entry) for entry in old.infolist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, data in entries.items():
            if name.endswith("data.pkl"):  # 1000 numbers, and so many bytes, become 50 million
                data = data.replace(
                    struct.pack("<BH", 0x4D, 1000), struct.pack("<Bi", 0x4A, 5 * 10**7)
                )
            new.writestr(name, data)
    with pytest.raises(InputError, match="cannot be read"):
        load_encoder(path)


@pytest.mark.parametrize(
    "odd",
    [
        lambda zeros: zeros.to("meta"),
        lambda zeros: zeros.to_sparse(),
        lambda zeros: torch.quantize_per_tensor(zeros, 1.0, 0, torch.qint8),
        lambda zeros: zeros.to(torch.float8_e4m3fn),
        lambda zeros: zeros.to(torch.complex64),
    ],
    ids=["meta", "sparse", "quantized", "float8", "complex"],
)
@pytest.mark.filterwarnings("ignore")  # quantised tensors are on their way out of torch
def test_unusual_kinds_of_tensors_are_refused(tmp_path, parts, odd):
    state = dict(parts.encoder.state_dict()) | {"norm.bias": odd(torch.zeros(64))}
    torch.save(state, tmp_path / "e.ckpt")
    with pytest.raises(InputError, match=r"norm\.bias|cannot be read"):
        load_encoder(tmp_path / "e.ckpt")
