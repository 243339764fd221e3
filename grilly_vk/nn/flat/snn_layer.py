"""SNNLayer: a dense product into spiking neurons (Grilly's "Legacy SNN Layers")."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import arguments
from ...ops import lif_constants as biophysics
from ...ops.lif_constants import PHYSICAL
from ...ops.linear import matmul
from ...ops.state import xavier
from ...ops.steps import run_on_host_arrays
from ...settings import fixed
from ...tensor import Tensor
from ...typing import ArrayLike
from .base import FlatLayer, held_on_device, off_tape, on_host
from .neurons import LIFNeuron


def _of_the_neuron(name: str) -> Any:
    def read(layer: SNNLayer) -> Any:
        return getattr(layer.neuron, name)

    def write(layer: SNNLayer, value: Any) -> None:
        setattr(layer.neuron, name, value)

    return property(read, write, doc=f"That of `neuron`; see `LIFNeuron`: {name}.")


class SNNLayer(FlatLayer):
    """x @ weight.T into leaky integrate-and-fire neurons, all on the device.

    Args:
        in_features: inputs.
        out_features: neurons.
        dt: step in seconds, default 0.001.
        tau_mem: membrane time constant in milliseconds, default 20.0.
        v_thresh: threshold, default 1.0.
        v_rest: resting potential and start, default 0.0.
        v_reset: potential after a spike, default 0.0; below v_thresh.
        r_mem: membrane resistance, default 1.0.
        t_refrac: refractory time in milliseconds, default 2.0.
        seed: of the weights, a whole number; None (default): drawn from the
            generator that `grilly_vk.manual_seed` sets.

    `neuron` is the LIFNeuron, with the state.  `weight` starts Xavier uniform, in
    +-sqrt(6 / (in_features + out_features)).

    Raises:
        TypeError, ValueError: an argument is no number or out of range; the message names it.

    Example:
        >>> layer = SNNLayer(in_features=256, out_features=128)
        >>> layer(np.random.randn(256).astype(np.float32)).shape
        (128,)

    Source: Grilly's "Legacy SNN Layers"; Glorot & Bengio, AISTATS 2010 (the start of the weights).
    """

    in_features, out_features = fixed(), fixed()
    neuron: LIFNeuron
    dt, tau_mem, v_thresh, v_rest, v_reset, r_mem, t_refrac = (_of_the_neuron(name) for name in PHYSICAL)
    weight = on_host("weight", "The weights, float32 (out, in): a copy; assign to set them.")
    _shown = ("in_features", "out_features", "neuron")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        dt: float = biophysics.DT,
        tau_mem: float = biophysics.TAU_MEM,
        v_thresh: float = biophysics.V_THRESH,
        v_rest: float = biophysics.V_REST,
        v_reset: float = biophysics.V_RESET,
        r_mem: float = biophysics.R_MEM,
        t_refrac: float = biophysics.T_REFRAC,
        *,
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.in_features = arguments.size("in_features", in_features)
        self.out_features = arguments.size("out_features", out_features)
        self.neuron = LIFNeuron(self.out_features, dt, tau_mem, v_thresh, v_rest, v_reset, r_mem, t_refrac)
        held_on_device(self, "weight", xavier(self.out_features, self.in_features, seed))

    def forward(self, x: ArrayLike, *, steps: str | None = None) -> np.ndarray:
        """One time step.

        Args:
            x: input (in,) or with leading batch axes (..., in).
            steps: given by containers: there is a time axis in front, as for `run`.

        Returns:
            Spikes (..., out), float32 of 0.0 and 1.0.

        Raises:
            ValueError: the last axis is not in_features, or the batch axes differ from those of the state.
            TypeError: not an array of real numbers.
        """
        if steps is not None:
            return self.run(x)
        off_tape(self, x)
        given = x if isinstance(x, Tensor) else arguments.array("x", x)
        arguments.shape("x", given.shape, ("...", self.in_features))
        return self.neuron(matmul(arguments.tensor("x", given, borrow=True), self._weight))

    def run(self, x: ArrayLike) -> np.ndarray:
        """All time steps of a sequence: one product and one neuron dispatch.

        Args:
            x: inputs (T, ..., in); T may be 0.

        Returns:
            Spikes (T, ..., out).

        Raises:
            ValueError, TypeError: as in a single step.
        """
        given = x if isinstance(x, Tensor) else arguments.array("x", x)
        off_tape(self, x)
        if len(given.shape) < 2 or given.shape[-1] != self.in_features:
            raise ValueError(f"x has shape {given.shape}; expected (T, ..., {self.in_features})")
        self.neuron._fit("x @ weight.T", (*given.shape[1:-1], self.out_features))
        out = run_on_host_arrays(
            "x",
            given,
            lambda piece: self.neuron._run(matmul(piece, self._weight), False)[0],
            self.neuron._state.values(),
        )
        self.neuron._touched = True
        return out

    def reset(self) -> None:
        """Puts the neurons back to their start; the weights stay."""
        self.neuron.reset()

    @property
    def _weight(self) -> Tensor:
        found = self._buffers["weight"]
        assert found is not None
        return found
