"""Optimizers and learning-rate schedules; the names and formulas are PyTorch's."""

from ..nn.utils import clip_grad_norm_, clip_grad_value_
from . import lr_scheduler
from .lr_scheduler import CosineAnnealingLR, LinearWarmup, OneCycleLR, SequentialLR, StepLR
from .optimizer import Optimizer
from .optimizers import SGD, Adam, AdamW, RMSprop

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "LinearWarmup",
    "OneCycleLR",
    "Optimizer",
    "RMSprop",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
    "lr_scheduler",
]
