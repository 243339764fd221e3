"""What a converted network may consist of: maps that are affine in their input, rectifiers, and max pools."""

from __future__ import annotations

from typing import Any

from ... import families
from ..containers import Flatten, Identity
from ..layers.activation import Hardtanh, ReLU
from ..layers.conv import Conv1d, Conv2d
from ..layers.dropout import Dropout, Dropout1d, Dropout2d
from ..layers.linear import Linear
from ..layers.norm import BatchNorm1d, BatchNorm2d
from ..layers.pool import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d, SumPool2d
from ..module import Module, checked_module
from ..stateful import StatefulModule
from .network import ConvertedNetwork
from .node import RateNode
from .trace import Call, Step, Trace

WEIGHTED = (Linear, Conv1d, Conv2d)
NORMS = (BatchNorm1d, BatchNorm2d)
RECTIFIERS = (ReLU, Hardtanh)  # ReLU6 is a Hardtanh
REMOVED = (Identity, Dropout, Dropout1d, Dropout2d)
_KNOWN = (*WEIGHTED, *NORMS, *RECTIFIERS, *REMOVED, MaxPool2d, AvgPool2d, SumPool2d, AdaptiveAvgPool2d, Flatten)

# Operations of a forward that keep means over time: f(mean(x)) = mean(f(x)).
_AFFINE = {
    "add", "sub", "neg", "scale", "reshape", "permute", "cat", "pad", "getitem", "broadcast_to", "clone", "sum",
    "avg_pool2d", "sum_pool2d", "adaptive_avg_pool2d", "avg_pool1d", "adaptive_avg_pool1d", "interpolate",
}  # fmt: skip
_PRODUCTS = {  # affine if one factor does not depend on the input
    "mul", "div", "matmul", "linear", "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d",
}  # fmt: skip
_INSTEAD = {
    "relu": "nn.ReLU()", "clamp": "nn.ReLU6() or nn.Hardtanh(0, max)", "maximum": "nn.ReLU()",
    "hardtanh": "nn.ReLU6() or nn.Hardtanh(0, max)",
    "max_pool2d": "nn.MaxPool2d(...)", "batch_norm": "nn.BatchNorm1d(...) or nn.BatchNorm2d(...)",
}  # fmt: skip


def kind(module: Module, kinds: Any) -> bool:
    """Whether a module is one of these layers, with the forward that we know."""
    return any(isinstance(module, cls) and type(module).forward is cls.forward for cls in kinds)


def check_model(ann: Any) -> None:
    """Raises where something can't be converted whatever its forward does.

    Raises:
        TypeError: ann is no Module.
        ValueError: a converted network, spiking nodes, or training mode.
    """
    checked_module("ann", ann)
    for name, module in ann.named_modules():
        shown = f"{type(module).__name__} ({name!r})" if name else type(module).__name__
        if isinstance(module, (RateNode, ConvertedNetwork)):
            raise ValueError(f"ann is converted already: it holds {shown}; convert the network that it came from")
        known = families.family(module)
        if isinstance(module, StatefulModule) or known in ("core", "trace", "flat"):
            kind = ", ".join(families.FAMILIES[known][:2]) if known else "which keeps a state"
            raise ValueError(f"ann holds {shown}, {kind}; networks of nn.ReLU() are converted")
        if module.training:
            raise ValueError(
                f"ann is in training mode (at least {shown}); call ann.eval() first, so that batch norm uses "
                "its running statistics and dropout is off"
            )


def check(found: Trace) -> None:
    """Raises where the forward does what spikes can't, and marks what lies behind an activation.

    Raises:
        ValueError: such a layer or operation, by name, with what to do; or no activation at all.
    """
    rectifiers = 0
    for step in found.steps:
        step.spiking = any(isinstance(source, Step) and source.spiking for source in step.inputs)
        if kind(step.module, RECTIFIERS):
            _check_rectifier(step)
            step.spiking = True
            rectifiers += 1
        elif step.name == "max_pool2d" and kind(step.module, (MaxPool2d,)):
            if getattr(step.module, "return_indices", False):
                raise ValueError(
                    f"{step.call} returns indices, which change from step to step; use return_indices=False"
                )
        elif step.name == "batch_norm" and kind(step.module, NORMS):
            if getattr(step.module, "running_mean", None) is None:
                raise ValueError(
                    f"{step.call} has no running statistics, so that each output depends on the whole batch; train it "
                    "with track_running_stats=True"
                )
        elif not _affine(step):
            raise ValueError(_refusal(step))
        if not step.shape or step.shape[0] != found.shape[0]:
            raise ValueError(
                f"{_where(step)} turns a batch of {found.shape[0]} into shape {step.shape}; samples must stay apart, "
                "along the first axis"
            )
    if not rectifiers:
        raise ValueError(
            "ann has no activation that can become spikes: none of nn.ReLU(), nn.ReLU6(), nn.Hardtanh(0, max) is called"
        )


def _check_rectifier(step: Step) -> None:
    module = step.module
    if isinstance(module, Hardtanh) and module.min_val != 0.0:
        raise ValueError(
            f"{step.call} cuts at {module.min_val}, and rates can't be negative; train the network with "
            f"nn.Hardtanh(0, {module.max_val})"
        )


def _affine(step: Step) -> bool:
    """Whether an operation commutes with the mean over time."""
    depends = step.from_input()
    if step.name in _AFFINE:
        return True
    if step.name in _PRODUCTS:
        return depends == [0] or (depends == [1] and step.name in ("mul", "matmul"))
    return False


def _where(step: Step) -> str:
    return f"the operation {step.name} in {step.call}"


def _refusal(step: Step) -> str:
    """Why a step can't be converted, and what to do."""
    module = step.module
    theirs = type(module).__module__.startswith("grilly_vk.nn.") and not kind(module, _KNOWN) and not module._modules
    if theirs:
        return (
            f"{step.call} can't become spikes: only nn.ReLU(), nn.ReLU6() and nn.Hardtanh(0, max) can, between layers "
            "that are affine; train the network with one of these instead"
        )
    after = next((s.call for s in step.inputs if isinstance(s, Step) and s.call is not step.call), None)
    place = f"in the forward of {step.call}" + (f", after {after}," if after is not None else "")
    if step.name in _INSTEAD:
        return (
            f"{step.name} {place} is called as a function, which the converter can't replace; make it a module, "
            f"{_INSTEAD[step.name]}, as a part of {type(module).__name__}, and call that"
        )
    if step.name in _PRODUCTS:
        return (
            f"{step.name} {place} multiplies or divides by what depends on the input, which rates can't; leave it out"
        )
    return (
        f"{step.name} {place} can't become spikes: between activations a network must be affine; leave it out, or "
        "after the last layer apply it to the converted network's output"
    )


def last_rectifier(found: Trace) -> Call | None:
    """The activation that everything the network gives comes from by affine maps alone; None: there is none.

    The mean over time may then be taken there, since it commutes with what follows.
    """
    last = next(step for step in reversed(found.steps) if kind(step.module, RECTIFIERS))
    after = {id(last)}
    for step in found.steps[found.steps.index(last) + 1 :]:
        sources = [step.inputs[i] for i in step.from_input()]
        if step.name == "max_pool2d" or any(id(source) not in after for source in sources):
            return None
        after.add(id(step))
    return last.call


def mixes(found: Trace) -> bool:
    """Whether an operation takes something that no spike has reached together with something that one has."""
    for step in found.steps:
        sources = [step.inputs[i] for i in step.from_input()]
        if len({isinstance(source, Step) and source.spiking for source in sources}) > 1:
            return True
    return False
