"""Losses of spike trains as layers; each calls the function of the same meaning in `grilly_vk.functional`."""

from __future__ import annotations

from typing import Any

from ... import arguments
from ...functional import spike_loss as ops
from ...settings import fixed, setting
from ...tensor import Tensor
from ..module import Module


class _CrossEntropy(Module):
    """What the cross-entropies share: factors of classes and smoothing."""

    label_smoothing = setting(arguments.between, 0.0, 1.0)

    def __init__(self, weight: Any, label_smoothing: float) -> None:
        super().__init__()
        self.register_buffer("weight", None if weight is None else arguments.tensor("weight", weight).detach())
        self.label_smoothing = arguments.between("label_smoothing", label_smoothing, 0.0, 1.0)

    @property
    def _options(self) -> dict[str, Any]:
        return {"weight": self.weight, "label_smoothing": self.label_smoothing}


def _classes(num_classes: int | None) -> int | None:
    return None if num_classes is None else arguments.size("num_classes", num_classes)


class CERateLoss(_CrossEntropy):
    """Cross-entropy of the spikes of each step, averaged over steps.  See `functional.ce_rate_loss`.

    Args:
        weight: a factor for each class (C,), or None; a buffer of the module.
        label_smoothing: in [0, 1].

    Shape:
        spikes (T, B, C) and int32 targets (B,); a number.
    """

    def __init__(self, *, weight: Any = None, label_smoothing: float = 0.0) -> None:
        super().__init__(weight, label_smoothing)

    def forward(self, spikes: Any, targets: Any) -> Tensor:
        """The loss of spikes against classes."""
        return ops.ce_rate_loss(spikes, targets, **self._options)


class CECountLoss(_CrossEntropy):
    """Cross-entropy of spike counts.  See `functional.ce_count_loss`.

    Args:
        num_classes: None, or the number of classes that share the neurons evenly.
        weight: a factor for each class, or None; a buffer of the module.
        label_smoothing: in [0, 1].

    Shape:
        spikes (T, B, C) and int32 targets (B,); a number.
    """

    num_classes = fixed()

    def __init__(self, num_classes: int | None = None, *, weight: Any = None, label_smoothing: float = 0.0) -> None:
        super().__init__(weight, label_smoothing)
        self.num_classes = _classes(num_classes)

    def forward(self, spikes: Any, targets: Any) -> Tensor:
        """The loss of spikes against classes."""
        return ops.ce_count_loss(spikes, targets, num_classes=self.num_classes, **self._options)


class CETemporalLoss(_CrossEntropy):
    """Cross-entropy of inverted first-spike times.  See `functional.ce_temporal_loss`.

    Args:
        inverse: "negate" (default) or "reciprocal".
        weight: a factor for each class (C,), or None; a buffer of the module.
        label_smoothing: in [0, 1].

    Shape:
        spikes (T, B, C) and int32 targets (B,); a number.
    """

    inverse = setting(arguments.choice, ops.INVERSES)

    def __init__(self, inverse: str = "negate", *, weight: Any = None, label_smoothing: float = 0.0) -> None:
        super().__init__(weight, label_smoothing)
        self.inverse = arguments.choice("inverse", inverse, ops.INVERSES)

    def forward(self, spikes: Any, targets: Any) -> Tensor:
        """The loss of spikes against classes."""
        return ops.ce_temporal_loss(spikes, targets, self.inverse, **self._options)


class MSECountLoss(Module):
    """Mean squared error of spike counts.  See `functional.mse_count_loss`.

    Args:
        correct_rate, incorrect_rate: wanted spikes a step and neuron, in [0, 1]; defaults 1 and 0.
        num_classes: None, or the number of classes that share the neurons evenly.

    Shape:
        spikes (T, B, C) and int32 targets (B,); a number.
    """

    correct_rate, incorrect_rate = (setting(arguments.between, 0.0, 1.0) for _ in range(2))
    num_classes = fixed()

    def __init__(
        self, correct_rate: float = 1.0, incorrect_rate: float = 0.0, *, num_classes: int | None = None
    ) -> None:
        super().__init__()
        self.correct_rate = arguments.between("correct_rate", correct_rate, 0.0, 1.0)
        self.incorrect_rate = arguments.between("incorrect_rate", incorrect_rate, 0.0, 1.0)
        self.num_classes = _classes(num_classes)

    def forward(self, spikes: Any, targets: Any) -> Tensor:
        """The loss of spikes against classes."""
        return ops.mse_count_loss(spikes, targets, self.correct_rate, self.incorrect_rate, num_classes=self.num_classes)

    def extra_repr(self) -> str:
        """The wanted rates."""
        return f"correct_rate={self.correct_rate}, incorrect_rate={self.incorrect_rate}"


class MSETemporalLoss(Module):
    """Mean squared error of first-spike times.  See `functional.mse_temporal_loss`.

    Args:
        on_target, off_target: wanted steps of the target class (default 0) and the others (default -1, the last).
        tolerance: nearer times count as equal; default 0.

    Shape:
        spikes (T, B, C) and int32 targets (B,); a number.
    """

    on_target, off_target = fixed(), fixed()
    tolerance = setting(arguments.non_negative)

    def __init__(self, on_target: int = 0, off_target: int = -1, *, tolerance: float = 0.0) -> None:
        super().__init__()
        self.on_target = arguments.whole("on_target", on_target)
        self.off_target = arguments.whole("off_target", off_target)
        self.tolerance = arguments.non_negative("tolerance", tolerance)

    def forward(self, spikes: Any, targets: Any) -> Tensor:
        """The loss of spikes against classes."""
        return ops.mse_temporal_loss(spikes, targets, self.on_target, self.off_target, tolerance=self.tolerance)


class RateRegularization(Module):
    """A penalty for firing rates outside a band.  See `functional.rate_regularization`.

    Args:
        target: the one rate that is free, or
        lower, upper: the band, either of them or both.
        norm: "l2" (default) or "l1".
        per: "neuron" (default), "sample" or "mean".

    Shape:
        spikes (T, B, ...); a number.

    Raises:
        TypeError, ValueError: as the function.
    """

    target, lower, upper = fixed(), fixed(), fixed()
    norm, per = setting(arguments.choice, ops.NORMS), setting(arguments.choice, ops.PER)

    def __init__(
        self,
        *,
        target: float | None = None,
        lower: float | None = None,
        upper: float | None = None,
        norm: str = "l2",
        per: str = "neuron",
    ) -> None:
        super().__init__()
        ops.band(target, lower, upper)
        self.target, self.lower, self.upper = target, lower, upper
        self.norm = arguments.choice("norm", norm, ops.NORMS)
        self.per = arguments.choice("per", per, ops.PER)

    def forward(self, spikes: Any) -> Tensor:
        """The penalty of a run of spikes."""
        band = dict(target=self.target, lower=self.lower, upper=self.upper)
        return ops.rate_regularization(spikes, **band, norm=self.norm, per=self.per)
