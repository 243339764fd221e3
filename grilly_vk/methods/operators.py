"""Python's operators, indexing and products; those that change a tensor are in in_place.py."""

from __future__ import annotations

from typing import Any

from ..ops import elementwise as e
from ..ops import indexing
from ..ops import matmul as m
from ..tensor import Tensor
from ..typing import ArrayLike
from .attach import attach, attached


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


@attached
class Operators(Tensor):
    """Python's operators, indexing and products."""

    def __matmul__(self, other: Any) -> Tensor:
        """The matrix product, with numpy's broadcasting of the axes before the last two."""
        return m.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        """The matrix product, this tensor on the right."""
        return m.matmul(other, self)

    def __neg__(self) -> Tensor:
        """-x."""
        return e.unary("neg", self)

    def __abs__(self) -> Tensor:
        """The size of each element."""
        return e.unary("abs", self)

    def __pos__(self) -> Tensor:
        """x itself."""
        return self

    def __invert__(self) -> Tensor:
        """All bits of int32 turned over; not, of bool."""
        return e.invert(self)

    def __getitem__(self, key: Any) -> Tensor:
        """numpy's indexing, a copy; see `grilly_vk.ops.indexing` for arrays and masks."""
        return indexing.getitem(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        """x[key] = value in place, with broadcasting; not on a tensor that is on the tape."""
        indexing.setitem(self, key, value)

    def __iter__(self) -> Any:
        """The entries of the first axis."""
        return (self[i] for i in range(len(self)))

    def matmul(self, other: ArrayLike) -> Tensor:
        """``x @ other``."""
        return m.matmul(self, other)
