"""nn.dialects.snntorch against golden vectors of snnTorch, defaults included, made by tools/make_golden.py."""

import numpy as np
import pytest
from golden import load

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nn.dialects import snntorch

DATA, HEADER = load("dialects_snntorch")
CASES = HEADER["cases"]
RTOL = 3e-5  # of the largest value: float32 sums in another order
NAMES = {"beta": "beta", "alpha": "alpha", "threshold": "v_threshold", "graded_spikes_factor": "spike_factor"}


def close(name, got, want):
    np.testing.assert_allclose(got, want, RTOL, RTOL * np.abs(want).max(), err_msg=name)


def build(case, **more):
    """Our layer of a case."""
    arguments = dict(case["arguments"])
    if "spike_grad" in arguments:
        kind, options = arguments["spike_grad"]
        arguments["spike_grad"] = getattr(snntorch, kind)(**options)
    return getattr(snntorch, case["function"])(**arguments, **more)


def ours(name):
    """Our name of snnTorch's parameter: of the node, or of the connection."""
    recurrent = name.startswith("recurrent.") or name == "V"
    return f"connection.{name.removeprefix('recurrent.')}" if recurrent else NAMES[name]


def parameter(module, name):
    found = dict(module.named_parameters())
    return found.get(ours(name), found.get(f"sub_module.{ours(name)}"))


def called(module, x, detach, way):
    """Spikes and potentials, of all steps at once or step by step."""
    node = getattr(module, "node", module)
    spikes, potentials = [], []
    half = len(x) // 2
    for start, stop in ((0, half), (half, len(x))) if detach else ((0, len(x)),):
        if start:
            F.detach_net(module)
        if way == "m":
            spikes.append(module(x[start:stop]))
            potentials.append(module.v_seq)
        else:
            rows = [(module(x[t]), node.v) for t in range(start, stop)]
            for kept, part in zip((spikes, potentials), zip(*rows)):
                kept.append(grilly_vk.stack(part))
    return grilly_vk.cat(spikes), grilly_vk.cat(potentials)


def compare(i, way, **more):
    case = CASES[i]
    own = {k.split(".", 1)[1]: v for k, v in DATA.items() if k.startswith(f"{i}.")}
    module = build(case, step_mode=way, **more)
    names = [k[2:] for k in own if k.startswith("p.")]
    assert len(names) == len(list(module.parameters()))
    for name in names:
        parameter(module, name).detach().assign(own[f"p.{name}"])
    x = grilly_vk.tensor(own["x"], requires_grad=True)
    spikes, potentials = called(module, x, case.get("detach"), way)
    if "graded_spikes_factor" not in case["arguments"]:
        np.testing.assert_array_equal(spikes.numpy(), own["out"], "spikes")
    close("output", spikes.numpy(), own["out"])
    close("potentials", potentials.numpy(), own["v"])
    if case.get("exact"):
        np.testing.assert_array_equal(potentials.numpy(), own["v"])
    ((spikes * own["co"]).sum() + (potentials * own["cv"]).sum()).backward()
    close("gradient of x", x.grad.numpy(), own["grad_x"])
    for name in names:
        if f"g.{name}" in own:
            close(f"gradient of {name}", parameter(module, name).grad.numpy(), own[f"g.{name}"])
        else:
            assert parameter(module, name).grad is None
    return module


@pytest.mark.parametrize("i", range(len(CASES)), ids=[f"{c['function']}-{i}" for i, c in enumerate(CASES)])
def test_equals_snntorch(i):
    """Spikes, potentials before the reset and all gradients, of all steps at once."""
    compare(i, "m")


@pytest.mark.parametrize("i", [i for i, c in enumerate(CASES) if c.get("detach")])
def test_single_steps_equal_snntorch(i):
    """The same, a call a step; and with the potentials computed again on the way back."""
    compare(i, "s")
