"""Modules with a state that lives from call to call, and must be reset between sequences."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import grad_enabled
from ..modes import S
from ..ops.elementwise import as_tensor, cast
from ..recompute import using
from ..runtime.recording import begins, captures
from ..settings import Setting, setting
from ..stepping import has_steps, mixed, modes_of, stepped
from ..tensor import FLOAT32, Tensor
from .module import Module
from .reading import look


class StatefulModule(Module):
    """Base of modules with state: `register_memory` declares it, `reset()` sets it back.

    State is a number until the first input gives it a shape; it is part of the tape, and not of `state_dict`.
    `grilly_vk.functional.reset_net` resets every one in a model, `detach_net` cuts their states off the tape.

    A subclass whose forward knows of one step only, forward(x), is called once a step in step mode "m", and its parts
    are in step mode "s".  One that handles all steps itself says takes_steps = True, and has a forward(x, steps=None).

    Attributes:
        step_mode: "s": a call is one time step (B, ...). "m": a call is all of them, (T, B, ...).
    """

    step_mode: str = setting(arguments.choice, ("s", "m"))
    _only_results: tuple[str, ...] = ()  # what reset() sets and no call goes on from
    _inner = ("arriving", "beginning", "entering", "memories", "restore", "snapshot")  # of `calling`: at every call

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls._in_time = property(_steps_of) if cls.over_time == "step" else 0  # type: ignore[assignment]

    def _call_in_time(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """One call per step, in step mode "s" meanwhile."""
        if len(args) != 1:
            raise TypeError(
                f"{type(self).__name__} in step mode 'm' takes one input (T, B, ...), not {len(args)}; a class that "
                "handles all steps itself says takes_steps = True and has a forward(x, steps=None)"
            )
        x = as_tensor("x", args[0])
        if any("m" in modes_of(part) for part in self.children()):
            raise ValueError(mixed(type(self).__name__))
        before, self.step_mode = self.step_mode, "s"
        try:
            return stepped(self, self._call_once, x, **kwargs)
        finally:
            self.step_mode = before

    def __init__(self) -> None:
        super().__init__()
        if isinstance(type(self).step_mode, Setting):  # not where a class says its own
            self.__dict__["step_mode"] = S
        self.__dict__["_memories"] = {}

    def register_memory(self, name: str, value: Any) -> None:
        """Makes an attribute that `reset()` sets back to `value`.

        Args:
            name: of the attribute.
            value: a number or None.

        Raises:
            ValueError: an attribute of that name is there already.
        """
        self._free_name("_modules", name)
        self._memories[name] = value
        setattr(self, name, value)

    def memories(self) -> dict[str, Any]:
        """The state that the next call goes on from, by name."""
        state = self.snapshot()
        for name in self._only_results:
            state.pop(name, None)
        return state

    def snapshot(self) -> dict[str, Any]:
        """Everything that `reset()` sets, by name, for `restore` to put back."""
        state = {}
        for name in self._memories:
            state[name] = getattr(self, name)
        return state

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Sets the state back to what `snapshot()` found."""
        for name, value in snapshot.items():
            setattr(self, name, value)

    def reset(self) -> None:
        """Sets the state back to its first values: the next input starts a new sequence, and may have another shape."""
        using(self)
        if captures:
            begins(self)
        self.restore(self._memories)

    def detach(self) -> None:
        """Cuts the state off the tape: backward stops here (truncated backpropagation through time)."""
        using(self)
        for name in self._memories:
            value = getattr(self, name)
            if isinstance(value, Tensor):
                setattr(self, name, value.detach())

    def __deepcopy__(self, memo: dict[int, Any]) -> StatefulModule:
        """A copy whose state has the same values, off the tape."""
        out = memo[id(self)] = type(self).__new__(type(self))
        for name, value in self.__dict__.items():
            own = value.detach() if name in self._memories and isinstance(value, Tensor) else value
            out.__dict__[name] = copy.deepcopy(own, memo)
        return out

    def _holds_tensors(self) -> bool:
        return any(isinstance(value, Tensor) for value in self.memories().values())

    def arriving(self, x: Any, steps: str | None) -> tuple[Tensor, bool]:
        """The input of a call as a float32 Tensor, and whether it has a time axis.

        Args:
            x: the input.
            steps: None, or given by containers: x has a time axis, whatever the step mode.

        Raises:
            ValueError: a wrong step mode, or no time axis in step mode "m". TypeError: no real numbers.
        """
        multi = has_steps(self, steps)
        x = as_tensor("x", x)
        if x.dtype is not FLOAT32:
            x = cast(x, FLOAT32)
        if multi and not x.shape:
            raise ValueError(f"x has shape {x.shape}; in step mode 'm' expected (T, B, ...)")
        if self._looked is not self.step_mode and steps is None:
            look(self, x, multi)
        return x, multi

    def entering(self, shape: tuple[int, ...], past: tuple[int, ...] = ()) -> None:
        """Checks the state before it is used: of this shape, of a graph that still is, inside one compiled function.

        Args:
            shape: of one step of x, and of the state.
            past: axes that the state has in front of these, such as that of the steps which it holds.

        Raises:
            ValueError: the state has another shape. RuntimeError: backward() has freed its graph, or it would cross
                into or out of a captured graph. TypeError: it is neither a number nor a float32 Tensor.
        """
        for name, value in self.memories().items():
            if not isinstance(value, Tensor):
                if value is not self._memories[name] and not isinstance(value, (int, float, np.number)):
                    raise TypeError(
                        f"the state {name} of {type(self).__name__} must be a number or a Tensor, not "
                        f"{type(value).__name__}"
                    )
                continue
            if value.dtype is not FLOAT32:
                raise TypeError(f"the state {name} of {type(self).__name__} must be float32, not {value.dtype}")
            if value.shape != past + shape:
                raise ValueError(
                    f"one step of x has shape {shape}, but the state {name} of {type(self).__name__} has shape "
                    f"{value.shape[len(past) :]} from the inputs before; call F.reset_net(model) before a batch of "
                    "another shape"
                )
            if value.node is not None and value.node[0].backward is None and grad_enabled():
                raise RuntimeError(
                    f"the state {name} of {type(self).__name__} comes from a graph that backward() has freed; call "
                    "F.reset_net(model) before a new sequence, or F.detach_net(model) to go on with truncated "
                    "backpropagation"
                )
        self.beginning()

    def beginning(self) -> None:
        """Notes the use of the state while a graph is captured.

        Raises:
            RuntimeError: it would cross into the graph.
        """
        using(self)
        if captures:
            begins(self, self._check_border)

    def _check_border(self, left: bool) -> None:
        """At the border of a captured graph; left: at its end, for a replay begins with the first state again."""
        if self._holds_tensors():
            if left:
                self.reset()
            raise RuntimeError(
                f"the state of {type(self).__name__} would cross the border of a captured or compiled function, and "
                "replays could not carry it on; call F.reset_net(model) inside the function, before the forward pass"
            )


def _steps_of(module: StatefulModule) -> int:
    return int(module.step_mode == "m")


class Counting(StatefulModule):
    """Base of modules with numbers of each step, which count the steps that they are given one by one."""

    t: int
    T: int | None

    def _step(self) -> int:
        """The number of the step to come."""
        self.beginning()
        if self.T is None:
            raise ValueError(
                f"the number of steps of {type(self).__name__} is not known yet; give T, or all steps in one call first"
            )
        if arguments.size("t", self.t, 0) >= self.T:
            raise ValueError(
                f"{type(self).__name__} has parameters for T={self.T} steps, and this would be step {self.t + 1}; call "
                "F.reset_net(model) before a new sequence"
            )
        return self.t

    def _all_steps(self, x: Tensor) -> None:
        self.beginning()
        if x.shape[0] != self.T:
            raise ValueError(f"x has shape {x.shape}, {x.shape[0]} steps; {type(self).__name__} has T={self.T}")
        if self.t:
            raise ValueError(
                f"{type(self).__name__} is {self.t} steps into a sequence that came step by step; call "
                "F.reset_net(model) before all steps of another one"
            )

    def _holds_tensors(self) -> bool:
        return self.t > 0 or super()._holds_tensors()  # nor can a recording carry on from a step
