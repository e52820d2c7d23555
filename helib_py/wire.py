"""Bytes that cross between parties: a label, a header, payloads and a checksum."""

from __future__ import annotations

import hashlib
import json
import struct
from typing import Any

from .errors import BadBytes

MAGIC = b"HELIBPY1"
_CHECK = 16


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
            f"these {len(data)} bytes are no {kind} of helib_py: pass to_bytes() output"
        )
    if _checksum(memoryview(data)[:-_CHECK]) != data[-_CHECK:]:
        raise BadBytes(f"these bytes are truncated or altered: ask for the {kind} again")
    start = len(MAGIC) + 4
    end = start + struct.unpack_from("<I", data, len(MAGIC))[0]
    try:
        header = json.loads(data[start:end])
        found, sizes = header.pop("kind"), [int(size) for size in header.pop("sizes")]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadBytes(f"these bytes have no label: ask for the {kind} again") from error
    if found != kind:
        raise BadBytes(f"these bytes hold something else than a {kind}: check what was sent")
    if min(sizes, default=0) < 0 or end + sum(sizes) + _CHECK != len(data):
        raise BadBytes(f"the label of these bytes is wrong: ask for the {kind} again")
    payloads = []
    for size in sizes:
        payloads.append(data[end : end + size])
        end += size
    return header, payloads


def _checksum(*parts: bytes | memoryview) -> bytes:
    """Of the parts as they are: keys are too large to be copied for it."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.digest()[:_CHECK]
