"""Nodes whose reset comes with the step after the spike, against float64 dual numbers, and in all the ways they run."""

import copy
import warnings

import duals
import numpy as np
import pytest
from duals import Dual
from learning import training_step

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import monitor, nn

T = 9
CONSTANTS = {"beta": 0.8, "alpha": 0.6, "v_threshold": 0.9}


def atan(x):
    return 1 / (1 + (np.pi * x) ** 2)


def log(d):
    return Dual(np.log(d.value), d.slope / d.value)


def over(a, b):
    return a * Dual(1 / b.value, -b.slope / b.value**2)


def reference(kind, x, first, beta, alpha, threshold):
    """Spikes, potentials that spikes follow from and that the next step finds, and the last states, as Duals."""
    states, reset, late = kind
    v, u, q = first
    spikes, early, after = [], [], []
    for x_t in x:
        r = (v.value > threshold.value).astype(float)
        if states == 3:
            up, down = log(alpha), log(beta)
            tau = over(up, down - up) + 1.0
            more, less = alpha * u + x_t, beta * q - x_t
            h = tau * (more + less)
            if reset == "subtract":
                h, more, less = h + q * r, more - threshold * r, less * (1 - r)
            elif reset != "none":
                h, more, less = h * (1 - r), more * (1 - r), less * (1 - r)
            u, q = more, less
        else:
            before = v * (1 - r) if reset == "zero" else v
            u = alpha * u + x_t if states == 2 else u
            h = beta * before + (u if states == 2 else x_t)
            h = h - threshold * r if reset == "subtract" else h * (1 - r) if reset == "blank" else h
        s = (h - threshold).spike(atan)
        v = h
        if not late:
            v = h - (s - r) * threshold if reset == "subtract" else h - (s - r) * h if reset != "none" else h
        spikes.append(s)
        early.append(h)
        after.append(v)
    return spikes, early, after, (v, u, q)


def build(kind, **options):
    states, reset, late = kind
    given = {"reset_mechanism": reset, "step_mode": "m", "v_threshold": CONSTANTS["v_threshold"]} | options
    if states == 3:
        return nn.AlphaNode(**{"alpha": 0.8, "beta": 0.6} | given)
    return nn.LateResetNode(**{"beta": 0.8, "alpha": 0.6 if states == 2 else None, "late": late} | given)


KINDS = [
    (1, "subtract", True), (1, "zero", False), (1, "blank", True), (1, "subtract", False), (1, "none", True),
    (2, "subtract", False), (2, "zero", True), (2, "blank", False), (3, "subtract", True), (3, "zero", True),
    (3, "none", True),
]  # fmt: skip


FEW = [KINDS[i] for i in (1, 8)]  # every variant of a kernel takes a driver time to compile


