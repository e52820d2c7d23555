"""SEAL's own bytes with seeds in them, as a page sends them: taken apart, never trusted."""

import secrets
import struct
import zlib
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers import INSTALLED, LIBRARIES, assert_bits, assert_refused, uniform

import helib_py as he
from helib_py.engines.seal import Foreign, layout
from helib_py.engines.seal.keys import switching_shape
from helib_py.engines.seal.library import expand
from helib_py.errors import BadBytes

PARAMS = he.CKKS(
    ring=1024, prime_bits=(40, 30), special_bits=45, scale_bits=30, rotations=(4, 1), insecure=True
)
SCALE, TOP = PARAMS.scales[-1], PARAMS.depth
PRIMES = np.array([*PARAMS.primes, PARAMS.special], dtype=object)[:, None]
CHECKED = [*range(16, 89), *range(105, 113)]  #: bytes of a ciphertext that must be just these


@cache
def owner(library=INSTALLED[0]):
    return he.DataOwner(PARAMS, library)


def secret(library):
    written = owner(library)._keys._secret.secret_key()
    return layout.numbers(written, layout.PLAIN_HEADER).astype(object).reshape(3, -1)


def new_seed(kind=2):
    return bytes([kind]) + secrets.token_bytes(64)


def random_half(library, primes, seed):
    """What SEAL makes of a seed: residues (primes, N)."""
    empty = np.zeros((primes, PARAMS.ring), "<u8")
    written = layout.seeded_ciphertext(empty, layout.parms(PARAMS, primes), 1.0, seed)
    whole = expand(library, PARAMS, "public" if primes == 3 else "ciphertext", written)
    return layout.numbers(whole, layout.HEADER).reshape(2, primes, -1)[1]


def seeded(library, pair, scale=1.0, seed=None):
    """An encryption (b, a) as one with a from a seed, which whoever has the secret can make."""
    (b, a), seed = pair.astype(object), seed or new_seed()
    primes = len(b)
    other = random_half(library, primes, seed).astype(object)
    b = (b + (a - other) * secret(library)[:primes]) % PRIMES[:primes]
    parms = layout.parms(PARAMS, primes)
    return layout.seeded_ciphertext(b.astype("<u8"), parms, scale, seed)


def ciphertext(library, values, seed=None):
    c = owner(library).encrypt(values)
    pair = np.frombuffer(c.e.dump(c.handle), "<u8").reshape(2, 2, -1)
    return seeded(library, pair, SCALE, seed)


def switching(library, keys, count):
    """Keys (digits, 2, primes, N) by their index, each digit with a seed."""
    pieces = [layout.parms(PARAMS, 3), struct.pack("<Q", count)]
    for index in range(count):
        digits = keys.get(index, ())
        pieces += [struct.pack("<Q", len(digits)), *(seeded(library, d) for d in digits)]
    return layout.headed(pieces)


@cache
def parts(library=INSTALLED[0]):
    """An owner's public keys as a page would send them."""
    keys, shape = owner(library).public.keys, switching_shape(PARAMS)
    written = owner(library)._keys._secret.public_key()
    public = layout.numbers(written, layout.HEADER).reshape(2, 3, -1)
    relinearisation = np.frombuffer(keys["relinearisation"], "<u8").reshape(shape)
    turned = np.frombuffer(keys["rotation"], "<u8").reshape(2, *shape)
    places = (layout.rotation_index(step, PARAMS.ring) for step in PARAMS.rotations)
    return {
        "public": seeded(library, public),
        "relinearisation": switching(library, {0: relinearisation}, 1),
        "rotation": switching(library, dict(zip(places, turned, strict=True)), PARAMS.ring),
    }


@pytest.fixture
def foreign(library):
    return Foreign(PARAMS, library)


def party(library, keys):
    """Who computes with keys that came so."""
    return he.PublicBundle(PARAMS, library, keys)


def refused(use):
    with pytest.raises(BadBytes) as error:
        use()
    assert_refused(error)


