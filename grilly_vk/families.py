"""The families of classes: who fits where, by name, and what to say of one that does not.

LIFNode, LIF, LIFNeuron and traced.LIFNeuron are four answers to one question; other libraries have theirs.  This table
knows them all.  It goes by the names of classes, so that everything may use it.
"""

from __future__ import annotations

import sys
import types
import weakref
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Family(NamedTuple):
    """Classes of one kind.

    Args:
        what: one of them is called.
        does: how it is told from the others.
        bases: the classes that they derive from, within this package.
    """

    what: str
    does: str
    bases: tuple[str, ...]


FAMILIES = {
    "node": Family(
        "a spiking node", "which keeps its state itself",
        (
            "nn.spiking.nodes.SpikingNode", "nn.spiking.gated_node.GatedLIFNode", "nn.spiking.readout.NonSpikingNode",
            "nn.conversion.node.RateNode", "nn.spiking.late_reset.LateResetNode", "nir.neurons.Neuron",
        ),
    ),
    "core": Family("a recurrent core", "called as out, state = core(x, state)", ("nn.recurrent.core.Core",)),
    "trace": Family(
        "a trace layer of nn.traced", "which gives (spikes, trace)",
        ("nn.traced.cells.TracedPart", "nn.traced.network.Network"),
    ),
    "flat": Family("a flat layer", "which returns numpy arrays, off the tape", ("nn.flat.base.FlatLayer",)),
    "pipeline": Family("a whole pipeline", "called as process(embedding)", ("snn_compute.SNNCompute",)),
    "surrogate": Family("a surrogate gradient", "which nodes take as surrogate_function", ("surrogate.Surrogate",)),
}  # fmt: skip

# The same neuron in each family: names in nn, surrogates' in grilly_vk.surrogate; "layer": what is of no family.
COUNTERPARTS: tuple[dict[str, str], ...] = (
    {"node": "IFNode", "core": "IF", "trace": "traced.IFNeuron"},
    {"node": "LIFNode", "core": "LIF", "trace": "traced.LIFNeuron", "flat": "LIFNeuron"},
    {"node": "AdaptiveLIFNode", "core": "ALIF", "trace": "traced.AdaptiveLIFNeuron", "flat": "GIFNeuron"},
    {"node": "CUBALIFNode", "core": "CuBaLIF"},
    {"node": "NonSpikingLIFNode", "core": "LI"},
    {"core": "RIF", "layer": "RecurrentSynapse(nn.IFNode(), nn.Linear(n, n))"},
    {"core": "RLIF", "layer": "RecurrentSynapse(nn.LIFNode(), nn.Linear(n, n))"},
    {"core": "RCuBaLIF", "layer": "RecurrentSynapse(nn.CUBALIFNode(), nn.Linear(n, n))"},
    {"layer": "Sequential(nn.Linear(n, m), nn.LIFNode())", "flat": "SNNLayer"},
    {"layer": "Linear", "trace": "traced.Linear"},
    {"layer": "SigmoidLayer", "surrogate": "Sigmoid"},
    {"layer": "Tanh", "surrogate": "Tanh"},
)

# Arguments that only one family takes.
ARGUMENTS = {
    "node": (
        "tau", "init_tau", "v_threshold", "v_reset", "surrogate_function", "detach_reset", "step_mode", "store_v_seq",
    ),
    "core": ("beta", "threshold", "activation", "hidden_shape", "gamma"),
    "flat": ("n_neurons", "tau_mem", "v_thresh", "r_mem", "t_refrac", "decay"),
    "trace": ("cells_shape", "thresh", "alpha_v", "alpha_t", "duration_refrac", "tau_v", "tau_t"),
}  # fmt: skip

# Libraries whose classes are met here, by the first part of their modules.
LIBRARIES = {
    "torch": "PyTorch", "snntorch": "snnTorch", "spikingjelly": "SpikingJelly", "norse": "Norse", "jax": "JAX",
    "flax": "Flax", "sinabs": "Sinabs", "keras": "Keras", "tensorflow": "TensorFlow",
}  # fmt: skip
# Where their names differ from ours.
FOREIGN = {
    "Leaky": "nn.LIFNode", "Synaptic": "nn.CUBALIFNode", "RLeaky": "nn.RecurrentSynapse",
    "LIFCell": "nn.LIFNode", "LIF": "nn.LIFNode", "LI": "nn.NonSpikingLIFNode", "IAF": "nn.IFNode",
    "Sigmoid": "nn.SigmoidLayer",
}  # fmt: skip

_PACKAGE = __name__.partition(".")[0]
_known: weakref.WeakKeyDictionary[type, str | None] = weakref.WeakKeyDictionary()


# ---- which family ----


def library(kind: type) -> str | None:
    """The other library that a class, or one that it derives from, comes from: the first part of its modules."""
    found = _known.get(kind, "")
    if found == "":
        roots = [base.__module__.partition(".")[0] for base in kind.__mro__]
        found = _known[kind] = None if _PACKAGE in roots else next((r for r in roots if r in LIBRARIES), None)
    return found


def family(value: Any) -> str | None:
    """The family of a class or an object of it; None: of no family, such as a layer."""
    kind = value if isinstance(value, type) else type(value)
    for base in kind.__mro__:
        name = f"{base.__module__}.{base.__name__}".removeprefix(f"{_PACKAGE}.")
        for key, known in FAMILIES.items():
            if name in known.bases:
                return key
    return None


