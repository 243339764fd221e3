"""The node that stands for a ReLU: spikes and potentials by the formula, gradients by float64 dual numbers."""

import copy

import duals
import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.nn.conversion import RateNode
from grilly_vk.ops.rate import rate_node

T, THRESHOLD = 9, 1.7


def atan(u):
    return 1 / (1 + (np.pi * u) ** 2)


def drawn(*shape, seed=0):
    return np.random.default_rng([seed, *shape]).normal(0.6, 1.0, shape).astype(np.float32)


def run(x, constant=False, steps=T, v=None, **options):
    threshold = grilly_vk.tensor(np.float32(options.pop("threshold", THRESHOLD)))
    return rate_node(x, threshold, nn.ATan().slope, steps, constant=constant, v=v, **options)


def by_hand(x, steps, v):
    """In float32, where each operation rounds as the kernel's does."""
    out, threshold = [], np.float32(THRESHOLD)
    for t in range(steps):
        h = v + (x if x.ndim == v.ndim else x[t])
        out.append(np.where(h >= threshold, threshold, np.float32(0)))
        v = h - out[-1]
    return np.stack(out), v


@pytest.mark.parametrize("n", [1, 3, 12, 40000])  # one neuron, odd, vec4, blocks of steps
@pytest.mark.parametrize("constant", [True, False])
def test_spikes_and_potentials_are_those_of_the_formula(n, constant):
    x = drawn(n) if constant else drawn(T, n)
    spikes, v = run(grilly_vk.tensor(x), constant)
    expected, end = by_hand(x, T, np.full(n, np.float32(0.5) * np.float32(THRESHOLD)))
    np.testing.assert_array_equal(spikes.numpy(), expected)
    np.testing.assert_array_equal(v.numpy(), end)
    assert spikes.is_spikes


def test_the_threshold_gets_no_gradient():
    x, threshold = (grilly_vk.tensor(a, requires_grad=True) for a in (drawn(T, 5), np.float32(THRESHOLD)))
    rate_node(x, threshold, nn.ATan().slope, T)[0].sum().backward()
    assert x.grad is not None and threshold.grad is None


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("n", [5, 8])
def test_gradients_are_those_of_dual_numbers(constant, detach, n):
    x, v0 = (drawn(n) if constant else drawn(T, n)), drawn(n, seed=1)
    cs, cv = drawn(T, n, seed=2), drawn(n, seed=3)
    xt, vt = (grilly_vk.tensor(a, requires_grad=True) for a in (x, v0))
    spikes, end = run(xt, constant, v=vt, detach_reset=detach)
    ((spikes * cs).sum() + (end * cv).sum()).backward()

    dx, dv = duals.inputs(x.astype(np.float64), v0.astype(np.float64))
    total, v = 0.0, dv
    for t in range(T):
        h = v + (dx if constant else dx[t])
        s = (h * (1 / THRESHOLD) - 1.0).spike(atan)
        total = total + s * THRESHOLD * cs[t]
        v = h - (s.detach() if detach else s) * THRESHOLD
    slope = (total + v * cv).slope
    np.testing.assert_allclose(xt.grad.numpy(), slope[0] if constant else slope[:T], 2e-4, 2e-5)
    np.testing.assert_allclose(vt.grad.numpy(), slope[-1], 2e-4, 2e-5)


@pytest.mark.parametrize("constant", [True, False])
def test_gradients_of_many_neurons_are_those_of_few(constant):
    """So many that a CPU walks them in blocks of steps."""
    steps, x, v0 = 19, drawn(8) if constant else drawn(19, 8), drawn(8, seed=1)
    cs, cv = drawn(steps, 8, seed=2), drawn(8, seed=3)

    def gradients(copies):
        def many(a):
            return np.tile(a, copies)

        xt, vt = (grilly_vk.tensor(many(a), requires_grad=True) for a in (x, v0))
        spikes, end = run(xt, constant, steps, vt)
        ((spikes * many(cs)).sum() + (end * many(cv)).sum()).backward()
        return xt.grad.numpy(), vt.grad.numpy()

    for few, all_ in zip(gradients(1), gradients(5000)):
        np.testing.assert_allclose(all_, np.tile(few, 5000), 1e-6, 1e-6)


