"""Plans as bytes and as JSON, and what a server of one is sent: keys and inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import pairwise
from typing import Any

import numpy as np

import helib_py as he
from helib_py.arrange import arrange
from helib_py.compile import Chain
from helib_py.network import Affine
from helib_py.planner import Draft, make_plan
from helib_py.refresh import make_deep_plan, refresh
from helib_py.span import Span

from .entry import Entry, Taken, Use
from .parties import engines, other

WIDTHS = (6, 4, 3)
EXAMPLES = np.random.default_rng(1).uniform(-1, 1, (16, WIDTHS[0]))
CLOSE = 0.05  #: outputs that are encrypted anew agree so far


def affines(widths: Sequence[int] = WIDTHS) -> list[Affine]:
    """A small network of squares."""
    random = np.random.default_rng(0)
    return [
        Affine(f"layer {k}", random.normal(0, n**-0.5, (m, n)), random.normal(0, 0.3, m))
        for k, (n, m) in enumerate(pairwise(widths))
    ]


@dataclass(frozen=True)
class ToyChain(Chain):
    """One that no table allows."""

    def params(self, security: int, rotations: tuple[int, ...] = ()) -> he.CKKS:
        """The same chain, insecure."""
        sizes = dict(ring=self.ring, prime_bits=self.prime_bits, special_bits=self.special_bits)
        return he.CKKS(**sizes, scale_bits=self.input_bits, rotations=rotations, insecure=True)


@cache
def plan(kind: str) -> Any:
    """A toy's, a flooded toy's, or one of real size."""
    if kind == "real":
        return make_plan(affines(), EXAMPLES, 4.0, ring=8192)
    packed = arrange(affines(), 512)
    assert packed
    chain = ToyChain(1024, False, (60, 40, 40, 40), 60, 40.0)
    toy = Draft(packed, EXAMPLES, 128, Span.of(EXAMPLES)).plan(chain)
    return toy if kind == "toy" else toy.flooded(5, 1000, precision=-99, insecure=True)


@cache
def owner(kind: str, engine: str) -> he.DataOwner:
    """Of that plan's inputs."""
    return he.DataOwner(plan(kind), engine)


@cache
def bundle(kind: str, engine: str) -> bytes:
    """What the owner sends first."""
    return owner(kind, engine).public.to_bytes()


@cache
def upload(kind: str, engine: str) -> list[bytes]:
    """And what it sends for each input."""
    return [c.to_bytes() for c in owner(kind, engine).encrypt(EXAMPLES[0])]


def server(made: Any, kind: str, engine: str) -> he.Server:
    """On the other library, if there is one."""
    reader = other(engine) if other(engine) in engines("CKKS") else engine
    public = he.PublicBundle.from_bytes(bundle(kind, engine), True, reader)
    return he.Server(made, public)


