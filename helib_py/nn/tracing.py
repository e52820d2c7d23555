"""Writing down what a network computes: torch.fx runs its ``forward`` on stand-ins, once."""

from __future__ import annotations

import copy
import inspect
import linecache
import os
import sys
import traceback
from textwrap import shorten
from types import FrameType
from typing import Any

import torch
from torch import fx, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter
from torch.nn.utils import parametrize, prune
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.overrides import TorchFunctionMode

from ..errors import BadValue, NotPolynomial, ShapeError
from .modules import PolynomialActivation, Quadratic, Square

#: Our modules that are read as they are; a subclass is read by what its own ``forward`` does.
OURS = (PolynomialActivation, Quadratic, Square)
#: They only set a weight.
_WEIGHT_HOOKS = (WeightNorm, SpectralNorm, prune.BasePruningMethod)
UNSTEADY = (
    "the network's forward does not do the same each time, or not when it is traced: leave out "
    "counters and random numbers, and write x = x + y for x += y"
)
LONGEST = 100  #: characters of a line that a refusal quotes
_COARSE = (torch.float32, torch.float16, torch.bfloat16)
_WRAPPERS = (nn.DataParallel, nn.parallel.DistributedDataParallel)


class _Tracer(fx.Tracer):
    """Sees through everything but torch's own layers and ours; notes whose line a step is."""

    def create_proxy(self, *given: Any, **named: Any) -> Any:
        """A step, with the user's line that it comes from."""
        proxy = super().create_proxy(*given, **named)
        proxy.node.meta["line"] = _caller()
        return proxy

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Torch's layers, but no containers, and no class of the user's."""
        kind = type(m).__base__ if parametrize.is_parametrized(m) else type(m)
        home = str(getattr(kind, "__module__", ""))
        theirs = home.startswith("torch.nn.modules") and not home.endswith("container")
        return kind in OURS or theirs

    def create_args_for_root(self, root_fn: Any, is_module: bool, *_: Any) -> Any:
        """One input, as in net(x): others keep their defaults."""
        return super().create_args_for_root(lambda module, x: root_fn(module, x), is_module)


class InDouble(TorchFunctionMode):
    """Within it, what torch's functions make is in double precision, as the weights are."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Casts and new tensors of a network's forward among them."""
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and out.dtype in _COARSE:
            return out.double()
        return out


def prepared(net: nn.Module) -> nn.Module:
    """A copy in double precision, in evaluation mode, on the CPU.

    Raises BadValue for weights that are no numbers or not there yet, NotPolynomial for what would
    change what a layer computes unseen.
    """
    new = copied(net).double().cpu().eval()
    for module in list(new.modules()):
        if parametrize.is_parametrized(module):
            _settle(module)
        for name, value in vars(module).items():  # weights that nobody registered
            if isinstance(value, torch.Tensor) and value.dtype in _COARSE:
                setattr(module, name, value.detach().double().cpu())
    return new


def _settle(module: Any) -> None:
    """Computed weights become plain ones; torch's own way would change the original's class."""
    values = {name: getattr(module, name).detach() for name in module.parametrizations}
    module.__class__ = type(module).__base__
    del module.parametrizations
    for name, value in values.items():
        setattr(module, name, nn.Parameter(value))


def copied(net: nn.Module) -> nn.Module:
    """A deep copy of a network that can be read, out of what wraps it; else as ``prepared``."""
    net = net.module if isinstance(net, _WRAPPERS) else getattr(net, "_orig_mod", net)
    if not isinstance(net, nn.Module):
        raise BadValue(f"{_described(net)}: pass a torch network, an instance of nn.Module")
    if isinstance(net, torch.jit.ScriptModule):
        raise BadValue("this network is compiled by torch.jit: pass the one it was made from")
    for name, value in [*net.named_parameters(), *net.named_buffers()]:
        _check_weights(name, value)
    refuse_hooks(net)
    held = [value for module in net.modules() for value in vars(module).values()]
    computed = [v for v in held if isinstance(v, torch.Tensor) and not v.is_leaf]  # by a hook
    try:
        return copy.deepcopy(net, {id(v): v.detach().clone() for v in computed})
    except Exception as error:  # a module may hold anything
        raise BadValue(f"this network cannot be copied: {error}") from error


def _check_weights(name: str, value: torch.Tensor) -> None:
    """BadValue for weights that are not there, no numbers, or complex."""
    if isinstance(value, UninitializedParameter | UninitializedBuffer):
        raise BadValue(f"{name} has no values yet: run the network once, net(x), before")
    if value.is_meta:
        raise BadValue(f"{name} has no values, it is on the device meta: load its weights before")
    if value.is_complex():
        raise BadValue(f"{name} is complex: only real networks can be read")
    if not torch.isfinite(value.detach()).all():
        raise BadValue(f"{name} holds NaN or infinity: train again, or load other weights")


def refuse_hooks(net: nn.Module) -> None:
    """NotPolynomial for hooks, which would change what a layer computes unseen."""
    for name, module in net.named_modules():
        hooks = [*module._forward_hooks.values(), *module._forward_pre_hooks.values()]
        if any(not isinstance(hook, _WEIGHT_HOOKS) for hook in hooks):
            raise NotPolynomial(
                f"{_named(name, module)} has a forward hook, which may change what it computes: "
                "remove it with the handle that register_forward_hook gave"
            )


def outputs_of(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What a network gives for examples: finite, and as many; or it is said what is wrong."""
    try:
        out = net(x.clone())
    except Exception as error:  # forward is anybody's code
        raise ShapeError(
            f"the network fails on inputs of shape {tuple(x.shape)}: {_brief(error)}"
        ) from error
    if not isinstance(out, torch.Tensor):
        kind = type(out).__name__.removeprefix("immutable_")
        raise NotPolynomial(
            f"the network gives {kind}: let it return one tensor of outputs that depends on its "
            "input"
        )
    if not out.ndim or len(out) != len(x):
        raise ShapeError(
            f"the network gives outputs of shape {tuple(out.shape)} for {len(x)} inputs: it mixes "
            "the inputs of a batch, whose axis is the first and stays"
        )
    if not torch.isfinite(out).all():
        raise BadValue("the network gives NaN or infinity for these examples: see to its weights")
    return out


