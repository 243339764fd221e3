"""Recurrent layers whose gates are spikes: SpikingJelly's vanilla RNN, LSTM and GRU, and their cells of one step."""

from __future__ import annotations

import math
from typing import Any

from ... import arguments
from ...ops.dropout import channel_mask, dropout
from ...ops.elementwise import as_tensor, cast, unary
from ...ops.shape import concatenate, flip, split, stack
from ...settings import fixed, setting
from ...surrogate import Erf, Surrogate, chosen, slope_of
from ...tensor import FLOAT32, Tensor, full
from ...typing import ArrayLike
from .. import init
from ..containers import ModuleList
from ..layers.linear import Linear
from ..module import Module

State = list[Tensor]


class SpikingRNNCell(Module):
    """Base of the spiking recurrent cells: one step, the state in the caller's hands.

    Args:
        input_size: features of the input.
        hidden_size: units n.
        bias: whether both products have biases (default True).

    Attributes:
        linear_ih, linear_hh: Linear, from the input and from the state to the gates; all parameters start even over
            +-1 / sqrt(hidden_size).
    """

    input_size, hidden_size, bias = fixed(), fixed(), fixed()
    _gates, _states = 1, 1

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__()
        self.input_size = arguments.size("input_size", input_size)
        self.hidden_size = arguments.size("hidden_size", hidden_size)
        self.bias = arguments.flag("bias", bias)
        self.linear_ih = Linear(self.input_size, self._gates * self.hidden_size, bias=self.bias)
        self.linear_hh = Linear(self.hidden_size, self._gates * self.hidden_size, bias=self.bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws all parameters uniformly from +-1 / sqrt(hidden_size)."""
        bound = math.sqrt(1 / self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def forward(self, x: ArrayLike, state: Any = None) -> Any:
        """One step.

        Args:
            x: (B, input_size).
            state: (B, hidden_size); of an LSTM a pair (h, c).  None: zeros.

        Returns:
            The state after the step, likewise.

        Raises:
            ValueError: shapes that don't fit. TypeError: no real numbers, or no pair.
        """
        x = cast(as_tensor("x", x), FLOAT32)
        arguments.shape("x", x.shape, ("B", self.input_size))
        after = self.step(self.linear_ih(x), self.states(state, x.shape[0]))
        return after[0] if len(after) == 1 else tuple(after)

    def states(self, given: Any, batch: int) -> State:
        """A state as a list of Tensors (B, hidden_size); zeros for None."""
        return _states("state", given, self._states, (batch, self.hidden_size))

    def step(self, gates: Tensor, state: State) -> State:
        """One step from the input's part of the gates, (B, gates * n)."""
        raise NotImplementedError(f"{type(self).__name__} does not define step()")

    def extra_repr(self) -> str:
        """The sizes."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")


class SpikingVanillaRNNCell(SpikingRNNCell):
    """h = spike(W_ih x + b_ih + W_hh h + b_hh), one step; spike(z) = [z >= 0].

    Args:
        input_size, hidden_size, bias: as in SpikingRNNCell.
        surrogate_function: a `grilly_vk.surrogate.Surrogate`; None: Erf(2).

    Raises:
        TypeError, ValueError: arguments out of range; at the call, shapes that don't fit.

    Source: as in SpikingJelly's SpikingVanillaRNNCell.
    """

    surrogate_function = setting(chosen, held=slope_of)

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, surrogate_function: Surrogate | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.surrogate_function = Erf() if surrogate_function is None else surrogate_function

    def step(self, gates: Tensor, state: State) -> State:
        """One step from the input's part of the gates."""
        return [self.surrogate_function(gates + self.linear_hh(state[0]))]


class _Gated(SpikingRNNCell):
    surrogate_function1 = setting(chosen, held=slope_of)
    surrogate_function2 = setting(chosen, optional=True, held=slope_of)

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        surrogate_function1: Surrogate | None = None,
        surrogate_function2: Surrogate | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.surrogate_function1 = Erf() if surrogate_function1 is None else surrogate_function1
        self.surrogate_function2 = surrogate_function2


class SpikingLSTMCell(_Gated):
    """i, f, g, o = spike(W_ih x + b_ih + W_hh h + b_hh); c = min(f c + i g, 1); h = c o, one step.

    The gradient goes through the minimum as if it were not there.

    Args:
        input_size, hidden_size, bias: as in SpikingRNNCell.
        surrogate_function1: of all gates; a `grilly_vk.surrogate.Surrogate`; None: Erf(2).
        surrogate_function2: of g; None: surrogate_function1.

    Raises:
        TypeError, ValueError: arguments out of range; at the call, shapes that don't fit.

    Source: Lotfi Rezaabad & Vishwanath, "Long short-term memory spiking networks and their applications", ICONS 2020;
    as in SpikingJelly's SpikingLSTMCell.
    """

    _gates, _states = 4, 2

    def step(self, gates: Tensor, state: State) -> State:
        """One step from the input's part of the gates."""
        h, c = state
        whole, first, second = gates + self.linear_hh(h), self.surrogate_function1, self.surrogate_function2
        if second is None:
            i, f, g, o = split(first(whole), self.hidden_size, 1)
        else:
            i, f, g, o = split(whole, self.hidden_size, 1)
            i, f, g, o = first(i), first(f), second(g), first(o)
        c = c * f + i * g
        c = c - unary("relu", c.detach() - 1.0)  # off the tape
        return [c * o, c]


class SpikingGRUCell(_Gated):
    """r, z = spike(...), n = spike(W_in x + b_in + r (W_hn h + b_hn)); h = (1 - z) n + z h, one step.

    Args:
        input_size, hidden_size, bias: as in SpikingRNNCell.
        surrogate_function1: of all gates; a `grilly_vk.surrogate.Surrogate`; None: Erf(2).
        surrogate_function2: of n; None: surrogate_function1.

    Raises:
        TypeError, ValueError: arguments out of range; at the call, shapes that don't fit.

    Source: as in SpikingJelly's SpikingGRUCell.
    """

    _gates = 3

    def step(self, gates: Tensor, state: State) -> State:
        """One step from the input's part of the gates."""
        n, first = self.hidden_size, self.surrogate_function1
        second = first if self.surrogate_function2 is None else self.surrogate_function2
        own = self.linear_hh(state[0])
        both = first(gates[:, : 2 * n] + own[:, : 2 * n])
        r, z = both[:, :n], both[:, n:]
        new = second(gates[:, 2 * n :] + r * own[:, 2 * n :])
        return [(1.0 - z) * new + z * state[0]]


class _SpikingLayers(Module):
    """What the layers share."""

    input_size, hidden_size, num_layers, bias, bidirectional = (fixed() for _ in range(5))
    dropout_p = setting(arguments.between, 0.0, 1.0)
    invariant_dropout_mask = setting(arguments.flag)
    takes_steps = True
    _cell: type[SpikingRNNCell]

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool,
        dropout_p: float,
        invariant_dropout_mask: bool,
        bidirectional: bool,
        *surrogates: Surrogate | None,
    ) -> None:
        super().__init__()
        self.input_size = arguments.size("input_size", input_size)
        self.hidden_size = arguments.size("hidden_size", hidden_size)
        self.num_layers = arguments.size("num_layers", num_layers)
        self.bias, self.bidirectional = arguments.flag("bias", bias), arguments.flag("bidirectional", bidirectional)
        self.dropout_p = dropout_p
        self.invariant_dropout_mask = invariant_dropout_mask
        sizes = [self.input_size] + [self.hidden_size * self._ways] * (self.num_layers - 1)
        self.cells = ModuleList([self._cell(size, self.hidden_size, self.bias, *surrogates) for size in sizes])
        if self.bidirectional:
            back = [self._cell(size, self.hidden_size, self.bias, *surrogates) for size in sizes]
            self.cells_reverse = ModuleList(back)

    @property
    def _ways(self) -> int:
        return 1 + self.bidirectional

    def forward(self, x: ArrayLike, states: Any = None, *, steps: str | None = None) -> Any:
        """All steps, layer by layer.

        Args:
            x: (T, B, input_size).
            states: before the first step, (num_layers * directions, B, hidden_size): those of the layers, then those of
                the other direction; of an LSTM a pair (h, c) of these.  None: zeros.
            steps: given by containers: outputs alone are returned.

        Returns:
            (outputs, states): outputs (T, B, directions * hidden_size), and the states after the last step.

        Raises:
            ValueError: shapes that don't fit, or no steps. TypeError: no real numbers, or no pair.
        """
        x = cast(as_tensor("x", x), FLOAT32)
        arguments.shape("x", x.shape, ("T", "B", self.input_size))
        if x.shape[0] == 0:
            raise ValueError(f"x has shape {x.shape}: no steps to run {type(self).__name__} on")
        batch = x.shape[1]
        shape = (self.num_layers * self._ways, batch, self.hidden_size)
        before = _states("states", states, self._cell._states, shape)
        drop = self.dropout_p if self.training else 0.0
        ends: list[list[State]] = [[], []]
        for layer in range(self.num_layers):
            outs = []
            for way in range(self._ways):
                cell = (self.cells_reverse if way else self.cells)[layer]
                of = layer + way * self.num_layers
                out, end = _through(cell, flip(x, 0) if way else x, [s[of] for s in before])
                outs.append(flip(out, 0) if way else out)
                ends[way].append(end)
            x = outs[0] if len(outs) == 1 else concatenate(outs, -1)
            if drop and layer < self.num_layers - 1:
                fixed = self.invariant_dropout_mask
                x = x * channel_mask(x, (batch, x.shape[-1]), drop) if fixed else dropout(x, drop)
        if steps is not None:
            return x
        last = [stack(list(parts)) for parts in zip(*ends[0], *ends[1])]
        return x, last[0] if len(last) == 1 else tuple(last)

    def extra_repr(self) -> str:
        """Sizes, and what differs from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}, {self.num_layers}"]
        defaults = {"bias": True, "dropout_p": 0.0, "invariant_dropout_mask": False, "bidirectional": False}
        parts += [f"{name}={getattr(self, name)}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join(parts)


def _states(name: str, given: Any, count: int, shape: tuple[int, ...]) -> State:
    """What was given before the first step as a list of `count` Tensors of this shape; zeros for None."""
    if given is None:
        return [full(shape, 0.0) for _ in range(count)]
    if count == 1:
        given = (given,)
    elif not isinstance(given, (tuple, list)) or len(given) != count:
        raise TypeError(f"{name} must be a pair (h, c), not {type(given).__name__}")
    found = [cast(as_tensor(name, t), FLOAT32) for t in given]
    for t in found:
        arguments.shape(name, t.shape, shape)
    return found


def _through(cell: SpikingRNNCell, x: Tensor, state: State) -> tuple[Tensor, State]:
    """One cell over (T, B, ...): outputs and the last state; the input's part of all gates is one product."""
    gates, outs = cell.linear_ih(x), []
    for t in range(x.shape[0]):
        state = cell.step(gates[t], state)
        outs.append(state[0])
    return stack(outs), state


