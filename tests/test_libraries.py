"""Two libraries over SEAL read each other's keys and ciphertexts, and compute the same."""

import hashlib
from functools import cache
from itertools import permutations

import numpy as np
import pytest
import sealed
from helpers import (
    INSTALLED,
    NEEDS,
    assert_bits,
    assert_refused,
    payload,
    run_python,
    uniform,
)
from nets import IMAGES, clear, plan
from test_batch import plan as batch_plan

import helib_py as he
from helib_py.engines import FORMATS, own_engine
from helib_py.engines.seal.keys import public_shape, random_half, switching_shape
from helib_py.errors import ParameterError

CKKS = he.CKKS(depth=3, precision=20, rotations=(1, 2, 4))
BFV = he.BFV(depth=2, plain_bits=20, bound=4, rotations=(1, 2, 4))
PAIRS = [
    pytest.param(*names, marks=[NEEDS[name] for name in names]) for names in permutations(NEEDS, 2)
]  #: whose owner, whose server


@cache
def owner(params, library):
    return he.DataOwner(params, library)


def party(of, library):
    """Another party, from bytes, with a library of its own."""
    return he.PublicBundle.from_bytes(of.public.to_bytes(), engine=library)


# --- across --------------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [CKKS, BFV], ids=["CKKS", "BFV"])
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_bundle_is_the_same_to_both(params, one, other):
    public = owner(params, one).public
    there = party(owner(params, one), other)
    assert (public.engine, there.engine) == (one, other)
    assert there.to_bytes() == public.to_bytes()
    assert (there.key_id, there.fingerprint) == (public.key_id, public.fingerprint)


@pytest.mark.parametrize("params", [CKKS, BFV], ids=["CKKS", "BFV"])
def test_bundles_of_both_are_made_alike(params, library):
    keys, count = owner(params, library).public.keys, len(params.rotations)
    primes, ring = public_shape(params)
    switching = 8 * int(np.prod(switching_shape(params)))
    assert {name: len(data) for name, data in keys.items()} == {
        "seed": 32, "public": 8 * primes * ring, "relinearisation": switching,
        "rotation": count * switching,
    }  # fmt: skip


VALUES = uniform(8)
CIRCUITS = {
    "sum": lambda x, y: x + y,
    "difference": lambda x, y: x - y,
    "plaintexts": lambda x, y: 3 * x - [1, 0, 2, 1, 0, 1, 1, 2] * y + 1,
    "product": lambda x, y: x * y,
    "power": lambda x, y: x**4,
    "rotation": lambda x, y: x.rotate(3) if hasattr(x, "rotate") else np.roll(x, -3),
    "matrix": lambda x, y: np.arange(-3, 61).reshape(8, 8) % 3 @ x,
    "levels": lambda x, y: x * x * y + x,
    "nothing left": lambda x, y: x - x,
}


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_ckks_is_computed_by_one_for_the_other_s_owner(one, other, name):
    """Fresh ciphertexts cross to the server, others are made there, results go back."""
    who, x, y = owner(CKKS, one), uniform(8, 1), uniform(8, 2)
    there = party(who, other)
    out = CIRCUITS[name](there.load(who.encrypt(x).to_bytes()), there.encrypt(y))
    assert_bits(who.decrypt(out.to_bytes()), CIRCUITS[name](x, y), at_least=17)


@pytest.mark.parametrize("name", CIRCUITS)
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_bfv_is_computed_by_one_for_the_other_s_owner(one, other, name):
    who = owner(BFV, one)
    x, y = (np.random.default_rng(seed).integers(-2, 3, 8) for seed in (1, 2))
    there = party(who, other)
    out = CIRCUITS[name](there.load(who.encrypt(x).to_bytes()), there.encrypt(y))
    assert np.array_equal(who.decrypt(out.to_bytes()), CIRCUITS[name](x, y))
    assert 1 <= out.budget <= who.budget(out.to_bytes())


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_ciphertext_goes_to_and_fro(one, other):
    """Home, away and home again, a level lower each time."""
    who, x = owner(CKKS, one), uniform(8)
    here, there, c = who.public, party(who, other), who.encrypt(x)
    for turn, where in enumerate((there, here, there)):
        c = where.load(c.to_bytes()).promise(1) * 0.5
        assert_bits(who.decrypt(c.to_bytes()), x / 2 ** (turn + 1), at_least=17)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_plan_runs_on_the_other_library(one, other):
    who = he.DataOwner(plan("two squares"), one)
    server = he.Server(plan("two squares"), party(who, other))
    got = who.decrypt(server.run([c.to_bytes() for c in who.encrypt(IMAGES[41])]).to_bytes())
    at_least = -np.log2(plan("two squares").error) - 2
    assert_bits(got, clear("two squares", IMAGES[41:42])[0], at_least)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_batch_runs_on_the_other_library(one, other):
    found = batch_plan("two squares")
    who = he.DataOwner(found, one)
    server = he.Server(found, party(who, other))
    got = who.decrypt(server.run(who.encrypt(IMAGES[40:]).to_bytes()).to_bytes())
    assert_bits(got, clear("two squares", IMAGES[40:]), at_least=-np.log2(found.error) - 2)


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_a_sealed_network_answers_by_the_other_library(one, other):
    who, x = sealed.owner(one), sealed.examples(sealed.WIDTHS)[0]
    message = who.encrypt_model().to_bytes()
    network = he.SealedNetwork.from_bytes(message, who.agreed, other)
    given = network(x)
    expected = sealed.clear(sealed.layers(sealed.WIDTHS), x)
    assert_bits(who.decrypt(given.to_bytes()), expected, given.bits - 1.5)


