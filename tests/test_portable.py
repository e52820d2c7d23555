"""A plan leaves Python as JSON, and comes back only whole, possible and of a known version."""

import base64
import json
import zlib

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, uniform
from nets import IMAGES, plan

import helib_py as he
from helib_py import wire
from helib_py.errors import BadBytes, HelibError, InsecureParameters
from helib_py.program import Recorder

NAMES = ["dense", "convolution", "two squares", "linear only"]
ARRAY = "<f8"


def described(name="dense"):
    return json.loads(plan(name).to_json())


def load(described):
    return he.Plan.from_json(json.dumps(described))


def refused(changed):
    with pytest.raises(HelibError) as error:
        load(changed)
    assert_refused(error)


@pytest.mark.parametrize("name", NAMES)
def test_json_gives_back_the_same_plan(name):
    back = he.Plan.from_json(plan(name).to_json())
    assert back.to_json() == plan(name).to_json()
    assert repr(back) == repr(plan(name))
    clear = [p.simulate(IMAGES[:3], noisy=False) for p in (plan(name), back)]
    assert np.array_equal(*clear)


def test_an_engine_runs_the_very_numbers_of_the_json():
    inside, constants = plan("dense").program.constants, described()["constants"]
    assert len(inside) == len(constants)
    for constant, written in zip(inside, constants, strict=True):
        data = zlib.decompress(base64.b64decode(written["integers"]["zlib"]))
        integers = np.frombuffer(data, ARRAY)
        assert np.array_equal(integers, np.round(integers))
        assert np.array_equal(integers * written["unit"], constant.values)


def test_a_server_runs_the_plan_that_crossed_as_json():
    there = he.Plan.from_json(plan("dense").to_json())
    owner = he.DataOwner(there)
    got = owner.decrypt(he.Server(there, owner.public).run(owner.encrypt(IMAGES[0])))
    assert_bits(got, plan("dense").simulate(IMAGES[0], noisy=False), at_least=8)


def test_rounding_takes_a_millionth_of_what_encoding_does():
    recorder, values = Recorder(1), uniform(512, 1)
    recorder.multiply_plain(0, recorder.encode(values, 1, 1000.0))
    program = recorder.program(0).rounded()
    (constant,) = program.constants
    assert 0 < np.abs(constant.values - values).max() <= 1e-6 / 1000
    assert np.array_equal(program.rounded().constants[0].values, constant.values)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", '{"format": "x"}', b"\xff", None, 3])
def test_what_is_no_plan_is_refused(text):
    with pytest.raises(BadBytes) as error:
        he.Plan.from_json(text)
    assert_refused(error)


def test_a_newer_plan_is_refused_and_says_so():
    with pytest.raises(BadBytes, match="version 3") as error:
        load(described() | {"version": 3})
    assert_refused(error)


@pytest.mark.parametrize("part", sorted(set(described()) - {"format", "version"}))
@pytest.mark.parametrize("instead", [None, "x", 3, [], {}, "missing"])
def test_a_plan_with_a_broken_part_is_refused(part, instead):
    if part == "flood" and instead is None:
        return  # that is a plan without one
    changed = described()
    changed[part] = instead
    if instead == "missing":
        del changed[part]
    refused(changed)


def first(changed, name):
    return next(i for i, (step, *_) in enumerate(changed["steps"]) if step == name)


STEPS = {
    "an unknown operation": lambda s: s.__setitem__(0, "dump"),
    "a register that nothing fills": lambda s: s.__setitem__(2, 10**6),
    "a number that is none": lambda s: s.__setitem__(2, "0"),
    "too few numbers": lambda s: s.__delitem__(slice(1, None)),
}


@pytest.mark.parametrize("how", STEPS)
def test_an_impossible_step_is_refused(how):
    changed = described()
    STEPS[how](changed["steps"][0])
    refused(changed)


@pytest.mark.parametrize("name", ["relinearise", "rescale"])
def test_a_step_left_out_is_refused_for_its_level_scale_or_parts(name):
    changed = described()
    i = first(changed, name)
    changed["steps"][i][0] = "negate"
    refused(changed)


def test_a_rescale_too_many_is_refused():
    changed = described("linear only")
    out = changed["output"]["register"]
    for _ in range(9):
        changed["steps"].append(["rescale", out + 1, out, 0])
        out += 1
    changed["output"]["register"] = out
    refused(changed)


