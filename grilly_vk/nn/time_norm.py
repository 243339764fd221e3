"""Batch norms that know of time: BNTT, TEBN and tdBN.  NeuNorm is in neu_norm.py."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..functional.temporal import mixed
from ..ops import batch_norm as ops
from ..ops.elementwise import as_tensor
from ..runtime import capturing
from ..tensor import Tensor, full
from .module import Buffer, Module, Parameter
from .norm import BatchNorm1d, BatchNorm2d, _BatchNorm, _ones_and_zeros
from .stateful import StatefulModule

_SHAPES_1D, _SHAPES_2D = BatchNorm1d._shapes, BatchNorm2d._shapes


class _Timed(Module):
    """What the norms over time share: which shapes they take in which step mode."""

    takes_steps = True
    step_mode: str
    num_features: int
    _shapes: tuple[tuple[str, ...], ...]

    def _checked(self, x: Any, steps: str | None) -> tuple[Tensor, bool]:
        """x, and whether it has a time axis."""
        arguments.choice("step_mode", self.step_mode, ("s", "m"))
        x = as_tensor("x", x)
        multi = self.step_mode == "m" or steps is not None
        shapes = [("T", "B", *s[1:]) if multi else ("B", *s[1:]) for s in self._shapes]
        if x.ndim not in [len(s) for s in shapes] or x.shape[1 + multi] != self.num_features:
            wanted = " or ".join(f"({', '.join(s)})" for s in shapes).replace("C", str(self.num_features))
            mode = "with a time axis" if steps is not None else f"in step mode '{self.step_mode}'"
            raise ValueError(f"x has shape {x.shape}; {type(self).__name__} expects {wanted} {mode}")
        return x, multi

    def _whole(self) -> None:
        """Statistics over all steps can't be taken from one."""
        if self.training:
            raise ValueError(
                f"{type(self).__name__} takes its statistics over all steps: in training give it all of them, in step "
                "mode 'm'; single steps are for eval()"
            )


class _Counting(StatefulModule, _Timed):
    """A norm with numbers of each step, which counts the steps that it is given one by one."""

    t: int
    T: int | None

    def _step(self) -> int:
        """The number of the step to come."""
        self.beginning()
        if self.T is None:
            raise ValueError(
                f"the number of steps of {type(self).__name__} is not known yet; give T, or all steps in one call first"
            )
        if self.t >= self.T:
            raise ValueError(
                f"{type(self).__name__} has numbers for T={self.T} steps, and this would be step {self.t + 1}; call "
                "F.reset_net(model) before a new sequence"
            )
        return self.t

    def _all_steps(self, x: Tensor) -> None:
        self.beginning()
        if x.shape[0] != self.T:
            raise ValueError(f"x has shape {x.shape}, {x.shape[0]} steps; {type(self).__name__} has T={self.T}")
        if self.t:
            raise ValueError(
                f"{type(self).__name__} is {self.t} steps into a sequence that came step by step; call "
                "F.reset_net(model) before all steps of another one"
            )

    def _holds_tensors(self) -> bool:
        return self.t > 0  # a step that a recording can't carry on from, either


# ---- tdBN ----


