"""A network of recurrent cores with Linear layers between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ... import arguments, families
from ...errors import shown
from ...functional.cores import unroll
from ...ops.elementwise import as_tensor, cast
from ...settings import fixed
from ...tensor import FLOAT32, Tensor
from ...typing import ArrayLike
from ..containers import ModuleList
from ..layers.linear import Linear
from ..module import Module
from .cores import LI, LIF


class RecurrentSNN(Module):
    """Linear and core in turn, and a read-out: (T, B, sizes[0]) to (T, B, sizes[-1]), every layer over all T steps.

    It is a core itself: `F.unroll(model, xs, state)` goes on from a state and returns the next.

    Args:
        sizes: input, hidden layers, output; at least two numbers.
        core: makes each hidden layer, called as `core((size,), **core_arguments)`: `nn.LIF` (default), `nn.RLIF`, ...
        readout: makes the last layer, called as `readout((sizes[-1],))` (default `nn.LI`); None: the last Linear is it.
        bias: of the Linear layers (default True).
        core_arguments: for `core`, such as `beta=0.9` or `activation=nn.ATan()`.

    Shape:
        (T, B, sizes[0]) to (T, B, sizes[-1]).

    Attributes:
        linears: a Linear before every layer.
        cores: the hidden layers' cores, and the read-out unless it is None.

    Raises:
        TypeError, ValueError: fewer than two sizes, or ones that are no whole numbers; core or readout that give
            something without `initial_state`.

    Source: the cores of spyx.nn, which it stacks.
    """

    sizes = fixed()
    takes_steps = True
    _shown = ("sizes",)

    def __init__(
        self,
        sizes: Sequence[int],
        core: Callable[..., Any] = LIF,
        readout: Callable[..., Any] | None = LI,
        bias: bool = True,
        **core_arguments: Any,
    ) -> None:
        super().__init__()
        if not isinstance(sizes, (tuple, list)) or len(sizes) < 2:
            raise ValueError(f"sizes must be a list of at least two numbers (input, ..., output), got {shown(sizes)}")
        self.sizes = tuple(arguments.size("sizes", size) for size in sizes)
        made = [_core("core", core, size, core_arguments) for size in self.sizes[1:-1]]
        made += [] if readout is None else [_core("readout", readout, self.sizes[-1], {})]
        self.linears = ModuleList([Linear(a, b, bias=bias) for a, b in zip(self.sizes, self.sizes[1:])])
        self.cores = ModuleList(made)

    def initial_state(self, batch_size: int | None) -> tuple[Any, ...]:
        """The first state of every core, a tuple."""
        return tuple(core.initial_state(batch_size) for core in self.cores)

    def unroll(self, xs: ArrayLike, state: Any = None) -> tuple[Tensor, tuple[Any, ...]]:
        """All steps at once, from a state: the outputs, and the state after the last step.

        Args:
            xs: (T, B, sizes[0]).
            state: a tuple as `initial_state(B)` gives; None: that.

        Raises:
            ValueError: shapes that don't fit. TypeError: no real numbers.
        """
        y = cast(as_tensor("xs", xs), FLOAT32)
        if y.ndim < 2 or y.shape[-1] != self.sizes[0]:
            raise ValueError(f"xs has shape {y.shape}; expected (T, B, {self.sizes[0]})")
        if state is not None and (not isinstance(state, (tuple, list)) or len(state) != len(self.cores)):
            got = f"{len(state)} of them" if isinstance(state, (tuple, list)) else type(state).__name__
            raise ValueError(f"state must be a tuple with one state for each of {len(self.cores)} cores, not {got}")
        after = []
        cores = list(self.cores)
        for i, linear in enumerate(self.linears):
            y = linear(y)
            if i < len(cores):
                y, end = unroll(cores[i], y, None if state is None else state[i])
                after.append(end)
        return y, tuple(after)

    def forward(self, xs: ArrayLike, state: Any = None, *, steps: str | None = None) -> Tensor:
        """The outputs (T, B, sizes[-1]) of xs (T, B, sizes[0]); `steps` is given by containers."""
        return self.unroll(xs, state)[0]


def _core(name: str, make: Any, size: int, core_arguments: dict[str, Any]) -> Module:
    if not callable(make) or isinstance(make, Module):
        raise TypeError(f"{name} must make a core, as nn.LIF does, not be {families.described(make)}")
    if isinstance(make, type) and families.family(make) not in (None, "core"):
        raise TypeError(
            f"{name} must make a core, as nn.LIF does, not be {families.described(make)}"
            f"; use {families.counterpart(make, 'core') or 'nn.LIF'}"
        )
    made = make((size,), **core_arguments)
    if not isinstance(made, Module) or not callable(getattr(type(made), "initial_state", None)):
        raise TypeError(f"{name} gave {type(made).__name__}; expected a Module with initial_state, such as nn.LIF")
    return made
