"""RecurrentSynapse with all steps in one op: against float64 dual numbers, and against its parts step by step."""

import copy
import math

import core_reference as reference
import numpy as np
import pytest
from core_reference import Dual, pick
from test_nodes import MODELS, atan
from tuned import recurrence as take

import grilly_vk
import grilly_vk.functional as F
import grilly_vk.ops.recurrent_nodes as ops
from grilly_vk import nn

KINDS = ["if", "lif", "plif", "klif", "qif", "eif"]
WAYS = ["whole", "stepped", "hosted"]
SIZES = [(1, 1, 1), (6, 2, 5), (7, 2, 4), (5, 9, 8)]


def by_parts(net):
    """The same, so that the parts are called: it has a hook."""
    net.node.register_forward_hook(lambda *_: None)
    return net


def numbers(T, B, n, *, bias=True, synapse=True, seed=0):
    """Input, first states and weights; cotangents of the outputs and the last states."""
    rng = np.random.default_rng([seed, T, B, n])
    given = {
        "x": rng.normal(0.9, 1.2, (T, B, n)), "v": rng.uniform(-0.3, 0.6, (B, n)), "y": rng.random((B, n)),
        "weight": rng.normal(0, 1.5 / math.sqrt(n), (n, n)),
    }  # fmt: skip
    given |= {"f": rng.uniform(-0.5, 0.5, (B, n))} if synapse else {}
    given |= {"bias": rng.normal(0, 0.3, n)} if bias else {}
    cotangents = {"s": (T, B, n), "v": (B, n), "y": (B, n), "f": (B, n)}
    made = {k: rng.standard_normal(s).astype(np.float32) for k, s in cotangents.items()}
    return {k: v.astype(np.float32) for k, v in given.items()}, made


def built(node, given, learnable=False):
    n = given["x"].shape[-1]
    dynamics = nn.SynapseFilter(3.0, learnable=learnable) if "f" in given else None
    net = nn.RecurrentSynapse(node, nn.Linear(n, n, bias="bias" in given), dynamics, step_mode="m")
    net.connection.load_state_dict({k: given[k] for k in ("weight", "bias") if k in given})
    return net


def states_of(net):
    return {"v": net.node.v, "y": net.y} | ({} if net.dynamics is None else {"f": net.dynamics.y})


def ours(net, given, cotangents, first=True, run=None):
    """Outputs, last states and all gradients, from given first states."""
    leaves = {k: grilly_vk.tensor(given[k], requires_grad=True) for k in ("x", "v", "y", "f") if k in given}
    if first:
        net.node.v, net.y = leaves["v"], leaves["y"]
        if net.dynamics is not None:
            net.dynamics.y = leaves["f"]
    s = (run or net)(leaves["x"])
    last = states_of(net)
    loss = (s * grilly_vk.tensor(cotangents["s"])).sum()
    for key, value in last.items():
        loss = loss + (value * grilly_vk.tensor(cotangents[key])).sum()
    loss.backward()
    found = {"s": s, **{f"last {k}": t for k, t in last.items()}}
    found |= {f"grad {k}": t.grad for k, t in leaves.items() if first or k == "x"}
    found |= {f"grad {k}": p.grad for k, p in net.named_parameters()}
    return {k: t.numpy() for k, t in found.items()}


