"""Hebbian learning: hebb, Oja and BCM against float64 references, what they converge to, bad input."""

import gc

import numpy as np
import pytest

import grilly_vk
from grilly_vk import VulkanCompute, nn
from grilly_vk.ops import plasticity as ops
from grilly_vk.ops import steps
from grilly_vk.tensor import from_numpy, full

# One update is a float32 sum of up to some hundred terms of size 1, times a rate below 1.
CLOSE = dict(rtol=1e-5, atol=1e-5)


def reference(pre, post, w, lr=0.01, decay=0.0, rule="hebb", theta=None, tau=100.0):
    """The rules written out, in float64: pre (T, B, in), post (T, B, out)."""
    pre, post, w = (np.asarray(v, np.float64) for v in (pre, post, w))
    theta = np.zeros(len(w)) if theta is None else np.array(theta, np.float64)
    change, overlap = np.zeros_like(w), np.zeros((len(w), len(w)))
    samples = pre.shape[0] * pre.shape[1]
    for xs, ys in zip(pre, post):
        for x, y in zip(xs, ys):
            if rule == "bcm":
                change += np.outer(y * (y - theta), x)
            else:
                change += np.outer(y, x)
            if rule == "oja":
                change -= (y**2)[:, None] * w
            overlap += np.outer(y, y)
        theta = theta + (1 - np.exp(-1 / tau)) * ((ys**2).mean(0) - theta)
    if rule in ("oja_subspace", "sanger"):
        change -= (overlap if rule == "oja_subspace" else np.tril(overlap)) @ w
    return w + lr * change / samples - lr * decay * w, theta


def problem(steps, batch, ins, outs, seed=0):
    rng = np.random.default_rng(seed)
    shapes = (steps, batch, ins), (steps, batch, outs), (outs, ins)
    return tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)


def layer(w, rule="hebb", **settings):
    made = nn.HebbianLayer(w.shape[1], w.shape[0], rule, **settings)
    made.weight = w
    return made


@pytest.mark.parametrize("rule", ops.RULES)
@pytest.mark.parametrize(
    "steps, batch, ins, outs", [(1, 1, 1, 1), (1, 5, 7, 3), (6, 4, 65, 66), (40, 1, 4, 8), (3, 2, 1, 9), (2, 3, 130, 1)]
)
def test_updates_match_the_rule(steps, batch, ins, outs, rule):
    pre, post, w = problem(steps, batch, ins, outs)
    one = layer(w, rule, tau_theta=5.0)
    one.update_weights(pre, post, learning_rate=0.3, weight_decay=0.2)
    want, theta = reference(pre, post, w, 0.3, 0.2, rule, tau=5.0)
    np.testing.assert_allclose(one.weight, want, **CLOSE)
    if rule == "bcm":
        np.testing.assert_allclose(one.theta, theta, **CLOSE)
    one.update_weights(pre, post)
    want, _ = reference(pre, post, want, rule=rule, theta=theta, tau=5.0)
    np.testing.assert_allclose(one.weight, want, **CLOSE)


@pytest.mark.parametrize("rule", ops.RULES)
def test_ranks(rule):
    pre, post, w = problem(1, 1, 6, 5)
    results = []
    for shape in ((-1,), (1, -1), (1, 1, -1)):
        one = layer(w, rule)
        one.update_weights(pre.reshape(shape), post.reshape(shape), 0.1)
        results.append(one.weight)
    np.testing.assert_allclose(results[0], reference(pre, post, w, 0.1, rule=rule)[0], **CLOSE)
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])


def test_weight_decay_alone():
    _, _, w = problem(1, 1, 6, 5)
    one = layer(w)
    one.update_weights(np.zeros(6), np.zeros(5), learning_rate=0.5, weight_decay=0.1)
    np.testing.assert_allclose(one.weight, 0.95 * w, rtol=1e-6)


