"""Deep networks run encrypted with bootstraps, on the toy set; what parties may not do."""

import os
import pickle
import signal
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest
from deep_nets import clear, deep_net, examples
from helpers import assert_bits, assert_refused, reachable, run_python

import helib_py as he
from helib_py import memory, wire
from helib_py.bootstrap import available_memory, step_bits
from helib_py.engines.lattigo import process
from helib_py.errors import (
    BadBytes,
    EngineFailed,
    MissingExtra,
    MissingKey,
    NoSecretKey,
    OutOfMemory,
    Overflow,
    ParameterError,
    ShapeError,
    WrongKey,
)
from helib_py.tables import nbytes

with_lattigo = pytest.mark.skipif(
    find_spec("lattigo") is None, reason="needs pip install 'helib-py[bootstrap]'"
)
X = examples()
KIND = "bootstrap ciphertext"


@cache
def plan(hidden):
    return he.bootstrap_plan(deep_net(hidden), X[1:], insecure=True)


@cache
def owner(hidden):
    return he.BootstrapOwner(plan(hidden))


@cache
def other_owner():
    """Made from what is public of the plan."""
    return he.BootstrapOwner(plan(3).interface)


@cache
def server(hidden):
    return he.BootstrapServer(plan(hidden), owner(hidden).public)


@cache
def upload(hidden):
    return owner(hidden).encrypt(X[0])


@with_lattigo
def test_one_bootstrap_in_the_middle_of_four_layers():
    y = owner(3).decrypt(server(3).run(upload(3)))
    expected = clear(deep_net(3), X[0])
    assert_bits(y, expected, at_least=plan(3).bits - 2)
    assert plan(3).bootstraps == 1
    assert plan(3).bits > 20


@with_lattigo
def test_twelve_hidden_layers_come_out_as_precise_as_the_plan_says():
    """Predicted over 39 examples, measured on one; 2 bits for luck."""
    table = step_bits(server(12), owner(12), X[0])
    assert plan(12).bootstraps == 5
    for step, (name, level, _, predicted, measured) in zip(plan(12).steps, table, strict=True):
        assert (name, level) == (step.name, step.after)
        assert measured >= predicted - 2 >= 12, name


@with_lattigo
def test_without_bootstraps_there_are_no_keys_for_them():
    affines = deep_net(2, inputs=784)
    x = examples(inputs=784)
    shallow = he.bootstrap_plan(affines, x, insecure=True)
    holder = he.BootstrapOwner(shallow)
    assert shallow.bootstraps == 0
    y = holder.decrypt(he.BootstrapServer(shallow, holder.public).run(holder.encrypt(x[0])))
    assert_bits(y, clear(affines, x[0]), at_least=20)
    assert wire.unpack("bootstrap keys", holder.public)[1][2] == b""


@with_lattigo
def test_key_bytes_are_as_planned():
    assert abs(len(owner(3).public) / plan(3).interface.key_bytes - 1) < 0.1


@with_lattigo
def test_neither_the_public_message_nor_the_server_holds_the_secret():
    secret = owner(3)._given[1]
    parts = [secret[i : i + 64] for i in range(1000, len(secret) - 64, 4096)]
    held = [x for x in reachable(server(3)) if isinstance(x, bytes)]
    for data in (owner(3).public, upload(3), *held):
        assert not any(part in data for part in parts)
    assert not any(isinstance(x, he.BootstrapOwner) for x in reachable(server(3)))


