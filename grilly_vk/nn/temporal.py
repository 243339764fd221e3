"""Containers for models over time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from .. import arguments, families
from ..modes import S
from ..ops.elementwise import as_tensor
from ..ops.held import Held
from ..ops.shape import concatenate, stack
from ..settings import fixed
from ..stepping import LINEAR, first_layer, folded, mixed, one_step, one_step_each, over_steps
from ..tensor import FLOAT32, Tensor, full
from ..typing import ArrayLike, StepMode
from .containers import Sequential
from .layers.linear import Linear
from .module import Module, checked_module
from .reading import look
from .stateful import StatefulModule


def _timed(x: Any) -> Tensor:
    x = as_tensor("x", x)
    if x.ndim < 2:
        raise ValueError(f"x has shape {x.shape}; expected (T, B, ...)")
    return x


class MultiStepContainer(Module):
    """Runs a module over T steps: (T, B, ...) in, (T, B, ...) out.

    A spiking node runs all steps in one dispatch; so does each node of a Sequential, and layers that treat every
    sample by itself take all steps as one batch.  Anything else, such as batch norm or a module with a forward of its
    own, is called once a step.  The result is that of one call per step in every case.

    Args:
        modules: a module in step mode "s", or several, applied one after the other.

    Raises:
        TypeError: no Module, or none at all.
        ValueError (at the call): no (T, B, ...), or a module of step mode "m".

    Source: Grilly's "Spiking Neural Networks".
    """

    takes_steps = runs_steps = _needs_time = True

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        self.module = _one_or_chain(modules)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Any:
        """(T, B, ...) to (T, B, ...); the output keeps its time axis."""
        return over_steps(self.module, _timed(x), merge=False)


class SeqToANNContainer(Module):
    """Applies layers without state to all time steps as one batch: (T, B, ...) to (T * B, ...), and back.

    Args:
        modules: applied one after the other.

    Raises:
        TypeError: no Module, or none at all. ValueError: a module with a state, whose time steps are no batch.

    Source: Grilly's "Spiking Neural Networks".
    """

    takes_steps = runs_steps = _needs_time = True

    def __init__(self, *modules: Module) -> None:
        super().__init__()
        self.module = _one_or_chain(modules)
        for name, part in self.module.named_modules():
            families.refuse(name or "modules[0]", part, "a layer without a state", "flat", "core", "trace")
            if isinstance(part, StatefulModule):
                raise ValueError(
                    f"SeqToANNContainer merges time into the batch, and {name or 'the module'} ({type(part).__name__}) "
                    "keeps a state from step to step; put it outside, or use MultiStepContainer"
                )

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Any:
        """(T, B, ...) to (T, B, ...)."""
        if any(part._in_time for part in self.module.modules()):
            raise ValueError(mixed("SeqToANNContainer"))
        x, first = _timed(x), first_layer(self.module)
        if isinstance(first, tuple) and x.ndim in first and x.ndim - 1 not in first and first != LINEAR:
            raise ValueError(one_step(x.shape, "its first layer"))
        chain = self.module
        if type(x) is Held and type(chain) is Sequential and not (chain._forward_hooks or chain._forward_pre_hooks):
            return functools.reduce(lambda y, part: folded(part, part, y), chain, x)
        return folded(chain, chain, x)


def stepwise(name: str, part: Any) -> None:
    """Checks a part that is called once a step, with one input, for one Tensor.

    Raises:
        TypeError: no Module, or one of a family that is called otherwise.
    """
    checked_module(name, part)
    families.refuse(name, part, "called once a step as y = node(x)", "flat", "core", "trace")


class _Recurrent(StatefulModule):
    """What the recurrent containers share: the output of the step before, y, is part of the input."""

    y: Tensor | None
    takes_steps = runs_steps = True

    def __init__(self, sub_module: Module, step_mode: StepMode) -> None:
        super().__init__()
        stepwise("sub_module", sub_module)
        self.step_mode = step_mode
        self.sub_module = sub_module
        self.register_memory("y", None)
        one_step_each(sub_module)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> Tensor:
        """One step (B, ...), or in step mode "m" all steps (T, B, ...), one after the other."""
        if steps is None:
            x = as_tensor("x", x)
            if self._looked is not self.step_mode:
                look(self, x, self.step_mode == "m")
            if self.step_mode == "s":
                return self._step(x)
        x = _timed(x)
        if x.shape[0] == 0:
            raise ValueError(f"x has shape {x.shape}; expected at least one step")
        return self._steps(x)

    def _steps(self, x: Tensor) -> Tensor:
        """All steps, one after the other."""
        return stack([self._step(x[t]) for t in range(x.shape[0])])

    def _step(self, x: Tensor) -> Tensor:
        for part in self.modules():
            if part is not self and isinstance(part, StatefulModule) and part.step_mode == "m":
                raise ValueError(
                    f"{type(self).__name__} calls its parts once a step, and {type(part).__name__} in it is in step "
                    "mode 'm'; give the part step_mode='s', whatever the mode of the whole"
                )
        before = full(self._shape(x), 0.0, FLOAT32, x.engine) if self.y is None else self.y
        self.entering(self._shape(x))
        out: Tensor = self.sub_module(self._joined(x, before))
        self.y = out
        return out

    def _shape(self, x: Tensor) -> tuple[int, ...]:
        """Of the output."""
        raise NotImplementedError(f"{type(self).__name__} does not define _shape()")

    def _joined(self, x: Tensor, y: Tensor) -> Tensor:
        """The sub-module's input."""
        raise NotImplementedError(f"{type(self).__name__} does not define _joined()")


