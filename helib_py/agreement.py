"""What the two parties of an encrypted deep model agree on in public, and what follows from it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import pairwise
from math import inf, sqrt
from typing import Self

import numpy as np

from . import noise, wire
from .encoding import power_of_two
from .errors import ParameterError, ShapeError
from .flooding import Flood, check_terms
from .folding import Folding, alternate
from .options import tidy
from .params import CKKS, MAX_DEPTH, MAX_MODULUS_BITS, MAX_PRIME_BITS, received
from .tables import Table, nbytes


@dataclass(frozen=True, eq=False)
class Stage:
    """One layer on its level, one level for the product and one for the square after it.

    Scales of its inputs, its weights and its sums; (inputs·weights) / prime = sums, exactly.
    """

    folding: Folding
    level: int
    inputs: float
    weights: float
    sums: float


@dataclass(frozen=True)
class Agreement:
    """Everything public about an encrypted deep model: equal for both parties, or no deal.

    ``widths``: inputs, units of every hidden layer, outputs; squares between. |inputs| ≤
    ``input_bound``. The model owner scales the layers such that hidden units stay in [-1, 1], and
    promises ``norms``, the largest Euclidean length of a row of each layer's weights, and
    ``peak``, the largest output to expect; outputs have room up to ``margin`` times that.

    An answer is flooded such that for ``answers`` of them about the same input all that their
    noise tells of it is an advantage of some 2^-``statistical_bits``, if the model keeps to what
    is promised of it; nobody can check that. (The advantage is counted as Li et al. do, ePrint
    2022/816: the square of how much more often than wrongly one guesses which of two inputs it
    was.) Parameters follow.

    Raises ParameterError when fewer than ``precision`` significant bits of the outputs are left
    (largest output over largest error), InsecureParameters, ShapeError for layers too wide.
    """

    widths: tuple[int, ...]
    norms: tuple[float, ...]
    peak: float
    input_bound: float = 1.0
    margin: float = 2.0
    precision: float = 8.0
    statistical_bits: float = 40.0
    answers: int = 1
    ring: int = 16384
    security: int = 128
    insecure: bool = False

    def __post_init__(self) -> None:
        tidy(self)
        self._check_request()
        if not self.bits >= self.precision:
            raise ParameterError(
                f"~{self.bits:.1f} bits of the outputs outlast the flood for statistical_bits="
                f"{self.statistical_bits:g}, {self.precision:g} are wanted: ask for less of "
                f"either, for fewer answers or hidden layers, or use ring={2 * self.ring}"
            )

    def _check_request(self) -> None:
        layers = len(self.widths) - 1
        there = all(0 < width <= MAX_WIDTH for width in self.widths)
        if layers < 1 or not there or len(self.norms) != layers:
            raise ShapeError(
                f"widths {self.widths}, norms {self.norms}: the numbers of inputs, of units of "
                "any hidden layers and of outputs, and a norm for each layer but the inputs; "
                f"{MAX_WIDTH} wide at most"
            )
        padded = [power_of_two(n) * power_of_two(m) for n, m in pairwise(self.widths)]
        if layers > MAX_LAYERS or sum(padded) > MAX_WEIGHTS:
            raise ShapeError(
                f"{layers} layers of {sum(padded)} weights, widths taken as powers of two: at "
                f"most {MAX_LAYERS} of {MAX_WEIGHTS} in all; use fewer or narrower layers"
            )
        sizes = (*self.norms, self.peak, self.input_bound)
        if not all(0 < size < inf for size in sizes) or not 1 <= self.margin < inf:
            raise ParameterError(f"norms and bounds {sizes}: they must be above 0, and finite")
        check_terms(self.statistical_bits, self.answers, self.insecure)
        table = MAX_MODULUS_BITS.get(self.security, {})
        if self.ring not in table and not (table and self.insecure and self.ring in _TOY_RINGS):
            raise ParameterError(
                f"ring={self.ring} at security={self.security}: choose a ring of {sorted(table)} "
                f"and a security of {sorted(MAX_MODULUS_BITS)}"
            )

    # --- parameters --------------------------------------------------------------------

    @cached_property
    def layers(self) -> list[Folding]:
        """How each layer lies on the slots."""
        return alternate(self.widths, self.ring // 2)

    @cached_property
    def params(self) -> CKKS:
        """Primes as large as the table allows, and exactly the rotation keys that are used."""
        depth = 2 * len(self.layers) - 1
        limit = inf if self.insecure else MAX_MODULUS_BITS[self.security][self.ring]
        bits = int(min((limit - 2 * MAX_PRIME_BITS) / depth, MAX_PRIME_BITS))
        if bits < _SMALLEST_PRIME:
            raise ParameterError(
                f"{depth} levels leave primes of {bits} bits at ring={self.ring}: use "
                f"ring={2 * self.ring}, or fewer hidden layers"
            )
        return CKKS(
            ring=self.ring,
            prime_bits=(MAX_PRIME_BITS, *[bits] * depth),
            special_bits=MAX_PRIME_BITS,
            scale_bits=bits,
            security=self.security,
            rotations=tuple(sorted({step for layer in self.layers for step in layer.folds})),
            insecure=self.insecure,
        )

    @cached_property
    def stages(self) -> list[Stage]:
        """Levels and scales, layer by layer."""
        params, stages = self.params, list[Stage]()
        for k, folding in enumerate(self.layers):
            level = params.depth - 2 * k
            last = k == len(self.layers) - 1
            # 2.5 and not 2, as the flood takes some of the room; SEAL takes no scale beyond that
            full = params.primes[0] / (2.5 * max(1.0, self.margin * self.peak))
            sums = full if last else 2.0**params.scale_bits
            product = sums * params.primes[level]
            if k:
                inputs = stages[-1].sums * stages[-1].sums / params.primes[level + 1]
            else:
                inputs = sqrt(product * self._balance(folding))
            weights = product / inputs
            exact = inputs * weights / params.primes[level]  # rounded as SEAL rounds it
            stages.append(Stage(folding, level, inputs, weights, exact))
        return stages

    def _balance(self, folding: Folding) -> float:
        """Scale of the plain inputs over that of the weights that makes their errors equal."""
        of_inputs = self.norms[0] * noise.encoding_std(self.params, 1.0)
        of_weights = self.input_bound * noise.fresh_std(self.params, 1.0)
        return float(of_inputs / (of_weights * sqrt(folding.summed)))

    # --- errors ------------------------------------------------------------------------

    @cached_property
    def error(self) -> float:
        """Deviation of an output's error before the flood, for the worst inputs that are allowed.

        Also that of the fresh encryption of zero, which the flood has to cover as well.
        """
        params = self.params
        size, std = self.input_bound, noise.encoding_std(params, self.stages[0].inputs)
        for k, (stage, norm) in enumerate(zip(self.stages, self.norms, strict=True)):
            std = _after_sums(params, stage, norm, size, std, plain=k == 0)
            if k < len(self.stages) - 1:
                size, std = 1.0, _after_square(params, stage, std)
        return float(np.hypot(std, noise.fresh_std(params, self.stages[-1].sums)))

    @property
    def period(self) -> int:
        """Slots after which the outputs repeat."""
        return power_of_two(self.widths[-1])

    @cached_property
    def flood(self) -> Flood:
        """The noise that hides all errors of an answer."""
        scale = self.stages[-1].sums
        return Flood(self.statistical_bits, self.answers, self.error, scale, self.period)

    @property
    def bits(self) -> float:
        """Predicted significant bits of an answer: peak over largest error."""
        error = noise.largest(self.widths[-1]) * np.hypot(self.error, self.flood.slot_std)
        return float(noise.bits(error / self.peak))

    @property
    def capacity(self) -> float:
        """Bits that one answer can carry at most, even if the model is made to spy.

        Provided that a fresh encryption of zero hides what it is added to, under a public key
        whose random half nobody chose, from someone who has 2·period noisy sums of its secret.
        """
        return self.flood.capacity(self.params.primes[0])

    def mask(self) -> np.ndarray:
        """A fresh polynomial to add to an answer: the flood, and noise wherever no output is."""
        return self.flood.mask(self.ring, self.params.primes[0])

    # --- showing and sending -----------------------------------------------------------

    @property
    def model_bytes(self) -> int:
        """Bytes of the encrypted weights and biases."""
        size = self.params.ciphertext_bytes
        return sum(
            s.folding.groups * (s.folding.terms * size(s.level) + size(s.level - 1))
            for s in self.stages
        )

    @property
    def key_bytes(self) -> int:
        """Bytes of the relinearisation and rotation keys."""
        return (1 + len(self.params.rotations or ())) * self.params.key_bytes

    def table(self) -> Table:
        """Layer by layer: how it lies on the slots, and what it takes."""
        heads = ("layer", "products", "rotations by", "levels left", "norm", "bytes")
        size, rows = self.params.ciphertext_bytes, []
        for k, s in enumerate(self.stages):
            f, shape = s.folding, f"{self.widths[k]} → {self.widths[k + 1]}"
            products = f.groups * f.terms
            sent = nbytes(products * size(s.level) + f.groups * size(s.level - 1))
            folds = " ".join(map(str, f.folds)) + (f", {f.groups} times" if f.groups > 1 else "")
            rows.append((shape, products, folds, s.level - 1, self.norms[k], sent))
        return Table(heads, rows, caption=repr(self))

    def to_json(self) -> str:
        """All that was agreed on, as text to compare or to send."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, insecure: bool = False) -> Self:
        """Rebuild it; every check runs again. BadBytes for other text.

        InsecureParameters or ParameterError for terms that hide too little, unless
        ``insecure=True`` is written here, where they are received.
        """
        with wire.rebuilding("agreement"):
            given = wire.parsed(text)
            lists = {k: tuple(v) for k, v in given.items() if isinstance(v, list)}
            return received(cls, {**given, **lists}, insecure)

    def __repr__(self) -> str:
        widths = "-".join(map(str, self.widths))
        return (
            f"Agreement · {widths} · ~{self.bits:.1f} bits after a flood of "
            f"{self.statistical_bits:g} statistical bits · {self.params!r}"
        )


