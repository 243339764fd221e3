"""From NIR to a module."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..nn.module import Module
from .graph import Graph, Layout, Structure
from .library import library
from .meaning import Meaning
from .neurons import NEURONS
from .nodes import FIELDS, OURS, Node, module_of, read
from .order import Order, ordered
from .parts import Delay
from .shapes import Shape, output, own_input

_TIMED = {*NEURONS, "Delay"}
# what h5py 3 and nir 1.0 raised for files with bytes changed at random, and with groups and fields of other kinds
_DAMAGE = (
    OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, IndexError, AssertionError, MemoryError,
)  # fmt: skip
_UNREADABLE = (OSError, RuntimeError, KeyError, UnicodeDecodeError)  # h5py alone, for the former
_SPIKING = {kind for kind, cls in NEURONS.items() if cls.is_spiking} | {"Threshold"}


def from_nir(
    graph_or_path: Any,
    dt: float | None = None,
    integrator: str | None = None,
    reset: str | None = None,
    input_shape: Any = None,
    *,
    comparator: str | None = None,
) -> Graph:
    """The module that a NIR graph describes.

    NIR's neurons are continuous in time, and say nothing of steps: dt, integrator, reset and comparator decide what
    they mean here.  Where one is None, the graph's own metadata count, as `to_nir` writes them, of the node before
    those of the graph; else the default.

    Args:
        graph_or_path: a `nir.NIRGraph`, or the path of a .nir file.
        dt: seconds of a step.  There is no default: a graph of neurons that has no such metadata needs it.
        integrator: "euler" (default): v += dt / tau * (v_leak - v + R I), and of neurons without a leak
            v += dt R I; a current moves before the potential that it drives.  "exact": what the equations give for
            an input that is constant within a step.
        reset: "value" (default): a spike sets the potential to v_reset. "subtract": it takes v_threshold from it.
        input_shape: of one sample, without time and batch: a tuple, or a mapping from names of Input nodes.  Needed
            where the graph does not say it; else it must be the same.
        comparator: ">" (default, as NIR writes it) or ">=": whether a potential equal to the threshold spikes.

    Returns:
        A Module in step mode "m": (T, B, ...) to (T, B, ...), the parts having the names of the nodes.  Weights are
        Parameters.  Potentials start at v_leak, or at 0 where there is none, and currents at 0.

    Raises:
        ImportError: the package nir is not installed.
        FileNotFoundError: no such file.
        ValueError: no NIR file; a node, field or shape that can't be, named; edges that are missing; no dt.
        TypeError: arguments of the wrong type or value.

    Warns:
        UserWarning: dt is longer than a time constant; names the nodes.

    Example:
        >>> net = grilly_vk.nir.from_nir("lif.nir", dt=1e-4)
        >>> spikes = net(np.ones((100, 1, 1), np.float32))

    Source: Pedersen et al., "Neuromorphic intermediate representation: a unified instruction set for interoperable
    brain-inspired computing", Nature Communications 15 (2024).
    """
    asked: dict[str, Any] = {"dt": dt, "integrator": integrator, "reset": reset, "comparator": comparator}
    Meaning(**{"dt": 1.0, **{k: v for k, v in asked.items() if v is not None}})  # raises for a wrong one
    graph = _graph(graph_or_path)
    nodes, edges, layout = flattened(graph)
    _connected(nodes, edges)
    inputs = _with_shapes(nodes, layout, input_shape)
    waits = set()
    modules: dict[str, Module | None] = {}
    defaults = _ours(layout.metadata)
    for name, node in nodes.items():
        if node.kind == "Delay":
            modules[name] = _module(node, _meaning(node, asked, defaults), 0)
            made = modules[name]
            if isinstance(made, Delay) and made.steps.min() > 0:
                waits.add(name)
    stops = {n for n, node in nodes.items() if node.kind in _SPIKING}  # and what comes out is not to wait itself
    stops |= {n for n in layout.nodes.values() if isinstance(n, str) and nodes[n].kind == "Output"}
    order = ordered(nodes, edges, inputs, stops, waits)
    takes, gives = _shaped(nodes, edges, order)
    slow = []
    for name, node in nodes.items():
        meaning = _meaning(node, asked, defaults) if node.kind in _TIMED | {"Threshold"} else None
        slow += _slow(node, meaning)
        if name not in modules:
            modules[name] = _module(node, meaning, len(takes[name]))
    if slow:
        more = f" and {len(slow) - 3} more" if len(slow) > 3 else ""
        warnings.warn(
            f"dt is longer than a time constant of node {', '.join(slow[:3])}{more}: take a smaller dt",
            UserWarning,
            stacklevel=2,
        )
    return Graph(Structure(nodes, edges, order, takes, gives, layout), {name: modules[name] for name in nodes})


def load(path: Any, dt: float | None = None, **options: Any) -> Graph:
    """`from_nir` of a file.

    Args:
        path: of a .nir file.
        dt, options: as in `from_nir`.

    Raises:
        TypeError: path is no path. What `from_nir` raises.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path must be a path, not {type(path).__name__}")
    return from_nir(path, dt, **options)


