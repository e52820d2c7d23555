"""A process that tries cases and tells what became of each, a line of JSON at a time.

What it is about to try is written to a file first: if the process dies, that was it.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from . import limits
from .verdicts import Verdict, of_exception

MOST_KEPT = 5  #: inputs of findings that are alike


def campaign(part: str, seed: int, only: str) -> Any:
    """Makes the cases of one part."""
    if part == "bytes":
        from .strangers import Strangers

        return Strangers(seed, only)
    if part == "circuits":
        from .circuits import Circuits

        return Circuits(seed, only)
    from .networks import Networks

    return Networks(seed, only)


def serve(part: str, seed: int, only: str, numbers: range, folder: Path) -> None:
    """Try them, until one has taken so much memory that the next would not be measured."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever libraries print goes to the errors
    made = campaign(part, seed, only)
    limits.enclose(limits.ROOM if part == "networks" else limits.SPACE)
    kept: Counter[str] = Counter()
    for number in numbers:
        verdict = attempt(made, number, folder)
        if verdict.finding and kept[verdict.signature] < MOST_KEPT:
            kept[verdict.signature] += 1
            shutil.copy(folder / "trying", folder / f"{part}-{seed}-{number}.bin")
        print(verdict.line(), file=answers, flush=True)
        if verdict.outcome == "memory":
            return


def attempt(made: Any, number: int, folder: Path) -> Verdict:
    """One case. A fault in making it is a finding, too: of the campaign."""
    (folder / "trying").write_bytes(b"")
    try:
        case = made.case(number)
        (folder / "trying.about").write_text(f"{number}\n{made.about(case)}\n{case.how}")
        (folder / "trying").write_bytes(made.written(case))
    except Exception as error:
        return of_exception(number, "making a case", "", error)
    verdict: Verdict = made.judged(number, case)
    return verdict


def main() -> None:
    """``part seed first end folder [only] [plant]``, as `processes` calls it."""
    parser = argparse.ArgumentParser()
    for name, kind in (("part", str), ("seed", int), ("first", int), ("end", int)):
        parser.add_argument(name, type=kind)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--entry", default="")
    parser.add_argument("--plant", default="", help="module:function, called before all else")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    sys.setrecursionlimit(1000)
    if given.plant:
        module, name = given.plant.split(":")
        getattr(importlib.import_module(module), name)()
    serve(given.part, given.seed, given.entry, range(given.first, given.end), given.folder)


if __name__ == "__main__":
    main()
