"""Gradient checkpointing: memory for time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Protocol

from . import arguments
from .autograd import Edge, Node, edge_key, edge_of, enable_grad, grad_enabled, next_number, run_tape
from .tensor import FLOAT32, Tensor, full


class Holder(Protocol):
    """A module with a state."""

    _memories: dict[str, Any]


class _Checkpoints(threading.local):
    again = False

    def __init__(self) -> None:
        self.used: list[dict[int, tuple[Holder, dict[str, Any]]]] = []  # of the first runs that this thread is in


_mode = _Checkpoints()


def running_again() -> bool:
    """Whether this thread is in the second run of a `checkpoint`: what counts calls must not count that one."""
    return _mode.again


def using(holder: Holder) -> None:
    """Notes the state of a module before its first use in a `checkpoint`, for the second run to begin at."""
    for used in _mode.used:
        if id(holder) not in used:
            used[id(holder)] = holder, _state(holder)


def _state(holder: Holder) -> dict[str, Any]:
    return {name: getattr(holder, name) for name in holder._memories}


def _set(states: list[tuple[Holder, dict[str, Any]]]) -> None:
    for holder, state in states:
        for name, value in state.items():
            setattr(holder, name, value)


def _left(holders: list[Holder]) -> list[tuple[Holder, str, Tensor]]:
    """The states on the tape that a run left behind: results of it, as those that fn gives are."""
    states = [(h, name, value) for h in holders for name, value in _state(h).items()]
    return [(h, name, v) for h, name, v in states if isinstance(v, Tensor) and v.requires_grad]


def _run(fn: Callable[..., Any], args: tuple[Any, ...]) -> tuple[Any, list[Any], list[Tensor]]:
    """fn recorded on copies of the arguments that are leaves: (result, those arguments, outputs)."""
    own = []
    for a in args:
        if isinstance(a, Tensor):
            wants = a.requires_grad
            a = a._alias()
            a.requires_grad = wants
        own.append(a)
    with enable_grad():
        result = fn(*own)
    outputs: list[Any] = [result]
    if isinstance(result, (tuple, list)):
        outputs = list(result)
    if not all(isinstance(o, Tensor) for o in outputs):
        raise TypeError(f"fn must give a Tensor or a tuple of them, not {type(result).__name__}")
    return result, own, outputs


def _outside(outputs: list[Tensor], own: list[Any], above: int) -> list[Edge]:
    """What the recorded part depends on besides its arguments: leaves, and results from before it."""
    seen: set[tuple[int, int]] = {edge_key(a) for a in own if isinstance(a, Tensor)}
    visited: set[int] = set()
    found: list[Edge] = []
    todo = [e for e in map(edge_of, outputs) if e is not None]
    while todo:
        edge = todo.pop()
        if not isinstance(edge, Tensor) and edge[0].number > above:
            if edge[0].number not in visited:
                visited.add(edge[0].number)
                todo += [e for e in edge[0].edges if e is not None]
        elif edge_key(edge) not in seen:
            seen.add(edge_key(edge))
            found.append(edge)
    return found


def checkpoint(fn: Callable[..., Any], *args: Any) -> Any:
    """fn(*args) without keeping intermediate results; backward computes them again.

    The memory of a long network falls from all its intermediate results to those of one part and the parts' own
    inputs, for one more forward pass.  The second run draws the same random numbers as the first, so dropout drops
    the same elements, and it begins with the state that spiking nodes had; what they have after the first run stays.
    In every other respect fn must do the same both times, and change nothing.

    Args:
        fn: takes args and gives a Tensor or a tuple of them.  Parameters that it uses need not be arguments.
        args: tensors and anything else.

    Returns:
        What fn gives.

    Raises:
        TypeError: fn gives something else than tensors.
        RuntimeError: in the backward pass, if an argument or parameter was changed in place since, or fn gave
            results of other shapes.

    Source: Chen, Xu, Zhang & Guestrin, "Training deep nets with sublinear memory cost", arXiv:1604.06174 (2016).
    """
    arguments.function("fn", fn)
    if not grad_enabled():
        return fn(*args)
    given = [a for a in args if isinstance(a, Tensor)]
    engine = given[0].engine if given else full((), 0.0).engine
    with engine.lock:  # random numbers of other threads must not come in between
        position, above = engine.draws.position(), next_number()
        used: dict[int, tuple[Holder, dict[str, Any]]] = {}
        outer = _mode.used
        try:
            _mode.used = [*outer, used]
            result, own, made = _run(fn, args)
        finally:
            _mode.used = outer
        drew = engine.draws.position() != position
    first = list(used.values())
    holders = [holder for holder, _ in first]
    left = _left(holders)
    n = len(made)
    made += [value for _, _, value in left]
    outside = _outside(made, own, above)
    shapes = [o.shape for o in made]
    inputs = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
    edges = [edge_of(args[i]) for i in inputs]
    outputs = [o._alias() for o in made]
    live = [i for i, o in enumerate(made) if o.requires_grad]
    if not live:
        return outputs[0] if isinstance(result, Tensor) else tuple(outputs)
    held = tuple(a._alias() if isinstance(a, Tensor) else a for a in args)
    for h, a in zip(held, args):
        if isinstance(a, Tensor):
            h.requires_grad = a.requires_grad

    def backward(*gradients: Tensor | None) -> list[Tensor | None]:
        with engine.lock:
            below, before = next_number(), _mode.again
            now = [(holder, _state(holder)) for holder in holders]
            _mode.again = True
            try:
                _set(first)
                if drew:
                    with engine.draws.again(position):
                        _, again, results = _run(fn, held)
                else:
                    _, again, results = _run(fn, held)
                results += [value for _, _, value in _left(holders)]
            finally:
                _mode.again = before
                _set(now)
        if [o.shape for o in results] != shapes:
            raise RuntimeError(f"fn gave shapes {[o.shape for o in results]} in the second run, {shapes} in the first")
        starts = []
        for i, g in enumerate(gradients):
            edge = edge_of(results[i])
            if g is not None and edge is not None:
                starts.append((edge, g))
        wanted = [again[i] for i in inputs if again[i].requires_grad]
        found = run_tape(starts, retain_graph=False, wanted=[*wanted, *outside], above=below)
        gradients_of = iter(found)
        return [next(gradients_of) if again[i].requires_grad else None for i in inputs] + list(gradients_of)

    leaves = [e for e in outside if isinstance(e, Tensor)]
    states = [value for _, state in first for value in state.values() if isinstance(value, Tensor)]
    shapes_in = [args[i].shape for i in inputs] + [
        e.shape if isinstance(e, Tensor) else e[0].outputs[e[1]] for e in outside
    ]
    node = Node("checkpoint", [*edges, *outside], shapes_in, shapes, backward, [*given, *leaves, *states])
    for i in live:
        if outputs[i].dtype is FLOAT32:
            outputs[i].requires_grad = True
            outputs[i].node = (node, i)
    for (holder, name, _), state in zip(left, outputs[n:]):
        setattr(holder, name, state)
    del outputs[n:]
    return outputs[0] if isinstance(result, Tensor) else tuple(outputs)
