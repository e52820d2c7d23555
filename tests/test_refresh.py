"""Deeper than a chain: refreshes by the key's holder, what they cost and what they show."""

from functools import cache

import numpy as np
import pytest
import torch
from helpers import (
    assert_bits,
    assert_refused,
    has_evaluator,
    payload,
    reachable,
    secrets_among,
)
from nets import IMAGES, busy_norm
from torch import nn

import helib_py as he
from helib_py import randomness
from helib_py.errors import BadBytes, NotPolynomial, ParameterError, ShapeError, WrongKey
from helib_py.refresh import refresh
from helib_py.refresh.planning import log2_mask

LAYERS = 7


@cache
def net():
    torch.manual_seed(3)
    deep = [m for n in (64, *[12] * (LAYERS - 1)) for m in hidden(n)]
    return nn.Sequential(nn.Flatten(), *deep, nn.Linear(12, 10)).double().eval()


def hidden(inputs):
    return nn.Linear(inputs, 12), busy_norm(nn.BatchNorm1d, 12), he.Quadratic()


def clear(x):
    with torch.no_grad():
        return net()(torch.tensor(x)).numpy()


@cache
def plan(layers=None):
    return he.plan(net(), IMAGES[:40], 8, refresh="key holder", refresh_after=layers)


@cache
def parties(engine=None):
    owner = he.DataOwner(plan(), engine)
    return owner, he.DeepServer(plan(), owner.public)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_segments_compute_what_the_whole_network_does(layers):
    found = plan(layers)
    alone = layers == 1 or (LAYERS + 1) % layers == 1  # the last layer joins the segment before
    assert found.rounds == -(-(LAYERS + 1) // layers) - 1 - alone
    assert_bits(found.simulate(IMAGES, noisy=False), clear(IMAGES), at_least=35)
    assert found.interface.params.is_secure


def test_refreshed_scores_are_as_precise_as_foretold():
    images, errors = IMAGES[30:36], []
    for pair in (images[:2], images[2:4], images[4:]):  # a key's first slot errs much, or little
        owner = he.DataOwner(plan())
        server = he.DeepServer(plan(), owner.public)
        errors += [he.interact(owner, server, x) - clear(x[None])[0] for x in pair]
    measured = np.abs(errors).max()
    assert measured <= 2**1.5 * plan().error
    twin = max(np.abs(plan().simulate(images, seed=s) - clear(images)).max() for s in range(3))
    assert twin / 2**4 <= measured <= 2**2.5 * twin


def test_the_clear_twin_refreshes_too():
    owner, server = parties("plain")
    assert_bits(he.interact(owner, server, IMAGES[41]), clear(IMAGES[41:42])[0], at_least=5)


def test_every_refresh_is_a_round_trip_in_the_transcript():
    owner, server = parties()
    transcript = he.Transcript()
    he.interact(owner, server, IMAGES[0], transcript)
    replies = [m for m in transcript.messages if m[0] == "server"]
    assert len(replies) == plan().rounds + 1
    inside = [m for m in transcript.messages if "refresh" in m[2]]
    size = sum(m[3] for m in inside)
    assert plan().round_bytes <= size <= plan().round_bytes + 1000 * len(inside)


def views(x, count):
    """What the key's holder decrypts at the first refresh, so many times."""
    owner, server = parties()
    upload = [c.to_bytes() for c in owner.encrypt(x)]
    return np.array([owner.decrypt(server.answer().step(upload)) for _ in range(count)])


def test_the_key_holder_sees_masks_drawn_anew():
    same, other = views(IMAGES[0], 12), views(IMAGES[1], 12)
    largest = plan().segments[0].layers[-1].peak
    assert same.std() > 2.0 ** plan().mask_bits * largest
    assert np.abs(same[0] - same[1]).min() > largest  # nothing of a mask comes twice
    assert abs(same.mean() - other.mean()) < 6 * same.std() / np.sqrt(same.size)
    assert abs(np.log2(same.std() / other.std())) < 0.4


def test_imaginary_parts_are_masked_too():
    owner, server = parties()
    upload = [c.to_bytes() for c in owner.encrypt(IMAGES[0])]
    opened = owner.public.load(server.answer().step(upload))
    slots = owner._keys.decrypt_complex(opened.handle)
    assert 0.5 < slots.imag.std() / slots.real.std() < 2


def test_a_mask_is_added_to_the_last_bit():
    """Else the lowest bits of errors, which depend on the weights, would stay in view."""
    owner, _ = parties()
    c = owner.encrypt(IMAGES[0])[0]
    drawn = randomness.wide(73, plan().interface.params.ring) - 2**72
    assert 0.4 < np.mean(drawn % 2 == 1) < 0.6
    assert max(abs(drawn)) > 2**71
    back = c.e.add_integers(c.e.add_integers(c.handle, drawn), -drawn)
    assert_bits(owner._keys.decrypt(back), owner._keys.decrypt(c.handle), at_least=45)


def test_what_is_masked_is_re_randomised_as_well(monkeypatch):
    """Even if the mask were known, the ciphertext would not tell the weights."""
    monkeypatch.setattr(
        randomness, "wide", lambda bits, count: np.full(count, 1 << bits - 1, object)
    )
    owner, server = parties()
    upload = [c.to_bytes() for c in owner.encrypt(IMAGES[0])]
    first, second = (server.answer().step(upload) for _ in range(2))
    assert_bits(owner.decrypt(first), owner.decrypt(second), at_least=8)
    assert (payload(first) == payload(second)).mean() < 0.01


def test_masks_are_as_much_larger_as_the_statistical_distance_asks():
    segment, params = plan().segments[0], plan().interface.params
    bits = log2_mask(segment, plan().mask_bits)
    largest = 4 * max(segment.layers[-1].peak, 1) * segment.interface.result_scale
    assert np.sqrt(params.ring) * largest / 2.0 ** (bits + 1) <= 2.0 ** -plan().mask_bits
    assert bits + 1 < params.log_q(segment.interface.result_level) - 1


def test_a_server_with_refreshes_has_no_secret():
    owner, server = parties()
    found = reachable(server)
    assert has_evaluator(found)
    assert not secrets_among(found)
    assert {"DataOwner", "SealKeys"} <= set(secrets_among(reachable(owner)))


def test_a_run_gives_one_result():
    owner, server = parties()
    run, upload = server.answer(), [c.to_bytes() for c in owner.encrypt(IMAGES[0])]
    for segment in plan().segments[1:]:
        upload = refresh(owner, segment.interface, run.step(upload))
    run.step(upload)
    with pytest.raises(ShapeError) as error:
        run.step(upload)
    assert_refused(error)


def test_uploads_of_other_owners_and_torn_ones_are_refused():
    owner, server = parties()
    upload = [c.to_bytes() for c in he.DataOwner(plan()).encrypt(IMAGES[0])]
    with pytest.raises(WrongKey):
        server.answer().step(upload)
    torn = [c.to_bytes()[:-5] for c in owner.encrypt(IMAGES[0])]
    with pytest.raises(BadBytes):
        server.answer().step(torn)


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (dict(precision=40, ring=8192), ParameterError),
        (dict(refresh="oracle"), ParameterError),
        (dict(refresh_after=0), ParameterError),
    ],
)
def test_what_no_refresh_can_give_is_refused(request_, error):
    with pytest.raises(error) as found:
        he.plan(net(), IMAGES[:10], **{"refresh": "key holder", **request_})
    assert_refused(found)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9, 1e30])
def test_whatever_is_to_be_refreshed_it_is_and_within_the_span(size):
    """A refusal that depends on a value tells it, bit by bit: twelve read a pixel."""
    before, after = (segment.interface for segment in plan().segments[:2])
    owner, _ = parties("plain")
    context, slots = owner.public.context, np.full(before.params.slots, size)
    masked = before.wrap(context, context.e.encrypt(slots, *before.result), 1.0)
    fresh = refresh(owner, after, masked.to_bytes())
    values = np.concatenate([owner.decrypt(c) for c in fresh])
    assert np.abs(values).max() <= after.span.bound * 1.01


def test_residual_additions_do_not_reach_across_a_refresh():
    residual = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 8), he.Square(), he.Residual(nn.Linear(8, 8), he.Square()),
        nn.Linear(8, 3),
    )  # fmt: skip
    with pytest.raises(NotPolynomial) as error:
        he.plan(residual, IMAGES, refresh="key holder")
    assert_refused(error)


def test_the_table_shows_every_refresh():
    text = repr(plan())
    assert text.count("\nrefresh") == plan().rounds
    assert "refreshes by the key's holder" in text
