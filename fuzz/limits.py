"""How much memory and time one case may take, and how that is seen.

What is limited is the address space (RLIMIT_AS), to what the process has when it begins and 3 GB
more, so that a demand for more fails here and not the machine; on macOS nothing enforces it. What
is measured is the peak of resident memory (VmHWM; elsewhere ru_maxrss), beside what was resident
before the case. Lattigo's own process is given more, and is not measured.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SPACE = 3 << 30  #: bytes of addresses that all cases together may add
ROOM = 12 << 30  #: the same where the keys of real networks are made
MOST = 2 << 30  #: bytes of memory that one case may take
SECONDS = 10.0  #: of processor time that one case may take
_STATUS = Path("/proc/self/status")


def enclose(space: int = SPACE) -> None:
    """Limit this process, and let it leave no memory behind in a file when it crashes."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    used = _kilobytes("VmSize")
    if used is not None:
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (used + space, hard))


@contextmanager
def wider(space: int = 16 << 30) -> Iterator[None]:
    """While a process is started that reserves far more addresses than it uses, as Go's do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        yield
        return
    most = soft + space if hard == resource.RLIM_INFINITY else min(hard, soft + space)
    resource.setrlimit(resource.RLIMIT_AS, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def resident() -> int:
    """Bytes of memory in use now; where that is not known, the peak so far."""
    found = _kilobytes("VmRSS")
    return peak() if found is None else found


def peak() -> int:
    """The most bytes of memory there have been in use."""
    found = _kilobytes("VmHWM")
    if found is not None:
        return found
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _kilobytes(name: str) -> int | None:
    try:
        text = _STATUS.read_text()
    except OSError:
        return None
    lines = (line for line in text.splitlines() if line.startswith(f"{name}:"))
    return next((1024 * int(line.split()[1]) for line in lines), None)


class Meter:
    """Notes where a case began."""

    def __init__(self) -> None:
        self._memory, self._start = resident(), time.process_time()

    @property
    def greedy(self) -> int:
        """Bytes that it has taken, if they are too many; else 0."""
        taken = peak() - self._memory
        return taken if taken > MOST else 0

    @property
    def slow(self) -> float:
        """Seconds that it has taken, if they are too many; else 0."""
        taken = time.process_time() - self._start
        return taken if taken > SECONDS else 0.0


def starved(error: BaseException | None) -> bool:
    """Whether an exception, or one that it came from, is that memory was refused."""
    while error is not None:
        if isinstance(error, MemoryError):
            return True
        error = error.__cause__ or error.__context__
    return False
