"""What a module does with time is what its class says: every layer, and modules of your own, in every way to run T."""

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import encode, models, nn
from grilly_vk.nn.conversion.fold import ChannelAffine

T, B, C = 4, 3, 3  # as many samples as channels, so that a wrong reading of the axes finds shapes that fit


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(0.3, 1.0, (T, B, *shape)).astype(np.float32)


class Net(nn.Module):
    """A forward of your own around one layer."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, x):
        return self.layer(x)


class Two(nn.Module):
    """Two layers after each other, by hand."""

    def __init__(self, first, second):
        super().__init__()
        self.first, self.second = first, second

    def forward(self, x):
        return self.second(self.first(x))


def steps(model, x):
    """One call per step, in step mode "s"."""
    F.set_step_mode(model, "s")
    F.reset_net(model)
    out = np.stack([model(step).numpy() for step in x])
    F.reset_net(model)
    return out


def in_mode_m(model, x):
    F.set_step_mode(model, "m")
    out = model(x).numpy()
    F.reset_net(model)
    F.set_step_mode(model, "s")
    return out


WAYS = {
    "alone": in_mode_m,
    "sequential": lambda m, x: in_mode_m(nn.Sequential(m), x),
    "own forward": lambda m, x: in_mode_m(Net(m), x),
    "sequential in a forward of your own": lambda m, x: in_mode_m(Net(nn.Sequential(m, nn.Identity())), x),
    "list in a forward of your own": lambda m, x: in_mode_m(Listed(m), x),
    "own forward in a sequential": lambda m, x: in_mode_m(nn.Sequential(Net(m)), x),
    "container": lambda m, x: nn.MultiStepContainer(m)(x).numpy(),
    "chain in a container": lambda m, x: nn.MultiStepContainer(m, nn.Identity())(x).numpy(),
    "function": lambda m, x: F.multi_step_forward(m, x, T=T, repeat=False).numpy(),
}


BY_HAND = {"alone", "own forward", "list in a forward of your own"}


class Listed(nn.Module):
    def __init__(self, layer):
        super().__init__()
        self.layers = nn.ModuleList([layer])

    def forward(self, x):
        return self.layers[0](x)


class Leak(nn.StatefulModule):
    """v = v / 2 + x, knowing of one step only."""

    def __init__(self):
        super().__init__()
        self.register_memory("v", 0.0)

    def forward(self, x):
        self.v = self.v * 0.5 + x
        return self.v


class Aware(nn.StatefulModule):
    """The same, for all steps at once too."""

    takes_steps = True

    def __init__(self):
        super().__init__()
        self.register_memory("v", 0.0)
        self.calls = 0

    def forward(self, x, steps=None):
        x, multi = self.arriving(x, steps)
        self.calls += 1
        out = []
        for now in x if multi else [x]:
            self.v = self.v * 0.5 + now
            out.append(self.v)
        return grilly_vk.stack(out) if multi else out[0]


class LeakyLinear(nn.Linear):
    """A layer of ours that got a state: what Linear says of time is of Linear's forward."""

    v = 0.0

    def forward(self, x):
        self.v = super().forward(x) + self.v * 0.5
        return self.v

    def reset(self):
        self.v = 0.0


class LeakyAgain(LeakyLinear):
    """Another forward of one step, on top."""

    def forward(self, x):
        return super().forward(x) * 2.0


class LeakyOverTime(LeakyAgain):
    """And one that knows of time."""

    takes_steps = True

    def forward(self, x, steps=None):
        return (
            super().forward(x) if steps is None else grilly_vk.stack([super(LeakyOverTime, self).forward(s) for s in x])
        )


class Counted:
    """A forward to be put before that of a layer: it keeps count of its calls."""

    calls = 0.0

    def forward(self, x):
        self.calls += 1.0
        return super().forward(x) * self.calls

    def reset(self):
        self.calls = 0.0


class CountedLinear(Counted, nn.Linear):
    """What Linear says of time is not of the forward that came before its own."""


class CountedSoftmax(Counted, nn.Softmax):
    """Nor is what Softmax takes."""


class Halved(nn.LIFNode):
    """A node with a forward of one step."""

    def forward(self, x):
        return super().forward(x * 0.5 + 0.4)