def theirs(net, formula, given, cotangents, reset=None):
    """The same in float64, with derivatives carried forward; `reset`: the potential after a spike, of that before."""
    node, learnt = net.node, dict(net.named_parameters())
    given = dict(given)
    own = next((k for k in learnt if k.startswith("sub_module.")), None)  # of the node
    for key, name in ((own, "w"), ("dynamics.tau_syn_logit", "logit")):
        if key in learnt:
            given[name] = learnt[key].numpy()
    made = dict(zip(given, reference.duals(*given.values())))
    shape = given["v"].shape
    v, y, f = made["v"], made["y"], made.get("f")
    w = reference.rows(made["w"], shape) if "w" in made else None
    decay = reference.rows(made["logit"].sigmoid(), shape) if "logit" in made else math.exp(-1 / 3)
    to_from = Dual(made["weight"].value.T, made["weight"].slope.swapaxes(1, 2))
    spikes = []
    for t in range(len(given["x"])):
        current = reference.product(y, to_from)
        if "bias" in made:
            current = current + reference.rows(made["bias"], shape)
        if f is not None:
            f = current = f * decay + current
        h, _, threshold, _ = formula(node, pick(made["x"], t) + current, v, None, w)
        assert np.abs(h.value - threshold).min() > 1e-5  # else float32 may spike where float64 does not
        s = (h - threshold).spike(atan)
        r = s.detach() if node.detach_reset else s
        if reset is not None:
            v = h + r * (reset(h) - h)
        else:
            v = h - r * threshold if node.v_reset is None else h * (1.0 - r) + r * node.v_reset
        y = s
        spikes.append(s)
    last = {"v": v, "y": y} | ({} if f is None else {"f": f})
    slope = sum((s.slope * c).sum((1, 2)) for s, c in zip(spikes, cotangents["s"]))
    slope = slope + sum((d.slope * cotangents[k]).sum((1, 2)) for k, d in last.items())
    found = {"s": np.stack([s.value for s in spikes]), **{f"last {k}": d.value for k, d in last.items()}}
    parts = np.split(slope, np.cumsum([np.size(a) for a in given.values()])[:-1])
    names = {"weight": "connection.weight", "bias": "connection.bias", "w": own, "logit": "dynamics.tau_syn_logit"}
    for key, part in zip(given, parts):
        found[f"grad {names.get(key, key)}"] = part.reshape(np.shape(given[key]))
    return found


def compare(got, expected, rtol=5e-5):
    """Same names, the same spikes, and values to float32's rounding over the steps, by the largest of each."""
    assert got.keys() == expected.keys()
    np.testing.assert_array_equal(got["s"], expected["s"])
    for key, value in expected.items():
        np.testing.assert_allclose(got[key], value, rtol, rtol * max(1e-3, np.abs(value).max(initial=0)), err_msg=key)


@pytest.fixture
def no_parts(monkeypatch):
    """Fails where a part is called: the op is to do all."""

    def called(self, *args, **kwargs):
        raise AssertionError(f"{type(self).__name__} was called")

    for cls in (nn.SpikingNode, nn.Linear, nn.SynapseFilter):
        monkeypatch.setattr(cls, "forward", called)


OPTIONS = [{}, {"v_reset": -0.2, "detach_reset": True}, {"v_reset": None}]
OTHERS = [(name, i) for name in KINDS for i in range(len(MODELS[name][2])) if (name, i) != ("lif", 0)]
CASES = [("lif", 0, 0, size, way) for size in SIZES for way in WAYS]
CASES += [("lif", 0, j, SIZES[2], way) for j in (1, 2) for way in WAYS]
CASES += [(name, i, k % 3, SIZES[2], WAYS[k % 2]) for k, (name, i) in enumerate(OTHERS)]


@pytest.mark.parametrize(("name", "own", "options", "size", "way"), CASES, ids=str)
def test_values_and_gradients(name, own, options, size, way, monkeypatch, no_parts):
    """From given first states, in both kernels, at odd sizes too; with a learnable synapse."""
    take(way, monkeypatch)
    cls, formula, owns = MODELS[name]
    given, cotangents = numbers(*size, bias=size != SIZES[2])
    net = built(cls(**owns[own], **OPTIONS[options]), given, learnable=True)
    got = ours(net, given, cotangents)
    compare(got, theirs(net, formula, given, cotangents))
    if size[0] > 1:
        assert 0.05 < got["s"].mean() < 0.95


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("synapse", [False, True])
@pytest.mark.parametrize("size", SIZES[1:3], ids=str)
def test_without_a_learnable_synapse(size, synapse, way, monkeypatch, no_parts):
    """A fixed one, and none."""
    take(way, monkeypatch)
    given, cotangents = numbers(*size, synapse=synapse, seed=1)
    net = built(nn.LIFNode(3.0), given)
    compare(ours(net, given, cotangents), theirs(net, MODELS["lif"][1], given, cotangents))


TEXT, FUNCTION = "1.0 / (1.0 + 9.8696044 * x * x)", lambda z: 1.0 / (1.0 + (z * math.pi) ** 2)


@pytest.mark.parametrize(
    ("options", "way"),
    [
        ({"memory": "low"}, "whole"),
        ({"memory": "low"}, "stepped"),
        ({"surrogate_function": nn.FastSigmoid(3.0)}, "stepped"),
        ({"surrogate_function": nn.CustomSurrogate(TEXT)}, "whole"),
        ({"surrogate_function": nn.CustomSurrogate(TEXT)}, "stepped"),
        ({"surrogate_function": nn.CustomSurrogate(FUNCTION)}, "whole"),
    ],
    ids=["low-whole", "low-stepped", "fast sigmoid", "text-whole", "text-stepped", "function"],
)
def test_options_of_the_node_are_the_parts(options, way, monkeypatch):
    take(way, monkeypatch)
    given, cotangents = numbers(8, 3, 8)
    node = nn.ParametricLIFNode(**options)
    fused, parts = built(node, given), by_parts(built(copy.deepcopy(node), given))
    compare(ours(fused, given, cotangents), ours(parts, given, cotangents), 2e-5)


