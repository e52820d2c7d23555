"""The package's shape: who imports whom, and how long things may be."""

import ast
from itertools import takewhile

import pytest
from helpers import PACKAGE, run_python

# each imports only those before it
ORDER = [
    "errors", "extras", "options", "dispatch", "tables", "memory", "randomness", "wire",
    "params", "encoding", "span", "flooding",
    "noise", "engines",
    "packing", "folding", "agreement", "program", "portable", "context", "cipher",
    "ckks", "bfv", "paillier", "bundle", "remez", "evaluation", "rehearsal", "activations",
    "composite", "cost", "plans", "network", "bootstrap", "compile", "arrange", "planner",
    "batch", "roles", "transcript",
    "refresh", "prediction", "nn", "model_owner", "balance", "deep_model", "interaction",
    "ledger", "data", "comparison", "show",
    "widgets",
]  # fmt: skip
ONLY = {
    "Pyfhel": "engines/seal/pyfhel.py",
    "seal": "engines/seal/native.py",
    "phe": "engines/paillier.py",
    "gmpy2": "engines/p",
    "lattigo": "engines/lattigo/",
    "orion_evaluator": "engines/lattigo/",
    "torch": "nn/",
    "matplotlib": "show/",
    "anywidget": "show/",
}
FILES = sorted(p.relative_to(PACKAGE).as_posix() for p in PACKAGE.rglob("*.py"))
MODULES = [f for f in FILES if f != "__init__.py"]


def tree(file):
    return ast.parse((PACKAGE / file).read_text())


def layer(file):
    return file.removesuffix(".py").split("/")[0]


def _nodes_at_run_time(node):
    if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        yield node
        for child in ast.iter_child_nodes(node):
            yield from _nodes_at_run_time(child)


def own_imports(file):
    """The layers that a file imports, wherever in it but for type checkers only."""
    depth = len(file.split("/"))
    for node in _nodes_at_run_time(tree(file)):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            yield from [node.module.split(".")[0]] if node.module else [a.name for a in node.names]
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("helib_py."):
            yield node.module.split(".")[1]


def outside_imports(file):
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.split(".")[0]


def test_every_file_has_a_place_in_the_order():
    assert {layer(file) for file in MODULES} <= set(ORDER)


@pytest.mark.parametrize("file", MODULES)
def test_a_file_imports_only_those_before_it(file):
    before = set(takewhile(lambda name: name != layer(file), ORDER))
    assert set(own_imports(file)) - {layer(file)} <= before


@pytest.mark.parametrize("library", ONLY)
def test_a_library_is_imported_in_one_place_only(library):
    importers = [file for file in FILES if library in outside_imports(file)]
    assert all(file.startswith(ONLY[library]) for file in importers)


def test_importing_the_package_pulls_in_nothing_heavy():
    code = f"import sys, helib_py; print(*[m for m in {list(ONLY)} if m in sys.modules])"
    assert run_python(code) == ""


def test_the_clear_twin_needs_neither_pyfhel_nor_torch():
    code = """if True:
        import sys, helib_py as he
        sys.modules.update(Pyfhel=None, seal=None, torch=None, matplotlib=None, anywidget=None)
        twin = he.DataOwner(he.CKKS(), "plain")
        x = he.PublicBundle.from_bytes(twin.public.to_bytes(), engine="plain").encrypt([0.5])
        print(round(float(twin.decrypt((x * x).to_bytes())[0]), 4))
    """
    assert run_python(code) == "0.25"


def test_paillier_s_clear_twin_needs_neither_phe_nor_gmpy2():
    code = """if True:
        import sys, helib_py as he
        sys.modules.update(phe=None, gmpy2=None, Pyfhel=None, seal=None, torch=None)
        owner = he.ModelOwner(he.Paillier(), "plain")
        sent = owner.encrypt_model([[0.5, 0.25]], 0.125).to_bytes()
        model = he.SealedModel.from_bytes(sent, engine="plain")
        print(owner.decrypt(model([1, -1]).to_bytes()))
    """
    assert run_python(code) == "[[0.375]]"


def test_every_public_name_can_be_had():
    code = "import helib_py as he; print(*[n for n in he.__all__ if getattr(he, n) is None])"
    assert run_python(code) == ""


@pytest.mark.parametrize("file", FILES)
def test_no_file_is_over_400_lines(file):
    """A file holds one idea; near so many lines there is mostly a second one."""
    assert len((PACKAGE / file).read_text().splitlines()) <= 400


@pytest.mark.parametrize("file", FILES)
def test_no_function_is_over_25_lines(file):
    """Without its docstring."""
    long = {}
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef):
            first = node.body[0]
            documented = ast.get_docstring(node) is not None
            lines = node.end_lineno - node.lineno + 1
            lines -= (first.end_lineno - first.lineno + 1) if documented else 0
            if lines > 25:
                long[node.name] = lines
    assert not long
