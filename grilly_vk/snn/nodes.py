"""Kernels of the spiking nodes on flat arrays."""

from __future__ import annotations

import numpy as np

from .. import arguments
from ..ops import nodes as ops
from ..ops.surrogate import KINDS, Slope
from ..typing import ArrayLike
from .given import over_time, state_of

_SURROGATES = tuple(KINDS[1 : KINDS.index("text")])


class NodeKernels:
    """snn_node_forward, snn_node_backward."""

    def snn_node_forward(
        self,
        x: ArrayLike,
        v: ArrayLike | None = None,
        *,
        tau: float | None = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """T steps of `nn.LIFNode` in one dispatch, or of `nn.IFNode` with tau=None.

        Args:
            x: input (T, ..., n).
            v: potentials before the first step (..., n); default v_reset, or 0 with a soft reset.
            tau: time constant in steps, at least 1; None: no leak.
            decay_input, v_threshold, v_reset: as in `nn.LIFNode`.

        Returns:
            (spikes (T, ..., n), potentials after the last step (..., n), potentials before each reset (T, ..., n)),
            the last being what `snn_node_backward` needs.

        Raises:
            TypeError, ValueError: an argument of the wrong type or value, shapes that don't fit.
        """
        dynamics = _dynamics(tau, decay_input, v_threshold, v_reset, False)
        given = over_time("x", x, "(T, ..., n)", 2)
        spikes, end, h = ops.run_forward(given, state_of("v", v, given.shape[1:], v_reset or 0.0), dynamics)
        return spikes.share(), end.numpy(), h.share()

    def snn_node_backward(
        self,
        grad_spikes: ArrayLike,
        h: ArrayLike,
        v: ArrayLike | None = None,
        *,
        tau: float | None = 2.0,
        decay_input: bool = True,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        surrogate: str = "atan",
        alpha: float = 2.0,
        detach_reset: bool = False,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Backpropagation through the T steps of `snn_node_forward`, in one dispatch.

        Args:
            grad_spikes: gradient of the spikes (T, ..., n).
            h: potentials before each reset (T, ..., n), from the forward run.
            v: potentials before the first step, as given to it.
            surrogate: atan, sigmoid, fast_sigmoid, super_spike, piecewise_quadratic, erf, rect, tanh, boxcar (of
                height 0.5) or triangular; alpha: its parameter, positive.
            tau, decay_input, v_threshold, v_reset: as given to the forward run.
            detach_reset: no gradient through the reset.

        Returns:
            (gradient of x (T, ..., n), gradient of v (..., n)).

        Raises:
            TypeError, ValueError: an argument of the wrong type or value, shapes that don't fit.
        """
        dynamics = _dynamics(tau, decay_input, v_threshold, v_reset, detach_reset)
        slope = Slope(arguments.choice("surrogate", surrogate, _SURROGATES), arguments.positive("alpha", alpha), 0.5)
        potentials = over_time("h", h, "(T, ..., n)", 2)
        g = over_time("grad_spikes", grad_spikes, "(T, ..., n)", 2)
        arguments.shape("grad_spikes", g.shape, potentials.shape)
        first = state_of("v", v, potentials.shape[1:], v_reset or 0.0)
        gx, gv = ops.run_backward(g, potentials, first, dynamics, slope)
        return gx.share(), gv.numpy()


def _dynamics(
    tau: float | None, decay_input: bool, v_threshold: float, v_reset: float | None, detach_reset: bool
) -> ops.Dynamics:
    return ops.Dynamics(
        "if" if tau is None else "lif",
        1.0 if tau is None else 1.0 / arguments.time_constant("tau", tau),
        arguments.flag("decay_input", decay_input),
        arguments.real("v_threshold", v_threshold),
        None if v_reset is None else arguments.real("v_reset", v_reset),
        detach_reset=arguments.flag("detach_reset", detach_reset),
    )