class ElementWiseRecurrentContainer(_Recurrent):
    """y[t] = sub_module(f(x[t], y[t-1])) with y[-1] = 0; the output has the input's shape.

    Args:
        sub_module: a module in step mode "s", such as a spiking node.
        element_wise_function: f, two Tensors of the same shape to one.
        step_mode: "s" or "m".

    Attributes:
        y: the last output; None at the start.

    Raises:
        TypeError: sub_module is no Module, or the function can't be called.

    Source: as in SpikingJelly, which calls f(y[t-1], x[t]).
    """

    element_wise_function: Callable[[Tensor, Tensor], Tensor] = fixed()

    def __init__(
        self, sub_module: Module, element_wise_function: Callable[[Tensor, Tensor], Tensor], step_mode: StepMode = S
    ) -> None:
        if not callable(element_wise_function):
            raise TypeError(f"element_wise_function must be callable, not {type(element_wise_function).__name__}")
        super().__init__(sub_module, step_mode)
        self.element_wise_function = element_wise_function

    def _shape(self, x: Tensor) -> tuple[int, ...]:
        return x.shape

    def _joined(self, x: Tensor, y: Tensor) -> Tensor:
        return self.element_wise_function(x, y)


class LinearRecurrentContainer(_Recurrent):
    """y[t] = sub_module(rc([x[t], y[t-1]])) with y[-1] = 0 and rc a Linear from both to `in_features`.

    Args:
        sub_module: from (..., in_features) to (..., out_features), in step mode "s".
        in_features, out_features: its sizes.
        bias: of rc (default True).
        step_mode: "s" or "m".

    Attributes:
        rc: the Linear. y: the last output; None at the start.

    Raises:
        TypeError, ValueError: sub_module is no Module; sizes that are no positive whole numbers.

    Source: as in SpikingJelly.
    """

    in_features, out_features = fixed(), fixed()

    def __init__(
        self, sub_module: Module, in_features: int, out_features: int, bias: bool = True, step_mode: StepMode = S
    ) -> None:
        sizes = arguments.size("in_features", in_features), arguments.size("out_features", out_features)
        rc = Linear(sum(sizes), sizes[0], bias=bias)
        super().__init__(sub_module, step_mode)
        self.in_features, self.out_features = sizes
        self.rc = rc

    def _shape(self, x: Tensor) -> tuple[int, ...]:
        if x.ndim == 0 or x.shape[-1] != self.in_features:
            raise ValueError(f"x has shape {x.shape}; expected (..., {self.in_features})")
        return (*x.shape[:-1], self.out_features)

    def _joined(self, x: Tensor, y: Tensor) -> Tensor:
        return self.rc(concatenate([x, y], -1))


def _one_or_chain(modules: tuple[Module, ...]) -> Module:
    if not modules:
        raise TypeError("at least one module is needed")
    for i, module in enumerate(modules):
        checked_module(f"modules[{i}]", module)
    return modules[0] if len(modules) == 1 else Sequential(*modules)
