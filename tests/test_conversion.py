"""Converted networks against a float64 reference: spikes, rates, thresholds, every kind of layer, branches."""

import numpy as np
import pytest
from converted import Gate, If, arrays, conv, norm, pool

import grilly_vk
import grilly_vk.functional as F
from grilly.nn import Converter, VoltageScaler
from grilly_vk import nn
from grilly_vk.data import DataLoader
from grilly_vk.nn.conversion import ChannelAffine, MaxPoolGate, Places, RateNode, rates_and_activations

RNG = np.random.default_rng(0)
X = RNG.random((6, 2, 8, 8), dtype=np.float32)
FLAT = RNG.random((6, 9), dtype=np.float32)


def trained(model, x, seed=0):
    """In evaluation mode, with running statistics and affine parameters that are not the first ones."""
    for _ in range(4):
        model(x)
    rng = np.random.default_rng(seed)
    for module in model.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)) and module.weight is not None:
            module.weight.detach().assign(rng.uniform(-0.5, 1.5, module.num_features).astype(np.float32))
            module.bias.detach().assign(rng.normal(0.1, 0.3, module.num_features).astype(np.float32))
    return model.eval()


def cnn():
    grilly_vk.manual_seed(3)
    layers = [
        nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.5),
        nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6), nn.ReLU6(), nn.AvgPool2d(2), nn.Flatten(), nn.Identity(),
        nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Hardtanh(0, 0.6), nn.Linear(5, 3),
    ]  # fmt: skip
    return trained(nn.Sequential(*layers), X)


def double(model, x, activations, gate):
    """The network `cnn` in float64, unfolded, with functions for its three activations and its max pool."""
    s = arrays(model)

    def bn(x, i):
        return norm(x, *(s[f"{i}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")))

    x = gate(activations[0](bn(conv(x, s["0.weight"], None, pad=1), 1)))
    x = pool(activations[1](bn(conv(x, s["5.weight"], s["5.bias"]), 6)), 2, "mean")
    x = activations[2](bn(x.reshape(len(x), -1) @ s["11.weight"].T + s["11.bias"], 12))
    return x @ s["14.weight"].T + s["14.bias"]


def test_every_step_is_that_of_the_reference():
    """Outputs of each step, against float64, whose potentials stay off the thresholds, so that no spike differs."""
    ann = cnn()
    snn = Converter("max_norm", T=20)(ann, X)
    nodes = [If(t) for t in snn.thresholds().values()]
    gate = Gate(2)
    expected = np.stack([double(ann, X.astype(np.float64), nodes, gate) for _ in range(20)])
    assert min(node.nearest for node in nodes) > 2e-6
    np.testing.assert_allclose(snn(X, output="steps").numpy(), expected, 1e-4, 1e-5)
    np.testing.assert_allclose(snn(X).numpy(), expected.mean(0), 1e-4, 1e-5)
    timed = RNG.random((7, *X.shape), dtype=np.float32)
    nodes, gate = [If(t) for t in snn.thresholds().values()], Gate(2)
    expected = np.stack([double(ann, x.astype(np.float64), nodes, gate) for x in timed])
    np.testing.assert_allclose(snn(timed, timed=True, output="steps").numpy(), expected, 1e-4, 1e-5)


def test_the_network_is_the_same_with_its_activations():
    """Batch norm folded, with float64 as the judge; the structure is what it should be."""
    ann = cnn()
    snn = Converter(T=4)(ann, X)
    relus = [lambda x: np.maximum(x, 0), lambda x: np.clip(x, 0, 6), lambda x: np.clip(x, 0, 0.6)]
    expected = double(ann, X.astype(np.float64), relus, lambda x: pool(x, 2, "max"))
    np.testing.assert_allclose(snn.analog(X).numpy(), expected, 1e-5, 1e-6)
    kinds = [type(m).__name__ for m in snn.net]
    assert kinds == [
        "Conv2d", "RateNode", "MaxPoolGate", "Conv2d", "RateNode", "AvgPool2d", "Flatten", "Linear", "RateNode",
        "Linear",
    ]  # fmt: skip
    assert snn.net[0].bias is not None and not snn.training


