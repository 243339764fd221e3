"""Reading a network: which modules a forward calls in which order, and what flows from which operation to which.

The forward runs once on an example with the tape on.  A module's call is the interval of operation numbers between its
start and its end, so each operation belongs to the innermost call around its number, whoever wrote the forward.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ...autograd import Node, enable_grad, next_number
from ...tensor import Tensor
from ..hooks import WithKwargs
from ..layers.conv import Conv1d, Conv2d
from ..layers.linear import Linear
from ..layers.norm import BatchNorm1d, BatchNorm2d
from ..module import Module
from .dependence import Dependence, NotFollowed, followed


@dataclass
class Call:
    """One call of a module."""

    module: Module
    name: str
    parent: Call | None
    start: int
    stop: int = 0

    def __str__(self) -> str:
        return f"{type(self.module).__name__} ({self.name!r})" if self.name else type(self.module).__name__


@dataclass
class Step:
    """One operation that depends on the input.

    Attributes:
        name: the operation's.
        call: the innermost module call that it is part of.
        inputs: each input: the Step that made it, "x" for the network's input, a leaf Tensor, or None for a constant.
        shape: of its result.
        spiking: whether an activation lies behind it.
    """

    name: str
    call: Call
    inputs: list[Step | str | Tensor | None]
    shape: tuple[int, ...]
    spiking: bool = False
    users: list[Step] = field(default_factory=list)

    @property
    def module(self) -> Module:
        """The innermost module that it is part of."""
        return self.call.module

    def from_input(self) -> list[int]:
        """Which inputs depend on the network's."""
        return [i for i, source in enumerate(self.inputs) if isinstance(source, (Step, str))]


@dataclass
class Trace:
    """What a forward did.

    Attributes:
        steps: in the order of running.
        calls: all calls of modules, in order.
        shape: of the example's input.
    """

    steps: list[Step]
    calls: list[Call]
    shape: tuple[int, ...]

    def calls_of(self, module: Module) -> list[Call]:
        """Those of one module."""
        return [call for call in self.calls if call.module is module]


@contextmanager
def _watching(model: Module, calls: list[Call], dependence: Dependence) -> Iterator[None]:
    open_calls: list[Call] = []
    names = {id(module): name for name, module in model.named_modules()}

    def begin(module: Module, args: Any) -> None:
        call = Call(module, names[id(module)], open_calls[-1] if open_calls else None, next_number())
        calls.append(call)
        open_calls.append(call)

    def end(module: Module, args: Any, out: Any) -> None:
        open_calls.pop().stop = next_number()

    own = [(hooks, dict(hooks)) for m in model.modules() for hooks in (m._forward_pre_hooks, m._forward_hooks)]
    for hooks, before in own:
        hooks.update({key: _quiet(hook, dependence) for key, hook in before.items()})
    handles = [m.register_forward_pre_hook(begin) for m in model.modules()]
    handles += [m.register_forward_hook(end) for m in model.modules()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for hooks, before in own:
            hooks.update(before)


def _quiet(hook: Any, dependence: Dependence) -> Any:
    if isinstance(hook, WithKwargs):
        return WithKwargs(dependence.watched(hook.hook))
    return dependence.watched(hook)


def trace(model: Module, example: Tensor) -> Trace:
    """Runs the model once, off everybody's gradients, and reads what it did.

    Args:
        model: in evaluation mode; it must be one's own copy.
        example: (B, ...).

    Raises:
        TypeError: it gives no single float32 Tensor.
        ValueError: what it gives does not depend on the input.  And all that its forward raises.
        NotFollowed: it takes values that depend on the input without a gradient.
    """
    calls: list[Call] = []
    x = example.detach().requires_grad_()
    with enable_grad(), followed(x) as dependence, _watching(model, calls, dependence):
        out = model(x)
    if not isinstance(out, Tensor):
        raise TypeError(f"ann gives {type(out).__name__}; a network that gives one Tensor can be converted")
    if out.node is None:
        raise ValueError("the output of ann does not depend on its input, or gradients do not reach it")
    return Trace(_steps(out, x, calls, dependence.frozen), calls, x.shape)


def _steps(out: Tensor, x: Tensor, calls: list[Call], frozen: set[int]) -> list[Step]:
    """The operations between x and out, in order; others, such as those on parameters alone, are left out.

    Raises:
        NotFollowed: one takes what depends on x without a gradient.
    """
    assert out.node is not None
    nodes: dict[int, Node] = {}
    todo = [out.node[0]]
    while todo:
        node = todo.pop()
        if node.number in nodes:
            continue
        nodes[node.number] = node
        todo += [edge[0] for edge in node.edges if isinstance(edge, tuple)]
    found: dict[int, Step] = {}
    for number in sorted(nodes):
        node = nodes[number]
        if number in frozen:
            raise NotFollowed(
                f"{node.name} in the forward of {_around(number, calls)} takes what depends on the input without a "
                "gradient, such as a comparison, argmax or detach(); it would stay what it is for the example that the "
                "network is converted with; leave it out, or write it with nn.ReLU()"
            )
        inputs: list[Step | str | Tensor | None] = []
        for edge in node.edges:
            if isinstance(edge, tuple):
                inputs.append(found.get(edge[0].number))
            else:
                inputs.append("x" if edge is x else edge)
        if not any(isinstance(source, (Step, str)) for source in inputs):
            continue
        step = Step(node.name, _around(number, calls), inputs, node.outputs[0])
        for source in inputs:
            if isinstance(source, Step):
                source.users.append(step)
        found[number] = step
    return list(found.values())


def _around(number: int, calls: list[Call]) -> Call:
    """The innermost call that made a node."""
    return max((call for call in calls if call.start < number < call.stop), key=lambda call: call.start)


def guessed(model: Module) -> Iterator[tuple[int, ...]]:
    """Shapes (B, ...) that an input of the model may have, by its first layer with a weight of known meaning."""
    batch = 5
    sizes = [28, 32, *range(1, 28), *range(29, 65), 96, 128, 224, 227, 256]
    for module in model.modules():
        if isinstance(module, Linear):
            yield batch, module.in_features
        elif isinstance(module, (Conv2d, BatchNorm2d)):
            channels = module.in_channels if isinstance(module, Conv2d) else module.num_features
            yield from ((batch, channels, size, size) for size in sizes)
        elif isinstance(module, (Conv1d, BatchNorm1d)):
            channels = module.in_channels if isinstance(module, Conv1d) else module.num_features
            if isinstance(module, BatchNorm1d):
                yield batch, channels
            yield from ((batch, channels, size) for size in sizes)
        else:
            continue
        return
