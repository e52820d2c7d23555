"""Run every benchmark and write ``results.json``."""

from itertools import chain

from . import batch, browser, deep, digits, encrypted_model, paillier
from .harness import write

MEASURED = (paillier, digits, browser, batch, encrypted_model, deep)

if __name__ == "__main__":
    results = []
    for found in chain.from_iterable(m.measure() for m in MEASURED):
        results.append(found)
        print(f"{found.name}: {found.ours:.4g} against {found.peer:.4g} {found.unit}"
              f" → {found.ratio:.3g} ({found.target})", flush=True)  # fmt: skip
    write(results)
