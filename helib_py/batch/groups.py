"""Which rows of a sparse matrix are multiplied together: a convolution, window by window."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from ..network import as_sparse

#: What bringing one input of a group into place costs, in multiplications. Measured.
GATHERING = 16
FEW = 400  #: groups up to which every pair is looked at; of more, first those side by side


@dataclass(frozen=True, eq=False)
class Group:
    """``weights`` (r, k): the rows ``rows`` of a matrix, of which only ``inputs`` are not zero."""

    rows: np.ndarray
    inputs: np.ndarray
    weights: np.ndarray

    @property
    def cost(self) -> int:
        """Multiplications, and gathering counted as such."""
        return len(self.inputs) * (len(self.rows) + GATHERING)

    def part(self, start: int, end: int) -> Group:
        """Some of its rows."""
        return Group(self.rows[start:end], self.inputs, self.weights[start:end])


@dataclass(eq=False)
class _Draft:
    """Rows, and the inputs that any of them reads, both ascending."""

    rows: np.ndarray
    inputs: np.ndarray

    @property
    def cost(self) -> int:
        return len(self.inputs) * (len(self.rows) + GATHERING)

    def with_(self, other: _Draft) -> _Draft:
        rows = np.sort(np.concatenate([self.rows, other.rows]))
        return _Draft(rows, np.union1d(self.inputs, other.inputs))


def groups(weights: Any) -> list[Group]:
    """The rows of a matrix (m, n), those that read nearly the same inputs together.

    Rows with equal supports first, then greedily the two groups whose union costs the least: of
    very many, as a convolution has, neighbours only, as all pairs would take gigabytes.
    """
    matrix = as_sparse(weights, None)
    found = _across(_along(_alike(matrix)), matrix.shape[1])
    made = [_group(matrix, draft) for draft in found]
    return sorted(made, key=lambda group: int(group.rows[0]))


def _alike(matrix: csr_array) -> list[_Draft]:
    """Rows with equal supports, in the order of their first inputs."""
    members: dict[bytes, list[int]] = {}
    for row, used in enumerate(np.split(matrix.indices, matrix.indptr[1:-1])):
        members.setdefault(used.astype(np.int32).tobytes(), []).append(row)
    drafts = [
        _Draft(np.array(rows), np.frombuffer(used, np.int32)) for used, rows in members.items()
    ]
    return sorted(drafts, key=lambda d: (tuple(d.inputs[:1]), int(d.rows[0])))


def _along(drafts: list[_Draft]) -> list[_Draft]:
    """Of very many, neighbours put together, the best pair first, until few are left."""
    if len(drafts) <= FEW:
        return drafts
    alive: dict[int, _Draft] = dict(enumerate(drafts))
    following = {i: i + 1 for i in range(len(drafts) - 1)}
    before = {i + 1: i for i in range(len(drafts) - 1)}
    queue = [_offer(alive, i, i + 1) for i in range(len(drafts) - 1)]
    heapq.heapify(queue)
    while queue and len(alive) > FEW:
        _, i, j, sizes = heapq.heappop(queue)
        if i not in alive or following.get(i) != j or sizes != _sizes(alive, i, j):
            continue  # one of them has grown since
        alive[i] = alive[i].with_(alive.pop(j))
        after = following.pop(j, None)
        if after is None:
            following.pop(i)
        else:
            following[i], before[after] = after, i
            heapq.heappush(queue, _offer(alive, i, after))
        if i in before:
            heapq.heappush(queue, _offer(alive, before[i], i))
    return list(alive.values())


def _sizes(alive: dict[int, _Draft], i: int, j: int) -> tuple[int, int]:
    return len(alive[i].rows), len(alive[j].rows)


def _offer(alive: dict[int, _Draft], i: int, j: int) -> tuple[int, int, int, tuple[int, int]]:
    a, b = alive[i], alive[j]
    return a.with_(b).cost - a.cost - b.cost, i, j, _sizes(alive, i, j)


def _across(drafts: list[_Draft], inputs: int) -> list[_Draft]:
    """Any two put together, as long as that saves something."""
    members = [d.rows for d in drafts]
    counts = np.array([len(rows) for rows in members])
    masks = np.zeros((len(drafts), inputs), np.float32)
    for mask, draft in zip(masks, drafts, strict=True):
        mask[draft.inputs] = 1
    savings = _savings(masks, counts, masks, counts)
    np.fill_diagonal(savings, -1)
    while len(members) > 1 and savings.max(initial=-1) > 0:
        i, j = sorted(int(v) for v in np.unravel_index(savings.argmax(), savings.shape))
        masks[i], counts[i] = np.maximum(masks[i], masks[j]), counts[i] + counts[j]
        members[i] = np.sort(np.concatenate([members[i], members[j]]))
        counts[j] = 0
        savings[i] = savings[:, i] = _savings(masks[i : i + 1], counts[i : i + 1], masks, counts)
        savings[i, counts == 0] = savings[counts == 0, i] = savings[i, i] = -1
        savings[j] = savings[:, j] = -1
    kept = zip(members, masks, counts, strict=True)
    return [_Draft(rows, np.flatnonzero(mask)) for rows, mask, n in kept if n]


def _group(matrix: csr_array, draft: _Draft) -> Group:
    some = matrix[draft.rows][:, draft.inputs].toarray()
    return Group(draft.rows, draft.inputs, np.ascontiguousarray(some, dtype=float))


def _savings(
    masks: np.ndarray, rows: np.ndarray, others: np.ndarray, other_rows: np.ndarray
) -> np.ndarray:
    """What merging each with each of the others saves, shape (masks, others)."""
    sizes, other_sizes = masks.sum(axis=1)[:, None], others.sum(axis=1)
    union = sizes + other_sizes - masks @ others.T
    rows = rows[:, None]
    apart = sizes * (rows + GATHERING) + other_sizes * (other_rows + GATHERING)
    return np.asarray(apart - union * (rows + other_rows + GATHERING))


def shares(found: Sequence[Group], workers: int) -> list[list[Group]]:
    """The groups dealt out in order, so that each worker has about as much to do."""
    total = sum(group.cost for group in found) or 1
    out: list[list[Group]] = [[] for _ in range(workers)]
    done = 0.0
    for group in found:
        pieces = max(1, min(len(group.rows), round(workers * group.cost / total)))
        cuts = [len(group.rows) * i // pieces for i in range(pieces + 1)]
        for start, end in pairwise(cuts):
            part = group.part(start, end)
            share = group.cost * (end - start) / len(group.rows)
            out[min(workers - 1, int(workers * (done + share / 2) / total))].append(part)
            done += share
    return [share for share in out if share]
