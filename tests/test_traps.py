"""Every trap of Pyfhel 3.5 that the package must make impossible; one test a trap.

They run on both libraries over SEAL: what one of them does, the other may. What would crash the
interpreter runs in a process of its own.
"""

import pickle
import pickletools
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, run_python, uniform

import helib_py as he
from helib_py.engines import rotation_path
from helib_py.errors import (
    BadBytes,
    BadValue,
    InsecureParameters,
    MissingKey,
    NoSecretKey,
    NotPolynomial,
    WrongKey,
)

VALUES = np.array([0.5, -0.25, 0.125, 1.0])


@pytest.fixture
def owner(real_owner):
    return real_owner


@pytest.fixture
def x(owner):
    return owner.encrypt(VALUES)


def party_of(owner, *missing):
    """Who was sent the owner's public bundle, by the same library, some keys left out."""
    kept = {name: data for name, data in owner.public.keys.items() if name not in missing}
    data = replace(owner.public, keys=kept).to_bytes()
    return he.PublicBundle.from_bytes(data, engine=owner.public.engine)


def test_subtracting_from_a_number_is_not_the_reverse(owner, x):
    assert_bits(owner.decrypt(1 - x), 1 - VALUES)
    assert_bits(owner.decrypt(VALUES - 2 * x), -VALUES)


def test_dividing_leaves_the_ciphertext_as_it_was(owner, x):
    before = x.to_bytes()
    assert_bits(owner.decrypt(x / 2), VALUES / 2)
    assert x.to_bytes() == before


def test_relinearising_by_an_operator_does_not_exist(x):
    before = x.to_bytes()
    with pytest.raises(NotPolynomial):
        _ = ~x
    assert x.to_bytes() == before


def test_no_operation_changes_its_operands(owner, x):
    y = x
    y += 1
    y *= x
    y -= x
    assert_bits(owner.decrypt(x), VALUES)


def test_an_array_on_the_left_gives_one_ciphertext(owner, x):
    for out, expected in ((VALUES + x, 2 * VALUES), (VALUES * x, VALUES**2)):
        assert isinstance(out, he.Ciphertext)
        assert_bits(owner.decrypt(out), expected)


def test_decrypting_without_the_secret_key_is_refused_and_does_not_crash(library):
    code = """if True:
        import sys, helib_py as he
        public = he.DataOwner(he.CKKS(depth=1, rotations=()), sys.argv[1]).public.to_bytes()
        public = he.PublicBundle.from_bytes(public, engine=sys.argv[1])
        try: public.decrypt(public.encrypt([0.5]))
        except he.errors.NoSecretKey as error: print(error)
    """
    assert "its owner" in run_python(code, library)


def test_only_an_owner_has_a_way_to_decrypt(owner):
    with pytest.raises(NoSecretKey) as error:
        owner.public.decrypt(owner.encrypt([0.5]))
    assert_refused(error)
    party = owner.public.context
    assert not hasattr(party, "decrypt")
    assert not hasattr(party.evaluator, "decrypt")


def test_computing_without_a_context_is_refused_and_does_not_crash(library):
    code = """if True:
        import pickle, sys, helib_py as he
        x = he.DataOwner(he.CKKS(depth=1), sys.argv[1]).encrypt([0.5, 0.25])
        x = pickle.loads(pickle.dumps(x))
        uses = [lambda: x * x, lambda: x + x, lambda: -x, lambda: 1 - x, lambda: x.rotate(1),
                lambda: x.sum(), lambda: 2 * x, lambda: x.lower(0), lambda: [[1, 2]] @ x]
        refused = 0
        for use in uses:
            try: use()
            except he.errors.MissingKey: refused += 1
        print(refused == len(uses), x)
    """
    assert run_python(code, library).startswith("True Ciphertext of 2")


@pytest.mark.parametrize(
    ("missing", "use"),
    [
        ("public", lambda x: 0 * x),
        ("public", lambda x: (x + 1).to_bytes()),
        ("relinearisation", lambda x: x * x),
        ("relinearisation", lambda x: x**2),
        ("rotation", lambda x: x.rotate(1)),
        ("rotation", lambda x: x.sum()),
        ("rotation", lambda x: np.arange(16).reshape(4, 4) @ x),
    ],
)
def test_a_missing_key_is_refused_not_invented(owner, missing, use):
    x, e = owner.encrypt(VALUES), party_of(owner, missing).context.e
    handle = e.load(x.e.dump(x.handle), x.level, x.scale)
    x = replace(x, handle=handle, context=replace(x.context, evaluator=e))
    with pytest.raises(MissingKey, match=missing) as error:
        use(x)
    assert_refused(error)


def test_keys_that_crossed_as_bytes_still_fit_together(owner):
    """Made at once and shipped together, they work where no secret key has ever been."""
    party = party_of(owner)
    x = party.load(owner.encrypt(VALUES).to_bytes())
    out = (x * x).rotate(1) + party.encrypt(VALUES)
    assert_bits(owner.decrypt(out.to_bytes()), np.roll(VALUES**2, -1) + VALUES)
    assert not hasattr(he.DataOwner, "load_secret_key")


def test_insecure_parameters_raise():
    with pytest.raises(InsecureParameters) as error:
        he.CKKS(ring=8192, depth=8)
    assert_refused(error)


def test_insecure_parameters_work_only_when_written_out(library):
    toy = he.DataOwner(he.CKKS(ring=1024, depth=1, precision=12, insecure=True), library)
    assert_bits(toy.decrypt(toy.encrypt(VALUES) ** 2), VALUES**2, at_least=12)


