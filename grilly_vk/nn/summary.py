"""A table of a network's layers."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import arguments
from ..autograd import no_grad
from ..errors import shown
from ..tensor import Tensor, full
from ..typing import DTypeLike, Shape
from .module import Module, checked_module
from .stateful import StatefulModule


class Summary:
    """What `summary` found; `print` shows it as a table.

    Attributes:
        rows: (layer, output shape as text, parameters), one per layer, in the order of running.
        total: parameters of the whole model.
        trainable: those that require gradients.
    """

    def __init__(self, rows: list[tuple[str, str, int]], total: int, trainable: int) -> None:
        self.rows, self.total, self.trainable = rows, total, trainable

    def __str__(self) -> str:
        cells = [("layer", "output shape", "parameters"), *((a, b, f"{c:,}") for a, b, c in self.rows)]
        wide = [max(len(row[i]) for row in cells) for i in range(3)]
        lines = [f"{a:<{wide[0]}}  {b:<{wide[1]}}  {c:>{wide[2]}}" for a, b, c in cells]
        rule = "-" * len(lines[0])
        frozen = "" if self.trainable == self.total else f" ({self.trainable:,} trainable)"
        return "\n".join([lines[0], rule, *lines[1:], rule, f"{self.total:,} parameters{frozen}"])

    __repr__ = __str__


def _shapes(out: Any) -> str:
    if isinstance(out, Tensor):
        return str(out.shape)
    if isinstance(out, (tuple, list)):
        return ", ".join(_shapes(o) for o in out)
    return type(out).__name__


def summary(model: Module, input_shape: Shape, dtype: DTypeLike = np.float32) -> Summary:
    """Runs zeros through the model in evaluation mode and lists its layers; its state is restored afterwards.

    Args:
        model: a Module.
        input_shape: shape of the input with the batch axis, such as (1, 28, 28); several such tuples for several
            inputs.
        dtype: of the input; np.int32 for a model that starts with an Embedding.

    Returns:
        A Summary: layer, output shape and own parameters (a shared one counts where it comes first) of every layer
        that has no parts or that has parameters of its own, once for each shape.

    Raises:
        TypeError: model is no Module, or input_shape no shape. ValueError: a negative size.
    """
    checked_module("model", model)
    if not isinstance(input_shape, (tuple, list)):
        kind = type(input_shape).__name__
        raise TypeError(f"input_shape must be a tuple of sizes, not {kind} ({shown(input_shape)})")
    several = bool(input_shape) and all(isinstance(s, (tuple, list)) for s in input_shape)
    wanted = list(input_shape) if several else [input_shape]
    inputs = [full(tuple(arguments.size("input_shape", n, 0) for n in one), 0.0, dtype) for one in wanted]

    rows: list[tuple[str, str, int]] = []
    seen: set[int] = set()

    def note(name: str) -> Any:
        def hook(module: Module, args: tuple[Any, ...], out: Any) -> None:
            own = [p for p in module.parameters(recurse=False) if id(p) not in seen]
            seen.update(id(p) for p in own)
            label = f"{name} ({type(module).__name__})" if name else type(module).__name__
            row = label, _shapes(out), sum(p.count for p in own)
            if row[:2] not in [earlier[:2] for earlier in rows]:  # a loop over steps calls its parts many times
                rows.append(row)

        return hook

    handles = []
    modes = [(module, module.training) for module in model.modules()]
    states = [(m, m.snapshot()) for m in model.modules() if isinstance(m, StatefulModule)]
    try:
        for name, module in model.named_modules():
            if not any(True for _ in module.children()) or any(True for _ in module.parameters(recurse=False)):
                handles.append(module.register_forward_hook(note(name)))
        model.eval()
        for stateful, _ in states:
            stateful.reset()
        with no_grad():
            model(*inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, training in modes:
            module.training = training
        for stateful, state in states:
            stateful.restore(state)
    return Summary(rows, model.num_parameters(), model.num_parameters(trainable=True))
