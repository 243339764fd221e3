"""Shapes and strides: broadcasting, axes, and folding layouts into what the strided kernels take."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from ..values import axis_index

MAX_AXES = 6  # of shaders/include/axes.glsl


class TooManyAxes(ValueError):
    """A layout along more axes than the strided kernels take."""


def width_of(n: int, *tensors: Any) -> int:
    """Elements a load: 4, for the vec4 variant of a kernel, where n and the start of every tensor allow it, else 1."""
    if n % 4:
        return 1
    for t in tensors:
        if isinstance(t, Tensor) and t.buffer.offset % 16:
            return 1
    return 4


@functools.lru_cache(4096)
def broadcast_shape(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that numpy's rules give for two operands.

    Raises:
        ValueError: they don't broadcast.
    """
    out = []
    long, short = (a, b) if len(a) >= len(b) else (b, a)
    padded = (1,) * (len(long) - len(short)) + tuple(short)
    for m, n in zip(long, padded):
        if m != n and 1 not in (m, n):
            raise ValueError(f"shapes {tuple(a)} and {tuple(b)} don't broadcast")
        out.append(n if m == 1 else m)
    return tuple(out)


@functools.lru_cache(4096)
def strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Elements between neighbours along each axis of a contiguous array."""
    out, step = [], 1
    for size in reversed(shape):
        out.append(step)
        step *= size
    return tuple(reversed(out))


@functools.lru_cache(4096)
def broadcast_strides(shape: tuple[int, ...], to: tuple[int, ...]) -> tuple[int, ...]:
    """Strides of a contiguous array of `shape` seen as `to`: 0 where an axis is repeated."""
    lead = len(to) - len(shape)
    own = strides(shape)
    return (0,) * lead + tuple(0 if n == 1 else s for n, s in zip(shape, own))


def folded(
    shape: Sequence[int], layouts: Sequence[Sequence[int]]
) -> tuple[dict[str, int], tuple[tuple[int, ...], ...], int]:
    """The same box with neighbouring axes merged where every layout allows it, padded in front to six axes.

    Returns:
        The sizes of axes 1..5 as push constants (see `sizes_of`), each layout's strides, and how many axes are in use.

    Raises:
        TooManyAxes: more than six axes are left.
    """
    axes: list[tuple[int, tuple[int, ...]]] = []
    for i, size in enumerate(shape):
        if size == 1:
            continue
        steps = tuple(layout[i] for layout in layouts)
        if axes and all(outer == inner * size for outer, inner in zip(axes[-1][1], steps)):
            axes[-1] = (axes[-1][0] * size, steps)
        else:
            axes.append((size, steps))
    if len(axes) > MAX_AXES:
        raise TooManyAxes(f"an array of shape {tuple(shape)} is laid out along {len(axes)} axes; {MAX_AXES} at most")
    used = max(1, len(axes))
    axes = [(1, (0,) * len(layouts))] * (MAX_AXES - len(axes)) + axes
    sizes = sizes_of([size for size, _ in axes[1:]])
    return sizes, tuple(tuple(s[k] for _, s in axes) for k in range(len(layouts))), used


@functools.lru_cache(4096)
def collapsed(
    shape: tuple[int, ...], operands: tuple[tuple[int, ...], ...]
) -> tuple[dict[str, int], tuple[tuple[int, ...], ...], int]:
    """`folded` for contiguous operands of these shapes broadcast to `shape`."""
    return folded(shape, [broadcast_strides(o, shape) for o in operands])


def sizes_of(sizes: Sequence[int]) -> dict[str, int]:
    """The sizes of axes 1..5 as the strided kernels take them: d1..d5, and what divides by them.

    The quotient i // d of any i < 2**31 is (2 i * factor) >> (32 + shift) with shift = ceil(log2 d) and factor =
    ceil(2**(31 + shift) / d) < 2**32.  Source: Granlund and Montgomery 1994, "Division by invariant integers using
    multiplication", theorem 4.2.
    """
    out, shifts = {}, 0
    for i, d in enumerate(sizes):
        shift = (d - 1).bit_length()
        out[f"d{i + 1}"] = d
        out[f"f{i + 1}"] = -(-(1 << (31 + shift)) // d)
        shifts |= shift << 5 * i
    return {**out, "shifts": shifts}


def quartered(sizes: dict[str, int]) -> dict[str, int]:
    """The numbers of `sizes_of` for the same box in units of four along its last axis, a multiple of four long."""
    return sizes_of([*(sizes[f"d{i}"] for i in range(1, MAX_AXES - 1)), sizes["d5"] // 4])


BESIDE, SAME, APART = range(3)  # of shaders/include/axes.glsl


def by_fours(steps: Sequence[int]) -> tuple[int, tuple[int, ...]] | None:
    """How four neighbours along the last of six axes lie in a layout of these strides, and the strides then.

    That is BESIDE each other, with strides in units of four; the SAME, or APART by the last stride, in elements.  None
    where they are side by side and don't begin at multiples of four.
    """
    if steps[-1] == 1:
        return None if any(s % 4 for s in steps[:-1]) else (BESIDE, (*(s // 4 for s in steps[:-1]), 1))
    return (APART if steps[-1] else SAME), (*steps[:-1], 4 * steps[-1])


def axis_set(name: str, axes: Any, ndim: int) -> tuple[int, ...]:
    """None (all), a number, or several, as sorted distinct axes."""
    if axes is None:
        return tuple(range(ndim))
    given = axes if isinstance(axes, (tuple, list)) else (axes,)
    found = [axis_index(name, a, ndim) for a in given]
    if len(set(found)) != len(found):
        raise ValueError(f"{name} {tuple(given)} names an axis twice")
    return tuple(sorted(found))
