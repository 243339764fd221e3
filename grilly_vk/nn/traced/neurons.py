"""IF, LIF, adaptive LIF and Fede neurons with traces (pysnn.neuron)."""

from __future__ import annotations

from typing import Any, Literal

from ... import arguments
from ...autograd import no_grad
from ...ops.elementwise import as_tensor, cast, where
from ...ops.traced import Numbers
from ...settings import fixed, setting
from ...tensor import FLOAT32, Tensor
from ...typing import ArrayLike, Shape
from .base import BaseNeuron
from .cells import UPDATES, decay_of


def _followed(how: str, x: Tensor, to: Any, k: float, alpha: float, s: Tensor) -> Tensor:
    """x after one step of decay to `to` and a jump by alpha s, rounded as the kernel does it."""
    return ((x - to) * k + s * alpha) + to if how == "linear" else x + (s * alpha - (x - to)) * k


class _Decaying(BaseNeuron):
    """Neurons whose trace decays."""

    update_type = setting(arguments.choice, UPDATES)

    def __init__(self, base: tuple[Any, ...], update_type: Literal["linear", "exponential"], **taus: Any) -> None:
        super().__init__(*base)
        self.update_type = update_type
        for name, tau in taus.items():
            decay_of(name, tau, self.update_type, self.dt)
            setattr(self, name, float(tau))
        self._taus = tuple(taus)
        self.init_neuron()

    def _settle(self, name: str) -> None:
        """Time constants must fit the kind of update."""
        for tau in getattr(self, "_taus", ()):
            self._decay(tau)

    def _decay(self, name: str) -> float:
        return decay_of(name, getattr(self, name), self.update_type, self.dt)

    def update_trace(self, x: ArrayLike) -> None:
        """Moves the trace on by one step.

        Args:
            x: the spikes, cells_shape, bool or numbers.
        """
        with no_grad():
            spikes = self.convert_spikes(x)
            self.trace = _followed(self.update_type, self.trace, 0.0, self._decay("tau_t"), self.alpha_t, spikes)

    def _charged(self, x: Tensor) -> Tensor:
        """The potential after one step of input."""
        return _followed(self.update_type, self.v_cell, self.v_rest, self._decay("tau_v"), self.alpha_v, x)

    def update_voltage(self, x: ArrayLike) -> None:
        """Moves the potential on by one step, where a neuron is not refractory.

        Args:
            x: what comes in, summed, cells_shape.
        """
        with no_grad():
            stays = self.v_rest if self._kernel() == "linear" else self.v_cell
            charged = self._charged(cast(as_tensor("x", x), FLOAT32))
            self.v_cell = where(self.refrac_counts == 0.0, charged, stays)

    def _kernel(self) -> str:
        """How the potential moves, as in ops.traced.MODELS."""
        return self.update_type

    def _numbers(self) -> Numbers:
        model = self._kernel()
        k_v = 0.0 if model == "if" else self._decay("tau_v")
        return Numbers(
            model, self.update_type, self.alpha_t, self._decay("tau_t"), self.v_rest, self.alpha_v, k_v, dt=self.dt,
            hold=self.duration_refrac, **self._adaptation(),
        )  # fmt: skip

    def _adaptation(self) -> dict[str, Any]:
        return {}

    def extra_repr(self) -> str:
        """The parameters."""
        own = "".join(f", {name}={getattr(self, name):g}" for name in self._taus)
        return f"{super().extra_repr()}{own}, update_type={self.update_type!r}"


class IFNeuron(_Decaying):
    """Integrate and fire: ``v += alpha_v * x`` where not refractory; the potential does not decay.

    The trace is ``trace * tau_t + alpha_t * s`` (linear), or rises by ``dt / tau_t * (-trace + alpha_t * s)``
    (exponential).

    Args:
        cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac, store_trace: as in BaseNeuron.
        tau_t: linear: the factor by which the trace decays in a step, in [0, 1]; exponential: its time constant.
        update_type: "linear" (default) or "exponential".

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.neuron.IFNeuron.
    """

    tau_t = setting(arguments.real)
    _model = "if"

    def __init__(
        self,
        cells_shape: Shape,
        thresh: ArrayLike,
        v_rest: float,
        alpha_v: float,
        alpha_t: float,
        dt: float,
        duration_refrac: float,
        tau_t: float,
        update_type: Literal["linear", "exponential"] = "linear",
        store_trace: bool = False,
    ) -> None:
        base = (cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac, store_trace)
        super().__init__(base, update_type, tau_t=tau_t)

    def _kernel(self) -> str:
        return "if"

    def _charged(self, x: Tensor) -> Tensor:
        return self.v_cell + x * self.alpha_v


class LIFNeuron(_Decaying):
    """Leaky integrate and fire with a trace.

    Linear: ``v = v_rest + (v - v_rest) * tau_v + alpha_v * x`` where not refractory, v_rest where it is.
    Exponential: ``v += dt / tau_v * (-(v - v_rest) + alpha_v * x)`` where not refractory.  The trace as in IFNeuron.

    Args:
        cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac, store_trace: as in BaseNeuron.
        tau_v, tau_t: of potential and trace; linear: factors by which they decay in a step, in [0, 1]; exponential:
            time constants, in the unit of dt.
        update_type: "linear" (default) or "exponential".

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.neuron.LIFNeuron.
    """

    tau_v, tau_t = setting(arguments.real), setting(arguments.real)
    _model = "lif"

    def __init__(
        self,
        cells_shape: Shape,
        thresh: ArrayLike,
        v_rest: float,
        alpha_v: float,
        alpha_t: float,
        dt: float,
        duration_refrac: float,
        tau_v: float,
        tau_t: float,
        update_type: Literal["linear", "exponential"] = "linear",
        store_trace: bool = False,
    ) -> None:
        base = (cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac, store_trace)
        super().__init__(base, update_type, tau_v=tau_v, tau_t=tau_t)


