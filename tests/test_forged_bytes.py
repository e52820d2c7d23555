"""What the campaign of mutated bytes found: refused by now, each by its kind."""

import json
import math
import pickle
import weakref
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers import assert_bits, assert_refused

import helib_py as he
from helib_py import wire
from helib_py.batch import make_batch_plan
from helib_py.batch.groups import FEW, groups
from helib_py.errors import (
    BadBytes,
    EngineFailed,
    HelibError,
    MissingKey,
    Overflow,
    ParameterError,
    ShapeError,
    WrongKey,
)
from helib_py.network import Affine
from helib_py.planner import make_plan
from helib_py.program import Recorder

RANDOM = np.random.default_rng(0)
NET = [Affine(f"layer {n}", RANDOM.normal(size=(m, n)), RANDOM.normal(size=m))
       for n, m in ((6, 4), (4, 3))]  # fmt: skip
X = np.array([0.5, 0.25, -0.125, 1.0])
EXAMPLES = RANDOM.uniform(-1, 1, (16, 6))


@cache
def plan():
    return make_plan(NET, EXAMPLES, 4.0)


@cache
def batch_plan():
    return make_batch_plan(NET, EXAMPLES, 4.0)


NO_PARAMETERS = [
    "", "[]", "5", "null", "{", "[" * 100_000, '{"depth": NaN}', '{"depth": [1]}', '{"new": 1}',
    '{"bound": ""}', '{"bound": [[]]}', f'{{"bound": 1{"0" * 4000}}}', f'{{"bits": {"9" * 5000}}}',
    '{"security": []}', '{"rotations": 5}', '{"prime_bits": 5}', '{"scale_bits": "x"}', b"\xff",
    None, 5, '{"precision": 1e308, "ring": 1024}', '{"plain_bits": null}',
    '{"factor_bound": null}', '{"widths": 5}',
]  # fmt: skip


@pytest.mark.parametrize("text", NO_PARAMETERS, ids=range(len(NO_PARAMETERS)))
@pytest.mark.parametrize("kind", [he.CKKS, he.BFV, he.Paillier, he.Agreement])
def test_text_that_is_no_parameter_set_is_refused(kind, text):
    with pytest.raises(HelibError) as error:
        kind.from_json(text, insecure=True)
    assert_refused(error)


TERMS = [
    [1e300, 1], ["", 1], [[], 1], [40, 10**400], [40, 0], [40, 1.0], [40, True], [-(10**400), 1],
    [40], 5, "ab", [10**400, 1], [None, None], {"a": 1, "b": 2},
]  # fmt: skip


@pytest.mark.parametrize("terms", TERMS, ids=range(len(TERMS)))
def test_a_plan_s_flood_on_other_terms_is_refused(terms):
    described = {**json.loads(plan().to_json()), "flood": terms}
    header, payloads = wire.unpack("batch plan", batch_plan().to_bytes())
    for load in (
        lambda: he.Plan.from_json(json.dumps(described)),
        lambda: he.BatchPlan.from_bytes(
            wire.pack("batch plan", {**header, "flood": terms}, *payloads)
        ),
    ):
        with pytest.raises(HelibError) as error:
            load()
        assert_refused(error)


@pytest.mark.parametrize("shape", [[2**40], [1] * 100 + [6], [6.0], [True, 6], [-2, -3], []])
def test_a_plan_on_inputs_of_an_impossible_shape_is_refused(shape):
    described = {**json.loads(plan().to_json()), "flood": [40, 1]}
    described["input"]["shape"] = shape
    with pytest.raises(BadBytes) as error:
        he.Plan.from_json(json.dumps(described))
    assert_refused(error)


def test_a_plan_whose_errors_are_beyond_a_flood_is_refused():
    described = json.loads(plan().to_json())
    described["input"]["high"] = 1e300
    made = he.Plan.from_json(json.dumps(described))
    with pytest.raises(ParameterError) as error, np.errstate(all="ignore"):
        made.flooded(precision=-math.inf)
    assert_refused(error)


@pytest.mark.parametrize("junk", [None, 5, "text", [], {}, bytearray(b"x"), memoryview(b"x")])
def test_what_is_no_public_bundle_makes_no_server(junk):
    weights, bias = NET[1].weights, NET[1].bias
    for make in (
        lambda: he.Server(plan(), junk),
        lambda: he.Server(batch_plan(), junk),
        lambda: he.LinearServer([(weights, bias)], junk),
    ):
        with pytest.raises(BadBytes) as error:
            make()
        assert_refused(error)


