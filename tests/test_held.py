"""Input that is the same at every step: what needs no time computes one step of it, and nobody can tell."""

import functools

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import encode, nn

T, B = 4, 4  # as long as the batch, so that a wrong reading of the axes finds shapes that fit


def image(seed=0, batch=B):
    return np.random.default_rng(seed).normal(0.6, 1.0, (batch, 2, 6, 6)).astype(np.float32)


PRESENTED = {
    "repeat": lambda x: x.unsqueeze(0).repeat(T, 1, 1, 1, 1),
    "repeat of fewer axes": lambda x: x.repeat(T, 1, 1, 1, 1),
    "tile": lambda x: x[None].tile(T, 1, 1, 1, 1),
    "expand": lambda x: x.expand(T, *x.shape),
    "broadcast_to": lambda x: grilly_vk.broadcast_to(x, (T, *x.shape)),
    "stack": lambda x: grilly_vk.stack([x] * T),
    "direct": lambda x: encode.direct(x, T),
}
LAYERS = {
    "Conv2d": lambda: nn.Conv2d(2, 3, 3),
    "ConvTranspose2d": lambda: nn.ConvTranspose2d(2, 3, 3),
    "Linear": lambda: nn.Linear(6, 3),
    "MaxPool2d": lambda: nn.MaxPool2d(2),
    "AvgPool2d": lambda: nn.AvgPool2d(2),
    "ReLU": nn.ReLU,
    "PReLU": lambda: nn.PReLU(2),
    "Flatten": nn.Flatten,
    "Identity": nn.Identity,
    "LayerNorm": lambda: nn.LayerNorm(6),
    "GroupNorm": lambda: nn.GroupNorm(2, 2),
    "InstanceNorm2d": lambda: nn.InstanceNorm2d(2, track_running_stats=True),
    "BatchNorm2d": lambda: nn.BatchNorm2d(2),
    "BatchNorm2d, mean of batches": lambda: nn.BatchNorm2d(2, momentum=None),
    "tdBN": lambda: nn.ThresholdDependentBatchNorm2d(2),
    "TEBN": lambda: nn.TemporalEffectiveBatchNorm2d(T, 2),
    "LIFNode": lambda: nn.LIFNode(step_mode="m"),
    "low": lambda: nn.LIFNode(step_mode="m", memory="low"),
    "plif": lambda: nn.ParametricLIFNode(step_mode="m"),
    "izhikevich": lambda: nn.IzhikevichNode(step_mode="m"),
    "leaky": lambda: nn.SynapseFilter(step_mode="m"),
    "conv, pool, node": lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2), nn.LIFNode(step_mode="m")),
    "norm and node": lambda: nn.Sequential(nn.BatchNorm2d(2), nn.LIFNode(step_mode="m")),
    "conv, norm, node": lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.IFNode(step_mode="m")),
    "conv, tdBN, node": lambda: nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.ThresholdDependentBatchNorm2d(3), nn.IFNode(step_mode="m")
    ),
    "container": lambda: nn.SeqToANNContainer(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.Flatten()),
    "steps": lambda: nn.MultiStepContainer(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.IFNode()),
    "two readers": lambda: Split(),
}


class Split(nn.Module):
    """One layer's result goes to a node and, all steps of it, elsewhere."""

    over_time = "self"

    def __init__(self):
        super().__init__()
        self.conv, self.node = nn.Conv2d(2, 3, 3), nn.LIFNode()

    def forward(self, x):
        y = self.conv(x)
        return self.node(y) + y * 0.5


def run(make, x, training=True):
    """Outputs and everything that training moves."""
    grilly_vk.manual_seed(0)
    model = make().train(training)
    if not isinstance(model, nn.MultiStepContainer):
        F.set_step_mode(model, "m")
    y = model(x)
    weight = np.random.default_rng(1).normal(size=y.shape).astype(np.float32)
    if y.requires_grad:
        (y * weight).sum().backward()
    return {
        "y": y.numpy(),
        **{f"gradient of {name}": p.grad.numpy() for name, p in model.named_parameters()},
        **{name: value.numpy() for name, value in model.named_buffers()},
    }


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, 1e-4, 1e-5 * max(1, np.abs(value).max()), err_msg=name)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("layer", LAYERS)
def test_equal_steps_give_what_any_steps_give(layer, training):
    x = image()
    every = grilly_vk.tensor(np.repeat(x[None], T, 0))
    same(run(LAYERS[layer], grilly_vk.tensor(x).expand(T, *x.shape), training), run(LAYERS[layer], every, training))


def net():
    return nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.AvgPool2d(2), nn.LIFNode(v_threshold=0.2), nn.Flatten(),
        nn.Linear(12, 5), nn.LIFNode(v_threshold=0.02),
    )  # fmt: skip


def watched(monkeypatch, *kinds):
    """Shapes of what the forwards of layers are given."""
    seen = []
    for kind in kinds:
        plain = kind.forward

        @functools.wraps(plain)
        def forward(self, x, *args, plain=plain, **options):
            seen.append(x.shape)
            return plain(self, x, *args, **options)

        monkeypatch.setattr(kind, "forward", forward)
    return seen


