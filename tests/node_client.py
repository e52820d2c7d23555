"""The owner's side in SEAL's own bytes, seeds and all: the widget's client, run by Node."""

import base64
import json
import re
import shutil
import subprocess
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from helib_py import portable
from helib_py.widgets.draw_digit import NODE_SEAL, front_end


def _node():
    """A Node that knows WebAssembly's newer exceptions, which node-seal throws; or None."""
    found = find_spec("playwright")
    folders = (found.submodule_search_locations or ()) if found else ()
    nodes = [Path(folder) / "driver" / "node" for folder in folders]  # it brings its own
    nodes += [Path(node)] if (node := shutil.which("node")) else []
    version = re.compile(r"v(\d+)")
    for node in filter(Path.exists, nodes):
        told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
        if (match := version.match(told.stdout)) and int(match[1]) >= 25:
            return node
    return None


NODE = _node()
SCRIPT = (
    front_end("plan.js", "seal.js")
    + """
import { createInterface } from "node:readline";
const { default: make } = await import(process.argv[1]);
const seal = await make();
const holders = {};
const written = ({ buffer, byteOffset, byteLength }) =>
  Buffer.from(buffer, byteOffset, byteLength).toString("base64");
const asks = {
  keys({ who, parameters, rotations }) {
    const { bundle } = holders[who] = new SealClient(seal, parameters, rotations);
    return Object.entries(bundle).map(([name, bytes]) => [name, written(bytes)]);
  },
  encrypt: ({ who, values, scale }) =>
    written(holders[who].encrypt(Float64Array.from(values), scale)),
  decrypt: ({ who, data, level, scale }) =>
    written(holders[who].decrypt(new Uint8Array(Buffer.from(data, "base64")), level, scale)),
};
for await (const line of createInterface({ input: process.stdin })) {
  const { ask, ...given } = JSON.parse(line);
  console.log(JSON.stringify(asks[ask](given)));
}
"""
)
_NAMES = count()


@cache
def _process():
    """One for all owners; it ends with the tests, as its input does."""
    command = [NODE, "--input-type=module", "-e", SCRIPT, str(NODE_SEAL / "seal_allows.js")]
    pipes = dict.fromkeys(("stdin", "stdout"), subprocess.PIPE)
    return subprocess.Popen(command, text=True, **pipes)


def _ask(**given):
    process = _process()
    process.stdin.write(json.dumps(given) + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    assert answer, f"node-seal ended: exit code {process.wait()}"
    return json.loads(answer)


class NodeOwner:
    """A fresh secret key in Node, and ``parts``: the public keys as a page sends them.

    The test skips itself where Node cannot run node-seal.
    """

    def __init__(self, plan):
        if not NODE or not (NODE_SEAL / "seal_allows.wasm").exists():
            pytest.skip(
                "node-seal makes the bytes that a page sends: needs Node 25 (Playwright brings "
                "one) and make tools/web/node_modules/.ready"
            )
        self._plan, self._who = plan, next(_NAMES)
        given = {"parameters": portable.parameters(plan.params), "who": self._who}
        keys = _ask(ask="keys", rotations=plan.program.rotations, **given)
        self.parts = [(name, base64.b64decode(data)) for name, data in keys]

    def encrypt(self, x):
        """An input's ciphertexts, as parts of a message."""
        inside = self._plan.interface
        return [
            ("ciphertext", base64.b64decode(_ask(
                ask="encrypt", who=self._who, values=slots.tolist(), scale=inside.scale)))
            for slots in inside.lay_out(np.asarray(x))
        ]  # fmt: skip

    def decrypt(self, data):
        """The scores in a result."""
        inside, text = self._plan.interface, base64.b64encode(data).decode()
        level, scale = inside.result
        slots = _ask(ask="decrypt", who=self._who, data=text, level=level, scale=scale)
        return np.frombuffer(base64.b64decode(slots))[:: inside.stride][: inside.outputs]
