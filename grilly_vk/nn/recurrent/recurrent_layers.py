"""PyTorch's recurrent layers: RNN, LSTM and GRU, and their cells of one step."""

from __future__ import annotations

import math
from typing import Any, Literal

from ... import arguments
from ...functional.dropout import dropout
from ...ops.elementwise import as_tensor, cast
from ...ops.matmul import linear
from ...ops.recurrent_layers import GATES, recurrent
from ...ops.shape import concatenate, flip, stack, transpose
from ...settings import fixed, setting
from ...tensor import FLOAT32, Tensor, empty, full
from ...typing import ArrayLike
from .. import init
from ..module import Module, Parameter


class _Layers(Module):
    """What the layers share; subclasses say which cell."""

    input_size, hidden_size, num_layers, bias, bidirectional = (fixed() for _ in range(5))
    batch_first, dropout = setting(arguments.flag), setting(arguments.between, 0.0, 1.0)
    takes_steps = True
    _kind = "tanh"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.input_size = arguments.size("input_size", input_size)
        self.hidden_size = arguments.size("hidden_size", hidden_size)
        self.num_layers = arguments.size("num_layers", num_layers)
        self.bias, self.batch_first = arguments.flag("bias", bias), batch_first
        self.dropout = dropout
        self.bidirectional = arguments.flag("bidirectional", bidirectional)
        wide = GATES[self._kind] * self.hidden_size
        for layer in range(self.num_layers):
            ins = self.input_size if layer == 0 else self.hidden_size * self._ways
            for way in range(self._ways):
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (wide, ins), "weight_hh": (wide, self.hidden_size)}
                shapes |= {"bias_ih": (wide,), "bias_hh": (wide,)} if self.bias else {}
                for name, shape in shapes.items():
                    self.register_parameter(f"{name}{_suffix(layer, way)}", Parameter(empty(shape)))
        self.reset_parameters()

    @property
    def _ways(self) -> int:
        return 1 + self.bidirectional

    def reset_parameters(self) -> None:
        """Draws all parameters uniformly from +-1 / sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def flatten_parameters(self) -> None:
        """Does nothing: there is nothing to flatten here; scripts for PyTorch call it."""

    def forward(self, x: ArrayLike, hx: Any = None, *, steps: str | None = None) -> Any:
        """All steps, layer by layer.

        Args:
            x: (T, B, input_size), with batch_first (B, T, input_size), or without batch (T, input_size).
            hx: the state before the first step, (num_layers * directions, B, hidden_size), or without B; of an LSTM a
                pair, of states and cells.  None: zeros.
            steps: given by containers: x is (T, B, input_size), and outputs alone are returned.

        Returns:
            (outputs, state): outputs (T, B, directions * hidden_size), laid out as x is, and the state after the last
            step, of hx's shape.

        Raises:
            ValueError: shapes that don't fit, or no steps. TypeError: no real numbers, or no pair.
        """
        x = cast(as_tensor("x", x), FLOAT32)
        first = self.batch_first and steps is None
        if x.ndim not in (2, 3) or x.shape[-1] != self.input_size:
            axes = "B, T" if first else "T, B"
            raise ValueError(f"x has shape {x.shape}; expected ({axes}, {self.input_size}) or (T, {self.input_size})")
        alone = x.ndim == 2
        if alone:
            x = x.reshape(x.shape[0], 1, x.shape[1])
        elif first:
            x = transpose(x, 0, 1)
        if x.shape[0] == 0:
            raise ValueError(f"x has shape {x.shape}: no steps to run {type(self).__name__} on")
        before = self._states(hx, x.shape[1], alone)
        after: list[list[Tensor]] = [[] for _ in before]
        for layer in range(self.num_layers):
            outs = []
            for way in range(self._ways):
                of = layer * self._ways + way
                out, ends = self._one(x, [s[of] for s in before], layer, way)
                outs.append(out)
                for all_of_them, end in zip(after, ends):
                    all_of_them.append(end)
            x = outs[0] if len(outs) == 1 else concatenate(outs, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = dropout(x, self.dropout, self.training)
        states = [stack(ends) for ends in after]
        if alone:
            x, states = x.reshape(x.shape[0], x.shape[2]), [s.reshape(s.shape[0], s.shape[2]) for s in states]
        elif first:
            x = transpose(x, 0, 1)
        if steps is not None:
            return x
        return x, states[0] if len(states) == 1 else tuple(states)

    def _one(self, x: Tensor, before: list[Tensor], layer: int, way: int) -> tuple[Tensor, list[Tensor]]:
        """One direction of one layer over (T, B, ...)."""
        own = {name: getattr(self, f"{name}{_suffix(layer, way)}", None)
               for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}  # fmt: skip
        if way:
            x = flip(x, 0)
        weight, first = own["weight_hh"], own["weight_ih"]
        assert weight is not None and first is not None
        gates = linear(x, first, own["bias_ih"])
        cell = before[1] if len(before) > 1 else None
        out, h, c = recurrent(self._cell_kind(), gates, before[0], cell, weight, own["bias_hh"])
        return flip(out, 0) if way else out, [h] if c is None else [h, c]

    def _cell_kind(self) -> str:
        return self._kind

    def _states(self, hx: Any, batch: int, alone: bool) -> list[Tensor]:
        """The states before the first step, each (num_layers * directions, B, hidden_size)."""
        names = ("h_0", "c_0") if self._kind == "lstm" else ("hx",)
        shape = (self.num_layers * self._ways, batch, self.hidden_size)
        if hx is None:
            return [full(shape, 0.0)] * len(names)
        if len(names) == 2 and (not isinstance(hx, (tuple, list)) or len(hx) != 2):
            raise TypeError(f"hx must be a pair (h_0, c_0), not {type(hx).__name__}")
        wanted = (shape[0], shape[2]) if alone else shape
        found = []
        for name, given in zip(names, hx if len(names) == 2 else (hx,)):
            t = cast(as_tensor(name, given), FLOAT32)
            arguments.shape(name, t.shape, wanted)
            found.append(t.reshape(shape))
        return found

    def extra_repr(self) -> str:
        """Sizes, and what differs from the defaults."""
        parts = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {"num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False}
        parts += [f"{name}={getattr(self, name)}" for name, value in defaults.items() if getattr(self, name) != value]
        return ", ".join(parts)


def _suffix(layer: int, way: int) -> str:
    return f"_l{layer}{'_reverse' if way else ''}"


_LAYERS = """{what}

    Args:
        input_size: features of a step.
        hidden_size: units n.
        num_layers: layers, each on the outputs of the one before (default 1).
        {own}bias: whether there are biases (default True).
        batch_first: x and outputs are (B, T, ...), not (T, B, ...) (default False); states are not changed by it.
        dropout: probability of a zero in the outputs of all layers but the last, in training (default 0).
        bidirectional: a second set of units goes from the last step to the first; outputs are joined (default False).

    Shape:
        x (T, B, input_size), (B, T, input_size) with batch_first, or (T, input_size).  Outputs alike, with hidden_size
        features for each direction.  States (num_layers * directions, B, hidden_size), or without B.

    Attributes:
        weight_ih_l0, weight_hh_l0: Parameters ({gates}hidden_size, input_size) and ({gates}hidden_size, hidden_size);
            l1, ... of the other layers, with _reverse of the other direction.
        bias_ih_l0, bias_hh_l0: Parameters ({gates}hidden_size,), if there are biases.
            All start even over +-1 / sqrt(hidden_size), as PyTorch's.

    Raises:
        TypeError, ValueError: arguments out of range; at the call, an input or state that does not fit.

    Source: {source}
    """


class RNN(_Layers):
    nonlinearity = setting(arguments.choice, ("tanh", "relu"))
    __doc__ = _LAYERS.format(
        what="""Simple recurrent layers: h[t] = tanh(W_ih x[t] + b_ih + W_hh h[t-1] + b_hh).  Two dispatches per step.

    `outputs, state = rnn(x, state)`; containers pass the outputs on.""",
        own='nonlinearity: "tanh" (default) or "relu".\n        ',
        gates="", source="Elman, \"Finding structure in time\", Cognitive Science 14 (1990).",
    )  # fmt: skip

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Literal["tanh", "relu"] = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional)
        self.nonlinearity = nonlinearity

    def _cell_kind(self) -> str:
        return self.nonlinearity


class LSTM(_Layers):
    __doc__ = _LAYERS.format(
        what="""LSTM: c[t] = f c[t-1] + i g, h[t] = o tanh(c[t]); i, f, o = sigmoid(...), g = tanh(...).

    The arguments are W_ih x[t] + b_ih + W_hh h[t-1] + b_hh, in the order i, f, g, o.  Two dispatches per step.
    `outputs, (h, c) = lstm(x, (h, c))`; containers pass the outputs on.  There are no projections (proj_size).""",
        own="", gates="4 ",
        source="Hochreiter & Schmidhuber, \"Long short-term memory\", Neural Computation 9 (1997).",
    )  # fmt: skip
    _kind = "lstm"


class GRU(_Layers):
    __doc__ = _LAYERS.format(
        what="""Gated recurrent units: r, z = sigmoid(...), n = tanh(W_in x[t] + b_in + r (W_hn h[t-1] + b_hn)).

    h[t] = (1 - z) n + z h[t-1]; weights are in the order r, z, n.  Two dispatches per step.
    `outputs, state = gru(x, state)`; containers pass the outputs on.""",
        own="", gates="3 ",
        source="Cho et al., \"Learning phrase representations using RNN encoder-decoder\", EMNLP 2014; r where\n"
        "    PyTorch has it.",
    )  # fmt: skip
    _kind = "gru"
