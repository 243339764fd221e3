"""Parameters and buffers: the tensors that a Module registers when they are assigned as attributes."""

from __future__ import annotations

from typing import Any

from .. import arguments
from ..ops.copying import copy_box
from ..runtime.plain import COPY
from ..tensor import Tensor
from ..typing import ArrayLike


class Parameter(Tensor):
    """A tensor that a Module registers as something to train when it is assigned as an attribute.

    Args:
        data: a float32 Tensor, whose memory it shares, or any array of real numbers.
        requires_grad: whether gradients are computed for it (default True).

    Raises:
        TypeError: no real numbers, or a tensor that is not float32.
        ValueError: a tensor that is a recorded result: detach() it first.
    """

    __slots__ = ("home",)

    def __init__(self, data: ArrayLike, requires_grad: bool = True) -> None:
        given = arguments.tensor("data", data)
        if given.node is not None:
            raise ValueError("data is a recorded result, and a parameter must be a leaf; detach() it first")
        wanted = arguments.flag("requires_grad", requires_grad)
        super().__init__(given.buffer, given.shape, given.dtype, given.engine, requires_grad=wanted)
        self.home: Tensor | None = None  # where an optimizer wants its gradients

    def accumulate(self, given: list[Tensor]) -> None:
        """Adds the one gradient in a list, taken out of it, to `.grad`: in its optimizer's memory, if it has one."""
        home = self.home
        if home is None or (self.grad is not None and self.grad.buffer is not home.buffer):
            super().accumulate(given)
            return
        gradient = given.pop()
        if self.grad is None:
            COPY(src=gradient, dst=home, n=home.count)
            self.grad = home._alias()
        else:
            copy_box(gradient, home, (home.size,), (1,), (1,), accumulate=True)
        home.version += 1

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        out = memo[id(self)] = type(self)(super().__deepcopy__(memo).detach(), self.requires_grad)
        return out

    def __repr__(self) -> str:
        return _named("Parameter", super().__repr__())


class Buffer(Tensor):
    """A tensor that a Module registers as state that is not trained, such as a running mean.

    Args:
        data: a Tensor, whose memory it shares, or an array (float32, int32, uint32 or bool on the device).
        persistent: whether `state_dict` holds it (default True).

    Raises:
        TypeError: neither real numbers nor booleans.
    """

    __slots__ = ("persistent",)

    def __init__(self, data: ArrayLike, persistent: bool = True) -> None:
        given = arguments.any_tensor("data", data)
        super().__init__(given.buffer, given.shape, given.dtype, given.engine)
        self.persistent = arguments.flag("persistent", persistent)

    def __deepcopy__(self, memo: dict[int, Any]) -> Buffer:
        out = memo[id(self)] = type(self)(super().__deepcopy__(memo), self.persistent)
        return out

    def __repr__(self) -> str:
        return _named("Buffer", super().__repr__())


def _named(kind: str, text: str) -> str:
    """A tensor's text under the name of its subclass, rows aligned."""
    return kind + text[len("Tensor") :].replace("\n", "\n" + " " * (len(kind) - len("Tensor")))
