"""How large an activation can get, by the weights alone: interval arithmetic over the traced operations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..layers.conv import Conv1d, Conv2d
from ..layers.linear import Linear
from ..layers.pool import AvgPool2d, SumPool2d
from .fold import affine_of
from .rules import RECTIFIERS, kind
from .trace import Step, Trace

_Range = tuple[np.ndarray, np.ndarray]  # smallest and largest value of each element of one sample


def bounds(found: Trace, low: float, high: float) -> dict[int, float]:
    """The largest value that each activation's output can take, by id() of its call, for inputs in [low, high].

    Diehl et al., "Fast-classifying, high-accuracy spiking deep networks through weight and threshold balancing", IJCNN
    2015, "model-based normalisation": sums of positive weights.  Here each channel has a range of its own, negative
    weights count with the smallest input, and biases count.

    Raises:
        ValueError: an operation that it can't follow.
    """
    shape = found.shape[1:]
    ranges: dict[int, _Range] = {}
    largest: dict[int, float] = {}
    first = np.broadcast_to(np.float64(low), shape), np.broadcast_to(np.float64(high), shape)
    for step in found.steps:
        given = [ranges[id(s)] if isinstance(s, Step) else first if s == "x" else None for s in step.inputs]
        inputs = [r for r in given if r is not None]
        module: Any = step.module
        if kind(module, RECTIFIERS):
            cap = getattr(module, "max_val", math.inf)
            out = np.clip(inputs[0][0], 0, cap), np.clip(inputs[0][1], 0, cap)
            largest[id(step.call)] = float(out[1].max(initial=0.0))
        else:
            out = _through(step, module, inputs)
        ranges[id(step)] = out
    return largest


def _through(step: Step, module: Any, inputs: list[_Range]) -> _Range:
    """The range of a step's result."""
    low, high = inputs[0]
    shape = step.shape[1:]
    name = step.name
    if name in ("linear", "conv1d", "conv2d") and kind(module, (Linear, Conv1d, Conv2d)):
        return _weighted(module, low, high, shape)
    if name == "batch_norm":
        scale, shift = (v.reshape(-1, *(1,) * (low.ndim - 1)) for v in affine_of(module))
        a, b = low * scale + shift, high * scale + shift
        return np.minimum(a, b), np.maximum(a, b)
    if name in ("add", "sub") and len(inputs) == 2:
        other = inputs[1] if name == "add" else (-inputs[1][1], -inputs[1][0])
        return np.broadcast_to(low + other[0], shape), np.broadcast_to(high + other[1], shape)
    if name == "neg":
        return -high, -low
    if name in ("reshape", "clone") and math.prod(shape) == low.size:
        return low.reshape(shape), high.reshape(shape)
    if name == "cat" and len(inputs) == len(step.inputs) and low.ndim:
        axes = [a for a in range(low.ndim) if sum(r[0].shape[a] for r in inputs) == shape[a]]
        if axes:
            return np.concatenate([r[0] for r in inputs], axes[0]), np.concatenate([r[1] for r in inputs], axes[0])
    factor = _pool_factor(name, module)
    if factor is not None:  # by channel; a window may hold padding, which is 0
        space = (-2, -1)
        low, high = low.min(space, keepdims=True), high.max(space, keepdims=True)
        if name not in ("max_pool2d", "adaptive_avg_pool2d"):
            low, high = np.minimum(low, 0), np.maximum(high, 0)
        return np.broadcast_to(low * factor, shape), np.broadcast_to(high * factor, shape)
    raise ValueError(
        f"the activations can't be bounded by the weights alone: {name} in {step.call} is not followed; give "
        "calibration_data"
    )


def _pool_factor(name: str, module: Any) -> float | None:
    """How many times its largest input a pool can give; None: no pool that is known."""
    area = math.prod(getattr(module, "kernel_size", (1, 1)))
    if name in ("max_pool2d", "adaptive_avg_pool2d"):
        return 1.0
    if name == "avg_pool2d" and kind(module, (AvgPool2d,)):
        return 1.0 if module.divisor_override is None else max(1.0, area / module.divisor_override)
    return float(area) if name == "sum_pool2d" and kind(module, (SumPool2d,)) else None


def _weighted(module: Any, low: np.ndarray, high: np.ndarray, shape: tuple[int, ...]) -> _Range:
    """Through a Linear or a convolution: positive weights with the one end, negative ones with the other."""
    weight = module.weight.numpy().astype(np.float64)
    bias = 0.0 if module.bias is None else module.bias.numpy().astype(np.float64)
    up, down = np.maximum(weight, 0), np.minimum(weight, 0)
    if isinstance(module, Linear):
        return low @ up.T + high @ down.T + bias, high @ up.T + low @ down.T + bias
    space = tuple(range(1, low.ndim))
    low, high = low.min(space), high.max(space)
    if module.padding != "valid" and (module.padding == "same" or any(module.padding)):
        low, high = np.minimum(low, 0), np.maximum(high, 0)
    taps = tuple(range(2, weight.ndim))
    up, down = up.sum(taps), down.sum(taps)  # (out, in / groups)
    groups, each = module.groups, weight.shape[0] // module.groups
    rows = np.arange(weight.shape[0]) // each
    lows, highs = low.reshape(groups, -1)[rows], high.reshape(groups, -1)[rows]
    ends = (up * lows + down * highs).sum(1) + bias, (up * highs + down * lows).sum(1) + bias
    a, b = (np.broadcast_to(e.reshape(-1, *(1,) * (len(shape) - 1)), shape) for e in ends)
    return a, b
