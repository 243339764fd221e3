"""Spiking nodes against float64 dual numbers: spikes, potentials, and gradients of input, state and parameters."""

import gc
import itertools

import duals
import numpy as np
import pytest
from learning import training_step

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

T, N = 7, 12


def atan(x, alpha=2.0):
    return alpha / 2 / (1 + (np.pi / 2 * alpha * x) ** 2)


def leak(x, v, k, decay_input, rest):
    return v + (x - (v - rest)) * k if decay_input else v - (v - rest) * k + x


# Each model by its own formula: (node, x, v, u, w) -> (H, u before the spike, threshold, u after a spike s).
def run_if(node, x, v, u, w):
    return x + v, u, node.v_threshold, lambda u, s: u


def run_lif(node, x, v, u, w):
    k = w.sigmoid() if isinstance(node, nn.ParametricLIFNode) else 1 / node.tau
    return leak(x, v, k, node.decay_input, node.v_reset or 0.0), u, node.v_threshold, lambda u, s: u


def run_klif(node, x, v, u, w):
    h = (leak(x, v, 1 / node.tau, node.decay_input, node.v_reset or 0.0) * w).rectified()
    return h, u, node.v_threshold, lambda u, s: u


def run_qif(node, x, v, u, w):
    h = v + (x + node.a0 * (v - node.v_rest) * (v - node.v_c)) * (1 / node.tau)
    return h, u, node.v_threshold, lambda u, s: u


def run_eif(node, x, v, u, w):
    growth = ((v - node.theta_rh) * (1 / node.delta_T)).exp() * node.delta_T
    return v + (x + node.v_rest - v + growth) * (1 / node.tau), u, node.v_threshold, lambda u, s: u


def run_izhikevich(node, x, v, u, w):
    h = v + (x + node.a0 * (v - node.v_rest) * (v - node.v_c) - u) * (1 / node.tau)
    u = u + (node.a * (h - node.v_rest) - u) * (1 / node.tau_w)
    return h, u, node.v_threshold, lambda u, s: u + node.b * s


def run_cuba(node, x, v, u, w):
    u = u * (1 - 1 / node.tau_syn) + x
    return leak(u, v, 1 / node.tau, node.decay_input, node.v_reset or 0.0), u, node.v_threshold, lambda u, s: u


def run_adaptive(node, x, v, u, w):
    rho = np.exp(-1 / node.tau_adapt)
    h = leak(x, v, 1 / node.tau, node.decay_input, node.v_reset or 0.0)
    return h, u, node.v_threshold + node.beta * u, lambda u, s: rho * u + (1 - rho) * s


def reference(node, formula, x, v, u, w, derivative=atan, early=False):
    """Lists over time of spikes and potentials after the reset (early: before it), and the last u, as Duals."""
    spikes, potentials = [], []
    for x_t in x:
        h, u, threshold, after = formula(node, x_t, v, u, w)
        s = (h - threshold).spike(derivative)
        r = s.detach() if node.detach_reset else s
        v = h - r * threshold if node.v_reset is None else h * (1.0 - r) + r * node.v_reset
        u = after(u, s)
        spikes.append(s)
        potentials.append(h if early else v)
    return spikes, potentials, u


MODELS = {
    "if": (nn.IFNode, run_if, [{}]),
    "lif": (nn.LIFNode, run_lif, [{"tau": 3.0}, {"tau": 2.5, "decay_input": False}]),
    "plif": (nn.ParametricLIFNode, run_lif, [{"init_tau": 3.0}, {"init_tau": 2.5, "decay_input": False}]),
    "klif": (nn.KLIFNode, run_klif, [{"tau": 2.0}, {"tau": 3.0, "decay_input": False}]),
    "qif": (nn.QIFNode, run_qif, [{"tau": 3.0, "v_c": 0.7, "a0": 0.5}]),
    "eif": (nn.EIFNode, run_eif, [{"tau": 3.0, "delta_T": 0.5, "theta_rh": 0.7, "v_rest": -0.1}]),
    "izhikevich": (nn.IzhikevichNode, run_izhikevich, [{"tau_w": 4.0, "a": 0.3, "b": 0.2, "w_rest": 0.1}]),
    "cuba": (nn.CUBALIFNode, run_cuba, [{"tau": 3.0, "tau_syn": 2.0}, {"decay_input": False, "tau_syn": 4.0}]),
    "adaptive": (nn.AdaptiveLIFNode, run_adaptive, [{"tau_adapt": 5.0, "beta": 0.7}, {"decay_input": False}]),
}
FULL = list(itertools.product((0.0, -0.2, None), (False, True)))
SOME = [(-0.2, False), (None, True)]  # of the models that share their reset with LIF
CASES = [
    pytest.param(name, own, reset, detach, n, id=f"{name}{i}-{reset}-{'detach' if detach else 'through'}-{n}")
    for name, (_, _, choices) in MODELS.items()
    for i, own in enumerate(choices)
    for k, (reset, detach) in enumerate(FULL if (name, i) in (("if", 0), ("lif", 0)) else SOME)
    for n in ((N, 5) if k == i == 0 else (N,))  # four at a time, and one
]


