"""The parties: what crosses between them, and that no secret key does."""

import copy
import os
import pickle
import subprocess
import sys
from functools import cache
from inspect import getsource
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import (
    PACKAGE,
    assert_bits,
    assert_refused,
    has_evaluator,
    reachable,
    secrets_among,
    start_python,
)
from torch import nn

import helib_py as he
from helib_py.errors import (
    NoSecretKey,
    ShapeError,
    WrongKey,
)

IMAGES = np.random.default_rng(5).uniform(0, 1, (40, 1, 8, 8))

SERVER = """if True:
    import gc, sys
    from pathlib import Path
    import helib_py as he
    folder = Path(sys.argv[1])
    plan = he.Plan.from_bytes((folder / "plan").read_bytes())
    server = he.Server(plan, (folder / "bundle").read_bytes())
    uploaded = [f.read_bytes() for f in sorted(folder.glob("input*"))]
    (folder / "result").write_bytes(server.run(uploaded).to_bytes())
    # Not all are tracked by the collector: look at what tracked objects refer to as well.
    things = [o for g in gc.get_objects() for o in (g, *gc.get_referents(g))]
    try: refusal = server.public.decrypt(server.run(uploaded))
    except he.errors.NoSecretKey: refusal = "refused"
    found = has_evaluator(things), secrets_among(things)
    print(*found, refusal, "torch" in sys.modules, sep=";", flush=True)
    sys.stdin.readline()
"""
SERVER = "\n".join([getsource(has_evaluator), getsource(secrets_among), SERVER])


@cache
def case():
    """A net, its plan, and an owner on the plan."""
    torch.manual_seed(3)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), he.Square(), nn.Linear(16, 10)).double()
    plan = he.plan(net, IMAGES)
    return net, plan, he.DataOwner(plan)


@pytest.fixture(scope="module")
def server_process(tmp_path_factory):
    """A server in another process that was given bytes only; it waits until its memory is read."""
    _, plan, owner = case()
    folder = tmp_path_factory.mktemp("server")
    (folder / "plan").write_bytes(plan.to_bytes())
    (folder / "bundle").write_bytes(owner.public.to_bytes())
    for i, c in enumerate(owner.encrypt(IMAGES[0])):
        (folder / f"input{i:02}").write_bytes(c.to_bytes())
    with start_python(SERVER, folder) as process:
        yield process, process.stdout.readline().strip().split(";"), folder
        process.communicate("\n")


def test_a_server_in_another_process_computes_from_bytes_alone(server_process):
    net, plan, owner = case()
    got = owner.decrypt((server_process[2] / "result").read_bytes())
    with torch.no_grad():
        expected = net(torch.tensor(IMAGES[:1]))[0].numpy()
    assert_bits(got, expected, at_least=-np.log2(plan.error) - 2)
    assert got.argmax() == expected.argmax()


def test_no_object_in_the_server_s_process_holds_a_secret_key(server_process):
    assert server_process[1] == ["True", "[]", "refused", "False"]


def memory_holds(process_id, wanted):
    """Whether a run of bytes is anywhere in the writable memory of a process."""
    with open(f"/proc/{process_id}/maps") as maps, open(f"/proc/{process_id}/mem", "rb") as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if not rights.startswith("rw") or "[v" in line:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            try:
                memory.seek(start)
                if wanted in memory.read(end - start):
                    return True
            except OSError:
                continue
    return False


OWNER = """if True:
    import sys, helib_py as he
    owner = he.DataOwner(he.CKKS(depth=1, rotations=()))
    key = owner._keys._secret.secret_key()
    print(key[len(key) // 2 :][:64].hex(), flush=True)
    del key
    sys.stdin.readline()
"""


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="reads /proc")
def test_the_secret_key_s_bytes_are_nowhere_in_the_server_s_memory(server_process):
    key = case()[2]._keys._secret.secret_key()
    chunk = key[len(key) // 2 :][:64]
    assert len(set(chunk)) > 20
    assert not memory_holds(server_process[0].pid, chunk)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="reads /proc")
def test_the_same_search_finds_the_secret_key_in_an_owner_s_memory():
    """So it would have found it on the server."""
    with start_python(OWNER) as process:
        chunk = bytes.fromhex(process.stdout.readline())
        assert memory_holds(process.pid, chunk)
        process.communicate("\n")


