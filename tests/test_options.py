"""What people type for an option: anybody's number works, all else is refused with the fix."""

import copy
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from helpers import assert_refused
from nets import IMAGES, net

import helib_py as he
from helib_py.agreement import Agreement
from helib_py.errors import HelibError, OutOfMemory, ParameterError
from helib_py.params.bootstrap import BootstrapParams

EIGHTS = [
    8,
    8.0,
    np.float32(8),
    np.int64(8),
    np.array(8),
    torch.tensor(8),
    Fraction(8),
    Decimal(8),
]
NO_NUMBERS = [None, "8", b"8", float("nan"), float("inf"), True, [8], 1j, 10**5000, object, {}]
MAKERS = {
    "CKKS": lambda n: he.CKKS(bound=n),
    "BFV": lambda n: he.BFV(bound=n),
    "Paillier": lambda n: he.Paillier(bound=n),
    "depth": lambda n: he.CKKS(depth=n, precision=20, security=128),
    "chain": lambda n: he.Chain(8192, True, (50, 50), 50, input_bits=n),
    "bootstrap": lambda n: BootstrapParams(levels=n),
    "agreement": lambda n: Agreement((4, 2), (1.0,), peak=n),
    "rotations": lambda n: he.CKKS(rotations=(n,)),
}


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("eight", EIGHTS, ids=[type(n).__name__ for n in EIGHTS])
def test_anybody_s_eight_is_the_same_eight(name, eight):
    made, plain = MAKERS[name](eight), MAKERS[name](8.0)
    assert made == plain
    assert repr(made) == repr(plain)
    if hasattr(made, "to_json"):
        assert type(made).from_json(made.to_json()) == made


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("other", NO_NUMBERS, ids=[type(n).__name__ for n in NO_NUMBERS])
def test_what_is_no_number_is_refused(name, other):
    with pytest.raises(ParameterError) as error:
        MAKERS[name](other)
    assert_refused(error)


def test_ciphertexts_under_a_whole_bound_are_readable_as_bytes():
    owner = he.DataOwner(he.CKKS(bound=np.int64(8)), "plain")
    again = owner.public.load(owner.encrypt([4.0]).to_bytes())
    assert abs(float(owner.decrypt(again)[0]) - 4) < 2**-10


def test_primes_may_be_an_array():
    sizes = np.array([50, 40, 40])
    assert he.CKKS(prime_bits=sizes).prime_bits == (50, 40, 40)
    assert he.Chain(8192, True, sizes, 50).prime_bits == (50, 40, 40)


NAN = float("nan")
BATCH, HOLDER, BOOT = dict(batch=True), dict(refresh="key holder"), dict(refresh="bootstrap")
REFUSED = [
    *({"security": s, **way} for s in (None, 0, 100, "128", NAN)
      for way in ({}, BATCH, HOLDER, BOOT)),
    *({"precision": p, **way} for p in (None, "7", NAN, float("inf"), 100, [7])
      for way in ({}, BATCH, HOLDER)),
    *({"ring": n, **way} for n in ("8192", 8191, 8192.5, 0, 1 << 30) for way in ({}, BATCH)),
    *({"refresh_after": n, **HOLDER} for n in (1.5, 0, -1, "2")),
    {"security": 256, **BOOT}, {"precision": 12, **BOOT}, {"answers": 3},
    *({"batch": b} for b in ("yes", 1, None)), *({"insecure": b, **BOOT} for b in ("no", 1)),
    *({"refresh": r} for r in ("holder", True, 3, "")),
    *({"flood": f} for f in ("40", NAN, 0, 1000, -40, True)),
    *({"flood": 40, "answers": a} for a in (0, 1.5, None, "1")),
    *({"chain": c} for c in ("lazy", 3, (50, 50), he.Chain)),
]  # fmt: skip


