"""Deep networks of squares that keep what they were given, and their clear results."""

from itertools import pairwise

import numpy as np

from helib_py.network import Affine


def deep_net(hidden, inputs=64, width=64, outputs=10, seed=3):
    """Rotations (but for the ends) and u/2 + u²/4 = (u + 1)²/4 - 1/4 in turn.

    What is not the square itself is folded into the layers around it.
    """
    draw = np.random.default_rng(seed)
    sizes = [inputs, *[width] * hidden, outputs]
    affines = []
    for i, (n, m) in enumerate(pairwise(sizes)):
        weights = draw.normal(size=(m, n)) / np.sqrt(n)
        if m == n:
            weights = np.linalg.qr(weights)[0]
        weights *= 0.8 if i == 0 else 1.8  # of which the quadratic keeps a half
        bias = draw.uniform(-0.1, 0.1, m)
        if i:
            weights, bias = weights / 4, bias - weights.sum(axis=1) / 4
        affines.append(Affine(f"fc{i + 1}", weights, bias + (1.0 if i < hidden else 0.0)))
    return affines


def examples(count=40, inputs=64, seed=4):
    """Inputs that explode in no layer, shape (count, inputs)."""
    largest = 4 / np.sqrt(max(inputs, 64))
    return np.random.default_rng(seed).uniform(-largest, largest, (count, inputs))


def clear(affines, x):
    """Shape (…, outputs)."""
    for i, affine in enumerate(affines):
        x = x @ affine.dense.T + affine.bias
        x = x * x if i < len(affines) - 1 else x
    return x
