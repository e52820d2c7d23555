"""An encrypted network on a plain image, ours against the same one row of weights at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import chain, cycle
from typing import Any

import numpy as np

import helib_py as he
from helib_py import packing
from helib_py.encoding import repeat
from helib_py.network import Affine
from helib_py.nn import read

from .harness import Result, alternate, result
from .networks import three_layers, trained


class RowByRow:
    """As one would first write it: a ciphertext for each row of weights, a sum of slots for each.

    Of the hidden layer, a ciphertext for each column instead: its inputs come one a ciphertext.
    On our engine and primes; relinearised once a sum, nothing is flooded.
    """

    def __init__(self, layers: Sequence[Affine], agreed: he.Agreement) -> None:
        self.layers, self.stages = layers, agreed.stages
        self.owner = he.DataOwner(agreed.params)
        self.e = self.owner.public.context.e
        rows = [layers[0].dense, layers[1].dense.T, layers[2].dense]
        self.weights = [
            [self._encrypt(row, stage.level, stage.weights) for row in matrix]
            for matrix, stage in zip(rows, self.stages, strict=True)
        ]
        self.first = [self._bias(0, np.full(1, b)) for b in layers[0].bias]
        self.second = self._bias(1, layers[1].bias)
        self.third = [self._bias(2, np.full(1, b)) for b in layers[2].bias]

    def run(self, x: np.ndarray) -> list[Any]:
        """Ten ciphertexts, a score each."""
        e, stage = self.e, self.stages[0]
        plain = e.encode(self._repeat(x), stage.level, stage.inputs)
        products = [e.multiply_plain(w, plain) for w in self.weights[0]]
        hidden = self._sums(products, len(x), self.first)
        terms = map(e.multiply, map(self._square, hidden), self.weights[1])
        total = e.rescale(e.relinearise(reduce(e.add, terms)))
        z = self._square(e.add(total, self.second))
        products = [e.relinearise(e.multiply(w, z)) for w in self.weights[2]]
        return self._sums(products, len(self.layers[1].bias), self.third)

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Evaluate and decrypt."""
        return np.array([self.owner._keys.decrypt(c)[0] for c in self.run(x)])

    def nbytes(self) -> int:
        """Bytes of the encrypted weights and biases."""
        everything = chain(*self.weights, self.first, [self.second], self.third)
        return sum(len(self.e.dump(c)) for c in everything)

    def _sums(self, products: Sequence[Any], count: int, biases: Sequence[Any]) -> list[Any]:
        e, folds = self.e, packing.sums(count)
        sums = (packing.fold(e, e.rescale(p), folds) for p in products)
        return [e.add(y, b) for y, b in zip(sums, biases, strict=True)]

    def _square(self, y: Any) -> Any:
        return self.e.rescale(self.e.relinearise(self.e.square(y)))

    def _bias(self, layer: int, values: np.ndarray) -> Any:
        return self._encrypt(values, self.stages[layer].level - 1, self.stages[layer].sums)

    def _encrypt(self, values: np.ndarray, level: int, scale: float) -> Any:
        return self.e.encrypt(self._repeat(values), level, scale)

    def _repeat(self, values: np.ndarray) -> np.ndarray:
        return repeat(values, self.owner.public.params.slots)


def measure(rounds: int = 2) -> Iterator[Result]:
    """Time and bytes for 784-64-64-10 with squares, all weights encrypted, 128-bit security."""
    digits = he.data.mnist()
    examples, images = digits.x_train[:256], digits.x_test.reshape(-1, 784)
    net = trained(three_layers())
    owner = he.DeepModelOwner(net, examples)
    message = owner.encrypt_model().to_bytes()
    ours = he.SealedNetwork.from_bytes(message, owner.agreed)
    peer = RowByRow(read(net, examples[0].shape), owner.agreed)
    assert np.abs(peer.predict(images[0]) - owner.decrypt(ours(images[0]))).max() < 2**-4
    left, right = iter(images[1:]), cycle(images)  # an answer about each, as agreed on
    wall, cpu = zip(
        *alternate(lambda: ours(next(left)).to_bytes(), lambda: peer.run(next(right)), rounds, 5),
        strict=True,
    )
    yield result("encrypted 784-64-64-10, one image, flooded: wall time", *wall, "s", "≤ 1 s")
    yield result("encrypted 784-64-64-10, one image, flooded: CPU time", *cpu, "s", "—")
    sizes = owner.agreed.model_bytes, peer.nbytes()
    yield result("encrypted 784-64-64-10: weights to send, once", *sizes, "bytes", "—")
