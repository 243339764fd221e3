"""Copies between layouts, and repeats along axes: launches alone, off the tape."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .layout import TooManyAxes, broadcast_strides, folded, strides

_STRIDED = Kernel("strided-copy")


def copy_box(
    src: Tensor,
    dst: Tensor,
    box: Sequence[int],
    src_strides: Sequence[int],
    dst_strides: Sequence[int],
    src_start: int = 0,
    dst_start: int = 0,
    *,
    accumulate: bool = False,
) -> None:
    """Copies a box of elements between two layouts; strides and starts are in elements."""
    axes, numbers = _between(tuple(box), tuple(src_strides), tuple(dst_strides))
    starts = {"src_start": src_start, "dst_start": dst_start}
    _STRIDED(src=src, dst=dst, n=math.prod(box), ADD=accumulate, AXES=axes, **starts, **numbers)


@functools.lru_cache(4096)
def _between(box: tuple[int, ...], src: tuple[int, ...], dst: tuple[int, ...]) -> tuple[int, dict[str, int]]:
    """How many axes a copy of a box goes along between layouts of these strides, and the numbers that say so."""
    sizes, (s, t), axes = folded(box, (src, dst))
    steps = {f"{name}{i}": v & 0xFFFFFFFF for name, layout in (("s", s), ("t", t)) for i, v in enumerate(layout)}
    return axes, {**sizes, **steps}


def repeat(x: Tensor, target: tuple[int, ...]) -> Tensor:
    """x seen as `target`, to which it broadcasts: its own memory where nothing is repeated, else a copy."""
    if target == x.shape:
        return x
    if math.prod(target) == x.count:
        return x._alias(target)
    out = empty(target, x.dtype, x.engine)
    try:
        copy_box(x, out, target, broadcast_strides(x.shape, target), strides(target))
    except TooManyAxes:  # in several steps
        own = [1] * (len(target) - x.ndim) + list(x.shape)
        grow = [i for i, (n, m) in enumerate(zip(own, target)) if n != m]
        for i in grow[len(grow) // 2 :]:
            own[i] = target[i]
        return repeat(repeat(x, tuple(own)), target)
    return out
