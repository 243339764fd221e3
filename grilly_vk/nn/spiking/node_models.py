"""More models of spiking nodes: quadratic, exponential, Izhikevich, current-based, adaptive threshold, KLIF."""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import arguments
from ...settings import setting
from ...tensor import Tensor, full
from ..module import Parameter
from .nodes import LIFNode, SpikingNode, per_neuron, same


class QIFNode(SpikingNode):
    """Quadratic integrate and fire: H = v + (x + a0 (v - v_rest) (v - v_c)) / tau.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        v_c: critical potential (default 0.8).
        a0: curvature, positive (default 1).
        v_threshold, v_reset: default 1 and 0.
        v_rest: resting potential (default -0.1).
        options: surrogate_function, detach_reset, step_mode, store_v_seq, memory as in SpikingNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Latham et al., "Intrinsic dynamics in neuronal networks", J. Neurophysiology 83 (2000); parameters as in
    SpikingJelly's QIFNode, whose v_rest is 0 and v_reset -0.1 unless given.
    """

    tau = setting(per_neuron, arguments.time_constant, held=same)
    v_c, v_rest, a0 = setting(arguments.real), setting(arguments.real), setting(arguments.positive)
    _model = "qif"
    _numbered = ("tau", "v_c", "a0", "v_rest")

    def __init__(
        self,
        tau: float = 2.0,
        v_c: float = 0.8,
        a0: float = 1.0,
        v_threshold: float = 1.0,
        v_rest: float = -0.1,
        v_reset: float | None = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(v_threshold, v_reset, **options)
        self.tau = tau
        self.v_c, self.v_rest = v_c, v_rest
        self.a0 = a0


class EIFNode(SpikingNode):
    """Exponential integrate and fire: H = v + (x - (v - v_rest) + delta_T exp((v - theta_rh) / delta_T)) / tau.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        delta_T: sharpness, positive (default 1).
        theta_rh: rheobase threshold (default 0.8).
        v_threshold, v_reset: default 1 and 0.
        v_rest: resting potential (default 0).
        options: surrogate_function, detach_reset, step_mode, store_v_seq, memory as in SpikingNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Fourcaud-Trocme et al., "How spike generation mechanisms determine the neuronal response to fluctuating
    inputs", J. Neuroscience 23 (2003); parameters as in SpikingJelly's EIFNode, whose v_reset is -0.1 unless given.
    """

    tau, delta_T = setting(per_neuron, arguments.time_constant, held=same), setting(arguments.positive)
    theta_rh, v_rest = setting(arguments.real), setting(arguments.real)
    _model = "eif"
    _numbered = ("tau", "delta_T", "theta_rh", "v_rest")

    def __init__(
        self,
        tau: float = 2.0,
        delta_T: float = 1.0,
        theta_rh: float = 0.8,
        v_threshold: float = 1.0,
        v_rest: float = 0.0,
        v_reset: float | None = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(v_threshold, v_reset, **options)
        self.tau = tau
        self.delta_T = delta_T
        self.theta_rh, self.v_rest = theta_rh, v_rest


def no_waiting(name: str, value: Any, kind: str) -> float:
    """No refractory steps, for nodes of this kind."""
    if np.size(value) != 1 or arguments.real(name, value) != 0.0:
        raise ValueError(f"{name} steps are not for {kind}, whose recovery follows the potential")
    return 0.0


class IzhikevichNode(SpikingNode):
    """Izhikevich's quadratic neuron with recovery w.

    H = v + (x + a0 (v - v_rest) (v - v_c) - w) / tau;  w <- w + (a (H - v_rest) - w) / tau_w, plus b at a spike.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        v_c, a0, v_rest: as in QIFNode.
        w_rest: recovery at the start (default 0).
        tau_w: its time constant in steps, at least 1 (default 2).
        a, b: coupling to the potential, and jump at a spike (default 0).
        v_threshold, v_reset: default 1 and 0.
        options: surrogate_function, detach_reset, step_mode, store_v_seq, memory as in SpikingNode.

    Attributes:
        w: the recovery after the last step.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Izhikevich, "Simple model of spiking neurons", IEEE Trans. Neural Networks 14 (2003); parameters as in
    SpikingJelly's IzhikevichNode.
    """

    tau, tau_w = setting(per_neuron, arguments.time_constant, held=same), setting(arguments.time_constant)
    a0 = setting(arguments.positive)
    v_c, v_rest, a, b = (setting(arguments.real) for _ in range(4))
    refractory = setting(no_waiting, "IzhikevichNode")
    _model = "izhikevich"
    _numbered = ("tau", "v_c", "a0", "v_rest", "tau_w", "a", "b")

    def __init__(
        self,
        tau: float = 2.0,
        v_c: float = 0.8,
        a0: float = 1.0,
        v_threshold: float = 1.0,
        v_reset: float | None = 0.0,
        v_rest: float = -0.1,
        w_rest: float = 0.0,
        tau_w: float = 2.0,
        a: float = 0.0,
        b: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(v_threshold, v_reset, **options)
        self.tau, self.tau_w = tau, tau_w
        self.v_c, self.v_rest = v_c, v_rest
        self.a0, self.a, self.b = a0, a, b
        self.register_memory("w", arguments.real("w_rest", w_rest))


class CUBALIFNode(LIFNode):
    """Current-based leaky integrate and fire: I = I (1 - 1/tau_syn) + x drives a LIFNode in place of x.

    Args:
        tau: time constant of the potential in steps, at least 1 (default 2).
        decay_input: whether the leak divides the current too (default True).
        tau_syn: time constant of the current in steps, at least 1 (default 2).
        options: v_threshold, v_reset and the rest of what SpikingNode takes.

    Attributes:
        current: I after the last step.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Davies et al., "Loihi", IEEE Micro 38 (2018); as SpikingJelly's CubaLIFNode, whose current and voltage
    decay are 1/tau_syn and 1/tau with decay_input=False.
    """

    tau_syn = setting(arguments.time_constant)
    _model = "cuba"
    _numbered = ("tau_syn",)

    def __init__(self, tau: float = 2.0, decay_input: bool = True, tau_syn: float = 2.0, **options: Any) -> None:
        super().__init__(tau, decay_input, **options)
        self.tau_syn = tau_syn
        self.register_memory("current", 0.0)


class AdaptiveLIFNode(LIFNode):
    """Leaky integrate and fire with an adaptive threshold: s = [H >= v_threshold + beta A], A <- rho A + (1 - rho) s.

    rho = exp(-1 / tau_adapt); a soft reset subtracts the threshold in force.

    Args:
        tau: time constant of the potential in steps, at least 1 (default 2).
        decay_input: whether the leak divides the input too (default True).
        tau_adapt: time constant of the threshold in steps, at least 1 (default 20).
        beta: strength (default 1.8).
        options: v_threshold, v_reset and the rest of what SpikingNode takes.

    Attributes:
        adaptation: A after the last step.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Bellec et al., "Long short-term memory and learning-to-learn in networks of spiking neurons", NeurIPS 2018.
    """

    tau_adapt, beta = setting(arguments.time_constant), setting(arguments.real)
    _model = "adaptive"
    _numbered = ("tau_adapt", "beta")

    def __init__(
        self, tau: float = 2.0, decay_input: bool = True, tau_adapt: float = 20.0, beta: float = 1.8, **options: Any
    ) -> None:
        super().__init__(tau, decay_input, **options)
        self.tau_adapt, self.beta = tau_adapt, beta
        self.register_memory("adaptation", 0.0)


class KLIFNode(LIFNode):
    """LIFNode whose charged potential is scaled and rectified: H = max(0, k H_lif), with k learnable.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        decay_input: whether the leak divides the input too (default True).
        options: v_threshold, v_reset and the rest of what SpikingNode takes.

    Attributes:
        k: Parameter of shape (), 1 at the start.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.

    Source: Jiang & Zhang, "KLIF: an optimized spiking neuron unit for tuning surrogate gradient slope and membrane
    potential", arXiv:2302.09238 (2023); as SpikingJelly's KLIFNode with scale_reset=False.
    """

    _model = "klif"

    def __init__(self, tau: float = 2.0, decay_input: bool = True, **options: Any) -> None:
        super().__init__(tau, decay_input, **options)
        self.k = Parameter(full((), 1.0))

    def _learnable(self) -> Tensor:
        return self.k
