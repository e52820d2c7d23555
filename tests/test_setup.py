"""One version for one package, and nothing of the machine it was written on."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Written so that this file does not match itself.
FOREIGN = re.compile(
    r"(?<![\w.])/(?:work|root|home|opt|farm|Users)/\w"
    r"|\b(?:pypi|pythonhosted|npmjs|deb[.]debian|download[.]pytorch|conda[.]anaconda)[.](?:org|com|net)\b"
)


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines):
    """The `name==version` lines, as a mapping."""
    found = (re.fullmatch(r"([\w.-]+)==?([\w.]+)", line.strip()) for line in lines)
    return {canonical(m[1]): m[2] for m in found if m}


PINNED = pins((ROOT / "constraints.txt").read_text().splitlines())


def test_every_named_dependency_is_pinned_once():
    extras = PROJECT["optional-dependencies"]
    named = {
        canonical(re.match(r"[\w.-]+", line)[0])
        for line in sum(extras.values(), PROJECT["dependencies"])
    }
    assert named - {PROJECT["name"]} <= PINNED.keys()
    names = re.findall(r"^[\w.-]+(?===)", (ROOT / "constraints.txt").read_text(), re.M)
    assert len(names) == len(PINNED)


def test_all_means_every_extra_but_the_benchmarks():
    extras = dict(PROJECT["optional-dependencies"])
    (everything,) = extras.pop("all")
    assert set(re.findall(r"\w+", everything.split("[")[1])) == extras.keys() - {"bench"}


def test_conda_takes_the_same_versions():
    *conda, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert "-c constraints.txt" in pip["pip"]
    stated = pins(conda + pip["pip"])
    python = tuple(map(int, stated.pop("python").split(".")))
    low, high = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    assert (3, int(low)) <= python < (3, int(high))
    assert stated.items() <= PINNED.items()


def test_no_file_names_a_machine_or_a_registry():
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        files = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git work tree")
    found = {
        name: hit[0]
        for name in files.stdout.splitlines()
        if (ROOT / name).is_file()
        and (hit := FOREIGN.search((ROOT / name).read_text(errors="replace")))
    }
    assert not found


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(notebook):
    return json.loads(notebook.read_text())["cells"]


def tags(cell):
    return set(cell["metadata"].get("tags", ()))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_an_output_is_stored_where_it_is_compared_and_nowhere_else(notebook):
    for cell in cells(notebook):
        compared = "nbval-check-output" in tags(cell)
        assert compared == ("keep_output" in tags(cell)) == bool(cell.get("outputs")), cell


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_ends_with_three_hidden_solutions_and_has_no_long_cell(notebook):
    code = [cell for cell in cells(notebook) if cell["cell_type"] == "code"]
    assert sum("hide-cell" in tags(cell) for cell in code) == 3
    assert all("assert" in "".join(cell["source"]) for cell in code if "hide-cell" in tags(cell))
    assert all("".join(cell["source"]).count("\n") < 25 for cell in code)


@pytest.mark.parametrize("role", ["{doc}", "{cite}", "{numref}"])
def test_notebooks_link_in_plain_markdown_which_jupyterlab_shows(role):
    """Unlike these roles of the book; see book/reader_links.py."""
    assert [path.name for path in NOTEBOOKS if role in path.read_text()] == []


def test_every_notebook_is_in_the_book_and_on_the_map():
    book = (ROOT / "book/_toc.yml").read_text()
    readme = (ROOT / "README.md").read_text()
    for notebook in NOTEBOOKS:
        assert f"notebooks/{notebook.stem}" in book
        assert f"(notebooks/{notebook.name})" in readme
