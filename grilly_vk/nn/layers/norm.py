"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...functional import norm as F
from ...ops.batch_norm import Norm
from ...ops.elementwise import as_tensor
from ...ops.exchange import assign_all
from ...runtime.recording import called
from ...settings import fixed, setting
from ...stepping import merged
from ...tensor import Tensor, full
from ...typing import ArrayLike
from ..module import Buffer, Module, Parameter


class RunningStatistics(Module):
    """What norms that may keep running statistics share."""

    num_features, affine, track_running_stats = fixed(), fixed(), fixed()
    eps = setting(arguments.non_negative)
    momentum = setting(arguments.real, optional=True)
    over_time = "fold"
    running_mean: Tensor | None
    running_var: Tensor | None
    num_batches_tracked: Tensor | None
    weight: Parameter | None
    bias: Parameter | None

    def _settings(
        self, num_features: int, eps: float, momentum: float | None, affine: bool, track_running_stats: bool
    ) -> None:
        self.num_features = arguments.size("num_features", num_features)
        self.eps, self.momentum = eps, momentum
        self.affine = arguments.flag("affine", affine)
        self.track_running_stats = arguments.flag("track_running_stats", track_running_stats)

    def _track(self, shape: tuple[int, ...]) -> None:
        """Makes the statistics, one of each for a group of values; groups that come together share a count."""
        if self.track_running_stats:
            self.running_mean, self.running_var = Buffer(full(shape, 0.0)), Buffer(full(shape, 1.0))
            self.num_batches_tracked = Buffer(full(shape[:-1], 0, np.int32))
        else:
            self._untracked()

    def _untracked(self) -> None:
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, None)

    def reset_running_stats(self) -> None:
        """Running mean 0, variance 1, no batches so far."""
        stats = (self.running_mean, 0.0), (self.running_var, 1.0), (self.num_batches_tracked, 0)
        assign_all((t, value) for t, value in stats if t is not None)

    def _channels(self, shape: tuple[int, ...]) -> None:
        """Makes weight and bias, where there are any, and the statistics."""
        for name, value in (("weight", 1.0), ("bias", 0.0)):
            self.register_parameter(name, Parameter(full(shape, value)) if self.affine else None)
        self._track(shape)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and the running statistics as at the start."""
        self.reset_running_stats()
        _ones_and_zeros(self.weight, self.bias)

    def extra_repr(self) -> str:
        """The arguments."""
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class RunningNorm(RunningStatistics):
    """A batch norm, with running statistics.

    `_prepare` does all but the normalising itself, which a spiking node behind it may do (see SpikingNode.forward).
    """

    def _prepare(self, x: Any, steps: str | None = None) -> Norm:
        """Checks x, and takes its statistics, which move the running ones."""
        raise NotImplementedError(f"{type(self).__name__} does not define _prepare()")


class _BatchNorm(RunningNorm):
    """What the batch norms share; subclasses say which shapes they take."""

    _shapes: tuple[tuple[str, ...], ...] = ()

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
    ) -> None:
        super().__init__()
        self._settings(num_features, eps, momentum, affine, track_running_stats)
        self._channels((num_features,))

    def _repeats(self) -> bool:
        kind, watched = type(self), self._forward_hooks or self._forward_pre_hooks
        own = kind.forward is not _BatchNorm.forward or kind._prepare is not _BatchNorm._prepare
        return not own and not watched

    def _of_one(self, step: Tensor, steps: int) -> Tensor:
        """Mean and variance of the run are those of its step; the running variance is told how long it is."""
        called(self)
        return self._standing_for(steps, step).run()

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape, normalised channel by channel."""
        return self._prepare(x).run()

    def _prepare(self, x: Any, steps: str | None = None) -> Norm:
        """As in `RunningNorm`; with `steps` x has a time axis, which joins the batch."""
        x = as_tensor("x", x)
        return self._standing_for(1, x if steps is None else merged(x))

    def _standing_for(self, times: int, x: Tensor) -> Norm:
        """As `_prepare`, of x so many times over."""
        c = self.num_features
        if x.ndim not in [len(s) for s in self._shapes] or x.shape[1] != c:
            wanted = " or ".join(f"({', '.join(s)})" for s in self._shapes).replace("C", str(c))
            raise ValueError(f"x has shape {x.shape}; {type(self).__name__} expects {wanted}")
        training = self.training or self.running_mean is None
        return F.prepare(
            "batch_norm", x, self.running_mean, self.running_var, self.weight, self.bias, training, self.momentum,
            self.eps, batches=self.num_batches_tracked, times=times,
        )  # fmt: skip


