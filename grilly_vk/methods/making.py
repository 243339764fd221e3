"""Tensors made by calling: the class, ``Tensor(data)``, and the module, ``grilly_vk.tensor(data)``, as in PyTorch."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from .. import creation
from ..calling import explaining
from ..tensor import FLOAT32, Tensor
from .attach import attach


def _of(self: Tensor, data: Any, *others: Any) -> None:
    """What ``Tensor(data)`` makes."""
    if data is None or others[0] is not None or others[1] is not None or isinstance(data, (int, bool)):
        raise TypeError("Tensor takes data alone, such as Tensor([1.0, 2.0]); see zeros, empty and tensor")
    made = creation.tensor(data, FLOAT32)
    Tensor.__init__(self, made.buffer, made.shape, FLOAT32, made.engine, requires_grad=others[2])


class _Callable(ModuleType):
    """The module of Tensor under PyTorch's habit: ``grilly_vk.tensor([1.0, 2.0])``."""

    def __call__(self, data: Any, dtype: Any = None, *, requires_grad: bool = False) -> Tensor:
        return creation.tensor(data, dtype, requires_grad=requires_grad)


attach("_of", _of)
_Callable.__call__ = explaining(_Callable.__call__, _Callable, "tensor")  # type: ignore[method-assign]
sys.modules[Tensor.__module__].__class__ = _Callable