def test_rates_converge_to_activations():
    """The error of each layer and of the output falls as 1 / T."""
    ann = cnn()
    snn = Converter()(ann, X)
    expected = ann(X).numpy()
    for steps in (32, 128, 512):
        for name, (means, activations) in rates_and_activations(snn, X, steps).items():
            off = np.abs(means - activations).max() / snn.thresholds()[name]
            assert off * steps < 5, (name, off)  # measured 0.5, 1.5 and 2.5; the first layer's bound is 0.5
        first = rates_and_activations(snn, X, steps)[next(iter(snn.nodes()))]
        assert np.abs(first[0] - first[1]).max() <= 0.5001 * next(iter(snn.thresholds().values())) / steps
        assert np.abs(snn(X, steps).numpy() - expected).max() * steps < 3


def test_the_network_that_is_converted_does_not_change():
    ann = cnn()
    for p in ann.parameters():
        p.requires_grad_(p.size > 10)
    before = {k: v.numpy().tobytes() for k, v in ann.state_dict().items()}
    modules, result = [type(m) for m in ann.modules()], ann(X).numpy().tobytes()
    snn = Converter("robust_norm")(ann, X)
    VoltageScaler(snn).scale_thresholds(X[:2])
    snn(X, 3)
    assert {k: v.numpy().tobytes() for k, v in ann.state_dict().items()} == before
    assert [type(m) for m in ann.modules()] == modules and ann(X).numpy().tobytes() == result
    assert [p.requires_grad for p in ann.parameters()] == [p.size > 10 for p in ann.parameters()]
    assert all(p.grad is None for p in ann.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in [*ann.modules(), *snn.modules()])
    own = {id(p.buffer) for p in ann.parameters()}
    assert not own & {id(p.buffer) for p in snn.parameters()}


class Residual(nn.Module):
    """As people write them: one ReLU used twice, an addition, a shortcut with a norm."""

    def __init__(self, ins, outs, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(ins, outs, 3, stride=stride, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outs), nn.BatchNorm2d(outs)
        self.conv2 = nn.Conv2d(outs, outs, 3, padding=1, bias=False)
        self.relu = nn.ReLU()
        self.short = None
        if ins != outs:
            self.short = nn.Sequential(nn.Conv2d(ins, outs, 1, stride=stride), nn.BatchNorm2d(outs))

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out = out + (x if self.short is None else self.short(x))
        return self.relu(out)


class PreActivation(nn.Module):
    """Norm and ReLU before the convolution: the norm has no layer to go into."""

    def __init__(self, channels):
        super().__init__()
        self.bn, self.act, self.conv = nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x - 0.5 * self.conv(self.act(self.bn(x)))


class Whole(nn.Module):
    def __init__(self, *blocks, channels=8):
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.pool, self.head = nn.AdaptiveAvgPool2d(1), nn.Linear(channels, 3)

    def forward(self, x):
        x = self.pool(self.blocks(x))
        return self.head(x.reshape(x.shape[0], -1))


def converges(ann, x, steps=256, share=0.02, mode="max_norm"):
    """Whether the outputs come near the network's, which has some spread of its own."""
    expected = ann(x).numpy()
    snn = Converter(mode, T=steps)(ann, x)
    np.testing.assert_allclose(snn.analog(x).numpy(), expected, 1e-4, 1e-5)
    off = np.abs(snn(x).numpy() - expected).max()
    assert off < share * np.ptp(expected), off / np.ptp(expected)
    return snn


def test_residual_networks():
    grilly_vk.manual_seed(1)
    stem = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.ReLU())
    snn = converges(trained(Whole(stem, Residual(4, 4), Residual(4, 8, 2)), X), X)
    assert sum(isinstance(m, Places) for m in snn.modules()) == 2 and len(snn.nodes()) == 5 and not snn.spread


def test_a_residual_block_around_the_input():
    """The shortcut holds no spikes and the other branch does: the input then goes in T times."""
    grilly_vk.manual_seed(1)
    snn = converges(trained(Whole(Residual(2, 2), channels=2), X), X)
    assert snn.spread


def test_norms_without_a_layer_before_them_stay_as_affine_maps():
    grilly_vk.manual_seed(1)
    blocks = nn.Conv2d(2, 8, 3, padding=1), PreActivation(8), PreActivation(8)
    snn = converges(trained(Whole(*blocks), X), X)
    assert sum(isinstance(m, ChannelAffine) for m in snn.modules()) == 2
    assert not any(isinstance(m, nn.BatchNorm2d) for m in snn.modules())


