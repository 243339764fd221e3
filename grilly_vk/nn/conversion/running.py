"""What the parts of a converted network must know of the call that runs them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...runtime.leaving import switched
from ...tensor import Tensor


def shared(name: str, value: Any) -> Running:
    """The value, if it is what the parts of a converted network share.

    Raises:
        TypeError: it is not.
    """
    if not isinstance(value, Running):
        raise TypeError(f"{name} must be what the parts of a converted network share, not {type(value).__name__}")
    return value


class Running:
    """Shared by all parts of one converted network; between calls `steps` is 0.

    Attributes:
        steps: of this call; tensors hold them in their first axis, (T * B, ...).
        timed: whether the input has steps of its own; else what no spike has reached yet is (B, ...), the same always.
        analog: nodes are the ReLUs that they stand for, and there is no time.
        carry: go on from the potentials of the call before, and keep them.
        mean: the last node gives its mean over the steps, (B, ...), and what comes after it runs once.
        watch: called with each node and what it gives.
        number: counts the calls.
    """

    def __init__(self) -> None:
        self.steps, self.number = 0, 0
        self.timed = self.analog = self.carry = self.mean = False
        self.watch: Callable[[Any, Tensor], None] | None = None

    def __bool__(self) -> bool:
        return self.steps > 0

    def call(
        self,
        steps: int,
        *,
        timed: bool = False,
        analog: bool = False,
        carry: bool = False,
        mean: bool = False,
        watch: Callable[[Any, Tensor], None] | None = None,
    ) -> switched:
        """The time of one call, for its block."""
        self.number += 1
        return switched(self, steps=steps, timed=timed, analog=analog, carry=carry, mean=mean, watch=watch)

    def over_time(self, x: Tensor) -> Tensor:
        """(T * B, ...) to (T, B, ...)."""
        return x.reshape(self.steps, x.shape[0] // self.steps, *x.shape[1:])


def merged(x: Tensor) -> Tensor:
    """(T, B, ...) to (T * B, ...)."""
    return x.reshape(x.shape[0] * x.shape[1], *x.shape[2:])
