"""The biophysical arguments that every integrate-and-fire neuron takes: their check, and the numbers of the kernels."""

from __future__ import annotations

import math
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


def lif_constants(
    dt: Any, tau_mem: Any, v_thresh: Any, v_rest: Any, v_reset: Any, r_mem: Any, t_refrac: Any
) -> LIFConstants:
    """Checks the arguments (dt in seconds, tau_mem and t_refrac in milliseconds).

    The refractory time is the nearest number of steps; half a step counts as one (`arguments.nearest`).

    Raises:
        TypeError, ValueError: the message names the argument.
    """
    step = arguments.positive("dt", dt)
    level, reset = arguments.real("v_thresh", v_thresh), arguments.real("v_reset", v_reset)
    hold = arguments.non_negative("t_refrac", t_refrac)
    if np.float32(reset) >= np.float32(level):  # as the kernel sees them
        raise ValueError(
            f"v_reset ({reset}) must be below v_thresh ({level}), or a neuron that has fired once fires for ever"
        )
    if hold / (1000.0 * step) >= 2**31 - 1:
        raise ValueError(f"t_refrac ({hold} ms) is too many steps of dt ({step} s)")
    ratio = -1000.0 * step / arguments.positive("tau_mem", tau_mem)  # integrated exactly: decay = exp(-dt / tau)
    rest, gain = arguments.real("v_rest", v_rest), -arguments.real("r_mem", r_mem) * math.expm1(ratio)
    return LIFConstants(math.exp(ratio), gain, rest, level, reset, arguments.nearest(hold / (1000.0 * step)))


def constants(values: dict[str, Any]) -> LIFConstants:
    """As `lif_constants`, out of a dict that may hold more."""
    return lif_constants(**{name: values[name] for name in PHYSICAL})