@with_lattigo
def test_a_server_elsewhere_needs_only_plan_keys_and_ciphertext(tmp_path):
    (tmp_path / "plan").write_bytes(pickle.dumps(plan(3)))
    (tmp_path / "keys").write_bytes(owner(3).public)
    (tmp_path / "x").write_bytes(upload(3))
    code = """if True:
        import pickle, sys, pathlib, helib_py as he
        folder = pathlib.Path(sys.argv[1])
        plan, keys, x = ((folder / name).read_bytes() for name in ("plan", "keys", "x"))
        server = he.BootstrapServer(pickle.loads(plan), keys)
        (folder / "y").write_bytes(server.run(x))
        print("lattigo" in sys.modules, hasattr(server, "decrypt"), repr(server)[:31])
    """
    said = run_python(code, tmp_path)
    assert said == "False False BootstrapServer (no secret key)"
    y = owner(3).decrypt((tmp_path / "y").read_bytes())
    assert_bits(y, clear(deep_net(3), X[0]), at_least=plan(3).bits - 2)


@with_lattigo
def test_the_owner_of_an_interface_never_saw_weights():
    holder = other_owner()
    cloud = he.BootstrapServer(plan(3), holder.public)
    assert_bits(holder.decrypt(cloud.run(holder.encrypt(X[0]))), clear(deep_net(3), X[0]), 20)
    hidden = [step.weights for step in plan(3).steps if step.weights is not None]
    seen = [x for x in reachable(holder) if isinstance(x, np.ndarray)]
    assert not any(x is w for x in seen for w in hidden)


