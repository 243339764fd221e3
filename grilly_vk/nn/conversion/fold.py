"""Batch norm into the layer before it, and as a plain affine map where there is none."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import arguments
from ...ops.elementwise import as_tensor
from ...tensor import Tensor
from ...typing import ArrayLike
from ..layers.linear import Linear
from ..module import Module, Parameter
from .rules import NORMS, WEIGHTED, kind
from .trace import Step, Trace


class ChannelAffine(Module):
    """x * weight + bias for each channel, axis 1: a batch norm that no layer before it could absorb.

    Args:
        weight, bias: (C,).

    Attributes:
        weight, bias: Parameters (C,).
    """

    batchwise = True

    def __init__(self, weight: ArrayLike, bias: ArrayLike) -> None:
        super().__init__()
        self.weight, self.bias = Parameter(weight), Parameter(bias)
        for name, x in (("weight", self.weight), ("bias", self.bias)):
            arguments.shape(name, x.shape, self.weight.shape if self.weight.ndim == 1 else ("C",))

    def forward(self, x: ArrayLike) -> Tensor:
        """(B, C, ...) to the same shape."""
        x = as_tensor("x", x)
        if x.ndim < 2 or x.shape[1] != self.weight.shape[0]:
            raise ValueError(f"x has shape {x.shape}; expected (B, {self.weight.shape[0]}, ...)")
        shape = (1, -1, *(1 for _ in x.shape[2:]))
        out: Tensor = x * self.weight.reshape(*shape) + self.bias.reshape(*shape)
        return out

    def extra_repr(self) -> str:
        """Channels."""
        return str(self.weight.shape[0])


def affine_of(norm: Any) -> tuple[np.ndarray, np.ndarray]:
    """A batch norm's running statistics as (scale, shift) of each channel, float64."""
    mean, var = (t.numpy().astype(np.float64) for t in (norm.running_mean, norm.running_var))
    scale = 1.0 / np.sqrt(var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight.numpy().astype(np.float64)
    shift = -mean * scale
    if norm.bias is not None:
        shift = shift + norm.bias.numpy().astype(np.float64)
    return scale, shift


def folds(found: Trace) -> list[tuple[Module, Module]]:
    """(layer, batch norm) pairs: the norm takes what the layer gives, nothing else does, and both are called once."""
    pairs = []
    for step in found.steps:
        if step.name != "batch_norm" or not kind(step.module, NORMS) or len(found.calls_of(step.module)) != 1:
            continue
        source = step.inputs[0]
        if not isinstance(source, Step) or source.users != [step] or not kind(source.module, WEIGHTED):
            continue
        channels_last = isinstance(source.module, Linear) and len(source.shape) != 2
        if not channels_last and len(found.calls_of(source.module)) == 1:
            pairs.append((source.module, step.module))
    return pairs


def fold(layer: Any, norm: Any) -> None:
    """Gives the layer new weights and a bias, so that it computes what the norm did after it."""
    scale, shift = affine_of(norm)
    weight = layer.weight.numpy().astype(np.float64)
    bias = 0.0 if layer.bias is None else layer.bias.numpy().astype(np.float64)
    trains = layer.weight.requires_grad
    layer.weight = Parameter((weight * scale.reshape(-1, *(1,) * (weight.ndim - 1))).astype(np.float32), trains)
    layer.bias = Parameter((bias * scale + shift).astype(np.float32), trains)


def replace(root: Module, old: Module, new: Module) -> Module:
    """Puts a module in another's place, wherever it is; the root, which may be the new one."""
    for parent in list(root.modules()):  # of before: the new one may hold the old one
        for name, part in parent._modules.items():
            if part is old:
                parent._modules[name] = new
    return new if root is old else root