# ---- reading ----


def _graph(given: Any) -> Any:
    nir = library()
    if isinstance(given, nir.NIRGraph):
        return given
    if not isinstance(given, (str, os.PathLike)):
        raise TypeError(f"graph_or_path must be a nir.NIRGraph or a path, not {type(given).__name__}")
    path = Path(given)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {shown(str(path))}")
    try:
        graph = nir.read(path, type_check=False)
    except PermissionError:
        raise
    except _DAMAGE as error:
        reason = _reason(path) or f"{type(error).__name__}: {shown(str(error))}"
        raise ValueError(f"{path.name} can't be read as a NIR graph: {reason}") from error
    if not isinstance(graph, nir.NIRGraph):
        raise ValueError(f"{path.name} holds a single {type(graph).__name__}, not a graph")
    return graph


def _reason(path: Path) -> str | None:
    """Why a file that HDF5 opens is none of NIR's: the first group that can't be."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            if "node" not in file:
                return "it has no group 'node'"
            work, seen = [("", file["node"])], set()
            while work:
                name, group = work.pop()
                label = f"node {name!r}" if name else "the graph"
                if not isinstance(group, h5py.Group):
                    return f"{label} is no group"
                if group in seen:  # links may lead back
                    continue
                seen.add(group)
                word = group.get("type")
                kind = word[()] if isinstance(word, h5py.Dataset) and word.shape == () else None
                kind = kind.decode() if isinstance(kind, bytes) else None
                if kind == "NIRGraph":
                    for part, held in (("nodes", h5py.Group), ("edges", h5py.Dataset)):
                        if not isinstance(group.get(part), held):
                            return f"{label} has no {part}"
                    work += [(f"{name}.{key}" if name else key, node) for key, node in group["nodes"].items()]
                elif kind not in FIELDS:
                    return f"{label} is of type {kind}, which is none of NIR's" if kind else f"{label} has no type"
                else:
                    wanted = ["shape"] if kind in ("Input", "Output") else list(FIELDS[kind])
                    optional = {"input_shape", "input_type", "v_reset", "w_in"}
                    missing = [key for key in wanted if key not in group and key not in optional]
                    if missing:
                        return f"{label} ({kind}) has no {missing[0]}"
    except _UNREADABLE:
        pass
    return None


def flattened(graph: Any) -> tuple[dict[str, Node], list[tuple[str, str]], Layout]:
    """All nodes and edges of a graph and of those in it, and how they were arranged.

    Raises:
        ValueError: a node of another type; an edge of a node that is not there, or of a nested graph with several
            inputs or outputs.
    """
    nir = library()
    nodes: dict[str, Node] = {}
    edges: dict[tuple[str, str], None] = {}
    root = Layout()
    work = [("", graph, root)]
    later: list[tuple[str, Layout, list[tuple[str, str]]]] = []
    while work:
        prefix, whole, layout = work.pop()
        layout.metadata = dict(whole.metadata) if isinstance(whole.metadata, dict) else {}
        for name, node in whole.nodes.items():
            if isinstance(node, nir.NIRGraph):
                layout.nodes[name] = Layout()
                work.append((f"{prefix}{name}.", node, layout.nodes[name]))
            else:
                full = prefix + name
                while full in nodes:
                    full += "_"
                nodes[full] = read(full, node)
                layout.nodes[name] = full
        pairs = dict.fromkeys(map(tuple, whole.edges))
        wrong = next((pair for pair in pairs if len(pair) != 2), None)
        if wrong is not None:
            raise ValueError(f"edges must be pairs of names, got {shown(wrong)}")
        found = [(str(a), str(b)) for a, b in pairs]
        layout.edges = found
        later.append((prefix, layout, found))
    for prefix, layout, found in later:
        for a, b in found:
            start = _end(nodes, layout, prefix, a, (a, b), "Output")
            edges[start, _end(nodes, layout, prefix, b, (a, b), "Input")] = None
    return nodes, list(edges), root


def _end(nodes: dict[str, Node], layout: Layout, prefix: str, name: str, edge: tuple[str, str], kind: str) -> str:
    """The node that an end of an edge means: of a nested graph its Output or Input."""
    found = layout.nodes.get(name)
    if found is None and "." in name:  # the input or output of a nested graph by its own name
        outer, inner = name.split(".", 1)
        nested = layout.nodes.get(outer)
        found = nested.nodes.get(inner) if isinstance(nested, Layout) else None
    while isinstance(found, Layout):
        ends = [n for n in found.nodes.values() if isinstance(n, Layout) or nodes[n].kind == kind]
        ends = [n for n in ends if not isinstance(n, Layout)]
        if len(ends) != 1:
            raise ValueError(
                f"edge {prefix}{edge[0]} -> {edge[1]}: graph {name!r} has {len(ends)} {kind} nodes, not one"
            )
        found = ends[0]
    if found is None:
        raise ValueError(f"edge {prefix}{edge[0]} -> {edge[1]}: there is no node {name!r}")
    return found


def _connected(nodes: dict[str, Node], edges: list[tuple[str, str]]) -> None:
    fed, feeds = {b for _, b in edges}, {a for a, _ in edges}
    if not any(node.kind == "Input" for node in nodes.values()):
        raise ValueError("the graph has no Input node")
    for name, node in nodes.items():
        if name not in fed and node.kind != "Input":
            raise ValueError(f"node {name!r} ({node.kind}) gets no input: an edge to it is missing")
        if name not in feeds and node.kind != "Output":
            raise ValueError(f"nothing takes the output of node {name!r} ({node.kind}): an edge from it is missing")


# ---- shapes ----


def _with_shapes(nodes: dict[str, Node], layout: Layout, input_shape: Any) -> list[str]:
    """Fills in `input_shape`; the names of the graph's Input nodes."""
    tops = [n for n in layout.nodes.values() if isinstance(n, str)]
    inputs = [n for n in tops if nodes[n].kind == "Input"]
    if not inputs:
        raise ValueError("the graph has no Input node")
    if not any(nodes[n].kind == "Output" for n in tops):
        raise ValueError("the graph has no Output node")
    if input_shape is None:
        wanted: Mapping[str, Any] = {}
    elif isinstance(input_shape, Mapping):
        wanted = input_shape
    elif len(inputs) > 1:
        raise TypeError(f"input_shape must be a mapping with the inputs {shown(inputs)}")
    else:
        wanted = {inputs[0]: input_shape}
    for name, shape in wanted.items():
        if name not in inputs:
            raise ValueError(f"input_shape is for {shown(name)}, which is not one of the inputs {shown(inputs)}")
        sizes = shape if isinstance(shape, Iterable) else (shape,)
        new = tuple(arguments.size(f"input_shape[{i}]", n) for i, n in enumerate(sizes))
        old = nodes[name].fields.input_type
        if old is not None and old != new:
            raise ValueError(f"input_shape is {new}, but the graph's node {name!r} says {old}")
        nodes[name].fields.input_type = new
    return inputs