@pytest.mark.parametrize(("kind", "n"), [*((kind, 12) for kind in KINDS), *((kind, 5) for kind in FEW)])
def test_values_and_gradients(kind, n, monkeypatch):
    """From given first states, through spikes, potentials, last states and constants; in pieces and computed again."""
    states, rng = kind[0], np.random.default_rng(7)
    x = np.abs(rng.normal(0.0, 1.3 if states == 3 else 0.7, (T, n))).astype(np.float32)
    first = rng.uniform(0.0, 1.5, (3, n)).astype(np.float32) * np.array([[1], [0.5], [-0.3]], np.float32)
    cs, cv, ce = (rng.normal(size=shape).astype(np.float32) for shape in ((T, n), (T, n), (3, n)))
    names = ["beta", *(["alpha"] if states > 1 else []), "v_threshold"]
    results = []
    ways = [("fast", "before", T), ("low", "after", 4)] + [("fast", "after", 2), ("low", "before", T)] * (kind in FEW)
    for memory, store, size in ways:
        node = build(kind, learn=names, memory=memory, store_v_seq=store)
        leaves = [grilly_vk.tensor(a, requires_grad=True) for a in (x, *first[:states])]
        monkeypatch.setattr(type(leaves[0].engine), "steps_per_submit", lambda self, work, size=size: size)
        for name, leaf in zip(node.memories(), leaves[1:]):
            setattr(node, name, leaf)
        spikes = node(leaves[0])
        loss = (spikes * cs).sum() + (node.v_seq * cv).sum()
        for state, c in zip(node.memories().values(), ce):
            loss = loss + (state * c).sum()
        loss.backward()
        got = [spikes, node.v_seq, *(t.grad for t in leaves), *(getattr(node, name).grad for name in names)]
        results.append((store, [t.numpy() for t in got]))
    for store in ("before", "after") if kind in FEW else ():
        one, two = (got for kept, got in results if kept == store)
        for a, b in zip(one, two):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)  # sums in another order
    node = build(kind)
    numbers = node.beta, node.alpha or 0.0, node.v_threshold
    dx, *rest = duals.inputs(x, *first, *numbers)
    s, early, after, last = reference(kind, dx, rest[:3], *rest[3:])
    places = [T + 3, *([T + 4] if states > 1 else []), T + 5]
    for store, got in (results[0], results[1]):
        v = early if store == "before" else after
        np.testing.assert_array_equal(got[0], [d.value for d in s])
        np.testing.assert_allclose(got[1], [d.value for d in v], rtol=2e-5, atol=2e-6)
        slopes = sum(d.slope * c for d, c in zip(s, cs)) + sum(d.slope * c for d, c in zip(v, cv))
        slopes = slopes + sum(d.slope * c for d, c in zip(last[:states], ce))
        scale = np.abs(slopes).max()
        for g, want in zip(got[2:], [slopes[:T], *slopes[T : T + states]]):
            np.testing.assert_allclose(g, want, rtol=2e-5, atol=3e-6 * scale)
        for g, place in zip(got[3 + states :], places):
            np.testing.assert_allclose(g, slopes[place].sum(), rtol=3e-5, atol=3e-6 * scale * n)
    assert 0.1 < results[0][1][0].mean() < 0.9


