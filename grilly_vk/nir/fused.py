"""The most common cycle, spiking neurons that hear their own spikes through a dense layer, with all steps in one op."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

from ..nn.layers.linear import Linear
from ..ops.recurrent_nodes import Feedback, pays, recurrent_node
from ..tensor import Tensor, full
from .neurons import IF, LIF, CubaLIF, Neuron, Plan
from .order import Stage


class Pair(NamedTuple):
    """Neurons and the layer on their way back, by name."""

    neurons: str
    layer: str


def pair_of(stage: Stage, edges: list[tuple[str, str]], late: set[tuple[str, str]]) -> Pair | None:
    """The pair that a cycle is, as far as its edges say."""
    if len(stage.nodes) != 2:
        return None
    for a, b in (stage.nodes, stage.nodes[::-1]):
        own = {edge for edge in edges if b in edge}
        if own == {(a, b), (b, a)} and (a, b) in late and (b, a) not in late and (a, a) not in edges:
            return Pair(a, b)
    return None


def fits(neurons: Any, layer: Any, x: Tensor) -> Plan | None:
    """The plan of the neurons, if one op gives what calling both in each step gives, and is not slower.

    The same numbers for all neurons, no gain on the way in, and nobody who listens to a part.
    """
    if type(neurons) not in (IF, LIF, CubaLIF) or type(layer) is not Linear:
        return None
    if layer.event_driven is True or layer.precision != "float32":
        return None
    if any(part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part) for part in (neurons, layer)):
        return None
    plan: Plan = neurons._plan()
    n = x.shape[-1]
    alone = plan.gain is None and plan.synapse is None and plan.dynamics.each is None and not neurons.store_v_seq
    known = x.ndim == 3 and layer.weight.shape == (n, n) and x.shape[0] > 0
    return plan if alone and known and pays(x.engine, n) else None


def run(neurons: Neuron, layer: Linear, plan: Plan, x: Tensor, last: Tensor | None) -> Tensor:
    """All steps of x (T, B, n); `last` are the spikes before the first one, None for none."""
    neurons.entering(x.shape[1:])
    dynamics, current, decay = plan.dynamics, 0.0, None
    if dynamics.model == "cuba":  # what moves the current is a filter in front of leaky neurons
        decay = full((), dynamics.numbers[0], on=x.engine)
        dynamics, current = replace(dynamics, model="lif", numbers=()), neurons.current
    back = Feedback(layer.weight, layer.bias, decay, whole=decay is not None)
    first = neurons._first(plan, x.shape[1:], x)
    out = recurrent_node(x, first, last, current, dynamics, neurons.surrogate_function.slope, back)
    neurons.v = out.v
    neurons.__dict__["v_seq"] = None
    if decay is not None:
        neurons.current = out.f
    return out.spikes
