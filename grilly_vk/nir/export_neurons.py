"""How neurons, synapses and delays of `nn` are written as nodes of NIR."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from .. import nn
from ..autograd import no_grad
from ..ops.nodes import Dynamics, node
from ..tensor import full
from .draft import Draft, End, Export, named, numbers
from .meaning import Meaning
from .neurons import NEURONS, Neuron
from .nodes import FIELDS, OURS
from .parts import Delay, Scale, Threshold
from .shapes import Shape


def _filled(shape: Shape, **numbers: Any) -> dict[str, Any]:
    """Fields of a neuron for each of the elements, in float32."""
    return {name: np.broadcast_to(np.asarray(value, np.float32), shape) for name, value in numbers.items()}


def _meaning(dt: float, reset: Any, comparator: str = ">=", integrator: str = "euler") -> dict[str, Any]:
    return Meaning(dt, integrator, "subtract" if reset is None else "value", comparator).written()


def _comparator(module: Any) -> str:
    return ">" if module.strict else ">="


def _node_check(module: Any) -> str | None:
    if np.any(module.refractory):
        return "NIR has no refractory time; set refractory=0"
    return None


def _if(draft: Draft, name: str, module: Any, end: End) -> End:
    dt, reset = draft.seconds(name, module), module.v_reset
    own = _filled(end.shape, r=1.0 / dt, v_threshold=module.v_threshold, v_reset=0.0 if reset is None else reset)
    return draft.add(name, "IF", end, {OURS: {**_meaning(dt, reset, _comparator(module)), "drive": 1.0}}, **own)


def _leaky(draft: Draft, name: str, module: Any, end: End) -> End:
    """LIFNode, ParametricLIFNode and CUBALIFNode."""
    dt, reset = draft.seconds(name, module), module.v_reset
    k = _learnt_share(module) if module._learnable() is not None else module._k()
    k = np.asarray(k, np.float64)
    rest = getattr(module, "v_rest", None)
    noted: dict[str, Any] = {"share": k if k.ndim else float(k)}
    if not module.decay_input:
        noted["drive"] = 1.0
    own = {
        "r": 1.0 if module.decay_input else 1.0 / k, "v_leak": (reset or 0.0) if rest is None and not
        isinstance(reset, np.ndarray) else (reset if rest is None else rest), "v_threshold": module.v_threshold,
        "v_reset": 0.0 if reset is None else reset,
    }  # fmt: skip
    meaning = _meaning(dt, reset, _comparator(module))
    if isinstance(module, nn.CUBALIFNode):
        noted |= {"keep": 1.0 - 1.0 / module.tau_syn, "input": 1.0}
        own |= {"tau_mem": dt / k, "tau_syn": module.tau_syn * dt, "w_in": module.tau_syn}
        return draft.add(name, "CubaLIF", end, {OURS: meaning | noted}, **_filled(end.shape, **own))
    return draft.add(name, "LIF", end, {OURS: meaning | noted}, **_filled(end.shape, tau=dt / k, **own))


@no_grad()
def _learnt_share(module: Any) -> float:
    """sigmoid(w) as the kernel computes it: what an input of 1 adds to a potential of 0."""
    x = full((1,), 1.0)
    out = node(x, 0.0, Dynamics("lif", v_threshold=math.inf), module.surrogate_function.slope, w=module._learnable())
    return float(out.v.numpy()[0])


def _by_factors(draft: Draft, name: str, module: Any, end: End) -> End:
    """LateResetNode whose reset is not late: H = beta v + gain x, or of a current that decays by alpha."""
    dt, (beta, alpha) = draft.seconds(name, module), map(_factor, (module.beta, module.alpha))
    own = {"v_threshold": _factor(module.v_threshold), "v_reset": 0.0, "v_leak": 0.0, "r": 1.0 / (1.0 - beta)}
    noted: dict[str, Any] = {"share": 1.0 - beta, "drive": 1.0}
    if module.alpha is None:
        own |= {"tau": dt / (1.0 - beta), "r": module.gain / (1.0 - beta)}
        noted["drive"] = module.gain
    else:
        own |= {"tau_mem": dt / (1.0 - beta), "tau_syn": dt / (1.0 - alpha), "w_in": module.gain / (1.0 - alpha)}
        noted |= {"keep": alpha, "input": module.gain}
    noted = {key: value if np.ndim(value) else float(value) for key, value in noted.items()}
    kind = "LIF" if module.alpha is None else "CubaLIF"
    return draft.add(name, kind, end, {OURS: _meaning(dt, 0.0, ">") | noted}, **_filled(end.shape, **own))


def _factor(value: Any) -> np.ndarray:
    """A constant of LateResetNode: a number, an array or a Parameter."""
    return np.asarray(0.0 if value is None else numbers(value) if hasattr(value, "detach") else value, np.float64)


def _by_factors_check(module: Any) -> str | None:
    if module.late or module.reset_mechanism != "zero":
        return "NIR resets in the step of the spike; use late=False, reset_mechanism='zero', or LIFNode(v_reset=None)"
    if (_factor(module.spike_factor) != 1.0).any():
        return "NIR's spikes are 1; set spike_factor=1 and scale the weights behind it"
    if (_factor(module.beta) >= 1.0).any() or (_factor(module.alpha) >= 1.0).any():
        return "a decay of 1 has no time constant; keep beta and alpha below 1, or use IFNode"
    return None


def _non_spiking_if(draft: Draft, name: str, module: Any, end: End) -> End:
    dt = draft.seconds(name, module)
    return draft.add(name, "I", end, {OURS: {**_meaning(dt, 0.0), "drive": 1.0}}, **_filled(end.shape, r=1.0 / dt))


def _non_spiking_lif(draft: Draft, name: str, module: Any, end: End) -> End:
    dt = draft.seconds(name, module)
    own = _filled(end.shape, tau=module.tau * dt, r=1.0, v_leak=0.0)
    return draft.add(name, "LI", end, {OURS: {**_meaning(dt, 0.0), "share": 1.0 / module.tau}}, **own)


def _readout_check(module: Any) -> str | None:
    if module.decode is not None:
        return f"NIR can't express decode={module.decode!r}; set decode=None and reduce the potentials outside"
    return None


def _decaying(draft: Draft, name: str, module: Any, end: End, keep: Any) -> End:
    """y <- keep y + x."""
    dt, keep = draft.seconds(name, module), np.asarray(keep, np.float64)
    if (keep >= 1.0).all():
        return draft.add(name, "I", end, {OURS: {**_meaning(dt, 0.0), "drive": 1.0}}, **_filled(end.shape, r=1.0 / dt))
    own = _filled(end.shape, tau=dt / (1.0 - keep), r=1.0 / (1.0 - keep), v_leak=0.0)
    noted = {"share": 1.0 - keep if keep.ndim else float(1.0 - keep), "drive": 1.0}
    return draft.add(name, "LI", end, {OURS: _meaning(dt, 0.0) | noted}, **own)


def _filter(draft: Draft, name: str, module: Any, end: End) -> End:
    return _decaying(draft, name, module, end, math.exp(-1.0 / module.tau_syn))


def _two_filters(draft: Draft, name: str, module: Any, end: End) -> End:
    out: tuple[str, ...] = ()
    for which in ("fast", "slow"):
        tau, weight = getattr(module, f"tau_{which}"), getattr(module, f"w_{which}")
        one = _decaying(draft, named(name, which), module, end, math.exp(-1.0 / tau))
        out += draft.add(named(name, f"w_{which}"), "Scale", one, **_filled(end.shape, scale=weight)).sources
    return End(out, end.shape)


def _li_core(draft: Draft, name: str, module: Any, end: End) -> End:
    return _decaying(draft, name, module, end, np.clip(numbers(module.beta), 0.0, 1.0))


def _li_core_check(module: Any) -> str | None:
    beta = numbers(module.beta)
    mixed = (beta >= 1.0).any() and not (beta >= 1.0).all()
    return "a beta of 1 has no time constant; keep all below 1" if mixed else None


def _flat(draft: Draft, name: str, module: Any, end: End) -> End:
    if module.threshold is not None:
        dt, keep = draft.seconds(name, module), module.decay
        own = {"v_threshold": module.threshold, "v_reset": 0.0}
        if keep == 1.0:
            own = _filled(end.shape, r=1.0 / dt, **own)
            return draft.add(name, "IF", end, {OURS: {**_meaning(dt, 0.0), "drive": 1.0}}, **own)
        own |= {"tau": dt / (1.0 - keep), "r": 1.0 / (1.0 - keep), "v_leak": 0.0}
        noted = {"share": 1.0 - keep, "drive": 1.0}
        return draft.add(name, "LIF", end, {OURS: _meaning(dt, 0.0) | noted}, **_filled(end.shape, **own))
    if draft.dt is not None and draft.dt != module.dt:
        raise ValueError(f"dt is {draft.dt:g}, but {name} (LIFNeuron) was made with dt={module.dt:g}")
    own = _filled(
        end.shape, tau=module.tau_mem * 1e-3, r=module.r_mem, v_leak=module.v_rest, v_threshold=module.v_thresh,
        v_reset=module.v_reset,
    )  # fmt: skip
    noted = {"share": -math.expm1(-1e3 * module.dt / module.tau_mem)}
    return draft.add(name, "LIF", end, {OURS: _meaning(module.dt, 0.0, ">=", "exact") | noted}, **own)


def _flat_check(module: Any) -> str | None:
    if module.threshold is None and module._constants.hold_steps > 0:
        return "NIR has no refractory time; set t_refrac=0"
    return None


def _snn_layer(draft: Draft, name: str, module: Any, end: End) -> End:
    middle = draft.add(named(name, "weight"), "Linear", end, weight=np.array(module.weight))
    return _flat(draft, named(name, "neuron"), module.neuron, middle)


def _delay(draft: Draft, name: str, module: Any, end: End) -> End:
    dt = draft.seconds(name, module)
    own = _filled(end.shape, delay=module.delay * dt)
    return draft.add(name, "Delay", end, {OURS: {"dt": dt}}, **own)


def _ours(draft: Draft, name: str, module: Any, end: End) -> End:
    """Neurons and the like that came from NIR."""
    if isinstance(module, Neuron):
        kind, metadata = module.kind, {**module.meaning.written(), **module.noted_now()}
    elif isinstance(module, Delay):
        kind, metadata = "Delay", {"dt": module.dt}
    else:
        kind, metadata = "Threshold", {"comparator": module.comparator}
    fields = {key: np.broadcast_to(getattr(module, key), end.shape) for key in FIELDS[kind]}
    return draft.add(name, kind, end, {OURS: metadata}, **fields)


def _scale(draft: Draft, name: str, module: Any, end: End) -> End:
    return draft.add(name, "Scale", end, scale=np.broadcast_to(numbers(module.scale), end.shape))


NEURON_EXPORTS: dict[type, Export] = {
    nn.IFNode: Export(_if, _node_check),
    nn.LIFNode: Export(_leaky, _node_check),
    nn.ParametricLIFNode: Export(_leaky, _node_check),
    nn.CUBALIFNode: Export(_leaky, _node_check),
    nn.LateResetNode: Export(_by_factors, _by_factors_check),
    nn.NonSpikingIFNode: Export(_non_spiking_if, _readout_check),
    nn.NonSpikingLIFNode: Export(_non_spiking_lif, _readout_check),
    nn.SynapseFilter: Export(_filter),
    nn.DualTimescaleSynapse: Export(_two_filters),
    nn.LI: Export(_li_core, _li_core_check),
    nn.LIFNeuron: Export(_flat, _flat_check),
    nn.SNNLayer: Export(_snn_layer, lambda module: _flat_check(module.neuron)),
    nn.Delay: Export(_delay),
    Scale: Export(_scale),
    **dict.fromkeys((*NEURONS.values(), Threshold, Delay), Export(_ours)),
}
