"""Every trap of Pyfhel 3.5 that the package must make impossible; one test a trap.

What would crash the interpreter runs in a process of its own.
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
    WrongKey,
)

VALUES = np.array([0.5, -0.25, 0.125, 1.0])


@pytest.fixture
def owner(pyfhel_owner):
    return pyfhel_owner


@pytest.fixture
def x(owner):
    return owner.encrypt(VALUES)


def without(owner, *names):
    """The owner's public bundle with some keys left out."""
    kept = {name: data for name, data in owner.public.keys.items() if name not in names}
    return replace(owner.public, keys=kept)


def test_subtracting_from_a_number_is_not_the_reverse(owner, x):
    assert_bits(owner.decrypt(1 - x), 1 - VALUES)
    assert_bits(owner.decrypt(VALUES - 2 * x), -VALUES)


def test_dividing_leaves_the_ciphertext_as_it_was(owner, x):
    before = x.to_bytes()
    assert_bits(owner.decrypt(x / 2), VALUES / 2)
    assert x.to_bytes() == before


def test_relinearising_by_an_operator_does_not_exist(x):
    before = x.to_bytes()
    with pytest.raises(TypeError):
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


def test_decrypting_without_the_secret_key_is_refused_and_does_not_crash():
    code = """if True:
        import helib_py as he
        public = he.DataOwner(he.CKKS(depth=1, rotations=())).public.to_bytes()
        public = he.PublicBundle.from_bytes(public)
        try: public.decrypt(public.encrypt([0.5]))
        except he.errors.NoSecretKey as error: print(error)
    """
    assert "its owner" in run_python(code)


def test_only_an_owner_has_a_way_to_decrypt(owner):
    with pytest.raises(NoSecretKey) as error:
        owner.public.decrypt(owner.encrypt([0.5]))
    assert_refused(error)
    party = owner.public.context
    assert not hasattr(party, "decrypt")
    assert not hasattr(party.evaluator, "decrypt")


def test_computing_without_a_context_is_refused_and_does_not_crash():
    code = """if True:
        import pickle, helib_py as he
        x = he.DataOwner(he.CKKS(depth=1)).encrypt([0.5, 0.25])
        x = pickle.loads(pickle.dumps(x))
        uses = [lambda: x * x, lambda: x + x, lambda: -x, lambda: 1 - x, lambda: x.rotate(1),
                lambda: x.sum(), lambda: 2 * x, lambda: x.lower(0), lambda: [[1, 2]] @ x]
        refused = 0
        for use in uses:
            try: use()
            except he.errors.MissingKey: refused += 1
        print(refused == len(uses), x)
    """
    assert run_python(code).startswith("True Ciphertext of 2")


@pytest.mark.parametrize(
    ("missing", "use"),
    [
        ("relinearisation", lambda x: x * x),
        ("relinearisation", lambda x: x**2),
        ("rotation", lambda x: x.rotate(1)),
        ("rotation", lambda x: x.sum()),
        ("rotation", lambda x: np.arange(16).reshape(4, 4) @ x),
    ],
)
def test_a_missing_key_is_refused_not_invented(owner, missing, use):
    party = he.PublicBundle.from_bytes(without(owner, missing).to_bytes())
    x = owner.encrypt(VALUES).to_bytes()
    with pytest.raises(MissingKey, match=missing) as error:
        use(party.load(x))
    assert_refused(error)


def test_keys_that_crossed_as_bytes_still_fit_together(owner):
    """Made at once and shipped together, they work where no secret key has ever been."""
    party = he.PublicBundle.from_bytes(owner.public.to_bytes())
    x = party.load(owner.encrypt(VALUES).to_bytes())
    out = (x * x).rotate(1) + party.encrypt(VALUES)
    assert_bits(owner.decrypt(out.to_bytes()), np.roll(VALUES**2, -1) + VALUES)
    assert not hasattr(he.DataOwner, "load_secret_key")


def test_insecure_parameters_raise():
    with pytest.raises(InsecureParameters) as error:
        he.CKKS(ring=8192, depth=8)
    assert_refused(error)


def test_insecure_parameters_work_only_when_written_out():
    toy = he.DataOwner(he.CKKS(ring=1024, depth=1, precision=12, insecure=True))
    assert_bits(toy.decrypt(toy.encrypt(VALUES) ** 2), VALUES**2, at_least=12)


def test_a_party_without_the_key_knows_the_primes(owner, params):
    party = he.PublicBundle.from_bytes(owner.public.to_bytes())
    assert party.params.primes == params.primes
    assert party.params.special == params.special
    assert party.params == params


def test_scales_are_exact_not_rounded_to_powers_of_two():
    """After six products, far below the 1.8e-5 of Pyfhel's own operators."""
    deep = he.DataOwner(he.CKKS(depth=6, precision=20, rotations=()))
    x = out = deep.encrypt(np.array([0.99, -0.98, 0.97]))
    for _ in range(6):
        out = out * x
    expected = np.array([0.99, -0.98, 0.97]) ** 7
    assert_bits(deep.decrypt(out), expected, at_least=21)
    assert out.handle.scale == pytest.approx(out.scale, rel=1e-14)


def test_the_level_is_the_true_one(x, params):
    e = x.context.e
    for c in (x, x * x, (x * x) * x, x.lower(0), (x * x).lower(1) + x):
        primes = (c.handle.sizeof_ciphertext() - 113) // (2 * params.ring * 8)
        assert c.level == primes - 1
        assert e.load(e.dump(c.handle), c.level, c.scale) is not None
        with pytest.raises(BadBytes):
            e.load(e.dump(c.handle), c.level + 1, c.scale)


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


def test_another_owner_s_ciphertext_is_refused_not_decrypted_to_garbage(other_pyfhel_owner, x):
    for c in (x, x.to_bytes(), pickle.loads(pickle.dumps(x))):
        with pytest.raises(WrongKey) as error:
            other_pyfhel_owner.decrypt(c)
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
    second_part = out.context.e.dump(out.handle)[113:][-8192:]
    assert any(second_part), "a ciphertext whose second part is zero hides nothing"


@pytest.mark.parametrize("rotations", [(1, 4), (2,), (3, 5)])
def test_rotation_keys_compose_or_the_refusal_names_the_key(rotations):
    owner = he.DataOwner(he.CKKS(depth=1, rotations=rotations))
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


def test_two_owners_have_keys_of_their_own(owner, other_pyfhel_owner):
    assert owner.public.keys["public"] != other_pyfhel_owner.public.keys["public"]
    for each in (owner, other_pyfhel_owner):
        assert_bits(each.decrypt(each.encrypt(VALUES) ** 2), VALUES**2)


def test_a_pickled_ciphertext_holds_no_context(x):
    data = pickle.dumps(x)
    names = [a for _, a, _ in pickletools.genops(data) if isinstance(a, str)]
    assert not any("Pyfhel" in name for name in names)
    assert len(data) < len(x.to_bytes()) + 2000
    revived = pickle.loads(data)
    assert revived.context.evaluator is None
    assert isinstance(revived.handle, bytes)
