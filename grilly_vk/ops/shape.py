"""Operations that move elements without changing them: reshape, transpose, slices, joins; and their gradients."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import record
from ..runtime.plain import COPY
from ..tensor import Tensor, empty, full, overlap
from .copying import copy_box, repeat
from .elementwise import as_tensor, cast, sum_to
from .held import marked
from .layout import axis_index, broadcast_shape, strides


def reshape(x: Tensor, shape: int | Sequence[int]) -> Tensor:
    """The same elements under another shape, sharing the memory; one axis may be -1.

    Raises:
        ValueError: another number of elements. TypeError: sizes that are no whole numbers.
    """
    given = arguments.wholes("shape", shape)
    dims = list(given)
    if dims.count(-1) == 1:
        rest = math.prod(d for d in dims if d != -1)
        if rest:
            dims[dims.index(-1)] = x.count // rest
    if math.prod(dims) != x.count or min(dims, default=0) < 0:
        raise ValueError(f"can't reshape {x.shape} to {given}")
    out = x._alias(tuple(dims))
    before = x.shape
    record("reshape", (x,), (out,), lambda g: g._alias(before), ())
    return out


def view(x: Tensor, *shape: Any) -> Tensor:
    """PyTorch's `view`: as `reshape`, with the sizes given one by one or as one tuple.

    Raises:
        ValueError: another number of elements. TypeError: no shape, or sizes that are no whole numbers.
    """
    if not shape:
        raise TypeError("view needs a shape, such as view(2, -1); detach() gives the same memory off the tape")
    return reshape(x, shape[0] if len(shape) == 1 and isinstance(shape[0], (tuple, list)) else shape)


def flatten(x: Tensor, start: int = 0, end: int = -1) -> Tensor:
    """Axes start..end as one."""
    axes = x.ndim or 1
    a, b = axis_index("start", start, axes), axis_index("end", end, axes)
    if x.ndim == 0:
        return reshape(x, (1,))
    if a > b:
        raise ValueError(f"start ({start}) must not come after end ({end})")
    return reshape(x, (*x.shape[:a], math.prod(x.shape[a : b + 1]), *x.shape[b + 1 :]))


def permute(x: Tensor, axes: Sequence[int]) -> Tensor:
    """The axes in another order, as a contiguous copy.

    Raises:
        ValueError: axes that are no permutation of 0..ndim-1. TypeError: axes that are no whole numbers.
    """
    given = arguments.wholes("axes", axes)
    order = [axis_index("axes", a, x.ndim) for a in given]
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"axes {given} are no permutation of {x.ndim} axes")
    shape = tuple(x.shape[a] for a in order)
    own = strides(x.shape)
    out = empty(shape, x.dtype, x.engine)
    copy_box(x, out, shape, [own[a] for a in order], strides(shape))
    back = sorted(range(x.ndim), key=order.__getitem__)
    record("permute", (x,), (out,), lambda g: permute(g, back), ())
    return out


def transpose(x: Tensor, first: int = -2, second: int = -1) -> Tensor:
    """Two axes exchanged, as a contiguous copy."""
    order = list(range(x.ndim))
    a, b = axis_index("first", first, x.ndim), axis_index("second", second, x.ndim)
    order[a], order[b] = order[b], order[a]
    return permute(x, order)


def repeated(x: Tensor, shape: Sequence[int]) -> Tensor:
    """As `broadcast_to`, but x's own memory where nothing is repeated.

    Raises:
        ValueError: the shape does not follow from x's.
    """
    target = tuple(shape)
    if target == x.shape:
        return x
    if len(target) < x.ndim or broadcast_shape(x.shape, target) != target:
        raise ValueError(f"can't broadcast {x.shape} to {target}")
    if math.prod(target) == x.count:
        return reshape(x, target)
    out = repeat(x, target)
    before = x.shape
    record("broadcast_to", (x,), (out,), lambda g: sum_to(g, before), ())
    return out


def broadcast_to(x: Tensor, shape: Sequence[int]) -> Tensor:
    """Repeated along axes of size 1 (and new leading ones), as a contiguous copy.

    Raises:
        ValueError: the shape does not follow from x's. TypeError: sizes that are no whole numbers.
    """
    out = repeated(x, arguments.wholes("shape", shape))
    return clone(out) if out.buffer is x.buffer else marked(out, x)


def expand(x: Tensor, shape: Sequence[int]) -> Tensor:
    """As `broadcast_to`, where -1 keeps an axis."""
    shape = arguments.wholes("shape", shape)
    lead = len(shape) - x.ndim
    if lead < 0:
        raise ValueError(f"expand needs at least {x.ndim} axes, got shape {tuple(shape)}")
    for i in range(lead):
        if shape[i] == -1:
            raise ValueError(
                f"expand can't keep axis {i} of shape {tuple(shape)}: x of shape {x.shape} has no such axis"
            )
    return broadcast_to(x, [x.shape[i - lead] if s == -1 else s for i, s in enumerate(shape)])


def squeeze(x: Tensor, axis: Any = None) -> Tensor:
    """Without axes of size 1 (all of them, or one)."""
    if axis is None:
        return reshape(x, [s for s in x.shape if s != 1])
    a = axis_index("axis", axis, x.ndim)
    if x.shape[a] != 1:
        raise ValueError(f"axis {axis} of shape {x.shape} has size {x.shape[a]}; only size 1 can be squeezed")
    return reshape(x, x.shape[:a] + x.shape[a + 1 :])


def unsqueeze(x: Tensor, axis: int) -> Tensor:
    """With a new axis of size 1."""
    a = axis_index("axis", axis, x.ndim + 1)
    return reshape(x, (*x.shape[:a], 1, *x.shape[a:]))


def _box(shape: tuple[int, ...], key: Any) -> tuple[tuple[int, ...], tuple[int, ...], list[int], int]:
    """numpy basic indexing as (result shape, box, strides of the box in x, start)."""
    items = list(key) if isinstance(key, tuple) else [key]
    used = len([k for k in items if k is not None and k is not Ellipsis])
    if len([k for k in items if k is Ellipsis]) > 1:
        raise IndexError("an index can have one ... only")
    if used > len(shape):
        raise IndexError(f"{used} indices for shape {shape}")
    if not any(k is Ellipsis for k in items):
        items.append(Ellipsis)
    own = strides(shape)
    result: list[int] = []
    box: list[int] = []
    steps: list[int] = []
    start = axis = 0
    for k in items:
        if k is None:
            result.append(1)
        elif k is Ellipsis:
            for _ in range(len(shape) - used):
                result.append(shape[axis])
                box.append(shape[axis])
                steps.append(own[axis])
                axis += 1
        elif isinstance(k, slice):
            try:
                first, stop, step = k.indices(shape[axis])
            except TypeError:
                raise TypeError(f"a slice takes whole numbers or None, not {arguments.shown(k)}") from None
            count = len(range(first, stop, step))
            result.append(count)
            box.append(count)
            steps.append(own[axis] * step)
            start += first * own[axis] if count else 0
            axis += 1
        else:
            try:
                number = operator.index(k)
            except TypeError:
                raise TypeError(
                    f"a tensor is indexed by whole numbers, slices, ... and None, not {type(k).__name__}; "
                    "see index_select and where"
                ) from None
            if isinstance(k, (bool, np.bool_)):
                raise TypeError("a tensor can't be indexed by a bool; see where")
            if not -shape[axis] <= number < shape[axis]:
                raise IndexError(f"index {number} is out of range for axis {axis} of size {shape[axis]}")
            start += number % shape[axis] * own[axis]
            axis += 1
    return tuple(result), tuple(box), steps, start


def basic_get(x: Tensor, key: Any) -> Tensor:
    """x[key] for whole numbers, slices, ... and None; a contiguous copy.

    Raises:
        IndexError: out of range. TypeError: an index of the wrong type.
    """
    shape, box, steps, start = _box(x.shape, key)
    before, engine = x.shape, x.engine
    out = empty(shape, x.dtype, engine).as_spikes(x.is_spikes)
    copy_box(x, out, box, steps, strides(box), start)

    def backward(g: Tensor) -> Tensor:
        gx = full(before, 0.0, on=engine)
        copy_box(g, gx, box, strides(box), steps, 0, start)
        return gx

    record("getitem", (x,), (out,), backward, ())
    return out


def basic_set(x: Tensor, key: Any, value: Any) -> None:
    """x[key] = value in place, with broadcasting, for keys as in `basic_get`; its version stays.

    Raises:
        IndexError, TypeError: as in `basic_get`. ValueError: the value does not broadcast to x[key].
    """
    shape, box, steps, start = _box(x.shape, key)
    given = as_tensor("value", value, x).detach()
    given = repeated(given if given.dtype is x.dtype else cast(given, x.dtype), shape)
    if overlap(given, x):  # one invocation would read what another has written
        given = given.copy()
    copy_box(given, x, box, strides(box), steps, 0, start)


def _several(tensors: Any) -> Any:
    """Tensors that are listed, or the entries of one."""
    return tensors if isinstance(tensors, (list, tuple, Tensor)) else arguments.listed("tensors", tensors)


def concatenate(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Joined along an axis.

    Raises:
        ValueError: none given, or shapes that differ off that axis. TypeError: dtypes differ.
    """
    parts = [as_tensor(f"tensors[{i}]", t) for i, t in enumerate(_several(tensors))]
    if not parts:
        raise ValueError("cat needs at least one tensor")
    a = axis_index("axis", axis, parts[0].ndim)
    for i, t in enumerate(parts):
        if t.ndim != parts[0].ndim or t.shape[:a] + t.shape[a + 1 :] != parts[0].shape[:a] + parts[0].shape[a + 1 :]:
            raise ValueError(f"tensors[{i}] has shape {t.shape}; expected {parts[0].shape} except on axis {a}")
        if t.dtype != parts[0].dtype:
            raise TypeError(f"tensors[{i}] is {t.dtype}; expected {parts[0].dtype}")
    total = sum(t.shape[a] for t in parts)
    shape = (*parts[0].shape[:a], total, *parts[0].shape[a + 1 :])
    out = empty(shape, parts[0].dtype, parts[0].engine)
    steps = strides(shape)
    starts = []
    at = 0
    for t in parts:
        starts.append(at)
        copy_box(t, out, t.shape, strides(t.shape), steps, 0, at * steps[a])
        at += t.shape[a]

    shapes = [t.shape if t.requires_grad else None for t in parts]

    def backward(g: Tensor) -> list[Tensor | None]:
        out: list[Tensor | None] = []
        for part, begin in zip(shapes, starts):
            gt = None
            if part is not None:
                gt = empty(part, on=g.engine)
                copy_box(g, gt, part, steps, strides(part), begin * steps[a])
            out.append(gt)
        return out

    record("cat", parts, (out,), backward, ())
    return out


