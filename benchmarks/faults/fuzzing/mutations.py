"""Ways to spoil a file: byte by byte, and knowing what the bytes mean."""

from __future__ import annotations

import json
import pickletools
import random
import struct
import zipfile
from collections.abc import Callable
from copy import deepcopy
from io import BytesIO
from typing import Any

DIGITS = "9" * 5000
DEEP = 3000  # levels

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 3.5, -0.0, 10**9, 2**31, 2**63, 2**64, 10**30, -(10**18)),
    *(1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf")),
    *("", " ", "C3", "x" * 100_000, "\x1b[31mred", "a\x00b", "a\nb", "\u202eevil", "\ud800"),
    *("<b>x</b>", "<img src=file:///etc/passwd>", "../../../etc/passwd", "/etc/passwd", "C:\\NUL"),
    *("nan", "1e999", "%s%n", "{0.__class__}", "${HOME}", "__import__('os').system('true')"),
    *([], {}, [[]], [None], ["C3", "C3"], ["C3"] * 5000, [0] * 20_000, {"a": 1}, {"": {}}),
)
"""Values that are rarely expected, each the like of one that has broken a reader somewhere."""


def bytewise(data: bytes, draw: random.Random) -> bytes:
    """Flip, set, cut, repeat, insert and clear bytes."""
    array = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16, 64))):
        if not array:
            break
        # Headers are at the front and, in archives, at the back: look there most of the time.
        near = min(len(array), draw.choice((16, 256, 4096, len(array))))
        index = (
            draw.randrange(near) if draw.random() < 0.7 else len(array) - 1 - draw.randrange(near)
        )
        length = draw.choice((1, 2, 4, 8, 64, 1024))
        match draw.randrange(8):
            case 0:
                array[index] ^= 1 << draw.randrange(8)
            case 1:
                array[index] = draw.choice((0, 1, 0x7F, 0x80, 0xFF, 34, 91, 123))
            case 2:
                del array[index : index + length]
            case 3:
                array[index:index] = array[index : index + length]
            case 4:
                array[index:index] = draw.randbytes(length)
            case 5:
                array[index : index + length] = bytes(min(length, len(array) - index))
            case 6:
                number = draw.choice((0, 1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1))
                array[index : index + 8] = struct.pack("<Q", number)
            case 7:
                del array[index:]
    return bytes(array)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every (container, key) of a tree of lists and tables."""
    places, left = [], [tree]
    while left:
        node = left.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in list(keys)[:400]:
            places.append((node, key))
            if isinstance(node[key], dict | list):
                left.append(node[key])
    return places


def spoil_tree(tree: Any, draw: random.Random) -> Any:
    """Change some values of a tree of lists and tables, in place; return it."""
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        places = _places(tree) if isinstance(tree, dict | list) else []
        if not places:
            return deepcopy(draw.choice(ODD))
        node, key = draw.choice(places)
        value = node[key]
        match draw.randrange(9):
            case 0 | 1 | 2:
                node[key] = deepcopy(draw.choice(ODD))  # or it would come to hold itself
            case 3:
                del node[key]
            case 4:
                node[key] = [value]
            case 5 if isinstance(value, int | float) and abs(value) < 1e300:
                node[key] = value * draw.choice((-1, 0, 0.5, 2, 1e3, 10**6, 10**12, 1e300))
            case 5:
                node[key] = str(value)
            case 6 if isinstance(value, list):
                value.extend(value[: draw.choice((1, 100))])
            case 6 if isinstance(value, str) and len(value) < 1000:  # spoiled once at most
                node[key] = value * draw.choice((0, 2, 1000))
            case 7 if isinstance(node, dict):
                node[draw.choice(("extra", "", "__class__", "x" * 1000, key + " "))] = deepcopy(
                    value
                )
            case 8:
                other, place = draw.choice(places)
                if isinstance(other, list) or place in other:
                    node[key] = json.loads(json.dumps(other[place], default=str)) if other else 0
    return tree


def as_text(tree: Any, draw: random.Random) -> str:
    """Write a tree as JSON, at times with what no tree can hold."""
    text = json.dumps(tree, ensure_ascii=draw.random() < 0.5, default=str)
    if draw.random() < 0.1 and (numbers := [i for i, c in enumerate(text) if c.isdigit()]):
        index = draw.choice(numbers)
        odd = (DIGITS, "1e400", "-", "0x10", "NaN", "[" * DEEP, '{"a":' * DEEP, "1" * 4300)
        text = text[:index] + draw.choice(odd) + text[index + 1 :]
    return text


def spoil_tensors(data: bytes, key: str | None, draw: random.Random) -> bytes:
    """Spoil a safetensors file: its own header, the table under a key, or its numbers.

    Parameters
    ----------
    data : bytes
    key : str or None
        Of the JSON table among its metadata.
    draw : random.Random
    """
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), bytearray(data[8 + length :])
    names = [name for name in header if name != "__metadata__"]
    match draw.randrange(8):
        case 0 | 1 | 2 | 3 if key is not None:
            table = spoil_tree(json.loads(header["__metadata__"][key]), draw)
            header["__metadata__"][key] = as_text(table, draw)
        case 4:
            spoil_tree(header, draw)
        case 5:
            entry = header[draw.choice(names)]
            size = entry["data_offsets"][1] - entry["data_offsets"][0]
            kinds = {"U8": 1, "I8": 1, "BOOL": 1, "F8_E4M3": 1, "F16": 2, "BF16": 2, "I32": 4}
            kinds |= {"F32": 4, "F64": 8, "I64": 8, "U64": 8, "C64": 8, "F4": 1, "F8_E8M0": 1}
            entry["dtype"] = draw.choice(list(kinds))
            count = size // kinds[entry["dtype"]]
            shapes = ([count], [1, count], [count, 1], [count, 1, 1], [2, count // 2], [0, 2**40])
            entry["shape"] = draw.choice(shapes)
        case 6:
            entry = header[draw.choice(names)]
            first, last = entry["data_offsets"]
            value = draw.choice((0.0, -1.0, float("nan"), float("inf"), 1e308, 5e-324, -1e30))
            if entry["dtype"] in ("F64", "F32") and last > first:
                form = "<d" if entry["dtype"] == "F64" else "<f"
                width = struct.calcsize(form)
                packed = (
                    struct.pack("<d", value) if width == 8 else struct.pack("<f", _single(value))
                )
                start = first + draw.randrange((last - first) // width) * width
                every = draw.random() < 0.3
                body[first if every else start : last if every else start + width] = packed * (
                    (last - first) // width if every else 1
                )
            elif last > first:
                body[first:last] = draw.randbytes(last - first)
        case _:
            names = draw.sample(names, min(2, len(names)))
            header[names[0]], header[names[-1]] = header[names[-1]], header.pop(names[0])
    text = json.dumps(header).encode(errors="replace")
    announced = len(text) if draw.random() < 0.95 else draw.choice((0, 2**32, 2**63, len(text) - 1))
    return struct.pack("<Q", announced) + text + bytes(body)


def _single(value: float) -> float:
    return max(min(value, 3e38), -3e38) if abs(value) < float("inf") else value


_GLOBALS = (
    *("os system", "builtins eval", "builtins exec", "posix mkdir", "subprocess Popen"),
    *("torch._utils _rebuild_sparse_tensor", "torch._utils _rebuild_meta_tensor_no_storage"),
    *("torch._utils _rebuild_qtensor", "torch._utils _rebuild_parameter", "torch device"),
    *("torch DoubleStorage", "torch HalfStorage", "torch Size", "collections Counter"),
    *("builtins bytearray", "builtins set", "_codecs encode", "torch.storage UntypedStorage"),
)


def _spoil_pickle(data: bytes, draw: random.Random) -> bytes:
    """Change numbers, names and calls of a pickle, so that it stays one."""
    opcodes = list(pickletools.genops(data))
    spans = [
        (code, argument, start, following[2] if following else len(data))
        for (code, argument, start), following in zip(opcodes, [*opcodes[1:], None], strict=True)
    ]
    kinds = draw.choice((("BININT1", "BININT2", "BININT"), ("GLOBAL",), ("BINUNICODE",), None))
    wanted = [span for span in spans if kinds is None or span[0].name in kinds]
    code, argument, start, end = draw.choice(wanted or spans)
    if code.name.startswith("BININT"):
        number = draw.choice((0, 1, argument * 2, argument + 1, 2**31 - 1, -1, 10**6, 2**30))
        new = b"J" + struct.pack("<i", max(min(number, 2**31 - 1), -(2**31)))
    elif code.name == "GLOBAL":
        module, name = draw.choice(_GLOBALS).split()
        new = f"c{module}\n{name}\n".encode()
    elif code.name == "BINUNICODE":
        text = str(draw.choice(("", "cpu", "cuda:0", "meta", "../x", "x" * 100_000, "0"))).encode()
        new = b"X" + struct.pack("<I", len(text)) + text
    else:
        calls = (b"R", b"0", b"2", b")", b"}", b"N", b"\x88", b"(", b"t", b"\x85", b"b", b"Q")
        new = draw.choice(calls)
    return data[:start] + new + data[end:]


def spoil_archive(data: bytes, draw: random.Random) -> bytes:
    """Spoil what torch saved: an archive with a pickle and the bytes of every tensor."""
    made = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old:
        entries = [(entry.filename, old.read(entry)) for entry in old.infolist()]
    victim = draw.randrange(len(entries))
    action: Callable[[bytes], bytes | None] = draw.choice(
        (
            lambda content: content[: draw.randrange(len(content) + 1)],
            lambda content: content + draw.randbytes(100),
            lambda content: bytewise(content, draw),
            lambda content: None,
        )
    )
    on_pickle = draw.random() < 0.7
    packing = zipfile.ZIP_DEFLATED if draw.random() < 0.05 else zipfile.ZIP_STORED
    with zipfile.ZipFile(made, "w", packing) as new:
        for index, (name, content) in enumerate(entries):
            changed: bytes | None = content
            if on_pickle and name.endswith("data.pkl"):
                changed = _spoil_pickle(content, draw)
            elif not on_pickle and index == victim:
                changed = action(content)
            if changed is not None:
                new.writestr(name, changed)
    return made.getvalue()


def spoil_yaml(text: str, draw: random.Random) -> bytes:
    """Spoil settings: their tree, or the text with what YAML can do and settings never need."""
    import yaml

    if draw.random() < 0.5:
        tree = spoil_tree(yaml.safe_load(text), draw)
        written = yaml.safe_dump(tree, sort_keys=False, allow_unicode=draw.random() < 0.5)
        return written.encode(errors="replace")
    lines = text.splitlines()
    index = draw.randrange(len(lines))
    name, _, _ = lines[index].partition(":")
    tricks = (
        f"{name}: &a [x, x]",
        f"{name}: *a",
        f"{name}: !!python/object/apply:os.system [true]",
        f"{name}: !!binary aGVsbG8=",
        f"<<: {{{name}: 1}}",
        f"{name}: 0x{'f' * 20_000}",
        f"{name}: {DIGITS}",
        f"{name}: 0b{'1' * 30_000}",
        f"{name}: " + "1:" * 2000 + "1",
        f"{name}: " + "[" * DEEP,
        f"{name}: " + "{a: " * 20 + "1" + "}" * 20,
        f"{name}: 2024-02-30T99:99:99Z",
        f"{name}: .inf",
        f"{name}: |\n  {'y' * 5000}",
        f"{'n' * 30_000}: 1",
        f"? {name}\n: 1",
        f"{name}: 'unfinished",
        f"{name}: \x07",
        f"\t{name}: 1",
        f"--- {name}",
        "%YAML 9.9",
        "#" + "c" * draw.choice((10, 70_000)),
        f"{name}: [" + "1, " * 9000 + "1]",
        f"{name}: {{{', '.join(f'k{i}: {i}' for i in range(3000))}}}",
        f"{name}: 1_000_000.5e+400",
        f"{name}: 190:20:30.15",
        f"{draw.choice((1, 'null', '~', 'true', '1.5', '[1, 2]'))}: 1",
    )
    lines[index] = draw.choice(tricks)
    written = "\n".join(lines).encode(errors="replace")
    return bytewise(written, draw) if draw.random() < 0.2 else written


def spoil_xml(text: str, draw: random.Random) -> bytes:
    """Spoil the description of a stream."""
    values = (
        *("", "0", "-1", "1e308", "nan", "inf", "99999999999999999999", "abc", "2147483647"),
        *(
            "x" * 200_000,
            "<b>x</b>",
            "&#27;[31m",
            "&lt;img src=x&gt;",
            "\x01\x02",
            "\u202e",
            "\ufeff",
        ),
        *("<channel>" * 2000, "]]>", "<!-- ", "<![CDATA[x]]>", "&amp;" * 5000, "µV", "../../x"),
    )
    for _ in range(draw.choice((1, 1, 2, 4))):
        opened = [
            i for i, c in enumerate(text) if c == ">" and text[i + 1 : i + 2] not in ("", "<")
        ]
        if not opened:
            break
        match draw.randrange(6):
            case 0 | 1 | 2:
                start = draw.choice(opened) + 1
                end = text.find("<", start)
                text = text[:start] + draw.choice(values) + text[end:]
            case 3:
                start = draw.choice([i for i, c in enumerate(text) if c == "<"])
                end = text.find(">", start) + 1
                text = text[:start] + text[end:] * draw.choice((1, 1, 2))
            case 4:
                text = text.replace("<desc>", "<desc>" + "<a>" * draw.choice((1, 50, DEEP)), 1)
            case 5:
                bomb = '<!DOCTYPE a [<!ENTITY b "bbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
                text = text.replace("?>", "?>" + bomb, 1).replace("C3", "&c;", 1)
    written = text.encode(errors="replace")
    return bytewise(written, draw) if draw.random() < 0.3 else written