class _ThresholdDependent(_BatchNorm, _Timed):
    def __init__(
        self,
        num_features: int,
        v_threshold: float = 1.0,
        alpha: float = 1.0,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: str = "m",
    ) -> None:
        self.v_threshold, self.alpha = arguments.real("v_threshold", v_threshold), arguments.real("alpha", alpha)
        super().__init__(num_features, eps, momentum, affine, track_running_stats)
        self.step_mode = arguments.choice("step_mode", step_mode, ("s", "m"))
        if not self.affine:
            self._fixed = Buffer(full((num_features,), self._start), persistent=False)
        self.reset_parameters()

    @property
    def _start(self) -> float:
        return arguments.real("alpha * v_threshold", self.alpha * self.v_threshold)

    def reset_parameters(self) -> None:
        """Weight alpha * v_threshold, bias 0, and the running statistics as at the start."""
        self.reset_running_stats()
        _ones_and_zeros(None, self.bias)
        if self.weight is not None:
            self.weight.detach().assign(full(self.weight.shape, self._start, on=self.weight.engine))

    def forward(self, x: Any, steps: str | None = None) -> Tensor:
        """The same shape, normalised channel by channel."""
        x, multi = self._checked(x, steps)
        if not multi:
            self._whole()
        flat = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]) if multi else x
        training = self.training or self.running_mean is None
        y = ops.batch_norm(
            flat, self.running_mean, self.running_var, self.weight if self.affine else self._fixed, self.bias,
            training, self.momentum, self.eps, batches=self.num_batches_tracked if training else None,
        )  # fmt: skip
        return y.reshape(*x.shape) if multi else y

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{super().extra_repr()}, v_threshold={self.v_threshold:g}, alpha={self.alpha:g}"


# ---- TEBN ----


class _TemporalEffective(_BatchNorm, _Counting):
    scale: Parameter

    def __init__(
        self,
        T: int,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: str = "m",
    ) -> None:
        steps = arguments.size("T", T)
        super().__init__(num_features, eps, momentum, affine, track_running_stats)
        self.T, self.step_mode = steps, arguments.choice("step_mode", step_mode, ("s", "m"))
        self.scale = Parameter(full((steps,), 1.0))
        self.register_memory("t", 0)

    def reset_parameters(self) -> None:
        """Scales and weight 1, bias 0, and the running statistics as at the start."""
        super().reset_parameters()
        _ones_and_zeros(self.scale, None)

    def forward(self, x: Any, steps: str | None = None) -> Tensor:
        """The same shape, normalised channel by channel and scaled step by step."""
        x, multi = self._checked(x, steps)
        scale: Tensor = self.scale
        if multi:
            self._all_steps(x)
        else:
            self._whole()
            t = self._step()
            x, scale = x.reshape(1, *x.shape), scale[t : t + 1]
        training = self.training or self.running_mean is None
        y = ops.temporal_effective_batch_norm(
            x, self.running_mean, self.running_var, scale, self.weight, self.bias, training, self.momentum, self.eps,
            batches=self.num_batches_tracked if training else None,
        )  # fmt: skip
        if not multi:
            self.t += 1
            return y.reshape(*y.shape[1:])
        return y

    def extra_repr(self) -> str:
        """The arguments."""
        return f"T={self.T}, {super().extra_repr()}"


# ---- BNTT ----