@pytest.mark.parametrize(
    ("shape", "way"),
    [
        ((9, 4, 24), "whole"),
        ((9, 4, 24), "stepped"),
        ((5, 12, 8), "stepped"),
        ((5, 40, 12), "stepped"),
        ((4, 2, 3, 8), "stepped"),
        ((6, 12), "whole"),
        ((3, 2, 516), "whole"),
        ((3, 1, 514), "whole"),
        ((3, 2, 516), "stepped"),
    ],
    ids=str,
)
def test_the_parts_step_by_step(shape, way, monkeypatch):
    """From no state: the same spikes, and all gradients; more units than a workgroup takes, more axes, and no batch."""
    take(way, monkeypatch)
    monkeypatch.setattr(ops, "pays", lambda engine, units: True)
    rng = np.random.default_rng(3)
    given = {"x": rng.normal(0.8, 1, shape), "bias": rng.normal(0, 0.2, shape[-1]), "f": np.zeros(0)}
    given["weight"] = rng.normal(0, 1 / math.sqrt(shape[-1]), (shape[-1],) * 2)
    given = {k: v.astype(np.float32) for k, v in given.items()}
    cotangents = {k: rng.standard_normal(shape[1:]).astype(np.float32) for k in "vyf"}
    cotangents["s"] = rng.standard_normal(shape).astype(np.float32)
    nets = built(nn.LIFNode(), given, True), by_parts(built(nn.LIFNode(), given, True))
    got, expected = (ours(net, {"x": given["x"]}, cotangents, first=False) for net in nets)
    compare(got, expected, 1e-4)
    assert 0.05 < got["s"].mean() < 0.95


def test_calls_go_on_from_each_other():
    """Two calls are one of all steps, with gradients through the states; and after detach_net they are cut there."""
    given, cotangents = numbers(9, 2, 8)
    nets = [built(nn.LIFNode(), given, True) for _ in range(3)]
    whole = ours(nets[0], given, cotangents)
    compare(ours(nets[1], given, cotangents, run=lambda x: grilly_vk.cat([nets[1](x[:4]), nets[1](x[4:])])), whole)

    def cut(x):
        first = nets[2](x[:4])
        F.detach_net(nets[2])
        return grilly_vk.cat([first, nets[2](x[4:])])

    leaf = grilly_vk.tensor(given["x"], requires_grad=True)
    (cut(leaf)[8].sum()).backward()
    assert not leaf.grad.numpy()[:4].any() and leaf.grad.numpy()[4:].any()


def test_step_modes_and_containers():
    """Step by step, all at once, in containers, and from one to the other."""
    given, cotangents = numbers(8, 2, 4)
    net = built(nn.LIFNode(), given, True)
    expected = ours(net, given, cotangents)

    def mixed(net, x):
        first = net(x[:3])
        F.set_step_mode(net, "s")
        return grilly_vk.cat([first, grilly_vk.stack([net(x[t]) for t in range(3, 8)])])

    ways = {
        "container": lambda net, x: nn.MultiStepContainer(net)(x),
        "sequential": lambda net, x: nn.Sequential(net)(x),
        "function": lambda net, x: F.multi_step_forward(net, x, 8),
        "mixed": mixed,
    }
    for name, run in ways.items():
        net = built(nn.LIFNode(), given, True)
        F.set_step_mode(net, "s" if name in ("container", "function") else "m")
        compare(ours(net, given, cotangents, run=lambda x, net=net, run=run: run(net, x)), expected)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.node.register_forward_hook(lambda *_: None),
        lambda net: net.connection.register_forward_pre_hook(lambda *_: None),
        lambda net: net.dynamics.register_forward_hook(lambda *_: None),
        lambda net: setattr(net.connection, "event_driven", True),
        lambda net: setattr(net, "sub_module", nn.AdaptiveLIFNode()),
        lambda net: setattr(net, "sub_module", type("Own", (nn.LIFNode,), {})()),
        lambda net: setattr(net, "dynamics", nn.STPSynapse()),
        lambda net: setattr(net, "connection", nn.Sequential(net.connection)),
    ],
    ids=["hook", "pre-hook", "dynamics' hook", "events", "two states", "subclass", "dynamics", "connection"],
)
def test_other_parts_are_called_each_step(change, monkeypatch):
    calls = []
    forward = nn.SpikingNode.forward
    monkeypatch.setattr(nn.SpikingNode, "forward", lambda self, x, **more: calls.append(x) or forward(self, x, **more))
    net = built(nn.LIFNode(), numbers(5, 2, 4)[0])
    net(np.ones((5, 2, 4), np.float32))
    assert not calls
    net.reset()
    change(net)
    assert net(np.ones((5, 2, 4), np.float32)).shape == (5, 2, 4)
    assert [x.shape for x in calls] == [(2, 4)] * 5