def forged(owner, x, **changes):
    """An honest ciphertext under another label."""
    header, payloads = wire.unpack("ciphertext", owner.encrypt(x).to_bytes())
    return wire.pack("ciphertext", {**header, **changes}, *payloads)


@pytest.mark.parametrize("slots", [[10**12, 1, 1], [2, 10**12, 10**12], ["x", 1, 1], [[0], 9, 9]])
def test_a_slot_wider_than_a_plaintext_is_refused_before_it_is_made(toy, slots):
    with pytest.raises(BadBytes) as error:
        toy.public.load(forged(toy, X, slots=slots))
    assert_refused(error)


def test_an_error_that_grows_beyond_a_float64_is_refused(toy):
    with pytest.raises(BadBytes):
        toy.public.load(forged(toy, X, error=1.7e308))
    c = toy.public.load(forged(toy, X, error=2.0**995))
    with pytest.raises(Overflow) as error:
        _ = (c * 0.5) * 0.5
    assert_refused(error)


@pytest.mark.parametrize("scale", [1e200, 1.7e308])
def test_a_scale_beyond_the_modulus_is_refused(owner, scale):
    with pytest.raises(BadBytes) as error:
        owner.public.load(forged(owner, X, scale=scale, bound=1e-300))
    assert_refused(error)


def test_ciphertexts_whose_labels_do_not_fit_each_other_are_refused(owner):
    """On the clear twin, too, whose asserts were no refusal."""
    c = owner.public.load(forged(owner, X, scale=2.0**30)).promise(1.0)
    with pytest.raises(EngineFailed) as error:
        _ = c * X + c
    assert_refused(error)


def test_a_modulus_beyond_a_float64_is_no_obstacle():
    """Secure, and a modulus of 1400 bits: what fits it is limited by float64."""
    owner = he.DataOwner(he.CKKS(depth=30, rotations=()), "plain")
    c = owner.encrypt(X)
    assert_bits(owner.decrypt(c * c + c), X * X + X, at_least=20)


@pytest.mark.parametrize("engine", ["seal", "pyfhel", "plain"])
def test_a_batch_of_swapped_numbers_is_refused(engine):
    owner = he.DataOwner(batch_plan(), engine)
    message = owner.encrypt(EXAMPLES[:3]).to_bytes()
    for i, j in ((-1, -2), (-1, -999), (-5, -2000)):
        swapped = np.frombuffer(message, "<u8", offset=len(message) % 8).copy()
        swapped[[i, j]] = swapped[[j, i]]
        with pytest.raises(BadBytes, match="truncated or altered") as error:
            he.Server(batch_plan(), owner.public).run(message[: len(message) % 8] + bytes(swapped))
        assert_refused(error)


@pytest.mark.parametrize("scale", [0.0, -1.0, 5e-324, 2.0**95, 1e300])
def test_a_batch_at_an_impossible_scale_is_refused(scale):
    owner = he.DataOwner(batch_plan())
    scores = he.Server(batch_plan(), owner.public).run(owner.encrypt(EXAMPLES[:3]))
    message = replace(scores, place=scores.place._replace(scale=scale)).to_bytes()
    with pytest.raises(BadBytes) as error:
        owner.decrypt(message)
    assert_refused(error)


@pytest.mark.parametrize("keys", [{}, {"seed": bytes(32)}])
def test_a_bundle_of_few_bytes_does_not_take_gigabytes(keys):
    """SEAL's tables for these parameters would take 14 GB: they come with all keys, or not."""
    chain = dict(ring=131072, prime_bits=(60,) * 57, special_bits=60, scale_bits=40.0)
    params = he.CKKS(**chain, rotations=())
    assert params.context_bytes > 14e9
    with pytest.raises(BadBytes, match="all their keys") as error:
        he.PublicBundle.from_bytes(he.PublicBundle(params, "seal", keys).to_bytes())
    assert_refused(error)


@pytest.mark.parametrize("widths", [[65536] * 4, [3] * 500, [4096, 4097, 2]])
def test_an_agreement_on_more_than_can_be_is_refused_before_arrays_are_made(widths):
    terms = {"widths": widths, "norms": [1.0] * (len(widths) - 1), "peak": 1.0, "ring": 131072}
    with pytest.raises(ShapeError) as error:
        he.Agreement.from_json(json.dumps(terms))
    assert_refused(error)


