"""From a module to NIR."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from .. import arguments, files
from ..errors import shown
from ..nn.layers.linear import Linear
from ..nn.module import Module, checked_module
from .draft import Draft, End, Export
from .exports import EXPORTS, hooked, problems, write
from .graph import Graph, Layout
from .library import library
from .neurons import Neuron
from .nodes import OURS, built, fields_of, is_own
from .parts import Delay
from .shapes import Shape, output


def to_nir(module: Module, input_shape: Any = None, dt: float | None = None) -> Any:
    """The NIR graph of a module.

    Written are Linear, Conv1d, Conv2d, AvgPool2d, SumPool2d, Flatten, IFNode, LIFNode, ParametricLIFNode, CUBALIFNode,
    LateResetNode where it is not late, NonSpikingIFNode, NonSpikingLIFNode, SynapseFilter, DualTimescaleSynapse, LI,
    LIFNeuron, SNNLayer and Delay, what `from_nir` makes, and Sequential, MultiStepContainer, SeqToANNContainer,
    RecurrentSynapse and LinearRecurrentContainer of them; Identity and, in evaluation, Dropout are left out.  Anything
    else is refused, with what to change.  Surrogate gradients are no part of NIR, nor is the state.

    dt, integrator, reset and comparator go into the metadata of the graph and of each neuron, under "grilly_vk", so
    that `from_nir` gives the same spikes without being told.  Our nodes spike at the threshold: their comparator is
    ">=", while NIR's is ">".

    Args:
        module: a Module.
        input_shape: of one sample, without time and batch.  Not needed for what `from_nir` made, nor where the first
            layer is a Linear.
        dt: seconds of a step; needed where a module counts its time in steps.

    Returns:
        A `nir.NIRGraph`, all of whose nodes know their shapes.

    Raises:
        ImportError: the package nir is not installed.
        TypeError: no Module.
        ValueError: modules that NIR can't express, each named with what to change; shapes that don't fit; no
            input_shape or dt where it is needed, or another than the module has.

    Source: as in `from_nir`.
    """
    checked_module("module", module)
    nir = library()
    if dt is not None:
        dt = arguments.positive("dt", dt)
    shape = None if input_shape is None else _shape(input_shape)
    found = problems(module)
    if found:
        more = f" (and {len(found) - 2} more)" if len(found) > 2 else ""
        raise ValueError(f"NIR can't express all of the module. {'; '.join(found[:2])}{more}"[:299])
    if isinstance(module, Graph):
        return _of_graph(nir, module, shape, dt)
    if shape is None:
        shape = _first_shape(module)
    _same_time(module, dt)
    draft = Draft(dt)
    draft.nodes["input"] = ("Input", {"input_type": shape}, {}, shape, shape)
    end = write(draft, "", module, End(("input",), shape))
    if end.sources == ("input",):
        raise ValueError(f"{type(module).__name__} has no layer that NIR has a node for")
    draft.add("output", "Output", end, input_type=end.shape)
    nodes = {name: _typed(built(nir, kind, fields, meta), takes, gives)
             for name, (kind, fields, meta, takes, gives) in draft.nodes.items()}  # fmt: skip
    notes = [meta[OURS] for _, _, meta, _, _ in draft.nodes.values() if OURS in meta]
    return nir.NIRGraph(nodes, draft.edges, metadata=_common(notes), type_check=False)


def save(module: Any, path: Any, input_shape: Any = None, dt: float | None = None) -> None:
    """Writes a .nir file, whole or not at all.

    Args:
        module: a Module, or a `nir.NIRGraph`.
        path: of the file.
        input_shape, dt: as in `to_nir`.

    Raises:
        TypeError: no Module or graph; no path. What `to_nir` raises, and OSError.
    """
    nir = library()
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a path, not {type(path).__name__}")
    graph = module if isinstance(module, nir.NIRGraph) else to_nir(module, input_shape, dt)
    buffer = io.BytesIO()
    nir.write(buffer, graph)
    files.write(Path(path), buffer.getvalue())


def _shape(value: Any) -> Shape:
    sizes = value if isinstance(value, Iterable) and not isinstance(value, (str, bytes, dict)) else (value,)
    return tuple(arguments.size(f"input_shape[{i}]", n) for i, n in enumerate(sizes))


def _first_shape(module: Module) -> Shape:
    """Of a sample, where the first layer says it."""
    for part in module.modules():
        if isinstance(part, Linear):
            return (part.in_features,)
        if not part._modules:
            break
    raise ValueError("input_shape is missing: the first layer does not say which shape a sample has")


def _same_time(module: Module, dt: float | None) -> None:
    for name, part in module.named_modules():
        if dt is not None and isinstance(part, (Neuron, Delay)) and part.dt != dt:
            raise ValueError(f"dt is {dt:g}, but {name or 'the module'} was read with dt={part.dt:g}")


def _typed(node: Any, takes: Shape, gives: Shape) -> Any:
    """The node with its shapes, which NIR itself infers for some types only."""
    node.input_type = {"input": np.array(takes, np.int64)}
    node.output_type = {"output": np.array(gives, np.int64)}
    return node


def _common(notes: list[dict[str, Any]]) -> dict[str, Any]:
    """Metadata of the graph: what all its neurons agree on."""
    shared = {}
    for key in ("dt", "integrator", "reset", "comparator"):
        found = {note[key] for note in notes if key in note}
        if len(found) == 1:
            shared[key] = found.pop()
    return {OURS: shared} if shared else {}


# ---- what came from NIR ----


def _of_graph(nir: Any, module: Graph, shape: Shape | None, dt: float | None) -> Any:
    _same_time(module, dt)
    takes = module.structure.takes
    if shape is not None and [takes[name] for name in module.inputs] != [shape]:
        raise ValueError(f"input_shape is {shape}, but the graph takes {shown([takes[n] for n in module.inputs])}")
    return written_graph(nir, module)


def _changed(module: Graph) -> str | None:
    """What is in the way where parts are no longer what was made of their nodes."""
    for name, node in module.structure.nodes.items():
        part = module.part(name)
        if part is None:
            continue
        if not is_own(node, part):
            return f"its node {name!r} ({node.kind}) is a {type(part).__name__} now; build the network by nn.Sequential"
        if hooked(part) is not None:
            return f"its node {name!r}: {hooked(part)}"
        takes, gives = module.structure.takes[name], module.structure.gives[name]
        try:
            fits = output(node.kind, SimpleNamespace(**fields_of(node, part)[0]), takes) == gives
        except ValueError:
            fits = False
        if not fits:
            return f"its node {name!r} ({node.kind}) no longer takes {takes} and gives {gives}; read the graph again"
    return None


def written_graph(nir: Any, module: Graph) -> Any:
    """The graph as it was read, nested graphs and all, with what its parts hold by now."""
    structure = module.structure
    done: dict[int, Any] = {}
    work = [(structure.layout, False)]
    while work:  # nested graphs before those that hold them
        layout, ready = work.pop()
        inner = [part for part in layout.nodes.values() if isinstance(part, Layout)]
        if not ready:
            work += [(layout, True), *((part, False) for part in inner)]
            continue
        nodes, notes = {}, []
        for name, part in layout.nodes.items():
            if isinstance(part, Layout):
                nodes[name] = done[id(part)]
                continue
            node = structure.nodes[part]
            fields, metadata = fields_of(node, module.part(part))
            takes, gives = structure.takes[part], structure.gives[part]
            if node.kind in ("Conv1d", "Conv2d"):
                fields["input_shape"] = takes[1] if node.kind == "Conv1d" else takes[1:]
            if node.kind in ("Input", "Output", "Flatten"):
                fields["input_type"] = takes
            nodes[name] = _typed(built(nir, node.kind, fields, metadata), takes, gives)
            if isinstance(metadata.get(OURS), dict):
                notes.append(metadata[OURS])
        own = {key: value for key, value in layout.metadata.items() if key != OURS}
        done[id(layout)] = nir.NIRGraph(nodes, list(layout.edges), metadata=own | _common(notes), type_check=False)
    return done[id(structure.layout)]


def _nested(draft: Draft, name: str, module: Graph, end: End) -> End:
    """A graph that came from NIR, within another module."""
    structure = module.structure
    if len(module.inputs) != 1 or len(module.outputs) != 1:
        raise ValueError(f"{name} has {len(module.inputs)} inputs and {len(module.outputs)} outputs, not one of each")
    if structure.takes[module.inputs[0]] != end.shape:
        raise ValueError(f"{name} takes {structure.takes[module.inputs[0]]}, but gets {end.shape}")
    keys: dict[str, str] = {}
    for key, node in structure.nodes.items():
        fields, metadata = fields_of(node, module.part(key))
        full = f"{name}.{key}" if name else key
        keys[key] = full
        takes, gives = structure.takes[key], structure.gives[key]
        if node.kind in ("Input", "Output"):
            keys[key] = ""
        else:
            draft.nodes[full] = (node.kind, fields, metadata, takes, gives)
    return _joined(draft, module, keys, end)


def _joined(draft: Draft, module: Graph, keys: dict[str, str], end: End) -> End:
    """The edges of a nested graph, whose inputs and outputs become edges."""
    structure = module.structure
    sources: dict[str, list[str]] = {}
    for a, b in structure.edges:
        sources.setdefault(b, []).append(a)

    def real(name: str) -> list[str]:
        """Nodes that stand for one, through inputs and outputs."""
        found, work, seen = [], [name], set()
        while work:
            one = work.pop()
            if one in seen:
                continue
            seen.add(one)
            if one == module.inputs[0]:
                found += list(end.sources)
            elif keys[one]:
                found.append(keys[one])
            else:
                work += sources.get(one, [])
        return found

    for a, b in structure.edges:
        if keys[b]:
            draft.edges += [(one, keys[b]) for one in real(a)]
    draft.edges[:] = dict.fromkeys(draft.edges)
    return End(tuple(real(module.outputs[0])), structure.gives[module.outputs[0]])


EXPORTS[Graph] = Export(_nested, _changed)
