"""What is read off answers: by an eavesdropper without any key, and by the key's holder.

Each attack is carried out where the guard is off, and fails where it is on.
"""

import math
import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from helpers import INSTALLED, assert_refused, uniform
from torch import nn

import helib_py as he
from helib_py import wire
from helib_py.batch import server as batch_server
from helib_py.engines.seal import Residues, layout
from helib_py.errors import BadValue, OutOfAnswers, ParameterError
from helib_py.flooding import embed

# --- an eavesdropper without a key ---------------------------------------------------------

INPUTS, OUTPUTS = 16, 3


@cache
def linear():
    """A linear model for batches, its plan, owner and server."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(INPUTS, OUTPUTS)).double()
    plan = he.plan(net, uniform((40, INPUTS)), batch=True)
    owner = he.DataOwner(plan)
    return plan, owner, he.Server(plan, owner.public)


def solve(rows, right, q):
    """x with x·rows = right modulo a prime: rows (n, n), right (m, n)."""
    n = len(rows)
    grid = np.concatenate([rows.T, right.T], axis=1).astype(object)
    for i in range(n):
        pivot = next(k for k in range(i, n) if grid[k, i] % q)
        grid[[i, pivot]] = grid[[pivot, i]]
        grid[i] = grid[i] * pow(int(grid[i, i]), -1, q) % q
        for k in range(n):
            if k != i:
                grid[k] = (grid[k] - grid[k, i] * grid[i]) % q
    return grid[:, n:].T


def weights_from_the_wire(plan, upload, answer):
    """All whole-number weights, from the second parts of upload and answer alone."""
    q, level = plan.params.primes[0], plan.interface.result.level
    assert level == plan.params.depth  # nothing was rescaled on the way
    sent, came = (batch.residues[:, 1, 0, :INPUTS].astype(object) for batch in (upload, answer))
    found = solve(sent, came, q)
    return np.where(found > q // 2, found - q, found)


def test_without_re_randomising_the_wire_gives_all_weights_away(monkeypatch):
    monkeypatch.setattr(batch_server.Runner, "_leave", lambda *_: None)
    plan, owner, server = linear()
    upload = owner.encrypt(uniform((40, INPUTS)))
    found = weights_from_the_wire(plan, upload, server.run(upload))
    assert np.array_equal(found, plan.steps[0].weights.toarray())


def test_re_randomised_it_gives_none():
    plan, owner, server = linear()
    upload = owner.encrypt(uniform((40, INPUTS)))
    found = weights_from_the_wire(plan, upload, server.run(upload))
    assert not (found == plan.steps[0].weights.toarray()).any()


def second_part(data, ring, level):
    (payload,) = wire.unpack("ciphertext", data)[1]
    return np.frombuffer(payload, "<u8").reshape(2, level + 1, ring)[1, 0]


@pytest.mark.parametrize("guard", ["off", "on"])
def test_a_bfv_product_with_a_number_shows_the_number(guard):
    owner = he.DataOwner(he.BFV(depth=1, rotations=()))
    x = owner.encrypt([1, 2, 3], bound=3)
    y = 37 * x
    if guard == "off":
        y = replace(y, original=y.handle)  # as if it had just been encrypted
    params = owner.public.params
    sent, came = (
        second_part(c.to_bytes(), params.ring, len(params.primes) - 1).astype(object)
        for c in (x, y)
    )
    q = params.primes[0]
    ratios = {int(b * pow(int(a), -1, q) % q) for a, b in zip(sent[:50], came[:50], strict=True)}
    assert (ratios == {37}) == (guard == "off")
    assert np.array_equal(owner.decrypt(y.to_bytes()), [37, 74, 111])


@pytest.mark.parametrize("scheme", ["CKKS", "BFV"])
@pytest.mark.parametrize("engine", ["seal", "plain"])
def test_no_computed_ciphertext_leaves_as_it_is_or_twice_the_same(scheme, engine):
    owner = he.DataOwner(he.CKKS(depth=2) if scheme == "CKKS" else he.BFV(depth=2), engine)
    x = owner.encrypt([1, 0, 1, 1])
    made = {
        "sum": x + x, "negative": -x, "constant": x + 1, "whole": 3 * x, "product": x * x,
        "vector": x * [1, 0, 1, 0], "rotated": x.rotate(1), "matrix": np.eye(4) @ x,
        "sum of all": x.sum(), "loaded": owner.public.load(x.to_bytes()),
    }  # fmt: skip
    if scheme == "CKKS":
        made |= {"lowered": x.lower(1), "half": 0.5 * x}
    for name, c in made.items():
        bare = c.e.dump(c.handle)
        first, second = (wire.unpack("ciphertext", c.to_bytes())[1][0] for _ in range(2))
        if engine == "seal":
            assert first != second != bare != first, name
            parts = np.frombuffer(first, "<u8") == np.frombuffer(bare, "<u8")
            assert not parts.any(), name
        assert np.abs(owner.decrypt(c.to_bytes()) - owner.decrypt(c)).max() < 2**-15, name
    again = wire.unpack("ciphertext", x.to_bytes())[1][0]
    assert again == x.e.dump(x.handle)  # just encrypted: it may leave as it is


LABELS = {
    "a number": lambda x, k: k * x,
    "a whole number": lambda x, k: round(100 * k) * x,
    "a vector": lambda x, k: k * uniform(4) * x,
    "a matrix": lambda x, k: k * uniform((4, 4)) @ x,
    "a shift": lambda x, k: x + k,
    "a promise": lambda x, k: (x * 0.5).promise(k),
    "a polynomial": lambda x, k: he.fit("sigmoid", 3, (-1 - k, 1 + k))(x),
}


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_results_do_not_depend_on_what_they_were_computed_with(name):
    owner = he.DataOwner(he.CKKS(depth=3, precision=20, bound=1.0))
    labels = []
    for k in (0.123, 0.9, 0.5):
        header, _ = wire.unpack(
            "ciphertext", LABELS[name](owner.encrypt(uniform(4)), k).to_bytes()
        )
        labels.append(header)
    assert labels[0] == labels[1] == labels[2]
    assert not labels[0]["fresh"]


def test_labels_of_bfv_results_do_not_either():
    owner = he.DataOwner(he.BFV(depth=2, rotations=()))
    made = [
        wire.unpack("ciphertext", (k * owner.encrypt([1, 2], bound=3)).to_bytes())[0]
        for k in (2, 37, 1000)
    ]
    assert made[0] == made[1] == made[2]


def test_a_label_is_believed_of_what_its_sender_encrypted_only():
    owner = he.DataOwner(he.CKKS(depth=2))
    fresh = owner.public.load(owner.encrypt([0.5], bound=0.75).to_bytes())
    assert fresh.bound == 0.75
    assert fresh.bits > 15
    computed = owner.public.load((owner.encrypt([0.5]) * 0.5).to_bytes())
    assert np.isnan(computed.bits)
    assert "bits unknown" in repr(computed)
    assert computed.bound > 1e3  # whatever fits
    assert computed.promise(0.5).bound == 0.5
    out = computed.promise(0.5) * computed.promise(0.5)
    assert abs(owner.decrypt(out)[0] - 0.0625) < 2**-15


@pytest.mark.parametrize("engine", INSTALLED)
@pytest.mark.parametrize("weight", [0.1, 0.3, 0.7])
def test_no_refusal_tells_how_large_a_weight_is(engine, weight):
    """The second part of (0, 1) times a weight rounds to 0, which SEAL refuses, or to 1."""
    owner = he.DataOwner(he.CKKS(depth=2, precision=20), engine)
    params = owner.public.params
    residues = np.zeros((2, len(params.primes), params.ring), "<u8")
    residues[1] = 1
    header, _ = wire.unpack("ciphertext", owner.encrypt(np.ones(4)).to_bytes())
    c = owner.public.load(wire.pack("ciphertext", header, residues.tobytes()))
    for product in (c * np.full(4, weight), c * weight, (c * weight) ** 2, c.lower(1)):
        (payload,) = wire.unpack("ciphertext", product.to_bytes())[1]
        assert np.frombuffer(payload, "<u8")[len(payload) // 16 :].any()


# --- the key's holder, from the errors -------------------------------------------------------


@cache
def quadratic():
    """A small network with a hidden layer, and examples of its inputs."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(16, 8), he.Square(), nn.Linear(8, 3)).double()
    return net, np.abs(uniform((40, 16)))


