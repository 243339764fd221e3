"""Firing rates of a network's layers: which neurons never fire, which always do, and what to change."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import arguments, families, plot
from ..autograd import no_grad
from ..errors import shown
from ..nn.module import Module
from ..report import RateSummary, rate_summary
from ..runtime.leaving import leaving
from ..stepping import reset_net
from ..typing import ArrayLike, StepMode
from .base import Monitor
from .monitors import OutputMonitor, RateMonitor

_COLUMNS = ("layer", "neurons", "steps", "mean", "median", "10 %", "90 %", "99 %", "max", "never fired")


@dataclass(frozen=True)
class LayerActivity:
    """What the neurons of one layer did.

    Attributes:
        name: the module's name in the model.
        kind: its class.
        steps: how many steps were seen; in a batch, each sample's count.
        rates: spikes per step of each neuron, float64, of the shape of one sample's neurons.
        summary: mean, quantiles, histogram, and shares of dead and saturated neurons.
        advice: sentences; none where nothing stands out.
    """

    name: str
    kind: str
    steps: int
    rates: np.ndarray
    summary: RateSummary
    advice: tuple[str, ...]


@dataclass(frozen=True)
class FiringRateReport:
    """Activity of the spiking layers; `print` it, or `plot` it.

    Attributes:
        layers: one LayerActivity for each layer that was called, in the model's order.
        silent: names of the layers that were never called.
    """

    layers: tuple[LayerActivity, ...]
    silent: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> LayerActivity:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(f"no layer {name!r} in the report; there are {shown([x.name for x in self.layers]).strip('[]')}")

    @property
    def advice(self) -> list[str]:
        """All layers' advice, as sentences."""
        return [f"layer {layer.name}: {text}" for layer in self.layers for text in layer.advice]

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Plain numbers by layer, for a log: mean, median, max, dead, saturated, neurons, steps."""
        return {
            x.name: {
                "mean": x.summary.mean,
                "median": x.summary.median,
                "max": x.summary.largest,
                "dead": x.summary.dead,
                "saturated": x.summary.saturated,
                "neurons": x.summary.neurons,
                "steps": x.steps,
            }
            for x in self.layers
        }

    def __str__(self) -> str:
        if not self.layers:
            return "Firing rates: no spiking layer was called"
        rows = [[*_COLUMNS, f"at {self.layers[0].summary.saturated_at:.0%} or more"]]
        for layer in self.layers:
            s = layer.summary
            levels = [s.mean, s.median, s.quantiles[0.1], s.quantiles[0.9], s.quantiles[0.99], s.largest]
            shares = [f"{s.dead:.1%}", f"{s.saturated:.1%}"]
            rows.append([layer.name, str(s.neurons), str(layer.steps), *(f"{x:.4f}" for x in levels), *shares])
        wide = [max(map(len, column)) for column in zip(*rows)]
        table = [
            "  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, wide)))
            for row in rows
        ]
        lines = ["Firing rates in spikes per step", *table]
        lines += [f"layer {name}: was not called" for name in self.silent]
        return "\n".join([*lines, *(self.advice or ["Nothing stands out: few neurons are dead or saturated."])])

    def plot(self, ax: Any = None) -> Any:
        """Draws each layer's distribution of rates; see `grilly_vk.plot.rate_boxes`.

        Args:
            ax: matplotlib axes; None: new ones.

        Returns:
            The axes.

        Raises:
            ImportError: matplotlib is not installed.
        """
        ax = plot.rate_boxes({layer.name: layer.rates.reshape(-1) for layer in self.layers}, ax)
        labels = [f"{x.name}\n{x.summary.dead:.0%} dead\n{x.summary.saturated:.0%} saturated" for x in self.layers]
        ax.set_yticks(range(len(labels)), labels)
        return ax


def firing_rate_report(
    source: ArrayLike,
    data: ArrayLike | None = None,
    *,
    modules: Any = None,
    step_mode: StepMode = "s",
    forward: Callable[[Any], Any] | None = None,
    saturated_at: float = 0.9,
    many_dead: float = 0.2,
    many_saturated: float = 0.02,
    bins: int = 20,
) -> FiringRateReport:
    """The distribution of firing rates in each spiking layer, dead and saturated neurons, and advice.

    Of a model, it runs the data through it: in evaluation mode, off the tape, with the state (what has `reset()`) reset
    before each batch and at the end.  Of a monitor, it reads what was recorded.

    A neuron counts as dead if it did not fire in any step of any sample: one that fires less often than once in that
    many steps can't be told from a dead one.

    Args:
        source: a model, or a RateMonitor, SpikeMonitor or OutputMonitor that has recorded.
        data: inputs, only with a model: one batch as an array or Tensor, or an iterable of batches such as a
            DataLoader.  Of a batch that is a tuple or list, the first entry is the input.
        modules, step_mode: as in `Monitor`; only with a model.
        forward: called with each batch's input in place of the model, to loop over steps for example.
        saturated_at: rate in spikes per step from which on a neuron counts as saturated, default 0.9.
        many_dead: share of dead neurons above which there is advice, default 0.2.
        many_saturated: the same for saturated ones, default 0.02.
        bins: of the histograms, default 20.

    Returns:
        A FiringRateReport.

    Raises:
        TypeError: neither a model with data nor a monitor of outputs.
        ValueError: a model without spiking modules, or numbers out of range.

    Source: Grilly's "Spiking Neural Networks" ("Practical guidance").
    """
    saturated_at = arguments.between("saturated_at", saturated_at, 0, 1)
    limits = arguments.between("many_dead", many_dead, 0, 1), arguments.between("many_saturated", many_saturated, 0, 1)
    bins = arguments.size("bins", bins)
    if isinstance(source, Monitor):
        if not isinstance(source, (RateMonitor, OutputMonitor)):
            raise TypeError(f"source must be a monitor of spikes or rates, not {type(source).__name__}")
        if data is not None or forward is not None or modules is not None:
            raise TypeError("data, modules and forward go with a model; of a monitor, what it recorded is taken")
        monitor: Monitor = source
    else:
        if not isinstance(source, Module):
            raise families.wrong("source", source, "a Module or a monitor", "layer")
        if data is None:
            raise TypeError("data is missing: a model needs inputs to run; or pass a monitor that has recorded")
        monitor = RateMonitor(source, modules, step_mode=step_mode)
        with monitor:
            _run(source, data, source if forward is None else arguments.function("forward", forward))
    layers = []
    for name, module in monitor.modules.items():
        if name not in monitor:
            continue
        rates, steps = _rates(monitor, name)
        if steps:
            summary = rate_summary(rates, saturated_at=saturated_at, bins=bins)
            advice = tuple(_advice(module, summary, steps, *limits))
            layers.append(LayerActivity(name, type(module).__name__, steps, rates, summary, advice))
    known = {layer.name for layer in layers}
    return FiringRateReport(tuple(layers), tuple(name for name in monitor.names if name not in known))


def _rates(monitor: Monitor, name: str) -> tuple[np.ndarray, int]:
    """Rates of one sample's neurons, and the number of steps they are taken over."""
    if isinstance(monitor, RateMonitor):
        return monitor[name], monitor.steps(name)
    spikes = monitor[name] != 0
    over = (0, 1) if spikes.ndim > 2 else (0,)
    steps = int(np.prod([spikes.shape[a] for a in over]))
    return (spikes.mean(axis=over) if steps else np.zeros(0)), steps


