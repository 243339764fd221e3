"""The types of public signatures: what counts as an array, an axis, a device, and the words that options take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy.typing as npt

from .runtime.devices import DeviceInfo
from .tensor import Tensor

# A Tensor, a number, a numpy array, nested sequences of numbers, or what has `__array__`, as other libraries' tensors.
ArrayLike: TypeAlias = Tensor | npt.ArrayLike
DTypeLike: TypeAlias = npt.DTypeLike | None  # float32, int32, uint32 or bool, as numpy spells them; None: the default
DeviceLike: TypeAlias = DeviceInfo | int | str | None  # the one in use, by any of its names
Axes: TypeAlias = int | Sequence[int] | None  # one axis, several, or (None) all of them
Shape: TypeAlias = int | Sequence[int]
StepMode: TypeAlias = Literal["s", "m"]  # a call is one step, or all of them: (T, B, ...)
Reduction: TypeAlias = Literal["none", "mean", "sum"]
