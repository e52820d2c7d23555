"""Encrypted models, linear and deep, their answers, and linear layers for others."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np

import helib_py as he

from .entry import Entry, Taken, Use
from .parties import MATRIX, PARAMS, X, engines
from .plans import affines

LAYERS = [(MATRIX, np.array([0.25, -0.5])), (MATRIX[:, :2], np.array([0.0, 1.0]))]
DEEP = dict(ring=2048, insecure=True, statistical_bits=10, precision=-99, answers=10**9)


def entries() -> Iterator[Entry]:
    """For every scheme and engine that has them."""
    for scheme, weight in (("Paillier", 8), ("real Paillier", 1)):
        for engine in engines(scheme):
            given = (scheme, engine)
            for name, honest, take in (
                ("sealed model", _models, _model),
                ("scores", _scores, _score),
                ("linear layer's input", _inputs, _input),
            ):
                ends = (partial(honest, *given), partial(take, *given))
                yield Entry(f"{name} · {scheme} · {engine}", *ends, weight)
    for engine in engines("CKKS"):
        ends = (partial(_networks, engine), partial(_network, engine))
        yield Entry(f"sealed network · {engine}", *ends, 5, 0.5)
        ends = (partial(_answers, engine), partial(_answer, engine))
        yield Entry(f"answer · {engine}", *ends, 20)


@cache
def _owner(scheme: str, engine: str) -> he.ModelOwner:
    return he.ModelOwner(PARAMS[scheme], engine)


@cache
def _models(scheme: str, engine: str) -> list[bytes]:
    holder = _owner(scheme, engine)
    made = [holder.encrypt_model(MATRIX, LAYERS[0][1]), holder.encrypt_model(MATRIX[0], 0.5)]
    return [model.to_bytes() for model in made]


def _model(scheme: str, engine: str, data: Any) -> Taken:
    agreed = PARAMS[scheme]
    model = he.SealedModel.from_bytes(data, agreed, engine=engine)

    def run() -> np.ndarray:
        return _owner(scheme, engine).decrypt(model(X[: model.weights.length - 1]).to_bytes())

    many: Use = lambda: model(np.zeros((3, 4))).to_bytes()  # noqa: E731
    return Taken(run, [run, many, partial(repr, model), lambda: model.outputs])


@cache
def _scores(scheme: str, engine: str) -> list[bytes]:
    take = partial(he.SealedModel.from_bytes, agreed=PARAMS[scheme], engine=engine)
    models = [take(message) for message in _models(scheme, engine)]
    return [model(np.stack([X, -X])).to_bytes() for model in models]


def _score(scheme: str, engine: str, data: Any) -> Taken:
    scores = _owner(scheme, engine).decrypt(data)
    return Taken(lambda: scores)


@cache
def _client(scheme: str, engine: str) -> tuple[he.DataOwner, he.LinearServer]:
    holder = he.DataOwner(PARAMS[scheme], engine)
    bundle = he.PublicBundle.from_bytes(holder.public.to_bytes(), True, engine)
    return holder, he.LinearServer(LAYERS, bundle)


@cache
def _inputs(scheme: str, engine: str) -> list[bytes]:
    holder = _client(scheme, engine)[0]
    return [holder.encrypt(x).to_bytes() for x in (X, np.stack([X, -X]))]


def _input(scheme: str, engine: str, data: Any) -> Taken:
    holder, cloud = _client(scheme, engine)
    out = cloud.linear(0, data)
    return Taken(partial(holder.decrypt, out), [partial(holder.decrypt, out)])


@cache
def _deep(engine: str) -> he.DeepModelOwner:
    x = np.random.default_rng(1).uniform(0, 1, (16, 6))
    return he.DeepModelOwner(affines(), x, engine, **DEEP)


@cache
def _networks(engine: str) -> list[bytes]:
    return [_deep(engine).encrypt_model().to_bytes()]


def _network(engine: str, data: Any) -> Taken:
    network = he.SealedNetwork.from_bytes(data, _deep(engine).agreed, engine)

    def run() -> np.ndarray:
        return _deep(engine).decrypt(network(np.full(6, 0.5)).to_bytes())

    return Taken(run, [run, partial(repr, network)])


@cache
def _answers(engine: str) -> list[bytes]:
    network = he.SealedNetwork.from_bytes(_networks(engine)[0], _deep(engine).agreed, engine)
    return [network(np.full(6, 0.5)).to_bytes()]


def _answer(engine: str, data: Any) -> Taken:
    opened = _deep(engine).decrypt(data)
    return Taken(lambda: opened)
