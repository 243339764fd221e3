"""Norse's neurons, by its names, parameters and defaults (Norse 1.1).

The functions give layers of `grilly_vk.nn` whose spikes, potentials and gradients are those of `norse.torch`.  A cell,
`LIFCell`, is called with one step (B, ...); what has a cell inside there, `LIF`, with all steps (T, B, ...), in few
dispatches.  What stays ours: a call gives the spikes alone and the state stays in the layer (`v`, `current`) until
`grilly_vk.functional.reset_net`.

A spike needs more than the threshold here, and gradients flow through the reset unless the function says otherwise.
`method="super"`, the default, has the derivative ``1 / (1 + |x|)^2``: Norse 1.1 makes no use of alpha in it.
"""

# ruff: noqa: B008  parameters are tuples, which nobody can change

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ... import arguments
from ...errors import shown
from ...stepping import set_step_mode
from ...typing import ArrayLike, StepMode
from ..containers import Sequential
from ..module import Module
from ..spiking.node_models import AdaptiveLIFNode, CUBALIFNode, EIFNode
from ..spiking.nodes import IFNode, LIFNode
from ..spiking.readout import NonSpikingLIFNode
from ..synapses.delays import Delay
from ..synapses.recurrent_synapse import RecurrentSynapse
from ..synapses.synapses import SynapseFilter
from . import weights
from .norse_behaviours import (
    IzhikevichParameters,
    IzhikevichSpikingBehavior,
    IzhikevichState,
    accomodation,
    bistability,
    class_1_exc,
    class_2_exc,
    create_izhikevich_spiking_behavior,
    dap,
    inhibition_induced_bursting,
    inhibition_induced_spiking,
    integrator,
    mixed_mode,
    phasic_bursting,
    phasic_spiking,
    rebound_burst,
    rebound_spike,
    resonator,
    spike_frequency_adaptation,
    spike_latency,
    subthreshold_oscillation,
    threshold_variability,
    tonic_bursting,
    tonic_spiking,
)
from .norse_izhikevich import Izhikevich2003Node
from .norse_parameters import (
    IAFParameters,
    LIBoxParameters,
    LIFBoxParameters,
    LIFExParameters,
    LIFParameters,
    LIParameters,
    LSNNParameters,
    firing,
    read,
    steps,
)
from .starting import starting_at

__all__ = [
    "IAF",
    "LI",
    "LIF",
    "LSNN",
    "IAFCell",
    "IAFParameters",
    "Izhikevich",
    "IzhikevichCell",
    "IzhikevichParameters",
    "IzhikevichSpikingBehavior",
    "IzhikevichState",
    "LIBoxCell",
    "LIBoxParameters",
    "LICell",
    "LIFBoxCell",
    "LIFBoxParameters",
    "LIFCell",
    "LIFEx",
    "LIFExCell",
    "LIFExParameters",
    "LIFParameters",
    "LIFRecurrent",
    "LIFRecurrentCell",
    "LILinearCell",
    "LIParameters",
    "LSNNCell",
    "LSNNParameters",
    "accomodation",
    "bistability",
    "class_1_exc",
    "class_2_exc",
    "create_izhikevich_spiking_behavior",
    "dap",
    "inhibition_induced_bursting",
    "inhibition_induced_spiking",
    "integrator",
    "mixed_mode",
    "phasic_bursting",
    "phasic_spiking",
    "rebound_burst",
    "rebound_spike",
    "resonator",
    "spike_frequency_adaptation",
    "spike_latency",
    "subthreshold_oscillation",
    "threshold_variability",
    "tonic_bursting",
    "tonic_spiking",
]


def LIFCell(p: Any = LIFParameters(), dt: float = 0.001) -> CUBALIFNode:
    """`LIFCell`: i = i + x; v = v + dt tau_mem_inv (v_leak - v + i); then i decays by dt tau_syn_inv i.

    Args:
        p: LIFParameters (default: Norse's).
        dt: in seconds (default 0.001); dt times an inverse time constant must lie in (0, 1].

    Attributes of the result:
        v: the potential, from v_leak on. current: i before it decays.

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; another method.
    """
    return _lif(p, dt, "s")


