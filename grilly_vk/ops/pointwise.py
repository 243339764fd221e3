"""Element-wise functions, one line each: what kernels number, and what PyTorch's users find on a Tensor.

A line of `Pointwise` makes the method, the function `grilly_vk.exp` and, of one operand, the method that works in place
(`exp_`), all of them with its text; methods/ and functions.py take them from here.  The formulas stand in
shaders/include/functions.glsl and shaders/include/binary.glsl, which give the numbers in the order of this file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..tensor import Tensor

# Functions of one operand: first those with parameters of their own, which `grilly_vk.functional` offers.
FUNCTIONS = ["leaky_relu", "gelu", "silu", "softplus", "clamp", "scale", "hardtanh", "elu", "round"]
BINARY = [
    "add", "sub", "mul", "div", "pow", "maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor",
    "mod", "floordiv",
]  # fmt: skip
UNARY_METHODS: dict[str, str] = {}  # name: text
BINARY_METHODS: dict[str, tuple[str, str]] = {}  # name: (one of BINARY, text)


def _function(name: str, text: str) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    """The next function of one operand: the method and that which works in place, for type checkers."""
    FUNCTIONS.append(name)
    UNARY_METHODS[name] = text
    return _attached, _attached


def _operation(name: str, text: str, op: str | None = None) -> Callable[..., Tensor]:
    """A method that is one of BINARY, by default that of its name."""
    BINARY_METHODS[name] = op or name, text
    return _attached


def _attached(*given: Any) -> Any:
    raise NotImplementedError("methods/elementwise.py attaches it to Tensor")


class Pointwise:
    """The element-wise methods of Tensor, each over any shape."""

    neg, neg_ = _function("neg", "-x.")
    exp, exp_ = _function("exp", "The exponential of each element.")
    log, log_ = _function("log", "The natural logarithm of each element.")
    sqrt, sqrt_ = _function("sqrt", "The square root of each element.")
    abs, abs_ = _function("abs", "The size of each element.")
    tanh, tanh_ = _function("tanh", "The hyperbolic tangent of each element.")
    sigmoid, sigmoid_ = _function("sigmoid", "1 / (1 + exp(-x)), without overflow.")
    relu, relu_ = _function("relu", "max(x, 0), with slope 0 at 0.")
    sign, sign_ = _function("sign", "-1, 0 or 1; NaN stays NaN.")
    sin, sin_ = _function("sin", "The sine of each element.")
    cos, cos_ = _function("cos", "The cosine of each element.")
    floor, floor_ = _function("floor", "The largest whole number not above each element; its gradient is 0.")
    ceil, ceil_ = _function("ceil", "The smallest whole number not below each element; its gradient is 0.")
    trunc, trunc_ = _function("trunc", "Each element without its fraction; its gradient is 0.")
    log1p, log1p_ = _function("log1p", "log(1 + x) without losing small x.")
    expm1, expm1_ = _function("expm1", "exp(x) - 1 without losing small x.")
    erf, erf_ = _function("erf", "Gauss' error function.")
    atan, atan_ = _function("atan", "The angle whose tangent is each element, in (-pi/2, pi/2).")

    maximum = _operation("maximum", "The larger of two elements; NaN wins.")
    minimum = _operation("minimum", "The smaller of two elements; NaN wins.")
    mul = _operation("mul", "x * other.")
    multiply = _operation("multiply", "x * other.", "mul")
    pow = _operation("pow", "x ** exponent.")
    remainder = _operation("remainder", "x % other: the result has the sign of other, as in Python.", "mod")
    floor_divide = _operation("floor_divide", "x // other.", "floordiv")
    eq = _operation("eq", "x == other: bool.")
    ne = _operation("ne", "x != other: bool.")
    lt = _operation("lt", "x < other: bool.")
    le = _operation("le", "x <= other: bool.")
    gt = _operation("gt", "x > other: bool.")
    ge = _operation("ge", "x >= other: bool.")
