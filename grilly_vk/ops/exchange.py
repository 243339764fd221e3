"""Assigning several tensors: all or none, also where memory runs out or Ctrl-C comes in the middle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..runtime.engine import Engine
from ..tensor import BOOL, FLOAT32, Tensor, unmasked
from .layout import width_of

Pairs = list[tuple[Tensor, "Tensor | int"]]  # (target, a tensor of its shape and dtype, or the bits of one value)


def assign_all(changes: Iterable[tuple[Tensor, Any]]) -> None:
    """`Tensor.assign` for several tensors.  After an error none has changed.

    Args:
        changes: (tensor, values): host values, a Tensor of the same shape and dtype, or one Python number for all
            elements.  Values are those from before, also where they share memory with another of the tensors.

    Raises:
        ValueError, TypeError, RuntimeError: as `Tensor.assign`. OutOfDeviceMemory: no room for host values.
    """
    issue(prepared(changes))


def prepared(changes: Iterable[tuple[Tensor, Any]]) -> Pairs:
    """Everything that can fail before `issue`: checks, and values on the device."""
    given = list(changes)
    targets = {_root(tensor) for tensor, _ in given}
    pairs: Pairs = []
    for tensor, value in given:
        tensor.changing()
        if isinstance(value, (int, float)):
            pairs.append((tensor, _bits(value, tensor.dtype)))
            continue
        if isinstance(value, Tensor):
            if value.shape != tensor.shape:
                raise ValueError(f"values have shape {value.shape}; expected {tensor.shape}")
            if value.dtype is not tensor.dtype:
                raise TypeError(f"values are {value.dtype}; expected {tensor.dtype}")
            if value.engine is not tensor.engine:
                raise ValueError("values lie on another device; see set_device()")
            if _place(value) == _place(tensor):
                continue
            pairs.append((tensor, value.copy() if _root(value) in targets else value))
            continue
        array = np.asarray(unmasked("values", value), tensor.dtype, order="C")
        if array.shape != tensor.shape:
            raise ValueError(f"values have shape {array.shape}; expected {tensor.shape}")
        if tensor.engine.stream.capture is not None:
            raise RuntimeError("a tensor can't be written by the host while a graph is captured")
        words = array.astype(np.uint32) if tensor.dtype is BOOL else array
        pairs.append((tensor, Tensor(tensor.engine.upload(words), tensor.shape, tensor.dtype, tensor.engine)))
    return pairs


def issue(pairs: Pairs, *, outside_capture: bool = False) -> None:
    """Issues the changes as one: nothing of them runs unless all of them do."""

    def launch() -> None:
        for tensor, value in pairs:
            n = tensor.count
            if isinstance(value, int):
                tensor.engine.launch("fill", n, dst=tensor, n=n, bits=value)
            else:
                wide = width_of(n, value, tensor)
                n //= wide
                tensor.engine.launch("copy.vec4" if wide == 4 else "copy", n, src=value, dst=tensor, n=n)

    def inside(engines: list[Engine]) -> None:
        if not engines:
            return launch()
        engine = engines.pop()
        with engine.lock:
            engine.check()
            if not outside_capture:
                with engine.stream.together():
                    return inside(engines)
            with engine.outside_capture(), engine.stream.together():
                return inside(engines)

    inside(list(dict.fromkeys(tensor.engine for tensor, _ in pairs)))
    for tensor, _ in pairs:
        tensor.version += 1


def _root(tensor: Tensor) -> int:
    """Of all tensors on one memory the same number."""
    return id(tensor.buffer.block)


def _place(tensor: Tensor) -> tuple[int, int]:
    return _root(tensor), tensor.buffer.offset


def _bits(value: float, dtype: np.dtype) -> int:
    if dtype is FLOAT32:
        return int(np.float32(value).view(np.uint32))
    return int(bool(value)) if dtype is BOOL else int(np.array(value, dtype).view(np.uint32))
