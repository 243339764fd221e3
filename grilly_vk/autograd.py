"""Reverse-mode automatic differentiation: the tape, backward, and users' own functions.

A result remembers the Node that made it; a Node remembers its inputs and how to turn the gradient of its
outputs into theirs.  Nodes are numbered in the order they were made, so going through them from the highest
number down visits each after everything that used it.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .tensor import Tensor

Backward = Callable[..., "Sequence[Tensor | None] | Tensor | None"]
_numbers = itertools.count()


class _Mode(threading.local):
    enabled = True
    anomaly = False


_mode = _Mode()


class Node:
    """One recorded operation.

    Args:
        name: the operation's, for errors and anomaly reports.
        inputs: the tensors it was computed from.
        outputs: shapes of its results.
        backward: takes one gradient per output (None: zero) and returns one per input (None: no gradient).
    """

    __slots__ = ("__weakref__", "backward", "inputs", "name", "number", "outputs", "versions")

    def __init__(
        self, name: str, inputs: Sequence[Tensor], outputs: Sequence[tuple[int, ...]], backward: Backward
    ) -> None:
        self.name = name
        self.number = next(_numbers)
        self.inputs: tuple[Tensor, ...] | None = tuple(inputs)
        self.outputs = tuple(outputs)
        self.backward: Backward | None = backward
        self.versions = tuple(t.version for t in self.inputs)

    def run(self, gradients: Sequence[Tensor | None]) -> list[tuple[Tensor, Tensor]]:
        """(input, its gradient) pairs."""
        if self.backward is None or self.inputs is None:
            raise RuntimeError(
                f"the graph of {self.name} was freed by an earlier backward(); call that one with retain_graph=True"
            )
        for i, (tensor, version) in enumerate(zip(self.inputs, self.versions)):
            if tensor.version != version:
                raise RuntimeError(
                    f"input {i} of {self.name}, shape {tensor.shape}, was changed in place after it was used "
                    f"(version {tensor.version}, needed {version}); change a clone() of it"
                )
        out = self.backward(*gradients)
        given = (out,) if isinstance(out, Tensor) or out is None else tuple(out)
        if len(given) != len(self.inputs):
            raise RuntimeError(f"backward of {self.name} gave {len(given)} gradients for {len(self.inputs)} inputs")
        pairs = []
        for tensor, gradient in zip(self.inputs, given):
            if gradient is None or not tensor.requires_grad:
                continue
            if gradient.shape != tensor.shape:
                raise RuntimeError(
                    f"backward of {self.name} gave a gradient of shape {gradient.shape} for an input of shape "
                    f"{tensor.shape}"
                )
            if _mode.anomaly:
                check_finite(f"backward of {self.name}", gradient)
            pairs.append((tensor, gradient))
        return pairs

    def free(self) -> None:
        """Lets go of everything that only the backward pass needed."""
        self.inputs = self.backward = None


def grad_enabled() -> bool:
    """Whether operations are recorded in this thread."""
    return _mode.enabled


@contextlib.contextmanager
def _set_grad(enabled: bool) -> Iterator[None]:
    before, _mode.enabled = _mode.enabled, enabled
    try:
        yield
    finally:
        _mode.enabled = before


def no_grad() -> contextlib.AbstractContextManager[None]:
    """``with no_grad():`` or ``@no_grad()``: nothing inside is recorded."""
    return _set_grad(False)


def enable_grad() -> contextlib.AbstractContextManager[None]:
    """Records again inside a `no_grad` block."""
    return _set_grad(True)


def set_detect_anomaly(on: bool) -> None:
    """Checks every result and gradient for NaN and infinity, and names the operation that made the first.

    Slow: reads every result back.  Raises FloatingPointError at the operation.
    """
    _mode.anomaly = bool(on)


def check_finite(what: str, tensor: Tensor) -> None:
    """Raises FloatingPointError naming `what` if a float tensor holds NaN or infinity."""
    if tensor.dtype == np.float32 and not np.isfinite(tensor.numpy()).all():
        raise FloatingPointError(f"{what} gave NaN or infinity, shape {tensor.shape}")


def record(name: str, inputs: Sequence[Tensor], outputs: Sequence[Tensor], backward: Backward) -> None:
    """Puts an operation on the tape if any input wants a gradient; called by every differentiable op."""
    if _mode.anomaly:
        for output in outputs:
            check_finite(name, output)
    if not _mode.enabled or not any(t.requires_grad for t in inputs):
        return
    node = Node(name, inputs, [o.shape for o in outputs], backward)
    for i, output in enumerate(outputs):
        if output.dtype == np.float32:
            output.requires_grad = True
            output.node = (node, i)


def backward(
    roots: Sequence[Tensor], gradients: Sequence[Tensor], *, retain_graph: bool = False, wanted: Sequence[Tensor] = ()
) -> list[Tensor | None]:
    """Runs the tape from `roots` back.

    Gradients are added to `.grad` of the leaves; with `wanted`, those tensors' gradients are returned instead and
    no `.grad` changes.
    """
    from .ops.elementwise import add

    arrived: dict[int, list[Tensor | None]] = {}  # by node number
    nodes: dict[int, Node] = {}
    queue: list[int] = []
    results: dict[int, Tensor] = {}
    targets = {id(t) for t in wanted}

    def deliver(tensor: Tensor, gradient: Tensor) -> None:
        for hook in tensor.hooks or ():
            changed = hook(gradient)
            gradient = gradient if changed is None else changed
        if id(tensor) in targets:
            found = results.get(id(tensor))
            results[id(tensor)] = gradient if found is None else add(found, gradient)
        if tensor.node is None:
            if not targets and tensor.requires_grad:
                tensor.accumulate(gradient)
            return
        node, index = tensor.node
        slots = arrived.get(node.number)
        if slots is None:
            slots = arrived[node.number] = [None] * len(node.outputs)
            nodes[node.number] = node
            heapq.heappush(queue, -node.number)
        slots[index] = gradient if slots[index] is None else add(slots[index], gradient)

    with no_grad():
        for root, gradient in zip(roots, gradients):
            deliver(root, gradient)
        while queue:
            number = -heapq.heappop(queue)
            node = nodes.pop(number)
            pairs = node.run(arrived.pop(number))
            if not retain_graph:
                node.free()
            for tensor, gradient in pairs:
                deliver(tensor, gradient)
            del pairs
    return [results.get(id(t)) for t in wanted]


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    retain_graph: bool = False,
) -> tuple[Tensor | None, ...]:
    """Gradients of the sum of `outputs` with respect to `inputs`, without touching any `.grad`.

    Returns:
        One tensor per input, None where the outputs don't depend on it.
    """
    roots = [outputs] if isinstance(outputs, Tensor) else list(outputs)
    wanted = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    given = [None] * len(roots) if grad_outputs is None else grad_outputs
    starts = [given] if isinstance(given, Tensor) else list(given)
    seeds = [start_gradient(r, g) for r, g in zip(roots, starts)]
    return tuple(backward(roots, seeds, retain_graph=retain_graph, wanted=wanted))


def start_gradient(root: Tensor, gradient: Tensor | None) -> Tensor:
    """The gradient that backward starts from: ones for a scalar, else what is given.

    Raises:
        RuntimeError: the root is not on the tape, or is no scalar and no gradient is given.
        ValueError: a gradient of another shape.
    """
    from .tensor import full

    if not root.requires_grad:
        raise RuntimeError("this tensor depends on nothing that has requires_grad=True; there is nothing to do")
    if gradient is None:
        if root.size != 1:
            raise RuntimeError(f"backward() of a tensor of shape {root.shape} needs a gradient; only scalars don't")
        return full(root.shape, 1.0)
    if gradient.shape != root.shape:
        raise ValueError(f"gradient has shape {gradient.shape}; expected {root.shape}")
    return gradient


class Context:
    """What a Function's forward leaves for its backward."""

    def __init__(self) -> None:
        self.saved_tensors: tuple[Tensor, ...] = ()
        self.needs_input_grad: tuple[bool, ...] = ()

    def save_for_backward(self, *tensors: Tensor) -> None:
        """Keeps tensors for backward, as `saved_tensors`."""
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
        """Gradients of the arguments from those of the results."""
        raise NotImplementedError("a Function needs a static backward(ctx, *grad_outputs)")

    @classmethod
    def apply(cls, *args: Any) -> Any:
        """Runs forward and records backward."""
        ctx = Context()
        tensors = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        with no_grad():
            result = cls.forward(ctx, *args)
        outputs = (result,) if isinstance(result, Tensor) else tuple(result)
        # A forward that hands an input through must not put that input on the tape as its own result.
        outputs = tuple(o.view() if any(o is a for a in args) else o for o in outputs)

        def run(*gradients: Tensor | None) -> list[Tensor | None]:
            from .tensor import full

            whole = [full(o.shape, 0.0) if g is None else g for o, g in zip(outputs_meta, gradients)]
            out = cls.backward(ctx, *whole)
            given = list(out) if isinstance(out, (tuple, list)) else [out]
            if len(given) != len(args):
                raise RuntimeError(
                    f"{cls.__name__}.backward gave {len(given)} gradients; forward took {len(args)} arguments"
                )
            return [given[i] for i in tensors]

        outputs_meta = [_Shape(o.shape) for o in outputs]
        record(cls.__name__, [args[i] for i in tensors], outputs, run)
        return outputs[0] if isinstance(result, Tensor) else outputs


class _Shape:
    __slots__ = ("shape",)

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
