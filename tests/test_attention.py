"""Attention modules: float64 references, derivatives along directions, modes of time, bad input."""

import copy
import gc
import weakref

import numpy as np
import pytest
from learning import training_step

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import models, nn
from grilly_vk.ops import gates
from grilly_vk.ops.attention import attention
from grilly_vk.ops.squeeze import excite, squeeze

KINDS = {"ssa": nn.SpikingSelfAttention, "token": nn.TokenQKAttention, "channel": nn.ChannelQKAttention}


def spikes(rng, *shape, p=0.4):
    return (rng.random(shape) < p).astype(np.float32)


def lively(module, rng):
    """The module with weights and norms that make its nodes fire."""
    ranges = {"running_mean": (-0.3, 0.3), "running_var": (0.3, 1.2)}
    ranges |= {"norm.weight": (0.8, 1.6), "norm.bias": (0.5, 1.5)}
    for name, t in module.state_dict().items():
        low, high = next((r for end, r in ranges.items() if name.endswith(end)), (-0.8, 1.0))
        if t.dtype == np.float32:
            t.assign(rng.uniform(low, high, t.shape).astype(np.float32))
    return module


def values(module):
    return {name: t.numpy().astype(np.float64) for name, t in module.state_dict().items()}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# ---- squeeze and excite ----


def scores(pooled, state, name):
    """Of pooled values (..., size), mean and maximum one after the other."""
    down, up = state[f"{name}.down.weight"], state[f"{name}.up.weight"]
    return sigmoid(sum(np.maximum(p @ down.T, 0) @ up.T for p in pooled))


def temporal(x, state):
    flat = x.reshape(*x.shape[:2], -1)
    d = scores([flat.mean(2).T, flat.max(2).T], state, "scores").T
    return x * d.reshape(*d.shape, *[1] * (x.ndim - 2))


def multi(x, state):
    y = x * scores([x.mean((2, 3, 4)).T, x.max((2, 3, 4)).T], state, "time").T[..., None, None, None]
    y = y * scores([y.mean((0, 3, 4)), y.max((0, 3, 4))], state, "channels")[..., None, None]
    kernel = state["places.weight"]
    side = kernel.shape[-1] // 2
    planes = np.pad(np.stack([y.mean((0, 2)), y.max((0, 2))], 1), ((0, 0), (0, 0), (side, side), (side, side)))
    windows = np.lib.stride_tricks.sliding_window_view(planes, kernel.shape[2:], (2, 3))
    y = y * sigmoid(np.einsum("bchwij,ocij->bohw", windows, kernel))[None]
    return np.maximum(y, 0)


SMOOTH = [
    (lambda: nn.TemporalWiseAttention(), temporal, (10, 2, 6)),
    (lambda: nn.TemporalWiseAttention(T=4, reduction=2), temporal, (4, 3, 2, 5, 4)),
    (lambda: nn.TemporalWiseAttention(T=5, reduction=5), temporal, (5, 1)),
    (lambda: nn.TemporalWiseAttention(T=1, reduction=1, dimension=2), temporal, (1, 3, 8)),
    (lambda: nn.MultiDimensionalAttention(4, 6, 2, 3), multi, (4, 2, 6, 5, 3)),
    (lambda: nn.MultiDimensionalAttention(3, 4, 1, 4, kernel_size=5), multi, (3, 1, 4, 4, 4)),
    (lambda: nn.MultiDimensionalAttention(1, 1, 1, 1), multi, (1, 2, 1, 1, 1)),
]


@pytest.mark.parametrize("i", range(len(SMOOTH)))
def test_squeeze_attention(i):
    """Forward against the formulas; gradients against their difference quotients, of x and each parameter."""
    make, reference, shape = SMOOTH[i]
    grilly_vk.manual_seed(3)
    module, rng = make(), np.random.default_rng(i)
    x = rng.normal(size=shape).astype(np.float32)
    state, cotangent = values(module), rng.normal(size=shape)
    t = grilly_vk.tensor(x, requires_grad=True)
    y = module(t)
    np.testing.assert_allclose(y.numpy(), reference(x.astype(np.float64), state), rtol=1e-5, atol=1e-6)
    (y * grilly_vk.tensor(cotangent.astype(np.float32))).sum().backward()
    gradients = {"x": t.grad, **{name: p.grad for name, p in module.named_parameters()}}
    given = {"x": x.astype(np.float64), **state}
    for name, gradient in gradients.items():
        direction, h = rng.normal(size=gradient.shape), 1e-6
        sides = [{**given, name: given[name] + s * h * direction} for s in (1, -1)]
        up, down = ((reference(side.pop("x"), side) * cotangent).sum() for side in sides)
        wanted, got = (up - down) / (2 * h), (gradient.numpy() * direction).sum()
        np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-5 * np.abs(direction).sum(), err_msg=name)