def _shaped(
    nodes: dict[str, Node], edges: list[tuple[str, str]], order: Order
) -> tuple[dict[str, Shape], dict[str, Shape]]:
    """Shapes into and out of each node.

    Raises:
        ValueError: some don't fit each other, or can't be known.
    """
    sources: dict[str, list[str]] = {name: [] for name in nodes}
    for a, b in edges:
        sources[b].append(a)
    takes: dict[str, Shape] = {}
    gives: dict[str, Shape] = {}
    for stage in order.stages:
        for name in stage.nodes:
            node = nodes[name]
            known = [a for a in sources[name] if a in gives]
            shape = gives[known[0]] if known else own_input(node.kind, node.fields)
            if shape is None:
                hint = "give input_shape" if node.kind == "Input" else "its input's shape is not known"
                raise ValueError(f"node {name!r} ({node.kind}): {hint}")
            for a in known[1:]:
                if gives[a] != shape:
                    raise ValueError(
                        f"node {name!r} ({node.kind}) sums outputs of shape {shape} (of {known[0]!r}) and {gives[a]} "
                        f"(of {a!r})"
                    )
            takes[name] = shape
            try:
                gives[name] = output(node.kind, node.fields, shape)
            except (ValueError, TypeError, IndexError, ZeroDivisionError) as error:
                raise ValueError(f"node {name!r} ({node.kind}): {error}") from error
    for a, b in edges:
        if gives[a] != takes[b]:
            raise ValueError(f"node {b!r} ({nodes[b].kind}) takes {takes[b]}, but {a!r} gives it {gives[a]}")
    return takes, gives


