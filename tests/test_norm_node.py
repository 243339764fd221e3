"""Spiking nodes that take in the batch norm before them, against float64 references of both."""

import numpy as np
import pytest
from op_table import normal

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.ops import batch_norm

EPS, TAU = 1e-5, 2.0
SHAPES = [(4, 3, 5, 7, 7), (9, 2, 4, 4, 4), (20, 3, 2, 3, 3), (3, 4, 6), (5, 2, 3, 5), (1, 2, 3, 2, 1), (2, 3, 1, 2)]
KINDS = ["BatchNorm", "ThresholdDependentBatchNorm", "TemporalEffectiveBatchNorm", "BatchNormThroughTime"]


@pytest.fixture(params=["its way", "on the way"])
def way(request, monkeypatch):
    """Norms with a line of the table for each step are apart from the node on CPUs, and not on GPUs."""
    if request.param == "on the way":
        monkeypatch.setattr(batch_norm.Norm, "on_the_way", True)


def made(kind, shape, **more):
    """The norm with parameters that are not all the same, and running statistics far from their start."""
    steps, channels = shape[0], shape[2]
    sizes = {
        "TemporalEffectiveBatchNorm": {"T": steps, "num_features": channels, **more},
        "BatchNormThroughTime": {"T": steps, "num_features": channels, "step_mode": "m", **more},
    }
    norm = getattr(nn, f"{kind}{'2d' if len(shape) == 5 else '1d'}")(**sizes.get(kind, {"num_features": channels}))
    for i, p in enumerate(norm.parameters()):
        p.detach().assign(1 + 0.3 * normal(*p.shape, seed=i))
    norm.running_mean.assign(0.3 * normal(*norm.running_mean.shape, seed=7))
    norm.running_var.assign(2 + 0.3 * normal(*norm.running_var.shape, seed=8))
    return norm


def normalised(norm, kind, x, training):
    """The norm in float64, and its way back: from gy to gradients of x and of the parameters by name."""
    p = {name: t.numpy().astype(float) for name, t in norm.state_dict().items()}
    own = kind == "BatchNormThroughTime"
    axes = (1, *range(3, x.ndim)) if own else (0, 1, *range(3, x.ndim))

    def spread(a):
        """(C,) or (T, C), over x."""
        a = np.asarray(a)
        return a.reshape(*(a.shape[:1] if a.ndim == 2 else (1,)), 1, a.shape[-1], *[1] * (x.ndim - 3))

    mean = spread(x.mean(axes) if training else p["running_mean"])
    gain = 1 / np.sqrt(spread(x.var(axes) if training else p["running_var"]) + EPS)
    z = (x - mean) * gain
    weight, bias = spread(p["weight"]), spread(p["bias"]) if "bias" in p else 0.0
    scale = p["scale"].reshape(-1, *[1] * (x.ndim - 1)) if "scale" in p else 1.0

    def back(gy):
        g = gy * scale
        sums = {"weight": (g * z).sum(axes), "bias": g.sum(axes)}
        if "scale" in p:
            sums["scale"] = (gy * (weight * z + bias)).sum(tuple(range(1, x.ndim)))
        g = g * weight
        if training:
            g = g - spread(g.mean(axes)) - z * spread((g * z).mean(axes))
        return g * gain, {name: sums[name] for name, _ in norm.named_parameters()}

    return (weight * z + bias) * scale, back


def lif(x, gs):
    """LIFNode() in float64: spikes, the gradient of x, and how near the potentials came to the threshold."""
    v, kept = 0.0, []
    for now in x:
        h = v + (now - v) / TAU
        kept.append(h)
        v = np.where(h >= 1, 0.0, h)
    h = np.array(kept)
    s = (h >= 1).astype(float)
    slope = 1 / (1 + (np.pi * (h - 1)) ** 2)  # ATan(2)
    g, gx = 0.0, np.zeros_like(x)
    for t in reversed(range(len(x))):
        g = g * (1 - s[t]) + (gs[t] - g * h[t]) * slope[t]
        gx[t] = g / TAU
        g = g * (1 - 1 / TAU)
    return s, gx, np.abs(h - 1).min()