def test_a_maximum_that_is_shared_goes_to_the_first():
    """As PyTorch's pooling does; spikes have little but shared maxima."""
    x = grilly_vk.tensor(np.float32([[[[0, 1, 1, 0, 1]], [[0, 0, 0, 0, 0]]]]), requires_grad=True)  # (T, B, C, S)
    pooled, again, link = squeeze(x, "time")
    np.testing.assert_array_equal(pooled.numpy()[1], [[1, 0]])
    link.score = grilly_vk.zeros((1, 2))
    (pooled[1].sum() + (again * 0.0).sum()).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [[[[0, 1, 0, 0, 0]], [[1, 0, 0, 0, 0]]]])


@pytest.mark.parametrize("over", ["time", "channels", "places"])
@pytest.mark.parametrize("shape", [(3, 2, 4, 8), (5, 1, 3, 7), (2, 1, 40, 48)])
def test_the_first_of_many_equal_maxima(shape, over):
    """Between neighbours that are loaded together, and between the stretches of a long group."""
    x = (np.random.default_rng(5).random(shape) < 0.1).astype(np.float32)
    order = {"time": (0, 1, 2, 3), "channels": (1, 2, 0, 3), "places": (1, 3, 0, 2)}[over]  # groups, then members
    turned = x.transpose(order)
    members = turned.reshape(*turned.shape[:2], -1)
    wanted = np.zeros_like(members)
    np.put_along_axis(wanted, members.argmax(-1)[..., None], 1, -1)
    given = grilly_vk.tensor(x, requires_grad=True)
    squeeze(given, over)[0][1].sum().backward()
    got = given.grad.numpy().transpose(order).reshape(members.shape)
    np.testing.assert_array_equal(got, wanted)


def test_a_loss_of_the_scores_alone_and_scores_without_a_gradient():
    """Nothing comes back by the result that was scaled, or by the scores."""
    rng = np.random.default_rng(0)
    a = rng.permutation(24).reshape(3, 2, 4, 1).astype(np.float32)
    x = grilly_vk.tensor(a, requires_grad=True)
    flat = a.reshape(6, 4)
    wanted = 0.25 + 2.0 * (flat == flat.max(1, keepdims=True))  # mean + 2 * maximum
    pooled, _, _ = squeeze(x, "time")
    (pooled[0].sum() + 2.0 * pooled[1].sum()).backward()
    np.testing.assert_array_equal(x.grad.numpy(), wanted.reshape(a.shape))
    score, gy = rng.normal(size=(3, 2)).astype(np.float32), rng.normal(size=a.shape).astype(np.float32)
    x.grad = None
    _, again, link = squeeze(x, "time")
    excite(again, grilly_vk.tensor(score), link).backward(grilly_vk.tensor(gy))
    np.testing.assert_array_equal(x.grad.numpy(), gy * score[..., None, None])


def test_squeeze_and_excite_free_their_memory():
    """No cycle keeps the tape alive until Python looks for garbage."""
    module = nn.TemporalWiseAttention(4, 2)
    x = grilly_vk.tensor(np.ones((4, 2, 3), np.float32), requires_grad=True)
    gc.collect()
    gc.disable()
    try:
        y = module(x)
        todo, nodes = [y.node[0]], []
        while todo:
            node = todo.pop()
            nodes.append(weakref.ref(node))
            todo += [edge[0] for edge in node.edges if isinstance(edge, tuple)]
        del y, node, todo
        assert not [ref() for ref in nodes if ref() is not None]
    finally:
        gc.enable()


def test_defaults_of_squeeze_attention():
    assert nn.TemporalWiseAttention().scores.down.weight.shape == (2, 10)
    module = nn.MultiDimensionalAttention(33, 32)
    assert (module.time.down.weight.shape, module.channels.down.weight.shape) == ((2, 33), (2, 32))
    assert module.places.weight.shape == (1, 2, 3, 3)


