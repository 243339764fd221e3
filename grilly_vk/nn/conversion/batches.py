"""Calibration and test data in the forms that users have it in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from ... import arguments
from ...tensor import Tensor

Batch = Any  # Tensor or numpy array, (B, ...)


def _array(name: str, value: Any) -> Batch:
    """A Tensor, or an array of real numbers."""
    return value if isinstance(value, Tensor) else arguments.numbers_of(name, value)


def _cut(values: tuple[Batch, ...], size: int) -> Iterator[tuple[Batch, ...]]:
    for start in range(0, len(values[0]), size):
        yield tuple(v[start : start + size] for v in values)


def _whole(value: Any) -> bool:
    return isinstance(value, (Tensor, np.ndarray)) or hasattr(value, "__array__")  # of another library


def _pair(name: str, x: Any, y: Any) -> tuple[Batch, Batch]:
    x, y = _array(name, x), _array(f"{name}: the labels", y)
    if x.ndim < 1 or y.shape != x.shape[:1]:
        raise ValueError(
            f"{name}: the labels have shape {tuple(y.shape)}; expected ({len(x) if x.ndim else 1},), one per sample"
        )
    return x, y


def inputs(name: str, data: Any, sample_shape: tuple[int, ...] | None, size: int = 100) -> Iterator[Batch]:
    """Batches (B, ...) of inputs, none empty.

    Args:
        name: of the argument, for errors.
        data: a Tensor or array (N, ...), a tuple (inputs, labels), or an iterable, such as a list or a DataLoader, of
            batches or of (inputs, labels) pairs.
        sample_shape: how many axes a sample must have, and what to show of it; None: that of the first batch.
        size: samples per batch where the data has none.

    Raises:
        TypeError: something else. ValueError: nothing in it, or shapes that differ.
    """
    if _whole(data) or (isinstance(data, tuple) and len(data) == 2 and all(map(_whole, data))):
        x = _array(name, data[0] if isinstance(data, tuple) else data)
        found: Iterable[Any] = (part for (part,) in _cut((x,), size)) if x.ndim else [x]
    elif isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable):
        raise TypeError(
            f"{name} must be an array or Tensor (N, ...), a tuple (inputs, labels), or batches of these in a list or "
            f"loader, not {type(data).__name__}"
        )
    else:
        found = data
    count = 0
    for item in found:
        x = _array(
            name, item[0] if isinstance(item, (tuple, list)) and len(item) == 2 and not np.isscalar(item[0]) else item
        )
        shape = tuple(x.shape)
        wanted = shape[1:] if sample_shape is None else sample_shape
        if len(shape) != len(wanted) + 1 or shape[1:] != wanted or not wanted:
            raise ValueError(
                f"{name} has a batch of shape {shape}; expected (B, {', '.join(map(str, wanted)) or '...'})"
            )
        if not shape[0]:
            continue
        sample_shape = wanted
        count += shape[0]
        yield x
    if not count:
        raise ValueError(f"{name} is empty; it takes at least one sample")


def labelled(name: str, data: Any, size: int) -> Iterator[tuple[Batch, np.ndarray]]:
    """(inputs, labels) batches, from a tuple of two arrays or an iterable of such pairs.

    Raises:
        TypeError: something else. ValueError: nothing in it, or labels that don't fit the inputs.
    """
    if isinstance(data, tuple) and len(data) == 2 and all(map(_whole, data)):
        found: Iterable[Any] = _cut(_pair(name, *data), size)
    elif _whole(data) or isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable):
        raise TypeError(f"{name} must be a tuple (inputs, labels) or batches of such, not {type(data).__name__}")
    else:
        found = data
    count = 0
    for item in found:
        if not isinstance(item, (tuple, list)) or len(item) != 2:
            raise TypeError(f"{name} must hold (inputs, labels) pairs, not {type(item).__name__}")
        x, y = _pair(name, *item)
        if len(x):
            count += len(x)
            yield x, np.asarray(y)
    if not count:
        raise ValueError(f"{name} is empty; it takes at least one sample")
