"""Flat-array spiking neurons: LIFNeuron and GIFNeuron (Grilly's "Spiking Neural Networks" and "Legacy SNN Layers")."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import arguments
from ...ops import lif_constants as biophysics
from ...ops import neurons as ops
from ...ops.lif_constants import CHECKS, PHYSICAL, constants
from ...settings import setting
from ...tensor import Tensor
from .base import FlatNeuron

_BIOPHYSICAL = {"n_neurons": 256, **PHYSICAL}


class Biophysical(FlatNeuron):
    """What neurons with biophysical constants share."""

    dt, tau_mem, v_thresh, v_rest, v_reset, r_mem, t_refrac = map(setting, CHECKS.values())
    _constants: ops.LIFConstants

    def _physical(self, values: dict[str, Any]) -> None:
        """Sets them for the first time."""
        for name in PHYSICAL:
            setattr(self, name, values[name])
        self._settle("")

    def _settle(self, name: str) -> None:
        """The kernel's constants, for settings that fit each other."""
        self.__dict__["_constants"] = constants(self.__dict__)

    @property
    def constants(self) -> ops.LIFConstants:
        """The numbers that the kernel takes, made of the settings."""
        return self._constants

    def _initial(self, name: str) -> float:
        return self._constants.rest if name == "membrane" else 0


class LIFNeuron(Biophysical):
    """Leaky integrate-and-fire neurons on flat arrays, with exact integration of the leak.

    Biophysical form, ``LIFNeuron(n_neurons=256, dt=0.001, tau_mem=20.0, ...)``: while not refractory,
    ``H = v_rest + (v - v_rest) * a + r_mem * I * (1 - a)`` with ``a = exp(-1000 * dt / tau_mem)``; the neuron
    fires where ``H >= v_thresh``, goes to v_reset and stays there, deaf, for ``t_refrac / (1000 * dt)`` steps,
    rounded to the nearest and a half upwards.  Normalised form, ``LIFNeuron(threshold=1.0, decay=0.9)``:
    ``H = decay * v + I``, reset to 0, no refractory time; the number of neurons comes with the first input.

    Args:
        n_neurons: neurons, default 256.
        dt: step in seconds, default 0.001.
        tau_mem: membrane time constant in milliseconds, default 20.0.
        v_thresh: threshold, default 1.0.
        v_rest: resting potential, default 0.0; also the start.
        v_reset: potential after a spike, default 0.0; below v_thresh.
        r_mem: membrane resistance, default 1.0.
        t_refrac: refractory time in milliseconds, default 2.0.
        threshold: threshold of the normalised form, default 1.0; positive.
        decay: factor on the potential per step in the normalised form, in [0, 1], default 0.9.

    Raises:
        TypeError: arguments of both forms, or not numbers.
        ValueError: out of range; the message names the argument.

    Example:
        >>> lif = LIFNeuron(n_neurons=256, dt=0.001, tau_mem=20.0, v_thresh=1.0)
        >>> lif(np.random.randn(256).astype(np.float32)).shape
        (256,)

    Source: Grilly's "Spiking Neural Networks" (LIF neuron model) and "Legacy SNN Layers"; Gerstner & Kistler,
    Spiking Neuron Models (2002), section 4.1.
    """

    threshold = setting(arguments.positive)
    decay = setting(arguments.between, 0.0, 1.0)

    def __init__(
        self,
        n_neurons: int | None = None,
        dt: float | None = None,
        tau_mem: float | None = None,
        v_thresh: float | None = None,
        v_rest: float | None = None,
        v_reset: float | None = None,
        r_mem: float | None = None,
        t_refrac: float | None = None,
        *,
        threshold: float | None = None,
        decay: float | None = None,
    ) -> None:
        numbers = (n_neurons, dt, tau_mem, v_thresh, v_rest, v_reset, r_mem, t_refrac)
        physical = dict(zip(_BIOPHYSICAL, numbers))
        given = [name for name, value in physical.items() if value is not None]
        normalised = [name for name, value in (("threshold", threshold), ("decay", decay)) if value is not None]
        if given and normalised:
            raise TypeError(
                f"LIFNeuron got {', '.join(given)} together with {', '.join(normalised)}; the two forms don't mix: "
                f"give {', '.join(_BIOPHYSICAL)} (biophysical) or threshold, decay (normalised)"
            )
        own = self.__dict__
        if normalised:
            super().__init__(None)
            own.update(dict.fromkeys(PHYSICAL))
            self.threshold = 1.0 if threshold is None else threshold
            self.decay = 0.9 if decay is None else decay
            self._settle("")
        else:
            values = _BIOPHYSICAL | {name: physical[name] for name in given}
            super().__init__(arguments.size("n_neurons", values["n_neurons"]))
            own.update(threshold=None, decay=None)
            self._physical(values)

    def _settle(self, name: str) -> None:
        if self.__dict__.get("threshold") is None:
            if name in ("threshold", "decay"):
                raise ValueError(f"{name} belongs to the normalised form, and this LIFNeuron has the biophysical one")
            super()._settle(name)
        elif name in PHYSICAL:
            raise ValueError(f"{name} belongs to the biophysical form, and this LIFNeuron has the normalised one")
        else:
            self.__dict__["_constants"] = ops.LIFConstants(self.decay, 1.0, 0.0, self.threshold, 0.0, 0)

    def _run(self, x: Tensor, record: bool) -> tuple[Tensor, Tensor | None]:
        v, hold = self._state["membrane"], self._state["refractory"]
        return ops.lif(x, v, hold, self._constants, record=record, held=self._held)

    def extra_repr(self) -> str:
        """The settings of its form."""
        names = ("threshold", "decay") if self.threshold is not None else _BIOPHYSICAL
        return ", ".join(f"{name}={getattr(self, name)}" for name in names)