def trace(net: nn.Module) -> fx.GraphModule:
    """The graph of a network that is prepared; NotPolynomial names the line that cannot run."""
    _check_inputs(net)
    try:
        return fx.GraphModule(net, _Tracer().trace(net))
    except fx.proxy.TraceError as error:
        raise NotPolynomial(
            f"{_line(error)} decides by values or shapes that are not known while the network is "
            "read: write it without if, assert and loops over them, or compute it outside of the "
            "network"
        ) from error
    except Exception as error:  # forward is anybody's code
        raise NotPolynomial(
            f"{_line(error)} fails on what stands for encrypted values ({_brief(error)}): write "
            "it with functions of torch on whole tensors, without numpy, len(x) and x[…] = y"
        ) from error


def _check_inputs(net: nn.Module) -> None:
    """NotPolynomial for a forward that cannot be called as net(x)."""
    try:
        inspect.signature(net.forward).bind(None)
    except TypeError as error:
        raise NotPolynomial(
            f"{type(net).__name__}.forward cannot be called as net(x) ({error}): let it take one "
            "tensor, of which it cuts its parts"
        ) from error


def place(node: fx.Node) -> str:
    """What a refusal calls a step: its layer, or the line of the user's code."""
    if node.op == "call_module":
        module = node.graph.owning_module
        kind = type(module.get_submodule(str(node.target))).__name__ if module else "module"
        return f"layer {node.target} ({kind})"
    return f"the line {line}" if (line := node.meta.get("line")) else f"the step {node}"


def _brief(error: Exception) -> str:
    return str(error).split("\n")[0].split(". ")[0]


def _caller() -> str:
    """The innermost line of the network that is being run and is neither torch's nor ours."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and _theirs(frame.f_code.co_filename):
        if frame.f_code is trace.__code__:
            return ""
        frame = frame.f_back
    if frame is None:
        return ""
    line = shorten(linecache.getline(frame.f_code.co_filename, frame.f_lineno), LONGEST)
    owner = frame.f_locals.get("self")
    whose = f" of {type(owner).__name__}" if isinstance(owner, nn.Module) else ""
    return f"`{line}`{whose}" if line else ""


def _theirs(filename: str) -> bool:
    return any(
        part in filename for part in (f"{os.sep}torch{os.sep}", f"{os.sep}helib_py{os.sep}")
    )


def _line(error: Exception) -> str:
    """The user's line that an exception passed through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not _theirs(frame.filename) and frame.line:
            return f"the line `{shorten(frame.line, LONGEST)}` of {frame.name}"
    return "the network's forward"


def _named(name: str, module: nn.Module) -> str:
    return f"layer {name} ({type(module).__name__})" if name else type(module).__name__


def _described(net: Any) -> str:
    return f"the class {net.__name__}" if isinstance(net, type) else type(net).__name__