@pytest.mark.parametrize("number", [-1, 10**6])
def test_a_constant_that_is_not_there_is_refused(number):
    changed = described()
    changed["steps"][first(changed, "multiply_plain")][3] = number
    refused(changed)


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("input", "shape", [1, 8]),
        ("input", "scale", 2.0),
        ("output", "level", 1),
        ("output", "scale", 3.0),
        ("output", "count", 10**6),
        ("output", "stride", 0),
        ("parameters", "primes", ["17"]),
        ("parameters", "security", 192),
        ("parameters", "special", "17"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(part, key, value):
    changed = described()
    changed[part][key] = value
    refused(changed)


def weak():
    """A plan whose parameters hold for 128 bits of security, said to have 256."""
    changed = described()
    changed["parameters"]["security"] = changed["parameters"]["request"]["security"] = 256
    return changed


@pytest.mark.parametrize("told", [True, False, None, "no"])
def test_a_plan_with_weak_parameters_is_taken_only_where_its_receiver_says_so(told):
    """Whatever the plan says of itself."""
    changed = weak()
    changed["parameters"]["insecure"] = changed["parameters"]["request"]["insecure"] = told
    text = json.dumps(changed)
    data = wire.pack("plan", {}, text.encode())
    for load, given in ((he.Plan.from_json, text), (he.Plan.from_bytes, data)):
        with pytest.raises(InsecureParameters) as error:
            load(given)
        assert_refused(error)
        assert "INSECURE" in repr(load(given, insecure=True))


@pytest.mark.parametrize("told", [True, None, "missing"])
def test_what_a_secure_plan_says_of_its_security_is_not_read(told):
    changed = described()
    changed["parameters"]["insecure"] = told
    if told == "missing":
        del changed["parameters"]["insecure"]
    assert "INSECURE" not in repr(load(changed))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_are_none_are_refused(number):
    text = json.dumps(described() | {"headroom": "here"}).replace('"here"', number)
    with pytest.raises(BadBytes) as error:
        he.Plan.from_json(text)
    assert_refused(error)


def test_a_text_of_endless_brackets_is_refused():
    with pytest.raises(BadBytes) as error:
        he.Plan.from_json("[" * 10**6)
    assert_refused(error)


def test_a_result_of_three_parts_is_refused():
    """Only two are re-randomised on their way out."""
    changed = described()
    changed["steps"] = steps = changed["steps"][: first(changed, "square") + 1]
    changed["rotations"] = sorted({step[3] for step in steps if step[0] == "rotate"})
    changed["output"]["register"] = steps[-1][1]
    with pytest.raises(BadBytes, match="three parts") as error:
        load(changed)
    assert_refused(error)


LAYERS = {
    "no layers": lambda layers: layers.clear(),
    "a level that is none": lambda layers: layers[0].update(level="1"),
    "a slot that there is not": lambda layers: layers[0].update(slots=[10**6]),
    "a slot before the first": lambda layers: layers[0].update(slots=[-1]),
    "an error that is text": lambda layers: layers[-1].update(error="0.1"),
    "a name that is none": lambda layers: layers[0].update(name=None),
}


@pytest.mark.parametrize("how", LAYERS)
def test_layers_that_cannot_be_shown_are_refused(how):
    changed = described()
    LAYERS[how](changed["layers"])
    refused(changed)


def test_an_array_larger_than_any_is_refused_before_it_is_read():
    changed = described()
    changed["input"]["gather"]["shape"][0] = 2**40
    refused(changed)


def test_an_array_is_read_no_further_than_its_shape():
    changed = described()
    bomb = base64.b64encode(zlib.compress(bytes(10**7))).decode()
    changed["constants"][0]["integers"]["zlib"] = bomb
    refused(changed)


@pytest.mark.parametrize("unit", [0.0, -1.0, 3.0, 2.0**-10])
def test_a_constant_in_other_units_is_refused(unit):
    changed = described()
    changed["constants"][0]["unit"] = unit
    refused(changed)


def test_a_constant_at_another_level_is_refused():
    changed = described()
    changed["constants"][0]["level"] = 0
    refused(changed)


def test_damaged_bytes_are_refused():
    with pytest.raises(BadBytes) as error:
        he.Plan.from_bytes(plan("linear only").to_bytes()[:-100])
    assert_refused(error)
