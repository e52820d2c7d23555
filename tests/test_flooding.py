"""Noise that hides: as much as asked for, random to the last bit, added exactly."""

import copy
import pickle
from contextlib import suppress
from dataclasses import replace
from functools import cache
from threading import Thread

import numpy as np
import pytest
from helpers import INSTALLED, assert_refused
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py import flooding, noise, randomness
from helib_py.errors import OutOfAnswers

PARAMS = he.CKKS(ring=2048, prime_bits=(60, 40, 40), special_bits=60, rotations=(), insecure=True)
few = settings(max_examples=20, deadline=None, derandomize=True)


@cache
def keys(library=INSTALLED[0]):
    owner = he.DataOwner(PARAMS, library)
    return owner.public.context.e, owner._keys


def polynomial(bits, seed=0):
    return np.random.default_rng(seed).integers(-(2**bits), 2**bits, PARAMS.ring)


# --- how much noise --------------------------------------------------------------------------


@few
@given(st.floats(1, 1e6), st.integers(1, 512), st.floats(10, 80), st.integers(1, 1000))
def test_a_flood_makes_a_worst_error_as_hard_to_see_as_the_theorem_wants(
    error, count, bits, answers
):
    """Kullback and Leibler's divergence of N(e, σ²) and N(0, σ²) is |e|²/2σ²."""
    length = error * np.sqrt(count)
    divergence = length**2 / (2 * flooding.flood_std(error, count, bits, answers) ** 2)
    assert divergence <= 2.0**-bits / (24 * answers)


def test_the_errors_are_longer_than_the_flood_assumes_only_by_a_rare_accident():
    """At 10 statistical bits once in a thousand; here far less often than once in a hundred."""
    assumed = flooding.flood_std(1.0, 32, 10) / (np.sqrt(12) * 2**5)
    drawn = np.random.default_rng(0).normal(size=(1000, 32))
    assert (np.linalg.norm(drawn, axis=1) > assumed).mean() < 0.01


@pytest.mark.parametrize("std", [3.0, 2.0**30, randomness.FINEST_STD, 2.0**70])
def test_normal_noise_has_its_deviation_and_random_low_bits(std):
    drawn = randomness.normal(std, 40_000)
    assert abs(drawn.astype(float).std() / std - 1) < 0.03
    assert abs(drawn.mean()) < 0.03 * std
    for bit in range(2):
        assert abs(np.mean(drawn >> bit & 1) - 0.5) < 0.02
    assert (drawn % 7 == 0).mean() < 0.2


@few
@given(st.integers(3, 1 << 60).filter(lambda n: n % 2))
def test_uniform_numbers_stay_below_half_the_modulus_on_both_sides(modulus):
    drawn = randomness.uniform(modulus, 500)
    assert np.abs(drawn).max() <= modulus // 2
    assert len(drawn) == 500


def test_uniform_numbers_are_uniform():
    drawn = randomness.uniform(5, 50_000)
    counts = np.bincount((drawn + 2).astype(int), minlength=5)
    assert np.all(np.abs(counts / 10_000 - 1) < 0.06)


def test_a_mask_floods_what_can_be_read_and_drowns_the_rest():
    mask = flooding.mask(2048, PARAMS.primes[0], period=8, std=2.0**20)
    read = np.zeros(2048, bool)
    read[::128] = True
    assert np.abs(mask[read]).max() < 2.0**24
    assert abs(mask[~read].std() / (PARAMS.primes[0] / np.sqrt(12)) - 1) < 0.1


@pytest.mark.parametrize("bits", [1, 31, 32, 40, 72, 200])
def test_wide_numbers_fill_their_whole_interval(bits):
    drawn = randomness.wide(bits + 1, 4000)
    assert min(drawn) >= 0
    assert max(drawn) < 2 << bits
    assert {int(number) >> bits - 1 for number in drawn} == {0, 1, 2, 3}  # all four quarters
    for bit in range(bits):
        assert 0.4 < np.mean([int(number) >> bit & 1 for number in drawn]) < 0.6


def test_a_mask_is_never_the_same():
    masks = [flooding.mask(2048, PARAMS.primes[0], 8, 2.0**20) for _ in range(2)]
    assert (masks[0] == masks[1]).mean() < 0.01


def test_an_answer_of_several_ciphertexts_is_flooded_as_so_many_answers():
    one = flooding.Flood(40, 100, error=1e-6, scale=2.0**40, period=8)
    assert replace(one, each=10).std == pytest.approx(replace(one, answers=1000).std)
    assert str(replace(one, each=10)) == str(one)