@cache
def flooded(batch):
    net, x = quadratic()
    return he.plan(net, x, batch=batch, flood=40, answers=50)


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
def test_a_flooded_answer_is_as_precise_as_planned(batch):
    net, x = quadratic()
    plan = flooded(batch)
    owner = he.DataOwner(plan)
    server = he.Server(plan, owner.public.to_bytes())
    inputs = x[:20] if batch else x[0]
    result = server.run(owner.encrypt(inputs))
    got = owner.decrypt(result.to_bytes())
    assert np.array_equal(got, owner.decrypt(result))
    error = np.abs(got - net(torch.tensor(inputs)).detach().numpy()).max()
    assert error < 6 * plan.flood.slot_std  # which one in 10^8 exceeds
    assert plan.bits >= 7
    assert "40 statistical bits" in plan.summary


def coefficients(plan, owner, c):
    """Of the polynomial that the key's holder sees, whole numbers."""
    slots = owner._keys.decrypt_complex(c.handle)
    ring = plan.params.ring
    unit = np.zeros(ring)
    unit[1] = 1
    order = np.argsort(np.angle(embed(unit)) % (2 * np.pi))
    spectrum = np.empty(ring, complex)
    angles = np.angle(embed(unit)) % (2 * np.pi)
    places = np.rint((angles / np.pi * ring - 1) / 2).astype(int)
    spectrum[places], spectrum[ring - 1 - places] = slots, slots.conj()
    assert len(order) == ring // 2
    turned = np.fft.fft(spectrum) / ring * np.exp(-1j * np.pi * np.arange(ring) / ring)
    return turned.real * c.scale


