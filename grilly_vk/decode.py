"""Spikes and potentials over time (T, ...) into values (...): numpy or Tensor in, Tensor out.

All but `first_spike` have gradients.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from . import arguments
from .ops import readout as ops
from .ops.elementwise import as_tensor, cast
from .ops.encode import digits
from .ops.reductions import reduce_max, reduce_mean, reduce_sum
from .ops.shape import basic_get, reshape
from .tensor import FLOAT32, Tensor, from_numpy
from .typing import ArrayLike

__all__ = ["count", "first_spike", "membrane", "phase", "population_vote", "rate"]

HOW = ("max", "mean", "last")


def _run(name: str, value: Any, least: int = 1) -> Tensor:
    """A float32 run (T, ...) of at least `least` steps."""
    run = cast(as_tensor(name, value), FLOAT32)
    if not run.ndim:
        raise ValueError(f"{name} has shape (); expected (T, ...)")
    if len(run) < least:
        raise ValueError(f"{name} has shape {run.shape}: no time steps; expected at least {least}")
    return run


def rate(spikes: ArrayLike) -> Tensor:
    """Mean over time: spikes per step.

    Args:
        spikes: (T, ...), T at least 1.

    Returns:
        (...).

    Raises:
        TypeError, ValueError: no real numbers, no time axis or no steps.
    """
    return reduce_mean(_run("spikes", spikes), 0)


def count(spikes: ArrayLike) -> Tensor:
    """Sum over time: spikes in all, or the balance of 1 and -1.

    Args:
        spikes: (T, ...), T may be 0.

    Returns:
        float32 (...).

    Raises:
        TypeError, ValueError: no real numbers, or no time axis.
    """
    return reduce_sum(_run("spikes", spikes, 0), 0)


def first_spike(spikes: ArrayLike) -> Tensor:
    """The step of the first spike, a value above 0; T where there is none, which is later than any spike.

    Neurons that fire first at the same step get the same number, so that `argmin` takes the lowest index among them.

    Args:
        spikes: (T, ...), T may be 0.

    Returns:
        int32 (...), without gradient (see `functional.ce_temporal_loss`).

    Raises:
        TypeError, ValueError: no real numbers, or no time axis.
    """
    run = _run("spikes", spikes, 0)
    return ops.first_spike(run, len(run))


def membrane(v_seq: ArrayLike, how: Literal["max", "mean", "last"] = "max") -> Tensor:
    """Potentials over time as one number each: the largest (default), the mean, or the last.

    Args:
        v_seq: (T, ...), T at least 1.
        how: "max", "mean" or "last".  The gradient of "max" goes to the step of the largest, and is shared evenly
            between equal ones.

    Returns:
        (...).

    Raises:
        TypeError, ValueError: no real numbers, no time axis or no steps, or another `how`.
    """
    arguments.choice("how", how, HOW)
    run = _run("v_seq", v_seq)
    if how == "last":
        return basic_get(run, len(run) - 1)
    return reduce_max(run, 0) if how == "max" else reduce_mean(run, 0)


def population_vote(spikes: ArrayLike, num_classes: int) -> Tensor:
    """Spikes of each class's m neurons over all steps: class c has the neurons c * m to (c + 1) * m - 1.

    Args:
        spikes: (T, ..., num_classes * m), T may be 0.
        num_classes: at least 1.

    Returns:
        Counts (..., num_classes).

    Raises:
        TypeError, ValueError: no real numbers, no time axis, or a width that is no multiple of num_classes.
    """
    classes = arguments.size("num_classes", num_classes)
    run = _run("spikes", spikes, 0)
    width = run.shape[-1]
    if run.ndim < 2 or width % classes or not width:
        raise ValueError(f"spikes has shape {run.shape}; expected (T, ..., {classes} * m) for {classes} classes")
    return reduce_sum(reshape(run, (*run.shape[:-1], classes, width // classes)), (0, run.ndim))


def phase(spikes: ArrayLike, K: int = 8) -> Tensor:
    """The value of weighted spikes: the mean over periods of sum over k of 2**-(1 + k) * spikes at phase k.

    Args:
        spikes: (T, ...), T a multiple of K and at least K.
        K: steps of a period, 1 to 31; default 8.

    Returns:
        (...), in [0, 1 - 2**-K] for spikes of 0 and 1.

    Raises:
        TypeError, ValueError: no real numbers, or a T or K out of range.

    Source: Kim, Kim, Huh, Lee & Choi, "Deep neural networks with weighted spikes", Neurocomputing 311 (2018).
    """
    period = digits("K", K)
    run = _run("spikes", spikes)
    steps = len(run)
    if steps % period:
        raise ValueError(f"spikes has shape {run.shape}; expected a multiple of K = {period} steps")
    weights = 2.0 ** -(1 + np.arange(steps) % period) * (period / steps)
    column = from_numpy(weights.astype(np.float32).reshape(-1, *[1] * (run.ndim - 1)), on=run.engine)
    return reduce_sum(run * column, 0)
