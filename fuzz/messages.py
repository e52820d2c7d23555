"""The wire format as an attacker knows it: taken apart without trust, and sealed again.

Whoever changes a message can compute its checksum anew. Messages hold others, JSON, and text that
is JSON; all of it is reached.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from helib_py.batch import sealed
from helib_py.wire import MAGIC

from . import odd
from .blind import span, spoilt

Random = np.random.Generator
_CHECK = 16
_MANY = 5000  #: empty payloads


@dataclass(frozen=True)
class Message:
    """Header and payloads. ``framed``: a batch, whose residues follow the message (payload 2)."""

    header: dict[str, Any]
    payloads: tuple[bytes, ...]
    framed: bool = False

    def sealed(self, lie: dict[str, Any] | None = None) -> bytes:
        """Whole bytes, checksums and all; ``lie``: of the header, over what would be right."""
        payloads = self.payloads
        if self.framed:
            payloads = (_sums(*payloads), *payloads[1:])
        inside = payloads[:1] if self.framed else payloads
        sizes = [len(p) for p in inside]
        kind = {name: v for name, v in self.header.items() if name == "kind"}
        label = odd.written({**kind, "sizes": sizes, **self.header, **(lie or {})})
        text = label.encode(errors="surrogatepass")
        body = b"".join([MAGIC, struct.pack("<I", len(text)), text, *inside])
        whole = body + hashlib.sha256(body).digest()[:_CHECK]
        if not self.framed:
            return whole
        start = struct.pack("<Q", len(whole)) + whole + bytes(-len(whole) % 8)
        return start + b"".join(payloads[1:])


def opened(data: bytes) -> Message | None:
    """A message out of bytes that are nearly honest; None for what is none."""
    try:
        return _opened(data)
    except (ValueError, LookupError, AttributeError, TypeError, struct.error, RecursionError):
        return None


def _opened(data: bytes) -> Message | None:
    if data[8:].startswith(MAGIC):
        size = struct.unpack_from("<Q", data)[0]
        inner = _opened(data[8 : 8 + size])
        rest = data[8 + size + -size % 8 :]
        return inner and replace(inner, payloads=(*inner.payloads, rest), framed=True)
    if not data.startswith(MAGIC):
        return None
    start = len(MAGIC) + 4
    end = start + struct.unpack_from("<I", data, len(MAGIC))[0]
    header = json.loads(data[start:end])
    cuts = np.cumsum([end, *header.pop("sizes")]).tolist()
    return Message(header, tuple(data[a:b] for a, b in pairwise(cuts)))


def _sums(sums: bytes, residues: bytes = b"", *_: bytes) -> bytes:
    """A batch's sums made anew, if the residues still divide into as many polynomials."""
    count = len(sums) // 8
    if not count or len(residues) % (8 * count):
        return sums
    return np.asarray(sealed._sums(np.frombuffer(residues, "<u8").reshape(count, -1))).tobytes()


def forged(random: Random, data: bytes, donors: Sequence[bytes]) -> tuple[bytes, str]:
    """A message with up to three things changed, sealed again; JSON as text; else spoilt bytes."""
    found, done = opened(data), list[str]()
    if found is None:
        return _other(random, data, donors)
    lie: dict[str, Any] = {}
    for _ in range(int(random.choice([1, 1, 1, 2, 3]))):
        ways = [_header, _header, _header, _payload, _payload, _arranged, _sizes]
        found, what = ways[random.integers(len(ways))](random, found, donors, lie)
        done.append(what)
    return found.sealed(lie), " · ".join(done)


def _other(random: Random, data: bytes, donors: Sequence[bytes]) -> tuple[bytes, str]:
    """What is no message: JSON, or numbers."""
    if (tree := _tree(data)) is not None:
        tree, what = odd.changed(random, tree)
        return odd.written(tree).encode(errors="surrogatepass"), f"JSON{what}"
    return spoilt(random, data, donors[random.integers(len(donors))])


def _tree(data: bytes) -> Any:
    try:
        return json.loads(data) if data.startswith(b"{") else None
    except (ValueError, RecursionError):
        return None


Changed = tuple[Message, str]


def _header(random: Random, m: Message, donors: Sequence[bytes], lie: dict[str, Any]) -> Changed:
    header, what = odd.changed(random, m.header)
    return replace(m, header=header if isinstance(header, dict) else {"kind": header}), what


def _payload(random: Random, m: Message, donors: Sequence[bytes], lie: dict[str, Any]) -> Changed:
    """Inside of one payload; a message in it is sealed again, too."""
    if not m.payloads:
        return replace(m, payloads=(b"x",)), "a payload"
    i = int(random.integers(len(m.payloads)))
    new, what = forged(random, m.payloads[i], donors)
    return replace(m, payloads=(*m.payloads[:i], new, *m.payloads[i + 1 :])), f"payload {i} {what}"


def _arranged(random: Random, m: Message, donors: Sequence[bytes], lie: dict[str, Any]) -> Changed:
    """Payloads left out, doubled, swapped, from another message, or thousands of empty ones."""
    ways = ("left out", "twice", "swapped", "foreign", "emptied", "many empty", "moved edge")
    way, old = ways[random.integers(len(ways))], list(m.payloads)
    if m.framed or not old:
        return _payload(random, m, donors, lie)
    i, j = (int(k) for k in random.integers(len(old), size=2))
    if way == "left out":
        del old[i]
    elif way == "twice":
        old.insert(j, old[i])
    elif way == "swapped":
        old[i], old[j] = old[j], old[i]
    elif way == "foreign":
        other = opened(donors[random.integers(len(donors))])
        old[i] = (other.payloads if other and other.payloads else (b"",))[0]
    elif way == "emptied":
        old[i] = b""
    elif way == "many empty":
        old += [b""] * _MANY
    else:
        whole, (edge, _) = b"".join(old), span(random, sum(map(len, old)) or 1)
        old = [whole[:edge], whole[edge:], *[b""] * (len(old) - 2)]
    return replace(m, payloads=tuple(old)), f"payloads {way}"


def _sizes(random: Random, m: Message, donors: Sequence[bytes], lie: dict[str, Any]) -> Changed:
    sizes, what = odd.changed(random, [len(p) for p in m.payloads])
    lie["sizes"] = sizes
    return m, f"sizes {what}"
