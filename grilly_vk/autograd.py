"""Reverse-mode automatic differentiation: the tape, backward, and users' own functions.

A result remembers the Node that made it; a Node remembers where its inputs came from and how to turn the gradient
of its outputs into theirs.  It does not hold the inputs themselves: what a rule needs, its closure keeps, and
nothing else stays in memory.  Nodes are numbered in the order they were made, so going through them from the
highest number down visits each after everything that used it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence
from typing import Any, Union

import numpy as np

from . import arguments
from .errors import shown
from .grad_mode import enable_grad as enable_grad
from .grad_mode import grad_enabled as grad_enabled
from .grad_mode import no_grad, tape
from .runtime.leaving import leaving
from .runtime.plain import PAIRED
from .runtime.recording import adds_to_gradient, captures
from .tensor import FLOAT32, Tensor, full, owned

Backward = Callable[..., "Sequence[Tensor | None] | Tensor | None"]
Hook = Callable[[Tensor], "Tensor | None"]
Edge = Union[Tensor, tuple["Node", int]]  # noqa: UP007 - a leaf, or one output of an operation
_numbers = itertools.count(1)

detecting_anomalies = False


class Node:
    """One recorded operation.

    Args:
        name: the operation's, for errors and anomaly reports.
        edges: where each input's gradient goes; None: nowhere.
        shapes: of the inputs.
        outputs: shapes of its results.
        backward: takes one gradient per output (None: zero) and returns one per input (None: no gradient).
        saved: the tensors whose values the rule needs unchanged.
    """

    __slots__ = ("__weakref__", "backward", "edges", "hooks", "name", "number", "outputs", "saved", "shapes")
    _unexplained = ("__init__", "free", "run")  # of `calling`: each operation makes one, and backward runs it

    def __init__(
        self,
        name: str,
        edges: Sequence[Edge | None],
        shapes: Sequence[tuple[int, ...]],
        outputs: Sequence[tuple[int, ...]],
        backward: Backward,
        saved: Sequence[Tensor],
    ) -> None:
        self.name = name
        self.number = next(_numbers)
        self.edges: Sequence[Edge | None] = edges
        self.shapes = shapes
        self.outputs = outputs
        self.backward: Backward | None = backward
        self.hooks: dict[int, list[Hook]] | None = None
        # The counter of changes alone, not the tensor: the rule decides what stays in memory.
        self.saved: list[tuple[list[int], int, tuple[int, ...]]] = []
        for t in saved:
            self.saved.append((t.buffer.version, t.buffer.version[0], t.shape))

    def hooks_of(self, index: int) -> list[Hook]:
        """The hooks of one output."""
        self.hooks = self.hooks or {}
        return self.hooks.setdefault(index, [])

    def run(self, gradients: list[Tensor | None]) -> list[tuple[Edge, list[Tensor]]]:
        """(where it goes, [gradient]) of the inputs that want one, the last first."""
        if self.backward is None:
            raise RuntimeError(
                f"the graph of {self.name} was freed by an earlier backward(); call that one with retain_graph=True"
            )
        for counter, version, shape in self.saved:
            if counter[0] != version:
                raise RuntimeError(
                    f"a tensor of shape {shape} that {self.name} needs for its gradient was changed in place after "
                    f"it was used (version {counter[0]}, needed {version}); change a clone() of it"
                )
        out = self.backward(*gradients)
        given = [out] if isinstance(out, Tensor) or out is None else list(out)
        if len(given) != len(self.edges):
            raise RuntimeError(f"backward of {self.name} gave {len(given)} gradients for {len(self.edges)} inputs")
        del out
        pairs: list[tuple[Edge, list[Tensor]]] = []
        for i in range(len(given) - 1, -1, -1):
            gradient, edge = given.pop(), self.edges[i]
            if gradient is None or edge is None:
                continue
            _check_gradient(f"backward of {self.name}", gradient, self.shapes[i])
            if detecting_anomalies:
                _check_nan(f"backward of {self.name}", gradient, [g for g in gradients if g is not None])
            pairs.append((edge, [gradient]))
        return pairs

    def free(self) -> None:
        """Lets go of everything that only the backward pass needed."""
        self.edges, self.backward, self.saved = (), None, []


def _check_gradient(what: str, gradient: Any, shape: tuple[int, ...]) -> None:
    if not isinstance(gradient, Tensor):
        raise TypeError(f"{what} gave {type(gradient).__name__} ({shown(gradient)}); expected a Tensor or None")
    if gradient.dtype is not FLOAT32:
        raise TypeError(f"{what} gave a gradient of dtype {gradient.dtype}; expected float32")
    if gradient.shape != shape:
        raise RuntimeError(f"{what} gave a gradient of shape {gradient.shape}; expected {shape}")


# ---- what is recorded ----


class set_detect_anomaly:
    """Checks every result and gradient for NaN, in all threads, and names the operation that made the first.

    ``set_detect_anomaly(True)`` switches it on for good, ``with set_detect_anomaly(True):`` for a block.  Slow: reads
    every result back.  The operation raises FloatingPointError.
    """

    def __init__(self, on: bool) -> None:
        global detecting_anomalies
        self.left = 0
        self._before, detecting_anomalies = detecting_anomalies, arguments.flag("on", on)

    def __enter__(self) -> None:
        pass

    @leaving
    def __exit__(self, *error: object) -> None:
        global detecting_anomalies
        self.left += 1
        detecting_anomalies = self._before


def _has_nan(tensor: Tensor) -> bool:
    return tensor.dtype is FLOAT32 and bool(np.isnan(tensor.numpy()).any())


def _check_nan(what: str, tensor: Tensor, inputs: Sequence[Tensor]) -> None:
    if _has_nan(tensor):
        came = [i for i, t in enumerate(inputs) if _has_nan(t)]
        where = f"input {came[0]} held NaN already" if came else "its inputs held none"
        raise FloatingPointError(f"{what} gave NaN in a result of shape {tensor.shape}; {where}")


def record(
    name: str,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    backward: Backward,
    saved: Sequence[Tensor] | None = None,
) -> None:
    """Puts an operation on the tape if any input wants a gradient; called by every differentiable op.

    Args:
        name: for errors.
        inputs, outputs: of the operation.
        backward: as in Node.  It should keep no tensor that it does not need.
        saved: the tensors that `backward` reads (default: the inputs); changing one of them in place before
            the backward pass is an error then.
    """
    if detecting_anomalies:
        for output in outputs:
            _check_nan(name, output, inputs)
    if not tape.enabled:
        return
    edges: list[Edge | None] = []
    shapes, made, wanted = [], [], False
    for t in inputs:  # loops, not comprehensions, each of which would be a call
        wanted = wanted or t.requires_grad
        edges.append(t.node or (t if t.requires_grad else None))
        shapes.append(t.shape)
    if not wanted:
        return
    for output in outputs:
        made.append(output.shape)
    node = Node(name, edges, shapes, made, backward, inputs if saved is None else saved)
    for i, output in enumerate(outputs):
        if output.dtype is FLOAT32:
            output.requires_grad = True
            output.node = (node, i)
    if tape.observer is not None:
        tape.observer(node, inputs)


# ---- going back ----


def edge_of(tensor: Tensor) -> Edge | None:
    """Where the gradient of a tensor goes."""
    return tensor.node or (tensor if tensor.requires_grad else None)


def edge_key(edge: Edge) -> tuple[int, int]:
    """What tells edges apart."""
    return (0, id(edge)) if isinstance(edge, Tensor) else (edge[0].number, edge[1])


def next_number() -> int:
    """A number above those of all nodes so far, and below those of all to come."""
    return next(_numbers)


def _hooked(hooks: Sequence[Hook], gradient: Tensor) -> Tensor:
    for hook in tuple(hooks):
        changed = hook(gradient)
        if changed is not None:
            _check_gradient("a hook", changed, gradient.shape)
            gradient = changed
    return gradient


def _sum(x: Tensor, y: Tensor) -> Tensor:
    """The sum of two gradients of one tensor, off the tape."""
    out = Tensor(x.engine.alloc(x.nbytes), x.shape, FLOAT32, x.engine)
    PAIRED(x.engine, x=x, y=y, z=out, n=x.count, OP=0, TYPE=0)
    if detecting_anomalies:
        _check_nan("add", out, (x, y))
    return out


def run_tape(
    starts: Sequence[tuple[Edge, Tensor]],
    *,
    retain_graph: bool,
    wanted: Sequence[Edge] | None = None,
    above: int = 0,
) -> list[Tensor | None]:
    """Runs the tape back from `starts`, pairs of where and with which gradient.

    Gradients are added to `.grad` of the leaves, after everything else went well; with `wanted`, those are returned
    instead and no `.grad` changes.  Nodes numbered `above` or lower are not run.
    """
    arrived: dict[int, list[Tensor | None]] = {}  # by node number
    nodes: dict[int, Node] = {}
    queue: list[int] = []
    leaves: dict[int, tuple[Tensor, list[Tensor]]] = {}
    results: dict[tuple[int, int], Tensor] = {}
    targets = set(map(edge_key, wanted or ()))

    def deliver(edge: Edge, box: list[Tensor]) -> None:
        if isinstance(edge, Tensor):
            if wanted is not None and edge_key(edge) not in targets:
                return
            found = leaves.get(id(edge))
            if found is None:
                leaves[id(edge)] = (edge, box)
            else:
                found[1][0] = _sum(found[1][0], box[0])
            return
        node, index = edge
        slots = arrived.get(node.number)
        if slots is None:
            slots = arrived[node.number] = [None] * len(node.outputs)
            nodes[node.number] = node
            heapq.heappush(queue, -node.number)
        before = slots[index]
        slots[index] = box[0] if before is None else _sum(before, box[0])

    before, tape.enabled = tape.enabled, False
    try:
        for edge, gradient in starts:
            deliver(edge, [gradient])
        while queue:
            number = -heapq.heappop(queue)
            node, slots = nodes.pop(number), arrived.pop(number)
            for index, own in enumerate(slots):
                if own is None:
                    continue
                if node.hooks is not None and index in node.hooks:
                    slots[index] = own = _hooked(node.hooks[index], own)
                if (number, index) in targets:
                    results[number, index] = own
            own = None
            if number <= above:
                continue
            pairs = node.run(slots)
            slots.clear()
            if not retain_graph:
                node.free()
            while pairs:
                deliver(*pairs.pop())
        for leaf, box in leaves.values():
            if leaf.hooks:
                box[0] = _hooked(leaf.hooks, box[0])
        if wanted is None and captures:
            for leaf, _ in leaves.values():
                adds_to_gradient(leaf)
        for leaf, box in leaves.values():
            if wanted is not None:
                results[edge_key(leaf)] = box[0]
            else:
                with leaf.engine.lock:
                    leaf.accumulate(box)
    finally:
        tape.enabled = before
    return list(map(results.get, map(edge_key, wanted or ())))


def backward(root: Tensor, gradient: Tensor | None = None, *, retain_graph: bool = False) -> None:
    """See `Tensor.backward`."""
    arguments.flag("retain_graph", retain_graph)
    edge, first = start(root, gradient)
    run_tape([(edge, first)], retain_graph=retain_graph)


def start(root: Tensor, gradient: Tensor | None) -> tuple[Edge, Tensor]:
    """Where backward starts and with which gradient: ones for a single element, else what is given.

    Raises:
        RuntimeError: the root is not on the tape, or has several elements and no gradient is given.
        TypeError, ValueError: a gradient that is no float32 tensor of the root's shape.
    """
    edge = edge_of(root)
    if edge is None:
        raise RuntimeError("this tensor depends on nothing that has requires_grad=True; there is nothing to do")
    if gradient is None:
        if root.count != 1:
            raise RuntimeError(f"backward() of a tensor of shape {root.shape} needs a gradient; only scalars don't")
        return edge, full(root.shape, 1.0, on=root.engine)
    if not isinstance(gradient, Tensor):
        raise TypeError(f"gradient must be a Tensor, not {type(gradient).__name__}")
    if gradient.dtype is not FLOAT32:
        raise TypeError(f"gradient must be float32, not {gradient.dtype}")
    if gradient.shape != root.shape:
        raise ValueError(f"gradient has shape {gradient.shape}; expected {root.shape}")
    return edge, gradient


def _listed(name: str, value: Any) -> list[Tensor]:
    out = [value] if isinstance(value, Tensor) else arguments.listed(name, value)
    for i, one in enumerate(out):
        if not isinstance(one, Tensor):
            raise TypeError(f"{name}[{i}] must be a Tensor, not {type(one).__name__}")
    return out


def _given(grad_outputs: Any, count: int) -> list[Tensor | None]:
    if grad_outputs is None:
        return [None] * count
    given = arguments.listed("grad_outputs", grad_outputs)
    _listed("grad_outputs", [g for g in given if g is not None])
    return given


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    *,
    retain_graph: bool = False,
) -> tuple[Tensor | None, ...]:
    """Gradients of the sum of `outputs` with respect to `inputs`, without touching any `.grad`.

    Args:
        outputs: what to go back from.
        inputs: leaves, or results in between.
        grad_outputs: a gradient for each output, of its shape; None for one of a single element.
        retain_graph: keep what is recorded, to go back again.

    Returns:
        One tensor per input, None where the outputs don't depend on it.  Gradients of gradients are not recorded.

    Raises:
        RuntimeError: an input without requires_grad; else as `Tensor.backward`.
        ValueError: another number of grad_outputs than of outputs.
    """
    arguments.flag("retain_graph", retain_graph)
    roots, wanted = _listed("outputs", outputs), _listed("inputs", inputs)
    given = [grad_outputs] if isinstance(grad_outputs, Tensor) else _given(grad_outputs, len(roots))
    if len(given) != len(roots):
        raise ValueError(f"{len(given)} grad_outputs for {len(roots)} outputs")
    edges = []
    for i, tensor in enumerate(wanted):
        edge = edge_of(tensor)
        if edge is None:
            raise RuntimeError(f"inputs[{i}] has no requires_grad, so nothing was recorded about it")
        edges.append(edge)
    numbers = [edge_key(e)[0] for e in edges]
    found = run_tape(
        [start(r, g) for r, g in zip(roots, given)],
        retain_graph=retain_graph,
        wanted=edges,
        above=min(numbers, default=0),  # a leaf has number 0: then everything counts
    )
    out: list[Tensor | None] = []
    for i in range(len(found)):
        gradient, found[i] = found[i], None
        box, gradient = [gradient], None
        out.append(None if box[0] is None else owned(box))  # type: ignore[arg-type]
    return tuple(out)


# ---- users' own operations ----


class Context:
    """What a Function's forward leaves for its backward; other attributes may be set freely."""

    def __init__(self) -> None:
        self.saved_tensors: tuple[Tensor, ...] = ()
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keeps tensors for backward, as `saved_tensors`; changing one in place before it is an error."""
        self.saved_tensors = tensors


class Function:
    """A user's own differentiable operation.

    Subclass with two static methods, ``forward(ctx, *args)`` (returns a Tensor or a tuple of them) and
    ``backward(ctx, *grad_outputs)`` (returns one gradient or None per argument of forward), and call
    ``MyFunction.apply(*args)``.
    """

    @staticmethod
    def forward(ctx: Context, *args: Any) -> Any:
        """Computes the result; nothing inside is recorded."""
        raise NotImplementedError("a Function needs a static forward(ctx, *args)")

    @staticmethod
    def backward(ctx: Context, *grads: Any) -> Any:
        """Gradients of the arguments from those of the results; a result without one gives zeros."""
        raise NotImplementedError("a Function needs a static backward(ctx, *grad_outputs)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Runs forward and records backward.

        Raises:
            TypeError: forward gave something else than tensors.
            RuntimeError: in the backward pass, another number of gradients than arguments.
        """
        ctx = Context()
        tensors = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        with no_grad():
            result = cls.forward(ctx, *args)
        made = (result,) if isinstance(result, Tensor) else result
        if not isinstance(made, (tuple, list)) or not all(isinstance(o, Tensor) for o in made):
            kind = type(result).__name__
            raise TypeError(f"{cls.__name__}.forward must give a Tensor or a tuple of them, not {kind}")
        # Views of their own: one handed through, or given twice, must not go on the tape under its old name, and
        # a saved result must not keep itself alive.
        outputs = tuple(o._alias() for o in made)
        shapes = [o.shape for o in outputs]
        name, count, engine = cls.__name__, len(args), outputs[0].engine if outputs else None
        rule = cls.backward

        def run(*gradients: Tensor | None) -> list[Tensor | None]:
            whole = [full(s, 0.0, on=engine) if g is None else g for s, g in zip(shapes, gradients)]
            out = rule(ctx, *whole)
            given = list(out) if isinstance(out, (tuple, list)) else [out]
            if len(given) != count:
                raise RuntimeError(f"{name}.backward gave {len(given)} gradients; forward took {count} arguments")
            return [given[i] for i in tensors]

        record(name, [args[i] for i in tensors], outputs, run, ctx.saved_tensors)
        return outputs[0] if isinstance(result, Tensor) else outputs
