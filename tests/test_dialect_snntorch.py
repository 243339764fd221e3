"""nn.dialects.snntorch against golden vectors of snnTorch, defaults included, made by tools/make_golden.py."""

import ast
import inspect

import numpy as np
import pytest
from coming_from import PAGE, constructors
from golden import close, load, of_case

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nn.dialects import snntorch

DATA, HEADER = load("dialects_snntorch")
CASES = HEADER["cases"]
NAMES = {"beta": "beta", "alpha": "alpha", "threshold": "v_threshold", "graded_spikes_factor": "spike_factor"}


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


def compare(i, way, module=None):
    """A case in a step mode: of the dialect, or of a module that should be the same."""
    case = CASES[i]
    own = of_case(DATA, i)
    module = build(case, step_mode=way) if module is None else module
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
    """The same, a call per step; and with the potentials computed again on the way back."""
    compare(i, "s")


def test_the_file_covers_what_it_should():
    """Every function, with each reset mechanism that it has, and potentials that lie exactly at the threshold."""
    functions = set(snntorch.__all__) - {"RecurrentOneToOne", "atan", "fast_sigmoid", "sigmoid"}
    found = {(c["function"], c["arguments"].get("reset_mechanism")) for c in CASES}
    assert {name for name, _ in found} == functions
    for name in functions - {"StateLeaky"}:
        default = inspect.signature(getattr(snntorch, name)).parameters["reset_mechanism"].default
        assert {kind or default for own, kind in found if own == name} == {"subtract", "zero", "none"}, name
    for i, case in enumerate(CASES):
        if case.get("exact"):
            at = DATA[f"{i}.v"] == 1.0
            assert at.sum() >= 5
            if case["arguments"].get("reset_delay", True):  # [mem > threshold], not [mem >= threshold]
                assert not DATA[f"{i}.out"][at].any()
    assert "snntorch" in HEADER["versions"]


def test_surrogate_derivatives_equal_snntorchs():
    for (name, arguments), want in zip(HEADER["surrogates"], DATA["slopes"]):
        got = getattr(snntorch, name)(**arguments).derivative(grilly_vk.tensor(DATA["grid"])).numpy()
        close(f"{name} {arguments}", got, want)


