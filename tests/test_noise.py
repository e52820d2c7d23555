"""The noise model against what SEAL really does: every primitive within a factor of two."""

import numpy as np
import pytest
from helpers import uniform

import helib_py as he
from helib_py import noise
from helib_py.noise import Estimate


@pytest.fixture(scope="module")
def bench(real_owner, params):
    """What the measurements need: an evaluator, the top level, and decryption in the open."""
    e = real_owner.public.context.e
    x = uniform(params.slots, 1)
    return e, params, x, e.encrypt(x, params.depth, 2.0**37), real_owner._keys.decrypt


def assert_deviation(errors, modelled):
    """Root mean square of the errors, in units of the modelled deviation."""
    ratio = float(np.sqrt(np.mean((errors / modelled) ** 2)))
    assert 0.5 <= ratio <= 2, f"measured {ratio:.2f} times the modelled deviation"


@pytest.mark.parametrize("scale_bits", [20, 30, 37])
def test_a_fresh_ciphertext(bench, scale_bits):
    e, params, x, _, decrypt = bench
    scale = 2.0**scale_bits
    got = decrypt(e.encrypt(x, params.depth, scale))
    assert_deviation(got - x, noise.fresh_std(params, scale))


@pytest.mark.parametrize("scale_bits", [8, 12])
def test_an_encoded_plaintext(bench, scale_bits):
    """At so small a scale that its own rounding is all there is to see in a product with 1."""
    e, params, x, _, decrypt = bench
    scale = 2.0**scale_bits
    ones = e.encrypt(np.ones(params.slots), params.depth, 2.0**37)
    got = decrypt(e.multiply_plain(ones, e.encode(x, params.depth, scale)))
    assert_deviation(got - x, noise.encoding_std(params, scale))


@pytest.mark.parametrize("level", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 4, 512])
def test_a_rotation(bench, steps, level):
    e, params, _, c, decrypt = bench
    c = e.lower(c, level)
    errors = decrypt(e.rotate(c, steps)) - np.roll(decrypt(c), -steps)
    assert_deviation(errors, noise.key_switching_stds(params, level, 2.0**37))


def test_a_relinearisation(bench):
    e, params, x, _, decrypt = bench
    square = e.square(e.encrypt(x, params.depth, 2.0**25))
    errors = decrypt(e.relinearise(square)) - decrypt(square)
    assert_deviation(errors, noise.key_switching_stds(params, params.depth, 2.0**50))


@pytest.mark.parametrize("parts", [2, 3])
def test_a_rescaling(bench, parts):
    e, params, _, c, decrypt = bench
    one = e.encode(np.ones(params.slots), params.depth, 2.0**37)
    product = e.multiply_plain(c, one) if parts == 2 else e.square(c)
    errors = decrypt(e.rescale(product)) - decrypt(product)
    scale = 2.0**74 / params.primes[params.depth]
    assert_deviation(errors, noise.rescaling_std(params, scale, parts))


def test_the_clear_twin_errs_as_seal_does(bench, params):
    from helib_py.engines.plain import PlainEvaluator

    twin, x = PlainEvaluator(params, seed=1), bench[2]
    fresh = twin.encrypt(x, params.depth, 2.0**37)
    assert_deviation(fresh.slots - x, noise.fresh_std(params, 2.0**37))
    turned = twin.rotate(fresh, 1).slots - np.roll(fresh.slots, -1)
    assert_deviation(turned, noise.key_switching_stds(params, params.depth, 2.0**37))


@pytest.mark.parametrize("whole", [0, 1, -3, 100])
def test_the_clear_twin_encodes_a_whole_number_exactly_at_scale_one(params, whole):
    """A constant has one coefficient, so nothing is rounded."""
    from helib_py.engines.plain import PlainEvaluator

    twin = PlainEvaluator(params, seed=1)
    encoded = twin.encode(np.full(params.slots, float(whole)), params.depth, 1.0)
    assert np.array_equal(encoded.slots, np.full(params.slots, float(whole)))


def test_the_same_seed_gives_the_same_errors(params):
    from helib_py.engines.plain import PlainEvaluator

    runs = [PlainEvaluator(params, seed=7).encrypt(np.zeros(params.slots), 3, 2.0**37).slots
            for _ in range(2)]  # fmt: skip
    assert np.array_equal(*runs)


def test_bits_are_minus_log2_of_the_largest_error():
    assert he.measured_bits([1.0, 2.25], [1.0, 2.0]) == 2
    assert he.measured_bits([1.0], [1.0]) == float("inf")


def test_an_error_that_is_no_number_is_no_precision():
    """A decryption to NaN must not look exact."""
    assert not he.measured_bits([float("nan")], [1.0]) > 0


def test_an_error_that_nobody_knows_stays_unknown():
    a, unknown = Estimate(1.0, 1e-6), Estimate(2.0, float("nan"))
    for found in (a.plus(unknown), a.times(unknown), unknown.times(a), unknown.with_error(1e-6),
                  unknown.folded([1e-6] * 3), unknown.through(np.ones((2, 4)), 1e-6)):  # fmt: skip
        assert np.isnan(found.bits(4))
        assert found.bound > 0


def test_errors_of_sums_and_products_only_grow():
    a, b = Estimate(1.0, 1e-6), Estimate(2.0, 1e-7)
    assert a.plus(b).bound == 3
    assert a.times(b).bound == 2
    assert a.plus(b).std >= max(a.std, b.std)
    assert a.times(b).std >= a.std
    assert a.with_error(1e-6).bits(8) < a.bits(8)
    assert a.bits(1000) < a.bits(1)


#: A special prime no larger than the others: keys that are switched are most of the noise.
SWITCHING = dict(ring=4096, prime_bits=(54, 43, 43), special_bits=54, scale_bits=43, insecure=True)


def worst(owner, x, use, expected, runs=20):
    """The largest error of some runs, as a multiple of the largest that is to be expected."""
    made = [use(owner.encrypt(x)) for _ in range(runs)]
    return max(float(np.abs(owner.decrypt(c) - expected).max() * 2**c.bits) for c in made)


def test_a_short_vector_lies_where_a_key_switch_errs_most():
    owner, x = he.DataOwner(he.CKKS(**SWITCHING)), uniform(2, 5)
    assert worst(owner, x, lambda c: c.sum(), x.sum()) < 4


def test_a_rotation_counts_every_key_that_makes_it_up():
    chain = dict(SWITCHING, prime_bits=(40, 34, 34), scale_bits=34)
    owner = he.DataOwner(he.CKKS(rotations=(1, 2, 4), **chain))
    x = uniform(2048, 6)
    assert worst(owner, x, lambda c: c.rotate(-2), np.roll(x, 2), runs=1) < 4  # 513 keys, not 10
