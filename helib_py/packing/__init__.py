"""Matrix times vector on slots: how a matrix is cut into diagonals, and how they are applied.

Pure numpy: nothing here knows a scheme or a key. Rotations are by ``np.roll(x, -k)``.
"""

from .diagonals import Diagonals, encode_diagonals, fold, products
from .kernels import check_shape, columnwise, cyclic, strided, sums, turn, windows
from .sparse import placements, pooled, sparse

__all__ = [
    "Diagonals", "check_shape", "columnwise", "cyclic", "encode_diagonals", "fold", "placements",
    "pooled", "products", "sparse", "strided", "sums", "turn", "windows",
]  # fmt: skip
