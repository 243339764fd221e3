"""The layers: a cell for one step, and what has a cell inside there for all steps."""

# ruff: noqa: B008  parameters are tuples, which nobody can change

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from .... import arguments
from ....calling import explaining
from ....errors import shown
from ....stepping import set_step_mode
from ....typing import ArrayLike
from ...containers import Sequential
from ...module import Module
from ...spiking.node_models import AdaptiveLIFNode, CUBALIFNode, EIFNode
from ...spiking.nodes import IFNode, LIFNode
from ...spiking.readout import NonSpikingLIFNode
from ...synapses.delays import Delay
from ...synapses.recurrent_synapse import RecurrentSynapse
from ...synapses.synapses import SynapseFilter
from .. import weights
from ..starting import starting_at
from .behaviours import IzhikevichParameters, IzhikevichState
from .izhikevich import Izhikevich2003Node
from .parameters import (
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

__all__ = [
    "IAF", "LI", "LIF", "LSNN", "IAFCell", "Izhikevich", "IzhikevichCell", "LIBoxCell", "LICell", "LIFBoxCell",
    "LIFCell", "LIFEx", "LIFExCell", "LIFRecurrent", "LIFRecurrentCell", "LILinearCell", "LSNNCell",
]  # fmt: skip

P = ParamSpec("P")
Layer = TypeVar("Layer", bound=Module)


def _over_time(cell: Callable[P, Layer], text: str) -> Callable[P, Layer]:
    """What has the cell inside there: made of the same arguments, and called with all steps."""
    make = explaining(cell)

    @functools.wraps(cell)
    def layer(*args: P.args, **options: P.kwargs) -> Layer:
        made: Layer = make(*args, **options)
        set_step_mode(made, "m")
        return made

    name, takes = cell.__name__.removesuffix("Cell"), ", ".join(inspect.signature(cell).parameters)
    layer.__name__ = layer.__qualname__ = name
    layer.__doc__ = f"""`{name}`: {text}.

    Args:
        {takes}: as in {cell.__name__}.

    Raises:
        TypeError, ValueError: as {cell.__name__}.
    """
    return layer


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
    own = read(p, LIFParameters)
    tau, tau_syn = steps(own, "tau_mem_inv", dt), steps(own, "tau_syn_inv", dt)
    return CUBALIFNode(tau, tau_syn=tau_syn, v_rest=own["v_leak"], **firing(own))


LIF = _over_time(LIFCell, "a LIFCell over all steps (T, B, ...), in one dispatch")


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
    arguments.positive("dt", dt)
    return IFNode(**firing(read(p, IAFParameters)))


IAF = _over_time(IAFCell, "an IAFCell over all steps (T, B, ...), in one dispatch")


def LIFExCell(p: Any = LIFExParameters(), dt: float = 0.001) -> Sequential:
    """`LIFExCell`: a SynapseFilter for i and an EIFNode, with v_th as its rheobase and threshold.

    i = i + x; v = v + dt tau_mem_inv (v_leak - v + delta_T exp((v - v_th) / delta_T) + i); then i decays.

    Args:
        p: LIFExParameters (default: Norse's).
        dt: in seconds (default 0.001).

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; another method.
    """
    own = read(p, LIFExParameters)
    node = EIFNode(
        steps(own, "tau_mem_inv", dt),
        arguments.positive("p.delta_T", own["delta_T"]),
        own["v_th"],
        v_rest=own["v_leak"],
        **firing(own),
    )
    return Sequential(_current(own, dt), starting_at(node, own["v_leak"]))


LIFEx = _over_time(LIFExCell, "a LIFExCell over all steps (T, B, ...), in two dispatches")


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
    return Sequential(_current(own, dt), Delay(1), node)


LSNN = _over_time(LSNNCell, "an LSNNCell over all steps (T, B, ...), without recurrence")


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
    if not hasattr(spiking_method, "p") or not hasattr(spiking_method, "s"):
        kind = type(spiking_method).__name__
        raise TypeError(f"spiking_method must be a behaviour such as norse.tonic_spiking, with p and s, not {kind}")
    own = read(spiking_method.p, IzhikevichParameters, "spiking_method.p")
    start = read(spiking_method.s, IzhikevichState, "spiking_method.s")
    rest = {name: own[name] for name in ("a", "b", "d", "sq", "mn", "bias")}
    step = arguments.positive("dt", dt) * arguments.positive("spiking_method.p.tau_inv", own["tau_inv"])
    fires = firing(own | {"v_reset": own["c"]})
    return Izhikevich2003Node(**rest, k=step, v_start=start["v"], u_start=start["u"], **fires)


Izhikevich = _over_time(IzhikevichCell, "an IzhikevichCell over all steps (T, B, ...), in one dispatch")


def LICell(p: Any = LIParameters(), dt: float = 0.001) -> Sequential:
    """`LICell`, which gives potentials: i = i + x; v = v + dt tau_mem_inv (i - v); then i decays.

    Args:
        p: LIParameters (default: Norse's).
        dt: in seconds (default 0.001).

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; v_leak is not 0.
    """
    own = read(p, LIParameters)
    return Sequential(_current(own, dt), _readout(own, dt))


LI = _over_time(LICell, "an LICell over all steps (T, B, ...), in two dispatches")


def LIBoxCell(p: Any = LIBoxParameters(), dt: float = 0.001) -> NonSpikingLIFNode:
    """`LIBoxCell`, which gives potentials: v = v + dt tau_mem_inv (x - v).

    Args:
        p: LIBoxParameters (default: Norse's).
        dt: in seconds (default 0.001).

    Raises:
        TypeError, ValueError: an argument of the wrong type or out of range; v_leak is not 0.
    """
    return _readout(read(p, LIBoxParameters), dt)


def LILinearCell(input_size: int, hidden_size: int, p: Any = LIParameters(), dt: float = 0.001) -> Sequential:
    """`LILinearCell`: a Linear without bias before an LICell.

    Args:
        input_size, hidden_size: of the Linear, whose weight starts normal with deviation 1 / sqrt(input_size).
        p, dt: as in LICell.

    Raises:
        TypeError, ValueError: as LICell; sizes that are no positive whole numbers.
    """
    arriving = weights.linear(input_size, hidden_size, 1 / math.sqrt(arguments.size("input_size", input_size)))
    return Sequential(arriving, *LICell(p, dt))


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
    own = read(p, LIFParameters)
    arguments.size("input_size", input_size)
    deviation = math.sqrt(2.0 / arguments.size("hidden_size", hidden_size))
    arriving = weights.linear(input_size, hidden_size, deviation, given=input_weights, name="input_weights")
    back = weights.linear(hidden_size, hidden_size, deviation, autapses, recurrent_weights, "recurrent_weights")
    tau = steps(own, "tau_mem_inv", dt)
    node = LIFNode(tau, v_rest=own["v_leak"], detach_reset=True, **firing(own))
    return Sequential(arriving, _current(own, dt), RecurrentSynapse(node, back, _current(own, dt)))


LIFRecurrent = _over_time(LIFRecurrentCell, "a LIFRecurrentCell over all steps (T, B, input_size)")


def _readout(own: dict[str, Any], dt: float) -> NonSpikingLIFNode:
    if own["v_leak"] != 0.0:
        raise ValueError(f"p.v_leak must be 0, where readouts rest here, got {shown(own['v_leak'])}")
    return NonSpikingLIFNode(steps(own, "tau_mem_inv", dt), step_mode="s")


def _current(own: dict[str, Any], dt: float) -> SynapseFilter:
    """i, before it decays."""
    left = 1.0 - 1.0 / steps(own, "tau_syn_inv", dt)
    return SynapseFilter(-1.0 / math.log(left) if left > 0.0 else 1e-3)  # exp(-1000) is 0