class Shared(nn.Module):
    """A layer and a norm that are called twice, a concatenation, a product with a parameter, a mean."""

    def __init__(self):
        super().__init__()
        self.conv, self.bn, self.act = nn.Conv2d(2, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.scale = nn.Parameter(np.array([[[2.0]], [[-0.5]]], np.float32))
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        a = self.pool(self.act(self.bn(self.conv(x))))
        b = self.pool(self.act(self.bn(self.conv(a))))
        a = (self.scale * a).mean((2, 3))
        return self.head(grilly_vk.cat([a, -b.mean((2, 3))], 1))


def test_modules_that_are_called_twice():
    grilly_vk.manual_seed(2)
    snn = converges(trained(Shared(), X), X, share=0.05)
    assert isinstance(snn.net.bn, ChannelAffine) and isinstance(snn.net.pool, Places)


def test_a_weight_may_be_the_first_factor():
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.relu = nn.Linear(5, 4), nn.ReLU()
            self.scale = nn.Parameter(np.float32([2, -1, 0.5, 3]))

        def forward(self, x):
            return self.scale * self.relu(self.linear(x))

    ann, x = Scaled().eval(), np.random.default_rng(4).random((6, 5)).astype(np.float32)
    ann(x).sum().backward()
    snn = Converter()(ann, x)
    np.testing.assert_allclose(snn.analog(x).numpy(), ann(x).numpy(), 1e-6, 1e-6)
    assert ann.scale.grad is not None and not [p for p in snn.parameters() if p.grad is not None]


def test_a_norm_behind_one_of_two_calls_of_a_layer_stays():
    """Folded, it would change the other call, too."""

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear, self.norm = nn.Linear(5, 5), nn.BatchNorm1d(5)
            self.first, self.second = nn.ReLU(), nn.ReLU()

        def forward(self, x):
            return self.second(self.linear(self.first(self.norm(self.linear(x)))))

    ann, rng = Twice(), np.random.default_rng(3)
    ann(rng.normal(2, 3, (50, 5)).astype(np.float32))  # statistics that are not 0 and 1
    ann.eval()
    x = rng.normal(size=(6, 5)).astype(np.float32)
    np.testing.assert_allclose(Converter()(ann, x).analog(x).numpy(), ann(x).numpy(), 1e-5, 1e-6)


@pytest.mark.parametrize(
    "layers, x",
    [
        ([nn.Linear(9, 12), nn.ReLU(), nn.Linear(12, 4)], FLAT),
        ([nn.Linear(9, 12, bias=False), nn.BatchNorm1d(12), nn.ReLU()], FLAT),
        ([nn.BatchNorm1d(9), nn.Linear(9, 12), nn.ReLU(), nn.Linear(12, 4)], FLAT),
        ([nn.ReLU(), nn.Linear(9, 4)], FLAT),
        ([nn.Conv1d(2, 5, 3, padding="same"), nn.BatchNorm1d(5), nn.ReLU(), nn.Flatten(), nn.Linear(40, 3)], X[..., 0]),
        ([nn.Conv1d(2, 4, 2, groups=2, stride=2, dilation=2), nn.BatchNorm1d(4, affine=False), nn.ReLU()], X[..., 0]),
        ([nn.Conv2d(2, 4, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(4, 3, 3), nn.Flatten()], X),
        ([nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 4, 3), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()], X),
        ([nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1), nn.SumPool2d(3), nn.Flatten()], X),
        ([nn.Conv2d(2, 4, 3), nn.ReLU(), nn.AvgPool2d(2, padding=1, divisor_override=3), nn.Flatten()], X),
    ],
    ids=["mlp", "norm", "norm first", "relu first", "conv1d", "groups", "constant max", "max of sums", "max", "pools"],
)
def test_every_kind_of_layer(layers, x):
    """With data and without: the outputs come near the network's."""
    grilly_vk.manual_seed(5)
    for layer in layers:
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    ann = trained(nn.Sequential(*layers), x)
    converges(ann, x, share=0.04)
    bounded = Converter(T=1024)(ann, example=x)
    expected = ann(x).numpy()
    assert np.abs(bounded(x).numpy() - expected).max() < 0.05 * np.ptp(expected)


def test_a_network_of_one_relu():
    x = RNG.normal(size=(3, 4)).astype(np.float32)
    snn = Converter(T=100)(nn.ReLU().eval(), x)
    assert np.abs(snn(x).numpy() - np.maximum(x, 0)).max() < 0.51 * x.max() / 100


