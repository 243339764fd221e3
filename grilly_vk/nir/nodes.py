"""NIR's node types: what each holds, the module that it becomes, and how it is written again from that module."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..nn.containers import Flatten
from ..nn.layers.conv import Conv1d, Conv2d
from ..nn.layers.linear import Linear
from ..nn.layers.pool import AvgPool2d, SumPool2d
from ..nn.module import Module, Parameter
from .meaning import Meaning
from .neurons import NEURONS, Neuron
from .parts import Delay, Product, Scale, Threshold
from .shapes import given, pair

OURS = "grilly_vk"  # the key of our metadata


@dataclass
class Node:
    """A node of a graph as it was read, without the package's own class.

    Args:
        name: in the whole graph; nodes of nested graphs have the names of those in front, with dots.
        kind: NIR's type.
        fields: its parameters; weights are dropped when the module that holds them is made.
        metadata: as it was read.
    """

    name: str
    kind: str
    fields: SimpleNamespace
    metadata: dict[str, Any] = field(default_factory=dict)


def _array(value: Any) -> np.ndarray:
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def _whole(value: Any) -> int:
    return operator.index(np.asarray(value).reshape(-1)[0])


def _numbers(value: Any) -> Any:
    """One whole number or several; None and words as they are."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    found = np.asarray(value)
    return _whole(found) if found.ndim == 0 else tuple(operator.index(n) for n in found.reshape(-1))


_CONV: dict[str, Callable[[Any], Any]] = {
    "input_shape": _numbers, "weight": _array, "stride": _numbers, "padding": _numbers, "dilation": _numbers,
    "groups": _whole, "bias": _array,
}  # fmt: skip
_POOL: dict[str, Callable[[Any], Any]] = {"kernel_size": _numbers, "stride": _numbers, "padding": _numbers}
FIELDS: dict[str, dict[str, Callable[[Any], Any]]] = {
    "Input": {"input_type": given},
    "Output": {"input_type": given},
    "Affine": {"weight": _array, "bias": _array},
    "Linear": {"weight": _array},
    "Scale": {"scale": _array},
    "Conv1d": _CONV,
    "Conv2d": _CONV,
    "SumPool2d": _POOL,
    "AvgPool2d": _POOL,
    "Flatten": {"input_type": given, "start_dim": _whole, "end_dim": _whole},
    "Threshold": {"threshold": _array},
    "Delay": {"delay": _array},
    **{kind: dict.fromkeys(cls.fields, _array) for kind, cls in NEURONS.items()},
}


def read(name: str, node: Any) -> Node:
    """A node of the package as ours.

    Raises:
        ValueError, TypeError: a type that is not NIR's, or a field that holds something else.
    """
    kind = type(node).__name__
    if kind not in FIELDS:
        raise ValueError(f"node {name!r} is of type {kind}, which is not one of {', '.join(sorted(FIELDS))}")
    fields = {}
    for key, read_as in FIELDS[kind].items():
        try:
            fields[key] = read_as(getattr(node, key))
        except (AttributeError, TypeError, ValueError, IndexError) as error:
            raise ValueError(f"node {name!r} ({kind}): {key} can't be {shown(getattr(node, key, None))}") from error
    metadata = node.metadata if isinstance(getattr(node, "metadata", None), dict) else {}
    return Node(name, kind, SimpleNamespace(**fields), dict(metadata))


# ---- to modules ----


def module_of(node: Node, meaning: Meaning | None, rank: int) -> Module | None:
    """The module that a node becomes; None where what arrives goes on as it is.

    Args:
        meaning: of neurons and delays in steps.
        rank: axes of its input, without time and batch.

    Raises:
        ValueError, TypeError: parameters that it can't have.
    """
    f = node.fields
    if node.kind in NEURONS:
        assert meaning is not None
        noted = node.metadata.get(OURS)
        return NEURONS[node.kind](meaning, noted if isinstance(noted, dict) else None, **vars(f))
    if node.kind == "Delay":
        assert meaning is not None
        return Delay(f.delay, meaning.dt)
    if node.kind == "Threshold":
        return Threshold(f.threshold, ">" if meaning is None else meaning.comparator)
    for name in ("weight", "bias", "scale"):
        if getattr(f, name, None) is not None and f.__dict__[name].dtype != object:  # None is an object's array
            arguments.numbers_of(name, f.__dict__[name])
    made: Module | None = _MODULES[node.kind](f, rank) if node.kind in _MODULES else None
    for name in ("weight", "bias", "scale"):  # the module holds them now
        if made is not None:
            vars(f).pop(name, None)
    return made


def _weights(module: Any, f: Any) -> Any:
    for name in ("weight", "bias"):
        if hasattr(f, name):
            setattr(module, name, Parameter(np.ascontiguousarray(getattr(f, name), np.float32)))
    return module


