"""nn.dialects.norse against golden vectors of Norse, defaults included, made by tools/make_golden.py."""

import copy

import numpy as np
import pytest
from coming_from import constructors
from golden import close, load, of_case

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nn.dialects import norse

DATA, HEADER = load("dialects_norse")
CASES = HEADER["cases"]
WEIGHTS = {"0.weight": "input_weights", "2.connection.weight": "recurrent_weights"}


def build(case):
    """Our module of a case."""
    kind = case["class"].removesuffix("Cell").replace("Recurrent", "").replace("Linear", "") + "Parameters"
    more = {"p": getattr(norse, kind)(**case["p"])} if case["p"] else {}
    return getattr(norse, case["class"])(**more, **case["arguments"])


def last_potential(module):
    """v of the part that has one."""
    return next(m for m in reversed(list(module.modules())) if "v" in getattr(m, "_memories", ())).v


def compare(module, i):
    """Spikes, the last potential and all gradients, as it is called there and the other way; again after a reset."""
    own = of_case(DATA, i)
    weights = {n: (p, WEIGHTS[n]) for n, p in module.named_parameters()}
    for parameter, name in weights.values():
        parameter.detach().assign(own[f"p.{name}"])
    kind = CASES[i]["class"]
    for way in "sm" if kind.endswith("Cell") else "ms":
        F.set_step_mode(module, way)
        F.reset_net(module)
        module.zero_grad()
        x = grilly_vk.tensor(own["x"], requires_grad=True)
        out = module(x) if way == "m" else grilly_vk.stack([module(row) for row in x])
        v = last_potential(module)
        if not kind.startswith("LI") or kind.startswith("LIF"):
            np.testing.assert_array_equal(out.numpy(), own["out"], f"spikes, {way}")
        close(f"output, {way}", out.numpy(), own["out"])
        close(f"potential, {way}", v.numpy(), own["v"])
        n = out.shape[-1]
        loss = (out * grilly_vk.tensor(own["co"][..., :n].copy())).sum()
        (loss + (v * grilly_vk.tensor(own["cv"][..., :n].copy())).sum()).backward()
        close(f"gradient of x, {way}", x.grad.numpy(), own["grad_x"])
        for parameter, name in weights.values():
            close(f"gradient of {name}, {way}", parameter.grad.numpy(), own[f"g.{name}"])


@pytest.mark.parametrize("i", range(len(CASES)), ids=[f"{c['class']}-{i}" for i, c in enumerate(CASES)])
def test_equals_norse(i):
    compare(build(CASES[i]), i)


def test_explicit_constructors_of_the_page():
    """What docs/coming_from.md writes beside Norse's neurons with its defaults."""
    found = [(a, b) for a, b in constructors("Norse") if a.endswith("()")]
    assert len(found) == 2
    for theirs, ours in found:
        i = next(k for k, c in enumerate(CASES) if c["class"].removesuffix("Cell") == theirs[:-2].removesuffix("Cell"))
        assert not CASES[i]["p"]
        compare(eval(ours, {"nn": nn}), i)


def test_methods_have_norses_derivatives():
    """Whose "super" makes no use of alpha."""
    for (method, alpha), want in zip(HEADER["methods"], DATA["slopes"]):
        node = norse.IAFCell(norse.IAFParameters(method=method, alpha=alpha))
        close(f"{method} {alpha}", node.surrogate_function.derivative(DATA["grid"]).numpy(), want)


@pytest.mark.parametrize("name", HEADER["behaviours"])
def test_behaviours_equal_norse(name):
    """Of Izhikevich's neuron: spikes, the last state and gradients, whichever way it is run."""
    own = {k.removeprefix(f"{name}."): v for k, v in DATA.items() if k.startswith(f"{name}.")}
    twice = {k: np.concatenate([v, v], -2) for k, v in own.items()}  # the kernel for four neurons at a time
    for make, memory, want in (
        (norse.Izhikevich, "fast", own), (norse.IzhikevichCell, "fast", own), (norse.Izhikevich, "low", twice),
    ):  # fmt: skip
        node = copy.deepcopy(make(getattr(norse, name)))
        node.memory = memory
        x = grilly_vk.tensor(want["x"], requires_grad=True)
        if node.step_mode == "s":
            out = grilly_vk.stack([node(row) for row in x])
        else:
            out = grilly_vk.cat([node(x[:7]), node(x[7:])])
        np.testing.assert_array_equal(out.numpy(), want["out"])
        np.testing.assert_allclose(node.v.numpy(), want["v"], 1e-3, 1e-3)
        np.testing.assert_allclose(node.u.numpy(), want["u"], 1e-3, 1e-3)
        loss = (out * grilly_vk.tensor(want["co"])).sum() + (node.v * grilly_vk.tensor(want["cv"])).sum()
        (loss + node.u.sum()).backward()
        np.testing.assert_allclose(x.grad.numpy(), want["grad_x"], 1e-3, 1e-3 * np.abs(want["grad_x"]).max())


