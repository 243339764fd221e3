"""Tensor: a numpy-shaped array in device memory."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from .runtime import engine
from .runtime.engine import Engine, Window
from .runtime.memory import Buffer, Part

_SMALL = 1 << 16  # bytes; copying less than this is cheaper than keeping a window open


class Tensor:
    """A contiguous array of float32, int32, uint32 or bool in device memory, with an optional gradient.

    Made by `grilly_vk.tensor`, `zeros`, `rand` and their kin, and by operations.  Operations are issued at once
    and run when values are asked for (`numpy`, `np.asarray`, `item`).  Booleans take four bytes on the device.

    Attributes:
        shape, dtype: as in numpy.
        requires_grad: whether operations on it are recorded for `backward`.
        grad: the gradient that backward accumulated, or None.
    """

    __slots__ = (
        "__weakref__", "buffer", "dtype", "engine", "grad", "hooks", "node", "requires_grad", "shape", "version"
    )  # fmt: skip
    __array_priority__ = 1000  # numpy's operators leave mixed expressions to us
    __hash__ = object.__hash__

    def __init__(
        self,
        buffer: Buffer | Part,
        shape: tuple[int, ...],
        dtype: Any,
        engine: Engine,
        *,
        requires_grad: bool = False,
    ) -> None:
        self.buffer = buffer
        self.shape = shape
        self.dtype = np.dtype(dtype)
        self.engine = engine
        self.requires_grad = requires_grad
        self.grad: Tensor | None = None
        self.node: Any = None  # (autograd.Node, which of its outputs this is)
        self.hooks: list[Callable[[Tensor], Tensor | None]] | None = None
        self.version = 0  # counts in-place changes

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
        """Bytes of all elements on the device: four each."""
        return 4 * self.size

    @property
    def is_leaf(self) -> bool:
        """Whether no recorded operation made it."""
        return self.node is None

    # ---- values ----

    def numpy(self) -> np.ndarray:
        """A copy on the host, once all issued work is done."""
        if self.dtype == np.bool_:
            return self.engine.read(self.buffer, np.empty(self.shape, np.uint32)).astype(np.bool_)
        return self.engine.read(self.buffer, np.empty(self.shape, self.dtype))

    def share(self) -> np.ndarray:
        """The values as a numpy array without a copy where the host sees the memory.

        For results that nobody else holds: later device writes would show through.
        """
        if self.nbytes < _SMALL or isinstance(self.buffer, Part) or self.dtype == np.bool_:
            return self.numpy()
        return self.engine.share(self.buffer, self.shape, self.dtype)

    def item(self) -> float | int | bool:
        """The value of a one-element tensor."""
        if self.size != 1:
            raise ValueError(f"item() needs one element; this tensor has shape {self.shape}")
        value: float | int | bool = self.numpy().reshape(-1)[0].item()
        return value

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self.numpy().tolist()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a tensor can't be seen by numpy without a copy; use share()")
        values = self.numpy()
        return values if dtype is None else values.astype(dtype)

    def __dlpack__(self, **options: Any) -> Any:
        """A DLPack capsule on the memory itself, where the host sees it.

        Raises:
            BufferError: device-local memory, or a bool tensor (four bytes an element here).
        """
        if not self.engine.host_visible or self.dtype == np.bool_:
            raise BufferError("DLPack needs host-visible memory and a 4-byte dtype; use numpy()")
        window = self.engine.share(self.buffer, self.shape, self.dtype) if self.size else self.numpy()
        return window.__dlpack__(**{k: v for k, v in options.items() if k == "stream" and v is not None})

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # kDLCPU: the host's address space

    def __bool__(self) -> bool:
        if self.size != 1:
            raise ValueError(f"the truth of a tensor of shape {self.shape} is ambiguous; use any() or all()")
        return bool(self.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a 0-d tensor has no len()")
        return self.shape[0]

    def __repr__(self) -> str:
        tail = f", dtype={self.dtype}" if self.dtype != np.float32 else ""
        if self.node is not None:
            tail += f", made by {self.node[0].name}"
        elif self.requires_grad:
            tail += ", requires_grad=True"
        text = np.array2string(self.numpy(), separator=", ", prefix="Tensor(", threshold=1000)
        return f"Tensor({text}{tail})"

    # ---- memory ----

    def view(self, shape: tuple[int, ...] | None = None) -> Tensor:
        """The same memory, off the tape; for internal use (see `reshape`)."""
        return Tensor(self.buffer, self.shape if shape is None else shape, self.dtype, self.engine)

    def detach(self) -> Tensor:
        """The same memory as a tensor that is not on the tape."""
        out = self.view()
        out.version = self.version
        return out

    def rows(self, start: int, stop: int) -> Tensor:
        """Entries start..stop of the first axis, sharing the memory, off the tape."""
        if start == 0 and stop == self.shape[0]:
            return self
        row = 4 * math.prod(self.shape[1:])
        part = Part(self.buffer, start * row, (stop - start) * row)
        return Tensor(part, (stop - start, *self.shape[1:]), self.dtype, self.engine)

    def assign(self, values: Any) -> None:
        """Replaces the contents in place by host values or a tensor of the same shape.

        Raises:
            ValueError: another shape.
            RuntimeError: a recorded result; backward would need its old value.
        """
        self.changing()
        if isinstance(values, Tensor):
            if values.shape != self.shape or values.dtype != self.dtype:
                raise ValueError(
                    f"values have shape {values.shape} and dtype {values.dtype}; expected {self.shape}, {self.dtype}"
                )
            self.engine.launch("copy", self.size, src=values, dst=self, n=self.size)
        else:
            array = np.asarray(values, self.dtype, order="C")
            if array.shape != self.shape:
                raise ValueError(f"values have shape {array.shape}; expected {self.shape}")
            self.engine.write(self.buffer, array.astype(np.uint32) if array.dtype == np.bool_ else array)
        self.version += 1

    def changing(self) -> None:
        """Raises if an in-place change now would break a recorded graph."""
        from .autograd import grad_enabled

        if self.node is not None or (self.requires_grad and grad_enabled()):
            raise RuntimeError(
                "a tensor on the tape can't be changed in place; do it inside no_grad() (leaves only), or on a clone()"
            )

    # ---- gradients ----

    def requires_grad_(self, on: bool = True) -> Tensor:
        """Sets requires_grad on a leaf and returns it."""
        if self.node is not None:
            raise RuntimeError("requires_grad of a result can't be set; detach() it first")
        if on and self.dtype != np.float32:
            raise TypeError(f"only float32 tensors have gradients, not {self.dtype}")
        self.requires_grad = bool(on)
        return self

    def backward(self, gradient: Tensor | None = None, *, retain_graph: bool = False) -> None:
        """Adds the gradient of this tensor to `.grad` of every leaf that it was computed from.

        Args:
            gradient: of the same shape; not needed for a scalar.
            retain_graph: keep what is recorded, to go back again.

        Raises:
            RuntimeError: nothing is recorded, the graph was freed, or an input was changed in place since.
            ValueError: a gradient of another shape.
        """
        from .autograd import backward, start_gradient

        backward([self], [start_gradient(self, gradient)], retain_graph=retain_graph)

    def accumulate(self, gradient: Tensor) -> None:
        """Adds to `.grad`; called by backward on leaves."""
        if self.grad is None:
            # Rules hand gradients on without copying; one that somebody else holds too must not be shared.
            alone = sys.getrefcount(gradient.buffer) <= 2
            self.grad = gradient.detach() if alone else gradient.detach().clone()
        else:
            from .ops.elementwise import add

            self.grad = add(self.grad, gradient)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Calls `hook(gradient)` when this tensor's gradient arrives; a tensor it returns replaces the gradient.

        Returns:
            A function that removes the hook.
        """
        if not self.requires_grad:
            raise RuntimeError("a tensor without requires_grad gets no gradient, so it can't have a hook")
        hooks = self.hooks = self.hooks or []
        hooks.append(hook)
        return lambda: hooks.remove(hook)


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
    words = array.astype(np.uint32) if array.dtype == np.bool_ else array
    return Tensor(current.upload(words), array.shape, array.dtype, current)


def empty(shape: tuple[int, ...], dtype: Any = np.float32) -> Tensor:
    """An uninitialised tensor."""
    current = engine()
    return Tensor(current.alloc(4 * math.prod(shape)), tuple(shape), dtype, current)


def full(shape: tuple[int, ...], value: float, dtype: Any = np.float32) -> Tensor:
    """A tensor filled on the device."""
    out = empty(shape, dtype)
    bits = int(value) & 1 if out.dtype == np.bool_ else int(np.array(value, out.dtype).view(np.uint32))
    out.engine.launch("fill", out.size, dst=out, n=out.size, bits=bits)
    return out
