"""How modules of `nn` are written as nodes of NIR: one entry per class."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import nn
from ..nn.spiking.nodes import SpikingNode
from ..nn.stateful import StatefulModule
from .draft import Draft, End, Export, Writer, named, numbers
from .export_neurons import NEURON_EXPORTS
from .parts import Product, Scale, Threshold

# ---- dense layers, convolutions, pools ----


def _linear(draft: Draft, name: str, module: Any, end: End) -> End:
    if module.bias is None:
        return draft.add(name, "Linear", end, weight=numbers(module.weight))
    return draft.add(name, "Affine", end, weight=numbers(module.weight), bias=numbers(module.bias))


def _conv(draft: Draft, name: str, module: Any, end: End) -> End:
    one = module.axes == 1
    bias = np.zeros(module.out_channels, np.float32) if module.bias is None else numbers(module.bias)
    windows = {key: getattr(module, key) for key in ("stride", "padding", "dilation")}
    if one:
        windows = {key: value if isinstance(value, str) else value[0] for key, value in windows.items()}
    spatial = end.shape[1] if one and len(end.shape) == 2 else tuple(end.shape[1:])
    return draft.add(
        name, "Conv1d" if one else "Conv2d", end, input_shape=spatial, weight=numbers(module.weight),
        groups=module.groups, bias=bias, **windows,
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
    if module.start_dim + len(end.shape) + 1 == 0:
        raise ValueError(f"{name} (Flatten): {_flatten_check(None)}")
    start, end_dim = (d - 1 if d > 0 else d for d in (module.start_dim, module.end_dim))
    return draft.add(name, "Flatten", end, input_type=end.shape, start_dim=start, end_dim=end_dim)


def _flatten_check(module: Any) -> str | None:
    joins = module is None or module.start_dim == 0
    return "it joins the batch axis, which NIR does not have; set start_dim=1" if joins else None


# ---- containers ----


def _chain(draft: Draft, name: str, module: Any, end: End) -> End:
    for key, part in module._modules.items():
        end = write(draft, named(name, key), part, end)
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
    out, entries = _entered(draft, named(name, "node"), module.node, end)
    back = write(draft, named(name, "connection"), module.connection, out)
    if module.dynamics is not None:
        back = write(draft, named(name, "dynamics"), module.dynamics, back)
    draft.edges += [(a, b) for a in back.sources for b in entries]
    return out


def _feedback_parts(module: Any) -> list[tuple[str, Any]]:
    parts = [("node", module.node), ("connection", module.connection)]
    return parts if module.dynamics is None else [*parts, ("dynamics", module.dynamics)]


def _joint(draft: Draft, name: str, module: Any, end: End) -> End:
    """LinearRecurrentContainer: its weight is one for the input and one for the last output, side by side."""
    weight, into = numbers(module.rc.weight), module.in_features
    bias: dict[str, Any] = {} if module.rc.bias is None else {"bias": numbers(module.rc.bias)}
    middle = draft.add(named(name, "rc"), "Affine" if bias else "Linear", end, weight=weight[:, :into].copy(), **bias)
    out, entries = _entered(draft, named(name, "sub_module"), module.sub_module, middle)
    back = draft.add(named(name, "rc_back"), "Linear", out, weight=weight[:, into:].copy())
    draft.edges += [(back.sources[0], b) for b in entries]
    return out


def _dropout_check(module: Any) -> str | None:
    return "NIR has no dropout; call model.eval()" if module.training else None


def _parts(module: Any) -> list[tuple[str, Any]]:
    return list(module._modules.items())


EXPORTS: dict[type, Export] = {
    nn.Linear: Export(_linear),
    Product: Export(_linear),
    nn.Conv1d: Export(_conv),
    nn.Conv2d: Export(_conv),
    nn.AvgPool2d: Export(_pool("AvgPool2d"), _pool_check),
    nn.SumPool2d: Export(_pool("SumPool2d"), _pool_check),
    nn.Flatten: Export(_flatten, _flatten_check),
    nn.Identity: Export(_same),
    nn.ActivityRegularization: Export(_same),
    nn.Sequential: Export(_chain, parts=_parts),
    nn.MultiStepContainer: _inner("module"),
    nn.SeqToANNContainer: _inner("module"),
    nn.RecurrentSynapse: Export(_feedback, parts=_feedback_parts),
    nn.LinearRecurrentContainer: Export(_joint, parts=lambda module: [("sub_module", module.sub_module)]),
    **NEURON_EXPORTS,
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


def hooked(module: Any) -> str | None:
    """What is in the way where forward hooks may change what a module does; those of monitors don't."""
    hooks = [getattr(hook, "hook", hook) for hook in module._forward_hooks.values()]
    if module._forward_pre_hooks or not all(getattr(hook, "observes", False) for hook in hooks):
        return "NIR can't express what its forward hooks do; remove them"
    return None


_STATEFUL = (StatefulModule, *(kind for kind in NEURON_EXPORTS if kind not in (Scale, Threshold)))
_HARMLESS = {"__init__", "extra_repr", "__repr__"}  # what a subclass may define and still compute the same


def problems(module: Any, name: str = "") -> list[str]:
    """What is in the way of writing a module, a line each."""
    found: list[str] = []
    seen: dict[int, str] = {}
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
        text = export.check(part) or hooked(part)
        if id(part) in seen and isinstance(part, _STATEFUL) and not export.parts(part):
            text = f"it is {seen[id(part)]} as well, with one state, and NIR's nodes have one each; use a copy"
        seen[id(part)] = label or "the module"
        if text is not None:
            found.append(f"{label or 'the module'} ({type(part).__name__}): {text}")
        inner = [(named(label, key), p) for key, p in export.parts(part)]
        work += reversed(inner)
    return found


def write(draft: Draft, name: str, module: Any, end: End) -> End:
    """Writes a module that has no problems behind `end`."""
    export = export_of(module)
    assert export is not None
    return export.write(draft, name, module, end)
