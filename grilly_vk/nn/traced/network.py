"""Chains of trace neurons and connections."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...tensor import Tensor
from ...typing import ArrayLike
from ..containers import ModuleList
from ..module import Module
from .cells import Cells, TracedPart
from .connection import BaseConnection, Linear
from .inputs import BaseInput
from .neurons import FedeNeuron


class Layer(NamedTuple):
    """What a learning rule works on: a connection, and the neurons on both sides."""

    presynaptic: Any
    connection: Any
    postsynaptic: Any

    def checked(self) -> Layer:
        """Itself.

        Raises:
            TypeError: something else than neurons and a connection. ValueError: sizes that don't fit.
        """
        for name, part, kind in (
            ("presynaptic", self.presynaptic, Cells),
            ("connection", self.connection, BaseConnection),
            ("postsynaptic", self.postsynaptic, Cells),
        ):
            if not isinstance(part, kind):
                wanted = "a connection" if kind is BaseConnection else "neurons or an input"
                raise TypeError(f"{name} must be {wanted} of nn.traced, not {type(part).__name__}")
        batch, outs, ins = self.connection.synapse_shape
        for name, part, n in (("presynaptic", self.presynaptic, ins), ("postsynaptic", self.postsynaptic, outs)):
            if part.cells_shape not in ((batch, n), (batch, 1, n)):
                raise ValueError(f"{name} has cells_shape {part.cells_shape}; expected {(batch, n)} or {(batch, 1, n)}")
        return self


class Network(Module):
    """Input neurons and layers of (connection, neurons), one after the other.

    A call is one step through all layers; `run` is all steps of a sequence, layer after layer, in a few dispatches.
    Both give the same as long as the weights stay.  A learning rule's `step()` afterwards learns from what happened.

    Args:
        input: input neurons, such as Input.
        layers: pairs (connection, neurons).

    Raises:
        TypeError, ValueError: parts of the wrong type, or that don't fit.

    Example:
        >>> shapes = dict(dt=1.0, alpha_t=1.0, tau_t=0.9)
        >>> neurons = traced.LIFNeuron((8, 10), 1.0, 0.0, 1.0, 1.0, 1.0, 2.0, 0.9, 0.9)
        >>> net = traced.Network(traced.Input((8, 50), **shapes), (traced.Linear(50, 10, 8), neurons))
        >>> rule = traced.MSTDPET(net)
        >>> spikes, traces = net.run(np.random.rand(100, 8, 50) < 0.1)
        >>> rule.step(reward=1.0)
    """

    def __init__(self, input: BaseInput, *layers: tuple[Linear, Any]) -> None:
        super().__init__()
        if not isinstance(input, BaseInput):
            raise TypeError(f"input must be input neurons of nn.traced, not {type(input).__name__}")
        if not layers:
            raise ValueError("layers is empty; expected at least one pair (connection, neurons)")
        before: Any = input
        for i, pair in enumerate(layers):
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise TypeError(f"layers[{i}] must be a pair (connection, neurons), not {type(pair).__name__}")
            before = Layer(before, *pair).checked().postsynaptic
        self.input = input
        self.connections = ModuleList([connection for connection, _ in layers])
        self.neurons = ModuleList([neurons for _, neurons in layers])

    @property
    def layers(self) -> list[Layer]:
        """The layers, for learning rules."""
        sides = [self.input, *self.neurons]
        return [Layer(sides[i], connection, sides[i + 1]) for i, connection in enumerate(self.connections)]

    def forward(self, x: ArrayLike) -> tuple[Tensor, Tensor]:
        """One step.

        Args:
            x: what the input neurons take, their cells_shape.

        Returns:
            (spikes, trace) of the last neurons.
        """
        out: tuple[Tensor, Tensor] = self.input(x)
        for _, connection, neurons in self.layers:
            potential, trace = connection(*_side(out, connection))
            potential, trace = (t.reshape(*neurons.cells_shape, connection.in_features) for t in (potential, trace))
            out = neurons(potential, trace) if isinstance(neurons, FedeNeuron) else neurons(potential)
        return out

    def run(self, x: ArrayLike) -> tuple[Tensor, Tensor]:
        """All steps of a sequence (T, *cells_shape).

        Returns:
            (spikes, traces) of the last neurons, each (T, *cells_shape).
        """
        out: tuple[Tensor, Tensor] = self.input.run(x)
        for _, connection, neurons in self.layers:
            fede = isinstance(neurons, FedeNeuron)
            sums = connection.run(*_side(out, connection, steps=True), trace_sums=fede)
            out = neurons.run(*(t.reshape(len(t), *neurons.cells_shape) for t in sums if t is not None))
        return out

    def reset_state(self) -> None:
        """Sets the state of all neurons and connections back; the weights stay."""
        for part in self.modules():
            if isinstance(part, TracedPart):
                part.reset_state()

    def reset(self) -> None:
        """`reset_state`, for `F.reset_net`."""
        self.reset_state()


def _side(out: tuple[Tensor, Tensor], connection: Any, *, steps: bool = False) -> tuple[Tensor, Tensor]:
    """Spikes and traces without the axis between batch and neurons."""
    batch, _, ins = connection.synapse_shape
    lead = (len(out[0]),) if steps else ()
    return out[0].reshape(*lead, batch, ins), out[1].reshape(*lead, batch, ins)
