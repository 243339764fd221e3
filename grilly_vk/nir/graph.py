"""A graph of NIR as a module: each node runs all steps at once, but for most cycles, which go step by step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .. import arguments
from ..errors import shown
from ..nn.layers.linear import Linear
from ..nn.module import Module
from ..nn.stateful import StatefulModule
from ..ops.elementwise import as_tensor, cast
from ..ops.shape import stack
from ..settings import fixed
from ..stepping import over_steps
from ..tensor import FLOAT32, Tensor, full
from . import fused
from .neurons import Neuron
from .nodes import Node
from .order import Order, Stage
from .parts import Delay, Product, Scale, Threshold, summed
from .shapes import Shape

_ANY_AXES = (Linear, Product, Scale)


@dataclass
class Layout:
    """The graph as it was written, for writing it again: names of nodes and nested graphs, edges, metadata.

    Args:
        nodes: names in this graph to names in the whole, or to the layout of a nested graph.
    """

    nodes: dict[str, Any] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class Structure:
    """What a graph is made of.

    Args:
        nodes: by name.
        edges: between them, each once.
        order: how they run.
        takes, gives: shapes of a sample that goes into a node and comes out of it.
        layout: see `Layout`.
    """

    nodes: dict[str, Node]
    edges: list[tuple[str, str]]
    order: Order
    takes: dict[str, Shape]
    gives: dict[str, Shape]
    layout: Layout


class Graph(StatefulModule):
    """What `grilly_vk.nir.from_nir` makes of a NIR graph.

    What arrives at a node is the sum of what its sources give in the same step.  A cycle takes one step, or as many
    as the delays in it say: see `grilly_vk.nir.order.ordered`.  Only nodes of cycles run step by step, and not those
    of the commonest kind: see `grilly_vk.nir.fused`.

    Attributes:
        step_mode: "m" (default): a call is all steps (T, B, ...). "s": a call is one step (B, ...).
        structure: nodes, edges and shapes.  The parts have the names of their nodes, with "_" in place of dots.
        inputs, outputs: names of the Input and Output nodes.

    The state is that of the parts, and what goes along the closing edges of cycles; `functional.reset_net` resets both.
    """

    takes_steps = runs_steps = True
    structure: Structure = fixed(how="read the graph again")
    input_hint = "several inputs are given as one mapping from the names of Input nodes"

    def __init__(self, structure: Structure, modules: Mapping[str, Module | None]) -> None:
        super().__init__()
        self.step_mode = "m"
        self.structure = structure
        own = self.__dict__
        own["_keys"] = {}
        for name, module in modules.items():
            if module is not None:
                own["_keys"][name] = self._key(name)
                self.add_module(own["_keys"][name], module)
                if isinstance(module, (Neuron, Delay, Threshold)):
                    module.__dict__["_sample"] = structure.takes[name]
        tops = structure.layout.nodes.values()
        self.__dict__["inputs"] = [n for n in tops if isinstance(n, str) and structure.nodes[n].kind == "Input"]
        self.__dict__["outputs"] = [n for n in tops if isinstance(n, str) and structure.nodes[n].kind == "Output"]
        sources: dict[str, list[str]] = {name: [] for name in structure.nodes}
        for a, b in structure.edges:
            sources[b].append(a)
        own["_sources"] = sources
        own["_uses"] = Counter(a for a, _ in structure.edges)
        own["_before"] = {}  # by the tail of each closing edge, the name of its last output among the memories
        for tail in sorted({a for a, _ in structure.order.late}):
            own["_before"][tail] = memory = self._key(f"before_{tail}")
            self.register_memory(memory, None)

    def _key(self, name: str) -> str:
        """A name for an attribute."""
        key = name.replace(".", "_")
        while hasattr(self, key):
            key += "_"
        return key

    def part(self, name: str) -> Any:
        """The module of a node by its name in the graph; None where what arrives goes on as it is.

        Raises:
            KeyError: there is no such node.
        """
        if name not in self.structure.nodes:
            raise KeyError(f"there is no node {name!r}")
        key = self._keys.get(name)
        return None if key is None else self._modules[key]

    # ---- running ----

    def forward(self, x: Any, *, steps: str | None = None) -> Any:
        """Runs the graph.

        Args:
            x: (T, B, ...), or in step mode "s" (B, ...); of a graph with several Input nodes a mapping from their
                names.
            steps: given by containers: x has a time axis, whatever the step mode.

        Returns:
            The same axes of what arrives at the Output node; of several a mapping from their names.

        Raises:
            ValueError: a shape that is not the graph's, or not the state's. TypeError: no real numbers; no mapping.
        """
        given = self._arriving(x)
        multi = (arguments.choice("step_mode", self.step_mode, ("s", "m")) == "m") or steps is not None
        lead: tuple[int, ...] | None = None
        for name, value in given.items():
            shape = self.structure.takes[name]
            axes = 1 + multi
            label = "x" if len(given) == 1 else f"x[{name!r}]"
            if value.ndim != axes + len(shape) or value.shape[axes:] != shape:
                wanted = ", ".join([*"TB"[2 - axes :], *map(str, shape)])
                raise ValueError(
                    f"{label} has shape {value.shape}; expected ({wanted}) in step mode {self.step_mode!r}"
                )
            if lead is not None and value.shape[:axes] != lead:
                raise ValueError(f"{label} has {value.shape[:axes]} steps and samples, an input before it {lead}")
            lead = value.shape[:axes]
        assert lead is not None
        self._enter(lead[-1])
        if not multi:
            given = {name: value.reshape(1, *value.shape) for name, value in given.items()}
        out = self._run(given, given[self.inputs[0]].shape[:2])
        if not multi:
            out = {name: value.reshape(value.shape[1:]) for name, value in out.items()}
        return out if len(out) > 1 else next(iter(out.values()))

    def _arriving(self, x: Any) -> dict[str, Tensor]:
        if isinstance(x, Mapping):
            if set(x) != set(self.inputs):
                raise ValueError(
                    f"x has the inputs {shown(sorted(map(str, x)))}; expected {shown(sorted(self.inputs))}"
                )
            return {name: cast(as_tensor(f"x[{name!r}]", x[name]), FLOAT32) for name in self.inputs}
        if len(self.inputs) > 1:
            raise TypeError(f"x must be a mapping with the inputs {shown(self.inputs)}, not {type(x).__name__}")
        return {self.inputs[0]: cast(as_tensor("x", x), FLOAT32)}

    def _enter(self, batch: int) -> None:
        for tail, memory in self._before.items():
            value = getattr(self, memory)
            wanted = (batch, *self.structure.gives[tail])
            if value is not None and (not isinstance(value, Tensor) or value.shape != wanted):
                raise ValueError(
                    f"the state {memory} is {shown(value)}, and the input needs {wanted}; call F.reset_net(model) "
                    "before a batch of another shape"
                )
        self.beginning()

    def _run(self, given: dict[str, Tensor], lead: tuple[int, ...]) -> dict[str, Tensor]:
        values, left = dict(given), Counter(self._uses)
        for stage in self.structure.order.stages:
            if stage.stepped:
                self._loop(stage, values, lead)
            elif stage.nodes[0] not in values:
                name = stage.nodes[0]
                arrives = summed([values[a] for a in self._sources[name]])
                module = self.part(name)
                if module is None:
                    values[name] = arrives
                elif type(module) in _ANY_AXES:  # the axes of time and batch need not be joined
                    values[name] = module(arrives)
                else:
                    values[name] = over_steps(module, arrives, merge=False)
            for name in stage.nodes:
                for a in self._sources[name]:  # a value whose last reader was this is let go
                    left[a] -= 1
                    if left[a] == 0 and a not in self.outputs:
                        values.pop(a, None)
        return {name: values[name] for name in self.outputs}

    def _loop(self, stage: Stage, values: dict[str, Tensor], lead: tuple[int, ...]) -> None:
        """The nodes of a cycle, step by step."""
        own, late = set(stage.nodes), self.structure.order.late
        outside = {}
        for name in stage.nodes:
            terms = [values[a] for a in self._sources[name] if a not in own]
            if terms:
                outside[name] = summed(terms)
        if self._at_once(stage, outside, values):
            return
        before = self._last(stage, lead[1])
        found: dict[str, list[Tensor]] = {name: [] for name in stage.nodes}
        for t in range(lead[0]):
            now: dict[str, Tensor] = {}
            pushes = []
            for name in stage.nodes:
                module = self.part(name)
                if isinstance(module, Delay) and self._waits(module):
                    now[name] = module.peek((lead[1], *self.structure.gives[name]))
                    pushes.append((name, module))
                else:
                    arrives = self._terms(name, own, late, outside, t, now, before)
                    now[name] = arrives if module is None else module(arrives)
            for name, module in pushes:
                module.push(self._terms(name, own, late, outside, t, now, before))
            before = {tail: now[tail] for tail in before}
            for name, value in now.items():
                found[name].append(value)
        needed = {a for a, b in self.structure.edges if a in own and b not in own} | own.intersection(self.outputs)
        for name in needed:
            if lead[0]:
                spikes = all(value.is_spikes for value in found[name])
                values[name] = stack(found[name]).as_spikes(spikes)
            else:
                values[name] = full((*lead, *self.structure.gives[name]), 0.0)
        if lead[0]:
            for tail, value in before.items():
                setattr(self, self._before[tail], value)

    def _at_once(self, stage: Stage, outside: dict[str, Tensor], values: dict[str, Tensor]) -> bool:
        """Runs a cycle of neurons and one dense layer as one op, where that gives the same."""
        pair = fused.pair_of(stage, self.structure.edges, self.structure.order.late)
        if pair is None or pair.neurons not in outside:
            return False
        neurons, layer, x = self.part(pair.neurons), self.part(pair.layer), outside[pair.neurons]
        plan = fused.fits(neurons, layer, x)
        if plan is None:
            return False
        memory = self._before[pair.neurons]
        values[pair.neurons] = spikes = fused.run(neurons, layer, plan, x, getattr(self, memory))
        setattr(self, memory, spikes[x.shape[0] - 1].as_spikes())
        return True

    def _waits(self, module: Delay) -> bool:
        return int(module.steps.min()) > 0

    def _terms(
        self,
        name: str,
        own: set[str],
        late: set[tuple[str, str]],
        outside: dict[str, Tensor],
        t: int,
        now: dict[str, Tensor],
        before: dict[str, Tensor],
    ) -> Tensor:
        """What arrives at a node of a cycle in step t."""
        terms = [outside[name][t]] if name in outside else []
        terms += [before[a] if (a, name) in late else now[a] for a in self._sources[name] if a in own]
        return summed(terms)

    def _last(self, stage: Stage, batch: int) -> dict[str, Tensor]:
        """What the closing edges of a cycle carry in the first step."""
        tails = [name for name in stage.nodes if name in self._before]
        if all(getattr(self, self._before[tail]) is not None for tail in tails):
            return {tail: getattr(self, self._before[tail]) for tail in tails}
        return self._silence(stage, tails, batch)

    def _silence(self, stage: Stage, tails: list[str], batch: int) -> dict[str, Tensor]:
        """What the nodes give while all neurons are silent: before the first step."""
        own, late = set(stage.nodes), self.structure.order.late
        quiet: dict[str, Tensor] = {}
        for name in stage.nodes:
            module = self.part(name)
            if isinstance(module, StatefulModule):
                quiet[name] = full((batch, *self.structure.gives[name]), 0.0)
                continue
            terms = [quiet[a] for a in self._sources[name] if a in own and (a, name) not in late]
            arrives = summed(terms) if terms else full((batch, *self.structure.takes[name]), 0.0)
            quiet[name] = arrives if module is None else module(arrives)
        return {tail: quiet[tail] for tail in tails}

    def extra_repr(self) -> str:
        """How many nodes, and which way they run."""
        stepped = sum(len(stage.nodes) for stage in self.structure.order.stages if stage.stepped)
        return f"{len(self.structure.nodes)} nodes, {stepped} of them in cycles, step_mode={self.step_mode!r}"
