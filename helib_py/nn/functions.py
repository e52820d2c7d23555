"""Names of torch's functions and methods, by what they do to an expression."""

from __future__ import annotations

from typing import Any

#: What only moves, copies or drops numbers, or pads them with zeros.
MOVES = frozenset({
    "view", "view_as", "reshape", "flatten", "unflatten", "ravel", "permute", "transpose",
    "swapaxes", "swapdims", "movedim", "moveaxis", "squeeze", "unsqueeze", "contiguous", "clone",
    "detach", "chunk", "split", "tensor_split", "unbind", "narrow", "select", "getitem", "expand",
    "repeat", "tile", "roll", "flip", "cat", "concat", "concatenate", "stack", "hstack", "vstack",
    "dstack", "pad", "pixel_shuffle", "pixel_unshuffle", "channel_shuffle", "unfold", "to",
    "double", "float", "half", "bfloat16", "type", "type_as", "cpu", "repeat_interleave",
    "index_select", "diagonal", "rot90", "broadcast_to", "expand_as", "fliplr", "flipud", "tril",
    "triu",
})  # fmt: skip
#: Moves that no name of a layer needs to mention.
SILENT = frozenset({
    "contiguous", "clone", "detach", "to", "double", "float", "half", "bfloat16", "getitem",
    "expand", "type", "type_as", "cpu",
})  # fmt: skip
#: What does the same to every channel, and is affine.
CHANNELWISE = frozenset({
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d",
    "adaptive_avg_pool3d", "interpolate", "upsample",
})  # fmt: skip
REDUCTIONS = frozenset({"sum", "mean"})
#: What is affine in one argument, the others being constants.
LINEAR = CHANNELWISE | {
    "linear", "matmul", "rmatmul", "mm", "bmm", "mv", "addmm", "addmv", "baddbmm", "einsum",
    "tensordot", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
    "conv_transpose3d", "fold", "cumsum", "diff", "lerp",
}  # fmt: skip


def name_of(function: Any) -> str:
    """The name of a function, without what says that it works in place."""
    return str(getattr(function, "__name__", function)).strip("_")


def is_off(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether F.dropout(x, p, training) does nothing."""
    training = kwargs.get("training", args[2] if len(args) > 2 else True)
    return not training
