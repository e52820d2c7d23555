"""The JavaScript evaluator: the same numbers as Python's, in the clear and encrypted."""

import json

import numpy as np
import pytest
from drawn import ENCRYPTED, digits, plan, significant_bits, widget
from helpers import uniform
from random_programs import TOY, random_plan

from benchmarks.session import SCRIPT, traits
from helib_py.program import OPERATIONS

pytestmark = pytest.mark.browser
CLEAR = """async ({ text, inputs }) => {
  const plan = await readPlan(text);
  return inputs.map((x) => clearScores(plan, x));
}"""
ENCRYPTED_SCORES = """async ([given, inputs]) => {
  const mine = session(given), scores = [];
  await mine.start();
  for (const x of inputs) scores.push((await mine.askFor(x, "thread")).scores);
  return scores;
}"""


@pytest.fixture
def evaluator(offline_page, tmp_path):
    """A page with the evaluator in it."""
    (tmp_path / "page.html").write_text("<!doctype html><meta charset=utf-8>")
    offline_page.goto((tmp_path / "page.html").as_uri())
    offline_page.add_script_tag(content=SCRIPT)
    return offline_page


def flat(inputs):
    return np.asarray(inputs).reshape(len(inputs), -1).tolist()


def encrypted(page, text, inputs):
    given = traits(widget()) | {"plan": text}
    return np.array(page.evaluate(ENCRYPTED_SCORES, [given, inputs]))


def test_a_hundred_digits_in_the_clear_are_python_s_to_the_last_bits(evaluator):
    x = digits().x_test[:100]
    got = evaluator.evaluate(CLEAR, {"text": plan().to_json(), "inputs": flat(x)})
    assert significant_bits(got, plan().simulate(x, noisy=False)) > 40


@ENCRYPTED
def test_a_hundred_digits_encrypted_are_python_s_to_ten_bits(evaluator):
    x = digits().x_test[:100]
    got = encrypted(evaluator, plan().to_json(), flat(x))
    expected = plan().simulate(x, noisy=False)
    assert min(map(significant_bits, got, expected)) > 10
    assert max(map(significant_bits, got, expected)) < 30, "was anything encrypted?"


def test_random_programs_give_what_python_s_plain_engine_gives(evaluator):
    names = set()
    for seed in range(12):
        made, x = random_plan(seed), uniform(2 * TOY.slots, seed)
        got = evaluator.evaluate(CLEAR, {"text": made.to_json(), "inputs": [x.tolist()]})
        assert np.allclose(got[0], made.simulate(x, noisy=False), rtol=1e-9, atol=1e-12)
        names |= {op.name for op in made.program.ops}
    assert names == set(OPERATIONS)


@ENCRYPTED
@pytest.mark.parametrize("seed", range(3))
def test_random_programs_on_seal_give_it_too(seed, evaluator):
    made, x = random_plan(seed), uniform(2 * TOY.slots, seed)
    (got,) = encrypted(evaluator, made.to_json(), [x.tolist()])
    assert significant_bits(got, made.simulate(x, noisy=False)) > 12


def broken(**changes):
    described = json.loads(plan().to_json())
    for path, value in changes.items():
        *way, last = path.split("__")
        at = described
        for name in way:
            at = at[int(name) if name.isdigit() else name]
        at[int(last) if last.isdigit() else last] = value
    return json.dumps(described)


@pytest.mark.parametrize(
    ("said", "changes"),
    [
        ("version 3", {"version": 3}),
        ("no plan", {"format": "else"}),
        ("floods its answers", {"flood": [40.0, 1]}),
        ("impossible step", {"steps__0": ["decrypt", 1, 0, 0]}),
        ("impossible step", {"steps__0": ["rotate", 1, 9999, 1]}),
        ("impossible step", {"steps__0": ["rotate", 1, 0, 3333]}),
        ("impossible step", {"steps__0": ["multiply_plain", 1, 0, 9999]}),
        ("impossible step", {"steps__0": ["lower", 1, 0, 7]}),
        ("impossible step", {"steps__0": ["relinearise", 1, "length", 0]}),
        ("nothing fills", {"output__register": 10**6}),
        ("another level", {"output__scale": 3.0}),
        ("outside the slots", {"output__count": 5000}),
        ("malformed", {"input": None}),
        ("malformed", {"constants__0__integers__zlib": "AAAA"}),
        ("malformed", {"constants__0__integers__dtype": "<c16"}),
        ("slots", {"parameters__ring": 4096}),
        ("level", {"constants__0__level": 0}),
    ],
)
def test_a_malformed_or_newer_plan_is_a_clear_error(said, changes, evaluator):
    ask = "text => readPlan(text).then(() => 'read', (error) => error.message)"
    told = evaluator.evaluate(ask, broken(**changes))
    assert said in told or (said == "level" and "impossible step" in told), told
    assert ": " in told
    assert evaluator.evaluate(ask, broken()) == "read"
