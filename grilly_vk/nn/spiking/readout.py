"""Readouts: nodes that integrate and never spike, whose potential is the answer."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias, get_args

from ... import arguments
from ...modes import M
from ...ops.elementwise import binary, unary, where
from ...ops.reductions import reduce_max, reduce_mean, reduce_min
from ...ops.synapses import synapse_filter
from ...settings import setting
from ...tensor import Tensor, empty, full
from ...typing import ArrayLike, StepMode
from ..stateful import StatefulModule

Decode: TypeAlias = Literal["max-mem", "max-abs-mem", "mean-mem", "last-mem", "last_mem"]
DECODES = get_args(Decode)


class NonSpikingNode(StatefulModule):
    """Base of the readouts: potentials of each step, or one number of each neuron.

    Args:
        decode: what a call of all steps gives.  None: the potentials after each step (T, B, ...).  (B, ...) with
            "max-mem": the largest over time; "max-abs-mem": the one largest in size, with its sign; "mean-mem": the
            mean; "last-mem": the last.
        step_mode: "m" (default): a call is all steps (T, B, ...). "s": a call is one step (B, ...), without decode.

    Attributes:
        v: potential after the last step: 0.0 until the first input, then a Tensor (B, ...).
    """

    decode = setting(arguments.choice, DECODES, optional=True)
    v: Any
    takes_steps = True
    _shown = ("decode", "step_mode")

    def __init__(
        self,
        decode: Decode | None = None,
        step_mode: StepMode = M,
    ) -> None:
        super().__init__()
        self.decode = decode
        self.step_mode = step_mode
        self.register_memory("v", 0.0)

    @property
    def _ends_time(self) -> bool:  # type: ignore[override]
        return self.decode is not None

    def _charge(self, x: Tensor) -> tuple[Tensor, float]:
        """What a step adds, and the share of the potential that is left."""
        raise NotImplementedError(f"{type(self).__name__} does not define _charge()")

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """Potentials after each step, of x's shape, or what decode makes of them.

        Args:
            x: input, (T, B, ...), or in step mode "s" (B, ...).
            steps: given by containers: x has a time axis, whatever the step mode.

        Raises:
            ValueError: the state has another shape; no time axis in step mode "m"; no steps, or a single one, for
                decode. RuntimeError: the state's graph was freed, or it would cross the border of a compiled function.
        """
        x, multi = self.arriving(x, steps)
        shape = x.shape[1:] if multi else x.shape
        self.entering(shape)
        if self.decode is not None and (not multi or x.shape[0] == 0):
            what = "step mode 'm'" if not multi else "at least one step"
            raise ValueError(f"x has shape {x.shape}; decode={self.decode!r} needs {what}")
        if multi and x.shape[0] == 0:  # no step was made: the state is what it was
            return empty(x.shape, on=x.engine)
        before = self.v
        if not isinstance(before, Tensor):
            before = None if before == 0 else full(shape, before, on=x.engine)
        added, keep = self._charge(x)
        y, self.v = synapse_filter(added, before, keep, steps=x.shape[0] if multi else None)
        if self.decode is None:
            return y
        if self.decode == "max-mem":
            return reduce_max(y, 0)
        if self.decode == "mean-mem":
            return reduce_mean(y, 0)
        if self.decode != "max-abs-mem":
            return y[-1]
        high, low = reduce_max(y, 0), reduce_min(y, 0)
        return where(binary("gt", unary("abs", high), unary("abs", low)), high, low)


class NonSpikingIFNode(NonSpikingNode):
    """Integrates and never spikes: v = v + x.

    Args:
        decode, step_mode: as in NonSpikingNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: as in SpikingJelly's NonSpikingIFNode, which begins at 0 in every call; here the state goes on until
    `grilly_vk.functional.reset_net`, as that of all nodes does.
    """

    def _charge(self, x: Tensor) -> tuple[Tensor, float]:
        return x, 1.0


class NonSpikingLIFNode(NonSpikingNode):
    """Integrates, leaks and never spikes: v = v + (x - v) / tau.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        decode, step_mode: as in NonSpikingNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: as in SpikingJelly's NonSpikingLIFNode, which begins at 0 in every call; here the state goes on until
    `grilly_vk.functional.reset_net`, as that of all nodes does.
    """

    tau = setting(arguments.time_constant)

    def __init__(
        self,
        tau: float = 2.0,
        decode: Decode | None = None,
        step_mode: StepMode = M,
    ) -> None:
        super().__init__(decode, step_mode)
        self.tau = tau

    def _charge(self, x: Tensor) -> tuple[Tensor, float]:
        share = 1.0 / self.tau
        return unary("scale", x, share), 1.0 - share

    def extra_repr(self) -> str:
        """The parameters."""
        return f"tau={self.tau:g}, {super().extra_repr()}"