OPERATIONS = {  # BFV knows all but the last three
    "add": lambda e, a, b, p: e.add(a, b),
    "subtract": lambda e, a, b, p: e.subtract(a, b),
    "negate": lambda e, a, b, p: e.negate(a),
    "add_plain": lambda e, a, b, p: e.add_plain(a, p),
    "multiply_plain": lambda e, a, b, p: e.multiply_plain(a, p),
    "multiply": lambda e, a, b, p: e.multiply(a, b),
    "square": lambda e, a, b, p: e.square(a),
    "relinearise": lambda e, a, b, p: e.relinearise(e.multiply(a, b)),
    "rotate": lambda e, a, b, p: e.rotate(a, 3),
    "rescale": lambda e, a, b, p: e.rescale(e.multiply_plain(a, p)),
    "lower": lambda e, a, b, p: e.lower(a, 1),
    "add_integers": lambda e, a, b, p: e.add_integers(a, np.arange(-99, e.params.ring - 99)),
}


@pytest.mark.parametrize(("params", "name"), [
    *((CKKS, name) for name in OPERATIONS), *((BFV, name) for name in [*OPERATIONS][:-3])
], ids=lambda p: p if isinstance(p, str) else type(p).__name__)  # fmt: skip
@pytest.mark.parametrize(("one", "other"), PAIRS[:1])
def test_both_compute_the_same_residues(params, one, other, name):
    place = (CKKS.depth, CKKS.scales[-1]) if params is CKKS else ()
    values = (np.arange(8) - 3) / (4 if params is CKKS else 1)
    who, made = owner(params, one), []
    a, b = (payload(who.encrypt(k * values).to_bytes()).tobytes() for k in (1, -1))
    for e in (who.public.context.e, party(who, other).context.e):
        p = e.encode(np.resize(values, params.slots), *place)
        out = OPERATIONS[name](e, e.load(a, *place), e.load(b, *place), p)
        made.append((e.dump(out), e.lib.parts(out), e.lib.level(out), e.lib.scale(out)))
    assert made[0] == made[1]


# --- the seed of a public key --------------------------------------------------------------------


@pytest.mark.parametrize("params", [CKKS, BFV], ids=["CKKS", "BFV"])
def test_the_random_half_is_the_words_of_a_hash_read_one_by_one(params):
    """Each below the largest multiple of its prime, and reduced: nobody could have chosen it."""
    seed = bytes(range(32))
    got = random_half(params, seed)
    assert got.shape == public_shape(params)
    for i, q in enumerate((*params.primes, params.special)):
        stream = hashlib.shake_256(b"helib_py public key %d " % i + seed).digest(
            8 * 2 * params.ring
        )
        words = (int.from_bytes(stream[k : k + 8], "little") for k in range(0, len(stream), 8))
        kept = [word % q for word in words if word < 2**64 // q * q][: params.ring]
        assert got[i].tolist() == kept


def test_another_seed_gives_another_half():
    first, second = (random_half(CKKS, seed) for seed in (bytes(32), bytes(31) + b"1"))
    assert (first == second).mean() < 0.01


def test_a_random_half_is_uniform():
    half = random_half(CKKS, b"seed").astype(float)
    primes = np.array([*CKKS.primes, CKKS.special], dtype=float)[:, None]
    assert np.abs((half / primes).mean(axis=1) - 0.5).max() < 0.02
    assert np.abs((half / primes).var(axis=1) * 12 - 1).max() < 0.05


# --- which one -----------------------------------------------------------------------------------


def test_the_first_that_is_installed_is_taken():
    for params in (CKKS, BFV):
        assert own_engine(params) == INSTALLED[0]
    assert own_engine(he.Paillier()) == "paillier"
    assert he.DataOwner(he.CKKS(depth=1, rotations=())).public.engine == INSTALLED[0]
    assert FORMATS["seal"] == FORMATS["pyfhel"] != FORMATS["plain"]


CHOICE = """if True:
    import sys, helib_py as he
    sys.modules.update(dict.fromkeys(sys.argv[1].split()))  # None: not to be had
    for engine in (None, "seal", "pyfhel"):
        try: print(he.DataOwner(he.CKKS(depth=1, rotations=()), engine).public.engine)
        except he.errors.MissingExtra as error: print(error)
"""


@pytest.mark.parametrize("name", INSTALLED)
def test_with_one_library_only_that_one_is_taken(name):
    missing = {"seal": "Pyfhel", "pyfhel": "seal"}[name]
    said = run_python(CHOICE, missing).splitlines()
    assert said[0] == name
    refusal = said[2 if name == "seal" else 1]
    assert f"needs {missing}: pip install" in refusal


def test_without_any_library_the_refusal_names_what_to_install():
    for line in run_python(CHOICE, "seal Pyfhel").splitlines():
        assert "pip install 'helib-py[" in line


@pytest.mark.parametrize("engine", ["SEAL", "native", "paillier", 5])
def test_a_library_that_nobody_knows_is_refused(engine):
    for params in (CKKS, BFV):
        with pytest.raises(ParameterError, match="choose one of") as error:
            he.DataOwner(params, engine)
        assert_refused(error)
