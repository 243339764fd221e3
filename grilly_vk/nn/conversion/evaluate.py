"""Accuracy and spikes of a converted network against the number of steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...errors import shown
from ...ops.elementwise import as_tensor, unary
from ...stepping import reset_net
from ...tensor import Tensor
from ...typing import ArrayLike
from .batches import labelled
from .network import ConvertedNetwork
from .node import RateNode


class Row(NamedTuple):
    """One number of steps, T: accuracy, the share of samples whose largest output is their label's; loss, the original
    network's accuracy minus this; spikes per sample, over all neurons and steps; rate, spikes per neuron and step.
    """

    T: int
    accuracy: float
    loss: float
    spikes: float
    rate: float


class Evaluation:
    """What `evaluate` found; `print` shows it as a table, `grilly_vk.plot.accuracy_curve` draws it.

    Attributes:
        rows: a Row for each number of steps.
        ann_accuracy: of the original network.
        samples: how many there were.
        neurons: spiking neurons of the network.
    """

    def __init__(self, rows: list[Row], ann_accuracy: float, samples: int, neurons: int) -> None:
        self.rows, self.ann_accuracy, self.samples, self.neurons = rows, ann_accuracy, samples, neurons

    def __str__(self) -> str:
        cells = [("T", "accuracy", "loss", "spikes per inference", "rate")]
        cells += [
            (str(r.T), f"{r.accuracy:.2%}", f"{100 * r.loss:.2f}", f"{r.spikes:,.0f}", f"{r.rate:.4f}")
            for r in self.rows
        ]
        wide = [max(len(row[i]) for row in cells) for i in range(5)]
        lines = ["  ".join(f"{cell:>{w}}" for cell, w in zip(row, wide)) for row in cells]
        head = f"original network {self.ann_accuracy:.2%} on {self.samples:,} samples; {self.neurons:,} spiking neurons"
        return "\n".join([head, lines[0], "-" * len(lines[0]), *lines[1:]])

    __repr__ = __str__


class _Count:
    """Spikes of the nodes that it watches; summed on the device, read once."""

    def __init__(self) -> None:
        self.sums: list[tuple[RateNode, Tensor]] = []
        self.size = 0

    def __call__(self, node: RateNode, spikes: Tensor) -> None:
        self.sums.append((node, spikes.sum()))
        self.size += spikes.size

    def spikes(self) -> int:
        return sum(round(float(total.item()) / float(node.threshold.item())) for node, total in self.sums)


def _steps(T: Any) -> list[int]:
    given = [T] if isinstance(T, (int, np.integer)) and not isinstance(T, bool) else T
    if not isinstance(given, (Sequence, np.ndarray)) or isinstance(given, str) or not len(given):
        raise TypeError(f"T must be a number of steps or several, not {shown(T)}")
    return sorted({arguments.size("T", t) for t in given})


def _checked(snn: Any) -> ConvertedNetwork:
    if not isinstance(snn, ConvertedNetwork):
        raise TypeError(f"snn must be a network that nn.Converter made, not {type(snn).__name__}")
    return snn


def evaluate(
    snn: ConvertedNetwork, data: ArrayLike, T: int | Sequence[int] = (8, 16, 32, 64, 128), *, batch_size: int = 100
) -> Evaluation:
    """Runs the largest T once and reads accuracy and spikes at each of them on the way.

    The mean output at T is that of the first T steps of a longer run, so this is exact.  Steps between two of the T go
    through the network together, so memory holds the longest of these stretches.

    Args:
        snn: what `nn.Converter` made, for a network with an output (B, classes).
        data: a tuple (inputs, labels) of arrays, or an iterable of such pairs, such as a DataLoader.
        T: numbers of steps; one, or several.
        batch_size: samples at a time, where data is arrays.

    Returns:
        An Evaluation.

    Raises:
        TypeError: no converted network, or data or T of the wrong type.
        ValueError: no samples, labels that don't fit, T below 1, an output of another shape.
    """
    snn, at = _checked(snn), _steps(T)
    correct, spikes = np.zeros(len(at)), np.zeros(len(at))
    right = samples = neurons = 0
    with no_grad():
        for x, y in labelled("data", data, arguments.size("batch_size", batch_size)):
            x = as_tensor("data", x)
            analog = snn.analog(x)
            if analog.ndim != 2:
                raise ValueError(f"the network gives shape {analog.shape}; expected (B, classes)")
            right += int((analog.argmax(1).numpy() == y).sum())
            samples += len(y)
            total: Any = None
            counted, done, neurons = 0.0, 0, 0
            reset_net(snn)
            try:
                for i, stop in enumerate(at):
                    count = _Count()
                    for size, out in snn.pieces(x, stop - done, carry=True, mean=True, watch=count):
                        part = unary("scale", out, float(size))
                        total = part if total is None else total + part
                    neurons = count.size // ((stop - done) * len(y))
                    counted += count.spikes()
                    done = stop
                    correct[i] += int((total.argmax(1).numpy() == y).sum())
                    spikes[i] += counted
            finally:
                reset_net(snn)
    ann = right / samples
    rows = [
        Row(t, c / samples, ann - c / samples, s / samples, s / samples / max(neurons, 1) / t)
        for t, c, s in zip(at, correct, spikes)
    ]
    return Evaluation(rows, ann, samples, neurons)


def rates_and_activations(
    snn: ConvertedNetwork, x: ArrayLike, T: int | None = None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """For each layer the mean of its spikes over time, and the activation that it stands for.

    Args:
        snn: what `nn.Converter` made.
        x: inputs (B, ...).
        T: steps; None: its own.

    Returns:
        (means, activations) by node, both (B, ...); a mean is the rate times the threshold.

    Raises:
        TypeError, ValueError: no converted network, or an input that does not fit.
    """
    snn = _checked(snn)
    steps = snn.T if T is None else arguments.size("T", T)
    names = {id(node): name for name, node in snn.nodes().items()}
    sums: dict[str, np.ndarray] = {}
    activations: dict[str, np.ndarray] = {}

    def mean(node: RateNode, out: Tensor) -> None:
        name, now = names[id(node)], snn.running.over_time(out).sum(0).numpy()
        sums[name] = sums[name] + now if name in sums else now

    def activation(node: RateNode, out: Tensor) -> None:
        activations[names[id(node)]] = out.numpy()

    with no_grad():
        for _ in snn.pieces(x, steps, watch=mean):
            pass
        snn.analog(x, activation)
    return {name: (sums[name] / steps, activation) for name, activation in activations.items()}
