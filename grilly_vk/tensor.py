"""Tensor: a numpy-shaped array in device memory."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from . import families
from .errors import DeviceError, shown
from .grad_mode import grad_enabled
from .runtime import engine
from .runtime.engine import Engine, Window
from .runtime.memory import Buffer, Part
from .runtime.plain import COPY, FILL
from .runtime.recording import captures, changed, changed_gradient, used, used_gradient
from .values import axis_index, flag, numbers_of, unmasked

FLOAT32, INT32, UINT32, BOOL = map(np.dtype, (np.float32, np.int32, np.uint32, np.bool_))
_DTYPES = {FLOAT32: FLOAT32, INT32: INT32, UINT32: UINT32, BOOL: BOOL}
_FLOAT, _WORD = struct.Struct("<f"), struct.Struct("<I")
_SMALL = 1 << 16  # bytes; copying less than this is cheaper than keeping a window open


def dtype_of(dtype: Any) -> np.dtype:
    """One of the four element types, as the one object that stands for it.

    Raises:
        TypeError: another type.
    """
    try:
        found = None if dtype is None else np.dtype(dtype)  # None is float64 to numpy
    except Exception:  # whatever numpy makes of a foreign object
        found = None
    if found not in _DTYPES:
        got = shown(dtype) if found is None or found.kind == "O" else str(found)
        raise TypeError(f"dtype must be float32, int32, uint32 or bool, not {got}")
    return _DTYPES[found]


class Size(int):
    """A number of elements that can be called for the shape, or for the size of one axis."""

    shape: tuple[int, ...]

    def __call__(self, dim: int | None = None) -> Any:
        if dim is None:
            return self.shape
        return self.shape[axis_index("dim", dim, len(self.shape))]


if TYPE_CHECKING:
    from .tensor_types import Declared
else:
    Declared = object


class Tensor(Declared):
    """A contiguous array of float32, int32, uint32 or bool in device memory, with an optional gradient.

    Made by `grilly_vk.tensor`, `zeros`, `rand` and their kin, and by operations.  Operations are issued at once
    and run when values are asked for (`numpy`, `np.asarray`, `item`).  Booleans take four bytes on the device.

    Attributes:
        shape, dtype: as in numpy.
        requires_grad: whether operations on it are recorded for `backward`.
        is_spikes: whether most elements are expected to be 0, as spiking nodes and encoders say of their results; a
            hint that chooses faster products (see `nn.Linear`), never what comes out.  Kept by reshape, slices along
            the first axis and stack; other results start without it.
    """

    __slots__ = (
        "__weakref__", "_grad", "buffer", "count", "dtype", "engine", "hooks", "is_spikes", "node", "requires_grad",
        "shape",
    )  # fmt: skip
    __array_priority__ = 1000  # numpy's operators leave mixed expressions to us
    _unexplained = ("__init__", "accumulate")  # of `calling`: each operation makes one, and backward adds gradients
    __hash__ = object.__hash__

    def __init__(
        self,
        buffer: Any = None,
        shape: Any = None,
        dtype: Any = None,
        engine: Any = None,
        *more: Any,
        requires_grad: bool = False,
    ) -> None:
        """`buffer` with what it holds; or data alone, of which it makes float32, as PyTorch's ``Tensor(data)``."""
        if engine is None or more:
            self._of(buffer, shape, dtype, requires_grad)
            return
        self.buffer: Buffer | Part = buffer
        self.shape = shape
        self.count = math.prod(shape)  # number of elements; `size` is for users
        self.dtype = dtype if dtype is FLOAT32 else dtype_of(dtype)
        self.engine: Engine = engine
        self.requires_grad = requires_grad
        self.is_spikes = False
        self._grad: Tensor | None = None
        self.node: Any = None  # (autograd.Node, which of its outputs this is)
        self.hooks: list[Callable[[Tensor], Tensor | None]] | None = None  # of a leaf; a result's are its node's
        if engine.guards is not None and (4 * self.count > buffer.nbytes or min((0, *shape)) < 0):
            raise RuntimeError(
                f"GRILLY_VK_DEBUG: a tensor of shape {shape} does not lie in the {buffer.nbytes} bytes of its memory"
            )

    @property
    def size(self) -> Size:
        """Number of elements; called, as in PyTorch, the shape: ``x.size()``, or an axis' size: ``x.size(0)``."""
        size = Size(self.count)
        size.shape = self.shape
        return size

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def version(self) -> int:
        """Counts in-place changes of the memory, through whichever tensor; kernels that write in place add one."""
        return self.buffer.version[0]

    @version.setter
    def version(self, number: int) -> None:
        self.buffer.version[0] = number
        if captures:
            changed(self)

    @property
    def nbytes(self) -> int:
        """Bytes of all elements on the device: four each."""
        return 4 * self.count

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
        if self.count != 1:
            raise ValueError(f"item() needs one element; this tensor has shape {self.shape}")
        value: float | int | bool = self.numpy().reshape(-1)[0].item()
        return value

    def tolist(self) -> Any:
        """Nested lists of Python numbers."""
        return self.numpy().tolist()

    def copy(self) -> Tensor:
        """A tensor of its own with the same contents, copied on the device, off the tape (see `clone`)."""
        out = Tensor(self.engine.alloc(self.nbytes), self.shape, self.dtype, self.engine)
        COPY(self.engine, src=self, dst=out, n=self.count)
        return out

    def __copy__(self) -> Tensor:
        with self.engine.lock, self.engine.outside_capture():
            return self.copy()

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(
            "a Tensor lives on its device and can't be pickled, and neither can what holds one; pickle numpy() of it, "
            "or save the state_dict() of a module or optimizer with grilly_vk.save, to load it into one made by code"
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a tensor can't be seen by numpy without a copy; use share()")
        values = self.numpy()
        return values if dtype is None else values.astype(dtype)

    def __dlpack__(self, **options: Any) -> Any:
        """A DLPack capsule on the memory itself, where the host sees it.

        Raises:
            BufferError: device-local memory, or a bool tensor (four bytes per element here).
        """
        if not self.engine.host_visible or self.dtype == np.bool_:
            raise BufferError("DLPack needs host-visible memory and a 4-byte dtype; use numpy()")
        window = self.engine.share(self.buffer, self.shape, self.dtype) if self.count else self.numpy()
        return window.__dlpack__(**{k: v for k, v in options.items() if k == "stream" and v is not None})

    def __dlpack_device__(self) -> tuple[int, int]:
        return (1, 0)  # kDLCPU: the host's address space

    def __bool__(self) -> bool:
        if self.count != 1:
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
        try:
            text = np.array2string(self.numpy(), separator=", ", prefix="Tensor(", threshold=1000)
        except DeviceError as error:  # a debugger prints, and must not fail because the device is lost
            text = f"shape {self.shape}, values not readable: {error}"
        return f"Tensor({text}{tail})"

    # ---- memory ----

    def _alias(self, shape: tuple[int, ...] | None = None) -> Tensor:
        """The same memory, off the tape; its size is checked in the debug mode alone, so users have `view`."""
        if captures:
            used(self)
        out = Tensor(self.buffer, self.shape if shape is None else shape, self.dtype, self.engine)
        out.is_spikes = self.is_spikes
        return out

    def as_spikes(self, on: bool = True) -> Tensor:
        """Sets `is_spikes` and returns the tensor itself: for spikes that you made yourself."""
        self.is_spikes = on if on is True or on is False else flag("on", on)
        return self

    def detach(self) -> Tensor:
        """The same memory as a tensor that is not on the tape."""
        return self._alias()

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """A leaf with the same values in memory of its own, without gradient.

        Tensors of one copy that lay on the same memory do so again: tied weights stay tied.
        """
        if self.node is not None:
            raise RuntimeError("only leaves can be deep-copied; detach() or clone() a result")
        place: Any = (Tensor, id(self.buffer.block), self.buffer.offset, self.nbytes)
        found = memo.get(place)
        if found is None:
            out = self.__copy__()
            memo[place] = out.buffer, self.buffer  # holds on to the place, too
        else:
            out = Tensor(found[0], self.shape, self.dtype, self.engine)
        memo[id(self)] = out
        out.requires_grad = self.requires_grad
        return out

    def _rows(self, start: int, stop: int) -> Tensor:
        """Entries start..stop of the first axis, sharing the memory, off the tape."""
        if start == 0 and stop == self.shape[0]:
            return self
        row = 4 * math.prod(self.shape[1:])
        part = Part(self.buffer, start * row, (stop - start) * row)
        out = Tensor(part, (stop - start, *self.shape[1:]), self.dtype, self.engine)
        out.is_spikes = self.is_spikes
        return out

    def assign(self, values: Any) -> None:
        """Replaces the contents in place by host values or a tensor of the same shape and dtype.

        Raises:
            ValueError: another shape. TypeError: another dtype.
            RuntimeError: a recorded result; backward would need its old value.
        """
        self.changing()
        if isinstance(values, Tensor):
            if values.shape != self.shape:
                raise ValueError(f"values have shape {values.shape}; expected {self.shape}")
            if values.dtype is not self.dtype:
                raise TypeError(f"values are {values.dtype}; expected {self.dtype}")
            if overlap(values, self):
                if values.buffer.offset == self.buffer.offset:
                    return
                values = values.copy()
            COPY(self.engine, src=values, dst=self, n=self.count)
        else:
            array = _of_dtype(values, self.dtype)
            if array.shape != self.shape:
                raise ValueError(f"values have shape {array.shape}; expected {self.shape}")
            self.engine.write([(self.buffer, array.astype(np.uint32) if array.dtype == np.bool_ else array)])
        self.version += 1

    def changing(self) -> None:
        """Raises if an in-place change now would break a recorded graph."""
        if self.node is not None or (self.requires_grad and grad_enabled()):
            raise RuntimeError(
                "a tensor on the tape can't be changed in place; do it inside no_grad() (leaves only), or on a clone()"
            )

    # ---- gradients ----

    def requires_grad_(self, on: bool = True) -> Tensor:
        """Sets requires_grad on a leaf and returns it."""
        if self.node is not None:
            raise RuntimeError("requires_grad of a result can't be set; detach() it first")
        if on is not True and on is not False:
            on = flag("on", on)
        if on and self.dtype != np.float32:
            raise TypeError(f"only float32 tensors have gradients, not {self.dtype}")
        if captures:
            used(self)
        self.requires_grad = bool(on)
        return self

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward accumulated, or None."""
        if captures:
            used_gradient(self)
        return self._grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None and not isinstance(value, Tensor):
            raise families.wrong("grad", value, "a Tensor or None")
        if captures:
            changed_gradient(self, value)
        self._grad = value

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> Callable[[], None]:
        """Calls `hook(gradient)` once this tensor's whole gradient is known; a tensor it returns replaces the gradient.

        Returns:
            A function that removes the hook.

        Raises:
            RuntimeError: a tensor without requires_grad. TypeError: a hook that can't be called.
        """
        if not self.requires_grad:
            raise RuntimeError("a tensor without requires_grad gets no gradient, so it can't have a hook")
        if not callable(hook):
            raise TypeError(f"hook must be callable, not {type(hook).__name__} ({shown(hook)})")
        if self.node is not None:
            hooks = self.node[0].hooks_of(self.node[1])
        else:
            hooks = self.hooks = self.hooks or []
        hooks.append(hook)

        def remove() -> None:
            if hook in hooks:
                hooks.remove(hook)

        return remove


def _of_dtype(values: Any, dtype: np.dtype) -> np.ndarray:
    """Host values as a contiguous array of a dtype that can hold them."""
    given = numbers_of("values", values)
    try:
        if dtype.kind in "iu" and given.dtype.kind in "iuf" and given.dtype is not dtype and given.size:
            limits, low, high = np.iinfo(dtype), float(given.min()), float(given.max())
            if not (limits.min - 1 < low and high < limits.max + 1):
                raise OverflowError
        with np.errstate(over="ignore"):  # beyond float32 is infinity, as in numpy
            return np.asarray(given, dtype, order="C")
    except OverflowError:
        raise ValueError(f"values hold numbers that don't fit {dtype}") from None


def overlap(a: Tensor, b: Tensor) -> bool:
    """Whether two tensors share memory."""
    p, q = a.buffer, b.buffer
    return p.block is q.block and p.offset < q.offset + b.nbytes and q.offset < p.offset + a.nbytes


def owned(given: list[Tensor]) -> Tensor:
    """The one tensor in a list, taken out of it, as one whose memory nobody else holds: a copy if somebody does."""
    alone = sys.getrefcount(given[0]) <= _ALONE and sys.getrefcount(given[0].buffer) <= _ALONE
    tensor = given.pop()._alias()
    return tensor if alone else tensor.copy()


class _Alone:
    __slots__ = ("buffer",)

    def __init__(self) -> None:
        self.buffer = object()


_alone = _Alone()
_ALONE = sys.getrefcount(_alone.buffer)  # what the interpreter counts for an object that one other holds


def from_numpy(array: np.ndarray, *, borrow: bool = False, on: Engine | None = None) -> Tensor:
    """A tensor with a copy of a float32, int32, uint32 or bool array.

    With `borrow`, an array that is a device result itself (from `Tensor.share`) is used in place, without any
    copy; only for calls that finish before they return.  It lies on the engine in use, or `on` another.

    Raises:
        TypeError: an array of another dtype; `grilly_vk.tensor` converts.
    """
    current = on or engine()
    if borrow:
        window = array.base
        if (
            isinstance(window, Window)
            and window.buffer.nbytes == array.nbytes
            and array.__array_interface__["data"][0] == window.__array_interface__["data"][0]
            and any(window.buffer.segment is s for s in current.memory.segments)
        ):
            return Tensor(window.buffer, array.shape, array.dtype, current)
    if type(array) is not np.ndarray:
        unmasked("array", array)
    dtype = dtype_of(array.dtype)
    words = array.astype(np.uint32) if dtype is BOOL else array
    return Tensor(current.upload(words), array.shape, dtype, current)


def empty(shape: tuple[int, ...], dtype: Any = FLOAT32, on: Engine | None = None) -> Tensor:
    """An uninitialised tensor, on the engine in use or another."""
    current = on or engine()
    return Tensor(current.alloc(4 * math.prod(shape)), tuple(shape), dtype, current)


def full(shape: tuple[int, ...], value: float, dtype: Any = FLOAT32, on: Engine | None = None) -> Tensor:
    """A tensor filled on the device."""
    out = empty(shape, dtype, on)
    if out.dtype is FLOAT32 and type(value) is float and -3e38 < value < 3e38:
        (bits,) = _WORD.unpack(_FLOAT.pack(value))  # as below, in a fifth of the time
    elif out.dtype is BOOL:
        bits = int(bool(value))
    else:
        with np.errstate(over="ignore"):  # beyond float32 is infinity
            bits = int(np.array(value, out.dtype).view(np.uint32))
    FILL(out.engine, dst=out, n=out.count, bits=bits)
    return out
