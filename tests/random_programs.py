"""Programs of random steps: every operation, wherever levels, scales and parts allow it."""

import numpy as np
from helpers import uniform

import helib_py as he
from helib_py.plans import Interface, Layer, Plan
from helib_py.program import Constant, Recorder
from helib_py.span import Span

SCALE, WEIGHTS, BIG = 2.0**40, 2.0**38, 2.0**60  # of inputs, of weights, before a rescale
TOY = he.CKKS(
    depth=3, ring=2048, prime_bits=(50, 40, 40, 40), special_bits=50, scale_bits=40,
    rotations=(1, 5, 64), insecure=True,
)  # fmt: skip


class Growing:
    """A program on two inputs; ``known`` has level, scale and parts of every register."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.recorder = Recorder(2)
        self.known = dict.fromkeys(self.recorder.inputs, (TOY.depth, SCALE, 2))

    def pick(self, among):
        return list(among)[self.random.integers(len(among))]

    def possible(self, a):
        """Names of steps that can be done on register a."""
        level, scale, parts = self.known[a]
        small, two = scale < BIG, parts == 2
        allowed = {
            "add": True, "subtract": True, "negate": True, "add_plain": True,
            "multiply_plain": small and level, "lower": small and level, "rescale": not small,
            "rotate": two, "square": two and small and level, "relinearise": not two,
            "multiply": two and small and level,
        }  # fmt: skip
        return [name for name, may in allowed.items() if may]

    def twins(self, a, name):
        """Registers that can meet register a."""
        level, scale, _ = self.known[a]
        return [
            r
            for r, (lv, s, parts) in self.known.items()
            if lv == level and np.isclose(s, scale) and (parts == 2 or name != "multiply")
        ]

    def constant(self, level, scale):
        values = uniform(TOY.slots, int(self.random.integers(10**6)))
        return self.recorder.encode(Constant(values, level, scale).rounded().values, level, scale)

    def step(self):
        a = self.pick(self.known)
        name = self.pick(self.possible(a))
        level, scale, parts = self.known[a]
        b, other = 0, (0, 1.0, 2)
        if name in ("add", "subtract", "multiply"):
            b = self.pick(self.twins(a, name))
            other = self.known[b]
        elif name in ("add_plain", "multiply_plain"):
            other = (level, WEIGHTS if name == "multiply_plain" else scale, 2)
            b = self.constant(*other[:2])
        elif name == "rotate":
            b = self.pick(TOY.rotations)
        elif name == "lower":
            b = level - 1
        out = getattr(self.recorder, name)(a, b)
        self.known[out] = {
            "rescale": (level - 1, scale / TOY.primes[level], parts),
            "lower": (level - 1, scale, parts),
            "relinearise": (level, scale, 2),
            "square": (level, scale * scale, 3),
            "multiply": (level, scale * other[1], 3),
            "multiply_plain": (level, scale * other[1], parts),
        }.get(name, (level, scale, max(parts, other[2])))


def random_plan(seed, steps=24):
    """A plan of a random program, on a number for every slot of two ciphertexts."""
    growing = Growing(seed)
    for _ in range(steps):
        growing.step()
    fit = [r for r, (_, scale, parts) in growing.known.items() if parts == 2 and scale < BIG]
    program, end = growing.recorder.program(max(fit)), growing.known[max(fit)]
    gather = np.arange(2 * TOY.slots).reshape(2, -1)
    inside = Interface(
        TOY, (2 * TOY.slots,), gather, SCALE, Span.around(1.0), TOY.slots, 1, *end[:2], TOY.slots
    )
    names = ("all", TOY.slots, "", end[0], 0, 0, 0.0, program.output, tuple(range(TOY.slots)))
    return Plan(inside, program, (Layer(*names),))