@pytest.mark.parametrize("options", REFUSED, ids=str)
def test_an_option_that_is_none_is_refused_before_any_work(options):
    with pytest.raises(ParameterError) as error:
        he.plan(net("dense"), IMAGES[:8], **options)
    assert_refused(error)


@pytest.mark.parametrize(
    "options", [dict(ring=8192.0), dict(ring=np.int64(8192)), dict(precision=np.float32(7))]
)
def test_an_option_that_is_anybody_s_number_is_that_number(options):
    plan = he.plan(net("dense"), IMAGES[:8], **options)
    assert plan.summary == he.plan(net("dense"), IMAGES[:8], ring=8192).summary


def grid(fill):
    return np.full((3, *IMAGES.shape[1:]), fill)


EXAMPLES = {
    "none": None, "empty": [], "no rows": IMAGES[:0], "one input": IMAGES[0].ravel(),
    "NaN": grid(np.nan), "infinite": grid(np.inf), "words": grid("0"), "nothing": grid(None),
    "complex": grid(1j), "wide": np.ones((3, 5)), "meta": torch.empty(3, 1, 4, device="meta"),
    "ragged": [[1.0], [1.0, 2.0]],
}  # fmt: skip


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("way", [{}, BATCH, HOLDER, {**BOOT, "insecure": True}], ids=str)
def test_examples_that_are_none_are_refused(name, way):
    with pytest.raises(HelibError) as error:
        he.plan(net("dense"), EXAMPLES[name], **way)
    assert_refused(error)


TENSORS = {
    "bfloat16": lambda x: x.bfloat16().double().bfloat16(),
    "sparse": lambda x: x.to_sparse(),
    "with grad": lambda x: x.requires_grad_(),
    "objects": lambda x: x.numpy().astype(object),
    "float32": lambda x: x.float().numpy(),
}


@pytest.mark.parametrize("name", TENSORS)
def test_examples_of_any_kind_are_read(name):
    plan = he.plan(net("dense"), TENSORS[name](torch.tensor(IMAGES[:8])))
    assert plan.bits >= 7


@pytest.mark.parametrize("way", [{}, BATCH, HOLDER, {**BOOT, "insecure": True}], ids=str)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused_in_every_plan(way, value):
    network = copy.deepcopy(net("dense"))
    with torch.no_grad():
        next(network.parameters()).view(-1)[0] = value
    with pytest.raises(HelibError) as error:
        he.plan(network, IMAGES[:8], **way)
    assert_refused(error)


class Classifier:
    """As scikit-learn's are: with coefficients, and no module."""

    coef_, intercept_ = np.ones((1, 4)), np.zeros(1)


NO_NETS = {
    "a scikit-learn model": Classifier(), "a list": [torch.nn.Linear(4, 2)], "None": None,
    "a state_dict": net("dense").state_dict(), "a class": torch.nn.Linear, "a function": abs,
    "a name": "net.pt",
}  # fmt: skip


@pytest.mark.parametrize("name", NO_NETS)
def test_what_is_no_network_is_refused_with_the_fix(name):
    with pytest.raises(HelibError, match="nn") as error:
        he.plan(NO_NETS[name], np.ones((3, 4)))
    assert_refused(error)


def fails(*_, **__):
    raise MemoryError


@pytest.mark.parametrize(
    ("place", "call"),
    [
        ("helib_py.nn.make_plan", lambda: he.plan(net("dense"), IMAGES[:8])),
        ("helib_py.nn.read", lambda: he.plan(net("dense"), IMAGES[:8], batch=True)),
        ("helib_py.engines.new_keys", lambda: he.DataOwner(he.CKKS())),
        ("helib_py.engines.evaluator", lambda: he.DataOwner(he.CKKS(), "plain").encrypt([1.0])),
    ],
)
def test_memory_that_is_not_there_is_said_with_the_fix(monkeypatch, place, call):
    monkeypatch.setattr(place, fails)
    with pytest.raises(OutOfMemory, match="larger machine") as error:
        call()
    assert_refused(error)
