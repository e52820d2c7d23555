"""Whatever is passed to a public name, what comes out is its result or a HelibError.

Calls are made from signatures: each argument in turn is something that it was never meant to be,
the others are good ones. A TypeError may only be Python's own, for arguments that do not bind.
"""

import inspect
import types
from functools import cache

import numpy as np
import pytest
import torch
from nets import IMAGES
from torch import nn

import helib_py as he
from helib_py import nn as he_nn
from helib_py.agreement import Agreement
from helib_py.engines.plain import PlainEvaluator
from helib_py.params.bootstrap import BootstrapParams


class Number(float):
    """A subclass; they are taken for what they are."""


class Broken:
    """A stranger's class, all of whose magic fails."""

    def __array__(self, *_, **__):
        raise RuntimeError("broken")

    __float__ = __int__ = __iter__ = __len__ = __repr__ = __eq__ = __array__
    __hash__ = object.__hash__


BAD = {
    "None": None, "text": "nonsense", "bytes": b"junk", "NaN": float("nan"), "inf": float("inf"),
    "negative": -1, "fraction": 0.5, "huge": 10**400, "endless": 10**5000, "complex": 1j,
    "true": True, "empty": [], "empty array": np.zeros(0), "ragged": [[1.0], [1.0, 2.0]],
    "objects": np.array([None, "a"]), "deep": np.ones((2, 2, 2, 2, 2)), "NaNs": np.full(4, np.nan),
    "large": np.full(4, 1e300), "dict": {"a": 1}, "class": str, "function": print,
    "subclass": Number(0.5), "broken": Broken(), "grad": torch.ones(4, requires_grad=True),
    "meta": torch.ones(4, device="meta"), "sparse": torch.ones(4).to_sparse(),
    "bfloat16": torch.ones(4, dtype=torch.bfloat16), "module": nn.Linear(4, 2),
    "masked": np.ma.masked_array(np.ones(4), [0, 0, 0, 1]), "date": np.datetime64("2026-01-01"),
}  # fmt: skip

SQUARES = nn.Sequential(nn.Linear(4, 4), he.Square(), nn.Linear(4, 2))
X = np.random.default_rng(0).uniform(-1, 1, (6, 4))


@cache
def good():
    """Something good for a parameter, by its name."""
    params, plan = he.CKKS(depth=3), he.plan(SQUARES, X)
    owner, holder = he.DataOwner(params, "plain"), he.DataOwner(he.Paillier(), "plain")
    with he.Ledger() as ledger:
        _ = owner.encrypt(X[0]) + 1
    return {
        "params": params, "plan": plan, "net": SQUARES, "examples": X, "x": X[0], "values": X[0],
        "inputs": X, "images": IMAGES[:2], "titles": ["a", "b"], "labels": [0, 1, 0, 1, 0, 1],
        "owner": he.DataOwner(plan, "plain"), "debug_key": owner, "wanted": params,
        "server": None, "public": owner.public, "engine": "plain", "function": "relu", "f": "relu",
        "degree": 3, "interval": (-1, 1), "layers": [(np.eye(4), np.zeros(4))], "entries": ledger,
        "weights": np.eye(2, 4), "bias": np.zeros(2), "agreed": None, "table": None,
        "affines": he_nn.read(SQUARES, (4,)), "encrypted": X, "clear": X, "got": X, "expected": X,
        "rows": [{"a": 1, "b": 2.0}], "knobs": ["a"], "epochs": 1, "holds": {"a": "", "b": ""},
        "messages": [("a", "b", "c")], "data": b"", "coefficients": (0.0, 1.0), "holder": holder,
        "text": params.to_json(), "widths": (4, 2), "norms": (1.0,), "peak": 1.0, "steps": 1,
        "bound": 2.0, "other": X[0], "axis": -1, "c": owner.encrypt(X[0]), "precision": 7,
        "columns": ("a",), "stages": (), "sender": "a", "receiver": "b", "what": "c",
        "message": b"", "precisions": 7, "depth": 2, "factors": [1.0], "name": "a",
        "shape": (4,), "level": 1, "rotations": (1,), "keys": params,
        "twin": PlainEvaluator(plan.params),
    }  # fmt: skip


