"""One version for one package, a set-up without a compiler, and nothing of a machine."""

import json
import os
import re
import subprocess
import tomllib
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from shutil import which

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from helib_py.engines.seal.library import MODULES

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


EXTRAS = PROJECT["optional-dependencies"]
# What installs it has to build, so needs a compiler.
BUILT = {"pyfhel": "Pyfhel publishes its source alone: a build of Microsoft SEAL and Cython"}
# What pip says of the machines for which all comes as wheels, and of one for which it does not.
WHEELS = [("linux", "x86_64"), ("darwin", "arm64"), ("win32", "AMD64")]
ARM = ("linux", "aarch64")


def name_of(requirement):
    return canonical(re.match(r"[\w.-]+", requirement)[0])


def brought(extra, machine):
    """Names of the packages that an extra brings to a machine, helib_py's own extras opened."""
    marks = dict(zip(("sys_platform", "platform_machine"), machine, strict=True))
    for line in EXTRAS[extra]:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(marks):
            if name_of(line) == PROJECT["name"]:
                yield from chain.from_iterable(brought(e, machine) for e in requirement.extras)
            else:
                yield name_of(line)


def test_every_named_dependency_is_pinned_once():
    named = {name_of(line) for line in sum(EXTRAS.values(), PROJECT["dependencies"])}
    assert named - {PROJECT["name"]} <= PINNED.keys()
    names = re.findall(r"^[\w.-]+(?===)", (ROOT / "constraints.txt").read_text(), re.M)
    assert len(names) == len(PINNED)


def test_every_pinned_version_runs_on_the_oldest_python():
    """Of those that are installed here; a newer Python installs the others without a word."""
    (oldest,) = (s.version for s in SpecifierSet(PROJECT["requires-python"]) if s.operator == ">=")
    wanted = {
        d.name: d.metadata.get("Requires-Python", "")
        for d in distributions()
        if PINNED.get(canonical(d.name)) == d.version.split("+")[0]
    }
    refusing = {n: v for n, v in wanted.items() if not SpecifierSet(v).contains(f"{oldest}.0")}
    assert refusing == {}


def test_all_means_every_extra_but_the_benchmarks_and_what_is_built():
    (everything,) = (Requirement(line) for line in EXTRAS["all"])
    assert everything.name == PROJECT["name"]
    assert everything.extras == EXTRAS.keys() - {"all", "bench", "pyfhel"}


@pytest.mark.parametrize("machine", WHEELS, ids=" ".join)
def test_set_up_needs_no_compiler(machine):
    assert not BUILT.keys() & set(brought("all", machine))


@pytest.mark.parametrize("machine", [*WHEELS, ARM], ids=" ".join)
def test_ckks_brings_one_library_everywhere(machine):
    assert [*brought("ckks", machine)] == ["pyfhel" if machine == ARM else "seal-python"]


def test_an_error_names_an_extra_that_there_is():
    texts = (path.read_text() for path in (ROOT / "helib_py").rglob("*.py"))
    named = {extra for text in texts for extra in re.findall(r"'helib-py\[(\w+)\]'", text)}
    assert named  # written out; those of SEAL's libraries are filled in
    assert named | {extra for _, extra in MODULES.values()} <= EXTRAS.keys()


def test_conda_takes_the_same_versions():
    *conda, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert "-c constraints.txt" in pip["pip"]
    stated = pins(conda + pip["pip"])
    python = stated.pop("python")
    assert SpecifierSet(PROJECT["requires-python"]).contains(python)
    assert stated.items() <= PINNED.items()


def test_conda_takes_the_extras_of_make_and_no_compiler():
    *conda, pip = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    (own,) = (line for line in pip["pip"] if line.startswith("-e"))
    assert own == "-e .[all]"
    assert f"-e '{own[3:]}'" in (ROOT / "Makefile").read_text()
    assert {re.match(r"[\w-]+", name)[0] for name in conda} == {"python", "pip", "make"}


def test_the_readme_names_the_versions_of_python():
    low, high = re.findall(r"3\.(\d+)", PROJECT["requires-python"])
    assert f"Python 3.{low} to 3.{int(high) - 1} and make" in (ROOT / "README.md").read_text()


# --- make, with its tools replaced by scripts that say what they were asked ------------------


@pytest.fixture
def set_up(tmp_path):
    """Runs the set-up where pip only notes what it is given, and fails at ``failing``."""
    if not which("make"):
        pytest.skip("needs make")
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "tools/seal.cmake"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text((ROOT / name).read_text())
    for name in ("tools/web", ".venv", "helib_py", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "Python.h").touch()
    script(tmp_path / "bin/python", "echo .")

    def run(compiler, failing="nothing"):
        notes = f'echo "$@" >> asked; case "$*" in *{failing}*) exit 1; esac'
        script(tmp_path / "bin/pip", notes)
        tools = ["PYTHON=true", "bin=bin", f"CXX={compiler}"]
        done = subprocess.run(
            ["make", "--no-print-directory", ".venv/.ready", *tools],
            cwd=tmp_path, capture_output=True, text=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")},
        )  # fmt: skip
        ready = (tmp_path / ".venv/.ready").exists()
        return done.returncode, ready, (tmp_path / "asked").read_text(), done.stdout

    return run


def script(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def left_out(said):
    return [line for line in said.splitlines() if line.startswith("The engine pyfhel is left out")]


def test_make_goes_on_without_a_compiler_and_says_so(set_up):
    code, ready, asked, said = set_up("no-such-compiler")
    assert (code, ready) == (0, True)
    assert "-e .[all]" in asked
    assert "pyfhel" not in asked
    (line,) = left_out(said)
    assert "no C++ compiler" in line


def test_make_goes_on_without_python_s_headers_and_says_so(set_up, tmp_path):
    (tmp_path / "Python.h").unlink()
    code, ready, asked, said = set_up("true")
    assert (code, ready, "pyfhel" in asked) == (0, True, False)
    (line,) = left_out(said)
    assert "no Python.h" in line


def test_make_goes_on_when_pyfhel_cannot_be_built_and_says_so(set_up):
    code, ready, asked, said = set_up("true", failing="pyfhel")
    assert (code, ready, "-e .[pyfhel]" in asked) == (0, True, True)
    (line,) = left_out(said)
    assert "its build failed" in line


def test_make_builds_pyfhel_where_it_can(set_up):
    code, ready, asked, said = set_up("true")
    assert (code, ready, "-e .[pyfhel]" in asked) == (0, True, True)
    assert left_out(said) == []


def test_make_stops_when_anything_else_cannot_be_installed(set_up):
    code, ready, _, _ = set_up("no-such-compiler", failing="all")
    assert code != 0
    assert not ready


# --- files and notebooks ---------------------------------------------------------------------


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
