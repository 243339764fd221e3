"""NIR's layers that are no neurons and that `nn` does not have: scale, threshold, delay, products of many axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..modes import S
from ..nn.module import Module, Parameter
from ..nn.spiking.nodes import same
from ..nn.synapses.delays import _Late
from ..ops.elementwise import as_tensor, binary
from ..ops.gather import gather
from ..ops.matmul import matmul
from ..ops.nodes import Dynamics, Each, node
from ..ops.shape import concatenate
from ..settings import setting
from ..surrogate import ATan, chosen, slope_of
from ..tensor import Tensor, from_numpy, full
from .meaning import COMPARATORS, one_or_each, values
from .neurons import for_sample


class Scale(Module):
    """x times `scale`, a Parameter of a sample's shape.

    Raises:
        TypeError, ValueError: no real numbers; at the call, a shape that does not broadcast.
    """

    batchwise = True

    def __init__(self, scale: Any) -> None:
        super().__init__()
        self.scale = Parameter(np.array(scale, np.float32))

    def forward(self, x: Any) -> Any:
        """(B, ...) to (B, ...)."""
        return binary("mul", as_tensor("x", x), self.scale)

    def extra_repr(self) -> str:
        """The shape."""
        return str(self.scale.shape)


class Threshold(Module):
    """1 where x is above `threshold`, else 0, with a surrogate gradient.

    Raises:
        TypeError, ValueError: no finite numbers.
    """

    batchwise = True
    threshold = setting(values, held=same)
    comparator = setting(arguments.choice, COMPARATORS)
    surrogate_function = setting(chosen, held=slope_of)

    def __init__(self, threshold: Any, comparator: str = ">") -> None:
        super().__init__()
        self.threshold, self.comparator = threshold, comparator
        self.surrogate_function = ATan()

    def _settle(self, name: str) -> None:
        for_sample(self, name, np.shape(self.threshold))

    def forward(self, x: Any) -> Any:
        """(B, ...) to (B, ...) of 0.0 and 1.0."""
        one = one_or_each(self.threshold)
        fields: dict[str, Any] = {"v_threshold": one}
        if not isinstance(one, float):
            fields = {"each": Each((1.0, 0.0, one, 0.0, 0.0, 0.0))}
        dynamics = Dynamics("if", strict=self.comparator == ">", **fields)
        return node(as_tensor("x", x), 0.0, dynamics, self.surrogate_function.slope).spikes

    def extra_repr(self) -> str:
        """The comparison."""
        return f"x {self.comparator} threshold of shape {self.threshold.shape}"


class Product(Module):
    """weight @ x (+ bias) over the last axis, for each place of the axes before it by itself.

    Args:
        weight: (..., out, in).
        bias: that broadcasts to (..., out), or None.

    Raises:
        TypeError, ValueError: no real numbers; at the call, a shape that does not fit.
    """

    batchwise = True
    bias: Parameter | None

    def __init__(self, weight: Any, bias: Any = None) -> None:
        super().__init__()
        self.weight = Parameter(np.array(weight, np.float32))
        self.register_parameter("bias", None if bias is None else Parameter(np.array(bias, np.float32)))

    def forward(self, x: Any) -> Any:
        """(B, ..., in) to (B, ..., out)."""
        x = as_tensor("x", x)
        y = matmul(self.weight, x.reshape(*x.shape, 1))
        y = y.reshape(y.shape[:-1])
        return y if self.bias is None else binary("add", y, self.bias)


class Delay(_Late):
    """The input of `delay` seconds before, a whole number of steps of its own for each neuron; zeros at the start.

    Args:
        delay: in seconds, a number or an array of a sample's shape; multiples of dt.
        dt: of a step, in seconds.

    Attributes:
        steps: int64 array of delay's shape. history: the last inputs (steps.max(), B, ...), oldest first.

    Raises:
        TypeError, ValueError: negative delays, or no multiples of dt.
    """

    delay = setting(values, held=same)
    dt = setting(arguments.positive)

    def __init__(self, delay: Any, dt: float) -> None:
        super().__init__(S)
        self.delay, self.dt = delay, dt
        self._settle("delay")

    def _settle(self, name: str) -> None:
        if name == "step_mode":
            return
        for_sample(self, name, np.shape(self.delay))
        given = {float(d): arguments.steps("delay", float(d), self.dt) for d in np.unique(self.delay)}
        self.__dict__["steps"] = np.vectorize(lambda d: given[float(d)], otypes=[np.int64])(self.delay)
        self.__dict__["_places"] = None

    def _kept(self) -> int:
        return int(self.steps.max())

    def _run(self, x: Tensor) -> Tensor:
        if self._kept() == 0 or x.shape[0] == 0:
            return x
        whole = concatenate([self._past(x.shape[1:], x), x])
        self.history = whole[x.shape[0] :]
        return self._picked(whole, x.shape[0]).as_spikes(x.is_spikes)

    def peek(self, shape: tuple[int, ...]) -> Tensor:
        """The output of this step, of this shape, before its input is known; for delays of at least one step."""
        self.entering(shape, (self._kept(),))
        whole = self._past(shape, None)
        return self._picked(whole, 1).reshape(shape)

    def push(self, x: Tensor) -> None:
        """The input of the step that `peek` was asked about."""
        past = self._past(x.shape, x)
        row = x.reshape(1, *x.shape)
        self.history = row if past.shape[0] == 1 else concatenate([past[1:], row])

    def _past(self, shape: tuple[int, ...], x: Tensor | None) -> Tensor:
        if self.history is not None:
            return self.history
        return full((self._kept(), *shape), 0.0, on=None if x is None else x.engine)

    def _picked(self, whole: Tensor, length: int) -> Tensor:
        """Steps of (most + length, B, ...) as they arrive, (length, B, ...)."""
        most = self._kept()
        if int(self.steps.min()) == most:
            return whole[:length]
        key = (length, whole.shape[1:])
        kept = self.__dict__["_places"]
        if kept is None or kept[0] != key:
            first = np.arange(length).reshape(length, *[1] * (whole.ndim - 1)) + most - self.steps
            places = np.broadcast_to(first, (length, *whole.shape[1:])).astype(np.int32)
            kept = self.__dict__["_places"] = (key, from_numpy(places))
        return gather(whole, 0, kept[1])

    def extra_repr(self) -> str:
        """The delays."""
        return f"delay of shape {self.delay.shape}, {self.steps.min()} to {self.steps.max()} steps of dt={self.dt:g}"


def summed(terms: list[Tensor]) -> Tensor:
    """The sum of what arrives at a node."""
    total = terms[0]
    for term in terms[1:]:
        total = binary("add", total, term)
    return total
