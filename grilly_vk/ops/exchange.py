"""Assigning several tensors: all or none, also where memory runs out or Ctrl-C comes in the middle."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ..runtime.engine import Engine
from ..runtime.plain import COPY, FILL
from ..runtime.recording import recording, refuse
from ..tensor import BOOL, FLOAT32, Tensor
from ..values import unmasked

# (target, a tensor of its shape and dtype, or the bits of one value, or words for memory that the host sees)
Pairs = list[tuple[Tensor, "Tensor | int | np.ndarray"]]


def assign_all(changes: Iterable[tuple[Tensor, Any]]) -> None:
    """`Tensor.assign` for several tensors.  After an error none has changed.

    Args:
        changes: (tensor, values): host values, a Tensor of the same shape and dtype, or one Python number for all
            elements.  Values are those from before, also where they share memory with another of the tensors.

    Raises:
        ValueError, TypeError, RuntimeError: as `Tensor.assign`. OutOfDeviceMemory: no room for host values, where
            they go through memory of the device.
    """
    issue(prepared(changes))


def prepared(changes: Iterable[tuple[Tensor, Any]], *, wait: bool = True, outside_capture: bool = False) -> Pairs:
    """Everything that can fail before `issue`: checks, and values on the device.

    Values that all come from the host need no memory where the host sees the tensors, unless `issue` shall not wait
    for the device.
    """
    given = list(changes)
    wait = wait and all(
        tensor.engine.host_visible and not recording(tensor.engine) and not isinstance(value, Tensor)
        for tensor, value in given
    )
    targets = {_root(tensor) for tensor, _ in given}
    pairs: Pairs = []
    for tensor, value in given:
        tensor.changing()
        if isinstance(value, (int, float)) and not wait:
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
        if isinstance(value, (int, float)):
            words: np.ndarray = np.full((1,), _bits(value, tensor.dtype), np.uint32)
        else:
            array = np.asarray(unmasked("values", value), tensor.dtype, order="C")
            if array.shape != tensor.shape:
                raise ValueError(f"values have shape {array.shape}; expected {tensor.shape}")
            if not outside_capture:
                refuse("a tensor can't be written by the host while a graph is captured", tensor.engine)
            words = array.astype(np.uint32) if tensor.dtype is BOOL else array
        pairs.append((tensor, words if wait else _uploaded(tensor, words)))
    return pairs


def _uploaded(tensor: Tensor, words: np.ndarray) -> Tensor:
    return Tensor(tensor.engine.upload(words), tensor.shape, tensor.dtype, tensor.engine)


def issue(pairs: Pairs, *, outside_capture: bool = False) -> None:
    """Makes the changes as one: none of them, or all."""
    engines = list(dict.fromkeys(tensor.engine for tensor, _ in pairs))
    words = [(tensor, value) for tensor, value in pairs if isinstance(value, np.ndarray)]
    if words:
        _by_host(engines, words)
    elif len(pairs) == 1 and not outside_capture:
        _launch(*pairs[0])
    elif pairs:
        _by_device(engines, pairs, outside_capture)
    for tensor, _ in pairs:
        tensor.version += 1


# Neither is a closure: one that calls itself is garbage that keeps its memory until Python looks for cycles.
def _by_device(engines: list[Engine], pairs: Pairs, outside_capture: bool) -> None:
    if not engines:
        for tensor, value in pairs:
            _launch(tensor, value)
        return
    engine = engines.pop()
    with engine.lock:
        engine.check()
        if outside_capture:
            with engine.outside_capture(), engine.stream.together():
                _by_device(engines, pairs, outside_capture)
        else:
            with engine.stream.together():
                _by_device(engines, pairs, outside_capture)


def _by_host(engines: list[Engine], pairs: list[tuple[Tensor, np.ndarray]]) -> None:
    if not engines:
        return _fill_all(pairs)
    engine = engines.pop()
    with engine.lock:
        engine.check()
        engine.stream.finish()
        return _by_host(engines, pairs)


def _launch(tensor: Tensor, value: Any) -> None:
    if isinstance(value, int):
        FILL(dst=tensor, n=tensor.count, bits=value)
    else:
        COPY(src=value, dst=tensor, n=tensor.count)


def _fill_all(pairs: list[tuple[Tensor, np.ndarray]]) -> None:
    """Writes into memory that no device work uses; what a signal handler raises comes through when all is written."""
    ready = [(tensor.buffer.words()[: tensor.count], words.reshape(-1).view(np.uint32)) for tensor, words in pairs]
    raised: list[BaseException] = []
    done = 0
    while done < len(ready):
        try:
            while done < len(ready):
                target, words = ready[done]
                target[:] = words
                done += 1
        except BaseException as error:
            raised.append(error)
            if len(raised) > 100:
                break
    if raised:
        raise raised[0]


def _root(tensor: Tensor) -> int:
    """Of all tensors on one memory the same number."""
    return id(tensor.buffer.block)


def _place(tensor: Tensor) -> tuple[int, int]:
    return _root(tensor), tensor.buffer.offset


def _bits(value: float, dtype: np.dtype) -> int:
    if dtype is FLOAT32:
        return int(np.float32(value).view(np.uint32))
    return int(bool(value)) if dtype is BOOL else int(np.array(value, dtype).view(np.uint32))
