"""What a compiled function depends on besides its arguments, as a key: another key, another recording."""

from __future__ import annotations

import contextlib
import enum
import inspect
import types
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .nn.module import Module
from .optim.lr_scheduler import Scheduler
from .optim.optimizer import Optimizer
from .surrogate import Surrogate
from .tensor import Tensor

PLAIN = (bool, int, float, complex, str, bytes, type(None))
_LARGEST = 1 << 16  # bytes of a host array that is looked at in each call
_MANY = 64  # entries of a dict that are looked at
_KNOWN = (Module, Optimizer, Scheduler, type, types.FunctionType, types.BuiltinFunctionType, types.MethodType,
          types.ModuleType, np.dtype, np.ufunc, enum.Enum)  # fmt: skip
_SEEN_ELSEWHERE = (Tensor, *_KNOWN)  # what changes in them


def is_foreign(value: Any) -> bool:
    """Whether it is an array of another library: anything that numpy can look into."""
    if type(value) in PLAIN or isinstance(value, (Tensor, np.ndarray, np.generic, Module, type)):
        return False
    return hasattr(value, "__array__") or hasattr(value, "__array_interface__") or hasattr(value, "__dlpack__")


def as_numpy(value: Any) -> Any:
    """An array of another library as one of numpy, sharing the memory where that can be; other values as they are.

    Raises:
        TypeError: an array that can't be read on the host.
    """
    if type(value) is Tensor or not is_foreign(value):
        return value
    try:
        if hasattr(value, "__array__") or hasattr(value, "__array_interface__"):
            return np.asarray(value)
        return np.from_dlpack(value)
    except Exception as error:
        raise TypeError(f"an argument of type {type(value).__name__} can't be read as an array: {error}") from error


def value_key(name: str, value: Any) -> Any:
    """An argument that is no array, by its value.

    Raises:
        TypeError: an object that could change without a trace.
    """
    kind = type(value)
    if kind in PLAIN or isinstance(value, _KNOWN):
        return kind.__name__, value
    if kind.__hash__ is not object.__hash__:
        with contextlib.suppress(TypeError):
            hash(value)
            return kind.__name__, value
    raise TypeError(
        f"a compiled function takes arrays, tensors and values, but {name} is a {kind.__name__}, which could change "
        "without being seen: pass the numbers and arrays that are needed of it (a frozen dataclass is a value)"
    )


def is_users(value: Any) -> bool:
    """Whether it is a module or surrogate of a user's class; those of the package tell their settings by `held`."""
    own = __name__.partition(".")[0]
    return isinstance(value, (Module, Surrogate)) and type(value).__module__.partition(".")[0] != own


def plain_of(module: Module) -> list[Any]:
    """The plain values among a module's public attributes."""
    return [(k, type(v), v) for k, v in vars(module).items() if type(v) in PLAIN and k[0] != "_"]


class Surroundings:
    """The variables outside that a function refers to, and the attributes of the object that it is a method of."""

    def __init__(self, function: Callable[..., Any]) -> None:
        plain = inspect.unwrap(function)
        self._owner = getattr(plain, "__self__", None)
        plain = getattr(plain, "__func__", plain)
        code = getattr(plain, "__code__", None)
        self._globals: dict[str, Any] = getattr(plain, "__globals__", {})
        names = inspect.getclosurevars(plain).globals if code is not None else {}
        self._names = [n for n, v in names.items() if not isinstance(v, (types.ModuleType, type, types.FunctionType))]
        cells = getattr(plain, "__closure__", None) or ()
        self._cells = list(zip(code.co_freevars, cells)) if code is not None else []

    def key(self) -> tuple[Any, ...]:
        """Their values now.

        Raises:
            TypeError: a host array that is too large to be looked at in each call.
        """
        found = []
        for name in self._names:
            value = self._globals.get(name)
            if not isinstance(value, _SEEN_ELSEWHERE):
                found.append(_outer(name, value))
        for name, cell in self._cells:
            try:
                value = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
            if not isinstance(value, _SEEN_ELSEWHERE):
                found.append(_outer(name, value))
        if self._owner is not None and not isinstance(self._owner, Module):
            found.append(_outer("self", self._owner))
        return tuple(found)


def _outer(name: str, value: Any) -> Any:
    kind = type(value)
    if kind in PLAIN or isinstance(value, np.generic):
        return name, kind, value
    if isinstance(value, _SEEN_ELSEWHERE):
        return None
    if is_foreign(value) or isinstance(value, np.ndarray):
        return name, _contents(name, as_numpy(value))
    if isinstance(value, tuple):
        return name, tuple([(type(v), v) for v in value if type(v) in PLAIN])
    if isinstance(value, dict):
        return name, _entries(value) if len(value) <= _MANY else None
    return name, _entries(getattr(value, "__dict__", {}))


def _entries(values: dict[Any, Any]) -> tuple[Any, ...]:
    return tuple([(k, type(v), v) for k, v in values.items() if type(v) in PLAIN and type(k) is str])


def _contents(name: str, array: np.ndarray) -> tuple[Any, ...]:
    if array.nbytes > _LARGEST:
        raise TypeError(
            f"a compiled function refers to the host array {name!r} of {array.nbytes} bytes, whose changes it would "
            f"not see: make it a tensor outside, {name} = grilly_vk.tensor({name}), or pass it as an argument"
        )
    return array.shape, array.dtype.str, zlib.crc32(np.ascontiguousarray(array).data)
