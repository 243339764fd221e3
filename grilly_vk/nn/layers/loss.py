"""Losses as layers; each calls the function of the same meaning in `grilly_vk.functional`."""

from __future__ import annotations

from typing import Any

from ... import arguments
from ...ops import loss as ops
from ...settings import setting
from ...tensor import Tensor
from ..module import Module


class _Loss(Module):
    """A loss with a reduction: "none", "mean" or "sum"."""

    _frees_shapes = True  # factors for another number of classes are as good
    reduction = setting(arguments.choice, ops.REDUCTIONS)

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = arguments.choice("reduction", reduction, ops.REDUCTIONS)

    def _keep(self, name: str, value: Any) -> None:
        """Factors, as a buffer."""
        self.register_buffer(name, None if value is None else arguments.tensor(name, value).detach())

    def extra_repr(self) -> str:
        """The reduction."""
        return f"reduction={self.reduction!r}"


class CrossEntropyLoss(_Loss):
    """-log(softmax(x)) of the target class, straight from logits.  See `functional.cross_entropy`.

    Args:
        weight: a factor for each class (C,), or None; a buffer of the module.
        ignore_index: rows with this class count nothing.
        reduction: "none", "mean" (default) or "sum".
        label_smoothing: in [0, 1].

    Shape:
        x (N, C, ...) and target int32 (N, ...), or float32 of x's shape; a number, or (N, ...) for "none".

    Raises:
        TypeError, ValueError: arguments out of range; at the call as `functional.cross_entropy`.
    """

    ignore_index = setting(ops.class_index)
    label_smoothing = setting(arguments.between, 0.0, 1.0)

    def __init__(
        self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean", label_smoothing: float = 0.0
    ) -> None:
        super().__init__(reduction)
        self._keep("weight", weight)
        self.ignore_index = ops.class_index("ignore_index", ignore_index)
        self.label_smoothing = arguments.between("label_smoothing", label_smoothing, 0.0, 1.0)

    def forward(self, x: Any, target: Any) -> Tensor:
        """The loss of logits against classes or probabilities."""
        return ops.cross_entropy(x, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing)


class NLLLoss(_Loss):
    """-x of the target class, for log-probabilities x.  See `functional.nll_loss`.

    Args:
        weight: a factor for each class (C,), or None; a buffer of the module.
        ignore_index: rows with this class count nothing.
        reduction: "none", "mean" (default) or "sum".

    Raises:
        TypeError, ValueError: arguments out of range; at the call as `functional.nll_loss`.
    """

    ignore_index = setting(ops.class_index)

    def __init__(self, weight: Any = None, ignore_index: int = -100, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self._keep("weight", weight)
        self.ignore_index = ops.class_index("ignore_index", ignore_index)

    def forward(self, x: Any, target: Any) -> Tensor:
        """The loss of log-probabilities against classes."""
        return ops.nll_loss(x, target, self.weight, self.ignore_index, self.reduction)


class MSELoss(_Loss):
    """(x - target)**2, both of one shape.

    Args:
        reduction: "none", "mean" (default) or "sum".
    """

    def forward(self, x: Any, target: Any) -> Tensor:
        """The loss of x against a target of its shape."""
        return ops.mse_loss(x, target, self.reduction)


class L1Loss(_Loss):
    """abs(x - target), both of one shape.

    Args:
        reduction: "none", "mean" (default) or "sum".
    """

    def forward(self, x: Any, target: Any) -> Tensor:
        """The loss of x against a target of its shape."""
        return ops.l1_loss(x, target, self.reduction)


class SmoothL1Loss(_Loss):
    """(x - target)**2 / (2 * beta) where abs(x - target) < beta, else abs(x - target) - beta / 2.

    Args:
        reduction: "none", "mean" (default) or "sum".
        beta: default 1; not negative.

    Source: Girshick, "Fast R-CNN", ICCV 2015.
    """

    beta = setting(arguments.non_negative)

    def __init__(self, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction)
        self.beta = arguments.non_negative("beta", beta)

    def forward(self, x: Any, target: Any) -> Tensor:
        """The loss of x against a target of its shape."""
        return ops.smooth_l1_loss(x, target, self.reduction, self.beta)


class BCEWithLogitsLoss(_Loss):
    """Binary cross-entropy of sigmoid(x) against probabilities.  See `functional.bce_with_logits`.

    Args:
        weight: a factor that broadcasts to x's shape, or None; a buffer of the module.
        reduction: "none", "mean" (default) or "sum".
        pos_weight: a factor of the positive part, likewise.
    """

    def __init__(self, weight: Any = None, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction)
        self._keep("weight", weight)
        self._keep("pos_weight", pos_weight)

    def forward(self, x: Any, target: Any) -> Tensor:
        """The loss of logits against probabilities of their shape."""
        return ops.bce_with_logits(x, target, self.weight, self.reduction, self.pos_weight)


class BCELoss(_Loss):
    """Binary cross-entropy of probabilities x against probabilities.  See `functional.binary_cross_entropy`.

    Args:
        weight: a factor that broadcasts to x's shape, or None; a buffer of the module.
        reduction: "none", "mean" (default) or "sum".

    Raises:
        ValueError: another reduction; at the call, shapes that don't fit.
    """

    def __init__(self, weight: Any = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self._keep("weight", weight)

    def forward(self, x: Any, target: Any) -> Tensor:
        """The loss of probabilities against probabilities of their shape."""
        return ops.binary_cross_entropy(x, target, self.weight, self.reduction)
