"""The BFV rows of the trap table: what Pyfhel does, and that the package does not.

They run on both libraries over SEAL: what one of them does, the other may.
"""

import copy
import pickle
import pickletools
from dataclasses import replace

import numpy as np
import pytest
from bfv_case import PARAMS, VALUES, new_owner, refused
from helpers import (
    ENGINES,
    NEEDS,
    assert_refused,
    has_evaluator,
    reachable,
    run_python,
    secrets_among,
)

import helib_py as he
from helib_py.errors import (
    HelibError,
    MissingKey,
    NoSecretKey,
    NotPolynomial,
    ParameterError,
)


@pytest.fixture(params=ENGINES)
def owner(request):
    return new_owner(request.param)


@pytest.fixture
def real_owner(library):
    return new_owner(library)


@pytest.fixture
def x(owner):
    return owner.encrypt(VALUES)


# --- traps of Pyfhel ---------------------------------------------------------------------

TOY = he.BFV(ring=1024, prime_bits=(30, 25), plain_bits=14, insecure=True)


@NEEDS["pyfhel"]
@pytest.mark.parametrize("params", [PARAMS, TOY], ids=repr)
def test_the_primes_are_the_ones_that_were_derived(params):
    """With sec > 0, Pyfhel takes others than it was given."""
    from helib_py.engines.seal import pyfhel

    context = pyfhel.context(params)
    assert list(context.qi) == [*params.primes, params.special]
    assert (context.t, context.n, context.sec) == (params.modulus, params.ring, 0)


@NEEDS["pyfhel"]
def test_other_primes_than_the_derived_are_refused(monkeypatch):
    from helib_py.engines.seal import pyfhel

    class Wilful(pyfhel.Pyfhel):
        def contextGen(self, *given, **more):
            return super().contextGen(*given, **{**more, "qi": [], "sec": 128})

    monkeypatch.setattr(pyfhel, "Pyfhel", Wilful)
    refused(ParameterError, lambda: he.DataOwner(PARAMS, "pyfhel"))


def test_subtracting_from_a_number_is_not_the_reverse(owner, x):
    assert np.array_equal(owner.decrypt(1 - x), 1 - VALUES)


def test_no_operation_changes_its_operands(owner, x):
    before, y = x.to_bytes(), x
    y += 1
    y *= x
    y -= x
    assert x.to_bytes() == before
    with pytest.raises(NotPolynomial):
        _ = ~x


def test_an_array_on_the_left_gives_one_ciphertext(owner, x):
    for out, expected in ((VALUES + x, 2 * VALUES), (VALUES * x, VALUES**2)):
        assert isinstance(out, he.Ciphertext)
        assert np.array_equal(owner.decrypt(out), expected)


def test_neither_decrypting_nor_measuring_without_the_key_crashes(library):
    """Both are segmentation faults in Pyfhel; a party has no way to ask."""
    code = """if True:
        import sys, helib_py as he
        public = he.DataOwner(he.BFV(depth=1, rotations=()), sys.argv[1]).public.to_bytes()
        public = he.PublicBundle.from_bytes(public, engine=sys.argv[1])
        c = public.encrypt([1]) ** 2
        try: public.decrypt(c)
        except he.errors.NoSecretKey as error: print(error)
        asked = [(x, n) for x in (public, c.context, c.e, c.e.lib) for n in ("budget", "_keys")]
        print([hasattr(x, n) for x, n in (*asked, (c.e, "decrypt"), (c.e.lib, "decrypt"))])
        print(c.budget > 0)
    """
    out = run_python(code, library)
    assert "its owner" in out
    assert out.count("False") == 10
    assert out.endswith("]\nTrue")


def test_nothing_leads_from_the_public_parts_to_the_secret_key(library, real_owner):
    c = real_owner.encrypt(VALUES) ** 2
    for root in (real_owner.public, c):
        found = reachable(root)
        assert has_evaluator(found)
        assert not secrets_among(found)
    inside = {"seal": {"SecretKey", "Decryptor", "KeyGenerator"}, "pyfhel": {"Pyfhel"}}[library]
    holders = {"DataOwner", "SealModularKeys", "NativeSecret"}
    assert set(secrets_among(reachable(real_owner))) == holders | inside


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_secret_key_is_not_copied_by_accident(real_owner, copying):
    for holder in (real_owner, real_owner._keys):
        with pytest.raises((NoSecretKey, TypeError)):
            copying(holder)


