"""Norse's named behaviours of Izhikevich's neuron: parameters and first state.

Source: Izhikevich, "Which model to use for cortical spiking neurons?", IEEE Trans. Neural Networks 15 (2004), with the
numbers of Norse 1.1.
"""

from __future__ import annotations

from typing import NamedTuple

from .... import arguments

__all__ = [
    "IzhikevichParameters", "IzhikevichSpikingBehavior", "IzhikevichState", "accomodation", "bistability",
    "class_1_exc", "class_2_exc", "create_izhikevich_spiking_behavior", "dap", "inhibition_induced_bursting",
    "inhibition_induced_spiking", "integrator", "mixed_mode", "phasic_bursting", "phasic_spiking", "rebound_burst",
    "rebound_spike", "resonator", "spike_frequency_adaptation", "spike_latency", "subthreshold_oscillation",
    "threshold_variability", "tonic_bursting", "tonic_spiking",
]  # fmt: skip


class IzhikevichParameters(NamedTuple):
    """Of IzhikevichCell and Izhikevich.

    a, b: pace of the recovery u, and its coupling to the potential. c: the potential after a spike. d: the jump of u at
    one. sq, mn, bias: of the potential's parabola. tau_inv: of a step, in 1/s. method, alpha: as in LIFParameters.
    """

    a: float
    b: float
    c: float
    d: float
    sq: float = 0.04
    mn: float = 5
    bias: float = 140
    v_th: float = 30
    tau_inv: float = 250
    method: str = "super"
    alpha: float = 100.0


class IzhikevichState(NamedTuple):
    """The first potential and recovery."""

    v: float
    u: float


class IzhikevichSpikingBehavior(NamedTuple):
    """Parameters p and first state s."""

    p: IzhikevichParameters
    s: IzhikevichState


def create_izhikevich_spiking_behavior(
    a: float, b: float, c: float, d: float, v_rest: float, u_rest: float, tau_inv: float = 250
) -> IzhikevichSpikingBehavior:
    """A behaviour of your own, from the potential v_rest and the recovery b u_rest on.

    Args:
        a, b, c, d, tau_inv: as in IzhikevichParameters.
        v_rest: the first potential. u_rest: the first recovery, divided by b, as there.

    Raises:
        TypeError, ValueError: b or u_rest is no finite number; the neuron looks at the others.
    """
    b, u_rest = arguments.real("b", b), arguments.real("u_rest", u_rest)
    return IzhikevichSpikingBehavior(
        IzhikevichParameters(a, b, c, d, tau_inv=tau_inv), IzhikevichState(v_rest, b * u_rest)
    )


def _from(v: float, a: float, b: float, c: float, d: float, **more: float) -> IzhikevichSpikingBehavior:
    return IzhikevichSpikingBehavior(IzhikevichParameters(a, b, c, d, **more), IzhikevichState(v, v * b))  # type: ignore[arg-type]


tonic_spiking = _from(-70.0, 0.02, 0.2, -65, 6)
phasic_spiking = _from(-64.0, 0.02, 0.25, -65, 6)
tonic_bursting = _from(-70.0, 0.02, 0.2, -50, 2)
phasic_bursting = _from(-64.0, 0.02, 0.25, -55, 0.05, tau_inv=200)
mixed_mode = _from(-70.0, 0.02, 0.2, -55, 4)
spike_frequency_adaptation = _from(-70.0, 0.01, 0.2, -65, 8)
class_1_exc = _from(-60.0, 0.02, -0.1, -55, 6, mn=4.1, bias=108)
class_2_exc = _from(-64.0, 0.2, 0.26, -65, 0)
spike_latency = _from(-70.0, 0.02, 0.2, -65, 6)
subthreshold_oscillation = _from(-62.0, 0.05, 0.26, -60, 0)
resonator = _from(-62.0, 0.1, 0.26, -60, -1)
integrator = _from(-60.0, 0.02, -0.1, -55, 6, mn=4.1, bias=108)
rebound_spike = _from(-64.0, 0.03, 0.25, -60, 4, tau_inv=200)
rebound_burst = _from(-64.0, 0.03, 0.25, -52, 0, tau_inv=200)
threshold_variability = _from(-64.0, 0.03, 0.25, -60, 4)
bistability = _from(-61.0, 0.1, 0.26, -60, 0)
dap = _from(-70.0, 1.0, 0.2, -60, -21, tau_inv=100)
accomodation = IzhikevichSpikingBehavior(
    IzhikevichParameters(0.02, 1.0, -55, 4, tau_inv=500), IzhikevichState(-65.0, -16.0)
)
inhibition_induced_spiking = _from(-63.8, -0.02, -1.0, -60, 8)
inhibition_induced_bursting = _from(-63.8, -0.026, -1.0, -45, -2)
