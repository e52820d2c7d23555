"""Dense matrices, and convolutions whose input its owner gathers: ways to put them on slots."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from scipy import sparse as scipy_sparse

from ..encoding import Layout, power_of_two
from ..errors import BadValue, ShapeError
from ..options import whole
from .diagonals import Diagonals, Make, cheapest_giant

Matrix: TypeAlias = Any  #: a numpy array, or a scipy.sparse.csr_array


def cyclic(weights: Matrix, layout: Layout, slots: int) -> Diagonals:
    """Diagonals of a matrix (m, n); needs every input only in its own block's first slot.

    The result repeats with period pow2(m)·block, so nothing but the product is left in it.
    ShapeError when that exceeds the slots.
    """
    rows, period = power_of_two(weights.shape[0]), len(layout.order)
    if rows * layout.block > slots or layout.period > slots:
        raise ShapeError(
            f"{rows} outputs, one every {layout.block} slots, do not fit {slots} slots: split the "
            "matrix by rows, or use a larger ring"
        )

    def make() -> list[np.ndarray]:
        block = np.arange(slots // layout.block)
        table = np.zeros((min(rows, period), slots))
        filled = _filled(weights)
        for k in range(len(table)):
            columns = layout.order[(block + k) % period]
            table[k, :: layout.block] = _entries(filled, block % rows, columns)
        return [table]

    out = Layout.dense(weights.shape[0], layout.block)
    folds = _doublings(rows * layout.block, layout.period)
    return _regular(min(rows, period), layout.block, folds, out, make)


def strided(weights: Matrix, layout: Layout, slots: int) -> Diagonals:
    """Diagonals of a matrix (m, n) on a repeated vector; output i lands in slot i·slots/pow2(m).

    Few diagonals, then a fold inside each stretch of slots/pow2(m). Where one diagonal does, it
    fills the stretch, and output i is found in all slots from which a whole period still lies
    ahead in the stretch. The other slots keep partial sums. ShapeError unless the input repeats
    in every slot (``layout.block == 1``).
    """
    rows = power_of_two(weights.shape[0])
    if layout.block != 1 or rows > slots or layout.period > slots:
        raise ShapeError("a strided product needs a vector repeated over all slots")
    stretch, period = slots // rows, layout.period
    count = max(1, period // stretch)

    def make() -> list[np.ndarray]:
        slot = np.arange(slots)
        columns = [layout.order[(slot + k * stretch) % period] for k in range(count)]
        return [_entries(_filled(weights), slot // stretch, np.array(columns))]

    run = max(1, stretch - period + 1)
    out = Layout.dense(weights.shape[0], stretch, run)
    return _regular(count, stretch, _doublings(1, min(stretch, period)), out, make)


def columnwise(weights: Matrix, layout: Layout, slots: int) -> Diagonals:
    """One diagonal for a matrix (m, n) whose input j fills a run of at least m slots, j·block on.

    Slot j·block + i gets the product of entry (i, j); folds over the blocks sum them up, and
    repeat the result with period pow2(m). So it undoes what ``strided`` does, with which it
    alternates: one product a layer, and log2 n rotations, one or two more every other layer.
    ShapeError when runs are shorter, or the blocks do not fill the slots evenly.
    """
    count = weights.shape[0]
    rows = power_of_two(count)
    if layout.run < count or rows > layout.block or layout.period > slots:
        raise ShapeError(
            f"a column of {count} outputs needs runs as long, not of {layout.run} slots"
        )

    def make() -> list[np.ndarray]:
        table = _entries(_filled(weights), np.arange(layout.block), layout.order[:, None])
        return [np.tile(table.reshape(1, -1), slots // layout.period)]

    folds = _doublings(rows, layout.period)
    return _regular(1, 1, folds, Layout.dense(count), make)


def windows(
    weights: Matrix, slots: int, copies: int = 1, shape: tuple[int, ...] = ()
) -> tuple[Diagonals, np.ndarray] | None:
    """A matrix on an input that its owner gathers by window: sparse ones, as a convolution's.

    Rows of ``weights`` (m, n) that use the same inputs share a window; a dense matrix has one.
    Slot (t·copies + c)·W + w of the upload holds the t-th input of window w (W windows, padded).
    The more copies, a power of two, the larger the upload, and the fewer rotations. Windows whose
    outputs are an image of a ``shape`` (channels, height, width) lie in rows of pow2(width), if
    there is room. Returns the diagonals and the gather table, shape (ciphertexts, slots), of input
    indices with -1 for zero; None where the result does not fit the slots, or has no use for so
    many copies.
    """
    if weights.shape[0] > slots:
        return None
    groups = _groups(weights)
    width, maps = power_of_two(len(groups)), power_of_two(max(map(len, groups.values())))
    if width * maps > slots or copies > maps:
        return None
    taps = max(power_of_two(max(map(len, groups))), slots // (width * copies))
    gather, order = np.full((taps, width), -1), np.full((maps, width), -1)
    for place, (used, rows) in zip(_places(groups, width, shape), groups.items(), strict=True):
        gather[: len(used), place], order[: len(rows), place] = used, rows
    gather = np.repeat(gather[:, None], copies, axis=1).reshape(-1, slots)
    gather = gather[np.any(gather >= 0, axis=1)]
    step, count = width * copies, maps // copies

    def make() -> list[np.ndarray]:
        slot_row = np.tile(order.reshape(-1), slots // order.size)
        columns = [np.roll(gather, -k * step, axis=-1) for k in range(count)]
        return list(_entries(_filled(weights), slot_row, np.stack(columns, axis=1)))

    folds, out = _doublings(width * maps, slots), Layout(1, order.reshape(-1))
    return _regular(count, step, folds, out, make, len(gather)), gather


def _groups(weights: Matrix) -> dict[tuple[int, ...], list[int]]:
    """Rows by the inputs that they use; all in one group where most use most inputs."""
    groups: dict[tuple[int, ...], list[int]] = {}
    found, (rows, columns) = scipy_sparse.csr_array(weights), weights.shape
    if 2 * found.count_nonzero() > rows * columns:
        return {tuple(range(columns)): list(range(rows))}
    for row, used in enumerate(supports(found)):
        groups.setdefault(tuple(used.tolist()), []).append(row)
    return groups


def supports(weights: scipy_sparse.csr_array) -> list[np.ndarray]:
    """For each row, the inputs whose weights are not zero, ascending."""
    found = weights.copy()
    found.eliminate_zeros()
    found.sort_indices()
    return np.split(found.indices, found.indptr[1:-1])


def _places(
    groups: dict[tuple[int, ...], list[int]], width: int, shape: tuple[int, ...]
) -> list[int]:
    """Where the windows lie: shifts by powers of two then lead from row to row."""
    if len(shape) != 3 or shape[1] * power_of_two(shape[2]) > width:
        return list(range(len(groups)))
    pixels = [divmod(rows[0] % (shape[1] * shape[2]), shape[2]) for rows in groups.values()]
    places = [y * power_of_two(shape[2]) + x for y, x in pixels]
    return places if len(set(places)) == len(places) else list(range(len(groups)))


def turn(steps: int, length: int) -> int:
    """Steps modulo the length of a vector; ShapeError where padding would be turned in."""
    size = power_of_two(length)
    if size != length:
        raise ShapeError(
            f"a vector of {length} does not rotate into itself: encrypt it padded to {size}, "
            f"np.pad(x, (0, {size - length}))"
        )
    return whole(steps, "steps", error=BadValue) % size


def sums(length: int) -> tuple[int, ...]:
    """The folds that leave the sum of a vector, repeated in the slots, in each of them."""
    return _doublings(1, power_of_two(length))


def check_shape(matrix: np.ndarray, length: int) -> None:
    """ShapeError unless a matrix (m, n) fits a vector of length n."""
    if matrix.ndim != 2 or matrix.shape[1] != length or not len(matrix):
        raise ShapeError(f"matrix {matrix.shape} times {length} values: shapes must agree")


def _regular(
    count: int, step: int, folds: tuple[int, ...], out: Layout, make: Make, inputs: int = 1
) -> Diagonals:
    """Diagonals at all multiples of a step: baby and giant steps are powers of two times it."""
    shifts = tuple(k * step for k in range(count))
    choices = [step << i for i in range(count.bit_length())]
    giant = cheapest_giant(shifts, inputs, choices)
    return Diagonals(shifts, giant, folds, out, make, inputs)


def _filled(weights: Matrix) -> Matrix:
    """A matrix with its zeros, unless it is smaller without them, as a convolution's is."""
    if isinstance(weights, np.ndarray) or 2 * weights.nnz < weights.shape[0] * weights.shape[1]:
        return weights
    return weights.toarray()


def _entries(weights: Matrix, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What a matrix has at these places; 0 for rows beyond it, and for -1."""
    rows, columns = np.broadcast_arrays(rows, columns)
    inside = (rows >= 0) & (rows < weights.shape[0]) & (columns >= 0)
    found = np.zeros(rows.shape)
    found[inside] = weights[rows[inside], columns[inside]]
    return found


def _doublings(first: int, end: int) -> tuple[int, ...]:
    """first, 2·first, 4·first … below end."""
    return tuple(first << i for i in range((max(end // first, 1) - 1).bit_length()))
