"""Settings of spiking nodes: one for each neuron, refractory steps, rest apart from reset, and no threshold at all."""

import copy
import pickle

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.settings import assignments
from grilly_vk.tensor import from_numpy

T, B = 9, 3
RNG = np.random.default_rng(11)
TAU = {n: RNG.uniform(1.2, 5, n).astype(np.float32) for n in (5, 8)}
THRESHOLD = {n: RNG.uniform(0.4, 1.2, n).astype(np.float32) for n in (5, 8)}
RESET = {n: RNG.uniform(-0.5, 0.3, n).astype(np.float32) for n in (5, 8)}
REST = {n: RNG.uniform(-0.3, 0.3, n).astype(np.float32) for n in (5, 8)}
WAIT = {n: RNG.integers(0, 4, n) for n in (5, 8)}


def drive(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(0.7, 1.0, shape).astype(np.float32)


def trained(node, x, c):
    """Spikes, the last potential, and the gradient of the sum of spikes times c, plus the last potentials."""
    leaf = from_numpy(x.copy()).requires_grad_()
    s = node(leaf)
    v = getattr(node, "node", node).v  # of the node in a RecurrentSynapse
    ((s * c).sum() + v.sum()).backward()
    return s.numpy(), v.numpy(), leaf.grad.numpy()


def reference(x, c, *, tau, threshold, reset, rest, wait, decay_input=True, detach=False):
    """LIF in float64: forward, and backpropagation through time with ATan(2)'s derivative, by hand."""
    x, c = x.astype(np.float64), c.astype(np.float64)
    k = 1 / np.asarray(tau, np.float64)
    v = np.zeros(x.shape[1:]) + rest
    left, h, s, deaf = np.zeros(x.shape[1:]), np.zeros(x.shape), np.zeros(x.shape), np.zeros(x.shape, bool)
    for t in range(len(x)):
        deaf[t] = left > 0
        charged = v + (x[t] - (v - rest)) * k if decay_input else v - (v - rest) * k + x[t]
        h[t] = np.where(deaf[t], v, charged)
        s[t] = ~deaf[t] & (h[t] >= threshold)
        left = np.where(s[t] > 0, wait, np.maximum(left - 1, 0))
        v = np.where(s[t] > 0, h[t] - threshold if reset is None else reset, h[t])
    g, gx = np.ones(x.shape[1:]), np.zeros(x.shape)
    for t in reversed(range(len(x))):
        spike = c[t] + (0 if detach else g * (-threshold if reset is None else reset - h[t]))
        slope = 1 / (1 + (np.pi * (h[t] - threshold)) ** 2)
        own = g * (1 if reset is None else 1 - s[t]) + spike * slope
        gx[t] = np.where(deaf[t], 0, own * (k if decay_input else 1))
        g = np.where(deaf[t], g, own * (1 - k))
    return s, v, gx


@pytest.mark.parametrize("n", [5, 8])  # both variants of the kernels
@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("options", [{}, {"v_reset": None}, {"decay_input": False}, {"detach_reset": True}])
def test_lif_with_everything_for_each_neuron(n, memory, options):
    """Against float64, forward and back: arrays of tau, threshold, reset, rest and refractory steps."""
    x, c = drive(T, B, n), drive(T, B, n, seed=1)
    soft = "v_reset" in options
    node = nn.LIFNode(
        TAU[n], v_threshold=THRESHOLD[n], v_rest=REST[n], refractory=WAIT[n], step_mode="m", memory=memory,
        **({"v_reset": RESET[n]} | options),
    )  # fmt: skip
    s, v, gx = trained(node, x, c)
    want = reference(
        x, c, tau=TAU[n].astype(float), threshold=THRESHOLD[n].astype(float),
        reset=None if soft else RESET[n].astype(float), rest=REST[n].astype(float), wait=WAIT[n],
        decay_input=options.get("decay_input", True), detach=options.get("detach_reset", False),
    )  # fmt: skip
    np.testing.assert_array_equal(s, want[0])
    assert 0.05 < s.mean() < 0.95
    np.testing.assert_allclose(v, want[1], rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(gx, want[2], rtol=2e-4, atol=2e-5)


MODELS = [
    (nn.IFNode, {}), (nn.LIFNode, {"tau": TAU[5]}), (nn.ParametricLIFNode, {"init_tau": 3.0}),
    (nn.KLIFNode, {"tau": TAU[5]}), (nn.QIFNode, {"tau": TAU[5]}), (nn.EIFNode, {"tau": TAU[5]}),
    (nn.CUBALIFNode, {"tau": TAU[5], "tau_syn": 3.0}), (nn.AdaptiveLIFNode, {"tau": TAU[5], "tau_adapt": 4.0}),
    (nn.IzhikevichNode, {"tau": TAU[5], "a": 0.2, "b": 0.3}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "options"), MODELS)
@pytest.mark.parametrize("soft", [False, True])
def test_arrays_are_numbers_neuron_by_neuron(kind, options, soft):
    """A layer with arrays is a layer of each neuron with its numbers: the same spikes, potentials and gradients."""
    waits = {} if kind is nn.IzhikevichNode else {"refractory": WAIT[5]}
    given = {"v_threshold": THRESHOLD[5], "v_reset": None if soft else RESET[5], **waits, **options}
    x, c = drive(T, B, 5), drive(T, B, 5, seed=1)
    whole = trained(kind(**given, step_mode="m"), x, c)
    assert 0 < whole[0].mean() < 1
    for j in range(5):
        own = {name: value[j] if isinstance(value, np.ndarray) else value for name, value in given.items()}
        one = trained(kind(**own, step_mode="m"), x[..., j : j + 1].copy(), c[..., j : j + 1].copy())
        np.testing.assert_array_equal(one[0][..., 0], whole[0][..., j])
        np.testing.assert_allclose(one[1][..., 0], whole[1][..., j], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(one[2][..., 0], whole[2][..., j], rtol=1e-5, atol=1e-6)


def test_channels_steps_and_containers():
    """Arrays of channels, (C, 1, 1); the same step by step, in containers, behind a norm, and in a compiled step."""
    x = drive(T, B, 4, 3, 2)
    wide = {"tau": TAU[8][:4].reshape(4, 1, 1), "v_threshold": THRESHOLD[8][:4].reshape(4, 1, 1), "refractory": 2}
    node = nn.LIFNode(**wide, v_reset=RESET[8][:6].reshape(3, 2))
    whole = np.broadcast_to(RESET[8][:6].reshape(3, 2), (4, 3, 2))
    want, _, _ = reference(
        x, x, tau=wide["tau"].astype(float), threshold=wide["v_threshold"].astype(float), reset=whole.astype(float),
        rest=whole.astype(float), wait=2,
    )  # fmt: skip
    np.testing.assert_array_equal(np.stack([node(step).numpy() for step in x]), want)
    assert node.left.shape == x.shape[1:]
    F.reset_net(node)
    np.testing.assert_array_equal(nn.MultiStepContainer(node)(x).numpy(), want)
    other = copy.deepcopy(node)
    for module in (node, other):
        F.reset_net(module)
        module.step_mode = "m"
        first = module(x[:4]).numpy()
        np.testing.assert_array_equal(np.concatenate([first, module(x[4:]).numpy()]), want)
    run = grilly_vk.compile(lambda d: (F.reset_net(node), node(d))[1])
    for _ in range(3):
        np.testing.assert_array_equal(run(x).numpy(), want)
    node.v_threshold = 2 * wide["v_threshold"]  # a compiled function takes a new setting
    changed = run(x).numpy()
    F.reset_net(node)
    np.testing.assert_array_equal(node(x).numpy(), changed)
    assert changed.sum() < want.sum()
    F.reset_net(node)
    norm = nn.BatchNorm2d(4)
    both = nn.Sequential(norm, node)
    F.set_step_mode(both, "m")
    joined = both(x).numpy()
    F.reset_net(node)
    np.testing.assert_array_equal(joined, node(norm(x.reshape(T * B, 4, 3, 2)).reshape(x.shape)).numpy())


def test_settings_are_copied_and_shown_by_shape():
    tau = np.array([2.0, 3.0], np.float32)
    node = nn.LIFNode(tau, refractory=[0, 1], v_threshold=(1, 2))
    tau[:] = 100
    assert node.tau.tolist() == [2, 3] and not node.tau.flags.writeable
    assert repr(node).startswith("LIFNode(tau=<2 numbers>, v_threshold=<2 numbers>, v_reset=0, ")
    assert repr(node).endswith("refractory=<2 numbers>)")
    node.tau = np.array([4.0, 5.0])
    node(np.ones((1, 2), np.float32))
    assert node.tau.dtype == np.float32 and not node.tau.flags.writeable
    np.testing.assert_allclose(node.v.numpy(), [[0.25, 0.2]], rtol=1e-6)
    node.tau, node.v_threshold = 2.0, 0.5
    F.reset_net(node)
    assert node(np.ones((1, 2), np.float32)).numpy().tolist() == [[1, 1]]
    plain = nn.LIFNode()
    plain.refractory = 1  # later on, too
    assert [plain(np.full(1, 9, np.float32)).item() for _ in range(4)] == [1, 0, 1, 0]


class Foreign:
    """An array of another library."""

    def __init__(self, values):
        self.values = np.asarray(values)

    def __array__(self, dtype=None, copy=None):
        return self.values if dtype is None else self.values.astype(dtype)


class OverDLPack:
    def __init__(self, values):
        self.values = np.asarray(values)

    def __dlpack__(self, **options):
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.values.__dlpack_device__()


@pytest.mark.parametrize("kind", [Foreign, OverDLPack, grilly_vk.tensor, np.asarray], ids=lambda k: k.__name__)
def test_arrays_of_any_library(kind):
    """With axes a number for each neuron, without a number for all."""
    each, one = np.linspace(2.0, 4.0, 5), np.array(0.25)
    node = nn.LIFNode(kind(each), v_threshold=kind(one), v_reset=kind(each))
    np.testing.assert_array_equal(node.tau, each.astype(np.float32))
    assert node.v_threshold == 0.25 and type(node.v_threshold) is float and node.v_reset.shape == (5,)
    node.tau = kind(one * 8)
    assert node.tau == 2.0
    learnt = nn.dialects.snntorch.Leaky(kind(each / 8), learn_beta=True)
    np.testing.assert_array_equal(learnt.beta.numpy(), (each / 8).astype(np.float32))
    with pytest.raises(ValueError, match=r"tau is in steps and must be at least 1, got 0.25"):
        nn.LIFNode(kind(one))
    with pytest.raises(TypeError, match="v_threshold must be a number, not bool"):
        nn.LIFNode(v_threshold=kind(np.array(True)))


def test_what_trains_is_no_setting():
    for make in (lambda t: nn.LIFNode(tau=t), lambda t: nn.dialects.snntorch.StateLeaky(t)):
        for wrong in (nn.Parameter(np.full(3, 2.0)), grilly_vk.tensor(2.0, requires_grad=True)):
            with pytest.raises(TypeError, match=r"must be a number or an array, not a .* with a gradient"):
                make(wrong)


@pytest.mark.parametrize("reset", [0.0, None])
def test_a_node_without_a_threshold_is_a_readout(reset):
    """LIFNode(v_threshold=inf) never fires: its potentials and gradients are those of the leak alone."""
    x, c = drive(T, B, 8), drive(T, B, 8, seed=1)
    node = nn.LIFNode(3.0, v_threshold=np.inf, v_reset=reset, step_mode="m", store_v_seq=True)
    leaf = from_numpy(x.copy()).requires_grad_()
    assert not node(leaf).numpy().any()
    (node.v_seq * c).sum().backward()
    other = nn.NonSpikingLIFNode(3.0)
    again = from_numpy(x.copy()).requires_grad_()
    y = other(again)
    (y * c).sum().backward()
    np.testing.assert_allclose(node.v_seq.numpy(), y.numpy(), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(leaf.grad.numpy(), again.grad.numpy(), rtol=1e-5, atol=1e-6)
    kinds = [nn.ATan, nn.Sigmoid, nn.FastSigmoid, nn.Erf, nn.Rect, nn.Triangular, nn.PiecewiseQuadratic, nn.SuperSpike]
    surrogates = [*(kind() for kind in (*kinds, nn.TanhSurrogate, nn.Boxcar))]
    surrogates.append(nn.CustomSurrogate(lambda d: 1 / (1 + d * d)))
    for surrogate in surrogates:
        node = nn.IFNode(np.array([np.inf, 1.0]), reset, surrogate, step_mode="m", refractory=np.array([1, 0]))
        leaf = from_numpy(np.ones((3, 2, 2), np.float32)).requires_grad_()
        s = node(leaf)
        (s.sum() + node.v.sum()).backward()
        assert not s.numpy()[..., 0].any() and s.numpy()[..., 1].all(), surrogate
        np.testing.assert_array_equal(leaf.grad.numpy()[..., 0], 1.0, err_msg=str(surrogate))


def test_feedback_of_nodes_with_arrays_goes_step_by_step():
    x = drive(T, B, 5)
    connection = nn.Linear(5, 5)
    many = nn.RecurrentSynapse(nn.LIFNode(TAU[5], v_threshold=0.5), connection, step_mode="m")
    out = many(x).numpy()
    F.reset_net(many)
    many.step_mode = "s"
    want = np.stack([many(step).numpy() for step in x])
    np.testing.assert_array_equal(out, want)
    assert out.any()


def test_settings_that_do_not_fit():
    for wrong, message in (
        (lambda: nn.LIFNode([2.0, 0.5]), "tau is in steps and must be at least 1, got"),
        (lambda: nn.LIFNode(np.full((3, 3), np.nan)), "tau must be finite"),
        (lambda: nn.IFNode(v_threshold=["a"]), "v_threshold must hold real numbers"),
        (lambda: nn.IFNode(v_threshold=-np.inf), "v_threshold must be finite"),
        (lambda: nn.IFNode(refractory=1.5), "refractory must be a whole number of steps"),
        (lambda: nn.IFNode(refractory=[0, 0.5]), "refractory must"),
        (lambda: nn.IFNode(refractory=-1), "refractory must not be negative"),
        (lambda: nn.LIFNode(v_rest="a"), "v_rest must be a number"),
        (lambda: nn.LIFNode(nn.Parameter(np.ones(3))), "tau must be a number or an array, not a Parameter"),
        (lambda: nn.LIFNode(np.full(4, 2.0))(drive(2, 5)), r"\(2, 5\), but .* settings have shape \(4,\)"),
        (lambda: nn.LIFNode([2.0] * 4, v_threshold=np.ones(5))(drive(2, 5)), r"have shapes \(4,\), \(5,\), which"),
        (lambda: nn.IzhikevichNode(refractory=2)(drive(2, 5)), "refractory steps are not for IzhikevichNode"),
    ):
        with pytest.raises((TypeError, ValueError), match=message) as caught:
            wrong()
        assert len(str(caught.value)) < 300


@pytest.mark.parametrize("reset", [0.0, None])
@pytest.mark.parametrize("n", [5, 8])
def test_a_strict_node_spikes_above_its_threshold_alone(n, reset):
    """Quarters, whose sums often are the threshold: spikes and gradients, however it is run."""
    x = np.random.default_rng(n).integers(0, 5, (T, B, n)).astype(np.float32) / 4
    c = drive(T, B, n, seed=3)
    v, h, s = np.zeros((B, n)), np.zeros(x.shape), np.zeros(x.shape)
    for t in range(T):
        h[t] = v + x[t]
        s[t] = h[t] > 1.0
        v = np.where(s[t] > 0, h[t] - 1.0 if reset is None else reset, h[t])
    assert (h == 1.0).sum() > 10
    g, gx = np.ones((B, n)), np.zeros(x.shape)
    for t in reversed(range(T)):
        spike = c[t] + g * (-1.0 if reset is None else reset - h[t])
        g = g * (1 if reset is None else 1 - s[t]) + spike / (1 + (np.pi * (h[t] - 1.0)) ** 2)
        gx[t] = g
    for options in ({}, {"memory": "low"}, {"v_threshold": np.ones(n)}):
        node = nn.IFNode(v_reset=reset, step_mode="m", **options)
        node.strict = True
        assert "strict=True" in repr(node)
        for got, want in zip(trained(copy.deepcopy(node), x, c), (s, v, gx)):
            np.testing.assert_allclose(got, want, 1e-5, 1e-5)
    node = nn.IFNode(v_reset=reset, strict=True)
    loop = nn.RecurrentSynapse(node, nn.Linear(n, n, bias=False), step_mode="m")
    loop.connection.weight.detach().assign(np.zeros((n, n), np.float32))
    for got, want in zip(trained(loop, x, c), (s, v, gx)):
        np.testing.assert_allclose(got, want, 1e-5, 1e-5)
    node.strict = False
    F.reset_net(loop)
    assert (loop(x).numpy() > s).any()
    with pytest.raises(TypeError, match="strict must be True or False"):
        nn.LIFNode(strict=1)


class _Warming(nn.IFNode):
    """Its threshold is no setting."""

    heat = 1.0

    @property
    def v_threshold(self):
        return self.heat

    @v_threshold.setter
    def v_threshold(self, value):
        self.heat = value


def test_a_subclass_may_compute_a_setting():
    node, x = _Warming(), np.full((2, 3), 0.6, np.float32)
    fired = []
    for heat in (1.0, 0.5, 1.0):
        node.heat = heat
        F.reset_net(node)
        fired.append(node(x).numpy().sum())
    assert fired == [0, 6, 0]


def test_an_unpickled_node_takes_its_settings_whatever_was_assigned_here():
    node, x = nn.LIFNode(), np.ones((2, 3), np.float32)
    node(x)
    F.reset_net(node)
    text, stood = pickle.dumps(node), assignments[0]
    try:
        assignments[0] = stood - 1  # another process, which has counted one fewer
        other = pickle.loads(text)
        other.v_threshold = 0.1
        assert assignments[0] == stood
        np.testing.assert_array_equal(other(x).numpy(), 1)
    finally:
        assignments[0] = stood + 100