def test_behaviours_have_norses_numbers():
    for name, (p, s) in load("rows")[1]["behaviours"].items():
        own = getattr(norse, name)
        assert list(own.p) == p and list(own.s) == pytest.approx(s), name
    made = norse.create_izhikevich_spiking_behavior(0.02, 0.2, -65, 6, -70, -70)
    assert made.p == norse.tonic_spiking.p and made.s == pytest.approx(norse.tonic_spiking.s)


def test_settings_of_izhikevichs_neuron():
    """Assigned later they act as given at first; it starts where the behaviour says, also after a reset."""
    x = np.full((80, 1, 3), 20.0, np.float32)
    changed = norse.Izhikevich(norse.tonic_spiking)
    before = changed(x).numpy().sum()
    F.reset_net(changed)
    assert (changed.v, changed.u) == (-70.0, -14.0)
    for name in ("a", "b", "d", "sq", "mn", "bias", "k", "v_reset"):
        setattr(changed, name, getattr(changed, name) * 1.01)
    p = norse.tonic_spiking.p
    scaled = {n: getattr(p, n) * 1.01 for n in ("a", "b", "c", "d", "sq", "mn", "bias", "tau_inv")}
    given = norse.Izhikevich(norse.IzhikevichSpikingBehavior(p._replace(**scaled), norse.tonic_spiking.s))
    assert changed.v == given.v == -70.0 and repr(changed) == repr(given)
    spikes = given(x).numpy()
    np.testing.assert_array_equal(changed(x).numpy(), spikes)
    assert before > 3 and spikes.sum() > 3
    with pytest.raises(ValueError, match="refractory steps are not for"):
        changed.refractory = 2


def test_every_function_has_a_case():
    """And every one is tested with the defaults, as a cell or over time."""
    apart = ("Parameters", "State", "Behavior")
    own = {n for n in norse.__all__ if n[0].isupper() and not n.endswith(apart) and "Izhikevich" not in n}
    assert own == {c["class"] for c in CASES}
    plain = {c["class"].removesuffix("Cell") for c in CASES if not c["p"] and "dt" not in c["arguments"]}
    assert plain == {n.removesuffix("Cell") for n in own}


@pytest.mark.parametrize("make", [norse.IAFCell, norse.LIFBoxCell, norse.LIFCell, norse.LSNN, norse.LIFRecurrentCell])
def test_a_spike_needs_more_than_the_threshold(make):
    """Inputs that take every potential exactly to it: silence; and a little more: spikes."""
    sizes = {"input_size": 2, "hidden_size": 2, "input_weights": np.eye(2)} if make is norse.LIFRecurrentCell else {}
    whole = norse.LIFParameters(tau_mem_inv=1000.0, tau_syn_inv=1000.0)  # v = i = x
    kinds = {norse.LIFBoxCell: norse.LIFBoxParameters(1000.0), norse.LSNN: norse.LSNNParameters(1000.0, 1000.0)}
    kinds |= {norse.LIFCell: whole, norse.LIFRecurrentCell: whole}
    module = make(p=kinds.get(make, norse.IAFParameters()), **sizes)
    F.set_step_mode(module, "m")
    for x, want in ((1.0, 0.0), (np.nextafter(np.float32(1), np.float32(2)), 2.0)):
        F.reset_net(module)
        spikes = module(np.array([[[x, x]], [[0.0, 0.0]]], np.float32))
        assert spikes.numpy().sum() == want


def test_refractory_spikes():
    """Those of LIFRefracCell(), whose gradients are not ours: they flow through its counter."""
    node = norse.LIF()
    node.refractory = 5
    assert DATA["refractory.out"].sum() > 15
    np.testing.assert_array_equal(node(DATA["refractory.x"]).numpy(), DATA["refractory.out"])