def entries() -> Iterator[Entry]:
    """Plans, bundles, inputs and results, for toys and, less often, in real size."""
    for kind, weight in (("toy", 12), ("flooded", 6), ("real", 1)):
        yield Entry(f"plan · {kind}", partial(_plans, kind), partial(_plan, kind), weight, CLOSE)
        yield Entry(f"plan JSON · {kind}", partial(_texts, kind), partial(_text, kind), weight,
                    CLOSE, text=True)  # fmt: skip
        for engine in engines("CKKS"):
            given = (kind, engine)
            yield Entry(f"server's bundle · {kind} · {engine}", partial(_bundles, *given),
                        partial(_bundle, *given), weight // 4 or 1, CLOSE)  # fmt: skip
            yield Entry(f"server's input · {kind} · {engine}", partial(upload, *given),
                        partial(_input, *given), weight, CLOSE)  # fmt: skip
            yield Entry(f"plan's result · {kind} · {engine}", partial(_results, *given),
                        partial(_result, *given), weight)  # fmt: skip
    yield Entry("refreshing server's input", _deep_inputs, _deep_input, 2, CLOSE)
    yield Entry("masked values to refresh", _masked, _refreshed, 2)


@cache
def _plans(kind: str) -> list[bytes]:
    return [plan(kind).to_bytes()]


@cache
def _texts(kind: str) -> list[bytes]:
    return [plan(kind).to_json().encode()]


def _plan(kind: str, data: Any) -> Taken:
    return _taken(kind, he.Plan.from_bytes(data, insecure=True))


def _text(kind: str, text: Any) -> Taken:
    return _taken(kind, he.Plan.from_json(text, insecure=True))


def _taken(kind: str, made: he.Plan) -> Taken:
    engine = engines("CKKS")[0]

    def run() -> np.ndarray:
        return owner(kind, engine).decrypt(server(made, kind, engine).run(upload(kind, engine)))

    def lay_out() -> object:
        zeros = np.zeros(made.interface.shape)
        return made.interface.encrypt(owner(kind, engine).public.context, zeros)

    uses: list[Use] = [partial(repr, made), made.to_bytes, run, lay_out, lambda: made.worst_error]
    simulate = partial(made.simulate, np.zeros((2, *made.interface.shape)), noisy=False)
    return Taken(run, [*uses, simulate, lambda: made.flooded(5, precision=-99, insecure=True)])


@cache
def _bundles(kind: str, engine: str) -> list[bytes]:
    return [bundle(kind, engine)]


def _bundle(kind: str, engine: str, data: Any) -> Taken:
    made = he.Server(plan(kind), data, insecure=True)

    def run() -> np.ndarray:
        return owner(kind, engine).decrypt(made.run(upload(kind, engine)).to_bytes())

    return Taken(run, [run, partial(repr, made)])


@cache
def _ready(kind: str, engine: str) -> he.Server:
    unlimited = plan(kind)
    if unlimited.flood:
        unlimited = replace(unlimited, flood=replace(unlimited.flood, answers=10**9))
    return server(unlimited, kind, engine)


def _input(kind: str, engine: str, data: Any) -> Taken:
    out = _ready(kind, engine).run([data])

    def read() -> np.ndarray:
        return owner(kind, engine).decrypt(out.to_bytes())

    return Taken(read, [read, partial(repr, out), lambda: out * 2, lambda: out + out])


@cache
def _results(kind: str, engine: str) -> list[bytes]:
    return [_ready(kind, engine).run(upload(kind, engine)).to_bytes()]


def _result(kind: str, engine: str, data: Any) -> Taken:
    holder = owner(kind, engine)
    c: Any = _ready(kind, engine).public.load(data)
    uses: list[Use] = [lambda: holder.decrypt(c), lambda: holder.publish(c, error=1.0)]
    uses += [partial(repr, c), c.to_bytes, lambda: c * c]
    return Taken(partial(holder.decrypt, data), uses)


@cache
def _deep() -> tuple[Any, he.DataOwner, he.DeepServer]:
    made = make_deep_plan(affines((6, 4, 4, 3)), EXAMPLES, 2.0, ring=8192, layers=1)
    holder = he.DataOwner(made)
    return made, holder, he.DeepServer(made, holder.public.to_bytes())


@cache
def _deep_inputs() -> list[bytes]:
    return [c.to_bytes() for c in _deep()[1].encrypt(EXAMPLES[0])]


def _deep_input(data: Any) -> Taken:
    made, holder, cloud = _deep()
    run = cloud.answer()
    masked = run.step([data])

    def rest() -> np.ndarray:
        again = cloud.answer()
        reply = again.step([data])
        for segment in made.segments[1:]:
            reply = again.step(refresh(holder, segment.interface, reply))
        return holder.decrypt(reply)

    second = lambda: run.step([data])  # noqa: E731 (fresh inputs where refreshed ones belong)
    return Taken(rest, [rest, second, lambda: holder.decrypt(masked)])


@cache
def _masked() -> list[bytes]:
    return [_deep()[2].answer().step(_deep_inputs())]


def _refreshed(data: Any) -> Taken:
    made, holder, _ = _deep()
    refreshed = refresh(holder, made.segments[1].interface, data)
    return Taken(partial(holder.decrypt, data), [lambda: len(refreshed)])
