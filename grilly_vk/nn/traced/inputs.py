"""Input neurons: spikes go through, and leave a trace (pysnn.neuron)."""

from __future__ import annotations

from typing import Literal

from ... import arguments
from ...autograd import no_grad
from ...ops.elementwise import as_tensor, cast
from ...ops.traced import Numbers, State, trace_neurons
from ...settings import setting
from ...tensor import FLOAT32, Tensor
from ...typing import ArrayLike, Shape
from .cells import UPDATES, Cells, decay_of


class BaseInput(Cells):
    """Base of input neurons: a feed-through layer with a trace.  Subclasses define `update_trace(x)`.

    Args:
        cells_shape: list or tuple, the batch first.
        dt: duration of a step.

    Attributes:
        trace: float32 cells_shape.
        spikes: bool cells_shape, those of the last step.

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.neuron.BaseInput.
    """

    _model: str | None = None

    def convert_input(self, x: ArrayLike) -> Tensor:
        """Bool input as float32, the type of the arithmetic."""
        return cast(as_tensor("x", x), FLOAT32)

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> tuple[Tensor, Tensor]:
        """Passes spikes on and updates the trace.

        Args:
            x: cells_shape, bool or numbers.
            steps: given by `run` and containers: x has a time axis.

        Returns:
            (x, trace): what came in, and the trace after the step, float32.

        Raises:
            ValueError, TypeError: another shape, no numbers. NotImplementedError: no update_trace.
        """
        x = self._given("x", x, steps=steps is not None)
        with no_grad():
            if not self._own(*self._hooks) or self._model is None:
                return self._step(x) if steps is None else self._loop(self._step, [x])
            timed = x if steps is not None else x._alias((1, *x.shape))
            _, traces = trace_neurons(timed, State(self.trace, spikes=self.spikes), self._numbers())
            self._remember(timed, traces)
        return (x, traces) if steps is not None else (x, traces._alias(self.cells_shape))

    _hooks = _trace_hooks = ("update_trace", "convert_input")

    def _step(self, x: Tensor) -> tuple[Tensor, Tensor]:
        bare = self._moved_trace(x)
        self.spikes = x
        trace = self.trace.copy()
        self._remember(x._alias((1, *x.shape)), trace._alias((1, *trace.shape)), *bare)
        return x, trace


class Input(BaseInput):
    """Input neurons that pass spikes on to the following connection, with their trace.

    Linear: ``trace = trace * tau_t + alpha_t * x``.  Exponential: ``trace += dt / tau_t * (-trace + alpha_t * x)``.

    Args:
        cells_shape: list or tuple, the batch first.
        dt: duration of a step.
        alpha_t: how much a spike adds to the trace.
        tau_t: linear: the factor by which the trace decays in a step, in [0, 1]; exponential: its time constant, in the
            unit of dt.
        update_type: "linear" (default) or "exponential".

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.neuron.Input.
    """

    alpha_t = setting(arguments.real)
    update_type, tau_t = setting(arguments.choice, UPDATES), setting(arguments.real)
    _model = "input"

    def __init__(
        self,
        cells_shape: Shape,
        dt: float,
        alpha_t: float,
        tau_t: float,
        update_type: Literal["linear", "exponential"] = "linear",
    ) -> None:
        super().__init__(cells_shape, dt)
        self.alpha_t = alpha_t
        self.update_type = update_type
        self.tau_t = tau_t
        self._numbers()
        self.init_neuron()

    def update_trace(self, x: ArrayLike) -> None:
        """Moves the trace on by one step of input spikes x, of cells_shape."""
        with no_grad():
            given = self._given("x", self.convert_input(x), steps=False)._alias((1, *self.cells_shape))
            trace_neurons(given, State(self.trace, spikes=self.spikes), self._numbers())

    def _settle(self, name: str) -> None:
        """The time constant must fit the kind of update."""
        self._numbers()

    def _numbers(self) -> Numbers:
        k = decay_of("tau_t", self.tau_t, self.update_type, self.dt)
        return Numbers("input", self.update_type, self.alpha_t, k, dt=self.dt)

    def extra_repr(self) -> str:
        """The parameters."""
        text = f"cells_shape={self.cells_shape}, dt={self.dt:g}, alpha_t={self.alpha_t:g}, tau_t={self.tau_t:g}"
        return f"{text}, update_type={self.update_type!r}"