@pytest.mark.parametrize("over", ["time", "channels", "places"])
def test_squeeze_of_long_groups_in_stretches(over):
    """Many members in few groups are cut into stretches; NaN is the maximum, as in numpy."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 1, 40, 48)).astype(np.float32)
    x[1, 0, 39, 47] = np.nan
    axes = {"time": (2, 3), "channels": (0, 3), "places": (0, 2)}[over]
    pooled, *_ = squeeze(grilly_vk.tensor(x), over)
    wanted = np.stack([x.astype(np.float64).mean(axes), x.max(axes)])
    np.testing.assert_allclose(pooled.numpy(), wanted, rtol=1e-5, atol=1e-6)


# ---- spiking attention: values and derivatives along a direction, both in float64 ----


def node_of(node, x):
    """(spikes, slope) of a LIF node over x = (value, slope), each (T, ...)."""
    value, slope = np.zeros_like(x[0][0]), np.zeros_like(x[0][0])
    out = []
    for given, moving in zip(*x):
        h, dh = value + (given - value) / node.tau, slope + (moving - slope) / node.tau
        z = h - node.v_threshold
        s = (z >= 0).astype(float)
        ds = dh / (1 + (np.pi * z) ** 2)
        value, slope = h * (1 - s), dh * (1 - s) - (0 if node.detach_reset else h * ds)
        out.append((s, ds))
    return tuple(np.stack(part) for part in zip(*out))


def unit_of(unit, prefix, x, state, moving):
    """SpikingLinear after eval()."""
    w, dw = state[f"{prefix}.linear.weight"], moving[f"{prefix}.linear.weight"]
    y, dy = x[0] @ w.T, x[1] @ w.T + x[0] @ dw.T
    mean, var = state[f"{prefix}.norm.running_mean"], state[f"{prefix}.norm.running_var"]
    gain, dgain = state[f"{prefix}.norm.weight"], moving[f"{prefix}.norm.weight"]
    scale = 1 / np.sqrt(var + unit.norm.eps)
    z = (y - mean) * scale
    bias, dbias = state[f"{prefix}.norm.bias"], moving[f"{prefix}.norm.bias"]
    return node_of(unit.node, (z * gain + bias, dy * scale * gain + z * dgain + dbias))


def heads_of(x, heads):
    return np.moveaxis(x.reshape(*x.shape[:-1], heads, -1), -2, -3)


def reference(module, kind, x, state, moving):
    """(spikes, slope) of an attention module after eval()."""
    inner = unit_of(module.inputs, "inputs", x, state, moving)
    parts = [np.split(part, 3 if kind == "ssa" else 2, -1) for part in inner]
    if kind == "ssa":
        (q, k, v), (dq, dk, dv) = ([heads_of(p, module.num_heads) for p in part] for part in parts)
        kt, dkt = np.swapaxes(k, -1, -2), np.swapaxes(dk, -1, -2)
        y = [q @ kt @ v, dq @ kt @ v + q @ dkt @ v + q @ kt @ dv]
        y = [np.moveaxis(p * module.scale, -3, -2).reshape(x[0].shape) for p in y]
        middle = node_of(module.node, y)
    else:
        (q, k), (dq, dk) = parts
        if kind == "token":
            sums = [np.moveaxis(heads_of(p, module.num_heads).sum(-1), -1, -2) for p in (q, dq)]
            gate, dgate = (np.repeat(p, k.shape[-1] // module.num_heads, -1) for p in node_of(module.node, sums))
        else:
            gate, dgate = node_of(module.node, [p.sum(-2, keepdims=True) for p in (q, dq)])
        middle = gate * k, dgate * k + gate * dk
    return unit_of(module.output, "output", middle, state, moving)


SPIKING = [
    (kind, d, heads, shape, options)
    for kind in KINDS
    for d, heads, shape, options in (
        (16, 4, (4, 2, 6, 16), {}),
        (9, 1, (3, 2, 5, 9), {"detach_reset": False}),
        (12, 3, (1, 1, 1, 12), {"tau": 1.7}),
        (8, 2, (3, 1, 11, 8), {"v_threshold": 0.7}),
    )
]


@pytest.mark.parametrize(("kind", "d", "heads", "shape", "options"), SPIKING)
def test_spiking_attention(kind, d, heads, shape, options):
    """Spikes equal those of the float64 reference; gradients of all of it agree along three random directions."""
    rng = np.random.default_rng(SPIKING.index((kind, d, heads, shape, options)))
    module = lively(KINDS[kind](d, heads, step_mode="m", **options).eval(), rng)
    x, cotangent = spikes(rng, *shape), rng.normal(size=shape).astype(np.float32)
    t = grilly_vk.tensor(x, requires_grad=True)
    y = module(t)
    y.backward(grilly_vk.tensor(cotangent))
    state = values(module)
    for _ in range(3):
        moving = {name: rng.normal(size=p.shape) for name, p in module.named_parameters()}
        direction = rng.normal(size=shape)
        s, slope = reference(module, kind, (x.astype(np.float64), direction), state, moving)
        np.testing.assert_array_equal(y.numpy(), s)
        got = [(t.grad.numpy() * direction).sum()]
        got += [(p.grad.numpy() * moving[name]).sum() for name, p in module.named_parameters()]
        size = np.abs(got).sum() + 1e-3
        np.testing.assert_allclose(sum(got), (slope * cotangent).sum(), rtol=1e-4, atol=1e-5 * size)
    assert len(got) == 1 + 2 * 3
    assert shape[0] == 1 or 0.02 < y.numpy().mean() < 0.98


@pytest.mark.parametrize(
    ("shape", "heads"), [((5, 4), 1), ((2, 3, 7, 12), 3), ((1, 1), 1), ((4, 64, 32), 4), ((2, 0, 4), 2)]
)
def test_spiking_attention_of_arrays(shape, heads):
    rng = np.random.default_rng(3)
    q, k, v = (spikes(rng, *shape) for _ in range(3))
    got = grilly_vk.VulkanCompute().snn.spiking_attention(q, k, v, num_heads=heads, scale=0.25)
    cut = (*shape[:-1], heads, shape[-1] // heads)
    parts = [np.moveaxis(a.astype(np.float64).reshape(cut), -2, -3) for a in (q, k, v)]
    want = parts[0] @ np.swapaxes(parts[1], -1, -2) @ parts[2] * 0.25
    np.testing.assert_array_equal(got, np.moveaxis(want, -3, -2).reshape(shape))  # counts: no rounding
    assert got.dtype == np.float32 and (0 in shape or shape == (1, 1) or got.any())


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"k": np.ones((3, 4))}, ValueError, ["k", "(3, 4)", "(2, 4)"]),
        ({"q": np.ones(4)}, ValueError, ["q", "(4,)", "N, D"]),
        ({"v": np.ones((2, 4), complex)}, TypeError, ["v", "complex"]),
        ({"num_heads": 3}, ValueError, ["num_heads", "4", "3"]),
        ({"scale": np.nan}, ValueError, ["scale", "nan"]),
    ],
)
def test_bad_arrays_of_spiking_attention(change, error, words):
    given = {name: np.ones((2, 4)) for name in "qkv"} | change
    with pytest.raises(error) as caught:
        grilly_vk.VulkanCompute().snn.spiking_attention(**given)
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(("n", "size"), [(8, 16), (64, 32), (33, 5)])
def test_both_orders_give_the_same_bits_of_spikes(n, size):
    """Counts are whole numbers below 2**24, so no order rounds; what is chosen is the cheaper one."""
    rng = np.random.default_rng(0)
    qkv = grilly_vk.tensor(spikes(rng, 3, n, 3 * 2 * size))
    runs = [attention(qkv, 2, 0.125, first).numpy() for first in ("qk", "kv", None)]
    for other in runs[1:]:
        np.testing.assert_array_equal(runs[0], other)
    assert runs[0].max() > 1


def test_attention_copies_no_heads():
    """Products read and write heads where they lie: nothing but products runs, forward and back."""
    rng = np.random.default_rng(0)
    qkv = grilly_vk.tensor(spikes(rng, 2, 8, 96), requires_grad=True)
    g = grilly_vk.tensor(rng.normal(size=(2, 8, 32)).astype(np.float32))
    with grilly_vk.profile() as report:
        attention(qkv, 2, 0.125).backward(g)
        grilly_vk.synchronize()
    names = [k.kernel for k in report.kernels if k.kernel != "mark"]
    assert names and all(name.startswith("snn-attention-") for name in names), names


# ---- time ----


@pytest.mark.parametrize("kind", KINDS)
def test_modes_of_time_agree(kind):
    """After eval() a call per step, a container and step mode "m" fire alike; in training a container goes by steps."""
    rng = np.random.default_rng(1)
    x = spikes(rng, 5, 2, 6, 16)
    module = lively(KINDS[kind](16, 2), rng)
    by_step = copy.deepcopy(module)
    loop = np.stack([by_step(row).numpy() for row in x])  # batch norm in training: of one step
    container = copy.deepcopy(module)
    np.testing.assert_array_equal(nn.MultiStepContainer(container)(x).numpy(), loop)
    module.eval()
    outputs = []
    for run in (
        lambda m: np.stack([m(row).numpy() for row in x]),
        lambda m: nn.MultiStepContainer(m)(x).numpy(),
        lambda m: nn.MultiStepContainer(nn.Sequential(m))(x).numpy(),
        lambda m: (F.set_step_mode(m, "m"), m(x).numpy())[1],
        lambda m: F.multi_step_forward(m, x, T=5).numpy(),
    ):
        outputs.append(run(copy.deepcopy(module)))
    for other in outputs[1:]:
        np.testing.assert_array_equal(outputs[0], other)
    assert outputs[0].mean() > 0.01
    module.step_mode = "m"
    assert {m.step_mode for m in module.modules() if hasattr(m, "step_mode")} == {"m"}
    with pytest.raises(ValueError, match="step mode 's'"):
        nn.MultiStepContainer(module)(x)


@pytest.mark.parametrize("kind", KINDS)
def test_state_goes_on_until_reset(kind):
    rng = np.random.default_rng(2)
    x = spikes(rng, 6, 2, 4, 8)
    module = lively(KINDS[kind](8, 2, step_mode="m").eval(), rng)
    whole = module(x).numpy()
    F.reset_net(module)
    parts = [module(x[:2]).numpy(), module(x[2:]).numpy()]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    with pytest.raises(ValueError, match=r"F\.reset_net"):
        module(x[:, :1])


def test_squeeze_attention_in_containers():
    rng = np.random.default_rng(0)
    module = nn.TemporalWiseAttention(T=4, reduction=2)
    x = rng.normal(size=(4, 2, 6)).astype(np.float32)
    wanted = module(x).numpy()
    np.testing.assert_array_equal(nn.MultiStepContainer(module)(x).numpy(), wanted)
    model = nn.Sequential(nn.Linear(6, 6), module, nn.LIFNode())
    F.set_step_mode(model, "m")
    assert model(x).shape == (4, 2, 6)


# ---- modules ----


@pytest.mark.parametrize("make", [
    lambda: nn.SpikingSelfAttention(12, 3, step_mode="m"),
    lambda: nn.QKAttention(12, 3, qka_type="channel", step_mode="m"),
    lambda: nn.SpikingTransformerBlock(12, 3, mlp_ratio=1.5, attention="token", step_mode="m"),
    lambda: nn.TemporalWiseAttention(T=3, reduction=1),
    lambda: nn.SpikingLinear(12, 12, norm=nn.LayerNorm, spiking_neuron=nn.ParametricLIFNode, step_mode="m"),
    lambda: nn.SpikingMLP(12, 5, 12, norm=None, step_mode="m"),
])  # fmt: skip
def test_compiled_copied_and_saved(make):
    """A compiled training step gives the eager one's bits; copies and loaded states compute alike."""
    rng = np.random.default_rng(0)
    x, target = spikes(rng, 3, 2, 5, 12), rng.normal(size=(3, 2, 5, 12)).astype(np.float32)
    first, second = lively(make(), rng), make()
    second.load_state_dict(first.state_dict())
    results = []
    for module, wrap in ((copy.deepcopy(first), lambda f: f), (second, grilly_vk.compile)):
        optimizer = grilly_vk.optim.SGD(module.parameters(), lr=0.1)

        step = training_step(module, optimizer, F.mse_loss)

        run = wrap(step)
        results.append([run(grilly_vk.tensor(x), grilly_vk.tensor(target)).item() for _ in range(3)])
        results[-1] += [t.numpy() for t in module.state_dict().values()]
    starts = [t.numpy() for t in first.state_dict().values()]
    assert any((a != b).any() for a, b in zip(results[0][3:], starts))
    for a, b in zip(*results):
        np.testing.assert_array_equal(a, b)


