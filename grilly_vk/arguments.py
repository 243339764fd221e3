"""Checks of what callers pass in.  Each raises an error that names the argument, what came and what was expected."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from .errors import shown
from .runtime.engine import Engine
from .tensor import BOOL, FLOAT32, INT32, UINT32, Tensor, from_numpy
from .values import came as came
from .values import flag as flag
from .values import numbers_of
from .values import read as read

Word = TypeVar("Word", bound=str)
_SIZE_LIMIT = 1 << 31
_FLOAT32_MAX = float(np.finfo(np.float32).max)
_ON_DEVICE = {"b": BOOL, "i": INT32, "u": INT32, "f": FLOAT32}  # dtypes by the kind of a host array


def real(name: str, value: Any) -> float:
    """A finite number."""
    kinds = (bool, np.bool_, np.complexfloating)
    if isinstance(value, kinds) or not isinstance(value, (numbers.Real, np.number)):
        raise TypeError(f"{name} must be a number, not {type(value).__name__} ({shown(value)})")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {shown(value)}")
    if abs(number) > _FLOAT32_MAX:
        raise ValueError(f"{name} must fit float32 (at most {_FLOAT32_MAX:.8g}), got {shown(value)}")
    return number


def number(name: str, value: Any) -> float:
    """A number as float32 arithmetic takes it: NaN and infinity pass, and what is beyond float32 is infinity.

    Python's and numpy's numbers, bools (0 and 1) and arrays without axes.

    Raises:
        TypeError: anything else. ValueError: a whole number beyond float64.
    """
    if type(value) is not float:
        value = scalar(name, value)
        try:
            value = float(value)
        except OverflowError:
            raise ValueError(f"{name} must fit float64 (at most 1.8e308), got a number beyond") from None
    if -_FLOAT32_MAX <= value <= _FLOAT32_MAX:
        return value
    with np.errstate(over="ignore"):
        return float(np.float32(value))


def scalar(name: str, value: Any) -> Any:
    """One Python or numpy number, or a bool, of its own kind; arrays without axes become what they hold.

    Raises:
        TypeError: anything else.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value[()]
    if not isinstance(value, (numbers.Real, np.number, np.bool_)) or isinstance(value, np.complexfloating):
        raise TypeError(f"{name} must be a number, not {type(value).__name__} ({shown(value)})")
    return value


def fitting(name: str, value: Any, dtype: np.dtype) -> Any:
    """A number as an element of this dtype: whole numbers must be whole and fit, bools are the truth of any number.

    Raises:
        TypeError: no number. ValueError: one that the dtype can't hold, or a whole number beyond float64.
    """
    if dtype is FLOAT32:
        return number(name, value)
    value = scalar(name, value)
    if dtype is BOOL:
        return bool(value)
    limits = np.iinfo(dtype)
    if not limits.min <= value <= limits.max or value % 1:
        raise ValueError(f"{name} must fit {dtype} as a whole number, got {shown(value)}")
    return int(value)


def whole(name: str, value: Any) -> int:
    """A whole number of any sign and size: Python's, numpy's, or what has `__index__`; no bool.

    Raises:
        TypeError: anything else.
    """
    if type(value) is int:
        return value
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__} ({shown(value)})") from None


def wholes(name: str, values: Any) -> tuple[int, ...]:
    """Several whole numbers, or one.

    Raises:
        TypeError: anything else.
    """
    if isinstance(values, (tuple, list)):
        return tuple([whole(f"{name}[{i}]", v) for i, v in enumerate(values)])
    if isinstance(values, np.ndarray) and values.ndim == 1:
        return wholes(name, values.tolist())
    return (whole(name, values),)


def positive(name: str, value: Any) -> float:
    """A finite number above zero."""
    number = real(name, value)
    if number <= 0:
        raise ValueError(f"{name} must be positive, got {shown(value)}")
    return number


def non_negative(name: str, value: Any) -> float:
    """A finite number that is zero or above."""
    number = real(name, value)
    if number < 0:
        raise ValueError(f"{name} must not be negative, got {shown(value)}")
    return number


def below_one(name: str, value: Any) -> float:
    """A number in [0, 1)."""
    number = real(name, value)
    if not 0 <= number < 1:
        raise ValueError(f"{name} must lie in [0, 1), got {shown(value)}")
    return number


