"""Optimizers and learning-rate schedules; the names and formulas are PyTorch's."""

from ..nn.utils import clip_grad_norm_, clip_grad_value_
from . import lr_scheduler
from .lr_scheduler import (
    CosineAnnealingLR,
    ExponentialLR,
    LambdaLR,
    LinearWarmup,
    MultiStepLR,
    OneCycleLR,
    SequentialLR,
    StepLR,
)
from .optimizer import Optimizer
from .optimizers import SGD, Adam, AdamW, RMSprop
from .plateau import ReduceLROnPlateau

lr_scheduler.ReduceLROnPlateau = ReduceLROnPlateau  # type: ignore[attr-defined]  # where PyTorch has it

__all__ = [
    "SGD", "Adam", "AdamW", "CosineAnnealingLR", "ExponentialLR", "LambdaLR", "LinearWarmup", "MultiStepLR",
    "OneCycleLR", "Optimizer", "RMSprop", "ReduceLROnPlateau", "SequentialLR", "StepLR", "clip_grad_norm_",
    "clip_grad_value_", "lr_scheduler",
]  # fmt: skip
