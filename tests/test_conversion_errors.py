"""What can't be converted is refused by name, with what to do; bad data and settings, too."""

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly.nn import Converter, VoltageScaler, evaluate
from grilly_vk import nn
from grilly_vk.nn.conversion import Places, RateNode, rates_and_activations

X = np.random.default_rng(0).random((6, 4), dtype=np.float32)
IMAGES = np.random.default_rng(0).random((4, 2, 6, 6), dtype=np.float32)


def mlp(*more):
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), *more, nn.Linear(5, 3)).eval()


@pytest.mark.parametrize(
    "layer", [nn.GELU(), nn.LeakyReLU(), nn.Tanh(), nn.SiLU(), nn.Softplus(), nn.LayerNorm(5), nn.RMSNorm(5)]
)
def test_layers_that_are_not_rectifiers(layer):
    with pytest.raises(ValueError, match=rf"{type(layer).__name__} \('2'\) can't become spikes: .*nn.ReLU\(\).*train"):
        Converter()(mlp(layer), X)


@pytest.mark.parametrize(
    "network, text",
    [
        (mlp(nn.Hardtanh()), r"Hardtanh \('2'\) cuts at -1.0.*nn.Hardtanh\(0, 1.0\)"),
        (mlp(nn.BatchNorm1d(5, track_running_stats=False)), r"BatchNorm1d \('2'\).*track_running_stats=True"),
        (nn.Sequential(nn.Linear(4, 5), nn.Linear(5, 3)), r"no activation that can become spikes"),
        (mlp(nn.IFNode()), r"IFNode \('2'\), a spiking node, which keeps its state itself; networks of nn.ReLU\(\)"),
        (mlp(nn.MultiStepContainer(nn.LIFNode())), r"LIFNode"),
    ],
)
def test_layers_that_could_be_made_to_fit(network, text):
    with pytest.raises(ValueError, match=text):
        Converter()(network.eval(), X)


class Forward(nn.Module):
    """A network whose forward does one thing more."""

    def __init__(self, function):
        super().__init__()
        self.fc1, self.act, self.fc2, self.function = nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3), function

    def forward(self, x):
        return self.fc2(self.function(self.act(self.fc1(x))))


@pytest.mark.parametrize(
    "function, text",
    [
        (F.relu, r"relu in the forward of Forward, after ReLU \('act'\), is called as a function.*nn.ReLU\(\)"),
        (lambda x: x.clamp(0, 6), r"clamp in the forward of Forward.*nn.ReLU6\(\)"),
        (lambda x: x * x, r"mul in .*multiplies"),
        (lambda x: 1.0 / (1.0 + x), r"div in .*divides"),
        (F.sigmoid, r"sigmoid in .*affine"),
        (lambda x: F.softmax(x, -1), r"softmax in .*converted network's output"),
        (lambda x: x - x.mean(0, keepdims=True), r"sum in Forward turns a batch of 5 into shape \(1, 5\)"),
        (lambda x: x.T.reshape(5, 5)[:4].reshape(4, 5), r"turns a batch of 5 into shape \(4, 5\)"),
    ],
)
def test_operations_in_a_forward(function, text):
    with pytest.raises(ValueError, match=text):
        Converter()(Forward(function).eval(), X)


def test_functional_pools_and_norms():
    class Pools(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act = nn.Conv2d(2, 3, 3), nn.ReLU()

        def forward(self, x):
            return F.max_pool2d(self.act(self.conv(x)), 2)

    with pytest.raises(ValueError, match=r"max_pool2d in the forward of Pools.*nn.MaxPool2d"):
        Converter()(Pools().eval(), IMAGES)


def test_pools_that_return_indices():
    class Indices(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.act, self.pool = nn.Conv2d(2, 3, 3), nn.ReLU(), nn.MaxPool2d(2, return_indices=True)

        def forward(self, x):
            return self.pool(self.act(self.conv(x)))[0]

    with pytest.raises(ValueError, match=r"MaxPool2d .*return_indices=False"):
        Converter()(Indices().eval(), IMAGES)


def test_networks_that_give_something_else():
    class Several(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.act = nn.Linear(4, 2), nn.ReLU()

        def forward(self, x):
            return self.act(self.fc(x)), x

    with pytest.raises(TypeError, match="gives tuple"):
        Converter()(Several().eval(), X)
    with pytest.raises(TypeError, match="ann must be a Module, not list"):
        Converter()([nn.ReLU()], X)


def test_training_mode_and_second_conversion():
    ann = mlp(nn.Dropout())
    ann[2].train()
    with pytest.raises(ValueError, match=r"training mode \(at least Dropout \('2'\)\); call ann.eval\(\)"):
        Converter()(ann, X)
    snn = Converter()(ann.eval(), X)
    for again in (snn, snn.net, nn.Sequential(snn)):
        with pytest.raises(ValueError, match="converted already"):
            Converter()(again.eval(), X)


WRONG = ["max", "", "9", "0%", "101%", "nan%", "x%", 0.0, 1.5, -0.1, float("nan"), True, None, [1]]


@pytest.mark.parametrize("mode", WRONG)
def test_modes(mode):
    with pytest.raises((TypeError, ValueError), match="mode"):
        Converter(mode)
    if mode is not None:
        with pytest.raises((TypeError, ValueError), match="mode"):
            VoltageScaler(Converter()(mlp(), X)).scale_thresholds(X, mode)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"T": 0}, "T must be at least 1"),
        ({"T": 2.5}, "T must be a whole number"),
        ({"v_init": None}, "v_init"),
        ({"surrogate_function": "atan"}, "surrogate_function"),
        ({"detach_reset": None}, "detach_reset"),
        ({"input_range": (1, 0)}, "input_range"),
    ],
)
def test_settings(options, text):
    with pytest.raises((TypeError, ValueError), match=text):
        Converter(**options)