# --- what is right -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [1, 2], ids=["BLAKE2xb", "SHAKE-256"])
def test_a_seeded_ciphertext_is_read(library, foreign, kind):
    values = uniform(8)
    data = ciphertext(library, values, new_seed(kind))
    bare = foreign.ciphertext(data, TOP, SCALE)
    assert len(bare) == PARAMS.ciphertext_bytes(TOP)
    assert len(data) < 0.6 * len(bare)
    handle = owner(library).public.context.e.load(bare, TOP, SCALE)
    assert_bits(owner(library)._keys.decrypt(handle)[:8], values, at_least=15)


def test_keys_with_seeds_work_where_no_secret_has_been(library, foreign):
    there = party(library, foreign.bundle(parts(library)))
    x = uniform(8)
    bare = foreign.ciphertext(ciphertext(library, np.resize(x, 512)), TOP, SCALE)
    e = there.context.e
    c = e.load(bare, TOP, SCALE)
    turned = owner(library)._keys.decrypt(e.rotate(e.rotate(c, 4), 1))
    assert_bits(turned[:8], np.roll(x, -5), at_least=13)
    square = e.rescale(e.relinearise(e.square(c)))
    assert_bits(owner(library)._keys.decrypt(square)[:8], x * x, at_least=13)
    again = e.rerandomise(c)
    assert e.dump(again) != e.dump(c)
    assert_bits(owner(library)._keys.decrypt(again)[:8], x, at_least=14)
    assert_bits(owner(library)._keys.decrypt(there.encrypt(x).handle)[:8], x, at_least=14)


def test_both_libraries_make_the_same_of_a_seed():
    for kind in (1, 2):
        seed, made = new_seed(kind), []
        for library in INSTALLED:
            made += [random_half(library, primes, seed) for primes in (1, 2, 3)]
        for one, other in zip(made[:3], made[-3:], strict=True):
            assert np.array_equal(one, other)


@pytest.mark.parametrize("other", LIBRARIES)
def test_either_library_reads_what_the_other_s_owner_wrote(library, other):
    assert Foreign(PARAMS, other).bundle(parts(library)) == Foreign(PARAMS, library).bundle(
        parts(library)
    )


def test_what_goes_back_is_a_ciphertext_for_seal_to_read(library, foreign):
    c = owner(library).encrypt(uniform(8)) * 0.5
    data = foreign.written(c.e.dump(c.handle), c.level, c.scale)
    theirs = c.e.lib.load(data)
    assert (c.e.lib.level(theirs), c.e.lib.scale(theirs)) == (c.level, c.scale)
    assert_bits(owner(library)._keys.decrypt(theirs)[:8], uniform(8) / 2, at_least=14)
    assert len(data) == layout.HEADER + c.nbytes
    refused(lambda: foreign.written(c.e.dump(c.handle), c.level + 1, c.scale))


# --- what is not ---------------------------------------------------------------------------------


def test_every_byte_that_must_be_just_so_is_looked_at(foreign, library):
    data = ciphertext(library, uniform(8))
    for place in CHECKED:
        altered = bytearray(data)
        altered[place] ^= 1 << place % 8
        refused(lambda altered=bytes(altered): foreign.ciphertext(altered, TOP, SCALE))


def test_what_a_header_says_of_version_compression_and_length_is_not_read(foreign, library):
    """It is written anew: a mark of compression makes nobody decompress, nor a length allocate."""
    data = ciphertext(library, uniform(8))
    expected = foreign.ciphertext(data, TOP, SCALE)
    for place in [*range(16), *range(89, 105)]:
        altered = bytearray(data)
        altered[place] ^= 0xFF
        assert foreign.ciphertext(bytes(altered), TOP, SCALE) == expected


