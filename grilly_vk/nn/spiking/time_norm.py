"""Batch norms over all steps, tdBN and TEBN, and what they share with BNTT."""

from __future__ import annotations

from typing import Any

from ... import arguments
from ...functional.norm import prepare
from ...modes import M
from ...ops.batch_norm import Norm
from ...ops.elementwise import as_tensor
from ...settings import fixed, setting
from ...tensor import Tensor, full
from ...typing import ArrayLike, StepMode
from ..layers.norm import BatchNorm1d, BatchNorm2d, _BatchNorm, _ones_and_zeros
from ..module import Buffer, Module, Parameter
from ..stateful import Counting

SHAPES_1D, SHAPES_2D = BatchNorm1d._shapes, BatchNorm2d._shapes


class Timed(Module):
    """What the norms over time share: which shapes they take in which step mode."""

    takes_steps = True
    step_mode: str = setting(arguments.choice, ("s", "m"))
    num_features: int
    _shapes: tuple[tuple[str, ...], ...]

    def _checked(self, x: Any, steps: str | None) -> tuple[Tensor, bool]:
        """x, and whether it has a time axis."""
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


# ---- tdBN ----


class _ThresholdDependent(_BatchNorm, Timed):
    v_threshold, alpha = fixed(how="assign to weight"), fixed(how="assign to weight")

    def __init__(
        self,
        num_features: int,
        v_threshold: float = 1.0,
        alpha: float = 1.0,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: StepMode = M,
    ) -> None:
        self.v_threshold, self.alpha = arguments.real("v_threshold", v_threshold), arguments.real("alpha", alpha)
        super().__init__(num_features, eps, momentum, affine, track_running_stats)
        self.step_mode = step_mode
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

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """The same shape, normalised channel by channel."""
        x = as_tensor("x", x)
        return self._prepare(x, steps).run().reshape(x.shape)

    def _prepare(self, x: Any, steps: str | None = None) -> Norm:
        """As in `RunningNorm`."""
        x, multi = self._checked(x, steps)
        if not multi:
            self._whole()
        flat = x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]) if multi else x
        training = self.training or self.running_mean is None
        return prepare(
            "batch_norm", flat, self.running_mean, self.running_var, self.weight if self.affine else self._fixed,
            self.bias, training, self.momentum, self.eps, batches=self.num_batches_tracked,
        )  # fmt: skip

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{super().extra_repr()}, v_threshold={self.v_threshold:g}, alpha={self.alpha:g}"


# ---- TEBN ----


class _TemporalEffective(_BatchNorm, Counting, Timed):
    T = fixed()
    scale: Parameter

    def __init__(
        self,
        T: int,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        step_mode: StepMode = M,
    ) -> None:
        steps = arguments.size("T", T)
        super().__init__(num_features, eps, momentum, affine, track_running_stats)
        self.T, self.step_mode = steps, step_mode
        self.scale = Parameter(full((steps,), 1.0))
        self.register_memory("t", 0)

    def reset_parameters(self) -> None:
        """Scales and weight 1, bias 0, and the running statistics as at the start."""
        super().reset_parameters()
        _ones_and_zeros(self.scale, None)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """The same shape, normalised channel by channel and scaled step by step."""
        x = as_tensor("x", x)
        return self._prepare(x, steps).run().reshape(x.shape)

    def _prepare(self, x: Any, steps: str | None = None) -> Norm:
        """As in `RunningNorm`; a single step counts."""
        x, multi = self._checked(x, steps)
        scale: Tensor = self.scale
        if multi:
            self._all_steps(x)
        else:
            self._whole()
            t = self._step()
            x, scale = x.reshape(1, *x.shape), scale[t : t + 1]
        training = self.training or self.running_mean is None
        out = prepare(
            "temporal_effective_batch_norm", x, self.running_mean, self.running_var, self.weight, self.bias, training,
            self.momentum, self.eps, scale=scale, batches=self.num_batches_tracked,
        )  # fmt: skip
        self.t += not multi
        return out

    def extra_repr(self) -> str:
        """The arguments."""
        return f"T={self.T}, {super().extra_repr()}"


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
        ValueError: arguments out of range; at the call, another shape, one value per channel in training, or a single
            step in training.

    Source: Zheng, Wu, Deng, Hu & Li, "Going deeper with directly-trained larger spiking neural networks", AAAI 2021,
    the equations of its section "Threshold-dependent batch normalization".
    """

_EFFECTIVE = """Temporal effective batch norm (TEBN): scale[t] * ((x - mean) / sqrt(var + eps) * weight + bias) for each
    channel of {shapes}, with statistics over all steps and samples.

    After `eval()` the running statistics are used, and step mode "s" takes the steps one by one: the module counts
    them, and `grilly_vk.functional.reset_net` begins again.  As in SpikingJelly, scale[t] multiplies the bias too:
    every step has a weight and a bias of its own.

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


def text(template: str, shapes: str, like: str, affine: str) -> str:
    return template.format(shapes=shapes, like=like, arguments=_ARGUMENTS.format(affine=affine))


OF_1D, OF_2D = "(T, B, C) or (T, B, C, L)", "(T, B, C, H, W)"
_BOTH = "whether there are a weight and a bias to train."


class ThresholdDependentBatchNorm1d(_ThresholdDependent):
    _shapes, _ranks = SHAPES_1D, (2, 3)
    __doc__ = text(_THRESHOLD, OF_1D, "BatchNorm1d", _BOTH)


class ThresholdDependentBatchNorm2d(_ThresholdDependent):
    _shapes, _ranks = SHAPES_2D, (4,)
    __doc__ = text(_THRESHOLD, OF_2D, "BatchNorm2d", _BOTH)


class TemporalEffectiveBatchNorm1d(_TemporalEffective):
    _shapes, _ranks = SHAPES_1D, (2, 3)
    __doc__ = text(_EFFECTIVE, OF_1D, "BatchNorm1d", _BOTH)


class TemporalEffectiveBatchNorm2d(_TemporalEffective):
    _shapes, _ranks = SHAPES_2D, (4,)
    __doc__ = text(_EFFECTIVE, OF_2D, "BatchNorm2d", _BOTH)
