"""SEAL's own bytes, as a browser sends them: taken apart, and put together again here.

A browser sends keys and ciphertexts whose random halves are seeds. SEAL alone can expand these,
but it is never given a header that a stranger wrote: of his bytes only the residues and the seeds
are used, from where they must be, and everything else must be exactly what is expected.
"""

from __future__ import annotations

import struct

import numpy as np

from ... import wire
from ...params import CKKS
from .. import Bundle
from . import layout
from .keys import public_shape, switching_shape
from .library import expand

_GENERATORS = (1, 2)  #: SEAL's numbers of BLAKE2xb and SHAKE-256, which stretch a seed
_SEED = 64  #: bytes


class Foreign:
    """Reads and writes SEAL's bytes for one set of parameters."""

    def __init__(self, params: CKKS, library: str) -> None:
        self._params, self._library = params, library

    def bundle(self, parts: dict[str, bytes]) -> Bundle:
        """Public keys as they cross between others; BadBytes unless they are exactly that.

        ``pair`` is the public key with both halves: its second one is expanded from SEAL's seed.
        """
        keys: Bundle = {}
        with wire.rebuilding("public key"):
            for name, data in parts.items():
                keys["pair" if name == "public" else name] = self._read(name, data)
        return keys

    def _read(self, name: str, data: bytes) -> bytes:
        p, place = self._params, _Place(data)
        if name == "public":
            whole = self._seeded(place, public_shape(p), 1.0)
            place.end()
            return expand(self._library, p, name, whole)[layout.HEADER :]
        steps = sorted(p.rotations or (), key=lambda k: layout.rotation_index(k, p.ring))
        count, keys = (1, 1) if name == "relinearisation" else (p.ring, len(steps))
        written = self._switching(place, count)
        place.end()
        shape = switching_shape(p)
        full = layout.read_switching_keys(expand(self._library, p, name, written), shape)
        if len(full) != keys:
            raise ValueError(f"{len(full)} {name} keys, there must be {keys}")
        if name == "rotation":
            full = [full[steps.index(step)] for step in p.rotations or ()]
        return b"".join(key.tobytes() for key in full)

    def _switching(self, place: _Place, count: int) -> bytes:
        parms = layout.parms(self._params, len(self._params.primes) + 1)
        place.header()
        place.expect(parms + struct.pack("<Q", count))
        pieces, digits = [parms, struct.pack("<Q", count)], len(self._params.primes)
        expected = self._indices(count)
        for index in range(count):
            here = digits if index in expected else 0
            place.expect(struct.pack("<Q", here))
            pieces.append(struct.pack("<Q", here))
            pieces += [self._seeded(place, public_shape(self._params), 1.0) for _ in range(here)]
        return layout.headed(pieces)

    def _indices(self, count: int) -> set[int]:
        if count == 1:
            return {0}
        ring = self._params.ring
        return {layout.rotation_index(step, ring) for step in self._params.rotations or ()}

    def ciphertext(self, data: bytes, level: int, scale: float) -> bytes:
        """Bare residues of a seeded ciphertext of two parts, for ``Evaluator.load``."""
        with wire.rebuilding("ciphertext"):
            place = _Place(data)
            whole = self._seeded(place, (level + 1, self._params.ring), scale)
            place.end()
            return expand(self._library, self._params, "ciphertext", whole)[layout.HEADER :]

    def written(self, residues: bytes, level: int, scale: float) -> bytes:
        """A ciphertext of two parts, for SEAL to read elsewhere."""
        shape = (2, level + 1, self._params.ring)
        numbers = layout.residues(residues, shape, "ciphertext")
        return layout.ciphertext(numbers, layout.parms(self._params, level + 1), True, scale)

    def _seeded(self, place: _Place, shape: tuple[int, int], scale: float) -> bytes:
        """The next encryption whose second half is a seed, under headers of our own."""
        primes, ring = shape
        parms = layout.parms(self._params, primes)
        place.header()
        place.expect(parms + struct.pack("<?QQQdQ", True, 2, ring, primes, scale, 1))
        place.header()
        place.expect(struct.pack("<Q", primes * ring))
        half = place.take(8 * primes * ring)
        place.header()
        kind, seed = place.take(1), place.take(_SEED)
        if kind[0] not in _GENERATORS:
            raise ValueError("a seed of an unknown kind")
        residues = np.frombuffer(half, "<u8").reshape(shape)
        return layout.seeded_ciphertext(residues, parms, scale, kind + seed)


class _Place:
    """Where in a stranger's bytes we are."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, count: int) -> bytes:
        """The next bytes; ValueError where there are fewer."""
        found = self._data[self._at : self._at + count]
        if len(found) != count:
            raise ValueError("it ends too early")
        self._at += count
        return found

    def expect(self, wanted: bytes) -> None:
        """ValueError unless these are the next bytes."""
        if self.take(len(wanted)) != wanted:
            raise ValueError("its header is not that of these parameters")

    def header(self) -> None:
        """Pass over SEAL's magic number, version and size, which are written anew."""
        self.take(layout.OWN)

    def end(self) -> None:
        """ValueError for bytes that are left over."""
        if self._at != len(self._data):
            raise ValueError("it is too long")