def between(name: str, value: Any, low: float, high: float) -> float:
    """A number in [low, high]."""
    number = real(name, value)
    if not low <= number <= high:
        raise ValueError(f"{name} must lie in [{low}, {high}], got {shown(value)}")
    return number


def time_constant(name: str, value: Any) -> float:
    """A time constant in steps: at least one."""
    tau = real(name, value)
    if tau < 1.0:
        raise ValueError(f"{name} is in steps and must be at least 1, got {shown(value)}")
    return tau


def size(name: str, value: Any, least: int = 1) -> int:
    """A whole number of at least `least`."""
    integral = type(value) is int or isinstance(value, (numbers.Integral, np.integer))
    if not integral or isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__} ({shown(value)})")
    number = int(value)
    if not least <= number < _SIZE_LIMIT:
        raise ValueError(f"{name} must be at least {least} and below 2**31, got {shown(value)}")
    return number


def sizes(name: str, value: Any, count: int, least: int) -> tuple[int, ...]:
    """One whole number for every axis, or one for each.

    Raises:
        TypeError, ValueError: no whole numbers, too many or too few, or below `least`.
    """
    if isinstance(value, (tuple, list)):
        if len(value) not in (1, count):
            raise ValueError(f"{name} must be a whole number or {count} of them, got {shown(value)}")
        found = [size(f"{name}[{i}]", v, least) for i, v in enumerate(value)]
        return tuple(found * count if len(found) == 1 else found)
    return (size(name, value, least),) * count


def nearest(value: float) -> int:
    """A product or quotient of a number and a count, 0 or more, as a whole number: the nearest, a half upwards.

    So a duration lasts at least as long as was asked for, if it lies between two steps.  What float arithmetic has put
    within a millionth below a half counts as one: 0.15 / 0.1 is 1.4999999999999998, and becomes 2.
    """
    return math.floor(value + 0.5 + 1e-6 * min(max(value, 1.0), 1e3))


def steps(name: str, duration: Any, dt: float) -> int:
    """A duration in the unit of dt that must be a multiple of it, as a number of steps.

    Raises:
        TypeError, ValueError: negative, more than a millionth off a multiple of dt, or 2**31 steps and more.
    """
    ratio = non_negative(name, duration) / dt
    if ratio >= _SIZE_LIMIT - 1:
        raise ValueError(f"{name} must be below 2**31 steps of dt, got {shown(duration)} with dt={dt:g}")
    whole = nearest(ratio)
    if abs(ratio - whole) > 1e-6 * max(1.0, ratio):
        raise ValueError(f"{name} must be a multiple of dt, got {shown(duration)} with dt={dt:g}")
    return whole


def choice(name: str, value: Word, options: Collection[str]) -> Word:
    """One of a few words."""
    if not isinstance(value, str) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}; got {shown(value)}")
    return value


def is_array(value: Any) -> bool:
    """Whether it is an array: of numpy, of this library or of another."""
    if isinstance(value, (np.generic, type)):
        return False
    return any(hasattr(value, name) for name in ("__array__", "__array_interface__", "__dlpack__"))


def listed(name: str, value: Any, of: str = "tensors") -> list[Any]:
    """The items of a list, a tuple or anything else that is gone through, as a list; see `several`."""
    return list(several(name, value, of))


def several(name: str, value: Any, of: str) -> Any:
    """Something that can be gone through, itself.

    Raises:
        TypeError: one thing, a text, a mapping.
    """
    if isinstance(value, (str, bytes, Mapping, type)) or not isinstance(value, Iterable):
        raise TypeError(f"{name} must be a list of {of}, not {type(value).__name__} ({shown(value)})")
    return value


def function(name: str, value: Any) -> Any:
    """Something that can be called.

    Raises:
        TypeError: it can't.
    """
    if not callable(value):
        raise TypeError(f"{name} must be a function, not {type(value).__name__} ({shown(value)})")
    return value