def trains_elsewhere(value: Any) -> bool:
    """Whether something is a module or a parameter of another library."""
    return library(type(value)) is not None and (
        callable(getattr(type(value), "named_parameters", None)) or type(value).__name__ == "Parameter"
    )


def records_elsewhere(value: Any) -> bool:
    """Whether something is a tensor on another library's tape."""
    return getattr(value, "requires_grad", False) is True and library(type(value)) is not None


# ---- what to say ----


def described(value: Any) -> str:
    """What something is, for an error's text: its class and family, or library."""
    if isinstance(value, type):
        of = library(value)
        return f"the class {_title(value)}{f' of {LIBRARIES[of]}' if of else ''} itself"
    if _makes(value):
        return f"the function {value.__name__} itself"
    kind, of = type(value), library(type(value))
    if of is not None:
        return f"{_title(kind)}, of {LIBRARIES[of]}"
    known = family(value)
    if known is None:
        return kind.__name__
    return f"{_title(kind)}, {FAMILIES[known].what}, {FAMILIES[known].does}"


def _makes(value: Any) -> bool:
    """Whether it is a function that makes a neuron or a surrogate by another library's name."""
    return isinstance(value, types.FunctionType) and value.__module__.startswith(f"{_PACKAGE}.nn.dialects.")


def counterpart(value: Any, wanted: str = "node") -> str:
    """What to use in place of something, "" if that is not known: nn.LIFNode for nn.LIF.

    Args:
        wanted: the family that is asked for; or "layer", for what has none.
    """
    kind = value if isinstance(value, type) else type(value)
    of = library(kind)
    if of is not None:
        return _ours(kind, of)
    for base in kind.__mro__:
        own = family(base)
        name = f"traced.{base.__name__}" if own == "trace" else base.__name__
        for row in COUNTERPARTS:
            if own is not None and row.get(own) == name:
                found = row.get(wanted) or row.get("layer" if wanted == "node" else wanted)
                return f"nn.{found}" if found else ""
    return ""


def instead(value: Any, wanted: str = "node") -> str:
    """What to use instead, as the end of an error's text."""
    if _makes(value) or (isinstance(value, type) and library(value) is None):
        return f"; give {value.__name__}(...)"
    found = counterpart(value, wanted)
    return f"; use {found}" if found else ""


def wrong(name: str, value: Any, wanted: str, meant: str = "node") -> TypeError:
    """The error about an argument of the wrong family.

    Args:
        name: of the argument.
        wanted: what it must be, in words.
        meant: the family that is wanted, in which the counterpart is looked up.
    """
    return TypeError(f"{name} must be {wanted}, not {described(value)}{instead(value, meant)}")


def refuse(name: str, value: Any, wanted: str, *families: str) -> None:
    """Refuses objects of these families.

    Raises:
        TypeError: value is of one of them.
    """
    if family(value) in families:
        raise wrong(name, value, wanted)


def meant(name: str, takes: Sequence[str], argument: str | None = None) -> str:
    """What a wrong call of a constructor may have meant, as the end of an error's text; "" where that is not known.

    Args:
        name: of the class.
        takes: its arguments, which tell nn.LIFNeuron from nn.traced.LIFNeuron.
        argument: one that it does not take; None: one is missing.
    """
    name = f"traced.{name}" if "cells_shape" in takes else name
    for row in COUNTERPARTS:
        own = next((key for key, value in row.items() if value == name and key in ARGUMENTS), None)
        if own is None:
            continue
        if argument is None:
            if own == "node" or "node" not in row:
                return ""
            return f"; {name} is {FAMILIES[own].what}, nn.{row['node']} {FAMILIES['node'].what}"
        for key, arguments in ARGUMENTS.items():
            if key != own and argument in arguments and key in row:
                return f"; {argument} is for nn.{row[key]}, {FAMILIES[key].what}"
    return ""


# ---- names ----


def _title(kind: type) -> str:
    """A class by the name under which users know it."""
    parts = kind.__module__.split(".")
    if parts[0] in LIBRARIES:
        return f"{parts[0]}.{parts[1] + '.' if len(parts) > 2 and parts[1] in ('nn', 'optim') else ''}{kind.__name__}"
    return f"traced.{kind.__name__}" if "traced" in parts else kind.__name__


def _ours(kind: type, of: str) -> str:
    """Our name for another library's class: of a dialect, of the same name, or by the table."""
    for base in kind.__mro__:
        if base.__module__.partition(".")[0] not in LIBRARIES:
            continue
        for path in _paths(base.__name__, of):
            home, _, name = path.rpartition(".")
            module = sys.modules.get(f"{_PACKAGE}.{home}")
            if module is not None and name in getattr(module, "__all__", ()):
                return path
    return ""


def of_function(name: str) -> str:
    """Our name for a function of PyTorch, such as F.mse_loss for mse_loss; "" for none."""
    for home, short in (("functional", f"F.{name}"), ("", f"grilly_vk.{name}")):
        module = sys.modules.get(f"{_PACKAGE}.{home}".rstrip("."))
        if module is not None and name in getattr(module, "__all__", ()):
            return short
    return ""


def _paths(name: str, of: str) -> Iterator[str]:
    if of in ("snntorch", "spikingjelly", "norse"):
        yield f"nn.dialects.{of}.{name}"
    if name in FOREIGN:
        yield FOREIGN[name]
    yield f"nn.{name}"
    yield f"optim.{name}"