def stack(tensors: Sequence[Tensor], axis: int = 0) -> Tensor:
    """Joined along a new axis."""
    given = _several(tensors)
    parts = [unsqueeze(as_tensor(f"tensors[{i}]", t), axis) for i, t in enumerate(given)]
    out = concatenate(parts, axis).as_spikes(all(t.is_spikes for t in parts))
    same = axis_index("axis", axis, out.ndim) == 0 and all(t is given[0] for t in given)
    return marked(out, parts[0]) if same else out


def split(x: Tensor, size: int | Sequence[int], axis: int = 0) -> tuple[Tensor, ...]:
    """Pieces of `size` along an axis (the last may be smaller; one of an empty axis), or of the given sizes.

    Raises:
        ValueError: sizes that don't add up. TypeError: sizes that are no whole numbers.
    """
    a = axis_index("axis", axis, x.ndim)
    sizes = list(arguments.wholes("size", size))
    if not isinstance(size, (tuple, list, np.ndarray)) or np.ndim(size) == 0:
        (each,) = sizes
        if each < 1:
            raise ValueError(f"size must be at least 1, got {arguments.shown(each)}")
        sizes = [min(each, x.shape[a] - i) for i in range(0, x.shape[a], each)] or [0]
    else:
        if any(n < 0 for n in sizes):
            raise ValueError(f"sizes must not be negative, got {sizes}")
    if sum(sizes) != x.shape[a]:
        raise ValueError(f"sizes {sizes} add up to {sum(sizes)}; axis {a} has {x.shape[a]}")
    out, at = [], 0
    for n in sizes:
        out.append(basic_get(x, (slice(None),) * a + (slice(at, at + n),)))
        at += n
    return tuple(out)


