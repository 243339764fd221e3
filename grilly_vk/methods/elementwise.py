"""Element-wise methods under PyTorch's names."""

from __future__ import annotations

import math
from typing import Any, Literal

from .. import arguments
from ..errors import shown
from ..ops import elementwise as e
from ..ops import number_kinds as kinds
from ..ops.pointwise import BINARY_METHODS, UNARY_METHODS
from ..ops.softmax import log_softmax, softmax
from ..tensor import BOOL, Tensor
from ..typing import ArrayLike, Axes
from .attach import attach, attached


def _unary(name: str, text: str) -> Any:
    def method(self: Tensor) -> Tensor:
        return e.unary(name, self)

    method.__doc__ = text
    return method


def _binary(name: str, text: str) -> Any:
    def method(self: Tensor, other: ArrayLike) -> Tensor:
        return e.binary(name, self, other)

    method.__doc__ = text
    return method


def _rounding(name: str, text: str) -> Any:
    def method(self: Tensor) -> Tensor:
        return self.clone() if self.dtype.kind in "iub" else e.unary(name, self)

    method.__doc__ = text
    return method


def _logical(name: str) -> Any:
    def method(self: Tensor, other: ArrayLike) -> Tensor:
        return e.binary(name, e.cast(self, BOOL), e.cast(e.as_tensor("other", other), BOOL))

    method.__doc__ = f"Logical {name} of the truth of two operands: bool."
    return method


for _name, _text in UNARY_METHODS.items():
    attach(_name, (_rounding if _name in ("floor", "ceil", "trunc") else _unary)(_name, _text))
for _name, (_op, _text) in BINARY_METHODS.items():
    attach(_name, _binary(_op, _text))
for _name in ("and", "or", "xor"):
    attach(f"logical_{_name}", _logical(_name))


def _times(other: Any, alpha: Any) -> Any:
    if type(alpha) is int and alpha == 1:
        return other
    return e.binary("mul", other, _number("alpha", alpha))


def _number(name: str, value: Any) -> Any:
    return value if isinstance(value, Tensor) else arguments.scalar(name, value)


def _one_axis(name: str, dim: Any, axis: Any) -> Any:
    if (dim is None) == (axis is None):
        raise TypeError(f"{name} needs one axis, as dim= or axis=, got dim={shown(dim)}, axis={shown(axis)}")
    return axis if dim is None else dim


def _short(text: str, method: Any) -> Any:
    method.__doc__ = text
    return method


