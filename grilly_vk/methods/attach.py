"""How methods come to Tensor, and PyTorch's names of arguments beside numpy's."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from ..calling import explained, explains
from ..tensor import Tensor

_SAME = (("axis", "dim"), ("keepdims", "keepdim"))


def with_dim(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, which takes `dim` and `keepdim` for `axis` and `keepdims` too."""
    method.__qualname__ = f"Tensor.{method.__name__}"  # before it is wrapped, for messages

    @functools.wraps(method)
    def wrapped(*args: Any, **named: Any) -> Any:
        if named:
            for ours, theirs in _SAME:
                if theirs in named:
                    if ours in named:
                        raise TypeError(f"{method.__name__} got both {ours} and {theirs}, which mean the same")
                    named[ours] = named.pop(theirs)
        try:
            return method(*args, **named)
        except TypeError as error:
            told = explained(error, method, Tensor, args, named)
            if told is None:
                raise
        raise told

    return explains(wrapped)


def attach(name: str, method: Callable[..., Any]) -> None:
    """Gives Tensor a method under a name."""
    setattr(Tensor, name, _named(name, method))


def _named(name: str, method: Any) -> Any:
    """A method that goes by a name; a copy of one that has another name already."""
    if method.__qualname__.startswith("Tensor."):
        if method.__name__ == name:
            return method
        doc, defaults = method.__doc__, method.__kwdefaults__
        method = types.FunctionType(method.__code__, method.__globals__, name, method.__defaults__, method.__closure__)
        method.__doc__, method.__kwdefaults__ = doc, defaults
    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    return method


def attached(kind: type[Tensor]) -> type[Tensor]:
    """Gives Tensor the methods and properties of a class, which is there for nothing else: a decorator."""
    for name, value in vars(kind).items():
        if isinstance(value, property):
            setattr(Tensor, name, value)
        elif isinstance(value, types.FunctionType):
            attach(name, value)
    return kind
