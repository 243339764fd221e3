"""How methods come to Tensor, and PyTorch's names of arguments beside numpy's."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..calling import explained, explains
from ..tensor import Tensor

_SAME = (("axis", "dim"), ("keepdims", "keepdim"))


def with_dim(method: Callable[..., Any]) -> Callable[..., Any]:
    """The method, which takes `dim` and `keepdim` for `axis` and `keepdims` too."""

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
    method.__name__ = name
    method.__qualname__ = f"Tensor.{name}"
    setattr(Tensor, name, method)


def attach_all(methods: dict[str, Callable[..., Any]], *, dims: bool = False) -> None:
    """Gives Tensor several methods, with PyTorch's names of arguments if `dims`."""
    for name, method in methods.items():
        method.__name__ = name  # before it is wrapped, for messages
        attach(name, with_dim(method) if dims else method)
