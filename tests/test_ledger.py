"""The ledger notes every operation once, measures with the key it was handed, and cleans up."""

from functools import cache

import numpy as np
import pytest
from helpers import assert_refused, uniform

import helib_py as he
from helib_py.cipher import WATCHED, WATCHER
from helib_py.errors import BadValue, OutOfLevels, WrongKey

SCHEMES = {
    "CKKS": he.CKKS(depth=4, precision=20, ring=2048, insecure=True),  # quick: for tests only
    "BFV": he.BFV(depth=3, plain_bits=24, bound=2, ring=1024, insecure=True),
    "Paillier": he.Paillier(bits=512, insecure=True),
}
ENGINES = [(s, e) for s in SCHEMES for e in (None, "plain")]
W = np.array([[1, 0, -1, 1], [0, 1, 1, 0]])

# what is typed → what is noted; only what every scheme can do
COMMON = {
    "x + y": lambda x, y: x + y,
    "x + v": lambda x, y: np.array([1, 0, 1, 0]) + x,
    "x + k": lambda x, y: 1 + x,
    "x - v": lambda x, y: x - [1, 0, 1, 0],
    "-x": lambda x, y: -x,
    "x * v": lambda x, y: x * [1, -1, 1, 1],
    "x * k": lambda x, y: np.int64(3) * x,
    "W @ x": lambda x, y: W @ x,
    "x @ M": lambda x, y: x @ W.T,
    "rotate": lambda x, y: x.rotate(1),
    "sum": lambda x, y: x.sum(),
}
PRODUCTS = {
    "x - y": lambda x, y: x - y,
    "x * y": lambda x, y: x * y,
    "x ** k": lambda x, y: x**3,
    "x * x": lambda x, y: x * x,
    "x @ y": lambda x, y: x @ y,
}
CASES = [(*se, name, f) for se in ENGINES for name, f in COMMON.items()
         if (se[0], name) != ("Paillier", "x - v")]  # fmt: skip
CASES += [(*se, n, f) for se in ENGINES if se[0] != "Paillier" for n, f in PRODUCTS.items()]


@cache
def new_owner(scheme, engine=None, _number=0):
    return he.DataOwner(SCHEMES[scheme], engine)


def pair(owner):
    return owner.encrypt([1, 0, -1, 1]), owner.encrypt([0, 1, 1, -1])


@pytest.mark.parametrize(("scheme", "engine", "name", "run"), CASES)
def test_every_operation_is_noted_once_and_what_it_is_made_of_is_not(scheme, engine, name, run):
    owner = new_owner(scheme, engine)
    x, y = pair(owner)
    with he.Ledger(debug_key=owner) as ledger:
        result = run(x, y)
    (entry,) = ledger
    assert (entry.operation, entry.scheme, entry.is_secure) == (name, scheme, False)
    assert entry.nbytes == result.nbytes
    assert entry.seconds > 0
    np.testing.assert_allclose(owner.decrypt(result), owner.decrypt(run(x, y)), atol=1e-3)


@pytest.mark.parametrize(
    ("scheme", "run"),
    [("CKKS", lambda x, y: 1 - x), ("BFV", lambda x, y: 1 - x), ("Paillier", lambda x, y: x - y)],
)
def test_a_difference_is_one_operation_too(scheme, run):
    x, y = pair(new_owner(scheme, "plain"))
    with he.Ledger() as ledger:
        run(x, y)
    assert len(ledger) == 1


def test_what_only_ckks_or_paillier_has_is_noted_as_well():
    x, y = pair(new_owner("CKKS"))
    p, _ = pair(new_owner("Paillier"))
    with he.Ledger() as ledger:
        x.combine([x, y], [0.5, 2.0])
        x.lower(1)
        p.packed()
    assert [e.operation for e in ledger] == ["combine", "lower", "pack"]
    assert [e.level for e in ledger] == [3, 1, None]


@pytest.mark.parametrize(("scheme", "engine"), ENGINES)
def test_a_fresh_ciphertext_is_noted_by_owner_and_bundle_alike(scheme, engine):
    owner = new_owner(scheme, engine)
    with he.Ledger() as ledger:
        owner.encrypt([1, 0])
        owner.public.encrypt([1, 0])
    assert [e.operation for e in ledger] == ["encrypt", "encrypt"]


def test_whatever_is_watched_has_a_name_and_a_meaning_in_the_clear():
    from helib_py import ledger

    assert set(WATCHED) <= set(ledger._SHOWN)
    assert set(ledger._SHOWN) == set(ledger._APPLY)


