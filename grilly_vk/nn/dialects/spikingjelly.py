"""SpikingJelly's neurons and surrogate gradients, by its names, arguments and defaults (SpikingJelly 2.0).

The functions give nodes of `grilly_vk.nn` whose spikes, potentials and gradients are those of
`spikingjelly.activation_based.neuron`.  What stays ours: a state of another shape is an error where SpikingJelly makes
a new one, and `v_seq` is of the last call, also where calls are single steps.
"""

from __future__ import annotations

from collections.abc import Callable

from ... import arguments
from ...modes import S
from ...surrogate import ATan, Erf, FastSigmoid, PiecewiseQuadratic, Rect, Sigmoid, Surrogate
from ...tensor import Tensor
from ...typing import StepMode
from ..spiking import node_models, nodes
from ..spiking.gated_node import GatedLIFNode
from ..spiking.readout import NonSpikingIFNode, NonSpikingLIFNode
from .analog import AnalogLIFNode
from .starting import starting_at

__all__ = [
    "ATan", "CUBALIFNode", "EIFNode", "Erf", "GatedLIFNode", "HalfThresholdIFNode", "IFNode", "IzhikevichNode",
    "KLIFNode", "LIAFNode", "LIFNode", "NonSpikingIFNode", "NonSpikingLIFNode", "ParametricLIFNode",
    "PiecewiseQuadratic", "QIFNode", "Rect", "Sigmoid", "SoftSign", "SuperSpike",
]  # fmt: skip


def SoftSign(alpha: float = 2.0) -> FastSigmoid:
    """`surrogate.SoftSign`: ``alpha / (2 (1 + alpha |x|)^2)``.

    Args:
        alpha: steepness (default 2).

    Raises:
        TypeError, ValueError: alpha is not positive.
    """
    return FastSigmoid(alpha)


def SuperSpike(alpha: float = 1.0) -> FastSigmoid:
    """`surrogate.SuperSpike`: ``alpha / (1 + |x|)^2``; ours of that name is ``1 / (1 + beta |x|)^2``.

    Args:
        alpha: the derivative at 0 (default 1).

    Raises:
        TypeError, ValueError: alpha is not positive.
    """
    return FastSigmoid(1.0, height=arguments.positive("alpha", alpha))


