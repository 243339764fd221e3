"""Connections between trace neurons: weights, and a delay for each synapse (pysnn.connection)."""

from __future__ import annotations

import weakref
from typing import Any

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...ops.elementwise import as_tensor, cast
from ...ops.matmul import linear
from ...ops.state import filled
from ...ops.trace_synapses import Delays, arriving, synapses
from ...ops.traced import delay_line
from ...settings import fixed
from ...tensor import BOOL, FLOAT32, Tensor, empty, from_numpy
from ...typing import ArrayLike
from .. import init
from ..module import Parameter
from .cells import TracedPart, incoming, zero

DISTRIBUTIONS = (
    "uniform", "neuron_scaled_uniform", "normal", "neuron_scaled_normal", "normalized", "xavier_normal",
    "xavier_uniform", "kaiming_normal", "kaiming_uniform", "constant",
)  # fmt: skip
_MOST_DELAY = 1 << 16  # steps


class Rules(weakref.WeakSet[Any]):
    """The learning rules of a connection that still live; a copy of the connection has none."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Rules:
        return Rules()


class BaseConnection(TracedPart):
    """Base of the connections: what came in during the longest delay, and the weights' first values.

    Any number of spikes may be on their way through a synapse.  (pysnn's counters lose them when a second one comes.)

    Args:
        shape: (batch, out, in) of the synapses.
        dt: duration of a step.
        delay: of all synapses, or for each: (out, in), or (batch, out, in) with the same delays for every sample; in
            the unit of dt and multiples of it.

    Attributes:
        delay: steps, int32 (out, in); None without delays.  lag: the longest.

    Raises:
        TypeError, ValueError: the message names the argument.
    """

    synapse_shape, dt, lag = fixed(), fixed(), fixed()
    weight: Parameter
    delay: Tensor | None
    spike_history: Tensor | None
    trace_history: Tensor | None
    _rules: Rules

    def __init__(self, shape: tuple[int, int, int], dt: float, delay: ArrayLike) -> None:
        super().__init__()
        self.synapse_shape = shape
        self.dt = arguments.positive("dt", dt)
        steps = _delays(delay, shape, self.dt)
        self.lag = 0 if steps is None else int(steps.max())
        self.register_buffer("delay", None if steps is None else from_numpy(steps))
        kept = (self.lag, shape[0], shape[2])
        self.register_buffer("spike_history", filled(kept, 0.0) if self.lag else None)
        self.register_buffer("trace_history", filled(kept, 0.0) if self.lag else None)
        self.__dict__["_rules"] = Rules()

    def convert_spikes(self, x: ArrayLike) -> Tensor:
        """Bool spikes as float32, the type of the weights."""
        return cast(as_tensor("x", x), FLOAT32)

    def reset_state(self) -> None:
        """Forgets the spikes and traces that are on their way, and what learning rules remember of the synapses."""
        super().reset_state()
        for kept in (self.spike_history, self.trace_history):
            if kept is not None:
                zero(kept)
        for rule in list(self._rules):
            rule.connection_reset(self)

    def reset_weights(self, distribution: str = "uniform", gain: float = 1.0, a: float = 0.0, b: float = 1.0) -> None:
        """Draws new weights.

        Args:
            distribution: "uniform" in [a, b) (default), "neuron_scaled_uniform" (the same over sqrt(in)), "normal",
                "neuron_scaled_normal" (times gain over sqrt(in)), "normalized" (uniform, then scaled so that all
                weights sum to gain), "xavier_normal", "xavier_uniform", "kaiming_normal", "kaiming_uniform", or
                "constant" (gain).
            gain, a, b: as above (defaults 1, 0, 1).

        Raises:
            ValueError: another distribution. TypeError: no numbers.
        """
        arguments.choice("distribution", distribution, DISTRIBUTIONS)
        low, high, factor = arguments.real("a", a), arguments.real("b", b), arguments.real("gain", gain)
        root = float(np.sqrt(self.weight.shape[1]))
        with no_grad():
            if distribution in ("uniform", "normalized"):
                init.uniform_(self.weight, low, high)
            elif distribution == "neuron_scaled_uniform":
                init.uniform_(self.weight, low / root, high / root)
            elif distribution in ("normal", "neuron_scaled_normal"):
                init.normal_(self.weight)
            elif distribution == "constant":
                init.constant_(self.weight, factor)
            elif distribution.startswith("xavier"):
                getattr(init, f"{distribution}_")(self.weight, gain=factor)
            else:
                getattr(init, f"{distribution}_")(self.weight)
            if distribution == "normalized":
                self.weight.assign(self.weight.detach() * (factor / self.weight.detach().sum()))
            if distribution == "neuron_scaled_normal":
                self.weight.assign(self.weight.detach() * (factor / root))

    def init_connection(self) -> None:
        """Initialises state and weights, and turns gradients off."""
        self.no_grad()
        self.reset_state()
        self.reset_weights()

    # ---- delays ----

    def _delays(self) -> Delays:
        return Delays(self.delay.detach() if self.lag and self.delay is not None else None, self.lag)

    def _advance(self, spikes: Tensor, traces: Tensor) -> tuple[Tensor, Tensor]:
        """Delay lines (lag + T, batch, in) of T steps that come in."""
        lines = delay_line(spikes, self.spike_history), delay_line(traces, self.trace_history)
        self._remember(*lines)
        return lines

    @property
    def lines(self) -> tuple[Tensor, Tensor, Delays]:
        """What the synapses saw at the last call: spikes and traces (lag + T, batch, in), and the delays.

        Raises:
            RuntimeError: there was no call since the last reset.
        """
        if self._last is None:
            raise RuntimeError(f"{type(self).__name__} has not been called since its last reset; run the network first")
        spikes, traces = self._last
        return spikes, traces, self._delays()


class Linear(BaseConnection):
    """All-to-all connection.  It does not add up what arrives at a neuron: the neuron's `fold` does.

    Args:
        in_features, out_features: neurons on both sides.
        batch_size: samples (default 1).
        dt: duration of a step (default 1).
        delay: for how long a spike travels, 0 (default) or more: one number for all synapses, or an array
            (out_features, in_features); in the unit of dt and multiples of it.

    The weights start uniform in [0, 1); see `reset_weights`.

    Shape:
        spikes and traces (batch, in) or (batch, 1, in) to (batch, out, in) or (batch, 1, out, in).

    Attributes:
        weight: Parameter (out_features, in_features), without gradient.
        delay: steps, int32 (out, in); None without delays.

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.connection.Linear, to which the neurons of pysnn.neuron belong.
    """

    batch_size, out_features, in_features = fixed(), fixed(), fixed()

    def __init__(
        self, in_features: int, out_features: int, batch_size: int = 1, dt: float = 1.0, delay: ArrayLike = 0
    ) -> None:
        synapses_shape = (
            arguments.size("batch_size", batch_size),
            arguments.size("out_features", out_features),
            arguments.size("in_features", in_features),
        )
        super().__init__(synapses_shape, dt, delay)
        self.batch_size, self.out_features, self.in_features = synapses_shape
        self.weight = Parameter(empty((self.out_features, self.in_features)), requires_grad=False)
        self.init_connection()

    def forward(self, x: ArrayLike, trace_in: ArrayLike) -> tuple[Tensor, Tensor]:
        """One step: what arrives through every synapse.

        Args:
            x: the spikes of the neurons before, (batch, in) or (batch, 1, in), bool or numbers.
            trace_in: their traces, of the same shape.

        Returns:
            (activation potentials, traces), each (batch, out, in) or (batch, 1, out, in): weight times the spike, and
            the trace, that left `delay` ago.

        Raises:
            ValueError, TypeError: other shapes, no numbers.
        """
        spikes, traces, middle = self._incoming(x, trace_in, steps=False)
        with no_grad():
            potential, trace = synapses(*self._advance(spikes, traces), self.weight.detach(), self._delays())
        shape = (self.batch_size, *middle, self.out_features, self.in_features)
        return potential._alias(shape), trace._alias(shape)

    def run(self, x: ArrayLike, trace_in: ArrayLike, *, trace_sums: bool = False) -> tuple[Tensor, Tensor | None]:
        """All steps of a sequence, added up over the synapses of each neuron, in one dispatch each.

        Args:
            x: spikes (T, batch, in) or (T, batch, 1, in), bool or numbers.
            trace_in: their traces, of the same shape.
            trace_sums: whether to add up the traces, too, for FedeNeuron.

        Returns:
            (potentials, traces), each (T, batch, out) or (T, batch, 1, out); None for traces that are not asked for.

        Raises:
            ValueError, TypeError: other shapes, no numbers.
        """
        spikes, traces, middle = self._incoming(x, trace_in, steps=True)
        with no_grad():
            lines = self._advance(spikes, traces)
            weight, delays = self.weight.detach(), self._delays()
            if delays.steps is None:
                out = linear(lines[0], weight)
            else:
                out = arriving(lines[0], self.out_features, delays, weight)
            sums = arriving(lines[1], self.out_features, delays, None) if trace_sums else None
        shape = (spikes.shape[0], self.batch_size, *middle, self.out_features)
        return out._alias(shape), None if sums is None else sums._alias(shape)

    def fold(self, x: ArrayLike) -> Tensor:
        """Values of synapses (batch, out, in) as (batch, 1, out, in), which neurons of (batch, 1, out) take."""
        given = as_tensor("x", x)
        arguments.shape("x", given.shape, self.synapse_shape)
        return given.reshape(self.batch_size, 1, self.out_features, self.in_features)

    def unfold(self, x: ArrayLike) -> Tensor:
        """The input as it is: every neuron sees all of it."""
        return as_tensor("x", x)

    def activation_potential(self, x: ArrayLike) -> Tensor:
        """Weight times spikes that have arrived, (batch, out, in) to (batch, 1, out, in)."""
        with no_grad():
            return self.fold(self.convert_spikes(x) * self.weight.detach())

    @property
    def spikes(self) -> Tensor:
        """Spikes that arrived at the last step of `forward`, bool (batch, out, in)."""
        return cast(self._arrived(0), BOOL)

    @property
    def trace(self) -> Tensor:
        """Traces that arrived at the last step, float32 (batch, out, in)."""
        return self._arrived(1)

    def _arrived(self, which: int) -> Tensor:
        if self._last is None:
            return filled(self.synapse_shape, 0.0)
        line = self._last[which]
        last = line._rows(line.shape[0] - self.lag - 1, line.shape[0])
        ones = filled((self.out_features, self.in_features), 1.0)
        return synapses(last, last, ones, self._delays())[1]

    def _incoming(self, x: Any, trace_in: Any, *, steps: bool) -> tuple[Tensor, Tensor, tuple[int, ...]]:
        """Both as (T, batch, in), and the axis between batch and neurons that they came with."""
        wanted = ((self.batch_size, self.in_features), (self.batch_size, 1, self.in_features))
        spikes = incoming("x", x, wanted, steps=steps)
        traces = cast(incoming("trace_in", trace_in, wanted, steps=steps), FLOAT32)
        if spikes.shape != traces.shape:
            raise ValueError(f"trace_in has shape {traces.shape}; expected that of x, {spikes.shape}")
        whole = (spikes.shape[0] if steps else 1, self.batch_size, self.in_features)
        return spikes._alias(whole), traces._alias(whole), spikes.shape[1 + steps : -1]

    def extra_repr(self) -> str:
        """Sizes and the longest delay."""
        text = f"in_features={self.in_features}, out_features={self.out_features}, batch_size={self.batch_size}"
        return f"{text}, dt={self.dt:g}, delay={'none' if not self.lag else f'up to {self.lag * self.dt:g}'}"


def _delays(delay: Any, shape: tuple[int, int, int], dt: float) -> np.ndarray | None:
    """Delays as whole steps, int32 (out, in); None where there are none."""
    shape = arguments.wholes("shape", shape)  # type: ignore[assignment]
    if len(shape) != 3:
        raise ValueError(f"shape must be (batch, out, in), got {shape}")
    if isinstance(delay, Tensor):
        delay = delay.numpy()
    given = arguments.numbers_of("delay", delay)
    if given.ndim == 0:
        arguments.steps("delay", given.item(), dt)
        given = np.broadcast_to(given, shape[1:])
    if given.shape == shape and (given == given[:1]).all():
        given = given[0]
    if given.shape != shape[1:]:
        raise ValueError(
            f"delay has shape {given.shape}; expected one number or {shape[1:]}, the same for every sample"
        )
    steps = given.astype(np.float64) / dt
    whole = np.round(steps)
    if not np.isfinite(steps).all() or (steps < 0).any() or (np.abs(steps - whole) > 1e-6 * np.maximum(1, whole)).any():
        raise ValueError(f"delay must hold multiples of dt={dt:g}, none of them negative")
    if whole.max() > _MOST_DELAY:
        raise ValueError(f"delay must be at most {_MOST_DELAY} steps, got {int(whole.max())}")
    return np.ascontiguousarray(whole, np.int32) if whole.max() else None
