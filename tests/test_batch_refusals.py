"""Batches: what is refused, before anything crashes or leaks."""

import os
import struct
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import assert_bits, assert_refused, has_evaluator, reachable, secrets_among
from hypothesis import given, settings
from hypothesis import strategies as st
from nets import IMAGES, NETS, net
from test_batch import bits_of, parties, plan, upload
from torch import nn

import helib_py as he
from helib_py import wire
from helib_py.batch import make_batch_plan, sealed, workers
from helib_py.batch.steps import Place
from helib_py.errors import (
    BadBytes,
    BadValue,
    EngineFailed,
    HelibError,
    MissingKey,
    NoSecretKey,
    NotPolynomial,
    OutOfMemory,
    Overflow,
    ParameterError,
    ShapeError,
    WrongKey,
)
from helib_py.nn import read

NAME = "dense"


def refused(kind, run):
    with pytest.raises(kind) as error:
        run()
    assert_refused(error)


def batch():
    owner, _ = parties(NAME)
    return sealed.load(owner.public.context, upload(NAME))


@pytest.fixture(scope="module")
def stranger():
    """Another owner on the same plan."""
    return he.DataOwner(plan(NAME))


def test_a_batch_under_another_key_is_refused_by_both(stranger):
    owner, server = parties(NAME)
    foreign = stranger.encrypt(IMAGES[:3])
    for data in (foreign, foreign.to_bytes()):
        refused(WrongKey, lambda data=data: server.run(data))
        refused(WrongKey, lambda data=data: owner.decrypt(data))


def test_a_batch_of_other_parameters_is_refused():
    _, server = parties(NAME)
    assert plan("two squares").params != plan(NAME).params
    refused(BadBytes, lambda: server.run(upload("two squares")))


@pytest.mark.parametrize("change", [
    lambda b: replace(b, residues=b.residues[:-1]),
    lambda b: replace(b, residues=np.concatenate([b.residues, b.residues[:1]])),
    lambda b: replace(b, place=Place(b.place.level - 1, b.place.scale),
                      residues=np.ascontiguousarray(b.residues[:, :, :-1])),
    lambda b: replace(b, place=Place(b.place.level, 2 * b.place.scale)),
    lambda b: replace(b, residues=np.ascontiguousarray(b.residues[..., ::2])),
    lambda b: replace(b, place=Place(b.place.level, b.place.scale, 3),
                      residues=np.concatenate([b.residues, b.residues[:, :1]], axis=1)),
], ids=["too few values", "too many values", "level", "scale", "ring", "parts"])  # fmt: skip
def test_a_batch_that_does_not_fit_the_plan_is_refused(change):
    _, server = parties(NAME)
    changed = change(batch())
    refused(ShapeError, lambda: server.run(changed))
    refused((ShapeError, BadBytes), lambda: server.run(changed.to_bytes()))


def with_label(data, **changes):
    """The message with another label, its checksums right."""
    length = struct.unpack_from("<Q", data)[0]
    header, sums = wire.unpack("batch", data[8 : 8 + length])
    label = wire.pack("batch", {**header, **changes}, *sums)
    start = struct.pack("<Q", len(label)) + label + bytes(-len(label) % 8)
    return start + data[8 + length + -length % 8 :]


@pytest.mark.parametrize("changes", [
    {"level": -1}, {"level": 9}, {"level": "1"}, {"values": 0}, {"values": -64},
    {"values": 10**18}, {"images": 0}, {"images": 5000}, {"images": 1.0}, {"images": True},
    {"scale": 0.0}, {"scale": -1.0}, {"scale": float("nan")}, {"scale": float("inf")},
    {"scale": 1}, {"format": "clear twin"}, {"format": None}, {"params": "x"}, {"images": None},
], ids=str)  # fmt: skip
def test_an_impossible_label_is_refused(changes):
    _, server = parties(NAME)
    refused(BadBytes, lambda: server.run(with_label(upload(NAME), **changes)))


@pytest.mark.parametrize("parts", [1, 3, 5])
def test_what_a_label_says_of_parts_is_not_read(parts):
    """A batch that crosses has two, by its length."""
    owner, server = parties(NAME)
    data = with_label(upload(NAME), parts=parts)
    assert server.run(data).residues.shape[1] == 2
    good = batch()
    other = np.repeat(good.residues, 2, axis=1)[:, :parts]
    forged = replace(
        good, place=Place(*good.place[:2], parts), residues=np.ascontiguousarray(other)
    )
    refused(BadBytes, lambda: server.run(with_label(forged.to_bytes(), parts=parts)))
    refused(BadBytes, lambda: owner.decrypt(forged.to_bytes()))