class HalvedOverTime(nn.LIFNode):
    """A node that passes on what containers say of time."""

    def forward(self, x, steps=None, **options):
        return super().forward(x * 0.5 + 0.4, steps=steps, **options)


class Centred(nn.Module):
    """Mixes the samples of a batch: it must not see T * B of them."""

    def forward(self, x):
        return x - x.mean(0, keepdims=True)


class LeakAndFire(nn.StatefulModule):
    """A state of its own, and parts with one."""

    def __init__(self):
        super().__init__()
        self.register_memory("v", 0.0)
        self.fc, self.node = nn.Linear(C, C), nn.LIFNode(v_threshold=0.4)

    def forward(self, x):
        self.v = self.v * 0.5 + self.fc(x)
        return self.node(self.v)


OWN = {
    "Leak": (Leak, (C,)),
    "Aware": (Aware, (C,)),
    "LeakyLinear": (lambda: LeakyLinear(C, C), (C,)),
    "LeakyAgain": (lambda: LeakyAgain(C, C), (C,)),
    "LeakyOverTime": (lambda: LeakyOverTime(C, C), (C,)),
    "CountedLinear": (lambda: CountedLinear(C, C), (C,)),
    "CountedSoftmax": (lambda: CountedSoftmax(0), (C,)),
    "Halved": (lambda: Halved(v_threshold=0.4), (C,)),
    "HalvedOverTime": (lambda: HalvedOverTime(v_threshold=0.4), (C,)),
    "Centred": (Centred, (C,)),
    "LeakAndFire": (LeakAndFire, (C,)),
    "block": (lambda: Two(nn.Linear(C, C), nn.IFNode(v_threshold=0.4)), (C,)),
    "block of a block": (lambda: Net(Two(nn.Flatten(), nn.IFNode(v_threshold=0.4))), (C, 2)),
}

LAYERS = {
    "Linear": (lambda: nn.Linear(C, 2), (C,)),
    "Conv1d": (lambda: nn.Conv1d(C, C, 3, padding=1), (C, 4)),
    "Conv2d": (lambda: nn.Conv2d(C, C, 3, padding=1), (C, 4, 4)),
    "Conv3d": (lambda: nn.Conv3d(C, C, 3, padding=1), (C, 3, 4, 2)),
    "ConvTranspose1d": (lambda: nn.ConvTranspose1d(C, C, 3), (C, 4)),
    "ConvTranspose2d": (lambda: nn.ConvTranspose2d(C, C, 3), (C, 4, 4)),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(C), (C,)),
    "BatchNorm1d of runs": (lambda: nn.BatchNorm1d(C), (C, 3)),
    "BatchNorm2d": (lambda: nn.BatchNorm2d(C), (C, 4, 4)),
    "TokenBatchNorm1d": (lambda: nn.TokenBatchNorm1d(C), (2, C)),
    "LayerNorm": (lambda: nn.LayerNorm(C), (C,)),
    "RMSNorm": (lambda: nn.RMSNorm(C), (C,)),
    "MaxPool2d": (lambda: nn.MaxPool2d(2), (C, 4, 4)),
    "AvgPool2d": (lambda: nn.AvgPool2d(2), (C, 4, 4)),
    "SumPool2d": (lambda: nn.SumPool2d(2), (C, 4, 4)),
    "AdaptiveAvgPool2d": (lambda: nn.AdaptiveAvgPool2d(1), (C, 4, 4)),
    "MaxPool1d": (lambda: nn.MaxPool1d(2), (C, 4)),
    "AvgPool1d": (lambda: nn.AvgPool1d(2), (C, 4)),
    "AdaptiveAvgPool1d": (lambda: nn.AdaptiveAvgPool1d(1), (C, 4)),
    "Upsample": (lambda: nn.Upsample(scale_factor=2), (C, 4)),
    "Upsample of images": (lambda: nn.Upsample(scale_factor=2), (C, 3, 3)),
    "ZeroPad2d": (lambda: nn.ZeroPad2d(1), (C, 4, 4)),
    "GroupNorm": (lambda: nn.GroupNorm(C, C), (C, 4)),
    "InstanceNorm1d": (lambda: nn.InstanceNorm1d(C), (C, 4)),
    "InstanceNorm2d": (lambda: nn.InstanceNorm2d(C), (C, 4, 4)),
    "InstanceNorm1d with statistics": (lambda: nn.InstanceNorm1d(C, track_running_stats=True), (C, 4)),
    "SumPool": (lambda: nn.SumPool((1, 2), (1, 2), "VALID", 1), (C, 4, 4)),
    "PopulationCode": (lambda: nn.PopulationCode(2), (4,)),
    "VotingLayer": (lambda: nn.VotingLayer(2), (4,)),
    "Flatten": (nn.Flatten, (C, 2)),
    "Flatten of samples": (lambda: nn.Flatten(0), (C,)),
    "Flatten of last axes": (lambda: nn.Flatten(-2), (C, 2)),
    "Identity": (nn.Identity, (C,)),
    "Dropout": (nn.Dropout, (C,)),
    "Dropout1d": (nn.Dropout1d, (C, 4)),
    "Dropout2d": (nn.Dropout2d, (C, 4, 4)),
    "PReLU": (lambda: nn.PReLU(C), (C, 2)),
    "Softmax": (lambda: nn.Softmax(1), (C,)),
    "Softmax of samples": (lambda: nn.Softmax(0), (C,)),
    "LogSoftmax": (lambda: nn.LogSoftmax(-1), (C,)),
    "ChannelAffine": (lambda: ChannelAffine([0.5, 1.0, 2.0], [0.0, 1.0, 2.0]), (C, 3)),
    "SNN": (lambda: models.SNN.build(input_size=C, hidden_sizes=[5], output_size=2, num_timesteps=3), (C,)),
    **{
        k.__name__: (k, (C,))
        for k in (
            nn.ReLU,
            nn.ReLU6,
            nn.Hardtanh,
            nn.LeakyReLU,
            nn.GELU,
            nn.SiLU,
            nn.Softplus,
            nn.Tanh,
            nn.ELU,
            nn.SigmoidLayer,
        )
    },
}

