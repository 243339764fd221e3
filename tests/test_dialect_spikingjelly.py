"""nn.dialects.spikingjelly against golden vectors of SpikingJelly, defaults included, made by tools/make_golden.py."""

import copy

import numpy as np
import pytest
from coming_from import constructors
from golden import close, load, of_case

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nn.dialects import spikingjelly

DATA, HEADER = load("dialects_spikingjelly")
CASES = HEADER["cases"]


def build(case):
    """Our module of a case."""
    arguments = dict(case["arguments"])
    if "act" in arguments:
        arguments["act"] = {"relu": nn.ReLU(), "sigmoid": lambda x: x.sigmoid()}[arguments["act"]]
    if "surrogate_function" in arguments:
        kind, options = arguments["surrogate_function"]
        arguments["surrogate_function"] = getattr(spikingjelly, kind)(**options)
    return getattr(spikingjelly, case["class"])(**arguments)


def called(module, x, way):
    """What comes out, and the potentials: of all steps at once, or step by step."""
    if not hasattr(module, "store_v_seq"):
        return module(x), module.v.reshape(1, *module.v.shape)
    module.step_mode = way
    if way == "s":
        rows = [(module(row), module.v) for row in x]
    elif module.store_v_seq == "before":  # LIAFNode, which has no potentials after the reset but the last
        rows = [(module(x[t : t + 1])[0], module.v) for t in range(len(x))]
    else:
        module.store_v_seq = True
        return module(x), module.v_seq
    return tuple(grilly_vk.stack(part) for part in zip(*rows))


def compare(module, i):
    """Spikes, potentials and all gradients, of all steps at once and of single steps; again after a reset."""
    own = of_case(DATA, i)
    for name, parameter in module.named_parameters():
        if CASES[i]["class"] == "GatedLIFNode":  # drawn at random
            parameter.detach().assign(own[f"p.{name}"])
        close(name, parameter.numpy(), own[f"p.{name}"])
    for way in "ms":
        F.reset_net(module)
        module.zero_grad()
        x = grilly_vk.tensor(own["x"], requires_grad=True)
        out, v = called(module, x, way)
        if not CASES[i]["class"].startswith(("NonSpiking", "LIAF")):
            np.testing.assert_array_equal(out.numpy(), own["out"], f"spikes, {way}")
        close(f"output, {way}", out.numpy(), own["out"])
        loss = (out * grilly_vk.tensor(own["co"] if out.ndim == 3 else own["co"][0])).sum()
        if "v" in own:
            close(f"potentials, {way}", v.numpy(), own["v"])
            loss = loss + (v * grilly_vk.tensor(own["cv"][: len(own["v"])])).sum()
        loss.backward()
        close(f"gradient of x, {way}", x.grad.numpy(), own["grad_x"])
        for name, parameter in module.named_parameters():
            close(f"gradient of {name}, {way}", parameter.grad.numpy(), own[f"g.{name}"])
        if not hasattr(module, "store_v_seq"):
            break


@pytest.mark.parametrize("i", range(len(CASES)), ids=[f"{c['class']}-{i}" for i, c in enumerate(CASES)])
def test_equals_spikingjelly(i):
    compare(build(CASES[i]), i)


def test_explicit_constructors_of_the_page():
    """What docs/coming_from.md writes beside SpikingJelly's neurons with its defaults."""
    found = [(a, b) for a, b in constructors("SpikingJelly") if a.startswith("neuron.")]
    assert len(found) == 8
    for theirs, ours in found:
        name = theirs.removeprefix("neuron.").removesuffix("()")
        i = next(k for k, case in enumerate(CASES) if case["class"] == name and not case["arguments"])
        compare(eval(ours, {"nn": nn}), i)


def test_surrogates_equal_spikingjellys():
    for (name, arguments), want in zip(HEADER["surrogates"], DATA["slopes"]):
        got = getattr(spikingjelly, name)(**arguments).derivative(DATA["grid"]).numpy()
        close(f"{name} {arguments}", got, want)


def test_every_function_has_a_case():
    """And vice versa; the surrogates have theirs."""
    names = {c["class"] for c in CASES} | {name for name, _ in HEADER["surrogates"]}
    assert names == set(spikingjelly.__all__)
    assert {c["class"] for c in CASES if c["arguments"] in ({}, {"T": 10})} | {"NonSpikingLIFNode", "LIAFNode"} == {
        c["class"] for c in CASES
    }, "the defaults are not tested"


