"""How much memory there is, before it is asked for."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path

from .errors import OutOfMemory
from .tables import nbytes


def available_memory(root: Path = Path("/")) -> int:
    """Bytes that a process can still have: the kernel's estimate, or less where a container ends.

    Where there is no ``/proc``, all the memory of the machine; on Windows, which has to be asked
    in another way, as much as there may be.
    """
    try:
        text = (root / "proc/meminfo").read_text()
    except OSError:
        sizes = ("SC_PAGE_SIZE", "SC_PHYS_PAGES")
        known = hasattr(os, "sysconf") and set(sizes) <= set(os.sysconf_names)
        return prod(map(os.sysconf, sizes)) if known else sys.maxsize
    available = 1024 * int(re.findall(r"MemAvailable:\s+(\d+)", text)[0])
    return min([available, *_left_in_groups(root)])


def _left_in_groups(root: Path) -> list[int]:
    """What each control group with a limit leaves, of version 2 or 1."""
    named = re.findall(r"^\d+:(?:memory)?:/(.+)$", _text(root / "proc/self/cgroup"), re.M)
    own = {part for name in named for part in (Path(name), *Path(name).parents)} | {Path()}
    groups = root / "sys/fs/cgroup"
    left = [_left(groups / part, "memory.max", "memory.current") for part in own]
    first = ("memory.limit_in_bytes", "memory.usage_in_bytes")
    left += [_left(groups / "memory" / part, *first) for part in own]
    return [count for count in left if count is not None]


def _left(folder: Path, limit: str, used: str) -> int | None:
    """None where there is no limit; file pages that the kernel can drop count as free."""
    most = _number(folder / limit)
    if most is None:
        return None
    dropped = re.findall(r"^inactive_file (\d+)", _text(folder / "memory.stat"), re.M)
    taken = (_number(folder / used) or 0) - int((dropped or [0])[0])
    return max(0, most - max(0, taken))


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""


def _number(file: Path) -> int | None:
    """None where the file is missing or says "max"."""
    text = _text(file).strip()
    return int(text) if text.isdigit() else None


SMALLER = (
    "use a larger machine, fewer levels=, or refresh by the key holder instead; a toy takes "
    "insecure=True"
)


def check_memory(needed: float, what: str, instead: str = SMALLER) -> None:
    """OutOfMemory that says what to do unless that many bytes are available."""
    available = available_memory()
    if needed > available:
        raise OutOfMemory(
            f"{what} needs {nbytes(needed)} of memory, {nbytes(available)} are available: "
            f"{instead}"
        )


@contextmanager
def enough_memory(what: str, instead: str) -> Iterator[None]:
    """While much memory is asked for: where there is none, OutOfMemory that says what to do."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "I/O error" not in str(error):
            raise  # which is what SEAL says of a stream in memory that cannot grow
        raise OutOfMemory(
            f"{what} takes more memory than this process gets, {nbytes(available_memory())} are "
            f"left: {instead}, or use a larger machine"
        ) from error