_LAYERS = """Layers of `{cell}` over all steps.

    `outputs, state = layer(x, state)`; containers pass the outputs on.

    Args:
        input_size: features of a step.
        hidden_size: units n.
        num_layers: layers, each on the outputs of the one before.
        bias: whether there are biases (default True).
        dropout_p: probability of a zero in the outputs of all layers but the last, in training (default 0).
        invariant_dropout_mask: one mask for all steps (default False).
        bidirectional: a second set of cells goes from the last step to the first; outputs are joined (default False).
        {own}: as in `{cell}`.

    Shape:
        x (T, B, input_size); outputs (T, B, directions * hidden_size); states (num_layers * directions, B,
        hidden_size), those of the layers, then those of the other direction{pair}.

    Attributes:
        cells: ModuleList of the cells; cells_reverse: of the other direction.

    Raises:
        TypeError, ValueError: arguments out of range; at the call, an input or state that does not fit.

    Source: {source}as in SpikingJelly's {name}.
    """


class SpikingVanillaRNN(_SpikingLayers):
    __doc__ = _LAYERS.format(
        cell="SpikingVanillaRNNCell", own="surrogate_function", pair="", source="", name="SpikingVanillaRNN"
    )
    _cell = SpikingVanillaRNNCell

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool = True,
        dropout_p: float = 0.0,
        invariant_dropout_mask: bool = False,
        bidirectional: bool = False,
        surrogate_function: Surrogate | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, dropout_p, invariant_dropout_mask, bidirectional,
            surrogate_function,
        )  # fmt: skip


class _GatedLayers(_SpikingLayers):
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int,
        bias: bool = True,
        dropout_p: float = 0.0,
        invariant_dropout_mask: bool = False,
        bidirectional: bool = False,
        surrogate_function1: Surrogate | None = None,
        surrogate_function2: Surrogate | None = None,
    ) -> None:
        super().__init__(
            input_size, hidden_size, num_layers, bias, dropout_p, invariant_dropout_mask, bidirectional,
            surrogate_function1, surrogate_function2,
        )  # fmt: skip


_TWO = "surrogate_function1, surrogate_function2"


class SpikingLSTM(_GatedLayers):
    __doc__ = _LAYERS.format(
        cell="SpikingLSTMCell", own=_TWO, pair="; pairs (h, c) of them", name="SpikingLSTM",
        source="Lotfi Rezaabad & Vishwanath, \"Long short-term memory spiking networks and their applications\",\n"
        "    ICONS 2020; ",
    )  # fmt: skip
    _cell = SpikingLSTMCell


class SpikingGRU(_GatedLayers):
    __doc__ = _LAYERS.format(cell="SpikingGRUCell", own=_TWO, pair="", source="", name="SpikingGRU")
    _cell = SpikingGRUCell
