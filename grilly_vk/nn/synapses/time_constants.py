"""Constants of synapses as attributes: numbers, or learnable and valid whatever training does to them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...errors import shown
from ...ops.elementwise import unary
from ...runtime.recording import assignments
from ...tensor import Tensor, full
from ..module import Module, Parameter


class Share:
    """An attribute of a module in [0, 1]: a number, or sigmoid of the Parameter NAME_logit, so it stays inside.

    Reading it gives the number, and of a learnable one waits for the device; setting it sets either.
    """

    def __set_name__(self, owner: type, name: str) -> None:
        self.name, self.parameter, self.number = name, f"{name}_logit", f"_{name}"

    def checked(self, value: Any) -> float:
        """A valid value.

        Raises:
            TypeError, ValueError: another.
        """
        return arguments.between(self.name, value, 0.0, 1.0)

    def logit(self, value: float) -> float:
        """What sigmoid makes the share of."""
        if not 0.0 < value < 1.0:
            raise ValueError(f"{self.name} must lie between 0 and 1 to be learnable, got {shown(value)}")
        return math.log(value) - math.log1p(-value)

    def value(self, logit: float) -> float:
        """The inverse of `logit`."""
        return float(np.exp(-np.logaddexp(0.0, -logit)))

    def share(self, value: float) -> float:
        """What the kernels take of a number."""
        return value

    def start(self, module: Module, value: Any, learnable: bool) -> None:
        """Sets it for the first time."""
        number = self.checked(value)
        if learnable:
            setattr(module, self.parameter, Parameter(full((), self.logit(number))))
        else:
            module.__dict__[self.number] = number

    def constant(self, module: Module) -> float | Tensor:
        """What the kernels take: a number, or a Tensor on the tape."""
        parameter = module._parameters.get(self.parameter)
        return self.share(module.__dict__[self.number]) if parameter is None else unary("sigmoid", parameter)

    def __get__(self, module: Module | None, owner: type | None = None) -> Any:
        if module is None:
            return self
        parameter = module._parameters.get(self.parameter)
        return module.__dict__[self.number] if parameter is None else self.value(float(parameter.item()))

    def __set__(self, module: Module, value: Any) -> None:
        number = self.checked(value)
        parameter = module._parameters.get(self.parameter)
        if parameter is None:
            module.__dict__[self.number] = number
            assignments[0] += 1
        else:
            with no_grad():
                parameter.assign(np.float32(self.logit(number)))


class TimeConstant(Share):
    """A time constant in steps, above 0: the share is what is left after a step, exp(-1 / tau) = sigmoid(logit)."""

    def checked(self, value: Any) -> float:
        """A valid value.

        Raises:
            TypeError, ValueError: another.
        """
        return arguments.positive(self.name, value)

    def logit(self, value: float) -> float:
        """-ln(exp(1 / tau) - 1), for small tau, too."""
        return -1.0 / value - math.log(-math.expm1(-1.0 / value))

    def value(self, logit: float) -> float:
        """The inverse: 1 / ln(1 + exp(-logit))."""
        fall = float(np.logaddexp(0.0, -logit))
        return 1.0 / fall if fall > 0 else math.inf

    def share(self, value: float) -> float:
        """exp(-1 / tau)."""
        return math.exp(-1.0 / value)


class Number(Share):
    """Any number, or the Parameter of its own name, which reading it gives."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = self.parameter = name
        self.number = f"_{name}"

    def checked(self, value: Any) -> float:
        """A valid value.

        Raises:
            TypeError, ValueError: another.
        """
        return arguments.real(self.name, value)

    def logit(self, value: float) -> float:
        """The value of the Parameter: the number itself."""
        return value

    def constant(self, module: Module) -> float | Tensor:
        """What the kernels take: a number, or a Tensor on the tape."""
        parameter = module._parameters.get(self.parameter)
        return module.__dict__[self.number] if parameter is None else parameter

    def __get__(self, module: Module | None, owner: type | None = None) -> Any:
        return self if module is None else self.constant(module)