STATEFUL = {
    "LIFNode": (lambda: nn.LIFNode(v_threshold=0.4), (C,)),
    "SynapseFilter": (nn.SynapseFilter, (C,)),
    "Delay": (lambda: nn.Delay(2), (C,)),
    "NeuNorm": (lambda: nn.NeuNorm(C, 2, 2), (C, 2, 2)),
    "BatchNormThroughTime1d": (lambda: nn.BatchNormThroughTime1d(C, T), (C,)),
    "TemporalEffectiveBatchNorm1d": (lambda: nn.TemporalEffectiveBatchNorm1d(T, C), (C,)),
    "ThresholdDependentBatchNorm1d": (lambda: nn.ThresholdDependentBatchNorm1d(C), (C,)),
    "ActivityRegularization": (nn.ActivityRegularization, (C,)),
    "LateResetNode": (lambda: nn.LateResetNode(0.8, v_threshold=0.4), (C,)),
    "AnalogLIFNode": (lambda: nn.dialects.spikingjelly.LIAFNode(nn.ReLU(), True, v_threshold=0.4), (C,)),
    "Izhikevich2003Node": (lambda: nn.dialects.norse.IzhikevichCell(nn.dialects.norse.tonic_spiking), (C,)),
    "RecurrentSynapse": (lambda: nn.RecurrentSynapse(nn.LIFNode(v_threshold=0.4), nn.Linear(C, C)), (C,)),
    "SpikingLinear": (lambda: nn.SpikingLinear(C, C, v_threshold=0.2), (2, C)),
    "SpikingLinear with BatchNorm1d": (lambda: nn.SpikingLinear(C, C, norm=nn.BatchNorm1d, v_threshold=0.2), (C,)),
    "SpikingMLP": (lambda: nn.SpikingMLP(C, 5, v_threshold=0.2), (2, C)),
    "DropoutOverTime": (nn.DropoutOverTime, (C,)),
}

ALL = {**OWN, **LAYERS, **STATEFUL}


