"""Methods that pick and put by index under PyTorch's names."""

from __future__ import annotations

from typing import Any

from .. import arguments
from ..ops import gather as g
from ..ops import scatter
from ..ops.elementwise import as_tensor
from ..ops.gather import _indices
from ..ops.indexing import get
from ..ops.layout import broadcast_shape
from ..ops.shape import broadcast_to
from ..tensor import Tensor
from ..typing import ArrayLike
from .attach import attached, with_dim


@attached
class Picking(Tensor):
    """Picking and putting by index."""

    @with_dim
    def gather(self, axis: int, index: ArrayLike) -> Tensor:
        """out[i][j] = x[index[i][j]][j] (for axis 0): an index for every element."""
        return g.gather(self, axis, index)

    @with_dim
    def index_select(self, axis: int, index: ArrayLike) -> Tensor:
        """Entries of an axis, in the order of a 1-d index."""
        return g.index_select(self, axis, index)

    def take(self, index: ArrayLike) -> Tensor:
        """Elements of the flat array.

        Raises:
            IndexError: out of range, of indices from the host. TypeError: no whole numbers.
        """
        return get(self.reshape((self.count,)), _indices("index", index, self.count, self.engine))

    def masked_select(self, mask: ArrayLike) -> Tensor:
        """The elements where the mask is true, 1-d, in C order; waits for the device."""
        chosen = as_tensor("mask", mask)
        shape = broadcast_shape(self.shape, chosen.shape)
        return get(broadcast_to(self, shape), broadcast_to(chosen, shape))

    def nonzero(self, as_tuple: bool = False) -> Any:
        """Where x is not 0: (k, ndim) int32, or one (k,) for each axis with as_tuple; waits for the device."""
        return scatter.nonzero_axes(self) if arguments.flag("as_tuple", as_tuple) else scatter.nonzero(self)

    @with_dim
    def scatter(
        self, axis: int, index: ArrayLike, src: ArrayLike | None = None, *, value: ArrayLike | None = None
    ) -> Tensor:
        """A copy with out[index[i][j]][j] = src[i][j] (for axis 0); of several for one element the last stays."""
        if (src is None) == (value is None):
            raise TypeError("scatter needs either src or value")
        return scatter.scatter(self, axis, index, value if src is None else src)

    @with_dim
    def scatter_add(self, axis: int, index: ArrayLike, src: ArrayLike) -> Tensor:
        """A copy with src[i][j] added to out[index[i][j]][j] (for axis 0), in a fixed order."""
        return scatter.scatter_add(self, axis, index, src)

    @with_dim
    def index_add(self, axis: int, index: ArrayLike, source: ArrayLike) -> Tensor:
        """A copy with the entries of source added to those that a 1-d index names, in a fixed order."""
        return scatter.index_add(self, axis, index, source)
