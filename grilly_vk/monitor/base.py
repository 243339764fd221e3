"""Monitors: what modules of a network do, recorded through forward hooks into device memory that does not grow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np

from .. import arguments
from ..autograd import no_grad
from ..errors import shown
from ..nn.hooks import Handle
from ..nn.module import Module
from ..ops.elementwise import as_tensor
from ..ops.exchange import assign_all
from ..recompute import running_again
from ..tensor import Tensor
from ..typing import StepMode
from .records import Counts, Ring
from .select import is_spiking, select, takes_time

# (module, arguments, output, whether the call has a time axis) -> (value, whether its first axis is time)
Pick = Callable[[Module, "tuple[Any, ...]", Any, bool], "tuple[Any, bool]"]


class _Tap:
    """A forward hook: hands what `pick` finds to a record, and returns nothing, so that the output stays."""

    observes = True  # for who has to know whether hooks change anything

    def __init__(
        self, name: str, record: Ring | Counts, pick: Pick, transform: Callable[[Any], Any] | None, step_mode: StepMode
    ) -> None:
        self.name, self.record = name, record
        self._pick, self._transform, self._step_mode = pick, transform, step_mode

    def __call__(self, module: Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        if running_again():  # the second run of a checkpoint, whose first was recorded
            return
        with no_grad():
            value, in_time = self._pick(module, args, output, takes_time(module, kwargs, self._step_mode))
            value = _tensor(self.name, value).detach()
            if self._transform is not None:
                value = _tensor(self.name, self._transform(value))
            if in_time and not value.ndim:
                raise ValueError(f"{self.name} runs in step mode 'm' but gave a single number; expected (T, B, ...)")
            self.record.put(value if in_time else value._alias((1, *value.shape)))


def _tensor(name: str, value: Any) -> Tensor:
    """The tensor itself, or the first in a tuple, such as (output, state)."""
    while isinstance(value, (tuple, list)) and value:
        value = value[0]
    if isinstance(value, np.ndarray):
        return as_tensor(name, value)
    if not isinstance(value, Tensor):
        raise TypeError(f"{name} gave {type(value).__name__} to its monitor; expected a Tensor")
    return value


class Monitor(Mapping[str, np.ndarray]):
    """Base of the monitors: a mapping from the names of modules to what was recorded of them, as numpy arrays.

    It listens from construction until `remove()`, the end of its ``with`` block, or until nobody refers to it.
    Listening changes neither results nor gradients, and never waits for the device; reading does.

    Args:
        model: a Module; or several, in a dict by name or in a list.
        modules: what to look at: names such as "fc1.lif", types, Modules of the model, or a list of these.  None: what
            this kind of monitor is for; of several models, all of them.
        step_mode: "s" where a call is one step (B, ...), the default, or "m" where it is a sequence (T, B, ...); for
            modules that have no attribute `step_mode`.  Containers tell the nodes in them.
        transform: applied to each value before it is recorded, off the tape, such as ``lambda v: v[..., :5]``.

    Raises:
        TypeError, ValueError: arguments of the wrong type or value, no such module, or nothing to look at.
    """

    __hash__ = object.__hash__
    __eq__ = object.__eq__
    holds = "values"  # or "spikes", "rates": what pictures may take it for
    _wanted = "spiking module"  # what `_is_default` looks for

    def __init__(
        self,
        model: Any,
        modules: Any = None,
        *,
        step_mode: StepMode = "s",
        transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self._taps: dict[str, _Tap] = {}
        self._handles: list[Handle] = []
        self._tickets: list[Any] = []  # they take the taps off the modules when nobody refers to this
        self._step_mode = arguments.choice("step_mode", step_mode, ("s", "m"))
        if transform is not None and not callable(transform):
            raise TypeError(f"transform must be callable, not {type(transform).__name__}")
        self._modules = select(model, modules, self._is_default, self._wanted)
        for name, module in self._modules.items():
            self._check(name, module)
        for name, module in self._modules.items():
            tap = _Tap(name, self._record(name), self._picker(name), transform, self._step_mode)
            self._taps[name] = tap
            handle = module.register_forward_hook(tap, with_kwargs=True)
            self._handles.append(handle)
            self._tickets.append(handle.ticket())

    # ---- given by each kind ----

    def _is_default(self, module: Module) -> bool:
        return is_spiking(module)

    def _check(self, name: str, module: Module) -> None:
        """Raises if the module can't be looked at."""

    def _record(self, name: str) -> Ring | Counts:
        raise NotImplementedError(f"{type(self).__name__} does not define _record()")

    def _picker(self, name: str) -> Pick:
        return lambda module, args, output, in_time: (output, in_time)

    def _values(self, record: Any) -> np.ndarray:
        raise NotImplementedError(f"{type(self).__name__} does not define _values()")

    # ---- reading ----

    @property
    def names(self) -> tuple[str, ...]:
        """The modules it looks at."""
        return tuple(self._taps)

    @property
    def modules(self) -> dict[str, Module]:
        """The modules it looks at, by name."""
        return dict(self._modules)

    @property
    def nbytes(self) -> int:
        """Bytes of device memory that it holds now; they don't grow after the first call of each module."""
        return sum(tap.record.nbytes for tap in self._taps.values())

    def __getitem__(self, name: str) -> np.ndarray:
        return self._values(self._started(name))

    def __iter__(self) -> Iterator[str]:
        return (name for name, tap in self._taps.items() if tap.record.started)

    def __contains__(self, name: object) -> bool:
        return name in self._taps and self._taps[str(name)].record.started

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def steps(self, name: str) -> int:
        """How many steps of a module there were since the start or `clear()`, also those no longer kept."""
        return self._started(name).read()[1]

    def _started(self, name: str) -> Any:
        if name not in self._taps:
            raise KeyError(f"no module {name!r} is monitored; there are {shown(list(self.names)).strip('[]')}")
        record = self._taps[name].record
        if not record.started:
            raise KeyError(
                f"nothing was recorded of {name!r}: it was not called since the monitor was made.  A graph that was "
                "captured before runs without the monitor: make the monitor first"
            )
        return record

    # ---- switching ----

    def clear(self) -> None:
        """Forgets what was recorded, and goes on.  Inside a capture it is part of the graph, done in each replay."""
        records = [tap.record for tap in self._taps.values()]
        assign_all((record.counted, 0) for record in records if record.counted is not None)
        for record in records:
            record.clear()

    def disable(self) -> None:
        """Stops recording until `enable()`.  A graph that was captured before goes on; what `compile` made doesn't."""
        for handle in self._handles:
            handle.remove()

    def enable(self) -> None:
        """Goes on recording after `disable()`.

        Raises:
            RuntimeError: after `remove()`.
        """
        if self._taps and not self._handles:
            raise RuntimeError("the monitor was removed from its modules; make a new one")
        for handle in self._handles:
            handle.restore()

    def remove(self) -> None:
        """Detaches the monitor from its modules for good.  What was recorded can still be read."""
        handles, self._handles = self._handles, []
        for handle in handles:
            handle.remove()

    def __enter__(self) -> Any:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(self.names)})"