def array(name: str, value: Any) -> np.ndarray:
    """A contiguous float32 array made of any real array-like; the same object if it is one already.

    NaN and infinity pass; finite numbers beyond float32 don't.
    """
    given = numbers_of(name, value)
    if given.dtype == np.float32 and given.flags.c_contiguous:
        return given
    with np.errstate(over="ignore"):
        out = np.array(given, np.float32, order="C")
    if given.dtype.itemsize > 4 and given.dtype.kind == "f" and np.isinf(out).sum() != np.isinf(given).sum():
        raise ValueError(f"{name} holds numbers beyond float32 (more than {_FLOAT32_MAX:.8g} in size)")
    return out


def any_tensor(
    name: str,
    value: Any,
    dtype: np.dtype | None = None,
    *,
    whole: np.dtype | None = None,
    what: str = "hold real numbers",
    on: Engine | None = None,
) -> Tensor:
    """A Tensor itself, or a new one with the numbers of an array-like.

    Args:
        name: of the argument.
        value: a Tensor of any dtype, or any array-like of real numbers.
        dtype: None: floats become float32, whole numbers int32 (uint32 stays), bools bool.  Finite numbers beyond
            float32 become infinity, as in numpy; an int dtype cuts fractions off.
        whole: the dtype of all whole numbers instead.
        what: what the argument must do, for the error.
        on: the engine that a new one lies on; None: the one in use.

    Raises:
        TypeError: no real numbers. ValueError: lists of different lengths, or numbers that an int dtype can't hold.
    """
    if isinstance(value, Tensor):
        return value
    given = read(name, value)
    kind = given.dtype.kind
    if kind not in _ON_DEVICE:
        raise TypeError(f"{name} must {what}, not {came(value, given)}")
    if dtype is None:
        dtype = whole if whole is not None and kind in "iu" else _ON_DEVICE[kind]
        if whole is None and given.dtype == np.uint32:
            dtype = UINT32
    if dtype in (INT32, UINT32) and given.size and not np.can_cast(given.dtype, dtype):
        low, high = float(given.min()), float(given.max())
        limits = np.iinfo(dtype)
        if not (low > limits.min - 1 and high < limits.max + 1):
            raise ValueError(f"{name} must fit {dtype}, got values from {low:.10g} to {high:.10g}")
    with np.errstate(over="ignore"):
        return from_numpy(np.asarray(given, dtype, order="C"), on=on)


def counters(name: str, value: Any) -> np.ndarray:
    """Whole numbers of steps, from 0 to below 2**31, as a uint32 array."""
    given = numbers_of(name, value)
    if not np.isfinite(given).all() or (given < 0).any() or (given >= _SIZE_LIMIT).any() or (given % 1 != 0).any():
        raise ValueError(f"{name} must hold whole numbers of steps, from 0 to below 2**31")
    return given.astype(np.uint32)


def tensor(name: str, value: Any, *, borrow: bool = False, on: Engine | None = None) -> Tensor:
    """A float32 Tensor: the same one, or the upload of an array-like.

    `borrow` allows the use of a device result's own memory, `on` is where an upload goes; see
    `grilly_vk.tensor.from_numpy`.
    """
    if isinstance(value, Tensor):
        if value.dtype != np.float32:
            raise TypeError(f"{name} must be a float32 tensor, not {value.dtype}")
        return value
    return from_numpy(array(name, value), borrow=borrow, on=on)


def optional(name: str, value: Any, wanted: Sequence[int | str | None], on: Engine | None = None) -> Tensor | None:
    """None, or a float32 Tensor of this shape; see `tensor` and `shape`."""
    if value is None:
        return None
    out = tensor(name, value, on=on)
    shape(name, out.shape, wanted)
    return out


def shape(name: str, got: tuple[int, ...], wanted: Sequence[int | str | None]) -> None:
    """Checks a shape; `wanted` has a number where the size is fixed and a letter where it is free.

    A leading Ellipsis-like "..." allows any leading axes.
    """
    pattern = list(wanted)
    free = bool(pattern) and pattern[0] == "..."
    if free:
        pattern = pattern[1:]
    fits = len(got) >= len(pattern) if free else len(got) == len(pattern)
    tail = got[len(got) - len(pattern) :] if fits else ()
    if not fits or any(isinstance(w, int) and w != g for w, g in zip(pattern, tail)):
        text = ", ".join(["..."] * free + [str(w) for w in pattern]) + ("," if len(pattern) == 1 and not free else "")
        raise ValueError(f"{name} has shape {got}; expected ({text})")
