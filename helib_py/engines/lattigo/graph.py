"""What a server computes, step by step, and each step as a model file of orion_evaluator 2."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from ...params.bootstrap import NETWORK_SPECIALS, SCALE_BITS, SPECIAL_BITS, BootstrapParams


class Layer(NamedTuple):
    """Σ_d rotate(x, d)·diagonals[d], folded by slots/2, slots/4, …, plus a bias; then squared.

    One level, and one for the square. ``diagonals`` (D, slots), ``bias`` (slots,).
    """

    level: int
    diagonals: np.ndarray
    bias: np.ndarray
    folds: int
    squared: bool


class Refresh(NamedTuple):
    """A bootstrap of the first ``width`` slots, all others zeroed; it leaves them repeated.

    From ``level``, at least 1, to the top; values come out multiplied by ``gain``.
    """

    level: int
    width: int
    gain: float


Operation = Layer | Refresh


def adjusted(steps: Sequence[Operation], primes: Sequence[int]) -> Iterator[Operation]:
    """Weights, biases and gains as the evaluator needs them.

    It encodes biases at scale 2^SCALE_BITS and takes what it bootstraps to be at it, but squares
    put a ciphertext ``drift`` beside that scale, by some 2^-18: only as many bits would be left.
    Of two scales that meet, it then believes the larger. And it adds the bias before the folds,
    which repeat it.
    """
    drift = 1.0
    for step in steps:
        if isinstance(step, Refresh):
            yield step._replace(gain=step.gain / drift)
            drift = 1.0
            continue
        if drift < 1:  # weights that lead back to the bias's scale, which is the larger
            step, drift = step._replace(diagonals=step.diagonals / drift), 1.0
        yield step._replace(bias=step.bias * drift / 2**step.folds)
        if step.squared:
            drift *= drift * 2.0**SCALE_BITS / primes[step.level - 1]


def described(p: BootstrapParams) -> dict[str, Any]:
    """Parameters in Lattigo's words."""
    log_ring = p.ring.bit_length() - 1
    return {
        "logn": log_ring,
        "logq": list(p.network_bits),
        "logp": [SPECIAL_BITS] * NETWORK_SPECIALS,
        "log_default_scale": SCALE_BITS,
        "h": p.secret_weight,
        "ring_type": "standard",
        "boot_logp": [SPECIAL_BITS] * p.specials,
        "btp_logn": log_ring,
    }


def model_file(p: BootstrapParams, step: Operation) -> bytes:
    """One step as a chain of nodes."""
    nodes = [_node("input", "flatten", step.level)]
    blobs: list[bytes] = []
    if isinstance(step, Refresh):
        config = {"slots": step.width, "prescale": step.gain, "input_level": step.level}
        nodes.append(_node("refresh", "bootstrap", step.level, config))
    else:
        config = dict(bsgs_ratio=1.0, output_rotations=step.folds)
        config |= dict(num_input_cts=1, num_output_cts=1)
        places = {"diag_0_0": 0, "bias_0": 1}
        nodes.append(_node("layer", "linear_transform", step.level, config, places))
        nodes += [_node("square", "quad", step.level - 1)] * step.squared
        blobs = [_diagonals(step.diagonals), step.bias.astype("<f8").tobytes()]
    edges = [{"src": a["name"], "dst": b["name"]} for a, b in pairwise(nodes)]
    ends = {"input": nodes[0]["name"], "output": nodes[-1]["name"]}
    return _container(p, {**ends, "nodes": nodes, "edges": edges}, blobs)


def _node(
    name: str, kind: str, level: int, config: Any = None, blobs: dict[str, int] | None = None
) -> dict[str, Any]:
    depth = int(kind != "flatten")
    node = {"name": name, "op": kind, "level": level, "depth": depth, "config": config or {}}
    return node | ({"blob_refs": blobs} if blobs else {})


def _diagonals(table: np.ndarray) -> bytes:
    numbers = np.arange(len(table), dtype="<i4").tobytes()
    return struct.pack("<I", len(table)) + numbers + table.astype("<f8").tobytes()


def _container(p: BootstrapParams, graph: dict[str, Any], blobs: Sequence[bytes]) -> bytes:
    told = described(p)
    manifest = {name: told[name] for name in ("boot_logp", "btp_logn")}
    manifest |= {"galois_elements": [], "bootstrap_slots": [p.width], "needs_rlk": True}
    header = {"version": 2, "params": told, "manifest": manifest, "graph": graph, "cost": {}}
    header |= {"config": {"fuse_modules": True}, "input_level": graph["nodes"][0]["level"]}
    label = json.dumps(header | {"blob_count": len(blobs)}).encode()
    sized = [struct.pack("<Q", len(blob)) + blob for blob in blobs]
    start = b"ORION\0\2\0" + struct.pack("<I", len(label)) + label
    return b"".join([start, struct.pack("<I", len(blobs)), *sized])