@pytest.mark.parametrize("name", ALL)
def test_every_way_is_one_call_per_step(name):
    make, shape = ALL[name]
    grilly_vk.manual_seed(0)
    model, x = make().eval(), grilly_vk.tensor(data(*shape))
    want = steps(model, x)
    for way, run in WAYS.items():
        if name == "Centred" and way in BY_HAND:  # who calls a module gives it what it takes
            continue
        F.reset_net(model)
        got = run(model, x)
        assert got.shape == want.shape, way
        np.testing.assert_allclose(got, want, rtol=2e-6, atol=2e-6, err_msg=way)


@pytest.mark.parametrize("kind", [encode.LatencyEncoder, encode.WeightedPhaseEncoder, encode.PeriodicEncoder])
def test_encoders_are_called_once_per_step(kind):
    x = np.random.default_rng(0).random((B, C)).astype(np.float32)
    run = np.broadcast_to(x, (T, B, C))
    model = kind(run if kind is encode.PeriodicEncoder else T)
    want = steps(model, run)
    assert kind is encode.PeriodicEncoder or (want != want[0]).any()
    for way, call in WAYS.items():
        np.testing.assert_array_equal(call(model, run), want, err_msg=way)
        F.reset_net(model)


def test_a_leak_in_step_mode_m():
    x = grilly_vk.ones((4, 1, 1))
    for model in (nn.Sequential(Leak()), Net(Leak()), Leak(), nn.Sequential(Net(Leak()))):
        assert in_mode_m(model, x).ravel().tolist() == [1.0, 1.5, 1.75, 1.875]


def test_all_public_layers_are_in_the_table():
    """A new layer says what it does with time, and is tried here."""
    elsewhere = {  # losses; what is called with a state or several inputs; families of which STATEFUL tries one
        *[n for n in dir(nn) if n.endswith(("Loss", "Node", "Container"))], "Module", "ModuleList", "ModuleDict",
        "Sequential", "StatefulModule", "RateRegularization", "IF", "LIF", "LI", "ALIF", "CuBaLIF", "RIF", "RLIF",
        "RCuBaLIF", "RNN", "LSTM", "GRU", "RecurrentSNN", "Synapse", "Core", "RecurrentCore", "Embedding",
        "DelaySynapse", "STPSynapse", "DualTimescaleSynapse", "TemporalWiseAttention", "MultiDimensionalAttention",
        "ConvertedNetwork", "QKAttention", "TokenQKAttention", "ChannelQKAttention", "SpikingSelfAttention",
        "SpikingTransformerBlock", "BatchNormThroughTime2d", "TemporalEffectiveBatchNorm2d",
        "ThresholdDependentBatchNorm2d", "DropoutOverTime1d", "DropoutOverTime2d",
    }  # fmt: skip
    kinds = {n: k for n, k in vars(nn).items() if isinstance(k, type) and issubclass(k, nn.Module)}
    flat = {"HebbianLayer", "LIFNeuron", "GIFNeuron", "SNNLayer", "STDPLayer"}  # numpy in, numpy out
    elsewhere |= {"ParameterList", "MultiheadAttention", *(n for n in kinds if n.endswith("Cell"))}
    listed = elsewhere | flat | {name.split(" ")[0] for name in ALL}
    new = {n for n, kind in kinds.items() if kind.over_time != "self"} - listed
    assert new == set(), "say what it does with time (Module.over_time, batchwise, _time_rank), and add it to LAYERS"
    for name in LAYERS:
        kind = kinds.get(name)
        assert kind is None or kind.over_time in ("fold", "self"), name
    for name, kind in kinds.items():
        if issubclass(kind, nn.StatefulModule) and kind is not nn.StatefulModule and name not in flat:
            assert kind.takes_steps, name


# ---- training: the statistics of a batch norm ----


@pytest.mark.parametrize("shape", [(C,), (C, 3)])
def test_batch_norm_in_your_own_forward_is_that_of_a_sequential(shape):
    """As many samples as channels: (T, B, C) must not be read as (N, C, L)."""
    x = data(*shape) * 3
    outs = []
    for make in (Two, nn.Sequential):
        model = make(nn.BatchNorm1d(C), nn.LIFNode(v_threshold=0.2))
        bn = model.first if make is Two else model[0]
        outs.append((in_mode_m(model, x), bn.running_mean.numpy(), bn.running_var.numpy()))
    for own, chain in zip(*outs):
        np.testing.assert_array_equal(own, chain)
    axes = (0, 1, *range(3, x.ndim))
    np.testing.assert_allclose(outs[0][1], 0.1 * x.mean(axes, dtype=np.float64), rtol=1e-5, atol=1e-6)


