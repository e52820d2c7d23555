"""Small networks to be encrypted whole, and what the key's owner can see of an answer."""

from functools import cache
from itertools import pairwise

import numpy as np
from helpers import INSTALLED

import helib_py as he
from helib_py.flooding import embed
from helib_py.network import Affine

TOY = dict(ring=2048, insecure=True)  # quick, and factored by anyone: for tests only
WIDTHS = (12, 5, 4, 3)


def layers(widths, seed=0):
    """Random affine maps whose outputs are neither tiny nor huge."""
    random = np.random.default_rng(seed)
    return [
        Affine(f"layer {k}", random.normal(0, n**-0.5, (m, n)), random.normal(0, 0.3, m))
        for k, (n, m) in enumerate(pairwise(widths))
    ]


def clear(affines, x):
    for affine in affines:
        y = x @ affine.dense.T + affine.bias
        x = y * y
    return y


def examples(widths, count=64):
    return np.random.default_rng(1).uniform(0, 1, (count, widths[0]))


def owner(engine=INSTALLED[0], widths=WIDTHS, number=0):
    return _owner(engine, widths, number)


@cache
def _owner(engine, widths, number):
    return he.DeepModelOwner(layers(widths), examples(widths), engine, **TOY)


def sealed(engine=INSTALLED[0], widths=WIDTHS):
    """As the data owner has it, out of bytes."""
    return _sealed(engine, widths)


@cache
def _sealed(engine, widths):
    return unasked(engine, widths)


def unasked(engine=INSTALLED[0], widths=WIDTHS):
    """One of its own, that has given no answers."""
    model_owner = owner(engine, widths)
    message = model_owner.encrypt_model().to_bytes()
    return he.SealedNetwork.from_bytes(message, model_owner.agreed, engine)


def asked(network, x):
    """An answer, however many have been given about that input."""
    network._given.clear()
    return network(x)


def slots(model_owner, handle):
    """All slots of a ciphertext of the real engine, complex, as the key's owner sees them."""
    return model_owner._keys.decrypt_complex(handle)


def opened(model_owner, answer):
    """All slots of an answer."""
    e = model_owner.public.context.e
    handle = e.load(answer.payload, 0, model_owner.agreed.stages[-1].sums)
    return slots(model_owner, handle)


def coefficients(agreed, seen, which):
    """Whole coefficients with those numbers, from complex slots."""
    unit = np.zeros(agreed.ring)
    unit[1] = 1
    roots = embed(unit)
    turned = np.array([(seen * roots.conj() ** k).real.sum() for k in which])
    return turned * 2 / agreed.ring * agreed.stages[-1].sums
