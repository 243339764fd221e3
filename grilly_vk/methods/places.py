"""Devices, types and sizes under PyTorch's names.  There is one device in use, and every tensor is on it."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from .. import arguments
from ..control import check_device
from ..errors import shown
from ..ops.elementwise import cast
from ..runtime.devices import DeviceInfo
from ..tensor import BOOL, FLOAT32, INT32, Tensor, dtype_of
from ..typing import DeviceLike, DTypeLike
from .attach import attach, attached


def _is_dtype(value: Any) -> bool:
    if value in (float, int, bool):
        return True
    return isinstance(value, (np.dtype, type)) and not isinstance(value, DeviceInfo)


def _as(dtype: Any, text: str) -> Any:
    def method(self: Tensor) -> Tensor:
        return cast(self, dtype)

    method.__doc__ = text
    return method


def _absent(dtype: str) -> Any:
    def method(self: Tensor) -> Tensor:
        raise TypeError(f"tensors are float32, int32, uint32 or bool, so there is no {dtype}; float() gives float32")

    method.__doc__ = f"There is no {dtype}: raises TypeError."
    return method


def _set_data(self: Tensor, value: Any) -> None:
    self.detach().assign(value.detach() if isinstance(value, Tensor) else value)


@attached
class DevicesAndTypes(Tensor):
    """Devices, types and sizes."""

    def to(self, *args: Any, device: DeviceLike = None, dtype: DTypeLike = None, non_blocking: bool = False,
            copy: bool = False) -> Tensor:  # fmt: skip
        """The tensor as another dtype, or itself: ``x.to(int32)``, ``x.to("cuda")``, ``x.to(other)``.

        A device that is in use changes nothing, another is an error; `non_blocking` changes nothing.

        Raises:
            ValueError: another device. TypeError: no device or dtype.
        """
        dtypes, devices = [dtype], [device]
        for value in args:
            if isinstance(value, Tensor):
                dtypes.append(value.dtype)
            elif _is_dtype(value):
                dtypes.append(value)
            elif not isinstance(value, bool):  # non_blocking
                devices.append(value)
        for value in devices:
            check_device(value)
        arguments.flag("non_blocking", non_blocking)
        copy, dtype = arguments.flag("copy", copy), None
        for value in dtypes:
            dtype = dtype if value is None else dtype_of(value)
        out = self if dtype is None else cast(self, dtype_of(dtype))
        return out.clone() if copy and out is self else out

    def cuda(self, device: DeviceLike = None, non_blocking: bool = False) -> Tensor:
        """The tensor itself: it is on the device in use.

        Raises:
            ValueError: another device.
        """
        check_device(device)
        arguments.flag("non_blocking", non_blocking)
        return self

    xpu = cuda

    def cpu(self) -> Tensor:
        """The tensor itself: `numpy()` reads it from where it is."""
        return self

    def type(self, dtype: DTypeLike) -> Tensor:
        """The same values as another dtype."""
        return cast(self, dtype_of(dtype))

    def type_as(self, other: Tensor) -> Tensor:
        """The same values as another tensor's dtype.

        Raises:
            TypeError: no tensor.
        """
        if not isinstance(other, Tensor):
            raise TypeError(f"other must be a Tensor, not {type(other).__name__}")
        return cast(self, other.dtype)

    def numel(self) -> int:
        """Number of elements."""
        return self.size

    nelement = numel

    def dim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    ndimension = dim

    def __format__(self, spec: str) -> str:
        """Of one element, its number in that format; else the tensor's text, for which there is no format."""
        if not spec:
            return str(self)
        if self.size != 1:
            raise TypeError(f"a tensor of shape {self.shape} has no format {shown(spec)}; one element has: x.mean()")
        return format(self.item(), spec)

    def retain_grad(self) -> None:
        """Keeps the gradient of a result in `.grad`, as that of a leaf is.

        Raises:
            RuntimeError: it does not require a gradient.
        """
        if not self.requires_grad:
            raise RuntimeError("retain_grad needs a tensor that requires a gradient")
        if self.node is None:
            return
        own = weakref.ref(self)  # the hook is held by what made the tensor

        def keep(gradient: Tensor) -> None:
            tensor = own()
            if tensor is not None:
                tensor.grad = gradient.detach() if tensor.grad is None else tensor.grad + gradient

        self.register_hook(keep)

    def contiguous(self) -> Tensor:
        """The tensor itself: every tensor is contiguous."""
        return self

    def is_contiguous(self) -> bool:
        """True: every tensor is contiguous."""
        return True

    def is_floating_point(self) -> bool:
        """Whether the elements are float32."""
        return self.dtype is FLOAT32

    def element_size(self) -> int:
        """Bytes per element: 4."""
        return 4

    device: Any = property(lambda self: self.engine.info, doc="The device that it is on.")
    data: Any = property(lambda self: self.detach(), _set_data, doc="The same memory off the tape.")
    grad_fn: Any = property(lambda self: None if self.node is None else self.node[0], doc="What recorded it, or None.")


for _name, _method in {  # by names that annotations above mean otherwise
    "float": _as(FLOAT32, "The same values as float32."),
    "int": _as(INT32, "The same values as int32."),
    "long": _as(INT32, "The same values as int32: the whole numbers of this engine."),
    "bool": _as(BOOL, "The same values as bool: everything but 0 is true."),
    "double": _absent("float64"),
    "half": _absent("float16"),
    "bfloat16": _absent("bfloat16"),
}.items():
    attach(_name, _method)