@pytest.mark.parametrize("surrogate", [nn.Sigmoid(3.0), nn.CustomSurrogate(derivative="exp(-x * x)")])
def test_every_surrogate_gives_its_derivative(surrogate):
    """One step from potential 0: the gradient is the surrogate's at x / threshold - 1."""
    x = drawn(1, 6)
    node = RateNode(THRESHOLD, v_init=0.0, surrogate_function=surrogate, detach_reset=True, step_mode="m")
    xt = grilly_vk.tensor(x, requires_grad=True)
    node(xt).sum().backward()
    wanted = surrogate.derivative(grilly_vk.tensor(x / np.float32(THRESHOLD) - 1)).numpy()
    np.testing.assert_allclose(xt.grad.numpy(), wanted, 1e-5, 1e-6)


def test_a_long_run_in_pieces_is_one_run(monkeypatch):
    """Spikes and gradients, of constant input and not."""
    x, c = drawn(T, 6), drawn(6)

    def both():
        found = []
        for value, constant in ((x, False), (c, True)):
            t = grilly_vk.tensor(value, requires_grad=True)
            spikes, v = run(t, constant)
            (spikes * drawn(T, 6, seed=5) + v).sum().backward()
            found += [spikes.numpy(), v.numpy(), t.grad.numpy()]
        return found

    whole = both()
    monkeypatch.setattr(type(grilly_vk.tensor(x).engine), "steps_per_submit", lambda self, work: 4)
    for one, other in zip(whole, both()):
        np.testing.assert_allclose(one, other, 1e-6, 1e-6)


def test_no_steps_leave_the_first_potential():
    spikes, v = run(grilly_vk.tensor(np.zeros((0, 3), np.float32)), steps=0)
    assert spikes.shape == (0, 3)
    np.testing.assert_allclose(v.numpy(), THRESHOLD / 2)


@pytest.mark.parametrize("start", [0.0, 0.25, 0.5])
def test_the_mean_is_near_the_relu(start):
    """|mean(s) - clip(x, 0, threshold)| < threshold / T; with half a threshold to start, half of that inside."""
    x = np.linspace(-2, 3, 1001).astype(np.float32)
    for steps in (1, 7, 64):
        mean = run(grilly_vk.tensor(x), True, steps, start=start)[0].mean(0).numpy()
        off = np.abs(mean - np.clip(x, 0, THRESHOLD))
        rounding = 1e-5
        assert off.max() <= THRESHOLD / steps * max(start, 1 - start) + rounding


def test_a_node_by_itself_works_like_the_others():
    """Single steps, all steps, containers, reset, copies."""
    x = drawn(T, 2, 5)
    node = RateNode(THRESHOLD)
    single = np.stack([node(row).numpy() for row in x])
    assert node.v.shape == (2, 5)
    twin = copy.deepcopy(node)
    np.testing.assert_array_equal(twin(x[0]).numpy(), node(x[0]).numpy())
    node.reset()
    assert node.v is None
    node.step_mode = "m"
    np.testing.assert_array_equal(node(x).numpy(), single)
    np.testing.assert_array_equal(nn.MultiStepContainer(RateNode(THRESHOLD))(x).numpy(), single)
    assert np.array_equal(F.multi_step_forward(RateNode(THRESHOLD), x, T).numpy(), single)
    with pytest.raises(ValueError, match="reset_net"):
        node(x[:, :1])
    node.reset()
    node.step_mode, node.v = "s", 1.0
    np.testing.assert_array_equal(node(x[0]).numpy(), by_hand(x[:1], 1, np.ones((2, 5), np.float32))[0][0])


def test_bad_arguments_are_named():
    for options, text in (
        ({"threshold": 0.0}, "threshold"),
        ({"v_init": "half"}, "v_init"),
        ({"cap": -1.0}, "cap"),
        ({"surrogate_function": "atan"}, "surrogate_function"),
        ({"detach_reset": 1}, "detach_reset"),
        ({"step_mode": "x"}, "step_mode"),
    ):
        with pytest.raises((TypeError, ValueError), match=text):
            RateNode(**options)
    with pytest.raises(ValueError, match="step mode 'm'"):
        RateNode(step_mode="m")(1.0)


def test_the_new_activations():
    x = np.array([-3.0, -0.5, 0.0, 0.5, 2.0, 6.0, 7.5], np.float32)
    t = grilly_vk.tensor(x, requires_grad=True)
    np.testing.assert_array_equal(nn.ReLU6()(t).numpy(), np.clip(x, 0, 6))
    np.testing.assert_array_equal(nn.Hardtanh()(t).numpy(), np.clip(x, -1, 1))
    nn.Hardtanh(-0.75, 3.0)(t).sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), (x > -0.75) & (x < 3))
    assert repr(nn.ReLU6()) == "ReLU6()" and "max_val=2.0" in repr(nn.Hardtanh(0, 2))
    with pytest.raises(ValueError, match="min_val"):
        nn.Hardtanh(1.0, 1.0)