def test_hooks_see_the_gates():
    """The node of the gates is called as a module, so that monitors see it."""
    module = nn.TokenQKAttention(8, 2, step_mode="m")
    seen = []
    module.node.register_forward_hook(lambda node, args, out: seen.append(out.shape))
    module(spikes(np.random.default_rng(0), 3, 2, 5, 8))
    assert seen == [(3, 2, 5, 2)]


@pytest.mark.parametrize("kind", ["token", "channel"])
def test_the_gated_keys_are_known_to_be_spikes(kind):
    """So that the layer behind may go by events."""
    module, seen = KINDS[kind](8, 2, step_mode="m"), []
    module.output.register_forward_pre_hook(lambda unit, args: seen.append(args[0].is_spikes))
    module(spikes(np.random.default_rng(0), 3, 2, 5, 8))
    assert seen == [True]


@pytest.mark.parametrize("form", ["token", "channel"])
def test_a_loss_of_the_gates_alone(form):
    """It has no gradient for k, whatever its memory held before."""
    rng = np.random.default_rng(0)
    x = grilly_vk.tensor(rng.normal(size=(2, 5, 16)).astype(np.float32), requires_grad=True)
    shape = (2, 5, 2) if form == "token" else (2, 8)
    g = rng.normal(size=shape).astype(np.float32)
    spread = np.repeat(g, 4, -1) if form == "token" else np.broadcast_to(g[:, None], (2, 5, 8))
    total, _ = gates.sums(x, 2, form)
    held = [grilly_vk.tensor(np.full(x.shape, np.nan, np.float32)) for _ in range(8)]
    grilly_vk.synchronize()
    del held
    total.backward(grilly_vk.tensor(g))
    np.testing.assert_array_equal(x.grad.numpy(), np.concatenate([spread, np.zeros((2, 5, 8))], -1))


