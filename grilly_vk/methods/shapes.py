"""Methods on shapes under PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops import arrange
from ..ops import shape as s
from ..tensor import Tensor
from ..typing import ArrayLike, Axes, DTypeLike
from .attach import attached, with_dim


def _sizes(given: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(given[0]) if len(given) == 1 and isinstance(given[0], (tuple, list)) else given


def _shape(given: tuple[Any, ...]) -> tuple[Any, ...]:
    one = len(given) == 1 and isinstance(given[0], np.ndarray) and given[0].ndim == 1
    return tuple(given[0]) if one else _sizes(given)


def _tensor(name: str, value: Any) -> None:
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} must be a Tensor, not {type(value).__name__}")


@attached
class Shapes(Tensor):
    """Other shapes of the same elements, parts and repetitions."""

    def reshape(self, *shape: Any) -> Tensor:
        """The same elements under another shape, sharing the memory; one axis may be -1."""
        return s.reshape(self, _shape(shape))

    def view(self, *shape: Any) -> Tensor:
        """As `reshape`: every tensor is contiguous."""
        return s.view(self, *shape)

    def expand(self, *shape: Any) -> Tensor:
        """Repeated along axes of size 1 and new leading ones; -1 keeps an axis."""
        return s.expand(self, _shape(shape))

    def broadcast_to(self, *shape: Any) -> Tensor:
        """Repeated along axes of size 1 and new leading ones."""
        return s.broadcast_to(self, _shape(shape))

    def pad(self, widths: Any, value: float = 0.0) -> Tensor:
        """With (before, after) more elements of `value` on each of the last axes; PyTorch's order: `functional.pad`."""
        return s.pad(self, widths, value)

    def clone(self) -> Tensor:
        """A copy in memory of its own, on the tape."""
        return s.clone(self)

    def astype(self, dtype: DTypeLike) -> Tensor:
        """The same values as float32, int32, uint32 or bool, in memory of its own."""
        return s.astype(self, dtype)

    def flatten(self, start_dim: int = 0, end_dim: int = -1) -> Tensor:
        """Axes start_dim..end_dim as one, sharing the memory."""
        return s.flatten(self, start_dim, end_dim)

    def transpose(self, dim0: int = -2, dim1: int = -1) -> Tensor:
        """Two axes exchanged, as a contiguous copy."""
        return s.transpose(self, dim0, dim1)

    def t(self) -> Tensor:
        """A matrix transposed; a vector or a number as it is.

        Raises:
            ValueError: more than two axes.
        """
        if self.ndim > 2:
            raise ValueError(f"t() needs two axes at most, got shape {self.shape}; transpose(0, 1) takes more")
        return s.transpose(self) if self.ndim == 2 else self

    def permute(self, *dims: Any) -> Tensor:
        """The axes in another order, as a contiguous copy."""
        return s.permute(self, _shape(dims))

    @with_dim
    def squeeze(self, axis: Axes = None) -> Tensor:
        """Removes axes of size 1: all of them, or those that are named; a named axis of another size stays."""
        if axis is None:
            return s.squeeze(self)
        axes = {s.axis_index("axis", a, self.ndim or 1) for a in (axis if isinstance(axis, (tuple, list)) else [axis])}
        if not self.ndim:
            return self
        return s.reshape(self, [n for i, n in enumerate(self.shape) if i not in axes or n != 1])

    @with_dim
    def unsqueeze(self, axis: int) -> Tensor:
        """With a new axis of size 1."""
        return s.unsqueeze(self, axis)

    def expand_as(self, other: Tensor) -> Tensor:
        """Broadcast to the shape of another tensor.

        Raises:
            TypeError: no tensor. ValueError: a shape that does not follow from x's.
        """
        _tensor("other", other)
        return s.expand(self, other.shape)

    def repeat(self, *sizes: Any) -> Tensor:
        """The whole array repeated along each axis, new axes in front: ``x.repeat(2, 1)``."""
        return arrange.repeat(self, _sizes(sizes))

    def tile(self, *sizes: Any) -> Tensor:
        """As `repeat`; fewer numbers than axes are for the last axes."""
        given = _sizes(sizes)
        return arrange.repeat(self, (1,) * (self.ndim - len(given)) + given)

    @with_dim
    def repeat_interleave(self, repeats: ArrayLike, axis: int | None = None) -> Tensor:
        """Each element repeated along an axis (None: of the flat array)."""
        return arrange.repeat_interleave(self, repeats, axis)

    @with_dim
    def split(self, size: Any, axis: int = 0) -> tuple[Tensor, ...]:
        """Pieces of `size` along an axis (the last may be smaller), or of the given sizes."""
        return s.split(self, size, axis)

    @with_dim
    def chunk(self, chunks: int, axis: int = 0) -> tuple[Tensor, ...]:
        """At most that many pieces of equal size along an axis."""
        return arrange.chunk(self, chunks, axis)

    @with_dim
    def unbind(self, axis: int = 0) -> tuple[Tensor, ...]:
        """The entries of an axis, each without it."""
        return arrange.unbind(self, axis)

    @with_dim
    def unflatten(self, axis: int, sizes: Sequence[int]) -> Tensor:
        """Splits an axis into several."""
        return arrange.unflatten(self, axis, sizes)

    def movedim(self, source: ArrayLike, destination: Any) -> Tensor:
        """Axes moved to other places."""
        return arrange.movedim(self, source, destination)

    def swapaxes(self, axis0: int, axis1: int) -> Tensor:
        """Two axes exchanged, as a contiguous copy."""
        return s.transpose(self, axis0, axis1)

    def flip(self, *axes: Any, dims: Axes = None, dim: Axes = None, axis: Axes = None) -> Tensor:
        """Reversed along axes: ``x.flip(0)``, ``x.flip(0, 1)`` or ``x.flip((0, 1))``."""
        given = [v for v in (_sizes(axes) or None, dims, dim, axis) if v is not None]
        if len(given) != 1:
            raise TypeError(f"flip needs the axes once, such as flip(0) or flip(dims=(0, 1)), got {len(given)} times")
        return arrange.flip_all(self, given[0])

    def roll(self, shifts: Any, dims: Axes = None) -> Tensor:
        """Shifts the elements along axes, those at the end to the beginning (None: in the flat array)."""
        return arrange.roll(self, shifts, dims)

    @with_dim
    def narrow(self, axis: int, start: int, length: int) -> Tensor:
        """That many entries of an axis, from `start` on."""
        return arrange.narrow(self, axis, start, length)

    def diag(self) -> Tensor:
        """The diagonal of a matrix, or the diagonal matrix of a vector."""
        return arrange.diag(self)

    def tril(self, diagonal: int = 0) -> Tensor:
        """The last two axes with 0 above the diagonal."""
        return arrange.triangle(self, diagonal, upper=False)

    def triu(self, diagonal: int = 0) -> Tensor:
        """The last two axes with 0 below the diagonal."""
        return arrange.triangle(self, diagonal, upper=True)

    T: Any = property(lambda self: s.permute(self, tuple(reversed(range(self.ndim)))), doc="All axes reversed.")
    mT: Any = property(lambda self: s.transpose(self, -2, -1), doc="The last two axes exchanged.")