def test_pooling_spikes_keeps_the_largest_rate():
    """A gate's output over time is binary and adds up to the largest sum; pooling each step would give more."""
    rng = np.random.default_rng(4)
    ann = nn.Sequential(nn.Conv2d(1, 3, 1), nn.ReLU(), nn.MaxPool2d(2)).eval()
    x = rng.random((2, 1, 6, 6), dtype=np.float32)
    snn = Converter(T=50)(ann, x)
    threshold = next(iter(snn.thresholds().values()))
    out = snn(x, output="steps").numpy()
    assert set(np.round(out / threshold, 4).reshape(-1)) <= {0.0, 1.0}
    means, _ = rates_and_activations(snn, x)["1"]
    np.testing.assert_allclose(out.mean(0), pool(means.astype(np.float64), 2, "max"), 1e-4)
    assert isinstance(snn.net[2], MaxPoolGate)


# ---- thresholds ----


def values(ann, x):
    """What each activation of a Sequential gives, by name."""
    found = {}
    for name, module in ann.named_modules():
        if isinstance(module, (nn.ReLU, nn.Hardtanh)):
            module.register_forward_hook(lambda m, a, out, name=name: found.update({name: out.numpy()}))
    ann(x)
    return list(found.values())


MODES = {
    "max_norm": lambda v: v.max(),
    "robust_norm": lambda v: np.percentile(v, 99.9),
    "97.5%": lambda v: np.percentile(v, 97.5),
    "100%": lambda v: v.max(),
    0.4: lambda v: 0.4 * v.max(),
}


@pytest.mark.parametrize("mode", MODES)
def test_thresholds_are_numpys_statistics(mode):
    """Of the whole set, in whatever pieces it comes."""
    x = np.random.default_rng(8).random((130, 9), dtype=np.float32)
    grilly_vk.manual_seed(6)
    ann = nn.Sequential(nn.Linear(9, 33), nn.ReLU(), nn.Linear(33, 20), nn.ReLU(), nn.Linear(20, 2)).eval()
    expected = [MODES[mode](v.astype(np.float64)) for v in values(ann, x)]
    y = np.zeros(130, np.int32)
    whole = Converter(mode)(ann, x)
    np.testing.assert_allclose(list(whole.thresholds().values()), expected, 1e-6)
    forms = [
        grilly_vk.tensor(x), (x, y), [x[:1], x[1:70], x[70:]], [(x[:9], y[:9]), (x[9:], y[9:])],
        (x[i : i + 13] for i in range(0, 130, 13)), DataLoader(x, y, batch_size=17, shuffle=True),
        x.astype(np.float64), [grilly_vk.tensor(x)],
    ]  # fmt: skip
    for data in forms:
        assert VoltageScaler(whole).scale_thresholds(data) == pytest.approx(whole.thresholds())
        np.testing.assert_allclose(list(whole.thresholds().values()), expected, 1e-6)


def test_the_scaler_takes_the_converters_mode_or_another():
    ann = cnn()
    snn = Converter("50%")(ann, X)
    half = snn.thresholds()
    assert VoltageScaler(snn).scale_thresholds(X, mode=1.0) == snn.thresholds() != half
    assert VoltageScaler(snn).scale_thresholds(X) == pytest.approx(half)


def test_caps_hold_and_silent_layers_keep_their_threshold():
    linear = nn.Linear(2, 2)
    linear.weight.detach().assign(np.float32([[20, 0], [0, -1]]))
    linear.bias.detach().assign(np.float32([0, 0]))
    ann = nn.Sequential(linear, nn.ReLU6(), nn.Linear(2, 2, bias=False), nn.ReLU()).eval()
    ann[2].weight.detach().assign(-np.eye(2, dtype=np.float32))
    x = np.float32([[0.1, 0.5], [1.0, 0.2]])
    snn = Converter()(ann)
    assert list(snn.thresholds().values()) == [6.0, 1.0]
    assert list(VoltageScaler(snn).scale_thresholds(x).values()) == [6.0, 1.0]
    np.testing.assert_allclose(snn(x, 60).numpy(), 0)
    assert not np.abs(rates_and_activations(snn, x, 200)["1"][0] - [[2, 0], [6, 0]]).max() > 6 / 200


@pytest.mark.parametrize(
    ("pool", "largest"),
    [
        (nn.AvgPool2d(2), 1.0),
        (nn.AvgPool2d(2, divisor_override=1), 4.0),
        (nn.SumPool2d(2), 4.0),
        (nn.MaxPool2d(2), 1.0),
    ],
)
def test_bounds_through_pools_are_reached_by_the_largest_input(pool, largest):
    snn = Converter()(nn.Sequential(pool, nn.ReLU()).eval(), example=np.zeros((1, 2, 4, 4), np.float32))
    assert list(snn.thresholds().values()) == [largest]
    assert nn.Sequential(pool, nn.ReLU())(np.ones((1, 2, 4, 4), np.float32)).numpy().max() == largest


