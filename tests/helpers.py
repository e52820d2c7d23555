"""What the tests share: precision in bits, and code that must run in a process of its own."""

import gc
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from inspect import isfunction
from math import gcd
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import helib_py as he
from helib_py import wire
from helib_py.engines.seal import installed
from helib_py.engines.seal.library import MODULES
from helib_py.noise import measured_bits

PACKAGE = Path(__file__).resolve().parents[1] / "helib_py"
INSTALLED = installed()  #: libraries over SEAL that are here, the preferred one first
NEEDS = {
    name: pytest.mark.skipif(
        name not in INSTALLED, reason=f"needs {module}: pip install 'helib-py[{extra}]'"
    )
    for name, (module, extra) in MODULES.items()
}  #: marks for what is about one library
LIBRARIES = [pytest.param(name, marks=mark) for name, mark in NEEDS.items()]  #: to run over all
ENGINES = [*LIBRARIES, "plain"]  #: and the clear twin


def assert_bits(got, expected, at_least=20):
    """The largest error is below 2^-at_least; shapes agree."""
    got, expected = np.asarray(got), np.atleast_1d(np.asarray(expected))
    assert got.shape == expected.shape, f"shapes {got.shape} and {expected.shape}"
    found = measured_bits(got, expected)
    assert found >= at_least, f"{found:.1f} bits, wanted {at_least:.1f}:\n{got}\n{expected}"


def assert_refused(error):
    """A refusal says what is wrong and, after a colon or with a "must", what to do instead."""
    text = str(error.value)
    said = (":", "must", "needs", "only ")
    assert any(word in text for word in said), f"does not say what to do instead: {text}"
    assert len(text) > 20, text


def payload(message):
    """What a ciphertext's message holds, as words of 64 bits."""
    _, (data,) = wire.unpack("ciphertext", message)
    return np.frombuffer(data, "<u8")


def uniform(count, seed=0, bound=1.0):
    return np.random.default_rng(seed).uniform(-bound, bound, count)


def start_python(code, *arguments):
    """A process with nothing of ours in it but the package."""
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    return subprocess.Popen(command, env=environment, text=True, **pipes)


def run_python(code, *arguments, timeout=120):
    """What a script of its own prints; a crash or an exception fails the test."""
    with start_python(code, *arguments) as process:
        try:
            out, error = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"no answer after {timeout} s:\n{code}") from None
    assert process.returncode == 0, f"exit code {process.returncode}\n{error}"
    return out.strip()


def reachable(root, limit=200_000):
    """All objects that attributes and containers lead to, types and modules left out."""
    seen, queue = {id(root): root}, [root]
    skipped = (type, type(gc), type(reachable))
    while queue and len(seen) < limit:
        for thing in gc.get_referents(queue.pop()):
            if id(thing) not in seen and not isinstance(thing, skipped):
                seen[id(thing)] = thing
                queue.append(thing)
    return list(seen.values())


def secrets_among(things):
    """Names of what can decrypt CKKS or BFV: our holders, SEAL's, a Pyfhel with a key in it."""
    names = {"DataOwner", "DeepModelOwner", "SealKeys", "SealModularKeys", "NativeSecret"}
    names |= {"SecretKey", "Decryptor", "KeyGenerator"}  # SEAL's
    kinds = {type(x).__name__ for x in things}
    pyfhels = [x for x in things if type(x).__name__ == "Pyfhel"]
    opened = {"Pyfhel"} if any(not x.is_secret_key_empty() for x in pyfhels) else set()
    return sorted(kinds & names | opened)


def has_evaluator(things):
    """Whether a library over SEAL is among them: else there is nothing to look into."""
    return any(type(x).__name__ == "Native" for x in things)


HOLDERS = ("PaillierKeys", "PaillierPrivateKey", "DataOwner", "ModelOwner")


def knows_primes(root, owner):
    """Whether an object leads to whoever holds a Paillier owner's primes, or to a factor of n."""
    p, q = owner._keys.primes
    written = [x.to_bytes(32, order) for x in (p, q) for order in ("big", "little")]
    found = reachable(root)
    numbers = (int(x) for x in found if isinstance(x, int) or type(x).__name__ == "mpz")
    return (
        any(type(x).__name__ in HOLDERS for x in found)
        or any(1 < gcd(x, p * q) < p * q for x in numbers)
        or any(part in x for x in found if isinstance(x, bytes) for part in written)
    )


@cache
def by_hand(notebook):
    """The functions that a notebook defines in its cells tagged "by-hand"; np and he are known."""
    path = PACKAGE.parent / "notebooks" / f"{notebook}.ipynb"
    cells = json.loads(path.read_text("utf-8"))["cells"]
    names = {"np": np, "he": he}
    for cell in cells:
        if "by-hand" in cell["metadata"].get("tags", []):
            exec("".join(cell["source"]), names)
    defined = {k: f for k, f in names.items() if isfunction(f) and f.__globals__ is names}
    return SimpleNamespace(**defined)


STATIC = PACKAGE.parent / "book" / "_static" / "widgets-static.js"
BODY = "<body style='font-family: DejaVu Sans, Verdana, sans-serif'>"  # wide letters


def write_page(folder, *widgets):
    """A page such as the book's: views where they are shown, the state, the script twice."""
    from ipywidgets.embed import embed_data

    data = embed_data(views=widgets, drop_defaults=False)
    script = '<script type="application/vnd.jupyter.widget-{}+json">{}</script>'.format
    parts = [script("view", json.dumps(view)) for view in data["view_specs"]]
    state = json.dumps(data["manager_state"], sort_keys=True)  # as in a stored notebook
    parts += [script("state", state.replace("</", r"<\/"))]
    parts += ['<script src="widgets-static.js"></script>'] * 2  # as Jupyter Book does
    shutil.copy(STATIC, folder)
    page = folder / "page.html"
    page.write_text("<!doctype html><meta charset=utf-8>" + BODY + "".join(parts))
    return page


def apply_step(name, a, b, number, draw):
    """One operation of a random circuit, on numpy arrays or on ciphertexts; draw(shape, seed)."""
    size = len(a)
    if name == "rotate":
        return np.roll(a, -number) if isinstance(a, np.ndarray) else a.rotate(number % size)
    return {
        "add": lambda: a + b,
        "subtract": lambda: a - b,
        "multiply": lambda: a * b,
        "square": lambda: a * a,
        "scale": lambda: draw(size, number) * a,
        "shift": lambda: draw(size, number) - a,
        "whole": lambda: (number - 7) * a,
        "matrix": lambda: draw((size, size), number) @ a,
    }[name]()


def true_scale(c):
    """The scale that the engine's own ciphertext has."""
    return c.handle.scale if c.context.is_twin else c.e.lib.scale(c.handle)


def on_twin(params, x):
    return he.DataOwner(params, "plain").encrypt(x)


def assert_foretold(measured, predicted):
    """A prediction is for the worst of many results, so that one is better, and rarely worse."""
    assert predicted - 0.5 <= measured < predicted + 5
