"""What trace neurons and connections share: input checks and what the last call did; a fixed shape, batch first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...ops.elementwise import as_tensor, cast
from ...ops.shape import concatenate, stack
from ...ops.state import filled
from ...ops.traced import Numbers
from ...runtime.plain import FILL
from ...runtime.recording import begins, called
from ...settings import fixed
from ...tensor import BOOL, FLOAT32, Tensor
from ...typing import ArrayLike, Shape
from ..module import Module

UPDATES = ("linear", "exponential")


def cells_of(cells_shape: Any) -> tuple[int, ...]:
    """A shape with the batch first.

    Raises:
        TypeError, ValueError: no list or tuple of whole numbers from 1.
    """
    if not isinstance(cells_shape, (list, tuple)):
        raise TypeError(f"cells_shape must be a list or tuple with the batch first, not {type(cells_shape).__name__}")
    if not cells_shape:
        raise ValueError("cells_shape is empty; expected the batch size first, such as (1, 100)")
    return tuple(arguments.size(f"cells_shape[{i}]", size) for i, size in enumerate(cells_shape))


def decay_of(name: str, tau: Any, how: str, dt: float) -> float:
    """What a kernel takes: the factor itself (linear), or dt / tau (exponential).

    Raises:
        TypeError, ValueError: not in [0, 1] (linear); not positive (exponential).
    """
    return arguments.between(name, tau, 0.0, 1.0) if how == "linear" else dt / arguments.positive(name, tau)


def zero(tensor: Tensor, value: float = 0.0) -> None:
    """Fills in place."""
    bits = int(np.array(value, np.float32).view(np.uint32)) if tensor.dtype is FLOAT32 else int(value)
    FILL(dst=tensor, n=tensor.size, bits=bits)
    tensor.version += 1


def incoming(name: str, value: Any, wanted: Sequence[tuple[Any, ...]], *, steps: bool) -> Tensor:
    """The input as a float32 or bool Tensor of one of the wanted shapes, with `steps` behind an axis of any T steps.

    Raises:
        TypeError: no real numbers. ValueError: another shape; "n_in" stands for any size.
    """
    x = as_tensor(name, value)
    x = x.detach() if x.dtype in (FLOAT32, BOOL) else cast(x, FLOAT32)
    inner = x.shape[1:] if steps else x.shape
    if not any(len(w) == len(inner) and all(b in (a, "n_in") for a, b in zip(inner, w)) for w in wanted):
        shapes = [("T", *w) if steps else w for w in wanted]
        text = " or ".join("(" + ", ".join(map(str, w)) + ("," if len(w) == 1 else "") + ")" for w in shapes)
        raise ValueError(f"{name} has shape {x.shape}; expected {text}")
    return x


class TracedPart(Module):
    """Base of neurons and connections: they keep what the last call did, which learning rules read."""

    _last: tuple[Tensor, ...] | None = None

    def _remember(self, *made: Tensor) -> None:
        self.__dict__["_last"] = tuple(t.detach() for t in made)
        begins(self)  # so that a replay puts `_last` back to what its recording left

    def snapshot(self) -> dict[str, Any]:
        """What the last call left, for `restore`."""
        return {"_last": self._last}

    def restore(self, snapshot: dict[str, Any]) -> None:
        """Sets it back."""
        self.__dict__.update(snapshot)

    def reset_state(self) -> None:
        """Sets the state that accumulates over time back to its first values."""
        self.__dict__["_last"] = None

    def reset(self) -> None:
        """`reset_state`, for `F.reset_net`."""
        self.reset_state()

    def no_grad(self) -> None:
        """Turns the gradients of all parameters off."""
        self.requires_grad_(False)


class Cells(TracedPart):
    """Base of the trace neurons: state in tensors of a fixed shape, updated in place."""

    cells_shape: tuple[int, ...] = fixed()
    dt: float = fixed()
    trace: Tensor
    spikes: Tensor
    _model: str | None = None
    _trace_hooks: tuple[str, ...] = ("update_trace", "convert_spikes")
    _keeps_bare = False
    _hooks: tuple[str, ...] = ()  # methods that a subclass may replace, and then each step goes through all of them

    def __init__(self, cells_shape: Shape, dt: Any) -> None:
        super().__init__()
        self.cells_shape = cells_of(cells_shape)
        self.dt = arguments.positive("dt", dt)
        self.register_buffer("trace", filled(self.cells_shape, 0.0))
        self.register_buffer("spikes", filled(self.cells_shape, 0, np.bool_))

    # ---- calls ----

    def run(self, x: ArrayLike, *more: Any) -> tuple[Tensor, Tensor]:
        """All steps of a sequence, in one dispatch; with replaced methods, step after step.

        Args:
            x: what `forward` takes, with an axis of T steps in front.
            more: the same of its other arguments.

        Returns:
            (spikes, traces), each (T, *cells_shape).

        Raises:
            ValueError, TypeError: as `forward`.
        """
        called(self)
        given = [self._given(name, value, steps=True) for name, value in zip(("x", "pre_trace"), (x, *more))]
        if any(value.shape[0] != given[0].shape[0] for value in given):
            raise ValueError(f"pre_trace has {given[-1].shape[0]} steps and x {given[0].shape[0]}")
        if self._own("forward"):
            out: tuple[Tensor, Tensor] = self(*given, steps="loop")
            return out
        return self._loop(self, given)

    def _loop(self, step: Any, given: list[Tensor]) -> tuple[Tensor, Tensor]:
        """One call per step."""
        if given[0].shape[0] == 0:
            raise ValueError(f"x has shape {given[0].shape}: no steps to run {type(self).__name__} on")
        made: list[tuple[Tensor, Tensor]] = []
        bare: list[Tensor] = []
        for t in range(given[0].shape[0]):
            self.__dict__["_last"] = None
            made.append(step(*(value[t] for value in given)))
            bare += [] if self._last is None else self._last[2:]
        spikes, traces = stack([s for s, _ in made]), stack([y for _, y in made])
        self._remember(spikes, traces, *([concatenate(bare)] if len(bare) == len(made) else []))
        return spikes, traces

    def _given(self, name: str, value: Any, *, steps: bool) -> Tensor:
        """The input as a float32 or bool Tensor of (T,) + cells_shape, or one axis more."""
        wanted = [self.cells_shape, (*self.cells_shape, "n_in")][: 1 + self._inputs]
        return incoming(name, value, wanted, steps=steps)

    _inputs = 0  # axes of incoming values behind cells_shape

    def _own(self, *names: str) -> bool:
        """Whether these methods are those of the last class that defines a kernel for them."""
        kind = type(self)
        base = next(c for c in kind.__mro__ if "_model" in vars(c))
        return all(getattr(kind, n) is getattr(base, n) and n not in self.__dict__ for n in names)

    # ---- what a learning rule asks ----

    @property
    def ran(self) -> tuple[Tensor, Tensor]:
        """(spikes, traces) of the last call, each (T, *cells_shape); T is 1 after `forward`."""
        if self._last is not None:
            spikes, traces, *_ = self._last
            return spikes, traces
        shape = (1, *self.cells_shape)
        return self.spikes.detach()._alias(shape), self.trace.detach()._alias(shape)

    def _numbers(self) -> Numbers:
        raise NotImplementedError(f"{type(self).__name__} does not define constants for a kernel")

    @property
    def own_trace(self) -> bool:
        """Whether a subclass replaces what moves the trace on, so that only it knows what a spike adds."""
        return self._model is None or not self._own(*self._trace_hooks)

    @property
    def jump(self) -> float:
        """What one spike adds to the trace.

        Raises:
            NotImplementedError: a subclass has a trace of its own.
        """
        if self.own_trace:
            raise NotImplementedError(
                f"{type(self).__name__} replaces {' or '.join(self._trace_hooks)}: what a spike adds to its trace is "
                "not known"
            )
        numbers = self._numbers()
        return numbers.alpha_t * (1.0 if numbers.trace == "linear" else numbers.k_t)

    def keep_bare(self) -> None:
        """From now on each step with a trace of your own also keeps what the trace were without the step's spikes."""
        self.__dict__["_keeps_bare"] = True

    @property
    def bare(self) -> Tensor:
        """Traces of the last call, each as it were without the spikes of its own step, (T, *cells_shape).

        Raises:
            RuntimeError: they were not kept.
        """
        if self._last is None or len(self._last) < 3:
            raise RuntimeError(
                f"{type(self).__name__} has not kept its traces without each step's own spikes; run the network after "
                "the rule was made, and let a forward() of your own end in super().forward()"
            )
        return self._last[2]

    def _moved_trace(self, spikes: Tensor) -> tuple[Tensor, ...]:
        """Calls update_trace; (the trace without these spikes,), of (1, *cells_shape), where a rule asked for it."""
        bare: tuple[Tensor, ...] = ()
        if self._keeps_bare and self.own_trace:
            state = {name: value.copy() for name, value in self._buffers.items() if value is not None}
            attributes = dict(self.__dict__)
            try:
                self.update_trace(filled(self.cells_shape, 0, np.bool_))
                bare = (self.trace.copy()._alias((1, *self.cells_shape)),)
            finally:
                self.__dict__.clear()
                self.__dict__.update(attributes)
                for name, value in state.items():
                    setattr(self, name, value)
        self.update_trace(spikes)
        return bare

    # ---- state ----

    def reset_state(self) -> None:
        """Sets the state that accumulates over time back to its first values."""
        super().reset_state()
        zero(self.trace)
        zero(self.spikes)

    def init_neuron(self) -> None:
        """Initialises the state, and turns gradients off."""
        self.no_grad()
        self.reset_state()

    def update_trace(self, x: ArrayLike) -> None:
        """Moves `trace` on by one step of spikes x; for subclasses to define."""
        raise NotImplementedError(f"{type(self).__name__} does not define update_trace()")

    def __setattr__(self, name: str, value: Any) -> None:
        """State tensors keep their memory: assigning one copies the values into it, of the same shape."""
        home = self.__dict__.get("_buffers", {}).get(name)
        if home is None or value is None:
            super().__setattr__(name, value)
            return
        given = as_tensor(name, value).detach()
        if given.shape != home.shape:
            raise ValueError(f"{name} has shape {given.shape}; expected {home.shape}")
        with no_grad():
            home.assign(cast(given, home.dtype))