@pytest.mark.parametrize("rule", ops.RULES)
def test_runs_that_are_cut_give_the_same(monkeypatch, rule):
    pre, post, w = problem(30, 3, 10, 7)
    want, theta = reference(pre, post, w, 0.3, 0.4, rule)
    for module, name, value in ((ops, "_MOST_STEPS", 16), (steps, "_PIECE", 4 * 30 * 7)):
        monkeypatch.setattr(module, name, value)
        one = layer(w, rule)
        one.update_weights(pre, post, 0.3, 0.4)
        np.testing.assert_allclose(one.weight, want, **CLOSE)
        if rule == "bcm":
            np.testing.assert_allclose(one.theta, theta, **CLOSE)


@pytest.mark.parametrize("rule", ops.RULES)
def test_no_memory_in_the_middle_of_a_run_leaves_the_state(monkeypatch, rule):
    pre, post, w = problem(30, 3, 10, 7)
    one = layer(w, rule)
    one.update_weights(pre, post, 0.3)
    before = one.weight, one.theta
    monkeypatch.setattr(steps, "_PIECE", 4 * 30 * 7)
    send, calls = steps.from_numpy, []

    def third_time_out_of_memory(values, **settings):
        calls.append(1)
        if len(calls) == 4:
            raise grilly_vk.OutOfDeviceMemory("no room")
        return send(values, **settings)

    monkeypatch.setattr(steps, "from_numpy", third_time_out_of_memory)
    with pytest.raises(grilly_vk.OutOfDeviceMemory):
        one.update_weights(pre, post, 0.3)
    np.testing.assert_array_equal(one.weight, before[0])
    np.testing.assert_array_equal(one.theta, before[1])


def test_no_memory_for_the_new_weights_leaves_the_threshold(monkeypatch):
    """A run of several launches in one piece."""
    pre, post, w = problem(30, 3, 10, 7)
    one = layer(w, "bcm")
    one.theta = np.full(7, 0.5)
    monkeypatch.setattr(ops, "_MOST_STEPS", 16)
    take = grilly_vk.Tensor.copy

    def no_room(tensor):
        if tensor.shape == w.shape:
            raise grilly_vk.OutOfDeviceMemory("no room")
        return take(tensor)

    monkeypatch.setattr(grilly_vk.Tensor, "copy", no_room)
    with pytest.raises(grilly_vk.OutOfDeviceMemory):
        one.update_weights(pre, post, 0.3)
    np.testing.assert_array_equal(one.theta, np.full(7, 0.5))
    np.testing.assert_array_equal(one.weight, w)


@pytest.mark.parametrize("most", [16, 1 << 16], ids=["cut", "whole"])
@pytest.mark.parametrize("rule", ["hebb", "bcm"])
def test_replays_go_on_learning(monkeypatch, rule, most):
    pre, post, _ = problem(30, 3, 10, 7)
    twin = nn.HebbianLayer(10, 7, rule, seed=1)
    monkeypatch.setattr(ops, "_MOST_STEPS", most)
    junk = [full((7,), 7.0) for _ in range(9)]
    junk[0].engine.synchronize()
    del junk
    with grilly_vk.capture() as graph:
        one = nn.HebbianLayer(10, 7, rule, seed=1)
        one.update_weights(pre, post, 0.3)
    np.testing.assert_array_equal(one.theta, np.zeros(7))
    for _ in range(3):
        graph.replay()
        twin.update_weights(pre, post, 0.3)
        np.testing.assert_array_equal(one.weight, twin.weight)
        np.testing.assert_array_equal(one.theta, twin.theta)


