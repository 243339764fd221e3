"""Batch norm through time: every step has statistics and a scale of its own."""

from __future__ import annotations

from typing import Any

from ... import arguments
from ...functional.norm import prepare
from ...modes import M
from ...ops.batch_norm import Norm
from ...ops.elementwise import as_tensor
from ...runtime.recording import refuse
from ...settings import fixed
from ...stepping import has_steps
from ...tensor import Tensor, full
from ...typing import ArrayLike, StepMode
from ..layers.norm import RunningNorm, _ones_and_zeros
from ..module import Parameter
from ..stateful import Counting
from .time_norm import OF_1D, OF_2D, SHAPES_1D, SHAPES_2D, Timed, text


class _ThroughTime(RunningNorm, Counting, Timed):
    T: int | None = fixed(how="it comes with the first input, or make a new object with it")
    weight: Parameter | None

    def __init__(
        self,
        num_features: int,
        T: int | None = None,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: StepMode = M,
    ) -> None:
        super().__init__()
        self._settings(num_features, eps, momentum, affine, track_running_stats)
        self.__dict__["T"] = None
        self.step_mode = step_mode
        self.register_parameter("weight", None)
        self._untracked()
        self.register_memory("t", 0)
        if T is not None:
            self._make(arguments.size("T", T))

    def _make(self, steps: int) -> None:
        """The numbers of each step, once their number is known."""
        refuse(
            f"the number of steps of {type(self).__name__} would be fixed inside a captured or compiled function; "
            "give T, or call the module once before"
        )
        shape = (steps, self.num_features)
        try:
            if self.affine:
                self.weight = Parameter(full(shape, 1.0))
            self._track(shape)
            self.__dict__["T"] = steps
        except BaseException:
            self._not_loaded()
            raise

    def _before_load(self, prefix: str, state_dict: Any) -> bool:
        """Takes the number of steps from a state that is about to be loaded, if it is not known yet."""
        if self.T is not None:
            return False
        for name in ("weight", "running_mean"):
            shape: tuple[int, ...] = getattr(state_dict.get(prefix + name), "shape", ())
            if len(shape) == 2 and shape[0] > 0 and shape[-1] == self.num_features:
                self._make(int(shape[0]))
                return True
        return False

    def _not_loaded(self) -> None:
        self.__dict__["T"] = self.weight = None
        self.running_mean = self.running_var = self.num_batches_tracked = None

    def reset_parameters(self) -> None:
        """Weights 1, and the running statistics as at the start."""
        self.reset_running_stats()
        _ones_and_zeros(self.weight, None)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """The same shape, normalised channel by channel in each step.

        Args:
            x: one step (B, C, ...), or in step mode "m" all of them (T, B, C, ...).
            steps: given by containers: x has a time axis, whatever the step mode.
        """
        x = as_tensor("x", x)
        return self._prepare(x, steps).run().reshape(x.shape)

    def _prepare(self, x: Any, steps: str | None = None) -> Norm:
        """As in `RunningNorm`; a single step counts."""
        has_steps(self, steps)
        x, multi = self._checked(x, steps)
        if multi and self.T is None and x.shape[0]:
            self._make(x.shape[0])
        weight: Tensor | None = self.weight
        moving: list[Tensor | None] = [self.running_mean, self.running_var, self.num_batches_tracked]
        if multi:
            self._all_steps(x)
        else:
            t = self._step()
            x, weight = x.reshape(1, *x.shape), None if weight is None else weight[t : t + 1]
            moving = [None if m is None else m._rows(t, t + 1) for m in moving]
        training = self.training or moving[0] is None
        out = prepare(
            "batch_norm_through_time", x, moving[0], moving[1], weight, None, training, self.momentum, self.eps,
            batches=moving[2],
        )  # fmt: skip
        self.t += not multi
        return out

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"{self.num_features}, T={self.T}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}, step_mode='{self.step_mode}'"
        )


_THROUGH = """Batch norm through time (BNTT): (x - mean[t]) / sqrt(var[t] + eps) * weight[t] for each channel of
    {shapes}, with statistics and a weight of its own for every step.

    Step mode "m", the default, takes all steps in one dispatch.  In step mode "s" the module counts the steps, and
    `grilly_vk.functional.reset_net` begins again; the results are the same.  After `eval()` the running statistics are
    used.  There is no bias, as in the paper and in SpikingJelly, which keeps T batch norms in a list (its
    bn_list.t.weight is weight[t] here, and so on).

    Args:
        num_features: channels C.
        T: number of steps; None: that of the first input in step mode "m", or of the state that is loaded.  The
            parameters come into being then, so run one batch before an optimizer is made.
        {arguments}
        step_mode: "m" (default): a call is all steps. "s": a call is one step.

    Attributes:
        weight: Parameter (T, C), at first 1; or None.
        running_mean, running_var: Buffers (T, C), at first 0 and 1; the variance is the unbiased one.  Or None.
        num_batches_tracked: Buffer of T int32.  Or None.
        t: steps so far in step mode "s".

    Raises:
        ValueError: arguments out of range; at the call, another shape or number of steps, a step beyond T, or one
            value per channel and step in training.
        RuntimeError: T would be fixed inside a compiled function.

    Source: Kim & Panda, "Revisiting batch normalization for training low-latency deep spiking neural networks from
    scratch", Frontiers in Neuroscience 15 (2021), the equations of its section "Batch normalization through time".
    """


class BatchNormThroughTime1d(_ThroughTime):
    _shapes, _ranks = SHAPES_1D, (2, 3)
    __doc__ = text(_THROUGH, OF_1D, "BatchNorm1d", "whether there is a weight to train.")


class BatchNormThroughTime2d(_ThroughTime):
    _shapes, _ranks = SHAPES_2D, (4,)
    __doc__ = text(_THROUGH, OF_2D, "BatchNorm2d", "whether there is a weight to train.")