@pytest.mark.parametrize("states", [1, 3])
@pytest.mark.parametrize("n", [5, 8])
def test_constants_of_each_neuron(n, states):
    """Arrays and Parameters of arrays are what each neuron alone with its numbers gives, gradients too."""
    rng = np.random.default_rng(3)
    beta, level = (rng.uniform(*ends, n).astype(np.float32) for ends in ((0.3, 0.6), (0.5, 1.2)))
    x = np.abs(rng.normal(0, 1.2, (T, 4, n))).astype(np.float32)  # whose elements are whole vectors, if not samples
    kind = (states, "subtract", True)

    def run(x, **given):
        node = build(kind, learn=("beta", "spike_factor"), spike_factor=0.5, **given)
        leaf = grilly_vk.tensor(x, requires_grad=True)
        s = node(leaf)
        (s * x + node.v).sum().backward()
        return [a.numpy() for a in (s, node.v, leaf.grad, node.beta.grad, node.spike_factor.grad)]

    whole = run(x, beta=beta, v_threshold=level)
    heights = 0.0
    for j in range(n):
        one = run(x[..., j : j + 1].copy(), beta=float(beta[j]), v_threshold=float(level[j]))
        heights += one[4]
        for k in range(3):
            np.testing.assert_allclose(one[k][..., 0], whole[k][..., j], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(one[3], whole[3][j], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(heights, whole[4], rtol=1e-5)
    assert set(np.unique(whole[0])) == {0.0, 0.5}


def test_blocks_of_many_neurons():
    """Long rows, which a CPU walks in blocks of steps: the same bits as in short ones."""
    x = np.abs(np.random.default_rng(2).normal(0, 0.7, (19, 8))).astype(np.float32)
    many = np.tile(x, 4096)
    got = []
    for given in (x, many):
        node = build((2, "zero", False), store_v_seq=True, learn=("beta", "alpha", "v_threshold"))
        leaf = grilly_vk.tensor(given, requires_grad=True)
        s = node(leaf)
        (s + node.v_seq).sum().backward()
        got.append(
            [s.numpy(), node.v_seq.numpy(), leaf.grad.numpy(), node.beta.grad.numpy() * (32768 / given.shape[1])]
        )
    for few, lots in zip(got[0][:3], got[1]):
        np.testing.assert_array_equal(np.tile(few, 4096), lots)
    np.testing.assert_allclose(got[0][3], got[1][3], rtol=1e-4)


@pytest.mark.parametrize("memory", ["fast", "low"])
def test_all_steps_are_one_dispatch(memory):
    """Each way, and with little memory forward again on the way back."""
    node = nn.LateResetNode(0.9, 0.8, step_mode="m", store_v_seq="before", memory=memory)
    leaf = grilly_vk.tensor(np.ones((T, 2, 8), np.float32), requires_grad=True)
    with grilly_vk.profile() as p:
        (node(leaf) * node.v_seq.detach()).sum().backward()
        grilly_vk.synchronize()
    calls = {k.kernel.removesuffix(".vec4"): k.calls for k in p.kernels}
    assert calls["snn-late-reset"] == 1 + (memory == "low") and calls["snn-late-reset-backward"] == 1


def test_what_is_given_and_kept_stays():
    """The gradient of the last potential is not written to, a run of no steps leaves the state, and what backward reads
    can't be changed."""
    node = nn.LateResetNode(0.9, step_mode="m", store_v_seq=True)
    leaf, c = grilly_vk.tensor(np.ones((3, 2, 4), np.float32), requires_grad=True), grilly_vk.tensor(np.ones((2, 4)))
    node(leaf)
    v = node.v
    node(np.zeros((0, 2, 4), np.float32))
    assert node.v is v
    v.backward(c)
    assert (c.numpy() == 1.0).all()
    F.reset_net(node)
    out = node(leaf)
    node.v_seq.detach().mul_(2.0)
    with pytest.raises(RuntimeError, match="changed"):
        out.sum().backward()


def test_your_own_surrogate_sees_each_threshold():
    x, got = np.abs(np.random.default_rng(6).normal(0, 0.8, (T, 2, 3))).astype(np.float32), []
    for surrogate in (nn.ATan(), grilly_vk.surrogate.Custom(lambda z: 1.0 / (1.0 + (np.pi * z) ** 2))):
        node = nn.LateResetNode(0.9, v_threshold=[0.5, 1.0, 1.5], surrogate_function=surrogate, step_mode="m")
        leaf = grilly_vk.tensor(x, requires_grad=True)
        node(leaf).sum().backward()
        got.append(leaf.grad.numpy())
    np.testing.assert_allclose(*got, rtol=1e-5, atol=1e-6)


def test_shares_that_train_are_clipped():
    """Beyond [0, 1] they count as its end, without a gradient; a share of 0 is one, without a warning."""
    x = np.full((T, 1, 4), 0.4, np.float32)
    for make in (lambda share: nn.LateResetNode(0.5, share), lambda share: nn.AlphaNode(share, 0.5)):
        runs = []
        for share in (1.3, 1.0):
            node = make(nn.Parameter(np.float32(share)))
            F.set_step_mode(node, "m")
            node(x)
            node.v.sum().backward()
            runs.append((node.v.numpy(), node.alpha.grad.item()))
        np.testing.assert_array_equal(runs[0][0], runs[1][0])
        assert runs[0][1] == 0.0 != runs[1][1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isfinite(nn.AlphaNode(0.8, 0.0)(x[0]).numpy()).all()


def test_single_steps_and_a_batch_as_long_as_the_sequence():
    """Steps, all of them, two calls, a copy in mid-sequence, a subclass, lists and a Sequential: the same numbers."""

    class Own(nn.LateResetNode):
        pass

    x = np.abs(np.random.default_rng(4).normal(0, 0.8, (6, 6, 5))).astype(np.float32)
    node = nn.LateResetNode(0.9, step_mode="m")
    want = node(x).numpy()
    assert want.any()
    F.reset_net(node)
    first = node(x[:2].tolist()).numpy()
    other = copy.deepcopy(node)
    for rest in (node, other):
        np.testing.assert_array_equal(np.concatenate([first, rest(x[2:]).numpy()]), want)
    steps = Own(0.9)
    np.testing.assert_array_equal(np.stack([steps(row).numpy() for row in x]), want)
    net = nn.Sequential(nn.Flatten(), nn.LateResetNode(0.9))
    F.set_step_mode(net, "m")
    np.testing.assert_array_equal(net(x).numpy(), want)
    assert node(np.zeros((0, 6, 5), np.float32)).shape == (0, 6, 5) and node.v.shape == (6, 5)


def test_compiled_training_is_eager_training():
    """Learnt decays and thresholds, as one graph; a constant that is assigned later acts from the next call on."""
    rng = np.random.default_rng(7)
    xs, ys = rng.uniform(0, 3, (5, T, 8, 6)).astype(np.float32), rng.integers(0, 3, (5, 8)).astype(np.int32)
    losses = []
    for compiled in (False, True):
        grilly_vk.manual_seed(1)
        last = nn.LateResetNode(np.full(3, 0.9), 0.5, learn=("beta", "alpha"), store_v_seq="before")
        model = nn.Sequential(nn.Linear(6, 7), nn.LateResetNode(0.8, learn="v_threshold"), nn.Linear(7, 3), last)
        F.set_step_mode(model, "m")
        optimizer = grilly_vk.optim.Adam(model.parameters(), lr=0.05)
        step = training_step(model, optimizer, lambda out, y, last=last: F.cross_entropy(last.v_seq.mean(0), y))
        run = grilly_vk.compile(step) if compiled else step
        found = [run(x, y).item() for x, y in zip(xs[:3], ys)]
        last.beta, last.v_threshold = 0.5, 0.2
        model[1].reset_mechanism = "zero"
        losses.append(found + [run(x, y).item() for x, y in zip(xs[3:], ys[3:])])
    assert losses[0] == losses[1]
    assert last.beta.shape == (3,) and abs(last.beta.numpy() - 0.5).max() < 0.2


def test_what_trains_is_a_parameter():
    """Saved and loaded under its name, assigned in place, copied, and given as a Parameter."""
    node = nn.LateResetNode([0.5, 0.6], 0.7, learn=("beta", "v_threshold"))
    assert list(node.state_dict()) == ["beta", "v_threshold"] and node.alpha == 0.7
    kept, given = node.beta, node.state_dict()
    node.beta = [0.1, 0.2]
    node.v_threshold = 2.0
    assert node.beta is kept and node.beta.tolist() == pytest.approx([0.1, 0.2]) and node.v_threshold.item() == 2.0
    node.load_state_dict(given)
    node.alpha = np.float32([0.2, 0.3])
    first = [node(np.ones((1, 2), np.float32)).numpy(), node.current.numpy()]
    node.alpha = np.float32([0.4, 0.7])  # what was uploaded for the one before is not used again
    node(np.ones((1, 2), np.float32))
    np.testing.assert_allclose(node.current.numpy(), node.alpha * first[1] + 1)
    node.alpha = 0.7
    other = copy.deepcopy(node)
    assert other.beta is next(other.parameters()) and other.beta is not kept
    own = nn.Parameter(np.float32(0.3))
    again = nn.LateResetNode(own)
    assert again.beta is own and again.learn == ("beta",) and [p is own for p in again.parameters()] == [True]
    again.beta = nn.Parameter(np.float32(0.4))
    assert next(again.parameters()) is again.beta is not own
    assert repr(node) == (
        "LateResetNode(alpha=0.7, learn=('beta', 'v_threshold'), reset_mechanism='subtract', "
        "surrogate_function=ATan(alpha=2), step_mode='s')"
    )


def test_without_a_threshold_and_without_numbers():
    """inf never fires, with finite gradients; NaN stays in its neuron and never fires."""
    for kind in (KINDS[3], *FEW):
        node = build(kind, v_threshold=np.array([np.inf, 1.0], np.float32))
        leaf = grilly_vk.tensor(np.full((4, 1, 2), 3.0, np.float32), requires_grad=True)
        s = node(leaf)
        (s.sum() + node.v.sum()).backward()
        assert not s.numpy()[..., 0].any() and s.numpy()[..., 1].any()
        assert np.isfinite(leaf.grad.numpy()).all() and np.isfinite(node.v.numpy()).all()
    node = nn.LateResetNode(0.9, step_mode="m")
    s = node(np.array([[np.nan, 2.0]] * 3, np.float32)).numpy()
    assert not s[:, 0].any() and s[:, 1].any() and np.isnan(node.v.numpy()[0])


def test_monitors_and_feedback():
    """Watched as other nodes are; in a RecurrentSynapse the potentials of each step are kept."""
    x = np.abs(np.random.default_rng(4).normal(0, 0.8, (T, 2, 4))).astype(np.float32)
    node = nn.LateResetNode(0.9, step_mode="m")
    with monitor.SpikeMonitor(node) as spikes, monitor.PotentialMonitor(node) as potentials:
        out = node(x)
        np.testing.assert_array_equal(spikes["LateResetNode"], out.numpy())
        np.testing.assert_array_equal(potentials["LateResetNode"][-1], node.v.numpy())
    recurrent = nn.RecurrentSynapse(nn.LateResetNode(0.9, store_v_seq=True), nn.Linear(4, 4), step_mode="m")
    assert recurrent.v_seq is None
    recurrent(x)
    assert recurrent.v_seq.shape == x.shape
    np.testing.assert_array_equal(recurrent.v_seq[-1].numpy(), recurrent.node.v.numpy())


@pytest.mark.parametrize("alpha", [None, 0.8])
def test_what_a_subclass_remembers_is_no_current(alpha):
    class Counting(nn.LateResetNode):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self.register_memory("calls", 0)

        def forward(self, x, *, steps=None):
            self.calls += 1
            return super().forward(x, steps=steps)

    x = np.abs(np.random.default_rng(5).normal(0, 0.8, (T, 2, 4))).astype(np.float32)
    plain, node = (kind(0.9, alpha, step_mode="m") for kind in (nn.LateResetNode, Counting))
    for calls in (1, 2):
        np.testing.assert_array_equal(node(x).numpy(), plain(x).numpy())
        assert node.calls == calls
    node.reset()
    assert node.calls == 0 and copy.deepcopy(node)(x).shape == x.shape


def test_bad_arguments():
    for wrong, error, text in (
        (lambda: nn.LateResetNode(1.5), ValueError, r"beta must lie in .0.0, 1.0., got 1.5"),
        (lambda: nn.LateResetNode("0.9"), TypeError, "beta must be a number, not str"),
        (lambda: nn.LateResetNode(0.9, [0.5, -0.1]), ValueError, "alpha must lie in"),
        (lambda: nn.LateResetNode(0.9, reset_mechanism="sub"), ValueError, "reset_mechanism must be one of 'none', 's"),
        (lambda: nn.LateResetNode(0.9, learn="alpha"), ValueError, "learn must name some of 'beta', 'v_threshold', 's"),
        (lambda: nn.LateResetNode(0.9, learn=1), TypeError, "learn must hold names of constants, not 1"),
        (lambda: nn.LateResetNode(0.9, late=0), TypeError, "late must be True or False"),
        (lambda: nn.AlphaNode(0.5, 0.5), ValueError, "alpha must be above beta, got alpha=0.5 and beta=0.5"),
        (lambda: nn.AlphaNode(0.9, 0.5, reset_mechanism="blank"), ValueError, "reset_mechanism must be one of"),
        (lambda: nn.LateResetNode([0.5] * 4)(np.ones((2, 3))), ValueError, r"\(2, 3\), but .* shape \(4,\)"),
        (lambda: nn.LateResetNode([0.5] * 4, [0.5] * 3)(np.ones((2, 3))), ValueError, "which don't broadcast"),
        (lambda: setattr(nn.LateResetNode(0.9), "alpha", 0.5), ValueError, "alpha can't become None, or a number from"),
        (lambda: setattr(nn.LateResetNode(0.9), "beta", nn.Parameter(0.5)), ValueError, "beta does not train in this"),
        (lambda: setattr(nn.LateResetNode([0.9] * 2, learn="beta"), "beta", [0.5] * 3), ValueError, r"given \(3,\)"),
        (
            lambda: setattr(nn.LateResetNode([0.9] * 2, learn="beta"), "beta", nn.Parameter(np.ones(3))), ValueError,
            r"\(3,\)",
        ),
        (lambda: setattr(nn.AlphaNode(0.9, 0.8), "beta", 0.95), ValueError, "alpha must be above beta"),
        (lambda: setattr(nn.AlphaNode(0.9, 0.8), "late", False), AttributeError, "is fixed when it is made"),
    ):  # fmt: skip
        with pytest.raises(error, match=text) as caught:
            wrong()
        assert len(str(caught.value)) < 300
    node = nn.LateResetNode(0.9)
    node(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"\(2, 3\)"):
        node(np.ones((3, 3)))
    for name, value in (("alpha", 0.5), ("beta", 2.0), ("late", None)):
        with pytest.raises((TypeError, ValueError)):
            setattr(node, name, value)
    assert (node.alpha, node.beta, node.late) == (None, 0.9, True)
