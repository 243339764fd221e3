"""One value as the activity of several neurons with overlapping Gaussian receptive fields."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from .. import arguments
from ..errors import shown
from ..ops import encode as ops
from ..tensor import Tensor
from ..typing import ArrayLike
from .given import within
from .times import below

CODES = ("times", "rates")


def receptive_fields(x: ArrayLike, n_neurons: int, low: float, high: float, *, beta: float = 1.5) -> Tensor:
    """Responses of m = n_neurons neurons to each value: exp(-((x - c_i) / sigma)**2 / 2).

    c_i = low + (2 * i - 3) / 2 * (high - low) / (m - 2) for i = 1..m, and sigma = (high - low) / (beta * (m - 2)).
    The first and last centres lie half a spacing outside [low, high].

    Args:
        x: values of any shape (...), within [low, high] or not.
        n_neurons: m, at least 3.
        low, high: the range that is covered evenly; low below high.
        beta: positive; the larger, the narrower; default 1.5 as in the paper.

    Returns:
        Responses in [0, 1], (..., m), with a gradient to x.

    Raises:
        TypeError, ValueError: an argument out of range; the message names it.

    Source: Bohte, La Poutre & Kok, "Unsupervised clustering with spiking neurons by sparse temporal coding and
    multilayer RBF networks", IEEE Trans. Neural Networks 13 (2002); Bohte, Kok & La Poutre, "Error-backpropagation
    in temporally encoded networks of spiking neurons", Neurocomputing 48 (2002).
    """
    m = arguments.size("n_neurons", n_neurons, 3)
    bottom, top = arguments.real("low", low), arguments.real("high", high)
    if not bottom < top:
        raise ValueError(f"low must lie below high, got {shown(low)} and {shown(high)}")
    narrow = arguments.positive("beta", beta)
    spacing = (top - bottom) / (m - 2)
    width = arguments.number("beta", spacing / narrow)
    if not 0 < np.float32(width) < math.inf:
        width_text = "(high - low) / (beta * (n_neurons - 2))"
        raise ValueError(f"beta must leave a width {width_text} in float32, got {shown(beta)}")
    given = within("x", x, -math.inf, math.inf)
    return ops.receptive_fields(given, m, bottom - spacing / 2, spacing, width)


def population(
    x: ArrayLike,
    n_neurons: int,
    low: float,
    high: float,
    T: int,
    *,
    beta: float = 1.5,
    code: Literal["times", "rates"] = "times",
    threshold: float = 0.1,
) -> Tensor:
    """Each value as spikes of n_neurons neurons, from the responses r of `receptive_fields`.

    "times": one spike at step round((1 - r) * (T - 1)), none where r < threshold, as in the paper (whose ten steps
    leave out times above 9).  "rates": at each step a spike with probability r.

    Args:
        x: values of any shape (...).
        n_neurons, low, high, beta: see `receptive_fields`.
        T: steps, 0 or more.
        code: "times" (default) or "rates".
        threshold: response in [0, 1) below which a neuron keeps silent, for "times"; default 0.1.

    Returns:
        Spikes (T, ..., n_neurons), float32 of 0.0 and 1.0, without gradient.

    Raises:
        TypeError, ValueError: an argument out of range; the message names it.

    Source: see `receptive_fields`.
    """
    steps = arguments.size("T", T, 0)
    arguments.choice("code", code, CODES)
    silent = arguments.below_one("threshold", threshold)
    responses = receptive_fields(x, n_neurons, low, high, beta=beta).detach()
    if code == "rates":
        return ops.encode_poisson(responses, steps, strict=True)
    return ops.latency_spikes(responses, steps, "LINEAR", slope=max(0, steps - 1), silent=below(silent), strict=True)