def test_an_answer_of_several_ciphertexts_carries_what_all_of_them_carry():
    one = flooding.Flood(40, 100, error=1e-6, scale=2.0**20, period=8)
    three = replace(one, each=3, answers=33)  # about as much noise, three times
    modulus = PARAMS.primes[0]
    assert three.capacity(modulus) == pytest.approx(3 * one.capacity(modulus), rel=0.01)


def test_a_thread_that_comes_between_takes_no_answer_more():
    """It looks while another has looked and not counted yet; then nothing was refused any more."""
    allowance, taken = flooding.Allowance(flooding.Flood(40, 1, 1e-6, 2.0**20, 8)), list[int]()

    class Late(int):
        """A count that lets the other thread in, just before it is raised."""

        def __add__(self, more):
            allowance._given = int(self)
            other.start()
            other.join(0.2)
            return int(self) + more

    def take(times=1):
        for _ in range(times):
            with suppress(OutOfAnswers):
                allowance.take()
                taken.append(1)

    other = Thread(target=take)
    allowance._given = Late(0)
    take(1)
    other.join()
    take(5)
    assert sum(taken) == 1


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda a: pickle.loads(pickle.dumps(a))])
def test_a_count_that_has_begun_is_not_copied(copied):
    allowance = flooding.Allowance(flooding.Flood(40, 3, 1e-6, 2.0**20, 8))
    copied(allowance).take()
    allowance.take()
    with pytest.raises(OutOfAnswers) as error:
        copied(allowance)
    assert_refused(error)


def test_less_flood_carries_more_and_a_full_one_nothing():
    modulus = PARAMS.primes[0]
    carried = [flooding.capacity(modulus, 8, 2.0**bits) for bits in (10, 30, 59)]
    assert carried[0] > carried[1] > carried[2] == 0
    assert abs(carried[0] - carried[1] - 16 * 20) < 1e-6


# --- adding it -------------------------------------------------------------------------------


def test_slots_are_the_values_at_powers_of_a_root():
    constant, x = np.zeros(2048), np.zeros(2048)
    constant[0], x[1] = 3, 1
    assert np.allclose(flooding.embed(constant), 3)
    first = flooding.embed(x)[:2]
    assert np.allclose(first, np.exp(1j * np.pi * np.array([1, 3]) / 2048))


@pytest.mark.parametrize("bits", [3, 20, 40, 61])
@pytest.mark.parametrize("level", [0, 2])
def test_whole_coefficients_are_added_exactly(library, level, bits):
    """Added and taken away again, nothing of them is left, not even a rounding."""
    e, _ = keys(library)
    c, p = e.encrypt(np.linspace(-1, 1, 1024), level, 2.0**40), polynomial(bits)
    back = e.add_integers(e.add_integers(c, p), -p)
    assert e.dump(back) == e.dump(c)


def test_added_coefficients_are_read_in_the_slots_real_and_imaginary(library):
    e, owner = keys(library)
    c, p = e.encrypt(np.zeros(1024), 0, 2.0**40), polynomial(40)
    got = owner.decrypt_complex(e.add_integers(c, p))
    assert np.abs(got - flooding.embed(p) / 2.0**40).max() < 2.0**-22


def test_the_clear_twin_adds_them_as_the_real_engine_does():
    from helib_py.engines.plain import PlainEvaluator

    twin = PlainEvaluator(PARAMS, seed=0)
    c, p = twin.encrypt(np.zeros(1024), 0, 2.0**40), polynomial(40)
    got = twin.add_integers(c, p).slots
    assert np.abs(got - flooding.embed(p).real / 2.0**40).max() < 2.0**-22


@pytest.mark.parametrize("level", [0, 1, 2])
def test_rerandomising_changes_all_and_adds_the_error_of_a_fresh_ciphertext(library, level):
    e, owner = keys(library)
    c = e.encrypt(np.linspace(-1, 1, 1024), level, 2.0**40)
    again = [e.rerandomise(c) for _ in range(4)]
    assert len({e.dump(a) for a in again}) == 4
    errors = [owner.decrypt(a) - owner.decrypt(c) for a in again]
    ratio = np.std(errors) / noise.fresh_std(PARAMS, 2.0**40)
    assert 0.8 < ratio < 1.25
