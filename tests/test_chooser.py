"""The chooser: every combination of answers has exactly one technique, and all it names exists."""

import json
from itertools import product
from pathlib import Path

import pytest
from ipywidgets.embed import embed_data

import helib_py as he
from helib_py.errors import HelibError
from helib_py.show import QUESTIONS, Chooser, choose, techniques
from helib_py.show.choice import RULES, complete, fitting
from helib_py.show.techniques import Technique

ROOT = Path(__file__).parents[1]
MEASURED = json.loads((ROOT / "benchmarks/results.json").read_text())
CASES = [dict(zip(QUESTIONS, case, strict=True)) for case in product(*QUESTIONS.values())]
ALL = [t for t in vars(techniques).values() if isinstance(t, Technique)]


def test_every_combination_has_exactly_one_answer():
    assert [len(fitting(case)) for case in CASES] == [1] * len(CASES)


def test_every_rule_speaks_of_what_is_asked_and_is_needed():
    for technique, rule in RULES:
        assert rule.keys() <= QUESTIONS.keys()
        assert all(set(rule[q]) <= set(QUESTIONS[q]) for q in rule)
        assert any(fitting(case) == [technique] for case in CASES)


def test_every_technique_is_the_answer_to_something():
    assert {choose(**case).name for case in CASES} == {t.name for t in ALL}
    assert len({t.how for t in ALL}) == len(ALL)


@pytest.mark.parametrize("technique", ALL, ids=lambda t: t.name)
def test_a_technique_names_notebooks_that_are_there_and_says_who_learns_what(technique):
    for notebook in {technique.notebook, technique.see} - {""}:
        assert (ROOT / f"notebooks/{notebook}.ipynb").exists()
    assert bool(technique.learns) == technique.possible
    assert technique.notebook or "subject of notebook" in technique.how or not technique.possible
    assert technique.possible or technique.instead


def test_every_cost_is_one_that_the_benchmarks_measure():
    names = [row["name"] for row in MEASURED]
    names += [path.read_text() for path in (ROOT / "benchmarks").glob("*.py")]
    for cost in (cost for technique in ALL for cost in technique.costs):
        assert any(cost.row in name for name in names), cost


def test_who_holds_the_key_reads_the_answer():
    for case in CASES:
        technique = choose(**case)
        if technique.possible and case["model"] == "secret":
            (reader, _), *_ = technique.learns
            if case["task"] == "predict on encrypted data":
                assert reader == "data owner"
            if case["task"] == "predict with an encrypted model":
                assert reader == "model owner"


def test_without_rounds_no_answer_needs_them():
    for case in CASES:
        if case["rounds"] == "no, one message each way":
            how = choose(**case).how
            assert "round by round" not in how
            assert choose(**case) not in (
                techniques.REFRESH,
                techniques.FEDERATED,
                techniques.TOLD,
            )


def test_the_deepest_encrypted_network_fits_as_far_as_the_chooser_says():
    def terms(hidden, ring):
        widths = (784, *[64] * hidden, 10)
        return he.Agreement(widths, norms=(1.0,) * (hidden + 1), peak=4.0, ring=ring)

    assert (
        "while that lasts"
        in choose(task="predict with an encrypted model", depth="4 or more hidden layers").name
    )
    terms(3, 32768), terms(4, 32768)
    with pytest.raises(he.errors.ParameterError):
        terms(10, 32768)


def test_costs_come_from_what_was_measured():
    rows = [
        {"name": "tutorial CNN, one image: wall time", "ours": 0.25, "unit": "s", "machine": "M"},
        {"name": "tutorial CNN: upload", "ours": 1234567, "unit": "bytes", "machine": "M"},
    ]
    chooser = Chooser(rows, value={"depth": "1 to 3 hidden layers"})
    (shown,) = (t for t in chooser.techniques if t["name"] == chooser.technique.name)
    assert shown["costs"] == [("a small CNN, one image", "250 ms"), ("upload", "1.2 MB")]
    assert chooser.machine == "M"
    assert all(not t["costs"] for t in Chooser().techniques)


def test_the_page_looks_up_what_python_chose():
    chooser = Chooser(MEASURED, folder="../notebooks")
    state = embed_data(views=[chooser], drop_defaults=False)["manager_state"]["state"]
    state = json.loads(json.dumps(state[chooser.model_id]["state"]))
    asked = [name for name, _ in state["questions"]]
    assert asked == list(QUESTIONS)  # in this order the places of picks are counted
    names = [state["techniques"][pick]["name"] for pick in state["picks"]]
    assert names == [choose(**case).name for case in CASES]
    assert state["folder"] == "../notebooks"
    assert "export default { render }" in state["_esm"]


def test_a_part_of_the_value_may_be_set_and_what_is_not_asked_is_refused():
    chooser = Chooser()
    chooser.value = {"amount": "thousands at once"}
    assert chooser.value == complete({"amount": "thousands at once"})
    for wrong in ({"amount": "many"}, {"price": "low"}):
        with pytest.raises(HelibError, match="must be"):
            chooser.value = wrong
        with pytest.raises(HelibError, match="must be"):
            Chooser(value=wrong)
    assert chooser.technique is techniques.BFV


def test_the_front_end_names_no_address_but_the_svg_namespace():
    addresses = [part.split('"')[0] for part in Chooser()._esm.split("http")[1:]]
    assert addresses == ["://www.w3.org/2000/svg"]