def test_oja_finds_the_principal_component():
    """Oja 1982: with y = w.x the weights go to the unit eigenvector of the largest eigenvalue."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    data = rng.normal(size=(4000, 8)) * np.sqrt([9, 2, 1, 1, 0.5, 0.5, 0.2, 0.1]) @ basis.T
    one = nn.HebbianLayer(8, 1, "oja", seed=1)
    for batch in data.reshape(200, 20, 8):
        one.update_weights(batch, one(batch), 0.02)
    w = one.weight[0].astype(np.float64)
    top = np.linalg.eigh(np.cov(data.T))[1][:, -1]
    assert abs(np.linalg.norm(w) - 1) < 0.05
    assert abs(w @ top) / np.linalg.norm(w) > 0.99


@pytest.mark.parametrize("rule", ["oja_subspace", "sanger"])
def test_more_outputs_find_more_components(rule):
    """Oja 1989: the outputs span the subspace of the largest eigenvalues.  Sanger 1989: they are its eigenvectors."""
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    data = rng.normal(size=(6000, 8)) * np.sqrt([9, 5, 2.5, 0.3, 0.2, 0.2, 0.1, 0.1]) @ basis.T
    one = nn.HebbianLayer(8, 3, rule, seed=1)
    for batch in data.reshape(300, 20, 8):
        one.update_weights(batch, one(batch), 0.02)
    w = one.weight.astype(np.float64)
    top = np.linalg.eigh(np.cov(data.T))[1][:, :-4:-1]
    np.testing.assert_allclose(w @ w.T, np.eye(3), atol=0.1)
    cosines = np.linalg.svd(np.linalg.qr(w.T)[0].T @ top)[1]  # of the angles between the subspaces
    assert cosines.min() > 0.99
    found = np.abs(np.diag(w @ top)).min()
    assert found > 0.98 if rule == "sanger" else found < 0.9


def test_bcm_becomes_selective():
    """Two orthogonal patterns shown in turn: the neuron ends up answering to one of them."""
    patterns = np.eye(2)
    one = layer(np.array([[0.6, 0.5]], np.float32), "bcm", tau_theta=20.0)
    rng = np.random.default_rng(0)
    for k in rng.integers(0, 2, 3000):
        one.update_weights(patterns[k], one(patterns[k]), 0.02)
    high, low = one.weight[0].max(), one.weight[0].min()
    # fixed point for two equally likely patterns: y = theta = 2 on one, 0 on the other
    assert high == pytest.approx(2.0, abs=0.5)
    assert abs(low) < 0.2


def test_weights_are_xavier_uniform_and_seeded():
    one, two = (nn.HebbianLayer(300, 200, seed=5) for _ in range(2))
    edge = np.sqrt(6 / 500)
    np.testing.assert_array_equal(one.weight, two.weight)
    assert 0.99 * edge < np.abs(one.weight).max() <= edge
    assert one.weight.std() == pytest.approx(edge / np.sqrt(3), rel=0.01)
    assert not np.array_equal(one.weight, nn.HebbianLayer(300, 200, seed=6).weight)


def test_same_bits_twice():
    pre, post, w = problem(20, 3, 33, 21)
    results = []
    for _ in range(2):
        one = layer(w, "oja")
        one.update_weights(pre, post)
        results.append(one.weight.tobytes())
    assert results[0] == results[1]


@pytest.mark.parametrize("convert", ["float64", "int", "list", "strided", "readonly", "tensor"])
def test_every_kind_of_input(convert):
    pre, post, w = problem(3, 2, 6, 5)
    if convert == "int":
        pre, post = np.rint(pre), np.rint(post)
    frozen = pre.copy()
    frozen.flags.writeable = False
    kinds = {
        "float64": lambda v: v.astype(np.float64),
        "int": lambda v: v.astype(np.int32),
        "list": lambda v: v.tolist(),
        "strided": np.asfortranarray,
        "readonly": lambda v: frozen if v is pre else v,
        "tensor": from_numpy,
    }
    one = layer(w)
    one.update_weights(kinds[convert](pre), kinds[convert](post))
    np.testing.assert_allclose(one.weight, reference(pre, post, w)[0], **CLOSE)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,)])
@pytest.mark.parametrize("rule", ops.RULES)
def test_no_samples_change_nothing(shape, rule):
    _, _, w = problem(1, 1, 6, 5)
    one = layer(w, rule)
    one.update_weights(np.zeros((*shape, 6)), np.zeros((*shape, 5)), weight_decay=0.5)
    np.testing.assert_array_equal(one.weight, w)
    np.testing.assert_array_equal(one.theta, 0)


@pytest.mark.parametrize("rule", ops.RULES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_computed_like_numpy(bad, rule):
    pre, post, w = problem(2, 2, 6, 5)
    pre[0, 1, 2], post[1, 0, 3] = bad, bad
    one = layer(w, rule)
    one.update_weights(pre, post)
    with np.errstate(invalid="ignore"):
        want, _ = reference(pre, post, w, rule=rule)
    np.testing.assert_array_equal(np.isnan(one.weight), np.isnan(want))
    np.testing.assert_allclose(one.weight, want, **CLOSE)


@pytest.mark.parametrize(
    "pre, post, settings, error, text",
    [
        (np.ones(4), np.ones(2), {}, ValueError, r"pre has shape \(4,\); expected \(3,\), \(B, 3\) or \(T, B, 3\)"),
        (np.ones(3), np.ones(3), {}, ValueError, r"post has shape \(3,\); expected \(2,\)"),
        (np.ones((2, 3)), np.ones((4, 2)), {}, ValueError, r"post has shape \(4, 2\); expected \(2, 2\)"),
        (np.ones((5, 1, 3)), np.ones((5, 2, 2)), {}, ValueError, r"expected \(5, 1, 2\)"),
        (np.ones((1, 1, 1, 3)), np.ones(2), {}, ValueError, "pre has shape"),
        ([[1.0], [2.0, 3.0]], np.ones(2), {}, ValueError, "pre can't be made an array"),
        (np.ones(3), [[1.0], [2.0, 3.0]], {}, ValueError, "post can't be made an array"),
        (np.ones(3, complex), np.ones(2), {}, TypeError, "pre must hold real numbers, not complex128"),
        (np.ones(3), np.array([1, None]), {}, TypeError, "post must hold real numbers, not object"),
        (np.ones(3), np.ones(2), {"learning_rate": np.nan}, ValueError, "learning_rate must be finite"),
        (np.ones(3), np.ones(2), {"learning_rate": 1e30}, ValueError, "learning_rate must lie in"),
        (np.ones(3), np.ones(2), {"weight_decay": "x"}, TypeError, "weight_decay must be a number"),
    ],
)
def test_bad_input_is_named_and_changes_nothing(pre, post, settings, error, text):
    one = nn.HebbianLayer(3, 2, "bcm")
    one.update_weights(np.ones(3), np.ones(2))
    before = one.weight, one.theta
    with pytest.raises(error, match=text):
        one.update_weights(pre, post, **settings)
    np.testing.assert_array_equal(one.weight, before[0])
    np.testing.assert_array_equal(one.theta, before[1])
    one.update_weights(np.ones(3), np.ones(2))


@pytest.mark.parametrize(
    "settings, error, text",
    [
        ({"rule": "anti"}, ValueError, "rule must be one of 'hebb', 'oja', .*; got 'anti'"),
        ({"tau_theta": 0}, ValueError, "tau_theta must be positive"),
        ({"seed": -1}, ValueError, "seed must be at least 0"),
        ({"seed": 1.5}, TypeError, "seed must be a whole number, not float"),
        ({"seed": True}, TypeError, "seed must be a whole number, not bool"),
        ({"in_features": -1}, ValueError, "in_features must be at least 1"),
        ({"out_features": "many"}, TypeError, "out_features must be a whole number"),
    ],
)
def test_bad_settings_are_named(settings, error, text):
    with pytest.raises(error, match=text):
        nn.HebbianLayer(**settings)


def test_state_can_be_set():
    one = nn.HebbianLayer(3, 2, "bcm")
    one.theta = [0.5, 2.0]
    np.testing.assert_array_equal(one.theta, [0.5, 2.0])
    with pytest.raises(ValueError, match=r"theta has shape \(3,\); expected \(2,\)"):
        one.theta = np.ones(3)
    with pytest.raises(ValueError, match=r"weight has shape \(3, 2\); expected \(2, 3\)"):
        one.weight = np.ones((3, 2))
    one.weight = [[1, 2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(one([1, 0, 1]), [4, 10])


def test_forward_repr_and_the_documents_call():
    one = nn.HebbianLayer(in_features=256, out_features=128)
    x = np.random.default_rng(0).normal(size=(4, 256))
    np.testing.assert_allclose(one(x), x @ one.weight.T.astype(np.float64), rtol=1e-4, atol=1e-5)
    assert one(x[0]).shape == (128,)
    assert repr(one) == "HebbianLayer(in_features=256, out_features=128, rule='hebb')"
    text = "HebbianLayer(in_features=2, out_features=1, rule='bcm', tau_theta=100.0)"
    assert repr(nn.HebbianLayer(2, 1, "bcm")) == text
    with pytest.raises(ValueError, match="x has shape"):
        one(np.ones(3))


def test_memory_does_not_grow():
    one = nn.HebbianLayer(9, 6, "bcm")
    kernels = VulkanCompute().snn
    x, y = np.ones((2, 9)), np.ones((2, 6))

    def call():
        one.update_weights(x, y, 1e-4)
        kernels.hebbian_learning(x, y, np.zeros((6, 9)))

    call()
    gc.collect()
    before = grilly_vk.memory_stats()["bytes_in_use"]
    for _ in range(1000):
        call()
    assert grilly_vk.memory_stats()["bytes_in_use"] == before


# --- the facade ---------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["hebb", "oja"])
def test_facade(rule):
    pre, post, w = problem(4, 3, 6, 5)
    frozen = w.copy()
    frozen.flags.writeable = False
    got = VulkanCompute().snn.hebbian_learning(pre, post, frozen, 0.1, 0.2, rule)
    np.testing.assert_allclose(got, reference(pre, post, w, 0.1, 0.2, rule)[0], **CLOSE)
    np.testing.assert_array_equal(frozen, w)


def test_facade_bcm_takes_and_gives_the_threshold():
    pre, post, w = problem(6, 2, 6, 5)
    kernels, theta = VulkanCompute().snn, np.full(5, 0.3, np.float32)
    got, limit = kernels.hebbian_learning(pre, post, w, 0.1, rule="bcm", theta=theta, tau_theta=3.0)
    want, level = reference(pre, post, w, 0.1, rule="bcm", theta=theta, tau=3.0)
    np.testing.assert_allclose(got, want, **CLOSE)
    np.testing.assert_allclose(limit, level, **CLOSE)
    np.testing.assert_array_equal(theta, np.full(5, 0.3, np.float32))


def test_facade_names_what_is_wrong():
    kernels, w = VulkanCompute().snn, np.zeros((2, 3))
    with pytest.raises(ValueError, match="rule must be one of"):
        kernels.hebbian_learning(np.ones(3), np.ones(2), w, rule="none")
    with pytest.raises(ValueError, match="theta belongs to rule='bcm'"):
        kernels.hebbian_learning(np.ones(3), np.ones(2), w, theta=np.ones(2))
    with pytest.raises(ValueError, match=r"theta has shape \(3,\); expected \(2,\)"):
        kernels.hebbian_learning(np.ones(3), np.ones(2), w, rule="bcm", theta=np.ones(3))
    with pytest.raises(ValueError, match=r"weights has shape \(2,\); expected \(out, in\)"):
        kernels.hebbian_learning(np.ones(3), np.ones(2), np.ones(2))
    np.testing.assert_array_equal(kernels.hebbian_learning(np.ones((0, 3)), np.ones((0, 2)), w), w)
