"""Thresholds from data: how large each layer's activations are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import arguments
from ...autograd import no_grad
from ...errors import shown
from ...ops.elementwise import as_tensor
from ...ops.exchange import assign_all
from ...settings import fixed
from ...tensor import Tensor
from ...typing import ArrayLike
from .batches import inputs
from .network import ConvertedNetwork
from .node import RateNode

_MODES = {"max_norm": ("share", 1.0), "robust_norm": ("percent", 99.9)}


def parsed(mode: Any) -> tuple[str, float]:
    """("share", of the maximum) or ("percent", the percentile).

    Raises:
        TypeError, ValueError: no mode.
    """
    if isinstance(mode, str):
        if mode in _MODES:
            return _MODES[mode]
        try:
            percent = float(mode.removesuffix("%")) if mode.endswith("%") else math.nan
        except ValueError:
            percent = math.nan
        if not 0.0 < percent <= 100.0:
            raise ValueError(
                "mode must be 'max_norm', 'robust_norm', a percentage such as '99.9%', or a share in (0, 1], "
                f"not {mode!r}"
            )
        return "percent", percent
    share = arguments.real("mode", mode)
    if not 0.0 < share <= 1.0:
        raise ValueError(f"mode as a number is a share of the maximum in (0, 1], got {shown(mode)}")
    return "share", share


class _Largest:
    """The largest of a stream of values, as many as a percentile of them all needs: exact, without keeping the rest."""

    def __init__(self, keep: int) -> None:
        self.keep, self.values = keep, np.empty(0, np.float32)

    def add(self, values: np.ndarray) -> None:
        if len(self.values) == self.keep:
            values = values[values > self.values[0]]
        both = np.concatenate([self.values, values])
        cut = len(both) - self.keep
        if cut > 0:
            both = np.partition(both, cut)[cut:]  # the first is the smallest
        self.values = both


def _percentile(kept: np.ndarray, count: int, percent: float) -> float:
    """numpy's percentile of `count` values, of which the largest are kept."""
    at = (count - 1) * percent / 100.0
    low = math.floor(at)
    ordered = np.sort(kept).astype(np.float64)
    a = ordered[low - count]
    b = ordered[min(low + 1, count - 1) - count]
    return float(a + (b - a) * (at - low))


class VoltageScaler:
    """Sets the thresholds of a converted network from data: threshold[l] = level[l] of the activations of layer l.

    A level is the largest activation, a share of it, or a percentile.  The paper keeps the thresholds and takes weights
    times level[l-1] / level[l] and biases / level[l] instead; with spikes as high as the threshold, as here, the same
    neurons fire at the same steps.

    Args:
        snn: what `nn.Converter` made.

    Raises:
        TypeError: no converted network.

    Source: Grilly's "Spiking Neural Networks"; Rueckauer et al., "Conversion of continuous-valued deep networks to
    efficient event-driven networks for image classification", Frontiers in Neuroscience 11 (2017), section 2.2.2
    (data-based and robust normalisation).
    """

    snn: ConvertedNetwork = fixed()

    def __init__(self, snn: ConvertedNetwork) -> None:
        if not isinstance(snn, ConvertedNetwork):
            raise TypeError(f"snn must be a network that nn.Converter made, not {type(snn).__name__}")
        self.snn = snn

    def scale_thresholds(self, calibration_data: ArrayLike, mode: Any = None) -> dict[str, float]:
        """Runs the data through the network as it was before, and sets each threshold by the activations there.

        All activations of a layer count, zeros too, over all samples: "max_norm" takes the largest, "robust_norm" the
        99.9th percentile, "p%" the p-th, a number that share of the largest.  Percentiles are exact, those of
        numpy.percentile over the whole set, however it comes in batches.  Where one is 0, the largest is taken; a layer
        of zeros keeps its threshold.  Caps, such as 6 of ReLU6, hold.

        Args:
            calibration_data: inputs, as in training but a few hundred: a Tensor or array (N, ...), a tuple (inputs,
                labels), or an iterable of batches or (inputs, labels) pairs, such as a DataLoader.
            mode: None: what the Converter was given.

        Returns:
            The thresholds by node.

        Raises:
            ValueError: no samples, shapes that don't fit, activations that are not finite, or no mode; then no
                threshold has changed.
            TypeError: data or mode of the wrong type.
        """
        snn = self.snn
        what, number = parsed(snn.mode if mode is None else mode)
        # The batches twice: to know how many values a percentile is of, and again for the values.
        batches = list(inputs("calibration_data", calibration_data, snn.sample_shape))
        samples = sum(len(b) for b in batches)
        names = {id(node): name for name, node in snn.nodes().items()}
        most: dict[str, float] = dict.fromkeys(names.values(), 0.0)
        stores: dict[str, tuple[_Largest, int]] = {}

        def watch(node: RateNode, out: Tensor) -> None:
            name = names[id(node)]
            values = out.numpy().reshape(-1)
            most[name] = float(np.maximum(most[name], values.max(initial=0.0)))  # np.maximum hands NaN on
            if what == "percent":
                if name not in stores:
                    count = values.size // out.shape[0] * samples
                    stores[name] = _Largest(count - math.floor((count - 1) * number / 100.0)), count
                stores[name][0].add(values)

        with no_grad():
            for batch in batches:
                snn.analog(as_tensor("calibration_data", batch), watch)
        found = {}
        for name in snn.nodes():
            if not math.isfinite(most[name]):
                raise ValueError(
                    f"the activations at {name!r} are not finite; look at calibration_data and the weights"
                )
            level = most[name] * number
            if what == "percent":
                level = _percentile(stores[name][0].values, stores[name][1], number) or most[name]
            if level > 0:
                found[name] = level
        set_thresholds(snn, found)
        return snn.thresholds()


def set_thresholds(snn: ConvertedNetwork, levels: dict[str, float]) -> None:
    """Sets thresholds by name; they must fit float32 and be above 0."""
    tiny = float(np.finfo(np.float32).tiny)
    with no_grad():
        nodes = snn.nodes()
        assign_all((nodes[name].threshold, float(max(level, tiny))) for name, level in levels.items())
