"""Metrics over epochs, and accuracy of a converted network over steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .. import arguments
from ..errors import shown
from ..tensor import Tensor
from ..typing import ArrayLike
from .axes import GREY, a_text, legend_on_top, new_axes, numbers


def training_curves(
    history: ArrayLike, ax: Any = None, *, keys: Sequence[str] | None = None, x_label: str = "epoch"
) -> Any:
    """Draws metrics over epochs.  Two kinds of metric, such as losses and accuracies, get an axis each.

    The kind is the name without ``train_``, ``val_``, ``valid_`` or ``test_``.

    Args:
        history: a dict of lists by metric, or a list of dicts, one for each epoch; what is missing in one is left out.
        ax: matplotlib axes; None: new ones.
        keys: which metrics; None: all that are numbers.
        x_label: what is counted, default "epoch".

    Returns:
        The axes of the first kind; those of the second are the last in ``ax.figure.axes``.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError, ValueError: no such history, an unknown key, or more than two kinds.
    """
    curves, words = _curves(history), a_text("x_label", x_label)
    if keys is not None:
        keys = arguments.listed("keys", keys, "names")
        missing = [key for key in keys if key not in curves]
        if missing:
            raise ValueError(f"keys: history has no {missing[0]!r}; it has {shown(list(curves)).strip('[]')}")
        curves = {key: curves[key] for key in keys}
    kinds = list(dict.fromkeys(map(_kind, curves)))
    if len(kinds) > 2:
        raise ValueError(f"history has {len(kinds)} kinds of metric ({', '.join(kinds)}); choose of two with keys=")
    ax = new_axes(ax)
    sides = [ax, ax.twinx()] if len(kinds) == 2 else [ax]
    lines = []
    for i, (key, (epochs, values)) in enumerate(curves.items()):
        dashed = "--" if key.startswith(("val", "test")) else "-"
        side = sides[kinds.index(_kind(key))]
        lines += side.plot(epochs, values, dashed, marker="." if len(values) < 30 else None, color=f"C{i}", label=key)
    for side, kind in zip(sides, kinds):
        side.set_ylabel(kind)
    ax.set_xlabel(words)
    if len(lines) > 1:
        legend_on_top(ax, lines)
    return ax


def accuracy_curve(evaluation: Any, ax: Any = None) -> Any:
    """Draws accuracy and spikes of a converted network against the number of steps, and the original's accuracy.

    Args:
        evaluation: what `grilly_vk.nn.evaluate` found.
        ax: matplotlib axes; None: new ones.

    Returns:
        The axes of the accuracy; those of the spikes are the last in ``ax.figure.axes``.

    Raises:
        ImportError: matplotlib is not installed.
        TypeError: no evaluation.
    """
    if not hasattr(evaluation, "rows") or not hasattr(evaluation, "ann_accuracy"):
        raise TypeError(f"evaluation must be what nn.evaluate found, not {type(evaluation).__name__}")
    ax = new_axes(ax)
    steps = [row.T for row in evaluation.rows]
    side = ax.twinx()
    lines = ax.plot(steps, [100 * row.accuracy for row in evaluation.rows], "-o", ms=4, color="C0", label="accuracy")
    lines += [ax.axhline(100 * evaluation.ann_accuracy, color=GREY, lw=0.8, ls="--", label="original network")]
    lines += side.plot(steps, [row.spikes for row in evaluation.rows], "-s", ms=3, lw=1, color="C1", label="spikes")
    ax.set_xscale("log", base=2)
    ax.set_xticks(steps, [str(t) for t in steps])
    ax.set(xlabel="steps", ylabel="accuracy (%)")
    side.set(ylabel="spikes per inference", ylim=(0, None))
    legend_on_top(ax, lines)
    return ax


def _kind(key: str) -> str:
    for start in ("train_", "val_", "valid_", "test_"):
        key = key.removeprefix(start)
    return key


def _curves(history: Any) -> dict[str, tuple[list[int], list[float]]]:
    """Epochs, from 1, and values by metric."""
    found: dict[str, tuple[list[int], list[float]]] = {}
    if isinstance(history, Mapping):
        for key, values in history.items():
            curve = numbers(str(key), values)
            if curve.ndim != 1:
                raise ValueError(f"history[{key!r}] has shape {curve.shape}; expected one number per epoch")
            found[str(key)] = (list(range(1, len(curve) + 1)), curve.tolist())
        return found
    if not isinstance(history, (list, tuple)) or not all(isinstance(epoch, Mapping) for epoch in history):
        raise TypeError(f"history must be a dict of lists or a list of dicts, not {type(history).__name__}")
    for number, epoch in enumerate(history, start=1):
        for key, value in epoch.items():
            if isinstance(value, (Tensor, np.ndarray)) and value.size == 1:
                value = value.item()  # a loss that was kept as it came
            if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) and key != "epoch":
                epochs, numbers_so_far = found.setdefault(str(key), ([], []))
                epochs.append(number)
                numbers_so_far.append(float(value))
    return found
