"""Copies between layouts, and repeats along axes: launches alone, off the tape."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

from ..runtime.kernel import Kernel
from ..tensor import Tensor, empty
from .layout import BESIDE, TooManyAxes, broadcast_strides, by_fours, folded, quartered, strides, width_of

_STRIDED = Kernel("strided-copy", fours=None)


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
    n = math.prod(box)
    if n == 0:
        return
    narrow, wide = _between(tuple(box), tuple(src_strides), tuple(dst_strides))
    if wide is not None and width_of(dst_start, src, dst) == 4:
        beside = wide["SIDE"] == BESIDE
        if not beside or src_start % 4 == 0:
            start = src_start // 4 if beside else src_start
            _STRIDED(
                src=src, dst=dst, n=n // 4, ADD=accumulate, src_start=start, dst_start=dst_start // 4, vec4=True,
                **wide,
            )  # fmt: skip
            return
    _STRIDED(src=src, dst=dst, n=n, ADD=accumulate, src_start=src_start, dst_start=dst_start, vec4=False, **narrow)


@functools.lru_cache(4096)
def _between(
    box: tuple[int, ...], src: tuple[int, ...], dst: tuple[int, ...]
) -> tuple[dict[str, int], dict[str, int] | None]:
    """A copy of a box between layouts of these strides: the numbers of the kernel, and those by fours if any."""
    sizes, (s, t), axes = folded(box, (src, dst))
    narrow = {"AXES": axes, **sizes, **_steps(s, t)}
    source, target = by_fours(s), by_fours(t)
    if sizes["d5"] % 4 or source is None or target is None or target[0] != BESIDE:
        return narrow, None
    return narrow, {"AXES": axes, "SIDE": source[0], **quartered(sizes), **_steps(source[1], target[1])}


def _steps(s: Sequence[int], t: Sequence[int]) -> dict[str, int]:
    return {f"{name}{i}": v & 0xFFFFFFFF for name, layout in (("s", s), ("t", t)) for i, v in enumerate(layout)}


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