def weights(rng, *shape):
    return rng.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(("name", "own", "reset", "detach", "n"), CASES)
def test_values_and_gradients(name, own, reset, detach, n):
    """From a given first state, through spikes, potentials and the last state, against derivatives the other way."""
    cls, formula, _ = MODELS[name]
    rng = np.random.default_rng(3)
    x = rng.normal(1.4, 1.2, (T, n)).astype(np.float32)
    first = rng.uniform(-0.3, 0.6, (2, n)).astype(np.float32)
    cs, cv, ce, cu = weights(rng, T, n), weights(rng, T, n), weights(rng, n), weights(rng, n)
    results = {}
    for memory in ("fast", "low") if (reset, detach) in SOME else ("fast",):
        node = cls(**own, v_reset=reset, detach_reset=detach, step_mode="m", store_v_seq=True, memory=memory)
        given = [grilly_vk.tensor(a, requires_grad=True) for a in (x, *first)]
        node.v = given[1]
        if node._second:
            setattr(node, node._second, given[2])
        spikes = node(given[0])
        loss = (spikes * grilly_vk.tensor(cs)).sum() + (node.v_seq * grilly_vk.tensor(cv)).sum()
        loss = loss + (node.v * grilly_vk.tensor(ce)).sum()
        if node._second:
            loss = loss + (getattr(node, node._second) * grilly_vk.tensor(cu)).sum()
        loss.backward()
        parameter = next(node.parameters(), None)
        states = given[: 2 + bool(node._second)]
        results[memory] = [spikes.numpy(), node.v_seq.numpy(), *(t.grad.numpy() for t in states)]
        results[memory] += [] if parameter is None else [parameter.grad.numpy()]
    for fast, low in zip(results["fast"], results.get("low", results["fast"])):
        np.testing.assert_array_equal(fast, low)

    w0 = -np.log(getattr(node, "init_tau", 2.0) - 1) if name == "plif" else 1.0
    dx, dv, du, dw = duals.inputs(x, first[0], first[1], w0)
    s, v, u = reference(node, formula, dx, dv, du, dw)
    got = results["fast"]
    np.testing.assert_array_equal(got[0], [d.value for d in s])
    np.testing.assert_allclose(got[1], [d.value for d in v], rtol=2e-5, atol=2e-6)
    slopes = sum(d.slope * c for d, c in zip(s, cs)) + sum(d.slope * c for d, c in zip(v, cv)) + v[-1].slope * ce
    slopes = slopes + u.slope * cu if node._second else slopes
    scale = np.abs(slopes).max()
    wanted = [slopes[:T], slopes[T], slopes[T + 1]][: 2 + bool(node._second)]
    for g, want in zip(got[2:], wanted):
        np.testing.assert_allclose(g, want, rtol=2e-5, atol=2e-6 * scale)
    if parameter is not None:
        np.testing.assert_allclose(got[-1], slopes[-1].sum(), rtol=2e-5, atol=2e-6 * scale * n)
    assert 0.05 < got[0].mean() < 0.95


EARLY = [
    ("if", {}, None, True, "fast"), ("lif", {"tau": 3.0}, -0.2, False, "fast"),
    ("lif", {"tau": 3.0}, None, False, "low"),
    ("klif", {"tau": 2.0}, 0.0, False, "fast"), ("izhikevich", {"a": 0.3, "b": 0.2}, -0.2, False, "fast"),
    ("adaptive", {"tau_adapt": 5.0, "beta": 0.7}, None, False, "fast"), ("cuba", {"tau_syn": 4.0}, 0.0, True, "low"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "own", "reset", "detach", "memory"), EARLY)
