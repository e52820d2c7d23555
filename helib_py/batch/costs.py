"""Predicted time and memory of a batch, on the reference machine of ``cost.py``, one thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log2

from .. import cost
from ..params import CKKS
from .groups import Group
from .modular import Cut
from .steps import Passage, Step

_ENCRYPT = 8.6  #: nanoseconds per N·log2 N and prime, the special one included
_CONVERT, _GATHER, _MULTIPLY, _REDUCE = 1.0, 0.6, 0.035, 2.0  #: nanoseconds per residue
_LOAD, _DUMP = 1.3, 0.8  #: nanoseconds per residue that enters or leaves SEAL
_GROWTH = {"square": 3, "rescale": 1, "relinearise": 0}  #: powers of the number of parts
PROCESS_BYTES = 180e6  #: of Python, the package, a context and keys
WORKER_BYTES = 90e6  #: of each worker process beside it
MOST_WORKERS = 256  #: more than a machine has, and than anyone means


def encryption(params: CKKS, inputs: int) -> float:
    """Milliseconds in which the data owner encrypts a batch."""
    work: float = params.ring * log2(params.ring) * (len(params.primes) + 1)
    return inputs * _ENCRYPT * work * 1e-6


def products(found: Sequence[Group], inputs: int, cuts: Sequence[Cut], parts: int) -> float:
    """Nanoseconds of a matrix product, for each coefficient of a polynomial."""
    rows = sum(len(group.rows) for group in found)
    gathered = sum(len(group.inputs) for group in found)
    multiplied = sum(len(group.rows) * len(group.inputs) for group in found)
    limb = _CONVERT * inputs + _GATHER * gathered + _MULTIPLY * multiplied + 2 * _REDUCE * rows
    total: float = sum(how.limbs * limb - _REDUCE * rows for how in cuts)
    return parts * total


def step(
    params: CKKS, one: Step, found: Sequence[Group], passage: Passage, cuts: Sequence[Cut]
) -> float:
    """Milliseconds of one step for a whole batch."""
    outputs, inputs = one.weights.shape
    ns = products(found, inputs, cuts, passage.source.parts) * params.ring
    each: float = sum(_activation(params, one, passage))
    return float(ns * 1e-6 + outputs * each)


def _activation(params: CKKS, one: Step, passage: Passage) -> Iterator[float]:
    """Milliseconds of what follows on each output."""
    place = passage.sums
    if one.then:
        yield _LOAD * place.parts * (place.level + 1) * params.ring * 1e-6
    for operation in one.then:
        more = (place.parts / 2) ** _GROWTH[operation]
        yield cost.milliseconds(operation, params, place.level) * more
        place = place.after(operation, params.primes)
    if one.then:
        yield _DUMP * place.parts * (place.level + 1) * params.ring * 1e-6
