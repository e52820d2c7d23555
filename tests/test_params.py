"""Parameters: derived, checked against the 2024 table, shown, sent."""

import json
from itertools import combinations
from math import isclose, log2

import pytest
from helpers import assert_refused, run_python

import helib_py as he
from helib_py.errors import InsecureParameters, ParameterError
from helib_py.params import MAX_MODULUS_BITS, is_prime

# ePrint 2024/463, table 5.2, copied here once more on purpose
TABLE = {
    128: {2048: 53, 4096: 106, 8192: 214, 16384: 430, 32768: 868, 65536: 1747, 131072: 3523},
    192: {8192: 147, 16384: 297, 32768: 597, 65536: 1199, 131072: 2411},
    256: {8192: 114, 16384: 230, 32768: 462, 65536: 929, 131072: 1866},
}
ENTRIES = [(s, n, bits) for s, row in TABLE.items() for n, bits in row.items()]


def split(bits):
    """Prime sizes of at most 60 bits that add up: data primes, then the special one."""
    count = max(2, -(-bits // 60))
    sizes = [bits // count + (i < bits % count) for i in range(count)]
    return tuple(sizes[:-1]), sizes[-1]


def at(security, ring, bits, **more):
    data, special = split(bits)
    return he.CKKS(
        ring=ring, prime_bits=data, special_bits=special, scale_bits=20, security=security,
        rotations=(), **more,
    )  # fmt: skip


def test_the_table_is_the_published_one():
    assert MAX_MODULUS_BITS == TABLE


@pytest.mark.parametrize(("security", "ring", "limit"), ENTRIES)
def test_the_limit_is_allowed_and_one_bit_more_is_refused(security, ring, limit):
    params = at(security, ring, limit)
    assert params.is_secure
    assert params.label == f"{security}-bit"
    assert limit - 0.1 < params.modulus_bits <= limit
    with pytest.raises(InsecureParameters) as error:
        at(security, ring, limit + 1)
    assert_refused(error)


@pytest.mark.parametrize(("ring", "seal"), [(4096, 109), (8192, 218), (16384, 438), (32768, 881)])
def test_what_only_the_older_table_of_seal_allows_is_refused(ring, seal):
    with pytest.raises(InsecureParameters, match=f"ring={2 * ring}") as error:
        at(128, ring, seal)
    assert "2024/463" in str(error.value)


def test_insecure_parameters_are_labelled_wherever_they_show():
    params = he.CKKS(ring=1024, depth=1, insecure=True)
    owner = he.DataOwner(params, "plain")
    shown = (params, params.explain(), owner.encrypt([0.5]), owner, owner.public)
    assert all("INSECURE" in repr(thing) for thing in shown)
    assert "INSECURE" in params.explain()._repr_html_()


def test_what_is_secure_is_not_labelled_insecure_even_when_that_is_allowed():
    assert "INSECURE" not in repr(he.CKKS(insecure=True))


@pytest.mark.parametrize("security", [128, 192, 256])
@pytest.mark.parametrize("depth", [0, 1, 3, 8, 12])
def test_the_smallest_ring_that_is_secure_is_chosen(security, depth):
    params = he.CKKS(depth=depth, security=security)
    assert params.is_secure
    assert params.depth == depth
    smaller = [n for n in TABLE[security] if n < params.ring]
    assert all(params.modulus_bits > TABLE[security][n] - 10 for n in smaller)


@pytest.mark.parametrize("depth", [1, 3, 8])
def test_primes_are_distinct_and_fit_the_transform(depth):
    params = he.CKKS(depth=depth)
    primes = [*params.primes, params.special]
    assert len(set(primes)) == depth + 2
    assert all(is_prime(q) and q % (2 * params.ring) == 1 for q in primes)
    assert [round(log2(q)) for q in primes] == [*params.prime_bits, params.special_bits]


def test_primality_agrees_with_trial_division():
    slow = [n for n in range(2, 3000) if all(n % d for d in range(2, int(n**0.5) + 1))]
    assert [n for n in range(3000) if is_prime(n)] == slow
    assert not is_prime(3215031751)  # fools the bases 2, 3, 5 and 7
    assert not is_prime(3825123056546413051)  # fools the first nine primes


def test_equal_sizes_give_different_primes():
    primes = he.CKKS(ring=16384, prime_bits=(40,) * 6).primes
    assert all(p != q for p, q in combinations(primes, 2))


def test_each_scale_is_the_square_of_the_one_above_over_its_prime():
    params = he.CKKS(depth=6)
    assert params.scales[-1] == 2.0**params.scale_bits
    for level in range(params.depth):
        recurred = params.scales[level + 1] ** 2 / params.primes[level + 1]
        assert isclose(params.scales[level], recurred, rel_tol=1e-12)


@pytest.mark.parametrize("depth", [3, 10, 20])
def test_canonical_scales_do_not_drift_by_a_bit(depth):
    params = he.CKKS(depth=depth)
    assert all(abs(log2(scale) - params.scale_bits) < 1 for scale in params.scales)


@pytest.mark.parametrize(
    "params",
    [
        he.CKKS(),
        he.CKKS(depth=5, precision=12.5, bound=3, security=192),
        he.CKKS(ring=16384, prime_bits=(50, 40), special_bits=55, scale_bits=33.5, rotations=(3,)),
        he.CKKS(ring=1024, depth=1, insecure=True, rotations=()),
    ],
)
def test_json_rebuilds_the_very_same_set(params):
    back = he.CKKS.from_json(params.to_json(), insecure=not params.is_secure)
    assert back == params
    assert (back.primes, back.special, back.fingerprint) == (
        params.primes, params.special, params.fingerprint,
    )  # fmt: skip


@pytest.mark.parametrize("told", [True, False, "no", 1, None])
@pytest.mark.parametrize("scheme", [he.CKKS, he.BFV])
def test_json_cannot_smuggle_in_insecure_parameters(scheme, told):
    """What the sender says of it is not read; the receiver's word alone allows a toy."""
    weak = {**json.loads(scheme(depth=3).to_json()), "ring": 4096, "rotations": []}
    text = json.dumps(weak | {"insecure": told})
    with pytest.raises(InsecureParameters) as error:
        scheme.from_json(text)
    assert_refused(error)
    toy = scheme.from_json(text, insecure=True)
    assert (toy.insecure, toy.is_secure, toy.label) == (True, False, "INSECURE")


@pytest.mark.parametrize("scheme", [he.CKKS, he.BFV])
def test_secure_parameters_do_not_become_insecure_because_they_might(scheme):
    text = scheme(depth=1, insecure=True).to_json()
    for allowed in (True, False):
        assert not scheme.from_json(text, insecure=allowed).insecure


def test_other_numbers_give_another_fingerprint():
    sets = [he.CKKS(), he.CKKS(depth=1), he.CKKS(precision=19), he.CKKS(ring=32768)]
    assert len({params.fingerprint for params in sets}) == 4


def test_explain_gives_every_number_with_a_reason():
    params = he.CKKS(depth=3)
    table = params.explain()
    assert {params.ring, params.slots, params.depth} <= set(table.column("value"))
    assert all(table.column("why"))


REFUSED = {
    "depth=-1": {"depth": -1},
    "a fractional depth": {"depth": 1.5},
    "precision=0": {"precision": 0},
    "precision=nan": {"precision": float("nan")},
    "precision=60": {"precision": 60},
    "bound=0": {"bound": 0},
    "bound=inf": {"bound": float("inf")},
    "security=100": {"security": 100},
    "ring=5000": {"ring": 5000},
    "ring=512": {"ring": 512},
    "prime of 61 bits": {"prime_bits": (61, 40)},
    "prime of 10 bits": {"prime_bits": (10, 10)},
    "special of 61 bits": {"special_bits": 61},
    "scale of 200 bits": {"ring": 8192, "prime_bits": (50, 40), "scale_bits": 200},
    "rotation by 0": {"rotations": (0,)},
    "rotation over the slots": {"ring": 8192, "rotations": (4096,)},
    "rotation over the slots that follow": {"rotations": (20000,)},
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
        he.CKKS(**REFUSED[name])
    assert_refused(error)


@pytest.mark.parametrize(
    "request_",
    ["ring=65536, prime_bits=(20,)*4, special_bits=20", "scale_bits=-1", "special_bits=5"],
)
def test_primes_that_do_not_exist_are_not_searched_for_ever(request_):
    code = (
        f"import helib_py as he\ntry: he.CKKS({request_})\nexcept he.HelibError: print('refused')"
    )
    assert run_python(code, timeout=20) == "refused"


def test_a_special_prime_of_61_bits_is_not_blamed_on_the_precision():
    with pytest.raises(ParameterError, match="special_bits"):
        he.CKKS(special_bits=61)


def test_the_largest_rings_are_accepted():
    params = he.CKKS(ring=65536, depth=2)
    assert params.is_secure
    assert params.slots == 32768
    assert he.CKKS(depth=40).is_secure
