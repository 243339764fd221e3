"""Nodes that hear their own spikes: recurrence through a connection and what happens in its synapses."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...equations.neurons import PUBLISHED
from ...modes import S
from ...ops.nodes import Dynamics
from ...ops.recurrent_nodes import Feedback, pays, recurrent_node
from ...ops.shape import stack
from ...stepping import one_step_each
from ...tensor import FLOAT32, Tensor, full
from ...typing import StepMode
from ..layers.linear import Linear
from ..module import Module
from ..spiking import published
from ..spiking.custom_node import CustomNode, class_of
from ..spiking.late_reset import LateResetNode
from ..spiking.node_models import EIFNode, KLIFNode, QIFNode
from ..spiking.nodes import IFNode, LIFNode, ParametricLIFNode, SpikingNode
from ..temporal import _Recurrent, stepwise
from .synapses import SynapseFilter

_NODES: set[type[Module]] = {  # of one state
    IFNode, LIFNode, ParametricLIFNode, QIFNode, EIFNode, KLIFNode,
    *(vars(published)[record.node] for record in PUBLISHED if record.model.second is None),
}  # fmt: skip


class RecurrentSynapse(_Recurrent):
    """A node that receives its own last spikes: s[t] = node(x[t] + dynamics(connection(s[t-1]))), s[-1] = 0.

    All steps are one operation, with one kernel that does the product and the step, where the parts are a node of one
    state (IFNode, LIFNode, ParametricLIFNode, QIFNode, EIFNode, KLIFNode, ThetaNode or a CustomNode), Linear(n, n) and
    SynapseFilter or None: these classes themselves, without hooks, and not a Linear with event_driven=True or of
    another precision.  A CustomNode's kernels for that are compiled at the first call and kept, as its others are.  So
    they are of a LateResetNode whose decays are numbers for all neurons, or train, and the rest as it is unless given.
    Other parts are called step by step, with the same result.

    Args:
        node: from (B, ...) to the same shape, in step mode "s", such as a spiking node.
        connection: from (B, ...) to the same shape, such as Linear(n, n).
        dynamics: what the recurrent current goes through, such as SynapseFilter(), in step mode "s" (default none).
        step_mode: "s" or "m".

    Attributes:
        node, connection, dynamics: the parts; dynamics may be None.
        y: the last output; None at the start.

    Raises:
        TypeError: a part that is no Module.
        ValueError (at the call): a connection that changes the shape.

    Source: the recurrent layer of Neftci, Mostafa & Zenke, "Surrogate gradient learning in spiking neural networks",
    IEEE Signal Processing Magazine 36 (2019): I[t+1] = alpha I[t] + W x[t] + V s[t], where dynamics is a
    SynapseFilter on V s alone.
    """

    def __init__(
        self, node: Module, connection: Module, dynamics: Module | None = None, step_mode: StepMode = S
    ) -> None:
        for name, part in (("node", node), ("connection", connection), ("dynamics", dynamics)):
            if part is not None or name != "dynamics":
                stepwise(name, part)
        super().__init__(node, step_mode)
        self.connection = connection
        if dynamics is None:
            self.register_parameter("dynamics", None)
        else:
            self.dynamics = dynamics
        one_step_each(*self.children())

    @property
    def node(self) -> Module:
        """The node, `sub_module`."""
        node: Module = self.sub_module
        return node

    @property
    def v_seq(self) -> Tensor | None:
        """The potentials of each step, (T, B, ...), where the node is a LateResetNode that stores them."""
        return getattr(self.node, "v_seq", None)

    def _shape(self, x: Tensor) -> tuple[int, ...]:
        return x.shape

    def _joined(self, x: Tensor, y: Tensor) -> Tensor:
        current = self.connection(y)
        if current.shape != x.shape:
            raise ValueError(f"connection made {current.shape} of spikes {y.shape}; expected one step of x, {x.shape}")
        return x + (current if self.dynamics is None else self.dynamics(current))

    def _steps(self, x: Tensor) -> Tensor:
        node = self.node
        if isinstance(node, LateResetNode):
            if self._joins(x, node):
                return self._with_late_reset(x, node)
            if node.store_v_seq and (node.late or node.store_v_seq != "before"):
                return self._with_potentials(x, node)
        elif isinstance(node, SpikingNode) and self._fuses(x, node):
            return self._at_once(x, node)
        return super()._steps(x)

    def _hears_all(self, x: Tensor) -> bool:
        """Whether a kernel knows what x and the connection are; else errors are the parts'."""
        n, connection = x.shape[-1], self.connection
        return (
            isinstance(connection, Linear)
            and _plain(connection, Linear)
            and connection.event_driven is not True
            and connection.precision == "float32"
            and connection.weight.shape == (n, n)
            and x.dtype is FLOAT32
            and (self.y is None or isinstance(self.y, Tensor))
            and pays(x.engine, n)
        )

    def _fuses(self, x: Tensor, node: SpikingNode) -> bool:
        """Whether a node runs all steps as one operation."""
        own = isinstance(node, CustomNode) and node.model.second is None
        return (
            _plain(node, *_NODES, *((class_of(CustomNode, node.model),) if own else ()))
            and (self.dynamics is None or _plain(self.dynamics, SynapseFilter))
            and self._hears_all(x)
            and node._dynamics().each is None  # no setting for each neuron
        )

    def _joins(self, x: Tensor, node: LateResetNode) -> bool:
        """Whether a node with a late reset does."""
        return (
            _plain(node, LateResetNode)
            and self.dynamics is None
            and self._hears_all(x)
            and node.late
            and node.gain == 1.0
            and type(node.v_threshold) is float
            and type(node.spike_factor) is float
            and node.spike_factor == 1.0
            and all(np.ndim(value) == 0 for value in (node.beta, node.alpha) if value is not None)
        )

    def _with_late_reset(self, x: Tensor, node: LateResetNode) -> Tensor:
        """All steps at once; a current of the node's is the synapse that the input goes through as well."""
        for part in (self, node):
            part.entering(x.shape[1:])
        beta, alpha, decay = node.beta, node.alpha, None
        if alpha is not None:
            decay = alpha.clamp(0.0, 1.0) if isinstance(alpha, Tensor) else full((), alpha, on=x.engine)
        numbers = () if isinstance(beta, Tensor) else (beta,)
        out = recurrent_node(
            x,
            node.v,
            self.y,
            0.0 if alpha is None else node.current,
            Dynamics(
                "decay", v_threshold=node.v_threshold, numbers=numbers, detach_reset=True, strict=True,
                late=node.reset_mechanism,
            ),
            node.surrogate_function.slope,
            Feedback(self.connection.weight, self.connection.bias, decay, whole=True),
            w=beta if isinstance(beta, Tensor) else None,
            recompute=node.memory == "low",
            store_v=bool(node.store_v_seq),
        )  # fmt: skip
        node.v = out.v
        if alpha is not None:
            node.current = out.f
        node.__dict__["v_seq"] = out.v_seq
        self.y = out.spikes[x.shape[0] - 1].as_spikes()
        return out.spikes

    def _with_potentials(self, x: Tensor, node: LateResetNode) -> Tensor:
        """Step by step, with the potential after each as the node's v_seq."""
        spikes, potentials = [], []
        for t in range(x.shape[0]):
            spikes.append(self._step(x[t]))
            potentials.append(node.v)
        node.__dict__["v_seq"] = stack(potentials)
        return stack(spikes)

    def _at_once(self, x: Tensor, node: SpikingNode) -> Tensor:
        neuron, dynamics = node._dynamics(), self.dynamics
        for part in (self, node, dynamics):
            if part is not None:
                part.entering(x.shape[1:])
        decay: Any = None
        if dynamics is not None:
            decay = SynapseFilter.tau_syn.constant(dynamics)
            decay = decay if isinstance(decay, Tensor) else full((), decay, on=x.engine)
        out = recurrent_node(
            x,
            node.v,
            self.y,
            0.0 if dynamics is None else dynamics.y,
            neuron,
            node.surrogate_function.slope,
            Feedback(self.connection.weight, self.connection.bias, decay),
            w=node._learnable(),
            recompute=node.memory == "low",
        )
        node.v = out.v
        node.__dict__["v_seq"] = None
        if dynamics is not None:
            dynamics.y = out.f
        self.y = out.spikes[x.shape[0] - 1].as_spikes()
        return out.spikes


def _plain(part: Module, *kinds: type[Module]) -> bool:
    """Whether a part is just what its class says, for one step a call: what is fused is not called."""
    changed = part._forward_pre_hooks or part._forward_hooks or "forward" in part.__dict__
    return type(part) in kinds and not changed and getattr(part, "step_mode", "s") == "s"