def _run(model: Module, data: Any, forward: Callable[[Any], Any]) -> None:
    with no_grad(), _evaluating(model):
        for batch in [data] if hasattr(data, "__array__") else arguments.several("data", data, "batches"):
            reset_net(model)
            forward(batch[0] if isinstance(batch, (tuple, list)) else batch)
        reset_net(model)


class _evaluating:
    """A model in evaluation mode for a block."""

    def __init__(self, model: Module) -> None:
        self._model = model
        self._before = [(module, module.training) for module in model.modules()]
        self.left = 0

    def __enter__(self) -> None:
        try:
            self._model.eval()
        except BaseException:
            self._back()
            raise

    @leaving
    def __exit__(self, *error: object) -> None:
        self._back()
        self.left += 1

    def _back(self) -> None:
        for module, training in self._before:
            module.training = training


def _advice(module: Module, summary: RateSummary, steps: int, many_dead: float, many_saturated: float) -> Iterator[str]:
    if not summary.neurons:
        return
    if summary.largest == 0:
        yield f"nothing fired in {steps} steps: is its input zero? Otherwise {_change(module, more=True)}"
    elif summary.dead > many_dead:
        yield f"{summary.dead:.0%} of the neurons never fired: {_change(module, more=True)}"
    if summary.saturated > many_saturated:
        yield (
            f"{summary.saturated:.0%} of the neurons fired in {summary.saturated_at:.0%} of the steps or more and "
            f"can't tell strong inputs apart: {_change(module, more=False)}"
        )


def _change(module: Module, *, more: bool) -> str:
    """What makes a layer fire more, or less, with the values that it has now."""
    up, down = ("raise", "lower") if more else ("lower", "raise")
    ways = [f"{down} v_threshold{_now(module, 'v_threshold')}", f"{up} the input gain (weights, bias, a norm's scale)"]
    tau = getattr(module, "tau", None)
    if isinstance(tau, (int, float)):
        divides = getattr(module, "decay_input", None)
        if divides is True and not (more and tau <= 1):
            ways.append(f"{down} tau{_now(module, 'tau')}, which divides the input")
        elif divides is False:
            ways.append(f"{up} tau{_now(module, 'tau')}, which keeps the potential longer")
    return ", ".join(ways[:-1]) + " or " + ways[-1]


def _now(module: Module, name: str) -> str:
    value = getattr(module, name, None)
    return f" (now {value:g})" if isinstance(value, (int, float)) else ""
