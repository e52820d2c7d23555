"""Spoiling bytes without knowing what they are."""

from __future__ import annotations

import struct

import numpy as np

#: Whole numbers, and floats: NaN, infinities, the largest, 1.
WORDS = (
    0, 1, 2**31, 2**32, 2**60 - 1, 2**63, 2**64 - 1, 0x7FF8 << 48, 0x7FF << 52, 0xFFF << 52,
    (0x7FF << 52) - 1, 0x3FF << 52,
)  # fmt: skip


def spoilt(random: np.random.Generator, data: bytes, donor: bytes) -> tuple[bytes, str]:
    """Other bytes, by one of the ways below, and its name; ``donor`` is something to splice in."""
    way = WAYS[random.integers(len(WAYS))]
    return way(random, data, donor), way.__name__.strip("_")


def span(random: np.random.Generator, size: int) -> tuple[int, int]:
    """Where a piece of so many bytes begins and ends: as often short as long."""
    length = min(size, int(2.0 ** random.uniform(0, max(1, size).bit_length())))
    start = int(random.integers(size - length + 1))
    return start, start + length


def _flip(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    out = bytearray(data)
    for place in random.integers(0, max(1, len(out)), int(random.integers(1, 9))):
        if out:
            out[place] ^= 1 << int(random.integers(8))
    return bytes(out)


def _truncate(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    return data[: int(random.integers(len(data) + 1))]


def _extend(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    count = int(2 ** random.uniform(0, 12))
    return data + (random.bytes(count) if random.random() < 0.5 else bytes(count))


def _cut(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    a, b = span(random, len(data))
    return data[:a] + data[b:]


def _repeat(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    a, b = span(random, len(data))
    return data[:b] + data[a:]


def _fill(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    a, b = span(random, len(data))
    return data[:a] + bytes([int(random.choice([0, 255, 1, 128]))]) * (b - a) + data[b:]


def _splice(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    """Some of the donor at the place of as much of the data."""
    a, b = span(random, min(len(data), len(donor)))
    start = int(random.integers(len(data) - (b - a) + 1))
    return data[:start] + donor[a:b] + data[start + b - a :]


def _graft(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    """The beginning of one, the end of the other."""
    share = random.random()
    return data[: int(share * len(data))] + donor[int(share * len(donor)) :]


def _word(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    """Another number in the place of eight bytes, counted from the start or from the end."""
    if len(data) < 8:
        return data + bytes(8)
    start = 8 * int(random.integers(len(data) // 8))
    start = start if random.random() < 0.5 else len(data) - 8 - start
    number = WORDS[random.integers(len(WORDS))]
    return data[:start] + struct.pack("<Q", number) + data[start + 8 :]


def _swap(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    """Two words trade places, counted from the end: messages end in whole words and a checksum."""
    tail = int(random.choice([0, 16])) if len(data) > 16 else 0
    whole, rest = data[: len(data) - tail], data[len(data) - tail :]
    if len(whole) < 16:
        return data[::-1]
    start = len(whole) % 8
    words = np.frombuffer(whole, "<u8", offset=start).copy()
    i, j = random.integers(0, len(words), 2)
    words[[i, j]] = words[[j, i]]
    return whole[:start] + words.tobytes() + rest


def _nothing(random: np.random.Generator, data: bytes, donor: bytes) -> bytes:
    return b""


WAYS = (
    _flip, _flip, _truncate, _extend, _cut, _repeat, _fill, _splice, _graft, _word, _swap,
    _nothing,
)  # fmt: skip
