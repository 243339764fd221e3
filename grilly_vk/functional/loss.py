"""Losses."""

from ..ops.loss import bce_with_logits, binary_cross_entropy, cross_entropy, l1_loss, mse_loss, nll_loss, smooth_l1_loss

binary_cross_entropy_with_logits = bce_with_logits  # PyTorch's name

__all__ = [
    "bce_with_logits",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "l1_loss",
    "mse_loss",
    "nll_loss",
    "smooth_l1_loss",
]
