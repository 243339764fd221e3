"""How modules of `nn` are written as nodes of NIR: one entry a class."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from .. import nn
from ..autograd import no_grad
from ..nn.nodes import SpikingNode
from ..ops.nodes import Dynamics, node
from ..tensor import full
from .meaning import Meaning
from .neurons import NEURONS, Neuron
from .nodes import FIELDS, OURS
from .parts import Delay, Product, Scale, Threshold
from .shapes import Shape, output


class End(NamedTuple):
    """What comes next: the sum of the outputs of these nodes, of this shape."""

    sources: tuple[str, ...]
    shape: Shape


@dataclass
class Draft:
    """A graph that is being written.

    Args:
        dt: seconds of a step, or None.
        nodes: by name: type, fields, metadata and the shapes of its input and output.
        edges: between them.
    """

    dt: float | None
    nodes: dict[str, tuple[str, dict[str, Any], dict[str, Any], Shape, Shape]] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, kind: str, end: End, metadata: dict[str, Any] | None = None, **fields: Any) -> End:
        """A node behind `end`.

        Raises:
            ValueError: it does not take that shape.
        """
        name = name or kind.lower()
        while name in self.nodes:
            name += "_"
        try:
            out = output(kind, SimpleNamespace(**fields), end.shape)
        except ValueError as error:
            raise ValueError(f"{name} ({kind}): {error}") from error
        self.nodes[name] = (kind, fields, metadata or {}, end.shape, out)
        self.edges += [(a, name) for a in end.sources]
        return End((name,), out)

    def seconds(self, name: str, module: Any) -> float:
        """dt.

        Raises:
            ValueError: it was not given.
        """
        if self.dt is None:
            raise ValueError(
                f"dt, the seconds of a step, is missing: {name} ({type(module).__name__}) counts its time in steps"
            )
        return self.dt


Writer = Callable[[Draft, str, Any, End], End]
Check = Callable[[Any], "str | None"]


class Export(NamedTuple):
    """How a class is written; `check` says what is in the way of this one; `parts` are written in its place."""

    write: Writer
    check: Check = lambda module: None
    parts: Callable[[Any], list[tuple[str, Any]]] = lambda module: []


# ---- dense layers, convolutions, pools ----


def _numpy(parameter: Any) -> np.ndarray:
    return np.array(parameter.detach().numpy())


def _linear(draft: Draft, name: str, module: Any, end: End) -> End:
    if module.bias is None:
        return draft.add(name, "Linear", end, weight=_numpy(module.weight))
    return draft.add(name, "Affine", end, weight=_numpy(module.weight), bias=_numpy(module.bias))


def _product(draft: Draft, name: str, module: Any, end: End) -> End:
    return _linear(draft, name, module, end)


def _conv(draft: Draft, name: str, module: Any, end: End) -> End:
    one = module.axes == 1
    bias = np.zeros(module.out_channels, np.float32) if module.bias is None else _numpy(module.bias)
    numbers = {key: getattr(module, key) for key in ("stride", "padding", "dilation")}
    if one:
        numbers = {key: value if isinstance(value, str) else value[0] for key, value in numbers.items()}
    spatial = end.shape[1] if one and len(end.shape) == 2 else tuple(end.shape[1:])
    return draft.add(
        name, "Conv1d" if one else "Conv2d", end, input_shape=spatial, weight=_numpy(module.weight),
        groups=module.groups, bias=bias, **numbers,
    )  # fmt: skip


def _pool(kind: str) -> Writer:
    def write(draft: Draft, name: str, module: Any, end: End) -> End:
        windows = {key: getattr(module, key) for key in ("kernel_size", "stride", "padding")}
        return draft.add(name, kind, end, **windows)

    return write


def _pool_check(module: Any) -> str | None:
    if module.ceil_mode:
        return "NIR has no ceil_mode; pad the input or set ceil_mode=False"
    if getattr(module, "divisor_override", None) is not None:
        return "NIR has no divisor_override; use SumPool2d"
    if not getattr(module, "count_include_pad", True) and any(module.padding):
        return "NIR counts the padding; set count_include_pad=True"
    return None


def _flatten(draft: Draft, name: str, module: Any, end: End) -> End:
    start, end_dim = (d - 1 if d > 0 else d for d in (module.start_dim, module.end_dim))
    return draft.add(name, "Flatten", end, input_type=end.shape, start_dim=start, end_dim=end_dim)


def _flatten_check(module: Any) -> str | None:
    return "it joins the batch axis, which NIR does not have; set start_dim=1" if module.start_dim == 0 else None


# ---- neurons ----


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


def _non_spiking_if(draft: Draft, name: str, module: Any, end: End) -> End:
    dt = draft.seconds(name, module)
    return draft.add(name, "I", end, {OURS: {**_meaning(dt, 0.0), "drive": 1.0}}, **_filled(end.shape, r=1.0 / dt))


def _non_spiking_lif(draft: Draft, name: str, module: Any, end: End) -> End:
    dt = draft.seconds(name, module)
    own = _filled(end.shape, tau=module.tau * dt, r=1.0, v_leak=0.0)
    return draft.add(name, "LI", end, {OURS: {**_meaning(dt, 0.0), "share": 1.0 / module.tau}}, **own)


def _readout_check(module: Any) -> str | None:
    if module.decode is not None:
        return f"NIR can't say decode={module.decode!r}; set decode=None and reduce the potentials outside"
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
        one = _decaying(draft, _named(name, which), module, end, math.exp(-1.0 / tau))
        out += draft.add(_named(name, f"w_{which}"), "Scale", one, **_filled(end.shape, scale=weight)).sources
    return End(out, end.shape)


def _li_core(draft: Draft, name: str, module: Any, end: End) -> End:
    return _decaying(draft, name, module, end, np.clip(_numpy(module.beta), 0.0, 1.0))


def _li_core_check(module: Any) -> str | None:
    beta = _numpy(module.beta)
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
    middle = draft.add(_named(name, "weight"), "Linear", end, weight=np.array(module.weight))
    return _flat(draft, _named(name, "neuron"), module.neuron, middle)


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
    return draft.add(name, "Scale", end, scale=np.broadcast_to(_numpy(module.scale), end.shape))


# ---- containers ----


def _named(*parts: str) -> str:
    return ".".join(filter(None, parts))


def _chain(draft: Draft, name: str, module: Any, end: End) -> End:
    for key, part in module._modules.items():
        end = write(draft, _named(name, key), part, end)
    return end


def _inner(attribute: str) -> Export:
    def write_inner(draft: Draft, name: str, module: Any, end: End) -> End:
        return write(draft, name, getattr(module, attribute), end)

    return Export(write_inner, parts=lambda module: [("", getattr(module, attribute))])


def _same(draft: Draft, name: str, module: Any, end: End) -> End:
    return end


def _entered(draft: Draft, name: str, module: Any, end: End) -> tuple[End, list[str]]:
    """Writes a module, and says which of its nodes take what comes in."""
    known = len(draft.edges)
    out = write(draft, name, module, end)
    entries = [b for a, b in draft.edges[known:] if a in end.sources]
    if not entries:
        raise ValueError(f"{name} ({type(module).__name__}) has no node that could take its own output")
    return out, list(dict.fromkeys(entries))


def _feedback(draft: Draft, name: str, module: Any, end: End) -> End:
    """RecurrentSynapse."""
    out, entries = _entered(draft, _named(name, "node"), module.node, end)
    back = write(draft, _named(name, "connection"), module.connection, out)
    if module.dynamics is not None:
        back = write(draft, _named(name, "dynamics"), module.dynamics, back)
    draft.edges += [(a, b) for a in back.sources for b in entries]
    return out


def _feedback_parts(module: Any) -> list[tuple[str, Any]]:
    parts = [("node", module.node), ("connection", module.connection)]
    return parts if module.dynamics is None else [*parts, ("dynamics", module.dynamics)]


def _joint(draft: Draft, name: str, module: Any, end: End) -> End:
    """LinearRecurrentContainer: its weight is one for the input and one for the last output, side by side."""
    weight, into = _numpy(module.rc.weight), module.in_features
    bias: dict[str, Any] = {} if module.rc.bias is None else {"bias": _numpy(module.rc.bias)}
    middle = draft.add(_named(name, "rc"), "Affine" if bias else "Linear", end, weight=weight[:, :into].copy(), **bias)
    out, entries = _entered(draft, _named(name, "sub_module"), module.sub_module, middle)
    back = draft.add(_named(name, "rc_back"), "Linear", out, weight=weight[:, into:].copy())
    draft.edges += [(back.sources[0], b) for b in entries]
    return out


def _dropout_check(module: Any) -> str | None:
    return "NIR has no dropout; call model.eval()" if module.training else None


def _parts(module: Any) -> list[tuple[str, Any]]:
    return list(module._modules.items())


EXPORTS: dict[type, Export] = {
    nn.Linear: Export(_linear),
    Product: Export(_product),
    nn.Conv1d: Export(_conv),
    nn.Conv2d: Export(_conv),
    nn.AvgPool2d: Export(_pool("AvgPool2d"), _pool_check),
    nn.SumPool2d: Export(_pool("SumPool2d"), _pool_check),
    nn.Flatten: Export(_flatten, _flatten_check),
    nn.IFNode: Export(_if, _node_check),
    nn.LIFNode: Export(_leaky, _node_check),
    nn.ParametricLIFNode: Export(_leaky, _node_check),
    nn.CUBALIFNode: Export(_leaky, _node_check),
    nn.NonSpikingIFNode: Export(_non_spiking_if, _readout_check),
    nn.NonSpikingLIFNode: Export(_non_spiking_lif, _readout_check),
    nn.SynapseFilter: Export(_filter),
    nn.DualTimescaleSynapse: Export(_two_filters),
    nn.LI: Export(_li_core, _li_core_check),
    nn.LIFNeuron: Export(_flat, _flat_check),
    nn.SNNLayer: Export(_snn_layer, lambda module: _flat_check(module.neuron)),
    nn.Delay: Export(_delay),
    nn.Identity: Export(_same),
    nn.ActivityRegularization: Export(_same),
    nn.Sequential: Export(_chain, parts=_parts),
    nn.MultiStepContainer: _inner("module"),
    nn.SeqToANNContainer: _inner("module"),
    nn.RecurrentSynapse: Export(_feedback, parts=_feedback_parts),
    nn.LinearRecurrentContainer: Export(_joint, parts=lambda module: [("sub_module", module.sub_module)]),
    Scale: Export(_scale),
    **dict.fromkeys((*NEURONS.values(), Threshold, Delay), Export(_ours)),
    **dict.fromkeys(
        (
            nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.DropoutOverTime, nn.DropoutOverTime1d, nn.DropoutOverTime2d,
        ),
        Export(_same, _dropout_check),
    ),
}  # fmt: skip

_NORMS = "fold it into the weights of the layer before, as nn.Converter does"
ADVICE: dict[type, str] = {
    nn.MaxPool1d: "NIR has no maximum; use AvgPool2d or SumPool2d",
    nn.MaxPool2d: "NIR has no maximum; use AvgPool2d or SumPool2d",
    nn.AdaptiveAvgPool2d: "NIR's pools have fixed windows; use AvgPool2d",
    nn.AvgPool1d: "NIR pools over two axes; use AvgPool2d",
    nn.Conv3d: "NIR has one and two axes; use Conv1d or Conv2d",
    nn.Synapse: "NIR delays neurons, not connections; use nn.Delay",
    nn.DelaySynapse: "NIR delays neurons, not connections; use nn.Delay",
    **dict.fromkeys((nn.BatchNorm1d, nn.BatchNorm2d), _NORMS),
    **dict.fromkeys((nn.ReLU, nn.LeakyReLU, nn.SiLU, nn.GELU), "NIR has spiking neurons; convert it by nn.Converter"),
    **dict.fromkeys(
        (nn.IF, nn.LIF, nn.CuBaLIF, nn.ALIF, nn.RIF, nn.RLIF, nn.RCuBaLIF),
        "its spikes come from the potential before the input; use IFNode, LIFNode or CUBALIFNode",
    ),
    SpikingNode: "NIR has no such neuron; use IFNode, LIFNode or CUBALIFNode",
}


def export_of(module: Any) -> Export | None:
    """How a module is written: as its class, or as the one that its class is but for how it is made."""
    for kind in type(module).__mro__:
        if kind in EXPORTS:
            return None if "forward" in vars(module) else EXPORTS[kind]
        changed = [name for name, value in vars(kind).items() if callable(value) and name not in _HARMLESS]
        if changed or kind.__module__.startswith(__name__.split(".")[0] + "."):
            return None
    return None


_HARMLESS = {"__init__", "extra_repr", "__repr__"}  # what a subclass may define and still compute the same


def problems(module: Any, name: str = "") -> list[str]:
    """What is in the way of writing a module, a line each."""
    found: list[str] = []
    work = [(name, module)]
    while work:
        label, part = work.pop()
        export = export_of(part)
        if export is None:
            advice = next((text for kind, text in ADVICE.items() if isinstance(part, kind)), None)
            if advice is None:
                own = "write it with nn.Sequential" if part._modules else "NIR has no node for it"
                advice = own if not type(part).__module__.startswith("grilly_vk") else "NIR has no node for it"
            found.append(f"{label or 'the module'} ({type(part).__name__}): {advice}")
            continue
        text = export.check(part)
        if text is not None:
            found.append(f"{label or 'the module'} ({type(part).__name__}): {text}")
        inner = [(_named(label, key), p) for key, p in export.parts(part)]
        work += reversed(inner)
    return found


def write(draft: Draft, name: str, module: Any, end: End) -> End:
    """Writes a module that has no problems behind `end`."""
    export = export_of(module)
    assert export is not None
    return export.write(draft, name, module, end)
