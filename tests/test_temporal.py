"""Step modes and containers: every way to run T steps gives the result of one call per step."""

import numpy as np
import pytest

import grilly
import grilly.functional as F
from grilly import nn
from grilly_vk.monitor import PotentialMonitor, RateMonitor

T, B = 5, 4


def images(seed=0):
    return np.random.default_rng(seed).normal(0.5, 2.0, (T, B, 2, 6, 6)).astype(np.float32)


def network(norm=False):
    grilly.manual_seed(3)
    parts = [nn.Conv2d(2, 3, 3, padding=1)] + ([nn.BatchNorm2d(3)] if norm else []) + [nn.IFNode(), nn.MaxPool2d(2)]
    return nn.Sequential(*parts, nn.Flatten(), nn.Linear(27, 7), nn.LIFNode(v_threshold=0.3))


def one_by_one(model, x):
    """T calls, and the gradients of the sum of all outputs times fixed weights."""
    F.reset_net(model)
    return grilly.stack([model(x[t]) for t in range(T)])


def gradients(run, model, x):
    model.zero_grad()
    t = grilly.tensor(x, requires_grad=True)
    out = run(model, t)
    weights = np.random.default_rng(1).standard_normal(out.shape).astype(np.float32)
    (out * grilly.tensor(weights)).sum().backward()
    found = [out.numpy(), t.grad.numpy(), *(p.grad.numpy() for p in model.parameters())]
    F.reset_net(model)
    return found


def in_container(model, x):
    return nn.MultiStepContainer(model)(x)


def in_mode_m(model, x):
    F.set_step_mode(model, "m")
    out = model(x)
    F.set_step_mode(model, "s")
    return out