def test_of_a_flooded_answer_nothing_is_left_but_what_repeats():
    """Slots that hold no output, and copies, would tell more: their coefficients are uniform."""
    plan = flooded(False)
    owner = he.DataOwner(plan)
    server = he.Server(plan, owner.public)
    c = server.run(owner.encrypt(quadratic()[1][0]))
    found = coefficients(plan, owner, c)
    step = plan.params.ring // (2 * plan.flood.period)
    hidden = np.arange(plan.params.ring) % step != 0
    modulus = float(plan.params.modulus(c.level))
    assert abs(found[hidden].std() / (modulus / np.sqrt(12)) - 1) < 0.1
    assert np.abs(found[~hidden]).max() < 2**-3 * modulus


def noise_of(plan, x, seeds=100):
    """Errors of an answer without its flood, over runs: (runs, outputs)."""
    exact = plan.simulate(x, noisy=False)
    return np.stack([plan.simulate(x, seed=seed) - exact for seed in range(seeds)])


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
def test_the_flood_is_sized_for_the_worst_inputs_not_the_usual_ones(batch):
    """Whoever looks for inputs with large errors finds some; none beyond what was counted."""
    net, x = quadratic()
    plan = replace(flooded(batch), flood=None)
    weights = net[0].weight.detach().numpy()
    worst = max(
        noise_of(plan, sign * np.sign(row)[None] * plan.interface.span.bound).std()
        for row in weights for sign in (1, -1)
    )  # fmt: skip
    usual = noise_of(plan, x[:1]).std()
    assert usual < worst < plan.worst_error
    assert plan.worst_error < 30 * worst  # and not so careful that nothing would outlast it


def test_answers_are_counted_and_no_more_are_given():
    plan = flooded(False)
    owner = he.DataOwner(plan)
    net, x = quadratic()
    server = he.Server(he.plan(net, x, flood=40, answers=3), owner.public)
    up = owner.encrypt(x[0])
    for _ in range(3):
        server.run(up)
    with pytest.raises(OutOfAnswers) as error:
        server.run(up)
    assert_refused(error)
    with pytest.raises(OutOfAnswers):
        list(he.Server(server.plan, owner.public).run_all([up] * 4, workers=1))


def test_a_plan_without_room_for_a_flood_is_refused_one():
    net, x = quadratic()
    plan = he.plan(net, x)
    with pytest.raises(ParameterError, match="flood") as error:
        he.Server(plan, he.DataOwner(plan).public, flood=40)
    assert_refused(error)


@pytest.mark.parametrize("bits", [0.1, 20, 29.9, -1, float("nan")])
def test_terms_that_hide_nothing_are_refused(bits):
    net, x = quadratic()
    with pytest.raises(ParameterError, match=r"flood|statistical_bits") as error:
        he.plan(net, x, flood=bits)
    assert_refused(error)
    with pytest.raises(ParameterError):
        he.Agreement((4, 3, 2), (1.0, 1.0), 1.0, statistical_bits=bits)


