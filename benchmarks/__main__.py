"""Run every benchmark and write ``results.json``."""

from itertools import chain

from . import digits, paillier
from .harness import write

if __name__ == "__main__":
    results = []
    for found in chain(paillier.measure(), digits.measure()):
        results.append(found)
        print(f"{found.name}: {found.ours:.4g} against {found.peer:.4g} {found.unit}"
              f" → {found.ratio:.3g} ({found.target})", flush=True)  # fmt: skip
    write(results)
