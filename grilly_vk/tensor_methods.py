"""Gives Tensor its operators and methods: each is an operation of `grilly_vk.ops`."""

from __future__ import annotations

from typing import Any

import numpy as np

from .ops import elementwise as e
from .ops import matmul as m
from .ops import reduce as r
from .ops import scan
from .ops import shape as s
from .tensor import Tensor


def _binary(name: str, *, swapped: bool = False) -> Any:
    def operator(self: Tensor, other: Any) -> Any:
        if other is None or isinstance(other, (str, dict)):
            return NotImplemented
        return e.binary(name, other, self) if swapped else e.binary(name, self, other)

    operator.__doc__ = f"Element-wise {name}, with numpy's broadcasting."
    return operator


def _unary(name: str) -> Any:
    def method(self: Tensor) -> Tensor:
        return e.unary(name, self)

    method.__doc__ = f"Element-wise {name}."
    return method


def _shape(args: tuple[Any, ...]) -> tuple[int, ...]:
    one = len(args) == 1 and (isinstance(args[0], (tuple, list)) or (type(args[0]) is np.ndarray and args[0].ndim == 1))
    return tuple(args[0]) if one else args


def _article(dtype: np.dtype) -> str:
    return f"{'an' if str(dtype)[0] in 'iu' else 'a'} {dtype}"


def _in_place(name: str) -> Any:
    def operator(self: Tensor, other: Any) -> Tensor:
        self.changing()
        result = e.binary(name, self.detach(), other)
        if result.dtype is not self.dtype:
            raise TypeError(f"a {result.dtype} result can't go into {_article(self.dtype)} tensor in place")
        self.assign(s.repeated(result.detach(), self.shape))
        return self

    operator.__doc__ = f"{name} in place; not on a tensor that is on the tape."
    return operator


_OPERATORS = {name: name for name in ("add", "sub", "mul", "pow", "mod", "floordiv")} | {"truediv": "div"}
for _python, _name in _OPERATORS.items():
    setattr(Tensor, f"__{_python}__", _binary(_name))
    setattr(Tensor, f"__r{_python}__", _binary(_name, swapped=True))
    if _python in ("add", "sub", "mul", "truediv"):
        setattr(Tensor, f"__i{_python}__", _in_place(_name))
for _name in ("eq", "ne", "lt", "le", "gt", "ge", "and", "or", "xor"):
    setattr(Tensor, f"__{_name}__", _binary(_name))
for _name in ("and", "or", "xor"):
    setattr(Tensor, f"__r{_name}__", _binary(_name, swapped=True))
setattr(Tensor, "__hash__", object.__hash__)  # noqa: B010
setattr(Tensor, "equal", _binary("eq"))  # noqa: B010
for _name in ("exp", "log", "sqrt", "abs", "tanh", "sigmoid", "relu", "sign", "sin", "cos"):
    setattr(Tensor, _name, _unary(_name))
setattr(Tensor, "__neg__", _unary("neg"))  # noqa: B010
setattr(Tensor, "__abs__", _unary("abs"))  # noqa: B010

_METHODS: dict[str, Any] = {
    "__matmul__": lambda self, other: m.matmul(self, other),
    "__rmatmul__": lambda self, other: m.matmul(other, self),
    "__invert__": e.invert,
    "__getitem__": s.getitem,
    "__setitem__": s.setitem,
    "__iter__": lambda self: (self[i] for i in range(len(self))),
    "matmul": lambda self, other: m.matmul(self, other),
    "sum": lambda self, axis=None, keepdims=False: r.reduce_sum(self, axis, keepdims),
    "mean": lambda self, axis=None, keepdims=False: r.reduce_mean(self, axis, keepdims),
    "var": lambda self, axis=None, keepdims=False, correction=1: r.reduce_var(self, axis, keepdims, correction),
    "max": lambda self, axis=None, keepdims=False: r.reduce_max(self, axis, keepdims),
    "min": lambda self, axis=None, keepdims=False: r.reduce_min(self, axis, keepdims),
    "argmax": lambda self, axis=None, keepdims=False: r.argmax(self, axis, keepdims),
    "argmin": lambda self, axis=None, keepdims=False: r.argmin(self, axis, keepdims),
    "any": lambda self, axis=None, keepdims=False: r.reduce_any(self, axis, keepdims),
    "all": lambda self, axis=None, keepdims=False: r.reduce_all(self, axis, keepdims),
    "reshape": lambda self, *shape: s.reshape(self, _shape(shape)),
    "view": lambda self, *shape: s.view(self, *shape),
    "flatten": s.flatten,
    "permute": lambda self, *axes: s.permute(self, _shape(axes)),
    "transpose": s.transpose,
    "expand": lambda self, *shape: s.expand(self, _shape(shape)),
    "broadcast_to": lambda self, *shape: s.broadcast_to(self, _shape(shape)),
    "squeeze": s.squeeze,
    "unsqueeze": s.unsqueeze,
    "split": s.split,
    "pad": s.pad,
    "flip": s.flip,
    "cumsum": lambda self, axis: scan.cumsum(self, axis),
    "clone": s.clone,
    "clamp": lambda self, low=None, high=None: e.clamp(self, low, high),
    "astype": e.astype,
}
for _name, _method in _METHODS.items():
    setattr(Tensor, _name, _method)
setattr(Tensor, "T", property(lambda self: s.permute(self, tuple(reversed(range(self.ndim))))))  # noqa: B010