def LIF(p: Any = LIFParameters(), dt: float = 0.001) -> CUBALIFNode:
    """`LIF`: a LIFCell over all steps (T, B, ...), in one dispatch.

    Args:
        p, dt: as in LIFCell.

    Raises:
        TypeError, ValueError: as LIFCell.
    """
    return _lif(p, dt, "m")


def LIFBoxCell(p: Any = LIFBoxParameters(), dt: float = 0.001) -> LIFNode:
    """`LIFBoxCell`: v = v + dt tau_mem_inv (v_leak - v + x).

    Args:
        p: LIFBoxParameters (default: Norse's).
        dt: in seconds (default 0.001).

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; another method or reset_method.
    """
    own = read(p, LIFBoxParameters)
    subtract = arguments.choice("p.reset_method", own["reset_method"], ("reset_value", "reset_subtract"))
    return LIFNode(
        steps(own, "tau_mem_inv", dt),
        v_rest=own["v_leak"],
        **firing(own) | ({"v_reset": None} if subtract == "reset_subtract" else {}),
    )


def IAFCell(p: Any = IAFParameters(), dt: float = 0.001) -> IFNode:
    """`IAFCell`: v = v + x.

    Args:
        p: IAFParameters (default: Norse's).
        dt: not used, as there.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; another method.
    """
    return _iaf(p, dt, "s")


def IAF(p: Any = IAFParameters(), dt: float = 0.001) -> IFNode:
    """`IAF`: an IAFCell over all steps (T, B, ...), in one dispatch.

    Args:
        p, dt: as in IAFCell.

    Raises:
        TypeError, ValueError: as IAFCell.
    """
    return _iaf(p, dt, "m")


def LIFExCell(p: Any = LIFExParameters(), dt: float = 0.001) -> Sequential:
    """`LIFExCell`: a SynapseFilter for i and an EIFNode, with v_th as its rheobase and threshold.

    i = i + x; v = v + dt tau_mem_inv (v_leak - v + delta_T exp((v - v_th) / delta_T) + i); then i decays.

    Args:
        p: LIFExParameters (default: Norse's).
        dt: in seconds (default 0.001).

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; another method.
    """
    return _lif_ex(p, dt, "s")


def LIFEx(p: Any = LIFExParameters(), dt: float = 0.001) -> Sequential:
    """`LIFEx`: a LIFExCell over all steps (T, B, ...), in two dispatches.

    Args:
        p, dt: as in LIFExCell.

    Raises:
        TypeError, ValueError: as LIFExCell.
    """
    return _lif_ex(p, dt, "m")


def LSNNCell(p: Any = LSNNParameters(), dt: float = 0.001) -> Sequential:
    """`LSNNCell`: a SynapseFilter for i, a Delay of one step and an AdaptiveLIFNode.

    v = v + dt tau_mem_inv (v_leak - v + i) with the i of the step before; the threshold b relaxes to v_th by dt
    tau_adapt_inv, a spike needs more than it and adds beta to it; i decays, then i = i + x.

    Args:
        p: LSNNParameters (default: Norse's).
        dt: in seconds (default 0.001).

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; another method.
    """
    return _lsnn(p, dt, "s")


def LSNN(p: Any = LSNNParameters(), dt: float = 0.001) -> Sequential:
    """`LSNN`: an LSNNCell over all steps (T, B, ...), without recurrence.

    Args:
        p, dt: as in LSNNCell.

    Raises:
        TypeError, ValueError: as LSNNCell.
    """
    return _lsnn(p, dt, "m")


def IzhikevichCell(spiking_method: Any, dt: float = 0.001) -> Izhikevich2003Node:
    """`IzhikevichCell`: v = v + k (sq v^2 + mn v + bias - u + x); u = u + k a (b v - u), plus d at a spike.

    k is dt tau_inv; u follows the potential before the step; a spike leaves v at c.

    Args:
        spiking_method: an IzhikevichSpikingBehavior, such as `tonic_spiking`: parameters p and first state s.
        dt: in seconds (default 0.001).

    Attributes of the result:
        v, u: potential and recovery, from those of s on.

    Raises:
        TypeError, ValueError: an argument of the wrong type or value; another method.
    """
    return _izhikevich(spiking_method, dt, "s")


