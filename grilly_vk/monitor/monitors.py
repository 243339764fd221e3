"""The kinds of monitor: outputs, inputs, attributes; spikes, potentials, rates."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..nn.module import Module
from ..tensor import Tensor
from ..typing import StepMode
from .base import Monitor, Pick
from .records import Counts, Ring


class _Steps(Monitor):
    """A monitor that keeps the last steps."""

    def __init__(
        self,
        model: Any,
        modules: Any = None,
        *,
        max_steps: int = 1000,
        max_bytes: int = 1 << 26,
        samples: int | None = None,
        step_mode: StepMode = "s",
        transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        limits = arguments.size("max_steps", max_steps), arguments.size("max_bytes", max_bytes)
        self._limits = (*limits, None if samples is None else arguments.size("samples", samples))
        super().__init__(model, modules, step_mode=step_mode, transform=transform)

    def _record(self, name: str) -> Ring:
        return Ring(name, *self._limits)

    def _values(self, record: Ring) -> np.ndarray:
        return record.read()[0]


class OutputMonitor(_Steps):
    """Records the last outputs of modules; with modules=None, of the spiking ones.

    ``monitor[name]`` has shape (steps, B, ...), oldest first.  The first call takes device memory for all the steps
    that are kept, and no more is taken later.

    Args:
        model, modules, step_mode, transform: see `Monitor`.
        max_steps: steps kept of each module, default 1000; then the oldest go.
        max_bytes: device memory for each module, default 64 MiB; it may allow fewer steps than max_steps.
        samples: keep only the first so many samples of each batch; None: all.  Batches of another size than the first
            are left out, with a warning, unless `samples` makes them alike.

    Raises:
        TypeError, ValueError: as in `Monitor`; at the first call, if max_bytes does not hold one step.
    """


class InputMonitor(_Steps):
    """Records the last inputs (first arguments) of modules; with modules=None, of the spiking ones.

    Args: as in `OutputMonitor`.
    """

    def _picker(self, name: str) -> Pick:
        return lambda module, args, output, in_time: (args[0] if args else None, in_time)


class SpikeMonitor(OutputMonitor):
    """Records the last spikes: the outputs of the spiking modules.

    Args: as in `OutputMonitor`.
    """

    holds = "spikes"


class AttributeMonitor(_Steps):
    """Records an attribute of modules after each call; with modules=None, of all modules that have it.

    Args:
        attribute: its name; one that ends in "_seq" holds all steps of a call, (T, B, ...), any other is one step.
        model, modules, transform, max_steps, max_bytes, samples: as in `OutputMonitor`.

    Raises:
        TypeError, ValueError: as in `OutputMonitor`, or a module without the attribute.
    """

    def __init__(
        self,
        model: Any,
        attribute: str,
        modules: Any = None,
        *,
        max_steps: int = 1000,
        max_bytes: int = 1 << 26,
        samples: int | None = None,
        transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        if not isinstance(attribute, str) or not attribute:
            raise TypeError(f"attribute must be the name of one, not {shown(attribute)}")
        self._attribute = attribute
        self._wanted = f"module with an attribute {shown(attribute)}"
        super().__init__(model, modules, max_steps=max_steps, max_bytes=max_bytes, samples=samples, transform=transform)

    def _is_default(self, module: Module) -> bool:
        """A part of that name, such as the v of q, k and v, is no value."""
        return hasattr(module, self._attribute) and not isinstance(getattr(module, self._attribute), Module)

    def _check(self, name: str, module: Module) -> None:
        if not self._is_default(module):
            raise ValueError(f"modules: {name} ({type(module).__name__}) has no attribute {shown(self._attribute)}")

    def _picker(self, name: str) -> Pick:
        attribute = self._attribute
        each_step = attribute.endswith("_seq")
        return lambda module, args, output, in_time: (getattr(module, attribute), each_step)


class PotentialMonitor(AttributeMonitor):
    """Keeps the last membrane potentials: `v`, and of modules in step mode "m" `v_seq`.

    They are those after the reset, and in step mode "m" those before it of modules with store_v_seq="before".  While
    the monitor is there, modules that can have their `store_v_seq` set.

    Args: as in `OutputMonitor`.
    """

    def __init__(
        self,
        model: Any,
        modules: Any = None,
        *,
        max_steps: int = 1000,
        max_bytes: int = 1 << 26,
        samples: int | None = None,
        transform: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__(
            model, "v", modules, max_steps=max_steps, max_bytes=max_bytes, samples=samples, transform=transform
        )
        self._storing = [m for m in self._modules.values() if isinstance(getattr(m, "store_v_seq", None), (bool, str))]
        for module in self._storing:
            _store(module)

    def _picker(self, name: str) -> Pick:
        def pick(module: Module, args: tuple[Any, ...], output: Any, in_time: bool) -> tuple[Any, bool]:
            if not in_time:
                return module.v, False
            if getattr(module, "v_seq", None) is None:
                raise RuntimeError(f"{name} runs all steps in one call and keeps no v_seq, the potential of each step")
            return module.v_seq, True

        return pick

    def remove(self) -> None:
        """Detaches the monitor from its modules for good, and restores their `store_v_seq`."""
        super().remove()
        storing, self._storing = getattr(self, "_storing", []), []
        for module in storing:
            _let_go(module)


# How many monitors want a module's v_seq, and whether it was stored before the first of them.
_stored: weakref.WeakKeyDictionary[Module, tuple[int, bool | str]] = weakref.WeakKeyDictionary()


def _store(module: Module) -> None:
    monitors, before = _stored.get(module, (0, module.store_v_seq))
    _stored[module] = (monitors + 1, before)
    module.store_v_seq = module.store_v_seq or True


def _let_go(module: Module) -> None:
    monitors, before = _stored.pop(module, (0, None))  # none: the module is being collected together with its monitor
    if before is None:
        return
    if monitors > 1:
        _stored[module] = (monitors - 1, before)
    else:
        module.store_v_seq = before


class RateMonitor(Monitor):
    """Counts the spikes of each neuron: firing rates over any time, in memory of two words per neuron.

    ``monitor[name]`` is the rate in spikes per step, float64, of the shape of one sample's neurons, averaged over the
    steps and the samples of all batches; NaN without a step.  The counters are 64-bit whole numbers: exact, and alike
    in eager and in replayed steps.  A step with a single axis is taken for the neurons of one sample.  ``steps(name)``
    counts each sample's steps.

    Args:
        model, modules, step_mode, transform: see `Monitor`.
    """

    holds = "rates"

    def _record(self, name: str) -> Counts:
        return Counts(name)

    def _values(self, record: Counts) -> np.ndarray:
        counts, rows = record.read()
        return counts / rows if rows else np.full(counts.shape, np.nan)

    def counts(self, name: str) -> np.ndarray:
        """Spikes of each neuron of a module, int64."""
        counts: np.ndarray = self._started(name).read()[0]
        return counts
