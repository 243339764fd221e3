"""Activations: element by element, any shape, with gradients."""

from __future__ import annotations

import math
from typing import Any

from .. import arguments
from ..ops.elementwise import as_tensor, binary, cast, mul, unary, where
from ..tensor import FLOAT32, Tensor

__all__ = ["elu", "gelu", "leaky_relu", "prelu", "relu", "sigmoid", "silu", "softplus", "tanh"]


def relu(x: Any) -> Tensor:
    """max(x, 0), with slope 0 at 0; NaN stays NaN."""
    return unary("relu", x)


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Tensor:
    """x where x > 0, else negative_slope * x.

    Raises:
        TypeError, ValueError: a slope that is no finite number.

    Source: Maas, Hannun & Ng, "Rectifier nonlinearities improve neural network acoustic models", ICML 2013.
    """
    return unary("leaky_relu", x, arguments.real("negative_slope", negative_slope))


def elu(x: Any, alpha: float = 1.0) -> Tensor:
    """x where x > 0, else alpha * (exp(x) - 1).

    Raises:
        TypeError, ValueError: an alpha that is no finite number.

    Source: Clevert, Unterthiner & Hochreiter, "Fast and accurate deep network learning by exponential linear units",
    ICLR 2016.
    """
    return unary("elu", x, arguments.real("alpha", alpha))


def prelu(x: Any, weight: Any) -> Tensor:
    """x where x > 0, else weight * x.

    Args:
        x: (B, C, ...), or any shape with one weight.
        weight: (1,), or (C,): one for each channel; has a gradient.

    Raises:
        TypeError: not float32. ValueError: a weight that is neither one number nor one a channel.

    Source: He, Zhang, Ren & Sun, "Delving deep into rectifiers", ICCV 2015.
    """
    x = cast(as_tensor("x", x), FLOAT32)
    w = arguments.tensor("weight", weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if w.size != 1 and w.shape != (channels,):
        wanted = f"(1,) or ({channels},)" if channels != 1 else "(1,)"
        raise ValueError(f"weight has shape {w.shape}; expected {wanted} for x of shape {x.shape}")
    w = w.reshape(()) if w.size == 1 else w.reshape(channels, *(1,) * (x.ndim - 2))
    return where(binary("gt", x, 0.0), x, mul(x, w))


def gelu(x: Any, approximate: str = "none") -> Tensor:
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


def silu(x: Any) -> Tensor:
    """x * sigmoid(x).

    Source: Elfwing, Uchibe & Doya, "Sigmoid-weighted linear units", Neural Networks 107 (2018).
    """
    return unary("silu", x)


def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """log(1 + exp(beta * x)) / beta without overflow, and x itself where beta * x > threshold.

    Raises:
        TypeError, ValueError: beta is not positive, or a parameter is no finite number.
    """
    return unary("softplus", x, arguments.real("threshold", threshold), arguments.positive("beta", beta))


def tanh(x: Any) -> Tensor:
    """Hyperbolic tangent."""
    return unary("tanh", x)


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + exp(-x)), without overflow."""
    return unary("sigmoid", x)
