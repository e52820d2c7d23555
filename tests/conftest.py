"""Owners on every engine, made once a process."""

from functools import cache

import pytest
from helpers import ENGINES, LIBRARIES

import helib_py as he

PARAMS = he.CKKS(depth=3, precision=20)
TOY = he.Paillier(bits=512, insecure=True)  # quick, and factored in days: for tests only


@cache
def _owner(engine):
    return he.DataOwner(PARAMS, engine)


@cache
def _other_owner(engine):
    return he.DataOwner(PARAMS, engine)


@pytest.fixture(scope="session")
def params():
    return PARAMS


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.param


@pytest.fixture(scope="session", params=LIBRARIES)
def library(request):
    """What really encrypts, by either library over SEAL."""
    return request.param


@pytest.fixture
def owner(engine):
    """An owner on every engine; objects never change, so the session can share it."""
    return _owner(engine)


@pytest.fixture
def other_owner(engine):
    """Another owner with the same parameters."""
    return _other_owner(engine)


@pytest.fixture(scope="session")
def real_owner(library):
    """An owner who really encrypts."""
    return _owner(library)


@pytest.fixture(scope="session")
def other_real_owner(library):
    return _other_owner(library)


@cache
def _paillier_owner(engine, _number=0):
    return he.DataOwner(TOY, engine)


@pytest.fixture(scope="session", params=["paillier", "plain"])
def toy(request):
    """An owner of a Paillier key too short to be safe, or its clear twin."""
    return _paillier_owner(request.param)


@pytest.fixture(scope="session")
def toy_key():
    return _paillier_owner("paillier")


@pytest.fixture(scope="session")
def toy_twin():
    return _paillier_owner("plain")


@pytest.fixture(scope="session")
def other_toy_key():
    return _paillier_owner("paillier", 1)


@pytest.fixture(scope="session")
def real_key():
    """Of 2048 bits, as it would be used; for few tests, every power takes milliseconds."""
    return he.DataOwner(he.Paillier(bits=2048))
