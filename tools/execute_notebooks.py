"""Executes the notebooks two at a time into the cache that the book is then built from."""

import logging
import sys
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

TIMEOUT = 300  # seconds a cell, as in book/_config.yml


def main(cache_path: str, *notebooks: str) -> int:
    """Execute what is not in the cache yet; 1 when a notebook failed."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cache = get_cache(cache_path)
    for notebook in notebooks:
        cache.add_nb_to_project(str(Path(notebook).resolve()))
    executor = load_executor("local-parallel", cache, logging.getLogger("notebooks"))
    ran = executor.run_and_cache(timeout=TIMEOUT)
    for record in cache.list_project_records():
        if record.traceback:
            print(record.uri, record.traceback, sep="\n")
    for record in sorted(cache.list_cache_records(), key=lambda r: r.uri):
        print(f"{record.data['execution_seconds']:6.1f} s  {Path(record.uri).name}")
    return int(ran.all() != ran.succeeded)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