def _dense(f: Any, rank: int) -> Module:
    if f.weight.ndim < 2:
        raise ValueError(f"weight has shape {f.weight.shape}; expected (..., out, in)")
    bias = getattr(f, "bias", None)
    if bias is not None and (bias.ndim == 0 or bias.shape[-1] != f.weight.shape[-2]):
        raise ValueError(f"bias has shape {bias.shape}; expected {f.weight.shape[:-1]}")
    if f.weight.ndim > 2:
        return Product(f.weight, bias)
    out, into = f.weight.shape
    return _weights(Linear(into, out, bias=bias is not None), f)


def _conv(f: Any, rank: int) -> Module:
    axes = f.weight.ndim - 2
    if axes != rank - 1:
        raise ValueError(f"weight has shape {f.weight.shape}; expected {rank + 1} axes")
    out, into, *kernel = f.weight.shape
    bias = getattr(f, "bias", None)
    if bias is not None and bias.ndim == 0:  # None, as some write it
        del f.bias
        bias = None
    elif bias is not None and bias.shape != (out,):
        raise ValueError(f"bias has shape {bias.shape}; expected ({out},)")
    padding: Any = f.padding if isinstance(f.padding, str) else _of(f.padding, axes)
    made = (Conv1d if axes == 1 else Conv2d)(
        into * f.groups, out, tuple(kernel), _of(f.stride, axes), padding,
         _of(f.dilation, axes), f.groups, bias=bias is not None,
    )  # fmt: skip
    return _weights(made, f)


def _of(value: Any, axes: int) -> Any:
    return pair(value)[:axes] if axes == 2 else pair(value)[0]


def _pool(kind: Any) -> Callable[[Any, int], Module]:
    return lambda f, rank: kind(pair(f.kernel_size), pair(f.stride), pair(f.padding))


def _flatten(f: Any, rank: int) -> Module:
    start, end = f.start_dim, f.end_dim
    return Flatten(start + 1 if start >= 0 else start, end + 1 if end >= 0 else end)


_MODULES: dict[str, Callable[[Any, int], Module]] = {
    "Affine": _dense,
    "Linear": _dense,
    "Scale": lambda f, rank: Scale(f.scale),
    "Conv1d": _conv,
    "Conv2d": _conv,
    "SumPool2d": _pool(SumPool2d),
    "AvgPool2d": _pool(AvgPool2d),
    "Flatten": _flatten,
}


# ---- back ----

_MADE: dict[str, tuple[type, ...]] = {
    "Affine": (Linear, Product), "Linear": (Linear, Product), "Scale": (Scale,), "Conv1d": (Conv1d,),
    "Conv2d": (Conv2d,), "SumPool2d": (SumPool2d,), "AvgPool2d": (AvgPool2d,), "Flatten": (Flatten,), "Delay": (Delay,),
    "Threshold": (Threshold,), **{kind: (cls,) for kind, cls in NEURONS.items()},
}  # fmt: skip


def is_own(node: Node, module: Any) -> bool:
    """Whether a part is still of the class that was made of its node, and runs as that does."""
    made = _MADE.get(node.kind)
    return made is None or (type(module) in made and "forward" not in vars(module))


def fields_of(node: Node, module: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the package's class takes for a node that was read, with what its module holds by now, and its metadata."""
    fields, metadata = dict(vars(node.fields)), dict(node.metadata)
    for name in FIELDS[node.kind]:
        held = getattr(module, name, None)
        if name in ("weight", "bias", "scale") and held is not None:
            fields[name] = held.detach().numpy()
    if "weight" in fields and "bias" in FIELDS[node.kind] and "bias" not in fields:
        fields["bias"] = np.zeros(fields["weight"].shape[0], np.float32)
    if isinstance(module, (Neuron, Threshold, Delay)):
        own = [getattr(module, name) for name in FIELDS[node.kind]]  # a number that was assigned stands for all
        fields |= zip(FIELDS[node.kind], map(np.array, np.broadcast_arrays(*own)))
    if isinstance(module, Neuron):
        metadata[OURS] = {**module.meaning.written(), **module.noted_now()}
    elif isinstance(module, Threshold):
        metadata[OURS] = {"comparator": module.comparator}
    elif isinstance(module, Delay):
        metadata[OURS] = {"dt": module.dt}
    return fields, metadata


def built(library: Any, kind: str, fields: dict[str, Any], metadata: dict[str, Any]) -> Any:
    """A node of the package."""
    own = {name: np.array(value) if isinstance(value, np.ndarray) else value for name, value in fields.items()}
    shape = own.pop("input_type", None) if kind in ("Input", "Output", "Flatten") else None
    if kind in ("Input", "Output", "Flatten"):
        key = "output" if kind == "Output" else "input"
        own[f"{key}_type"] = {key: None if shape is None else np.array(shape, np.int64)}
    if kind in ("SumPool2d", "AvgPool2d"):
        own = {name: np.array(pair(value)) for name, value in own.items()}
    return getattr(library, kind)(**own, metadata=metadata)
