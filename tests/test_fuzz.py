"""A short campaign finds nothing; what it finds is in test_fuzz_faults.py."""

import math
from functools import partial

import numpy as np
import pytest

from fuzz import odd
from fuzz.__main__ import run
from fuzz.clear import Clear
from fuzz.entries import all_entries
from fuzz.messages import forged, opened
from fuzz.processes import Job

SHORT = {"bytes": (0, 300), "circuits": (0, 160), "networks": (2, 6)}  #: seed, and how many


@pytest.mark.parametrize("part", SHORT)
def test_a_short_campaign_finds_nothing(part, tmp_path):
    seed, count = SHORT[part]
    report = run(Job(part, seed), range(count), tmp_path, math.inf)
    assert not report.findings, "\n".join(report.lines(Job(part, seed).again))
    assert sum(report.tried.values()) == count
    assert sum(report.accepted.values()) > 0
    assert part == "networks" or report.refused or report.steps["OutOfLevels"]


QUICK = [name for name in all_entries() if "Paillier" in name and "real" not in name]


@pytest.mark.parametrize("name", [*QUICK, "batch · plain", "plan · toy", "JSON · Agreement"])
def test_a_message_survives_being_taken_apart(name):
    entry = all_entries()[name]
    for message in entry.honest():
        assert entry.text or opened(message).sealed() == message
        entry.take(message).read()


def test_the_same_number_is_the_same_mutation():
    (message,) = all_entries()["plan · toy"].honest()
    make = partial(forged, data=message, donors=[b"{}"])
    for seed in range(50):
        assert make(np.random.default_rng(seed)) == make(np.random.default_rng(seed))


@pytest.mark.parametrize("name", odd.RAW)
def test_odd_json_is_written_as_it_is(name):
    assert odd.written({"a": name}) == f'{{"a": {odd.RAW[name]()}}}'


def test_what_circuits_are_compared_with_has_a_ciphertext_s_operations():
    x, w = np.array([1.0, 2.0, 3.0]), np.array([[1.0, 0.0, 2.0]])
    c = Clear(x)
    for got, expected in (
        (c + c, 2 * x), (1 - c, 1 - x), (x * c, x * x), (w @ c, [7]), (c @ w.T, [7]),
        (x @ c, [14]), (c @ x, [14]), (c @ c, [14]), (c.rotate(1), [2, 3, 1]), (c.sum(), [6]),
        (c**2, x * x), (-c - 0, -x),
        (c.combine([c, c], [2, -1]), x), (c.lower(0).promise(9) / 2, x / 2),
    ):  # fmt: skip
        assert np.array_equal(got.values, expected)