THREE = X[:, :3]  # which nothing but the network itself refuses
DATA = [
    (X[:0], ValueError, "is empty"),
    ([], ValueError, "is empty"),
    ([X[:0]], ValueError, "is empty"),
    (THREE, ValueError, r"shape \(6, 3\); expected \(B, 4\)"),
    ([X, X[:, :3]], ValueError, r"shape \(6, 3\); expected \(B, 4\)"),
    (X[0], ValueError, r"shape \(4,\)"),
    (np.array(1.0), ValueError, r"shape \(\)"),
    (3, TypeError, "not int"),
    ("data", TypeError, "not str"),
    ({"x": X}, TypeError, "not dict"),
    ([["a", "b"]], TypeError, "real numbers"),
    (X * np.nan, ValueError, "not finite"),
]


@pytest.mark.parametrize("data, error, text", DATA, ids=range(len(DATA)))
def test_calibration_data(data, error, text):
    """Refused by the converter and by the scaler, and then no threshold has changed."""
    snn = Converter()(mlp(), X)
    before = snn.thresholds()
    with pytest.raises(error, match=text):
        VoltageScaler(snn).scale_thresholds(data)
    assert snn.thresholds() == before
    with pytest.raises(error, match=r"\(5, 3\)" if data is THREE else text):
        Converter()(mlp(), data)


def test_not_a_number_in_one_of_many_batches():
    """With percentiles too, which look at the largest values only."""
    bad = X.copy()
    bad[3, 1] = np.nan
    for mode in ("max_norm", "50%"):
        snn = Converter(mode)(mlp(), X)
        with pytest.raises(ValueError, match="not finite"):
            VoltageScaler(snn).scale_thresholds([X, bad, X])


def test_examples():
    with pytest.raises(ValueError, match="example has shape"):
        Converter()(mlp(), example=X[0])
    with pytest.raises(ValueError, match=r"does not run on an input of shape \(5, 3\)"):
        Converter()(mlp(), example=X[:1, :3])
    with pytest.raises(ValueError, match="example="):
        Converter()(nn.Sequential(nn.ReLU()).eval())


def test_bounds_that_are_not_followed():
    ann = nn.Sequential(Forward(lambda x: 2.0 * x), nn.ReLU())
    with pytest.raises(ValueError, match=r"by the weights alone: scale in Forward.*calibration_data"):
        Converter()(ann.eval())


def test_calls():
    snn = Converter(T=4)(mlp(), X)
    for args, options, text in (
        ((X[0],), {}, r"shape \(4,\); expected \(B, 4\)"),
        ((X[:0],), {}, "at least one sample"),
        ((X[None],), {}, "timed=True"),
        ((X,), {"timed": True}, r"expected \(T, B, 4\)"),
        ((X, 0), {}, "T must be at least 1"),
        ((X[None], 3), {"timed": True}, "1 steps .*T is 3"),
        ((X,), {"output": "sum"}, "output"),
    ):
        with pytest.raises(ValueError, match=text):
            snn(*args, **options)
    with pytest.raises(TypeError, match="x must"):
        snn("x")
    images = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 3, 1), nn.ReLU(), nn.MaxPool2d(2)).eval()
    with pytest.raises(RuntimeError, match="inside a converted network"):
        Converter()(images, IMAGES).net(IMAGES)
    with pytest.raises(RuntimeError, match="convert again"):
        Places([RateNode()])(X)


@pytest.mark.parametrize(
    "data, steps, error, text",
    [
        ((X, np.zeros(5, int)), 4, ValueError, r"labels have shape \(5,\); expected \(6,\)"),
        ((X[:0], np.zeros(0, int)), 4, ValueError, "empty"),
        (X, 4, TypeError, r"tuple \(inputs, labels\)"),
        ([X], 4, TypeError, "pairs"),
        ((X, np.zeros(6, int)), 0, ValueError, "T must be at least 1"),
        ((X, np.zeros(6, int)), [], TypeError, "T must be"),
        ((X, np.zeros(6, int)), "8", TypeError, "T must be"),
    ],
)
def test_evaluation(data, steps, error, text):
    with pytest.raises(error, match=text):
        evaluate(Converter()(mlp(), X), data, steps)


