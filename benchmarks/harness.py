"""Timing two ways of doing one thing, turn by turn, and writing the outcome down."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

RESULTS = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Result:
    """One comparison. ``ratio`` is peer/ours, so that more is better; ``target`` is in words."""

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str
    target: str
    machine: str


def machine() -> str:
    """Processor, cores and Python: what the numbers depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def result(name: str, ours: float, peer: float, unit: str, target: str) -> Result:
    """A comparison of two numbers where less is better."""
    return Result(name, ours, peer, peer / ours, unit, target, machine())


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one call; the CPU seconds of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def alternate(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int, each: int = 10
) -> tuple[list[float], list[float]]:
    """Median (wall, CPU) seconds of both, taking turns: ``each`` calls of ours, one of the peer.

    The medians are over all calls; turns make a noisy machine noisy for both.
    """
    ours(), peer()
    timed: tuple[list, list] = ([], [])
    for _ in range(rounds):
        timed[0].extend(seconds(ours) for _ in range(each))
        timed[1].append(seconds(peer))
    return tuple([statistics.median(column) for column in zip(*t, strict=True)] for t in timed)


def write(results: list[Result]) -> None:
    """Replace ``benchmarks/results.json``."""
    RESULTS.write_text(
        json.dumps([asdict(r) for r in results], indent=1, ensure_ascii=False) + "\n"
    )