def test_potentials_before_the_reset(name, own, reset, detach, memory):
    """store_v_seq="before": H itself and its gradients, beside those of the spikes; in two pieces, as in one."""
    cls, formula, _ = MODELS[name]
    rng = np.random.default_rng(5)
    x, cs, cv = rng.normal(1.4, 1.2, (T, N)).astype(np.float32), weights(rng, T, N), weights(rng, T, N)
    for cut in (T, 3):
        node = cls(**own, v_reset=reset, detach_reset=detach, step_mode="m", store_v_seq="before", memory=memory)
        leaf, loss, found = grilly_vk.tensor(x, requires_grad=True), 0.0, []
        for part in (slice(0, cut), slice(cut, T)):
            s = node(leaf[part])
            loss = loss + (s * cs[part]).sum() + (node.v_seq * cv[part]).sum()
            found.append((s.numpy(), node.v_seq.numpy()))
        loss.backward()
        dx, zero = duals.inputs(x, np.zeros(N))
        scale = 1.0 if name == "klif" else None
        begin = zero + (reset or 0.0)
        s, h, _ = reference(node, formula, dx, begin, zero, zero if scale is None else zero + scale, early=True)
        np.testing.assert_array_equal(np.concatenate([f[0] for f in found]), [d.value for d in s])
        np.testing.assert_allclose(np.concatenate([f[1] for f in found]), [d.value for d in h], rtol=2e-5, atol=2e-6)
        slopes = (sum(d.slope * c for d, c in zip(s, cs)) + sum(d.slope * c for d, c in zip(h, cv)))[:T]
        np.testing.assert_allclose(leaf.grad.numpy(), slopes, rtol=2e-5, atol=2e-6 * np.abs(slopes).max())
        with grilly_vk.no_grad():
            F.reset_net(node)
            node(x)
        np.testing.assert_allclose(node.v_seq.numpy(), [d.value for d in h], rtol=2e-5, atol=2e-6)


def test_kinds_of_kept_potentials():
    """True is "after"; before and after differ where there was a spike; what backward needs can't be changed."""
    x = np.random.default_rng(5).normal(1.4, 1.2, (T, N)).astype(np.float32)
    kept = {}
    node = nn.LIFNode(refractory=1, step_mode="m")
    for kind in (True, "after", "before", np.bool_(False)):
        node.store_v_seq = kind
        F.reset_net(node)
        leaf = grilly_vk.tensor(x, requires_grad=True)
        s = node(leaf)
        kept[str(kind)] = None if node.v_seq is None else node.v_seq.numpy()
        if kind == "before":
            node.v_seq.detach().mul_(2.0)
            with pytest.raises(RuntimeError, match="changed"):
                s.sum().backward()
    np.testing.assert_array_equal(kept["True"], kept["after"])
    assert kept["False"] is None and node.store_v_seq is False
    fired = s.numpy() > 0
    assert (kept["before"][fired] >= 1).all() and (kept["after"][fired] == 0).all()
    np.testing.assert_array_equal(kept["before"][~fired], kept["after"][~fired])
    for wrong, error in (("later", ValueError), (1, TypeError), (None, TypeError)):
        with pytest.raises(error, match="store_v_seq must be True, False, 'before' or 'after', not"):
            nn.IFNode(store_v_seq=wrong)
        with pytest.raises(error, match="store_v_seq must be"):
            node.store_v_seq = wrong


@pytest.mark.parametrize("name", ["lif", "izhikevich", "adaptive"])
def test_single_steps_are_the_run(name):
    """Step mode "s" called T times gives the bits of step mode "m", and its gradients."""
    cls, _, (own, *_) = MODELS[name]
    rng = np.random.default_rng(4)
    x = rng.normal(0.7, 1.0, (T, 3, 4)).astype(np.float32)
    cs = weights(rng, T, 3, 4)
    got = []
    for mode in ("s", "m"):
        node = cls(**own, step_mode=mode)
        t = grilly_vk.tensor(x, requires_grad=True)
        spikes = node(t) if mode == "m" else grilly_vk.stack([node(t[i]) for i in range(T)])
        (spikes * grilly_vk.tensor(cs)).sum().backward()
        got.append([spikes.numpy(), node.v.numpy(), t.grad.numpy()])
    for s, m in zip(*got):
        np.testing.assert_allclose(s, m, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got[0][0], got[1][0])


def test_state_goes_on_until_reset():
    x = np.full((3, 2), 0.6, np.float32)
    node = nn.IFNode(step_mode="m")
    np.testing.assert_array_equal(node(x).numpy()[:, 0], [0, 1, 0])  # 0.6, 1.2, 0.6
    np.testing.assert_array_equal(node(x).numpy()[:, 0], [1, 0, 1])
    F.reset_net(node)
    assert node.v == 0.0
    np.testing.assert_array_equal(node(x).numpy()[:, 0], [0, 1, 0])


