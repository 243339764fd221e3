"""The spiking node that stands for a ReLU."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import arguments
from ...ops.elementwise import as_tensor, cast, unary
from ...ops.rate import rate_node
from ...settings import setting
from ...surrogate import ATan, Surrogate, chosen, slope_of
from ...tensor import FLOAT32, Tensor
from ...typing import ArrayLike, StepMode
from ..module import Buffer
from ..stateful import StatefulModule
from .running import Running, merged, shared


class RateNode(StatefulModule):
    """Integrate and fire with soft reset and spikes as high as the threshold; its mean over time approximates a ReLU.

    H = v + x; s = threshold * [H >= threshold]; v = H - s.  With the same input x at every step the mean of s over T
    steps is off min(max(x, 0), threshold) by less than threshold / T; with v_init = 0.5 by at most half of that for x
    in between.

    `nn.Converter` makes these.  Inside a converted network a call is all steps, (T * B, ...); by itself a node is a
    spiking node like the others, (B, ...) or in step mode "m" (T, B, ...).

    Args:
        threshold: above 0 (default 1).
        v_init: potential before the first step as a share of the threshold (default 0.5).
        cap: largest value of the activation that it stands for, such as 6 for ReLU6; None: there is none.
        surrogate_function: derivative of s by H, at H / threshold - 1; None: ATan().
        detach_reset: whether gradients stop at the spike in the reset (default False).
        step_mode: "s" or "m".

    Attributes:
        threshold: Buffer of one number, which state_dict holds.
        v: potential after the last step; None before the first.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Rueckauer et al., "Conversion of continuous-valued deep networks to efficient event-driven networks for
    image classification", Frontiers in Neuroscience 11 (2017), section 2.1, reset by subtraction; Bu et al., "Optimal
    ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks", ICLR 2022, equations (3) to
    (6), which are those above, (12) for the mean, threshold * clip(floor((x T + v0) / threshold) / T, 0, 1), and
    theorem 2, equation (17), for v_init = 0.5, there of networks trained with a quantised activation.
    """

    first, last, running = setting(arguments.flag), setting(arguments.flag), setting(shared)
    v_init = setting(arguments.real)
    cap = setting(arguments.positive, optional=True)
    surrogate_function = setting(chosen, held=slope_of)
    detach_reset = setting(arguments.flag)
    v: Any
    threshold: Tensor
    is_spiking = takes_steps = True

    def __init__(
        self,
        threshold: float = 1.0,
        v_init: float = 0.5,
        cap: float | None = None,
        surrogate_function: Surrogate | None = None,
        detach_reset: bool = False,
        step_mode: StepMode = "s",
    ) -> None:
        super().__init__()
        self.threshold = Buffer(np.float32(arguments.positive("threshold", threshold)))
        self.v_init = v_init
        self.cap = cap
        self.surrogate_function = ATan() if surrogate_function is None else surrogate_function
        self.detach_reset = detach_reset
        self.step_mode = step_mode
        self.first = False  # no spike has reached its input
        self.last = False  # all that the network gives comes from here, by affine maps
        self.running = Running()
        self.register_memory("v", None)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """Spikes of height `threshold`, of x's shape.

        Args:
            x: input, (B, ...) or, in step mode "m", (T, B, ...).
            steps: given by containers: x has a time axis, whatever the step mode.

        Raises:
            ValueError: the state has another shape; no time axis in step mode "m".
            TypeError: no real numbers, in x or the state.
        """
        if self.running:
            out = self._in_network(cast(as_tensor("x", x), FLOAT32))
            if self.running.watch is not None:
                self.running.watch(self, out)
            return self.running.over_time(out).mean(0) if self.last and self.running.mean else out
        x, multi = self.arriving(x, steps)
        spikes, self.v = self._spikes(x if multi else x.reshape(1, *x.shape), len(x) if multi else 1, False, self.v)
        return spikes if multi else spikes.reshape(*x.shape)

    def _in_network(self, x: Tensor) -> Tensor:
        """All steps of a network's call, in the first axis."""
        now = self.running
        if now.analog:
            return unary("relu", x) if self.cap is None else unary("hardtanh", x, 0.0, self.cap)
        constant = self.first and not now.timed
        spikes, v = self._spikes(
            x if constant else now.over_time(x), now.steps, constant, self.v if now.carry else None
        )  # fmt: skip
        if now.carry:
            self.v = v
        return merged(spikes)

    def _spikes(self, x: Tensor, steps: int, constant: bool, v: Any) -> tuple[Tensor, Tensor]:
        if v is not None:
            self.entering(x.shape if constant else x.shape[1:])
        elif not self.running or self.running.carry:
            self.beginning()
        if v is not None and not isinstance(v, Tensor):
            v = unary("scale", x if constant else x[0], 0.0, arguments.real("v", v))
        return rate_node(
            x, self.threshold, self.surrogate_function.slope, steps,
            constant=constant, v=v, start=self.v_init, detach_reset=self.detach_reset,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """Threshold and settings; waits for the device."""
        parts = [f"threshold={float(self.threshold.item()):.6g}", f"v_init={self.v_init:g}"]
        parts += [] if self.cap is None else [f"cap={self.cap:g}"]
        return ", ".join(parts + (["detach_reset=True"] if self.detach_reset else []))
