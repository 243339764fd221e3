"""The base of the trace neurons: spiking, refractory time, trace and threshold (pysnn.neuron)."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...ops.elementwise import as_tensor, binary, cast, where
from ...ops.reductions import reduce_sum
from ...ops.shape import concatenate, permute
from ...ops.state import filled
from ...ops.traced import State, trace_neurons
from ...runtime.recording import recording, refuse
from ...settings import fixed, setting
from ...tensor import BOOL, FLOAT32, Tensor, empty, from_numpy
from ...typing import ArrayLike, Shape
from .cells import Cells, zero


class BaseNeuron(Cells):
    """Base of neurons with a potential, a trace, a threshold and a refractory time.

    Each step: the inputs are summed (`fold`); the potential takes them up where the neuron is not refractory
    (`update_voltage`); it fires where the potential reaches the threshold (`spiking`); then the trace
    (`update_trace`), an adaptive threshold (`update_thresh`), the refractory time and the reset (`refrac`).
    Subclasses define `update_voltage(x)` and `update_trace(x)`, and may replace any of the others.

    Args:
        cells_shape: list or tuple, the batch first.
        thresh: the threshold, a number, or an array that broadcasts to cells_shape: one for each neuron.
        v_rest: what the potential goes back to, over time and after a spike.
        alpha_v: how much the potential rises by one input spike.
        alpha_t: how much a spike adds to the trace.
        dt: duration of a step.
        duration_refrac: for how long a neuron takes no input after a spike, a multiple of dt in the same unit.
        store_trace: keep the spikes of all steps, as `complete_trace` (default False).

    Attributes:
        v_cell, trace, thresh, refrac_counts: float32 cells_shape; spikes: bool.  Assigning one copies values into it.
        thresh_center: float32 cells_shape, what `reset_thresh` sets the threshold to.

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.neuron.BaseNeuron.
    """

    v_rest, alpha_v, alpha_t = setting(arguments.real), setting(arguments.real), setting(arguments.real)
    store_trace = setting(arguments.flag)
    duration_refrac: float = fixed()
    is_spiking = True
    v_cell: Tensor
    refrac_counts: Tensor
    thresh: Tensor
    thresh_center: Tensor
    _model: str | None = None
    _inputs = 1
    _hooks: tuple[str, ...] = (
        "fold", "update_voltage", "spiking", "update_trace", "refrac", "convert_spikes", "concat_trace",
    )  # fmt: skip

    def __init__(
        self,
        cells_shape: Shape,
        thresh: ArrayLike,
        v_rest: float,
        alpha_v: float,
        alpha_t: float,
        dt: float,
        duration_refrac: float,
        store_trace: bool = False,
    ) -> None:
        super().__init__(cells_shape, dt)
        self.v_rest = v_rest
        self.alpha_v = alpha_v
        self.alpha_t = alpha_t
        self.duration_refrac = arguments.steps("duration_refrac", duration_refrac, self.dt) * self.dt
        self.store_trace = store_trace
        center = thresholds(thresh, self.cells_shape)
        self.register_buffer("v_cell", filled(self.cells_shape, self.v_rest))
        self.register_buffer("refrac_counts", filled(self.cells_shape, 0.0))
        for name in ("thresh", "thresh_center"):
            self.register_buffer(name, filled(self.cells_shape, 0.0))
            self._buffers[name].assign(center)  # type: ignore[union-attr]
        self.__dict__["_history"] = []

    # ---- what a step is made of ----

    def fold(self, x: ArrayLike) -> Tensor:
        """Sums the last axis, all that comes in at a neuron, where there is one behind cells_shape; as float32."""
        x = self.convert_spikes(x)
        return x if x.shape == self.cells_shape else reduce_sum(x, -1)

    def unfold(self, x: ArrayLike) -> Tensor:
        """Moves the last axis, all that comes in at a neuron, to the front."""
        x = as_tensor("x", x)
        return permute(x, (x.ndim - 1, *range(x.ndim - 1)))

    def convert_spikes(self, spikes: ArrayLike) -> Tensor:
        """Bool spikes as float32, the type of potentials and weights."""
        return cast(as_tensor("spikes", spikes), FLOAT32)

    def update_voltage(self, x: ArrayLike) -> None:
        """Moves the potential on by one step of summed input x; for subclasses to define."""
        raise NotImplementedError(f"{type(self).__name__} does not define update_voltage()")

    def spiking(self) -> Tensor:
        """The cells that are in spiking state: bool [v_cell >= thresh], also kept as `spikes`."""
        with no_grad():
            fired = binary("ge", self.v_cell, self.thresh)
            self.spikes = fired
        return fired

    def refrac(self, spikes: ArrayLike) -> None:
        """Counts the refractory time down by dt, starts it at a spike, and sets spiking cells to v_rest."""
        fired = as_tensor("spikes", spikes)
        with no_grad():
            less = self.refrac_counts - self.dt
            left = where(less > 0.5 * self.dt, less, 0.0)  # exactly 0 in the end
            self.refrac_counts = left + cast(fired, FLOAT32) * self.duration_refrac
            self.v_cell = where(cast(fired, BOOL), self.v_rest, self.v_cell)

    def concat_trace(self, x: ArrayLike) -> None:
        """Puts the spikes of a step behind those stored.

        Raises:
            RuntimeError: while a graph is captured, whose replays could store nothing.
        """
        self._store(as_tensor("x", x).detach()._alias((1, *self.cells_shape)))

    def _store(self, spikes: Tensor) -> None:
        refuse("store_trace keeps spikes in a list, which a compiled function can't do; use a grilly_vk.monitor")
        self._history.append(spikes)

    @property
    def complete_trace(self) -> Tensor | None:
        """All spikes since the last reset, bool cells_shape + (steps,); None without store_trace."""
        if not self.store_trace:
            return None
        if not self._history:
            return empty((*self.cells_shape, 0), BOOL)
        if len(self._history) > 1:
            self._history[:] = [concatenate(list(self._history))]
        whole: Tensor = self._history[0]
        return permute(whole, (*range(1, whole.ndim), 0))

    # ---- a step ----

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> tuple[Tensor, Tensor]:
        """One step.

        Args:
            x: what comes in, bool or numbers: cells_shape + (n_in,), summed over the last axis, or cells_shape.
            steps: given by `run` and containers: x has a time axis.

        Returns:
            (spikes, trace): bool and float32, cells_shape.

        Raises:
            ValueError, TypeError: another shape, no numbers. NotImplementedError: a method is not defined.
        """
        return self._forward(steps, x)

    def _forward(self, steps: str | None, *given: Any) -> tuple[Tensor, Tensor]:
        timed = steps is not None
        values = [self._given(name, value, steps=timed) for name, value in zip(("x", "pre_trace"), given)]
        if values[-1].shape != values[0].shape:
            raise ValueError(f"pre_trace has shape {values[-1].shape}; expected that of x, {values[0].shape}")
        values[1:] = [cast(value, FLOAT32) for value in values[1:]]
        with no_grad():
            if self._model is None or not self._own(*self._hooks):
                return self._loop(self._step, values) if timed else self._step(*values)
            if not timed:
                values = [value._alias((1, *value.shape)) for value in values]
            if self.store_trace and recording():
                self._store(values[0])  # raises, before anything has changed
            spikes, traces = trace_neurons(values[0], self._state(), self._numbers(), *values[1:])
            assert spikes is not None
            self._remember(spikes, traces)
            if self.store_trace:
                self._history.append(spikes.detach())
        return (spikes, traces) if timed else (spikes._alias(self.cells_shape), traces._alias(self.cells_shape))

    def _step(self, x: Tensor, *more: Tensor) -> tuple[Tensor, Tensor]:
        """One step through the methods, for those that a subclass has replaced."""
        self._charge(x, *more)
        spikes = self.spiking()
        bare = self._moved_trace(spikes)
        self._adapt(spikes)
        self.refrac(spikes)
        if self.store_trace:
            self.concat_trace(spikes)
        trace = self.trace.copy()
        self._remember(*(t._alias((1, *self.cells_shape)) for t in (spikes, trace)), *bare)
        return spikes, trace

    def _charge(self, x: Tensor, *more: Tensor) -> None:
        self.update_voltage(self.fold(x))

    def _adapt(self, spikes: Tensor) -> None:
        """The threshold, where it moves."""

    def _state(self) -> State:
        return State(self.trace, self.v_cell, self.refrac_counts, self.thresh, self.thresh_center, self.spikes)

    # ---- state ----

    def reset_state(self) -> None:
        """Sets potential, trace, refractory time, spikes and the stored history back; the threshold stays."""
        super().reset_state()
        zero(self.v_cell, self.v_rest)
        zero(self.refrac_counts)
        self._history.clear()

    def reset_thresh(self) -> None:
        """Sets the thresholds to their first values, which may differ from neuron to neuron."""
        self.thresh = self.thresh_center

    def init_neuron(self) -> None:
        """Initialises state and thresholds, and turns gradients off."""
        super().init_neuron()
        self.reset_thresh()

    def extra_repr(self) -> str:
        """Shape, and the numbers that all of these neurons have."""
        return (
            f"cells_shape={self.cells_shape}, v_rest={self.v_rest:g}, alpha_v={self.alpha_v:g}, "
            f"alpha_t={self.alpha_t:g}, dt={self.dt:g}, duration_refrac={self.duration_refrac:g}"
        )


def thresholds(thresh: Any, shape: tuple[int, ...]) -> Tensor:
    """Numbers or one number as float32 of the shape.

    Raises:
        TypeError, ValueError: no finite numbers, or a shape that does not broadcast.
    """
    given = thresh.numpy() if isinstance(thresh, Tensor) else arguments.array("thresh", thresh)
    if not np.isfinite(given).all():
        raise ValueError("thresh must be finite")
    try:
        whole = np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"thresh has shape {given.shape}; expected one number, or to broadcast to {shape}") from None
    return from_numpy(np.array(whole, np.float32, order="C"))
