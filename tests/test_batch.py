"""Batches: what is planned, what comes out, and that the work can be shared."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from helpers import assert_bits, run_python
from nets import IMAGES, clear, net
from torch import nn

import helib_py as he
from helib_py.batch import make_batch_plan
from helib_py.batch.planner import Draft, forms
from helib_py.batch.server import run_all
from helib_py.nn import read

NAMES = ["dense", "convolution", "two squares", "no bias", "quadratic", "linear only", "pooling"]


@cache
def plan(name, precision=7.0):
    return make_batch_plan(read(net(name), IMAGES[0].shape), IMAGES[:40], precision)


@cache
def parties(name, engine=None):
    owner = he.DataOwner(plan(name), engine)
    return owner, he.Server(plan(name), owner.public.to_bytes())


@cache
def upload(name):
    """The 20 images that the plan has not seen, as bytes."""
    return parties(name)[0].encrypt(IMAGES[40:]).to_bytes()


def bits_of(error):
    return -np.log2(error)


@pytest.mark.parametrize("name", NAMES)
def test_the_plan_computes_what_torch_does(name):
    fine = plan(name, 11.0)
    got = fine.simulate(IMAGES[40:], noisy=False)
    rounding = bits_of(fine.error)  # of weights to whole numbers: there even without noise
    assert_bits(got, clear(name, IMAGES[40:]), at_least=rounding - 2)


@pytest.mark.parametrize("name", NAMES)
def test_a_plan_has_the_precision_asked_a_margin_and_no_rotation_keys(name):
    found = plan(name)
    assert found.bits >= 7
    assert found.headroom >= 2
    assert found.params.is_secure
    assert found.params.rotations == ()
    for seed in range(3):
        got = found.simulate(IMAGES[40:], seed=seed)
        assert_bits(got, clear(name, IMAGES[40:]), at_least=bits_of(found.error) - 2)


@pytest.mark.parametrize("name", NAMES)
def test_encrypted_agrees_with_torch_as_precisely_as_foretold(name):
    owner, server = parties(name)
    result = server.run(upload(name))
    got, expected = owner.decrypt(result.to_bytes()), clear(name, IMAGES[40:])
    assert got.shape == expected.shape
    assert abs(he.measured_bits(got, expected) - bits_of(plan(name).error)) <= 3


def test_only_public_and_relinearisation_keys_leave_the_owner():
    assert set(parties("two squares")[0].public.keys) == {"public", "relinearisation"}
    assert set(parties("linear only")[0].public.keys) == {"public"}


def test_more_precision_costs_more():
    plans = [plan("two squares", bits) for bits in (5, 7, 13)]
    assert [found.bits >= bits for found, bits in zip(plans, (5, 7, 13), strict=True)]
    assert all(a.cost <= b.cost for a, b in pairwise(plans))


def deep(seed=5):
    """Three hidden squares; the sums in the middle neither explode nor vanish."""
    torch.manual_seed(seed)
    layers = [nn.Flatten(), nn.Linear(64, 12), he.Square(), nn.Linear(12, 8), he.Square()]
    return nn.Sequential(*layers, nn.Linear(8, 8), he.Square(), nn.Linear(8, 4)).double()


@cache
def drafts():
    affines = read(deep(), IMAGES[0].shape)
    draft = Draft(affines, IMAGES[:40], 128)
    few = [form for form in forms(4, 8192) if form.primes in (3, 4) and not form.whole]
    fitted = {form: draft.fit(form) for form in few}
    return {form: found for form, found in fitted.items() if found and found.bits > 4}


def kinds():
    """Forms that are really different: of each order of operations the most precise."""
    best = {}
    for found in drafts().values():
        key = tuple(step.then for step in found.steps)
        best[key] = max(best.get(key, found), found, key=lambda p: p.bits)
    return best


def test_there_is_a_plan_for_every_way_to_rescale_and_relinearise():
    written = {operations for key in kinds() for operations in key}
    assert ("rescale", "square") in written
    assert ("rescale", "relinearise", "square") in written
    assert ("relinearise", "rescale", "square") in written


@pytest.mark.parametrize("last", [
    ("rescale", "square"), ("rescale", "relinearise", "square"),
    ("relinearise", "rescale", "square"), ("square",), ("relinearise", "square"),
])  # fmt: skip
def test_every_order_of_operations_is_as_precise_as_foretold(last):
    candidates = [found for key, found in kinds().items() if key[2] == last]
    found = max(candidates, key=lambda p: p.bits)
    owner = he.DataOwner(found)
    server = he.Server(found, owner.public)
    with torch.no_grad():
        expected = deep()(torch.tensor(IMAGES[40:], dtype=torch.float64)).numpy()
    got = owner.decrypt(server.run(owner.encrypt(IMAGES[40:])))
    assert abs(he.measured_bits(got, expected) - bits_of(found.error)) <= 3


def test_a_plan_says_what_it_costs():
    found = plan("convolution")
    shown = repr(found)
    for word in ("images in", "upload", "an image", "memory", "bits", "128-bit", "relinearise"):
        assert word in shown or word == "relinearise"
    assert found.table().column("outputs") == [36, 10]
    assert found.interface.upload_bytes == len(upload("convolution")) - _label_bytes()
    assert found.memory_bytes(1) > found.interface.upload_bytes / 4
    assert found.memory_bytes(2) > found.interface.upload_bytes
    assert "<table>" in found._repr_html_()


def _label_bytes():
    data = upload("convolution")
    length = int.from_bytes(data[:8], "little")
    return 8 + length + -length % 8


def test_a_plan_survives_its_bytes():
    found = plan("two squares")
    again = he.BatchPlan.from_bytes(found.to_bytes())
    assert repr(again) == repr(found)
    twins = [p.simulate(IMAGES[40:], seed=1) for p in (found, again)]
    assert_bits(*twins, at_least=40)  # BLAS may add in another order
    assert again.to_bytes() == found.to_bytes()


SERVER = """if True:
    import gc, sys
    from pathlib import Path
    import helib_py as he
    folder = Path(sys.argv[1])
    plan = he.BatchPlan.from_bytes((folder / "plan").read_bytes())
    server = he.Server(plan, (folder / "bundle").read_bytes())
    result = server.run((folder / "upload").read_bytes())
    (folder / "result").write_bytes(result.to_bytes())
    from Pyfhel import Pyfhel
    pyfhels = [o for g in gc.get_objects() for o in gc.get_referents(g) if isinstance(o, Pyfhel)]
    holders = [o for o in gc.get_objects() if type(o).__name__ in ("PyfhelKeys", "DataOwner")]
    keyless = all(p.is_secret_key_empty() for p in pyfhels)
    print(len(pyfhels) > 0, keyless, len(holders), "torch" in sys.modules)
