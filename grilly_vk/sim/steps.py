"""Delays from milliseconds to whole steps, and what is said of those that moved."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..errors import warn
from .distributions import Distribution

_EXACT = 1e-6  # of a delay, by which float32 and the division by dt may miss whole steps


def in_steps(delay: Any, dt: float) -> Any:
    """A delay in ms as steps; distributions are scaled, and rounded where they are drawn.

    Raises:
        ValueError: a number below one step.

    Warns:
        UserWarning: numbers that are no whole steps.
    """
    if isinstance(delay, Distribution):
        return delay.scaled(1 / dt)
    if not arguments.is_array(delay) and not isinstance(delay, (list, tuple)):
        one = arguments.positive("delay", delay) / dt
        if one < 0.5:
            raise ValueError(f"delay must be at least one step of {dt} ms, got {delay}")
        return int(rounded(np.asarray(one), dt))
    steps: np.ndarray = np.asarray(arguments.array("delay", delay), np.float64) / dt
    if steps.size and not steps.min() >= 0.5:
        raise ValueError(f"delay must be at least one step of {dt} ms, got {steps.min() * dt:g}")
    return rounded(steps, dt)


def rounded(steps: np.ndarray, dt: float) -> np.ndarray:
    """The nearest whole steps, float64; halves go up.

    Warns:
        UserWarning: so many were no whole steps.
    """
    whole = np.floor(steps + 0.5)
    with np.errstate(invalid="ignore"):  # infinite ones are refused later
        moved = np.abs(steps - whole) > _EXACT * np.maximum(1.0, whole)
    if many := int(np.count_nonzero(moved)):
        one = float(np.ravel(steps)[np.flatnonzero(moved)[0]])
        warn(
            f"delay: {many} of {steps.size} delays are no multiples of the step of {dt:g} ms and were rounded, "
            f"such as {one * dt:g} to {np.floor(one + 0.5) * dt:g} ms"
        )
    return whole
