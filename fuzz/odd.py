"""JSON that no honest party writes: other types, huge numbers, deep nests, what is missing."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from .blind import spoilt

Random = np.random.Generator

#: Text that ``json.dumps`` would not write, by the string that stands for it.
RAW: dict[str, Callable[[], str]] = {
    "<deep>": lambda: "[" * 100_000 + "]" * 100_000,
    "<deep object>": lambda: '{"a":' * 100_000 + "0" + "}" * 100_000,
    "<unclosed>": lambda: "[" * 100_000,
    "<nearly too deep>": lambda: "[" * 900 + "]" * 900,
    "<long number>": lambda: "9" * 5000,
    "<long enough>": lambda: "9" * 4000,
    "<beyond float>": lambda: "1e999",
    "<infinity>": lambda: "-Infinity",
    "<nan>": lambda: "NaN",
    "<many>": lambda: "[" + "0," * 99_999 + "0]",
    "<many empty>": lambda: "[" + "[]," * 49_999 + "[]]",
    "<long text>": lambda: '"' + "x" * 1_000_000 + '"',
    "<bomb>": lambda: json.dumps(bomb(1 << 28)),
    "<lone half>": lambda: '"\\ud800"',
}
VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 3, 255, 1024, 65536, 131072, 1 << 20, 2**31, 2**32, 2**53 + 1,
    2**63, 2**64, -(2**63), 10**12, 10**30, 0.0, -0.0, 0.5, -1.5, 1e18, 1e200, 1.7e308, 5e-324,
    "", "x", "0x0", "ff" * 300, "-0x5", "é", [], {}, [0], [None], [[[]]], {"a": 0}, ["public"],
    "CKKS",
)  # fmt: skip


@cache
def bomb(size: int) -> str:
    """So many zeros, compressed, as text."""
    packer, out = zlib.compressobj(9), bytearray()
    for _ in range(size >> 20):
        out += packer.compress(bytes(1 << 20))
    return base64.b64encode(bytes(out) + packer.flush()).decode()


def written(tree: Any) -> str:
    """JSON, with what only a liar writes put in."""
    text = json.dumps(tree)
    for name, make in RAW.items():
        if (marked := json.dumps(name)) in text:
            text = text.replace(marked, make())
    return text


def changed(random: Random, tree: Any) -> tuple[Any, str]:
    """A copy with one thing changed, somewhere inside, and where and how in words."""
    if isinstance(tree, str) and (inner := _json(tree)) is not None:
        new, what = changed(random, inner)
        return written(new), f"in text, {what}"
    if isinstance(tree, str) and (data := _unpacked(tree)) is not None and random.random() < 0.7:
        new, way = spoilt(random, data, bytes(64))
        return base64.b64encode(zlib.compress(new)).decode(), f"unpacked, {way}"
    if isinstance(tree, dict | list) and tree and random.random() < 0.8:
        key: Any = list(tree if isinstance(tree, dict) else range(len(tree)))
        key = key[random.integers(len(key))]
        if random.random() < 0.2:
            return _rearranged(random, tree, key)
        new, what = changed(random, tree[key])
        copy: Any = tree.copy()
        copy[key] = new
        return copy, f"[{key!r}] {what}"
    return replaced(random, tree)


def _json(text: str) -> Any:
    """What an object in a text holds; None for other text."""
    if not text.startswith("{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _unpacked(text: str) -> bytes | None:
    """An array that is compressed in a text; None for other text."""
    if not text.startswith("eJ"):
        return None
    try:
        return zlib.decompressobj().decompress(base64.b64decode(text), 1 << 20)
    except (ValueError, zlib.error):
        return None


def _rearranged(random: Random, tree: Any, key: Any) -> tuple[Any, str]:
    """Something of a list or object left out, doubled, or in another's place."""
    copy = tree.copy()
    way = ("left out", "twice", "elsewhere")[random.integers(3)]
    if way == "left out":
        del copy[key]
    elif way == "twice" and isinstance(tree, list):
        copy = copy * int(random.choice([2, 3, 1000])) if len(copy) < 99 else copy + copy
    elif way == "twice":
        copy[f"{key} too"] = copy[key]
    else:
        keys = list(tree if isinstance(tree, dict) else range(len(tree)))
        other = keys[random.integers(len(keys))]
        copy[key], copy[other] = copy[other], copy[key]
    return copy, f"[{key!r}] {way}"


def replaced(random: Random, value: Any) -> tuple[Any, str]:
    """Another value: any odd one, or one that is near."""
    choice = random.random()
    if choice < 0.15:
        names = list(RAW)
        new: Any = names[random.integers(len(names))]
    elif choice < 0.5:
        new = VALUES[random.integers(len(VALUES))]
    else:
        new = near(random, value)
    return new, f"= {_short(new)}"


def near(random: Random, value: Any) -> Any:
    """A value of nearly the same kind."""
    if isinstance(value, bool) or value is None:
        return random.choice([0, 1]).item() if value is None else not value
    if isinstance(value, int):
        small = float(value) if abs(value) < 1 << 1000 else 0.0
        ways: list[Any] = [value + 1, value - 1, 2 * value, -value, value << 32, small]
        ways += [f"{value:x}", [value], value % 7 << 3000, value // 2, 10 * value]
    elif isinstance(value, float):
        whole = int(value) if abs(value) < 1e300 else 0
        ways = [2 * value, value * (1 + 1e-9), -value, whole, value * 2.0**30, value / 2**30]
        ways += [str(value), [value], value + 1]
    elif isinstance(value, str):
        data, _ = spoilt(random, value[:100_000].encode(), b"donor")
        ways = [data.decode(errors="replace"), value + "x", value[:-1], value.upper(), [value]]
    elif isinstance(value, list):
        ways = [value[::-1], value[:-1], [*value, 0], [value], dict.fromkeys(map(str, value), 0)]
    else:
        ways = [list(value), list(value.values()), {**value, "more": 0}, [value], {}]
    return ways[random.integers(len(ways))]


def _short(value: Any) -> str:
    large = isinstance(value, int) and abs(value) >= 1 << 200
    text = f"a number of {value.bit_length()} bits" if large else repr(value)[:61]
    return text if len(text) < 61 else text[:57] + "…"