"""


def test_a_server_in_another_process_computes_from_bytes_alone_and_holds_no_secret(tmp_path):
    owner, _ = parties("two squares")
    (tmp_path / "plan").write_bytes(plan("two squares").to_bytes())
    (tmp_path / "bundle").write_bytes(owner.public.to_bytes())
    (tmp_path / "upload").write_bytes(upload("two squares"))
    assert run_python(SERVER, tmp_path) == "True True 0 False"
    got = owner.decrypt((tmp_path / "result").read_bytes())
    expected = clear("two squares", IMAGES[40:])
    assert_bits(got, expected, at_least=bits_of(plan("two squares").error) - 2)


def test_worker_processes_give_the_same_residues_as_one(monkeypatch):
    """Two batches: the shared memory is used again."""
    owner, server = parties("two squares")
    other = owner.encrypt(IMAGES[:8])
    done = []
    uploads = [upload("two squares"), other]
    results = list(server.run_all(uploads, workers=2, tick=done.append))
    alone = [server.run(data).to_bytes() for data in uploads]
    assert results == alone
    assert sum(done) == 2 * (16 + 12 + 3)


def test_the_owner_s_workers_encrypt_what_one_would():
    owner, server = parties("dense")
    done = []
    (batch,) = owner.encrypt_all(IMAGES[40:], workers=2, tick=done.append)
    got = owner.decrypt(server.run(batch))
    assert_bits(got, clear("dense", IMAGES[40:]), at_least=bits_of(plan("dense").error) - 2)
    assert sum(done) == 64
    assert batch.images == 20


def test_any_number_of_inputs_in_one_call(capfd):
    owner, server = parties("dense", "plain")
    slots = plan("dense").params.slots
    many = np.resize(IMAGES, (2 * slots + 3, *IMAGES.shape[1:]))
    got = he.predict(owner, server, many, workers=1)
    assert got.shape == (2 * slots + 3, 10)
    expected = np.resize(clear("dense", IMAGES), got.shape)
    assert_bits(got, expected, at_least=bits_of(plan("dense").error) - 3)
    assert capfd.readouterr() == ("", "")


def test_a_progress_bar_counts_to_the_end(capfd):
    owner, server = parties("dense")
    he.predict(owner, server, IMAGES[40:45], progress=True, workers=1)
    total = plan("dense").ciphertexts
    assert f"{total}/{total}" in capfd.readouterr().err


def test_a_plan_for_single_inputs_can_predict_them_too():
    single = he.plan(net("linear only"), IMAGES[:40])
    owner = he.DataOwner(single)
    server = he.Server(single, owner.public)
    got = he.predict(owner, server, IMAGES[40:43], workers=1)
    assert_bits(got, clear("linear only", IMAGES[40:43]), at_least=bits_of(single.error) - 2)


@pytest.mark.parametrize("name", ["dense", "two squares"])
def test_the_clear_twin_s_parties_agree_with_torch(name):
    owner, server = parties(name, "plain")
    batch = owner.encrypt(IMAGES[40:])
    got = owner.decrypt(server.run(batch.to_bytes()).to_bytes())
    assert_bits(got, clear(name, IMAGES[40:]), at_least=bits_of(plan(name).error) - 2)
    assert "NOT ENCRYPTED" in repr(batch)


def test_running_changes_no_batch_and_gives_the_same_twice():
    owner, server = parties("dense")
    batch = owner.encrypt(IMAGES[40:])
    before = batch.to_bytes()
    first, second = (server.run(batch).to_bytes() for _ in range(2))
    assert batch.to_bytes() == before
    assert first == second


def test_unused_workers_are_not_started():
    """A generator that nobody reads from does nothing."""
    owner, _ = parties("dense")
    assert list(run_all(plan("dense"), owner.public, [], workers=1)) == []