def test_long_runs_in_pieces(monkeypatch):
    """Runs that are cut for the device's sake give the bits and gradients of one piece."""
    rng = np.random.default_rng(5)
    x, cs = rng.normal(0.7, 1.0, (50, 6)).astype(np.float32), weights(rng, 50, 6)
    got = []
    for size in (64, 8):
        monkeypatch.setattr(type(grilly_vk.tensor(x).engine), "steps_per_submit", lambda self, work, size=size: size)
        node = nn.ParametricLIFNode(init_tau=3.0, step_mode="m", store_v_seq=True)
        adaptive = nn.AdaptiveLIFNode(step_mode="m")
        t = grilly_vk.tensor(x, requires_grad=True)
        spikes = node(t)
        ((spikes + adaptive(t)) * grilly_vk.tensor(cs)).sum().backward()
        got.append([spikes.numpy(), node.v_seq.numpy(), node.v.numpy(), t.grad.numpy(), node.w.grad.numpy()])
    for one, cut in zip(*got):
        np.testing.assert_allclose(cut, one, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(got[0][0], got[1][0])


@pytest.mark.parametrize("memory", ["fast", "low"])
def test_a_budget_that_changes_before_backward(memory, monkeypatch):
    """How much fits a submit is learned on the way: the way back takes the pieces of the way there."""
    rng = np.random.default_rng(11)
    x, cs = rng.normal(0.7, 1.0, (50, 6)).astype(np.float32), weights(rng, 50, 6)
    got = []
    for there, back in ((64, 64), (8, 16), (64, 8)):
        node, t = nn.LIFNode(step_mode="m", memory=memory), grilly_vk.tensor(x, requires_grad=True)
        monkeypatch.setattr(type(t.engine), "steps_per_submit", lambda self, work, size=there: size)
        spikes = node(t)
        monkeypatch.setattr(type(t.engine), "steps_per_submit", lambda self, work, size=back: size)
        (spikes * grilly_vk.tensor(cs)).sum().backward()
        got.append(t.grad.numpy())
    for other in got[1:]:
        np.testing.assert_allclose(other, got[0], rtol=1e-5, atol=1e-6)


def test_tensors_that_start_anywhere():
    """Input, state and incoming gradients that are views at odd places of other tensors."""
    rng = np.random.default_rng(10)
    values = rng.normal(0.7, 1.0, 3 + T * 8).astype(np.float32)
    got = []
    for shifted in (False, True):
        whole = grilly_vk.tensor(values, requires_grad=True)
        x = (whole[3:] if shifted else grilly_vk.tensor(values[3:], requires_grad=True)).reshape(T, 8)
        node = nn.LIFNode(step_mode="m")
        node.v = grilly_vk.tensor(values)[1:9] if shifted else grilly_vk.tensor(values[1:9])
        out = node(x)
        grads = grilly_vk.tensor(values)[3:].reshape(T, 8) if shifted else grilly_vk.tensor(values[3:]).reshape(T, 8)
        leaf = grilly_vk.tensor(values[3:].reshape(T, 8), requires_grad=True)
        node.reset()
        node(leaf).backward(grads)
        got.append([out.numpy(), leaf.grad.numpy()])
    for a, b in zip(*got):
        np.testing.assert_array_equal(a, b)


def test_one_dispatch_each_way():
    x = grilly_vk.tensor(np.ones((20, 4, 5), np.float32), requires_grad=True)
    node = nn.LIFNode(step_mode="m")
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["dispatches"]
    spikes = node(x)
    grilly_vk.synchronize()
    assert grilly_vk.memory_stats()["dispatches"] == before + 1
    g = grilly_vk.tensor(np.ones((20, 4, 5), np.float32))
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["dispatches"]
    spikes.backward(g)
    grilly_vk.synchronize()
    assert grilly_vk.memory_stats()["dispatches"] == before + 1


@pytest.mark.parametrize(("memory", "most"), [("fast", 1.05), ("low", 0.05)])
def test_what_is_kept_for_backward(memory, most):
    """Beyond input and spikes: the potentials, four bytes each, or nothing that grows with T."""
    shape = (64, 32, 1024)
    x = grilly_vk.tensor(np.ones(shape, np.float32), requires_grad=True)
    node = nn.LIFNode(step_mode="m", memory=memory)
    gc.collect()
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["bytes_in_use"]
    spikes = node(x)
    grilly_vk.synchronize()
    kept = grilly_vk.memory_stats()["bytes_in_use"] - before - spikes.nbytes
    assert kept <= most * spikes.nbytes, (kept, spikes.nbytes)


def test_an_unused_graph_is_freed_at_once():
    """Without the garbage collector: no result is held by its own node."""
    x = grilly_vk.tensor(np.ones((64, 1024), np.float32), requires_grad=True)
    F.lif_step(x, 0.0)
    gc.collect()
    gc.disable()
    try:
        grilly_vk.synchronize()
        before = grilly_vk.memory_stats()["bytes_in_use"]
        for memory in ("fast", "low"):
            node = nn.AdaptiveLIFNode(step_mode="m", memory=memory)
            spikes = node(x)
            del spikes, node
        del_me = F.lif_step(x, 0.0)
        del del_me
        grilly_vk.synchronize()
        assert grilly_vk.memory_stats()["bytes_in_use"] == before
    finally:
        gc.enable()


def test_no_steps_and_no_neurons():
    node = nn.AdaptiveLIFNode(step_mode="m")
    assert node(np.zeros((0, 2, 3), np.float32)).shape == (0, 2, 3)
    assert node.v.shape == (2, 3)
    np.testing.assert_array_equal(node.v.numpy(), 0)
    assert nn.IFNode(step_mode="m")(np.zeros((4, 0), np.float32)).shape == (4, 0)


def test_nan_and_infinity():
    """As numpy would: NaN never fires and stays, infinity fires and is reset, and infinity minus itself is NaN."""
    node = nn.LIFNode(step_mode="m", store_v_seq=True)
    s = node(np.array([[np.nan, np.inf, -np.inf, 3.0]] * 2, np.float32)).numpy()
    np.testing.assert_array_equal(s, [[0, 1, 0, 1]] * 2)
    np.testing.assert_array_equal(node.v.numpy(), [np.nan, 0, np.nan, 0])


def test_kernels_on_arrays():
    """VulkanCompute().snn: the same numbers, state in and out."""
    rng = np.random.default_rng(9)
    x, cs = rng.normal(0.7, 1.0, (T, 2, 6)).astype(np.float32), weights(rng, T, 2, 6)
    v0 = rng.normal(0.0, 0.3, (2, 6)).astype(np.float32)
    snn = grilly_vk.VulkanCompute().snn
    for tau, node in ((3.0, nn.LIFNode(tau=3.0, step_mode="m")), (None, nn.IFNode(step_mode="m"))):
        spikes, v, h = snn.snn_node_forward(x, v0, tau=tau)
        gx, gv = snn.snn_node_backward(cs, h, v0, tau=tau, surrogate="sigmoid", alpha=4.0)
        node.surrogate_function = nn.Sigmoid()
        t, first = grilly_vk.tensor(x, requires_grad=True), grilly_vk.tensor(v0, requires_grad=True)
        node.v = first
        out = node(t)
        (out * grilly_vk.tensor(cs)).sum().backward()
        for got, want in zip((spikes, v, gx, gv), (out, node.v, t.grad, first.grad)):
            np.testing.assert_array_equal(got, want.numpy())
    assert snn.snn_node_forward(np.zeros((0, 3), np.float32))[0].shape == (0, 3)
    with pytest.raises(ValueError, match="surrogate must be one of 'atan'"):
        snn.snn_node_backward(cs, h, surrogate="step")
    with pytest.raises(ValueError, match=r"grad_spikes has shape \(6, 2, 6\); expected \(7, 2, 6\)"):
        snn.snn_node_backward(cs[:-1], h)


# ---- bad input ----


def test_bad_arguments():
    for cls, options, error, text in [
        (nn.LIFNode, {"tau": 0.5}, ValueError, "tau is in steps and must be at least 1, got 0.5"),
        (nn.LIFNode, {"tau": "2"}, TypeError, "tau must be a number, not str"),
        (nn.ParametricLIFNode, {"init_tau": 1.0}, ValueError, "init_tau must be above 1"),
        (nn.IFNode, {"step_mode": "multi"}, ValueError, "step_mode must be one of 's', 'm'; got 'multi'"),
        (nn.IFNode, {"memory": "none"}, ValueError, "memory must be one of 'fast', 'low'"),
        (nn.IFNode, {"surrogate_function": "atan"}, TypeError, "surrogate_function must be a Surrogate"),
        (nn.IFNode, {"v_threshold": None}, TypeError, "v_threshold must be a number"),
        (nn.IFNode, {"detach_reset": 1}, TypeError, "detach_reset must be True or False"),
        (nn.EIFNode, {"delta_T": 0.0}, ValueError, "delta_T must be positive"),
    ]:
        with pytest.raises(error, match=text):
            cls(**options)


def test_another_shape_names_reset_net():
    node = nn.IFNode()
    node(np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match=r"shape \(4, 3\), but the state v of IFNode has shape \(2, 3\).*F.reset_net"):
        node(np.zeros((4, 3), np.float32))
    assert node.v.shape == (2, 3)
    F.reset_net(node)
    assert node(np.zeros((4, 3), np.float32)).shape == (4, 3)


def test_a_forgotten_reset_names_its_fix():
    """The second backward pass would run into the graph of the first."""
    model = nn.Sequential(nn.Linear(3, 4), nn.LIFNode())
    x = np.ones((2, 3), np.float32)
    model(x).sum().backward()
    with pytest.raises(RuntimeError, match=r"F.reset_net\(model\).*F.detach_net\(model\)"):
        model(x)
    F.detach_net(model)
    model(x).sum().backward()
    F.reset_net(model)
    model(x).sum().backward()


def test_truncated_backpropagation():
    """detach_net keeps the state and cuts the gradient: that of the second half alone."""
    rng = np.random.default_rng(6)
    x, cs = rng.normal(0.7, 1.0, (T, N)).astype(np.float32), weights(rng, T, N)
    node, half = nn.LIFNode(tau=3.0, step_mode="m"), 3
    a, b = (grilly_vk.tensor(part, requires_grad=True) for part in (x[:half], x[half:]))
    s = [node(a)]
    F.detach_net(node)
    s.append(node(b))
    (s[1] * grilly_vk.tensor(cs[half:])).sum().backward()
    assert a.grad is None
    dx, dv = duals.inputs(x, np.zeros(N))
    want, _, _ = reference(node, run_lif, dx, dv, dv, dv)
    np.testing.assert_array_equal(np.concatenate([t.numpy() for t in s]), [d.value for d in want])
    slopes = sum(d.slope * c for d, c in zip(want[half:], cs[half:]))
    np.testing.assert_allclose(b.grad.numpy(), slopes[half:T], rtol=2e-5, atol=2e-6)


# ---- compiled ----


def test_compiled_is_eager():
    """Forward, backward and update of a spiking net, as one graph: the same bits."""
    rng = np.random.default_rng(7)
    xs, ys = rng.normal(0.5, 4.0, (4, T, 8, 5)).astype(np.float32), rng.integers(0, 3, (4, 8)).astype(np.int32)
    losses = []
    for compiled in (False, True):
        grilly_vk.manual_seed(1)
        model = nn.Sequential(nn.Linear(5, 6), nn.LIFNode(), nn.Linear(6, 3), nn.ParametricLIFNode(v_threshold=0.1))
        F.set_step_mode(model, "m")
        optimizer = grilly_vk.optim.Adam(model.parameters(), lr=0.05)

        step = training_step(model, optimizer, lambda out, y: F.cross_entropy(out.mean(0), y))

        run = grilly_vk.compile(step) if compiled else step
        losses.append([run(x, y).item() for x, y in zip(xs, ys)])
    assert losses[0] == losses[1]
    assert losses[0][-1] != losses[0][0]


def test_compiled_state_may_not_cross_the_border():
    x = np.full((2, 3), 0.6, np.float32)
    node = nn.IFNode()
    forgetful = grilly_vk.compile(lambda x: node(x))
    with pytest.raises(RuntimeError, match=r"the state of IFNode would cross.*F.reset_net\(model\) inside"):
        forgetful(x)
    node(x)
    with pytest.raises(RuntimeError, match="would cross the border"):
        forgetful(x)
    F.reset_net(node)

    @grilly_vk.compile
    def careful(x):
        F.reset_net(node)
        return node(x) + node(x)

    for _ in range(2):
        np.testing.assert_array_equal(careful(x).numpy(), 1.0)


def test_same_bits_twice():
    x = np.random.default_rng(8).normal(0.7, 1.0, (30, 17)).astype(np.float32)
    runs = []
    for _ in range(2):
        node = nn.ParametricLIFNode(step_mode="m")
        t = grilly_vk.tensor(x, requires_grad=True)
        node(t).sum().backward()
        runs.append((node.v.numpy().tobytes(), t.grad.numpy().tobytes(), node.w.grad.numpy().tobytes()))
    assert runs[0] == runs[1]