@pytest.mark.parametrize("cut", [0, 5, 16, 48, 100, 112, 113, 5000, -65, -1])
def test_what_ends_too_early_is_refused(foreign, library, cut):
    refused(lambda: foreign.ciphertext(ciphertext(library, [0.5])[:cut], TOP, SCALE))
    for name, data in parts(library).items():
        refused(lambda name=name, data=data: foreign.bundle({name: data[:cut]}))


def test_what_is_too_long_is_refused(foreign, library):
    refused(lambda: foreign.ciphertext(ciphertext(library, [0.5]) + b"0", TOP, SCALE))
    for name, data in parts(library).items():
        refused(lambda name=name, data=data: foreign.bundle({name: data + b"0"}))


@pytest.mark.parametrize("kind", [0, 3, 255])
def test_a_seed_for_a_generator_that_nobody_knows_is_refused(foreign, library, kind):
    data = ciphertext(library, [0.5])
    refused(lambda: foreign.ciphertext(data[:-65] + bytes([kind]) + data[-64:], TOP, SCALE))


def test_another_level_or_scale_than_the_plan_s_is_refused(foreign, library):
    data = ciphertext(library, [0.5])
    for level, scale in ((TOP, 2 * SCALE), (TOP, SCALE * (1 + 2**-52)), (TOP - 1, SCALE)):
        refused(lambda level=level, scale=scale: foreign.ciphertext(data, level, scale))


def test_residues_that_are_none_are_refused(foreign, library):
    at = layout.HEADER
    data = ciphertext(library, [0.5])
    refused(lambda: foreign.ciphertext(data[:at] + b"\xff" * 8 + data[at + 8 :], TOP, SCALE))
    for name, key in parts(library).items():
        at = key.rindex(struct.pack("<Q", 3 * PARAMS.ring)) + 8  # the last array there is
        refused(lambda name=name, key=key, at=at: foreign.bundle(
            {name: key[:at] + b"\xff" * 8 + key[at + 8 :]}))  # fmt: skip


def test_what_has_no_seed_is_refused(foreign, library):
    """Whole keys and ciphertexts, as Pyfhel and seal-python write them."""
    c, keys = owner(library).encrypt([0.5]), owner(library)._keys._secret
    refused(lambda: foreign.ciphertext(c.e.lib.dump(c.handle), TOP, SCALE))
    refused(lambda: foreign.bundle({"public": keys.public_key()}))
    refused(lambda: foreign.bundle({"relinearisation": keys.relinearisation_key()}))
    refused(lambda: foreign.bundle({"rotation": keys.rotation_key(1)}))


def test_what_is_compressed_is_refused(foreign, library):
    data = ciphertext(library, [0.5])
    inside = zlib.compress(data[16:])
    header = struct.pack("<HBBBBHQ", 0xA15E, 16, 4, 1, 1, 0, 16 + len(inside))
    refused(lambda: foreign.ciphertext(header + inside, TOP, SCALE))


NAMES = {
    "a secret key": lambda keys: keys | {"secret": keys["public"]},
    "both halves": lambda keys: keys | {"pair": keys["public"]},
    "a public key for a relinearisation key": lambda keys: keys | {
        "relinearisation": keys["public"]},
    "a relinearisation key for rotation keys": lambda keys: keys | {
        "rotation": keys["relinearisation"]},
    "rotation keys for a relinearisation key": lambda keys: keys | {
        "relinearisation": keys["rotation"]},
    "a name that is none": lambda keys: keys | {5: keys["public"]},
    "nothing for a key": lambda keys: keys | {"public": b""},
    "text for a key": lambda keys: keys | {"public": "text"},
}  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_key_that_is_another_is_refused(foreign, library, name):
    refused(lambda: foreign.bundle(NAMES[name](parts(library))))


@pytest.mark.parametrize("steps", [(1,), (1, 2), (1, 4, 2), ()])
def test_rotation_keys_of_other_steps_are_refused(library, steps):
    """By one too few, by another, by one too many."""
    other = Foreign(replace(PARAMS, rotations=steps), library)
    refused(lambda: other.bundle({"rotation": parts(library)["rotation"]}))
