"""Owners of both engines, made once a process."""

from functools import cache

import pytest

import helib_py as he

PARAMS = he.CKKS(depth=3, precision=20)


@cache
def _owner(engine):
    return he.DataOwner(PARAMS, engine)


@cache
def _other_owner(engine):
    return he.DataOwner(PARAMS, engine)


@pytest.fixture(scope="session")
def params():
    return PARAMS


@pytest.fixture(params=["pyfhel", "plain"])
def engine(request):
    return request.param


@pytest.fixture
def owner(engine):
    """An owner on either engine; objects never change, so the session can share it."""
    return _owner(engine)


@pytest.fixture
def other_owner(engine):
    """Another owner with the same parameters."""
    return _other_owner(engine)


@pytest.fixture(scope="session")
def pyfhel_owner():
    return _owner("pyfhel")


@pytest.fixture(scope="session")
def other_pyfhel_owner():
    return _other_owner("pyfhel")
