"""A pytest plugin: what nbval saw the notebooks' cells put out is what the book shows.

nbval executes every notebook. This hands the kernel's messages on to nbclient, with which Jupyter
Book would execute it once more, and keeps what comes of them in the cache where it looks first.
"""

import copy
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from nbclient import NotebookClient
from nbval.plugin import IPyNbCell, IPyNbFile


class Record:
    """The outputs and widget states of one notebook while nbval executes it."""

    def __init__(self, file: IPyNbFile) -> None:
        self.uri = str(file.path)
        self.client = NotebookClient(copy.deepcopy(file.nb))  # nbval compares with its own
        self.client.reset_execution_trackers()
        self.cells = [cell for cell in self.client.nb.cells if cell.cell_type == "code"]
        self.passed, self.request, self.start = 0, None, time.monotonic()
        self._next_message, file.get_kernel_message = file.get_kernel_message, self.hear

    def hear(self, timeout: float | None = None, stream: str = "iopub") -> dict[str, Any]:
        """What nbval calls for the kernel's next message: the same, and taken down."""
        message = self._next_message(timeout, stream)
        kind, request = message["msg_type"], message["parent_header"].get("msg_id")
        cell = self.cells[self.passed]
        if kind == "execute_input":
            self.request, cell.outputs = request, []
            self.client.clear_before_next_output = False
        elif kind != "status" and request == self.request:
            self.client.process_message(message, cell, self.passed)
        return message

    def keep(self, cache: JupyterCacheAbstract) -> None:
        """Put the notebook into the cache, its cells counted as in a run by hand."""
        for number, cell in enumerate(self.cells, start=1):
            cell.execution_count = number
            for output in cell.outputs:
                if output.output_type == "execute_result":
                    output.execution_count = number
        self.client.set_widgets_metadata()
        seconds = {"execution_seconds": time.monotonic() - self.start}
        bundle = CacheBundleIn(self.client.nb, self.uri, data=seconds)
        cache.cache_notebook_bundle(bundle, overwrite=True)


RECORD = pytest.StashKey[Record]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where Jupyter Book looks for executed notebooks, and whether to execute these again."""
    parser.addoption("--book-cache", required=True, metavar="PATH")
    parser.addoption("--unless-cached", action="store_true")


def pytest_configure(config: pytest.Config) -> None:
    """Make the cache before there are two processes that would."""
    get_cache(config.option.book_cache).list_cache_records()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Pass over notebooks whose cells have been executed as they are."""
    if not config.option.unless_cached or collection_path.suffix != ".ipynb":
        return None
    try:
        get_cache(config.option.book_cache).match_cache_file(str(collection_path))
    except KeyError:
        return None
    return True


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """To have found every notebook in the cache is no failure."""
    if session.config.option.unless_cached and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """Listen to a cell; a notebook of which each passed is kept."""
    if not isinstance(item, IPyNbCell):
        return (yield)
    if RECORD not in item.parent.stash:
        item.parent.stash[RECORD] = Record(item.parent)
    record = item.parent.stash[RECORD]
    yield
    record.passed += 1
    if record.passed == len(record.cells):
        record.keep(get_cache(item.config.option.book_cache))
    return None
