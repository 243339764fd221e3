"""Every row of docs/coming_from.md is run: by the tests named here, and its names and defaults by these.

A new row needs an entry in helpers/row_evidence.py: the tests that fail when it stops being true.
"""

import ast
import inspect
import re
from functools import cache
from pathlib import Path

import pytest
from coming_from import spans, tables
from golden import load
from row_evidence import EVIDENCE

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import encode, models, nn
from grilly_vk.nn import traced

TABLES = tables()
SIGNATURES = load("rows")[1]["signatures"]


@cache
def named_in(file):
    """The names of a file's tests."""
    tree = ast.parse((Path(__file__).parent / f"{file}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("section", TABLES)
def test_every_row_has_a_test(section):
    rows = [row.theirs for row in TABLES[section]]
    assert len(set(rows)) == len(rows)
    missing, gone = set(rows) - set(EVIDENCE[section]), set(EVIDENCE[section]) - set(rows)
    assert not missing and not gone, f"rows without a test: {missing}; tests of rows that are not there: {gone}"
    for row, tests in EVIDENCE[section].items():
        assert tests, row
        for place in tests:
            file, name = place.split("::")
            assert name in named_in(file), f"{row}: no test {place}"


# ---- names ----

WHERE = {
    "pysnn": (traced, traced.BaseNeuron, nn), "spyx": (nn, F), "Edifice": (models,), "SpikingJelly": (nn, F, encode),
    "Norse": (nn, nn.dialects.norse), "snnTorch": (nn, F, encode),
}  # fmt: skip
ROOTS = {"nn": nn, "F": F, "traced": traced, "encode": encode, "models": models, "grilly_vk": grilly_vk}


def resolved(path):
    """What a dotted name means, such as nn.dialects.norse.LIF."""
    first, *rest = path.split(".")
    found = ROOTS[first]
    for name in rest:
        found = getattr(found, name)
    return found


def bare(span):
    """A name without its call: `neuron.LIFNode()` is neuron.LIFNode."""
    return span.split("(")[0].strip()


def ours_of(section, row):
    """(their name, our object) of a row whose cells name as many things, or the same ones."""
    theirs = [bare(s) for s in spans(row.theirs)]
    homes = [name.rpartition(".")[0] for name in theirs]
    for k, name in enumerate(theirs):  # `rnn.SpikingLSTM`, `SpikingGRU`
        if "." not in name and k and homes[k - 1]:
            homes[k] = homes[k - 1]
    full = [f"{home}.{name.rpartition('.')[2]}" if home else name for home, name in zip(homes, theirs)]
    if row.ours.startswith("the same"):
        home = ROOTS[spans(row.ours)[0]]
        return [(name, getattr(home, name.rpartition(".")[2])) for name in full]
    names, last = [], ""
    for span in spans(row.ours):
        name = bare(span)
        last = name.rpartition(".")[0] or last
        names.append(f"{last}.{name.rpartition('.')[2]}")
    if len(names) % len(full) and len(full) > 1:
        return []
    return [(full[k % len(full)], resolved(name)) for k, name in enumerate(names)]


@pytest.mark.parametrize("section", TABLES)
def test_all_our_names_exist(section):
    """And can be called; names without a module are in one that the section is about."""
    for row in TABLES[section]:
        last = ""
        for span in spans(row.ours):
            name = bare(span)
            if not re.fullmatch(r"[A-Za-z_][\w.]*", name) or name in ("T", "rule.e_trace_0", "False"):
                continue
            if name in ROOTS:
                continue
            first = name.split(".")[0]
            if first in ROOTS:
                last = name.rpartition(".")[0]
                assert callable(resolved(name)), span
            elif last:
                assert callable(resolved(f"{last}.{name}")), span
            elif "=" not in span:
                assert any(hasattr(home, name) for home in WHERE[section]), span


# ---- defaults ----

IGNORED = {"spiking", "device", "dtype", "step_mode", "bias"}  # PyTorch's places, and what all layers here have
RENAMED = {
    "delay_steps": "delay", "dim": "embed_dim", "v_th": "v_threshold", "tau": "tau_syn", "net": "model",
    "single_step_module": "model", "x_seq": "x_temporal",
}  # fmt: skip
NEEDED = {
    "GatedLIFNode": (4,), "LIAFNode": (nn.ReLU(), False),
    **{f"Spiking{kind}": (3, 4, 1) for kind in ("LSTM", "GRU", "VanillaRNN")},
    **{f"Spiking{kind}Cell": (3, 4) for kind in ("LSTM", "GRU", "VanillaRNN")},
}  # fmt: skip
RULES = {"learning.STDPLearner", "learning.MSTDPETLearner"}  # another interface, which the row tells


def defaults(thing):
    """Names of the parameters with their defaults as the golden file has them."""
    out = {}
    for p in inspect.signature(thing).parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        value = p.default
        if value is p.empty:
            value = "required"
        elif p.name.startswith("surrogate_function") and value is None:
            made = thing(*NEEDED.get(thing.__name__, ()))
            made = getattr(made.cells[0] if hasattr(made, "cells") else made, p.name)
            value = None if made is None else shape_of(made)
        out[p.name] = value
    for base in thing.__mro__[1:] if inspect.isclass(thing) else ():  # what **options takes
        if base is nn.SpikingNode:
            plain = {k: p.default for k, p in inspect.signature(base).parameters.items()}
            out = {**plain, "surrogate_function": shape_of(thing().surrogate_function), **out}
        elif issubclass(base, (nn.SpikingNode, nn.QKAttention)):
            out = {**defaults(base), **out}
    return out


def shape_of(surrogate):
    """A surrogate as the golden file has it."""
    name = {"FastSigmoid": "SoftSign"}.get(type(surrogate).__name__, type(surrogate).__name__)
    return [name, [surrogate.alpha]]


def pairs():
    """(their key, our object, row) of what the golden file has the parameters of."""
    for library, section in (("spikingjelly", "SpikingJelly"), ("norse", "Norse")):
        for row in TABLES[section]:
            for name, ours in ours_of(section, row):
                whole = section == "SpikingJelly" or ours.__module__.startswith("grilly_vk.nn.dialects")
                if f"{library} {name}" in SIGNATURES and name not in RULES and whole:
                    yield f"{library} {name}", ours, row


PAIRS = list(pairs())


@pytest.mark.parametrize("key, ours, row", PAIRS, ids=[f"{k}-{o.__module__}" for k, o, _ in PAIRS])
def test_names_and_defaults(key, ours, row):
    """Parameters that are not here, that come in another order or with other defaults, are named in the row."""
    dialect = ours.__module__.startswith("grilly_vk.nn.dialects")
    found, told = defaults(ours), row.theirs + row.ours + row.differs
    common = []
    for name, wanted in SIGNATURES[key].items():
        if name in IGNORED and not (dialect and name == "step_mode"):
            continue
        own = name if name in found else RENAMED.get(name)
        if own not in found or (own != name and dialect):
            assert re.search(rf"\b{name}\b", told), f"{name} is not here and not in the row"
            continue
        common.append(own)
        if wanted == "required" or found[own] == wanted:
            continue
        if isinstance(wanted, list) and wanted[0].endswith("Parameters"):
            assert type(found[own]).__name__ == wanted[0]
        elif isinstance(wanted, float) and found[own] == pytest.approx(wanted, rel=1e-6):
            pass
        else:
            assert re.search(rf"\b{name}\b", row.differs), f"{name} is {found[own]}, there {wanted}: not in the row"
            assert not dialect or name == "reset_method"
    own = [n for n in inspect.signature(ours).parameters if n in common]
    there = [n for n in common if n in own]
    assert own == there or "order" in row.differs, f"{own}, there {there}"


def test_the_signatures_are_looked_at():
    """Most of what the golden file has; parameter tuples of Norse by themselves."""
    seen = {key for key, _, _ in PAIRS}
    left = {k for k in SIGNATURES if k not in seen and not k.startswith("snntorch")}
    assert left <= {
        *(f"norse {n}" for n in nn.dialects.norse.__all__ if n.endswith("Parameters")),
        "spikingjelly learning.STDPLearner", "spikingjelly learning.MSTDPETLearner",
        *(f"spikingjelly rnn.Spiking{n}Cell" for n in ("LSTM", "GRU", "VanillaRNN")),
        *(f"spikingjelly layer.{n}1d" for n in (
            "ThresholdDependentBatchNorm", "TemporalEffectiveBatchNorm", "BatchNormThroughTime",
        )),
    }, left  # fmt: skip
    for name in [n for n in nn.dialects.norse.__all__ if n.endswith("Parameters")]:
        wanted, own = SIGNATURES[f"norse {name}"], defaults(getattr(nn.dialects.norse, name))
        assert list(wanted) == list(own)
        for field, value in wanted.items():
            value = value[0] if isinstance(value, list) else value
            assert own[field] == value or own[field] == pytest.approx(value, rel=1e-6)


# ---- rows of their own ----

NOTHING = {
    "pysnn": ["Conv2d", "MaxPool"],
    "SpikingJelly": [
        "PSN", "MaskedPSN", "SlidingPSN", "ComplementaryLIFNode", "RAFNode", "MPBNLIFNode", "TernaryIFNode", "ILIFNode",
        "STBIFNode", "DSRIFNode", "OTTTLIFNode", "SLTTLIFNode",
    ],
    "Norse": [
        "IzhikevichRecurrent", "LSNNRecurrent", "LIFExRecurrent", "LIFAdExCell", "CobaLIFCell",
        "LIFMCRecurrentCell", "LIFCorrelation", "LIFRefracCell",
    ],
    "snnTorch": ["DeltaLeaky", "LeakyParallel", "AssociativeLeaky", "SLSTM", "SConv2dLSTM"],
}  # fmt: skip


def test_what_is_nothing_here_is_not_here():
    """When one of these is built, its row must change."""
    for homes, names in (
        ([traced], NOTHING["pysnn"]),
        ([nn, nn.dialects.spikingjelly], NOTHING["SpikingJelly"]),
        ([nn.dialects.norse], NOTHING["Norse"]),
        ([nn.dialects.snntorch], NOTHING["snnTorch"]),
    ):
        assert not [name for home in homes for name in names if hasattr(home, name)]
    told = {bare(s).split(".")[-1] for t in TABLES.values() for r in t for s in spans(r.theirs)}
    assert {n for names in NOTHING.values() for n in names} - {"MaxPool"} <= told


def test_state_of_trace_neurons_is_copied():
    """thresh is a buffer; assigning copies values of the same shape."""
    import numpy as np

    neuron = traced.LIFNeuron((2, 3), 0.5, 0.0, 1.0, 1.0, 1.0, 2.0, 0.5, 0.5)
    given = np.full((2, 3), 0.25, np.float32)
    neuron.thresh = given
    given += 1
    assert (neuron.thresh.numpy() == 0.25).all() and "thresh" in dict(neuron.named_buffers())
    with pytest.raises(ValueError, match="thresh"):
        neuron.thresh = np.ones((4, 3), np.float32)
