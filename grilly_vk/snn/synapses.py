"""Synapse kernels on flat arrays: state in, state out."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..autograd import no_grad
from ..functional import synapses as F
from ..typing import ArrayLike
from .given import over_time, state_of


class SynapseKernels:
    """synapse_filter, dual_timescale, stp_step, stp_run."""

    def synapse_filter(self, x: ArrayLike, state: Any = None, *, tau_syn: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
        """An exponential synapse over T steps in one dispatch: y = y * exp(-1 / tau_syn) + x.

        Args:
            x: input (T, ...); T may be 0.
            state: y before the first step (...), default 0.
            tau_syn: time constant in steps, positive, default 5.0.

        Returns:
            (y after each step (T, ...), state (...)).

        Raises:
            TypeError, ValueError: no real numbers, shapes that don't fit, or tau_syn out of range.

        Source: Gerstner & Kistler, Spiking Neuron Models (2002), section 4.1.
        """
        inputs = over_time("x", x)
        with no_grad():
            y, end = F.synapse_filter(inputs, state_of("state", state, inputs.shape[1:]), tau_syn)
        return y.share(), end.numpy()

    def dual_timescale(
        self,
        x: ArrayLike,
        fast: ArrayLike | None = None,
        slow: ArrayLike | None = None,
        *,
        tau_fast: float = 5.0,
        tau_slow: float = 50.0,
        w_fast: float = 0.7,
        w_slow: float = 0.3,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The weighted sum of a fast and a slow exponential synapse over T steps in one dispatch.

        Args:
            x: input (T, ...); T may be 0.
            fast, slow: filter states before the first step (...), default 0.
            tau_fast, tau_slow: time constants in steps, positive, default 5.0 and 50.0.
            w_fast, w_slow: weights, default 0.7 and 0.3.

        Returns:
            (sum after each step (T, ...), fast (...), slow (...)).

        Raises:
            TypeError, ValueError: no real numbers, shapes that don't fit, or time constants out of range.
        """
        inputs = over_time("x", x)
        quick, lasting = state_of("fast", fast, inputs.shape[1:]), state_of("slow", slow, inputs.shape[1:])
        with no_grad():
            y, quick, lasting = F.dual_timescale(inputs, quick, lasting, tau_fast, tau_slow, w_fast, w_slow)
        return y.share(), quick.numpy(), lasting.numpy()

    def stp_step(
        self,
        spikes: ArrayLike,
        u: ArrayLike | None = None,
        r: ArrayLike | None = None,
        *,
        tau_d: float = 200.0,
        tau_f: float = 20.0,
        U: float = 0.2,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One step of `stp_run`: spikes (...) to (output, u, r), all (...)."""
        x = arguments.tensor("spikes", spikes, borrow=True)
        out, u, r = self.stp_run(x.reshape((1, *x.shape)), u, r, tau_d=tau_d, tau_f=tau_f, U=U)
        return out.reshape(x.shape), u, r

    def stp_run(
        self,
        spikes: ArrayLike,
        u: ArrayLike | None = None,
        r: ArrayLike | None = None,
        *,
        tau_d: float = 200.0,
        tau_f: float = 20.0,
        U: float = 0.2,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Short-term plasticity over T steps in one dispatch.

        Each step relaxes the utilisation u to U with tau_f and the resources r to 1 with tau_d, exactly; where x is
        not 0 a spike follows: u += U * (1 - u), the synapse passes x * u * r, and r -= u * r.

        Args:
            spikes: x (T, ...); T may be 0.
            u: utilisation before the first step (...), default U.
            r: resources before the first step (...), default 1.
            tau_d: recovery of the resources in steps, positive, default 200.0.
            tau_f: decay of the facilitation in steps, positive, default 20.0.
            U: utilisation at rest, in [0, 1], default 0.2.

        Returns:
            (output (T, ...), u (...), r (...)).

        Raises:
            TypeError, ValueError: no real numbers, shapes that don't fit, or constants out of range.

        Source: Tsodyks, Pawelzik & Markram, "Neural networks with dynamic synapses", Neural Computation 10 (1998).
        """
        x = over_time("spikes", spikes)
        base = arguments.between("U", U, 0.0, 1.0)
        use, left = state_of("u", u, x.shape[1:], base), state_of("r", r, x.shape[1:], 1.0)
        with no_grad():
            out, use, left = F.stp(x, use, left, tau_d, tau_f, base)
        return out.share(), use.numpy(), left.numpy()
