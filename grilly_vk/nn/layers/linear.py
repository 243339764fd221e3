"""Layers that multiply by a matrix or look up its rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import arguments
from ...ops import event_linear, gather, matmul, matrix_product
from ...ops.elementwise import as_tensor
from ...runtime.recording import recording
from ...settings import fixed, setting
from ...tensor import Tensor, empty
from ...typing import ArrayLike
from .. import init
from ..module import Module, Parameter


class Linear(Module):
    """y = x @ weight.T + bias.

    Weight and bias start even over +-1 / sqrt(in_features), as PyTorch's (Kaiming uniform with a = sqrt(5)).

    Args:
        in_features, out_features: sizes of the last axis of input and output.
        bias: whether a bias is added (default True).
        event_driven: how inputs of spikes are multiplied: True skips what is 0, False never; "auto" (default) skips
            in tensors that are marked as spikes (`Tensor.is_spikes`) where that is faster at the density that was
            measured: at the calls 1, 2, 4, 8, ..., but not while a graph is captured.  See `F.linear`.
        precision: of the products, also those in gradients: "float32" (default), or "float16" on matrix units, whose
            products are always dense.  See `grilly_vk.matmul`.

    Shape:
        (..., in_features) to (..., out_features).

    Attributes:
        weight: Parameter (out_features, in_features).
        bias: Parameter (out_features,), or None.

    Raises:
        ValueError: sizes below 1, another event_driven or precision, "float16" with event_driven=True; at the call, an
            input of another last axis.
        DeviceError: at the call, precision "float16" on a device without such matrix units.
    """

    in_features, out_features = fixed(), fixed()
    event_driven = setting(lambda name, value: event_linear.checked(value))
    precision = setting(arguments.choice, matrix_product.PRECISIONS)
    bias: Parameter | None
    batchwise = True
    _time_rank = 0

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        event_driven: event_linear.EventDriven = "auto",
        precision: str = "float32",
    ) -> None:
        super().__init__()
        self.event_driven = event_linear.checked(event_driven)
        self.precision = precision
        self._settle("precision")
        self._calls = 0
        self._ways: event_linear.Ways | None = None  # measured last
        self.in_features = arguments.size("in_features", in_features)
        self.out_features = arguments.size("out_features", out_features)
        self.weight = Parameter(empty((self.out_features, self.in_features)))
        added = Parameter(empty((self.out_features,))) if arguments.flag("bias", bias) else None
        self.register_parameter("bias", added)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new initial values."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features)
            init.uniform_(self.bias, -bound, bound)

    def forward(self, x: ArrayLike) -> Any:
        """(..., in_features) to (..., out_features)."""
        x = as_tensor("x", x)
        how: event_linear.Ways | bool = self.event_driven is True
        if self.event_driven == "auto" and self.precision == "float32":
            how = self._by_density(x)
        return matmul.linear(x, self.weight, self.bias, event_driven=how, precision=self.precision)

    def _settle(self, name: str) -> None:
        if self.event_driven is True and self.precision != "float32":
            raise ValueError(
                f"event_driven=True sums in float32, so precision must be 'float32', not {self.precision!r}"
            )

    def _by_density(self, x: Tensor) -> event_linear.Ways | bool:
        """What was faster when the density was measured last; the waits grow rarer."""
        if not event_linear.may_pay(x, self.out_features) or x.shape[-1] != self.in_features:
            return False
        if not recording():
            calls = self.__dict__["_calls"] = self._calls + 1
            if calls & (calls - 1) == 0:
                self.__dict__["_ways"] = event_linear.measured(x, self.out_features)
        return self._ways or False

    def extra_repr(self) -> str:
        """Sizes, whether there is a bias, and event_driven and precision unless they are the defaults."""
        tail = "" if self.event_driven == "auto" else f", event_driven={self.event_driven}"
        tail += "" if self.precision == "float32" else f", precision={self.precision!r}"
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}{tail}"


class Embedding(Module):
    """A learned vector for each of num_embeddings indices; initial values are standard normal, as PyTorch's.

    Args:
        num_embeddings: how many there are.
        embedding_dim: length of each.
        padding_idx: a row that starts at zero and gets no gradient, for what fills up short sequences (negative: from
            the end; default None).

    Shape:
        whole numbers of any shape (...) to (..., embedding_dim); negative ones count from the end.

    Attributes:
        weight: Parameter (num_embeddings, embedding_dim).

    Raises:
        ValueError: sizes below 1, or no such row.  At the call, IndexError: a number out of range; TypeError: not whole
            numbers.
    """

    num_embeddings, embedding_dim, padding_idx = fixed(), fixed(), fixed()
    batchwise = True
    _time_rank = 0

    def __init__(self, num_embeddings: int, embedding_dim: int, padding_idx: int | None = None) -> None:
        super().__init__()
        self.num_embeddings = arguments.size("num_embeddings", num_embeddings)
        self.embedding_dim = arguments.size("embedding_dim", embedding_dim)
        self.padding_idx = None if padding_idx is None else gather.padding_row(padding_idx, self.num_embeddings)
        self.weight = Parameter(empty((self.num_embeddings, self.embedding_dim), np.float32))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draws new initial values."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.detach()[self.padding_idx] = 0.0

    def forward(self, index: ArrayLike) -> Any:
        """(...) to (..., embedding_dim)."""
        return gather.embedding(index, self.weight, self.padding_idx)

    def extra_repr(self) -> str:
        """Sizes, and the padding row if there is one."""
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"