def close(got, want, what):
    """Float32 sums over a group; gradients are sums with terms of both signs."""
    np.testing.assert_allclose(got.numpy(), want, rtol=2e-4, atol=2e-5 * max(1e-3, np.abs(want).max()), err_msg=what)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_against_float64(kind, shape, training, way):
    if training and kind == "BatchNormThroughTime" and np.prod(shape[3:]) * shape[1] < 3:
        pytest.skip("two values per group are at -1 and 1, with no gradient but rounding")
    norm, node = made(kind, shape).train(training), nn.LIFNode(TAU, step_mode="m")
    x, g = 2 * normal(*shape, seed=1) + 0.5, normal(*shape, seed=2)
    y, back = normalised(norm, kind, x.astype(float), training)
    s, gy, margin = lif(y, g.astype(float))
    assert margin > 1e-6  # else float32 may decide otherwise
    given = grilly_vk.tensor(x, requires_grad=True)
    out = node(given, norm=norm)
    out.backward(grilly_vk.tensor(g))
    assert np.array_equal(out.numpy(), s) and (0 < s.mean() < 1 or x.size < 50)
    gx, sums = back(gy)
    close(given.grad, gx, "x")
    for name, p in norm.named_parameters():
        close(p.grad, sums[name], name)


@pytest.mark.parametrize("kind", KINDS)
def test_in_pieces(kind, monkeypatch, way):
    """Of four steps each: a line of the table is the one of its step."""
    shape = SHAPES[2]
    x = grilly_vk.tensor(2 * normal(*shape, seed=1) + 0.5)
    monkeypatch.setattr(type(x.engine), "steps_per_submit", lambda self, work: 4)
    norm = made(kind, shape)
    y, _ = normalised(norm, kind, x.numpy().astype(float), True)
    got = nn.LIFNode(TAU, step_mode="m")(x, norm=norm)
    assert np.array_equal(got.numpy(), lif(y, np.zeros(shape))[0])


@pytest.mark.parametrize("memory", ["fast", "low"])
@pytest.mark.parametrize("kind", KINDS)
def test_sequential_joins_them(kind, memory):
    """The same as by hand, running statistics too, and the normalising kernel runs only where it pays."""
    shape = SHAPES[0]
    x, results = 2 * normal(*shape, seed=1) + 0.5, []
    for joined in (True, False):
        norm, node = made(kind, shape), nn.ParametricLIFNode(memory=memory)
        model = nn.Sequential(norm, node)
        F.set_step_mode(model, "m")
        given = grilly_vk.tensor(x, requires_grad=True)
        with grilly_vk.profile() as seen:
            y = model(given) if joined else node(given, norm=norm)
        names = {k.kernel for k in seen.kernels}
        apart = kind == "BatchNormThroughTime" and not y.engine.tuning.norm_per_step_joins
        assert ("batch-norm-table" in names) != apart and bool(
            names & {"batch-norm", "batch-norm.vec4", "batch-norm.vec8"}
        ) == apart
        y.backward(grilly_vk.tensor(normal(*shape, seed=2)))
        results.append([y, given.grad, *[p.grad for p in model.parameters()], *norm.state_dict().values()])
    for a, b in zip(*results):
        assert a.numpy().tobytes() == b.numpy().tobytes()


def test_hooks_keep_them_apart():
    """Of either: the norm's output and the node's input are there to be seen."""
    shape = SHAPES[0]
    for where in (0, 1):
        model = nn.Sequential(made("BatchNorm", shape), nn.LIFNode())
        F.set_step_mode(model, "m")
        seen = []
        handle = model[where].register_forward_hook(lambda m, args, out, seen=seen: seen.append((args[0], out)))
        x = grilly_vk.tensor(normal(*shape))
        first = model(x).numpy()
        got = seen[0][1 - where].numpy().reshape(shape)
        want, _ = normalised(made("BatchNorm", shape), "BatchNorm", normal(*shape).astype(float), True)
        np.testing.assert_allclose(got, want, rtol=2e-5, atol=2e-5)
        handle.remove()
        F.reset_net(model)
        assert np.array_equal(model(x).numpy(), first)
        assert len(seen) == 1


def test_own_forward_keeps_them_apart():
    class Half(nn.BatchNorm2d):
        def forward(self, x):
            return super().forward(x) * 0.0

    class Silent(nn.LIFNode):
        def forward(self, x, *, steps=None):
            return super().forward(x, steps=steps) * 0.0

    x = grilly_vk.tensor(10 * normal(*SHAPES[0]))
    for norm, node in ((Half(5), nn.LIFNode()), (nn.BatchNorm2d(5), Silent())):
        model = nn.Sequential(norm, node)
        F.set_step_mode(model, "m")
        assert not model(x).numpy().any()


def test_step_modes_apart():
    """A norm over all steps before a node of single steps: what is one step to the node."""
    shape = SHAPES[0]
    norm = made("ThresholdDependentBatchNorm", shape)
    x = 2 * normal(*shape, seed=1) + 0.5
    y, _ = normalised(norm, "ThresholdDependentBatchNorm", x.astype(float), True)
    got = nn.Sequential(norm, nn.LIFNode(TAU, step_mode="s"))(grilly_vk.tensor(x))
    assert np.array_equal(got.numpy(), lif(y[None], np.zeros((1, *shape)))[0][0])