@pytest.mark.parametrize("batch", [B, 3])
@pytest.mark.parametrize("way", PRESENTED)
def test_the_first_layers_run_once(way, batch, monkeypatch):
    x = image(batch=batch)
    wanted = run(net, grilly_vk.tensor(np.repeat(x[None], T, 0)))
    assert 0.05 < wanted["y"].mean() < 0.95
    seen = watched(monkeypatch, nn.Conv2d, nn.AvgPool2d, nn.Linear)
    same(run(net, PRESENTED[way](grilly_vk.tensor(x))), wanted)
    assert seen == [(batch, 2, 6, 6), (batch, 3, 4, 4), (T * batch, 12)]


@pytest.mark.parametrize("mode", ["s", "m"])
def test_one_step_that_is_to_be_repeated(mode, monkeypatch):
    model = net()
    F.set_step_mode(model, mode)
    x = grilly_vk.tensor(image(), requires_grad=True)
    seen = watched(monkeypatch, nn.Conv2d)
    F.multi_step_forward(model.eval(), x, T=T, repeat=True).sum().backward()
    once = x.grad.numpy()
    assert seen == [(B, 2, 6, 6)]
    every = grilly_vk.tensor(np.repeat(image()[None], T, 0), requires_grad=True)
    F.reset_net(model)
    F.multi_step_forward(model, every, T=T, repeat=False).sum().backward()
    np.testing.assert_allclose(once, every.grad.numpy().sum(0), 1e-4, 1e-5)


def test_in_a_forward_of_ones_own(monkeypatch):
    class Own(nn.Module):
        over_time = "self"

        def __init__(self):
            super().__init__()
            self.conv, self.node = nn.Conv2d(2, 3, 3), nn.LIFNode()

        def forward(self, x):
            return self.node(self.conv(x))

    x = image()
    wanted = run(Own, grilly_vk.tensor(np.repeat(x[None], T, 0)))
    seen = watched(monkeypatch, nn.Conv2d)
    same(run(Own, grilly_vk.tensor(x).repeat(T, 1, 1, 1, 1)), wanted)
    assert seen == [(B, 2, 6, 6)]


def test_against_float64():
    """Linear and a leaky node (tau 2, hard reset, ATan) over equal steps: spikes and the weight's gradient."""
    rng = np.random.default_rng(3)
    x, cotangent = rng.normal(0.5, 1, (5, 6)), rng.normal(size=(T, 5, 3))
    layer = nn.Linear(6, 3)
    model = nn.Sequential(layer, nn.LIFNode(tau=2.0))
    F.set_step_mode(model, "m")
    y = model(grilly_vk.tensor(x.astype(np.float32)).expand(T, 5, 6))
    (y * cotangent.astype(np.float32)).sum().backward()
    weight, bias = layer.weight.numpy().astype(float), layer.bias.numpy().astype(float)
    current, v, kept = x @ weight.T + bias, 0.0, []
    for t in range(T):
        h = v + (current - v) / 2
        s = (h >= 1.0).astype(float)
        np.testing.assert_array_equal(y.numpy()[t], s)
        kept.append((h, s))
        v = h * (1 - s)
    gradient, gv = 0.0, 0.0
    for t in reversed(range(T)):
        h, s = kept[t]
        slope = 1 / (1 + (np.pi * (h - 1)) ** 2)
        gh = cotangent[t] * slope + gv * (1 - s - h * slope)
        gradient, gv = gradient + gh / 2, gh / 2
    np.testing.assert_allclose(layer.weight.grad.numpy(), gradient.T @ x, 1e-4, 1e-5)
    np.testing.assert_allclose(layer.bias.grad.numpy(), gradient.sum(0), 1e-4, 1e-5)


# ---- when it is not so any more, or somebody looks ----


def test_a_run_that_was_changed_is_not_the_same_at_all_steps(monkeypatch):
    x = image()
    run_ = grilly_vk.tensor(x).expand(T, *x.shape)
    run_[1] = 0.0
    values = np.repeat(x[None], T, 0)
    values[1] = 0.0
    conv = nn.Conv2d(2, 3, 3)
    F.set_step_mode(conv, "m")
    seen = watched(monkeypatch, nn.Conv2d)
    np.testing.assert_array_equal(conv(run_).numpy(), conv(grilly_vk.tensor(values)).numpy())
    assert seen == [(T * B, 2, 6, 6)] * 2


@pytest.mark.parametrize("way", PRESENTED)
def test_what_it_was_made_of_may_change(way):
    x = image()
    source = grilly_vk.tensor(x)
    run_ = PRESENTED[way](source)
    source.assign(np.zeros_like(x))
    conv, passed = nn.Conv2d(2, 3, 3), nn.Identity()
    F.set_step_mode(conv, "m")
    wanted = conv(grilly_vk.tensor(np.repeat(x[None], T, 0))).numpy()
    np.testing.assert_allclose(conv(run_).numpy(), wanted, 1e-5, 1e-6)
    source = grilly_vk.tensor(x)
    kept = nn.Sequential(passed, nn.Flatten())
    F.set_step_mode(kept, "m")
    out = kept(PRESENTED[way](source))
    source.assign(np.zeros_like(x))
    np.testing.assert_array_equal(out.numpy(), np.repeat(x.reshape(1, B, -1), T, 0))