def test_bounds_know_that_padding_is_zero():
    """A window at the border is below the smallest input, and what takes it off is larger."""
    conv = nn.Conv2d(1, 1, 1)
    conv.weight.detach().assign(np.full((1, 1, 1, 1), -1, np.float32))
    conv.bias.detach().assign(np.float32([1]))
    ann = nn.Sequential(nn.AvgPool2d(2, padding=1), conv, nn.ReLU()).eval()
    x = np.full((1, 1, 4, 4), 0.5, np.float32)
    (bound,) = Converter(input_range=(0.5, 1.0))(ann, example=x).thresholds().values()
    assert ann(x).numpy().max() == 0.875 and bound == 1.0


def test_a_percentile_of_zeros_gives_way_to_the_largest():
    ann = nn.Sequential(nn.ReLU()).eval()
    x = np.float32([[-1, -2, -3, 0.5], [-1, -1, 0.75, -1]])
    assert list(Converter("50%")(ann, x).thresholds().values()) == [0.75]


def test_bounds_hold_for_any_input_in_the_range():
    """By the weights alone: never below an activation; for one layer, reached by the worst input."""
    ann = cnn()
    snn = Converter("max_norm")(ann, example=X)
    rng = np.random.default_rng(9)
    worst = [v.max() for v in values(ann, (rng.random((400, 2, 8, 8)) < 0.5).astype(np.float32))]
    assert all(w <= b * (1 + 1e-5) for w, b in zip(worst, snn.thresholds().values()))
    linear = nn.Linear(7, 5)
    weight, bias = linear.weight.numpy().astype(np.float64), linear.bias.numpy().astype(np.float64)
    one = nn.Sequential(linear, nn.ReLU()).eval()
    np.testing.assert_allclose(Converter()(one).thresholds()["1"], (np.maximum(weight, 0).sum(1) + bias).max(), 1e-6)
    wide = Converter(0.5, input_range=(-2, 3))(one).thresholds()["1"]
    ends = np.where(weight > 0, 3 * weight, -2 * weight).sum(1) + bias
    np.testing.assert_allclose(wide, 0.5 * ends.max(), 1e-6)
    for options, low in (({}, -2), ({"groups": 2}, -2), ({"padding": 1}, -2), ({"padding": 1}, 1)):
        layer = nn.Conv2d(2, 4, 3, **options)
        weight = layer.weight.numpy().astype(np.float64)
        least = min(low, 0) if options.get("padding") else low  # zeros around the image
        ends = np.where(weight > 0, 3 * weight, least * weight).sum((1, 2, 3)) + layer.bias.numpy()
        found = Converter(input_range=(low, 3))(nn.Sequential(layer, nn.ReLU()).eval(), example=X).thresholds()["1"]
        np.testing.assert_allclose(found, ends.max(), 1e-5)


def test_an_input_is_guessed_where_none_is_given():
    """Of custom modules and of images of an odd size."""
    shapes = [nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 21 * 21, 2)]
    assert Converter()(nn.Sequential(*shapes).eval()).sample_shape == (3, 23, 23)
    assert Converter()(trained(Whole(Residual(2, 8)), X)).sample_shape == (2, 28, 28)
    assert Converter()(nn.Sequential(nn.Conv1d(2, 3, 3), nn.ReLU()).eval()).sample_shape == (2, 28)
    with pytest.raises(ValueError, match="example="):
        Converter()(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.Flatten(), nn.Linear(7 * 9, 2)).eval())


def test_starting_at_half_the_threshold_loses_less():
    """Over T = 32 steps; at 0 every neuron is late."""
    ann = cnn()
    expected = ann(X).numpy()
    off = {v: np.abs(Converter(T=32, v_init=v)(ann, X)(X).numpy() - expected).mean() for v in (0.0, 0.5)}
    assert off[0.5] < 0.5 * off[0.0]


def test_functional_relu_is_seen():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc2 = nn.Linear(9, 4), nn.Linear(4, 2)

        def forward(self, x):
            return self.fc2(F.relu(self.fc1(x)))

    with pytest.raises(ValueError, match=r"relu in the forward of Plain, after Linear \('fc1'\),.*nn.ReLU\(\)"):
        Converter()(Plain().eval(), FLAT)
    assert isinstance(RateNode(), nn.StatefulModule)