def instances():
    """Objects of public classes, whose methods are called."""
    made = good()
    deep = he.plan(SQUARES, X, refresh="key holder")
    batch = he.plan(SQUARES, X, batch=True)
    agreed = Agreement((4, 4, 2), (1.0, 1.0), peak=1.0)
    model = he.DeepModelOwner(SQUARES, X, "plain", precision=4)
    paillier = he.ModelOwner(he.Paillier(), "plain")
    batch_owner = he.DataOwner(batch, "plain")
    yield from (made["params"], he.BFV(), he.Paillier(), made["plan"], deep, batch)
    yield from (made["debug_key"], made["owner"], batch_owner, made["holder"], made["public"])
    yield from (
        he.Server(made["plan"], made["owner"].public),
        he.Server(batch, batch_owner.public),
    )
    yield from (made["c"], made["holder"].encrypt(X[0]), made["holder"].encrypt(X))
    yield from (he.DataOwner(he.BFV(), "plain").encrypt([1, 2, 3]), batch_owner.encrypt(X))
    yield from (he.DeepServer(deep, he.DataOwner(deep, "plain").public), model, agreed, paillier)
    yield from (paillier.encrypt_model(np.eye(2, 4)), he.fit("relu", 3, (-1, 1)))
    yield from (he.fit_sign("sign"), he.Ledger(), he.Transcript(), he.LinearServer(
        made["layers"], made["holder"].public))  # fmt: skip
    yield from (
        he.show.Explorer(made["rows"], made["knobs"]),
        BootstrapParams(),
        made["entries"],
        model.encrypt_model(),
    )


#: Made by the package of parts that fit, not by its users; their methods are called all the same.
MADE = (
    he.BatchPlan, he.BootstrapPlan, he.Ciphertext, he.DeepPlan, he.EncryptedBatch, he.Plan,
    he.Polynomial, he.Composite, he.PublicBundle, he.SealedModel, he.SealedNetwork, he.Table,
    he.show.Picture, he.show.Axis,
)  # fmt: skip
#: What keeps calls quick where it may be left out.
QUICK = {"engine": "plain", "functions": ["relu"], "degrees": [2], "ranges": [2], "workers": 1}
OPERATORS = (
    "__add__", "__radd__", "__sub__", "__rsub__", "__mul__", "__rmul__", "__matmul__",
    "__rmatmul__", "__truediv__", "__rtruediv__", "__pow__", "__getitem__", "__eq__",
)  # fmt: skip


#: Of public objects, but for the package's other modules, which give them what they looked at
#: before: of ciphertexts, of ledgers, whose entries operations write, and of plans, where bounds
#: and levels may be beyond all bounds on purpose.
WITHIN = {
    "after", "covered", "decode", "rescaled", "cover",
    "encrypted", "operation", "ran",
    "cuts", "leaving", "region_bytes", "shape", "worst",
}  # fmt: skip
#: What the caller's own functions and iterators raise is the caller's.
OWN = {"uploads": ("broken",), "tick": ("module",), "watch": ("module", "class")}


def _own(module):
    mine = vars(module).items()
    return [n for n, f in mine if n[0] != "_" and getattr(f, "__module__", "") == module.__name__]


def names_of(module):
    for name in getattr(module, "__all__", _own(module)):
        found = getattr(module, name)
        ours = getattr(found, "__module__", "").startswith("helib_py")
        refusal = isinstance(found, type) and issubclass(found, Exception)
        called = callable(found) and ours and not refusal
        if called and found not in MADE:
            yield f"{module.__name__}.{name}", found


def methods_of(x):
    """Bound methods that its class or one of ours above it defines, but for those of modules."""
    for name in dir(type(x)):
        where = next(vars(c)[name] for c in type(x).__mro__ if name in vars(c))
        ours = getattr(inspect.unwrap(getattr(type(x), name)), "__module__", "") or ""
        public = (name[0] != "_" and name not in WITHIN) or (
            name in OPERATORS and isinstance(x, he.Ciphertext)
        )
        method = public and not isinstance(where, property) and ours.startswith("helib_py")
        if method and callable(bound := getattr(x, name)):
            yield f"{type(x).__name__}.{name}", bound


@cache
def targets():
    found = {}
    for module in (he, he.show, he.widgets, he_nn, he.data):
        found.update(names_of(module))
    for i, x in enumerate(instances()):
        found.update({f"{name} of {i}": method for name, method in methods_of(x)})
    return found


def calls(function):
    """Keyword arguments: each parameter in turn something bad, the others good or left out."""
    parameters = {
        p.name: p for p in inspect.signature(function).parameters.values()
        if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
    }  # fmt: skip
    needed = {n: good().get(n) for n, p in parameters.items() if p.default is p.empty}
    usual = {name: value for name, value in QUICK.items() if name in parameters}
    for name in parameters:
        for kind, bad in BAD.items():
            if kind in OWN.get(name, ()):
                continue
            given = {**needed, **usual, name: bad}
            first = [given.pop(n) for n, p in parameters.items() if n in given and p.kind == 0]
            yield f"{name} {kind}", first, given


def outcome(function, args, named):
    """None for a result or a HelibError; else what came out."""
    try:
        result = function(*args, **named)
        if isinstance(result, types.GeneratorType):
            next(result, None)
    except he.HelibError:
        return None
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", targets())
def test_what_comes_out_of_a_public_name_is_a_result_or_our_refusal(name):
    function = targets()[name]
    found = {what: outcome(function, args, named) for what, args, named in calls(function)}
    assert not {what: raw for what, raw in found.items() if raw}
