"""Tensor: a numpy-shaped array in device memory."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .runtime import engine
from .runtime.engine import Engine, Window
from .runtime.memory import Buffer, Part

_SMALL = 1 << 16  # bytes; copying less than this is cheaper than keeping a window open


class Tensor:
    """A contiguous array of float32, int32 or uint32 in device memory.

    Args:
        buffer: the memory.
        shape: numpy shape.
        dtype: numpy dtype of 4 bytes.
        engine: the device's engine.

    Operations are issued at once and run when values are asked for (`numpy`, `np.asarray`, `item`).
    """

    __slots__ = ("buffer", "dtype", "engine", "shape")

    def __init__(self, buffer: Buffer | Part, shape: tuple[int, ...], dtype: Any, engine: Engine) -> None:
        self.buffer = buffer
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.engine = engine

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return 4 * self.size

    def numpy(self) -> np.ndarray:
        """A copy on the host, once all issued work is done."""
        return self.engine.read(self.buffer, np.empty(self.shape, self.dtype))

    def share(self) -> np.ndarray:
        """The values as a numpy array without a copy where the host sees the memory.

        For results that nobody else holds: later device writes would show through.
        """
        if self.nbytes < _SMALL or isinstance(self.buffer, Part):
            return self.numpy()
        return self.engine.share(self.buffer, self.shape, self.dtype)

    def item(self) -> float | int:
        """The value of a one-element tensor."""
        if self.size != 1:
            raise ValueError(f"item() needs one element; this tensor has shape {self.shape}")
        value: float | int = self.numpy().reshape(-1)[0].item()
        return value

    def reshape(self, *shape: int | tuple[int, ...]) -> Tensor:
        """The same memory under another shape; one axis may be -1."""
        wanted: Any = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple) else shape
        dims = [int(d) for d in wanted]
        if dims.count(-1) == 1:
            rest = math.prod(d for d in dims if d != -1)
            dims[dims.index(-1)] = self.size // rest if rest else 0
        if math.prod(dims) != self.size or min(dims, default=0) < 0:
            raise ValueError(f"can't reshape {self.shape} to {tuple(wanted)}")
        return Tensor(self.buffer, tuple(dims), self.dtype, self.engine)

    def rows(self, start: int, stop: int) -> Tensor:
        """Entries start..stop of the first axis, sharing the memory."""
        if start == 0 and stop == self.shape[0]:
            return self
        row = 4 * math.prod(self.shape[1:])
        part = Part(self.buffer, start * row, (stop - start) * row)
        return Tensor(part, (stop - start, *self.shape[1:]), self.dtype, self.engine)

    def assign(self, values: np.ndarray) -> None:
        """Replaces the contents by host values of the same shape."""
        array = np.asarray(values, self.dtype, order="C")
        if array.shape != self.shape:
            raise ValueError(f"values have shape {array.shape}; expected {self.shape}")
        self.engine.write(self.buffer, array)

    def copy(self) -> Tensor:
        """A tensor of its own with the same contents, copied on the device."""
        out = Tensor(self.engine.alloc(self.nbytes), self.shape, self.dtype, self.engine)
        self.engine.launch("copy", self.size, src=self, dst=out, n=self.size)
        return out

    def __copy__(self) -> Tensor:
        with self.engine.lock, self.engine.outside_capture():
            return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self.__copy__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("a Tensor lives on its device and can't be pickled; pickle numpy() of it")

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a 0-d tensor has no len()")
        return self.shape[0]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a tensor can't be seen by numpy without a copy; use share()")
        values = self.numpy()
        return values if dtype is None else values.astype(dtype)

    def __repr__(self) -> str:
        return f"Tensor({np.array2string(self.numpy(), separator=', ', prefix='Tensor(')}, dtype={self.dtype})"


def from_numpy(array: np.ndarray, *, borrow: bool = False) -> Tensor:
    """A tensor with a copy of a contiguous 4-byte array.

    With `borrow`, an array that is a device result itself (from `Tensor.share`) is used in place, without any
    copy; only for calls that finish before they return.
    """
    current = engine()
    if borrow:
        window = array.base
        if (
            isinstance(window, Window)
            and window.buffer.nbytes == array.nbytes
            and array.__array_interface__["data"][0] == window.__array_interface__["data"][0]
            and any(window.buffer.segment is s for s in current.memory.segments)
        ):
            return Tensor(window.buffer, array.shape, array.dtype, current)
    return Tensor(current.upload(array), array.shape, array.dtype, current)


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> Tensor:
    """An uninitialised tensor."""
    current = engine()
    return Tensor(current.alloc(4 * math.prod(shape)), tuple(shape), dtype, current)


def full(shape: tuple[int, ...], value: float, dtype: Any = np.float32) -> Tensor:
    """A tensor filled on the device."""
    out = empty(shape, dtype)
    bits = int(np.array(value, out.dtype).view(np.uint32))
    out.engine.launch("fill", out.size, dst=out, n=out.size, bits=bits)
    return out
