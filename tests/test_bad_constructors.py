"""Every constructor of layers, nodes, encoders and surrogates: whatever comes, the error is ours and not Python's."""

import inspect
import traceback

import numpy as np
import pytest

from grilly_vk import encode, nn, surrogate
from grilly_vk.nn import traced
from grilly_vk.nn.spiking import published

GIVEN = {  # what is needed at least, by the name of the argument
    "in_features": 3, "out_features": 2, "in_channels": 3, "out_channels": 2, "kernel_size": 1, "num_features": 3,
    "num_channels": 4, "num_groups": 2, "T": 4, "normalized_shape": 3, "num_embeddings": 3, "embedding_dim": 2,
    "embed_dim": 8, "cells_shape": (2, 3), "dt": 1.0, "alpha_t": 1.0, "tau_t": 0.9, "tau_v": 0.9, "thresh": 1.0,
    "v_rest": 0.0, "alpha_v": 1.0, "duration_refrac": 1.0, "alpha_thresh": 0.5, "tau_thresh": 0.9, "K": 4, "delay": 1,
    "hidden_shape": (3,), "layer_shape": (3,), "num_classes": 2, "window_shape": 2, "strides": 2, "padding": "VALID",
    "height": 2, "width": 2, "C": 3, "output_size": 2, "input_size": 3, "hidden_size": 2, "sizes": (3, 2),
    "spikes": np.ones((2, 3)), "hidden_features": 4, "num_layers": 1, "num_heads": 2,
    "derivative": "exp(-x * x)", "data": [1.0],
}  # fmt: skip
MORE = {  # defaults that don't fit, and arguments that *args or **options hide
    "ZeroPad2d": {"padding": 1}, "Upsample": {"scale_factor": 2}, "DelaySynapse": {"max_delay": 2},
    "RateRegularization": {"target": 0.1}, "MultiDimensionalAttention": {"reduction_t": 2, "reduction_c": 2},
    **{n: {"num_heads": 2} for n in dir(nn) if n.endswith("Attention") and "Mul" not in n and "Tem" not in n},
    "SpikingTransformerBlock": {"num_heads": 2}, "Sequential": {}, "ModuleList": {"modules": ()},
    "ElementWiseRecurrentContainer": {"sub_module": nn.IFNode(), "element_wise_function": max},
    "LinearRecurrentContainer": {"sub_module": nn.IFNode()}, "Synapse": {"connection": nn.Linear(3, 3)},
    "LateResetNode": {"beta": 0.9}, "AlphaNode": {"alpha": 0.9, "beta": 0.5},
    "RecurrentSynapse": {"node": nn.IFNode(), "connection": nn.Linear(3, 3)},
    **{
        n: {"v_threshold": 1.0, "v_reset": 0.0, "surrogate_function": None, "detach_reset": False, "step_mode": "s",
            "store_v_seq": False, "memory": "fast"}
        for n in dir(nn) if n.endswith("Node") and not n.startswith(("Non", "Gated", "Late", "Alpha", "Custom"))
        and n not in published.__all__
    },
    "CustomNode": {"model": nn.NeuronModel("mine", "h = v + x"), "v_threshold": 1.0, "v_reset": 0.0},
    **{n: {"step_mode": "s"} for n in published.__all__},
}  # fmt: skip
BAD = [
    "20", None, float("nan"), [1, "a"], object(), 10**400, -3, 0, True, 2.5, float("inf"), {}, np.ones((2, 2), complex),
]  # fmt: skip


def constructors():
    found = {}
    for place in (nn, encode, surrogate, traced):
        for kind in vars(place).values():
            made = isinstance(kind, type) and issubclass(kind, (nn.Module, surrogate.Surrogate))
            if made and kind.__module__.startswith("grilly_vk.") and kind.__name__ not in BASES:
                found[f"{kind.__module__.split('.', 1)[1]}.{kind.__name__}"] = kind
    return found


BASES = {
    "Module", "StatefulModule", "SpikingNode", "Core", "RecurrentCore", "ConvertedNetwork", "MultiStepContainer",
    "NonSpikingNode", "SeqToANNContainer", "LearningRule", "STDP", "OnlineSTDP", "MSTDPET", "FedeSTDP", "Network",
    "BaseConnection", "Surrogate", "_Scaled",
}  # fmt: skip


def arguments_of(kind):
    """What makes one, and the names of all arguments."""
    known = inspect.signature(kind).parameters
    names = {n: p for n, p in known.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    more = MORE.get(kind.__name__, {})
    base = {n: GIVEN[n] for n, p in names.items() if p.default is p.empty and n in GIVEN} | more
    return base, [*names, *(n for n in more if n not in names)]


@pytest.mark.parametrize("name", constructors())
def test_errors_are_ours(name):
    kind = constructors()[name]
    base, names = arguments_of(kind)
    kind(**base)
    for argument in names:
        for value in BAD:
            try:
                kind(**{**base, argument: value})
            except (TypeError, ValueError) as error:
                last = traceback.extract_tb(error.__traceback__)[-1]
                assert "/grilly_vk/" in last.filename, (argument, value, error)
                assert len(str(error)) < 300 and "\n" not in str(error), (argument, value, error)
                assert (last.line or "").strip().startswith("raise"), (argument, value, error, last.line)
