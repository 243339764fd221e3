"""What NIR's neurons, which are continuous in time, mean in steps of dt: the numbers of their recurrences, in float64.

A potential or current y with tau dy/dt = y_inf - y moves by y += share * (y_inf - y) in a step, where the input is
constant: share is dt / tau with explicit Euler, and 1 - exp(-dt / tau) exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown

INTEGRATORS = ("euler", "exact")
RESETS = ("value", "subtract")
COMPARATORS = (">", ">=")


@dataclass(frozen=True)
class Meaning:
    """How a graph is run in steps.

    Args:
        dt: of a step, in seconds.
        integrator: "euler" or "exact".
        reset: what a spike does to the potential: "value" sets it to v_reset, "subtract" takes v_threshold from it.
        comparator: ">": a spike needs more than the threshold, as NIR writes it; ">=": the threshold is enough.
    """

    dt: float
    integrator: str = "euler"
    reset: str = "value"
    comparator: str = ">"

    def __post_init__(self) -> None:
        object.__setattr__(self, "dt", arguments.positive("dt", self.dt))
        arguments.choice("integrator", self.integrator, INTEGRATORS)
        arguments.choice("reset", self.reset, RESETS)
        arguments.choice("comparator", self.comparator, COMPARATORS)

    def written(self) -> dict[str, Any]:
        """As metadata of a graph or node."""
        return {
            "dt": self.dt, "integrator": self.integrator, "reset": self.reset, "comparator": self.comparator,
        }  # fmt: skip


def share(tau: np.ndarray, meaning: Meaning) -> np.ndarray:
    """How much of the way to its end a state goes in a step."""
    ratio = meaning.dt / np.asarray(tau, np.float64)
    return ratio if meaning.integrator == "euler" else -np.expm1(-ratio)


def exact_current(tau_syn: np.ndarray, tau_mem: np.ndarray, dt: float) -> tuple[np.ndarray, np.ndarray]:
    """What a current that decays over a step adds to the potential: weights of its end (p) and of its beginning (q).

    With R = 1, input w and current I0 at the start of the step, v moves by share * (v_leak - v) + p * w + q * I0.
    """
    syn, mem = np.broadcast_arrays(np.asarray(tau_syn, np.float64), np.asarray(tau_mem, np.float64))
    left = np.exp(-dt / mem)  # of the potential
    apart = 1.0 / mem - 1.0 / syn
    near = np.abs(apart * dt) < 1e-9  # the limit of equal time constants
    # (exp(-dt/syn) - exp(-dt/mem)) / (1/mem - 1/syn) / mem, without the difference of two close numbers
    late = left * np.where(near, dt, np.expm1(apart * dt) / np.where(near, 1.0, apart)) / mem
    return -np.expm1(-dt / mem) - late, late


def values(name: str, value: Any, *, positive: bool = False, infinite: bool = False) -> np.ndarray:
    """A neuron's parameter: finite numbers as a read-only array of its own dtype.

    Raises:
        TypeError: no real numbers. ValueError: some are not finite (or, with `positive`, not above 0).
    """
    given = np.array(arguments.numbers_of(name, value.numpy() if hasattr(value, "numpy") else value))
    if given.dtype.kind != "f":
        given = given.astype(np.float32)
    if given.size == 0:
        raise ValueError(f"{name} must hold a number for each neuron, got {shown(value)}")
    bad = np.isnan(given) | (np.isneginf(given) if infinite else np.isinf(given))
    if positive:
        bad |= given <= 0
    if bad.any():
        wanted = "be positive and finite" if positive else "be finite"
        raise ValueError(f"{name} must {wanted}, got {given[bad].flat[0]:g}")
    given.flags.writeable = False
    return given


def one_or_each(value: Any) -> float | np.ndarray:
    """One number if it is the same for all neurons, else a float32 array."""
    given = np.asarray(value, np.float64)
    first = given.flat[0]
    return float(first) if (given == first).all() else given.astype(np.float32)


def confirmed(found: np.ndarray, noted: Any) -> Any:
    """The number that was noted when the graph was written, where what follows from its fields is the same within 1e-6.

    Fields are float32, so that 1 / tau of a layer with tau = 3 steps would not come back to the last bit.
    """
    if noted is None:
        return found
    try:
        noted = np.asarray(noted, np.float64)
        close = np.abs(found - noted) <= 1e-6 * np.abs(noted)
    except (TypeError, ValueError):
        return found
    return np.broadcast_to(noted, np.shape(found)) if close.all() else found
