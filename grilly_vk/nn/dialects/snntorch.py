"""snnTorch's neurons and surrogate gradients, by its names, arguments and defaults (snnTorch 1.0)."""

from __future__ import annotations

from ...surrogate import ATan, Sigmoid, SuperSpike

__all__ = ["atan", "fast_sigmoid", "sigmoid"]


def atan(alpha: float = 2.0) -> ATan:
    """`snntorch.surrogate.atan`: alpha/2 / (1 + (pi/2 alpha x)^2), the default of all its neurons.

    Args:
        alpha: the slope at the threshold is alpha/2 (default 2).

    Raises:
        TypeError, ValueError: alpha is not positive.
    """
    return ATan(alpha)


def fast_sigmoid(slope: float = 25) -> SuperSpike:
    """`snntorch.surrogate.fast_sigmoid`: ``1 / (1 + slope |x|)^2``.

    Args:
        slope: steepness (default 25).

    Raises:
        TypeError, ValueError: slope is not positive.
    """
    return SuperSpike(slope)


def sigmoid(slope: float = 25) -> Sigmoid:
    """`snntorch.surrogate.sigmoid`: slope exp(-slope x) / (1 + exp(-slope x))^2.

    Args:
        slope: steepness (default 25).

    Raises:
        TypeError, ValueError: slope is not positive.
    """
    return Sigmoid(slope)