def test_anomaly_detection_sees_no_memory_that_is_not_yet_written():
    module = nn.ChannelQKAttention(8, 2, step_mode="m")
    x = grilly_vk.tensor(spikes(np.random.default_rng(0), 3, 2, 5, 8), requires_grad=True)
    grilly_vk.set_detect_anomaly(True)
    try:
        module(x).sum().backward()
    finally:
        grilly_vk.set_detect_anomaly(False)
    assert np.isfinite(x.grad.numpy()).all()


def test_token_batch_norm_is_batch_norm_of_the_last_axis():
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(3, 2, 7, 5)) * 3 + 100).astype(np.float32)
    norm = nn.TokenBatchNorm1d(5)
    flat = x.reshape(-1, 5).astype(np.float64)
    wanted = (flat - flat.mean(0)) / np.sqrt(flat.var(0) + 1e-5)
    np.testing.assert_allclose(norm(x).numpy().reshape(-1, 5), wanted, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(norm.running_mean.numpy(), 0.1 * flat.mean(0), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var.numpy(), 0.9 + 0.1 * flat.var(0, ddof=1), rtol=1e-4)


def test_the_classifier_computes_its_parts():
    """Patches are those of a convolution; images are presented T times; events take steps of their own."""
    rng = np.random.default_rng(0)
    model = models.Spikformer((4, 6), (2, 3), 2, 3, embed_dim=8, num_heads=2, depth=1, T=3).eval()
    x = rng.normal(size=(5, 2, 4, 6)).astype(np.float32)
    cut = [x[:, :, i : i + 2, j : j + 3].reshape(5, -1) for i in (0, 2) for j in (0, 3)]
    np.testing.assert_array_equal(model.embedding._patches(grilly_vk.tensor(x)).numpy(), np.stack(cut, 1))
    out = model(x)
    assert out.shape == (5, 3)
    np.testing.assert_array_equal(model(np.stack([x] * 3)).numpy(), out.numpy())  # the same as three equal frames
    features = model.features(x).numpy()
    assert features.shape == (3, 5, 4, 8)
    np.testing.assert_array_equal(features, np.round(features))
    wanted = features.mean((0, 2)) @ model.head.weight.numpy().T + model.head.bias.numpy()
    np.testing.assert_allclose(out.numpy(), wanted, rtol=1e-5, atol=1e-6)


def test_node_arguments():
    """Given ones go to every node, in place of the defaults; a factory is called with those alone."""
    module = nn.SpikingSelfAttention(8, 2)
    assert [module.inputs.node.v_threshold, module.node.v_threshold] == [1.0, 0.5]
    assert module.node.detach_reset and module.node.tau == 2.0
    module = nn.SpikingSelfAttention(8, 2, v_threshold=0.7, surrogate_function=nn.Sigmoid())
    assert [module.inputs.node.v_threshold, module.node.v_threshold] == [0.7, 0.7]
    assert isinstance(module.output.node.surrogate_function, nn.Sigmoid)
    module = nn.QKAttention(8, 2, spiking_neuron=nn.IFNode, v_reset=None)
    assert type(module.node) is nn.IFNode and module.node.v_reset is None and not module.node.detach_reset


BAD = [
    (lambda: nn.SpikingSelfAttention(10, 4), ValueError, "embed_dim must be a multiple of num_heads = 4, got 10"),
    (lambda: nn.QKAttention(8, 0), ValueError, "num_heads must be at least 1"),
    (lambda: nn.QKAttention(8, 2, qka_type="both"), ValueError, "qka_type must be one of 'token', 'channel'"),
    (lambda: nn.SpikingSelfAttention(8, 2, scale="a"), TypeError, "scale must be a number"),
    (lambda: nn.SpikingSelfAttention(8, 2, step_mode="x"), ValueError, "step_mode must be one of"),
    (lambda: nn.SpikingLinear(4, 4, norm=3), TypeError, "norm must be callable or None, not int"),
    (lambda: nn.SpikingLinear(4, 4, spiking_neuron=3), TypeError, "spiking_neuron must be callable or None, not int"),
    (lambda: nn.SpikingLinear(4, 4, spiking_neuron=lambda: 3), TypeError, "what spiking_neuron makes must be a Module"),
    (lambda: nn.SpikingTransformerBlock(8, 2, attention="x"), ValueError, "attention must be one of 'ssa', 'token'"),
    (lambda: nn.TemporalWiseAttention(4, 5), ValueError, "reduction must be at most T = 4, got 5"),
    (lambda: nn.TemporalWiseAttention(4, 2, 3), ValueError, "dimension must be 2, 4 or None, got 3"),
    (lambda: nn.MultiDimensionalAttention(4, 8), ValueError, "reduction_t must be at most T = 4, got 16"),
    (lambda: nn.MultiDimensionalAttention(4, 8, 2), ValueError, "reduction_c must be at most C = 8, got 16"),
    (lambda: nn.MultiDimensionalAttention(4, 8, 2, 2, 4), ValueError, "kernel_size must be odd, got 4"),
    (lambda: nn.MultiDimensionalAttention(4, 8, 2, 2, 3, False, False, False), ValueError, "at least one must be True"),
    (lambda: models.Spikformer(8, 3, 1, 10), ValueError, r"patch_size \(3, 3\) must divide image_size \(8, 8\)"),
    (lambda: nn.TemporalWiseAttention(4, 2)(np.zeros((3, 2, 5))), ValueError, r"\(3, 2, 5\); expected .* with T = 4"),
    (lambda: nn.TemporalWiseAttention(4, 2, 4)(np.zeros((4, 2, 5))), ValueError, r"expected \(T, B, C, H, W\)"),
    (lambda: nn.TemporalWiseAttention(4, 2)(np.zeros((4, 0, 5))), ValueError, "no elements is not defined"),
    (lambda: nn.MultiDimensionalAttention(4, 8, 2, 2)(np.zeros((4, 2, 7, 3, 3))), ValueError, "with T = 4, C = 8"),
    (
        lambda: nn.SpikingSelfAttention(8, 2, step_mode="s")(np.zeros((4, 2, 5, 8))),
        ValueError,
        r"expected \(B, N, 8\) in step mode s",
    ),
    (lambda: nn.QKAttention(8, 2, step_mode="m")(np.zeros((2, 5, 8))), ValueError, r"expected \(T, B, N, 8\) in step"),
    (lambda: nn.QKAttention(8, 2)(np.zeros((2, 5, 9))), ValueError, r"x has shape \(2, 5, 9\)"),
    (lambda: models.Spikformer(8, 2, 1, 10)(np.zeros((2, 3, 8, 8))), ValueError, r"expected \(B, 1, 8, 8\)"),
]  # fmt: skip


@pytest.mark.parametrize("i", range(len(BAD)))
def test_bad_input(i):
    call, error, text = BAD[i]
    with pytest.raises(error, match=text):
        call()
