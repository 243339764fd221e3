"""Which elements are NaN or infinite, and arrays that are equal or close."""

from __future__ import annotations

from typing import Any

from .. import arguments
from ..runtime.kernel import Kernel
from ..tensor import BOOL, FLOAT32, Tensor, empty, full
from .elementwise import as_tensor, binary, where
from .reductions import reduce_all

_KINDS = {"nan": 0, "inf": 1, "finite": 2}  # of shaders/classify.glsl

_CLASSIFY = Kernel("classify")


def _classify(kind: str, x: Any) -> Tensor:
    x = as_tensor("x", x)
    if x.dtype is not FLOAT32:
        return full(x.shape, kind == "finite", BOOL, x.engine)
    out = empty(x.shape, BOOL, x.engine)
    _CLASSIFY(x=x, y=out, n=x.count, KIND=_KINDS[kind])
    return out


def is_nan(x: Any) -> Tensor:
    """Whether each element is NaN."""
    return _classify("nan", x)


def is_inf(x: Any) -> Tensor:
    """Whether each element is infinite, of either sign."""
    return _classify("inf", x)


def is_finite(x: Any) -> Tensor:
    """Whether each element is neither NaN nor infinite."""
    return _classify("finite", x)


def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
    """NaN replaced by a number, infinities by numbers or the largest that float32 has."""
    x = as_tensor("x", x)
    if x.dtype is not FLOAT32:
        return x.clone()
    largest = 3.4028234663852886e38
    high = largest if posinf is None else arguments.number("posinf", posinf)
    low = -largest if neginf is None else arguments.number("neginf", neginf)
    ends = where(x.detach() > 0, high, low)
    return where(is_nan(x), arguments.number("nan", nan), where(is_inf(x), ends, x))


def is_close(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
    """Whether abs(x - y) <= atol + rtol * abs(y), element by element; equal infinities are close.

    Raises:
        TypeError, ValueError: tolerances that are no numbers of at least 0; shapes that don't broadcast.
    """
    a, b = (as_tensor(name, v).detach() for name, v in (("x", x), ("y", y)))
    room = arguments.non_negative("atol", atol) + arguments.non_negative("rtol", rtol) * b.abs()
    close = (binary("eq", a, b)) | (is_finite(b) & ((a - b).abs() <= room))
    return close | (is_nan(a) & is_nan(b)) if arguments.flag("equal_nan", equal_nan) else close


def all_close(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
    """Whether all elements are close; see `is_close`.  Waits for the device."""
    return bool(reduce_all(is_close(x, y, rtol, atol, equal_nan)).item())


def array_equal(x: Any, y: Any) -> bool:
    """Whether two arrays have one shape and equal elements.  Waits for the device."""
    a, b = as_tensor("x", x), as_tensor("y", y)
    return a.shape == b.shape and bool(reduce_all(binary("eq", a, b)).item())
