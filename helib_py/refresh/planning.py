"""Plans with refreshes: where to cut a network, and what the rounds cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, log2, sqrt

import numpy as np
from numpy.typing import ArrayLike

from .. import noise
from ..arrange import arrange
from ..encoding import as_numbers
from ..errors import ParameterError
from ..flooding import ANY, Flood, Terms, check_terms, outlasting
from ..network import Affine, only_chains
from ..options import flag, whole
from ..params import MAX_MODULUS_BITS
from ..planner import MARGIN_BITS, Draft, eager
from ..plans import PRECISION, Interface, Plan
from ..span import Span
from ..tables import Shown, Table, nbytes

SPARE = 1  #: levels that a segment leaves: room for the mask above the values
ROUND_TRIP = 0.02  #: seconds of latency that a round is taken to cost
BANDWIDTH = 12.5e6  #: bytes a second between the parties, for predicted times
FLOAT_ERROR = 2.0**-51.5  #: of SEAL's transforms, relative to the deviation of the slots
LARGEST = 9.0  #: deviations that no slot of a mask exceeds, but for one in 10^18


@dataclass(frozen=True, eq=False, repr=False)
class DeepPlan(Shown):
    """Segments of a network, each a plan under the same key, with a refresh between them.

    ``mask_bits``: what the key's holder sees at a refresh is within a statistical distance of
    2^-mask_bits of a mask alone, for values within the margin. ``peak``: the largest output over
    the examples; ``unflooded``: its largest error, predicted, before any ``flood``.
    """

    segments: tuple[Plan, ...]
    mask_bits: int
    peak: float
    unflooded: float
    flood: Flood | None = None

    @property
    def interface(self) -> Interface:
        """What the first upload looks like."""
        return self.segments[0].interface

    @property
    def error(self) -> float:
        """Predicted largest error of an output, with the flood if there is one."""
        if self.flood is None:
            return self.unflooded
        count = self.segments[-1].interface.outputs
        return float(np.hypot(self.unflooded, noise.largest(count) * self.flood.slot_std))

    @property
    def bits(self) -> float:
        """Predicted significant bits of the outputs: largest output over largest error."""
        return noise.bits(self.error / (self.peak or 1.0))

    @property
    def rounds(self) -> int:
        """Refreshes, that is round trips besides the first."""
        return len(self.segments) - 1

    @property
    def round_bytes(self) -> int:
        """Bytes that cross for all refreshes of one input, both ways."""
        down = sum(p.params.ciphertext_bytes(p.interface.result_level) for p in self.segments[:-1])
        return down + sum(p.interface.upload_bytes for p in self.segments[1:])

    @property
    def milliseconds(self) -> float:
        """Predicted time of the server, without the rounds."""
        return sum(p.milliseconds for p in self.segments)

    @property
    def seconds(self) -> float:
        """Predicted time of one input, the rounds included."""
        wire = self.rounds * ROUND_TRIP + self.round_bytes / BANDWIDTH
        return self.milliseconds / 1000 + wire

    @property
    def summary(self) -> str:
        """One line: parameters, precision, time, rounds, bytes."""
        return (
            f"{self.interface.params!r} · {self.rounds} refreshes by the key's holder · "
            f"~{self.bits:.1f} bits{f' · {self.flood}' if self.flood else ''} · "
            f"~{self.milliseconds:.0f} ms · {nbytes(self.round_bytes)} in the rounds"
        )

    def table(self) -> Table:
        """Layer by layer, with the refreshes between."""
        rows: list[Sequence[object]] = []
        for i, segment in enumerate(self.segments):
            inner = segment.table()
            if i:
                bytes_up = nbytes(segment.interface.upload_bytes)
                rows.append(
                    ("refresh", "", f"{bytes_up} up", segment.params.depth, "", "", "", "")
                )
            rows += inner.rows
        return Table(inner.columns, rows, f"Plan · {self.summary}")

    def flooded(
        self,
        statistical_bits: float = 40.0,
        answers: int = 1,
        precision: float = PRECISION,
        *,
        insecure: bool = False,
    ) -> DeepPlan:
        """The same plan, whose answers' errors tell nothing of the weights: see ``Plan.flooded``.

        What passes at a refresh is masked anyhow. Worst cases multiply from layer to layer, and
        here layers are many: expect a refusal.
        """
        check_terms(statistical_bits, answers, insecure)
        inside, bound, error = self.segments[-1].interface, self._bound(), 0.0
        for i, segment in enumerate(self.segments):
            lost = mask_std(self.segments[i - 1], self.mask_bits) * FLOAT_ERROR if i else 0.0
            found = segment.worst(bound, float(np.hypot(lost, error)))
            bound = segment.interface.read(found.bound)
            error = float(found.std.max())
        flood = Flood(statistical_bits, answers, error, inside.result_scale, inside.period)
        return outlasting(replace(self, flood=flood), precision)

    def _bound(self) -> np.ndarray:
        return np.full(self.interface.shape, self.interface.span.bound)

    def room(self, x: ArrayLike) -> float:
        """Bits above the largest value of inputs (…, *shape), in any segment; see Plan.room."""
        out, found = as_numbers(x), list[float]()
        for segment in self.segments:
            found.append(segment.room(out))
            out = segment.simulate(out, noisy=False)
        return min(found)

    def simulate(self, x: ArrayLike, noisy: bool = True, seed: int | None = None) -> np.ndarray:
        """The clear twin's outputs for inputs (…, *shape), shape (…, outputs)."""
        out, noisy = as_numbers(x), flag(noisy, "noisy")
        random = np.random.default_rng(None if seed is None else whole(seed, "seed", 0))
        for i, segment in enumerate(self.segments):
            if i and noisy:  # the mask passes through float64 twice, and pushes bits out
                lost = mask_std(self.segments[i - 1], self.mask_bits) * FLOAT_ERROR
                out = out + lost * random.standard_normal(out.shape)
            out = segment.simulate(out, noisy, seed)
        return out


