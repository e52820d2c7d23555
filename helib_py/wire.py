"""Bytes that cross between parties: a label, a header, payloads and a checksum.

Whoever reads them trusts nothing: counts are looked at before work is done for them, and whatever
goes wrong while something is put together again is a BadBytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate, pairwise
from math import isfinite
from typing import Any

from .errors import BadBytes

MAGIC = b"HELIBPY2"
_CHECK = 16
MAX_LABEL = 1 << 24  #: bytes of a header
MAX_PAYLOADS = 1 << 17


def pack(kind: str, header: dict[str, Any], *payloads: bytes) -> bytes:
    """One message; ``header`` must survive JSON."""
    sizes = [len(p) for p in payloads]
    label = json.dumps({"kind": kind, "sizes": sizes, **header}).encode()
    parts = (MAGIC, struct.pack("<I", len(label)), label, *payloads)
    return b"".join([*parts, _checksum(*parts)])


def unpack(kind: str, data: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Header and payloads of a message; BadBytes when it is not whole or of another kind.

    The checksum finds accidents, not attackers: anyone can compute it.

    >>> unpack("note", pack("note", {"n": 1}, b"abc"))[1]
    [b'abc']
    """
    if not isinstance(data, bytes):
        raise BadBytes(f"{type(data).__name__} given: pass the bytes that to_bytes() made")
    if not data.startswith(MAGIC) or len(data) < len(MAGIC) + 4 + _CHECK:
        raise BadBytes(
            f"these {len(data)} bytes are no {kind} of this helib_py: pass to_bytes() output"
        )
    if _checksum(memoryview(data)[:-_CHECK]) != data[-_CHECK:]:
        raise BadBytes(f"these bytes are truncated or altered: ask for the {kind} again")
    start = len(MAGIC) + 4
    end = start + struct.unpack_from("<I", data, len(MAGIC))[0]
    with rebuilding(kind):
        if end - start > MAX_LABEL:
            raise ValueError("its label is too long")
        header = parsed(data[start:end])
        found, sizes = header.pop("kind"), header.pop("sizes")
        if found != kind:
            raise BadBytes(f"these bytes hold something else than a {kind}: check what was sent")
        if len(sizes) > MAX_PAYLOADS or any(type(s) is not int or s < 0 for s in sizes):
            raise ValueError("its sizes are none")
        if end + sum(sizes) + _CHECK != len(data):
            raise ValueError("its sizes do not add up")
    edges = pairwise(accumulate(sizes, initial=end))
    return header, [data[a:b] for a, b in edges]


def parsed(text: str | bytes) -> dict[str, Any]:
    """A JSON object of finite numbers; ValueError or RecursionError for anything else."""
    found = json.loads(text, parse_float=_finite, parse_constant=_finite)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _finite(written: str) -> float:
    number = float(written)
    if not isfinite(number):
        raise ValueError(f"{written} is no finite number")
    return number


def typed(header: Mapping[str, Any], kinds: Mapping[str, type]) -> list[Any]:
    """The named fields of a header, in order; ValueError unless each is exactly of its type."""
    found = [header.get(name) for name in kinds]
    for name, value, kind in zip(kinds, found, kinds.values(), strict=True):
        if type(value) is not kind:
            raise ValueError(f"{name} is no {kind.__name__}")
    return found


@contextmanager
def rebuilding(what: str) -> Iterator[None]:
    """While something is put together from what a stranger wrote: what fails is a BadBytes."""
    try:
        yield
    except _MALFORMED as error:
        raise BadBytes(f"this {what} is malformed: ask for it again ({error})") from error


_MALFORMED = (
    ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError,
    ValueError, struct.error, zlib.error,
)  # fmt: skip


def _checksum(*parts: bytes | memoryview) -> bytes:
    """Of the parts as they are: keys are too large to be copied for it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()[:_CHECK]