@with_lattigo
@pytest.mark.parametrize(
    "forge",
    [
        lambda payload: payload[:-1],  # which overflows Lattigo's stack, if it ever gets there
        lambda payload: payload + b"1",
        lambda payload: b"nonsense",
        lambda payload: payload.replace(b"1.09951", b"-1.0995", 1),
        lambda payload: payload.replace(b"1.09951", b"inf    ", 1),
        lambda payload: payload[:-8] + b"\xff" * 8,
        lambda payload: payload[: len(payload) // 2] + bytes(len(payload) - len(payload) // 2),
    ],
)
def test_forged_ciphertexts_are_refused_and_the_server_lives_on(forge):
    header, (payload,) = wire.unpack(KIND, upload(3))
    label = {k: header[k] for k in ("plan", "key", "step")}
    forged = wire.pack(KIND, label, forge(payload))
    for reader in (server(3).run, owner(3).decrypt):
        with pytest.raises(BadBytes) as error:
            reader(forged)
        assert_refused(error)
    assert server(3).run(upload(3))


@with_lattigo
@pytest.mark.parametrize("key", [0, 1, 2])
def test_forged_keys_kill_lattigo_s_process_at_the_most(key):
    header, keys = wire.unpack("bootstrap keys", owner(3).public)
    keys[key] = keys[key][: len(keys[key]) // 2]
    label = {k: header[k] for k in ("plan", "key")}
    with pytest.raises(EngineFailed) as error:
        he.BootstrapServer(plan(3), wire.pack("bootstrap keys", label, *keys)).run(upload(3))
    assert_refused(error)


@with_lattigo
def test_every_answer_leaves_under_fresh_randomness():
    once, again = (server(3).run(upload(3)) for _ in range(2))
    assert once != again
    assert_bits(owner(3).decrypt(once), owner(3).decrypt(again), 20)


def test_a_bootstrap_leaves_too_few_bits_for_a_flood():
    with pytest.raises(ParameterError, match="flood") as error:
        he.BootstrapServer(plan(3), b"", flood=30)
    assert_refused(error)


@with_lattigo
def test_a_killed_process_does_not_take_the_owner_s_keys_with_it():
    victim = owner(3)._client._process
    os.kill(victim.pid, signal.SIGKILL)
    victim.wait()
    assert_bits(
        owner(3).decrypt(server(3).run(owner(3).encrypt(X[1]))), clear(deep_net(3), X[1]), 20
    )


def relabelled(hidden, **changes):
    header, payloads = wire.unpack(KIND, upload(hidden))
    return wire.pack(KIND, {**header, **changes}, *payloads)


REFUSED = {
    "another owner's": (WrongKey, lambda: other_owner().decrypt(upload(3))),
    "another plan's": (BadBytes, lambda: server(3).run(relabelled(3, plan="x"))),
    "altered": (BadBytes, lambda: server(3).run(upload(3)[:-9] + b"123456789")),
    "no label": (BadBytes, lambda: server(3).run(relabelled(3, step="first"))),
    "beyond the end": (BadBytes, lambda: server(3).run(relabelled(3, step=99))),
    "no bytes": (BadBytes, lambda: server(3).run(X[0])),
    "keys for a ciphertext": (BadBytes, lambda: server(3).run(owner(3).public)),
    "keys of another plan": (
        MissingKey,
        lambda: he.BootstrapServer(plan(4), owner(3).public),
    ),
    "another shape": (ShapeError, lambda: owner(3).encrypt(X[0, :60])),
    "too large": (Overflow, lambda: owner(3).encrypt(X[0] + 9)),
    "pickling an owner": (NoSecretKey, lambda: pickle.dumps(owner(3))),
}


@with_lattigo
@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_belong_is_refused(case):
    kind, attempt = REFUSED[case]
    with pytest.raises(kind) as error:
        attempt()
    assert_refused(error)


@with_lattigo
def test_a_toy_s_parties_say_insecure():
    assert "INSECURE" in repr(owner(3))
    assert "INSECURE" in repr(server(3))


def no_process(*_):
    raise AssertionError("a process was started before the refusal")


def test_too_little_memory_is_said_before_anything_is_made(monkeypatch):
    secure = he.bootstrap_plan(deep_net(10), X)
    monkeypatch.setattr(memory, "available_memory", lambda: 1_000_000_000)
    monkeypatch.setattr("helib_py.bootstrap.roles.Worker", no_process)
    with pytest.raises(OutOfMemory, match=nbytes(secure.interface.owner_memory)) as error:
        he.BootstrapOwner(secure)
    assert_refused(error)
    label = {"plan": secure.interface.fingerprint, "key": "k"}
    with pytest.raises(OutOfMemory, match=nbytes(secure.interface.server_memory)) as error:
        he.BootstrapServer(secure, wire.pack("bootstrap keys", label, b"", b"", b""))
    assert_refused(error)


def test_without_lattigo_the_refusal_names_the_extra(monkeypatch):
    monkeypatch.setattr(process, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'helib-py\[bootstrap\]'") as error:
        he.BootstrapOwner(plan(1))
    assert_refused(error)


GROUPS = {
    "no limit": ({"sys/fs/cgroup/memory.max": "max"}, 16_000_000),
    "a container": (
        {"sys/fs/cgroup/memory.max": "5000000", "sys/fs/cgroup/memory.current": "2000000"},
        3_000_000,
    ),
    "file pages count as free": (
        {
            "sys/fs/cgroup/memory.max": "5000000",
            "sys/fs/cgroup/memory.current": "2000000",
            "sys/fs/cgroup/memory.stat": "anon 5\ninactive_file 500000\n",
        },
        3_500_000,
    ),
    "a group of its own": (
        {
            "proc/self/cgroup": "0::/user/job\n",
            "sys/fs/cgroup/user/memory.max": "4000000",
            "sys/fs/cgroup/user/job/memory.max": "max",
        },
        4_000_000,
    ),
    "version 1": (
        {
            "proc/self/cgroup": "5:cpu:/c\n4:memory:/job\n",
            "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "7000000",
            "sys/fs/cgroup/memory/job/memory.usage_in_bytes": "1000000",
        },
        6_000_000,
    ),
}


@pytest.mark.parametrize("case", GROUPS)
def test_available_memory_is_what_a_container_leaves(tmp_path, case):
    files, expected = GROUPS[case]
    for name, text in {"proc/meminfo": "MemAvailable:   15625 kB\n", **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    assert available_memory(tmp_path) == expected


def test_available_memory_is_known_on_this_machine():
    assert 0 < available_memory() < 1 << 60
