"""Running SNNCompute over many embeddings, in parts that fit in memory, with a progress bar."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import grilly_vk

from .errors import CliError
from .options import snn_arguments
from .progress import late_progress

_PART = 1 << 22  # spikes (step x neuron x embedding) in one call: 16 MiB of float32


@dataclass(frozen=True)
class Activity:
    """What the neurons did, for B embeddings, n neurons and T steps.

    Attributes:
        device: one line about the device that computed it.
        encoding: how values became input.
        steps: T.
        spikes: (B,) spikes in total.
        rates: (B, n) spikes per step of each neuron, 0..1.
        first: (B, n) step of each neuron's first spike, -1 where there is none.
        dead: (B,) number of neurons that never fired for this embedding.
        saturated: (B,) number of neurons that fired as fast as they can.
        trains: spike trains (T, n) of the embeddings that were asked for, by row number.
        warnings: what the engine warned about.
    """

    device: str
    encoding: str
    steps: int
    spikes: np.ndarray
    rates: np.ndarray
    first: np.ndarray
    dead: np.ndarray
    saturated: np.ndarray
    trains: dict[int, np.ndarray]
    warnings: list[str]

    @property
    def neurons(self) -> int:
        return int(self.rates.shape[1])

    @property
    def mean_rates(self) -> np.ndarray:
        """(B,) mean firing rate over the neurons, in spikes per neuron and step."""
        return np.asarray(self.rates.mean(axis=1))

    @property
    def patterns(self) -> np.ndarray:
        """(B, n) what the code is carried by, 0..1: rates, or for latency coding how early a neuron first fires."""
        if self.encoding != "latency":
            return self.rates
        return np.where(self.first >= 0, 1.0 - self.first / self.steps, 0.0)

    @property
    def pattern_name(self) -> str:
        """`patterns` in words."""
        return "first-spike times" if self.encoding == "latency" else "firing rates"


def simulate(args: argparse.Namespace, x: np.ndarray, keep: Sequence[int] = ()) -> Activity:
    """Process the embeddings x (B, D) with the options in args; keep the spike trains of the rows in `keep`.

    Raises:
        CliError: the engine refused an argument.
        DeviceError, OutOfDeviceMemory: no device, or it is too small.
    """
    neurons = args.neurons or x.shape[1]
    try:
        if args.device is not None:
            grilly_vk.set_device(args.device)
    except (TypeError, ValueError) as error:  # a GRILLY_VK_* variable that makes no sense
        raise CliError(str(error)) from error
    part = max(1, _PART // (neurons * args.timesteps))
    results: list[dict[str, Any]] = []
    trains: dict[int, np.ndarray] = {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            snn = grilly_vk.SNNCompute(n_neurons=neurons, **snn_arguments(args))
            with late_progress("embeddings", len(x)) as advance:
                for start in range(0, len(x), part):
                    result = snn.process(x[start : start + part])
                    train = result.pop("spike_train")  # by far the largest array: not kept for all
                    for row in keep:
                        if start <= row < start + len(train):
                            trains[row] = np.array(train[row - start])
                    results.append(result)
                    advance(len(train))
        except (TypeError, ValueError, OverflowError) as error:
            raise CliError(str(error)) from error
    return Activity(
        device=str(grilly_vk.device()),
        encoding=args.encoding,
        steps=args.timesteps,
        spikes=_join(results, "spike_activity"),
        rates=_join(results, "rates"),
        first=_join(results, "first_spike").astype(int),
        dead=np.rint(_join(results, "dead_fraction") * neurons).astype(int),
        saturated=np.rint(_join(results, "saturated_fraction") * neurons).astype(int),
        trains=trains,
        warnings=list(dict.fromkeys(str(w.message) for w in caught)),
    )


def _join(results: list[dict[str, Any]], key: str) -> np.ndarray:
    return np.concatenate([np.asarray(r[key], np.float64) for r in results])