@pytest.mark.parametrize("batch", [False, True], ids=["single", "batch"])
def test_a_flood_survives_the_plan_s_bytes(batch):
    plan = flooded(batch)
    again = type(plan).from_bytes(plan.to_bytes())
    assert again.flood == plan.flood


# --- the key, from a decryption that was shown ------------------------------------------------


def key_from(owner, ciphertexts, shown):
    """The secret key's residues modulo the first prime, from two decryptions of all slots.

    What was shown is the real part of the slots of p = c0 + c1·s, so of p and its mirror image
    together: 2r = c0 + c̄0 + c1·s + c̄1·s̄. Two of them are two equations for s and s̄.
    """
    params = owner.public.params
    q, ring = params.primes[0], params.ring
    equations = []
    for c, values in zip(ciphertexts, shown, strict=True):
        (payload,) = wire.unpack("ciphertext", c)[1]
        c0, c1 = np.frombuffer(payload, "<u8").reshape(2, -1, ring)[:, 0].astype(object)
        scale = wire.unpack("ciphertext", c)[0]["scale"]
        e = owner.public.context.e
        plain = e.lib.plain(np.asarray(values), 2 * scale, 0)  # rounds back to whole numbers
        twice = layout.numbers(e.lib.dump_plain(plain), layout.PLAIN_HEADER).astype(object)
        equations.append((c1, mirrored(c1), (twice - c0 - mirrored(c0)) % q))
    (a, b, u), (c, d, v) = equations
    determinant = (a * d - b * c) % q
    inverse = np.array([pow(int(x), -1, q) if x else 0 for x in determinant], dtype=object)
    return (u * d - b * v) * inverse % q


def mirrored(residues):
    """X → 1/X on residues in SEAL's order: values at ζ^(2·br(i)+1), and the conjugates' last."""
    return residues[::-1]


@cache
def small_owner():
    params = he.CKKS(
        ring=1024, prime_bits=(50,), special_bits=50, scale_bits=40, bound=1.0, insecure=True,
        rotations=(),
    )  # fmt: skip
    return he.DataOwner(params)


def secret_of(owner):
    params = owner.public.params
    words = layout.numbers(owner._keys._secret.secret_key(), layout.PLAIN_HEADER)
    return words.reshape(-1, params.ring)[0].astype(object)


def test_two_decryptions_that_were_shown_are_the_key():
    """Li and Micciancio's attack, with the guard off: decrypt, and tell."""
    owner = small_owner()
    sent = [owner.encrypt(uniform(512, seed)).to_bytes() for seed in (1, 2)]
    found = key_from(owner, sent, [owner.decrypt(c) for c in sent])
    assert np.array_equal(found, secret_of(owner))


def test_two_that_were_published_are_not():
    owner = he.DataOwner(small_owner().public.params)
    sent = [owner.encrypt(uniform(512, seed)) for seed in (1, 2)]
    shown = [owner.publish(c, answers=2, statistical_bits=30, precision=0) for c in sent]
    found = key_from(owner, [c.to_bytes() for c in sent], shown)
    assert (found != secret_of(owner)).mean() > 0.99
    with pytest.raises(OutOfAnswers) as error:
        owner.publish(sent[0], answers=2, statistical_bits=30, precision=0)
    assert_refused(error)


def test_more_answers_later_do_not_undo_what_was_published_for_fewer():
    owner = he.DataOwner(he.CKKS(ring=16384, depth=1, precision=38))
    x = owner.encrypt([0.5])
    owner.publish(x, answers=1)
    with pytest.raises(OutOfAnswers):
        owner.publish(x, answers=100)


def test_what_is_published_is_right_and_under_noise_of_the_size_that_was_told():
    owner = he.DataOwner(he.CKKS(ring=16384, depth=1, precision=38))
    values = uniform(64)
    x = owner.encrypt(values)
    flood = x.cover(40, 20, None)
    errors = [owner.publish(x, answers=20) - values for _ in range(20)]
    assert abs(np.log2(np.std(errors) / flood.slot_std)) < 0.3
    assert np.std(errors) > 2**19 * np.std(owner.decrypt(x) - values)


def test_a_publication_is_refused_where_nothing_would_be_left_of_it():
    owner = he.DataOwner(he.CKKS(depth=1, precision=20))
    with pytest.raises(ParameterError, match="outlast") as error:
        owner.publish(owner.encrypt([0.5]))
    assert_refused(error)


