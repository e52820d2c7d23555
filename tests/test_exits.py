"""What leaves a party that computes on CKKS: fresh randomness, and a label that tells nothing."""

import copy
import pickle

import numpy as np
import pytest
from helpers import assert_bits, payload, uniform
from nets import IMAGES, plan

import helib_py as he
from helib_py import wire

X = uniform(8)

# computed without any randomness of its own: re-randomising is what hides x and W
COMPUTED = {
    "0 * c": lambda c, W: 0 * c,
    "1 * c": lambda c, W: 1 * c,
    "c + 0": lambda c, W: c + 0,
    "c - c": lambda c, W: c - c,
    "-c": lambda c, W: -c,
    "c + W": lambda c, W: c + W[0],
    "c * W": lambda c, W: c * W[0],
    "c * c": lambda c, W: c * c,
    "lower": lambda c, W: c.lower(c.level),
    "lowest": lambda c, W: c.lower(0),
    "rotate": lambda c, W: c.rotate(3),
    "sum": lambda c, W: c.sum(),
    "W @ c": lambda c, W: W @ c,
    "0 @ c": lambda c, W: (0 * W) @ c,
    "combine": lambda c, W: c.combine([c, c], W[0, :2]),
    "a promise after": lambda c, W: (W @ c).promise(0.5 + abs(W[0, 0])),
    "a promise before": lambda c, W: c.promise(0.5 + abs(W[0, 0]) / 64) * 1,
}


def label(c):
    """All that is seen of a ciphertext without the key, but for its residues."""
    header, _ = wire.unpack("ciphertext", c.to_bytes())
    return header, len(c.to_bytes())


@pytest.mark.parametrize("name", COMPUTED)
def test_a_label_depends_on_neither_the_data_nor_the_weights(owner, name):
    labels = []
    for seed, size in ((1, 1.0), (2, 1e-3), (3, 0.0)):
        c, W = owner.encrypt(size * uniform(8, seed)), size * 16 * uniform((8, 8), seed + 7)
        labels.append(label(COMPUTED[name](c, W)))
    assert labels[0] == labels[1] == labels[2]
    header = labels[0][0]
    assert set(header) == {
        "params", "format", "key", "level", "scale", "length", "stride", "period", "fresh",
        "bound",
    }  # fmt: skip
    assert not header["fresh"]


@pytest.mark.parametrize("name", COMPUTED)
def test_a_result_leaves_under_fresh_randomness_every_time(real_owner, name):
    out = COMPUTED[name](real_owner.encrypt(X), uniform((8, 8), 1))
    inside = np.frombuffer(out.e.dump(out.handle), "<u8")
    left = [payload(out.to_bytes()), payload(pickle.loads(pickle.dumps(out)).to_bytes()),
            payload(copy.deepcopy(out).to_bytes())]  # fmt: skip
    for i, one in enumerate([inside, *left]):
        assert all((one == other).mean() < 0.01 for other in left[i:])
    opened = real_owner.decrypt(out)
    assert_bits(real_owner.decrypt(out.to_bytes()), opened, at_least=17)


def test_what_was_just_encrypted_leaves_as_it_is_with_the_bound_that_was_promised(real_owner):
    x = real_owner.encrypt(X, 2.0)
    for c, bound in ((x, 2.0), (x.promise(1.5), 1.5)):
        assert payload(c.to_bytes()).tobytes() == c.e.dump(x.handle)
        header, _ = wire.unpack("ciphertext", c.to_bytes())
        assert (header["fresh"], header["bound"]) == (True, bound)


def test_what_was_loaded_does_not_leave_as_it_came(real_owner):
    """Nor does it say any more that it is fresh: only who encrypted it could know."""
    came = real_owner.encrypt(X).to_bytes()
    party = he.PublicBundle.from_bytes(real_owner.public.to_bytes())
    left = party.load(came).to_bytes()
    assert (payload(left) == payload(came)).mean() < 0.01
    assert not wire.unpack("ciphertext", left)[0]["fresh"]
    assert_bits(real_owner.decrypt(left), real_owner.decrypt(came), at_least=20)


def test_without_fresh_randomness_anyone_would_see_what_a_party_multiplied_by(real_owner):
    """Attack: divide the residues of the result by those of the input, which its owner knows."""
    x = real_owner.encrypt(X)
    out, primes = 7 * x, np.array(x.context.params.primes, dtype=object)[:, None]
    multiplied = payload(x.to_bytes()).astype(object).reshape(2, 4, -1) * 7 % primes

    def share(residues):
        return (residues.reshape(2, 4, -1) == multiplied).mean()

    assert share(np.frombuffer(out.e.dump(out.handle), "<u8")) == 1
    assert share(payload(out.to_bytes())) < 0.01


def test_a_server_s_result_is_another_each_time_and_its_label_always_the_same():
    owner = he.DataOwner(plan("dense"))
    server = he.Server(plan("dense"), owner.public)
    upload = owner.encrypt(IMAGES[0])
    first, second = (server.run(upload).to_bytes() for _ in range(2))
    other = server.run(owner.encrypt(0 * IMAGES[0])).to_bytes()
    assert (payload(first) == payload(second)).mean() < 0.01
    assert_bits(owner.decrypt(first), owner.decrypt(second), at_least=10)
    labels = [wire.unpack("ciphertext", data)[0] for data in (first, second, other)]
    assert labels[0] == labels[1] == labels[2]
    assert np.isnan(owner.public.load(first).bits)