def test_a_batch_of_other_values_than_the_plan_s_is_no_result():
    """An upload of as many ciphertexts as there are inputs, handed back."""
    owner, _ = parties(NAME)
    assert plan(NAME).interface.inputs != plan(NAME).interface.outputs
    for data in (upload(NAME), batch()):
        refused(BadBytes, lambda data=data: owner.decrypt(data))
    twin, _ = parties(NAME, "plain")
    refused(BadBytes, lambda: twin.decrypt(twin.encrypt(IMAGES[:2])))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_clear_twin_takes_no_batch_of_what_is_no_number(value):
    twin, server = parties(NAME, "plain")
    good = twin.encrypt(IMAGES[:2])
    bad = good.residues.copy()
    bad[3, 1] = value
    refused(BadBytes, lambda: server.run(replace(good, residues=bad).to_bytes()))


def test_a_batch_holds_no_keys():
    """It knows whose it is, and can be sent to a worker process as it is."""
    owner, server = parties(NAME)
    for found in (batch(), owner.encrypt(IMAGES[:2]), server.run(upload(NAME))):
        assert found.context.evaluator is None
        assert found.context.key_id == owner.public.key_id
        assert not has_evaluator(reachable(found))


@pytest.mark.parametrize("data", [b"", b"12345678", bytes(1000), "text", 5, None, [b""]], ids=str)
def test_what_is_no_batch_is_refused(data):
    owner, server = parties(NAME)
    refused(BadBytes, lambda: server.run(data))
    refused(BadBytes, lambda: owner.decrypt(data))


def test_truncated_and_altered_bytes_are_refused():
    owner, server = parties(NAME)
    data = upload(NAME)
    altered = bytearray(data)
    altered[len(data) // 2] ^= 1
    for bad in (data[:-1], data[:-8], data + bytes(8), data[: len(data) // 2], bytes(altered)):
        refused(BadBytes, lambda bad=bad: server.run(bad))
        refused(BadBytes, lambda bad=bad: owner.decrypt(bad))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.integers(0, 255), st.integers(0, 200))
def test_no_change_to_the_label_s_bytes_crashes(position, value, cut_off):
    owner, _ = parties(NAME)
    result = bytearray(answer())
    result[position % len(result)] = value
    data = bytes(result[: len(result) - cut_off])
    try:
        scores = owner.decrypt(data)
    except HelibError:
        return
    assert np.all(np.isfinite(scores))


_ANSWER = []


def answer():
    """A result's bytes."""
    if not _ANSWER:
        _ANSWER.append(parties(NAME)[1].run(upload(NAME)).to_bytes())
    return _ANSWER[0]


def test_numbers_that_are_no_residues_are_refused():
    _, server = parties(NAME)
    good = batch()
    for value in (plan(NAME).params.primes[0], 2**64 - 1):
        bad = good.residues.copy()
        bad[7, 1, 0, 99] = value
        refused(BadBytes, lambda bad=bad: server.run(replace(good, residues=bad).to_bytes()))


def test_a_value_that_is_not_encrypted_is_refused():
    """Its second part is zero, and its first part is the plaintext."""
    _, server = parties(NAME)
    good = batch()
    bad = good.residues.copy()
    bad[3, 1] = 0
    refused(BadBytes, lambda: server.run(replace(good, residues=bad).to_bytes()))


def masked(found, inputs):
    """Whether every result is a ciphertext, and what it says."""
    owner = he.DataOwner(found)
    result = he.Server(found, owner.public).run(owner.encrypt(inputs))
    return result.residues[:, 1:].any(axis=(1, 2, 3)), owner.decrypt(result)


def test_weights_of_zero_give_encrypted_results_none_the_less():
    torch.manual_seed(2)
    subject = nn.Sequential(*NETS[NAME]()).double()
    with torch.no_grad():
        subject[1].weight[3] = 0  # a hidden unit, always the square of its bias
        subject[3].weight[5] = 0  # an output, always its bias
        expected = subject(torch.tensor(IMAGES[40:])).numpy()
    found = make_batch_plan(read(subject, IMAGES[0].shape), IMAGES[:40])
    hidden, got = masked(found, IMAGES[40:])
    assert hidden.all()
    assert_bits(got, expected, at_least=bits_of(found.error) - 2)


def test_inputs_made_to_cancel_give_an_encrypted_result_none_the_less():
    """One ciphertext and its negative, at two inputs with equal weights."""
    _, server = parties("linear only")
    found = plan("linear only")
    weights = np.zeros(found.steps[0].weights.shape, int)
    weights[:, :2] = 5
    step = replace(found.steps[0], weights=weights)
    rigged = he.Server(replace(found, steps=(step,)), server.public)
    good = sealed.load(server.public.context, upload("linear only"))
    primes = np.array(found.params.primes, dtype=np.uint64)[:, None]
    residues = good.residues.copy()
    residues[1] = (primes - residues[0]) % primes
    result = rigged.run(replace(good, residues=residues))
    assert result.residues[:, 1:].any(axis=(1, 2, 3)).all()
    got = parties("linear only")[0].decrypt(result)
    assert_bits(got, np.tile(step.bias, (20, 1)), at_least=bits_of(found.error) - 2)


@pytest.mark.parametrize("images", [
    IMAGES[0], IMAGES[:0], IMAGES[:, :, :4], IMAGES.reshape(60, -1), np.zeros(())
], ids=["one image", "none", "cropped", "flattened", "a number"])  # fmt: skip
def test_images_of_another_shape_are_refused(images):
    refused(ShapeError, lambda: parties(NAME)[0].encrypt(images))


def test_more_images_than_slots_are_refused_at_once_and_split_over_batches():
    owner, _ = parties(NAME, "plain")
    slots = plan(NAME).params.slots
    many = np.resize(IMAGES, (slots + 1, *IMAGES.shape[1:]))
    refused(ShapeError, lambda: owner.encrypt(many))
    assert [b.images for b in owner.encrypt_all(many, workers=1)] == [slots, 1]


def test_values_beyond_what_was_promised_are_refused():
    owner, _ = parties(NAME)
    refused(Overflow, lambda: owner.encrypt(IMAGES[:2] * 3))
    refused(BadValue, lambda: owner.encrypt(IMAGES[:2] * np.nan))


def test_a_server_with_other_keys_is_refused():
    owner, _ = parties(NAME)
    refused(MissingKey, lambda: he.Server(plan("two squares"), owner.public))
    refused(ParameterError, lambda: he.Server(plan(NAME), he.DataOwner(he.BFV()).public))


def test_a_server_has_nothing_to_decrypt_with():
    owner, server = parties(NAME)
    refused(NoSecretKey, lambda: server.public.decrypt(answer()))
    things = reachable(server) + reachable(batch()) + reachable(plan(NAME))
    assert has_evaluator(things)
    assert not secrets_among(things)
    assert not hasattr(server, "decrypt")
    assert {"DataOwner", "SealKeys"} <= set(secrets_among(reachable(owner)))


def test_networks_with_other_activations_are_refused():
    relu = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 4))
    cubic = he.polynomial(relu, IMAGES[:40], degree=3)
    refused(NotPolynomial, lambda: make_batch_plan(read(cubic, IMAGES[0].shape), IMAGES[:40]))