def Izhikevich(spiking_method: Any, dt: float = 0.001) -> Izhikevich2003Node:
    """`Izhikevich`: an IzhikevichCell over all steps (T, B, ...), in one dispatch.

    Args:
        spiking_method, dt: as in IzhikevichCell.

    Raises:
        TypeError, ValueError: as IzhikevichCell.
    """
    return _izhikevich(spiking_method, dt, "m")


def LICell(p: Any = LIParameters(), dt: float = 0.001) -> Sequential:
    """`LICell`, which gives potentials: i = i + x; v = v + dt tau_mem_inv (i - v); then i decays.

    Args:
        p: LIParameters (default: Norse's).
        dt: in seconds (default 0.001).

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; v_leak is not 0.
    """
    return _li(p, dt, "s")


def LI(p: Any = LIParameters(), dt: float = 0.001) -> Sequential:
    """`LI`: an LICell over all steps (T, B, ...), in two dispatches.

    Args:
        p, dt: as in LICell.

    Raises:
        TypeError, ValueError: as LICell.
    """
    return _li(p, dt, "m")


def LIBoxCell(p: Any = LIBoxParameters(), dt: float = 0.001) -> NonSpikingLIFNode:
    """`LIBoxCell`, which gives potentials: v = v + dt tau_mem_inv (x - v).

    Args:
        p: LIBoxParameters (default: Norse's).
        dt: in seconds (default 0.001).

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; v_leak is not 0.
    """
    return _readout(read(p, LIBoxParameters), dt, "s")


def LILinearCell(input_size: int, hidden_size: int, p: Any = LIParameters(), dt: float = 0.001) -> Sequential:
    """`LILinearCell`: a Linear without bias before an LICell.

    Args:
        input_size, hidden_size: of the Linear, whose weight starts normal with deviation 1 / sqrt(input_size).
        p, dt: as in LICell.

    Raises:
        TypeError, ValueError: as LICell; sizes that are no positive whole numbers.
    """
    arriving = weights.linear(input_size, hidden_size, 1 / math.sqrt(arguments.size("input_size", input_size)))
    return Sequential(arriving, *_li(p, dt, "s"))


def LIFRecurrentCell(
    input_size: int,
    hidden_size: int,
    p: Any = LIFParameters(),
    *,
    input_weights: ArrayLike | None = None,
    recurrent_weights: ArrayLike | None = None,
    autapses: bool = False,
    dt: float = 0.001,
) -> Sequential:
    """`LIFRecurrentCell`: i = i + input_weights x + recurrent_weights z, then as LIFCell; z: the spikes before.

    It is Linear, SynapseFilter and RecurrentSynapse, each kind of current with its filter.  No gradient flows through
    the reset.

    Args:
        input_size, hidden_size: sizes of the last axis of input and output.
        p, dt: as in LIFCell.
        input_weights, recurrent_weights: (hidden_size, input_size) and (hidden_size, hidden_size); None (default):
            normal with deviation sqrt(2 / hidden_size).  They are "0.weight" and "2.connection.weight" of the result.
        autapses: whether a neuron hears itself (default False: the diagonal is 0 and gets no gradient).

    Raises:
        TypeError, ValueError: as LIFCell; weights of another shape.
    """
    return _recurrent(input_size, hidden_size, p, dt, (input_weights, recurrent_weights), autapses, "s")


def LIFRecurrent(
    input_size: int,
    hidden_size: int,
    p: Any = LIFParameters(),
    *,
    input_weights: ArrayLike | None = None,
    recurrent_weights: ArrayLike | None = None,
    autapses: bool = False,
    dt: float = 0.001,
) -> Sequential:
    """`LIFRecurrent`: a LIFRecurrentCell over all steps (T, B, input_size).

    Args:
        input_size, hidden_size, p, input_weights, recurrent_weights, autapses, dt: as in LIFRecurrentCell.

    Raises:
        TypeError, ValueError: as LIFRecurrentCell.
    """
    return _recurrent(input_size, hidden_size, p, dt, (input_weights, recurrent_weights), autapses, "m")


def _recurrent(
    input_size: int, hidden_size: int, p: Any, dt: float, given: tuple[Any, Any], autapses: bool, step_mode: StepMode
) -> Sequential:
    own = read(p, LIFParameters)
    arguments.size("input_size", input_size)
    deviation = math.sqrt(2.0 / arguments.size("hidden_size", hidden_size))
    arriving = weights.linear(input_size, hidden_size, deviation, given=given[0], name="input_weights")
    back = weights.linear(hidden_size, hidden_size, deviation, autapses, given[1], "recurrent_weights")
    tau = steps(own, "tau_mem_inv", dt)
    node = LIFNode(tau, v_rest=own["v_leak"], detach_reset=True, **firing(own))
    return _chain(step_mode, arriving, _current(own, dt), RecurrentSynapse(node, back, _current(own, dt)))