def IFNode(
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> nodes.IFNode:
    """`neuron.IFNode`: H = v + x.

    Args:
        v_threshold: default 1.
        v_reset: default 0; None: soft reset.
        surrogate_function: None (default): Sigmoid(4), as there.
        detach_reset: whether gradients stop at the spike in the reset (default False).
        step_mode: "s" (default) or "m".
        store_v_seq: keep the potentials after each reset as `v_seq` in step mode "m" (default False).

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """
    return nodes.IFNode(v_threshold, v_reset, _or_sigmoid(surrogate_function), detach_reset, step_mode, store_v_seq)


def HalfThresholdIFNode(
    v_threshold: float = 1.0,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> nodes.IFNode:
    """`neuron.HalfThresholdIFNode`: an IFNode with soft reset whose potential starts at half the threshold.

    Args:
        v_threshold: positive (default 1).
        surrogate_function, detach_reset, step_mode, store_v_seq: as in IFNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """
    threshold = arguments.positive("v_threshold", v_threshold)
    node = IFNode(threshold, None, surrogate_function, detach_reset, step_mode, store_v_seq)
    return starting_at(node, threshold / 2)


def LIFNode(
    tau: float = 2.0,
    decay_input: bool = True,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> nodes.LIFNode:
    """`neuron.LIFNode`: H = v + (x - (v - v_reset)) / tau.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        decay_input: whether the leak divides the input too (default True).
        v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq: as in IFNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """
    surrogate = _or_sigmoid(surrogate_function)
    return nodes.LIFNode(tau, decay_input, v_threshold, v_reset, surrogate, detach_reset, step_mode, store_v_seq)


def LIAFNode(
    act: Callable[[Tensor], Tensor],
    threshold_related: bool,
    tau: float = 2.0,
    decay_input: bool = True,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> AnalogLIFNode:
    """`neuron.LIAFNode`: gives act(H), or act(H - v_threshold); its spikes only reset it.

    So it does in step mode "m", where SpikingJelly 2.0 gives spikes.

    Args:
        act: a function from Tensor to Tensor of the same shape, such as `nn.ReLU()`; a Module is a part of the node.
        threshold_related: whether act is given H - v_threshold.
        tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode: as in LIFNode.
        store_v_seq: False alone: `v_seq` has H, which the output is made of.

    Raises:
        ValueError: store_v_seq is True.
        TypeError, ValueError: an argument of the wrong type or value; at the call, an act that gives another shape.
    """
    if arguments.flag("store_v_seq", store_v_seq):
        raise ValueError("store_v_seq must be False, got True: v_seq of LIAFNode has the potentials before the reset")
    return AnalogLIFNode(
        act,
        threshold_related,
        tau=tau,
        decay_input=decay_input,
        v_threshold=v_threshold,
        v_reset=v_reset,
        surrogate_function=_or_sigmoid(surrogate_function),
        detach_reset=detach_reset,
        step_mode=step_mode,
    )


def ParametricLIFNode(
    init_tau: float = 2.0,
    decay_input: bool = True,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> nodes.ParametricLIFNode:
    """`neuron.ParametricLIFNode`: LIFNode with 1 / tau = sigmoid(w), w learnable.

    Args:
        init_tau: time constant in steps to start from, above 1 (default 2).
        decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq: as in LIFNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """
    surrogate = _or_sigmoid(surrogate_function)
    return nodes.ParametricLIFNode(
        init_tau, decay_input, v_threshold, v_reset, surrogate, detach_reset, step_mode, store_v_seq
    )


def QIFNode(
    tau: float = 2.0,
    v_c: float = 0.8,
    a0: float = 1.0,
    v_threshold: float = 1.0,
    v_rest: float = 0.0,
    v_reset: float | None = -0.1,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> node_models.QIFNode:
    """`neuron.QIFNode`: H = v + (x + a0 (v - v_rest) (v - v_c)) / tau.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        v_c: critical potential (default 0.8). a0: curvature, positive (default 1).
        v_threshold, v_rest, v_reset: default 1, 0 and -0.1; ours are 1, -0.1 and 0.
        surrogate_function, detach_reset, step_mode, store_v_seq: as in IFNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """
    options = _options(surrogate_function, detach_reset, step_mode, store_v_seq)
    return node_models.QIFNode(tau, v_c, a0, v_threshold, v_rest, v_reset, **options)


def EIFNode(
    tau: float = 2.0,
    delta_T: float = 1.0,
    theta_rh: float = 0.8,
    v_threshold: float = 1.0,
    v_rest: float = 0.0,
    v_reset: float | None = -0.1,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> node_models.EIFNode:
    """`neuron.EIFNode`: H = v + (x - (v - v_rest) + delta_T exp((v - theta_rh) / delta_T)) / tau.

    Args:
        tau: time constant in steps, at least 1 (default 2).
        delta_T: sharpness, positive (default 1). theta_rh: rheobase threshold (default 0.8).
        v_threshold, v_rest, v_reset: default 1, 0 and -0.1; ours are 1, 0 and 0.
        surrogate_function, detach_reset, step_mode, store_v_seq: as in IFNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """
    options = _options(surrogate_function, detach_reset, step_mode, store_v_seq)
    return node_models.EIFNode(tau, delta_T, theta_rh, v_threshold, v_rest, v_reset, **options)


def IzhikevichNode(
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
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> node_models.IzhikevichNode:
    """`neuron.IzhikevichNode`: the quadratic node with recovery w.

    Args:
        tau, v_c, a0: as in QIFNode.
        v_threshold, v_reset, v_rest: default 1, 0 and -0.1.
        w_rest: recovery at the start (default 0). tau_w: its time constant in steps, at least 1 (default 2).
        a, b: coupling to the potential, and jump at a spike (default 0).
        surrogate_function, detach_reset, step_mode, store_v_seq: as in IFNode.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """
    options = _options(surrogate_function, detach_reset, step_mode, store_v_seq)
    return node_models.IzhikevichNode(tau, v_c, a0, v_threshold, v_reset, v_rest, w_rest, tau_w, a, b, **options)


def KLIFNode(
    scale_reset: bool = False,
    tau: float = 2.0,
    decay_input: bool = True,
    v_threshold: float = 1.0,
    v_reset: float | None = 0.0,
    surrogate_function: Surrogate | None = None,
    detach_reset: bool = False,
    step_mode: StepMode = S,
    store_v_seq: bool = False,
) -> node_models.KLIFNode:
    """`neuron.KLIFNode`: H = max(0, k H_lif), with k learnable, 1 at the start.

    Args:
        scale_reset: False alone; a reset of H / k is not there.
        tau, decay_input, v_threshold, v_reset, surrogate_function, detach_reset, step_mode, store_v_seq: as in LIFNode.

    Raises:
        ValueError: scale_reset is True.
        TypeError, ValueError: an argument of the wrong type or value.
    """
    if arguments.flag("scale_reset", scale_reset):
        raise ValueError("scale_reset must be False, got True: KLIFNode resets H itself, not H / k")
    options = _options(surrogate_function, detach_reset, step_mode, store_v_seq)
    return node_models.KLIFNode(tau, decay_input, v_threshold=v_threshold, v_reset=v_reset, **options)


def CUBALIFNode(
    c_decay: float = 0.5,
    v_decay: float = 0.75,
    v_threshold: float = 0.5,
    v_reset: float | None = 0.0,
    surrogate_function: Surrogate | None = None,
) -> node_models.CUBALIFNode:
    """`neuron.CUBALIFNode`: c = c_decay c + x; H = v_decay v + c.

    Args:
        c_decay, v_decay: what is left of current and potential after a step, in [0, 1) (default 0.5 and 0.75).
        v_threshold, v_reset: default 0.5 and 0; the leak pulls to 0 and the potential starts at v_reset.
        surrogate_function: None (default): Rect(1), as there.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value.
    """
    surrogate = Rect() if surrogate_function is None else surrogate_function
    node = node_models.CUBALIFNode(
        _steps_of("v_decay", v_decay),
        False,
        _steps_of("c_decay", c_decay),
        v_threshold=v_threshold,
        v_reset=v_reset,
        v_rest=0.0,
        surrogate_function=surrogate,
    )
    return node if node.v_reset is None else starting_at(node, node.v_reset)


def _or_sigmoid(surrogate: Surrogate | None) -> Surrogate:
    return Sigmoid() if surrogate is None else surrogate


def _options(
    surrogate: Surrogate | None, detach_reset: bool, step_mode: StepMode, store_v_seq: bool
) -> dict[str, object]:
    return {
        "surrogate_function": _or_sigmoid(surrogate),
        "detach_reset": detach_reset,
        "step_mode": step_mode,
        "store_v_seq": store_v_seq,
    }


def _steps_of(name: str, decay: float) -> float:
    """The time constant, in steps, that leaves `decay` after one."""
    share = arguments.real(name, decay)
    if not 0.0 <= share < 1.0:
        raise ValueError(f"{name} must be at least 0 and below 1, got {share:g}")
    return 1.0 / (1.0 - share)