class AdaptiveLIFNeuron(_Decaying):
    """LIFNeuron whose threshold rises with its own spikes, and goes back to `thresh`.

    Linear: ``th = thresh + (th - thresh) * tau_thresh + alpha_thresh * s``.  Exponential: ``th += dt / tau_thresh *
    (-(th - thresh) + alpha_thresh * s)``.  (pysnn's own threshold decays to 0, where every neuron fires for ever.)

    Args:
        cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac, store_trace: as in BaseNeuron.
        tau_v, tau_t, update_type: as in LIFNeuron.
        alpha_thresh: how much a spike raises the threshold.
        tau_thresh: of the threshold, as tau_v.

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.neuron.AdaptiveLIFNeuron.
    """

    tau_v, tau_t, tau_thresh = setting(arguments.real), setting(arguments.real), setting(arguments.real)
    alpha_thresh = setting(arguments.real)
    _model = "adaptive"
    _hooks = (*BaseNeuron._hooks, "update_thresh")

    def __init__(
        self,
        cells_shape: Shape,
        thresh: ArrayLike,
        v_rest: float,
        alpha_v: float,
        alpha_t: float,
        dt: float,
        duration_refrac: float,
        tau_v: float,
        tau_t: float,
        alpha_thresh: float,
        tau_thresh: float,
        update_type: Literal["linear", "exponential"] = "linear",
        store_trace: bool = False,
    ) -> None:
        base = (cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac, store_trace)
        super().__init__(base, update_type, tau_v=tau_v, tau_t=tau_t, tau_thresh=tau_thresh)
        self.alpha_thresh = alpha_thresh

    def update_thresh(self, x: ArrayLike) -> None:
        """Moves the threshold on by one step.

        Args:
            x: the spikes, cells_shape, bool or numbers.
        """
        with no_grad():
            spikes, k = self.convert_spikes(x), self._decay("tau_thresh")
            self.thresh = _followed(self.update_type, self.thresh, self.thresh_center, k, self.alpha_thresh, spikes)

    def _adapt(self, spikes: Tensor) -> None:
        self.update_thresh(spikes)

    def _adaptation(self) -> dict[str, Any]:
        return {"adapt": self.update_type, "alpha_thresh": self.alpha_thresh, "k_thresh": self._decay("tau_thresh")}

    def reset_state(self) -> None:
        """Sets the state back, and the threshold, which moves with the activity."""
        super().reset_state()
        self.reset_thresh()


class FedeNeuron(_Decaying):
    """Leaky integrate and fire whose input is weakened by its own trace.

    ``v += dt / tau_v * (-(v - v_rest) + alpha_v * sum(x - pre_trace))`` where not refractory, the sum over what comes
    in at the neuron; the trace rises by ``dt / tau_t * (-trace + alpha_t * s)``.

    Args:
        cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac, store_trace: as in BaseNeuron.
        tau_v, tau_t: time constants of potential and trace, in the unit of dt.

    Raises:
        TypeError, ValueError: the message names the argument.

    Source: pysnn.neuron.FedeNeuron; Paredes-Valles, Scheper & de Croon, "Unsupervised learning of a
    hierarchical spiking neural network for optical flow estimation: from events to global motion perception", IEEE
    TPAMI 42 (2020), arXiv:1807.10936.
    """

    tau_v, tau_t = setting(arguments.real), setting(arguments.real)
    update_type: str = fixed(how="it is always 'exponential'")
    _model = "fede"

    def __init__(
        self,
        cells_shape: Shape,
        thresh: ArrayLike,
        v_rest: float,
        alpha_v: float,
        alpha_t: float,
        dt: float,
        duration_refrac: float,
        tau_v: float,
        tau_t: float,
        store_trace: bool = False,
    ) -> None:
        base = (cells_shape, thresh, v_rest, alpha_v, alpha_t, dt, duration_refrac, store_trace)
        super().__init__(base, "exponential", tau_v=tau_v, tau_t=tau_t)

    def forward(self, x: ArrayLike, pre_trace: ArrayLike, *, steps: str | None = None) -> tuple[Tensor, Tensor]:  # type: ignore[override]
        """One step.

        Args:
            x: what comes in, cells_shape + (n_in,), or its sum, cells_shape; bool or numbers.
            pre_trace: the traces that come with it, of the same shape.
            steps: given by `run`: both have a time axis.

        Returns:
            (spikes, trace): bool and float32, cells_shape.

        Raises:
            ValueError, TypeError: other shapes, no numbers.
        """
        return self._forward(steps, x, pre_trace)

    def update_voltage(self, x: ArrayLike, pre_trace: ArrayLike = 0.0) -> None:
        """Moves the potential on by one step, where a neuron is not refractory.

        Args:
            x: what comes in, cells_shape + (n_in,) or cells_shape.
            pre_trace: the traces that come with it, of the same shape (default 0).
        """
        with no_grad():
            drive = self.fold(self.convert_spikes(x) - pre_trace)
            super().update_voltage(drive)

    def _charge(self, x: Tensor, *more: Tensor) -> None:
        self.update_voltage(x, *more)
