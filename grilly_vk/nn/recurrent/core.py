"""What the recurrent cores share: functional state, learnable constants, single steps and whole runs."""

from __future__ import annotations

import math
from typing import Any

from ... import arguments, families
from ...errors import shown
from ...ops.core_run import TWO_STATES, CoreDynamics
from ...ops.cores import unroll
from ...ops.elementwise import as_tensor, cast
from ...runtime.recording import called
from ...settings import fixed, setting
from ...surrogate import Surrogate, chosen, slope_of, superspike
from ...tensor import FLOAT32, Tensor, empty, full
from ...typing import ArrayLike, Shape
from .. import init
from ..module import Module, Parameter


class Core(Module):
    """Base of the recurrent cores: `out, state = core(x, state)`, with the state in the caller's hands.

    The state that comes in is never changed; a new one is returned.  Spikes come from the potential before the step,
    s = [V > threshold], gradients go through the reset, and constants are clipped to [0, 1] where they are used, with
    the gradient of `torch.clamp`: 1 inside and at both ends, 0 beyond.

    Args:
        hidden_shape: of a sample, a tuple or one number; x is (..., *hidden_shape).
        threshold: firing threshold.
        activation: surrogate gradient, a `grilly_vk.surrogate.Surrogate`; None: superspike().
        name: kept as `name`.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; at a call, an input or state that does not fit.

    Source: spyx.nn.
    """

    hidden_shape: tuple[int, ...] = fixed()
    threshold = setting(arguments.real)
    activation = setting(chosen, held=slope_of)
    name: str = fixed()
    takes_steps = True
    _model: str
    _second: str | None = None  # the constant of the second state
    _state_name, _shape_name = "V", "hidden_shape"

    def __init__(self, hidden_shape: Shape, threshold: float, activation: Surrogate | None, name: str) -> None:
        super().__init__()
        self.hidden_shape = shape_of(self._shape_name, hidden_shape)
        self.threshold = threshold
        self.activation = superspike() if activation is None else activation
        if not isinstance(name, str):
            raise TypeError(f"name must be a string, not {type(name).__name__} ({shown(name)})")
        self.name = name

    def _constant(self, name: str, value: Any, start: float | None = None) -> None:
        """Registers a learnable constant: one per unit if value is None (`start` or truncated normal), or a scalar."""
        if value is not None:
            setattr(self, name, Parameter(full((), arguments.real(name, value))))
        elif start is not None:
            setattr(self, name, Parameter(full(self.hidden_shape, start)))
        else:
            setattr(self, name, Parameter(empty(self.hidden_shape)))
            init.trunc_normal_(getattr(self, name), 0.5, 0.25, 0.0, 1.0)

    # ---- state ----

    @property
    def state_shape(self) -> tuple[int, ...]:
        """Of one sample's state: hidden_shape, its last axis twice as long for cores of two states."""
        *lead, last = self.hidden_shape
        return (*lead, 2 * last if self._model in TWO_STATES else last)

    def initial_state(self, batch_size: int | None) -> Tensor:
        """Zeros (batch_size, *state_shape), or without the batch axis if batch_size is None.

        Raises:
            TypeError, ValueError: batch_size is no whole number of at least 0.
        """
        lead = () if batch_size is None else (arguments.size("batch_size", batch_size, 0),)
        return full((*lead, *self.state_shape), 0.0)

    def _input(self, name: str, x: Any, timed: bool) -> Tensor:
        x = cast(as_tensor(name, x), FLOAT32)
        own = self.hidden_shape
        if x.ndim < len(own) + timed or x.shape[x.ndim - len(own) :] != own:
            wanted = ", ".join([*(["T"] if timed else []), "...", *map(str, own)])
            raise ValueError(f"{name} has shape {x.shape}; expected ({wanted}) for {type(self).__name__} of {own}")
        return x

    def _given(self, name: str, state: Any, lead: tuple[int, ...]) -> Tensor:
        state = as_tensor(name, state)
        if state.dtype is not FLOAT32:
            raise TypeError(f"{name} must be float32, not {state.dtype}")
        wanted = (*lead, *self.state_shape)
        if state.shape != wanted:
            raise ValueError(f"{name} has shape {state.shape}; expected {wanted}, as core.initial_state() makes it")
        return state

    # ---- use ----

    def _dynamics(self) -> CoreDynamics:
        return CoreDynamics(self._model, self.threshold, math.prod(self.hidden_shape), self.hidden_shape[-1])

    def _run(self, xs: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        constants: dict[str, Any] = {"b": getattr(self, "beta", None), "w": getattr(self, "recurrent_w", None)}
        if self._second is not None:
            constants["c"] = getattr(self, self._second)
        return unroll(xs, state, self._dynamics(), self._slope(), **constants)

    def _slope(self) -> Any:
        return self.activation.slope

    def unroll(self, xs: ArrayLike, state: Any = None) -> tuple[Tensor, Tensor]:
        """All steps at once, in one dispatch: the results of a loop of `out, state = core(x, state)`.

        Args:
            xs: (T, ..., *hidden_shape).
            state: before the first step, (..., *state_shape); None: zeros.

        Returns:
            The outputs (T, ..., *hidden_shape), and the state after the last step.

        Raises:
            ValueError: shapes that don't fit. TypeError: no real numbers.
        """
        called(self)
        xs = self._input("xs", xs, timed=True)
        lead = xs.shape[1 : xs.ndim - len(self.hidden_shape)]
        state = (
            full((*lead, *self.state_shape), 0.0, on=xs.engine) if state is None else self._given("state", state, lead)
        )
        return self._run(xs, state)

    def _call(self, x: Any, state: Any, steps: str | None) -> Any:
        """One step; or with `steps`, given by containers, all of them from the initial state, outputs only."""
        if steps is not None:
            return self.unroll(x, state)[0]
        name = self._state_name
        if state is None:
            kind = type(self).__name__
            raise TypeError(
                f"{name} is missing: {kind} is a recurrent core, out, {name} = core(x, {name}) with {name} from "
                f"core.initial_state(batch_size); all steps: F.unroll(core, xs){self._node_instead()}"
            )
        x = self._input("x", x, timed=False)
        state = self._given(name, state, x.shape[: x.ndim - len(self.hidden_shape)])
        outs, state = self._run(x.reshape(1, *x.shape), state)
        return outs.reshape(x.shape), state

    @classmethod
    def _node_instead(cls) -> str:
        found = families.counterpart(cls)
        return f"; keeps its state itself: {found}" if found else ""

    def extra_repr(self) -> str:
        """The shape, the threshold, and which constants are learnt one per unit."""
        parts = [str(self.hidden_shape)]
        for key, value in self._parameters.items():
            if value is not None and key != "recurrent_w":
                parts.append(f"{key}: {'one a unit' if value.shape else 'scalar'}")
        return ", ".join([*parts, *([] if self._model == "li" else [f"threshold={self.threshold:g}"])])


class RecurrentCore(Core):
    """Mixin of cores with recurrent weights: the spikes of a step times W are part of the next input.

    Attributes:
        recurrent_w: Parameter (n, n), from and to, n the number of units; truncated normal with standard deviation
            0.01 at the start, as in spyx.  Rows of units that are silent are not read, so a NaN there is not seen.
    """

    def __init__(self, hidden_shape: Shape, threshold: float, activation: Surrogate | None, name: str) -> None:
        super().__init__(hidden_shape, threshold, activation, name)
        n = math.prod(self.hidden_shape)
        self.recurrent_w = Parameter(empty((n, n)))
        init.trunc_normal_(self.recurrent_w, 0.0, 0.01, -0.02, 0.02)


def shape_of(name: str, value: Any) -> tuple[int, ...]:
    """A shape of at least one axis, none of them empty; a number is one axis."""
    if not isinstance(value, (tuple, list)):
        return (arguments.size(name, value),)
    if not value:
        raise ValueError(f"{name} must have at least one axis, got {shown(value)}")
    return tuple(arguments.size(name, size) for size in value)
