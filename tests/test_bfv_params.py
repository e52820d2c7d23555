"""BFV parameters: derived by the noise model, held to the 2024 table, shown, sent."""

from math import log2

import pytest
from helpers import assert_refused, run_python

import helib_py as he
from helib_py.errors import InsecureParameters, ParameterError
from helib_py.params import MAX_MODULUS_BITS, is_prime

SETS = [
    he.BFV(),
    he.BFV(depth=0, plain_bits=17),
    he.BFV(depth=5, plain_bits=30, bound=7, security=192, rotations=(3,)),
    he.BFV(ring=16384, prime_bits=(50, 40), special_bits=55, rotations=()),
    he.BFV(ring=1024, depth=1, insecure=True),
]


@pytest.mark.parametrize("security", [128, 192, 256])
@pytest.mark.parametrize("plain_bits", [20, 33, 50])
@pytest.mark.parametrize("depth", [0, 1, 2, 4, 7, 11])
def test_the_smallest_ring_that_holds_the_products_is_chosen(depth, plain_bits, security):
    params = he.BFV(depth=depth, plain_bits=plain_bits, security=security, rotations=())
    assert params.is_secure
    assert params.label == f"{security}-bit"
    assert params.depth == depth
    assert params.modulus_bits <= MAX_MODULUS_BITS[security][params.ring]
    smaller = [n for n in MAX_MODULUS_BITS[security] if n < params.ring]
    for ring in smaller:
        with pytest.raises((InsecureParameters, ParameterError)):
            he.BFV(depth=depth, plain_bits=plain_bits, security=security, ring=ring)


@pytest.mark.parametrize("params", SETS, ids=str)
def test_all_primes_are_distinct_and_fit_the_transform(params):
    numbers = [*params.primes, params.special, params.modulus]
    assert len(set(numbers)) == len(numbers)
    assert all(is_prime(q) and q % (2 * params.ring) == 1 for q in numbers)
    assert [round(log2(q)) for q in numbers[:-1]] == [*params.prime_bits, params.special_bits]
    assert params.modulus.bit_length() == params.plain_bits
    assert params.special_bits >= max(params.prime_bits)


def test_the_plain_modulus_is_the_largest_prime_of_so_many_bits():
    """As SEAL's PlainModulus::Batching finds it."""
    assert he.BFV(ring=8192, depth=1, plain_bits=20).modulus == 1032193
    assert he.BFV(ring=8192, depth=1, plain_bits=17).modulus == 114689


def test_a_plain_modulus_of_as_many_bits_as_a_prime_of_the_chain_is_another_prime():
    params = he.BFV(ring=8192, prime_bits=(40, 40, 40), special_bits=40, plain_bits=40)
    assert params.modulus not in params.primes


@pytest.mark.parametrize(("plain_bits", "depth"), [(20, 2), (20, 4), (30, 1), (50, 3), (17, 0)])
def test_the_bound_is_the_largest_that_depth_squarings_keep_below_half_of_t(plain_bits, depth):
    params = he.BFV(depth=depth, plain_bits=plain_bits)
    assert params.bound**2**depth <= params.modulus // 2 < (params.bound + 1) ** 2**depth


def test_a_deep_set_still_promises_the_numbers_0_and_1():
    assert he.BFV(depth=12).bound == 1


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 6])
def test_depth_is_what_the_budget_is_enough_for(depth):
    params = he.BFV(depth=depth)
    noise = params.model.fresh
    for _ in range(depth):
        noise = params.model.product(noise, noise)
    assert params.model.left(noise) >= 8
    assert params.model.left(params.model.product(noise, noise)) < 8


def test_given_primes_say_how_deep_it_goes():
    given = he.BFV(ring=8192, prime_bits=(43, 43, 43, 42))
    assert (given.depth, given.special_bits) == (4, 43)
    assert given == he.BFV(depth=4)


@pytest.mark.parametrize("params", SETS, ids=str)
def test_json_rebuilds_the_very_same_set(params):
    back = he.BFV.from_json(params.to_json(), insecure=not params.is_secure)
    assert back == params
    assert (back.primes, back.special, back.modulus, back.fingerprint) == (
        params.primes, params.special, params.modulus, params.fingerprint,
    )  # fmt: skip


def test_other_numbers_give_another_fingerprint():
    sets = [
        he.BFV(), he.BFV(depth=1), he.BFV(plain_bits=21), he.BFV(ring=32768), he.BFV(security=192),
        he.CKKS(),
    ]  # fmt: skip
    assert len({params.fingerprint for params in sets}) == len(sets)