@attached
class ElementWise(Tensor):
    """What is done with each element by itself."""

    def round(self, decimals: int = 0) -> Tensor:
        """The nearest whole number, halves to the even one; or that many decimals.  Its gradient is 0."""
        places = arguments.whole("decimals", decimals)
        if not -38 <= places <= 38:
            raise ValueError(f"decimals must lie in -38..38, those of float32, got {arguments.shown(places)}")
        if self.dtype.kind in "iub":
            return self.clone()
        return e.unary("round", self) if places == 0 else (self * 10.0**places).round() / 10.0**places

    def add(self, other: ArrayLike, *, alpha: float = 1) -> Tensor:
        """x + alpha * other."""
        return e.binary("add", self, _times(other, alpha))

    def sub(self, other: ArrayLike, *, alpha: float = 1) -> Tensor:
        """x - alpha * other."""
        return e.binary("sub", self, _times(other, alpha))

    subtract = sub

    def div(self, other: ArrayLike, *, rounding_mode: Literal["floor", "trunc"] | None = None) -> Tensor:
        """x / other; with rounding_mode "floor" rounded down, with "trunc" towards 0."""
        if rounding_mode is None:
            return e.binary("div", self, other)
        if arguments.choice("rounding_mode", rounding_mode, ("floor", "trunc")) == "floor":
            return e.binary("floordiv", self, other)
        whole = self.dtype.kind in "iub" and e.as_tensor("other", other, self).dtype.kind in "iub"
        sizes = e.binary("floordiv", self.abs(), e.as_tensor("other", other, self).abs())
        out = e.where(e.binary("xor", self < 0, e.binary("lt", other, 0)), -sizes, sizes)
        return out if whole else out.astype("float32")

    divide = div
    true_divide = div

    def fmod(self, other: ArrayLike) -> Tensor:
        """The remainder of x / other with the sign of x, as C has it."""
        rest = e.binary("mod", self.abs(), e.as_tensor("other", other, self).abs())
        return e.where(self.detach() < 0, -rest, rest)

    def clamp(self, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Tensor:
        """Each element, but at least min and at most max (numbers or tensors; None: no bound); max wins.

        Raises:
            ValueError: no bound at all.
        """
        if min is None and max is None:
            raise ValueError("clamp needs min, max or both")
        if not isinstance(min, Tensor) and not isinstance(max, Tensor):
            return e.clamp(self, min, max)
        out = self if min is None else e.binary("maximum", self, min)
        return out if max is None else e.binary("minimum", out, max)

    clip = clamp

    def where(self, condition: ArrayLike, other: ArrayLike) -> Tensor:
        """x where the condition holds, else other."""
        return e.where(condition, self, other)

    def masked_fill(self, mask: ArrayLike, value: ArrayLike) -> Tensor:
        """The value where the mask is true, else x.

        Raises:
            TypeError: a mask that is not bool.  ValueError: shapes that don't broadcast.
        """
        return e.where(mask, value, self)

    def lerp(self, end: ArrayLike, weight: ArrayLike) -> Tensor:
        """x + weight * (end - x)."""
        return self + e.binary("mul", _number("weight", weight), e.as_tensor("end", end, self) - self)

    def heaviside(self, values: ArrayLike) -> Tensor:
        """0 below 0, 1 above, and values at 0; no gradient."""
        x = self.detach()
        return e.where(x.eq(0), values, e.cast(x > 0, self.dtype))

    def softmax(self, dim: Axes = None, *, axis: Axes = None) -> Tensor:
        """exp(x) over its sum along an axis."""
        return softmax(self, _one_axis("softmax", dim, axis))

    def log_softmax(self, dim: Axes = None, *, axis: Axes = None) -> Tensor:
        """The logarithm of `softmax`, without overflow."""
        return log_softmax(self, _one_axis("log_softmax", dim, axis))

    def nan_to_num(self, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Tensor:
        """NaN replaced by a number, infinities by numbers or the largest of float32."""
        return kinds.nan_to_num(self, nan, posinf, neginf)

    def isclose(self, other: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Tensor:
        """Whether abs(x - other) <= atol + rtol * abs(other): bool."""
        return kinds.is_close(self, other, rtol, atol, equal_nan)

    def allclose(self, other: ArrayLike, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
        """Whether all elements are close; waits for the device."""
        return kinds.all_close(self, other, rtol, atol, equal_nan)

    def equal(self, other: ArrayLike) -> bool:
        """Whether two arrays have one shape and equal elements; waits for the device.  Each by itself: `eq`, `==`."""
        return kinds.array_equal(self, other)

    square = _short("x * x.", lambda self: e.binary("mul", self, self))
    reciprocal = _short("1 / x.", lambda self: e.binary("div", 1.0, self))
    rsqrt = _short("1 / sqrt(x).", lambda self: e.binary("div", 1.0, self.sqrt()))
    log2 = _short("The logarithm to base 2.", lambda self: self.log() * (1.0 / math.log(2.0)))
    log10 = _short("The logarithm to base 10.", lambda self: self.log() * (1.0 / math.log(10.0)))
    logical_not = _short("Whether each is 0: bool.", lambda self: e.binary("xor", e.cast(self, BOOL), True))
    isnan = _short("Whether each element is NaN: bool.", lambda self: kinds.is_nan(self))
    isinf = _short("Whether each element is infinite: bool.", lambda self: kinds.is_inf(self))
    isfinite = _short("Whether each element is neither NaN nor infinite.", lambda self: kinds.is_finite(self))
