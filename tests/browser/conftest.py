"""Fixtures for tests in a real browser: Debian's Chromium, driven by playwright, kept offline."""

import functools
import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
]
LAB_FLAGS = [
    "--no-browser",
    "--allow-root",
    "--ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--IdentityProvider.token=",
    "--LabApp.expose_app_in_browser=True",  # as window.jupyterapp
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
]
PLACES = [
    "IPYTHONDIR",
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
]
SETTINGS = Path(__file__).parents[2] / "tools/jupyter"  # what `make lab` starts with
KNOWN_ERROR = "THEBE_JS_URL"  # Jupyter Book 1 writes sphinx-thebe's constants into a page twice
SECONDS = 120  # a busy machine needs them, and nothing waits longer than it must


@pytest.fixture(scope="session")
def chromium():
    """A running Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="needs the playwright package")
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("needs Chromium on the PATH, e.g. Debian's package chromium")
    api.expect.set_options(timeout=SECONDS * 1000)
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


def _is_foreign(url):
    parts = urlsplit(url)
    reaches = parts.scheme in ("http", "https", "ws", "wss")
    return reaches and parts.hostname not in ("127.0.0.1", "localhost")


@contextmanager
def _open_offline(chromium, **options):
    def gate(route):
        if _is_foreign(route.request.url):
            page.foreign.append(route.request.url)
            route.abort()
        else:
            route.continue_()

    def note(error):
        if KNOWN_ERROR not in str(error):
            page.errors.append(str(error))

    context = chromium.new_context(service_workers="block", **options)
    context.set_default_timeout(SECONDS * 1000)
    context.route("**/*", gate)
    page = context.new_page()
    page.errors, page.foreign = [], []
    page.on("pageerror", note)
    page.on("websocket", lambda ws: _is_foreign(ws.url) and page.foreign.append(ws.url))
    yield page
    context.close()


@pytest.fixture(scope="session")
def open_offline(chromium):
    """`with open_offline(**options) as page`: a page that reaches nothing but this machine.

    `page.errors` lists its errors, `page.foreign` the addresses elsewhere that it asked for: both
    should stay empty.
    """
    return functools.partial(_open_offline, chromium)


@pytest.fixture
def offline_page(open_offline):
    """One such page for one test."""
    with open_offline() as page:
        yield page


@pytest.fixture
def foreign(offline_page):
    """What the test's page asked for elsewhere."""
    return offline_page.foreign


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def serve():
    """A function that serves a folder over HTTP and gives its address."""
    servers = []

    def start(folder):
        handler = functools.partial(_Quiet, directory=str(folder))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError):
        return False


def _wait_until(condition, what, seconds=SECONDS):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


@pytest.fixture
def wait_until():
    """A function that asks again and again until a condition holds, and in the end fails."""
    return _wait_until


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """A function that starts JupyterLab on a folder, as `make lab` does; gives its address."""
    pytest.importorskip("jupyterlab")
    servers = []

    def start(folder, *flags):
        own, port = tmp_path_factory.mktemp("jupyter"), _free_port()
        env = os.environ | {name: str(own / name.lower()) for name in PLACES}
        env["JUPYTER_CONFIG_PATH"] = str(SETTINGS)
        command = [sys.executable, "-m", "jupyterlab", *LAB_FLAGS, f"--port={port}"]
        command += [f"--ServerApp.root_dir={folder}", *flags]
        with (own / "log").open("w") as log:
            server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
        servers.append(server)
        url = f"http://127.0.0.1:{port}"
        _wait_until(
            lambda: server.poll() is not None or _answers(f"{url}/api/status"), "JupyterLab"
        )
        assert server.poll() is None, (own / "log").read_text()
        return url

    yield start
    for server in servers:
        server.terminate()
        server.wait(SECONDS)


@pytest.fixture
def run_all_cells():
    """A function that opens a notebook in JupyterLab, and returns when all its cells have run."""
    ready = """() => {
      const panel = window.jupyterapp?.shell.currentWidget;
      const idle = panel?.sessionContext?.session?.kernel?.status === "idle";
      const cells = panel?.context?.isReady && panel.content.model.cells.length;
      return idle && cells === panel.node.querySelectorAll(".jp-Cell").length;
    }"""  # JupyterLab adds the cells of a long notebook little by little

    def run(page, url, notebook):
        page.goto(f"{url}/lab/tree/{notebook}?reset")  # no tabs of another test
        page.wait_for_function(ready)
        page.evaluate("window.jupyterapp.commands.execute('notebook:run-all-cells')")

    return run