def test_no_converted_network():
    for call in (VoltageScaler, lambda m: evaluate(m, (X, np.zeros(6))), lambda m: rates_and_activations(m, X)):
        with pytest.raises(TypeError, match="Converter made, not Sequential"):
            call(mlp())
    images = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU()).eval()
    with pytest.raises(ValueError, match=r"expected \(B, classes\)"):
        evaluate(Converter()(images, IMAGES), (IMAGES, np.zeros(4, int)))


class Frozen(nn.Module):
    """A hidden layer, and what a function makes of it."""

    def __init__(self, function):
        super().__init__()
        self.first, self.relu, self.last, self.function = nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2), function
        self.gate = nn.Parameter(np.ones(4, np.float32))

    def forward(self, x):
        return self.last(self.relu(self.function(self, self.first(x))))


def without_gradient(h):
    with grilly_vk.no_grad():
        return h * 2.0


def written(h):
    kept = grilly_vk.zeros(h.shape)
    kept.assign(h.detach())
    return kept


FROZEN = {
    "comparison": lambda m, h: h * (h > 0),
    "comparison, by hand": lambda m, h: h * (h > 0).astype(np.float32),
    "argmax": lambda m, h: h * (h.argmax(1, keepdims=True).astype(np.float32) + 1.0),
    "detach": lambda m, h: h * h.detach(),
    "detach of the input's view": lambda m, h: h + h.detach().reshape(-1, 2, 2).reshape(-1, 4)[:, ::-1],
    "no_grad": lambda m, h: h + without_gradient(h),
    "in place": lambda m, h: h + written(h),
    "a factor on the way of a parameter": lambda m, h: h * (m.gate * (h > 0)),
    "rounded": lambda m, h: h - h.astype(np.int32),
}
READ = {
    "item": lambda m, h: h * h.max().item(),
    "numpy": lambda m, h: h + float(np.abs(h.numpy()).max()),
    "float": lambda m, h: h * float(h.sum()),
    "if": lambda m, h: h if h.sum() > 0 else -h,
    "array": lambda m, h: h * np.asarray(h > 0),
    "index": lambda m, h: h * m.gate[int(h.argmax())],
}


@pytest.mark.parametrize("data", [False, True])
@pytest.mark.parametrize("name", [*FROZEN, *READ])
def test_what_depends_on_the_input_without_a_gradient(name, data):
    ann = Frozen({**FROZEN, **READ}[name]).eval()
    x = np.random.default_rng(0).random((20, 3), dtype=np.float32)
    text = "takes what depends on the input without a gradient" if name in FROZEN else "reads values of what depends on"
    with pytest.raises(ValueError, match=f"ann can't be converted: .*{text}") as caught:
        Converter(T=4)(ann, x if data else None)
    if name in FROZEN:
        assert "in the forward of Frozen" in str(caught.value)
    engine = ann.gate.engine
    assert not {"issue", "read", "share"} & set(vars(engine))
    np.testing.assert_array_equal((ann.gate * 2.0).numpy(), 2.0)


CONSTANT = {
    "a mask of parameters": lambda m, h: h * (m.gate > 0.5),
    "values of parameters": lambda m, h: h * m.gate.max().item() + float(m.gate.numpy().sum()),
    "what goes nowhere": lambda m, h: (setattr(m, "seen", h.detach() * 2.0), h)[1],
    "shapes": lambda m, h: h * (1.0 / h.shape[1]) + grilly_vk.ones(h.shape),
    "memory that was the input's": lambda m, h: h * (1.0 + 0.0 * grilly_vk.zeros((h.shape[0], 4))) if gone(h) else h,
}


def gone(h):
    """Makes and drops what depends on h, so that its memory is there for something else."""
    for _ in range(3):
        _ = h.detach() * 2.0
    return True


@pytest.mark.parametrize("anomalies", [False, True])
@pytest.mark.parametrize("name", CONSTANT)
def test_what_does_not_depend_on_the_input_is_a_constant(name, anomalies):
    grilly_vk.manual_seed(0)
    ann = Frozen(CONSTANT[name]).eval()
    x = np.random.default_rng(0).random((20, 3), dtype=np.float32)
    grilly_vk.set_detect_anomaly(anomalies)
    try:
        snn = Converter(T=512)(ann, x)
    finally:
        grilly_vk.set_detect_anomaly(False)
    np.testing.assert_allclose(snn(x).numpy(), ann(x).numpy(), atol=0.05)


def test_hooks_may_look_but_not_change():
    """A hook that records values is no part of the forward; one that changes them by what it read is."""
    ann, x, seen = mlp(), X, []
    ann[1].register_forward_hook(lambda m, args, out: seen.append(out.numpy().max()))
    ann[1].register_forward_hook(lambda m, args, kwargs, out: seen.append(out.numpy().min()), with_kwargs=True)
    assert Converter()(ann, x)(x).shape == (6, 3)
    assert seen
    ann[1].register_forward_hook(lambda m, args, out: out * out.max().item())
    with pytest.raises(ValueError, match="ann can't be converted: its forward reads values"):
        Converter()(ann, x)
