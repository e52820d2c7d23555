"""BFV ciphertexts and bundles across: what labels tell, and what of them is believed."""

import copy
import pickle

import numpy as np
import pytest
from helpers import ENGINES, assert_refused, payload
from test_bfv import HALF, PARAMS, new_owner

import helib_py as he
from helib_py import wire
from helib_py.errors import (
    BadBytes,
    InsecureParameters,
    MissingKey,
    NoSecretKey,
    OutOfLevels,
    WrongKey,
)


@pytest.fixture(params=ENGINES)
def owner(request):
    return new_owner(request.param)


def label(c):
    return len(c), c.bound, c.budget, c.noise, c.nbytes, repr(c)


def journeys(public, c):
    """All ways by which a ciphertext comes to a party."""
    yield public.load(c.to_bytes())
    yield public.load(copy.copy(c))
    yield public.load(pickle.loads(pickle.dumps(c)))


def test_a_fresh_ciphertext_survives_its_bytes_and_its_pickle(owner):
    x = owner.encrypt([1, -2, 3], bound=5)
    for back in journeys(owner.public, x):
        assert label(back) == label(x)
        assert np.array_equal(owner.decrypt(back * back + x), [2, 2, 12])
    assert np.array_equal(owner.decrypt(x.to_bytes()), [1, -2, 3])
    size = x.nbytes if owner.public.engine != "plain" else 8 * (1 + PARAMS.slots)
    assert size < len(x.to_bytes()) < size + 500


def test_a_computed_one_brings_its_values_and_tells_nothing_of_how_they_came_about(owner):
    product = owner.encrypt([1, -2, 3]).promise(3) ** 2
    for back in journeys(owner.public, product):
        assert (len(back), back.bound, back.budget) == (3, HALF, 0)
        assert "budget unknown" in repr(back)
        assert np.array_equal(owner.decrypt(back), [1, 4, 9])
        assert owner.budget(back) > 0
    header, _ = wire.unpack("ciphertext", product.to_bytes())
    stamp = {"params", "format", "key"}
    assert {name: header[name] for name in {*header} - stamp} == {
        "length": 3, "fresh": False, "limit": HALF,
    }  # fmt: skip


USES = [
    lambda x, y: x + x, lambda x, y: x * x, lambda x, y: x**2, lambda x, y: 2 * x,
    lambda x, y: x * [1, 2], lambda x, y: x + 1, lambda x, y: 1 - x, lambda x, y: [[1, 2]] @ x,
    lambda x, y: x.sum(), lambda x, y: x.rotate(1), lambda x, y: x + y, lambda x, y: y + x,
    lambda x, y: x - y, lambda x, y: y - x, lambda x, y: x * y, lambda x, y: y * x,
    lambda x, y: x @ y, lambda x, y: y @ x,
]  # fmt: skip


@pytest.mark.parametrize("use", USES)
def test_a_budget_that_nobody_knows_is_not_drawn_on(owner, use):
    """Until whoever knows it promises; then the result is right."""
    y = owner.encrypt([3, -1], bound=3)
    computed = y + 1
    x = owner.public.load(computed.to_bytes()).promise(4)
    with pytest.raises(OutOfLevels, match=r"promise\(bound, budget=bits\)") as error:
        use(x, y)
    assert_refused(error)
    known = x.promise(4, budget=owner.budget(x))
    assert known.budget == owner.budget(x)
    assert np.array_equal(owner.decrypt(use(known, y)), owner.decrypt(use(computed, y)))


def test_only_what_was_just_encrypted_leaves_as_it_is(library):
    """All else leaves re-randomised, each time anew."""
    owner = new_owner(library)
    x = owner.encrypt([1, 2])
    for c in (x, x.promise(2)):
        assert payload(c.to_bytes()).tobytes() == x.e.dump(x.handle)
    for c in (-x, x + 0, x * 1, x * x, owner.public.load(x.to_bytes())):
        first, second = (payload(c.to_bytes()) for _ in range(2))
        assert (first == second).mean() < 0.01
        assert np.array_equal(owner.decrypt(c.to_bytes()), owner.decrypt(c))


def test_a_pickle_holds_neither_key_nor_context_and_computes_nothing(owner):
    x = pickle.loads(pickle.dumps(owner.encrypt([1, 2])))
    assert x.context.evaluator is None
    assert "Ciphertext of 2 · BFV" in repr(x)
    for use in (lambda: x * x, lambda: -x, lambda: 1 - x, lambda: 2 * x, lambda: x.rotate(1),
                lambda: x.sum(), lambda: [[1, 2]] @ x):  # fmt: skip
        with pytest.raises(MissingKey) as error:
            use()
        assert_refused(error)