@pytest.mark.parametrize(
    ("missing", "use"),
    [
        ("relinearisation", lambda x: x * x),
        ("rotation", lambda x: x.rotate(1)),
        ("rotation", lambda x: x.sum()),
        ("rotation", lambda x: np.arange(16).reshape(4, 4) @ x),
    ],
)
def test_a_missing_key_is_refused_not_invented(library, real_owner, missing, use):
    keys = {k: v for k, v in real_owner.public.keys.items() if k != missing}
    data = replace(real_owner.public, keys=keys).to_bytes()
    party = he.PublicBundle.from_bytes(data, engine=library)
    x = party.load(real_owner.encrypt(VALUES).to_bytes())
    with pytest.raises(MissingKey, match=missing) as error:
        use(x)
    assert_refused(error)


def test_rotation_keys_compose_or_the_refusal_names_the_key(library):
    owner = he.DataOwner(he.BFV(depth=1, plain_bits=17, rotations=(2,)), library)
    x = owner.encrypt(np.arange(8), bound=7)
    for steps in range(1, 8):
        if steps % 2 == 0:
            assert np.array_equal(owner.decrypt(x.rotate(steps)), np.roll(np.arange(8), -steps))
        else:
            with pytest.raises(MissingKey, match=rf"rotations=\(…, {steps}\)") as error:
                x.rotate(steps)
            assert_refused(error)


TRANSPARENT = {
    "times zero": (lambda x: 0 * x, 0 * VALUES),
    "times zeros": (lambda x: x * np.zeros(4), 0 * VALUES),
    "minus itself": (lambda x: x - x, 0 * VALUES),
    "plus its negative": (lambda x: x + -x, 0 * VALUES),
    "a matrix of zeros": (lambda x: np.zeros((4, 4)) @ x, 0 * VALUES),
    "plus what is left to one": (lambda x: x + (1 - x), 1 + 0 * VALUES),
    "minus itself and a vector": (lambda x: (x + VALUES) - x, VALUES),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_a_result_that_needs_no_key_is_still_right_and_still_encrypted(real_owner, name):
    expression, expected = TRANSPARENT[name]
    owner, x = real_owner, real_owner.encrypt(VALUES)
    out = expression(x)
    assert np.array_equal(owner.decrypt(out), expected)
    assert np.array_equal(owner.decrypt(out + x), expected + VALUES)
    _, second = np.frombuffer(out.e.dump(out.handle), "<u8").reshape(2, -1)
    assert second.any(), "a ciphertext whose second part is zero hides nothing"


def test_a_pickled_ciphertext_holds_no_context(real_owner):
    x = real_owner.encrypt(VALUES)
    data = pickle.dumps(x)
    names = [a for _, a, _ in pickletools.genops(data) if isinstance(a, str)]
    assert not any(word in name for name in names for word in ("Pyfhel", "Native", "Seal"))
    assert len(data) < len(x.to_bytes()) + 2000


def test_two_encryptions_of_one_vector_differ(real_owner):
    assert real_owner.encrypt(VALUES).to_bytes() != real_owner.encrypt(VALUES).to_bytes()


def test_insecure_parameters_are_labelled_wherever_they_show(engine):
    params = he.BFV(ring=1024, depth=1, insecure=True)
    owner = he.DataOwner(params, engine)
    c = owner.encrypt([1])
    loaded = owner.public.load((c * c).to_bytes())
    shown = (params, params.explain(), c, c * c, loaded, owner, owner.public)
    assert all("INSECURE" in repr(thing) for thing in shown)
    safe = (PARAMS, PARAMS.explain(), new_owner(engine), new_owner(engine).encrypt([1]))
    assert not any("INSECURE" in repr(thing) for thing in safe)


def test_no_repr_shows_key_material(owner, x):
    shown = [repr(thing) for thing in (owner, owner.public, owner._keys, x)]
    assert all("b'" not in text and len(text) < 400 for text in shown)


def test_bgv_is_not_offered():
    """Beyond its budget, Pyfhel's BGV gives garbage without an exception."""
    assert not hasattr(he.params, "BGV")
    with pytest.raises((AttributeError, HelibError)):
        _ = he.BGV