def _pairs(name: str, value: Any) -> list[tuple[int, int]]:
    """Pairs of whole numbers; an array (n, 2) is taken too."""
    if not isinstance(value, (tuple, list, np.ndarray)):
        raise TypeError(f"{name} must hold a pair (before, after) for each axis, not be {type(value).__name__}")
    out = []
    for i, pair in enumerate(value):
        if not isinstance(pair, (tuple, list, np.ndarray)) or len(pair) != 2:
            raise TypeError(f"{name}[{i}] must be a pair (before, after), not {arguments.shown(pair)}")
        before, after = arguments.wholes(f"{name}[{i}]", pair)
        out.append((before, after))
    return out


def pad(x: Tensor, widths: Sequence[tuple[int, int]], value: float = 0.0) -> Tensor:
    """With (before, after) more elements of `value` on each of the last len(widths) axes.

    Raises:
        ValueError: negative widths, more pairs than axes, or a value that x's dtype can't hold.
        TypeError: widths that are no pairs of whole numbers, or a value that is no number.
    """
    value = arguments.fitting("value", value, x.dtype)
    pairs = _pairs("widths", widths)
    if len(pairs) > x.ndim or any(b < 0 or a < 0 for b, a in pairs):
        raise ValueError(f"widths {widths} must be at most {x.ndim} pairs of sizes that are not negative")
    pairs = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    shape = tuple(b + s + a for s, (b, a) in zip(x.shape, pairs))
    steps = strides(shape)
    start = sum(b * s for (b, _), s in zip(pairs, steps))
    out = full(shape, value, x.dtype, x.engine)
    before = x.shape
    copy_box(x, out, x.shape, strides(x.shape), steps, 0, start)

    def backward(g: Tensor) -> Tensor:
        gx = empty(before, on=g.engine)
        copy_box(g, gx, before, steps, strides(before), start)
        return gx

    record("pad", (x,), (out,), backward, ())
    return out


def flip(x: Tensor, axis: int) -> Tensor:
    """Reversed along an axis."""
    a = axis_index("axis", axis, x.ndim)
    return basic_get(x, (slice(None),) * a + (slice(None, None, -1),))


def clone(x: Tensor) -> Tensor:
    """A copy in memory of its own, on the tape."""
    out = empty(x.shape, x.dtype, x.engine)
    COPY(src=x, dst=out, n=x.count)
    record("clone", (x,), (out,), lambda g: g, ())
    return out


def astype(x: Tensor, dtype: Any) -> Tensor:
    """As `cast`, and a copy where the dtype is x's own."""
    out = cast(x, dtype)
    return clone(x) if out is x else out
