"""Keys that were made to read what they should not: each attack carried out, then refused.

Where a guard stops an attack, it is taken off first and the attack succeeds: so the guard is what
stops it.
"""

import json
from dataclasses import replace
from functools import cache, reduce

import numpy as np
import pytest
from gmpy2 import invert, is_prime, is_square, isqrt, mpz, next_prime, powmod
from helpers import assert_refused, uniform
from sealed import TOY, layers

import helib_py as he
from helib_py import wire
from helib_py.engines import proper
from helib_py.engines.seal import layout
from helib_py.engines.seal.keys import public_shape, random_half, switching_shape
from helib_py.errors import BadBytes, HelibError, InsecureParameters, ParameterError

# --- a public key whose random half is chosen ------------------------------------------------

WIDTHS = (12, 3)
DELTA = 1 << 58
PIXELS = np.round(uniform(12, seed=5) ** 2, 3)


@cache
def model_owner():
    return he.DeepModelOwner(layers(WIDTHS), np.eye(12), **TOY)


def spying(keys):
    """A sealed network that lets an input through in the second part of its answer.

    Weights are (0, Δ) instead of encryptions, and rotation keys are next to nothing, so that what
    is folded in has no second part: of Σ x·(0, Δ) there is nothing left but Δ·x.
    """
    honest = model_owner().encrypt_model()
    params, stage = honest.agreed.params, honest.agreed.stages[0]
    size = params.ring * 8 * (stage.level + 1)
    chosen = [[DELTA % q] * params.ring for q in params.primes[: stage.level + 1]]
    weights = bytes(size) + np.array(chosen, "<u8").tobytes()
    bias = bytes(size // 2) + np.ones(params.ring, "<u8").tobytes()
    sealed = (weights, bias)
    public = replace(honest.public, keys={**honest.public.keys, **keys})
    return replace(honest, public=public, sealed=sealed)


def read_by_its_owner(answer):
    """The inputs, as far as the second part of an answer shows them."""
    params, stage = model_owner().agreed.params, model_owner().agreed.stages[0]
    second = np.frombuffer(answer.payload, "<u8").reshape(2, 1, params.ring)[1]
    scale = stage.inputs * DELTA / params.primes[1]
    written = layout.plaintext(second, layout.parms(params, 1), scale)
    plain = model_owner().public.context.e.lib.load_plain(written)
    slots = np.asarray(model_owner()._keys._secret._encoder.decode(plain))
    return slots, stage.folding.inputs(PIXELS)[0]


def chosen_keys():
    """Half a public key of zeros, and rotation keys whose products are next to nothing."""
    params = model_owner().agreed.params
    zeros = bytes(8 * int(np.prod(public_shape(params))))
    rotation = np.zeros((len(params.rotations), *switching_shape(params)), "<u8")
    rotation[:, :, 1] = 1  # all zeros, SEAL notices
    return zeros, rotation.tobytes()


def test_with_a_public_key_of_zeros_the_whole_input_can_be_read():
    """The guard is off: the halves of the key are taken as they come."""
    zeros, rotation = chosen_keys()
    network = spying({"pair": zeros * 2, "rotation": rotation})
    del network.public.keys["seed"], network.public.keys["public"]
    slots, laid = read_by_its_owner(network(PIXELS))
    assert np.abs(slots - laid).max() < 1e-6


def test_a_half_that_is_hashed_from_a_seed_hides_it():
    zeros, rotation = chosen_keys()
    network = spying({"public": zeros, "rotation": rotation})
    slots, laid = read_by_its_owner(network(PIXELS))
    assert abs(np.corrcoef(slots, laid)[0, 1]) < 0.2


def test_such_keys_do_not_get_in():
    """Whatever stands in their place: only b and a seed are read, and both are as long as ever."""
    zeros, rotation = chosen_keys()
    seed = model_owner().public.keys["seed"]
    forgeries = (
        {"pair": zeros * 2},
        {"public": zeros * 2},
        {"public": zeros, "seed": b""},
        {"public": zeros, "seed": seed + b"\0"},
        {"public": zeros[:-8]},
        {"public": zeros + bytes(8)},
        {"rotation": rotation + bytes(8)},
        {"rotation": rotation[:-8]},
        {"relinearisation": b""},
    )
    for keys in forgeries:
        with pytest.raises(BadBytes) as error:
            he.SealedNetwork.from_bytes(spying(keys).to_bytes(), model_owner().agreed)
        assert_refused(error)


@pytest.mark.parametrize("scheme", [he.CKKS, he.BFV])
def test_a_byte_more_or_less_anywhere_in_a_bundle_is_refused(scheme):
    owner = he.DataOwner(scheme(depth=1, rotations=(1, 2)))
    header, parts = wire.unpack("public bundle", owner.public.to_bytes())
    for i in range(len(parts)):
        for changed in (parts[i] + b"\0", parts[i][:-1], b"", parts[i] * 2):
            with pytest.raises(BadBytes) as error:
                he.PublicBundle.from_bytes(
                    wire.pack("public bundle", header, *parts[:i], changed, *parts[i + 1 :])
                )
            assert_refused(error)


def test_swapped_keys_are_refused_or_used_without_a_crash():
    """They used to be segmentation faults."""
    owner = he.DataOwner(he.CKKS(depth=2, rotations=(1,)))
    header, parts = wire.unpack("public bundle", owner.public.to_bytes())
    names = header["keys"]
    swapped = {"relinearisation": "rotation", "rotation": "relinearisation"}
    header["keys"] = [swapped.get(name, name) for name in names]
    party = he.PublicBundle.from_bytes(wire.pack("public bundle", header, *parts))
    x = party.load(owner.encrypt([0.5, 0.25]).to_bytes())
    garbage = owner.decrypt(((x * x).rotate(1)).to_bytes())  # a rotation key relinearises nothing
    assert np.abs(garbage - [0.0625, 0.25]).max() > 1
    header["keys"] = ["public" if name == "rotation" else name for name in names]
    with pytest.raises(BadBytes):
        he.PublicBundle.from_bytes(wire.pack("public bundle", header, *parts))


def test_the_random_half_is_uniform_and_another_for_every_seed_prime_and_part():
    params = he.CKKS(depth=1)
    first, second = (random_half(params, bytes([i]) * 32) for i in (1, 2))
    for i, q in enumerate((*params.primes, params.special)):
        assert first[i].max() < q
        assert abs(first[i].mean() / q - 0.5) < 0.02
    assert not (first == second).any(axis=1).all()
    assert not np.array_equal(first[0] % 1024, first[1] % 1024)


# --- an improper Paillier modulus ------------------------------------------------------------

TOY_KEY = he.Paillier(bits=512, insecure=True)
FEATURES = np.round(uniform(5, seed=2) * 16) / 16


@cache
def improper():
    """n = R·p with p = 2kR + 1: then R divides φ(n), and r^n misses all of a subgroup.

    R is a product of small primes, in a subgroup of which logarithms are easy.
    """
    factors = [f for f in range(2**17, 2**17 + 200) if is_prime(f)][:7]
    smooth = reduce(lambda a, f: a * f, factors, mpz(1))
    k = (mpz(3) << 510) // (2 * smooth * smooth)
    while not is_prime(2 * k * smooth + 1):
        k += 1
    p = 2 * k * smooth + 1
    assert (smooth * p).bit_length() == TOY_KEY.bits
    return smooth, p, factors


def test_an_improper_modulus_carries_the_features_past_every_mask(monkeypatch):
    """One shielded, re-randomised answer, with the guard off."""
    monkeypatch.setattr("helib_py.engines.paillier.is_proper", lambda n, proof: True)
    smooth, p, factors = improper()
    answer = spying_model(smooth, p)(FEATURES).rerandomised()
    assert answer.shield
    read = logarithm(answer, p, smooth, factors)
    step, digits = 1 << TOY_KEY.factor_precision, []
    for _ in range(len(FEATURES) + 1):
        digit = (read + WINDOW // 2) % WINDOW - WINDOW // 2
        digits.append(digit)
        read = (read - digit) // WINDOW
    assert digits == [round(x * step) for x in FEATURES] + [step]


WINDOW = 1 << (TOY_KEY.factor_precision + 2)


def spying_model(smooth, p):
    """Weights g^(2^(18 i)) for an element g of order R modulo p², and 1 modulo R²."""
    n = smooth * p
    order = p * (p - 1)  # of the units modulo p²
    g = powmod(non_residue(p), order // smooth, p * p)
    lift = smooth * smooth * invert(smooth * smooth, p * p)  # 1 modulo p², 0 modulo R²
    at_p = (powmod(g, mpz(WINDOW) ** i, p * p) for i in range(len(FEATURES) + 1))
    handles = tuple((power * lift + 1 - lift) % (n * n) for power in at_p)
    public = he.PublicBundle(TOY_KEY, "paillier", {"public": int(n).to_bytes(64, "big")})
    blank = he.DataOwner(TOY_KEY, "plain").encrypt(np.zeros(len(handles)))
    weights = replace(blank, context=public.context, handle=handles, original=None)
    model = he.SealedModel(public, b"")
    model.__dict__["weights"] = weights.prepared()
    return model


def non_residue(p):
    return next(mpz(g) for g in range(2, 100) if powmod(g, (p - 1) // 2, p) != 1)


def logarithm(answer, p, smooth, factors):
    """Pohlig and Hellman: masks and shield vanish in the subgroup of order R, and only they."""
    square, cofactor = p * p, p * (p - 1) // smooth
    base = powmod(powmod(non_residue(p), cofactor, square), cofactor, square)
    target = powmod(answer.handle[0], cofactor, square)
    whole = 0
    for f in factors:
        rest = smooth // f
        log = small_log(powmod(base, rest, square), powmod(target, rest, square), f, square)
        whole += log * rest * invert(rest, f)
    whole = int(whole % smooth)
    return whole - int(smooth) if whole > smooth // 2 else whole


def small_log(base, target, order, modulus):
    """Baby steps and giant steps."""
    step = int(order**0.5) + 1
    babies = {int(powmod(base, j, modulus)): j for j in range(step)}
    giant = powmod(invert(base, modulus), step, modulus)
    for i in range(step + 1):
        if int(target) in babies:
            return (i * step + babies[int(target)]) % order
        target = target * giant % modulus
    raise AssertionError("no logarithm")


def test_nobody_computes_under_a_modulus_without_its_proof():
    n = int(improper()[0] * improper()[1])
    honest = he.DataOwner(TOY_KEY).public
    for proof in (b"", honest.keys["proof"], bytes(8 * 64)):
        keys = {"public": n.to_bytes(64, "big"), "proof": proof}
        bundle = he.PublicBundle(TOY_KEY, "paillier", keys).to_bytes()
        with pytest.raises(BadBytes, match="proper") as error:
            he.PublicBundle.from_bytes(bundle, insecure=True)
        assert_refused(error)


def test_the_holder_of_an_improper_modulus_finds_no_proof():
    """Of the roots that it asks for there are none: the map to n-th powers is not onto."""
    smooth, p, factors = improper()
    phi = reduce(lambda a, f: a * (f - 1), factors, p - 1)
    with pytest.raises(ZeroDivisionError):
        invert(smooth * p, phi)


@pytest.mark.parametrize("bits", [512, 768])
def test_an_honest_proof_holds_and_any_other_number_in_it_does_not(bits):
    owner = he.DataOwner(he.Paillier(bits=bits, insecure=True))
    n, proof = int.from_bytes(owner.public.keys["public"], "big"), owner.public.keys["proof"]
    assert proper.is_proper(n, proof)
    for place in range(0, len(proof), len(proof) // 16):
        changed = bytearray(proof)
        changed[place] ^= 1
        assert not proper.is_proper(n, bytes(changed))
    assert not proper.is_proper(n + 2, proof)
    assert not proper.is_proper(n, proof[:-1])
    assert not proper.is_proper(n, proof + b"\0")


def test_primes_that_fermat_finds_at_once_are_refused():
    p = next_prime((3 << 254) + 12345)
    for q in (next_prime(p + 1), next_prime(p + 2**155)):
        middle = isqrt(mpz(p * q)) + 1
        if q - p < 2**100:  # Fermat's way, in one step
            assert is_square(middle * middle - p * q)
        with pytest.raises(ParameterError, match="apart") as error:
            he.DataOwner(TOY_KEY, primes=(int(p), int(q)))
        assert_refused(error)
    he.DataOwner(TOY_KEY, primes=(int(p), int(next_prime(p + 2**170))))


# --- whose word it is that something may be insecure -------------------------------------------

WEAK = [
    he.CKKS(ring=1024, depth=1, precision=12, insecure=True),
    he.BFV(ring=1024, prime_bits=(30, 25), plain_bits=14, insecure=True),
    he.Paillier(bits=512, insecure=True),
]


@pytest.mark.parametrize("params", WEAK, ids=lambda p: type(p).__name__)
@pytest.mark.parametrize("says", [True, "no", 1, None, "true"])
def test_a_sender_who_says_insecure_is_not_believed(params, says):
    """The text may say so, or hide it: only the receiver's own word counts."""
    given = json.loads(params.to_json())
    given["insecure"] = says
    with pytest.raises(HelibError):
        type(params).from_json(json.dumps(given))
    made = type(params).from_json(json.dumps(given), insecure=True)
    assert not made.is_secure
    assert "INSECURE" in repr(made)


@pytest.mark.parametrize("params", WEAK, ids=lambda p: type(p).__name__)
def test_weak_bundles_get_in_by_the_receiver_s_word_only(params):
    message = he.DataOwner(params).public.to_bytes()
    with pytest.raises(InsecureParameters) as error:
        he.PublicBundle.from_bytes(message)
    assert_refused(error)
    assert "INSECURE" in repr(he.PublicBundle.from_bytes(message, insecure=True))