def test_gradients_in_your_own_forward():
    x, grads = data(C, 2), []
    for own in (False, True):
        grilly_vk.manual_seed(1)
        parts = [nn.Flatten(), nn.BatchNorm1d(2 * C), nn.Linear(2 * C, C), nn.LIFNode(v_threshold=0.2)]
        model = Two(Two(*parts[:2]), Two(*parts[2:])) if own else nn.Sequential(*parts)
        F.set_step_mode(model, "m")
        t = grilly_vk.tensor(x, requires_grad=True)
        out = model(t)
        weights = np.random.default_rng(1).normal(size=out.shape).astype(np.float32)
        (out * weights).sum().backward()
        grads.append([out.numpy(), t.grad.numpy(), *(p.grad.numpy() for p in model.parameters())])
    for own, chain in zip(*grads):
        assert np.abs(chain).max() > 1e-3
        np.testing.assert_allclose(own, chain, rtol=1e-5, atol=1e-6)


# ---- what classes say ----


def test_what_a_class_says_of_time():
    class Sums(nn.Module):
        over_time = "self"

        def forward(self, x):
            return x.sum(0)

    class Scaled(nn.Module):
        batchwise = True
        calls = 0

        def forward(self, x):
            assert x.shape == (T * B, C)
            return x * 2.0

    x = data(C)
    model = nn.Sequential(Scaled(), nn.IFNode(), Sums())
    F.set_step_mode(model, "m")
    want = nn.IFNode(step_mode="m")(x * 2).numpy().sum(0)
    np.testing.assert_array_equal(model(x).numpy(), want)
    np.testing.assert_array_equal(nn.MultiStepContainer(Scaled(), nn.IFNode(), Sums())(x).numpy(), want)
    assert (nn.Linear.over_time, LeakyLinear.over_time, LeakyLinear.batchwise) == ("fold", "step", False)
    assert (Halved.over_time, HalvedOverTime.over_time, Net.over_time) == ("step", "self", "step")

    aware = Aware()
    chain = nn.Sequential(aware, nn.Identity())
    F.set_step_mode(chain, "m")
    chain(x)
    assert aware.calls == 1

    with pytest.raises(ValueError, match="over_time of Wrong must be one of 'step', 'fold', 'self'"):
        type("Wrong", (nn.Module,), {"over_time": "often"})


def test_a_state_that_looks_at_its_step_mode():
    """over_time = "self" without an argument `steps`: all steps in step mode "m", one in containers that loop."""

    class Total(nn.StatefulModule):
        over_time = "self"

        def __init__(self):
            super().__init__()
            self.register_memory("sum", 0.0)
            self.calls = 0

        def forward(self, x):
            x, multi = self.arriving(x, None)
            self.calls += 1
            out = F.cumsum(x, 0) + self.sum if multi else x + self.sum
            self.sum = out[-1] if multi else out
            return out

    x = data(C)
    for run, calls in [(lambda m: in_mode_m(nn.Sequential(m), x), 1), (lambda m: in_mode_m(m, x), 1),
                       (lambda m: nn.MultiStepContainer(m)(x).numpy(), T)]:  # fmt: skip
        model = Total()
        np.testing.assert_allclose(run(model), np.cumsum(x, 0), rtol=1e-5, atol=1e-6)
        assert model.calls == calls


def test_step_modes_that_are_set():
    """Parts of what is called once a step see single steps; those of a forward of your own see all."""
    block = Two(nn.BatchNorm1d(C), nn.IFNode())
    F.set_step_mode(nn.Sequential(block), "m")
    assert block.second.step_mode == "s"
    F.set_step_mode(block, "m")
    assert block.second.step_mode == "m"
    F.set_step_mode(Net(block), "m")
    assert block.second.step_mode == "m"
    both = LeakAndFire()
    F.set_step_mode(both, "m")
    assert (both.step_mode, both.node.step_mode) == ("m", "s")
    both.node.step_mode = "m"
    with pytest.raises(ValueError, match=r"F.set_step_mode\(model, 'm'\)"):
        both(data(C))
    assert both.step_mode == "m"

    class Whole(Two):
        over_time = "self"

    whole = Whole(nn.BatchNorm1d(C), nn.IFNode())
    F.set_step_mode(nn.Sequential(whole), "m")
    assert whole.second.step_mode == "m"


