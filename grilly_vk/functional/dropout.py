"""Dropout."""

from __future__ import annotations

from .. import arguments
from ..ops import dropout as ops
from ..ops.elementwise import as_tensor, binary, cast
from ..tensor import FLOAT32, Tensor
from ..typing import ArrayLike

__all__ = ["dropout", "dropout1d", "dropout2d"]


def dropout(x: ArrayLike, p: float = 0.5, training: bool = True) -> Tensor:
    """Sets each element to 0 with probability p and scales the others by 1 / (1 - p).

    The numbers follow `grilly_vk.manual_seed`: element i is kept where the top 24 bits of word i % 4 of
    Philox4x32-10 at counter (i // 4, 0, d mod 2**32, d // 2**32), d the count of random operations so far, are at
    least p * 2**24.

    Args:
        x: any shape.
        p: probability of a zero, in [0, 1].
        training: False gives x itself.

    Raises:
        TypeError, ValueError: p is not such a number.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov, "Dropout", JMLR 15 (2014).
    """
    drop = arguments.between("p", p, 0.0, 1.0)
    x = cast(as_tensor("x", x), FLOAT32)
    return ops.dropout(x, drop) if arguments.flag("training", training) and drop else x


def dropout1d(x: ArrayLike, p: float = 0.5, training: bool = True) -> Tensor:
    """Sets whole channels to 0 with probability p and scales the others by 1 / (1 - p).

    The numbers are those of `dropout` for one element a channel.

    Args:
        x: (B, C, L) or (C, L).
        p: probability that a channel of a sample is 0, in [0, 1].
        training: False gives x itself.

    Raises:
        TypeError, ValueError: p is not such a number, or another shape.

    Source: Tompson, Goroshin, Jain, LeCun & Bregler, "Efficient object localization using convolutional networks",
    CVPR 2015.
    """
    x = cast(as_tensor("x", x), FLOAT32)
    if x.ndim not in (2, 3):
        raise ValueError(f"x has shape {x.shape}; expected (B, C, L) or (C, L)")
    return _channels(x, x.shape[:-1], p, training)


def dropout2d(x: ArrayLike, p: float = 0.5, training: bool = True) -> Tensor:
    """As `dropout1d`, for (B, C, H, W).

    Raises:
        TypeError, ValueError: p is not such a number, or another shape.
    """
    x = cast(as_tensor("x", x), FLOAT32)
    if x.ndim != 4:
        hint = "; dropout1d is for (B, C, L), and (C, H, W) needs a batch axis" if x.ndim == 3 else ""
        raise ValueError(f"x has shape {x.shape}; expected (B, C, H, W){hint}")
    return _channels(x, x.shape[:2], p, training)


def _channels(x: Tensor, whole: tuple[int, ...], p: float, training: bool) -> Tensor:
    drop = arguments.between("p", p, 0.0, 1.0)
    if not arguments.flag("training", training) or drop == 0.0:
        return x
    return binary("mul", x, ops.channel_mask(x, (*whole, *(1,) * (x.ndim - len(whole))), drop))
