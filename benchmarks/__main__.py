"""Run every benchmark and write ``results.json``."""

from . import digits
from .harness import write

if __name__ == "__main__":
    results = []
    for found in digits.measure():
        results.append(found)
        print(f"{found.name}: {found.ours:.4g} against {found.peer:.4g} {found.unit}"
              f" → {found.ratio:.3g} ({found.target})", flush=True)  # fmt: skip
    write(results)
