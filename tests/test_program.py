"""A computation as data: recording it and running it is the same as doing it."""

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, uniform

import helib_py as he
from helib_py import packing
from helib_py.encoding import Layout
from helib_py.engines.plain import PlainEvaluator
from helib_py.errors import HelibError, ShapeError
from helib_py.program import OPERATIONS, Constant, Op, Program, Recorder

PARAMS = he.CKKS(ring=1024, prime_bits=(40, 30, 30), scale_bits=30, insecure=True)
SCALE = 2.0**30
TOP = PARAMS.depth


def every_operation(e, a, b):
    """Something with each operation of an engine, from two inputs at the top."""
    z = e.relinearise(e.multiply(a, b))
    z = e.rescale(e.add(z, e.relinearise(e.square(a))))
    scale = SCALE**2 / PARAMS.primes[TOP]
    weights = uniform(PARAMS.slots, 3)
    z = e.multiply_plain(z, e.encode(weights, TOP - 1, 2.0**20))
    z = e.add_plain(z, e.encode(weights, TOP - 1, scale * 2.0**20))
    z = e.subtract(e.rotate(z, 4), e.negate(z))
    return e.lower(z, 0)


def recorded():
    recorder = Recorder(2)
    return recorder.program(every_operation(recorder, *recorder.inputs))


@pytest.fixture
def twin():
    return PlainEvaluator(PARAMS, noisy=False)


def inputs(e):
    return [e.encrypt(uniform(PARAMS.slots, seed), TOP, SCALE) for seed in (1, 2)]


def test_running_a_recording_is_doing_it(twin):
    direct = every_operation(twin, *inputs(twin))
    run = recorded().run(twin, inputs(twin))
    assert_bits(run.slots, direct.slots, at_least=50)
    assert (run.level, run.scale) == (direct.level, direct.scale)


def test_a_recording_holds_every_operation_once_written():
    program = recorded()
    assert {op.name for op in program.ops} == set(OPERATIONS)
    assert [op.out for op in program.ops] == list(range(2, 2 + len(program.ops)))
    assert program.count("relinearise") == 2
    assert program.rotations == (4,)


def test_the_trace_foretells_every_level_and_scale(twin):
    program, seen = recorded(), {}
    program.run(twin, inputs(twin), watch=lambda r, h: seen.update({r: (h.level, h.scale)}))
    traced = program.trace(PARAMS.primes, SCALE)
    assert [traced[r][0] for r in seen] == [level for level, _ in seen.values()]
    assert [traced[r][1] for r in seen] == pytest.approx([scale for _, scale in seen.values()])
    assert traced[0] == (TOP, SCALE)


def test_registers_are_freed_after_their_last_use():
    program = recorded()
    freed = [r for step in program._spent() for r in step]
    assert len(freed) == len(set(freed))
    assert set(freed) | {program.output} == set(range(2 + len(program.ops)))
    for i, step in enumerate(program._spent()):
        later = {r for op in program.ops[i + 1 :] for r in (op.a, op.b if op.name in (
            "add", "subtract", "multiply") else op.a)}  # fmt: skip
        assert not later & set(step)


def test_no_more_registers_live_than_needed(twin):
    """A long chain of squares never holds more than two values."""
    recorder = Recorder(1)
    z = recorder.inputs[0]
    for _ in range(50):
        z = recorder.negate(z)
    program = recorder.program(z)
    assert all(step == [op.a] for step, op in zip(program._spent(), program.ops, strict=True))
    program.run(twin, inputs(twin)[:1])


def test_an_input_that_is_the_output_survives(twin):
    x = inputs(twin)[0]
    assert Program(1, (), (), 0).run(twin, [x]) is x
    assert Program(1, (Op("negate", 1, 0),), (), 0).run(twin, [x]) is x


def test_plaintexts_encoded_beforehand_give_the_same(twin):
    program = recorded()
    encoded = program.encode(twin)
    once, again = (program.run(twin, inputs(twin), encoded) for _ in range(2))
    assert np.array_equal(once.slots, again.slots)
    assert np.array_equal(once.slots, program.run(twin, inputs(twin)).slots)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_the_wrong_number_of_inputs_is_refused(twin, count):
    with pytest.raises(ShapeError, match="takes 2") as error:
        recorded().run(twin, [inputs(twin)[0]] * count)
    assert str(count) in str(error.value)


def test_a_plan_records_no_other_operation():
    for name in ("encrypt", "decrypt", "dump", "exec"):
        with pytest.raises(AttributeError, match=name) as error:
            getattr(Recorder(1), name)
        assert "plan" in str(error.value)


@pytest.mark.parametrize("name", ["dump", "_need", "params", "__class__", "exec"])
def test_an_operation_that_is_none_of_the_list_is_not_run(twin, name):
    program = Program(1, (Op(name, 1, 0),), (), 1)
    with pytest.raises(HelibError) as error:
        program.run(twin, inputs(twin)[:1])
    assert_refused(error)


def test_a_matrix_product_recorded_is_the_product(twin):
    W, x = uniform((6, 10), 4), uniform(10, 5)
    d = packing.cyclic(W, Layout.dense(10), PARAMS.slots)
    recorder = Recorder(1)
    encoded = packing.encode_diagonals(d, lambda p: recorder.encode(p, TOP, SCALE))
    z = packing.products(recorder, recorder.inputs, d, encoded)
    program = recorder.program(packing.fold(recorder, z, d.folds))
    slots = Layout.dense(10).spread(x, PARAMS.slots)
    out = program.run(twin, [twin.encrypt(slots, TOP, SCALE)])
    assert_bits(out.slots[:6], W @ x, at_least=45)
    assert all(isinstance(constant, Constant) for constant in program.constants)
