"""Few bytes that ask for much: secure parameters of the largest rings without their keys, plans
whose constants are compressed, batch plans with thousands of kinds of rows.

They are sent as they are, or spoilt; to be refused, or to take no more than anything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np

import helib_py as he
from helib_py import wire
from helib_py.plans import Interface, Layer
from helib_py.program import Recorder
from helib_py.span import Span

from .batches import plan as batch_plan
from .bundles import computing
from .entry import Entry, Taken
from .parties import WHOLE

_CHAIN: dict[str, Any] = dict(prime_bits=(60,) * 57, special_bits=60, rotations=())
_CONSTANTS = 1000
_KINDS = 5000


def entries() -> Iterator[Entry]:
    """Seldom, as some take a second."""
    yield Entry("huge bundle", _bundles, _bundle, 4)
    yield Entry("huge plan", _plans, _plan, 1)
    yield Entry("huge batch plan", _batches, _batch, 1)


@cache
def _bundles() -> list[bytes]:
    sets = [
        he.CKKS(ring=131072, scale_bits=40.0, **_CHAIN),
        he.BFV(ring=131072, plain_bits=20, **_CHAIN),
        he.CKKS(ring=32768, **{**_CHAIN, "prime_bits": (50,) * 14, "scale_bits": 40.0}),
    ]
    return [he.PublicBundle(params, "seal", {}).to_bytes() for params in sets]


def _bundle(data: Any) -> Taken:
    made = he.PublicBundle.from_bytes(data, insecure=True)
    return Taken(made.to_bytes, [partial(repr, made), *computing(made, WHOLE)])


@cache
def _plans() -> list[bytes]:
    params = he.CKKS(ring=131072, prime_bits=(60, 40), special_bits=60, scale_bits=40.0,
                     rotations=())  # fmt: skip
    recorder = Recorder(1)
    for _ in range(_CONSTANTS):
        plain = recorder.encode(np.zeros(params.slots), 1, 2.0**30)
    output = recorder.rescale(recorder.multiply_plain(0, plain))
    end = (0, 2.0**70 / params.primes[1])
    inside = Interface(
        params, (params.slots,), np.arange(params.slots)[None], 2.0**40, Span(0.0, 1.0), 4, 1,
        *end,
        params.slots,
    )  # fmt: skip
    layer = Layer("all", 4, "", 0, 0, 1, 0.0, output, (0, 1, 2, 3))
    return [he.Plan(inside, recorder.program(output).rounded(), (layer,)).to_bytes()]


def _plan(data: Any) -> Taken:
    made = he.Plan.from_bytes(data, insecure=True)
    simulate = partial(made.simulate, np.zeros(made.interface.shape), noisy=False)
    return Taken(lambda: made.summary, [partial(repr, made), simulate])


@cache
def _batches() -> list[bytes]:
    kinds = np.arange(1, _KINDS + 1)[:, None] >> np.arange(13) & 1
    header, _ = wire.unpack("batch plan", batch_plan().to_bytes())
    header["interface"]["shape"] = [13]
    for step, shape in zip(header["steps"], (kinds.shape, (3, _KINDS)), strict=True):
        step[3] = shape
    weights = [kinds.astype("<i8").tobytes(), np.ones((3, _KINDS), "<i8").tobytes()]
    return [wire.pack("batch plan", header, *weights, bytes(8 * _KINDS), bytes(24))]


def _batch(data: Any) -> Taken:
    made = he.BatchPlan.from_bytes(data, insecure=True)
    return Taken(lambda: made.summary, [partial(repr, made), lambda: made.groups])