MAX_WIDTH = 1 << 16  #: of a layer: looked at before any array is made
MAX_LAYERS, MAX_WEIGHTS = (MAX_DEPTH + 1) // 2, 1 << 24  #: and so are these
_SMALLEST_PRIME = 30  #: bits; below, no precision is left to flood
_TOY_RINGS = (1024, 2048)


def _after_sums(
    params: CKKS, stage: Stage, norm: float, size: float, std: float, plain: bool
) -> float:
    """Error of a layer's sums: |inputs| ≤ size with deviation std, rows of weights ≤ norm."""
    folds, sums = len(stage.folding.folds), stage.sums
    before = sums * params.primes[stage.level]  # the scale until it is rescaled
    weights = stage.folding.summed * (size * noise.fresh_std(params, stage.weights)) ** 2
    switching = noise.key_switching_std(params, stage.level, before) ** 2
    switched = switching * (2**folds - 1 + (0 if plain else 2**folds))
    ends = noise.rescaling_std(params, sums) ** 2 + noise.fresh_std(params, sums) ** 2  # and bias
    return sqrt(weights + (norm * std) ** 2 + switched + ends)


def _after_square(params: CKKS, stage: Stage, std: float) -> float:
    """Error of the square of units in [-1, 1]."""
    level, scale = stage.level - 1, stage.sums**2
    switching = noise.key_switching_std(params, level, scale)
    rescaling = noise.rescaling_std(params, scale / params.primes[level])
    return sqrt((2 * std) ** 2 + switching**2 + rescaling**2)
