"""Neuron kernels on flat arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import arguments
from ..ops import lif_constants as biophysics
from ..ops import neurons as ops
from ..ops.lif_constants import lif_constants
from ..tensor import Tensor, from_numpy
from ..typing import ArrayLike
from .given import over_time, state_of


class NeuronKernels:
    """lif_step, lif_run, gif_step, gif_run."""

    def lif_step(
        self,
        current: ArrayLike,
        membrane: ArrayLike,
        refractory: ArrayLike | None = None,
        *,
        dt: float = biophysics.DT,
        tau_mem: float = biophysics.TAU_MEM,
        v_thresh: float = biophysics.V_THRESH,
        v_rest: float = biophysics.V_REST,
        v_reset: float = biophysics.V_RESET,
        r_mem: float = biophysics.R_MEM,
        t_refrac: float = biophysics.T_REFRAC,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One LIF step.

        Args:
            current: input (..., n).
            membrane: potentials (..., n).
            refractory: refractory steps left (..., n), whole numbers; default 0.
            dt: seconds; tau_mem, t_refrac: milliseconds; the rest as in `nn.LIFNeuron`.

        Returns:
            (spikes, membrane, refractory) of the same shape: float32, float32, uint32.
        """
        x = over_time("current", current, "(..., n)")
        physical = dict(v_thresh=v_thresh, v_rest=v_rest, v_reset=v_reset, r_mem=r_mem, t_refrac=t_refrac)
        spikes, v, hold = self.lif_run(
            x.reshape((1, *x.shape)), membrane, refractory, dt=dt, tau_mem=tau_mem, **physical
        )
        return spikes.reshape(x.shape), v, hold

    def lif_run(
        self,
        currents: ArrayLike,
        membrane: ArrayLike,
        refractory: ArrayLike | None = None,
        *,
        dt: float = biophysics.DT,
        tau_mem: float = biophysics.TAU_MEM,
        v_thresh: float = biophysics.V_THRESH,
        v_rest: float = biophysics.V_REST,
        v_reset: float = biophysics.V_RESET,
        r_mem: float = biophysics.R_MEM,
        t_refrac: float = biophysics.T_REFRAC,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """T LIF steps in one dispatch: currents (T, ..., n), state (..., n); otherwise as `lif_step`.

        Returns:
            (spikes (T, ..., n), membrane, refractory).
        """
        c = lif_constants(dt, tau_mem, v_thresh, v_rest, v_reset, r_mem, t_refrac)
        x = over_time("currents", currents, "(T, ..., n)", 2)
        left = _counters(refractory, x)
        v, hold = state_of("membrane", membrane, x.shape[1:], None), from_numpy(left)
        spikes, _ = ops.lif(x, v, hold, c, held=bool(left.any()))
        return spikes.share(), v.numpy(), hold.numpy()

    def gif_step(
        self,
        current: ArrayLike,
        membrane: ArrayLike,
        refractory: ArrayLike | None = None,
        adaptation: ArrayLike | None = None,
        *,
        dt: float = biophysics.DT,
        tau_mem: float = biophysics.TAU_MEM,
        tau_adapt: float = biophysics.TAU_ADAPT,
        v_thresh: float = biophysics.V_THRESH,
        adaptation_strength: float = biophysics.ADAPTATION_STRENGTH,
        v_rest: float = biophysics.V_REST,
        v_reset: float = biophysics.V_RESET,
        r_mem: float = biophysics.R_MEM,
        t_refrac: float = biophysics.T_REFRAC,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """One step of LIF with adaptation; see `gif_run`.

        Returns:
            (spikes, membrane, refractory, adaptation), all of the shape of current (..., n).
        """
        x = over_time("current", current, "(..., n)")
        physical = dict(v_thresh=v_thresh, v_rest=v_rest, v_reset=v_reset, r_mem=r_mem, t_refrac=t_refrac)
        own = dict(tau_adapt=tau_adapt, adaptation_strength=adaptation_strength)
        spikes, v, hold, w = self.gif_run(
            x.reshape((1, *x.shape)), membrane, refractory, adaptation, dt=dt, tau_mem=tau_mem, **physical, **own
        )
        return spikes.reshape(x.shape), v, hold, w

    def gif_run(
        self,
        currents: ArrayLike,
        membrane: ArrayLike,
        refractory: ArrayLike | None = None,
        adaptation: ArrayLike | None = None,
        *,
        dt: float = biophysics.DT,
        tau_mem: float = biophysics.TAU_MEM,
        tau_adapt: float = biophysics.TAU_ADAPT,
        v_thresh: float = biophysics.V_THRESH,
        adaptation_strength: float = biophysics.ADAPTATION_STRENGTH,
        v_rest: float = biophysics.V_REST,
        v_reset: float = biophysics.V_RESET,
        r_mem: float = biophysics.R_MEM,
        t_refrac: float = biophysics.T_REFRAC,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """T steps of LIF with adaptation in one dispatch.

        Args:
            currents: input (T, ..., n).
            membrane, refractory, adaptation: state (..., n); the last two default to 0.
            dt: seconds; tau_mem, tau_adapt, t_refrac: milliseconds; the rest as in `nn.GIFNeuron`.

        Returns:
            (spikes (T, ..., n), membrane, refractory, adaptation).
        """
        c = lif_constants(dt, tau_mem, v_thresh, v_rest, v_reset, r_mem, t_refrac)
        b = math.exp(-1000.0 * dt / arguments.positive("tau_adapt", tau_adapt))
        strength = arguments.real("adaptation_strength", adaptation_strength)
        x = over_time("currents", currents, "(T, ..., n)", 2)
        left = _counters(refractory, x)
        v, hold = state_of("membrane", membrane, x.shape[1:], None), from_numpy(left)
        w = state_of("adaptation", adaptation, x.shape[1:])
        spikes, _ = ops.gif(x, v, hold, w, c, adapt_decay=b, adaptation_strength=strength, held=bool(left.any()))
        return spikes.share(), v.numpy(), hold.numpy(), w.numpy()


def _counters(values: Any, x: Tensor) -> np.ndarray:
    given = arguments.counters("refractory", 0 if values is None else values)
    try:
        return np.asarray(np.broadcast_to(given, x.shape[1:]), order="C")
    except ValueError:
        raise ValueError(f"refractory has shape {given.shape}; expected {x.shape[1:]}") from None
