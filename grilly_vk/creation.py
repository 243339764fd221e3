"""Tensors out of nothing, or out of host values."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

import numpy as np

from . import arguments
from .control import check_device
from .errors import shown
from .ops.elementwise import as_tensor, cast
from .runtime import engine
from .runtime.engine import Engine
from .runtime.kernel import Kernel
from .tensor import BOOL, FLOAT32, INT32, Tensor, dtype_of, empty, from_numpy
from .tensor import full as _full
from .typing import ArrayLike, DeviceLike, DTypeLike

__all__ = [
    "arange", "bernoulli", "empty_like", "eye", "full", "full_like", "linspace", "logspace", "ones", "ones_like",
    "poisson", "rand", "rand_like", "randn", "randn_like", "zeros", "zeros_like",
]  # fmt: skip
_KINDS = ("uniform", "normal", "bernoulli", "poisson")  # in the order of shaders/random.glsl
_RANDOM = Kernel("random", over="")


def _shape(given: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape given as numbers or as one sequence of them."""
    dims = given[0] if len(given) == 1 and isinstance(given[0], (tuple, list)) else given
    out = []
    for d in dims:
        try:
            size = operator.index(d)
        except TypeError:
            raise TypeError(f"shape must hold whole numbers, not {type(d).__name__} ({shown(d)})") from None
        if isinstance(d, (bool, np.bool_)):
            raise TypeError(f"shape must hold whole numbers, not bool ({shown(d)})")
        if size < 0:
            raise ValueError(f"shape must not hold negative sizes, got {tuple(dims)}")
        out.append(size)
    if math.prod(out) >= 1 << 31:
        raise ValueError(f"shape {tuple(out)} has {math.prod(out)} elements; below 2**31 are possible")
    return tuple(out)


def _with_grad(x: Tensor, requires_grad: bool) -> Tensor:
    return x.requires_grad_() if arguments.flag("requires_grad", requires_grad) else x