# ---- time ----


def _ours(metadata: Mapping[str, Any]) -> dict[str, Any]:
    found = metadata.get(OURS)
    return dict(found) if isinstance(found, Mapping) else {}


def _meaning(node: Node, asked: Mapping[str, Any], defaults: Mapping[str, Any]) -> Meaning:
    own = _ours(node.metadata)
    found: dict[str, Any] = {}
    for name, value in asked.items():
        value = own.get(name, defaults.get(name)) if value is None else value
        if value is not None:
            found[name] = value.decode() if isinstance(value, bytes) else value
    if "dt" not in found:
        if node.kind == "Threshold":
            return Meaning(1.0, **found)
        raise ValueError(f"dt, the seconds of a step, is missing: node {node.name!r} ({node.kind}) needs it")
    found["dt"] = float(np.asarray(found["dt"]))
    try:
        return Meaning(**found)
    except (ValueError, TypeError) as error:
        raise ValueError(f"node {node.name!r} ({node.kind}): {error}") from error


def _module(node: Node, meaning: Meaning | None, rank: int) -> Module | None:
    try:
        return module_of(node, meaning, rank)
    except (ValueError, TypeError) as error:
        raise ValueError(f"node {node.name!r} ({node.kind}): {error}") from error


def _slow(node: Node, meaning: Meaning | None) -> list[str]:
    """The node's name, if a step is longer than a time constant."""
    taus = [getattr(node.fields, name) for name in ("tau", "tau_syn", "tau_mem") if hasattr(node.fields, name)]
    try:
        slow = meaning is not None and any((np.asarray(tau) < meaning.dt * (1 - 1e-6)).any() for tau in taus)
    except TypeError:  # no numbers, which the module says
        return []
    return [repr(node.name)] if slow else []