@pytest.mark.parametrize("params", SETS[:3], ids=str)
def test_bytes_are_told_before_a_key_exists(library, params):
    owner = he.DataOwner(params, library)
    c = owner.encrypt([1])
    assert len(c.e.dump(c.handle)) == c.nbytes == params.ciphertext_bytes
    assert len(c.to_bytes()) - params.ciphertext_bytes in range(500)
    keys = {"rotation": len(params.rotations), "relinearisation": 1 if params.depth else 0}
    expected = {name: count * params.key_bytes for name, count in keys.items() if count}
    expected |= {"seed": 32, "public": 8 * params.ring * (len(params.primes) + 1)}
    assert {name: len(data) for name, data in owner.public.keys.items()} == expected


def test_explain_gives_every_number_with_a_reason():
    params = he.BFV(depth=3)
    table = params.explain()
    shown = {params.ring, params.slots, params.depth, params.modulus, params.bound, params.budget}
    assert shown <= set(table.column("value"))
    assert all(table.column("why"))
    assert repr(params) == "BFV · N=8192 · mod 1032193 · depth 3 · primes 46,46,46|60 · 128-bit"


def test_insecure_parameters_are_refused_unless_written_out():
    with pytest.raises(InsecureParameters, match="ring=16384") as error:
        he.BFV(ring=8192, depth=5)
    assert_refused(error)
    assert he.BFV(ring=8192, depth=5, insecure=True).label == "INSECURE"


@pytest.mark.parametrize("bits", [(60, 60, 60), (60, 60, 47)])
def test_what_only_the_older_table_of_seal_allows_is_refused(bits):
    with pytest.raises(InsecureParameters):
        he.BFV(ring=8192, prime_bits=bits[:-1], special_bits=bits[-1], depth=1, security=192)
    with pytest.raises(InsecureParameters):
        he.BFV(ring=8192, prime_bits=(*bits, 20), special_bits=60)


REFUSED = {
    "depth=-1": {"depth": -1},
    "a fractional depth": {"depth": 1.5},
    "plain_bits=51": {"plain_bits": 51},
    "plain_bits=20.5": {"plain_bits": 20.5},
    "plain_bits too small for slots": {"plain_bits": 12},
    "plain_bits too small for a deep ring": {"plain_bits": 15, "depth": 8},
    "bound=-1": {"bound": -1},
    "a fractional bound": {"bound": 1.5},
    "a bound beyond t/2": {"bound": 2**19},
    "security=100": {"security": 100},
    "ring=5000": {"ring": 5000},
    "ring=512": {"ring": 512},
    "prime of 61 bits": {"prime_bits": (61, 40)},
    "prime of 10 bits": {"prime_bits": (10, 10)},
    "special of 61 bits": {"special_bits": 61},
    "no budget at all": {"ring": 8192, "prime_bits": (30,), "plain_bits": 25},
    "rotation by 0": {"rotations": (0,)},
    "rotation over the slots": {"ring": 8192, "rotations": (4096,)},
    "depth no ring holds": {"depth": 200},
    "ring no table knows": {"ring": 2 * 131072},
    "ring that would take the memory": {"ring": 2**40},
    "a ring that is no whole number": {"ring": 8192.5},
    "depth=True": {"depth": True},
    "depth nobody waits for": {"depth": 10**12},
    "one level more than the most": {"depth": 201, "insecure": True, "ring": 8192},
    "more primes than the most": {"ring": 8192, "prime_bits": (30,) * 300, "insecure": True},
    "primes that are no whole numbers": {"ring": 8192, "prime_bits": (40.5, 40)},
    "insecure='no'": {"insecure": "no"},
    "insecure=1": {"insecure": 1},
    "rotation by a fraction": {"rotations": (1.5,)},
    "one rotation twice": {"rotations": (1, 1)},
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_cannot_be_met_is_refused_with_a_fix(name):
    with pytest.raises(ParameterError) as error:
        he.BFV(**REFUSED[name])
    assert_refused(error)


def test_primes_that_do_not_exist_are_not_searched_for_ever():
    code = """if True:
        import helib_py as he
        try: he.BFV(ring=65536, prime_bits=(20,) * 6, plain_bits=18)
        except he.HelibError: print('refused')
    """
    assert run_python(code, timeout=20) == "refused"


def test_the_largest_rings_are_accepted():
    assert he.BFV(ring=65536, depth=2).slots == 32768
    assert he.BFV(depth=40).is_secure