def test_a_step_whose_result_nothing_reads_leaves_nothing_behind():
    recorder = Recorder(1)
    for _ in range(10):
        recorder.negate(0)
    program, alive = recorder.program(recorder.negate(0)), []

    class Counts:
        def negate(self, a):
            made = Value()
            alive.append(weakref.ref(made))
            return made

    class Value:
        pass

    most = 0

    def watch(register, handle):
        nonlocal most
        most = max(most, sum(ref() is not None for ref in alive))

    program.run(Counts(), [Value()], watch=watch)
    assert most <= 2


def test_of_very_many_kinds_of_rows_only_neighbours_are_compared():
    """Every pair of 16,384 kinds, as a convolution has, would take two gigabytes."""
    kinds = 10 * FEW
    matrix = np.arange(1, kinds + 1)[:, None] >> np.arange(12) & 1
    matrix = np.random.default_rng(0).permutation(np.concatenate([matrix, matrix]))
    found, back = groups(matrix), np.zeros(matrix.shape)
    for group in found:
        back[np.ix_(group.rows, group.inputs)] = group.weights
    assert np.array_equal(back, matrix)
    assert len(found) <= FEW
    assert [g.rows[0] for g in found] == sorted(g.rows[0] for g in found)


@pytest.mark.parametrize("stride", [3, 5])
def test_a_stride_that_divides_no_slots_is_refused(owner, stride):
    with pytest.raises(BadBytes) as error:
        owner.public.load(forged(owner, X, stride=stride))
    assert_refused(error)


def test_a_weighted_sum_takes_ciphertexts_that_can_meet(owner, other_owner):
    """Of CKKS it was one of whatever lay in the slots, under whatever key."""
    x, short, foreign = owner.encrypt(X), owner.encrypt(X[:2]), other_owner.encrypt(X)
    for kind, terms, factors in (
        (ShapeError, [x, short], [1.0, 0.5]), (WrongKey, [x, foreign], [1.0, 0.5]),
        (ShapeError, [], []), (ShapeError, [x], [1.0, 2.0]), (ShapeError, [x, x], [[1.0], [2.0]]),
    ):  # fmt: skip
        with pytest.raises(kind) as error:
            x.combine(terms, factors)
        assert_refused(error)


SCHEMES = [he.CKKS(depth=1, rotations=()), he.BFV(depth=1, plain_bits=16, bound=1, rotations=())]


@pytest.mark.parametrize("params", SCHEMES, ids=["CKKS", "BFV"])
def test_ciphertexts_of_two_libraries_do_not_meet_before_they_are_loaded(params):
    data = he.DataOwner(params).public.to_bytes()
    seal, pyfhel = (he.PublicBundle.from_bytes(data, engine=name) for name in ("seal", "pyfhel"))
    x, y = seal.encrypt([1, 0]), pyfhel.encrypt([1, 1])
    for use in (
        lambda: x + y, lambda: y * x, lambda: x - y, lambda: x @ y,
        lambda: x.combine([x, y], [1, 2]),
    ):  # fmt: skip
        with pytest.raises(WrongKey, match="load") as error:
            use()
        assert_refused(error)
    with pytest.raises(MissingKey):
        _ = x + pickle.loads(pickle.dumps(x))
    assert isinstance(x + seal.load(y), he.Ciphertext)


@pytest.mark.parametrize("bias", [math.nan, math.inf])
def test_a_batch_plan_whose_bias_is_no_number_is_refused(bias):
    made = batch_plan()
    last = replace(made.steps[-1], bias=np.array([0.5, bias, 0.0]))
    with pytest.raises(BadBytes) as error:
        he.BatchPlan.from_bytes(replace(made, steps=(*made.steps[:-1], last)).to_bytes())
    assert_refused(error)


def test_batch_weights_beyond_what_counts_exactly_are_refused_and_do_not_wrap_around():
    made = batch_plan()
    huge = np.full(made.steps[0].weights.shape, -(2**63))
    plan = replace(made, steps=(replace(made.steps[0], weights=huge), *made.steps[1:]))
    owner = he.DataOwner(made)
    with pytest.raises(Overflow) as error:
        he.Server(he.BatchPlan.from_bytes(plan.to_bytes()), owner.public).run(
            owner.encrypt(EXAMPLES[:2])
        )
    assert_refused(error)
