"""The gated LIF node, which learns how it leaks, resets and integrates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import arguments
from ...errors import shown
from ...host_random import generator
from ...modes import M
from ...ops.elementwise import unary
from ...ops.shape import stack
from ...settings import fixed, setting
from ...surrogate import Sigmoid, Surrogate, chosen, slope_of
from ...tensor import Tensor, full
from ...typing import ArrayLike, StepMode
from ..module import Parameter
from ..stateful import Counting


class GatedLIFNode(Counting):
    """LIF whose leak, input and reset are each a learned mixture of two forms (GLIF).

    With the gates a, b, c = sigmoid(alpha, beta, gamma) and all other parameters behind a sigmoid too, in step t:

        I = x[t] (1 - b (1 - conduct[t]))
        v = (1 - a (1 - tau)) v (1 - c s) - (1 - a) linear_decay + I - (1 - c) v_subreset s;  s = [v >= v_threshold]

    s on the right is the spike of the step before.

    Args:
        T: number of steps, each with a conduct of its own.
        inplane: channels C with parameters of their own, axis 1 of a step; None (default): one of each for all.
        init_linear_decay: in (0, 1); None (default): init_v_threshold / (2 T).
        init_v_subreset: in (0, 1); None (default): init_v_threshold.
        init_tau, init_v_threshold, init_conduct: in (0, 1) (default 0.25, 0.5 and 0.5).
        surrogate_function: a `grilly_vk.surrogate.Surrogate`; None: Sigmoid(4).
        step_mode: "m" (default): a call is all T steps. "s": a call is one step; the node counts them, and
            `grilly_vk.functional.reset_net` begins again.

    Shape:
        (T, B, ...), or in step mode "s" (B, ...), to the same: spikes.  With inplane, (T, B, C, ...).

    Attributes:
        alpha, beta, gamma: Parameters (C,) or (), at first even over +-0.1.
        tau, v_threshold, linear_decay, v_subreset: Parameters (C,) or (). conduct: Parameter (T, C) or (T,).
            All of them are what a sigmoid makes the number of: at first ln(p / (1 - p)).
        v: potential after the last step; 0.0 until the first input.
        spike: of the step before, in step mode "s".
        t: steps so far in step mode "s".

    Raises:
        TypeError, ValueError: arguments out of range; at the call, another shape or number of steps, a step beyond T.

    Source: Yao, Li, Mo & Cheng, "GLIF: a unified gated leaky integrate-and-fire neuron for spiking neural networks",
    NeurIPS 2022; as in SpikingJelly's GatedLIFNode, which has step mode "m" alone and takes (T, B, C, H, W).
    """

    T: int = fixed()
    inplane: int | None = fixed()
    surrogate_function = setting(chosen, held=slope_of)
    v: Any
    spike: Any
    is_spiking = takes_steps = True
    _shown = ("T", "inplane", "step_mode")

    def __init__(
        self,
        T: int,
        inplane: int | None = None,
        init_linear_decay: float | None = None,
        init_v_subreset: float | None = None,
        init_tau: float = 0.25,
        init_v_threshold: float = 0.5,
        init_conduct: float = 0.5,
        surrogate_function: Surrogate | None = None,
        step_mode: StepMode = M,
    ) -> None:
        super().__init__()
        self.T = arguments.size("T", T)
        self.inplane = None if inplane is None else arguments.size("inplane", inplane)
        if init_linear_decay is None:
            init_linear_decay = arguments.real("init_v_threshold", init_v_threshold) / (2 * self.T)
        if init_v_subreset is None:
            init_v_subreset = init_v_threshold
        self.surrogate_function = Sigmoid(4.0) if surrogate_function is None else surrogate_function
        self.step_mode = step_mode
        shape = () if self.inplane is None else (self.inplane,)
        rng = generator()
        for name in ("alpha", "beta", "gamma"):
            setattr(self, name, Parameter(np.asarray(0.2 * (rng.random(shape) - 0.5), np.float32)))
        starts = {
            "tau": init_tau, "v_threshold": init_v_threshold, "linear_decay": init_linear_decay,
            "v_subreset": init_v_subreset, "conduct": init_conduct,
        }  # fmt: skip
        for name, value in starts.items():
            start = arguments.real(f"init_{name}", value)
            if not 0.0 < start < 1.0:
                raise ValueError(f"init_{name} must lie between 0 and 1, got {shown(value)}")
            own = (self.T, *shape) if name == "conduct" else shape
            setattr(self, name, Parameter(full(own, math.log(start / (1 - start)))))
        self.register_memory("v", 0.0)
        self.register_memory("spike", 0.0)
        self.register_memory("t", 0)

    def memories(self) -> dict[str, Any]:
        """The state by name: v, and in step mode "s" the last spike."""
        return {"v": self.v, "spike": self.spike}

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """Spikes of x's shape, 0.0 and 1.0.

        Args:
            x: (T, B, ...), or in step mode "s" (B, ...).
            steps: given by containers: x has a time axis, whatever the step mode.

        Raises:
            ValueError: another shape or number of steps, or a step beyond T. RuntimeError: the state's graph was freed,
                or it would cross the border of a compiled function.
        """
        x, multi = self.arriving(x, steps)
        step = x.shape[1:] if multi else x.shape
        if self.inplane is not None and (len(step) < 2 or step[1] != self.inplane):
            wanted = f"({'T, ' if multi else ''}B, {self.inplane}, ...)"
            raise ValueError(f"x has shape {x.shape}; GatedLIFNode with inplane={self.inplane} expects {wanted}")
        self.entering(step)
        if multi:
            self._all_steps(x)
        begin, last = (0, 0.0) if multi else (self._step(), self.spike)
        spikes = self._run(x if multi else x.reshape(1, *x.shape), begin, last)
        if multi:
            return stack(spikes).as_spikes()
        self.spike = spikes[0]
        self.t += 1
        return spikes[0]

    def _run(self, x: Tensor, begin: int, spike: Any) -> list[Tensor]:
        """Spikes of each of the steps; the potential goes on from `v`."""
        own = (self.inplane, *(1,) * (x.ndim - 3)) if self.inplane is not None else ()
        a, b, c, tau, threshold, leak, subtract = (
            unary("sigmoid", getattr(self, name)).reshape(own)
            for name in ("alpha", "beta", "gamma", "tau", "v_threshold", "linear_decay", "v_subreset")
        )
        conduct = unary("sigmoid", self.conduct[begin : begin + x.shape[0]])
        gain = 1.0 - b * (1.0 - conduct.reshape(x.shape[0], *((1,) * (x.ndim - 1 - len(own))), *own))
        given = x * gain - (1.0 - a) * leak  # of all steps at once
        keep, back = 1.0 - a * (1.0 - tau), (1.0 - c) * subtract
        v, out = self.v, []
        for t in range(x.shape[0]):
            rest = v * keep if isinstance(v, Tensor) or v else None
            now = given[t]
            if rest is not None:
                now = now + (rest * (1.0 - c * spike) if isinstance(spike, Tensor) else rest)
            if isinstance(spike, Tensor):
                now = now - back * spike
            v, spike = now, self.surrogate_function(now - threshold)
            out.append(spike)
        self.v = v
        return out