def test_what_can_not_be_reached_is_refused():
    with pytest.raises(ValueError, match="scale_reset must be False, got True"):
        spikingjelly.KLIFNode(scale_reset=True)
    for name in ("c_decay", "v_decay"):
        for bad in (1.0, -0.1):
            with pytest.raises(ValueError, match=f"{name} must be at least 0 and below 1, got {bad:g}"):
                spikingjelly.CUBALIFNode(**{name: bad})
    with pytest.raises(ValueError, match="v_threshold"):
        spikingjelly.HalfThresholdIFNode(0.0)


def test_liaf():
    """What act must be, settings that are assigned later, a container, and no other v_seq."""
    for bad, error, text in (
        ({"act": 3}, TypeError, "act must be a function"), ({"store_v_seq": True}, ValueError, "store_v_seq must be"),
        ({"threshold_related": 1}, TypeError, "threshold_related must be"),
        ({"act": nn.IFNode()}, TypeError, "act must be a function without a state"),
    ):  # fmt: skip
        with pytest.raises(error, match=text):
            spikingjelly.LIAFNode(**{"act": nn.ReLU(), "threshold_related": False, **bad})
    node = spikingjelly.LIAFNode(lambda x: x[0], False)
    with pytest.raises(ValueError, match=r"act must give a Tensor of shape \(2, 3\), .* not shape \(3,\)"):
        node(np.ones((2, 3), np.float32))
    with pytest.raises(ValueError, match="store_v_seq must be 'before'"):
        node.store_v_seq = False
    x = np.random.default_rng(0).normal(1.0, 1.0, (5, 2, 3)).astype(np.float32)
    late = spikingjelly.LIAFNode(nn.ReLU(), False, v_threshold=0.5)
    late.threshold_related, late.v_threshold = True, 0.8
    wanted = spikingjelly.LIAFNode(nn.ReLU(), True, v_threshold=0.8, step_mode="m")(x).numpy()
    np.testing.assert_array_equal(nn.MultiStepContainer(copy.deepcopy(late))(x).numpy(), wanted)
    F.set_step_mode(net := nn.Sequential(nn.Identity(), nn.BatchNorm1d(3), late).eval(), "m")
    assert (net(x).numpy() > 0).any() and (wanted > 0).any()
    with grilly_vk.monitor.SpikeMonitor(nn.Sequential(late, nn.IFNode())) as spikes:
        assert spikes.names == ("1",) and "threshold_related=True" in repr(late)  # its output is no spikes


def test_nodes_stay_nodes():
    """They are our classes: settings may be assigned later, and a copy starts where the node does."""
    node = spikingjelly.HalfThresholdIFNode(0.8)
    assert type(node) is grilly_vk.nn.IFNode and copy.deepcopy(node).v == node.v == 0.4
    node(np.ones((2, 3), np.float32))
    F.reset_net(node)
    assert node.v == 0.4
    node.step_mode = "m"
    assert node(np.full((1, 2, 3), 0.39, np.float32)).numpy().sum() == 0
    late = spikingjelly.CUBALIFNode(v_reset=-0.5)
    assert late.v == -0.5 and late.v_rest == 0.0
    late.v_reset = -0.25  # as there, where it starts stays
    assert late.v == -0.5 and copy.deepcopy(late).v == -0.5


def test_liaf_whose_act_is_a_layer():
    """It trains, is saved and sees one step, or all of them as one batch: channels are on the axis that they are on."""
    x = np.random.default_rng(1).normal(1.0, 1.0, (5, 2, 3, 4)).astype(np.float32)
    node = spikingjelly.LIAFNode(nn.Sequential(nn.PReLU(3, init=0.5)), True)
    F.set_step_mode(node, "m")
    assert list(node.state_dict()) == ["act.0.weight"] and not node.eval().act.training
    other = copy.deepcopy(node)
    other.load_state_dict({"act.0.weight": np.float32([0.1, 0.2, 0.3])})
    out, h = other(x).numpy(), other.v_seq.numpy() - 1.0
    np.testing.assert_allclose(out, np.where(h < 0, h * np.float32([[0.1], [0.2], [0.3]]), h), atol=1e-6)
    F.reset_net(other)
    F.set_step_mode(other, "s")
    np.testing.assert_array_equal(np.stack([other(step).numpy() for step in x]), out)
    node(x).sum().backward()
    np.testing.assert_allclose(node.act[0].weight.grad.numpy(), np.where(h < 0, h, 0).sum((0, 1, 3)), rtol=1e-5)
