"""The commonest wrong calls, made out of a right one: each argument as something else, and what must come of it."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes

import grilly_vk as g
from grilly_vk import nn
from grilly_vk.data import DataLoader
from grilly_vk.monitor import FiringRateReport


class Foreign:
    """An array of another library as torch's tensors are: with `__array__`, a shape and a length; none of numpy's."""

    def __init__(self, values):
        self._values = values

    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: self._values.dtype)
    ndim = property(lambda self: self._values.ndim)

    def __array__(self, dtype=None, copy=None):
        return self._values if dtype is None else self._values.astype(dtype)

    def __len__(self):
        return len(self._values)

    def __getitem__(self, key):
        return Foreign(self._values[key])


class Alien:
    """Of no use to anybody."""


@dataclasses.dataclass
class Variant:
    """A wrong call.

    Attributes:
        kind: what is wrong.
        argument: which; "" if it is no single one.
        args, named: of the call.
        allowed: (the right call's result, this one's) -> whether it is right too, array by array; None: it must raise.
        came: words of which an error has one, to say what came.
        beside: arguments of another call, whose result counts as the right one.
        option: whether the argument has a default, and what came for it may be told by another one that it excludes.
        works: whether it is no error: arrays of other libraries, lists and float64 where numpy's arrays are taken.
    """

    kind: str
    argument: str
    args: list[Any]
    named: dict[str, Any]
    allowed: Callable[[np.ndarray, np.ndarray], Any] | None = None
    came: tuple[str, ...] = ()
    beside: Any = None
    option: bool = False
    works: bool = False


OF_OPTIONS = {"a class", "an object", "a word", "a dict", "an array", "a complex number"}  # of arguments with defaults
INSIDE = {"steps", "repeat", "batches", "engine"}  # arguments that containers, layers and operations give


def variants(function: Callable[..., Any], call: Callable[[], tuple[list[Any], dict[str, Any]]]) -> Iterator[Variant]:
    """All wrong calls that can be made of a right one; `call` gives its arguments, fresh ones each time."""
    args, named = call()
    signature = inspect.signature(function)
    takes = dict(signature.parameters)
    for place, name in [*enumerate(_by_place(takes, args)), *((k, k) for k in named)]:

        def with_(value, place=place):
            args, named = call()
            if isinstance(place, int):
                args[place] = value
            else:
                named[place] = value
            return args, named

        yield from _of(name, args[place] if isinstance(place, int) else named[place], takes.get(name), with_)
    for p in takes.values():
        left_out = p.name not in named and p.name not in _by_place(takes, args)
        if left_out and p.default is not p.empty:

            def by_name(value, name=p.name):
                args, named = call()
                return args, {**named, name: value}

            for v in _of(p.name, p.default, p, by_name):
                if v.kind in OF_OPTIONS and p.name not in INSIDE:
                    yield dataclasses.replace(v, came=(), option=True)
    if args:
        fewer, named = call()
        try:
            signature.bind(*fewer[:-1], **named)
        except TypeError:
            yield Variant("one argument too few", "", fewer[:-1], named)


def _by_place(takes: dict[str, inspect.Parameter], args: list[Any]) -> list[str]:
    """What the signature calls the arguments that are given by place."""
    found: list[str] = []
    for p in takes.values():
        several = p.kind is p.VAR_POSITIONAL
        found += [p.name] * (len(args) - len(found) if several else p.kind is not p.KEYWORD_ONLY)
    return found[: len(args)]


def _of(name: str, value: Any, parameter: Any, with_: Callable[[Any], Any]) -> Iterator[Variant]:
    """The variants of one argument."""

    def variant(kind, wrong, *came, allowed=None):
        return Variant(kind, name, *with_(wrong), allowed, came)

    yield variant("a class", nn.Linear, "Linear", "type", "class")
    yield variant("an object", Alien(), "Alien", "object")
    yield variant("a word", "many", "many", "str", "<U4")
    yield variant("a dict", {"a": 1.0}, "dict", "{", "float", "str", "'a'", "(a)")
    if isinstance(value, nn.Module):
        yield variant("a core", nn.LIF((4,)), "LIF", "V")
        yield variant("a flat neuron", nn.LIFNeuron(4), "LIFNeuron")
    else:
        yield variant("a module", nn.ReLU(), "ReLU", "Tensor")
    optional = parameter is not None and (parameter.default is None or "None" in str(parameter.annotation))
    if value is not None and not optional:
        yield variant("None", None, "None", "none", "missing", "needs", "takes", "empty")
    home = np.asarray
    if isinstance(value, g.Tensor):
        value, home = value.numpy(), g.tensor
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "biuf":
        yield variant("complex numbers", value.astype(np.complex64), "complex", "ndarray")
        yield variant("words", np.full(value.shape, "one"), "<U3", "str", "ndarray")
        others = [("a foreign array", Foreign(value)), ("lists", value.tolist())]
        if value.dtype == np.float32:
            others.append(("float64", value.astype(np.float64)))
        for kind, other in others:
            came = ("Foreign", "list", "float", "int", "shape", "ndarray")
            yield dataclasses.replace(variant(kind, other, *came, allowed=_same), works=home is np.asarray)
        filled = with_(home(np.full(value.shape, 0.5, value.dtype))) if value.dtype.kind == "f" else None
        yield dataclasses.replace(variant("a scalar", 0.5, allowed=_as_filled), beside=filled)
        yield variant("one too few", home(value[..., :-1].copy()), allowed=_as_cut)
        if value.ndim > 1:
            yield variant("no batch", home(value[0].copy()), allowed=_as_first)
            yield variant("axes turned", home(np.ascontiguousarray(value.T)), allowed=_as_turned)
    elif isinstance(value, (list, tuple, int, float, nn.Module)) or callable(value):
        yield variant("an array", np.full((2, 3), 0.5, np.float32), "(2, 3)", "(3,)", "ndarray", "0.5")
    if isinstance(value, (bool, int, float)):
        yield variant("a complex number", 1j, "complex", "1j")
        yield variant("a list", [[1]], "list", "[[1]]", "(1, 1)", "[1]")


# What is wrong with these may be told by any argument that they don't fit.
SHAPES = {"a scalar", "no batch", "one too few", "axes turned", "one argument too few", "a core", "a flat neuron"}


def _same(right, got):
    return got.shape == right.shape and np.allclose(got, right, 1e-6, 0, equal_nan=True)


def _close(a, b):
    return a.shape == b.shape and np.allclose(a, b, 1e-5, 1e-6, equal_nan=True)


def _as_filled(right, got):
    """As of an array that is filled with it, up to broadcasting."""
    return got.shape in ((), right.shape) and _close(np.broadcast_to(got, right.shape), right)


def _as_cut(right, got):
    """What is last is last of the result, and the rest does not depend on it."""
    return right.ndim and right.shape[-1] and _close(got, right[..., :-1])


def _as_first(right, got):
    """The entry of the batch alone."""
    return right.ndim and len(right) and _close(got, right[0])


def _as_turned(right, got):
    """The result turned as well."""
    return _close(got, right.T)


def leaves(result: Any) -> list[np.ndarray]:
    """The numbers of a result, array by array; of modules their state, of pictures what is drawn."""
    if isinstance(result, g.Tensor):
        return [result.numpy()]
    if isinstance(result, np.ndarray) and result.dtype.names:
        return [result[name] for name in result.dtype.names]
    if isinstance(result, (np.ndarray, np.generic, int, float)):
        return [np.asarray(result)]
    if isinstance(result, dict):
        return [a for v in result.values() for a in leaves(v)]
    if isinstance(result, (list, tuple)):
        return [a for v in result for a in leaves(v)]
    if isinstance(result, nn.Module):
        return leaves([*result.state_dict().values(), getattr(result, "_run", [])])
    if isinstance(result, DataLoader):
        return leaves(result.arrays)
    if isinstance(result, FiringRateReport):
        return [np.asarray(layer.rates) for layer in result.layers]
    if isinstance(result, Axes):
        drawn = [np.asarray(line.get_xydata()) for line in result.lines] + [i.get_array() for i in result.images]
        drawn += [np.asarray(p.get_xy()) for p in result.patches]
        return drawn + [np.asarray(c.get_offsets()) for c in result.collections]
    return []
