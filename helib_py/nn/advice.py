"""What a refusal leaves unsaid: that the network itself makes the trouble, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from ..errors import ParameterError
from .elementwise import NAMES, is_one
from .modules import Quadratic

FLAT = 32.0  #: |b/2a| from where completing the square costs five bits and more

_FIT = (
    "is no polynomial: use he.polynomial(net, X), which fits one, or he.Square() or "
    "he.Quadratic(), then train again"
)
_POOL = (
    "takes a maximum or a root, which is no polynomial: use nn.AvgPool of the same size, then "
    "train again"
)
_AFTERWARDS = "is no polynomial: leave it out, the data owner can apply it after decrypting"
_STATISTICS = (
    "divides by what depends on the input: use BatchNorm with track_running_stats=True, whose "
    "statistics are constants after training"
)
_ATTENTION = (
    "weighs values by the softmax of products of them, which is no polynomial: mix positions by "
    "convolutions or dense layers with squares between them"
)
_SEQUENCE = (
    "has gates, which multiply values that depend on the input: use layers with squares between "
    "them, or a fixed number of steps written out"
)
_LOOKUP = "looks something up by a value, which nobody can see: encrypt what it looks up instead"
_UNREAD = (
    "cannot run on ciphertexts, which only add and multiply: write it with sums, products by "
    "constants, squares and polynomials"
)
_ASKS = (
    "asks what values are, which nobody can see: compute with all of them, or let the data owner "
    "ask after decrypting"
)
_ASKING = frozenset({
    "gt", "lt", "ge", "le", "eq", "ne", "greater", "less", "where", "masked_fill", "item",
    "tolist", "sort", "argsort", "topk", "nonzero", "any", "all", "isnan", "bool", "int", "long",
    "masked_select", "bucketize", "unique", "is_nonzero", "round", "floor", "ceil",
})  # fmt: skip
#: By the beginning of a name: torch's classes, and functions in lower case.
_ADVICE = {
    "MaxPool": _POOL, "AdaptiveMaxPool": _POOL, "FractionalMaxPool": _POOL, "max": _POOL,
    "adaptive_max": _POOL, "amax": _POOL, "min": _POOL, "amin": _POOL, "median": _POOL,
    "fractional_max": _POOL, "lp_pool": _POOL, "LPPool": _POOL,
    "Softmax": _AFTERWARDS, "LogSoftmax": _AFTERWARDS, "Softmin": _AFTERWARDS,
    "softmax": _AFTERWARDS, "log_softmax": _AFTERWARDS, "argmax": _AFTERWARDS,
    "LayerNorm": _STATISTICS, "GroupNorm": _STATISTICS, "InstanceNorm": _STATISTICS,
    "BatchNorm": _STATISTICS, "LocalResponseNorm": _STATISTICS, "RMSNorm": _STATISTICS,
    "layer_norm": _STATISTICS, "group_norm": _STATISTICS, "instance_norm": _STATISTICS,
    "batch_norm": _STATISTICS, "normalize": _STATISTICS,
    "LSTM": _SEQUENCE, "GRU": _SEQUENCE, "RNN": _SEQUENCE, "Multihead": _ATTENTION,
    "Transformer": _ATTENTION, "scaled_dot": _ATTENTION,
    "Embedding": _LOOKUP, "embedding": _LOOKUP, "gather": _LOOKUP,
    "dropout": "stays on: call it with training=self.training",
}  # fmt: skip


def instead(what: Any) -> str:
    """Why a layer or a function cannot run, and what works in its place."""
    name = what if isinstance(what, str) else type(what).__name__
    if name in _ASKING:
        return _ASKS
    for start, advice in _ADVICE.items():
        if name.startswith(start):
            return advice
    fits = what in NAMES if isinstance(what, str) else is_one(what)
    return _FIT if fits else _UNREAD


@contextmanager
def advised(net: nn.Module) -> Iterator[None]:
    """Names, in a ParameterError, the quadratics that are nearly linear.

    a·u² + b·u = a·(u + b/2a)² - b²/4a: for a near 0 that is a small difference of large numbers,
    which takes headroom and precision.
    """
    try:
        yield
    except ParameterError as error:
        flat = [f"layer {name} has {ratio}" for name, ratio in _flat(net)]
        if not flat:
            raise
        raise ParameterError(
            f"{error}. The cause may be he.Quadratic with a close to 0, as its completed square "
            f"is a small difference of large numbers ({', '.join(flat)}): keep |a| above |b|/"
            f"{2 * FLAT:.0f} in training, or fixed with a.requires_grad_(False)"
        ) from None


def _flat(net: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of the layers, and a and b in words."""
    for name, module in net.named_modules():
        if isinstance(module, Quadratic):
            a, b = (p.detach().abs().min() for p in (module.a, module.b))
            if a and abs(b) > 2 * FLAT * abs(a):
                yield name, f"a = {float(a):.2g}, b = {float(b):.2g}"