def test_nothing_leads_from_the_public_parts_to_the_secret_key():
    _, plan, owner = case()
    server = he.Server(plan, owner.public)
    result = server.run(owner.encrypt(IMAGES[0]))
    for root in (owner.public, server, result, plan):
        found = reachable(root)
        assert has_evaluator(found) == (root is not plan)
        assert not secrets_among(found)
    assert {"DataOwner", "SealKeys", "NativeSecret"} <= set(secrets_among(reachable(owner)))


def test_the_same_search_finds_the_secret_key_of_either_library(library, real_owner):
    inside = {"seal": {"SecretKey", "Decryptor", "KeyGenerator"}, "pyfhel": {"Pyfhel"}}[library]
    assert inside <= set(secrets_among(reachable(real_owner)))
    assert not secrets_among(reachable(real_owner.public))


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_key_is_not_copied_by_accident(owner, copying):
    with pytest.raises(NoSecretKey) as error:
        copying(owner)
    assert_refused(error)
    if owner.public.engine != "plain":  # the clear twin has no secret
        with pytest.raises((NoSecretKey, TypeError)):
            copying(owner._keys)


def test_a_server_refuses_another_owner_s_input():
    _, plan, owner = case()
    other = he.DataOwner(plan)
    with pytest.raises(WrongKey):
        he.Server(plan, owner.public).run([c.to_bytes() for c in other.encrypt(IMAGES[0])])


def test_many_inputs_give_the_results_of_one_after_the_other():
    _, plan, owner = case()
    server = he.Server(plan, owner.public)
    together = server.run_all((owner.encrypt(x) for x in IMAGES[:5]), workers=2)
    for x, result in zip(IMAGES[:5], together, strict=True):
        assert_bits(owner.decrypt(result), owner.decrypt(server.run(owner.encrypt(x))), at_least=6)


SCRIPT = """
import sys
import numpy as np, torch
from torch import nn
import helib_py as he
net = nn.Sequential(nn.Linear(4, 3), he.Square(), nn.Linear(3, 2))
x = np.ones((5, 4))
plan = he.plan(net, x, batch=sys.argv[1] == "batch")
owner = he.DataOwner(plan)
print(he.predict(owner, he.Server(plan, owner.public), x).shape)
"""


@pytest.mark.parametrize("kind", ["batch", "one by one"])
def test_a_script_that_predicts_in_processes_needs_no_guard(kind, tmp_path):
    """multiprocessing's processes would run it again and again."""
    (tmp_path / "script.py").write_text(SCRIPT)
    ran = subprocess.run(
        [sys.executable, tmp_path / "script.py", kind],
        check=True, capture_output=True, text=True, timeout=120,
        env={**os.environ, "PYTHONPATH": str(PACKAGE.parent)},
    )  # fmt: skip
    assert ran.stdout == "(5, 2)\n"
    assert ran.stderr == ""


def test_a_vector_that_is_no_input_of_the_plan_is_refused():
    """Same key, level and scale, but not in the plan's layout."""
    _, plan, owner = case()
    server = he.Server(plan, owner.public)
    with pytest.raises(ShapeError) as error:
        server.run([owner.public.encrypt([0.5, 0.5])])
    assert_refused(error)


def test_a_plan_s_result_is_not_computed_on_by_accident():
    _, plan, owner = case()
    result = he.Server(plan, owner.public).run(owner.encrypt(IMAGES[0]))
    if result.stride != 1:
        with pytest.raises(ShapeError):
            result + 1
    assert len(result) == 10


def test_what_cannot_be_decrypted_is_refused(owner):
    for junk in ([owner.encrypt([0.5])], None, 3, "text"):
        with pytest.raises(he.HelibError) as error:
            owner.decrypt(junk)
        assert_refused(error)


def test_a_transcript_counts_bytes_and_takes_nothing_else(owner):
    transcript, x = he.Transcript(), owner.encrypt([0.5])
    data = transcript.send("owner", "server", "an input", x.to_bytes())
    assert data == x.to_bytes()
    for thing in (x, owner, "text", [data], None):
        with pytest.raises(ShapeError) as error:
            transcript.send("owner", "server", "a thing", thing)
        assert_refused(error)
    assert len(transcript.messages) == 1
    assert next(iter(transcript.table()))[:3] == ("owner", "server", "an input")


def test_no_repr_shows_key_material(owner):
    shown = [repr(thing) for thing in (owner, owner.public, owner._keys, owner.encrypt([0.5]))]
    shown += [repr(owner.public.context.params), str(owner), format(owner.public)]
    assert all("b'" not in text and len(text) < 400 for text in shown)
    assert "holds the secret key" in repr(owner)