def _ones_and_zeros(weight: Tensor | None, bias: Tensor | None) -> None:
    with no_grad():
        assign_all((t, value) for t, value in ((weight, 1.0), (bias, 0.0)) if t is not None)


_BATCH_NORM = """(x - mean) / sqrt(var + eps) * weight + bias for each channel of {shapes}.

    In training the statistics are the batch's, and running ones follow them; after `eval()` the running ones are used.
    All state is on the device, so a captured training step moves it at each replay.

    Args:
        num_features: channels C.
        eps: keeps constant channels finite.
        momentum: share of a batch in the running statistics; None: they are the mean over all batches.
        affine: whether there are a weight and a bias to train.
        track_running_stats: without, the batch's statistics are used after `eval()` too.

    Attributes:
        weight, bias: Parameters (C,), at first 1 and 0; or None.
        running_mean, running_var: Buffers (C,), at first 0 and 1; the variance is the unbiased one.  Or None.
        num_batches_tracked: Buffer of one int32.  Or None.

    Raises:
        ValueError: arguments out of range; at the call, another shape, or one value per channel in training.

    Source: Ioffe & Szegedy, "Batch normalization", ICML 2015.
    """


class BatchNorm1d(_BatchNorm):
    _shapes = (("N", "C"), ("N", "C", "L"))
    _ranks = (2, 3)
    __doc__ = _BATCH_NORM.format(shapes="(N, C) or (N, C, L)")


class BatchNorm2d(_BatchNorm):
    _shapes = (("N", "C", "H", "W"),)
    _time_rank = 5
    __doc__ = _BATCH_NORM.format(shapes="(N, C, H, W)")


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axes, var being the biased variance.

    Args:
        normalized_shape: sizes of the last axes, which are normalised together.
        eps: keeps constant rows finite.
        elementwise_affine: whether there are a weight and a bias to train.
        bias: False leaves out the bias alone.

    Attributes:
        weight, bias: Parameters of normalized_shape, at first 1 and 0; or None.

    Raises:
        ValueError: arguments out of range; at the call, an input of other last axes.

    Source: Ba, Kiros & Hinton, "Layer normalization", arXiv:1607.06450 (2016).
    """

    normalized_shape, elementwise_affine = fixed(), fixed()
    eps = setting(arguments.non_negative)
    batchwise = True
    _time_rank = 0

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.normalized_shape = F.shape_of(normalized_shape)
        self.eps = eps
        self.elementwise_affine = arguments.flag("elementwise_affine", elementwise_affine)
        bias = arguments.flag("bias", bias)
        for name, value, on in (("weight", 1.0, elementwise_affine), ("bias", 0.0, elementwise_affine and bias)):
            self.register_parameter(name, Parameter(full(self.normalized_shape, value)) if on else None)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0."""
        _ones_and_zeros(self.weight, self.bias)

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape, normalised row by row."""
        return F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class RMSNorm(Module):
    """x / sqrt(mean(x**2) + eps) * weight over the last axes.

    Args:
        normalized_shape: sizes of the last axes, which are normalised together.
        eps: keeps rows of zeros finite; None means float32's epsilon, 1.19e-7.
        elementwise_affine: whether there is a weight to train.

    Attributes:
        weight: Parameter of normalized_shape, at first 1; or None.

    Raises:
        ValueError: arguments out of range; at the call, an input of other last axes.

    Source: Zhang & Sennrich, "Root mean square layer normalization", NeurIPS 2019.
    """

    normalized_shape, elementwise_affine = fixed(), fixed()
    eps = setting(arguments.non_negative, optional=True)
    batchwise = True
    _time_rank = 0

    weight: Parameter | None

    def __init__(
        self, normalized_shape: int | Sequence[int], eps: float | None = None, elementwise_affine: bool = True
    ) -> None:
        super().__init__()
        self.normalized_shape = F.shape_of(normalized_shape)
        self.eps = eps
        self.elementwise_affine = arguments.flag("elementwise_affine", elementwise_affine)
        on = Parameter(full(self.normalized_shape, 1.0)) if elementwise_affine else None
        self.register_parameter("weight", on)

    def reset_parameters(self) -> None:
        """Weight 1."""
        _ones_and_zeros(self.weight, None)

    def forward(self, x: ArrayLike) -> Tensor:
        """The same shape, normalised row by row."""
        return F.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        """The arguments."""
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
