"""The biophysical arguments that every integrate-and-fire neuron takes: their check, and the numbers of the kernels."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arguments

# Defaults of every signature that takes them: seconds for dt, milliseconds for tau_* and t_refrac.
DT, TAU_MEM, V_THRESH, V_REST, V_RESET, R_MEM, T_REFRAC = 0.001, 20.0, 1.0, 0.0, 0.0, 1.0, 2.0
TAU_ADAPT, ADAPTATION_STRENGTH = 100.0, 0.1
PHYSICAL = dict(
    dt=DT, tau_mem=TAU_MEM, v_thresh=V_THRESH, v_rest=V_REST, v_reset=V_RESET, r_mem=R_MEM, t_refrac=T_REFRAC
)
# What each of them must be; `constants` says how they must fit each other.
CHECKS = dict.fromkeys(PHYSICAL, arguments.real) | dict(
    dt=arguments.positive, tau_mem=arguments.positive, t_refrac=arguments.non_negative
)


@dataclass(frozen=True)
class LIFConstants:
    """The numbers of one integrate-and-fire update, as the kernels take them.

    H = rest + (v - rest) * decay + gain * x; a spike sets v to `reset` and holds it for `hold_steps` steps.
    """

    decay: float
    gain: float
    rest: float
    threshold: float
    reset: float
    hold_steps: int


def lif_constants(*values: Any) -> LIFConstants:
    """Checks the arguments, in the order of PHYSICAL (dt in seconds, tau_mem and t_refrac in milliseconds).

    Raises:
        TypeError, ValueError: the message names the argument.
    """
    return constants({name: check(name, value) for (name, check), value in zip(CHECKS.items(), values)})


def constants(values: Mapping[str, Any]) -> LIFConstants:
    """As `lif_constants`, out of a mapping that may hold more, whose values have been checked one by one.

    The refractory time is the nearest number of steps; half a step counts as one (`arguments.nearest`).

    Raises:
        ValueError: they don't fit each other.
    """
    step, level, reset, hold = (values[name] for name in ("dt", "v_thresh", "v_reset", "t_refrac"))
    if np.float32(reset) >= np.float32(level):  # as the kernel sees them
        raise ValueError(
            f"v_reset ({reset}) must be below v_thresh ({level}), or a neuron that has fired once fires for ever"
        )
    if hold / (1000.0 * step) >= 2**31 - 1:
        raise ValueError(f"t_refrac ({hold} ms) is too many steps of dt ({step} s)")
    ratio = -1000.0 * step / values["tau_mem"]  # integrated exactly: decay = exp(-dt / tau)
    gain, hold_steps = -values["r_mem"] * math.expm1(ratio), arguments.nearest(hold / (1000.0 * step))
    return LIFConstants(math.exp(ratio), gain, values["v_rest"], level, reset, hold_steps)