def test_what_a_hook_sees_and_changes():
    """A hook is called at each step, and its change is heard by the next."""
    given = numbers(5, 2, 4, synapse=False)[0]
    net, seen = built(nn.LIFNode(), given), []
    handle = net.node.register_forward_hook(lambda module, args, out: seen.append(out) or out * 0)
    assert not net(given["x"]).numpy().any() and len(seen) == 5 and not net.y.numpy().any()
    handle.remove()
    F.reset_net(net)
    assert net(given["x"]).numpy().any() and len(seen) == 5


def test_errors_come_before_anything_changes():
    net = built(nn.LIFNode(), numbers(3, 2, 4)[0])
    net(np.ones((3, 2, 4), np.float32))
    before = states_of(net)
    for x, words in ((np.ones((3, 5, 4)), "one step of x has shape"), (np.ones((0, 2, 4)), "at least one step")):
        with pytest.raises(ValueError, match=words):
            net(x.astype(np.float32))
    net.node.v = grilly_vk.tensor(np.zeros((5, 4), np.float32))
    with pytest.raises(ValueError, match="the state v of LIFNode has shape"):
        net(np.ones((3, 2, 4), np.float32))
    net.node.v = before["v"]
    with pytest.raises(ValueError, match="tau is in steps"):
        net.node.tau = 0.5
    assert all(a is b for a, b in zip(states_of(net).values(), before.values()))
    with pytest.raises(ValueError, match="connection made"):
        nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(4, 5), step_mode="m")(np.ones((3, 2, 4), np.float32))
    F.reset_net(net)
    net.node.tau = 2.0
    net(np.ones((3, 2, 4), np.float32)).sum().backward()
    with pytest.raises(RuntimeError, match="has freed"):
        net(np.ones((3, 2, 4), np.float32))


@pytest.mark.parametrize("way", WAYS)
def test_no_samples(way, monkeypatch):
    take(way, monkeypatch)
    net = built(nn.ParametricLIFNode(), numbers(3, 2, 4)[0], True)
    x = grilly_vk.tensor(np.zeros((3, 0, 4), np.float32), requires_grad=True)
    y = net(x)
    y.sum().backward()
    assert y.shape == x.grad.shape == (3, 0, 4)
    assert all(not p.grad.numpy().any() for p in net.parameters())


@pytest.mark.parametrize("way", WAYS)
def test_in_pieces_and_twice(way, monkeypatch):
    """Runs that are cut for the device's sake give one piece's values; a second run gives the same bits."""
    take(way, monkeypatch)
    given, cotangents = numbers(23, 2, 8)
    got = []
    for size in (64, 64, 4):
        net = built(nn.ParametricLIFNode(), given, True)
        monkeypatch.setattr(type(net.node.w.engine), "steps_per_submit", lambda self, work, size=size: size)
        got.append(ours(net, given, cotangents))
    for key, value in got[0].items():
        np.testing.assert_array_equal(got[1][key], value)
    compare(got[2], got[0], 1e-6)