class _ThroughTime(_Counting):
    weight: Parameter | None
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None

    def __init__(
        self,
        num_features: int,
        T: int | None = None,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: str = "s",
    ) -> None:
        super().__init__()
        self.num_features = arguments.size("num_features", num_features)
        self.T = None
        self.eps = arguments.non_negative("eps", eps)
        self.momentum = None if momentum is None else arguments.real("momentum", momentum)
        self.affine, self.track_running_stats = bool(affine), bool(track_running_stats)
        self.step_mode = arguments.choice("step_mode", step_mode, ("s", "m"))
        self.register_parameter("weight", None)
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, None)
        self.register_memory("t", 0)
        if T is not None:
            self._make(arguments.size("T", T))

    def _make(self, steps: int) -> None:
        """The numbers of each step, once their number is known."""
        if capturing() is not None:
            raise RuntimeError(
                f"the number of steps of {type(self).__name__} would be fixed inside a captured or compiled function; "
                "give T, or call the module once before"
            )
        shape = (steps, self.num_features)
        if self.affine:
            self.weight = Parameter(full(shape, 1.0))
        if self.track_running_stats:
            self.running_mean, self.running_var = Buffer(full(shape, 0.0)), Buffer(full(shape, 1.0))
            self.num_batches_tracked = Buffer(full((steps,), 0, np.int32))
        self.T = steps

    def _before_load(self, prefix: str, state_dict: Any) -> None:
        """Takes the number of steps from a state that is about to be loaded, if it is not known yet."""
        for name in ("weight", "running_mean"):
            shape: tuple[int, ...] = getattr(state_dict.get(prefix + name), "shape", ())
            if self.T is None and len(shape) == 2 and shape[0] > 0 and shape[-1] == self.num_features:
                self._make(int(shape[0]))

    def reset_running_stats(self) -> None:
        """Running means 0, variances 1, no batches so far."""
        for t, value in ((self.running_mean, 0.0), (self.running_var, 1.0), (self.num_batches_tracked, 0)):
            if t is not None:
                t.assign(full(t.shape, value, t.dtype, t.engine))

    def reset_parameters(self) -> None:
        """Weights 1, and the running statistics as at the start."""
        self.reset_running_stats()
        _ones_and_zeros(self.weight, None)

    def forward(self, x: Any, steps: str | None = None) -> Tensor:
        """The same shape, normalised channel by channel in each step.

        Args:
            x: one step (B, C, ...), or in step mode "m" all of them (T, B, C, ...).
            steps: given by containers: x has a time axis, whatever the step mode.
        """
        if steps == "loop" and self.step_mode == "m":
            raise ValueError(mixed("a container that runs its modules step by step"))
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
            moving = [None if m is None else m.rows(t, t + 1) for m in moving]
        training = self.training or moving[0] is None
        y = ops.batch_norm_through_time(
            x, moving[0], moving[1], weight, None, training, self.momentum, self.eps,
            batches=moving[2] if training else None,
        )  # fmt: skip
        if not multi:
            self.t += 1
            return y.reshape(*y.shape[1:])
        return y

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"{self.num_features}, T={self.T}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}, step_mode='{self.step_mode}'"
        )


# ---- the classes ----

_ARGUMENTS = """eps: keeps constant channels finite.
        momentum: share of a batch in the running statistics; None: they are the mean over all batches.
        affine: {affine}
        track_running_stats: without, the batch's statistics are used after `eval()` too."""

_THRESHOLD = """Threshold-dependent batch norm (tdBN): (x - mean) / sqrt(var + eps) * weight + bias for each channel of
    {shapes}, with statistics over all steps and samples, and a weight that starts at alpha * v_threshold.

    The input of a layer of spiking neurons then has a spread that fits their threshold.  After `eval()` the running
    statistics are used, and step mode "s" takes one step.

    The paper writes lambda * (alpha * v_threshold * (x - mean) / sqrt(var + eps)) + beta with lambda starting at 1.
    Here, as in SpikingJelly, alpha * v_threshold is where the one weight starts: the same function, but a gradient step
    of rate r on lambda is one of rate r * (alpha * v_threshold)**2 on the weight.  SpikingJelly's arguments begin with
    (alpha, v_th, num_features).

    Args:
        num_features: channels C.
        v_threshold: threshold of the neurons that come next.
        alpha: 1, or 1 / sqrt(n) where n branches are added up before the neurons.
        {arguments}
        step_mode: "m": a call is all steps. "s": one, after `eval()` only.

    Attributes:
        weight, bias: Parameters (C,), at first alpha * v_threshold and 0; None without affine, where that factor stays.
        running_mean, running_var, num_batches_tracked: as in {like}.

    Raises:
        ValueError: arguments out of range; at the call, another shape, one value a channel in training, or a single
            step in training.

    Source: Zheng, Wu, Deng, Hu & Li, "Going deeper with directly-trained larger spiking neural networks", AAAI 2021,
    the equations of its section "Threshold-dependent batch normalization".
    """

