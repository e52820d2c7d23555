"""Faults to be planted in a process of a campaign, which then has to find them."""

import os
import signal
import time

import numpy as np

from fuzz import limits
from helib_py import plans, wire
from helib_py.bfv import BFVVector
from helib_py.ckks import CKKSVector
from helib_py.noise import Estimate
from helib_py.paillier import label


def _instead(fault):
    """Of reading every second Paillier label."""
    read, calls = label.read, iter(range(10**9))

    def planted(*given):
        return fault(*given) if next(calls) % 2 else read(*given)

    label.read = planted


def raw():
    def fault(header, context):
        raise ValueError("planted")

    _instead(fault)


def segfault():
    _instead(lambda header, context: os.kill(os.getpid(), signal.SIGSEGV))


def demand():
    """More memory than there is: refused by the system."""
    _instead(lambda header, context: bytearray(limits.SPACE))


def greed():
    """More than anyone should take; here that is less than elsewhere."""
    limits.MOST = 200 << 20
    _instead(lambda header, context: b"x" * (300 << 20))


def hang():
    _instead(lambda header, context: time.sleep(10**6))


def slow():
    limits.SECONDS = 0.2

    def fault(header, context):
        start = time.process_time()
        while time.process_time() < start + 0.4:
            pass
        raise wire.BadBytes("refused, in the end")

    _instead(fault)


def unchecked():
    """No checksum finds anything: what was altered is read as it is."""

    class Any(bytes):
        def __ne__(self, other):
            return False

    wire._checksum = lambda *parts: Any(16)


def wrong_turn():
    rotate = CKKSVector.rotate
    CKKSVector.rotate = lambda x, steps: rotate(x, steps + 1)


def wrong_product():
    """By a little, and of whole numbers."""
    times = BFVVector._times_ciphertext
    BFVVector._times_ciphertext = lambda x, y: times(x, y) + 1


def too_sure():
    """Ten bits more than there are."""
    bits = Estimate.bits
    Estimate.bits = lambda estimate, count: bits(estimate, count) + 10


def wrong_bound():
    """A sum that is promised to be no larger than its terms."""
    Estimate.plus = lambda a, b: Estimate(max(a.bound, b.bound), a.std + b.std)


def raw_sum():
    def fault(x):
        raise IndexError("planted")

    CKKSVector.sum = fault


def wrong_scores():
    read = plans.Interface.read
    plans.Interface.read = lambda inside, slots: np.roll(read(inside, slots), 1, axis=-1)


def no_start():
    raise SystemExit(3)