def test_inputs_that_begin_anywhere():
    """Slices of larger tensors, where no four elements can be read at once."""
    given, cotangents = numbers(6, 2, 8)
    expected = ours(built(nn.LIFNode(), given), given, cotangents)
    net = built(nn.LIFNode(), given)
    flat = {k: grilly_vk.tensor(np.concatenate([[0], given[k].ravel()]).astype(np.float32)) for k in "xvyf"}
    leaf = {k: t._rows(1, t.size).reshape(given[k].shape).requires_grad_() for k, t in flat.items()}
    net.node.v, net.y, net.dynamics.y = leaf["v"], leaf["y"], leaf["f"]
    s = net(leaf["x"])
    np.testing.assert_array_equal(s.numpy(), expected["s"])
    np.testing.assert_array_equal(net.y.numpy(), expected["last y"])
    loss = (s * grilly_vk.tensor(cotangents["s"])).sum() + (net.y * grilly_vk.tensor(cotangents["y"])).sum()
    (loss + sum((states_of(net)[k] * grilly_vk.tensor(cotangents[k])).sum() for k in "vf")).backward()
    np.testing.assert_allclose(leaf["x"].grad.numpy(), expected["grad x"], 1e-5, 1e-6)


def test_copies_and_checkpoints():
    """A copy goes on from the same state; a checkpoint's second run begins at the first one's."""
    given, cotangents = numbers(6, 2, 8)
    net = built(nn.ParametricLIFNode(), given, True)
    net(given["x"][:3])
    other = copy.deepcopy(net)
    np.testing.assert_array_equal(net(given["x"]).numpy(), other(given["x"]).numpy())
    np.testing.assert_array_equal(net.dynamics.y.numpy(), other.dynamics.y.numpy())
    made = nn.RecurrentSynapse(nn.ParametricLIFNode(), nn.Linear(8, 8), nn.SynapseFilter(learnable=True), "m")
    made.load_state_dict(net.state_dict())
    for part in (net, made):
        F.reset_net(part)
    expected = ours(net, given, cotangents)
    compare(ours(made, given, cotangents, run=lambda x: grilly_vk.checkpoint(made, x)), expected, 1e-6)


def test_compiled():
    """Training steps replayed are those run eagerly, and settings that change are seen."""
    given, cotangents = numbers(6, 3, 8)
    nets = [built(nn.ParametricLIFNode(), given, True) for _ in range(2)]
    optimizers = [grilly_vk.optim.SGD(net.parameters(), lr=0.05) for net in nets]

    def step(net, optimizer, x):
        optimizer.zero_grad()
        F.reset_net(net)
        y = net(x)
        (y * grilly_vk.tensor(cotangents["s"])).sum().backward()
        optimizer.step()
        return y

    compiled = grilly_vk.compile(lambda x: step(nets[1], optimizers[1], x))
    for i in range(5):
        if i == 3:
            for net in nets:
                net.node.v_threshold = 0.7
        if i == 4:
            for net in nets:
                net.node.register_forward_hook(lambda module, args, out: out * 0.5)
        x = given["x"] + np.float32(0.1 * i)
        np.testing.assert_array_equal(step(nets[0], optimizers[0], x).numpy(), compiled(x).numpy())
    for a, b in zip(*(net.parameters() for net in nets)):
        np.testing.assert_allclose(a.numpy(), b.numpy(), 1e-6, 1e-6)


@pytest.mark.parametrize("way", WAYS)
def test_dispatches(way, monkeypatch):
    """One for all steps, or one per step that does the product too, or one and the host's product."""
    take(way, monkeypatch)
    net = built(nn.LIFNode(), numbers(20, 2, 8)[0])
    x = grilly_vk.tensor(np.ones((20, 2, 8), np.float32))
    grilly_vk.synchronize()
    with grilly_vk.no_grad(), grilly_vk.profile() as p:
        net(x).numpy()
    assert sum(k.calls for k in p.kernels) <= {"whole": 1, "stepped": 20, "hosted": 39}[way] + 8


@pytest.mark.parametrize("v_reset", [0.0, None])
@pytest.mark.parametrize("way", WAYS)
def test_a_strict_node_spikes_above_its_threshold_alone(way, v_reset, monkeypatch):
    take(way, monkeypatch)
    rng = np.random.default_rng(2)
    x, weight = (rng.integers(-2, 4, shape).astype(np.float32) / 2 for shape in ((9, 2, 8), (8, 8)))

    def run(strict, parts=False):
        net = nn.RecurrentSynapse(nn.IFNode(1.0, v_reset, strict=strict), nn.Linear(8, 8, bias=False), step_mode="m")
        net.connection.weight = nn.Parameter(weight / 4)
        if parts:
            by_parts(net)
        given = grilly_vk.tensor(x, requires_grad=True)
        out = net(given)
        (out * x).sum().backward()
        return out.numpy(), given.grad.numpy()

    spikes, grad = run(True)
    for ours, theirs in zip((spikes, grad), run(True, parts=True)):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert (spikes != run(False)[0]).any()