def test_spiking_linear_joins_them():
    layer = nn.SpikingLinear(6, 8, step_mode="m")
    x = grilly_vk.tensor(normal(4, 3, 5, 6))
    layer.norm.forward = None  # is not called
    got = layer(x)
    y, _ = normalised(layer.norm, "BatchNorm", layer.linear(x).numpy().astype(float).reshape(-1, 1, 8), True)
    assert np.array_equal(got.numpy(), lif(y.reshape(4, 3, 5, 8), np.zeros((4, 3, 5, 8)))[0])


def test_single_steps_and_the_state():
    """In step mode "s" too; the state goes on from call to call."""
    shape = SHAPES[0]
    norm = made("BatchNorm", shape).eval()
    x = 2 * normal(*shape, seed=1) + 0.5
    y, _ = normalised(norm, "BatchNorm", x.astype(float), False)
    s, _, _ = lif(y, np.zeros(shape))
    model = nn.Sequential(norm, nn.LIFNode(TAU)).eval()
    assert np.array_equal(np.stack([model(grilly_vk.tensor(now)).numpy() for now in x]), s)
    effective = made("TemporalEffectiveBatchNorm", shape, step_mode="s").eval()
    y, _ = normalised(effective, "TemporalEffectiveBatchNorm", x.astype(float), False)
    node = nn.LIFNode(TAU)
    steps = np.stack([node(grilly_vk.tensor(now), norm=effective).numpy() for now in x])
    assert np.array_equal(steps, lif(y, np.zeros(shape))[0]) and effective.t == shape[0]


@pytest.mark.parametrize("what", ["x", "weight"])
def test_changed_before_backward(what):
    shape = SHAPES[0]
    norm, x = made("BatchNorm", shape), grilly_vk.tensor(normal(*shape), requires_grad=True)
    y = nn.LIFNode(step_mode="m")(x, norm=norm)
    (x if what == "x" else norm.weight).detach().assign(np.zeros(shape if what == "x" else 5, np.float32))
    with pytest.raises(RuntimeError, match="changed in place"):
        y.sum().backward()


def test_compiled():
    """A recording follows the parameters, and is made again when the norm's mode changes."""
    shape = SHAPES[0]
    model = nn.Sequential(made("BatchNorm", shape), nn.LIFNode(TAU))
    F.set_step_mode(model, "m")
    x = 2 * normal(*shape, seed=1) + 0.5

    @grilly_vk.compile
    def run(given):
        F.reset_net(model)
        return model(given)

    for training in (True, False):
        model.train(training)
        for factor in (1.0, 0.7):
            model[0].weight.detach().assign(factor * (1 + 0.3 * normal(5)))
            with grilly_vk.no_grad():
                got = run(grilly_vk.tensor(x)).numpy()
            y, _ = normalised(model[0], "BatchNorm", x.astype(float), training)
            assert np.array_equal(got, lif(y, np.zeros(shape))[0])


@pytest.mark.parametrize(
    "norm, error, message",
    [
        (nn.LayerNorm(7), TypeError, "norm must be a batch norm, not LayerNorm"),
        (nn.BatchNormThroughTime2d(5, 4, step_mode="s"), ValueError, "norm=BatchNormThroughTime2d and the node holds"),
        (nn.BatchNorm2d(6), ValueError, "BatchNorm2d expects"),
    ],
    ids=["kind", "mode", "channels"],
)
def test_errors(norm, error, message):
    node = nn.LIFNode(step_mode="m")
    with pytest.raises(error, match=message):
        node(normal(*SHAPES[0]), norm=norm)
    assert node.v == 0.0


@pytest.mark.parametrize("shape", [(5, 4, 4), (5, 3, 4)])
def test_nodes_of_all_steps_and_a_norm_read_alike_watched_or_not(shape):
    """Who looks at a network with a hook changes nothing, where the batch is as large as the channels are many too."""
    x = np.random.default_rng(3).normal(0.5, 1.0, shape).astype(np.float32)
    outs, seen = [], []
    for watched in (False, True):
        norm, node = nn.BatchNorm1d(4), nn.LIFNode(step_mode="m", v_threshold=0.3)
        if watched:
            norm.register_forward_hook(lambda module, args, out: seen.append(out.shape))
        outs.append((nn.Sequential(norm, node)(x).numpy(), norm.running_mean.numpy()))
    np.testing.assert_array_equal(outs[0][0], outs[1][0])
    for _, mean in outs:
        np.testing.assert_allclose(mean, 0.1 * x.reshape(-1, 4).mean(0), rtol=1e-5, atol=1e-7)
    assert len(seen) == 1 and outs[0][0].any()