_EFFECTIVE = """Temporal effective batch norm (TEBN): scale[t] * ((x - mean) / sqrt(var + eps) * weight + bias) for each
    channel of {shapes}, with statistics over all steps and samples.

    After `eval()` the running statistics are used, and step mode "s" takes the steps one by one: the module counts
    them, and `grilly_vk.functional.reset_net` begins again.  As in SpikingJelly, scale[t] multiplies the bias too.

    Args:
        T: number of steps.
        num_features: channels C.
        {arguments}
        step_mode: "m": a call is all steps. "s": one, after `eval()` only.

    Attributes:
        scale: Parameter (T,), the paper's p, at first 1.
        weight, bias: Parameters (C,), at first 1 and 0; or None.
        running_mean, running_var, num_batches_tracked: as in {like}.
        t: steps so far in step mode "s".

    Raises:
        ValueError: arguments out of range; at the call, another shape or number of steps, a step beyond T, one value a
            channel in training, or a single step in training.

    Source: Duan, Ding, Chen, Yu & Huang, "Temporal effective batch normalization in spiking neural networks",
    NeurIPS 2022.
    """

_THROUGH = """Batch norm through time (BNTT): (x - mean[t]) / sqrt(var[t] + eps) * weight[t] for each channel of
    {shapes}, with statistics and a weight of its own for every step.

    Step mode "m" takes all steps in one dispatch.  In step mode "s" the module counts the steps, and
    `grilly_vk.functional.reset_net` begins again; the results are the same.  After `eval()` the running statistics are
    used.  There is no bias, as in the paper and in SpikingJelly, which keeps T batch norms in a list (its
    bn_list.t.weight is weight[t] here, and so on).

    Args:
        num_features: channels C.
        T: number of steps; None: that of the first input in step mode "m", or of the state that is loaded.  The
            parameters come into being then, so run one batch before an optimizer is made.
        {arguments}
        step_mode: "s" or "m".

    Attributes:
        weight: Parameter (T, C), at first 1; or None.
        running_mean, running_var: Buffers (T, C), at first 0 and 1; the variance is the unbiased one.  Or None.
        num_batches_tracked: Buffer of T int32.  Or None.
        t: steps so far in step mode "s".

    Raises:
        ValueError: arguments out of range; at the call, another shape or number of steps, a step beyond T, or one
            value a channel and step in training.
        RuntimeError: T would be fixed inside a compiled function.

    Source: Kim & Panda, "Revisiting batch normalization for training low-latency deep spiking neural networks from
    scratch", Frontiers in Neuroscience 15 (2021), the equations of its section "Batch normalization through time".
    """


def _text(template: str, shapes: str, like: str, affine: str) -> str:
    return template.format(shapes=shapes, like=like, arguments=_ARGUMENTS.format(affine=affine))


_OF_1D, _OF_2D = "(T, B, C) or (T, B, C, L)", "(T, B, C, H, W)"
_BOTH = "whether there are a weight and a bias to train."


class ThresholdDependentBatchNorm1d(_ThresholdDependent):
    _shapes = _SHAPES_1D
    __doc__ = _text(_THRESHOLD, _OF_1D, "BatchNorm1d", _BOTH)


class ThresholdDependentBatchNorm2d(_ThresholdDependent):
    _shapes = _SHAPES_2D
    __doc__ = _text(_THRESHOLD, _OF_2D, "BatchNorm2d", _BOTH)


class TemporalEffectiveBatchNorm1d(_TemporalEffective):
    _shapes = _SHAPES_1D
    __doc__ = _text(_EFFECTIVE, _OF_1D, "BatchNorm1d", _BOTH)


class TemporalEffectiveBatchNorm2d(_TemporalEffective):
    _shapes = _SHAPES_2D
    __doc__ = _text(_EFFECTIVE, _OF_2D, "BatchNorm2d", _BOTH)


class BatchNormThroughTime1d(_ThroughTime):
    _shapes = _SHAPES_1D
    __doc__ = _text(_THROUGH, _OF_1D, "BatchNorm1d", "whether there is a weight to train.")


class BatchNormThroughTime2d(_ThroughTime):
    _shapes = _SHAPES_2D
    __doc__ = _text(_THROUGH, _OF_2D, "BatchNorm2d", "whether there is a weight to train.")