def make_deep_plan(
    affines: Sequence[Affine],
    examples: np.ndarray,
    precision: float = 7.0,
    ring: int | None = None,
    security: int = 128,
    layers: int | None = None,
    flood: Terms | None = None,
    mask_bits: int = 20,
) -> DeepPlan:
    """The quickest plan with refreshes, rounds included, whose outputs have ``precision`` bits.

    ``layers`` between two refreshes, all equally many, and the ``ring`` narrow the search.
    NotPolynomial for residual additions, which would reach across a refresh; ParameterError when
    nothing is precise enough, naming the best there is.
    """
    only_chains(affines, "a plan with refreshes")
    if layers is not None and layers < 1:
        raise ParameterError(f"refresh after {layers} layers: must be 1 or more")
    x = noise.enough(examples)
    best = _quickest(affines, x, precision, ring, security, layers, mask_bits, flood)
    if best is None or best.bits < precision:
        reached = f", {best.bits:.1f} bits by {best.interface.params!r}" if best else ""
        raise ParameterError(
            f"no plan with refreshes gives {precision} bits at {security} bits of security"
            f"{reached}: ask for less precision, or for fewer layers between refreshes"
        )
    return best


def _quickest(
    affines: Sequence[Affine], examples: np.ndarray, precision: float, ring: int | None,
    security: int, layers: int | None, mask_bits: int, flood: Terms | None,
) -> DeepPlan | None:  # fmt: skip
    """The quickest of the smallest ring that is precise enough, else the most precise."""
    best: DeepPlan | None = None
    for n in [ring] if ring else [n for n in sorted(MAX_MODULUS_BITS[security]) if n <= 32768]:
        for per in [layers] if layers else range(1, len(affines)):
            found = _planned(affines, examples, n, security, per, mask_bits)
            found = found.flooded(*flood, ANY) if found and flood else found
            if found and _better(found, best, precision):
                best = found
        if best and best.bits >= precision:
            break  # in a larger ring every operation costs more
    return best


def _better(found: DeepPlan, best: DeepPlan | None, precision: float) -> bool:
    if best is None or best.bits < precision:
        return best is None or found.bits > best.bits
    return found.bits >= precision and found.seconds < best.seconds


def _planned(
    affines: Sequence[Affine], examples: np.ndarray, ring: int, security: int, per: int, mask: int
) -> DeepPlan | None:
    """So many layers a segment in one ring; None where that does not fit."""
    pieces = [affines[i : i + per] for i in range(0, len(affines), per)]
    if len(pieces) > 1 and len(pieces[-1]) == 1:  # the last layer alone is not worth a round
        pieces[-2:] = [[*pieces[-2], *pieces[-1]]]
    levels = max(
        _levels(piece, closed=i == len(pieces) - 1) + SPARE * (i < len(pieces) - 1)
        for i, piece in enumerate(pieces)
    )
    chain = next((c for c in eager(ring, levels, security) if c.fold_first), None)
    if chain is None:
        return None
    segments, x, span = [], examples, Span.of(examples)
    for i, piece in enumerate(pieces):
        packed = arrange(piece, ring // 2, closed=i == len(pieces) - 1)
        if packed is None:
            return None
        segments.append(Draft(packed, x, security, span).plan(chain))
        x = segments[-1].simulate(x, noisy=False)
    return _joined(segments, examples, mask)


def _levels(piece: Sequence[Affine], closed: bool) -> int:
    return sum(1 + affine.levels for affine in piece) - (piece[-1].levels if closed else 0)


def _joined(segments: Sequence[Plan], examples: np.ndarray, mask: int) -> DeepPlan | None:
    """Segments under one key, with all their rotations; None where a mask does not fit."""
    rotations = {step for segment in segments for step in segment.program.rotations}
    params = replace(segments[0].params, rotations=tuple(sorted(rotations)))
    joined = []
    for i, segment in enumerate(segments):
        inside = replace(segment.interface, params=params)
        if i:
            reach = mask_std(segments[i - 1], mask) * LARGEST
            inside = replace(inside, span=Span.around(reach))
        joined.append(replace(segment, interface=inside))
        room = params.log_q(inside.result_level) - 1
        last = i == len(segments) - 1
        if segment.headroom < MARGIN_BITS or not (last or log2_mask(segment, mask) + 1 <= room):
            return None
    plan = DeepPlan(tuple(joined), mask, 0.0, 0.0)
    exact, noisy = plan.simulate(examples, noisy=False), plan.simulate(examples, seed=1)
    error, peak = noise.foreseen(noisy - exact), float(np.abs(exact).max())
    return replace(plan, peak=peak, unflooded=error)


def log2_mask(segment: Plan, mask_bits: int) -> int:
    """Bits k of a mask: its coefficients are uniform in ±2^k.

    Slots of at most B at scale S are coefficients c with Σ|c| ≤ √N·S·B (Parseval and
    Cauchy-Schwarz), and the distance to the mask alone is at most Σ|c|/2^(k+1).
    """
    inside = segment.interface
    largest = max(segment.layers[-1].peak, 1.0) * 2**MARGIN_BITS * inside.result_scale
    return ceil(mask_bits + log2(inside.params.ring) / 2 + log2(largest))


def mask_std(segment: Plan, mask_bits: int) -> float:
    """Standard deviation of the real part of a slot of a mask: N/2 coefficients add up."""
    inside = segment.interface
    size = 2.0 ** log2_mask(segment, mask_bits) / inside.result_scale
    return float(size * sqrt(inside.params.ring / 6))