WAYS = {
    "container": in_container,
    "several modules": lambda model, x: nn.MultiStepContainer(*model)(x),
    "mode m": in_mode_m,
    "function": lambda model, x: F.multi_step_forward(model, x, T=T),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_same_as_one_call_per_step(way):
    model = network()
    want = gradients(one_by_one, model, images())
    got = gradients(WAYS[way], model, images())
    np.testing.assert_array_equal(got[0], want[0])
    for g, w in zip(got[1:], want[1:]):
        np.testing.assert_allclose(g, w, rtol=1e-4, atol=1e-5 * np.abs(w).max())


def test_nodes_run_fused_in_containers():
    """A whole network over T steps takes a dispatch per node, not one per step."""
    model = network()
    grilly.synchronize()
    with grilly.no_grad(), grilly.profile() as p:
        nn.MultiStepContainer(model)(images()).numpy()
    assert sum(k.calls for k in p.kernels if k.kernel.startswith("snn-node-forward")) == 2


def test_batch_norm_over_time():
    """In a MultiStepContainer batch norm sees one step at a time, in step mode "m" all of them as one batch."""
    x = images()
    alone, contained, merged = network(norm=True), network(norm=True), network(norm=True)
    want = one_by_one(alone, x).numpy()
    np.testing.assert_array_equal(nn.MultiStepContainer(contained)(x).numpy(), want)
    np.testing.assert_allclose(contained[1].running_mean.numpy(), alone[1].running_mean.numpy(), rtol=1e-6)
    F.set_step_mode(merged, "m")
    merged(x)
    conv = merged[0](x.reshape(T * B, 2, 6, 6)).numpy()
    np.testing.assert_allclose(merged[1].running_mean.numpy(), 0.1 * conv.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)


def test_summary_leaves_the_state_alone():
    model = nn.Sequential(nn.Linear(3, 2), nn.IFNode(store_v_seq=True))
    F.set_step_mode(model, "m")
    model(np.ones((T, 4, 3), np.float32))
    before = model[1].v, model[1].v_seq
    assert "(2, 7, 2)" in str(nn.summary(model, (2, 7, 3)))
    assert model[1].v is before[0] and model[1].v_seq is before[1]
    model(np.ones((T, 4, 3), np.float32))


def test_your_own_module_is_called_once_per_step():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.node = nn.Linear(3, 3), nn.LIFNode()

        def forward(self, x):
            return self.node(self.fc(x) * 3.0)

    model, x = Own(), np.random.default_rng(2).normal(size=(T, B, 3)).astype(np.float32)
    want = one_by_one(model, x).numpy()
    F.reset_net(model)
    np.testing.assert_array_equal(nn.MultiStepContainer(model)(x).numpy(), want)
    F.reset_net(model)
    np.testing.assert_array_equal(nn.Sequential(nn.MultiStepContainer(model), nn.Identity())(x).numpy(), want)


def test_hooks_in_containers():
    model, seen = network(), []
    for part in model:
        part.register_forward_hook(lambda module, args, out: seen.append((type(module).__name__, out.shape[:2])))
    nn.MultiStepContainer(model)(images())
    assert ("IFNode", (T, B)) in seen
    assert ("LIFNode", (T, B)) in seen


def test_seq_to_ann():
    x = images()
    conv, pool = nn.Conv2d(2, 4, 3, stride=2), nn.AvgPool2d(2)
    got = nn.SeqToANNContainer(conv, pool)(x)
    want = np.stack([pool(conv(step)).numpy() for step in x])
    np.testing.assert_allclose(got.numpy(), want, rtol=1e-5, atol=1e-6)
    assert nn.SeqToANNContainer(nn.Conv2d(2, 4, 3, padding=1))(x).shape == (T, B, 4, 6, 6)
    model = nn.Sequential(nn.SeqToANNContainer(conv, pool, nn.Flatten()))
    F.set_step_mode(model, "m")  # of the whole, not of the parts, which see no time axis
    np.testing.assert_array_equal(model(x).numpy(), got.numpy().reshape(T, B, -1))


@pytest.mark.parametrize("way", WAYS)
def test_repeated_input(way):
    x = images()[0]
    model = network()
    want = one_by_one(model, np.broadcast_to(x, (T, *x.shape))).numpy()
    F.reset_net(model)
    np.testing.assert_array_equal(F.multi_step_forward(model, x, T=T).numpy(), want)


def test_multi_step_forward_of_as_many_samples_as_steps():
    x = np.random.default_rng(3).normal(1.0, 1.0, (T, 3)).astype(np.float32)
    node = nn.IFNode()
    with pytest.warns(UserWarning, match=r"x_temporal of shape \(5, 3\) with T=5 may be all steps"):
        assert F.multi_step_forward(node, x, T=T).shape == (T, 3)
    F.reset_net(node)
    assert F.multi_step_forward(node, x, T=T).shape == (T, 3)  # said once
    F.reset_net(node)
    assert F.multi_step_forward(nn.IFNode(), x, T=T, repeat=False).shape == (T, 3)
    assert F.multi_step_forward(nn.IFNode(), x, T=T, repeat=True).shape == (T, T, 3)


class OwnNet(nn.Module):
    def __init__(self, *parts):
        super().__init__()
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x


READINGS = {  # the first layers: shapes of one step, and of T of them; all with T samples
    "Linear": (lambda: [nn.Linear(3, 3)], (3,)),
    "node, Linear": (lambda: [nn.IFNode(), nn.Linear(3, 3)], (3,)),
    "Conv1d": (lambda: [nn.Conv1d(T, 2, 1)], (T, T)),
    "Conv2d": (lambda: [nn.Conv2d(T, 2, 1)], (T, T, T)),
    "Conv2d of one channel": (lambda: [nn.Conv2d(1, 2, 1)], (1, T, T)),
    "pool": (lambda: [nn.Dropout(), nn.MaxPool2d(1)], (T, T, T)),
    "BatchNorm2d": (lambda: [nn.BatchNorm2d(T)], (T, T, T)),
    "Flatten, Linear": (lambda: [nn.Flatten(), nn.Linear(12, 2)], (3, 4)),
    "attention": (lambda: [nn.SpikingSelfAttention(4, 2)], (2, 4)),
    "converted": (lambda: [nn.Converter(T=3)(nn.Sequential(nn.Linear(3, 2), nn.ReLU()).eval())], (3,)),
}


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", READINGS)
def test_multi_step_forward_goes_by_the_axes_that_the_first_layer_takes(name, own):
    """A batch of just T samples is presented T times, and T steps are T steps, without a word."""
    parts, shape = READINGS[name]
    grilly.manual_seed(0)
    parts = parts()
    model = OwnNet(*parts).eval() if own else nn.Sequential(*parts).eval()
    x = np.random.default_rng(0).normal(size=(T, T, *shape)).astype(np.float32)
    for given, repeat in [(x, False), (x[0], True), (x[0, :2], True), (x[:, :2], False)]:
        F.reset_net(model)
        got = F.multi_step_forward(model, given, T=T).numpy()
        F.reset_net(model)
        np.testing.assert_array_equal(got, F.multi_step_forward(model, given, T=T, repeat=repeat).numpy())
        assert got.shape[:2] == (T, len(given) if repeat else given.shape[1])
    F.reset_net(model)
    assert F.multi_step_forward(model, x[0, :1], T=1).shape[:2] == (1, 1)  # a batch of one keeps its axis


def test_multi_step_forward_of_shapes_that_fit_both_ways():
    x = np.ones((T, T, T), np.float32)
    for model, given in [
        (nn.BatchNorm1d(T).eval(), x),
        (nn.Sequential(nn.Flatten(), nn.Linear(T, 2)), np.ones((T, 1, T), np.float32)),
        (nn.Linear(T, T), np.ones((T, T, T, T), np.float32)),
        (nn.IFNode(), np.ones((T, 2, 3, 4), np.float32)),
    ]:
        for say in (False, True):
            F.reset_net(model)
            F.multi_step_forward(model, given, T=T, repeat=say)
        F.reset_net(model)
        with pytest.warns(UserWarning, match="give repeat=False or repeat=True"):
            assert F.multi_step_forward(model, given, T=T).shape[0] == T
    # as many steps as T says, or an error where the axes say that there are steps
    with pytest.raises(ValueError, match=r"expected \(5, B, ...\) for T=5"):
        F.multi_step_forward(nn.Conv2d(1, 2, 1), np.ones((3, 2, 1, 4, 4), np.float32), T=T)
    assert F.multi_step_forward(nn.Linear(T, 2), np.ones((3, 4, T), np.float32), T=T).shape == (T, 3, 4, 2)  # tokens
    with pytest.raises(TypeError, match="repeat must be True or False"):
        F.multi_step_forward(nn.Linear(T, 2), x, T=T, repeat="yes")


# ---- recurrent containers ----


def test_element_wise_recurrence():
    x = np.random.default_rng(4).normal(0.5, 1.0, (T, B, 3)).astype(np.float32)
    container = nn.ElementWiseRecurrentContainer(nn.IFNode(), lambda x, y: x - y * 0.5, step_mode="m")
    got = container(x).numpy()
    v, y = np.zeros((B, 3)), np.zeros((B, 3))
    for t in range(T):
        h = v + x[t] - 0.5 * y
        y = (h >= 1).astype(np.float64)
        v = h * (1 - y)
        np.testing.assert_array_equal(got[t], y)
    F.reset_net(container)
    assert container.y is None
    F.set_step_mode(container, "s")
    np.testing.assert_array_equal([container(step).numpy() for step in x], got)


def test_linear_recurrence():
    x = np.random.default_rng(5).normal(0.5, 1.0, (T, B, 3)).astype(np.float32)
    grilly.manual_seed(0)
    container = nn.LinearRecurrentContainer(nn.Sequential(nn.Linear(3, 2), nn.IFNode()), 3, 2, step_mode="m")
    t = grilly.tensor(x, requires_grad=True)
    got = container(t)
    got.sum().backward()
    assert np.abs(t.grad.numpy()).sum() > 0
    assert container.rc.weight.grad is not None
    w, b = container.rc.weight.numpy().astype(np.float64), container.rc.bias.numpy()
    inner = container.sub_module[0]
    v, y = np.zeros((B, 2)), np.zeros((B, 2))
    for t in range(T):
        hidden = np.concatenate([x[t], y], -1) @ w.T + b
        h = v + hidden @ inner.weight.numpy().T + inner.bias.numpy()
        y = (h >= 1).astype(np.float64)
        v = h * (1 - y)
        np.testing.assert_array_equal(got[int(t)].numpy(), y)


# ---- step modes ----


def test_set_step_mode_leaves_the_parts_of_containers_alone():
    model = nn.Sequential(nn.MultiStepContainer(nn.IFNode()), nn.IFNode())
    F.set_step_mode(model, "m")
    assert model[0].module.step_mode == "s"
    assert model[1].step_mode == model.step_mode == "m"
    model(np.ones((T, B, 3), np.float32))


MIXED = r"F.set_step_mode\(model, 'm'\) or F.set_step_mode\(model, 's'\)"


def test_mixed_step_modes():
    x = np.ones((T, B, 3), np.float32)
    for model, call in [
        (nn.Sequential(nn.IFNode(), nn.IFNode(step_mode="m")), lambda m: m(x)),
        (nn.MultiStepContainer(nn.IFNode(step_mode="m")), lambda m: m(x)),
        (nn.Sequential(nn.IFNode(), nn.Sequential(nn.IFNode(step_mode="m"))), lambda m: F.multi_step_forward(m, x, T)),
    ]:
        with pytest.raises(ValueError, match=MIXED):
            call(model)
    outer = nn.Sequential(nn.IFNode(step_mode="s"))
    outer.step_mode = "m"
    with pytest.raises(ValueError, match=MIXED):
        outer(x)


def test_bad_input():
    node = nn.IFNode()
    for call, error, text in [
        (lambda: nn.SeqToANNContainer(nn.Linear(2, 2), nn.IFNode()), ValueError, "keeps a state from step to step"),
        (lambda: nn.SeqToANNContainer(), TypeError, "at least one module"),
        (lambda: nn.MultiStepContainer(3), TypeError, r"modules\[0\] must be a Module, not int"),
        (lambda: nn.MultiStepContainer(node)(np.float32([1, 2])), ValueError, r"x has shape \(2,\); expected \(T, B"),
        (
            lambda: F.multi_step_forward(node, np.ones((3, 2), np.float32), 4, repeat=False),
            ValueError,
            r"\(4, B, ...\)",
        ),
        (lambda: F.multi_step_forward(node, [1.0], T=0), ValueError, "T must be at least 1"),
        (lambda: F.multi_step_forward(3, [1.0]), TypeError, "model must be a Module, not int"),
        (lambda: F.reset_net(None), TypeError, "model must be a Module, not NoneType"),
        (lambda: F.set_step_mode(node, "t"), ValueError, "step_mode must be one of 's', 'm'"),
        (lambda: nn.ElementWiseRecurrentContainer(node, None), TypeError, "element_wise_function must be callable"),
        (
            lambda: nn.LinearRecurrentContainer(node, 3, 2)(np.ones((2, 4), np.float32)),
            ValueError,
            r"expected \(..., 3\)",
        ),
    ]:
        with pytest.raises(error, match=text):
            call()


# ---- single steps as functions ----


def test_functions_are_the_nodes():
    rng = np.random.default_rng(6)
    x, v = (rng.normal(0.7, 1.0, (B, 3)).astype(np.float32) for _ in range(2))
    for function, node in [
        (lambda x, v: F.if_step(x, v, v_threshold=0.8), nn.IFNode(v_threshold=0.8)),
        (lambda x, v: F.lif_step(x, v, tau=3.0, v_threshold=0.8), nn.LIFNode(tau=3.0, v_threshold=0.8)),
        (lambda x, v: F.lif_step(x, v, v_reset=None, decay_input=False), nn.LIFNode(v_reset=None, decay_input=False)),
        (lambda x, v: F.plif_step(x, v, -np.log(2.0)), nn.ParametricLIFNode(init_tau=3.0)),
    ]:
        grads = []
        for run in ("function", "node"):
            a, b = grilly.tensor(x, requires_grad=True), grilly.tensor(v, requires_grad=True)
            if run == "function":
                spikes, after = function(a, b)
            else:
                node.v = b
                spikes, after = node(a), node.v
            (spikes + after * 0.5).sum().backward()
            grads.append([spikes.numpy(), after.numpy(), a.grad.numpy(), b.grad.numpy()])
        for f, n in zip(*grads):
            np.testing.assert_allclose(f, n, rtol=1e-6, atol=1e-7)


def test_the_document_calls():
    x = np.random.default_rng(7).normal(0.7, 1.0, (B, 3)).astype(np.float32)
    spike, v = F.lif_step(x, np.zeros((B, 3), np.float32), tau=2.0, v_threshold=1.0)
    np.testing.assert_array_equal(spike.numpy(), x / 2 >= 1)
    np.testing.assert_array_equal(v.numpy(), np.where(x / 2 >= 1, 0, x / 2))
    assert F.multi_step_forward(nn.LIFNode(), np.stack([x] * 10), T=10).shape == (10, B, 3)
    with pytest.raises(ValueError, match=r"v_prev has shape \(3,\); expected that of x, \(4, 3\)"):
        F.lif_step(x, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="w must be one number"):
        F.plif_step(x, 0.0, np.zeros(3))
    with pytest.raises(ValueError, match="tau is in steps and must be at least 1"):
        F.lif_step(x, 0.0, tau=0.1)


# ---- names, and what is no module ----


class Named(nn.Module):
    """Parts, numbers and flags with the names of what stateful modules do."""

    def __init__(self):
        super().__init__()
        for name in ("reset", "memories", "detach", "snapshot", "restore", "step_mode", "v", "unroll", "is_spiking"):
            setattr(self, name, nn.Linear(3, 3))
        self.v_threshold = 1.0
        self.node = nn.LIFNode()

    def forward(self, x):
        return self.node(self.reset(self.memories(x)))


class Flagged(nn.Module):
    """The same names as flags."""

    reset = memories = None

    def __init__(self):
        super().__init__()
        self.detach, self.node = True, nn.LIFNode()

    def forward(self, x):
        return self.node(x)


@pytest.mark.parametrize("make", [Named, Flagged])
def test_parts_and_flags_may_have_any_name(make):
    x = np.random.default_rng(0).normal(1.0, 1.0, (T, B, 3)).astype(np.float32)
    grilly.manual_seed(0)
    model = make()
    first = model(x[0]).numpy()
    F.detach_net(model)
    F.reset_net(model)
    np.testing.assert_array_equal(model(x[0]).numpy(), first)
    F.reset_net(model)
    want = one_by_one(model, x).numpy()
    for way in (in_mode_m, lambda m, x: nn.MultiStepContainer(m)(x), lambda m, x: F.multi_step_forward(m, x, T=T)):
        F.reset_net(model)
        np.testing.assert_allclose(way(model, x).numpy(), want, atol=1e-6)
    if make is Named:
        assert isinstance(model.step_mode, nn.Linear)
        F.reset_net(model)
        with RateMonitor(model) as rates:
            model(x[0])
        assert list(rates.names) == ["node"]
        F.reset_net(model)
        with PotentialMonitor(model) as potentials:
            model(x[0])
        assert list(potentials.names) == ["node"]
        with pytest.raises(TypeError, match="Named has no initial_state"):
            F.unroll(model, x)


def test_your_own_reset_is_called():
    class Counter(nn.Module):
        resets = 0

        def reset(self):
            self.resets += 1

    model, bare = Counter(), nn.Module()
    bare.reset = lambda: setattr(bare, "done", True)
    F.reset_net(nn.ModuleList([model, bare]))
    assert (model.resets, bare.done) == (1, True)


def test_what_is_no_module_is_named():
    sigmoid = "Sigmoid, a surrogate gradient, which nodes take as surrogate_function; use nn.SigmoidLayer"
    calls = {
        lambda: nn.Sequential(nn.Linear(2, 2), nn.Sigmoid()): rf"modules\[1\] must be a Module, not {sigmoid}",
        lambda: nn.Sequential().append(nn.Sigmoid()): f"module must be a Module, not {sigmoid}",
        lambda: nn.Sequential({"act": nn.Sigmoid()}): rf"modules\['act'\] must be a Module, not {sigmoid}",
        lambda: nn.ModuleList([nn.Sigmoid()]): rf"modules\[0\] must be a Module, not {sigmoid}",
        lambda: nn.ModuleDict({"a": nn.Sigmoid()}): rf"modules\['a'\] must be a Module, not {sigmoid}",
        lambda: nn.Module().add_module("a", nn.Sigmoid()): f"module must be a Module or None, not {sigmoid}",
        lambda: nn.MultiStepContainer(nn.Linear(2, 2), nn.Sigmoid()): rf"modules\[1\] must be a Module, not {sigmoid}",
        lambda: nn.LinearRecurrentContainer(nn.Sigmoid(), 2, 2): f"sub_module must be a Module, not {sigmoid}",
        lambda: nn.Synapse(nn.Sigmoid()): f"connection must be a Module, not {sigmoid}",
        lambda: nn.RecurrentSynapse(nn.Sigmoid(), nn.Linear(2, 2)): f"node must be a Module, not {sigmoid}",
        lambda: nn.Sequential(nn.TanhSurrogate()): "Tanh, a surrogate gradient.*; use nn.Tanh$",
        lambda: nn.Sequential(nn.ATan()): "ATan, .*, which nodes take as surrogate_function$",
        lambda: nn.Sequential(nn.ReLU): r"not the class ReLU itself; give ReLU\(...\)",
        lambda: nn.Sequential(3): "must be a Module, not int",
        lambda: nn.ModuleList(3): "modules must be several Modules, such as a list, not int",
        lambda: nn.ModuleDict(3): r"modules must be a mapping from names to Modules or \(name, Module\) pairs, not int",
        lambda: nn.Flatten("1"): "start_dim must be a whole number, not str",
        lambda: nn.Converter(input_range=3): r"input_range must be a pair \(smallest, largest\), got 3",
        lambda: nn.SpikingLinear(2, 2, norm=lambda n: n): "what norm makes must be a Module, not int",
        lambda: nn.Parameter([1.0], requires_grad="no"): "requires_grad must be True or False",
    }
    for call, text in calls.items():
        with pytest.raises(TypeError, match=text):
            call()
    parts = nn.ModuleDict({"a": nn.ReLU()})
    with pytest.raises(TypeError):
        parts.update({"b": nn.ReLU(), "c": nn.Sigmoid()})
    assert list(parts) == ["a"]  # all or nothing


def test_the_sigmoid_that_is_a_layer():
    x = np.linspace(-30, 30, 61, dtype=np.float32).reshape(61, 1)
    got = nn.Sequential(nn.SigmoidLayer())(x).numpy()
    np.testing.assert_allclose(got, 1 / (1 + np.exp(-x.astype(np.float64))), rtol=1e-5, atol=1e-12)
