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
from .attach import attach, attach_all


def _is_dtype(value: Any) -> bool:
    if value in (float, int, bool):
        return True
    return isinstance(value, (np.dtype, type)) and not isinstance(value, DeviceInfo)


def _to(self: Tensor, *args: Any, device: DeviceLike = None, dtype: DTypeLike = None, non_blocking: bool = False,
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


def _same(self: Tensor, device: DeviceLike = None, non_blocking: bool = False) -> Tensor:
    """The tensor itself: it is on the device in use.

    Raises:
        ValueError: another device.
    """
    check_device(device)
    arguments.flag("non_blocking", non_blocking)
    return self


def _cpu(self: Tensor) -> Tensor:
    """The tensor itself: `numpy()` reads it from where it is."""
    return self


def _as(dtype: Any, text: str) -> Any:
    def method(self: Tensor) -> Tensor:
        return cast(self, dtype)

    method.__doc__ = text
    return method


def _type(self: Tensor, dtype: DTypeLike) -> Tensor:
    """The same values as another dtype."""
    return cast(self, dtype_of(dtype))


def _type_as(self: Tensor, other: Tensor) -> Tensor:
    """The same values as another tensor's dtype.

    Raises:
        TypeError: no tensor.
    """
    if not isinstance(other, Tensor):
        raise TypeError(f"other must be a Tensor, not {type(other).__name__}")
    return cast(self, other.dtype)


def _absent(dtype: str) -> Any:
    def method(self: Tensor) -> Tensor:
        raise TypeError(f"tensors are float32, int32, uint32 or bool, so there is no {dtype}; float() gives float32")

    method.__doc__ = f"There is no {dtype}: raises TypeError."
    return method


def _numel(self: Tensor) -> int:
    """Number of elements."""
    return self.size


def _dim(self: Tensor) -> int:
    """Number of axes."""
    return len(self.shape)


def _format(self: Tensor, spec: str) -> str:
    """Of one element, its number in that format; else the tensor's text, for which there is no format."""
    if not spec:
        return str(self)
    if self.size != 1:
        raise TypeError(f"a tensor of shape {self.shape} has no format {shown(spec)}; one element has: x.mean()")
    return format(self.item(), spec)


def _retain_grad(self: Tensor) -> None:
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


def _set_data(self: Tensor, value: Any) -> None:
    self.detach().assign(value.detach() if isinstance(value, Tensor) else value)


attach_all(
    {
        "to": _to,
        "cuda": _same,
        "xpu": _same,
        "cpu": _cpu,
        "type": _type,
        "type_as": _type_as,
        "numel": _numel,
        "nelement": _numel,
        "dim": _dim,
        "ndimension": _dim,
        "retain_grad": _retain_grad,
        "__format__": _format,
        "float": _as(FLOAT32, "The same values as float32."),
        "int": _as(INT32, "The same values as int32."),
        "long": _as(INT32, "The same values as int32: the whole numbers of this engine."),
        "bool": _as(BOOL, "The same values as bool: everything but 0 is true."),
        "double": _absent("float64"),
        "half": _absent("float16"),
        "bfloat16": _absent("bfloat16"),
    }
)


def _contiguous(self: Tensor) -> Tensor:
    """The tensor itself: every tensor is contiguous."""
    return self


def _is_contiguous(self: Tensor) -> bool:
    """True: every tensor is contiguous."""
    return True


def _is_floating_point(self: Tensor) -> bool:
    """Whether the elements are float32."""
    return self.dtype is FLOAT32


def _element_size(self: Tensor) -> int:
    """Bytes per element: 4."""
    return 4


attach("contiguous", _contiguous)
attach("is_contiguous", _is_contiguous)
attach("is_floating_point", _is_floating_point)
attach("element_size", _element_size)
for _name, _property in {
    "device": property(lambda self: self.engine.info, doc="The device that it is on."),
    "data": property(lambda self: self.detach(), _set_data, doc="The same memory off the tape."),
    "grad_fn": property(lambda self: None if self.node is None else self.node[0], doc="What recorded it, or None."),
}.items():
    setattr(Tensor, _name, _property)