def test_autapses():
    """The diagonal starts at 0 and gets no gradient, in copies either; with autapses it is as the rest."""
    arriving = np.full((4, 3), 0.4)
    made = norse.LIFRecurrent(3, 4, input_weights=arriving)
    frozen = norse.LIFRecurrent(3, 4, input_weights=arriving)
    frozen[2].connection.weight.requires_grad = False
    thawed = copy.deepcopy(frozen)
    thawed[2].connection.weight.requires_grad = True
    for module in (made, copy.deepcopy(made), thawed):
        module(np.full((6, 2, 3), 3.0, np.float32)).sum().backward()
        weight = module[2].connection.weight
        assert (np.diag(weight.numpy()) == 0).all() and (np.diag(weight.grad.numpy()) == 0).all()
        assert np.count_nonzero(weight.grad.numpy()) > 6
    whole = norse.LIFRecurrentCell(3, 4, recurrent_weights=np.ones((4, 4)), autapses=True)
    assert whole[2].connection.weight.numpy().sum() == 16
    assert set(whole.state_dict()) == {"0.weight", "2.connection.weight"}


def test_parameters_of_other_libraries():
    """Anything with these fields, and 0-d arrays, will do; the defaults are left alone."""

    class Theirs:
        tau_syn_inv, tau_mem_inv, v_leak = np.array(200.0, np.float32), grilly_vk.tensor(50.0), np.float32(0)
        v_th, v_reset, method, alpha = 0.5, 0, "super", 100

    node = norse.LIF(Theirs())
    assert (node.tau, node.tau_syn, node.v_threshold) == (pytest.approx(20.0), pytest.approx(5.0), 0.5)
    assert norse.LIFParameters() == (200.0, 100.0, 0.0, 1.0, 0.0, "super", 100.0)


def test_weights_start_as_norses():
    """Normal, with its deviations; given ones are copied; a time constant of one step may be a rounding below."""
    grilly_vk.manual_seed(0)
    made = norse.LIFRecurrent(200, 300, autapses=True)
    readout, both = norse.LILinearCell(200, 300)[0], (2 / 300) ** 0.5
    for layer, want in ((made[0], both), (made[2].connection, both), (readout, 200**-0.5)):
        assert layer.weight.numpy().std() == pytest.approx(want, rel=0.02)
    given = grilly_vk.tensor(np.ones((4, 4), np.float32))
    assert norse.LIFRecurrent(3, 4, recurrent_weights=given)[2].connection.weight.numpy().sum() == 12
    assert given.numpy().sum() == 16
    inverse = 333.3333333333334  # times dt it is a bit more than 1
    assert inverse * 0.003 > 1 and norse.LIFBoxCell(norse.LIFBoxParameters(inverse), 0.003).tau == 1.0


BAD = [
    (lambda: norse.LIF(dt=0.02), "p.tau_mem_inv times dt must be above 0 and at most 1"),
    (lambda: norse.LIFCell(norse.LIFParameters(tau_syn_inv=-1.0)), "p.tau_syn_inv times dt must be above 0"),
    (lambda: norse.LIFCell(norse.LIFParameters(v_th="high")), "p.v_th must be a number, not str"),
    (lambda: norse.LIFCell(norse.LIFParameters(method="adjoint")), "p.method must be"),
    (lambda: norse.LIFCell(3.0), "p must be LIFParameters"),
    (lambda: norse.LIFBoxCell(norse.LIFBoxParameters(reset_method=max)), "p.reset_method must be"),
    (lambda: norse.LI(norse.LIParameters(v_leak=0.5)), "p.v_leak must be 0"),
    (lambda: norse.LSNN(norse.LSNNParameters(tau_adapt_inv=1000.0)), "p.tau_adapt_inv times dt must be below 1"),
    (lambda: norse.IAF(dt=0.0), "dt must be"),
    (lambda: norse.LIFRecurrent(3, 4, recurrent_weights=np.ones((3, 3))), "recurrent_weights has shape (3, 3); exp"),
    (lambda: norse.LIFRecurrent(3, 4, input_weights=np.ones((3, 4))), "input_weights has shape (3, 4); expected (4,"),
    (lambda: norse.LIFRecurrent(0, 4), "input_size must be at least 1"),
    (lambda: norse.LIFCell(norse.LIFParameters), "p must be LIFParameters(...), not the class LIFParameters itself"),
    (lambda: norse.Izhikevich(norse.tonic_spiking.p), "spiking_method must be a behaviour such as"),
    (lambda: norse.Izhikevich(norse.IzhikevichSpikingBehavior(3, 4)), "spiking_method.p must be IzhikevichParameters"),
]


@pytest.mark.parametrize("call, text", BAD)
def test_bad_arguments(call, text):
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert text in str(caught.value) and len(str(caught.value)) < 300
