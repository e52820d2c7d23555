"""A batch of encrypted digits, one image a slot: ours against a plaintext product per weight."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from threadpoolctl import threadpool_limits

import helib_py as he
from helib_py.engines.seal import Residues

from .harness import Result, alternate, result
from .networks import trained, tutorial

#: Published images per hour on MNIST, each on its authors' own machine. CryptoNets: Gilad-Bachrach
#: et al., ICML 2016. CryptoDL: Hesamifard, Takabi, Ghasemi, arXiv 1711.05189.
PUBLISHED = {"CryptoNets": 59_000, "CryptoDL": 164_000}
SAMPLE = {"first": 16, "others": 4}  #: neurons of a layer that the slow way is timed on


class ProductPerWeight:
    """CryptoNets' way on our engine, plan, keys and ciphertexts, in one process.

    Each weight is a plaintext of its own, encoded beforehand. Only a sample of each layer's
    neurons is computed and the time of the rest extrapolated, for all weights at once would take
    gigabytes of memory; neurons of a layer all take the same.
    """

    def __init__(self, plan: he.BatchPlan, public: he.PublicBundle) -> None:
        self.plan, self.e, self.residues = plan, public.context.e, Residues(public.context.e)

    def seconds(self, batch: he.EncryptedBatch) -> float:
        """Extrapolated seconds for a batch."""
        total, source = 0.0, batch.residues
        for number, step in enumerate(self.plan.steps):
            outputs = step.weights.shape[0]
            rows = np.linspace(0, outputs - 1, SAMPLE["others" if number else "first"], dtype=int)
            spent, out = self._layer(number, rows, source)
            total += spent * outputs / len(rows)
            source = np.resize(out, (outputs, *out.shape[1:]))  # any ciphertexts will do
        return total

    def _layer(self, number: int, rows: np.ndarray, source: np.ndarray) -> tuple[float, Any]:
        """Seconds for some of a layer's neurons, and their residues."""
        step, place = self.plan.steps[number], self.plan.passages[number].source
        xs = [self.residues.handle(np.ascontiguousarray(r), place.scale) for r in source]
        spent, out = 0.0, []
        for row in rows:
            factors = step.weights[[row]].toarray()[0]
            used = np.flatnonzero(factors)
            weights = [self._constant(w, place.level) for w in factors[used].tolist()]
            start = perf_counter()
            z = reduce(self.e.add, map(self.e.multiply_plain, [xs[i] for i in used], weights))
            for operation in step.then:
                z = getattr(self.e, operation)(z)
            spent += perf_counter() - start
            out.append(self.residues.array(z, self.plan.passages[number].out.level))
        return spent, np.stack(out)

    def _constant(self, value: float, level: int) -> Any:
        return self.e.encode(np.full(self.plan.params.slots, value), level, 1.0)


def measure(rounds: int = 5) -> Iterator[Result]:
    """The server's time one way and the other, beside what is published; the owner's; accuracy."""
    digits = he.data.mnist()
    net = trained(tutorial())
    plan = he.plan(net, digits.x_train[:64], batch=True)
    owner = he.DataOwner(plan)
    server = he.Server(plan, owner.public.to_bytes())
    full = np.resize(digits.x_test, (plan.params.slots, *digits.x_test.shape[1:]))
    (batch,) = owner.encrypt_all(full)
    slow, upload = ProductPerWeight(plan, server.public), batch.to_bytes()
    with threadpool_limits(1):
        alone = list(_spent(server, upload, workers=1, rounds=rounds))
        peer = slow.seconds(batch)
        alone += _spent(server, upload, workers=1, rounds=rounds)
    yield result("batch of 4096 digits: server, one core", median(alone), peer, "s", "—")
    both = median(_spent(server, upload, workers=2, rounds=2 * rounds))
    for name, per_hour in PUBLISHED.items():
        text = f"batch of 4096 digits: server, two cores; {name} published {per_hour:,}/h"
        peer = len(full) * 3600 / per_hour
        yield result(text, both, peer, "s", "≤ 3.69 s: 4 million/h")
    yield from _owner(owner, net, full, digits.x_train[:64])
    yield from _scores(owner, server, net, digits)


def _spent(server: he.Server, upload: bytes, workers: int, rounds: int) -> Iterator[float]:
    """Seconds from an upload's bytes to its result's, without the start of the workers."""
    results = server.run_all((upload for _ in range(rounds + 1)), workers)
    next(results)
    start = perf_counter()
    for _ in results:
        yield perf_counter() - start
        start = perf_counter()


def _owner(
    owner: he.DataOwner, net: torch.nn.Sequential, full: np.ndarray, examples: np.ndarray
) -> Iterator[Result]:
    """Time and bytes of an upload, an image; beside encrypting them one by one."""
    single = he.DataOwner(he.plan(net, examples))
    (wall, _), (other, _) = alternate(
        lambda: owner.encrypt(full), lambda: single.encrypt(full[0]), rounds=2, each=1
    )
    yield result(
        "batch of 4096 digits: encrypting each, one core", wall / len(full), other, "s", "—"
    )
    sizes = (owner.interface.upload_bytes / len(full), single.interface.upload_bytes)
    yield result("batch of 4096 digits: upload for each", *sizes, "bytes", "—")


def _scores(
    owner: he.DataOwner, server: he.Server, net: torch.nn.Sequential, digits: Any
) -> Iterator[Result]:
    """All held-out digits encrypted, beside the clear network."""
    with torch.no_grad():
        clear = net(torch.tensor(digits.x_test).float()).numpy()
    got = he.predict(owner, server, digits.x_test)
    error = float(np.abs(got - clear).max())
    yield result(
        "batch: largest error, and as predicted", error, server.plan.error, "", "ratio ≥ 0.25"
    )
    wrong = [float((y.argmax(axis=1) != digits.y_test).mean()) for y in (got, clear)]
    text = f"batch: wrong share of {len(clear)} held-out digits, and in the clear"
    yield result(text, *wrong, "", "ratio ≥ 0.98")
