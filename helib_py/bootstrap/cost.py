"""What bootstrapping costs: fitted to Lattigo 6.2 on one core of an x86-64 server.

Milliseconds differ between machines by a factor of two; what grows with what does not.
"""

from __future__ import annotations

from math import log2

from ..params.bootstrap import CIRCUIT_BITS, BootstrapParams
from .spread import Spread

_STARTING = 0.3  #: seconds until a process answers
_MAKING, _LOADING = 1.5e-8, 1e-8  #: seconds a byte of keys takes, with all that hands it over
_REFRESHING = 4.5e-8  #: seconds per N·log2 N and square of the number of primes
_DIAGONAL, _TURN, _SQUARE = 3e-9, 1.1e-8, 3e-8  #: seconds per N·log2 N and prime


def refresh_seconds(p: BootstrapParams) -> float:
    """One bootstrap."""
    primes = len(p.network_bits) + len(CIRCUIT_BITS)
    return _REFRESHING * p.ring * log2(p.ring) * primes**2


def layer_seconds(p: BootstrapParams, source: Spread, level: int) -> float:
    """A matrix product, whose diagonals are encoded each time, and a square."""
    turns = len(source.rotations(p.slots))
    work = _DIAGONAL * source.low + _TURN * turns + _SQUARE
    return work * p.ring * log2(p.ring) * (level + 3)


def making_seconds(key_bytes: float) -> float:
    """All keys, at their owner."""
    return _STARTING + _MAKING * key_bytes


def loading_seconds(key_bytes: float) -> float:
    """All public keys, at the server."""
    return _STARTING + _LOADING * key_bytes


def owner_memory(key_bytes: float) -> float:
    """Bytes at the most while keys are made."""
    return 0.2e9 + 4 * key_bytes


def server_memory(key_bytes: float) -> float:
    """Bytes at the most at the server, besides the message with its keys."""
    return 0.2e9 + 5 * key_bytes
