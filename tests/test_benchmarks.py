"""What is published of the measurements is what was measured."""

import json
from importlib import import_module

import pytest

from benchmarks.harness import END, README, RESULTS, START, alternate, amount, result, table


@pytest.mark.parametrize(
    "module", [*sorted(p.stem for p in RESULTS.parent.glob("[a-z]*.py")), "__main__"]
)
def test_every_benchmark_finds_what_it_measures(module):
    """They are run by hand, and nobody notices that what they import has moved."""
    try:
        import_module(f"benchmarks.{module}")
    except ModuleNotFoundError as error:
        if error.name != "tenseal":  # the peer comes with make bench only
            raise
        pytest.skip("needs TenSEAL")


def test_the_readme_shows_the_results_that_were_written():
    shown = README.read_text().split(START)[1].split(END)[0]
    assert shown == table(json.loads(RESULTS.read_text()))


def test_every_result_has_what_a_reader_needs():
    for row in json.loads(RESULTS.read_text()):
        assert set(row) == {"name", "ours", "peer", "ratio", "unit", "target", "machine"}
        assert abs(row["ratio"] - row["peer"] / row["ours"]) < 1e-9 * row["ratio"]


def test_ours_and_peer_take_turns():
    calls = []
    alternate(lambda: calls.append("ours"), lambda: calls.append("peer"), rounds=2, each=2)
    assert calls == ["ours", "peer", *["ours", "ours", "peer"] * 2]


def test_a_ratio_above_one_means_ours_is_less():
    assert result("bytes", 2.0, 6.0, "bytes", "").ratio == 3.0


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.000359, "s", "0.359 ms"), (17.32, "s", "17.3 s"), (393_588, "bytes", "394 kB"),
        (0.18, "", "0.18"),
    ],
)  # fmt: skip
def test_the_table_speaks_in_units_of_a_handy_size(value, unit, said):
    assert amount(value, unit) == said
