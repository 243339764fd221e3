"""Activations: element by element, any shape, with gradients."""

from __future__ import annotations

import math
from typing import Literal

from .. import arguments
from ..errors import shown
from ..ops.elementwise import as_tensor, binary, cast, mul, unary, where
from ..tensor import FLOAT32, Tensor
from ..typing import ArrayLike

__all__ = [
    "elu", "gelu", "hardtanh", "leaky_relu", "logsigmoid", "prelu", "relu", "relu6", "sigmoid", "silu", "softplus",
    "tanh", "threshold",
]  # fmt: skip


def relu(x: ArrayLike, inplace: bool = False) -> Tensor:
    """max(x, 0), with slope 0 at 0; NaN stays NaN.

    With `inplace`, which is taken for PyTorch's sake, the result is a tensor of its own all the same; so below.
    """
    arguments.flag("inplace", inplace)
    return unary("relu", x)


def relu6(x: ArrayLike, inplace: bool = False) -> Tensor:
    """x cut to [0, 6], with slope 0 at the bounds; NaN stays NaN."""
    arguments.flag("inplace", inplace)
    return unary("hardtanh", x, 0.0, 6.0)


def hardtanh(x: ArrayLike, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Tensor:
    """x cut to [min_val, max_val], with slope 0 at the bounds; NaN stays NaN.

    Raises:
        TypeError, ValueError: no finite numbers, or min_val above max_val.
    """
    low, high = arguments.real("min_val", min_val), arguments.real("max_val", max_val)
    if low > high:
        raise ValueError(f"min_val must not be above max_val={max_val!r}, got {shown(min_val)}")
    arguments.flag("inplace", inplace)
    return unary("hardtanh", x, low, high)


def threshold(x: ArrayLike, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """x where it is above the threshold, else value.

    Raises:
        TypeError, ValueError: no finite numbers.
    """
    arguments.flag("inplace", inplace)
    x = as_tensor("x", x)
    return where(x.detach() > arguments.real("threshold", threshold), x, arguments.real("value", value))


def logsigmoid(x: ArrayLike) -> Tensor:
    """log(sigmoid(x)) without overflow."""
    return -unary("softplus", -as_tensor("x", x), 1e30, 1.0)


def leaky_relu(x: ArrayLike, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """x where x > 0, else negative_slope * x.

    Raises:
        TypeError, ValueError: a slope that is no finite number.

    Source: Maas, Hannun & Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """
    arguments.flag("inplace", inplace)
    return unary("leaky_relu", x, arguments.real("negative_slope", negative_slope))


def elu(x: ArrayLike, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """x where x > 0, else alpha * (exp(x) - 1).

    Raises:
        TypeError, ValueError: an alpha that is no finite number.

    Source: Clevert, Unterthiner & Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    ICLR 2016.
    """
    arguments.flag("inplace", inplace)
    return unary("elu", x, arguments.real("alpha", alpha))


def prelu(x: ArrayLike, weight: ArrayLike) -> Tensor:
    """x where x > 0, else weight * x.

    Args:
        x: (B, C, ...), or any shape with one weight.
        weight: (1,), or (C,): one for each channel; has a gradient.

    Raises:
        TypeError: not float32. ValueError: a weight that is neither one number nor one per channel.

    Source: He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015.
    """
    x = cast(as_tensor("x", x), FLOAT32)
    w = arguments.tensor("weight", weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.count != 1 and w.shape != (channels,):
        wanted = f"(1,) or ({channels},)" if channels != 1 else "(1,)"
        raise ValueError(f"weight has shape {w.shape}; expected {wanted} for x of shape {x.shape}")
    w = w.reshape(()) if w.count == 1 else w.reshape(channels, *(1,) * (x.ndim - 2))
    return where(binary("gt", x, 0.0), x, mul(x, w))


def gelu(x: ArrayLike, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    """x times the normal distribution function of x; with approximate="tanh" its form by tanh.

    Raises:
        ValueError: `approximate` is neither "none" nor "tanh".

    Source: Hendrycks & Gimpel, "Gaussian error linear units", arXiv:1606.08415 (2016).
    """
    if arguments.choice("approximate", approximate, ("none", "tanh")) == "none":
        return unary("gelu", x)
    x = as_tensor("x", x)
    # x * (1 + tanh(z)) / 2 = x * sigmoid(2 * z) with z = sqrt(2 / pi) * (x + 0.044715 * x**3)
    slope = 2 * math.sqrt(2 / math.pi)
    inner = unary("scale", mul(x, x), 0.044715 * slope, slope)
    return mul(x, unary("sigmoid", mul(x, inner)))


def silu(x: ArrayLike) -> Tensor:
    """x * sigmoid(x).

    Source: Elfwing, Uchibe & Doya, "Sigmoid-weighted linear units", Neural Networks 107 (2018).
    """
    return unary("silu", x)


def softplus(x: ArrayLike, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta without overflow, and x itself where beta * x > threshold.

    Raises:
        TypeError, ValueError: beta is not positive, or a parameter is no finite number.
    """
    return unary("softplus", x, arguments.real("threshold", threshold), arguments.positive("beta", beta))


def tanh(x: ArrayLike) -> Tensor:
    """Hyperbolic tangent."""
    return unary("tanh", x)


def sigmoid(x: ArrayLike) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""
    return unary("sigmoid", x)
