"""One set of BFV parameters for the tests of traps and of refusals, on every engine."""

from functools import cache

import numpy as np
import pytest
from helpers import assert_refused

import helib_py as he

PARAMS = he.BFV(depth=2, plain_bits=20, bound=4, rotations=(1, 4))
HALF = PARAMS.modulus // 2
VALUES = np.array([1, -2, 3, 0])


@cache
def new_owner(engine):
    return he.DataOwner(PARAMS, engine)


def refused(kind, use):
    with pytest.raises(kind) as error:
        use()
    assert_refused(error)