def tensor(data: Any, dtype: Any = None, *, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor with a copy of the data.

    Args:
        data: a number, nested lists, a numpy array, anything with `__array__` or DLPack, or a Tensor.
        dtype: float32, int32 or bool; by default that of the data: floats become float32, whole numbers int32.
        requires_grad: whether operations on it are recorded.

    Raises:
        TypeError: data that holds no real numbers, or another dtype; requires_grad of one that is not float32.
        ValueError: ragged lists, or numbers that do not fit.
    """
    check_device(device)
    wanted = None if dtype is None else dtype_of(dtype)
    if isinstance(data, Tensor):
        out = data.detach().clone() if wanted in (None, data.dtype) else cast(data.detach(), wanted)
        return _with_grad(out, requires_grad)
    return _with_grad(arguments.any_tensor("data", data, wanted), requires_grad)


def _full_of(shape: tuple[int, ...], value: Any, dtype: Any, on: Engine | None = None) -> Tensor:
    value = arguments.scalar("value", value)
    if dtype is None:
        whole = INT32 if isinstance(value, numbers.Integral) else FLOAT32
        dtype = BOOL if isinstance(value, (bool, np.bool_)) else whole
    kind = dtype_of(dtype)
    return _full(shape, arguments.fitting("value", value, kind), kind, on)


def full(
    shape: Any, value: float, dtype: DTypeLike = None, *, requires_grad: bool = False, device: DeviceLike = None
) -> Tensor:
    """A tensor filled with a number.

    Args:
        shape: a number or a tuple.
        value: the number; by default its type gives the dtype.
        dtype: float32, int32 or bool.
        requires_grad: whether operations on it are recorded.

    Raises:
        TypeError, ValueError: no such shape, number or dtype.
    """
    check_device(device)
    return _with_grad(_full_of(_shape((shape,)), value, dtype), requires_grad)


def zeros(*shape: Any, dtype: DTypeLike = FLOAT32, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """A tensor of zeros: ``zeros(2, 3)`` or ``zeros((2, 3))``."""
    check_device(device)
    return _with_grad(_full(_shape(shape), 0, dtype_of(dtype)), requires_grad)


def ones(*shape: Any, dtype: DTypeLike = FLOAT32, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """A tensor of ones: ``ones(2, 3)`` or ``ones((2, 3))``."""
    check_device(device)
    return _with_grad(_full(_shape(shape), 1, dtype_of(dtype)), requires_grad)


def arange(
    start: float = 0,
    stop: float | None = None,
    step: float = 1,
    dtype: DTypeLike = None,
    *,
    end: float | None = None,
    device: DeviceLike = None,
) -> Tensor:
    """start, start + step, ... below stop, as in numpy; ``arange(n)`` counts from 0.

    Whole numbers give int32, others float32, each element computed in float64.

    Raises:
        TypeError: no numbers. ValueError: a step of 0, not finite, or numbers that do not fit.
    """
    check_device(device)
    if end is not None:
        if stop is not None:
            raise TypeError("arange got both stop and end, which mean the same")
        stop = end
    first, last = (0, start) if stop is None else (start, stop)
    for name, value in (("start", first), ("stop", last), ("step", step)):
        arguments.real(name, value)
    if step == 0:
        raise ValueError("step must not be 0")
    if (last - first) / step >= 1 << 31:
        span = f"from {shown(first)} to {shown(last)} by {shown(step)}"
        raise ValueError(f"{span} are too many elements; below 2**31 are possible")
    return tensor(np.arange(first, last, step), dtype)


def eye(n: int, m: int | None = None, dtype: DTypeLike = FLOAT32, *, device: DeviceLike = None) -> Tensor:
    """Ones on the diagonal of an (n, m) matrix, m = n by default."""
    check_device(device)
    rows, columns = _shape((n, n if m is None else m))
    return from_numpy(np.eye(rows, columns, dtype=dtype_of(dtype)))


def zeros_like(x: Tensor, dtype: DTypeLike = None, *, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """Zeros of x's shape and, unless given, dtype."""
    check_device(device)
    x = as_tensor("x", x)
    return _with_grad(_full(x.shape, 0, dtype_of(dtype or x.dtype), x.engine), requires_grad)


def ones_like(x: Tensor, dtype: DTypeLike = None, *, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """Ones of x's shape and, unless given, dtype."""
    check_device(device)
    x = as_tensor("x", x)
    return _with_grad(_full(x.shape, 1, dtype_of(dtype or x.dtype), x.engine), requires_grad)


def full_like(
    x: Tensor, value: float, dtype: DTypeLike = None, *, requires_grad: bool = False, device: DeviceLike = None
) -> Tensor:
    """A number in x's shape and, unless given, dtype."""
    check_device(device)
    x = as_tensor("x", x)
    return _with_grad(_full_of(x.shape, value, dtype or x.dtype, x.engine), requires_grad)


def empty_like(x: Tensor, dtype: DTypeLike = None, *, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """A tensor of x's shape and, unless given, dtype, whose values are whatever the memory holds."""
    check_device(device)
    x = as_tensor("x", x)
    return _with_grad(empty(x.shape, dtype_of(dtype or x.dtype), x.engine), requires_grad)


def empty_tensor(
    *shape: Any, dtype: DTypeLike = FLOAT32, requires_grad: bool = False, device: DeviceLike = None
) -> Tensor:
    """A tensor whose values are whatever the memory holds: ``empty(2, 3)`` or ``empty((2, 3))``."""
    check_device(device)
    return _with_grad(empty(_shape(shape), dtype_of(dtype)), requires_grad)


def as_tensor_of(data: ArrayLike, dtype: DTypeLike = None, device: DeviceLike = None) -> Tensor:
    """The Tensor itself where data is one of that dtype, else a tensor with a copy of the data; see `tensor`."""
    check_device(device)
    if isinstance(data, Tensor):
        return data if dtype is None else cast(data, dtype_of(dtype))
    return tensor(data, dtype)


def float_tensor(data: ArrayLike) -> Tensor:
    """A float32 tensor with a copy of the data, as PyTorch's FloatTensor; see `tensor`."""
    return tensor(data, FLOAT32)


def long_tensor(data: ArrayLike) -> Tensor:
    """A tensor of whole numbers, int32 here, as PyTorch's LongTensor; see `tensor`."""
    return tensor(data, INT32)


def of_numpy(array: ArrayLike) -> Tensor:
    """A tensor with a copy of a numpy array (PyTorch shares the memory; a device has its own).

    Raises:
        TypeError: no numpy array, or one that holds no real numbers.
    """
    if not isinstance(array, np.ndarray):
        raise TypeError(f"from_numpy takes a numpy array, not {type(array).__name__}; tensor takes anything")
    return tensor(arguments.numbers_of("array", array))


def linspace(start: float, end: float, steps: int, *, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """Evenly spaced numbers from start to end, both included, each computed in float64.

    Raises:
        TypeError, ValueError: no finite numbers, or a negative count.
    """
    check_device(device)
    ends = arguments.real("start", start), arguments.real("end", end)
    line = np.linspace(*ends, arguments.size("steps", steps, 0))
    return _with_grad(from_numpy(line.astype(np.float32)), requires_grad)


def logspace(start: float, end: float, steps: int, base: float = 10.0, *, device: DeviceLike = None) -> Tensor:
    """base ** x for evenly spaced x from start to end, each computed in float64.

    Raises:
        TypeError, ValueError: no finite numbers, or a negative count.
    """
    check_device(device)
    ends = arguments.real("start", start), arguments.real("end", end)
    line = np.logspace(*ends, arguments.size("steps", steps, 0), base=arguments.positive("base", base))
    return from_numpy(line.astype(np.float32))


# ---- random numbers ----


def _fractions(dtype: Any) -> None:
    if dtype is not None and dtype_of(dtype) is not FLOAT32:
        raise TypeError(f"dtype of random fractions must be float32, not {dtype_of(dtype)}; see randint")


def _random(kind: str, shape: tuple[int, ...], x: Tensor | None = None) -> Tensor:
    on = engine() if x is None else x.engine
    y = empty(shape, FLOAT32, on)
    # None binds the control block, which a kind that reads no x leaves alone.
    _RANDOM(x=x, control=None, y=y, n=y.count, items=-(-y.count // 4), work=8 * y.count, KIND=_KINDS.index(kind))
    return y


def rand(*shape: Any, dtype: DTypeLike = FLOAT32, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """Uniform numbers in [0, 1), multiples of 2**-24.

    All random tensors follow `grilly_vk.manual_seed`; each call, and each replay of a captured graph, draws fresh
    numbers from Philox4x32-10 (see `shaders/random.glsl` for the counters).
    """
    check_device(device)
    _fractions(dtype)
    return _with_grad(_random("uniform", _shape(shape)), requires_grad)


def randn(*shape: Any, dtype: DTypeLike = FLOAT32, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """Standard normal numbers."""
    check_device(device)
    _fractions(dtype)
    return _with_grad(_random("normal", _shape(shape)), requires_grad)


def rand_like(x: Tensor, dtype: DTypeLike = None, *, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """Uniform numbers in [0, 1) in x's shape."""
    check_device(device)
    _fractions(dtype)
    return _with_grad(_random("uniform", as_tensor("x", x).shape), requires_grad)


def randn_like(x: Tensor, dtype: DTypeLike = None, *, requires_grad: bool = False, device: DeviceLike = None) -> Tensor:
    """Standard normal numbers in x's shape."""
    check_device(device)
    _fractions(dtype)
    return _with_grad(_random("normal", as_tensor("x", x).shape), requires_grad)


def bernoulli(p: ArrayLike) -> Tensor:
    """1.0 with probability p, else 0.0, for each element of p; not differentiable.

    Args:
        p: Tensor, array-like or number.

    Raises:
        TypeError: p holds no real numbers.
        ValueError: a probability outside [0, 1] in host values (in a Tensor it counts as 0 or 1, and NaN as 0).
    """
    x = _parameter("p", p, 1.0)
    return _random("bernoulli", x.shape, x)


def poisson(rate: ArrayLike) -> Tensor:
    """Poisson counts as float32 for each element of rate; not differentiable.

    Rates below 10 multiply uniform numbers (Knuth); larger ones use transformed rejection (Hormann 1993, PTRS), so
    the cost does not grow with the rate.  Above 2**24 counts are rounded, as float32 is.

    Args:
        rate: Tensor, array-like or number, 0 or more.

    Raises:
        TypeError: rate holds no real numbers.
        ValueError: a negative, infinite or NaN rate in host values (in a Tensor it gives NaN).
    """
    x = _parameter("rate", rate, math.inf)
    return _random("poisson", x.shape, x)


def _parameter(name: str, value: Any, most: float) -> Tensor:
    if not isinstance(value, Tensor):
        given = arguments.numbers_of(name, value)
        if not (np.isfinite(given) & (given >= 0) & (given <= most)).all():
            bounds = "[0, 1]" if most == 1 else "[0, inf)"
            raise ValueError(f"{name} must lie in {bounds}, got {given.min()!r} to {given.max()!r}")
        value = np.asarray(given, np.float32)
    return cast(as_tensor(name, value).detach(), FLOAT32)
