"""Which rows of a sparse matrix are multiplied together: a convolution, window by window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

#: What bringing one input of a group into place costs, in multiplications. Measured.
GATHERING = 16
MOST_SUPPORTS = 1024  #: of which all pairs are looked at


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


def groups(matrix: np.ndarray) -> list[Group]:
    """The rows of a matrix (m, n), those that read nearly the same inputs together.

    Rows with equal supports first, then greedily the two groups whose union costs the least; too
    many different supports stay as they are, as all pairs of them would take gigabytes.
    """
    patterns, which = np.unique(matrix != 0, axis=0, return_inverse=True)
    counts = np.bincount(which.ravel(), minlength=len(patterns))
    members = np.split(np.argsort(which.ravel(), kind="stable"), np.cumsum(counts)[:-1])
    masks = patterns.astype(np.float32)
    few = masks[: len(masks) if len(masks) <= MOST_SUPPORTS else 0]
    savings = _savings(few, counts[: len(few)], few, counts[: len(few)])
    np.fill_diagonal(savings, -1)
    while len(members) > 1 and savings.max(initial=-1) > 0:
        i, j = sorted(int(v) for v in np.unravel_index(savings.argmax(), savings.shape))
        masks[i], counts[i] = np.maximum(masks[i], masks[j]), counts[i] + counts[j]
        members[i] = np.sort(np.concatenate([members[i], members[j]]))
        counts[j] = 0
        savings[i] = savings[:, i] = _savings(masks[i : i + 1], counts[i : i + 1], masks, counts)
        savings[i, counts == 0] = savings[counts == 0, i] = savings[i, i] = -1
        savings[j] = savings[:, j] = -1
    kept = [(rows, mask) for rows, mask, n in zip(members, masks, counts, strict=True) if n]
    found = [_group(matrix, rows, np.flatnonzero(mask)) for rows, mask in kept]
    return sorted(found, key=lambda group: int(group.rows[0]))


def _group(matrix: np.ndarray, rows: np.ndarray, inputs: np.ndarray) -> Group:
    return Group(rows, inputs, np.ascontiguousarray(matrix[np.ix_(rows, inputs)], dtype=float))


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