class GIFNeuron(Biophysical):
    """Generalised integrate-and-fire: LIF neurons with an adaptation current that slows repeated firing.

    ``H = v_rest + (v - v_rest) * a + (r_mem * I - w) * (1 - a)`` and ``w <- b * w + adaptation_strength * s``
    with ``b = exp(-1000 * dt / tau_adapt)``; fires, resets and holds like LIFNeuron.

    Args:
        n_neurons: neurons.
        dt: step in seconds.
        tau_mem: membrane time constant in milliseconds.
        tau_adapt: time constant of the adaptation current in milliseconds.
        v_thresh: threshold.
        adaptation_strength: what a spike adds to the adaptation current.
        v_rest: resting potential; also the start.
        v_reset: potential after a spike; below v_thresh.
        r_mem: membrane resistance.
        t_refrac: refractory time in milliseconds.

    Raises:
        TypeError, ValueError: as in LIFNeuron.

    Source: Grilly's "Spiking Neural Networks"; Brette & Gerstner 2005 (its adaptation current, a = 0).
    """

    tau_adapt, adaptation_strength = setting(arguments.positive), setting(arguments.real)
    _state_names = (*FlatNeuron._state_names, ("adaptation", np.float32))
    _shown = (
        "n_neurons", "dt", "tau_mem", "tau_adapt", "v_thresh", "adaptation_strength", "v_rest", "v_reset", "r_mem",
        "t_refrac",
    )  # fmt: skip

    def __init__(
        self,
        n_neurons: int = 256,
        dt: float = biophysics.DT,
        tau_mem: float = biophysics.TAU_MEM,
        tau_adapt: float = biophysics.TAU_ADAPT,
        v_thresh: float = biophysics.V_THRESH,
        adaptation_strength: float = biophysics.ADAPTATION_STRENGTH,
        v_rest: float = biophysics.V_REST,
        v_reset: float = biophysics.V_RESET,
        r_mem: float = biophysics.R_MEM,
        t_refrac: float = biophysics.T_REFRAC,
    ) -> None:
        super().__init__(arguments.size("n_neurons", n_neurons))
        self.tau_adapt, self.adaptation_strength = tau_adapt, adaptation_strength
        self._physical({
            "dt": dt, "tau_mem": tau_mem, "v_thresh": v_thresh, "v_rest": v_rest, "v_reset": v_reset, "r_mem": r_mem,
            "t_refrac": t_refrac,
        })  # fmt: skip

    @property
    def adapt_decay(self) -> float:
        """What is left of the adaptation current after a step, exp(-1000 * dt / tau_adapt)."""
        return math.exp(-1000.0 * self.dt / self.tau_adapt)

    @property
    def adaptation(self) -> np.ndarray:
        """Adaptation currents, float32 (n,) or (..., n): a copy; assign to set them."""
        return self._get("adaptation")

    @adaptation.setter
    def adaptation(self, values: Any) -> None:
        self._set("adaptation", values)

    def _run(self, x: Tensor, record: bool) -> tuple[Tensor, Tensor | None]:
        return ops.gif(
            x,
            self._state["membrane"],
            self._state["refractory"],
            self._state["adaptation"],
            self._constants,
            adapt_decay=self.adapt_decay,
            adaptation_strength=self.adaptation_strength,
            record=record,
            held=self._held,
        )