def test_a_bundle_survives_its_bytes_and_computes_without_a_key(owner):
    data = owner.public.to_bytes()
    party = he.PublicBundle.from_bytes(data, insecure=True, engine=owner.public.engine)
    assert (party.params, party.params.primes) == (PARAMS, PARAMS.primes)
    assert (party.key_id, party.fingerprint) == (owner.public.key_id, owner.public.fingerprint)
    out = party.load(owner.encrypt([1, 2]).to_bytes()) ** 2 + party.encrypt([3, -4])
    assert np.array_equal(owner.decrypt(out.to_bytes()), [4, 0])
    with pytest.raises(NoSecretKey) as error:
        party.decrypt(out)
    assert_refused(error)


def test_a_toy_s_bundle_is_taken_only_where_its_receiver_says_so(owner):
    with pytest.raises(InsecureParameters) as error:
        he.PublicBundle.from_bytes(owner.public.to_bytes())
    assert_refused(error)


def test_another_owner_s_ciphertext_is_refused_everywhere(owner):
    other, x = new_owner(owner.public.engine, 1), owner.encrypt([1])
    foreign = other.encrypt([1])
    uses = (
        lambda: other.decrypt(x), lambda: other.budget(x), lambda: other.decrypt(x.to_bytes()),
        lambda: other.public.load(x), lambda: foreign * x, lambda: x + foreign,
    )  # fmt: skip
    for use in uses:
        with pytest.raises(WrongKey) as error:
            use()
        assert_refused(error)


FORGED = [
    {"limit": -1}, {"limit": HALF + 1}, {"limit": 1.5}, {"limit": None}, {"limit": True},
    {"length": 0}, {"length": PARAMS.slots + 1}, {"length": "1"}, {"length": 1.0},
    {"fresh": 1}, {"fresh": None}, {"params": "x"}, {"params": None}, {"format": "x"},
    {"format": "Paillier numbers"}, {"format": None},
]  # fmt: skip


@pytest.mark.parametrize("change", FORGED, ids=str)
def test_a_forged_label_is_refused(owner, change):
    header, (data,) = wire.unpack("ciphertext", owner.encrypt([1]).to_bytes())
    with pytest.raises(BadBytes) as error:
        owner.public.load(wire.pack("ciphertext", header | change, data))
    assert_refused(error)
    header = {name: value for name, value in header.items() if name not in change}
    with pytest.raises(BadBytes):
        owner.public.load(wire.pack("ciphertext", header, data))


def test_nothing_that_a_label_adds_is_believed(owner):
    """Not even by a sender who says that noise and limit of a computed one are small."""
    header, (data,) = wire.unpack("ciphertext", (-owner.encrypt([1])).to_bytes())
    told = {"noise": -1e6, "budget": 900, "limit": 1}
    back = owner.public.load(wire.pack("ciphertext", header | told, data))
    assert (back.budget, back.bound) == (0, HALF)
    assert np.isnan(back.noise)


@pytest.mark.parametrize("count", [0, 2])
def test_one_payload_is_a_ciphertext_and_no_other_number(owner, count):
    header, (data,) = wire.unpack("ciphertext", owner.encrypt([1]).to_bytes())
    with pytest.raises(BadBytes) as error:
        owner.public.load(wire.pack("ciphertext", header, *[data] * count))
    assert_refused(error)


SPOILED = {
    "too short": lambda p: p[:-8],
    "twice": lambda p: p + p,
    "empty": lambda p: b"",
    "three parts": lambda p: p + p[: len(p) // 2],
    "one part": lambda p: p[: len(p) // 2],
}


@pytest.mark.parametrize("name", SPOILED)
def test_bytes_that_are_no_ciphertext_are_refused(owner, name):
    header, (data,) = wire.unpack("ciphertext", owner.encrypt([1]).to_bytes())
    with pytest.raises(BadBytes) as error:
        owner.public.load(wire.pack("ciphertext", header, SPOILED[name](data)))
    assert_refused(error)


UNSOUND = {
    "a residue that is none": lambda p: PARAMS.primes[0].to_bytes(8, "little") + p[8:],
    "the last residue that is none": lambda p: p[:-8] + b"\xff" * 8,
    "without a mask": lambda p: p[: len(p) // 2].ljust(len(p), b"\0"),
}


@pytest.mark.parametrize("name", UNSOUND)
def test_residues_that_no_encryption_gives_are_refused(library, name):
    owner = new_owner(library)
    header, (data,) = wire.unpack("ciphertext", owner.encrypt([1]).to_bytes())
    with pytest.raises(BadBytes) as error:
        owner.public.load(wire.pack("ciphertext", header, UNSOUND[name](data)))
    assert_refused(error)


def test_schemes_do_not_take_each_other_s_bytes(owner):
    ckks = he.DataOwner(he.CKKS(depth=1, rotations=()), "plain")
    for taker, giver in ((owner, ckks), (ckks, owner)):
        with pytest.raises(BadBytes):
            taker.public.load(giver.encrypt([1]).to_bytes())