def _lif(p: Any, dt: float, step_mode: StepMode) -> CUBALIFNode:
    own = read(p, LIFParameters)
    return CUBALIFNode(
        steps(own, "tau_mem_inv", dt),
        tau_syn=steps(own, "tau_syn_inv", dt),
        v_rest=own["v_leak"],
        step_mode=step_mode,
        **firing(own),
    )


def _iaf(p: Any, dt: float, step_mode: StepMode) -> IFNode:
    arguments.positive("dt", dt)
    return IFNode(step_mode=step_mode, **firing(read(p, IAFParameters)))


def _izhikevich(behavior: Any, dt: float, step_mode: StepMode) -> Izhikevich2003Node:
    if not hasattr(behavior, "p") or not hasattr(behavior, "s"):
        kind = type(behavior).__name__
        raise TypeError(f"spiking_method must be a behaviour such as norse.tonic_spiking, with p and s, not {kind}")
    own = read(behavior.p, IzhikevichParameters, "spiking_method.p")
    start = read(behavior.s, IzhikevichState, "spiking_method.s")
    rest = {name: own[name] for name in ("a", "b", "d", "sq", "mn", "bias")}
    step = arguments.positive("dt", dt) * arguments.positive("spiking_method.p.tau_inv", own["tau_inv"])
    fires = firing(own | {"v_reset": own["c"]})
    return Izhikevich2003Node(**rest, k=step, v_start=start["v"], u_start=start["u"], step_mode=step_mode, **fires)


def _lif_ex(p: Any, dt: float, step_mode: StepMode) -> Sequential:
    own = read(p, LIFExParameters)
    node = EIFNode(
        steps(own, "tau_mem_inv", dt),
        arguments.positive("p.delta_T", own["delta_T"]),
        own["v_th"],
        v_rest=own["v_leak"],
        **firing(own),
    )
    return _chain(step_mode, _current(own, dt), starting_at(node, own["v_leak"]))


def _lsnn(p: Any, dt: float, step_mode: StepMode) -> Sequential:
    own = read(p, LSNNParameters)
    left = 1.0 - 1.0 / steps(own, "tau_adapt_inv", dt)
    if left == 0.0:
        raise ValueError(f"p.tau_adapt_inv times dt must be below 1, got {shown(p.tau_adapt_inv)} and {shown(dt)}")
    tau = -1.0 / math.log(left)
    node = AdaptiveLIFNode(
        steps(own, "tau_mem_inv", dt),
        tau_adapt=tau,
        # What a spike adds to A is 1 - rho in float32, and there it is beta, and has decayed when it is compared.
        beta=left * own["beta"] / (1.0 - float(np.float32(math.exp(-1.0 / tau)))),
        v_rest=own["v_leak"],
        **firing(own),
    )
    return _chain(step_mode, _current(own, dt), Delay(1), node)


def _li(p: Any, dt: float, step_mode: StepMode) -> Sequential:
    own = read(p, LIParameters)
    return _chain(step_mode, _current(own, dt), _readout(own, dt, step_mode))


def _readout(own: dict[str, Any], dt: float, step_mode: StepMode) -> NonSpikingLIFNode:
    if own["v_leak"] != 0.0:
        raise ValueError(f"p.v_leak must be 0, where readouts rest here, got {shown(own['v_leak'])}")
    return NonSpikingLIFNode(steps(own, "tau_mem_inv", dt), step_mode=step_mode)


def _chain(step_mode: StepMode, *parts: Module) -> Sequential:
    out = Sequential(*parts)
    set_step_mode(out, step_mode)
    return out


def _current(own: dict[str, Any], dt: float) -> SynapseFilter:
    """i, before it decays."""
    left = 1.0 - 1.0 / steps(own, "tau_syn_inv", dt)
    return SynapseFilter(-1.0 / math.log(left) if left > 0.0 else 1e-3)  # exp(-1000) is 0