def test_precision_that_no_parameters_give_is_refused():
    affines = read(net(NAME), IMAGES[0].shape)
    refused(ParameterError, lambda: make_batch_plan(affines, IMAGES[:40], 40, ring=4096))
    refused(ParameterError, lambda: make_batch_plan(affines, IMAGES[:40], 7, ring=1024))
    refused(ParameterError, lambda: make_batch_plan(affines, IMAGES[:40], float("nan")))
    refused(ParameterError, lambda: make_batch_plan(affines, IMAGES[:40], 7, security=100))


def test_too_little_memory_is_refused_before_anything_is_run(monkeypatch):
    _, server = parties(NAME)
    monkeypatch.setattr(workers, "available_memory", lambda: 10**8)
    refused(OutOfMemory, lambda: server.run(upload(NAME)))


def test_too_little_shared_memory_is_refused_and_kills_nothing(monkeypatch):
    _, server = parties(NAME)
    usage = type("Usage", (), {"free": 10**6})
    monkeypatch.setattr(workers.shutil, "disk_usage", lambda folder: usage)
    refused(ParameterError, lambda: list(server.run_all([upload(NAME)], workers=2)))


@pytest.mark.parametrize("count", [0, -1])
def test_fewer_than_one_worker_is_refused(count):
    _, server = parties(NAME)
    refused(ParameterError, lambda: list(server.run_all([upload(NAME)], workers=count)))


def test_a_worker_that_dies_is_an_error_and_nothing_hangs():
    def use():
        with workers.crew(2, os._exit, 1) as run:
            list(run(range(4)))

    refused(EngineFailed, use)


def test_a_bad_batch_after_a_good_one_is_refused_in_its_turn(stranger):
    _, server = parties(NAME)
    uploads = [upload(NAME), stranger.encrypt(IMAGES[:3])]
    results = server.run_all(uploads, workers=1)
    next(results)
    refused(WrongKey, lambda: next(results))


def test_a_batch_says_when_it_is_not_secure_or_not_encrypted():
    assert "INSECURE" not in repr(batch())
    toy = he.CKKS(ring=2048, prime_bits=(40, 40), special_bits=40, scale_bits=20, insecure=True)
    assert "INSECURE" in repr(replace(batch(), context=replace(batch().context, params=toy)))
    assert "NOT ENCRYPTED" in repr(parties(NAME, "plain")[0].encrypt(IMAGES[:2]))