def test_a_party_without_the_key_knows_the_primes(owner, params):
    party = party_of(owner)
    assert party.params.primes == params.primes
    assert party.params.special == params.special
    assert party.params == params


def test_scales_are_exact_not_rounded_to_powers_of_two(library):
    """After six products, far below the 1.8e-5 of Pyfhel's own operators."""
    deep = he.DataOwner(he.CKKS(depth=6, precision=20, rotations=()), library)
    x = out = deep.encrypt(np.array([0.99, -0.98, 0.97]))
    for _ in range(6):
        out = out * x
    expected = np.array([0.99, -0.98, 0.97]) ** 7
    assert_bits(deep.decrypt(out), expected, at_least=21)
    assert out.e.lib.scale(out.handle) == pytest.approx(out.scale, rel=1e-14)


def test_the_level_is_the_true_one(x, params):
    e = x.context.e
    for c in (x, x * x, (x * x) * x, x.lower(0), (x * x).lower(1) + x):
        assert e.lib.level(c.handle) == c.level
        assert len(e.dump(c.handle)) == 2 * (c.level + 1) * params.ring * 8
        again = e.load(e.dump(c.handle), c.level, c.scale)
        assert (e.lib.level(again), e.lib.scale(again)) == (c.level, c.scale)
        for level in (c.level + 1, c.level - 1):
            with pytest.raises(BadBytes):
                e.load(e.dump(c.handle), level, c.scale)


@pytest.mark.parametrize(
    "view",
    [
        np.arange(16.0)[::2] / 16,
        np.arange(8.0)[::-1] / 8,
        np.asfortranarray(np.arange(16.0).reshape(8, 2))[:, 1] / 16,
        np.broadcast_to(0.5, 8),
        (np.arange(8) / 8).astype(np.float32),
        np.arange(8) % 2,
        np.frombuffer(np.arange(8.0).tobytes()) / 8,
    ],
)
def test_any_memory_layout_is_read_right(owner, view):
    assert_bits(owner.decrypt(owner.encrypt(view)), view)
    assert_bits(owner.decrypt(owner.encrypt(np.zeros(8)) + view), view)
    assert_bits(owner.decrypt(owner.encrypt(np.ones(8)) * view), view)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_is_refused_everywhere(owner, x, bad):
    vector = np.array([0.0, bad, 0.0, 0.0])
    uses = (owner.encrypt, x.__add__, x.__mul__, x.__rsub__, lambda v: np.diag(v) @ x)
    for use in uses:
        with pytest.raises(BadValue) as error:
            use(vector)
        assert_refused(error)


def test_another_owner_s_ciphertext_is_refused_not_decrypted_to_garbage(other_real_owner, x):
    for c in (x, x.to_bytes(), pickle.loads(pickle.dumps(x))):
        with pytest.raises(WrongKey) as error:
            other_real_owner.decrypt(c)
        assert_refused(error)


TRANSPARENT = {
    "times zero": (lambda x: 0 * x, 0 * VALUES),
    "times zeros": (lambda x: x * np.zeros(4), 0 * VALUES),
    "minus itself": (lambda x: x - x, 0 * VALUES),
    "plus its negative": (lambda x: x + -x, 0 * VALUES),
    "times almost zero": (lambda x: x * 1e-14, 0 * VALUES),
    "a matrix of zeros": (lambda x: np.zeros((4, 4)) @ x, 0 * VALUES),
    "plus what is left to one": (lambda x: x + (1 - x), 1 + 0 * VALUES),
    "minus itself and a half": (lambda x: (x + 0.5) - x, 0.5 + 0 * VALUES),
    "minus itself and a vector": (lambda x: (x + VALUES) - x, VALUES),
}


@pytest.mark.parametrize("name", TRANSPARENT)
def test_a_result_that_needs_no_key_is_still_right_and_still_encrypted(owner, x, name):
    expression, expected = TRANSPARENT[name]
    out = expression(x)
    assert_bits(owner.decrypt(out), expected)
    assert_bits(owner.decrypt(out + x), expected + VALUES)
    _, second = np.frombuffer(out.e.dump(out.handle), "<u8").reshape(2, -1)
    assert second.any(), "a ciphertext whose second part is zero hides nothing"


@pytest.mark.parametrize("rotations", [(1, 4), (2,), (3, 5)])
def test_rotation_keys_compose_or_the_refusal_names_the_key(library, rotations):
    owner = he.DataOwner(he.CKKS(depth=1, rotations=rotations), library)
    values = uniform(16)
    x = owner.encrypt(values)
    for steps in range(1, 16):
        if rotation_path(steps, rotations, owner.public.params.slots):
            got = owner.decrypt(x.rotate(steps))
            assert_bits(got, np.roll(values, -steps), at_least=18)
        else:
            with pytest.raises(MissingKey, match=rf"rotations=\(…, {steps}\)") as error:
                x.rotate(steps)
            assert_refused(error)


def test_two_owners_have_keys_of_their_own(owner, other_real_owner):
    for name in ("seed", "public", "relinearisation", "rotation"):
        assert owner.public.keys[name] != other_real_owner.public.keys[name]
    for each in (owner, other_real_owner):
        assert_bits(each.decrypt(each.encrypt(VALUES) ** 2), VALUES**2)


def test_a_pickled_ciphertext_holds_no_context(x):
    data = pickle.dumps(x)
    names = [a for _, a, _ in pickletools.genops(data) if isinstance(a, str)]
    assert not any(word in name for name in names for word in ("Pyfhel", "Native", "Seal"))
    assert len(data) < len(x.to_bytes()) + 2000
    revived = pickle.loads(data)
    assert revived.context.evaluator is None
    assert isinstance(revived.handle, bytes)
