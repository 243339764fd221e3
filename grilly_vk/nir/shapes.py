"""Shapes of what goes through a graph: of one sample, without time and batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import shown
from .neurons import NEURONS, fits

Shape = tuple[int, ...]


def given(value: Any) -> Shape | None:
    """A shape as NIR writes it, in a dictionary of one entry or by itself; None where it is not known."""
    if isinstance(value, dict):
        value = next(iter(value.values()), None)
    if value is None:
        return None
    return tuple(int(n) for n in np.asarray(value).reshape(-1))


def own_input(kind: str, node: Any) -> Shape | None:
    """The shape that a node by itself says it takes."""
    if kind in ("Input", "Output"):
        return given(node.input_type)
    least = {"Affine": 2, "Linear": 2, "Conv1d": 3, "Conv2d": 4}.get(kind, 0)
    if least and node.weight.ndim < least:
        raise ValueError(f"weight has shape {node.weight.shape}; expected {least} axes")
    if kind in ("Affine", "Linear"):
        return (*node.weight.shape[:-2], node.weight.shape[-1])
    if kind in ("Conv1d", "Conv2d"):
        spatial = None if node.input_shape is None else tuple(int(n) for n in np.atleast_1d(node.input_shape))
        return None if spatial is None else (node.weight.shape[1] * int(node.groups), *spatial)
    if kind == "Flatten":
        return given(node.input_type)
    if kind in ("SumPool2d", "AvgPool2d"):
        return None
    return own_shape(kind, node)


def own_shape(kind: str, node: Any) -> Shape:
    """Of the parameters of a node that works on each element.

    Raises:
        ValueError: they don't fit each other.
    """
    fields = NEURONS[kind].fields if kind in NEURONS else (kind.lower(),)
    shapes = [np.shape(getattr(node, field, ())) for field in fields]
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ValueError(f"{', '.join(fields)} have shapes {', '.join(map(str, shapes))}") from None


def pair(value: Any) -> tuple[int, int]:
    """One number for both axes, or (vertical, horizontal)."""
    numbers = [int(n) for n in np.atleast_1d(value)]
    return (numbers[0], numbers[0]) if len(numbers) == 1 else (numbers[0], numbers[1])


def output(kind: str, node: Any, shape: Shape) -> Shape:
    """The shape of a node's output for an input of this one.

    Raises:
        ValueError: it does not take such an input.
    """
    if kind in ("Affine", "Linear"):
        _check(shape == own_input(kind, node), shape, own_input(kind, node))
        return (*shape[:-1], node.weight.shape[-2])
    if kind in ("Conv1d", "Conv2d"):
        return _convolved(1 if kind == "Conv1d" else 2, node, shape)
    if kind in ("SumPool2d", "AvgPool2d"):
        _check(len(shape) == 3, shape, "(C, H, W)")
        numbers = zip(shape[1:], pair(node.kernel_size), pair(node.stride), pair(node.padding))
        return (shape[0], *_positive(shape, [(n + 2 * p - k) // s + 1 for n, k, s, p in numbers]))
    if kind == "Flatten":
        wanted = own_input(kind, node)
        _check(wanted is None or shape == wanted, shape, wanted)
        start, end = (int(d) % len(shape) if shape else 0 for d in (node.start_dim, node.end_dim))
        return (*shape[:start], int(np.prod(shape[start : end + 1])), *shape[end + 1 :])
    if kind == "Input":
        return shape
    if kind == "Output":  # some frameworks write batch axes of 1 in front
        wanted = own_input(kind, node)
        trimmed = None if wanted is None else wanted[max(0, len(wanted) - len(shape)) :]
        _check(wanted is None or (trimmed == shape and np.prod(wanted) == np.prod(shape)), shape, wanted)
        return shape
    _check(fits(own_shape(kind, node), shape), shape, own_shape(kind, node))
    return shape


def _convolved(axes: int, node: Any, shape: Shape) -> Shape:
    wanted = own_input(f"Conv{axes}d", node)
    channels = node.weight.shape[1] * int(node.groups)
    _check(len(shape) == axes + 1 and shape[0] == channels, shape, (channels, *"HW"[2 - axes :]))
    _check(wanted is None or wanted == shape, shape, wanted)
    if isinstance(node.padding, str):
        padding = [0] * axes
    else:
        padding = list(pair(node.padding))[:axes]
    numbers = zip(shape[1:], node.weight.shape[2:], pair(node.stride), padding, pair(node.dilation))
    sizes = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in numbers]
    if node.padding == "same" if isinstance(node.padding, str) else False:
        sizes = list(shape[1:])
    return (node.weight.shape[0], *_positive(shape, sizes))


def _positive(shape: Shape, sizes: list[int]) -> list[int]:
    if min(sizes) < 1:
        raise ValueError(f"its windows don't fit into an input of shape {shape}")
    return sizes


def _check(good: bool, shape: Shape, wanted: Any) -> None:
    if not good:
        raise ValueError(f"its input has shape {shape}, expected {wanted if wanted is not None else shown(wanted)}")