@pytest.mark.parametrize("scheme", ["CKKS", "BFV"])
def test_what_a_stranger_computed_is_not_published_unless_somebody_vouches_for_it(scheme):
    """A ciphertext (0, Δ) decrypts to the key itself, and no noise helps against that."""
    params = he.CKKS(ring=16384, depth=1, precision=38) if scheme == "CKKS" else he.BFV(depth=1)
    owner = he.DataOwner(params)
    computed = (owner.encrypt([1, 0]) + 1).to_bytes()
    with pytest.raises(BadValue, match="honest") as error:
        owner.publish(computed)
    assert_refused(error)
    if scheme == "CKKS":
        shown = owner.publish(owner.public.load(computed).promise(2), error=2**-30, precision=5)
    else:
        shown = owner.publish(owner.public.load(computed).promise(2, budget=10))
    assert np.abs(shown - [2, 1]).max() < 2 * 2 * 2.0**-5


@cache
def forged(scheme):
    """An owner, and a ciphertext (0, Δ), which decrypts to the key, labelled as just encrypted."""
    params = he.CKKS(ring=16384, depth=1, precision=38) if scheme == "CKKS" else he.BFV(depth=1)
    owner = he.DataOwner(params)
    params, size = owner.public.params, 1 << 30
    residues = np.zeros((2, len(params.primes), params.ring), "<u8")
    if scheme == "CKKS":
        residues[1] = size  # in NTT form a constant is the same number everywhere
    else:
        delta = math.prod(params.primes) // params.modulus
        residues[1, :, 0] = [delta % q for q in params.primes]
    header, _ = wire.unpack("ciphertext", owner.encrypt(np.ones(4)).to_bytes())
    header |= {"length": params.slots}
    assert header["fresh"]
    return owner, wire.pack("ciphertext", header, residues.tobytes())


FOLLOWING = {
    "as it came": lambda c, own: c,
    "loaded": lambda c, own: own.public.load(c),
    "promised": lambda c, own: own.public.load(c).promise(1),
    "added": lambda c, own: own.public.load(c) + own.encrypt([1]),
    "added to": lambda c, own: own.encrypt([1]) + own.public.load(c),
    "subtracted": lambda c, own: own.encrypt([1]) - own.public.load(c),
    "multiplied": lambda c, own: own.encrypt([1]) * own.public.load(c),
    "combined": lambda c, own: own.encrypt([1]).combine(
        [own.encrypt(np.ones(own.public.params.slots)), own.public.load(c)], [1, 1]
    ),
    "rotated": lambda c, own: own.public.load(c).rotate(1),
    "pickled": lambda c, own: pickle.loads(pickle.dumps(own.public.load(c))),
}


@pytest.mark.parametrize("scheme", ["CKKS", "BFV"])
@pytest.mark.parametrize("how", FOLLOWING)
def test_a_label_that_says_fresh_does_not_publish_the_key(scheme, how):
    owner, c = forged(scheme)
    c = FOLLOWING[how](c, owner)
    with pytest.raises(BadValue, match="honest") as error:
        owner.publish(c, statistical_bits=30, precision=-99)
    assert_refused(error)


def test_nor_do_results_of_a_server_next_to_the_owner():
    plan = flooded(False)
    owner = he.DataOwner(plan)
    result = he.Server(plan, owner.public).run(owner.encrypt(quadratic()[1][0]))
    with pytest.raises(BadValue, match="honest"):
        owner.publish(result, statistical_bits=30, precision=-99)


def test_a_flooded_answer_does_not_call_itself_fresh():
    plan = flooded(False)
    owner = he.DataOwner(plan)
    result = he.Server(plan, owner.public).run(owner.encrypt(quadratic()[1][0]))
    assert np.isnan(owner.public.load(result.to_bytes()).bits)


def test_exact_schemes_publish_what_they_decrypt(toy):
    owner = he.DataOwner(he.BFV(depth=1))
    assert owner.publish(owner.encrypt([3, 4]) * owner.encrypt([5, 6])).tolist() == [15, 24]
    assert np.abs(toy.publish(toy.encrypt([0.5]) + 0.25) - 0.75).max() < 2**-20


def test_residues_can_be_looked_at_without_a_key():
    """So the eavesdropper above needed none."""
    plan, owner, _ = linear()
    party = he.PublicBundle.from_bytes(owner.public.to_bytes())
    assert Residues(party.context.e).params == plan.params
