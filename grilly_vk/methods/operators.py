"""Python's operators, indexing and products; those that change a tensor are in in_place.py."""

from __future__ import annotations

from typing import Any

from ..ops import elementwise as e
from ..ops import indexing
from ..ops import matmul as m
from ..tensor import Tensor
from ..typing import ArrayLike
from .attach import attach, attach_all


def _binary(name: str, *, swapped: bool = False) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        if other is None or isinstance(other, (str, dict)):
            return NotImplemented
        return e.binary(name, other, self) if swapped else e.binary(name, self, other)

    operator.__doc__ = f"Element-wise {name}, with numpy's broadcasting."
    return operator


for _python, _name in {
    "add": "add", "sub": "sub", "mul": "mul", "pow": "pow", "mod": "mod", "floordiv": "floordiv", "truediv": "div",
    "and": "and", "or": "or", "xor": "xor",
}.items():  # fmt: skip
    attach(f"__{_python}__", _binary(_name))
    attach(f"__r{_python}__", _binary(_name, swapped=True))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    attach(f"__{_name}__", _binary(_name))
setattr(Tensor, "__hash__", object.__hash__)  # noqa: B010  which __eq__ would take away


def _matmul(self: Tensor, other: Any) -> Tensor:
    """The matrix product, with numpy's broadcasting of the axes before the last two."""
    return m.matmul(self, other)


def _rmatmul(self: Tensor, other: Any) -> Tensor:
    """The matrix product, this tensor on the right."""
    return m.matmul(other, self)


def _neg(self: Tensor) -> Tensor:
    """-x."""
    return e.unary("neg", self)


def _abs(self: Tensor) -> Tensor:
    """The size of each element."""
    return e.unary("abs", self)


def _pos(self: Tensor) -> Tensor:
    """x itself."""
    return self


def _invert(self: Tensor) -> Tensor:
    """All bits of int32 turned over; not, of bool."""
    return e.invert(self)


def _getitem(self: Tensor, key: Any) -> Tensor:
    """numpy's indexing, a copy; see `grilly_vk.ops.indexing` for arrays and masks."""
    return indexing.getitem(self, key)


def _setitem(self: Tensor, key: Any, value: Any) -> None:
    """x[key] = value in place, with broadcasting; not on a tensor that is on the tape."""
    indexing.setitem(self, key, value)


def _iter(self: Tensor) -> Any:
    """The entries of the first axis."""
    return (self[i] for i in range(len(self)))


def _matmul_method(self: Tensor, other: ArrayLike) -> Tensor:
    """``x @ other``."""
    return m.matmul(self, other)


attach("matmul", _matmul_method)
attach_all(
    {
        "__matmul__": _matmul,
        "__rmatmul__": _rmatmul,
        "__neg__": _neg,
        "__abs__": _abs,
        "__pos__": _pos,
        "__invert__": _invert,
        "__getitem__": _getitem,
        "__setitem__": _setitem,
        "__iter__": _iter,
    }
)