def test_measured_is_within_3_bits_of_predicted_on_ckks():
    """At the worst of eight keys: a rotation can take the slot with the largest error away."""
    values = np.sign(uniform(256)) * uniform(256, 1, 0.02) + np.sign(uniform(256))
    values = np.clip(values, -1, 1)
    ledgers = []
    for number in range(8):
        owner = new_owner("CKKS", None, number)
        with he.Ledger(debug_key=owner) as ledger:
            x = owner.encrypt(values)
            y = x * x + 0.5 * x
            (y * x - 1).rotate(np.int64(3))
        assert len(ledger) == 7
        ledgers.append(ledger)
    for entries in zip(*ledgers, strict=True):
        assert abs(entries[0].predicted - min(e.measured for e in entries)) < 3


def test_measured_is_at_least_predicted_on_bfv_and_not_far_above():
    owner = new_owner("BFV")
    with he.Ledger(debug_key=owner) as ledger:
        x = owner.encrypt(np.ones(256, int))
        for _ in range(3):
            x = x * x + 0
            x = x.promise(1)
    for entry in ledger:
        assert 0 <= entry.measured - entry.predicted <= 5


def test_a_ciphertext_from_before_the_ledger_is_opened_with_the_key():
    owner = new_owner("CKKS")
    x = owner.encrypt(uniform(4))
    with he.Ledger(debug_key=owner) as ledger:
        x + x
    (entry,) = ledger
    assert entry.measured > 15


def test_without_a_key_nothing_is_measured():
    x, y = pair(new_owner("CKKS"))
    with he.Ledger() as ledger:
        x * y
    (entry,) = ledger
    assert entry.measured is None
    assert "–" in ledger.table().column("measured")


class Counting(he.Ledger):
    def __init__(self):
        super().__init__()
        self.calls = 0

    def operation(self, *arguments):
        self.calls += 1
        return super().operation(*arguments)


def test_a_closed_ledger_is_not_called():
    x, y = pair(new_owner("CKKS", "plain"))
    ledger = Counting()
    x + y
    with ledger:
        x + y
    _ = x + y, x * y, x.sum(), x.context
    assert (ledger.calls, len(ledger)) == (1, 1)


def test_a_ledger_may_be_opened_again_and_goes_on():
    x, y = pair(new_owner("CKKS", "plain"))
    with he.Ledger() as ledger:
        x + y
    with ledger:
        x - y
    assert [e.operation for e in ledger] == ["x + y", "x - y"]


def test_ledgers_do_not_nest_and_the_first_one_stays_open():
    x, y = pair(new_owner("CKKS", "plain"))
    with he.Ledger() as outer:
        for inner in (he.Ledger(), outer):
            with pytest.raises(BadValue, match="open already") as refused, inner:
                pass
            assert_refused(refused)
        x + y
    assert len(outer) == 1
    assert WATCHER.get() is None


def test_an_error_in_the_block_leaves_nobody_watching():
    with pytest.raises(ZeroDivisionError), he.Ledger():
        raise ZeroDivisionError
    assert WATCHER.get() is None


def square_on(x):
    for _ in range(20):
        x = (x * x).promise(1)


@pytest.mark.parametrize("scheme", ["CKKS", "BFV"])
def test_a_refused_operation_is_not_noted_and_the_next_one_is(scheme):
    owner = new_owner(scheme, "plain")
    x = owner.encrypt([1, 1])
    with he.Ledger(debug_key=owner) as ledger:
        with pytest.raises(OutOfLevels):
            square_on(x)
        count = len(ledger)
        x + 0
    assert [e.operation for e in ledger] == ["x * x"] * count + ["x + k"]
    assert WATCHER.get() is None


@pytest.mark.parametrize("scheme", SCHEMES)
def test_another_owner_s_key_is_refused_and_nobody_watches_afterwards(scheme):
    owner, other = new_owner(scheme), new_owner(scheme, None, 1)
    x, y = pair(owner)
    for run in (lambda: owner.encrypt([1]), lambda: x + y):
        with pytest.raises(WrongKey, match="another owner"), he.Ledger(debug_key=other):
            run()
        assert WATCHER.get() is None


def test_a_table_has_a_row_for_every_operation_and_no_scale_where_there_is_none():
    x, _ = pair(new_owner("BFV", "plain"))
    with he.Ledger() as ledger:
        x + x
    assert ledger.table().column("log2 scale") == ["–"]
    assert repr(ledger) == repr(ledger.table())
    assert "x + x" in ledger._repr_html_()


def test_a_promise_does_not_make_the_ledger_forget():
    """What was lost before stays lost: the reference is the clear value, not what decrypts."""
    owner, x = he.DataOwner(he.CKKS(depth=6, rotations=())), np.linspace(-1, 1, 32)
    with he.Ledger(owner) as ledger:
        c, y = owner.encrypt(x), x
        for _ in range(5):
            c, y = (2 * (c * c) - 1).promise(1.0), 2 * y * y - 1
    measured = [entry.measured for entry in ledger][-1]
    assert abs(measured - he.measured_bits(owner.decrypt(c), y)) < 0.5
