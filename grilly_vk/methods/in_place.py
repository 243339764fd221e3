"""Methods that change a tensor in place; none of them on a tensor that is on the tape."""

from __future__ import annotations

import inspect
from typing import Any

from .. import arguments
from ..calling import explaining
from ..creation import bernoulli, full_like, rand_like, randn_like
from ..ops import elementwise as e
from ..ops.elementwise import as_tensor, cast
from ..ops.pointwise import UNARY_METHODS
from ..ops.shape import broadcast_to
from ..tensor import Tensor
from ..typing import ArrayLike
from . import elementwise, picking, shapes
from .attach import attach, attached

_NEEDED = (elementwise, picking, shapes)  # they attach what is changed here


def _stored(self: Tensor, name: str, result: Tensor) -> Tensor:
    """The tensor itself, with a result in its memory."""
    if result.dtype is not self.dtype:
        article = "an" if str(self.dtype)[0] in "iu" else "a"
        raise TypeError(f"a {result.dtype} result of {name} can't go into {article} {self.dtype} tensor in place")
    if result.shape != self.shape:
        raise ValueError(f"a result of {name} of shape {result.shape} doesn't broadcast to {self.shape}, in place")
    self.assign(result.detach())
    return self


def _operator(name: str) -> Any:
    def change(self: Tensor, other: Any) -> Tensor:
        return _stored(self, name, e.binary(name, self.detach(), other))

    change.__doc__ = f"{name} in place; not on a tensor that is on the tape."
    return change


def _changing(name: str) -> Any:
    method = explaining(getattr(Tensor, name), Tensor)

    def change(self: Tensor, *args: Any, **named: Any) -> Tensor:
        return _stored(self, name, method(self.detach(), *args, **named))

    change.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
    change.__doc__ = f"`{name}` in place.  Returns the tensor itself.\n\nRaises:\n    RuntimeError: it is on the tape."
    return change


for _python, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "pow": "pow", "mod": "mod", "floordiv": "floordiv",
    "and": "and", "or": "or", "xor": "xor",
}.items():  # fmt: skip
    attach(f"__i{_python}__", _operator(_name))
for _name in (
    *UNARY_METHODS, "add", "clamp", "clip", "div", "fmod", "index_add", "lerp", "logical_not", "masked_fill", "mul",
    "pow", "reciprocal", "remainder", "round", "rsqrt", "scatter", "scatter_add", "square", "sub",
):  # fmt: skip
    attach(f"{_name}_", _changing(_name))


@attached
class InPlace(Tensor):
    """What changes the tensor itself."""

    def copy_(self, source: ArrayLike, non_blocking: bool = False) -> Tensor:
        """Takes the values of another array, broadcast and cast as needed."""
        self.changing()
        arguments.flag("non_blocking", non_blocking)
        given = cast(as_tensor("source", source, self), self.dtype).detach()
        self.assign(broadcast_to(given, self.shape))
        return self

    def fill_(self, value: Tensor | float) -> Tensor:
        """Sets every element to a number, or to that of a one-element tensor."""
        self.changing()
        if isinstance(value, Tensor):
            return self.copy_(value.reshape(()))
        self.assign(full_like(self, value))
        return self

    def zero_(self) -> Tensor:
        """Sets every element to 0."""
        return self.fill_(0)

    def uniform_(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Draws uniform numbers in [low, high) from the device's generator."""
        self.changing()
        bottom, top = arguments.real("low", low), arguments.real("high", high)
        self.assign(rand_like(self) * (top - bottom) + bottom)
        return self

    def normal_(self, mean: float = 0.0, std: float = 1.0) -> Tensor:
        """Draws normal numbers from the device's generator."""
        self.changing()
        middle, wide = arguments.real("mean", mean), arguments.non_negative("std", std)
        self.assign(randn_like(self) * wide + middle)
        return self

    def bernoulli_(self, p: ArrayLike = 0.5) -> Tensor:
        """Draws 1 with probability p (a number or a tensor that broadcasts), else 0."""
        self.changing()
        chance = p if isinstance(p, Tensor) else as_tensor("p", arguments.between("p", p, 0.0, 1.0))
        self.assign(cast(bernoulli(broadcast_to(chance.detach(), self.shape)), self.dtype))
        return self

    def detach_(self) -> Tensor:
        """Takes the tensor itself off the tape."""
        self.node = None
        self.requires_grad = False
        return self


def _reshaping(name: str) -> Any:
    method = explaining(getattr(Tensor, name), Tensor)

    def change(self: Tensor, *args: Any, **named: Any) -> Tensor:
        if self.node is not None or self.requires_grad:
            raise RuntimeError(f"{name}_ would reshape a tensor on the tape; use {name}()")
        result = method(self.detach(), *args, **named)
        self.shape = result.shape
        return self

    change.__signature__ = inspect.signature(method)  # type: ignore[attr-defined]
    change.__doc__ = f"`{name}` of the tensor itself, which must not be on the tape."
    return change


for _name in ("squeeze", "unsqueeze"):
    attach(f"{_name}_", _reshaping(_name))