MIXED = r"F.set_step_mode\(model, 'm'\) or F.set_step_mode\(model, 's'\)"


def test_what_does_not_go_together():
    x = data(C)
    folding = nn.Flatten()
    F.set_step_mode(Net(folding), "m")
    for call in (
        lambda: nn.MultiStepContainer(Net(nn.IFNode(step_mode="m")))(x),
        lambda: nn.MultiStepContainer(Net(nn.MultiStepContainer(nn.IFNode())))(x),  # would take samples for steps
        lambda: nn.MultiStepContainer(Net(nn.SeqToANNContainer(nn.Flatten())))(x),
        lambda: nn.MultiStepContainer(Net(folding))(x),
        lambda: nn.SeqToANNContainer(Net(folding))(x),
    ):
        with pytest.raises(ValueError, match=MIXED):
            call()

    class Reduced(nn.Module):
        batchwise = True

        def forward(self, x):
            return x.sum()

    with pytest.raises(ValueError, match=r"Reduced gave \(\) for 4 steps of 3 samples as one batch"):
        nn.MultiStepContainer(Reduced())(x)
    leak = Leak()
    leak.step_mode = "m"
    with pytest.raises(ValueError, match="no steps to run Leak on"):
        leak(x[:0])
    with pytest.raises(TypeError, match="Leak takes one input, got 2"):
        leak(x, x)


def test_nodes_of_step_mode_m_in_your_own_module_are_called_once():
    """Who sets the parts' mode by hand has said what the module takes."""
    calls = []

    class Own(Two):
        def forward(self, x):
            calls.append(x.shape)
            return super().forward(x)

    x = data(C)
    own = Own(nn.Identity(), nn.IFNode(step_mode="m"))
    chain = nn.Sequential(own)
    chain.step_mode = "m"
    np.testing.assert_array_equal(chain(x).numpy(), nn.IFNode(step_mode="m")(x).numpy())
    assert calls == [x.shape]


def test_your_own_step_mode():
    """A module that has a step mode sees to it, state or none."""

    class Mean(nn.Module):
        step_mode = "s"

        def forward(self, x):
            return x if self.step_mode == "s" else x - x.mean(0, keepdims=True)

    x = data(C)
    model = nn.Sequential(Mean(), nn.Identity())
    F.set_step_mode(model, "m")
    np.testing.assert_allclose(model(x).numpy(), x - x.mean(0), atol=1e-6)
    F.set_step_mode(model, "s")
    np.testing.assert_array_equal(nn.MultiStepContainer(model)(x).numpy(), x)


def test_compiled_functions_see_the_mode():
    model = Two(nn.BatchNorm1d(C), nn.Flatten()).eval()
    x, call = grilly_vk.tensor(data(C, 3)), grilly_vk.compile(model)
    model.first.weight.detach().assign(np.float32([1, 2, 3]))
    F.set_step_mode(model, "m")
    want = model(x).numpy()
    np.testing.assert_array_equal(call(x).numpy(), want)
    F.set_step_mode(model, "s")
    one = x[0]
    np.testing.assert_array_equal(call(one).numpy(), model(one).numpy())
    np.testing.assert_array_equal(call(one).numpy(), want[0])


def test_static_images_before_the_time_axis():
    """Layers for images take images in step mode "m", too: what is computed once and then presented T times."""

    class Encoded(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.bn, self.node = nn.Conv2d(1, C, 3), nn.BatchNorm2d(C), nn.IFNode()

        def forward(self, x):
            y = self.bn(self.conv(x))
            return self.node(grilly_vk.stack([y] * T))

    model, x = Encoded().eval(), np.random.default_rng(0).random((B, 1, 5, 5)).astype(np.float32)
    F.set_step_mode(model, "m")
    assert model(x).shape == (T, B, C, 3, 3)