def test_axes_of_one_that_are_not_time_are_no_equal_steps():
    x = np.arange(4, dtype=np.float32).reshape(4, 1, 1)
    wide = grilly_vk.tensor(x).expand(4, 4, 4)
    relu = nn.ReLU()
    np.testing.assert_array_equal(nn.SeqToANNContainer(relu)(wide).numpy(), np.broadcast_to(x, (4, 4, 4)))
    stacked = grilly_vk.stack([wide[0] * 0 + grilly_vk.tensor(x[:, :, 0])] * 4, 1)
    np.testing.assert_array_equal(nn.SeqToANNContainer(relu)(stacked).numpy(), np.broadcast_to(x, (4, 4, 4)))


def test_layers_that_draw_do_so_at_every_step():
    x = grilly_vk.ones((3, 50)).expand(T, 3, 50)
    for layer in (nn.Dropout(0.5), nn.Sequential(nn.Identity(), nn.Dropout(0.5))):
        F.set_step_mode(layer, "m")
        masks = layer(x).numpy()
        assert len({mask.tobytes() for mask in masks}) == T
    spikes = nn.MultiStepContainer(encode.PoissonEncoder())((grilly_vk.ones((3, 50)) * 0.5).expand(T, 3, 50))
    assert len({step.tobytes() for step in spikes.numpy()}) == T


def test_hooks_of_layers_see_all_steps():
    conv, seen = nn.Conv2d(2, 3, 3), []
    conv.register_forward_hook(lambda module, args, out: seen.append(args[0].shape))
    F.set_step_mode(conv, "m")
    conv(grilly_vk.tensor(image()).expand(T, B, 2, 6, 6))
    assert seen == [(T * B, 2, 6, 6)]


def test_gradients_of_the_run_itself():
    x = grilly_vk.tensor(image()).expand(T, B, 2, 6, 6).requires_grad_()
    conv, node = nn.Conv2d(2, 3, 3), nn.LIFNode(step_mode="m")
    F.set_step_mode(conv, "m")
    node(conv(x)).sum().backward()
    assert x.grad.shape == (T, B, 2, 6, 6)
    assert len({step.tobytes() for step in x.grad.numpy()}) == T
    seen = []
    y = conv(grilly_vk.tensor(image()).expand(T, B, 2, 6, 6))
    y.register_hook(lambda g: seen.append(g.shape))
    F.reset_net(node)
    node(y).sum().backward()
    assert seen == [(T, B, 3, 4, 4)]
    F.reset_net(node)
    y = conv(grilly_vk.tensor(image()).expand(T, B, 2, 6, 6))
    node(y)
    with pytest.raises(RuntimeError, match="register hooks before it is used"):
        y.register_hook(lambda g: None)


def test_memory_is_that_of_one_step():
    x = np.zeros((8, 1, 28, 28), np.float32)
    conv = nn.Conv2d(1, 32, 3)
    F.set_step_mode(conv, "m")
    run_ = grilly_vk.tensor(x).expand(16, *x.shape)
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["bytes_in_use"]
    with grilly_vk.no_grad():
        y = conv(run_)
    step = 8 * 32 * 26 * 26 * 4
    assert step <= grilly_vk.memory_stats()["bytes_in_use"] - before < 2 * step
    assert y.shape == (16, 8, 32, 26, 26)
    y.numpy()
    assert grilly_vk.memory_stats()["bytes_in_use"] - before >= 16 * step


def test_in_compiled_functions():
    grilly_vk.manual_seed(0)
    model = net()
    F.set_step_mode(model, "m")

    def step(x):
        F.reset_net(model)
        model.zero_grad()
        run_ = x.expand(T, *x.shape)
        current = model[0](run_)
        loss = (model(run_) ** 2).mean()
        loss.backward()
        return loss, current, model[0].weight.grad

    compiled = grilly_vk.compile(step)  # of its results, `current` is written by nothing else
    for seed in range(3):
        x = grilly_vk.tensor(image(seed))
        wanted = [t.numpy() for t in step(x)]
        for t, value in zip(compiled(x), wanted):
            np.testing.assert_allclose(t.numpy(), value, 1e-5, 1e-6)


def test_a_run_from_outside_that_is_first_read_whole_in_a_recording():
    conv = nn.Conv2d(2, 3, 3)
    F.set_step_mode(conv, "m")
    with grilly_vk.no_grad():
        current = conv(grilly_vk.tensor(image()).expand(T, B, 2, 6, 6))
        wanted = np.repeat(conv(grilly_vk.tensor(image()[None])).numpy(), T, 0)
    with grilly_vk.capture() as graph:
        doubled = current * 2.0
    np.testing.assert_allclose(current.numpy(), wanted, 1e-5, 1e-6)  # before any replay
    graph.replay()
    np.testing.assert_allclose(doubled.numpy(), wanted * 2.0, 1e-5, 1e-6)