@pytest.mark.parametrize("explicit", [False, True])
def test_a_training_with_a_membrane_loss_has_snntorchs_losses(explicit):
    """20 steps of SGD from the same weights, tutorial 5's loss, by the dialect and by the constructor."""
    own = of_case(DATA, "training")
    first, second = (nn.Linear(*own[f"w{i}"].shape[::-1]) for i in (0, 2))
    if explicit:
        lifs = [
            nn.LateResetNode(
                beta=0.9, v_threshold=1.0, reset_mechanism="subtract", surrogate_function=nn.ATan(alpha=2.0),
                step_mode="m", store_v_seq="before",
            )
            for _ in range(2)
        ]  # fmt: skip
    else:
        lifs = [snntorch.Leaky(beta=0.9) for _ in range(2)]
    for i, parameter in enumerate((*first.parameters(), *second.parameters())):
        parameter.detach().assign(own[f"w{i}"])
    net = nn.Sequential(first, lifs[0], second, lifs[1])
    F.set_step_mode(net, "m")
    optimizer = grilly_vk.optim.SGD(net.parameters(), lr=HEADER["training"]["lr"])
    losses = []
    for _ in range(20):
        F.reset_net(net)
        net(own["x"])
        loss = 0.0
        for mem in lifs[1].v_seq:
            loss = loss + F.cross_entropy(mem, own["y"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, own["losses"], rtol=1e-4)
    assert losses[-1] < 0.8 * losses[0]


def test_bad_arguments():
    for wrong, error, text in (
        (lambda: snntorch.Leaky(0.9, init_hidden=False), ValueError, "init_hidden must be True: the node has its s"),
        (lambda: snntorch.Leaky(0.9, output=True), ValueError, "output must be False: .* node.v_seq is the mem"),
        (lambda: snntorch.Leaky(0.9, reset_mechanism="blank"), ValueError, "reset_mechanism must be one of 'subtract'"),
        (lambda: snntorch.Leaky(0.9, learn_threshold=1), TypeError, "learn_threshold must be True or False"),
        (lambda: snntorch.Leaky(0.9, spike_grad=np.tanh), TypeError, "surrogate_function must be a Surrogate"),
        (lambda: snntorch.Synaptic(None, 0.9), TypeError, "alpha must be a number, not NoneType"),
        (lambda: snntorch.Alpha(0.5, 0.9), ValueError, "alpha must be above beta"),
        (lambda: snntorch.Lapicque(), ValueError, "needs beta, or R and C, or beta and one of them; got none"),
        (lambda: snntorch.Lapicque(0.9, 1.0, 1.0), ValueError, "got beta, R, C"),
        (lambda: snntorch.Lapicque(1.0), ValueError, "beta must lie between 0 and 1"),
        (lambda: snntorch.Lapicque(R=0.5, C=1.0), ValueError, "time_step must be at most R C"),
        (lambda: snntorch.RLeaky(0.9), ValueError, "all_to_all=True needs linear_features, or else both"),
        (lambda: snntorch.RLeaky(0.9, linear_features=3, kernel_size=3), ValueError, "needs linear_features, or else"),
        (lambda: snntorch.RLeaky(0.9, all_to_all=False, linear_features=3), ValueError, "has the weight V"),
        (lambda: snntorch.RLeaky(0.9, conv2d_channels=3), ValueError, "needs linear_features, or else both"),
        (lambda: snntorch.RLeaky(0.9, V="1", linear_features=3), TypeError, "V must be a number"),
        (lambda: snntorch.RSynaptic(0.9, 0.8, linear_features=0), ValueError, "linear_features must be"),
        (lambda: snntorch.fast_sigmoid(0), ValueError, "slope must be positive"),
    ):
        with pytest.raises(error, match=text) as caught:
            wrong()
        assert len(str(caught.value)) < 300


def test_lapicque_by_beta():
    """beta is exp(-time_step / (R C)), R is 1 alone, and False stands for None; potentials lose time_step / (R C)."""
    rate = -np.log(0.9)
    for given, gain in (({}, rate), ({"R": False, "C": False}, rate), ({"R": 5.0}, 5 * rate), ({"C": 2.0}, 0.5 / 2.0)):
        node = snntorch.Lapicque(0.9, time_step=0.5, **given)
        assert (node.beta, node.gain) == (pytest.approx(1 - rate), pytest.approx(gain)), given


def test_connections():
    """Weights that do not train are frozen, or a buffer, and saved; a convolution with sides of its own keeps sizes."""
    for made in (
        snntorch.RLeaky(0.9, linear_features=3, learn_recurrent=False),
        snntorch.RSynaptic(0.9, 0.8, conv2d_channels=1, kernel_size=(3, 5), learn_recurrent=False),
    ):
        assert not any(p.requires_grad for p in made.connection.parameters())
    assert made(np.ones((2, 1, 1, 6, 7), np.float32)).shape == (2, 1, 1, 6, 7)
    alone = snntorch.RLeaky(0.9, [0.4, 0.5], all_to_all=False, learn_recurrent=False)
    assert not list(alone.parameters()) and [k.split(".")[-1] for k in alone.state_dict()] == ["V"]


def test_explicit_constructors_of_the_page():
    """What docs/coming_from.md writes beside snnTorch's calls, with every argument: the same golden vectors."""
    found = [(a, b) for a, b in constructors("snnTorch") if a.startswith("snn.") and "dialects" not in b]
    assert len(found) == 10
    for theirs, ours in found:
        call = ast.parse(theirs.removeprefix("snn."), mode="eval").body
        given = {k.arg: ast.literal_eval(k.value) for k in call.keywords}
        i = next(k for k, c in enumerate(CASES) if (c["function"], c["arguments"]) == (call.func.id, given))
        compare(i, "m", eval(ours, {"nn": nn}))


# Arguments of snnTorch that are not here; docs/coming_from.md says why.
ABSENT = {"surrogate_disable", "inhibition", "state_quant"}
OWN = {
    "Alpha": {"learn_alpha"}, "Lapicque": {"learn_beta"}, "RSynaptic": {"reset_delay"},
    "StateLeaky": {"learn_beta", "kernel_truncation_steps", "channels", "output"},
}  # fmt: skip


def test_names_and_defaults_are_snntorchs():
    """All arguments in its order with its defaults; the state is in the node, and what is not here is on the page."""
    told = PAGE.read_text()
    for name, theirs in HEADER["signatures"].items():
        ours = inspect.signature(getattr(snntorch, name)).parameters
        missing = ABSENT | OWN.get(name, set())
        assert set(theirs) - set(ours) == missing & set(theirs), name
        assert set(ours) - set(theirs) == {"step_mode"} and ours["step_mode"].default == "m", name
        assert [n for n in theirs if n in ours] == [n for n in ours if n in theirs], name
        for argument in set(theirs) & set(ours):
            default, wanted = ours[argument].default, theirs[argument]
            if argument == "init_hidden":
                assert default is True
            elif wanted == "required":
                assert default is inspect.Parameter.empty
            elif wanted is False and default is None:
                assert (name, argument) in {("Lapicque", n) for n in ("beta", "R", "C")}
            else:
                assert default == wanted, f"{name}: {argument}"
        for argument in missing:
            assert f"`{argument}" in told, argument


def test_without_delay_a_soft_reset_is_a_lif_nodes():
    """As long as one reset takes the potential below the threshold."""
    x = np.abs(np.random.default_rng(5).normal(0, 0.5, (20, 3, 4))).astype(np.float32).clip(0, 0.9)
    ours, lif = snntorch.Leaky(beta=0.9, reset_delay=False), nn.LIFNode(10.0, False, v_reset=None, strict=True)
    lif.step_mode = "m"
    got = []
    for node in (ours, lif):
        leaf = grilly_vk.tensor(x, requires_grad=True)
        s = node(leaf)
        (s * x).sum().backward()
        got.append((s.numpy(), node.v.numpy(), leaf.grad.numpy()))
    np.testing.assert_array_equal(got[0][0], got[1][0])
    assert got[0][0].mean() > 0.1
    for a, b in zip(got[0][1:], got[1][1:]):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_your_own_state():
    """spk, mem = lif(x, mem), with gradients through mem."""
    own = of_case(DATA, 0)
    node = snntorch.Leaky(beta=0.9, step_mode="s")
    x, mem, loss = grilly_vk.tensor(own["x"], requires_grad=True), 0.0, 0.0
    for t in range(len(x)):
        node.v = mem
        spk = node(x[t])
        mem = node.v
        loss = loss + (spk * own["co"][t]).sum() + (mem * own["cv"][t]).sum()
        F.reset_net(node)
    loss.backward()
    close("gradient of x", x.grad.numpy(), own["grad_x"])
